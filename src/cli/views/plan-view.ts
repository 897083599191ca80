import {
  isFeasible,
  type ObjectPreview,
  type PlanPreview,
  type PreviewAction,
  type StepPreview,
} from '../../domain/preview.js';
import type { Paint, PaintStyle } from './format.js';

interface Mark {
  readonly symbol: string;
  readonly style: PaintStyle;
  /** Behind the count in the last line. */
  readonly counted: string;
}

const marks = {
  create: { symbol: '+', style: 'green', counted: 'to create' },
  change: { symbol: '~', style: 'yellow', counted: 'to change' },
  repair: { symbol: '~', style: 'yellow', counted: 'to repair' },
  remove: { symbol: '-', style: 'red', counted: 'to remove' },
  none: { symbol: '=', style: 'dim', counted: 'as it should be' },
  run: { symbol: '>', style: 'cyan', counted: 'to run' },
  refuse: { symbol: '✗', style: 'red', counted: 'refused' },
  unknown: { symbol: '?', style: 'red', counted: 'unknown' },
} as const satisfies Record<PreviewAction, Mark>;

/** The plan for people: a line a step, what changes of its objects below it, and what it adds up to. */
export function planLines(
  preview: PlanPreview,
  { paint, diff }: { readonly paint: Paint; readonly diff: boolean },
): string[] {
  const { steps } = preview;
  const width = Math.max(...steps.map(({ name }) => name.length));
  const lines = steps.flatMap((step) => [
    stepLine(step, width, paint),
    ...failureLines(step, paint),
    ...(step.objects ?? []).flatMap((object) => objectLines(object, { paint, diff })),
  ]);
  const then = isFeasible(preview)
    ? '`tracewright up` with the same options does it.'
    : '`tracewright up` would stop at what is marked ✗ or ?.';
  return [...lines, '', summary(steps), `Nothing was changed. ${then}`];
}

function stepLine(
  { name, action, what, namespace, detail }: StepPreview,
  width: number,
  paint: Paint,
): string {
  const { symbol, style } = marks[action];
  const place = namespace === undefined ? undefined : `namespace ${namespace}`;
  const texts = [what, place, detail].filter((text) => text !== undefined);
  return `  ${paint(style, `${symbol} ${name.padEnd(width)}`)}  ${texts.join(' · ')}`.trimEnd();
}

function failureLines({ failure }: StepPreview, paint: Paint): string[] {
  if (!failure) return [];
  const [first = '', ...more] = failure.message.split('\n');
  return [
    `      ${paint('red', `[${failure.type}]`)} ${first}`,
    ...[...more, ...(failure.evidence ?? [])].map((line) => `        ${line}`),
    `      → ${failure.remedy}`,
  ];
}

function objectLines(
  { kind, name, namespace, change, diff: text }: ObjectPreview,
  { paint, diff }: { readonly paint: Paint; readonly diff: boolean },
): string[] {
  const { symbol, style } = marks[change];
  const title = `      ${paint(style, symbol)} ${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}`;
  if (!diff || text === undefined) return [title];
  return [title, ...text.split('\n').map((line) => `        ${paint(lineStyle(line) ?? 'dim', line)}`)];
}

function lineStyle(line: string): PaintStyle | undefined {
  if (/^(?:---|\+\+\+) /u.test(line)) return undefined;
  if (line.startsWith('+')) return 'green';
  return line.startsWith('-') ? 'red' : undefined;
}

function summary(steps: readonly StepPreview[]): string {
  const counts = Object.entries(marks).flatMap(([action, { counted }]) => {
    const count = steps.filter((step) => step.action === action).length;
    return count === 0 ? [] : [`${String(count)} ${counted}`];
  });
  return `${String(steps.length)} steps: ${counts.join(', ')}.`;
}
