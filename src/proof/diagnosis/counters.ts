import type { ProofSpec } from '../../domain/stack.js';
import type { Pod } from '../../tools/kubernetes/objects.js';
import type { ProofKube } from '../cluster-access.js';
import { type Reader, unlessUnknown } from './reader.js';

/** By the name of the receiver or exporter. */
export interface CollectorCounts {
  readonly accepted: Readonly<Record<string, number>>;
  readonly refused: Readonly<Record<string, number>>;
  readonly sent: Readonly<Record<string, number>>;
  readonly failed: Readonly<Record<string, number>>;
}

/** Numbers of one metric by the value of one of its labels; several series of that value are added. */
export type Series = Readonly<Record<string, number>>;

/**
 * Reads one counter out of a page in the text format of Prometheus. Later collectors write `_total` after its name.
 * @param label whose values become the keys; a series without it counts under the empty text
 */
export function counter(page: string, name: string, label: string): Series {
  const line = new RegExp(`^${name}(?:_total)?(?:\\{(.*)\\})? ([-+.\\deE]+)`, 'gmu');
  const sums: Record<string, number> = {};
  for (const [, labels = '', value = ''] of page.matchAll(line)) {
    const key = new RegExp(`(?:^|,)${label}="([^"]*)"`, 'u').exec(labels)?.[1] ?? '';
    sums[key] = (sums[key] ?? 0) + Number(value);
  }
  return sums;
}

/** What was counted between two looks. After a restart the counters begin at 0: then all of the later look counts. */
export function increase(before: Series, after: Series): Series {
  const hasRestarted = Object.entries(before).some(([key, value]) => (after[key] ?? 0) < value);
  return Object.fromEntries(
    Object.entries(after).map(([key, value]) => [key, hasRestarted ? value : value - (before[key] ?? 0)]),
  );
}

/** The sum of all series. */
export function total(series: Series): number {
  return Object.values(series).reduce((sum, value) => sum + value, 0);
}

/** The spans of a collector, from the metrics of all its pods. */
function collectorCounts(pages: string): CollectorCounts {
  return {
    accepted: counter(pages, 'otelcol_receiver_accepted_spans', 'receiver'),
    refused: counter(pages, 'otelcol_receiver_refused_spans', 'receiver'),
    sent: counter(pages, 'otelcol_exporter_sent_spans', 'exporter'),
    failed: counter(pages, 'otelcol_exporter_send_failed_spans', 'exporter'),
  };
}

export function increaseOfCounts(before: CollectorCounts, after: CollectorCounts): CollectorCounts {
  return {
    accepted: increase(before.accepted, after.accepted),
    refused: increase(before.refused, after.refused),
    sent: increase(before.sent, after.sent),
    failed: increase(before.failed, after.failed),
  };
}

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
  // Of a store in parts the one that takes the spans counts them; all parts have the same port for it.
  const intake = tempo.ingest && { namespace: tempo.ingest.namespace, service: tempo.ingest.service };
  const [ofCollector, ofTempo] = await Promise.all([
    readCollectorCounters(read, collector),
    unlessUnknown(() =>
      kube.serviceRequest({ ...tempo, ...intake }, '/metrics', { timeoutMs: 5_000, signal }),
    ),
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

async function readCollectorCounters(
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

/** `accepted 51 (jaeger), 1 (otlp)`. */
export function seriesText(what: string, series: Series): string {
  const parts = Object.entries(series).map(([name, value]) => `${String(value)} (${name})`);
  return `${what} ${parts.join(', ') || '0'}`;
}
