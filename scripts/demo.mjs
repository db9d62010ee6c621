/**
 * Serves the demo page. With HEADLESS=1, in CI, or without a terminal: drives it and checks it.
 * PORT chooses the port of the served page (default: any that is free).
 */
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import sirv from "sirv";
import { drive } from "./demo-drive.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const datasets = `${root}node_modules/vega-datasets`;

/** The page at /, the package at /pkg/, the data sets at /data/. */
async function serveDemo(port) {
  const mounts = [
    ["/pkg/", sirv(`${root}pkg`, { dev: true })],
    ["/data/", sirv(`${datasets}/data`, { dev: true })],
    ["/", sirv(`${root}www`, { dev: true })],
  ];
  const server = createServer((request, response) => {
    const [prefix, files] = mounts.find(([start]) => request.url.startsWith(start));
    request.url = request.url.slice(prefix.length - 1);
    files(request, response, () => response.writeHead(404).end());
  });
  await new Promise((listening, failed) => {
    server.once("error", failed);
    server.listen(port, "127.0.0.1", listening);
  });
  return { server, url: `http://localhost:${server.address().port}/` };
}

const headless = process.env.HEADLESS
  ? process.env.HEADLESS !== "0"
  : Boolean(process.env.CI) || !process.stdout.isTTY;
const { server, url } = await serveDemo(Number(process.env.PORT ?? 0));
console.log(`demo: ${url}`);
if (headless) {
  try {
    await drive(url, `${datasets}/data/movies.json`, `${root}target/demo`);
  } catch (error) {
    console.error(`demo: FAILED\n${error.stack}`);
    process.exitCode = 1;
  } finally {
    server.closeAllConnections();
    server.close();
  }
} else {
  console.log("demo: Ctrl+C ends it");
}
