/** Shows the results that came along, and measures anew in this browser: each phase in a frame of its own. */
import { charts } from "./charts.js";
import { measure } from "./plan.js";
import { summarize } from "./report.js";
import recorded from "./results.json";
import { systems as known } from "./systems/index.js";
import { resultTable, targetTable } from "./tables.js";
import { undriven } from "./work/index.js";

const find = (id) => document.getElementById(id);

/** Calls a function of run.js in a fresh frame. */
async function call(name, argument) {
  const frame = document.createElement("iframe");
  frame.src = "run.html";
  find("frames").append(frame);
  try {
    await new Promise((loaded) => (frame.onload = loaded));
    const root = frame.contentDocument.documentElement;
    await attribute(root, "ready");
    root.dataset.call = JSON.stringify({ name, argument });
    frame.contentDocument.dispatchEvent(new Event("call"));
    const { result, error } = JSON.parse(await attribute(root, "answer"));
    if (error) throw new Error(error);
    return result;
  } finally {
    frame.remove();
  }
}

function attribute(root, name) {
  if (name in root.dataset) return root.dataset[name];
  return new Promise((resolve) => {
    const observer = new MutationObserver(() => {
      if (!(name in root.dataset)) return;
      observer.disconnect();
      resolve(root.dataset[name]);
    });
    observer.observe(root, { attributes: true });
  });
}

function show(results) {
  if (!results.cells) return;
  const versions = Object.values(results.systems).flatMap(({ versions }) => Object.entries(versions));
  find("about").textContent =
    `${results.date.slice(0, 10)}, ${results.browser}, ${results.machine}; medians of ${results.rounds} rounds ` +
    `(hover: spread); ${versions.map((pair) => pair.join(" ")).join(", ")}.`;
  find("results").replaceChildren(resultTable(results), targetTable(results), charts(results));
}

async function run(systems, rounds) {
  const items = undriven().map(({ id }) => id).filter((id) => id !== "disk" && id !== "memory");
  const prefix = Date.now().toString(36);
  const samples = await measure({
    systems, items, rounds,
    run: (job) => call("runPhase", { ...job, prefix: `${prefix}-${job.prefix}` }),
    heard: ({ system, round, ms }) => {
      find("progress").textContent = `round ${round + 1}: ${system}, ${(ms / 1000).toFixed(1)} s`;
      call("cleanUp", { system, prefix: `${prefix}-${system}-${round}-` }).catch(console.error);
    },
  });
  return {
    date: new Date().toISOString(),
    machine: `${navigator.hardwareConcurrency} threads`,
    browser: navigator.userAgent,
    rounds, systems,
    cells: summarize(samples),
  };
}

show(recorded);
const described = {};
for (const name of Object.keys(known)) {
  described[name] = await call("describe", name);
  const { title } = described[name];
  const label = document.createElement("label");
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name, checked: ["patchstore", "indexeddb"].includes(name) });
  label.append(box, ` ${title}`);
  find("systems").append(label);
}
find("run").onsubmit = async (event) => {
  event.preventDefault();
  const form = event.target;
  const names = Object.keys(described).filter((name) => form.elements[name].checked);
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    show(await run(Object.fromEntries(names.map((name) => [name, described[name]])), Number(form.elements.rounds.value)));
  } catch (error) {
    find("progress").textContent = `${error}`;
  } finally {
    button.disabled = false;
  }
};
