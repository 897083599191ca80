import type { JSX } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { countOf, formatMs } from '../../src/domain/duration.js';
import type { Trace } from '../../src/domain/trace.js';
import { Details } from './details.js';
import { Graph } from './graph.js';
import { Minimap } from './minimap.js';
import { findRows, foldedAbove, hasChildren, modelOf, type ServiceFacts, type TraceModel } from './model.js';
import { type TimeFrame, Waterfall } from './waterfall.js';

interface TraceViewProps {
  readonly trace: Trace;
  /** The span whose details are shown at first. */
  readonly spanId?: string | undefined;
  readonly onSpan?: (id: string | undefined) => void;
  readonly onFind?: ((query: string) => void) | undefined;
  /** Beside the title: where one comes from, what one can do. */
  readonly children?: JSX.Element | undefined;
}

/** A trace: what it is, its services, its spans in time, and all about one of them. */
export function TraceView({ trace, spanId, onSpan, onFind, children }: TraceViewProps): JSX.Element {
  const model = useMemo(() => modelOf(trace), [trace]);
  const given = useMemo(() => model.rows.findIndex(({ node }) => node.span.id === spanId), [model, spanId]);
  const [current, setCurrent] = useState(Math.max(0, given));
  const [folded, setFolded] = useState<ReadonlySet<number>>(new Set());
  const [frame, setFrame] = useState<TimeFrame>();
  const [text, setText] = useState('');
  const [graph, setGraph] = useState(false);
  const search = useRef<HTMLInputElement>(null);
  const found = useMemo(() => (text.trim() === '' ? undefined : findRows(model, text)), [model, text]);
  const foundSet = useMemo(() => found && new Set(found), [found]);
  const opened = given < 0 ? undefined : given;

  const show = (index: number): void => {
    const above = foldedAbove(model, index, folded);
    if (above.length > 0) setFolded(new Set([...folded].filter((it) => !above.includes(it))));
    setCurrent(index);
  };
  const open = (index: number | undefined): void => {
    if (index !== undefined) setCurrent(index);
    onSpan?.(index === undefined || index === opened ? undefined : model.rows[index]?.node.span.id);
  };
  const next = (step: 1 | -1): void => {
    if (!found || found.length === 0) return;
    const ahead = step > 0 ? found.find((it) => it > current) : found.findLast((it) => it < current);
    show(ahead ?? (step > 0 ? found[0] : found.at(-1)) ?? 0);
  };
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.altKey || event.ctrlKey || event.metaKey || isTyping(event)) return;
      if (event.key === '/') search.current?.focus();
      else if (event.key === 'n' || event.key === 'N') next(event.key === 'n' ? 1 : -1);
      else if (event.key === 'Escape' && opened !== undefined) open(undefined);
      else return;
      event.preventDefault();
    };
    document.addEventListener('keydown', onKey);
    return () => {
      document.removeEventListener('keydown', onKey);
    };
  });

  const whole = { startMs: model.startMs, endMs: model.endMs };
  return (
    <section class="trace" aria-label="Trace">
      <Head model={model}>{children}</Head>
      <Legend services={model.services} path={model.path.length} />
      <div class="tools" role="toolbar" aria-label="Tools of the trace">
        <input
          ref={search}
          type="search"
          placeholder="Search in this trace  ( / )"
          aria-label="Search in this trace"
          value={text}
          onInput={(event) => {
            setText(event.currentTarget.value);
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter') next(event.shiftKey ? -1 : 1);
            else if (event.key === 'Escape') {
              setText('');
              event.currentTarget.blur();
            } else return;
            event.stopPropagation();
            event.preventDefault();
          }}
        />
        <span class="note" role="status">
          {found && (found.length === 0 ? 'nothing found' : `${countOf(found.length, 'span')} found`)}
        </span>
        <button
          disabled={!found?.length}
          onClick={() => {
            next(-1);
          }}
          aria-label="Previous match"
        >
          ↑
        </button>
        <button
          disabled={!found?.length}
          onClick={() => {
            next(1);
          }}
          aria-label="Next match"
        >
          ↓
        </button>
        <span class="space" />
        {model.errors > 0 && (
          <button
            onClick={() => {
              setText('error');
            }}
            title="Search for what failed"
          >
            <span class="error">✗ {countOf(model.errors, 'error')}</span>
          </button>
        )}
        {frame && (
          <button
            onClick={() => {
              setFrame(undefined);
            }}
          >
            Whole trace
          </button>
        )}
        <button
          onClick={() => {
            setFolded(folded.size > 0 ? new Set() : foldedAll(model));
          }}
        >
          {folded.size > 0 ? 'Unfold all' : 'Fold all'}
        </button>
        <button
          aria-pressed={graph}
          onClick={() => {
            setGraph(!graph);
          }}
        >
          Service graph
        </button>
      </div>
      {graph && <Graph model={model} />}
      <Minimap model={model} frame={frame ?? whole} onFrame={setFrame} />
      <div class={opened === undefined ? 'panes' : 'panes split'}>
        <Waterfall
          model={model}
          frame={frame ?? whole}
          folded={folded}
          current={current}
          opened={opened}
          found={foundSet}
          onCurrent={setCurrent}
          onOpen={open}
          onFold={(index, fold) => {
            const changed = new Set(folded);
            if (fold) changed.add(index);
            else changed.delete(index);
            setFolded(changed);
            setCurrent(index);
          }}
        />
        {opened !== undefined && model.rows[opened] && (
          <Details
            row={model.rows[opened]}
            onClose={() => {
              open(undefined);
            }}
            onFind={onFind}
          />
        )}
      </div>
    </section>
  );
}

