/** Drives what is shown of the nodes that own data, and deletes what one of them owns. */
import { match, strictEqual } from "node:assert/strict";
import { eventually, press, rowsOf } from "./page.mjs";
import { seen } from "./sandboxes.mjs";

const NODES = [
  "demo-counter kv-3",
  "demo-import node-7",
  "demo-notes db-1",
  "demo-sandboxes runner-a",
  "demo-sandboxes runner-b",
];

const nodesOf = async (page) => (await rowsOf(page, "#nodes-rows")).map(([node, id]) => `${id} ${node}`).sort();

export async function checkNodes(page) {
  await eventually(() => nodesOf(page), NODES, "nodes that own data");
  for (const [node, id, size] of await rowsOf(page, "#nodes-rows")) match(size, /^[1-9].*B$/, `size of ${node} in ${id}`);
  return `nodes: ${NODES.length} own data`;
}

export async function deleteNode(page) {
  await press(page, "Delete the data of runner-b in demo-sandboxes");
  await eventually(() => nodesOf(page), NODES.slice(0, -1), "without a node's data");
  await eventually(async () => (await seen(page, "runner-b")).count, "–", "the node sees that its data is gone");
  strictEqual((await seen(page, "runner-a")).count, "2", "the other node's data stays");
  return "nodes: one's data was deleted";
}
