/** Values of every type that can be stored, by chance and by a seed. */
import { Chance } from "../queries/random.mjs";

const NAMES = ["a", "b", "", "$date", "$a", "$patchstore", "$numberLong", "__proto__", "7", "é", "x\ud800", "toString", "a b\n"];
const STRINGS = ["", "a", "é\u2028", "\u{1F600}", "\ud83d", "$date", '"\\\n\r\0', "\ufeff"];
const NUMBERS = [0, -0, 1, -1, 1.5, 2 ** 53, -(2 ** 60), 1e308, 5e-324, NaN, Infinity, -Infinity];
const BIGINTS = [0n, -1n, 1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 63n, -(2n ** 63n) - 1n, 3n ** 400n];
const DATES = [0, 1, -1, 999, 253_402_300_799_999, 253_402_300_800_000, 8.64e15, -8.64e15, NaN, 1.7e12];
const VIEWS = [
  Uint8Array, Int8Array, Uint8ClampedArray, Uint16Array, Int16Array, Uint32Array, Int32Array, Float32Array, Float64Array, BigInt64Array, BigUint64Array, DataView,
];

export class AnyValue extends Chance {
  bytes() {
    return Uint8Array.from({ length: this.below(4) * 8 }, () => this.below(256));
  }

  leaf() {
    switch (this.below(9)) {
      case 0:
        return this.one(NUMBERS);
      case 1:
        return this.one(BIGINTS);
      case 2:
        return this.one(STRINGS);
      case 3:
        return new Date(this.one(DATES));
      case 4:
        return new (this.one(VIEWS))(this.bytes().buffer);
      case 5:
        return this.bytes().buffer;
      case 6:
        return undefined;
      case 7:
        return new Blob([this.bytes()], { type: this.one(["", "text/plain"]) });
      default:
        return this.one([true, false, null]);
    }
  }

  value(depth = 3) {
    const list = () => this.list(() => this.value(depth - 1));
    switch (depth > 0 ? this.below(8) : 7) {
      case 0:
        return list();
      case 1:
        return new Map(list().map((key) => [key, this.value(depth - 1)]));
      case 2:
        return new Set(list());
      case 3:
      case 4:
        return this.object(depth - 1);
      default:
        return this.leaf();
    }
  }

  object(depth = 3) {
    const object = {};
    for (const name of this.list(() => this.one(NAMES))) {
      Object.defineProperty(object, name, { value: this.value(depth), enumerable: true, configurable: true, writable: true });
    }
    return object;
  }
}
