import { notCompiled, wasmOf } from "../bridge/wasm.js";
import init, { derive } from "../../../target/glue/patchstore_kdf.js";

/** What a key is derived from: Argon2id's inputs. */
export interface Derivation {
  readonly passphrase: Uint8Array;
  readonly salt: Uint8Array;
  readonly memoryKib: number;
  readonly passes: number;
  readonly lanes: number;
}

/** The key, here and now. */
export async function derived({ passphrase, salt, memoryKib, passes, lanes }: Derivation): Promise<Uint8Array> {
  const wasm = await wasmOf(new URL("patchstore_kdf_bg.wasm", import.meta.url));
  await init({ module_or_path: wasm }).catch((cause: unknown) => {
    throw notCompiled("", cause);
  });
  const key = derive(passphrase, salt, memoryKib, passes, lanes);
  if (key === undefined) throw new Error(`there is no memory for it (${memoryKib} KiB)`);
  return key;
}
