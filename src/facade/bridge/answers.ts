import { copyOf, weightOf } from "../values/copy.js";

/** The most questions of a collection that are remembered. */
const MOST_QUESTIONS = 256;

/** Documents, and behind them, if there are any, the mark of the last one. */
type Answer = readonly unknown[];

/** What finds of one collection gave that were asked twice between two of its changes: most are asked once. */
export class Answers {
  /** By question; undefined where it was asked once. */
  readonly #known = new Map<string, Answer | undefined>();
  readonly #take: (bytes: number) => void;
  #bytes = 0;

  /** @param take takes memory from a room, which may drop all that is kept for it */
  constructor(take: (bytes: number) => void) {
    this.#take = take;
  }

  /** A fresh copy of the answer, if it is kept. */
  get(question: string): unknown[] | undefined {
    return this.#known.get(question)?.map(copyOf);
  }

  /** Whether this was asked before; it has been now. */
  isAskedAgain(question: string): boolean {
    if (this.#known.has(question)) return true;
    if (this.#known.size < MOST_QUESTIONS) this.#set(question, undefined, weightOf(question));
    return false;
  }

  /** Keeps an answer to what was asked before, unless it weighs more than `most` bytes. */
  keep(question: string, found: Answer, most: number): void {
    const bytes = weightOf(found);
    if (bytes <= most && this.#known.has(question)) this.#set(question, found.map(copyOf), bytes);
  }

  /** Drops all of it; the bytes that it took. */
  clear(): number {
    const bytes = this.#bytes;
    this.#known.clear();
    this.#bytes = 0;
    return bytes;
  }

  #set(question: string, answer: Answer | undefined, bytes: number): void {
    this.#take(bytes);
    this.#bytes += bytes;
    this.#known.set(question, answer);
  }
}
