import type { JSX } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { formatMs } from '../../src/domain/duration.js';
import type { AttributeValue } from '../../src/domain/trace.js';
import type { Row } from './model.js';

interface DetailsProps {
  readonly row: Row;
  readonly onClose: () => void;
  /** Searches for traces with this. @default there is nothing to search in */
  readonly onFind?: ((query: string) => void) | undefined;
}

/** All that is known about a span. */
export function Details({ row, onClose, onFind }: DetailsProps): JSX.Element {
  const { node, colour, critical } = row;
  const { span, skewMs } = node;
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    box.current?.scrollTo(0, 0);
  }, [row]);
  const criticalMs = critical.reduce((sum, it) => sum + it.endMs - it.startMs, 0);
  const facts: [string, string][] = [
    ['Duration', formatMs(span.durationMs)],
    ['Starts after', formatMs(Math.max(0, node.startMs))],
    ...(criticalMs > 0 ? [['On the critical path', formatMs(criticalMs)] as [string, string]] : []),
    ['Kind', span.kind],
    ['Status', span.status],
    ...(Math.abs(skewMs) >= 1 ? [['Clock ahead by', `${skewMs.toFixed(0)} ms`] as [string, string]] : []),
    ['Span id', span.id],
    ...(span.parentId === undefined ? [] : [['Parent', span.parentId] as [string, string]]),
  ];
  const attributes = Object.entries(span.attributes);
  return (
    <aside
      ref={box}
      class="details"
      aria-label={`Span ${span.name}`}
      style={{ '--c': `var(--c${String(colour)})` }}
      tabIndex={-1}
    >
      <header>
        <h3>
          <b class="service">{span.service}</b> {span.name}
        </h3>
        <button class="plain" aria-label="Close the details" onClick={onClose}>
          ✕
        </button>
      </header>
      {span.error !== undefined && <p class="failure-line">✗ {span.error}</p>}
      <dl class="facts">
        {facts.map(([term, text]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{text}</dd>
          </div>
        ))}
      </dl>
      <h4>
        Attributes <span class="count">{attributes.length}</span>
      </h4>
      <Attributes
        of={attributes}
        onFind={
          onFind &&
          ((key, value) => {
            onFind(`{ span.${attributeText(key)} = ${valueText(value)} }`);
          })
        }
      />
      {span.events && (
        <>
          <h4>
            Events <span class="count">{span.events.length}</span>
          </h4>
          <ol class="events">
            {span.events.map((event, index) => (
              <li key={index}>
                <span class="at">{formatMs(Math.max(0, event.offsetMs - skewMs - node.startMs))}</span>{' '}
                <b>{event.name}</b>
                <Attributes of={Object.entries(event.attributes)} />
              </li>
            ))}
          </ol>
        </>
      )}
    </aside>
  );
}

interface AttributesProps {
  readonly of: readonly [string, AttributeValue][];
  readonly onFind?: ((key: string, value: AttributeValue) => void) | undefined;
}

function Attributes({ of, onFind }: AttributesProps): JSX.Element {
  if (of.length === 0) return <p class="note">none</p>;
  return (
    <dl class="attributes">
      {of.map(([key, value]) => (
        <div key={key}>
          <dt>{key}</dt>
          <dd>
            {String(value)}
            {onFind && (
              <button
                class="plain find"
                title="Find traces with this"
                aria-label={`Find traces with ${key}`}
                onClick={() => {
                  onFind(key, value);
                }}
              >
                ⌕
              </button>
            )}
          </dd>
        </div>
      ))}
    </dl>
  );
}

function attributeText(name: string): string {
  return /^[\p{L}\d_.\-/]+$/u.test(name) ? name : JSON.stringify(name);
}

function valueText(value: AttributeValue): string {
  return typeof value === 'string' ? JSON.stringify(value) : String(value);
}
