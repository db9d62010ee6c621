/** Whether each bug of tests/mutants.mjs, of tests/node/mutants.mjs and of tests/node/worlds/mutants.mjs can still be planted: says what is wrong, and fails; builds nothing. */
import { fileURLToPath } from "node:url";
import { MUTANTS } from "../../tests/mutants.mjs";
import { MUTANTS as OF_BUNDLES } from "../../tests/node/mutants.mjs";
import { MUTANTS as OF_COPIES } from "../../tests/node/worlds/mutants.mjs";
import { faultsOf } from "./planting.mjs";

const faults = faultsOf(fileURLToPath(new URL("../..", import.meta.url)), [...MUTANTS, ...OF_BUNDLES, ...OF_COPIES.filter(({ edits }) => edits)]);
faults.forEach((fault) => console.error(`planted bugs: ${fault}`));
if (faults.length > 0) process.exitCode = 1;
