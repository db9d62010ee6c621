/** The schema of messages that is shipped, and what the code takes: the same. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import Ajv from "ajv/dist/2020.js";
import { openBrowser } from "./support/browser.mjs";
import { serve } from "./support/server.mjs";

const MESSAGES = 10_000;
let server, browser, page, schema, accepts;

before(async () => {
  schema = JSON.parse(await readFile(new URL("../../pkg/messages.schema.json", import.meta.url), "utf8"));
  const ajv = new Ajv({ strict: true });
  assert.ok(ajv.validateSchema(schema), JSON.stringify(ajv.errors));
  ajv.addSchema(schema, "messages");
  accepts = (kind) => ajv.getSchema(`messages#/$defs/${kind}Message`);
  server = await serve();
  browser = await openBrowser();
  page = await browser.newPage();
  await page.goto(`${server.origin}/tests/browser/engine/page.html`);
  await page.evaluate(async () => {
    const { openPatch } = await import("/pkg/index.js");
    const patch = await openPatch("schema", { backend: "memory" });
    globalThis.objects = { kv: patch.kvObject({ node: "n" }), db: patch.dbObject({ node: "n" }) };
    globalThis.Messages = (await import("/tests/browser/support/messages.mjs")).Messages;
    globalThis.random = (await import("/tests/browser/api/kit.mjs")).random;
  });
});
after(async () => {
  await browser?.close();
  await server?.close();
});

/** The corpus is JSON text on its way: that also carries lone surrogates. */
const send = async (kind, messages) =>
  JSON.parse(
    await page.evaluate(
      async ([kind, messages]) => JSON.stringify(await Promise.all(JSON.parse(messages).map((m) => objects[kind].send(m)))),
      [kind, JSON.stringify(messages)],
    ),
  );
const refused = ({ op, code }) => op === "error" && (code === "InvalidArgument" || code === "NotStorable");

test("every operation has an example of each form, which schema and code take", async () => {
  let count = 0;
  for (const kind of ["kv", "db"]) {
    const types = await readFile(new URL("../../pkg/index.d.ts", import.meta.url), "utf8");
    const union = kind === "kv" ? /type KvOutput = (.*?)\n};/s.exec(types)[1] : /type DbOutput = (.*?)\n};/s.exec(types)[1];
    const ops = [...union.matchAll(/op: "(\w+)"/g)].map(([, op]) => op).filter((op) => op !== "error");
    assert.deepEqual(schema.$defs[`${kind}Message`].oneOf.map(({ $ref }) => $ref), ops.map((op) => `#/$defs/${kind}.${op}`));
    for (const op of ops) {
      const { title, description, examples, oneOf } = schema.$defs[`${kind}.${op}`];
      assert.equal(title, op);
      assert.ok(description.length > 10);
      assert.deepEqual(oneOf.map(({ title }) => title), ["typed", "shorthand", "text"]);
      for (const [at, example] of examples.entries()) {
        assert.equal(typeof example, at === 2 ? "string" : "object");
        assert.ok(accepts(kind)(example), `${kind}: ${JSON.stringify(example)}`);
        const [output] = await send(kind, [example]);
        assert.equal(output.op, op, `${JSON.stringify(example)}: ${output.message}`);
        count++;
      }
    }
  }
  assert.equal(count, 16 * 3);
});

for (const kind of ["kv", "db"]) {
  test(`${kind}: what the schema takes the code takes, and the other way round`, async () => {
    const messages = JSON.parse(
      await page.evaluate(
        ([kind, count]) => {
          const messages = new Messages(random(kind === "kv" ? 3 : 4));
          return JSON.stringify(Array.from({ length: count }, () => messages.plain(kind)));
        },
        [kind, MESSAGES],
      ),
    ).filter((message) => message !== null);
    const outputs = await send(kind, messages);
    const counts = { both: 0, neither: 0, beyond: 0 };
    messages.forEach((message, at) => {
      const [schemaTakes, codeTakes] = [accepts(kind)(message), !refused(outputs[at])];
      const shown = `${JSON.stringify(message).slice(0, 300)}: ${outputs[at].message ?? outputs[at].op}`;
      if (codeTakes) assert.ok(schemaTakes, `only the code takes ${shown}`);
      if (schemaTakes === codeTakes) counts[codeTakes ? "both" : "neither"]++;
      else {
        // What the schema says that it cannot say: JSON in a text, and operators.
        const isBeyond = kind === "db" && (typeof message === "string" ? message.includes("{") : /\$/.test(JSON.stringify(message)));
        assert.ok(isBeyond, `only the schema takes ${shown}`);
        counts.beyond++;
      }
    });
    assert.ok(counts.both > MESSAGES / 5 && counts.neither > MESSAGES / 10, JSON.stringify(counts));
    assert.ok(counts.beyond < MESSAGES / 20, JSON.stringify(counts));
  });
}
