/** The end of one attempt of a step. All that the attempt waits for takes its time from it. */
export interface Deadline {
  /** Milliseconds that are left, at most `atMost`; 0 when it is over. */
  leftMs(atMost?: number): number;
}

/** @param now a clock in milliseconds, that nobody sets */
export function deadlineIn(ms: number, now: () => number = () => performance.now()): Deadline {
  const end = now() + ms;
  return {
    leftMs: (atMost = Infinity) => Math.max(0, Math.min(atMost, end - now())),
  };
}
