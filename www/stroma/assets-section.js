/** The library's files on the page: every content, what uses it, and what it takes. */
import { openPart } from "../open.js";
import { bytes, count, element, guarded, make, ms, renewing, showRows, timed } from "../page.js";
import { Library, OPTIONS } from "./storage.js";

export async function startAssets() {
  const patch = await openPart("assets", "demo-library", OPTIONS);
  const library = new Library(patch);
  const told = element("assets-told");
  const picked = element("assets-file");
  const image = element("assets-image");

  const show = renewing(async () => {
    const [contents, { blobBytes }] = await Promise.all([library.listContents(), patch.stats()]);
    showRows(element("assets-rows"), contents.map(row));
    element("assets-bytes").textContent = bytes(blobBytes);
    element("assets-count").textContent = contents.length === 1 ? "1 content" : `${count(contents.length)} contents`;
  });

  function row({ hash, size, held, uses }) {
    const line = make("tr");
    const buttons = make("td");
    const name = make("td");
    name.append(make("code", `${hash.slice(0, 12)}…`));
    const titles = uses.map(({ reference }) => reference?.title ?? "nobody").sort();
    line.append(name, make("td", bytes(size), "number"), make("td", held ? "held" : "not held"), make("td", titles.join(", ") || "–"), buttons);
    const [use] = uses;
    if (use?.file.type.startsWith("image/")) action(buttons, "Show", titles[0], "plain", () => showImage(use));
    if (use) action(buttons, "Delete", titles[0], "danger", () => remove(uses));
    line.dataset.hash = hash;
    return line;
  }

  function action(cell, text, title, className, work) {
    const button = make("button", text, className);
    button.setAttribute("aria-label", `${text} the file of ${title}`);
    button.addEventListener("click", guarded(async () => {
      await work();
      await show();
    }));
    cell.append(button, " ");
  }

  async function showImage({ uri, metadata }) {
    image.src = await library.getAssetPath(uri);
    image.alt = metadata.name;
    image.hidden = false;
  }

  /** With all references to it: then nothing holds it, and its space is there when it has been collected. */
  async function remove(uses) {
    image.hidden = true;
    for (const { reference_id } of uses) await library.deleteReference(reference_id);
    told.textContent = `${count(uses.length)} deleted; its bytes go when they are collected`;
  }

  const putting = (work) => guarded(async () => {
    const files = [...picked.files];
    const progress = element("assets-progress");
    progress.hidden = false;
    const [, took] = await timed(async () => {
      for (const [at, file] of files.entries()) {
        progress.value = at / files.length;
        await work(file, (done) => (progress.value = (at + done / Math.max(1, file.size)) / files.length));
      }
    });
    progress.hidden = true;
    told.textContent = `${count(files.length)} put: ${bytes(files.reduce((sum, { size }) => sum + size, 0))}, ${ms(took)}`;
    picked.value = "";
    enable();
    await show();
  });
  const [put, withReferences] = [element("assets-put"), element("assets-import")];
  const enable = () => (put.disabled = withReferences.disabled = picked.files.length === 0);
  picked.addEventListener("change", enable);
  put.addEventListener("click", putting((file, onProgress) => patch.blobs.put(file, { onProgress })));
  withReferences.addEventListener("click", putting((file, onProgress) => library.importFile(file, { kind: kindOf(file), onProgress })));

  element("assets-compact").addEventListener("click", guarded(async () => {
    const before = (await patch.stats()).blobBytes;
    const [, took] = await timed(() => patch.compact());
    const after = (await patch.stats()).blobBytes;
    told.textContent = `compact(): from ${bytes(before)} to ${bytes(after)} in ${ms(took)}`;
    await show();
  }));

  patch.on("change", guarded(show));
  await show();
}

const kindOf = ({ type }) => (type === "application/pdf" ? "pdf" : type.split("/")[0] || "file");
