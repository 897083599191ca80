import type { Progress } from '../../domain/progress.js';
import { observeServer } from '../../temporal/server.js';
import { observeWorker } from '../../temporal/worker-process.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { driftLines } from '../drift-lines.js';
import { blockedLines } from '../finish.js';
import { look, type Snapshot } from '../follow.js';
import { followToEnd } from '../follow-to-end.js';
import { frame } from '../frame.js';
import { onEnvironment } from '../on-environment.js';
import type { Session } from '../session.js';
import { rowsOf } from '../text-width.js';

export interface StatusOptions {
  name?: string;
  watch?: boolean;
  json?: boolean;
  full?: boolean;
}

/** Shows what an environment is, step by step. */
export async function status(context: CliContext, options: StatusOptions): Promise<ExitCode> {
  return onEnvironment(context, options.name, async (session, name) => {
    if (options.watch) return followToEnd(context, session, name, { json: options.json ?? false });
    const snapshot = await look(session.client, name);
    if (options.json)
      context.print(
        JSON.stringify({ ...snapshot.progress, live: Object.fromEntries(snapshot.live) }, undefined, 2),
      );
    else await printStatus(context, session, snapshot, options.full);
    return exitCodeOfPhase(snapshot.progress);
  });
}

/** Rows for what is wrong, what shows it, and the cure: where there are fewer, what the processes are makes room. */
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
    ...(cluster ? [`  kubectl           export KUBECONFIG=${cluster.kubeconfigPath}`] : []),
  ];
}

async function processLines(
  config: CliContext['config'],
  session: Session,
  { environment }: Progress,
): Promise<string[]> {
  const webUi = session.webUi(environment);
  const [server, worker] = await Promise.all([observeServer(config), observeWorker(config)]);
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
