import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { NativeConnection, Runtime, Worker } from '@temporalio/worker';
import { loadConfig } from '../src/config.js';
import { environmentStart } from '../src/domain/environment-start.js';
import { environmentWorkflowId, hostTaskQueue } from '../src/domain/names.js';
import type { Progress } from '../src/domain/progress.js';
import { ensureServer, stopServer } from '../src/temporal/server.js';
import type { environment } from '../src/workflows/environment.js';
import { ScriptedActivities } from '../test/support/fake-activities.js';
import { spec } from '../test/support/stack.js';
import { workflowBundle } from '../test/support/workflow-bundle.js';
import { megabytes, seconds, type Row } from './table.js';

interface Simulation {
  readonly stateDir: string;
  readonly environments: number;
  /** Of each, after its install. */
  readonly checks: number;
  readonly everyMs: number;
  /** Continue as new after so many events. @default when the server suggests it */
  readonly continueAfterEvents?: number;
  readonly say: (text: string) => void;
}

const taskQueue = 'bench';
const hostId = 'bench';

/**
 * The real workflow on a real server, with steps that succeed at once. The Worker, and who asks the questions, are this
 * process. @returns what was measured
 */
export async function simulate(options: Simulation): Promise<Row[]> {
  const { stateDir, say } = options;
  const quiet = (): void => undefined;
  Runtime.install({
    telemetryOptions: { logging: { forward: {}, filter: 'OFF' } },
    logger: { log: quiet, trace: quiet, debug: quiet, info: quiet, warn: quiet, error: quiet },
  });
  const config = { ...loadConfig(), stateDir };
  const { address } = await ensureServer({ config });
  const connection = await Connection.connect({ address });
  const native = await NativeConnection.connect({ address });
  try {
    const scripted = new ScriptedActivities();
    const common = { connection: native, activities: scripted.activities } as const;
    const shared = await Worker.create({ ...common, taskQueue, workflowBundle: await workflowBundle() });
    const local = await Worker.create({ ...common, taskQueue: hostTaskQueue(hostId) });
    say(`Temporal server on ${address}`);
    return await shared.runUntil(() =>
      local.runUntil(() => play(new Client({ connection }), scripted, options)),
    );
  } finally {
    await native.close();
    await connection.close();
    await stopServer({ stateDir });
  }
}

async function play(client: Client, scripted: ScriptedActivities, options: Simulation): Promise<Row[]> {
  const { environments, checks, everyMs, say, continueAfterEvents } = options;
  const names = Array.from({ length: environments }, (_, index) => `bench-${String(index)}`);
  const memoryBefore = process.memoryUsage.rss();
  const began = performance.now();
  for (const name of names) {
    const wanted = spec({ verifyEveryMs: everyMs });
    await client.workflow.start<typeof environment>('environment', {
      ...environmentStart({ name, spec: wanted, hostId, phase: 'Provisioning', now: Date.now() }),
      taskQueue,
      args: [
        { name, spec: wanted, hostId, ...(continueAfterEvents !== undefined && { continueAfterEvents }) },
      ],
    });
  }
  const proofs = (): number => scripted.count('end verification');
  await until(() => proofs() >= environments);
  const installedMs = performance.now() - began;
  say(`${String(environments)} environments are installed after ${seconds(installedMs)}`);

  const latencies: number[] = [];
  let mostMemory = 0;
  let unanswered = 0;
  const wanted = environments * (checks + 1);
  const checksBegan = performance.now();
  for (let asked = 0, said = 0; proofs() < wanted; asked += 1) {
    const name = names[(asked * 7_919) % names.length] ?? '';
    const started = performance.now();
    const answered = await client.workflow
      .getHandle(environmentWorkflowId(name))
      .query<Progress>('progress')
      .then(
        () => true,
        () => false,
      );
    if (answered) latencies.push(performance.now() - started);
    else unanswered += 1;
    mostMemory = Math.max(mostMemory, process.memoryUsage.rss());
    if (performance.now() - said > 30_000) {
      said = performance.now();
      say(`${String(proofs() - environments)} of ${String(wanted - environments)} checks`);
    }
    await sleep(50);
  }
  const checkedMs = performance.now() - checksBegan;
  const sizes = await Promise.all(
    names.map(
      async (name) => (await client.workflow.getHandle(environmentWorkflowId(name)).describe()).historyLength,
    ),
  );
  const continued = await client.workflow.count(
    'WorkflowType = "environment" AND ExecutionStatus = "ContinuedAsNew"',
  );
  const made = proofs() - environments;
  return [
    ['all installed', seconds(installedMs), ''],
    ['all checks', `${seconds(checkedMs)}, ${((1_000 * made) / checkedMs).toFixed(1)} a second`, ''],
    ['  asked for', `${((1_000 * environments) / everyMs).toFixed(1)} a second`, ''],
    [
      'events of a history, median and longest',
      `${String(at(sizes, 0.5))}, ${String(at(sizes, 1))}`,
      '51200 (limit)',
    ],
    ['runs continued as new', String(continued.count), ''],
    ['memory of this process: before, most', `${megabytes(memoryBefore)}, ${megabytes(mostMemory)}`, ''],
    [`queries: ${String(latencies.length)}, median`, `${at(latencies, 0.5).toFixed(0)} ms`, ''],
    ['  p99', `${at(latencies, 0.99).toFixed(0)} ms`, ''],
    ['  not answered in time', String(unanswered), ''],
  ];
}

/** The value below which this share of them is. */
function at(values: readonly number[], share: number): number {
  const sorted = [...values].sort((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}

async function until(done: () => boolean): Promise<void> {
  while (!done()) await sleep(100);
}
