import { isGood, type Row } from './scenario.js';

const heads = ['fault', 'survived', 'doubled', 'overlapped', 'residue', 'seconds', 'note'];

/** The table, and below it what a row cannot hold. */
export function report(rows: readonly Row[]): string {
  const cells = rows.map((row) => [
    `${row.scenario}: ${row.what}`,
    row.recoveredMs === undefined ? 'NO' : 'yes',
    String(row.doubled.length),
    String(row.overlaps.length),
    row.residue.length === 0 ? 'none' : String(row.residue.length),
    row.recoveredMs === undefined ? '' : (row.recoveredMs / 1_000).toFixed(1),
    row.recoveredMs === undefined ? 'see below' : (row.note ?? ''),
  ]);
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  const bad = rows.filter((row) => !isGood(row));
  return [
    line(heads),
    ...cells.map(line),
    '',
    `${String(rows.length - bad.length)} of ${String(rows.length)} as they should be: survived, 0, 0, none.`,
    ...new Set(
      bad.flatMap(({ scenario, note, doubled, overlaps, residue }) =>
        [note, ...doubled, ...overlaps, ...residue].flatMap((text) =>
          text === undefined ? [] : [`${scenario}: ${text}`],
        ),
      ),
    ),
  ].join('\n');
}
