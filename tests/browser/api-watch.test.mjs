import { inPage } from "./api/harness.mjs";

inPage({
  "watch: the listener gets each new value": async ({ open, same, until, sleep }) => {
    const patch = await open();
    const kv = patch.kv("s");
    const seen = [];
    const stop = kv.watch("k", (value) => seen.push(value));
    await kv.set("k", 1);
    await kv.set("other", 1);
    await patch.kv("t").set("k", 9);
    await kv.set("k", { a: new Date(2) });
    await kv.delete("k");
    await kv.update("k", () => "u");
    await kv.clear();
    await until(() => seen.length >= 5, "five calls");
    same(seen, [1, { a: new Date(2) }, undefined, "u", undefined]);
    // The same value again is no change.
    await kv.set("k", 5);
    await kv.set("k", 5);
    await until(() => seen.length >= 6);
    await sleep(20);
    same(seen.slice(5), [5]);
    stop();
    stop();
    await kv.set("k", 6);
    await sleep(20);
    same(seen.length, 6);
  },

  "watch: it ends with the handle, though another keeps the patch open": async ({ open, same, until, sleep }) => {
    const patch = await open();
    const other = await open({}, patch.id);
    const [gone, there] = [[], []];
    patch.kv("s").watch("k", (value) => gone.push(value));
    other.kv("s").watch("k", (value) => there.push(value));
    await patch.close();
    await other.kv("s").set("k", 1);
    await until(() => there.length === 1, "the other handle's listener");
    await sleep(20);
    same(gone, []);
  },

  "watch: only what was committed is told, in order": async ({ open, same, until, rejects }) => {
    const kv = (await open()).kv("s");
    const seen = [];
    await kv.set("k", 0);
    kv.watch("k", (value) => seen.push(value));
    const writes = [1, 2, 3, 4, 5].map((value) => kv.set("k", value));
    const failed = kv.update("k", () => ({ f() {} }));
    await rejects(failed, "NotStorable");
    await Promise.all(writes);
    await until(() => seen.at(-1) === 5, "the last value");
    same(seen, [...seen].sort(), "never back in time");
    same(new Set(seen).size, seen.length, "each once");
  },

  "watch: one listener that throws does not stop the others": async ({ open, same, until }) => {
    const kv = (await open()).kv("s");
    const seen = [];
    const errors = [];
    const onError = (event) => {
      errors.push(event.error?.message);
      event.preventDefault();
    };
    addEventListener("error", onError);
    kv.watch("k", () => {
      throw new Error("expected by a test");
    });
    kv.watch("k", (value) => seen.push(value));
    await kv.set("k", 1);
    await kv.set("k", 2);
    await until(() => seen.length === 2 && errors.length === 2);
    removeEventListener("error", onError);
    same(seen, [1, 2]);
    same(errors, ["expected by a test", "expected by a test"]);
  },

  "watch: each listener gets a copy of its own, and may stop itself": async ({ open, same, until, sleep }) => {
    const kv = (await open()).kv("s");
    const seen = [];
    const stop = kv.watch("k", (value) => {
      value.push("mine");
      stop();
    });
    kv.watch("k", (value) => seen.push(value));
    await kv.set("k", ["a"]);
    await kv.set("k", ["b"]);
    await until(() => seen.length === 2);
    await sleep(10);
    same(seen, [["a"], ["b"]]);
    same(await kv.get("k"), ["b"]);
  },

  "events: change tells the scopes, closed the reason": async ({ open, same, until, throws, rejects }) => {
    const patch = await open();
    const changes = [];
    const closed = [];
    const stop = patch.on("change", (event) => changes.push(event));
    patch.on("closed", (event) => closed.push(event));
    await patch.kv("named").set("k", 1);
    await patch.node("n").db.insert("c", { a: 1 });
    await until(() => changes.length >= 2);
    same(changes, [
      { remote: false, scopes: [{ name: "named" }] },
      { remote: false, scopes: [{ node: "n" }] },
    ]);
    stop();
    throws(() => patch.on("gone", () => {}), "InvalidArgument", { message: /gone/ });
    throws(() => patch.on("toString", () => {}), "InvalidArgument");
    throws(() => patch.on("change", 1), "InvalidArgument");
    await patch.close();
    await patch.close();
    same(closed, [{ reason: "closed" }]);
    throws(() => patch.on("change", () => {}), "Closed", { remedy: "reopen" });
    await rejects(patch.flush(), "Closed");
  },

  "events: one listener that throws does not stop the others, of either event": async ({ open, same, until }) => {
    const patch = await open();
    const seen = [];
    const errors = [];
    const onError = (event) => {
      errors.push(event.error?.message);
      event.preventDefault();
    };
    addEventListener("error", onError);
    const thrower = () => {
      throw new Error("expected by a test");
    };
    patch.on("change", thrower);
    patch.on("change", ({ scopes }) => seen.push(scopes));
    patch.on("closed", thrower);
    patch.on("closed", ({ reason }) => seen.push(reason));
    patch.kv("s").watch("k", thrower);
    patch.kv("s").watch("k", (value) => seen.push(value));
    await patch.kv("s").set("k", 1);
    await until(() => seen.length >= 2);
    await patch.node("n").kv.set("k", 2);
    await until(() => seen.length >= 3);
    await patch.close();
    await until(() => seen.length >= 4 && errors.length >= 4);
    removeEventListener("error", onError);
    same(seen.filter((each) => each !== 1), [[{ name: "s" }], [{ node: "n" }], "closed"]);
    same(seen.includes(1), true);
    same(errors, Array.from({ length: 4 }, () => "expected by a test"));
  },

  "watch: page and worker hear each other, listeners that throw or not": async ({ lib, same, until }) => {
    const id = `worker-${Math.random()}`;
    const source = `
      import { openPatch } from "${location.origin}/pkg/index.js";
      const patch = await openPatch(${JSON.stringify(id)});
      const kv = patch.kv("s");
      addEventListener("error", (event) => event.preventDefault());
      patch.on("change", () => { throw new Error("expected by a test"); });
      kv.watch("page", () => { throw new Error("expected by a test"); });
      patch.on("change", ({ remote, scopes }) => { if (remote) postMessage(["change", scopes]); });
      kv.watch("page", (value) => postMessage(["watch", value]));
      onmessage = ({ data }) => kv.set("worker", data);
      postMessage(["ready"]);`;
    const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
    const said = [];
    worker.onmessage = ({ data }) => said.push(data);
    const patch = await lib.openPatch(id);
    const heard = [];
    patch.kv("s").watch("worker", (value) => heard.push(value));
    patch.on("change", ({ remote }) => heard.push(remote));
    await until(() => said.length > 0, "the worker", 10_000);
    await patch.kv("s").set("page", new Date(3));
    await until(() => said.length >= 3);
    same(said.find(([what]) => what === "watch"), ["watch", new Date(3)]);
    same(said.find(([what]) => what === "change"), ["change", [{ name: "s" }]]);
    worker.postMessage(new Map([[1, 2]]));
    await until(() => heard.length >= 3);
    same(heard.filter((each) => typeof each === "object"), [new Map([[1, 2]])]);
    same(heard.filter((each) => typeof each === "boolean"), [false, true]);
    worker.terminate();
    await patch.close();
  },
});
