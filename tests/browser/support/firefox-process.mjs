/** Firefox as processes of ours, to be killed, driven by WebDriver; its tab holds the patch "kill". */
import { createInterface } from "node:readline";
import { killAll, start } from "./processes.mjs";

/** GECKODRIVER names another driver. */
const DRIVER = process.env.GECKODRIVER ?? "geckodriver";

/** How long a script may take: reading everything. */
const SCRIPT_MS = 60_000;

/** Starts it on `profile`. */
export async function launch(profile, origin) {
  const child = start(DRIVER, ["--port", "0"]);
  try {
    const address = await new Promise((resolve, reject) => {
      createInterface({ input: child.stdout }).on("line", (line) => {
        const found = /Listening on (\S+)/.exec(line);
        if (found) resolve(found[1]);
      });
      child.once("error", reject);
      child.once("exit", (code) => reject(new Error(`${DRIVER} ended with ${code}`)));
    });
    const options = { args: ["-headless", "-profile", profile] };
    const alwaysMatch = { "moz:firefoxOptions": options, timeouts: { script: SCRIPT_MS } };
    const { sessionId } = await command(`http://${address}/session`, { capabilities: { alwaysMatch } });
    const session = `http://${address}/session/${sessionId}`;
    return { kill: () => killAll(child), openTab: () => openTab(session, origin) };
  } catch (error) {
    await killAll(child);
    throw error;
  }
}

async function command(url, body) {
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
  return value;
}

/** What the page itself runs: WebDriver's scripts run in a realm of their own, where IndexedDB's bytes are foreign. */
const MODULE = `
  import * as batches from "/tests/browser/support/batches.mjs";
  import { openPatch } from "/pkg/index.js";
  const patch = await openPatch("kill");
  const state = { last: 0, failure: null };
  const heard = (_, n) => (state.last = Math.max(state.last, n));
  globalThis.inspect = async (writers) => JSON.stringify(await batches.inspect(patch, JSON.parse(writers)));
  globalThis.write = (writer, first) =>
    void batches.write(patch, writer, first, heard).catch((error) => (state.failure = String(error)));
  globalThis.look = () => JSON.stringify(state);
`;

async function openTab(session, origin) {
  const run = (script, ...args) => command(`${session}/execute/sync`, { script, args });
  const call = (name, ...args) => run(`return window.${name}(...arguments)`, ...args);
  await command(`${session}/url`, { url: `${origin}/tests/browser/engine/page.html` });
  await run(
    `const script = document.createElement("script");
    script.type = "module";
    script.textContent = arguments[0];
    document.head.append(script);`,
    MODULE,
  );
  const deadline = Date.now() + SCRIPT_MS;
  while (!(await run("return window.look !== undefined"))) {
    if (Date.now() > deadline) throw new Error("the page did not open the patch");
  }
  return {
    inspect: async (writers) => JSON.parse(await call("inspect", JSON.stringify(writers))),
    /** Writes until it fails; `acknowledged` hears of the batches, now and then of several at once. */
    async write(writer, first, acknowledged) {
      await call("write", writer, first);
      for (;;) {
        const { last, failure } = JSON.parse(await call("look"));
        if (failure !== null) throw new Error(failure);
        if (last > 0) acknowledged(writer, last);
      }
    },
  };
}
