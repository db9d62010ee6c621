import { credentialOf, type Credential } from "./base/encryption.js";
import { PatchStoreError } from "./base/errors.js";
import type { Encryption } from "./base/types.js";
import { AccessPort } from "./bridge/glue.js";

/** The passphrase or key of a call, as it is at the call. */
export class Key {
  #credential: Credential | undefined;
  #derivations = 0;
  #holds = 1;

  constructor(what: string, encryption: Encryption | undefined) {
    this.#credential = credentialOf(what, encryption);
  }

  /** Whether the key of a passphrase is being derived. */
  get isDeriving(): boolean {
    return this.#derivations > 0;
  }

  /** Makes a port of it, for one use; undefined if there is no key. */
  get access(): (() => AccessPort) | undefined {
    return this.#credential && (() => this.port());
  }

  /** For one more who makes a port of it, and {@link forget}s it after that. */
  hold(): void {
    this.#holds += 1;
  }

  /** Wipes what it is of, once all who hold it have said so: nothing makes a port of it any more. */
  forget(): void {
    this.#holds -= 1;
    if (this.#holds > 0) return;
    const credential = this.#credential;
    // The handle has what made the port, and its engine.
    this.#credential = undefined;
    if (credential === undefined || "cryptoKey" in credential) return;
    ("bytes" in credential ? credential.bytes : credential.passphrase).fill(0);
  }

  /** A port of it, for one use. */
  port(): AccessPort {
    const credential = this.#credential;
    if (credential === undefined) throw new PatchStoreError("Internal", "a key was wiped before it was used");
    if ("bytes" in credential) return AccessPort.ofKey(credential.bytes);
    if ("cryptoKey" in credential) return AccessPort.ofCryptoKey(credential.cryptoKey);
    const { passphrase } = credential;
    return AccessPort.ofPassphrase(async (salt: Uint8Array, memoryKib: number, passes: number, lanes: number) => {
      this.#derivations += 1;
      try {
        const kdf = await import("./kdf.js");
        return await kdf.derive({ passphrase, salt, memoryKib, passes, lanes });
      } catch (cause) {
        throw new PatchStoreError("Unavailable", `the key of a passphrase could not be derived: ${String(cause)}`, { cause });
      } finally {
        this.#derivations -= 1;
      }
    });
  }
}
