/** The package as npm packs and installs it, offline, in a project of its own. */
import { execFile } from "node:child_process";
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** Where it is installed (`installed`), in which project (`home`), and what removes that. */
export async function installPacked() {
  const home = await realpath(await mkdtemp(join(tmpdir(), "patchstore-package-")));
  const { stdout } = await run("npm", ["pack", join(repository, "pkg"), "--json", "--pack-destination", home], { cwd: home });
  const [{ filename }] = JSON.parse(stdout);
  await writeFile(join(home, "package.json"), JSON.stringify({ name: "app", private: true, type: "module" }));
  const quiet = ["--offline", "--no-audit", "--no-fund", "--ignore-scripts"];
  await run("npm", ["install", ...quiet, join(home, filename)], { cwd: home });
  const remove = () => rm(home, { recursive: true, force: true });
  return { home, installed: join(home, "node_modules", "patchstore"), remove };
}
