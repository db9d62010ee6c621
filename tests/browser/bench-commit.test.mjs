// The recorded benchmark names its commit, and it is said when the code has changed since.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { commitAtHand, staleness } from "../../scripts/bench/commit.mjs";

function temporary(t) {
  const root = mkdtempSync(`${tmpdir()}/bench-commit-`);
  t.after(() => rmSync(root, { recursive: true }));
  return root;
}

test("figures of other code than that at hand are said to be so", (t) => {
  const root = temporary(t);
  const git = (...args) => execFileSync("git", ["-C", root, "-c", "user.name=t", "-c", "user.email=t@t", ...args], { stdio: "ignore" });
  const write = (name, text) => writeFileSync(`${root}/${name}`, text);
  mkdirSync(`${root}/src`);
  git("init");
  write("src/lib.rs", "one");
  git("add", ".");
  git("commit", "-m", "one");
  const { commit, changed } = commitAtHand(root);
  assert.match(commit, /^[0-9a-f]{40}$/);
  assert.equal(changed, undefined);
  assert.equal(staleness(commit, root), undefined);

  write("README.md", "beside the code");
  git("add", ".");
  git("commit", "-m", "two");
  assert.equal(staleness(commit, root), undefined);

  write("src/lib.rs", "two");
  assert.equal(commitAtHand(root).changed, true);
  assert.match(staleness(commit, root), /1 files of .* have changed since/);
  git("commit", "-a", "-m", "three");
  assert.equal(commitAtHand(root).changed, undefined);
  assert.match(staleness(commit, root), /1 files of .* have changed since/);

  assert.match(staleness("0".repeat(40), root), /not in this history/);
  assert.match(staleness(undefined, root), /names no commit/);
});

test("without git nothing fails", (t) => {
  const root = temporary(t);
  assert.deepEqual(commitAtHand(root), {});
  assert.match(staleness("0".repeat(40), root), /no git history/);
});
