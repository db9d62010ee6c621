/**
 * Bugs planted in what keeps copies, each of which the worlds must catch: `file` is of `src/facade`; or it has `edits` as in tests/mutants.mjs, of the
 * repository, and then the wasm is built anew.
 */
export const MUTANTS = [
  {
    name: "keep what has changed",
    file: "copies.ts",
    from: "else for (const key of changed) this.#drop(key);",
    to: "else changed.length = 0;",
  },
  {
    name: "keep everything where anything may have changed",
    file: "copies.ts",
    from: "if (changed === undefined) this.clear();\n    else for",
    to: "if (changed !== undefined) for",
  },
  {
    name: "keep the list when something has changed",
    file: "copies.ts",
    from: "for (const key of changed) this.#drop(key);\n    this.#all = undefined;",
    to: "for (const key of changed) this.#drop(key);",
  },
  {
    name: "keep a list that came late",
    file: "copies.ts",
    from: "this.#keepAll(found, this.#stampNow() === stamp)",
    to: "this.#keepAll(found)",
  },
  {
    name: "hand out copies while calls wait in line",
    file: "copies.ts",
    from: "if (Number.isNaN(stamp)) return false;",
    to: "if (Number.isNaN(stamp)) return true;",
  },
  {
    name: "keep a document that nobody sees yet",
    file: "copies.ts",
    from: "if (before < this.#stampNow() && this.#isCurrent() && this.#port?.rewrites() === false) {",
    to: "{\n      this.#isCurrent();",
  },
  {
    name: "hand out what is kept",
    file: "copies.ts",
    from: "if (kept !== undefined) return copyOf(kept);",
    to: "if (kept !== undefined) return kept;",
  },
  {
    name: "keep what is handed out",
    file: "copies.ts",
    from: "this.#add(key, weightOf(value), () => copyOf(value));",
    to: "this.#add(key, weightOf(value), () => value);",
  },
  {
    name: "hand out the list that is kept",
    file: "copies.ts",
    from: "met.map(copyOf), this",
    to: "met.slice(), this",
  },
  {
    name: "keep answers when something has changed",
    file: "copies.ts",
    from: "this.#places.length + this.#answers.clear()",
    to: "this.#places.length",
  },
  {
    name: "keep an answer that came late",
    file: "copies.ts",
    from: "if (isKept && this.#stampNow() === stamp) this",
    to: "if (isKept) this",
  },
  {
    name: "hand out the answer that is kept",
    file: "answers.ts",
    from: "?.map(copyOf);",
    to: "?.slice();",
  },
  {
    name: "keep the answer that is handed out",
    file: "answers.ts",
    from: "this.#set(question, found.map(copyOf), bytes);",
    to: "this.#set(question, found.slice(), bytes);",
  },
  {
    name: "take an answer for that to another limit",
    file: "finder.ts",
    from: '`${parts ?? ""} ${asked.encoded}`',
    to: "`${asked.encoded}`",
  },
  {
    name: "take the last collection's copies for another's",
    file: "copies.ts",
    from: "if (this.#lastOf !== collection || this.#last?.ended !== false) {",
    to: "if (this.#last?.ended !== false) {",
  },
  {
    name: "take a node for the store of its name",
    file: "copies.ts",
    from: '`${isNode ? "node" : "name"} ${name.length} ${name}`',
    to: "`${name.length}`",
  },
  {
    name: "let a document say when it was made",
    file: "inserted.ts",
    from: "...(restore(this.#encoded) as object), ...own };",
    to: "...(restore(this.#encoded) as object), _id: id };",
  },
  {
    name: "put what a document is given by first last",
    file: "inserted.ts",
    from: "return { ...own, ...(restore",
    to: "return { ...(restore",
  },
  {
    name: "keep a batch of which something has changed since it was sent",
    file: "inserted.ts",
    from: "documents === undefined || this.#copies.stamp() !== sentAt + ONE_BATCH",
    to: "documents === undefined || Number.isNaN(this.#copies.stamp() + sentAt)",
  },
  {
    name: "share arrays within arrays",
    file: "copy.ts",
    from: "if (typeof item === \"object\" && item !== null) copy[at] = copyOfObject(item);",
    to: "if (typeof item === \"object\" && item !== null && !Array.isArray(item)) copy[at] = copyOfObject(item);",
  },
  {
    name: "share Dates",
    file: "copy.ts",
    from: "if (value instanceof Date) return new Date(value.getTime());",
    to: "if (value instanceof Date) return value;",
  },
  {
    name: "share bytes",
    file: "copy.ts",
    from: "const { buffer } = new Uint8Array(bytesOf(value) as Uint8Array);",
    to: "const buffer = (bytesOf(value) as Uint8Array).buffer as ArrayBuffer;",
  },
  {
    name: "copy what cannot be copied",
    file: "copy.ts",
    from: "return bytes === undefined ? Infinity : BUFFER_BYTES + bytes.length;",
    to: "return bytes === undefined ? 1 : BUFFER_BYTES + bytes.length;",
  },
  {
    name: "take bytes of any kind for equal",
    file: "copy.ts",
    from: "(value as object | null | undefined)?.constructor === constructor && sameBytes",
    to: "constructor !== undefined && sameBytes",
  },
  {
    name: "look for a path as for a property",
    file: "find.ts",
    from: 'name.includes(".") || name.startsWith("$")',
    to: 'name.startsWith("$")',
  },
  {
    name: "do not tell copies of a pending call",
    edits: [
      { at: "untold-call", from: "interests.tell(&call.ops, PROVISIONAL + call.id)", to: "drop(PROVISIONAL)" },
    ],
  },
  {
    name: "do not tell copies of a commit",
    edits: [{ at: "untold-commit", from: "self.interests.tell_batch(batch, self.head.base + number);", to: "" }],
  },
  {
    name: "do not tell copies of calls that failed or were run again",
    edits: [{ at: "untold-failure", from: "self.interests.tell_all();", to: "" }],
  },
  {
    name: "do not tell copies that the log was cut past what is known",
    edits: [{ at: "untold-cut", from: "state.interests.tell_all();", to: "" }],
  },
  {
    name: "take every change of a document not yet committed for an insertion",
    edits: [
      {
        at: "all-new",
        from: "order.frame == frame",
        to: "order.is_provisional() || order.frame == frame",
      },
    ],
  },
  {
    name: "say that reads run at once while calls wait in line",
    edits: [{ at: "at-once", from: "self.engine.is_ready()", to: "self.engine.closed().is_none()" }],
  },
];
