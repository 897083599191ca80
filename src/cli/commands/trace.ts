import { formatMs } from '../../domain/duration.js';
import { TracewrightError } from '../../domain/failure.js';
import type { SearchHit } from '../../domain/proof.js';
import { normaliseId, traceIdDigits } from '../../domain/trace.js';
import { type CliContext, type ExitCode, exitCodes } from '../context.js';
import { findInstall, findTrace, type FoundTrace, type TraceWish } from '../find-trace.js';
import type { Paint } from '../views/format.js';
import { shorten } from '../views/text-width.js';
import { titleOf } from '../views/trace-facts.js';
import { renderTracePage } from '../views/trace-page.js';
import { renderWaterfall } from '../views/waterfall.js';
import { withCluster } from '../with-cluster.js';
import { writeOutput } from '../write-output.js';

export interface TraceOptions extends Omit<TraceWish, 'id'> {
  name?: string;
  /** That of the latest install. */
  install?: boolean;
  /** Write a page to this file instead of drawing in the terminal. */
  html?: string;
  force?: boolean;
  json?: boolean;
}

/** Draws a trace: the one named, that of the last proof, of the latest install, or the longest that a search finds. */
export async function trace(
  context: CliContext,
  id: string | undefined,
  options: TraceOptions,
): Promise<ExitCode> {
  const wanted = id === undefined ? undefined : parseId(id);
  checkTogether(id, options);
  const found = options.install
    ? await findInstall(context, options.name)
    : await withCluster(context, options.name, (it) =>
        findTrace(it, { ...options, ...(wanted !== undefined && { id: wanted }) }, context.signal),
      );
  if (options.html !== undefined) {
    const page = await renderTracePage(found.trace, `Tracewright ${context.version}`);
    await writeOutput(options.html, page, options.force ?? false);
    context.note(`Wrote ${found.what} to ${options.html}: one page that needs nothing else.`);
  }
  if (options.json) context.print(JSON.stringify({ hits: found.hits, trace: found.trace }, undefined, 2));
  else if (options.html === undefined) draw(context, found, options.query !== undefined);
  return exitCodes.ok;
}

function draw(
  { print, note, paint, columns }: CliContext,
  { trace, what, hits }: FoundTrace,
  list: boolean,
): void {
  if (list && hits) for (const line of [...hitLines(hits, { paint, columns }), '']) print(line);
  note(paint('dim', `${what.charAt(0).toUpperCase()}${what.slice(1)}:`));
  for (const line of renderWaterfall(trace, { width: columns, paint })) print(line);
}

/** @throws TracewrightError `usage.invalid` */
function parseId(text: string): string {
  const id = normaliseId(text, traceIdDigits);
  if (id !== undefined) return id;
  throw new TracewrightError({
    type: 'usage.invalid',
    message: `"${text}" is not a trace id: that has up to 32 hexadecimal digits.`,
    remedy:
      'Copy it from `tracewright status` or Grafana; without an id the trace of the last proof is shown.',
  });
}

/** @throws TracewrightError `usage.invalid` */
function checkTogether(
  id: string | undefined,
  { longest, query, limit, since, install }: TraceOptions,
): void {
  const searches = longest === true || query !== undefined;
  const problem =
    [id !== undefined, searches, install].filter(Boolean).length > 1
      ? 'Of a trace id, a search and --install only one says which trace is meant.'
      : !searches && (limit !== undefined || since !== undefined)
        ? '--limit and --since belong to a search.'
        : undefined;
  if (problem === undefined) return;
  throw new TracewrightError({
    type: 'usage.invalid',
    message: problem,
    remedy: 'Give an id, --longest, --query, or --install.',
  });
}

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
