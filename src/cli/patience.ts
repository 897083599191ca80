import { setTimeout as sleep } from 'node:timers/promises';

/**
 * In milliseconds: how long nobody may answer. A server or worker of one's own is back at once; but Kubernetes moves the pods
 * of a lost node after five minutes, and the new pod may have to pull its image. A machine that is full of clusters takes its
 * time as well.
 */
const defaultPatienceMs = 7 * 60_000;

/** Between two questions, in milliseconds. */
const askAgainMs = 2_000;

/** How long a command goes on asking when neither the server nor a worker answers any more. */
export class Patience {
  private readonly patienceMs: number;
  private silentSince: number | undefined;
  private unanswered = 0;

  constructor(patienceMs = defaultPatienceMs) {
    this.patienceMs = patienceMs;
  }

  /** Questions in a row that had no answer. */
  get tries(): number {
    return this.unanswered;
  }

  /** Where to say that something is being brought back: silence, once it has been said. */
  sayOnce(say: (line: string) => void): (line: string) => void {
    return this.unanswered > 1 ? () => undefined : say;
  }

  /** There was an answer. */
  answered(): void {
    [this.silentSince, this.unanswered] = [undefined, 0];
  }

  /**
   * There was none: waits until it is time to ask again, which the first time is at once, or until the signal fires.
   * @param error thrown when this has gone on for too long
   */
  async endure(error: unknown, signal: AbortSignal): Promise<void> {
    this.silentSince ??= performance.now();
    if (performance.now() - this.silentSince > this.patienceMs) throw error;
    if (this.unanswered > 0) await sleep(askAgainMs, undefined, { signal }).catch(() => undefined);
    this.unanswered += 1;
  }
}
