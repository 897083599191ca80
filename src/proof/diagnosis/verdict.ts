import type { FailureType } from '../../domain/failure.js';
import type { EvidenceKind } from './evidence.js';

/** Which hop is broken, why, and the cure. */
export interface Verdict {
  readonly type: Extract<FailureType, `hop.${string}`>;
  readonly message: string;
  readonly remedy: string;
  /** It may pass by itself. A wrong configuration does not. */
  readonly retryable: boolean;
  /** Which evidence shows it, the most telling first: a terminal has no room for all. */
  readonly decidedBy: readonly EvidenceKind[];
}

/** Makes the verdicts on one kind of broken hop; without `retryable` they do not pass by themselves. */
export function verdictsOn(
  type: Verdict['type'],
): (message: string, remedy: string, decidedBy: Verdict['decidedBy'], retryable?: boolean) => Verdict {
  return (message, remedy, decidedBy, retryable = false) => ({ type, message, remedy, retryable, decidedBy });
}
