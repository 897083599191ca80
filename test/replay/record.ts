import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { NativeConnection, Worker } from '@temporalio/worker';
import { hostTaskQueue } from '../../src/domain/names.js';
import type { Progress } from '../../src/domain/progress.js';
import { ensureServer, stopServer } from '../../src/temporal/server.js';
import type { environment } from '../../src/workflows/environment.js';
import { sharedCacheDir } from '../support/cache.js';
import { ScriptedActivities } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import { workflowBundle } from '../support/workflow-bundle.js';
import { historiesDir } from './histories.js';
import { scenarios, type Scenario } from './scenarios.js';

/**
 * `npm run replay:record`: plays every scenario of the present version against the embedded Temporal server, with
 * scripted activities, and keeps the histories. Refuses where there are histories of this version: see the README.
 */
const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(await readFile(packageFile, 'utf8')) as { version: string };
const folder = join(historiesDir, version);
const hostId = 'recorder';
// Nothing of the machine that records goes into a history.
const identity = 'recorder';

if (existsSync(folder)) {
  console.error(
    `There are histories of ${version} already, and they are never recorded again: see README.md.`,
  );
  process.exitCode = 1;
} else {
  await recordAll();
}

async function recordAll(): Promise<void> {
  const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-record-'));
  const config = { stateDir, cacheDir: sharedCacheDir, logLevel: 'warn', environment: process.env } as const;
  try {
    const { address } = await ensureServer({ config });
    const connection = await Connection.connect({ address });
    const native = await NativeConnection.connect({ address });
    try {
      const histories = new Map<string, string>();
      for (const scenario of scenarios)
        for (const [name, json] of await record(scenario, new Client({ connection, identity }), native))
          histories.set(name, json);
      await mkdir(folder, { recursive: true });
      for (const [name, json] of histories) await writeFile(join(folder, `${name}.json`), json);
      console.log(`Recorded ${version}: ${[...histories.keys()].join(', ')}`);
    } finally {
      await native.close();
      await connection.close();
    }
  } finally {
    await stopServer({ stateDir });
    await rm(stateDir, { recursive: true, force: true });
  }
}

/** @returns the histories of all runs, by `<scenario>`, `<scenario>-2` and so on */
async function record(
  scenario: Scenario,
  client: Client,
  connection: NativeConnection,
): Promise<Map<string, string>> {
  const scripted = new ScriptedActivities();
  scenario.script?.(scripted);
  const taskQueue = `record-${scenario.name}`;
  const common = { connection, identity, maxHeartbeatThrottleInterval: '100ms' } as const;
  const activities = { ...scripted.activities, claimHost: () => Promise.resolve({ hostId }) };
  const shared = await Worker.create({
    ...common,
    taskQueue,
    workflowBundle: await workflowBundle(),
    activities,
  });
  const local = await Worker.create({ ...common, taskQueue: hostTaskQueue(hostId), activities });
  return shared.runUntil(() => local.runUntil(() => play(scenario, scripted, client, taskQueue)));
}

async function play(
  scenario: Scenario,
  scripted: ScriptedActivities,
  client: Client,
  taskQueue: string,
): Promise<Map<string, string>> {
  const { name, continueAfterEvents } = scenario;
  const handle = await client.workflow.start<typeof environment>('environment', {
    workflowId: name,
    taskQueue,
    args: [
      { name, spec: spec(scenario.spec), ...(continueAfterEvents !== undefined && { continueAfterEvents }) },
    ],
  });
  const latest = client.workflow.getHandle(name);
  const runs = [handle.firstExecutionRunId];
  const look = async (): Promise<Progress> => {
    const { runId } = await latest.describe();
    if (!runs.includes(runId)) runs.push(runId);
    return latest.query<Progress>('progress');
  };
  const soon = async (done: () => Promise<Progress | undefined>): Promise<Progress> => {
    for (let attempt = 0; attempt < 1_200; attempt += 1) {
      const progress = await done();
      if (progress) return progress;
      await sleep(25);
    }
    throw new Error(`${name}: what should have come did not: ${JSON.stringify(await look())}`);
  };
  const until = (wanted: (progress: Progress) => boolean): Promise<Progress> =>
    soon(async () => {
      const progress = await look();
      return wanted(progress) ? progress : undefined;
    });
  await scenario.play({
    scripted,
    update: (update, ...args) => latest.executeUpdate(update, { args } as never),
    until,
    untilContinued: async () => {
      const before = runs.length;
      await soon(async () => {
        const progress = await look();
        return runs.length > before ? progress : undefined;
      });
    },
    tearDown: async () => {
      await latest.signal('teardown');
      await until(({ phase }) => phase === 'Removed');
    },
  });
  await handle.result();
  return historiesOf(client, name, runs);
}

async function historiesOf(
  client: Client,
  name: string,
  runs: readonly string[],
): Promise<Map<string, string>> {
  const histories = new Map<string, string>();
  for (const [index, runId] of runs.entries()) {
    const history = await client.workflow.getHandle(name, runId).fetchHistory();
    const json = JSON.parse(historyToJSON(history)) as unknown;
    const key = index === 0 ? name : `${name}-${String(index + 1)}`;
    histories.set(key, `${JSON.stringify(withoutTraces(json), undefined, 1)}\n`);
  }
  return histories;
}

/** Stack traces name files of the machine that recorded, and no replay reads them. */
function withoutTraces(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutTraces);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => key !== 'stackTrace');
  return Object.fromEntries(entries.map(([key, part]) => [key, withoutTraces(part)]));
}
