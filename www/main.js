/** Starts the parts of the page, and shows what all of them take. */
import { startCounter } from "./counter.js";
import { startMovies } from "./movies.js";
import { startNotes } from "./notes.js";
import { bytes, count, element, make, report } from "./page.js";

const patches = [];

async function showStorage() {
  const all = await Promise.all(patches.map((patch) => patch.stats()));
  const sum = (name) => all.reduce((total, stats) => total + stats[name], 0);
  const figures = {
    Records: count(sum("records")),
    "Their size": bytes(sum("liveBytes")),
    "Waiting in the log": bytes(sum("logBytes")),
    "Dead, to be collected": bytes(sum("garbageBytes")),
    "Used by this origin": bytes(all[0]?.originUsage ?? 0),
  };
  element("storage-figures").replaceChildren(
    ...Object.entries(figures).map(([name, value]) => {
      const group = make("div");
      group.append(make("dt", name), make("dd", value));
      return group;
    }),
  );
}

const changed = () => showStorage().catch(report);

// One part that fails leaves the others alone.
for (const start of [startCounter, startNotes, startMovies]) {
  try {
    patches.push(await start(changed));
  } catch (error) {
    report(error);
  }
}
await changed();
document.documentElement.dataset.ready = "true";
