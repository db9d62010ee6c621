/**
 * Which commit a recorded benchmark is of, and whether what it measured has changed since.
 *
 *   node scripts/bench/commit.mjs   says it of www/bench/results*.json; never fails
 */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";

/** What the figures depend on. */
const MEASURED = ["src", "Cargo.toml", "Cargo.lock"];

const project = fileURLToPath(new URL("../..", import.meta.url));

/** What git says; undefined where it has nothing to say, or is not there. */
function git(root, ...args) {
  try {
    return execFileSync("git", ["-C", root, ...args], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return undefined;
  }
}

/** The commit at hand, and whether what is measured is `changed` beside it; {} where git is not there. */
export function commitAtHand(root = project) {
  const commit = git(root, "rev-parse", "--verify", "HEAD");
  if (!commit) return {};
  const changed = git(root, "status", "--porcelain", "--", ...MEASURED) !== "";
  return changed ? { commit, changed } : { commit };
}

/** What is to be said of figures that were taken of `commit`; undefined where they are those of the code. */
export function staleness(commit, root = project) {
  if (!commit) return "names no commit";
  const short = commit.slice(0, 10);
  if (git(root, "rev-parse", "--verify", "HEAD") === undefined) return `is of ${short}; no git history is here to compare with`;
  if (git(root, "cat-file", "-e", `${commit}^{commit}`) === undefined) return `is of ${short}, which is not in this history`;
  const files = git(root, "diff", "--name-only", commit, "--", ...MEASURED);
  if (!files) return undefined;
  return `is of ${short}; ${files.split("\n").length} files of ${MEASURED.join(", ")} have changed since: its figures may not be those of this code`;
}

if (argv[1] === fileURLToPath(import.meta.url)) {
  for (const name of ["results", "results-firefox", "results-webkit", "results-sqlite"]) {
    const file = `${project}www/bench/${name}.json`;
    if (!existsSync(file)) continue;
    const stale = staleness(JSON.parse(readFileSync(file, "utf8")).commit);
    if (stale) console.log(`bench: the recorded www/bench/${name}.json ${stale}`);
  }
}
