/** Bundles the benchmark's pages with the peers, and serves them, on any host name. */
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { brotliCompressSync } from "node:zlib";
import sirv from "sirv";
import { build } from "vite";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = `${root}www/bench`;
const site = `${root}target/bench/site`;

const read = (path) => JSON.parse(readFileSync(root + path));

/** Of each package that a system may name. */
const versions = () =>
  Object.fromEntries([
    ["patchstore", read("pkg/package.json").version],
    ...Object.keys(read("package.json").devDependencies).map((name) => [name, read(`node_modules/${name}/package.json`).version]),
  ]);

/** Puts the site into target/bench/site; resolves to Vite's manifest: each module's files. */
export async function buildSite() {
  await build({
    root: pages,
    base: "./",
    configFile: false,
    logLevel: "warn",
    resolve: {
      alias: {
        patchstore: `${root}pkg/index.js`,
        "movies.json": `${root}node_modules/vega-datasets/data/movies.json`,
      },
    },
    define: { __VERSIONS__: JSON.stringify(versions()) },
    worker: { format: "es" },
    build: {
      outDir: site,
      emptyOutDir: true,
      manifest: "manifest.json",
      target: "es2022",
      modulePreload: false,
      chunkSizeWarningLimit: 5000,
      assetsInlineLimit: 0,
      rollupOptions: { checks: { pluginTimings: false }, input: [`${pages}/index.html`, `${pages}/run.html`] },
    },
  });
  return read("target/bench/site/manifest.json");
}

/** The bytes, by brotli, of those of the fetched files that are not the benchmark's own: code, workers, wasm. */
export function bytesOverTheWire(manifest, fetched) {
  const { imports = [] } = manifest["run.html"];
  const own = Object.entries(manifest)
    .filter(([key, { isEntry }]) => isEntry || imports.includes(key) || key.endsWith("movies.json"))
    .map(([, { file }]) => file);
  return [...fetched]
    .filter((file) => /\.(js|wasm)$/.test(file) && !own.includes(file))
    .reduce((sum, file) => sum + brotliCompressSync(readFileSync(`${site}/${file}`)).length, 0);
}

/** Isolated, so that the clock is fine and memory can be measured. */
const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

/**
 * @returns {Promise<{port: number, fetched(name: string): Set<string>, close(): void}>} `fetched`: the
 *   files that pages of `http://<name>.localhost` have asked for
 */
export async function serveSite(port = 0) {
  const files = sirv(site, { setHeaders: (response) => Object.entries(HEADERS).forEach(([name, value]) => response.setHeader(name, value)) });
  const asked = new Map();
  const fetched = (name) => asked.get(name) ?? asked.set(name, new Set()).get(name);
  const server = createServer((request, response) => {
    fetched(request.headers.host.split(".localhost")[0]).add(request.url.slice(1));
    files(request, response, () => response.writeHead(404).end());
  });
  await new Promise((listening, failed) => {
    server.once("error", failed);
    server.listen(port, "127.0.0.1", listening);
  });
  return {
    port: server.address().port,
    fetched,
    close() {
      server.closeAllConnections();
      server.close();
    },
  };
}
