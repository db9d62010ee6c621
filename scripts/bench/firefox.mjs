/** Headless Firefox, driven by WebDriver, for pages of the benchmark. */
import { createInterface } from "node:readline";
import { killAll, start } from "../../tests/browser/support/processes.mjs";

/** GECKODRIVER names another driver. */
const DRIVER = process.env.GECKODRIVER ?? "geckodriver";

/** Makes the call and waits for the answer; the last argument is WebDriver's own. */
const CALL = `
  const [text, done] = arguments;
  const { dataset } = document.documentElement;
  const until = (what, then) => (what in dataset ? then() : setTimeout(until, 20, what, then));
  until("ready", () => {
    dataset.call = text;
    document.dispatchEvent(new Event("call"));
    until("answer", () => done(dataset.answer));
  });
`;

/** As `openChromium` does. */
export async function openFirefox(profile) {
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
    const alwaysMatch = {
      "moz:firefoxOptions": { args: ["-headless", "-profile", profile] },
      timeouts: { script: 300_000 },
    };
    const { sessionId, capabilities } = await command(`http://${address}/session`, { capabilities: { alwaysMatch } });
    const session = `http://${address}/session/${sessionId}`;
    async function call(url, name, argument) {
      await command(`${session}/url`, { url });
      const answer = await command(`${session}/execute/async`, { script: CALL, args: [JSON.stringify({ name, argument })] });
      return JSON.parse(answer);
    }
    return { version: `Firefox ${capabilities.browserVersion}`, call, close: () => killAll(child) };
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
