import { Shape, shapeOf } from "../base/shape.js";

const INDEX = /^(0|[1-9]\d{0,9})$/;

/** The value at a dotted path of an object, as queries find it; undefined if there is none. */
export function valueAt(from: object, path: string): unknown {
  if (Object.hasOwn(from, path)) return (from as Record<string, unknown>)[path];
  const [first = "", ...deeper] = path.split(".");
  const start = Object.hasOwn(from, first) ? (from as Record<string, unknown>)[first] : undefined;
  return deeper.reduce(partOf, start);
}

function partOf(value: unknown, step: string): unknown {
  switch (shapeOf(value)) {
    case Shape.Array:
      return INDEX.test(step) ? (value as unknown[])[Number(step)] : undefined;
    case Shape.Object:
      return Object.hasOwn(value as object, step) ? (value as Record<string, unknown>)[step] : undefined;
    default:
      return undefined;
  }
}
