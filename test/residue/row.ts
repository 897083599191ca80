/** One line of the table: a kind of thing that was looked at before and after. */
export interface Row {
  readonly part: string;
  readonly what: string;
  /** So many there were before. */
  readonly before: number;
  /** What is left, gone or changed afterwards, in words; empty when all is well. */
  readonly differences: readonly string[];
}

export const isClean = (rows: readonly Row[]): boolean =>
  rows.every(({ differences }) => differences.length === 0);

/** The table, what is in the difference by name, and what is left out of the comparison. */
export function report(rows: readonly Row[], leftOut: Readonly<Record<string, string>>): string {
  const heads = ['part', 'looked at', 'before', 'difference'];
  const cells = rows.map(({ part, what, before, differences }) => [
    part,
    what,
    String(before),
    differences.length === 0 ? 'none' : String(differences.length),
  ]);
  const widths = heads.map((_, column) =>
    Math.max(...[heads, ...cells].map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) =>
        column === 2 ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd();
  const bad = rows.flatMap(({ part, what, differences }) =>
    differences.map((difference) => `${part}, ${what}: ${difference}`),
  );
  return [
    line(heads),
    ...cells.map(line),
    '',
    isClean(rows) ? 'Nothing is left, gone or changed.' : `${String(bad.length)} differences:`,
    ...bad,
    '',
    'Left out:',
    ...Object.entries(leftOut).map(([what, why]) => `  ${what}: ${why}`),
  ].join('\n');
}
