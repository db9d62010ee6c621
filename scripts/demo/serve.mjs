/** Serves the demo page. */
import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import sirv from "sirv";

const root = fileURLToPath(new URL("../..", import.meta.url));
const datasets = `${root}node_modules/vega-datasets/data`;
const papers = `${root}node_modules/pdf-parse/test/data`;

/** The data set that the page stores. */
export const MOVIES = `${datasets}/movies.json`;

/** PDFs of several pages: one that the page imports, and another one. */
export const PAPERS = ["01-valid", "04-valid"].map((name) => `${papers}/${name}.pdf`);

/**
 * The page at /, the package at /pkg/, the data sets at /data/, PDFs at /pdfs/, pdf.js at /pdfjs/.
 * @param {number} port 0 for any that is free
 * @returns {Promise<{url: string, close(): void}>}
 */
export async function serveDemo(port = 0) {
  const mounts = [
    ["/pkg/", sirv(`${root}pkg`, { dev: true })],
    ["/data/", sirv(datasets, { dev: true })],
    ["/pdfs/", sirv(papers, { dev: true })],
    ["/pdfjs/", sirv(`${root}node_modules/pdfjs-dist`, { dev: true })],
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
  return {
    url: `http://localhost:${server.address().port}/`,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
