import type { JSX } from 'preact';
import { useCallback, useEffect, useRef } from 'preact/hooks';
import { countOf } from '../../src/domain/duration.js';
import type { PageFacts, SearchAnswer } from '../../src/page/wire.js';
import { type Address, type Range, rangeChoices, rangeText, windowOf } from '../app/address.js';
import { client } from '../app/client.js';
import { FailureBox } from '../app/failure-box.js';
import { usePoll } from '../app/poll.js';
import { Plot } from './plot.js';
import { queries } from './queries.js';
import { QueryBox } from './query-box.js';
import { Results } from './results.js';

interface SearchViewProps {
  readonly facts: PageFacts;
  readonly address: Address;
  readonly go: (change: Partial<Address>) => void;
  readonly linkTo: (traceId: string) => string;
  /** Nothing is asked while something else is shown. */
  readonly hidden: boolean;
}

/** In milliseconds: a new trace is to be seen within two seconds. */
const liveMs = 1_000;

/** The query, and what it finds: as a plot, and as a table. */
export function SearchView({ facts, address, go, linkTo, hidden }: SearchViewProps): JSX.Element {
  const { query, range } = address;
  const key = JSON.stringify(range);
  const isLive = 'minutes' in range;
  const ask = useCallback(
    async (signal: AbortSignal): Promise<SearchAnswer> => {
      if (query.trim() === '') return { hits: [] };
      return client.search(query, windowOf(range, Date.now()), signal);
    },
    [query, key],
  );
  const { value, failure, pending } = usePoll(ask, isLive && !hidden ? liveMs : 0);
  const refused =
    failure?.type === 'proof.search-silent' && / refuses the query /u.test(failure.message)
      ? failure
      : undefined;
  // What another question has found is no answer to one that the store refuses.
  const hits = refused ? [] : (value?.hits ?? []);
  const fresh = useFresh(hits, `${query} ${key}`, value !== undefined && !pending);
  const failed = hits.filter((hit) => hit.failed).length;
  const now = Date.now();
  const { fromMs, toMs } = 'fromMs' in range ? range : { fromMs: now - range.minutes * 60_000, toMs: now };
  const choices = [{ name: 'The tutorial’s', query: facts.traceql }, ...queries];
  return (
    <section class="search" hidden={hidden} aria-label="Search" aria-busy={pending}>
      <div class="ask">
        <QueryBox
          query={query}
          refusal={refused}
          onRun={(next) => {
            go({ query: next });
          }}
        />
        <RangeChoice
          range={range}
          onRange={(next) => {
            go({ range: next });
          }}
        />
      </div>
      <div class="chips" role="group" aria-label="Useful queries">
        {choices.map((it) => (
          <button
            key={it.name}
            class="chip"
            title={it.query}
            aria-pressed={it.query === query}
            onClick={() => {
              go({ query: it.query });
            }}
          >
            {it.name}
          </button>
        ))}
      </div>
      {failure && !refused && <FailureBox failure={failure} />}
      <p class="found" role="status">
        {value && !refused && (
          <>
            <b>{countOf(hits.length, 'trace')}</b>
            {failed > 0 && <span class="error"> · {failed} with errors</span>}
            {hits.length === 200 && (
              <span class="note"> · there may be more: narrow the time or the query</span>
            )}
          </>
        )}
        {isLive && !failure && <span class="live"> live</span>}
        {pending && !value && <span class="note">searching …</span>}
      </p>
      <Plot
        hits={hits}
        fromMs={fromMs}
        toMs={toMs}
        onOpen={(traceId) => {
          go({ traceId });
        }}
        onRange={(next) => {
          go({ range: next });
        }}
      />
      {hits.length > 0 ? (
        <Results
          hits={hits}
          fresh={fresh}
          onOpen={(traceId) => {
            go({ traceId });
          }}
          linkTo={linkTo}
        />
      ) : (
        value &&
        !failure && (
          <p class="empty">
            Nothing found in this time. Take a ride, look further back, or ask for something else.
          </p>
        )
      )}
    </section>
  );
}

function RangeChoice({
  range,
  onRange,
}: {
  readonly range: Range;
  readonly onRange: (range: Range) => void;
}): JSX.Element {
  const value = 'minutes' in range ? String(range.minutes) : 'fixed';
  const known = rangeChoices.map(String).includes(value);
  return (
    <select
      class="range"
      aria-label="Time range"
      value={value}
      onChange={(event) => {
        onRange({ minutes: Number(event.currentTarget.value) });
      }}
    >
      {!known && <option value={value}>{rangeText(range)}</option>}
      {rangeChoices.map((minutes) => (
        <option key={minutes} value={String(minutes)}>
          {rangeText({ minutes })}
        </option>
      ))}
    </select>
  );
}

/** The traces that an answer has and the first one to the same question did not have. */
function useFresh(hits: SearchAnswer['hits'], question: string, answered: boolean): ReadonlySet<string> {
  const first = useRef<{ readonly question: string; readonly ids: ReadonlySet<string> } | undefined>(
    undefined,
  );
  useEffect(() => {
    if (answered && first.current?.question !== question)
      first.current = { question, ids: new Set(hits.map(({ traceId }) => traceId)) };
  });
  const known = first.current?.question === question ? first.current.ids : undefined;
  return new Set(known ? hits.map(({ traceId }) => traceId).filter((id) => !known.has(id)) : []);
}
