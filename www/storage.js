/** What the open patches take, and what happens to them. */
import { onEvent, patches } from "./open.js";
import { bytes, count, element, make } from "./page.js";

const EVENTS_SHOWN = 8;

export function startStorage() {
  onEvent((id, event, detail) => {
    const log = element("events-list");
    log.prepend(make("li", `${id}: ${event}, ${told(event, detail)}`));
    while (log.children.length > EVENTS_SHOWN) log.lastChild.remove();
  });

  return async function show() {
    const all = await Promise.all([...patches.values()].map((patch) => patch.stats()));
    const sum = (name) => all.reduce((total, stats) => total + stats[name], 0);
    const figures = {
      Records: count(sum("records")),
      "Size of records": bytes(sum("liveBytes")),
      "Waiting in the log": bytes(sum("logBytes")),
      "Dead, not yet freed": bytes(sum("garbageBytes")),
      "Used by this origin": bytes(all[0]?.originUsage ?? 0),
    };
    element("storage-figures").replaceChildren(
      ...Object.entries(figures).map(([name, value]) => {
        const group = make("div");
        group.append(make("dt", name), make("dd", value));
        return group;
      }),
    );
  };
}

function told(event, { remote, scopes, reason, action, usage, quota }) {
  if (event === "quota") return `${action} at ${bytes(usage)} of ${bytes(quota)}`;
  if (event !== "change") return reason;
  const names = scopes.map(({ node, name }) => (node === undefined ? `store ${name}` : `node ${node}`));
  return [remote ? "another tab" : "this tab", ...names].join(", ");
}
