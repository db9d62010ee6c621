/** Where the wasm cannot be had: what the error says about it. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

let server, strict, browser;
before(async () => {
  server = await serve();
  strict = await serve(undefined, { "content-security-policy": "script-src 'self'" });
  browser = await openBrowser();
});
after(async () => {
  await browser?.close();
  await strict?.close();
  await server?.close();
});

/** What opening comes to where `answer` decides about the wasm, and once that is over. */
async function refusal(answer, origin = server.origin) {
  const page = await browser.newPage();
  await page.goto(`${origin}/tests/browser/engine/page.html`);
  if (answer !== undefined) await page.route("**/patchstore_bg.wasm", answer);
  const open = async () => {
    const lib = await import("/pkg/index.js");
    const refused = await lib.openPatch("a", { backend: "memory" }).then((patch) => patch.close(), (error) => error);
    return refused && { code: refused.code, message: refused.message, cause: String(refused.cause) };
  };
  const found = await page.evaluate(open);
  await page.unroute("**/patchstore_bg.wasm");
  const later = await page.evaluate(open);
  await page.close();
  return { ...found, later };
}

test("a page in the place of the wasm: where from, what came, and what may be the matter", async () => {
  const html = "<!DOCTYPE html><title>An app</title>";
  const { code, message, later } = await refusal((route) => route.fulfill({ contentType: "text/html; charset=utf-8", body: html }));
  assert.equal(code, "Unavailable");
  for (const part of [`${server.origin}/pkg/patchstore_bg.wasm`, "text/html; charset=utf-8", "<!DOCTYPE html>", "base path", "optimizeDeps.exclude"]) {
    assert.ok(message.includes(part), `${message} lacks ${part}`);
  }
  assert.equal(later, undefined, "the next call tries again");
});

test("an error of the server's, no network, damaged wasm, wasm of another type", async () => {
  const missing = await refusal((route) => route.fulfill({ status: 404, contentType: "text/html", body: "none" }));
  assert.match(missing.message, /pkg\/patchstore_bg\.wasm: the server answers 404/);
  const offline = await refusal((route) => route.abort());
  assert.match(offline.message, /pkg\/patchstore_bg\.wasm: TypeError.*offline.*connect-src/);
  assert.match(offline.cause, /^TypeError/);
  const damaged = await refusal((route) => route.fulfill({ contentType: "application/wasm", body: "damaged" }));
  assert.match(damaged.message, /pkg\/patchstore_bg\.wasm: CompileError/);
  const empty = await refusal((route) => route.fulfill({ contentType: "text/plain", body: "" }));
  assert.match(empty.message, /text\/plain, ""/);
  for (const { code, later } of [missing, offline, damaged, empty]) assert.deepEqual([code, later], ["Unavailable", undefined]);
  const untyped = await refusal(async (route) => {
    const response = await route.fetch();
    await route.fulfill({ contentType: "text/plain", body: await response.body() });
  });
  assert.equal(untyped.code, undefined, untyped.message);
});

test("a policy that forbids wasm: what it must say", async () => {
  const { code, message } = await refusal(undefined, strict.origin);
  assert.equal(code, "Unavailable");
  assert.match(message, /script-src needs 'wasm-unsafe-eval'/);
  const allowing = await serve(undefined, { "content-security-policy": "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'" });
  const allowed = await refusal(undefined, allowing.origin);
  await allowing.close();
  assert.equal(allowed.message, undefined, "what README names is enough");
});

