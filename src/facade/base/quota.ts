import { invalid } from "./errors.js";
import { describe } from "./names.js";
import { bool, known } from "./options.js";
import type { QuotaPolicy } from "./types.js";

const THRESHOLD = 0.8;

/** The policy that was asked for, with what it leaves open filled in. */
export function policyOf(given: QuotaPolicy | undefined): Required<QuotaPolicy> {
  const { threshold = THRESHOLD, maxBytes, persist } = known("options.quota", given, ["threshold", "maxBytes", "persist"]);
  positive("options.quota.threshold", threshold, 1);
  if (maxBytes !== undefined) positive("options.quota.maxBytes", maxBytes, Number.MAX_VALUE);
  return { threshold, maxBytes: maxBytes ?? Infinity, persist: bool("options.quota.persist", persist) };
}

function positive(what: string, value: unknown, most: number): void {
  if (typeof value === "number" && value > 0 && value <= most) return;
  const given = typeof value === "number" ? String(value) : describe(value);
  throw invalid(`${what} must be a finite number above 0${most === 1 ? " and at most 1" : ""}, not ${given}`);
}
