/** How far a build is. */
export interface BuildProgress {
  /** What is being built: a graph of programs (`kube`, `tracing`, …), `images`, `charts`. */
  readonly program: string;
  /** Of the whole build, 0 to 100; never falls. */
  readonly percent: number;
  /** The package that is being compiled, the module that is being downloaded, … */
  readonly detail: string;
}

export type OnBuildProgress = (progress: BuildProgress) => void;

/** Turns the progress of parts, which weigh what they were measured to take, into that of the whole. */
export class ProgressMeter {
  readonly #weights: ReadonlyMap<string, number>;
  readonly #done = new Map<string, number>();
  readonly #report: OnBuildProgress;
  #percent = 0;
  #current: string | undefined;

  /** @param weights part → its share, in any unit */
  constructor(weights: ReadonlyMap<string, number>, report: OnBuildProgress) {
    this.#weights = weights;
    this.#report = report;
  }

  /** What is told about from now on: parts run side by side, and a person can follow only one. */
  follow(part: string): void {
    this.#current = part;
  }

  /** @param fraction of this part, 0 to 1; a smaller one than before counts as the one before */
  at(part: string, fraction: number, detail: string): void {
    const before = this.#done.get(part) ?? 0;
    this.#done.set(part, Math.min(1, Math.max(before, fraction)));
    let [sum, total] = [0, 0];
    for (const [name, weight] of this.#weights) {
      sum += weight * (this.#done.get(name) ?? 0);
      total += weight;
    }
    this.#percent = Math.max(this.#percent, Math.floor((100 * sum) / total));
    if (part === this.#current) this.#report({ program: part, percent: this.#percent, detail });
  }
}
