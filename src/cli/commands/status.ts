import type { Progress } from '../../domain/progress.js';
import { observeServer } from '../../temporal/server.js';
import { observeWorker } from '../../temporal/worker-process.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { chooseEnvironment } from '../environments.js';
import { blockedLines } from '../finish.js';
import { look, type Snapshot } from '../follow.js';
import { followToEnd } from '../follow-to-end.js';
import { frame } from '../frame.js';
import { openExistingSession, type Session } from '../session.js';
import { noEnvironment } from './none.js';

export interface StatusOptions {
  name?: string;
  watch?: boolean;
  json?: boolean;
}

/** Shows what an environment is, step by step. */
export async function status(context: CliContext, options: StatusOptions): Promise<ExitCode> {
  const session = await openExistingSession(context);
  if (!session) throw noEnvironment();
  try {
    const name = await chooseEnvironment(session.client, options.name);
    if (options.watch) return await followToEnd(context, session, name, { json: options.json ?? false });
    const snapshot = await look(session.client, name);
    if (options.json)
      context.print(
        JSON.stringify({ ...snapshot.progress, live: Object.fromEntries(snapshot.live) }, undefined, 2),
      );
    else await printStatus(context, session, snapshot);
    return exitCodeOfPhase(snapshot.progress);
  } finally {
    await session.close();
  }
}

async function printStatus(
  { config, print, paint, columns }: CliContext,
  session: Session,
  { progress, live }: Snapshot,
): Promise<void> {
  const { environment, cluster, proof } = progress;
  const now = Date.now();
  frame({ progress, live }, { now, columns, paint, moving: false }).forEach(print);
  print('');
  if (progress.phase === 'Blocked') blockedLines(progress, now).forEach(print);
  if (progress.paused) print('  Paused            `tracewright resume` goes on');
  if (progress.expiresAt !== undefined)
    print(`  Expires           ${new Date(progress.expiresAt).toISOString()}, unless \`tracewright extend\``);
  for (const { component, state, detail } of progress.drift ?? [])
    print(`  Drift             ${component}: ${state}, ${detail}`);
  if (progress.stoppedBecause !== undefined) print(`  Stopped: ${progress.stoppedBecause}`);
  if (proof)
    print(`  Proof             trace ${proof.traceId}, ${String(proof.spans)} spans, ${proof.startedAt}`);
  if (cluster) print(`  kubectl           export KUBECONFIG=${cluster.kubeconfigPath}`);
  const webUi = session.webUi(environment);
  if (webUi !== undefined) print(`  Temporal Web UI   ${webUi}`);
  const [server, worker] = await Promise.all([observeServer(config), observeWorker(config)]);
  if (server)
    print(
      `  Temporal server   ${server.state} on ${server.address}, pid ${String(server.pid)}, log ${server.logFile}`,
    );
  if (worker) print(`  Worker            pid ${String(worker.pid)}, log ${worker.logFile}`);
  if (worker?.metricsUrl !== undefined) print(`  Metrics           ${worker.metricsUrl}`);
}

function exitCodeOfPhase({ phase }: Progress): ExitCode {
  if (phase === 'Blocked') return exitCodes.blocked;
  return phase === 'Stopped' ? exitCodes.failed : exitCodes.ok;
}
