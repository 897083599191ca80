import { isRanked, type Failure } from '../domain/failure.js';
import { redact } from '../tools/redact.js';
import { countOf } from './quantity.js';
import { shorten, wrap } from './text-width.js';

/** Where there is not room for all. */
const rowsALine = 2;
/** More than this is read by nobody who looks for a cure. */
const mostRows = 12;
/** Fewer prove nothing. */
const fewestRows = 3;

/** Shows all of it. */
const wholeCommand = 'tracewright status --full';

/**
 * The evidence of a failure in at most `rows` rows (3 to 12 of them), each `columns` wide: the most telling lines, each
 * cut to two rows, and how many more there are. Of ranked evidence the beginning tells most; of all other, which ends
 * in the newest events or in a log's last lines, mostly the end.
 */
export function shortEvidence(
  { type, evidence = [] }: Failure,
  { columns, rows }: { readonly columns: number; readonly rows: number },
): string[] {
  const room = Math.min(mostRows, Math.max(fewestRows, rows));
  const whole = evidence.map((line) => wrappedRows(line, columns));
  if (whole.flat().length <= room) return whole.flat();
  const cut = whole.map((lines) => cutTo(lines, columns));
  const shown = chooseLines(cut, isRanked(type), room - 1);
  const hidden = evidence.length - shown.size;
  const more = `… ${hidden > 0 ? countOf(hidden, 'more line') : 'uncut'}: ${wholeCommand}`;
  const gap = cut.findIndex((_, index) => !shown.has(index));
  return [
    ...cut.flatMap((lines, index) => [...(index === gap ? [more] : []), ...(shown.has(index) ? lines : [])]),
    ...(gap < 0 ? [more] : []),
  ];
}

/** Secrets go before lines are broken: behind a break they could not be recognised. */
export function wrappedRows(text: string, columns: number): string[] {
  return redact(text)
    .split('\n')
    .flatMap((line) => wrap(line, columns));
}

function cutTo(lines: readonly string[], columns: number): string[] {
  const kept = lines.slice(0, rowsALine).map((line) => shorten(line, columns));
  if (lines.length <= rowsALine) return kept;
  return [...kept.slice(0, -1), shorten(`${kept.at(-1) ?? ''} …`, columns)];
}

/** The numbers of those that fit into `room` rows, the most telling first in. */
function chooseLines(lines: readonly (readonly string[])[], ranked: boolean, room: number): Set<number> {
  const chosen = new Set<number>();
  let left = room;
  for (const index of ranked ? lines.keys() : fromBothEnds(lines.length)) {
    left -= lines[index]?.length ?? 0;
    if (left < 0) break;
    chosen.add(index);
  }
  return chosen;
}

/** The last, the first, the last but one, the last but two, the second …: two of the end for one of the beginning. */
function* fromBothEnds(count: number): Generator<number> {
  let [first, last] = [0, count - 1];
  for (let turn = 0; first <= last; turn += 1) {
    if (turn % 3 === 1) yield first++;
    else yield last--;
  }
}
