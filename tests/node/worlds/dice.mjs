/** Chance, by a seed. */
export class Dice {
  #state;

  constructor(seed) {
    this.#state = (seed ^ 0x5eed) >>> 0;
    for (let times = 0; times < 4; times++) this.#next();
  }

  /** "mulberry32", by Tommy Ettinger. */
  #next() {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  below(bound) {
    return Math.floor((this.#next() / 2 ** 32) * bound);
  }

  chance(percent) {
    return this.below(100) < percent;
  }

  of(list) {
    return list[this.below(list.length)];
  }

  /** One of `[weight, what]`, by weight. */
  weighed(list) {
    let at = this.below(list.reduce((sum, [weight]) => sum + weight, 0));
    return list.find(([weight]) => (at -= weight) < 0)[1];
  }
}
