import type { JSX } from 'preact';
import { formatDuration } from '../../src/domain/duration.js';
import type { HopView, StatusAnswer, StepView } from '../../src/page/wire.js';

interface ProofViewProps {
  readonly status: StatusAnswer;
  readonly linkTo: (traceId: string) => string;
  readonly onOpen: (traceId: string) => void;
}

/** Where a trace passes, each place green with what was seen there or red with why not; and the environment's steps. */
export function ProofView({ status, linkTo, onOpen }: ProofViewProps): JSX.Element {
  const { hops, proof, steps, phase } = status;
  const broken = hops.find(({ state }) => state === 'failed');
  return (
    <section class="proof" aria-label="Proof">
      <h2>The proof</h2>
      <p class="note">
        {proof ? proof.text : 'Not proved yet.'}
        {proof?.at !== undefined &&
          `, ${new Date(proof.at).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'medium' })}`}
        {proof?.traceId !== undefined && (
          <>
            {' · '}
            <a
              href={linkTo(proof.traceId)}
              onClick={(event) => {
                if (event.ctrlKey || event.metaKey || event.shiftKey) return;
                event.preventDefault();
                onOpen(proof.traceId ?? '');
              }}
            >
              its trace
            </a>
          </>
        )}
        {' · '}
        <code>tracewright verify</code> takes a fresh ride.
      </p>
      <ol class="hops">
        {hops.map((hop) => (
          <Hop key={hop.name} hop={hop} />
        ))}
      </ol>
      {broken && (
        <div class="failure" role="alert">
          <p>
            <b>
              {broken.title}: {broken.text}
            </b>
          </p>
          {broken.remedy !== undefined && <p>{broken.remedy}</p>}
        </div>
      )}
      <h2>
        The environment <span class={`phase ${phase.toLowerCase()}`}>{phase}</span>
        {status.paused && <span class="note"> paused</span>}
      </h2>
      <ul class="steps">
        {steps.map((step) => (
          <Step key={step.name} step={step} />
        ))}
      </ul>
    </section>
  );
}

const hopMarks = { passed: '✓', failed: '✗', skipped: '–', running: '…', waits: '·' } as const;
const hopWords = {
  passed: 'works',
  failed: 'broken',
  skipped: 'not looked at',
  running: 'is looked at',
  waits: 'not known yet',
} as const;
/** What a check is about, in the order of the trace's way. */
const places: Readonly<Record<HopView['name'], string>> = {
  ride: 'HotROD',
  'collector-log': 'Collector',
  'tempo-by-id': 'Store',
  traceql: 'Query',
  grafana: 'Grafana',
};

function Hop({ hop: { name, state, title, text, tookMs } }: { readonly hop: HopView }): JSX.Element {
  return (
    <li class={`hop ${state}`}>
      <p class="place">
        <b class="mark" aria-hidden="true">
          {hopMarks[state]}
        </b>{' '}
        <b>{places[name]}</b>
        <span class="unseen">: {hopWords[state]}</span>
        {tookMs !== undefined && tookMs > 0 && <span class="took">{formatDuration(tookMs)}</span>}
      </p>
      <p class="note">{title}</p>
      <p class="text">{text || hopWords[state]}</p>
    </li>
  );
}

const stepMarks: Readonly<Record<StepView['state'], string>> = {
  pending: '·',
  running: '…',
  done: '✓',
  blocked: '✗',
  failed: '✗',
  skipped: '–',
  cancelled: '–',
  removing: '…',
  removed: '✓',
};

function Step({ step: { name, state, text, tookMs, failure } }: { readonly step: StepView }): JSX.Element {
  return (
    <li class={`step ${state}`}>
      <b class="mark" aria-hidden="true">
        {stepMarks[state]}
      </b>
      <b class="name">
        {name}
        <span class="unseen"> {state}</span>
      </b>
      <span class="text">{text}</span>
      <span class="took">{tookMs === undefined ? '' : formatDuration(tookMs)}</span>
      {failure && (
        <div class="why">
          <p>
            {failure.message} <code>{failure.type}</code>
          </p>
          <p class="note">{failure.remedy}</p>
        </div>
      )}
    </li>
  );
}

/** The hops in one line, for the head of the page. */
export function HopStrip({ hops }: { readonly hops: readonly HopView[] }): JSX.Element {
  return (
    <span class="strip">
      {hops
        .filter(({ state }) => state !== 'skipped')
        .map(({ name, state, title }) => (
          <i key={name} class={state} title={`${title}: ${hopWords[state]}`}>
            {hopMarks[state]}
            <span class="unseen">
              {title}: {hopWords[state]}.{' '}
            </span>
          </i>
        ))}
    </span>
  );
}
