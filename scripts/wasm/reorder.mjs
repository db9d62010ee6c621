/**
 * Puts a wasm's functions into the order in which they compress best: by their types, then by their bytes with what they call left
 * out, so that those that begin alike lie next to each other. Lets all accesses of a kind tell the same of their alignment, which no
 * browser uses. Takes out the names of functions and what tools say of themselves.
 *
 * usage: reorder.mjs <wasm> <outfile>
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { callsOf, walk } from "./code.mjs";
import { KIND, readModule, SECTION } from "./read.mjs";
import { list, rewritten, section, signed, text, unsigned } from "./write.mjs";

/** The numbers of bodies in the order that compresses best. */
export function orderOf(module, calls = callsOf(module)) {
  const keys = module.bodies.map((body, at) => {
    const bytes = Buffer.from(module.bytes.subarray(body.content, body.end));
    for (const { from, to } of calls[at]) bytes.fill(0, from - body.content, to - body.content);
    return Buffer.concat([module.types[module.functionTypes[at]], bytes]);
  });
  return [...keys.keys()].sort((a, b) => Buffer.compare(keys[a], keys[b]) || a - b);
}

/** The same bytes with each load and store telling that its address is aligned, which changes nothing but speed: "a hint". */
function aligned(bytes) {
  const out = Buffer.from(bytes);
  const module = readModule(bytes);
  for (const body of module.bodies) walk(module, body, () => {}, undefined, (at, most) => (out[at] = most));
  return out;
}

/**
 * The module with its functions in the order of `orderOf`, and without custom sections.
 * @param given Buffer
 */
export function reordered(given) {
  const bytes = aligned(given);
  const module = readModule(bytes);
  const calls = callsOf(module);
  const order = orderOf(module, calls);
  const first = module.importedFunctions.length;
  const places = Array.from({ length: first + order.length }, (_, at) => at);
  order.forEach((from, to) => (places[first + from] = first + to));
  const placed = (index) => unsigned(places[index]);
  const bodyAt = (at) => rewritten(bytes, module.bodies[at], calls[at].map((call) => ({ ...call, index: places[call.index] })));
  const exported = ({ field, kind, index }) => Buffer.concat([text(field), Buffer.from([kind]), kind === KIND.function ? placed(index) : unsigned(index)]);
  const element = ({ offset, functions }) => Buffer.concat([Buffer.from([0, 0x41]), signed(offset), Buffer.from([0x0b]), list(functions.map(placed))]);
  const made = {
    [SECTION.function]: () => list(order.map((at) => unsigned(module.functionTypes[at]))),
    [SECTION.export]: () => list(module.exports.map(exported)),
    [SECTION.element]: () => list(module.elements.map(element)),
    [SECTION.code]: () => list(order.map(bodyAt)),
  };
  if (module.sections.some(({ id }) => id === SECTION.start)) throw new Error("a wasm with a start function is not understood");
  const kept = module.sections.filter(({ id }) => id !== SECTION.custom);
  const parts = kept.map(({ id, start, end }) => (made[id] ? section(id, made[id]()) : bytes.subarray(start, end)));
  return Buffer.concat([bytes.subarray(0, 8), ...parts]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [from, to] = process.argv.slice(2);
  writeFileSync(to, reordered(readFileSync(from)));
}
