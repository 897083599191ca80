import { TracewrightError } from '../../domain/failure.js';
import type { ReleaseRef } from '../../domain/release.js';
import type { ManifestsSpec, ProofSpec } from '../../domain/stack.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import { sharedSignal } from '../../tools/shared-signal.js';
import type { ProofKube } from '../cluster-access.js';
import { readChanges, withPutBack } from './changes.js';
import { readCollector } from './collector.js';
import { type Counters, increase, increaseOfCounts, readCounters, total } from './counters.js';
import type { CollectorFacts, FactsRequest, HopFacts, TempoFacts } from './facts.js';
import { readGrafana } from './grafana.js';
import { readHotrod } from './hotrod.js';
import { evidenceOf, judge } from './judge.js';
import { createReader, logsSince } from './reader.js';
import { readTempo } from './store.js';

/** A failure is worth so many milliseconds more to learn its cause. */
const diagnosisMs = 15_000;

interface DiagnosisOptions {
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

interface Diagnosis {
  /**
   * Says which hop is broken, with evidence and fix.
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
  const evidence = evidenceOf(facts, verdict, seen);
  return new TracewrightError({ type, message, remedy, retryable, evidence, cause: error });
}

function limitedBy(signal: AbortSignal): AbortSignal {
  return sharedSignal(signal, AbortSignal.timeout(diagnosisMs));
}

/** Looks at the whole stack at once. Reads only, and never throws: what cannot be found out is `undefined`. */
async function readFacts(request: FactsRequest): Promise<Omit<HopFacts, 'changes'>> {
  const { read, kube, spec, broken, before, signal } = request;
  const [hotrod, collector, tempo, grafana, after] = await Promise.all([
    readHotrod(request),
    readCollector(request),
    readTempo(request),
    readGrafana(request),
    readCounters(read, kube, spec, signal),
  ]);
  return {
    spec,
    broken,
    hotrod,
    collector: { ...collector, counts: collectorIncrease(before, after) },
    tempo: { ...tempo, ...tempoIncrease(before, after) },
    grafana,
  };
}

function collectorIncrease(before: Counters, after: Counters): CollectorFacts['counts'] {
  return before.collector && after.collector && increaseOfCounts(before.collector, after.collector);
}

function tempoIncrease(before: Counters, after: Counters): Pick<TempoFacts, 'received' | 'discarded'> {
  if (!before.tempo || !after.tempo) return { received: undefined, discarded: {} };
  return {
    received: total(increase(before.tempo.received, after.tempo.received)),
    discarded: increase(before.tempo.discarded, after.tempo.discarded),
  };
}
