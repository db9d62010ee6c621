/** What happens when one side goes away, with or without a word. */
import { after, before, test } from "node:test";
import { inPage } from "./api/harness.mjs";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

inPage({
  "served.close(): calls under way and later ones are Closed": async ({ open, same }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run, served }, patch) => {
      const ended = run(async ({ kv, db, failure }) => {
        kv.watch("k", () => 1);
        const pending = [];
        while (!pending.some((it) => it.code === "Closed")) pending.push(await failure(kv.get("k")));
        const later = await Promise.all([kv.get("k"), kv.set("k", 1), kv.iterate().next(), db.find("c"), kv.update("k", () => 1)].map(failure));
        const thrown = [() => kv.watch("k", () => 1), () => kv.store("s"), () => db.collection("c")].map((call) => {
          try {
            return call() && "nothing";
          } catch ({ code }) {
            return code;
          }
        });
        return [pending.at(-1).remedy, ...later.map(({ code }) => code), ...thrown];
      });
      await new Promise((resolve) => setTimeout(resolve, 20));
      served.close();
      served.close();
      same(await ended, ["reopen", ...Array(8).fill("Closed")]);
      same(await patch.node("n").kv.get("k"), undefined);
    });
  },

  "patch.close(): the same, and what was issued is there": async ({ open, same, lib }) => {
    const { spawn, KINDS } = await import("/tests/browser/api/sandboxes.mjs");
    for (const kind of KINDS) {
      const id = `ends-${kind}-${Math.random()}`;
      const patch = await open({ backend: "indexeddb" }, id);
      const { run, remove } = await spawn(kind, patch);
      await run(({ kv }) => kv.set("k", 1));
      await patch.close();
      same(await run(async ({ kv, failure }) => (await failure(kv.get("k"))).code), "Closed");
      const again = await open({ backend: "indexeddb" }, id);
      same(await again.node("n").kv.get("k"), 1);
      await again.close();
      remove();
    }
  },

  "connection.close(): Closed at both ends, and the host lets go": async ({ open, same, until }) => {
    const { inEach } = await import("/tests/browser/api/sandboxes.mjs");
    await inEach(open, async ({ run }, patch) => {
      const found = await run(async ({ kv, connection, failure }) => {
        globalThis.seen = [];
        kv.watch("k", (value) => seen.push(value));
        await kv.set("k", 1);
        const pending = [failure(kv.get("k")), failure(kv.update("k", () => 5)), failure(kv.set("k", 2))];
        connection.close();
        connection.close();
        return [...(await Promise.all(pending)), await failure(kv.get("k"))].map(({ code }) => code);
      });
      same(found, ["Closed", "Closed", "Closed", "Closed"]);
      await patch.node("n").kv.set("k", 9);
      same(await run(() => seen.length), 1);
    });
  },

  "a port that is closed, and one that nobody listens at": async ({ open, same, rejects, until }) => {
    const patch = await open();
    const { connect } = await import("/pkg/sandbox.js");
    const { port1, port2 } = new MessageChannel();
    const served = patch.serve(port1, { node: "n" });
    const { kv, close } = connect(port2);
    await kv.set("k", 1);
    port1.close();
    const pending = kv.get("k");
    close();
    await pending.then(() => { throw new Error("resolved"); }, ({ code }) => same(code, "Closed"));
    served.close();
    same(await patch.node("n").kv.get("k"), 1);
  },

  "many come and go, and nothing of them is left": async ({ open, same }) => {
    const { spawn } = await import("/tests/browser/api/sandboxes.mjs");
    const patch = await open();
    const steady = await spawn("opaque frame", patch, { node: "n" });
    for (let round = 0; round < 8; round++) {
      const kind = ["dedicated worker", "opaque frame"][round % 2];
      const sandbox = await spawn(kind, patch, { node: "n" });
      void sandbox.run(async ({ kv }) => {
        kv.watch("k", () => 1);
        for (;;) await kv.update("k", (n = 0) => n + 1);
      }).catch(() => {});
      await new Promise((resolve) => setTimeout(resolve, 30));
      sandbox.remove();
      await steady.run(({ kv }) => kv.update("mine", (n = 0) => n + 1));
    }
    same(await steady.run(({ kv }) => kv.get("mine")), 8);
    same(document.querySelectorAll("iframe").length, 1);
  },

  "openPatch itself, in a dedicated and in a shared worker": async ({ open, same, until }) => {
    const id = `in-workers-${Math.random()}`;
    const patch = await open({ backend: "indexeddb" }, id);
    await patch.kv("s").set("page", 1);
    const source = `
      import { openPatch, isPatchStoreError } from "${location.origin}/pkg/index.js";
      async function work(port, name) {
        try {
          const patch = await openPatch(${JSON.stringify(id)});
          const kv = patch.kv("s");
          const seen = await kv.get("page");
          await kv.set(name, { bytes: new Uint8Array([1]) });
          for (let n = 0; n < 20; n++) await kv.update("sum", (old = 0) => old + 1);
          await patch.transaction(async (tx) => tx.db("d").insert("c", { name }));
          const refused = await kv.set("x", () => 1).catch((error) => isPatchStoreError(error) && error.code);
          await patch.close();
          port.postMessage([seen, refused]);
        } catch (error) {
          port.postMessage(String(error.stack));
        }
      }
      globalThis.onconnect = ({ ports: [port] }) => work(port, "shared");
      if (typeof SharedWorkerGlobalScope === "undefined") work(globalThis, "dedicated");
    `;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    const heard = (port) => new Promise((resolve) => (port.onmessage = ({ data }) => resolve(data)));
    const dedicated = new Worker(url, { type: "module" });
    const shared = new SharedWorker(url, { type: "module" });
    same(await Promise.all([heard(dedicated), heard(shared.port)]), [[1, "NotStorable"], [1, "NotStorable"]]);
    await until(async () => (await patch.kv("s").get("sum")) === 40, "both sums");
    // What another realm has committed is seen soon, not at once.
    const inserted = async () => (await patch.db("d").find("c")).map(({ name }) => name).sort().join();
    await until(async () => (await inserted()) === "dedicated,shared", "both documents");
    same(await patch.kv("s").keys(), ["dedicated", "page", "shared", "sum"]);
    dedicated.terminate();
  },
});

