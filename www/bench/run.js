/**
 * The page in which phases run. Who drives it (a browser's driver, or the page around this frame) writes
 * a call as JSON into the document's element and fires "call"; the answer comes back in the same way.
 * Attributes are the one thing that all drivers can read and write.
 */
import { cleanUp, describe, hold, runPhase } from "./phase.js";

const calls = { cleanUp, describe, hold, runPhase };
const { dataset } = document.documentElement;

document.addEventListener("call", async () => {
  const { name, argument } = JSON.parse(dataset.call);
  try {
    dataset.answer = JSON.stringify({ result: (await calls[name](argument)) ?? null });
  } catch (error) {
    dataset.answer = JSON.stringify({ error: `${error?.stack ?? error}` });
  }
});
dataset.ready = "";
