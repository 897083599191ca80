import type { CollectorCounts } from './facts.js';

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
export function collectorCounts(pages: string): CollectorCounts {
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
