import { setTimeout as delay } from 'node:timers/promises';
import { cancelledRemedy, isTracewrightError, TracewrightError } from '../domain/failure.js';

/** What one probe found: what was looked for, or what was seen instead. */
export type ProbeResult<T> = { readonly found: T } | { readonly seen: string };

export type PollResult<T> =
  | { readonly found: T }
  | {
      /** What the last probe saw, for people. */
      readonly seen: string;
      /** The error of the last probe, where it had one. */
      readonly error: TracewrightError | undefined;
    };

export interface PollOptions {
  /** In milliseconds from now; the last probe begins before it. */
  readonly deadlineMs: number;
  /** Ends the polling with `step.cancelled`. */
  readonly signal: AbortSignal;
  /** What each probe saw. */
  readonly onLook?: (seen: string) => void;
}

/**
 * Short at first, as most things are there at once; then slower, as the rest is a matter of seconds. In milliseconds.
 */
const firstPauseMs = 250;
const longestPauseMs = 1_000;

/**
 * Probes until something is found or the time is over. A transient error is what a probe saw; a terminal one ends the
 * polling at once.
 * @throws TracewrightError `step.cancelled`, or a terminal one of `probe`
 */
export async function poll<T>(
  probe: () => Promise<ProbeResult<T>>,
  { deadlineMs, signal, onLook }: PollOptions,
): Promise<PollResult<T>> {
  const endsAt = performance.now() + deadlineMs;
  let pauseMs = firstPauseMs;
  for (;;) {
    const result = await probeOnce(probe, signal);
    if ('found' in result) return result;
    onLook?.(result.seen);
    if (performance.now() + pauseMs >= endsAt) return result;
    await delay(pauseMs, undefined, { signal }).catch(() => {
      throw cancelled();
    });
    pauseMs = Math.min(pauseMs * 1.5, longestPauseMs);
  }
}

async function probeOnce<T>(
  probe: () => Promise<ProbeResult<T>>,
  signal: AbortSignal,
): Promise<PollResult<T>> {
  const isCancelled = (): boolean => signal.aborted;
  if (isCancelled()) throw cancelled();
  try {
    const result = await probe();
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
    message: 'The step was stopped while it waited.',
    remedy: cancelledRemedy,
  });
}
