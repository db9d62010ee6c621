/** Reads which TypeScript files import which; types count, since they too say who knows whom. */
import { readFileSync } from "node:fs";
import { posix } from "node:path";

/** @param {string[]} files names below `root`, of all that there are */
export function typescriptImports(root, files) {
  const sources = files.filter((file) => file.endsWith(".ts") && !file.endsWith(".d.ts"));
  const known = new Set(sources);
  const imports = new Map();
  for (const file of sources) {
    const text = readFileSync(`${root}/${file}`, "utf8").replace(/\/\*[\s\S]*?\*\//g, "").replace(/^\s*\/\/.*$/gm, "");
    const named = [...text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*["'](\.[^"']+)["']/g)].map(([, path]) => path);
    const found = named.map((path) => posix.join(posix.dirname(file), path).replace(/\.js$/, ".ts"));
    imports.set(file, new Map(found.filter((to) => known.has(to) && to !== file).map((to) => [to, to])));
  }
  return imports;
}
