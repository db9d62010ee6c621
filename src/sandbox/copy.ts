import { pathOf, shortened, type Step } from "../facade/values/exact/path.js";
import { Shape, shapeOf, viewBytes } from "../facade/base/shape.js";
import { failure, invalid } from "./failure.js";

const MAX_DEPTH = 1000;

/**
 * A value as it is now, of plain parts: postMessage knows no proxies, keeps holes, and makes plain
 * objects of the instances of classes, which are to be refused. What it clones as it should
 * (binaries, dates, Blobs) stays what it is. Throws NotStorable, with the path.
 */
export function copy(root: unknown): unknown {
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
  // One frame a level: the stacks of workers are small.
  const walk = (value: any): unknown => {
    const shape = read(() => shapeOf(value));
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

/** A view alone: with it, all of its buffer would be sent. */
function trimmed(view: ArrayBufferView): unknown {
  const bytes = viewBytes(view);
  if (bytes.length === bytes.buffer.byteLength) return view;
  return new (view.constructor as new (buffer: ArrayBufferLike) => unknown)(bytes.slice().buffer);
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
