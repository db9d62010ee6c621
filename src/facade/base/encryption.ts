import { invalid } from "./errors.js";
import { describe, isWellFormed } from "./names.js";
import type { Encryption } from "./types.js";

const KEY_BYTES = 32;

/** What an {@link Encryption} was at the call. */
export type Credential =
  | { readonly passphrase: Uint8Array<ArrayBuffer> }
  | { readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly cryptoKey: CryptoKey };

/** Checks and copies it. */
export function credentialOf(what: string, encryption: Encryption | undefined): Credential | undefined {
  if (encryption === undefined) return undefined;
  if (typeof encryption !== "object" || encryption === null) {
    throw invalid(`${what} must be { passphrase } or { key }, not ${describe(encryption)}`);
  }
  const { passphrase, key, ...more } = encryption as { passphrase?: unknown; key?: unknown };
  const [other] = Object.keys(more);
  if (other !== undefined) throw invalid(`${what}.${other} is not an option; the options are passphrase and key`);
  if ((passphrase === undefined) === (key === undefined)) throw invalid(`${what} must have either a passphrase or a key`);
  return passphrase === undefined ? ofKey(`${what}.key`, key) : { passphrase: textOf(`${what}.passphrase`, passphrase) };
}

/** The same characters can be written in several ways, and keyboards differ in that: NFC, as RFC 8265 has it. */
function textOf(what: string, passphrase: unknown): Uint8Array<ArrayBuffer> {
  if (typeof passphrase !== "string") throw invalid(`${what} must be a string, not ${describe(passphrase)}`);
  if (passphrase === "") throw invalid(`${what} must not be empty`);
  if (!isWellFormed(passphrase)) throw invalid(`${what} has half of a surrogate pair`);
  return new TextEncoder().encode(passphrase.normalize("NFC"));
}

function ofKey(what: string, key: unknown): Credential {
  const kind = Object.prototype.toString.call(key);
  if (kind === "[object Uint8Array]") {
    const bytes = new Uint8Array(key as Uint8Array);
    if (bytes.length !== KEY_BYTES) throw invalid(`${what} must have ${KEY_BYTES} bytes, not ${bytes.length}`);
    return { bytes };
  }
  if (kind !== "[object CryptoKey]") throw invalid(`${what} must be a Uint8Array or a CryptoKey, not ${describe(key)}`);
  const { algorithm, usages } = key as CryptoKey;
  const { name, length } = algorithm as AesKeyAlgorithm;
  if (name !== "AES-GCM" || length !== 8 * KEY_BYTES) throw invalid(`${what} must be for AES-GCM with 256 bits, not ${name}${length ? ` with ${length}` : ""}`);
  const missing = (["encrypt", "decrypt"] as const).find((usage) => !usages.includes(usage));
  if (missing) throw invalid(`${what} must have the usages encrypt and decrypt; it lacks ${missing}`);
  return { cryptoKey: key as CryptoKey };
}
