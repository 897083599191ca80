import type { SearchHit } from '../domain/proof.js';
import type { Paint } from './paint.js';
import { formatMs } from './quantity.js';
import { shorten } from './text-width.js';
import { titleOf } from './trace-facts.js';

const durationColumns = 8;

/** The answer of a search, one line a trace: its id, whole so that it can be copied, duration, start (UTC) and name. */
export function hitLines(
  hits: readonly SearchHit[],
  { paint, columns }: { readonly paint: Paint; readonly columns: number },
): string[] {
  return hits.map((hit) => {
    const duration = formatMs(hit.durationMs).padStart(durationColumns);
    const start = new Date(Number(BigInt(hit.startNs) / 1_000_000n)).toISOString().replace(/\.\d+Z$/u, 'Z');
    const room = columns - hit.traceId.length - durationColumns - start.length - 6;
    const title = room < 10 ? '' : `  ${shorten(titleOf(hit), room)}`;
    return `${hit.traceId}  ${duration}  ${paint('dim', start)}${title}`;
  });
}
