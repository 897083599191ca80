import type { JSX } from 'preact';
import { useCallback, useEffect, useRef, useState } from 'preact/hooks';
import type { Trace } from '../../src/domain/trace.js';
import type { FailureAnswer, PageFacts, StatusAnswer } from '../../src/page/wire.js';
import { HopStrip, ProofView } from '../proof/proof-view.js';
import { SearchView } from '../search/search-view.js';
import { TraceView } from '../trace/trace-view.js';
import { type Address, readAddress, writeAddress } from './address.js';
import { client } from './client.js';
import { FailureBox } from './failure-box.js';
import { type Polled, usePoll } from './poll.js';
import { TakeRide } from './ride.js';

/** In milliseconds: as quick as the live view of the terminal needs to be, not quicker. */
const statusMs = 1_000;

export function App({ facts }: { readonly facts: PageFacts }): JSX.Element {
  const { address, go, linkTo } = useAddress(facts);
  const status = usePoll(client.status, statusMs);
  const [rideFailure, setRideFailure] = useState<FailureAnswer>();
  const [ridden, setRidden] = useState<Trace>();
  const { traceId, view } = address;
  const inSearch = traceId === undefined && view === 'search';
  useEffect(() => {
    document.title =
      traceId === undefined
        ? `Traces of ${facts.environment}`
        : `Trace ${traceId.slice(0, 8)}, ${facts.environment}`;
  }, [traceId, facts]);
  return (
    <>
      <Head facts={facts} status={status} address={address} go={go}>
        <TakeRide
          customers={facts.customers}
          onFailure={setRideFailure}
          onTrace={(trace) => {
            setRidden(trace);
            go({ traceId: trace.id, spanId: undefined });
          }}
        />
      </Head>
      <main>
        {rideFailure && <FailureBox failure={rideFailure} />}
        <SearchView facts={facts} address={address} go={go} linkTo={linkTo} hidden={!inSearch} />
        {traceId !== undefined && status.failure?.type === 'page.gone' && (
          <FailureBox failure={status.failure} />
        )}
        {traceId !== undefined && (
          <OneTrace
            key={traceId}
            id={traceId}
            known={ridden?.id === traceId ? ridden : undefined}
            address={address}
            go={go}
          />
        )}
        {traceId === undefined && view === 'proof' && (
          <>
            {status.failure && <FailureBox failure={status.failure} />}
            {status.value && (
              <ProofView
                status={status.value}
                linkTo={linkTo}
                onOpen={(id) => {
                  go({ traceId: id });
                }}
              />
            )}
          </>
        )}
      </main>
    </>
  );
}

type Go = (change: Partial<Address>) => void;

interface HeadProps {
  readonly facts: PageFacts;
  readonly status: Polled<StatusAnswer>;
  readonly address: Address;
  readonly go: Go;
  readonly children: JSX.Element;
}

function Head({
  facts,
  status: { value, failure },
  address: { view, traceId },
  go,
  children,
}: HeadProps): JSX.Element {
  const tab = (name: Address['view'], label: JSX.Element | string): JSX.Element => (
    <button
      class="tab"
      aria-current={view === name && traceId === undefined ? 'page' : undefined}
      onClick={() => {
        go({ view: name, traceId: undefined, spanId: undefined });
      }}
    >
      {label}
    </button>
  );
  return (
    <header class="head">
      <h1>
        <span class="brand" aria-hidden="true" />
        {facts.environment}
        {value && <span class={`phase ${value.phase.toLowerCase()}`}>{value.phase}</span>}
        {failure && (
          <span class="phase blocked" title={failure.message}>
            status unknown
          </span>
        )}
      </h1>
      <nav aria-label="Views">
        {tab('search', 'Traces')}
        {tab('proof', <>Proof {value && <HopStrip hops={value.hops} />}</>)}
      </nav>
      {children}
    </header>
  );
}

interface OneTraceProps {
  readonly id: string;
  /** Where it was fetched already. */
  readonly known: Trace | undefined;
  readonly address: Address;
  readonly go: Go;
}

function OneTrace({ id, known, address, go }: OneTraceProps): JSX.Element {
  const ask = useCallback(
    (signal: AbortSignal) => (known ? Promise.resolve(known) : client.trace(id, signal)),
    [id, known],
  );
  const { value, failure, pending } = usePoll(ask, 0);
  const back = (): void => {
    go({ traceId: undefined, spanId: undefined });
  };
  const leave = (
    <button class="plain back" onClick={back}>
      ← {address.view === 'proof' ? 'Proof' : 'Results'}
    </button>
  );
  if (value) {
    return (
      <TraceView
        trace={value}
        spanId={address.spanId}
        onSpan={(spanId) => {
          go({ spanId });
        }}
        onFind={(query) => {
          go({ query, traceId: undefined, spanId: undefined, view: 'search' });
        }}
      >
        {leave}
      </TraceView>
    );
  }
  return (
    <section class="trace" aria-label="Trace">
      {leave}
      {failure && <FailureBox failure={failure} />}
      {pending && <p class="note">The trace is fetched …</p>}
    </section>
  );
}

/** The address of the page, and the ways to another one. */
function useAddress({ traceql }: PageFacts): {
  address: Address;
  go: Go;
  linkTo: (traceId: string) => string;
} {
  const [address, setAddress] = useState(() => readAddress(location.search, traceql));
  const latest = useRef(address);
  latest.current = address;
  useEffect(() => {
    const onBack = (): void => {
      setAddress(readAddress(location.search, traceql));
    };
    addEventListener('popstate', onBack);
    return () => {
      removeEventListener('popstate', onBack);
    };
  }, [traceql]);
  const go = useCallback<Go>(
    (change) => {
      const before = latest.current;
      const next = { ...before, ...change };
      // A look at another span is nothing to come back to.
      const onlySpan = next.traceId !== undefined && next.traceId === before.traceId;
      history[onlySpan ? 'replaceState' : 'pushState'](
        null,
        '',
        `${location.pathname}${writeAddress(next, traceql)}`,
      );
      latest.current = next;
      setAddress(next);
      if (!onlySpan) scrollTo(0, 0);
    },
    [traceql],
  );
  const linkTo = (traceId: string): string => `./${writeAddress({ ...address, traceId }, traceql)}`;
  return { address, go, linkTo };
}
