import { tookOf } from '../../domain/critical-steps.js';
import { formatDuration } from '../../domain/duration.js';
import type { FailureType } from '../../domain/failure.js';
import { type Progress, type StepProgress, waitText } from '../../domain/progress.js';
import { type CheckName, checkTitles, type HopState, readFindings } from '../../domain/proof.js';
import type { HopView, StatusAnswer, StepView } from '../../page/wire.js';
import type { LiveStep, Snapshot } from '../follow.js';
import { activityText, attemptText, isRunning, outcomeText } from './step-text.js';

/** An environment at one moment, for the page: its steps as in `status`, and how far a trace gets. */
export function statusView({ progress, live }: Snapshot, store: string, now: number): StatusAnswer {
  const { phase, paused = false, proof, lastVerifiedAt, steps } = progress;
  const verification = steps.find(({ kind }) => kind === 'verification');
  return {
    phase,
    paused,
    steps: steps.map((step) => stepView(step, live.get(step.name), progress, now)),
    hops: hopViews(verification, live.get(verification?.name ?? ''), progress, store),
    ...(proof && {
      proof: {
        text: `${String(proof.spans)} spans of ${String(Object.keys(proof.services).length)} services, proved in ${formatDuration(proof.tookMs)}`,
        traceId: proof.traceId,
        ...(lastVerifiedAt !== undefined && { at: lastVerifiedAt }),
      },
    }),
  };
}

function stepView(step: StepProgress, live: LiveStep | undefined, progress: Progress, now: number): StepView {
  const { name, state, failure } = step;
  const tookMs = tookOf(step, now);
  return {
    name,
    state,
    text: stepText(step, live, progress, now),
    ...(tookMs !== undefined && { tookMs }),
    ...(failure && { failure: { type: failure.type, message: failure.message, remedy: failure.remedy } }),
  };
}

function stepText(step: StepProgress, live: LiveStep | undefined, progress: Progress, now: number): string {
  if (isRunning(step)) return [activityText(live, now), attemptText(live)].filter((it) => it).join(' · ');
  return step.state === 'pending' ? waitText(step, progress) : outcomeText(step);
}

/** In the order in which a trace passes them. */
const hopNames = [
  'ride',
  'collector-log',
  'tempo-by-id',
  'traceql',
  'grafana',
] as const satisfies CheckName[];

/** Where the trace of a verification stopped that failed so. */
const brokenHops: Partial<Record<FailureType, CheckName>> = {
  'proof.ride-failed': 'ride',
  'proof.collector-silent': 'collector-log',
  'proof.trace-missing': 'tempo-by-id',
  'proof.trace-incomplete': 'tempo-by-id',
  'proof.search-silent': 'traceql',
  'proof.grafana-failed': 'grafana',
  'hop.hotrod': 'ride',
  'hop.hotrod-collector': 'collector-log',
  'hop.collector': 'collector-log',
  'hop.collector-tempo': 'tempo-by-id',
  'hop.tempo': 'tempo-by-id',
  'hop.service-name': 'tempo-by-id',
  'hop.search': 'traceql',
  'hop.grafana': 'grafana',
};

function hopViews(
  step: StepProgress | undefined,
  live: LiveStep | undefined,
  { proof }: Progress,
  store: string,
): HopView[] {
  const titles = checkTitles(store);
  const known = new Map(hopStates(step, live, proof, store).map((it) => [it.name, it]));
  const failure = step && !isRunning(step) ? step.failure : undefined;
  const broken = failure && brokenHops[failure.type];
  return hopNames.map((name): HopView => {
    const title = titles[name];
    if (failure && name === broken)
      return { name, title, state: 'failed', text: failure.message, remedy: failure.remedy };
    return { title, ...(known.get(name) ?? { name, state: 'waits', text: '' }) };
  });
}

function hopStates(
  step: StepProgress | undefined,
  live: LiveStep | undefined,
  proof: Progress['proof'],
  store: string,
): readonly HopState[] {
  if (step && isRunning(step)) return live?.hops ?? [];
  if (step?.failure) return readFindings(step.failure.evidence ?? [], store);
  if (step?.state !== 'done' || !proof) return [];
  return proof.checks.map(({ name, state, detail, reason, tookMs }) => ({
    name,
    state,
    text: reason ?? detail,
    tookMs,
  }));
}
