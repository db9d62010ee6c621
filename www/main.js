/** Starts the parts of the page, and shows anew what depends on all of them. */
import { startCounter } from "./counter.js";
import { startSite } from "./cms/section.js";
import { startDevices } from "./devices.js";
import { startEncryption } from "./encryption.js";
import { startImport } from "./import.js";
import { startMovies } from "./movies.js";
import { startNodes } from "./nodes.js";
import { startNotes } from "./notes.js";
import { startOpLog } from "./op-log.js";
import { onEvent } from "./open.js";
import { isClosed, report } from "./page.js";
import { startPatches } from "./patches.js";
import { startQuestions } from "./questions/questions.js";
import { startSandboxes } from "./sandboxes.js";
import { startSpace } from "./space.js";
import { startStorage } from "./storage.js";
import { startAssets } from "./stroma/assets-section.js";
import { startLibrary } from "./stroma/section.js";

/** The overviews are made when nothing has changed for so long. */
const REST_MS = 250;

let timer;
let showing = Promise.resolve();
const changed = () => {
  clearTimeout(timer);
  timer = setTimeout(showNext, REST_MS);
};
/** One after the other, so that what is shown last is the latest. */
const showNext = () => (showing = showing.then(showAll));
const overviews = [startPatches(changed), startNodes(changed), startStorage()];

/** A patch may be closed while it is looked at; that is an event as well, after which all is shown anew. */
async function showAll() {
  const shown = await Promise.allSettled(overviews.map((show) => show()));
  for (const { reason } of shown) {
    if (reason !== undefined && !isClosed(reason)) report(reason);
  }
}

onEvent(changed);

// One part that fails leaves the others alone.
for (const start of [startCounter, startNotes, startOpLog, startSpace, startDevices, startEncryption, startSandboxes, startImport, startMovies, startQuestions, startLibrary, startAssets, startSite]) {
  await start().catch(report);
}
await showNext();
document.documentElement.dataset.ready = "true";
