import { setTimeout as delay } from 'node:timers/promises';
import { isTracewrightError, TracewrightError } from '../domain/failure.js';

/** One look: what was looked for, or what was seen instead. */
export type Look<T> = { readonly found: T } | { readonly seen: string };

export type PollResult<T> =
  | { readonly found: T }
  | {
      /** What the last look saw, for people. */
      readonly seen: string;
      /** The error of the last look, where it had one. */
      readonly error: TracewrightError | undefined;
    };

export interface PollOptions {
  /** In milliseconds from now; the last look begins before it. */
  readonly deadlineMs: number;
  /** Ends the polling with `step.cancelled`. */
  readonly signal: AbortSignal;
  /** What each look saw. */
  readonly onLook?: (seen: string) => void;
}

/**
 * Short at first, as most things are there at once; then slower, as the rest is a matter of seconds. In milliseconds.
 */
const firstPauseMs = 250;
const longestPauseMs = 1_000;

/**
 * Looks until something is found or the time is over. An error that may pass is what a look saw; one that cannot pass
 * ends the polling at once.
 * @throws TracewrightError `step.cancelled`, or what `look` throws for good
 */
export async function poll<T>(look: () => Promise<Look<T>>, options: PollOptions): Promise<PollResult<T>> {
  const { deadlineMs, signal, onLook } = options;
  const endsAt = performance.now() + deadlineMs;
  let pauseMs = firstPauseMs;
  for (;;) {
    const result = await lookOnce(look, signal);
    if ('found' in result) return result;
    onLook?.(result.seen);
    if (performance.now() + pauseMs >= endsAt) return result;
    await delay(pauseMs, undefined, { signal }).catch(() => {
      throw cancelled();
    });
    pauseMs = Math.min(pauseMs * 1.5, longestPauseMs);
  }
}

async function lookOnce<T>(look: () => Promise<Look<T>>, signal: AbortSignal): Promise<PollResult<T>> {
  const isCancelled = (): boolean => signal.aborted;
  if (isCancelled()) throw cancelled();
  try {
    const result = await look();
    return 'found' in result ? result : { ...result, error: undefined };
  } catch (error) {
    if (isCancelled()) throw cancelled();
    if (!isTracewrightError(error) || !error.retryable) throw error;
    return { seen: error.message, error };
  }
}

function cancelled(): TracewrightError {
  return new TracewrightError({
    type: 'step.cancelled',
    message: 'The verification was stopped.',
    remedy: 'Nothing: this follows from a teardown, an abort or a stopped worker.',
  });
}
