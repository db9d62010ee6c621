/** Patches taken out of the browser as files, and in again. */
import { exportPatch, importPatch } from "patchstore";
import { bytes, element, ms, timed } from "./page.js";

const TYPES = [{ description: "A patch", accept: { "application/octet-stream": [".patch"] } }];

/** @param attempt makes a handler that tells what its work comes to */
export function startArchives(attempt) {
  const bar = element("archive-progress");
  const onProgress = ({ done, total }) => (bar.value = total > 0 ? done / total : 0);
  const moving = async (work) => {
    bar.value = 0;
    bar.hidden = false;
    try {
      return await work();
    } finally {
      bar.hidden = true;
    }
  };

  element("export-form").addEventListener("submit", attempt(() => {
    const id = element("export-from").value;
    // (Asked for at once: later, the click does not count any more.)
    const target = targetFor(`${id}.patch`);
    return moving(async () => {
      const [size, took] = await timed(async () => (await target).take(await exportPatch(id, { onProgress })));
      return `${id} was exported: ${bytes(size)}, ${ms(took)}.`;
    });
  }));

  element("import-form").addEventListener("submit", attempt(() => moving(async () => {
    const [file] = element("import-file").files;
    const id = element("import-to").value;
    const [{ records }, took] = await timed(() => importPatch(id, file, { onProgress }));
    return `${id} was imported: ${records} records, ${ms(took)}.`;
  })));
}

/** Where a file goes: one that the user chooses, where the browser lets pages write it; otherwise a download. */
async function targetFor(suggestedName) {
  if (typeof showSaveFilePicker === "function" && !navigator.webdriver) {
    const file = await showSaveFilePicker({ suggestedName, types: TYPES });
    return {
      async take(stream) {
        await stream.pipeTo(await file.createWritable());
        return (await file.getFile()).size;
      },
    };
  }
  return {
    async take(stream) {
      const blob = await new Response(stream).blob();
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = suggestedName;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
      return blob.size;
    },
  };
}
