/** One of the devices: a patch with an op-log, whose films can be changed. */
import { openPart } from "./open.js";
import { count, element, guarded, make, renewing } from "./page.js";

const FILMS_SHOWN = 6;
/** The last changed first; on every device in the same order. */
const NEWEST = { sort: { _updated: -1, Title: 1, _id: 1 }, limit: FILMS_SHOWN, fields: ["Title", "_updated"] };

/**
 * @param {string} id of the patch
 * @param {string} name that the user reads
 * @param {() => void} changed hears of every change that is shown
 */
export async function startDevice(id, name, changed) {
  const patch = await openPart("devices", id, { opLog: true });
  const { opLog } = patch;
  const films = patch.db("films").collection("films");
  const device = { name, opLog, films, facts: { count: 0, pending: 0, hash: "" } };
  const { part, card } = cardOf(id, name);

  const show = renewing(async () => {
    const [all, pending, { hash }, newest] = await Promise.all([films.count(), opLog.count(), opLog.merkle(), films.find({}, NEWEST)]);
    device.facts = { count: all, pending, hash };
    part("count").textContent = count(all);
    part("pending").textContent = count(pending);
    part("digest").textContent = hash.slice(0, 8);
    part("digest").title = hash;
    showFilms(newest);
    part("more").textContent = all > newest.length ? `and ${count(all - newest.length)} more` : "";
    changed();
  });

  /** A line that shows the same film stays, with what is being typed into it. */
  function showFilms(found) {
    const list = part("films");
    const known = new Map([...list.children].map((line) => [line.dataset.film, line]));
    const lines = found.map((film) => known.get(asKey(film)) ?? line(film));
    if (lines.length === list.children.length && lines.every((line, at) => line === list.children[at])) return;
    const focused = list.contains(document.activeElement) ? document.activeElement : null;
    const place = focused && `[data-id="${CSS.escape(focused.closest("li").dataset.id)}"] ${focused.tagName}`;
    list.replaceChildren(...lines);
    if (place) list.querySelector(place)?.focus();
  }

  function line(film) {
    const { _id } = film;
    const was = titleOf(film);
    const input = make("input");
    input.value = was;
    input.setAttribute("aria-label", `Title of ${was} on the ${name}`);
    input.addEventListener("change", guarded(async () => {
      const title = input.value.trim();
      if (title === "") input.value = was;
      else await films.update(_id, { Title: title });
    }));
    const button = make("button", "Delete", "plain");
    button.setAttribute("aria-label", `Delete ${was} on the ${name}`);
    button.addEventListener("click", guarded(async () => {
      await films.delete(_id);
      part("new").focus();
    }));
    const made = make("li");
    made.dataset.film = asKey(film);
    made.dataset.id = _id;
    made.append(input, button);
    return made;
  }

  part("form").addEventListener("submit", guarded(async (event) => {
    event.preventDefault();
    const title = part("new").value.trim();
    part("new").value = "";
    if (title !== "") await films.insert({ Title: title });
  }));
  patch.on("change", show);
  element("device-cards").append(card);
  await show();
  return device;
}

/** In the data set there are titles that are numbers, and one film has none. */
export const titleOf = ({ Title }) => String(Title ?? "(no title)");
const asKey = ({ _id, _updated, Title }) => JSON.stringify([_id, _updated, Title]);

function cardOf(id, name) {
  const card = element("device").content.cloneNode(true).firstElementChild;
  const part = (which) => card.querySelector(`[data-part=${which}]`);
  card.id = id;
  part("title").id = `${id}-title`;
  part("title").textContent = name[0].toUpperCase() + name.slice(1);
  card.setAttribute("aria-labelledby", `${id}-title`);
  part("new").setAttribute("aria-label", `New film on the ${name}`);
  part("films").setAttribute("aria-label", `Films on the ${name}, the last changed first`);
  return { card, part };
}
