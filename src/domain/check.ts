import { isCancellation, isTracewrightError, TracewrightError, type FailureType } from './failure.js';

/** What a look at the machine found out, before anything is started: a line of `doctor`. Serialises to JSON. */
export interface Check {
  /** What was looked at, in one or two words: `disk room`. */
  readonly name: string;
  /** `warning`: it works, but a person should know of it beforehand. */
  readonly state: 'ok' | 'warning' | 'failed';
  /** What was found, as a sentence. */
  readonly detail: string;
  /** What to do about it; with every failed one. */
  readonly remedy?: string;
  /** The failure that `up` would end with. */
  readonly type?: FailureType;
}

/** What a look found: a sentence when all is well, or the whole check. */
export type Finding = string | Omit<Check, 'name'>;

/**
 * Makes a check of a function that throws where something is wrong.
 * @throws what `look` throws, unless it is a TracewrightError other than a cancellation: that becomes the result
 */
export async function check(name: string, look: () => Promise<Finding>): Promise<Check> {
  try {
    const found = await look();
    return typeof found === 'string' ? { name, state: 'ok', detail: found } : { name, ...found };
  } catch (error) {
    if (!isTracewrightError(error) || isCancellation(error)) throw error;
    return failedCheck(name, error);
  }
}

export function failedCheck(name: string, { type, message, remedy }: TracewrightError): Check {
  return { name, state: 'failed', detail: message, remedy, type };
}

/**
 * The failed checks as one error: the first is its message, the others are its evidence. `undefined` when none failed.
 */
export function failureOf(checks: readonly Check[]): TracewrightError | undefined {
  const [first, ...others] = checks.filter(({ state }) => state === 'failed');
  return (
    first &&
    new TracewrightError({
      type: first.type ?? 'host.unsupported',
      message: first.detail,
      remedy: first.remedy ?? '',
      evidence: others.flatMap(({ detail, remedy }) => [`Also: ${detail}`, ...(remedy ? [remedy] : [])]),
    })
  );
}
