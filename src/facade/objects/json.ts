/** What JSON takes for a space. */
export function isSpace(text: string, at: number): boolean {
  const unit = text.charCodeAt(at);
  return unit === 32 || unit === 10 || unit === 9 || unit === 13;
}

export function skipSpace(text: string, from: number): number {
  let at = from;
  while (isSpace(text, at)) at++;
  return at;
}

/** What values begin with. */
const VALUE = '"{[-0123456789tfn';
const SCALAR = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;
const PIECE = /[^"\\\0-\x1f]+|\\(?:["\\/bfnrt]|u[\da-fA-F]{4})/y;

/** Where text that is not JSON goes wrong. Engines do not all say that. */
export function faultIn(text: string): number {
  const closers: string[] = [];
  let wanted = VALUE;
  for (let at = skipSpace(text, 0); ; at = skipSpace(text, at)) {
    const unit = text[at];
    if (unit === undefined || !wanted.includes(unit)) return at;
    if (unit === "{" || unit === "[") {
      closers.push(unit === "{" ? "}" : "]");
      wanted = unit === "{" ? '"}' : `${VALUE}]`;
      at++;
    } else if (unit === "," || unit === ":") {
      wanted = unit === "," && closers.at(-1) === "}" ? '"' : VALUE;
      at++;
    } else {
      // A string where nothing else but the end of the object was wanted is the name of a property.
      const isName = wanted === '"' || wanted === '"}';
      const isClosing = unit === closers.at(-1);
      if (isClosing) closers.pop();
      const end = isClosing ? at + 1 : unit === '"' ? stringEnd(text, at) : matchEnd(SCALAR, text, at);
      if (end < 0) return ~end;
      wanted = isName && !isClosing ? ":" : closers.length > 0 ? `,${closers.at(-1)}` : "";
      at = end;
    }
  }
}

/** Behind the string that begins at `from`, or the complement of where it goes wrong. */
function stringEnd(text: string, from: number): number {
  let at = from + 1;
  for (let end = at; end >= 0; end = matchEnd(PIECE, text, at)) at = end;
  return text[at] === '"' ? at + 1 : ~at;
}

function matchEnd(pattern: RegExp, text: string, at: number): number {
  pattern.lastIndex = at;
  return pattern.test(text) ? pattern.lastIndex : ~at;
}
