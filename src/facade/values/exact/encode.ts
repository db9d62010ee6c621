import { BESIDE_BYTES, type Gap, type WithBlobs } from "../snapshot.js";
import type { BlobRef } from "../../base/blob-ref.js";
import { PatchStoreError } from "../../base/errors.js";
import { Shape, refusalOf, shapeOf, viewBytes, viewKind } from "../../base/shape.js";
import type { Snapshot } from "../snapshot.js";
import { BYTES_KINDS, MAX_DEPTH, NAME_BYTES, Tag } from "./form.js";
import { pathOf, shortened, type Step } from "./path.js";
import { Writer } from "./writer.js";

/** The most containers and array items of a value that JSON does not represent exactly. An array may claim any length,
 *  and iterating over billions of holes would never finish. */
const MAX_ITEMS = 4_000_000;

/** The largest Blob of a value, in bytes. A larger one and its copies would not fit into wasm's memory. */
const MAX_BLOB_BYTES = 1024 ** 3;

/** This many ancestors are compared one by one, which is cheaper than a lookup in a Set. */
const NEAR = 8;

const timeOf = Date.prototype.getTime;

/** The content of a Blob, where it is known without reading. */
export type ContentOf = (blob: Blob) => Uint8Array | undefined;

/**
 * Encodes a value as it is now in the exact form. Throws NotStorable or LimitExceeded.
 * @param contentOf Blobs whose content it knows become part of the bytes, whatever their size; the others leave gaps.
 */
export function encodeExact(value: unknown, contentOf: ContentOf = () => undefined): Snapshot {
  return new Encoder(contentOf).encode(value);
}

class Encoder {
  readonly #contentOf: ContentOf;
  readonly #out = new Writer();
  /** The path to the current value. */
  readonly #steps: Step[] = [];
  /** The containers around the current value. Those after the first NEAR are also in `#far`. */
  readonly #ancestors: object[] = [];
  readonly #far = new Set<object>();
  readonly #gaps: Gap[] = [];
  /** The Blobs to be stored beside the value. */
  readonly #beside: Blob[] = [];
  #itemsLeft = MAX_ITEMS;
  #refusal: PatchStoreError | undefined;

  constructor(contentOf: ContentOf) {
    this.#contentOf = contentOf;
  }

  encode(value: unknown): Snapshot {
    try {
      if (value === undefined) throw this.#refused("undefined is not a value: delete the key instead");
      this.#value(value);
    } catch (cause) {
      // Anything else was thrown by user code (a getter, a proxy trap) or by the platform during a read.
      if (cause !== undefined && (cause === this.#refusal || cause === this.#out.excess)) throw cause;
      throw this.#refused("a value that throws when read cannot be stored", cause);
    }
    const encoded: WithBlobs = this.#out.finish();
    if (this.#beside.length > 0) encoded.blobs = this.#beside;
    return this.#gaps.length > 0 ? { encoded, gaps: this.#gaps } : { encoded };
  }

  #value(value: unknown): void {
    const out = this.#out;
    switch (typeof value) {
      case "string":
        out.byte(Tag.String);
        return out.text(value);
      case "number":
        return out.number(value);
      case "boolean":
        return out.byte(value ? Tag.True : Tag.False);
      case "undefined":
        return out.byte(Tag.Undefined);
      case "bigint":
        return out.bigint(value);
      case "object":
        return value === null ? out.byte(Tag.Null) : this.#object(value, shapeOf(value));
      default:
        throw this.#refused(`${refusalOf(value)} cannot be stored`);
    }
  }

  #object(value: object, shape: Shape): void {
    switch (shape) {
      case Shape.Date:
        this.#out.byte(Tag.Date);
        return this.#out.float(timeOf.call(value as Date));
      case Shape.ArrayBuffer:
        return this.#bytes(0, new Uint8Array(value as ArrayBuffer));
      case Shape.View:
        return this.#view(value as ArrayBufferView);
      case Shape.Blob:
      case Shape.File:
        return this.#blob(value as Blob, shape);
      case Shape.BlobRef: {
        const { hash, size, type } = value as BlobRef;
        return this.#out.blobRef(hash, size, type);
      }
      case Shape.Array:
      case Shape.Object:
      case Shape.Map:
      case Shape.Set:
        return this.#container(value, shape);
      default:
        throw this.#refused(`${refusalOf(value)} cannot be stored`);
    }
  }

  #container(value: object, shape: Shape): void {
    if (this.#isAncestor(value)) throw this.#refused("a cycle cannot be stored");
    const depth = this.#ancestors.length;
    if (depth >= MAX_DEPTH) throw this.#refused(`nesting of more than ${MAX_DEPTH} levels cannot be stored`);
    this.#count(1);
    this.#ancestors.push(value);
    if (depth >= NEAR) this.#far.add(value);
    if (shape === Shape.Array) this.#array(value as unknown[]);
    else if (shape === Shape.Object) this.#properties(value as Record<string, unknown>);
    else if (shape === Shape.Map) this.#map(value as Map<unknown, unknown>);
    else this.#set(value as Set<unknown>);
    if (depth >= NEAR) this.#far.delete(value);
    this.#ancestors.pop();
  }

  #isAncestor(value: object): boolean {
    const ancestors = this.#ancestors;
    for (let at = 0; at < ancestors.length && at < NEAR; at++) if (ancestors[at] === value) return true;
    return ancestors.length > NEAR && this.#far.has(value);
  }

