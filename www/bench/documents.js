/** What is stored: documents of about 300 bytes, the same in each run; larger ones as applications have them; and the movies of vega-datasets. */

/** A hundredth of the documents is in each group. */
export const GROUPS = 100;

const WORDS = "patch node store frame page level merge cache clock signal filter sample phase pitch".split(" ");

/** A small generator (xorshift), so that every system gets the same data. */
export function random(seed) {
  let x = (Math.imul(seed, 2654435761) + 12345) >>> 0 || 1;
  return (below) => {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x % below;
  };
}

function text(pick, length) {
  let words = "";
  while (words.length < length) words += `${WORDS[pick(WORDS.length)]}${pick(1000)} `;
  return words.slice(0, length);
}

/** Document number `n`: 8 fields, about 300 bytes as JSON, without an id. */
export function documentOf(n) {
  const pick = random(n + 1);
  return {
    number: n,
    group: `group ${n % GROUPS}`,
    title: `Document ${n}`,
    active: n % 3 === 0,
    weight: pick(1_000_000) / 1000,
    tags: [WORDS[pick(WORDS.length)], WORDS[pick(WORDS.length)]],
    place: { x: pick(4000), y: pick(4000) },
    text: text(pick, 130),
  };
}

/** Documents number `from` to `from + count - 1`. */
export const documentsOf = (from, count) => Array.from({ length: count }, (_, at) => documentOf(from + at));

const EPOCH_MS = Date.UTC(2026, 0, 1);

/** Article number `n`: five Dates and more in nested lists, and a few KiB of text. */
export function articleOf(n) {
  const pick = random(n + 1_000_003);
  const date = () => new Date(EPOCH_MS + pick(31_536_000) * 1000);
  const remark = (depth) => ({
    by: `user ${pick(200)}`,
    at: date(),
    text: text(pick, 80 + pick(120)),
    answers: depth > 0 ? Array.from({ length: pick(3) }, () => remark(depth - 1)) : [],
  });
  return {
    number: n,
    author: `author ${n % GROUPS}`,
    title: `Article ${n}`,
    created: date(),
    edited: date(),
    published: n % 4 ? date() : null,
    tags: Array.from({ length: 5 }, () => WORDS[pick(WORDS.length)]),
    rows: Array.from({ length: 4 }, () => [pick(1000), pick(1000) / 8, n % 2 === 0]),
    remarks: Array.from({ length: 3 }, () => remark(1)),
    text: text(pick, 2500),
  };
}

/** Articles number `from` to `from + count - 1`. */
export const articlesOf = (from, count) => Array.from({ length: count }, (_, at) => articleOf(from + at));

const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Text of `bytes` letters that hardly compresses, as encoded binary data is. */
export function valueOf(seed, bytes) {
  const pick = random(seed + 7);
  const parts = [];
  for (let left = bytes; left > 0; left -= 8192) {
    const codes = Array.from({ length: Math.min(left, 8192) }, () => LETTERS.charCodeAt(pick(64)));
    parts.push(String.fromCharCode(...codes));
  }
  return parts.join("");
}

/** The 3 201 real records, in which fields have spaces in their names and are often null. */
export const movies = async () => (await import("movies.json")).default;
