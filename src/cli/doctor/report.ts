import type { Check } from '../../domain/check.js';
import { countOf } from '../../domain/duration.js';
import type { Paint, PaintStyle } from '../views/format.js';
import { fit, widthOf, wrap } from '../views/text-width.js';

/** In the order in which they are shown. */
const doctorGroups = {
  choice: 'What `up` would do',
  machine: 'This machine',
  tools: 'Tools',
  temporal: 'Temporal',
} as const;

type DoctorGroup = keyof typeof doctorGroups;

/** The titles of what was seen on the machine of a worker. */
const places: Partial<Record<DoctorGroup, (machine: string) => string>> = {
  machine: (machine) => `The machine ${machine}`,
  tools: (machine) => `Tools on ${machine}`,
};

export interface GroupedCheck extends Check {
  readonly group: DoctorGroup;
}

/** All that `doctor` found; what `doctor --json` prints. */
export interface DoctorReport {
  /** Whether `up` can go on: no check failed. */
  readonly ready: boolean;
  /** What `up` would install. */
  readonly environment: string;
  readonly stack: string;
  /** Where; missing where that could not be decided. */
  readonly target?: string;
  /** The one that does the work, where its worker was asked; missing where this one was looked at from here. */
  readonly machine?: string;
  readonly checks: readonly GroupedCheck[];
}

export function inGroup(group: DoctorGroup, checks: readonly Check[]): GroupedCheck[] {
  return checks.map((check) => ({ group, ...check }));
}

interface DoctorViewOptions {
  readonly paint: Paint;
  /** Of the terminal; more than 120 are not used. */
  readonly columns: number;
}

const marks = {
  ok: ['✓', 'green'],
  warning: ['!', 'yellow'],
  failed: ['✗', 'red'],
} as const satisfies Record<Check['state'], readonly [string, PaintStyle]>;

/** The checks, group by group: what was found, and under what is not well why and what to do. */
export function doctorLines(report: DoctorReport, options: DoctorViewOptions): string[] {
  const groups = Object.entries(doctorGroups) as [DoctorGroup, string][];
  const nameColumns = Math.max(...report.checks.map(({ name }) => widthOf(name)));
  const shown = groups.flatMap(([group, title]) => {
    const checks = report.checks.filter((it) => it.group === group);
    if (checks.length === 0) return [];
    const where = report.machine !== undefined && places[group];
    return [
      options.paint('bold', where ? where(report.machine) : title),
      ...checks.flatMap((it) => checkLines(it, nameColumns, options)),
      '',
    ];
  });
  return [...shown, ...verdict(report, options)];
}

function checkLines(
  { name, state, detail, remedy }: GroupedCheck,
  nameColumns: number,
  { paint, columns }: DoctorViewOptions,
): string[] {
  const [mark, style] = marks[state];
  const indent = nameColumns + 6;
  const room = Math.max(30, Math.min(columns, 120) - indent);
  const [first = '', ...more] = wrap(detail, room);
  const fix = state === 'ok' || remedy === undefined ? [] : wrap(remedy, room - 2);
  return [
    `  ${paint(style, mark)} ${fit(name, nameColumns)}  ${first}`,
    ...more.map((line) => ' '.repeat(indent) + line),
    ...fix.map((line, index) =>
      index === 0 ? `${' '.repeat(indent)}${paint('cyan', '→')} ${line}` : `${' '.repeat(indent + 2)}${line}`,
    ),
  ];
}

function verdict({ ready, checks }: DoctorReport, { paint }: DoctorViewOptions): string[] {
  const count = (state: Check['state']): number => checks.filter((it) => it.state === state).length;
  const warnings = count('warning');
  const known = warnings === 0 ? '' : `, with ${countOf(warnings, 'thing')} to know (!)`;
  if (ready) return [`${paint('green', '✓')} \`tracewright up\` can go on${known}.`];
  const failed = count('failed');
  return [
    `${paint('red', '✗')} \`tracewright up\` cannot go on: ${String(failed)} of ${String(checks.length)} checks failed.`,
  ];
}