function isTyping({ target }: Event): boolean {
  return (
    target instanceof HTMLElement &&
    (/^(?:INPUT|TEXTAREA|SELECT)$/u.test(target.tagName) ||
      target.isContentEditable ||
      target.shadowRoot !== null)
  );
}

/** Everything but the roots and what they call. */
function foldedAll({ rows }: TraceModel): ReadonlySet<number> {
  return new Set(rows.filter((row) => row.depth > 0 && hasChildren(row)).map(({ index }) => index));
}

function Head({
  model,
  children,
}: {
  readonly model: TraceModel;
  readonly children: JSX.Element | undefined;
}): JSX.Element {
  const { trace, errors, services } = model;
  const start = new Date(Number(BigInt(trace.startNs) / 1_000_000n));
  return (
    <header class="trace-head">
      <h2>
        <b>{trace.rootService}</b> {trace.rootName}
      </h2>
      {children}
      <p>
        <b>{formatMs(trace.durationMs)}</b> · {countOf(trace.spans.length, 'span')} ·{' '}
        {countOf(services.length, 'service')}
        {errors > 0 && <span class="error"> · {countOf(errors, 'error')}</span>} ·{' '}
        <time dateTime={start.toISOString()}>
          {start.toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })}
        </time>{' '}
        · <code>{trace.id}</code>
      </p>
    </header>
  );
}

/** The services, and what each adds to the duration of the whole. */
function Legend({
  services,
  path,
}: {
  readonly services: readonly ServiceFacts[];
  readonly path: number;
}): JSX.Element {
  const total = services.reduce((sum, { criticalMs }) => sum + criticalMs, 0);
  return (
    <ul class="legend" aria-label="Services">
      {services.map(({ name, colour, spans, criticalMs }) => (
        <li key={name} style={{ '--c': `var(--c${String(colour)})` }}>
          {name}{' '}
          <span class="note">
            {spans}
            {path > 0 && total > 0 && criticalMs * 200 > total
              ? ` · ${String(Math.round((criticalMs * 100) / total))}%`
              : ''}
          </span>
        </li>
      ))}
      {path > 0 && (
        <li class="key">
          <i class="whole" />
          waits <i class="critical" />
          on the critical path
        </li>
      )}
    </ul>
  );
}
