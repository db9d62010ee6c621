/**
 * Plants each bug of tests/mutants.mjs in a copy of the sources and runs the simulation on it: every
 * one must be caught. SEEDS=from..until chooses the worlds (default 0..3000); arguments choose
 * mutants by words of their names.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MUTANTS } from "../tests/mutants.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const copy = `${root}target/mutants/source`;
const SEEDS = process.env.SEEDS ?? "0..3000";
const wanted = process.argv.slice(2);

rmSync(copy, { recursive: true, force: true });
mkdirSync(copy, { recursive: true });
for (const part of ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "clippy.toml", "src", "tests"]) {
  cpSync(`${root}${part}`, `${copy}/${part}`, { recursive: true });
}

/** Runs the simulation on the copy: how it ended, and what it printed. */
function simulate() {
  const run = spawnSync("cargo", ["test", "--offline", "--test", "simulation", "--", "--nocapture", "--test-threads=1"], {
    cwd: copy,
    encoding: "utf8",
    timeout: 900_000,
    maxBuffer: 1 << 28,
    env: {
      ...process.env,
      SEEDS,
      COUNT: "1",
      RUST_BACKTRACE: "0",
      CARGO_TARGET_DIR: `${root}target/mutants/target`,
    },
  });
  return { passed: run.status === 0, text: `${run.stdout}\n${run.stderr}` };
}

const sound = simulate();
if (!sound.passed) {
  console.error(`mutants: the sources fail without a planted bug\n${sound.text.slice(-3000)}`);
  process.exit(1);
}

let survivors = 0;
for (const { name, file, from, to } of MUTANTS.filter(({ name }) => wanted.every((word) => name.includes(word)))) {
  const original = readFileSync(`${copy}/${file}`, "utf8");
  if (original.split(from).length !== 2) {
    console.error(`mutants: "${name}": its text is not once in ${file}`);
    process.exitCode = 1;
    continue;
  }
  writeFileSync(`${copy}/${file}`, original.replace(from, () => to));
  const { passed, text } = simulate();
  writeFileSync(`${copy}/${file}`, original);
  if (/^error(\[|: could not compile)/m.test(text) && !/^running \d+ tests/m.test(text)) {
    console.error(`mutants: "${name}" does not compile\n${text.slice(-2000)}`);
    process.exitCode = 1;
    continue;
  }
  const seeds = /failing: (\d+) of (\d+)/.exec(text);
  const others = [...text.matchAll(/^test (\S+) \.\.\. FAILED/gm)].map(([, test]) => test);
  const by = seeds ? `${seeds[1]} of ${seeds[2]} seeds` : others.join(", ");
  survivors += passed ? 1 : 0;
  console.log(`${passed ? "SURVIVED" : "caught  "}  ${name}${passed ? "" : `: by ${by || "a crash"}`}`);
}
console.log(`mutants: ${survivors} survived`);
if (survivors > 0) process.exitCode = 1;
