/**
 * The operations that messages support: one table per kind of store. The parsers of all three message forms use these
 * tables, and the published JSON Schema is generated from them, so this module loads without the rest of the package.
 */

/** The type of an argument. */
export type Kind =
  /** A key: any string. */
  | "key"
  /** A name, such as a collection's: a non-empty string. */
  | "name"
  /** The name of a store, or "" for the node's own store. */
  | "store"
  /** Any storable value. */
  | "value"
  /** A plain object. */
  | "object"
  /** Options: in the typed form each is a property of the message; a text has none. */
  | "options";

export interface Argument {
  /** The property's name in the typed form, and in the output if the output repeats the argument. */
  readonly field: string;
  readonly kind: Kind;
  /** The noun that error messages use. */
  readonly what: string;
  /** Only the last arguments may be optional. */
  readonly optional?: true;
  /** Of options: which there are. */
  readonly names?: readonly string[];
}

export interface Operation<Store> {
  readonly takes: readonly Argument[];
  /** Issues the call before returning; resolves to the operation's part of the output. */
  run(store: Store, ...args: any[]): Promise<object>;
}

export type Operations<Store> = Readonly<Record<string, Operation<Store>>>;

/** Whether the argument is a single word. Values and objects take the rest of a text message instead, and the
 *  output does not repeat them. */
export function isWord({ kind }: Argument): boolean {
  return kind !== "value" && kind !== "object" && kind !== "options";
}

/** The properties by which the typed form gives an argument. */
export function fieldsOf({ field, names = [field] }: Argument): readonly string[] {
  return names;
}

export const done = () => ({ ok: true });

/** The message object itself switches stores, so `run` does nothing. */
export const SET_STORE: Operation<unknown> = {
  takes: [{ field: "value", kind: "store", what: "the name of a store" }],
  run: async () => done(),
};

/** Most UTF-16 code units of a message that an error quotes. */
export const SHOWN = 40;

/** The list of operations for an error message. */
export function namesOf(operations: Operations<unknown>): string {
  return `one of ${Object.keys(operations).join(", ")}`;
}

/** Quotes a text for an error message, shortened if it is long. */
export function show(text: string): string {
  return JSON.stringify(text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text);
}
