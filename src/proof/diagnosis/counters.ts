import type { ProofSpec } from '../../domain/stack.js';
import type { Pod } from '../../tools/kubernetes/objects.js';
import type { ProofKube } from '../cluster-access.js';
import type { CollectorCounts } from './facts.js';
import { collectorCounts, counter, type Series } from './metrics.js';
import { unlessUnknown, type Reader } from './reader.js';

/** What collector and Tempo have counted so far; `undefined` where they cannot be asked. */
export interface Counters {
  readonly collector: CollectorCounts | undefined;
  readonly tempo: { readonly received: Series; readonly discarded: Series } | undefined;
}

/** Where a collector publishes its own metrics unless told otherwise: `service.telemetry.metrics`. */
const collectorMetricsPort = 8_888;

export async function readCounters(
  read: Reader,
  kube: ProofKube,
  { collector, tempo }: ProofSpec,
  signal: AbortSignal,
): Promise<Counters> {
  const [ofCollector, ofTempo] = await Promise.all([
    readCollector(read, collector),
    unlessUnknown(() => kube.serviceRequest(tempo, '/metrics', { timeoutMs: 5_000, signal })),
  ]);
  const page = ofTempo?.status === 200 ? ofTempo.body : undefined;
  return {
    collector: ofCollector,
    tempo:
      page === undefined
        ? undefined
        : {
            received: counter(page, 'tempo_distributor_spans_received', 'tenant'),
            discarded: counter(page, 'tempo_discarded_spans', 'reason'),
          },
  };
}

async function readCollector(
  read: Reader,
  { namespace, podSelector }: ProofSpec['collector'],
): Promise<CollectorCounts | undefined> {
  const path = `/api/v1/namespaces/${namespace}/pods`;
  const pods = (await read.list<Pod>(path, { labelSelector: podSelector })) ?? [];
  const living = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const pages = await Promise.all(
    living.map(({ metadata }) =>
      read.text(`${path}/${metadata.name}:${String(collectorMetricsPort)}/proxy/metrics`),
    ),
  );
  const known = pages.filter((page) => page !== undefined);
  return known.length === 0 ? undefined : collectorCounts(known.join('\n'));
}
