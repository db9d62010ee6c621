/** Reads which files of the crate import which, by the paths that they name. */
import { readFileSync } from "node:fs";

const TEST_FILE = /(^|[/_])(tests|testing|fake)\.rs$|_tests\.rs$/;

/** Folders that are crates of their own. */
const CRATES = ["import", "kdf"];

/** Without comments, strings and what is only compiled for tests. */
function code(text) {
  return text
    .replace(/\/\/.*$/gm, "")
    .replace(/"(?:[^"\\]|\\.)*"/g, '""')
    .replace(/#\[cfg\((?:all\()?test\b[^\]]*\]\s*(?:pub )?mod \w+\s*\{[\s\S]*$/, "")
    .replace(/#\[cfg\((?:all\()?test\b[^\]]*\]\s*(?:pub )?mod \w+;/g, "");
}

/** The paths of a `use` tree: `a::{b, c::{d, e as f}}` has three. */
function paths(tree) {
  const found = /^([^{]*?)\{([\s\S]*)\}$/.exec(tree.trim());
  if (!found) return [tree.trim().replace(/ as [\s\S]*$/, "")];
  const parts = [];
  let depth = 0;
  let part = "";
  for (const char of found[2]) {
    depth += char === "{" ? 1 : char === "}" ? -1 : 0;
    if (char === "," && depth === 0) {
      parts.push(part);
      part = "";
    } else part += char;
  }
  return [...parts, part].filter((each) => each.trim()).flatMap((each) => paths(found[1] + each.trim()));
}

/** @param {string[]} files names below `root`, of all that there are */
export function rustImports(root, files) {
  const sources = files.filter((file) => file.endsWith(".rs") && !TEST_FILE.test(file));
  const modules = new Map(sources.map((file) => [file.replace(/(^|\/)(mod|lib)\.rs$/, "").replace(/\.rs$/, ""), file]));
  const texts = new Map(sources.map((file) => [file, code(readFileSync(`${root}/${file}`, "utf8"))]));
  const uses = (file) => [...texts.get(file).matchAll(/^\s*(pub(?:\([^)]*\))? )?use ([^;]+);/gm)]
    .flatMap(([, exported, tree]) => paths(tree).map((path) => ({ exported: Boolean(exported), path })));

  const absolute = (module, path) => {
    let at = module === "" ? [] : module.split("/");
    const names = path.split("::");
    if (names[0] === "crate") at = CRATES.filter((crate) => module === crate || module.startsWith(`${crate}/`));
    else if (names[0] === "self" || names[0] === "super") {
      while (names[0] === "super") {
        at = at.slice(0, -1);
        names.shift();
      }
      return [...at, ...names.filter((name) => name !== "self")];
    } else if (modules.has([...at, names[0]].join("/"))) return [...at, ...names];
    else return undefined;
    return [...at, ...names.slice(1)];
  };

  /** The module that a path names, and the one that it leads to through what others export again. */
  function target(names, depth = 0) {
    let length = names.length;
    while (length > 0 && !modules.has(names.slice(0, length).join("/"))) length--;
    const named = names.slice(0, length).join("/");
    const rest = names.slice(length);
    const door = modules.get(named);
    for (const { exported, path } of rest.length > 0 && depth < 8 && door ? uses(door) : []) {
      if (!exported || path.split("::").at(-1) !== rest[0]) continue;
      const through = absolute(named, path);
      if (through) return { named, leads: target([...through, ...rest.slice(1)], depth + 1).leads };
    }
    return { named, leads: named };
  }

  const imports = new Map();
  for (const [module, file] of modules) {
    const found = new Map();
    const text = texts.get(file);
    const rest = text.replace(/^\s*(pub(?:\([^)]*\))? )?use ([^;]+);/gm, "");
    const inline = [...rest.matchAll(/\b(?:crate|super)(?:::\w+)+/g)].map(([path]) => ({ exported: false, path }));
    for (const { exported, path } of [...uses(file), ...inline]) {
      const names = absolute(module, path);
      if (!names) continue;
      const { named, leads } = target(names);
      const to = modules.get(leads);
      // What a door only exports, it does not import.
      const isUsed = !exported || new RegExp(`\\b${path.split("::").at(-1)}\\b`).test(rest);
      if (to && to !== file && isUsed) found.set(to, modules.get(named));
    }
    imports.set(file, found);
  }
  return imports;
}
