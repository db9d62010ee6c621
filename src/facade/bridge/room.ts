/** Room for so much at once, given in the order in which it is asked for: what is asked for together stays bounded. */
export class Room {
  readonly #all: number;
  #free: number;
  readonly #waiting: { readonly amount: number; readonly go: () => void }[] = [];

  /** @param amount how much there is, of anything */
  constructor(amount: number) {
    this.#all = amount;
    this.#free = amount;
  }

  /** Takes so much, or all that there is, once it is free; resolves to what gives it back. */
  async take(amount: number): Promise<() => void> {
    const taken = Math.min(amount, this.#all);
    if (this.#waiting.length > 0 || this.#free < taken) {
      await new Promise<void>((go) => this.#waiting.push({ amount: taken, go }));
    } else {
      this.#free -= taken;
    }
    return () => {
      this.#free += taken;
      this.#serve();
    };
  }

  /** Runs `work` with so much. */
  async within<T>(amount: number, work: () => Promise<T> | T): Promise<T> {
    const giveBack = await this.take(amount);
    try {
      return await work();
    } finally {
      giveBack();
    }
  }

  #serve(): void {
    for (let next = this.#waiting[0]; next !== undefined && next.amount <= this.#free; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= next.amount;
      next.go();
    }
  }
}
