import { PatchStoreError } from "../base/errors.js";

/** Parts that are there already, by their files. */
const there = new Map<string, unknown>();

/** A part says that it is there: service workers, which cannot load anything later, import it beside the package. */
export function provide(file: string, part: unknown): void {
  there.set(file, part);
}

/**
 * A part of the package that is loaded when it is first needed. Throws Unavailable where it cannot be.
 * @param file its name in the package
 * @param load makes the `import()`: bundlers must see the name of a file there
 */
export async function part<T>(file: string, load: () => Promise<T>): Promise<T> {
  try {
    return (there.get(file) as T | undefined) ?? (await load());
  } catch (cause) {
    const hint = "ServiceWorkerGlobalScope" in globalThis ? `: a service worker imports "patchstore/${file}" itself` : "";
    throw new PatchStoreError("Unavailable", `${file} could not be loaded: ${String(cause)}${hint}`, { cause });
  }
}
