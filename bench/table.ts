import { cpus, totalmem } from 'node:os';

/** A row of a table of figures. */
export type Row = readonly [figure: string, measured: string, goal: string];

/** Prints what was measured on which machine. */
export function printTable(rows: readonly Row[]): void {
  console.log(
    `\n${String(cpus().length)} cores, ${megabytes(totalmem())} of memory, Node ${process.version}\n`,
  );
  const all: readonly Row[] = [['figure', 'measured', 'goal'], ...rows];
  const widths = [0, 1].map((column) => Math.max(...all.map((row) => row[column]?.length ?? 0)));
  for (const row of all) {
    const cells = row.map((cell, column) => cell.padEnd(widths[column] ?? 0));
    console.log(cells.join('   ').trimEnd());
  }
}

/** @param ms milliseconds */
export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

export function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}

/** Of an even number the mean of both in the middle; NaN of none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = (sorted.length - 1) / 2;
  return ((sorted[Math.floor(middle)] ?? NaN) + (sorted[Math.ceil(middle)] ?? NaN)) / 2;
}
