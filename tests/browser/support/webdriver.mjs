/** Firefox and WebKit, driven by WebDriver. */
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { killAll, start } from "./processes.mjs";

/** How long a driver may take to listen. */
const START_MS = 30_000;

/** GECKODRIVER names another driver. */
const DRIVERS = {
  firefox: (port, profile) => ({
    command: [process.env.GECKODRIVER ?? "geckodriver", "--port", `${port}`],
    options: { "moz:firefoxOptions": { args: ["-headless", ...(profile === undefined ? [] : ["-profile", profile])] } },
  }),
  // It has no headless mode, and its sandbox none of a container's rights.
  webkit: (port) => ({
    command: [
      "xvfb-run", "-a", "env", "WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1", "LIBGL_ALWAYS_SOFTWARE=1",
      "WebKitWebDriver", `--port=${port}`,
    ],
    options: {},
  }),
};

/**
 * Starts a browser.
 * @param {"firefox" | "webkit"} name
 * @param {{profile?: string, scriptMs?: number}} options `profile`: the directory that keeps Firefox's data; `scriptMs`: how
 *   long a script may take
 */
export async function drive(name, { profile, scriptMs = 60_000 } = {}) {
  const port = await freePort();
  const { command, options } = DRIVERS[name](port, profile);
  const child = start(command[0], command.slice(1));
  let ended;
  child.once("error", (error) => (ended = error));
  child.once("exit", (code) => (ended ??= new Error(`${command.join(" ")} ended with ${code}`)));
  try {
    const driver = `http://127.0.0.1:${port}`;
    const deadline = Date.now() + START_MS;
    for (;;) {
      if (ended) throw ended;
      if (await fetch(`${driver}/status`).then((answer) => answer.ok, () => false)) break;
      if (Date.now() > deadline) throw new Error(`${command[0]} does not listen`);
      await sleep(50);
    }
    const alwaysMatch = { ...options, timeouts: { script: scriptMs } };
    const { sessionId, capabilities } = await ask(`${driver}/session`, "POST", { capabilities: { alwaysMatch } });
    const session = `${driver}/session/${sessionId}`;
    return {
      version: capabilities.browserVersion,
      open: (url) => ask(`${session}/url`, "POST", { url }),
      /** Runs the body of a function, in a realm of WebDriver's own, where IndexedDB's bytes are foreign. */
      run: (script, ...args) => ask(`${session}/execute/sync`, "POST", { script, args }),
      /** Likewise, until the script calls its last argument. */
      later: (script, ...args) => ask(`${session}/execute/async`, "POST", { script, args }),
      /** Runs the text of a module in the page itself. */
      module: (text) => ask(`${session}/execute/sync`, "POST", { script: MODULE, args: [text] }),
      /** Its windows, by their handles: scripts run in the one that was turned to last. */
      windows: {
        current: () => ask(`${session}/window`, "GET"),
        create: async () => (await ask(`${session}/window/new`, "POST", { type: "window" })).handle,
        turnTo: (handle) => ask(`${session}/window`, "POST", { handle }),
        /** Closes the one that was turned to. */
        close: () => ask(`${session}/window`, "DELETE"),
      },
      /** Has the browser end as a person would have it. */
      async quit() {
        await ask(session, "DELETE");
        await killAll(child);
      },
      kill: () => killAll(child),
    };
  } catch (error) {
    await killAll(child);
    throw error;
  }
}

const MODULE = `
  const script = document.createElement("script");
  script.type = "module";
  script.textContent = arguments[0];
  document.head.append(script);
`;

async function ask(url, method, body) {
  const headers = { "content-type": "application/json" };
  const response = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) });
  const { value } = await response.json();
  if (!response.ok) throw new Error(`${value.error}: ${value.message}`);
  return value;
}

async function freePort() {
  const server = createServer();
  await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address();
  await new Promise((closed) => server.close(closed));
  return port;
}
