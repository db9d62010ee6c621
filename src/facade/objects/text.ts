import { invalid } from "../base/errors.js";
import type { PatchStoreError } from "../base/errors.js";
import { SHOWN, isWord, namesOf, show, type Operation, type Operations } from "./operations.js";
import { isSpace, skipSpace } from "./spaces.js";

/**
 * Parses `op argument …`. The operation is a bare word. Keys, ids and names are bare words, which end
 * at whitespace, or JSON strings in double quotes. A value is the rest of the text: parsed if it is valid
 * JSON, otherwise the trimmed text itself. A document or a query is the rest of the text and must be a
 * JSON object. Whitespace is as in JSON. Runs in time linear in the text.
 */
export function parseText(operations: Operations<any>, text: string): [string, unknown[]] {
  let at = skipSpace(text, 0);
  const opEnd = wordEnd(text, at);
  const op = text.slice(at, opEnd);
  if (!Object.hasOwn(operations, op)) throw expected(namesOf(operations), text, at);
  at = skipSpace(text, opEnd);
  const args = (operations[op] as Operation<unknown>).takes.map((argument) => {
    const { kind, what, optional } = argument;
    if (at === text.length) {
      if (optional) return undefined;
      throw expected(what, text, at);
    }
    const from = at;
    if (!isWord(argument)) {
      at = text.length;
      return kind === "value" ? valueOf(text, from) : objectOf(text, from, what);
    }
    const isQuoted = text[at] === '"';
    const end = isQuoted ? quoteEnd(text, at) : wordEnd(text, at);
    at = skipSpace(text, end);
    return isQuoted ? quoted(text, from, end) : text.slice(from, end);
  });
  if (at < text.length) throw expected("the end (names with spaces are quoted)", text, at);
  return [op, args];
}

function expected(what: string, text: string, at: number): PatchStoreError {
  const found = at < text.length ? show(text.slice(at, at + SHOWN + 1)) : "the end";
  return invalid(`expected ${what} at character ${at + 1}, found ${found}`);
}

function wordEnd(text: string, from: number): number {
  let at = from;
  while (at < text.length && !isSpace(text, at)) at++;
  return at;
}

/** The index after the closing quote of the string that begins at `from`. */
function quoteEnd(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at > 0; at = text.indexOf('"', at + 1)) {
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return at + 1;
  }
  throw expected("a closing quote", text, text.length);
}

function quoted(text: string, from: number, end: number): unknown {
  if (end < text.length && !isSpace(text, end)) throw expected("a space", text, end);
  try {
    return JSON.parse(text.slice(from, end));
  } catch {
    throw expected("a JSON string", text, from);
  }
}

function valueOf(text: string, from: number): unknown {
  let end = text.length;
  while (isSpace(text, end - 1)) end--;
  const value = text.slice(from, end);
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}

function objectOf(text: string, from: number, what: string): unknown {
  // In JSON, only an object begins with a brace.
  if (text[from] === "{") {
    try {
      return JSON.parse(text.slice(from));
    } catch {}
  }
  throw expected(`${what}, a JSON object,`, text, from);
}
