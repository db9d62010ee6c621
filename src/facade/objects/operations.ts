/**
 * What a message may ask of a store: one table per kind of object, from which the three forms of
 * messages are read, and the JSON Schema that is shipped is made. It needs nothing else to load.
 */

/** What an argument must be. */
export type Kind =
  /** A string as of a key. */
  | "key"
  /** A string as of a collection. */
  | "name"
  /** The name of a store, or "" for the node's own. */
  | "store"
  /** Anything that can be stored. */
  | "value"
  /** A plain object. */
  | "object";

export interface Argument {
  /** Its property in the typed form, and in the output if that repeats it. */
  readonly field: string;
  readonly kind: Kind;
  /** How errors call it. */
  readonly what: string;
  /** Only the last one may be. */
  readonly optional?: true;
}

export interface Operation<Store> {
  readonly takes: readonly Argument[];
  /** Issues the call before it returns; resolves to what the output says of it. */
  run(store: Store, ...args: any[]): Promise<object>;
}

export type Operations<Store> = Readonly<Record<string, Operation<Store>>>;

/** Values and objects take the rest of a text, and are not repeated in the output. */
export function isWord({ kind }: Argument): boolean {
  return kind !== "value" && kind !== "object";
}

export const done = () => ({ ok: true });

/** Setting the store is the object's own doing: there is nothing to ask of the store. */
export const SET_STORE: Operation<unknown> = {
  takes: [{ field: "value", kind: "store", what: "the name of a store" }],
  run: async () => done(),
};

/** Units of a text that errors repeat. */
export const SHOWN = 40;

/** How errors list the operations. */
export function namesOf(operations: Operations<unknown>): string {
  return `one of ${Object.keys(operations).join(", ")}`;
}

/** A part of a text, or of a name, as errors show it. */
export function show(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}
