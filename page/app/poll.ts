import { useEffect, useState } from 'preact/hooks';
import type { FailureAnswer } from '../../src/page/wire.js';
import { failureOf } from './client.js';

export interface Polled<T> {
  /** The last good answer. It stays when later ones fail. */
  readonly value?: T;
  /** Why the latest one failed. */
  readonly failure?: FailureAnswer;
  /** Of the first answer, or to another question. */
  readonly pending: boolean;
}

/** What is kept between two drawings. */
interface Answered<T> extends Omit<Polled<T>, 'pending'> {
  /** The question that the latest answer is to. */
  readonly to?: unknown;
}

/**
 * Asks again and again, each time so long after the last answer, while the page is seen.
 * @param ask when another function is given, the question is another; memoise it
 * @param everyMs 0: once
 */
export function usePoll<T>(ask: (signal: AbortSignal) => Promise<T>, everyMs: number): Polled<T> {
  const [{ to, ...answer }, setAnswered] = useState<Answered<T>>({});
  useEffect(() => {
    const stop = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let asking = false;
    let last = '';
    const look = async (): Promise<void> => {
      if (asking) return;
      asking = true;
      clearTimeout(timer);
      try {
        const value = await ask(stop.signal);
        // Nothing is drawn again for an answer that says the same.
        const text = JSON.stringify(value);
        if (text !== last && !stop.signal.aborted) setAnswered({ to: ask, value });
        last = text;
      } catch (error) {
        last = '';
        if (!stop.signal.aborted)
          setAnswered(({ value }) => ({
            to: ask,
            ...(value !== undefined && { value }),
            failure: failureOf(error),
          }));
      }
      asking = false;
      if (everyMs > 0 && !stop.signal.aborted) timer = setTimeout(again, everyMs);
    };
    const again = (): void => {
      if (!document.hidden) void look();
    };
    const onVisible = (): void => {
      if (everyMs > 0) again();
    };
    document.addEventListener('visibilitychange', onVisible);
    void look();
    return () => {
      stop.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', onVisible);
    };
  }, [ask, everyMs]);
  return { ...answer, pending: to !== ask };
}
