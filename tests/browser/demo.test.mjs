/** The demo page, used as a person would, with a restart of the browser in between. */
import { test } from "node:test";
import { drive } from "../../scripts/demo/drive.mjs";
import { MOVIES, PAPERS, serveDemo } from "../../scripts/demo/serve.mjs";

test("the demo page does all that it shows, and finds it again", { timeout: 300_000 }, async (t) => {
  const { url, close } = await serveDemo();
  try {
    await drive({ url, movies: MOVIES, papers: PAPERS, tell: (line) => t.diagnostic(line) });
  } finally {
    close();
  }
});