/** With the page's clock in our hands: the timers of the page only, not those of workers. */
let server, browser;
before(async () => {
  server = await serve();
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await server?.close();
});

async function pageWithClock() {
  const page = await browser.newPage();
  await page.clock.install();
  await page.goto(`${server.origin}/tests/browser/api/page.html`);
  await page.waitForFunction(() => globalThis.kit !== undefined);
  await page.evaluate(async () => {
    globalThis.sandboxes = await import("/tests/browser/api/sandboxes.mjs");
    globalThis.patch = await kit.open();
    globalThis.counts = { watched: 0 };
    // What the host holds for a sandbox shows in what it posts.
    const post = MessagePort.prototype.postMessage;
    MessagePort.prototype.postMessage = function (message, ...rest) {
      if (Array.isArray(message) && message[0] === 3) counts.watched++;
      if (Array.isArray(message) && message[0] === 7) counts.closed = (counts.closed ?? 0) + 1;
      return post.call(this, message, ...rest);
    };
  });
  return page;
}

/** Tick by tick, with time for messages to come in between. */
async function pass(page, seconds) {
  for (let at = 0; at < seconds; at += 10) {
    await page.clock.runFor(10_000);
    await page.evaluate(() => new Promise((resolve) => { const { port1, port2 } = new MessageChannel(); port1.onmessage = resolve; port2.postMessage(0); }));
    await new Promise((resolve) => setTimeout(resolve, 30));
  }
}

test("a worker that was terminated is noticed, one that lives is kept", async () => {
  const page = await pageWithClock();
  await page.evaluate(async () => {
    globalThis.doomed = await sandboxes.spawn("dedicated worker", patch, { node: "n" });
    globalThis.living = await sandboxes.spawn("module worker", patch, { node: "n" });
    for (const { run } of [doomed, living]) await run(({ kv }) => void kv.watch("k", () => 1));
    await living.run(({ kv }) => kv.set("k", 1));
    await kit.until(() => counts.watched === 2);
    doomed.remove();
  });
  await pass(page, 120);
  await page.evaluate(async () => {
    kit.same(counts.closed, 1, "ended sessions");
    await living.run(({ kv }) => kv.set("k", 2));
    await kit.until(() => counts.watched === 3);
  });
  await page.close();
});

test("a removed frame says so", async () => {
  const page = await pageWithClock();
  await page.evaluate(async () => {
    const frame = await sandboxes.spawn("opaque frame", patch, { node: "n" });
    await frame.run(({ kv }) => void kv.watch("k", () => 1));
    await frame.run(({ kv }) => kv.get("k"));
    frame.remove();
  });
  await page.waitForFunction(() => counts.closed === 1, null, { polling: 20, timeout: 5000 });
  await page.close();
});

test("a host that is gone without a word: pending calls are Closed", async () => {
  const page = await pageWithClock();
  await page.evaluate(async () => {
    const { connect, isPatchStoreError } = await import("/pkg/sandbox.js");
    const { port1, port2 } = new MessageChannel();
    port1.start();
    const { kv } = connect(port2);
    globalThis.outcome = "pending";
    kv.get("k").catch((error) => (globalThis.outcome = isPatchStoreError(error) && error.code));
  });
  await pass(page, 40);
  const early = await page.evaluate(() => outcome);
  await pass(page, 60);
  const late = await page.evaluate(() => outcome);
  if (early !== "pending" || late !== "Closed") throw new Error(`${early}, then ${late}`);
  await page.close();
});
