/** Queries on a typed collection: those that people write compile, those that can find nothing or are refused do not. */

import type { Collection, Query } from "../../src/facade/index.js";

interface Part {
  name: string;
  weight: number | bigint;
  parts?: Part[];
}

interface Note extends Part {
  text: string;
  status: "open" | "done";
  count: number;
  total?: number | null;
  at: Date;
  raw: Uint8Array;
  tags: string[];
  scores: readonly number[];
  by: { name: string; role: { level: number; since: Date } } | null;
  labels: Record<string, string>;
  anything: any;
  unknown: unknown;
  either: string | string[];
  deep: { a: { b: { c: { d: { e: number } } } } };
}

declare const notes: Collection<Note>;
declare const loose: Collection<Record<string, any>>;

export const found: Query<Note>[] = [
  {},
  { text: "hi", count: 1, status: "open", by: null, at: new Date(), tags: ["a"], total: undefined },
  { _id: "x", _created: { $gt: 5 }, _updated: { $lt: 6n } },
  { text: /hi/, "by.name": /x/i },
  { text: { $startsWith: "a", $regex: "b", $options: "i", $contains: "c", $not: /d/ } },
  { text: { $in: ["a", null], $exists: true, $gte: "b" }, status: { $in: ["open"], $gt: "n", $ne: "done" } },
  { count: { $gt: 1, $lte: 5n, $not: { $in: [2, 3n] } }, weight: { $gte: 4 }, total: { $eq: null, $nin: [1] } },
  { at: { $lt: new Date() }, raw: { $eq: new ArrayBuffer(1), $gt: new Uint8Array(2) } },
  { tags: { $size: 2, $contains: "a", $all: ["a", "b"], $elemMatch: { $startsWith: "c" } }, scores: { $elemMatch: { $gt: 5 } } },
  { either: { $contains: "a", $size: 1, $startsWith: "b" } },
  { "by.role.level": { $gt: 3 }, "by.role": { $exists: false }, by: { name: "x", role: { level: 1, since: new Date() } } },
  { parts: { $elemMatch: { name: "x", weight: { $gt: 1 }, $or: [{ "parts.0.name": "y" }] } } },
  { "parts.0.name": "a", "parts.3.parts.1": { $exists: true }, "tags.0": "a", "scores.1": { $lt: 2 } },
  { "labels.green": "x", "labels.red": { $startsWith: "y" }, "anything.at.all": { $gt: "what" }, anything: [1], unknown: { $gt: {} } },
  { $and: [{ count: 1 }, { $or: [{ text: "a" }, { "by.name": "b" }] }], $nor: [{ tags: [] }] },
  // What is not declared, and what lies too deep to be known, takes anything.
  { more: { $gt: 1 }, "more.still": 5, "deep.a.b.c.d": { $anything: 1 } },
];

export const wrong = (): Query<Note>[] => [
  // @ts-expect-error there is no such operator
  { count: { $gtt: 1 } },
  // @ts-expect-error nor at a path
  { "by.name": { $like: "x" } },
  // @ts-expect-error nor in $not
  { count: { $not: { $above: 1 } } },
  // @ts-expect-error nor in an element
  { parts: { $elemMatch: { weight: { $over: 1 } } } },
  // @ts-expect-error nor within $or
  { $or: [{ count: { $gtt: 1 } }] },
  // @ts-expect-error what is asked of a field is not asked of a document
  { $gt: 5 },
  // @ts-expect-error nor is there such a one
  { $where: "1" },
  // @ts-expect-error $and takes a list
  { $and: { count: 1 } },
  // @ts-expect-error a number is not a text
  { text: 5 },
  // @ts-expect-error
  { count: "5" },
  // @ts-expect-error there is no such status
  { status: "gone" },
  // @ts-expect-error
  { status: { $in: ["gone"] } },
  // @ts-expect-error a number has no beginning
  { count: { $startsWith: "1" } },
  // @ts-expect-error nor a pattern
  { count: /1/ },
  // @ts-expect-error kinds are not compared with each other
  { count: { $gt: "1" } },
  // @ts-expect-error
  { at: { $gt: 5 } },
  // @ts-expect-error
  { "by.role.since": { $lt: "2020" } },
  // @ts-expect-error $in takes a list
  { count: { $in: 5 } },
  // @ts-expect-error $exists takes a boolean
  { count: { $exists: 1 } },
  // @ts-expect-error a text has no size
  { text: { $size: 1 } },
  // @ts-expect-error $size takes a count
  { tags: { $size: "1" } },
  // @ts-expect-error its elements are texts
  { tags: { $contains: 1 } },
  // @ts-expect-error
  { tags: { $all: [1] } },
  // @ts-expect-error arrays are not searched
  { tags: "a" },
  // @ts-expect-error
  { "tags.0": 5 },
  // @ts-expect-error
  { "parts.0.weight": "heavy" },
];

export async function calls(): Promise<void> {
  await notes.find({ "by.role.level": { $gt: 1 } }, { sort: { count: 1 } });
  await notes.findOne("x");
  await notes.findOne({ text: { $contains: "x" } });
  await notes.count({ tags: { $contains: "x" } });
  await notes.updateMany({ status: "open" }, { status: "done", count: 2 }, { unset: ["total"] });
  await notes.deleteMany({ at: { $lt: new Date() } });
  await notes.modify("x", (note) => (note === null ? undefined : { ...note, count: note.count + 1 }));
  // @ts-expect-error
  await notes.find({ count: { $gtt: 1 } });
  // @ts-expect-error
  await notes.deleteMany({ count: "1" });
  // @ts-expect-error an update keeps to the type
  await notes.updateMany({}, { count: "1" });
  // @ts-expect-error all of them, or none, must be said
  await notes.deleteMany();
  // @ts-expect-error a change gives a document or nothing
  await notes.modify("x", () => 5);
  // @ts-expect-error
  await notes.upsert({ text: 5 });
  await loose.find({ whatever: { $gt: "x" }, "a.b": 1, $or: [] });
}

/** What completes: names and paths. */
type Known<T> = { [K in keyof T as string extends K ? never : K extends `$${string}` ? never : K]: 1 };
export const paths: (keyof Known<Query<Note>>)[] = [
  "text", "by.name", "by.role.since", "parts", `parts.${0 as number}.name`, `tags.${1 as number}`, "deep.a.b.c", "_created", `labels.${"x" as string}`,
];
