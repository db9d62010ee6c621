/**
 * The types of queries. Everything here is bounded: paths go {@link Path} levels deep, and what lies deeper, like any field that is
 * not declared, takes anything.
 */

type Text = string;
type Bytes = ArrayBuffer | ArrayBufferView | Blob;
type IsAny<V> = 0 extends 1 & V ? true : false;

/** What equality takes beside a value of the field's own type. */
type Alike<V> = V extends number ? bigint : V extends bigint ? number : V extends Bytes ? Bytes : never;
type Operand<V> = V | Alike<V> | null | undefined;

/** What a field's values are compared with by order: of one kind. */
type Ordered<V> = V extends Text ? string : V extends number | bigint ? number | bigint : V extends Date | boolean ? V : V extends Bytes ? Bytes : never;

/** `Then` where some of the field's values are of a kind. */
type If<V, Kind, Then> = [Extract<V, Kind>] extends [never] ? never : Then;
type ElementOf<V> = V extends readonly (infer Element)[] ? Element : never;

/** What can be asked of a field whose values are `V`. */
export interface QueryOperators<V> {
  $eq?: Operand<V>;
  $ne?: Operand<V>;
  $gt?: Ordered<V>;
  $gte?: Ordered<V>;
  $lt?: Ordered<V>;
  $lte?: Ordered<V>;
  $in?: readonly Operand<V>[];
  $nin?: readonly Operand<V>[];
  $exists?: boolean;
  $regex?: If<V, Text, RegExp | string>;
  $options?: If<V, Text, string>;
  $startsWith?: If<V, Text, string>;
  $contains?: If<V, Text, string> | If<V, readonly unknown[], Operand<ElementOf<V>>>;
  $size?: If<V, readonly unknown[], number>;
  $all?: If<V, readonly unknown[], readonly Operand<ElementOf<V>>[]>;
  $elemMatch?: If<V, readonly unknown[], ElementQuery<ElementOf<V>>>;
  $not?: QueryOperators<V> | If<V, Text, RegExp>;
}

type ElementQuery<E> = QueryOperators<E> | (E extends object ? Query<E> : never);

/** A value that the field equals, or what is asked of it. */
export type QueryCondition<V> = IsAny<V> extends true ? any : unknown extends V ? any : Operand<V> | If<V, Text, RegExp> | QueryOperators<V>;

/** How deep paths are known: at most that many names and positions behind the first. */
type Below = [0, 0, 1, 2];
type Depth = 0 | 1 | 2 | 3;

/** Values that no path leads into. */
type Leaf = string | number | bigint | boolean | symbol | null | undefined | Date | RegExp | Bytes | Map<any, any> | Set<any> | ((...args: any) => any);

/** The dotted paths into `V`, without those of one name. */
type Path<T, D extends Depth> = T extends Leaf
  ? never
  : IsAny<T> extends true
    ? string
    : T extends readonly (infer Element)[]
      ? Onward<`${number}`, Element, D>
      : { [K in keyof T & string]: Onward<K, T[K], D> }[keyof T & string];
/** A name, and the paths that go on behind it. */
type Onward<Name extends string, V, D extends Depth> = Name | (D extends 0 ? never : `${Name}.${Path<V, Below[D]>}`);

/** What lies at a path. */
type At<T, P extends string> = IsAny<T> extends true
  ? any
  : T extends readonly (infer Element)[]
    ? P extends `${number}.${infer Rest}`
      ? At<Element, Rest>
      : Element
    : T extends object
      ? P extends keyof T
        ? T[P]
        : P extends `${infer Name}.${infer Rest}`
          ? Name extends keyof T
            ? At<NonNullable<T[Name]>, Rest>
            : never
          : never
      : never;

/** The fields of a document, and the paths in them. */
type Fields<T> = { [P in Path<T, 3>]?: QueryCondition<At<T, P>> };

interface Logic<T> {
  $and?: readonly Query<T>[];
  $or?: readonly Query<T>[];
  $nor?: readonly Query<T>[];
  /** There is nothing else with a "$" at this place. */
  [wrong: `$${string}`]: readonly Query<T>[] | undefined;
  [undeclared: string]: any;
}

type DocMeta = { _id: string; _created: number; _updated: number };

/**
 * Every field of a query must hold. A value that is no operator object must equal the document's: deep equality, in which
 * the order of properties does not count, NaN equals NaN, numbers equal bigints of the same value, and an absent field
 * equals `undefined` but not null; bytes of any kind compare by content (Blobs of 64 KiB and more, which lie beside their
 * document, equal none but themselves). Dotted paths reach into objects and array positions (a property named exactly like the path
 * comes first); arrays are not searched implicitly (`{ list: 7 }` does not match `[7]`). A RegExp as a value is short for $regex. An object
 * that has a key beginning with "$" is an operator object; an unknown operator, a mixture, and an operand of the wrong
 * type are InvalidArgument, and say which. Comparisons take any operand. Where the type of the documents is known, so are the fields, the paths
 * up to four names deep, and which operators and operands fit them; a field that is not declared takes anything.
 *
 *   $eq $ne                 deep equality; $ne holds for absent fields too
 *   $gt $gte $lt $lte       of one kind only: numbers and bigints, strings (UTF-16 order), Dates, booleans (false < true),
 *                           bytes; anything else, NaN, and another kind hold never
 *   $in $nin                a list; deep equality with any or none of it
 *   $exists                 true: the field is there and not undefined
 *   $regex (, $options)     a RegExp or its source, on strings
 *   $startsWith             on strings
 *   $contains               a string holds the text; an array holds an equal element
 *   $size $all $elemMatch   on arrays: length; holds each of a list; an element matches (operators, or a query on objects)
 *   $and $or $nor           lists of queries, up to 32 deep      $not  an operator object or RegExp; holds for absent fields too
 */
export type Query<T = any> = IsAny<T> extends true ? Record<string, any> : string extends keyof T ? Record<string, any> : Fields<T & DocMeta> & Logic<T>;
