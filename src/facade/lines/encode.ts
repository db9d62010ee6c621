import type { BlobRef } from "../base/blob-ref.js";
import { exceeded } from "../base/limits.js";
import { put } from "../base/put.js";
import { Shape, shapeOf, viewBytes, viewKind } from "../base/shape.js";
import { base64Of } from "./base64.js";
import { MAX_LINE_BYTES } from "./bounds.js";
import { DATE_TEXT_MS, isReserved, OWN } from "./wrappers.js";

/** What JSON has. */
type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

/** A list that still lacks the bytes of a Blob as its last item. */
interface Gap {
  readonly parts: Json[];
  readonly blob: Blob;
}

/**
 * A stored object as one line of Extended JSON, without the line feed. The names of its own properties stand for themselves,
 * whatever they begin with. Throws LimitExceeded for a line that could not be read back.
 * @param what names it in an error
 */
export async function lineOf(object: object, what: string): Promise<Uint8Array> {
  const encoder = new Encoder();
  const tree = encoder.properties(object);
  await fill(encoder.gaps, what);
  let text: string;
  try {
    text = JSON.stringify(tree);
  } catch {
    // (It would not fit into a string, or on the stack.)
    throw exceeded(`the line of ${what} (at least)`, MAX_LINE_BYTES + 1, MAX_LINE_BYTES);
  }
  const line = new TextEncoder().encode(text);
  if (line.length > MAX_LINE_BYTES) throw exceeded(`the line of ${what}`, line.length, MAX_LINE_BYTES);
  return line;
}

async function fill(gaps: readonly Gap[], what: string): Promise<void> {
  const bytes = gaps.reduce((sum, { blob }) => sum + Math.ceil((blob.size * 4) / 3), 0);
  if (bytes > MAX_LINE_BYTES) throw exceeded(`the line of ${what} (at least)`, bytes, MAX_LINE_BYTES);
  for (const { parts, blob } of gaps) parts.push(base64Of(new Uint8Array(await blob.arrayBuffer())));
}

class Encoder {
  readonly gaps: Gap[] = [];

  properties(object: object): Json {
    const out = {};
    for (const [name, value] of Object.entries(object)) put(out, name, this.#value(value));
    return out;
  }

  #value(value: unknown): Json {
    switch (typeof value) {
      case "number":
        return value - value === 0 && !Object.is(value, -0) ? value : { $numberDouble: Object.is(value, -0) ? "-0.0" : String(value) };
      case "bigint":
        // (In base 16 beyond 64 bits: reading decimals takes the longer the square.)
        return BigInt.asIntN(64, value) === value ? { $numberLong: String(value) } : own("BigInt", hex(value));
      case "undefined":
        return { $undefined: true };
      case "object":
        return value === null ? null : this.#object(value);
      default:
        return value as string | boolean;
    }
  }

  #object(value: object): Json {
    const shape = shapeOf(value);
    switch (shape) {
      case Shape.Array:
        return (value as unknown[]).map((item) => this.#value(item));
      case Shape.Date:
        return date((value as Date).getTime());
      case Shape.ArrayBuffer:
        return own("ArrayBuffer", base64Of(new Uint8Array(value as ArrayBuffer)));
      case Shape.View:
        return view(value as ArrayBufferView);
      case Shape.Blob:
      case Shape.File:
        return this.#blob(value as Blob, shape);
      case Shape.BlobRef: {
        const { hash, size, type } = value as BlobRef;
        return own("BlobRef", hash, size, type);
      }
      case Shape.Map:
        return this.#map(value as Map<unknown, unknown>);
      case Shape.Set: {
        const parts: Json[] = ["Set"];
        for (const each of value as Set<unknown>) parts.push(this.#value(each));
        return { [OWN]: parts };
      }
      default: {
        const object = this.properties(value);
        return Object.keys(value).some(isReserved) ? own("Object", object) : object;
      }
    }
  }

  #map(map: Map<unknown, unknown>): Json {
    const parts: Json[] = ["Map"];
    for (const [key, value] of map) parts.push([this.#value(key), this.#value(value)]);
    return { [OWN]: parts };
  }

  #blob(blob: Blob, shape: Shape.Blob | Shape.File): Json {
    const { name, lastModified } = blob as File;
    const parts: Json[] = shape === Shape.File ? ["File", name, blob.type, lastModified] : ["Blob", blob.type];
    this.gaps.push({ parts, blob });
    return { [OWN]: parts };
  }
}

function own(...parts: Json[]): Json {
  return { [OWN]: parts };
}

function hex(value: bigint): string {
  return value < 0n ? `-0x${(-value).toString(16)}` : `0x${value.toString(16)}`;
}

function date(ms: number): Json {
  if (Number.isNaN(ms)) return own("InvalidDate");
  const [first, last] = DATE_TEXT_MS;
  if (ms < first || ms > last) return { $date: { $numberLong: String(ms) } };
  return { $date: new Date(ms).toISOString().replace(".000Z", "Z") };
}

function view(value: ArrayBufferView): Json {
  const [kind, content] = [viewKind(value), base64Of(viewBytes(value))];
  return kind === "Uint8Array" ? { $binary: { base64: content, subType: "00" } } : own(kind, content);
}
