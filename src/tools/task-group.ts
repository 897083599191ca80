/** Tasks that run side by side and end together. */
export interface TaskGroup {
  /** Fires when the caller cancels, or when one task has failed. */
  readonly signal: AbortSignal;
  /** Waits until every task has ended. The first failure cancels the others, and is what is thrown. */
  readonly all: (tasks: readonly Promise<unknown>[]) => Promise<void>;
}

/** Runs `fn` with a signal that a failing task fires too, so that no program is left running behind a failure. */
export async function runTaskGroup<T>(
  outer: AbortSignal | undefined,
  fn: (group: TaskGroup) => Promise<T>,
): Promise<T> {
  const stop = new AbortController();
  const signal = outer ? AbortSignal.any([outer, stop.signal]) : stop.signal;
  return fn({
    signal,
    all: async (tasks) => {
      let first: { error: unknown } | undefined;
      const settled = tasks.map((task) =>
        task.catch((error: unknown) => {
          first ??= { error };
          stop.abort();
        }),
      );
      await Promise.all(settled);
      if (first) throw first.error;
    },
  });
}
