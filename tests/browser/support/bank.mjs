/**
 * Work whose sums show every lost, doubled or torn commit, whoever does it and with whom.
 * Loaded by pages and workers.
 */
import { keyed } from "./keyed.mjs";
import { openPatch } from "/pkg/index.js";

const ACCOUNTS = ["a", "b", "c", "d", "e"];
const FUNDS = 1000;
const RETRIES = { retries: 10_000 };

/** What one realm does with the patch "bank", under a name of its own. */
export class Teller {
  #patch;
  #name;
  #stop = false;
  /** What of this realm was acknowledged. */
  acknowledged = { updates: 0, transfers: 0 };
  /** Accounts that did not add up inside a transaction, and rejections. */
  wrong = [];

  static async open(name, encrypted = false) {
    const teller = new Teller();
    teller.#name = name;
    teller.#patch = await openPatch("bank", keyed(encrypted));
    await teller.#patch.transaction(async (tx) => {
      const accounts = tx.kv("accounts");
      for (const account of ACCOUNTS) if (!(await accounts.has(account))) await accounts.set(account, FUNDS);
    }, RETRIES);
    return teller;
  }

  /** Rounds of two updates and a transfer, some at once; `heard` is told of each round's end. */
  async work(rounds, heard = () => {}) {
    this.#stop = false;
    for (let round = 0; round < rounds && !this.#stop; round++) {
      const calls = [this.#update("all"), this.#update(`by ${this.#name}`), this.#transfer(round)];
      for (const { status, reason } of await Promise.allSettled(calls)) {
        if (status === "rejected") this.wrong.push(`${reason.code}: ${reason.message}`);
      }
      heard({ ...this.acknowledged });
    }
  }

  stop() {
    this.#stop = true;
  }

  async #update(counter) {
    await this.#patch.kv("counters").update(counter, (old = 0) => old + 1);
    this.acknowledged.updates++;
  }

  /** Moves money, and counts the transfer in the same transaction. */
  async #transfer(round) {
    const pick = () => ACCOUNTS[Math.floor(Math.random() * ACCOUNTS.length)];
    const [from, to] = [pick(), pick()];
    await this.#patch.transaction(async (tx) => {
      const accounts = tx.kv("accounts");
      const funds = await accounts.getMany(ACCOUNTS);
      const sum = funds.reduce((a, b) => a + b, 0);
      if (sum !== ACCOUNTS.length * FUNDS) this.wrong.push(`${funds} add up to ${sum} in a transaction`);
      await accounts.update(from, (old) => old - round - 1);
      await accounts.update(to, (old) => old + round + 1);
      await tx.kv("transfers").update(this.#name, (old = 0) => old + 1);
    }, RETRIES);
    this.acknowledged.transfers++;
  }

  /** What this realm sees. */
  async look() {
    const entries = async (name) => Object.fromEntries(await this.#patch.kv(name).entries());
    const { all = 0, ...parts } = await entries("counters");
    const by = Object.fromEntries(Object.entries(parts).map(([name, count]) => [name.slice(3), count]));
    const accounts = Object.values(await entries("accounts"));
    const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
    const balance = sum(accounts) - ACCOUNTS.length * FUNDS;
    return { all, by, transfers: await entries("transfers"), balance };
  }
}
