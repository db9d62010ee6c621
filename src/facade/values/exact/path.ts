/** Where in a value something is: "$.a[3].b". */

/** An element of an array, a member of a Set, an entry of a Map or a side of it; or a property. */
export type Step = number | string;

const IDENTIFIER = /^[\p{Alphabetic}_$][\p{Alphabetic}\p{N}_$]*$/u;
/** What a message shows of a path, and a path of a name, in UTF-16 code units. */
const SHOWN_UNITS = 200;

/** The path from the root. */
export function pathOf(steps: readonly Step[]): string {
  return "$" + steps.map(stepText).join("");
}

function stepText(step: Step): string {
  if (typeof step === "number") return `[${step}]`;
  const name = shortened(step);
  // JSON text has an escape for lone surrogates, so that no two names look the same.
  return IDENTIFIER.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`;
}

/** A text without its middle, where it is too long for a message. */
export function shortened(text: string): string {
  const half = SHOWN_UNITS / 2;
  return text.length > SHOWN_UNITS ? `${text.slice(0, half)}…${text.slice(-half)}` : text;
}
