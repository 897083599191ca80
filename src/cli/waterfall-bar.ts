/** One span against the time of its trace, in milliseconds on one scale. */
export interface BarTimes {
  readonly startMs: number;
  readonly endMs: number;
  /** Stretches on the critical path. */
  readonly critical: readonly { readonly startMs: number; readonly endMs: number }[];
}

export interface BarScale {
  readonly startMs: number;
  readonly endMs: number;
  /** Columns for the whole trace. */
  readonly columns: number;
}

/** Told apart without colours too. */
export const barMarks = { critical: '█', other: '─' } as const;

/** The bar and the blanks around it, exactly `columns` wide. Even the shortest span is one column. */
export function bar(
  { startMs, endMs, critical }: BarTimes,
  scale: BarScale,
): { before: string; bar: string; after: string } {
  const { columns } = scale;
  const perColumn = (scale.endMs - scale.startMs) / columns || 1;
  const columnOf = (ms: number): number => (ms - scale.startMs) / perColumn;
  const first = clamp(Math.round(columnOf(startMs)), 0, columns - 1);
  const end = clamp(Math.round(columnOf(endMs)), first + 1, columns);
  let marks = '';
  for (let column = first; column < end; column += 1) {
    // The part of this column's time in which the span ran; of a span between two columns, all of it.
    const inColumn = end - first === 1;
    const fromMs = inColumn ? startMs : Math.max(startMs, scale.startMs + column * perColumn);
    const untilMs = inColumn ? endMs : Math.min(endMs, scale.startMs + (column + 1) * perColumn);
    const criticalMs = critical.reduce(
      (sum, it) => sum + Math.max(0, Math.min(it.endMs, untilMs) - Math.max(it.startMs, fromMs)),
      0,
    );
    marks += criticalMs > 0 && criticalMs * 2 >= untilMs - fromMs ? barMarks.critical : barMarks.other;
  }
  return { before: ' '.repeat(first), bar: marks, after: ' '.repeat(columns - end) };
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
