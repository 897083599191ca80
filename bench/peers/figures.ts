import { median, megabytes, seconds } from '../table.js';
import type { Contender } from './contenders.js';
import type { Recovery, Start } from './trial.js';

/** What one contender has shown, round by round. */
export interface Measured {
  readonly contender: Pick<Contender, 'name' | 'title' | 'lacks'>;
  readonly installs: readonly Start[];
  readonly recoveries: readonly Recovery[];
}

/**
 * The table: a head, and a row a figure; a column a contender. Medians, in brackets as multiples of the first column's.
 */
export function tableOf(all: readonly Measured[]): string[][] {
  const compared = (
    figure: string,
    text: (value: number) => string,
    of: (start: Start) => number | undefined,
    otherwise = 'never',
  ): string[] => {
    const values = all.map(({ installs }) => known(installs.map(of)));
    const [first = []] = values;
    return [
      figure,
      ...values.map((some, column) => {
        const lost = lostText(all[column]?.installs.length ?? 0, some.length, otherwise);
        return some.length === 0
          ? lost
          : `${text(median(some))} (${(median(some) / median(first)).toFixed(2)})${lost && `, ${lost}`}`;
      }),
    ];
  };
  const recovered = (figure: string, text: (recoveries: readonly Recovery[]) => string): string[] => [
    figure,
    ...all.map(({ recoveries }) => text(recoveries)),
  ];
  return [
    ['', ...all.map(({ contender }) => contender.title)],
    compared('first trace found after', seconds, ({ traceMs }) => traceMs),
    compared(
      'command ended after',
      seconds,
      ({ endMs, exitCode }) => (exitCode === 0 ? endMs : undefined),
      'failed',
    ),
    compared('processor time of its processes', seconds, ({ processorMs }) => processorMs),
    compared('processor time of the whole machine', seconds, ({ machineMs }) => machineMs),
    compared('most memory of its processes (PSS)', megabytes, ({ peakBytes }) => peakBytes),
    recovered('killed after', (some) => seconds(median(some.map(({ killedMs }) => killedMs)))),
    recovered('started again: command ended', endText),
    recovered('started again: trace found after', (some) => {
      const found = known(some.map(({ again }) => again.traceMs));
      const lost = lostText(some.length, found.length, 'never');
      return found.length === 0 ? lost : seconds(median(found)) + (lost && `, ${lost}`);
    }),
    recovered('left then', (some) => {
      const left = [...new Set(some.flatMap((recovery) => recovery.left))];
      return left.length === 0 ? 'nothing' : left.join('; ');
    }),
    ['does not do', ...all.map(({ contender }) => contender.lacks)],
  ];
}

/** The median time to the trace of installs that nobody disturbed, in milliseconds; `undefined` where one had none. */
export function undisturbedMs({ installs }: Measured): number | undefined {
  return medianOfAll(installs.map(({ traceMs }) => traceMs));
}

/** The same from the first start on, with the kill between. */
export function recoveredMs({ recoveries }: Measured): number | undefined {
  return medianOfAll(recoveries.map(({ killedMs, again }) => again.traceMs && killedMs + again.traceMs));
}

function medianOfAll(values: readonly (number | undefined)[]): number | undefined {
  const some = known(values);
  return some.length < values.length ? undefined : median(some);
}

/** For a terminal: columns as wide as their widest cell, rows without trailing blanks. */
export function alignedTable(rows: readonly (readonly string[])[]): string {
  const [head = []] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('   ')
        .trimEnd(),
    )
    .join('\n');
}

export function markdownTable([head = [], ...rows]: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function endText(recoveries: readonly Recovery[]): string {
  const well = recoveries.filter(({ again }) => again.exitCode === 0).length;
  const after = `after ${seconds(median(recoveries.map(({ again }) => again.endMs)))}`;
  return `${lostText(recoveries.length, well, 'failed') || 'well'}, ${after}`;
}

/** `never`, `never in 1 of 3`; empty when none is lost. */
function lostText(all: number, found: number, otherwise: string): string {
  if (found === all) return '';
  return found === 0 ? otherwise : `${otherwise} in ${String(all - found)} of ${String(all)}`;
}

function known(values: readonly (number | undefined)[]): number[] {
  return values.filter((value) => value !== undefined);
}
