import { pathOf, shortened, type Step } from "../facade/values/exact/path.js";
import { Shape, shapeOf, viewBytes } from "../facade/base/shape.js";
import { refsIn, revived } from "../facade/serve/refs.js";
import { failure, invalid } from "./failure.js";

const MAX_DEPTH = 1000;

/**
 * A plain copy of a value as it is now. postMessage fails on proxies, keeps holes, and turns instances of
 * classes into plain objects, which must be refused instead. Values that it clones correctly
 * (buffers, dates, Blobs) are not copied here. Throws NotStorable, with the path.
 */
export const copy = (root: unknown): unknown => copied(root);

/** A clone of such a copy. */
export function cloned(value: unknown): unknown {
  const [clone, refs] = structuredClone([value, refsIn(value)]);
  return revived(clone, refs);
}

/** @param asks whether it is an argument: regular expressions may be in queries */
function copied(root: unknown, asks?: boolean): unknown {
  const path: Step[] = [];
  const inside = new Set<unknown>();

  const refuse = (what: string, cause?: unknown) => {
    const at = pathOf(path);
    return failure("NotStorable", `${what} cannot be stored (at ${shortened(at)})`, { path: at, cause });
  };
  const read = <T>(get: () => T): T => {
    try {
      return get();
    } catch (cause) {
      throw refuse("a value that throws when read", cause);
    }
  };
  // One stack frame per level, because workers have small stacks.
  const walk = (value: any): unknown => {
    const shape = read(() => shapeOf(value));
    if (asks && value instanceof RegExp) return value;
    if (shape === Shape.Refused) throw refuse(`this ${typeof value}`);
    if (shape === Shape.View) return read(() => trimmed(value));
    if (shape < Shape.Array || shape > Shape.Set) return value;
    if (inside.has(value) || inside.size >= MAX_DEPTH) throw refuse("a cycle, or nesting of more than 1 000 levels,");
    inside.add(value);
    const keys = shape === Shape.Object ? read(() => Object.keys(value)) : undefined;
    const from = keys || shape === Shape.Array ? value : read(() => [...value]);
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
    return shape === Shape.Map ? new Map(out) : shape === Shape.Set ? new Set(out) : out;
  };
  return root === undefined ? root : walk(root);
}

/** A view of a buffer of its own: postMessage would send the whole of a larger buffer. */
function trimmed(view: ArrayBufferView): unknown {
  const bytes = viewBytes(view);
  if (bytes.length === bytes.buffer.byteLength) return view;
  return new (view.constructor as new (buffer: ArrayBufferLike) => unknown)(bytes.slice().buffer);
}

/** Like {@link copy}, for an argument that is not stored. Throws InvalidArgument. */
export function argument(value: unknown): unknown {
  try {
    return copied(value, true);
  } catch (error) {
    const { message, path, cause } = error as Error & { path: string };
    throw Object.assign(invalid(message), { path, cause });
  }
}

export const isObject = (options: any): boolean => typeof options === "object" && options !== null && !Array.isArray(options);

/** The options without the properties that cannot be sent. Throws InvalidArgument. */
export function bare(options: any): any {
  return argument(isObject(options) ? { ...options, signal: undefined, transfer: undefined, onError: undefined } : options);
}
