/**
 * Planted bugs in the JavaScript of the package, each caught by a test in Node: `test` names its file. What an edit is, tests/mutants.mjs says.
 * @type {{name: string, test: "sds" | "json-lines" | "later", edits: {at: string, from: string, to?: string, before?: string}[]}[]}
 */
export const MUTANTS = [
  {
    name: "put a patch in the place of another one of its clock",
    test: "sds",
    edits: [{ at: "sds-clock-overwritten", from: "{ _id: other === 0 ? id : `${id} ${other}`, clock, data }", to: "{ _id: `${clock}`, clock, data }" }, { at: "sds-other-bytes", from: "there === null || isSame(there.data, data)", to: "there === null || (await this.#db.replace(PATCHES, entry._id, entry))" }],
  },
  {
    name: "take equal hashes for equal bytes",
    test: "sds",
    edits: [{ at: "sds-other-bytes", from: "there === null || isSame(there.data, data)", to: "there === null || isSame(there.data, there.data)" }],
  },
  {
    name: "prune beyond the snapshot",
    test: "sds",
    edits: [{ at: "sds-pruned-beyond", from: "typeof covered === \"number\"", to: "typeof covered === \"bigint\"" }],
  },
  {
    name: "let later calls go on while a value is saved",
    test: "sds",
    edits: [{ at: "sds-unordered", from: "this.#tail = done.then(ignore, ignore);", to: "done.catch(ignore);" }],
  },
  {
    name: "store the lines before a bad one of its batch",
    test: "json-lines",
    edits: [{ at: "lines-half-a-batch", from: "throw this.#located(this.#lines.at, own);", before: "await this.#store();" }],
  },
  {
    name: "read the names of an escaped object as those of a wrapper",
    test: "json-lines",
    edits: [{ at: "lines-escaped", from: "members(object as Members, depth)", to: "valueOf(object, depth)" }],
  },
  {
    name: "never ask again for a part that could not be had",
    test: "later",
    edits: [{ at: "later-once", from: "loading = undefined;", to: "" }],
  },
  {
    name: "let later calls overtake one that waits for its part",
    test: "later",
    edits: [{ at: "later-overtaken", from: "this.hold(rest(), () => call(needed()))", to: "rest().then(() => this.call(() => call(needed())))" }],
  },
];
