/** A process with everything that it starts, to be killed as a power switch would. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/** How long the kernel may take to end what was killed. */
const GONE_MS = 20_000;

/**
 * Starts a command in a process group of its own.
 * @returns the child, with pipes for what it prints
 */
export function start(command, args) {
  const child = spawn(command, args, { detached: true, stdio: ["ignore", "pipe", "pipe"] });
  // What nobody reads must not make it wait.
  child.stdout.resume();
  child.stderr.resume();
  return child;
}

/** SIGKILL to the group of `child` and to all that descends from it; resolves when all are gone. */
export async function killAll(child) {
  const doomed = family(child.pid);
  signal(-child.pid);
  doomed.forEach(({ pid }) => signal(pid));
  const deadline = Date.now() + GONE_MS;
  while (doomed.some(isAlive)) {
    if (Date.now() > deadline) throw new Error("what was killed does not go");
    await sleep(5);
  }
}

function signal(pid) {
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH") throw error;
  }
}

/** `/proc/<pid>/stat`, as far as it is of use; null when there is no such process. */
function look(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "latin1");
    // The name, in parentheses, may hold anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return { pid, state: fields[0], parent: Number(fields[1]), group: Number(fields[2]), started: fields[19] };
  } catch {
    return null;
  }
}

/** Helpers of a browser may leave its group, and its tree when their parent ends: we want both. */
function family(root) {
  const all = readdirSync("/proc").filter((name) => /^\d+$/.test(name)).map((name) => look(Number(name)));
  const found = new Map();
  let size = -1;
  while (size < found.size) {
    size = found.size;
    for (const one of all) {
      if (one && (one.pid === root || one.group === root || found.has(one.parent))) found.set(one.pid, one);
    }
  }
  return [...found.values()];
}

/** Whether it is the same process still, and more than an entry nobody has asked about. */
function isAlive({ pid, started }) {
  const now = look(pid);
  return now !== null && now.started === started && now.state !== "Z";
}
