import { failure, invalid } from "./failure.js";

const MAX_DEPTH = 1000;
/** How many prototypes an object has and what it calls itself, of those that are no plain ones. */
const KNOWN = /^(2(Array|Map|Set|Date|ArrayBuffer|DataView|Blob)|3(File|(Int|Uint|Float|Big)\w+Array))$/;
const IDENTIFIER = /^[\p{L}_$][\p{L}\p{N}_$]*$/u;

/**
 * A value as it is now, of plain parts: postMessage knows no proxies, keeps holes, and makes plain
 * objects of the instances of classes, which are to be refused. What it clones as it should
 * (binaries, dates, Blobs) stays what it is. Throws NotStorable, with the path.
 */
export function copy(root: unknown): unknown {
  const path: (string | number)[] = [];
  const inside = new Set<unknown>();

  const refuse = (what: string, cause?: unknown) => {
    const steps = path.map((step) =>
      typeof step === "number" ? `[${step}]` : IDENTIFIER.test(step) ? `.${step}` : `[${JSON.stringify(step)}]`,
    );
    const at = "$" + steps.join("");
    return failure("NotStorable", `${what} cannot be stored (at ${at})`, { path: at, cause });
  };
  const read = <T>(get: () => T): T => {
    try {
      return get();
    } catch (cause) {
      throw refuse("what throws when it is read", cause);
    }
  };
  // One frame a level: the stacks of workers are small.
  const walk = (value: any): unknown => {
    const kind = read(() => kindOf(value));
    if (kind === undefined) throw refuse(`this ${typeof value}`);
    if (ArrayBuffer.isView(value)) return trimmed(value);
    if (!/^(Object|2Array|2Map|2Set)$/.test(kind)) return value;
    if (inside.has(value) || inside.size >= MAX_DEPTH) throw refuse("a cycle, or more than 1 000 levels,");
    inside.add(value);
    const keys = kind === "Object" ? read(() => Object.keys(value)) : undefined;
    const from = keys || kind === "2Array" ? value : read(() => [...value]);
    const out: any[] = [];
    for (let at = 0; at < (keys ?? from).length; at++) {
      const step = keys?.[at] ?? at;
      path.push(step);
      const part = walk(read(() => from[step]));
      out.push(keys ? [step, part] : part);
      path.pop();
    }
    inside.delete(value);
    if (keys) return Object.fromEntries(out);
    return kind === "2Map" ? new Map(out) : kind === "2Set" ? new Set(out) : out;
  };
  return root === undefined ? root : walk(root);
}

const tagOf = (value: object): string => Object.prototype.toString.call(value).slice(8, -1);

/** The same answers as `shapeOf` of the host, in less code; undefined for what cannot be stored. */
function kindOf(value: any): string | undefined {
  const type = typeof value;
  if (type !== "object" || value === null) return type === "function" || type === "symbol" ? undefined : type;
  let depth = 0;
  for (let at: object | null = value; (at = Object.getPrototypeOf(at)); ) depth++;
  const isArray = Array.isArray(value);
  if (depth < 2 && !isArray) return "Object";
  const kind = depth + (isArray ? "Array" : tagOf(value));
  const isShared = ArrayBuffer.isView(value) && tagOf(value.buffer) !== "ArrayBuffer";
  return KNOWN.test(kind) && !isShared ? kind : undefined;
}

/** A view alone: with it, all of its buffer would be sent. */
function trimmed(view: any): unknown {
  const { buffer, byteOffset, byteLength } = view;
  if (byteLength === buffer.byteLength) return view;
  return new view.constructor(buffer.slice(byteOffset, byteOffset + byteLength));
}

/** The same of an argument that is not to be stored. */
export function argument(value: unknown): unknown {
  try {
    return copy(value);
  } catch (error) {
    const { message, path, cause } = error as Error & { path: string };
    throw Object.assign(invalid(message), { path, cause });
  }
}
