/** Two scripts, each in a frame of opaque origin that can reach nothing but what it is granted. */
import { openPart } from "./open.js";
import { element, guarded } from "./page.js";

const GRANTS = [
  { title: "Runner A", node: "runner-a", stores: ["shared"] },
  { title: "Runner B", node: "runner-b", stores: ["shared"] },
];

const SCRIPTS = {
  own: `// Increment counter and log history
const count = (await kv.get("count")) ?? 0;
await kv.set("count", count + 1);

await db.insert("history", {
  count: count + 1,
  timestamp: Date.now(),
});

const recent = await db.find("history");
send({ count: count + 1, history: recent.slice(-10) });`,
  shared: `// Both runners share this store
const shared = kv.store("shared");
const hits = await shared.update("hits", (n = 0) => n + 1);
await shared.set("last", node);
send({ hits });`,
  refused: `// This store is not granted
await kv.store("secret").get("anything");`,
};

export async function startSandboxes() {
  const patch = await openPart("sandboxes", "demo-sandboxes");
  const source = await frameSource();
  await Promise.all(GRANTS.map((grant) => startRunner(patch, source, grant)));
}

/** A frame of opaque origin can load nothing of ours: the client comes along as text. */
async function frameSource() {
  const files = ["frame.html", "/pkg/sandbox.js"];
  const [html, client] = await Promise.all(files.map(async (file) => (await fetch(file)).text()));
  return html.replace("CLIENT", () => `data:text/javascript,${encodeURIComponent(client)}`);
}

async function startRunner(patch, source, { title, node, stores }) {
  const runner = element("runner").content.cloneNode(true).firstElementChild;
  const part = (name) => runner.querySelector(`[data-part=${name}]`);
  runner.id = node;
  part("title").textContent = title;
  part("grant").textContent = `node “${node}”, named store “${stores}”`;
  const [script, frame, run] = ["script", "frame", "run"].map(part);
  script.setAttribute("aria-label", `Script of ${title}`);
  frame.title = `${title}, a sandbox`;
  element("runners").append(runner);

  const loaded = new Promise((resolve) => frame.addEventListener("load", resolve, { once: true }));
  frame.srcdoc = source;
  await loaded;
  const [data, control] = [new MessageChannel(), new MessageChannel()];
  patch.serve(data.port1, { node, stores });
  const ready = answer(control.port1);
  frame.contentWindow.postMessage({ node }, "*", [data.port2, control.port2]);
  await ready;

  const examples = part("examples");
  const choose = () => (script.value = SCRIPTS[examples.value]);
  examples.setAttribute("aria-label", `Example for ${title}`);
  examples.addEventListener("change", choose);
  choose();
  run.setAttribute("aria-label", `Run the script of ${title}`);
  run.addEventListener("click", guarded(async () => {
    run.disabled = true;
    control.port1.postMessage(script.value);
    await answer(control.port1);
    run.disabled = false;
  }));
}

const answer = (port) => new Promise((resolve) => (port.onmessage = resolve));
