import { isTracewrightError } from '../../domain/failure.js';
import { differs, isPutBack, type Progress } from '../../domain/progress.js';
import { observeServer } from '../../temporal/server.js';
import { observeWorker, workerPlace } from '../../temporal/worker-process.js';
import { type CliContext, type ExitCode, exitCodes } from '../context.js';
import { blockedLines } from '../finish.js';
import { followToEnd } from '../follow-to-end.js';
import { look, type Snapshot } from '../follow.js';
import type { LastingSession, Session } from '../session.js';
import type { ClusterOptions } from '../target-options.js';
import { shellWord } from '../views/format.js';
import { frame } from '../views/frame.js';
import { rowsOf } from '../views/text-width.js';
import { onEnvironment } from '../on-environment.js';

export interface StatusOptions extends ClusterOptions {
  name?: string;
  watch?: boolean;
  json?: boolean;
  full?: boolean;
}

/**
 * Shows what an environment is, step by step.
 * @throws TracewrightError `environment.orphaned` for one that no workflow looks after, with what exists of it
 */
export async function status(context: CliContext, options: StatusOptions): Promise<ExitCode> {
  const show = async (session: LastingSession, name: string): Promise<ExitCode> => {
    if (options.watch) return followToEnd(context, session, name, { json: options.json ?? false });
    const snapshot = await look(session.client, name);
    if (snapshot.progress.phase === 'Removed') {
      // Loaded only now: it looks through all clusters, and most environments live.
      const { requireNothingLeft } = await import('../orphans.js');
      await requireNothingLeft(context, session.client, name, options);
    }
    if (options.json)
      context.print(
        JSON.stringify({ ...snapshot.progress, live: Object.fromEntries(snapshot.live) }, undefined, 2),
      );
    else await printStatus(context, session, snapshot, options.full);
    return exitCodeOfPhase(snapshot.progress);
  };
  return onEnvironment(context, options.name, show, 'look', options).catch((error: unknown) => {
    if (options.json && isTracewrightError(error) && error.type === 'environment.orphaned')
      context.print(JSON.stringify({ phase: 'orphaned', failure: error.toFailure() }, undefined, 2));
    throw error;
  });
}

/** Rows for the failure, its evidence and the fix: with fewer, the lines about our processes go. */
const failureNeeds = 16;

async function printStatus(
  { config, print, paint, columns, terminal }: CliContext,
  session: Session,
  snapshot: Snapshot,
  full = false,
): Promise<void> {
  const { progress } = snapshot;
  const now = Date.now();
  const facts = [
    ...(progress.phase === 'Blocked' ? blockedLines(progress, now) : []),
    ...factLines(progress),
  ];
  const all = [...facts, ...(await processLines(config, session, progress))];
  // A pipe has no screen. On one the empty line and the prompt are to be seen, too.
  const rowsAbove = (below: readonly string[]): number =>
    (terminal?.rows ?? 0) - below.reduce((sum, line) => sum + rowsOf(line, columns), 2);
  const cuts = terminal !== undefined && !full;
  const below = cuts && hasFailed(progress) && rowsAbove(all) < failureNeeds ? facts : all;
  const failureRows = cuts ? rowsAbove(below) : undefined;
  frame(snapshot, { now, columns, paint, moving: false, failureRows }).forEach(print);
  print('');
  below.forEach(print);
}

function hasFailed({ steps }: Progress): boolean {
  return steps.some(({ state }) => state === 'blocked' || state === 'failed');
}

function factLines(progress: Progress): string[] {
  const { paused, expiresAt, stoppedBecause, proof, cluster } = progress;
  return [
    ...(paused ? ['  Paused            `tracewright resume` goes on'] : []),
    ...(expiresAt === undefined
      ? []
      : [`  Expires           ${new Date(expiresAt).toISOString()}, unless \`tracewright extend\``]),
    ...driftLines(progress),
    ...(stoppedBecause === undefined ? [] : [`  Stopped: ${stoppedBecause}`]),
    ...(proof
      ? [`  Proof             trace ${proof.traceId}, ${String(proof.spans)} spans, ${proof.startedAt}`]
      : []),
    ...(cluster ? [`  kubectl           export KUBECONFIG=${shellWord(cluster.kubeconfigPath)}`] : []),
  ];
}

async function processLines(
  config: CliContext['config'],
  session: Session,
  { environment }: Progress,
): Promise<string[]> {
  const webUi = session.webUi(environment);
  const [server, worker] = await Promise.all([
    observeServer(config, session.settings.embedded),
    observeWorker(workerPlace(config.stateDir, session.settings)),
  ]);
  return [
    ...(webUi === undefined ? [] : [`  Temporal Web UI   ${webUi}`]),
    ...(server
      ? [
          `  Temporal server   ${server.state} on ${server.address}, pid ${String(server.pid)}, log ${server.logFile}`,
        ]
      : []),
    ...(worker ? [`  Worker            pid ${String(worker.pid)}, log ${worker.logFile}`] : []),
    ...(worker?.metricsUrl === undefined ? [] : [`  Metrics           ${worker.metricsUrl}`]),
  ];
}

function exitCodeOfPhase({ phase }: Progress): ExitCode {
  if (phase === 'Blocked') return exitCodes.blocked;
  return phase === 'Stopped' ? exitCodes.failed : exitCodes.ok;
}

/** What the last look for drift found, and how it is put right; nothing where nobody has looked. */
export function driftLines({
  drift,
  driftObservedAt,
}: Pick<Progress, 'drift' | 'driftObservedAt'>): string[] {
  if (!drift || driftObservedAt === undefined) return [];
  const different = drift.filter(differs);
  const at = new Date(driftObservedAt).toISOString();
  if (different.length === 0) return [`  Drift             none, looked ${at}`];
  return [
    ...different.map(
      ({ component, state, detail }) => `  Drift             ${component}: ${state}, ${detail}`,
    ),
    ...(different.some(isPutBack)
      ? ['                    `tracewright up`, called as before, puts it back']
      : []),
  ];
}
