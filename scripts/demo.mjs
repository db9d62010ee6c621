/**
 * Serves the demo page. With HEADLESS=1, in CI, or without a terminal: drives it and checks it.
 * PORT chooses the port of the served page (default: any that is free).
 */
import { fileURLToPath } from "node:url";
import { drive } from "./demo/drive.mjs";
import { MOVIES, PAPERS, serveDemo } from "./demo/serve.mjs";

const headless = process.env.HEADLESS
  ? process.env.HEADLESS !== "0"
  : Boolean(process.env.CI) || !process.stdout.isTTY;
const tell = (line) => console.log(`demo: ${line}`);

const { url, close } = await serveDemo(Number(process.env.PORT ?? 0));
tell(url);
if (headless) {
  const pictures = fileURLToPath(new URL("../target/demo", import.meta.url));
  try {
    await drive({ url, movies: MOVIES, papers: PAPERS, pictures, tell });
    tell(`screenshots in ${pictures}`);
  } catch (error) {
    console.error(`demo: FAILED\n${error.stack}`);
    process.exitCode = 1;
  } finally {
    close();
  }
} else {
  tell("Ctrl+C ends it");
}
