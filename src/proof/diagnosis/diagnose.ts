import { TracewrightError } from '../../domain/failure.js';
import type { ManifestsSpec, ProofSpec } from '../../domain/stack.js';
import type { ReleaseRef } from '../../domain/step-tasks.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import { sharedSignal } from '../../tools/shared-signal.js';
import type { ProofKube } from '../cluster-access.js';
import { readCounters } from './counters.js';
import { evidenceOf, rankedEvidence } from './evidence.js';
import type { HopFacts } from './facts.js';
import type { FactsRequest } from './facts-request.js';
import { judge } from './judge.js';
import { logsSince } from './logs-since.js';
import { withPutBack } from './put-back.js';
import { readChanges } from './read-changes.js';
import { readFacts } from './read-facts.js';
import { createReader } from './reader.js';

/** A failure is worth so many milliseconds more to learn its cause. */
const diagnosisMs = 15_000;

export interface DiagnosisOptions {
  readonly kube: ProofKube;
  /** Whose objects tell the cause. */
  readonly cluster: Kubernetes;
  readonly spec: ProofSpec;
  /** The objects of the stack file: whether somebody has changed them. @default nobody asks */
  readonly manifests?: readonly ManifestsSpec[];
  /** The Helm releases of the stack, for the same reason. @default none */
  readonly releases?: readonly ReleaseRef[];
  readonly signal: AbortSignal;
}

export interface Diagnosis {
  /**
   * Says which hop is broken, with evidence and cure.
   * @param ride `undefined` when there was none
   * @returns a failure `hop.*`; where nothing explains it, `error` with what was seen
   */
  explain(error: TracewrightError, ride: FactsRequest['ride']): Promise<TracewrightError>;
}

/** Begins before the ride, as what collector and Tempo count from then on is the best evidence. */
export function beginDiagnosis(options: DiagnosisOptions): Diagnosis {
  const { kube, cluster, spec, manifests = [], releases = [], signal } = options;
  const start = limitedBy(signal);
  const before = readCounters(createReader(cluster, start), kube, spec, start);
  return {
    async explain(error, ride) {
      const limit = limitedBy(signal);
      const read = createReader(cluster, limit);
      const request = { read, kube, spec, broken: error.type, ride, before: await before, signal: limit };
      const since = await logsSince(read, ride);
      const [seen, changes] = await Promise.all([
        readFacts({ ...request, logsSince: since }),
        readChanges(cluster, { manifests, releases }, limit),
      ]);
      return signal.aborted ? error : explained(error, { ...seen, changes });
    },
  };
}

function explained(error: TracewrightError, facts: HopFacts): TracewrightError {
  const found = judge(facts);
  const verdict = found && withPutBack(found, facts);
  const { type, message, remedy, retryable } = verdict ?? error;
  // What the verification saw stays: the verdict may be wrong, the observation is not.
  const seen = message === error.message ? error.evidence : [error.message, ...error.evidence];
  const evidence = rankedEvidence(evidenceOf(facts), verdict?.decidedBy ?? [], seen);
  return new TracewrightError({ type, message, remedy, retryable, evidence, cause: error });
}

function limitedBy(signal: AbortSignal): AbortSignal {
  return sharedSignal(signal, AbortSignal.timeout(diagnosisMs));
}
