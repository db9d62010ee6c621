/** Calls as people write them, and calls that must not compile. */

import { exportPatch, importPatch, isPatchStoreError, openPatch, type Collection, type KV } from "../../src/facade/index.js";
import { PatchStorageAdapter } from "../../src/facade/storage-adapter.js";

export async function usage(): Promise<void> {
  await using patch = await openPatch("p", { backend: "memory", durability: "strict" });
  const kv: KV = patch.kv("settings");
  const count: number | undefined = await kv.get<number>("count");
  await kv.set("count", (count ?? 0) + 1);
  await kv.setMany(new Map([["a", 1]]));
  const sum: number | undefined = await kv.update<number>("count", (old = 0) => old + 1);
  for await (const [key, value] of kv.iterate<number>({ prefix: "a", limit: 3 })) {
    key.toUpperCase();
    value.toFixed(sum);
  }
  const stop: () => void = kv.watch<number>("count", (value) => value?.toFixed());
  stop();
  const stream: ReadableStream<Uint8Array> = await exportPatch("p", { seal: false, opLog: true, onProgress: ({ done, total }) => (done / total).toFixed() });
  const { records, blobs }: { records: number; blobs: number } = await importPatch("q", stream, { encryption: { passphrase: "words" } });
  (await importPatch("r", new Blob(), { seal: { key: new Uint8Array(32) } })).records.toFixed(records + blobs);
  // @ts-expect-error an archive is bytes
  await importPatch("s", "text");
  interface Note {
    text: string;
  }
  const notes: Collection<Note> = patch.db("notes").collection<Note>("notes");
  const id: string = await notes.insert({ text: "hi" });
  const note = await notes.findOne(id);
  note?.text.toUpperCase();
  note?._created.toFixed();
  const unwatch: () => void = notes.watch({ text: "hi" }, (docs, { added, changed, removed }) => {
    for (const { text, _created } of [...docs, ...added, ...changed, ...removed]) text.padEnd(_created);
  }, { limit: 3, onError: ({ code, remedy }) => `${code} ${remedy}` });
  unwatch();
  patch.db("notes").watch<Note>("notes", {}, ([first]) => first?.text.toUpperCase());
  // @ts-expect-error a live query needs a listener
  notes.watch({});
  await patch.transaction(async (tx) => tx.node("n").kv.get("x"), { retries: 3 });
  patch.on("closed", ({ reason }) => reason satisfies "closed" | "deleted" | "versionchange" | "lost");
  try {
    await patch.flush();
  } catch (error) {
    if (isPatchStoreError(error)) error.remedy satisfies string;
  }

  const object = patch.kvObject({ node: "n" });
  const output = await object.send({ set: ["k", 1] });
  if (output.op === "error") output.code satisfies string;
  if (output.op === "keys") output.keys.join();
  object.setStore();
  await patch.dbObject({ node: "n", name: "shared" }).send("find notes");

  await patch.meta.set("m", { at: new Date() });
  const meta: { at: Date } | undefined = await patch.meta.get<{ at: Date }>("m");
  meta?.at.getTime();
  await patch.transaction(async (tx) => tx.meta.keys());

  const lines: ReadableStream<Uint8Array> = patch.db("d").exportJsonLines("notes");
  const { inserted, lines: read } = await patch.node("n").db.store("e").importJsonLines("notes", lines, { onConflict: "skip", onProgress: ({ lines }) => lines.toFixed() });
  await patch.transaction(async (tx) => tx.kv("s").importJsonLines(new Blob([inserted.toFixed(read)])));
  // @ts-expect-error what a store of any kind has, over ports too, are no lines
  kv.exportJsonLines();

  const adapter = new PatchStorageAdapter({ name: "todos" });
  await adapter.put("k", { value: undefined }, { ttl: 1000 });
  const ids: number[] = [await adapter.appendOpLog({ op: 1 }), await adapter.commitWrite([], {})];
  for (const { id, synced } of await adapter.getPendingOps()) ids.push(id, synced);
  await adapter.iterateKeys((key, { expires }) => key.slice(expires));
  // @ts-expect-error there is no such store
  await adapter.commitWrite([{ store: "log", type: "put", key: "k" }], {});
  // @ts-expect-error meta is not cleared at once
  patch.meta.clear();

  // @ts-expect-error a key is a string
  await kv.get(1);
  // @ts-expect-error there is no such backend
  await openPatch("p", { backend: "disk" });
  // @ts-expect-error a document is an object
  await patch.db("d").insert("c", 1);
  // @ts-expect-error there is no such event
  patch.on("gone", () => {});
  // @ts-expect-error directions are 1 and -1
  await patch.db("d").find("c", {}, { sort: { a: 2 } });
  // @ts-expect-error watching a transaction's store needs a listener
  kv.watch("a");
  // @ts-expect-error an object is placed on a node
  patch.kvObject({ name: "shared" });
}
