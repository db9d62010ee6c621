/**
 * A method that a sandbox may call. The table below is complete: a sandbox cannot reach any other
 * method of the stores.
 */
export interface Method {
  readonly kind: "kv" | "db" | "blobs";
  readonly name: string;
  readonly writes: boolean;
  /** Whether it changes indexes or definitions. */
  readonly defines: boolean;
  /** Further arguments are ignored. */
  readonly arity: number;
  /** The index of the argument that is a value to store, or a list of them; -1 if there is none. */
  readonly valueAt: number;
  readonly isBatch: boolean;
  /** The index of the argument that is a query, if there is one; what follows it may be options of a find. */
  readonly queryAt: number | undefined;
  /** Whether its last argument says that the sandbox checks the documents that would be stored. */
  readonly mayCheck: boolean;
}

const QUERIES = new Map([
  ["find", 1], ["findOne", 1], ["page", 1], ["count", 1], ["explain", 1], ["distinct", 2], ["watch", 1], ["updateMany", 1], ["deleteMany", 1],
]);
const DEFINING = ["createIndex", "dropIndex", "define"];
const CHECKED = ["update", "upsert", "updateMany"];
const methods = new Map<unknown, Method>();

/** @param specs methods separated by spaces, each `name:arity` or `name:arity:valueAt` */
function add(kind: Method["kind"], writes: boolean, specs: string): void {
  for (const spec of specs.split(" ")) {
    const [name = "", arity, valueAt = -1] = spec.split(":");
    const isBatch = name === "setMany" || name === "insertMany";
    const [queryAt, mayCheck] = kind === "db" ? [QUERIES.get(name), CHECKED.includes(name)] : [undefined, false];
    const defines = DEFINING.includes(name);
    methods.set(`${kind}.${name}`, { kind, name, writes, defines, arity: Number(arity), valueAt: Number(valueAt), isBatch, queryAt, mayCheck });
  }
}

/** Fills the table on first use, so that importing the package has no side effects. */
export function methodOf(name: unknown): Method | undefined {
  if (methods.size === 0) {
    add("kv", false, "get:1 has:1 keys:1 entries:1 page:1 getMany:1 count:1 watch:1");
    add("kv", true, "set:3:1 delete:1 setMany:1:0 deleteMany:1 update:1 clear:0");
    add("blobs", false, "read:2");
    add("blobs", true, "begin:0 piece:2:1 finish:3 abandon:1");
    add("db", false, "find:4 findOne:4 page:4 count:2 distinct:3 explain:3 collections:0 indexes:1 watch:4");
    add("db", true, "insert:2:1 insertMany:3:1 update:5:2 replace:3:2 modify:2 upsert:4:1 updateMany:5:2 delete:2 deleteMany:2 drop:1 createIndex:3 dropIndex:2 define:3");
  }
  return methods.get(name);
}
