import type { FailureType } from '../../domain/failure.js';
import type { ProofSpec } from '../../domain/stack.js';
import type { ProofKube } from '../cluster-access.js';
import type { TraceIdentity } from '../root-span.js';
import type { Counters } from './counters.js';
import type { Reader } from './reader.js';

/** What the readers of facts are given. */
export interface FactsRequest {
  readonly read: Reader;
  readonly kube: ProofKube;
  readonly spec: ProofSpec;
  /** What the verification itself found. */
  readonly broken: FailureType;
  /** `undefined` when there was none. */
  readonly ride: { readonly identity: TraceIdentity; readonly startMs: number } | undefined;
  /** For logs: from when on their lines are about the ride. `undefined` when there was none. */
  readonly logsSince: string | undefined;
  /** From shortly before the ride. */
  readonly before: Counters;
  readonly signal: AbortSignal;
}