test("init: every kind of source, of other realms too; anything else is a wrong call", async () => {
  const good = {
    string: () => "/pkg/patchstore_bg.wasm",
    URL: () => new URL("/pkg/patchstore_bg.wasm", location),
    Response: () => fetch("/pkg/patchstore_bg.wasm"),
    "promise of a Response": () => [fetch("/pkg/patchstore_bg.wasm")],
    "Response of another realm": async () => document.body.appendChild(document.createElement("iframe")).contentWindow.fetch("/pkg/patchstore_bg.wasm"),
    bytes: async () => (await fetch("/pkg/patchstore_bg.wasm")).arrayBuffer(),
    "bytes of another realm": async () => {
      const { Uint8Array } = document.body.appendChild(document.createElement("iframe")).contentWindow;
      return new Uint8Array(await (await fetch("/pkg/patchstore_bg.wasm")).arrayBuffer());
    },
    module: () => WebAssembly.compileStreaming(fetch("/pkg/patchstore_bg.wasm")),
  };
  for (const [kind, make] of Object.entries(good)) {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/tests/browser/engine/page.html`);
    const found = await page.evaluate(`(async () => {
      const lib = await import("/pkg/index.js");
      const out = [];
      for (const wrong of [{ module_or_path: "/pkg/patchstore_bg.wasm" }, null, 5, {}, [], () => 1, new Map(), new WebAssembly.Memory({ initial: 1, maximum: 1, shared: true }).buffer]) {
        out.push(await lib.init(wrong).then(() => "loaded", (error) => error.code));
      }
      out.push(await lib.init(Promise.resolve({})).then(() => "loaded", (error) => error.code));
      const made = await (${make})();
      await lib.init(Array.isArray(made) ? made[0] : made);
      await lib.init();
      const patch = await lib.openPatch("a", { backend: "memory" });
      await patch.kv("s").set("k", 1);
      return [...new Set(out), await patch.kv("s").get("k")];
    })()`);
    assert.deepEqual(found, ["InvalidArgument", 1], kind);
    await page.close();
  }
});

test("parts: none is loaded at first, each by what needs it, and one that cannot be had says so", async () => {
  const page = await browser.newPage();
  await page.goto(`${server.origin}/tests/browser/engine/page.html`);
  const asked = [];
  page.on("request", (request) => asked.push(request.url().split("/").at(-1)));
  const parts = () => asked.filter((file) => file.endsWith(".js")).splice(0);
  await page.evaluate(async () => {
    const lib = (globalThis.lib = await import("/pkg/index.js"));
    const patch = (globalThis.patch = await lib.openPatch("parts", { opLog: true, encryption: { key: new Uint8Array(32) } }));
    await patch.kv("s").set("k", 1);
    await patch.db("d").insert("c", { n: 1 });
    await patch.blobs.put(new Uint8Array(9));
  });
  assert.deepEqual(parts(), ["index.js"]);
  await page.route("**/lines.js", (route) => route.abort());
  const refused = await page.evaluate(async () => {
    const reader = patch.kv("s").exportJsonLines().getReader();
    const errors = [await reader.read().catch((error) => error), await patch.kv("s").importJsonLines("{}").catch((error) => error)];
    return errors.map(({ code, message }) => [code, message]);
  });
  for (const [code, message] of refused) {
    assert.equal(code, "Unavailable");
    assert.match(message, /^lines\.js could not be loaded: /);
  }
  await page.unroute("**/lines.js");
  assert.match(await page.evaluate(() => new Response(patch.kv("s").exportJsonLines()).text()), /"k"/, "the next call tries again");
  asked.length = 0;
  const served = await page.evaluate(async () => {
    // What is ended while its code is loaded hears of it.
    const ended = new MessageChannel();
    const said = new Promise((resolve) => (ended.port2.onmessage = ({ data }) => resolve(data)));
    patch.serve(ended.port1, { node: "n" }).close();
    const [kind, , failure] = await said;
    const { port1, port2 } = new MessageChannel();
    const { connect } = await import("/pkg/sandbox.js");
    patch.serve(port1, { node: "n" });
    const { kv } = await connect(port2);
    await kv.set("k", 2);
    return [kind, failure.code, await patch.node("n").kv.get("k")];
  });
  assert.deepEqual(served, [7, "Closed", 2]);
  assert.deepEqual(parts(), ["serve.js", "sandbox.js"]);
  asked.length = 0;
  await page.evaluate(() => lib.copyPatch("parts", "parts too", { from: { key: new Uint8Array(32) } }));
  assert.deepEqual(parts(), ["whole.js"]);
  await page.close();
});

test("the later part of the wasm: once, by the first call that needs it, in its turn; of no other build", async () => {
  const page = await browser.newPage();
  await page.goto(`${server.origin}/tests/browser/engine/page.html`);
  const asked = [];
  page.on("request", (request) => request.url().endsWith(".wasm") && asked.push(request.url().split("/").at(-1)));
  await page.evaluate(async () => {
    globalThis.lib = await import("/pkg/index.js");
    globalThis.patch = await lib.openPatch("later", { opLog: true });
    await patch.node("a").kv.set("k", 1);
  });
  assert.deepEqual(asked, ["patchstore_bg.wasm"]);
  const refused = () => page.evaluate(() => patch.opLog.pending().then(() => undefined, ({ code, message }) => [code, message]));
  const pattern = "**/patchstore_later_bg.wasm";
  const own = await (await fetch(`${server.origin}/pkg/patchstore_later_bg.wasm`)).arrayBuffer();
  const hash = WebAssembly.Module.imports(new WebAssembly.Module(own)).map(({ module }) => module).find((name) => name.endsWith("1"));
  const other = Buffer.from(Buffer.from(own).toString("latin1").replaceAll(hash, [...hash].reverse().join("")), "latin1");
  await page.route(pattern, (route) => route.fulfill({ contentType: "application/wasm", body: other }));
  const [code, message] = await refused();
  assert.equal(code, "Unavailable");
  assert.match(message, /later part.*another build/is);
  await page.unroute(pattern);
  await page.route(pattern, (route) => route.abort());
  assert.match((await refused())[1], /patchstore_later_bg\.wasm: TypeError.*offline/);
  await page.unroute(pattern);
  asked.length = 0;
  await page.route(pattern, async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 300));
    await route.continue();
  });
  const found = await page.evaluate(async () => {
    const calls = [patch.copyNode("a", "b"), patch.node("a").kv.set("k", 2), patch.node("b").kv.get("k")];
    const [, , copied] = await Promise.all(calls);
    return [copied, await patch.node("a").kv.get("k"), await patch.opLog.count()];
  });
  assert.deepEqual(found, [1, 2, 3], "what is called behind it waits");
  assert.deepEqual(asked, ["patchstore_later_bg.wasm"]);
  await page.close();
});

test("the later part of the wasm comes from beside the first, or from where init says", async () => {
  const sources = {
    "an address": { init: `lib.init("/elsewhere/patchstore_bg.wasm?v=2")`, asked: ["/elsewhere/patchstore_bg.wasm?v=2", "/elsewhere/patchstore_later_bg.wasm?v=2"] },
    "an address of another name": { init: `lib.init("/elsewhere/a.wasm")`, asked: ["/elsewhere/a.wasm", "/pkg/patchstore_later_bg.wasm"] },
    "both": { init: `lib.init(fetch("/elsewhere/a.wasm"), new URL("/elsewhere/b.wasm", location))`, asked: ["/elsewhere/a.wasm", "/elsewhere/b.wasm"] },
  };
  const files = { a: "patchstore_bg", b: "patchstore_later_bg" };
  for (const [kind, { init, asked }] of Object.entries(sources)) {
    const page = await browser.newPage();
    await page.goto(`${server.origin}/tests/browser/engine/page.html`);
    const seen = [];
    page.on("request", (request) => /\.wasm/.test(request.url()) && seen.push(request.url().slice(server.origin.length)));
    await page.route("**/elsewhere/**", async (route) => {
      const [, name] = route.request().url().match(/elsewhere\/(\w+)\.wasm/);
      const response = await fetch(`${server.origin}/pkg/${files[name] ?? name}.wasm`);
      await route.fulfill({ contentType: "application/wasm", body: Buffer.from(await response.arrayBuffer()) });
    });
    const count = await page.evaluate(`(async () => {
      const lib = await import("/pkg/index.js");
      const wrong = await lib.init(undefined, 5).catch((error) => error.code);
      await ${init};
      const patch = await lib.openPatch("a", { backend: "memory", opLog: true });
      await patch.kv("s").set("k", 1);
      return [wrong, await patch.opLog.count()];
    })()`);
    assert.deepEqual([count, seen], [["InvalidArgument", 1], asked], kind);
    await page.close();
  }
});

test("while the later part does not come, reads, writes and closing go on; a closed patch does not ask for it", async () => {
  const page = await browser.newPage();
  await page.goto(`${server.origin}/tests/browser/engine/page.html`);
  let asked = 0;
  await page.route("**/patchstore_later_bg.wasm", () => void (asked += 1));
  const found = await page.evaluate(async () => {
    const lib = await import("/pkg/index.js");
    const unhandled = [];
    addEventListener("unhandledrejection", ({ reason }) => unhandled.push(String(reason)));
    const patch = await lib.openPatch("slow", { opLog: true });
    patch.opLog.watch(() => {});
    const kv = patch.kv("s");
    await kv.set("k", 1);
    const waiting = [patch.opLog.count(), patch.opLog.pending(), patch.opLog.merkle()].map((call) => call.catch(({ code }) => code));
    await kv.set("k", 2);
    const read = await kv.get("k");
    await patch.close();
    const late = await patch.opLog.count().catch(({ code }) => code);
    const other = await lib.openPatch("closed", { opLog: true });
    await other.close();
    const closed = [await other.nodes().catch(({ code }) => code), await other.copyNode("a", "b").catch(({ code }) => code)];
    await new Promise((resolve) => setTimeout(resolve, 50));
    return { read, late, closed, unhandled, waits: await Promise.race([waiting[0], "still"]) };
  });
  assert.deepEqual(found, { read: 2, late: "Closed", closed: ["Closed", "Closed"], unhandled: [], waits: "still" });
  assert.equal(asked, 1);
  await page.close();
});
