/**
 * Plants each bug of tests/mutants.mjs in a copy of the sources and runs the simulation on it: every
 * one must be caught. SEEDS=from..until chooses the worlds (default 0..2000; a bug that survives
 * them meets MORE_SEEDS, 0..20000), TIMEOUT_MS how long building and running one may take (900 000); arguments choose mutants by parts of their names, or by the
 * words of their comments in the sources.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MUTANTS } from "../tests/mutants.mjs";
import { plant } from "./mutants/planting.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const copy = `${root}target/mutants/source`;
const SEEDS = process.env.SEEDS ?? "0..2000";
const MORE_SEEDS = process.env.MORE_SEEDS ?? "0..20000";
const TIMEOUT_MS = Number(process.env.TIMEOUT_MS ?? 900_000);
const wanted = process.argv.slice(2);

rmSync(copy, { recursive: true, force: true });
mkdirSync(copy, { recursive: true });
for (const part of ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "clippy.toml", "src", "tests", "benches"]) {
  cpSync(`${root}${part}`, `${copy}/${part}`, { recursive: true });
}

/** Runs the simulation, or another test, on the copy: how it ended, and what it printed. */
function simulate(seeds, count, test = "simulation") {
  const lib = { lib: "op_log", keys: "sealed", reads: "documents::reads", indexing: "documents::indexing", constraints: "documents::constraints", contents: "models::contents" };
  const which = test in lib ? ["--lib", lib[test]] : ["--test", test];
  const run = spawnSync("cargo", ["test", "--offline", ...which, "--", "--nocapture", "--test-threads=1"], {
    cwd: copy,
    encoding: "utf8",
    timeout: TIMEOUT_MS,
    maxBuffer: 1 << 28,
    env: {
      ...process.env,
      ...(test === "simulation" ? { SEEDS: seeds } : {}),
      ...(count ? { COUNT: "1" } : {}),
      RUST_BACKTRACE: "0",
      CARGO_TARGET_DIR: `${root}target/mutants/target`,
    },
  });
  const text = `${run.stdout}\n${run.stderr}`;
  if (!/^running \d+ tests/m.test(text)) throw new Error(`it does not compile\n${text.slice(-3000)}`);
  return { passed: run.status === 0, text };
}

/** Who caught it. */
function witnesses(text) {
  const seeds = /failing: (\d+) of (\d+)/.exec(text);
  if (seeds) return `${seeds[1]} of ${seeds[2]} seeds`;
  const found = /failing seeds \[(.*?)\]/.exec(text);
  if (found) return `seeds ${found[1]}, …`;
  return [...text.matchAll(/^test (\S+) \.\.\. FAILED/gm)].map(([, test]) => test).join(", ") || "a crash";
}

const passing = new Set();

/** A world that fails without a planted bug is no witness of any. */
function mustPass(seeds, test = "simulation") {
  const what = `${test} ${seeds}`;
  if (passing.has(what)) return;
  const { passed, text } = simulate(seeds, true, test);
  if (!passed) throw new Error(`the sources fail without a planted bug: ${witnesses(text)}`);
  passing.add(what);
}

/** Runs `body` with the mutant's edits in the copy. */
function planted(mutant, body) {
  const undo = plant(copy, mutant);
  try {
    return body();
  } finally {
    undo();
  }
}

/** Whether it is caught. */
function judge(mutant) {
  mustPass(SEEDS, mutant.test);
  let run = planted(mutant, () => simulate(SEEDS, true, mutant.test));
  if (run.passed && mutant.test === undefined) {
    mustPass(MORE_SEEDS);
    run = planted(mutant, () => simulate(MORE_SEEDS, false));
  }
  console.log(run.passed ? `SURVIVED  ${mutant.name}` : `caught    ${mutant.name}: by ${witnesses(run.text)}`);
  return !run.passed;
}

const chosen = MUTANTS.filter(({ name, edits }) => wanted.length === 0 || wanted.some((word) => name.includes(word) || edits.some(({ at }) => at === word)));
const caught = chosen.filter((mutant) => {
  try {
    return judge(mutant);
  } catch (error) {
    console.error(`mutants: "${mutant.name}": ${error.message}`);
    return false;
  }
});
console.log(`mutants: ${caught.length} of ${chosen.length} caught`);
if (caught.length < chosen.length) process.exitCode = 1;
