import type { FailureType } from '../../domain/failure.js';

/** Which hop is broken, why, and the cure. */
export interface Verdict {
  readonly type: Extract<FailureType, `hop.${string}`>;
  readonly message: string;
  readonly remedy: string;
  /** It may pass by itself. A wrong configuration does not. */
  readonly retryable: boolean;
}
