import { invalid } from "./errors.js";
import { describe } from "./names.js";

/**
 * Checks that `options` is an object that has only known options. Returns an empty object for undefined.
 * An option whose value is undefined counts as missing.
 * @param later options that are planned but not supported yet
 */
export function known<T extends object>(
  what: string,
  options: T | undefined,
  names: readonly (keyof T & string)[],
  later: readonly string[] = [],
): Partial<T> {
  if (options === undefined) return {};
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw invalid(`${what} must be an object, not ${describe(options)}`);
  }
  for (const name of Object.keys(options)) {
    if ((options as Record<string, unknown>)[name] === undefined) continue;
    if ((names as readonly string[]).includes(name)) continue;
    throw invalid(
      later.includes(name)
        ? `${what}.${name} is not supported yet`
        : `${what}.${name} is not an option; the options are ${names.join(", ")}`,
    );
  }
  return options;
}

/** Checks that an option is one of `values`; `otherwise` is the default. */
export function oneOf<T extends string>(
  what: string,
  value: unknown,
  values: readonly T[],
  otherwise: T,
): T {
  if (value === undefined) return otherwise;
  if (values.includes(value as T)) return value as T;
  throw invalid(`${what} must be ${values.map((each) => `"${each}"`).join(" or ")}`);
}

export function bool(what: string, value: unknown): boolean {
  if (value === undefined) return false;
  if (typeof value !== "boolean") throw invalid(`${what} must be a boolean, not ${describe(value)}`);
  return value;
}

/** Checks that an option is a whole number of at least 0, or Infinity for no bound; `otherwise` is the default. */
export function whole(what: string, value: unknown, otherwise: number): number {
  if (value === undefined) return otherwise;
  if (typeof value !== "number") throw invalid(`${what} must be a number, not ${describe(value)}`);
  if (value === Infinity || (Number.isInteger(value) && value >= 0)) return value;
  throw invalid(`${what} must be a whole number, 0 or greater, not ${value}`);
}

export function func(what: string, value: unknown): void {
  if (typeof value !== "function") {
    throw invalid(`${what} must be a function, not ${describe(value)}`);
  }
}

export function signalOf(what: string, value: unknown): AbortSignal | undefined {
  if (value === undefined) return undefined;
  const signal = value as AbortSignal;
  if (
    typeof value === "object" &&
    value !== null &&
    typeof signal.aborted === "boolean" &&
    typeof signal.addEventListener === "function"
  ) {
    return signal;
  }
  throw invalid(`${what} must be an AbortSignal`);
}
