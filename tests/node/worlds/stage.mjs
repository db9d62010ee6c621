/**
 * What a world is played on: the facade as it is, bundled from its sources, over the wasm that simulates
 * (`scripts/build-worlds`). Each world has a wasm of its own, and each life of a tab a facade of its own. Whatever the
 * facade asks of the platform (time, timers, channels) comes from the world.
 */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import vm from "node:vm";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const BUILT = `${root}target/worlds`;
const ENTRY = `
export { openPatch } from "./open.js";
export { init } from "./bridge/load.js";
export { rest } from "./bridge/rest.js";
export { present } from "./bridge/engines.js";
export { snapshot } from "./values/values.js";
`;
/** What stands for itself in the facade, and what stands there in a world. */
const OF_THE_WORLD = {
  "performance.now": "__host.monotonicMs",
  setTimeout: "__host.setTimeout",
  clearTimeout: "__host.clearTimeout",
  MessageChannel: "__host.MessageChannel",
  "import.meta.url": '"file:///world/"',
};

/** A function of `parameters` that evaluates a bundle anew at each call. */
async function evaluator(options, parameters, name) {
  const { outputFiles } = await build({ ...options, bundle: true, format: "iife", globalName: "library", target: "es2022", write: false, logLevel: "error" });
  const code = `(function (${parameters}) {${outputFiles[0].text}\nreturn library; })`;
  return new vm.Script(code, { filename: name }).runInThisContext();
}

/** The glue of the world's wasm takes the place of the published one's. */
const glueOfTheWorld = {
  name: "glue of the world",
  setup(build) {
    build.onResolve({ filter: /target\/glue\/patchstore\.js$/ }, () => ({ path: "glue", namespace: "world" }));
    build.onLoad({ filter: /.*/, namespace: "world" }, () => ({ contents: "module.exports = __glue;", loader: "js" }));
  },
};

/** Puts a planted bug into the sources as they are read. */
const planted = ({ file, from, to }) => ({
  name: "planted bug",
  setup(build) {
    build.onLoad({ filter: new RegExp(`/${file.replaceAll(".", "\\.")}$`) }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      if (text.split(from).length !== 2) throw new Error(`what is to be replaced is not once in ${file}`);
      return { contents: text.replace(from, () => to), loader: "ts" };
    });
  },
});

/**
 * @param mutant a planted bug in the facade: `{file, from, to}`
 * @param built where `scripts/build-worlds` has put the wasm
 * @returns what makes a world's glue, with its wasm, and a facade on it
 */
export async function makeStage(mutant, built = BUILT) {
  const entry = `${built}/glue/patchstore.js`;
  const module = await WebAssembly.compile(readFileSync(entry.replace(".js", "_bg.wasm")));
  // (What is collected, and when, no seed decides: nothing is given back by it.)
  const define = { "import.meta.url": '"file:///world/"', FinalizationRegistry: "undefined" };
  const glue = await evaluator({ entryPoints: [entry], define }, "", "glue.js");
  const facade = await evaluator(
    {
      stdin: { contents: ENTRY, resolveDir: `${root}src/facade`, loader: "ts" },
      external: ["./plain.js"],
      plugins: [glueOfTheWorld, ...(mutant ? [planted(mutant)] : [])],
      define: OF_THE_WORLD,
    },
    "__glue, __host",
    "facade.js",
  );
  return {
    makeGlue() {
      const made = glue();
      made.initSync({ module });
      return made;
    },
    /** A facade whose patches are those of a tab; `port` is the tab's end in the wasm. */
    async makeFacade(glue, port, { strict, logFrames, world }) {
      // (Called, it would load the wasm, which is there; so is its later part.)
      const own = Object.assign(async () => {}, glue, {
        loadLater: async () => {},
        openPort: (_database, _inMemory, isStrict, cacheBytes) => port.openPort(isStrict || strict, cacheBytes, logFrames),
      });
      const library = facade(own, hostOf(world, port));
      await library.init(module, module);
      await library.rest();
      return library;
    },
  };
}

/** What the facade has of the platform in a tab. */
function hostOf(world, port) {
  const cleared = new Set();
  let timers = 0;
  class MessageChannel {
    port1 = { onmessage: undefined, close() {} };
    port2 = { postMessage: (data) => port.after(0, () => this.port1.onmessage?.({ data })) };
  }
  return {
    MessageChannel,
    monotonicMs: () => world.monotonicMs(),
    clearTimeout: (timer) => cleared.add(timer),
    setTimeout(call, ms, ...args) {
      const timer = (timers += 1);
      port.after(ms * 1000, () => cleared.delete(timer) || call(...args));
      return timer;
    },
  };
}
