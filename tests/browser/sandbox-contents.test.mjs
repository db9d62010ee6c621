/** Contents over the port: what a sandbox puts, what it may read, and what it may not even ask for. */
import { inPage } from "./api/harness.mjs";

inPage({
  "what is put comes back, in every kind of realm, in every place of a value": async ({ open, same, lib }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const found = await run(async ({ kv, db, blobs, failure }) => {
        const out = {};
        const bytes = Uint8Array.from({ length: 2_500_000 }, (_, n) => n * 31);
        const heard = [];
        const ref = await blobs.put(bytes, { type: "image/x", onProgress: (done) => heard.push(done) });
        out.ref = { hash: ref.hash, size: ref.size, type: ref.type };
        out.heard = [heard.length, heard.at(-1)];
        const parts = [bytes.subarray(0, 1_500_000), bytes.subarray(1_500_000)];
        const streamed = await blobs.put(new ReadableStream({ pull: (controller) => (parts.length > 0 ? controller.enqueue(parts.shift()) : controller.close()) }));
        const put = await blobs.put(new Blob([bytes], { type: "text/y" }));
        out.same = [streamed.hash === ref.hash, streamed.type, put.hash === ref.hash, put.type];
        const is = async (blob) => {
          const got = new Uint8Array(await blob.arrayBuffer());
          return got.length === bytes.length && got.every((byte, at) => byte === bytes[at]);
        };
        const whole = await blobs.get(ref);
        out.whole = [await is(whole), whole.type];
        const stream = await blobs.stream(ref, { start: 1_044_470, end: 1_044_500 });
        const part = new Uint8Array(await new Response(stream).arrayBuffer());
        out.part = part.length === 30 && part.every((byte, at) => byte === bytes[at + 1_044_470]);
        const isRef = (value = {}) => Object.isFrozen(value) && value.hash === ref.hash && value.constructor.name !== "Object";
        await kv.set("k", { deep: [ref, new Map([[ref, { ref }]]), new Set([ref])] });
        const { deep } = await kv.get("k");
        out.deep = [isRef(deep[0]), [...deep[1]].flat().map((each) => isRef(each.ref ?? each)), [...deep[2]].map(isRef)];
        await kv.setMany([["many", ref], ["plain", { ...out.ref }]]);
        out.plain = isRef(await kv.get("plain"));
        out.updated = isRef((await kv.update("k", (old) => ({ kept: old.deep[0] }))).kept);
        await db.insertMany("c", [{ _id: "1", file: ref }, { _id: "2" }]);
        await db.modify("c", "1", (doc) => ({ ...doc, again: doc.file }));
        await db.update("c", "2", { file: ref });
        out.docs = (await db.find("c", { file: ref })).map((doc) => [doc._id, isRef(doc.file), isRef(doc.again)]);
        const schema = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };
        const checked = db.collection("c", { schema });
        await checked.insert({ _id: "3", file: ref });
        await checked.update("3", { n: 1 });
        out.checked = isRef((await checked.findOne("3")).file);
        out.empty = [(await blobs.put(new Uint8Array())).size, (await (await blobs.get(await blobs.put(new Blob([])))).arrayBuffer()).byteLength];
        out.refused = [];
        for (const call of [
          () => blobs.put("text"),
          () => blobs.put(bytes, { expect: "0".repeat(64) }),
          () => blobs.get(ref.hash),
          () => blobs.get({ ...out.ref }),
          () => blobs.stream(ref, { start: 2, end: 1 }),
          () => blobs.put(new ReadableStream({ pull: (controller) => controller.error(new Error("broke")) })),
        ]) {
          const error = await failure(call);
          out.refused.push(error.code ?? error.message);
        }
        return out;
      });
      const { ref, ...rest } = found;
      same(ref.size, 2_500_000);
      same(rest, {
        heard: [3, 2_500_000],
        same: [true, "", true, "text/y"],
        whole: [true, "image/x"],
        part: true,
        deep: [true, [true, true], [true]],
        plain: false,
        updated: true,
        docs: [["1", true, true], ["2", true, false]],
        checked: true,
        empty: [0, 0],
        refused: ["InvalidArgument", "InvalidArgument", "AccessDenied", "AccessDenied", "InvalidArgument", "broke"],
      });
      same((await patch.node("n").kv.get("many")) instanceof lib.BlobRef, true);
      same(await patch.blobs.stat(ref.hash), { size: 2_500_000, held: true });
      await patch.compact();
      same(await patch.blobs.has(ref.hash), true);
    });
  },

  "no content is reached that did not come over the port, be it there or not": async ({ open, same, lib }) => {
    const { connect, BlobRef } = await import("/pkg/sandbox.js");
    const patch = await open();
    const secret = await patch.blobs.put(new TextEncoder().encode("secret"));
    await patch.node("other").kv.set("k", secret);
    const shown = await patch.blobs.put(new TextEncoder().encode("shown"));
    await patch.node("n").kv.set("shown", { shown });
    const { port1, port2 } = new MessageChannel();
    patch.serve(port1, { node: "n", maxValueBytes: 2_000_000 });
    const { kv, db, blobs, close } = connect(port2);
    const forged = BlobRef.from({ ...secret });
    const nowhere = BlobRef.from({ hash: "0".repeat(64), size: 6, type: "" });
    const code = async (call) => Promise.race([call().then(() => "none", (error) => error.code), new Promise((resolve) => setTimeout(resolve, 20_000, "nothing within 20 s"))]);
    await db.insert("c", { _id: "1" });
    const schema = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value: { ...value, file: current } }) } };
    let current;
    for (const ref of [forged, nowhere]) {
      current = ref;
      for (const [what, call] of Object.entries({
        get: () => blobs.get(ref),
        stream: () => blobs.stream(ref),
        set: () => kv.set("x", ref),
        deep: () => kv.set("x", [{ a: new Map([[1, ref]]) }]),
        setMany: () => kv.setMany([["x", ref]]),
        parts: () => kv.setMany(Array.from({ length: 3_000 }, (_, n) => [`${n}`, n === 5 ? ref : n])),
        update: () => kv.update("x", () => ref),
        insert: () => db.insert("c", { file: ref }),
        insertMany: () => db.insertMany("c", [{ file: ref }]),
        changes: () => db.update("c", "1", { file: ref }),
        upsert: () => db.upsert("c", { _id: "1", file: ref }),
        updateMany: () => db.updateMany("c", {}, { file: ref }),
        modify: () => db.modify("c", "1", (doc) => ({ ...doc, file: ref })),
        find: () => db.find("c", { file: ref }),
        checked: () => db.collection("c", { schema }).update("1", { n: 1 }),
      })) {
        same(await code(call), "AccessDenied", what);
      }
    }
    same([await kv.has("x"), await kv.count(), (await db.findOne("c", "1")).file], [false, 1, undefined]);
    // Messages that the client does not send.
    const answers = new MessageChannel();
    patch.serve(answers.port1, { node: "n" });
    const answered = (message) => new Promise((resolve) => {
      answers.port2.onmessage = ({ data }) => data[0] < 2 && resolve(data[0] === 1 ? data[2].code : data[2]);
      answers.port2.postMessage(message);
    });
    const plain = { ...secret };
    same(await answered([0, 1, "blobs.read", null, [plain, 0]]), "AccessDenied");
    same(await answered([0, 2, "blobs.read", null, [plain, 0], [plain]]), "AccessDenied");
    same(await answered([0, 3, "blobs.read", null, [secret.hash, 0]]), "AccessDenied");
    same(await answered([0, 4, "kv.set", null, ["x", plain], { length: 1, 0: plain }]), "AccessDenied");
    same(await answered([0, 5, "kv.set", null, ["x", plain], Array.from({ length: 10_001 }, () => plain)]), "AccessDenied");
    same(await answered([0, 6, "blobs.piece", null, [7, new Uint8Array(1)]]), "InvalidArgument");
    same(await answered([0, 7, "blobs.url", null, [plain]]), "AccessDenied");
    // A read reference is known, and so is one that an event brought.
    const read = (await kv.get("shown")).shown;
    same(await (await blobs.get(read)).text(), "shown");
    await kv.set("copy", BlobRef.from({ ...read }));
    const told = new Promise((resolve) => kv.watch("later", resolve));
    await kv.has("later");
    const late = await patch.blobs.put(new TextEncoder().encode("late"));
    await patch.node("n").kv.set("later", late);
    same(await (await blobs.get(await told)).text(), "late");
    // The grant bounds what is put, and reading alone puts nothing.
    same(await code(() => blobs.put(new Uint8Array(2_000_001))), "LimitExceeded");
    const reading = new MessageChannel();
    patch.serve(reading.port1, { node: "n", access: "read" });
    const reader = connect(reading.port2);
    same(await code(() => reader.blobs.put(new Uint8Array(1))), "AccessDenied");
    same(await (await reader.blobs.get((await reader.kv.get("shown")).shown)).text(), "shown");
    // What was begun and not ended goes with the connection.
    const endless = Promise.all(Array.from({ length: 5 }, () => code(() => blobs.put(new ReadableStream({ pull: () => new Promise(() => {}) })))));
    await new Promise((resolve) => setTimeout(resolve, 50));
    close();
    same((await endless).toSorted(), ["Closed", "Closed", "Closed", "Closed", "LimitExceeded"]);
    const sizes = [];
    for await (const { size } of patch.blobs.list()) sizes.push(size);
    same(sizes.toSorted(), [4, 5, 6], lib);
    await patch.close();
  },
});
