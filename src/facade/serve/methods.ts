/**
 * A method that a sandbox may call. The table below is complete: a sandbox cannot reach any other
 * method of the stores.
 */
export interface Method {
  readonly kind: "kv" | "db";
  readonly name: string;
  readonly writes: boolean;
  /** Further arguments are ignored. */
  readonly arity: number;
  /** The index of the argument that is a value to store, or a list of them; -1 if there is none. */
  readonly valueAt: number;
  readonly isBatch: boolean;
}

const methods = new Map<unknown, Method>();

/** @param specs methods separated by spaces, each `name:arity` or `name:arity:valueAt` */
function add(kind: "kv" | "db", writes: boolean, specs: string): void {
  for (const spec of specs.split(" ")) {
    const [name = "", arity, valueAt = -1] = spec.split(":");
    const isBatch = name === "setMany" || name === "insertMany";
    methods.set(`${kind}.${name}`, { kind, name, writes, arity: Number(arity), valueAt: Number(valueAt), isBatch });
  }
}

/** Fills the table on first use, so that importing the package has no side effects. */
export function methodOf(name: unknown): Method | undefined {
  if (methods.size === 0) {
    add("kv", false, "get:1 has:1 keys:1 entries:1 page:1 getMany:1 count:1 watch:1");
    add("kv", true, "set:3:1 delete:1 setMany:1:0 deleteMany:1 update:1 clear:0");
    add("db", false, "find:3 findOne:2 count:2 collections:0");
    add("db", true, "insert:2:1 insertMany:2:1 update:3:2 replace:3:2 delete:2 drop:1");
  }
  return methods.get(name);
}
