/**
 * Plants each bug of tests/node/worlds/mutants.mjs and plays worlds on the result: every one must be caught. WORLDS=n
 * chooses how many (300); arguments choose mutants by parts of their names.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { MUTANTS } from "../tests/node/worlds/mutants.mjs";
import { makeStage } from "../tests/node/worlds/stage.mjs";
import { World } from "../tests/node/worlds/world.mjs";
import { plant } from "./mutants/planting.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const WORLDS = Number(process.env.WORLDS ?? 300);
const built = `${root}target/mutants-worlds`;
const source = `${built}/source`;
const wanted = process.argv.slice(2);

/** Builds the wasm of a copy of the sources with the bug in it. */
function build(mutant) {
  rmSync(source, { recursive: true, force: true });
  mkdirSync(source, { recursive: true });
  for (const part of ["Cargo.toml", "Cargo.lock", "rust-toolchain.toml", "src", "benches"]) cpSync(`${root}${part}`, `${source}/${part}`, { recursive: true });
  plant(source, mutant);
  const { status, stderr } = spawnSync(`${root}scripts/build-worlds`, { env: { ...process.env, SOURCE: source, OUT: built }, encoding: "utf8" });
  if (status !== 0) throw new Error(`it does not compile\n${stderr.slice(-3000)}`);
}

/** The first world that catches it, and what it says. */
async function judge(mutant) {
  if (mutant.edits) build(mutant);
  const stage = mutant.edits ? await makeStage(undefined, built) : await makeStage(mutant);
  for (let seed = 0; seed < WORLDS; seed++) {
    try {
      await new World(stage, seed).play();
    } catch (error) {
      return `seed ${seed}: ${error.message.split("\n")[0]}`;
    }
  }
  return undefined;
}

const chosen = MUTANTS.filter(({ name }) => wanted.length === 0 || wanted.some((word) => name.includes(word)));
let caught = 0;
for (const mutant of chosen) {
  const witness = await judge(mutant).catch((error) => console.error(`mutants: "${mutant.name}": ${error.message}`));
  if (witness !== undefined) caught += 1;
  console.log(witness === undefined ? `SURVIVED  ${mutant.name}` : `caught    ${mutant.name}: by ${witness}`);
}
console.log(`mutants of copies: ${caught} of ${chosen.length} caught`);
if (caught < chosen.length) process.exitCode = 1;
