import type { Check } from '../../domain/check.js';
import type { Paint, PaintStyle } from '../paint.js';
import { countOf } from '../quantity.js';
import { fit, widthOf, wrap } from '../text-width.js';
import { doctorGroups, type DoctorGroup, type DoctorReport, type GroupedCheck } from './report.js';

export interface DoctorViewOptions {
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
    return [
      options.paint('bold', title),
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
  const cure = state === 'ok' || remedy === undefined ? [] : wrap(remedy, room - 2);
  return [
    `  ${paint(style, mark)} ${fit(name, nameColumns)}  ${first}`,
    ...more.map((line) => ' '.repeat(indent) + line),
    ...cure.map((line, index) =>
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
