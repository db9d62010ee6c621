/** The wasm that derives keys, as it is in the package, on the calling thread. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ARGON2ID } from "../browser/support/argon2id.mjs";
import { derive } from "../../pkg/kdf.js";

test("keys of passphrases are those of Argon2id", async () => {
  for (const { key, ...derivation } of ARGON2ID) {
    assert.equal(Buffer.from(await derive(derivation)).toString("hex"), key);
  }
});

test("what would take more memory than there is fails, and the next derivation does not", async () => {
  const [{ key, ...derivation }] = ARGON2ID;
  await assert.rejects(derive({ ...derivation, memoryKib: 4 << 20 }), /memory/);
  assert.equal(Buffer.from(await derive(derivation)).toString("hex"), key);
});
