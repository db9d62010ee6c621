/** Paths into a value, such as "$.a[3].b". */

/** A number: the index of an array element, a Set member or a Map entry, or a side of an entry (0: key, 1: value).
 *  A string: a property. */
export type Step = number | string;

const IDENTIFIER = /^[\p{Alphabetic}_$][\p{Alphabetic}\p{N}_$]*$/u;
/** The length to which messages shorten a path, and paths a name, in UTF-16 code units. */
const SHOWN_UNITS = 200;

/** The path from the root. */
export function pathOf(steps: readonly Step[]): string {
  return "$" + steps.map(stepText).join("");
}

function stepText(step: Step): string {
  if (typeof step === "number") return `[${step}]`;
  const name = shortened(step);
  // JSON escapes lone surrogates, so different names stay distinguishable.
  return IDENTIFIER.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

/** The text, with its middle left out if it is too long for a message. */
export function shortened(text: string): string {
  const half = SHOWN_UNITS / 2;
  return text.length > SHOWN_UNITS ? `${text.slice(0, half)}…${text.slice(-half)}` : text;
}