  #count(items: number): void {
    this.#itemsLeft -= items;
    if (this.#itemsLeft < 0) throw this.#refused(`more than ${MAX_ITEMS} items and containers cannot be stored`);
  }

  /** Holes read as undefined. */
  #array(items: readonly unknown[]): void {
    const { length } = items;
    this.#count(length);
    this.#begin(Tag.Array, length);
    for (let at = 0; at < length; at++) this.#step(at, items[at]);
  }

  #properties(value: Record<string, unknown>): void {
    const names = Object.keys(value);
    this.#begin(Tag.Object, names.length);
    for (const name of names) {
      this.#out.text(name);
      this.#steps.push(name);
      this.#value(value[name]);
      this.#steps.pop();
    }
  }

  #map(value: Map<unknown, unknown>): void {
    const entries = Array.from(value);
    this.#begin(Tag.Map, entries.length);
    entries.forEach(([key, item], at) => {
      this.#steps.push(at);
      this.#step(0, key);
      this.#step(1, item);
      this.#steps.pop();
    });
  }

  #set(value: Set<unknown>): void {
    const members = Array.from(value);
    this.#begin(Tag.Set, members.length);
    members.forEach((member, at) => this.#step(at, member));
  }

  #begin(tag: Tag, length: number): void {
    this.#out.byte(tag);
    this.#out.varint(length);
  }

  #step(step: Step, value: unknown): void {
    this.#steps.push(step);
    this.#value(value);
    this.#steps.pop();
  }

  #view(view: ArrayBufferView): void {
    const name = viewKind(view);
    const kind = BYTES_KINDS.indexOf(name as (typeof BYTES_KINDS)[number]);
    if (kind < 0) throw this.#refused(`a ${name} cannot be stored`);
    this.#bytes(kind, viewBytes(view));
  }

  #bytes(kind: number, content: Uint8Array): void {
    this.#out.byte(Tag.Bytes);
    this.#out.byte(kind);
    this.#out.varint(content.length);
    this.#out.bytes(content);
  }

  #blob(blob: Blob, shape: Shape.Blob | Shape.File): void {
    const { size, type } = blob;
    if (size > MAX_BLOB_BYTES) throw this.#refused(`a Blob of ${size} bytes is too large for a value`);
    const content = this.#contentOf(blob);
    const isBeside = content === undefined && size >= BESIDE_BYTES;
    const out = this.#out;
    if (shape === Shape.File) {
      out.byte(isBeside ? Tag.AttachedFile : Tag.File);
      out.text((blob as File).name);
    } else {
      out.byte(isBeside ? Tag.AttachedBlob : Tag.Blob);
    }
    if (isBeside) return this.#lyingBeside(blob, shape);
    out.text(type);
    if (shape === Shape.File) out.float((blob as File).lastModified);
    out.varint(size);
    if (content !== undefined) return out.bytes(content);
    this.#gaps.push([out.position, blob, pathOf(this.#steps)]);
    out.zeros(size);
  }

  #lyingBeside(blob: Blob, shape: Shape): void {
    const out = this.#out;
    out.attached();
    if (shape === Shape.File) out.float((blob as File).lastModified);
    out.bytes(crypto.getRandomValues(new Uint8Array(NAME_BYTES)));
    out.varint(blob.size);
    out.text(blob.type);
    this.#gaps.push([-1, blob, pathOf(this.#steps)]);
    this.#beside.push(blob);
  }

  #refused(message: string, cause?: unknown): PatchStoreError {
    const path = pathOf(this.#steps);
    const text = `${message} (at ${shortened(path)})`;
    return (this.#refusal = new PatchStoreError("NotStorable", text, { path, cause }));
  }
}
