/** Starts sandboxes of every kind of realm and runs functions in them. Loaded by the test page. */

export const KINDS = ["dedicated worker", "module worker", "shared worker", "opaque frame"];

const client = await (await fetch("/pkg/sandbox.js")).text();
const CLIENT_URL = `${location.origin}/pkg/sandbox.js`;

/** What runs in each: takes a port to the host, and one to us, which brings the functions to run. */
const RUNNER = `
  async function start(library, [port, control]) {
    const connection = library.connect(port);
    const failure = async (call) => {
      try {
        return { value: await (typeof call === "function" ? call() : call) };
      } catch (error) {
        const { name, code, remedy, message, path, cause, issues } = error;
        return { name, code, remedy, message, path, issues, cause: cause && String(cause), own: library.isPatchStoreError(error) };
      }
    };
    const kit = { ...connection, connection, library, port, failure };
    control.onmessage = async ({ data: { id, source, args } }) => {
      try {
        control.postMessage({ id, value: await (0, eval)("(" + source + ")")(kit, ...args) });
      } catch (error) {
        control.postMessage({ id, error: String(error?.stack ?? error) });
      }
    };
    control.postMessage({ id: 0 });
  }
`;

const script = (text) => URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
const DYNAMIC = `${RUNNER} const library = import("${CLIENT_URL}");`;

const START = {
  "dedicated worker"(ports) {
    const worker = new Worker(script(`${DYNAMIC} onmessage = async ({ ports }) => start(await library, ports);`));
    worker.postMessage(0, ports);
    return () => worker.terminate();
  },
  "module worker"(ports) {
    const source = `import * as library from "${CLIENT_URL}"; ${RUNNER} onmessage = ({ ports }) => start(library, ports);`;
    const worker = new Worker(script(source), { type: "module" });
    worker.postMessage(0, ports);
    return () => worker.terminate();
  },
  "shared worker"(ports) {
    const source = `${DYNAMIC} onconnect = ({ ports: [port] }) => {
      port.onmessage = async ({ ports }) => start(await library, ports);
    };`;
    const worker = new SharedWorker(script(source));
    worker.port.postMessage(0, ports);
    return () => worker.port.close();
  },
  async "opaque frame"(ports) {
    const frame = document.createElement("iframe");
    frame.sandbox = "allow-scripts";
    frame.srcdoc = `<script type="module">
      import * as library from "data:text/javascript,${encodeURIComponent(client)}";
      ${RUNNER}
      onmessage = ({ ports }) => start(library, ports);
    <\/script>`;
    const loaded = new Promise((resolve) => (frame.onload = resolve));
    document.body.append(frame);
    await loaded;
    frame.contentWindow.postMessage(0, "*", ports);
    return () => frame.remove();
  },
};

/**
 * A sandbox that is served `patch`.
 * @returns `run(function, ...args)`: runs it there, with a kit in front of its arguments; `remove()`: ends
 *   the realm without a word; `served`: what serve() returned
 */
export async function spawn(kind, patch, grant = { node: "n" }) {
  const data = new MessageChannel();
  const control = new MessageChannel();
  const served = patch.serve(data.port1, grant);
  const waiting = new Map();
  let last = 0;
  const started = new Promise((resolve) => waiting.set(0, { resolve }));
  control.port1.onmessage = ({ data: { id, value, error } }) => {
    const { resolve, reject } = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) resolve(value);
    else reject(new Error(`in the ${kind}: ${error}`));
  };
  const remove = await START[kind]([data.port2, control.port2]);
  await started;
  const run = (work, ...args) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject });
      control.port1.postMessage({ id: last, source: work.toString(), args });
    });
  return { kind, run, remove, served };
}

/** The same in each kind of realm, every time with a patch of its own; `more`: of the grant. */
export async function inEach(open, work, more = {}) {
  for (const kind of KINDS) {
    const patch = await open();
    const sandbox = await spawn(kind, patch, { node: "n", stores: ["shared"], ...more });
    await work(sandbox, patch).catch((error) => {
      error.message = `${kind}: ${error.message}`;
      throw error;
    });
    sandbox.remove();
    await patch.close();
  }
}
