/** What the bundles of the facade and of the sandbox share: validating documents by a schema. */
import type { StandardResult, StandardSchemaV1 } from "./standard-schema.js";

/** Gives what a schema makes of a document, or a promise of it. Throws ConstraintViolation, and what the schema throws. */
export type Validate = (doc: object) => unknown;

export type Fail = (code: "ConstraintViolation" | "InvalidArgument", message: string, evidence?: object) => Error;

type Fields = Record<string, unknown>;

const META = ["_id", "_created", "_updated"];

/** The validator of a schema. Throws InvalidArgument for what is none. */
export function validator(schema: StandardSchemaV1, fail: Fail): Validate {
  const standard = schema?.["~standard"];
  if (typeof standard?.validate !== "function") {
    throw fail("InvalidArgument", "options.schema must be a Standard Schema, with a ~standard.validate");
  }
  const output = (result: StandardResult<unknown>): unknown => {
    if (result.issues === undefined) return result.value;
    const { issues } = result;
    const [{ message = "", path = [] } = {}] = issues;
    const at = path.map((step) => String(typeof step === "object" ? step.key : step)).join(".");
    throw fail("ConstraintViolation", `the schema refuses the document: ${message}${at && ` (at ${at})`}`, { issues });
  };
  return (doc) => {
    const result = standard.validate(doc);
    return isPromise(result) ? Promise.resolve(result).then(output) : output(result);
  };
}

/** The same for where nothing can be awaited. */
export function atOnce(validate: Validate, fail: Fail): (doc: object) => unknown {
  return (doc) => {
    const output = validate(doc);
    if (!isPromise(output)) return output;
    Promise.resolve(output).catch(() => {});
    throw fail("InvalidArgument", "the schema answered with a promise, which modify, update, upsert and updateMany cannot await");
  };
}

export function isPromise(value: unknown): value is PromiseLike<any> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === "function";
}

/** A document without `_id`, `_created` and `_updated`, and those of them that it has. */
export function split(doc: object): { bare: Fields; meta: Fields } {
  const entries = Object.entries(doc);
  const of = (isMeta: boolean) => Object.fromEntries(entries.filter(([name]) => META.includes(name) === isMeta));
  return { bare: of(false), meta: of(true) };
}
