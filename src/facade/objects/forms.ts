import { invalid, PatchStoreError } from "../base/errors.js";
import { MAX_FIELDS } from "../base/limits.js";
import { describe, key, name } from "../base/names.js";
import { known } from "../base/options.js";
import { fieldsOf, namesOf, show, type Argument, type Operation, type Operations } from "./operations.js";
import { parseText } from "./text.js";

/** A parsed message. */
export interface Call<Store> {
  readonly op: string;
  readonly operation: Operation<Store>;
  readonly args: readonly unknown[];
}

type Fields = Readonly<Record<string, unknown>>;

/**
 * Parses a message: a text; `{type: op, …}` with named arguments; or `{op: …}` with the only
 * argument, an array of several, or `true` if there are none. Reads each property once.
 * Throws only InvalidArgument.
 */
export function callOf<Store>(operations: Operations<Store>, message: unknown): Call<Store> {
  const [op, args] = argumentsOf(operations, message);
  const operation = operations[op] as Operation<Store>;
  operation.takes.forEach((each, at) => {
    if (each.kind === "options") args[at] = read(() => plainCopy(args[at], OPTION_DEPTH));
    check(op, each, args[at]);
  });
  return { op, operation, args };
}

function argumentsOf(operations: Operations<any>, message: unknown): [string, unknown[]] {
  if (typeof message === "string") return parseText(operations, message);
  const fields = read(() =>
    typeof message !== "object" || message === null || Array.isArray(message)
      ? undefined
      : Object.keys(message),
  );
  if (fields === undefined) {
    throw invalid(`a message must be an object or a string, not ${describe(message)}`);
  }
  const isTyped = fields.includes("type");
  const op = isTyped ? read(() => (message as Fields).type) : fields[0];
  if (typeof op !== "string" || !Object.hasOwn(operations, op)) {
    const found = typeof op === "string" ? show(op) : isTyped ? describe(op) : "nothing";
    throw invalid(`a message must ask for ${namesOf(operations)}, not ${found}`);
  }
  const { takes } = operations[op] as Operation<unknown>;
  return [op, (isTyped ? typed : shorthand)(op, takes, message as Fields, fields)];
}

function typed(
  op: string,
  takes: readonly Argument[],
  message: Fields,
  fields: readonly string[],
): unknown[] {
  const stranger = fields.find((at) => at !== "type" && !takes.some((each) => fieldsOf(each).includes(at)));
  if (stranger !== undefined) throw invalid(`${op} does not take ${show(stranger)}`);
  return takes.map(({ field, optional, names }) => {
    if (names !== undefined) return chosen(message, names.filter((name) => fields.includes(name)));
    if (fields.includes(field)) return read(() => message[field]);
    if (!optional) throw invalid(`${op} is missing its ${field}`);
    return undefined;
  });
}

/** An object of some of a message's properties; undefined if there are none. */
function chosen(message: Fields, names: readonly string[]): object | undefined {
  return names.length === 0 ? undefined : read(() => Object.fromEntries(names.map((name) => [name, message[name]])));
}

function shorthand(
  op: string,
  takes: readonly Argument[],
  message: Fields,
  fields: readonly string[],
): unknown[] {
  if (fields.length > 1) {
    throw invalid(`a message has one form, not ${op} and ${show(fields[1] as string)} at once`);
  }
  const given = read(() => message[op]);
  if (takes.length === 0) {
    if (given !== true) throw invalid(`${op} must be true, not ${describe(given)}`);
    return [];
  }
  if (takes.length === 1) return [given];
  const needed = takes.filter(({ optional }) => !optional).length;
  return read(() => {
    if (!Array.isArray(given)) return needed === 1 ? [given] : undefined;
    const { length } = given;
    if (!(length >= needed && length <= takes.length)) return undefined;
    return takes.map((_, at) => (at < length ? given[at] : undefined));
  }) ?? refuseList(op, takes);
}

function refuseList(op: string, takes: readonly Argument[]): never {
  const list = takes.map(({ field, optional }) => field + (optional ? "?" : "")).join(", ");
  throw invalid(`${op} must be a list [${list}]`);
}

/** Checks keys, names, and which options there are; the store checks the rest. */
function check(op: string, { field, kind, names }: Argument, value: unknown): void {
  const what = `${op}: ${field}`;
  if (names !== undefined) known(what, value as Fields | undefined, names);
  if (kind === "key") key(value, what);
  if (kind === "name" || (kind === "store" && value !== "")) name(value, what);
}

/** Options are that deep: an object, a list, a pair in it. */
const OPTION_DEPTH = 3;
/** Of a list: one more than any option takes, so that too long a one is refused as such. */
const OPTION_ITEMS = MAX_FIELDS + 1;

/** Options as they are now, so that nothing in them runs later. */
function plainCopy(value: unknown, depth: number): unknown {
  if (typeof value !== "object" || value === null || depth === 0) return value;
  if (!Array.isArray(value)) {
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plainCopy(each, depth - 1)]));
  }
  const length = Math.min(Number(value.length) || 0, OPTION_ITEMS);
  return Array.from({ length }, (_, at) => plainCopy(value[at], depth - 1));
}

/** Getters and proxies in a message may throw anything, even a value that throws when it is converted to a string. */
function read<T>(get: () => T): T {
  try {
    return get();
  } catch (cause) {
    let reason = "";
    try {
      reason = `: ${String(cause).slice(0, 200)}`;
    } catch {}
    throw new PatchStoreError("InvalidArgument", `the message could not be read${reason}`, { cause });
  }
}
