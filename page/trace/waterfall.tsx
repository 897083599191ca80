import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { JSX } from 'preact';
import { formatMs } from '../../src/domain/duration.js';
import { hasChildren, isFailed, type Row, ticks, type TraceModel, visibleRows } from './model.js';

/** Of the time of a trace, the part that is shown. */
export interface TimeFrame {
  readonly startMs: number;
  readonly endMs: number;
}

interface WaterfallProps {
  readonly model: TraceModel;
  readonly frame: TimeFrame;
  readonly folded: ReadonlySet<number>;
  /** Index of the row that the keys act on. */
  readonly current: number;
  /** Of which the details are shown. */
  readonly opened: number | undefined;
  /** What a search has found; undefined without one. */
  readonly found: ReadonlySet<number> | undefined;
  readonly onCurrent: (index: number) => void;
  readonly onOpen: (index: number) => void;
  readonly onFold: (index: number, fold: boolean) => void;
}

/** In pixels, as style.css has it. */
const rowHeight = 24;
/** Rows above and below the part that is seen: what a quick scroll shows before the next frame. */
const spare = 8;
/** A deeper span is drawn at this depth: there must be room for its name. */
const maxDepth = 24;

/** The spans as a tree with bars. Only the rows that are seen are in the document. */
export function Waterfall(props: WaterfallProps): JSX.Element {
  const { model, frame, folded, current, opened, found, onCurrent, onOpen, onFold } = props;
  const grid = useRef<HTMLDivElement>(null);
  const { top, height } = useScroll(grid);
  const rows = useMemo(() => visibleRows(model, folded), [model, folded]);
  const place = useMemo(() => placeOf(rows, current), [rows, current]);
  const first = Math.max(0, Math.floor(top / rowHeight) - spare);
  const shown = rows.slice(first, Math.ceil((top + height) / rowHeight) + spare);

  useLayoutEffect(() => {
    const box = grid.current;
    if (!box) return;
    const y = place * rowHeight;
    if (y < box.scrollTop) box.scrollTop = y;
    else if (y + rowHeight > box.scrollTop + box.clientHeight)
      box.scrollTop = y + rowHeight - box.clientHeight;
  }, [place, height]);

  const move = (to: number): void => {
    const row = rows[Math.min(Math.max(to, 0), rows.length - 1)];
    if (row) onCurrent(row.index);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    const row = rows[place];
    if (!row || event.altKey || event.ctrlKey || event.metaKey) return;
    const page = Math.max(1, Math.floor(height / rowHeight) - 1);
    const keys: Record<string, () => void> = {
      ArrowDown: () => {
        move(place + 1);
      },
      ArrowUp: () => {
        move(place - 1);
      },
      PageDown: () => {
        move(place + page);
      },
      PageUp: () => {
        move(place - page);
      },
      Home: () => {
        move(0);
      },
      End: () => {
        move(rows.length - 1);
      },
      Enter: () => {
        onOpen(row.index);
      },
      ' ': () => {
        onOpen(row.index);
      },
      ArrowRight: () => {
        if (folded.has(row.index)) onFold(row.index, false);
        else if (hasChildren(row)) move(place + 1);
      },
      ArrowLeft: () => {
        if (hasChildren(row) && !folded.has(row.index)) onFold(row.index, true);
        else if (row.parentIndex !== undefined) onCurrent(row.parentIndex);
      },
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  };

  return (
    <div class="waterfall">
      <Ruler frame={frame} />
      <div
        ref={grid}
        class="rows"
        role="treegrid"
        aria-label="Spans"
        aria-rowcount={rows.length}
        aria-activedescendant={`span-${String(current)}`}
        tabIndex={0}
        onKeyDown={onKeyDown}
      >
        <div class="all" role="rowgroup" style={{ height: `${String(rows.length * rowHeight)}px` }}>
          {shown.map((row, offset) => (
            <SpanRow
              key={row.index}
              row={row}
              y={(first + offset) * rowHeight}
              place={first + offset}
              frame={frame}
              isCurrent={row.index === current}
              isOpened={row.index === opened}
              isFolded={folded.has(row.index)}
              match={found && found.has(row.index)}
              onOpen={onOpen}
              onFold={onFold}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

/** Where a row stands among those that are shown; a hidden one where the row stands that hides it. */
function placeOf(rows: readonly Row[], index: number): number {
  let [low, high] = [0, rows.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((rows[middle]?.index ?? 0) <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** What of a box is seen, in pixels; told once a frame. */
function useScroll(box: { readonly current: HTMLElement | null }): { top: number; height: number } {
  const [seen, setSeen] = useState({ top: 0, height: 600 });
  const look = useCallback(() => {
    const it = box.current;
    if (!it) return;
    const [top, height] = [it.scrollTop, it.clientHeight];
    setSeen((before) => (before.top === top && before.height === height ? before : { top, height }));
  }, [box]);
  useLayoutEffect(look, [look]);
  useEffect(() => {
    const it = box.current;
    if (!it) return undefined;
    const observer = new ResizeObserver(look);
    observer.observe(it);
    it.addEventListener('scroll', look, { passive: true });
    return () => {
      observer.disconnect();
      it.removeEventListener('scroll', look);
    };
  }, [box, look]);
  return seen;
}

function Ruler({ frame }: { readonly frame: TimeFrame }): JSX.Element {
  const whole = frame.endMs - frame.startMs;
  return (
    <div class="ruler" aria-hidden="true">
      <span class="name">Service and operation</span>
      <span class="track">
        {ticks(frame.startMs, frame.endMs, 5).map((ms) => (
          <i key={ms} style={{ left: percent(ms - frame.startMs, whole) }}>
            {formatMs(Math.max(0, ms)).replace('0.00 ms', '0')}
          </i>
        ))}
      </span>
      <span class="ms">Duration</span>
    </div>
  );
}

interface SpanRowProps {
  readonly row: Row;
  readonly y: number;
  readonly place: number;
  readonly frame: TimeFrame;
  readonly isCurrent: boolean;
  readonly isOpened: boolean;
  readonly isFolded: boolean;
  readonly match: boolean | undefined;
  readonly onOpen: (index: number) => void;
  readonly onFold: (index: number, fold: boolean) => void;
}

function SpanRow(props: SpanRowProps): JSX.Element {
  const { row, y, place, frame, isCurrent, isOpened, isFolded, match, onOpen, onFold } = props;
  const { node, depth, parent, index } = row;
  const { span } = node;
  const failed = isFailed(span);
  const entered = span.service !== parent?.span.service;
  const names = [
    'row',
    failed && 'failed',
    isCurrent && 'current',
    isOpened && 'opened',
    match === false && 'other',
    match && 'match',
  ];
  const branches = hasChildren(row);
  return (
    <div
      id={`span-${String(index)}`}
      class={names.filter(Boolean).join(' ')}
      role="row"
      aria-level={depth + 1}
      aria-rowindex={place + 1}
      aria-selected={isOpened}
      aria-expanded={branches ? !isFolded : undefined}
      style={{
        transform: `translateY(${String(y)}px)`,
        '--c': `var(--c${String(row.colour)})`,
        '--d': Math.min(depth, maxDepth),
      }}
      onClick={() => {
        onOpen(index);
      }}
    >
      <span class="name" role="gridcell">
        <button
          class="fold"
          tabIndex={-1}
          hidden={!branches}
          aria-label={isFolded ? 'Show what is below' : 'Hide what is below'}
          onClick={(event) => {
            event.stopPropagation();
            onFold(index, !isFolded);
          }}
        >
          {isFolded ? '▸' : '▾'}
        </button>
        {failed && (
          <b class="error" title="failed">
            ✗<span class="unseen"> failed</span>{' '}
          </b>
        )}
        {isFolded && !failed && row.errorsBelow > 0 && (
          <b class="error" title="a span below failed">
            ✗{' '}
          </b>
        )}
        {entered && <b class="service">{span.service} </b>}
        <span class="operation">{span.name === '' ? '(no name)' : span.name}</span>
        {span.error !== undefined && <span class="error"> {span.error}</span>}
        {node.orphan && <span class="note"> (parent missing)</span>}
        {isFolded && <span class="note"> +{row.end - index - 1}</span>}
      </span>
      <span class="track" role="gridcell" aria-hidden="true">
        <Bars row={row} frame={frame} />
      </span>
      <span class="ms" role="gridcell">
        {formatMs(span.durationMs)}
      </span>
    </div>
  );
}

/** The span, the stretches of it on the critical path, and marks where something happened in it. */
function Bars({
  row: { node, critical },
  frame,
}: {
  readonly row: Row;
  readonly frame: TimeFrame;
}): JSX.Element {
  const whole = frame.endMs - frame.startMs;
  const bar = (kind: string, startMs: number, endMs: number, key: number): JSX.Element | null => {
    const from = Math.max(startMs, frame.startMs);
    const until = Math.min(endMs, frame.endMs);
    if (until < from) return null;
    return (
      <i
        key={key}
        class={kind}
        style={{ left: percent(from - frame.startMs, whole), width: percent(until - from, whole) }}
      />
    );
  };
  return (
    <>
      {bar('whole', node.startMs, node.endMs, -1)}
      {critical.map(({ startMs, endMs }, index) => bar('critical', startMs, endMs, index))}
      {(node.span.events ?? []).map(({ offsetMs }, index) =>
        offsetMs < frame.startMs || offsetMs > frame.endMs ? null : (
          <i
            key={`e${String(index)}`}
            class="event"
            style={{ left: percent(offsetMs - node.skewMs - frame.startMs, whole) }}
          />
        ),
      )}
    </>
  );
}

export function percent(part: number, whole: number): string {
  const value = whole > 0 ? (part / whole) * 100 : 0;
  return `${String(Number(Math.min(Math.max(value, 0), 100).toFixed(3)))}%`;
}
