/**
 * Fails on an import that goes up, around, or in a circle: see `layers/table.mjs`.
 *
 * usage: layers.mjs
 */
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { rustImports } from "./layers/rust.mjs";
import { RUST, TYPESCRIPT } from "./layers/table.mjs";
import { typescriptImports } from "./layers/typescript.mjs";

const root = fileURLToPath(new URL("../src", import.meta.url));
const files = readdirSync(root, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`.slice(root.length + 1));

/** The room of a file: the longest name of the table that it lies in. */
function roomOf(file, table) {
  let name = file.replace(/\.\w+$/, "");
  while (!(name in table)) {
    if (!name.includes("/")) return undefined;
    name = name.slice(0, name.lastIndexOf("/"));
  }
  return name;
}

const faults = [];

function check(imports, table) {
  for (const [file, targets] of imports) {
    const room = roomOf(file, table);
    if (room === undefined) faults.push(`src/${file} lies in no room: add it to scripts/layers/table.mjs`);
    for (const [to, named] of targets) {
      // Who comes through a room's door need not know what lies behind it.
      const other = roomOf(named, table);
      const may = other === room || table[room]?.includes(other);
      if (room !== undefined && other !== undefined && !may) faults.push(`src/${file} imports src/${to}: ${room} may not know ${other}`);
    }
  }
  for (const circle of circles(imports)) faults.push(`a circle: ${circle.map((file) => `src/${file}`).join(", ")}`);
}

/** Tarjan's strongly connected components, of more than one file. */
function circles(imports) {
  const index = new Map();
  const low = new Map();
  const stack = [];
  const found = [];
  const visit = (file) => {
    index.set(file, index.size);
    low.set(file, index.get(file));
    stack.push(file);
    for (const to of imports.get(file)?.keys() ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(file, Math.min(low.get(file), low.get(to)));
    }
    if (low.get(file) !== index.get(file)) return;
    const component = stack.splice(stack.indexOf(file));
    if (component.length > 1) found.push(component);
  };
  for (const file of imports.keys()) if (!index.has(file)) visit(file);
  return found;
}

const rust = rustImports(root, files);
const typescript = typescriptImports(root, files);
check(rust, RUST);
check(typescript, TYPESCRIPT);
for (const fault of faults) console.error(`layers: ${fault}`);
if (faults.length > 0) process.exit(1);
const count = (imports) => [...imports.values()].reduce((sum, targets) => sum + targets.size, 0);
console.log(`layers: ${rust.size + typescript.size} files, ${count(rust) + count(typescript)} imports, none up, around or in a circle`);
