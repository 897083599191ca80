/** Work that runs side by side and ends together. */
export interface Lanes {
  /** Fires when the caller cancels, or when one lane has failed. */
  readonly signal: AbortSignal;
  /** Waits until every lane has ended. The first failure cancels the others, and is what is thrown. */
  all(work: readonly Promise<unknown>[]): Promise<void>;
}

/** Runs `fn` with a signal that a failing lane fires too, so that no program is left running behind a failure. */
export async function runLanes<T>(
  outer: AbortSignal | undefined,
  fn: (lanes: Lanes) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const signal = outer ? AbortSignal.any([outer, stop.signal]) : stop.signal;
  return fn({
    signal,
    all: async (work) => {
      let first: { error: unknown } | undefined;
      const settled = work.map((lane) =>
        lane.catch((error: unknown) => {
          first ??= { error };
          stop.abort();
        }),
      );
      await Promise.all(settled);
      if (first) throw first.error;
    },
  });
}
