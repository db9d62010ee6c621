import { PatchStoreError } from "./errors.js";
import type { StandardSchemaV1 } from "./standard-schema.js";
import { atOnce, validator, type Fail, type Validate } from "./validate.js";

const fail: Fail = (code, message, evidence) => new PatchStoreError(code, message, evidence);

/** The validator of a schema. Throws InvalidArgument for what is none. */
export const validatorOf = (schema: StandardSchemaV1): Validate => validator(schema, fail);

/** The same for where nothing can be awaited: a promise is InvalidArgument. */
export const synchronous = (validate: Validate): ((doc: object) => unknown) => atOnce(validate, fail);
