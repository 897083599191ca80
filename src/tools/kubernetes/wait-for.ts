import type { Deadline } from '../../domain/time-limits.js';
import type { Kubernetes } from './connection.js';
import type { ObjectMeta } from './objects.js';
import { cancelled } from './transport.js';
import { watchCollection, type WatchOptions } from './watch.js';

/** Which objects of the cluster are waited for. */
export type Collection = Pick<WatchOptions, 'path' | 'fieldSelector' | 'labelSelector'>;

export interface WaitLimits {
  readonly deadline: Deadline;
  readonly signal?: AbortSignal | undefined;
}

/** The objects as they were seen last, by name. */
export interface WaitResult<T> {
  /** Whether the predicate came to hold before the deadline. */
  readonly held: boolean;
  readonly items: ReadonlyMap<string, T>;
}

/**
 * Watches a collection until the predicate holds or the deadline is over; short absences of the API server are sat out.
 * @param predicate what it throws ends the wait
 * @throws TracewrightError `step.cancelled`, `cluster.unreachable`, ApiError, and what the predicate throws
 */
export async function waitFor<T extends { readonly metadata: ObjectMeta }>(
  kube: Kubernetes,
  collection: Collection,
  predicate: (items: ReadonlyMap<string, T>) => boolean,
  { deadline, signal }: WaitLimits,
): Promise<WaitResult<T>> {
  const stopper = new AbortController();
  return new Promise<WaitResult<T>>((resolve, reject: (error: Error) => void) => {
    const onAbort = (): void => {
      finish(() => {
        reject(cancelled());
      });
    };
    const finish = (outcome: () => void): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      stopper.abort();
      outcome();
    };
    const look = (): void => {
      if (stopper.signal.aborted) return;
      try {
        if (watch.failure) throw watch.failure;
        if (!watch.synced || !predicate(watch.items)) return;
        finish(() => {
          resolve({ held: true, items: watch.items });
        });
      } catch (error) {
        finish(() => {
          reject(error as Error);
        });
      }
    };
    // The longest time that a timer takes.
    const timer = setTimeout(
      () => {
        finish(() => {
          resolve({ held: false, items: watch.items });
        });
      },
      deadline.leftMs(2 ** 31 - 1),
    );
    const watch = watchCollection<T>(kube, { ...collection, onChange: look, signal: stopper.signal });
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted) onAbort();
  });
}
