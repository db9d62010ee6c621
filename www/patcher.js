/** A patch as boxes and cords: what a box lets out goes along its cords, and can be seen going. */
import { make } from "./page.js";

const SVG = "http://www.w3.org/2000/svg";
/** How long a message takes along one cord to the eye. It has arrived long before. */
const STEP_MS = 150;
/** From the edge of a box to its inlets and outlets; from a box to a cord that leads back up. */
const INSET_PX = 16;
const AROUND_PX = 9;

export const asText = (message) => (typeof message === "string" ? message : (JSON.stringify(message) ?? String(message)));

/**
 * Wires the boxes of `canvas`, the elements in it with a `data-box`.
 * @param {HTMLElement} canvas
 * @param {Record<string, (message: any) => any>} makes what a box makes of a message, or a promise of
 *   it; `undefined` lets nothing out
 * @param {[from: string, to: string][]} cords
 * @returns {(box: string, message: any) => Promise<void>} lets a message out of a box; settles when
 *   all that it led to has been done
 */
export function wire(canvas, makes, cords) {
  const boxes = new Map([...canvas.querySelectorAll("[data-box]")].map((box) => [box.dataset.box, box]));
  for (const [name, box] of boxes) {
    box.style.gridArea = name;
    const letsOut = box.matches(".store") || cords.some(([from]) => from === name);
    if (letsOut) box.append(make("span", "\u00a0", "last"));
  }
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("aria-hidden", "true");
  canvas.prepend(drawing);
  const paths = cords.map(() => drawing.appendChild(document.createElementNS(SVG, "path")));

  function draw() {
    const place = canvas.getBoundingClientRect();
    cords.forEach(([from, to], at) => {
      const line = cord(inside(place, boxes.get(from)), inside(place, boxes.get(to)), place.width);
      paths[at].setAttribute("d", line);
    });
  }
  const resized = new ResizeObserver(draw);
  for (const box of [canvas, ...boxes.values()]) resized.observe(box);

  async function out(name, message, steps = 0) {
    const box = boxes.get(name);
    const last = box.querySelector(":scope > .last");
    if (last !== null) last.textContent = last.title = asText(message);
    glow(box, steps);
    const onward = cords.map(([from, to], at) => from === name && into(to, message, paths[at], steps + 1));
    await Promise.all(onward);
  }

  async function into(name, message, path, steps) {
    glow(path, steps);
    const made = await makes[name](message);
    if (made !== undefined) await out(name, made, steps);
  }

  return (name, message) => out(name, message);
}

function inside(place, box) {
  const { left, right, top, bottom } = box.getBoundingClientRect();
  return { left: left - place.left, right: right - place.left, top: top - place.top, bottom: bottom - place.top };
}

/** Down from one box to the next, or around at the right to one further up. */
function cord(from, to, width) {
  if (to.top < from.bottom) {
    const [start, end] = [from.right - INSET_PX, to.right - INSET_PX];
    return `M${start} ${from.bottom}v${AROUND_PX}H${width - 2}V${to.top - AROUND_PX}H${end}v${AROUND_PX}`;
  }
  const start = to.left > from.right ? from.right - INSET_PX : from.left + INSET_PX;
  const end = Math.min(Math.max(start, to.left + INSET_PX), to.right - INSET_PX);
  const middle = (from.bottom + to.top) / 2;
  return `M${start} ${from.bottom}C${start} ${middle} ${end} ${middle} ${end} ${to.top}`;
}

function glow(shape, steps) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const accent = getComputedStyle(shape).getPropertyValue("--accent");
  shape.animate([{ stroke: accent, borderColor: accent }, {}], {
    delay: steps * STEP_MS,
    duration: 6 * STEP_MS,
  });
}
