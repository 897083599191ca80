import type { JSX } from 'preact';
import { useMemo, useRef, useState } from 'preact/hooks';
import { agoText, formatMs } from '../../src/domain/duration.js';
import type { SearchHit } from '../../src/domain/proof.js';
import { startMsOf } from './scale.js';

interface ResultsProps {
  readonly hits: readonly SearchHit[];
  /** Traces that came since the search began. */
  readonly fresh: ReadonlySet<string>;
  readonly onOpen: (traceId: string) => void;
  readonly linkTo: (traceId: string) => string;
}

const columns = [
  { name: 'Duration', value: ({ durationMs }: SearchHit) => durationMs },
  { name: 'Trace', value: ({ rootService, rootName }: SearchHit) => `${rootService} ${rootName}` },
  { name: 'Spans', value: ({ spans = 0 }: SearchHit) => spans },
  { name: 'Errors', value: ({ failed = false }: SearchHit) => Number(failed) },
  { name: 'Started', value: startMsOf },
] as const;
type Column = (typeof columns)[number]['name'];

/** The traces that a search has found, the longest first unless another column is chosen. */
export function Results({ hits, fresh, onOpen, linkTo }: ResultsProps): JSX.Element {
  const [order, setOrder] = useState<{ readonly column: Column; readonly down: boolean }>({
    column: 'Duration',
    down: true,
  });
  const body = useRef<HTMLTableSectionElement>(null);
  const sorted = useMemo(() => {
    const { value } = columns.find(({ name }) => name === order.column) ?? columns[0];
    const sign = order.down ? -1 : 1;
    return [...hits].sort((a, b) => {
      const [x, y] = [value(a), value(b)];
      return (x < y ? -sign : x > y ? sign : 0) || b.durationMs - a.durationMs;
    });
  }, [hits, order]);
  const longest = Math.max(...hits.map(({ durationMs }) => durationMs), 1);
  const onKeyDown = (event: KeyboardEvent): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const links = [...(body.current?.querySelectorAll('a') ?? [])];
    const place = links.indexOf(document.activeElement as HTMLAnchorElement);
    if (step === undefined || place < 0) return;
    event.preventDefault();
    links[place + step]?.focus();
  };
  return (
    <table class="results">
      <thead>
        <tr>
          {columns.map(({ name }) => (
            <th
              key={name}
              class={`by-${name.toLowerCase()}`}
              aria-sort={order.column === name ? (order.down ? 'descending' : 'ascending') : 'none'}
              scope="col"
            >
              <button
                class="plain"
                onClick={() => {
                  setOrder({ column: name, down: order.column === name ? !order.down : name !== 'Trace' });
                }}
              >
                {name}
                <span aria-hidden="true">{order.column === name ? (order.down ? ' ↓' : ' ↑') : ''}</span>
              </button>
            </th>
          ))}
        </tr>
      </thead>
      <tbody ref={body} onKeyDown={onKeyDown}>
        {sorted.map((hit) => (
          <tr
            key={hit.traceId}
            class={fresh.has(hit.traceId) ? 'fresh' : undefined}
            onClick={(event) => {
              if (!event.ctrlKey && !event.metaKey) onOpen(hit.traceId);
            }}
          >
            <td class="by-duration">
              <i
                class={hit.failed ? 'share failed' : 'share'}
                style={{ width: `${((hit.durationMs / longest) * 100).toFixed(1)}%` }}
              />
              <span>{formatMs(hit.durationMs)}</span>
            </td>
            <td class="title">
              <a
                href={linkTo(hit.traceId)}
                onClick={(event) => {
                  if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                  event.preventDefault();
                }}
              >
                <b>{hit.rootService || 'unknown'}</b> {hit.rootName}
              </a>{' '}
              <code>{hit.traceId.slice(0, 8)}</code>
            </td>
            <td class="by-spans">{hit.spans ?? ''}</td>
            <td class="by-errors">
              {hit.failed && (
                <span class="error">
                  <span aria-hidden="true">✗</span>
                  <span class="unseen">with errors</span>
                </span>
              )}
            </td>
            <td class="by-started">
              <time
                dateTime={new Date(startMsOf(hit)).toISOString()}
                title={new Date(startMsOf(hit)).toLocaleString()}
              >
                {new Date(startMsOf(hit)).toLocaleTimeString('en-GB')}{' '}
                <span class="note">{agoText(Date.now() - startMsOf(hit))}</span>
              </time>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
