/** The nodes that own data in the patches of this page, to clean up after those that are gone. */
import { patches } from "./open.js";
import { bytes, element, guarded, make, showRows } from "./page.js";

export function startNodes(changed) {
  function row(id, patch, { node, bytes: size }) {
    const button = make("button", "Delete", "plain");
    button.setAttribute("aria-label", `Delete the data of ${node} in ${id}`);
    button.addEventListener("click", guarded(async () => {
      await patch.deleteNode(node);
      changed();
    }));
    const line = make("tr");
    const last = make("td", "", "number");
    last.append(button);
    line.append(make("td", node), make("td", id), make("td", bytes(size), "number"), last);
    return line;
  }

  return async function show() {
    const all = await Promise.all(
      [...patches].map(async ([id, patch]) => (await patch.nodes()).map((node) => row(id, patch, node))),
    );
    showRows(element("nodes-rows"), all.flat());
    element("nodes-none").hidden = all.flat().length > 0;
  };
}
