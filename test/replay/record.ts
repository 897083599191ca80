import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { heartbeat } from '@temporalio/activity';
import { Client, Connection, WithStartWorkflowOperation, type WorkflowHandle } from '@temporalio/client';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { NativeConnection, Worker } from '@temporalio/worker';
import { requestSlot } from '../../src/activities/machine.js';
import { isFleetAtRest, type FleetProgress, type FleetWish } from '../../src/domain/fleet.js';
import { fleetWorkflowId, hostTaskQueue, slotKeeperId } from '../../src/domain/names.js';
import type { Progress } from '../../src/domain/progress.js';
import { ensureServer, stopServer } from '../../src/temporal/server.js';
import type { environment } from '../../src/workflows/environment.js';
import type { fleet } from '../../src/workflows/fleet.js';
import type { FleetTicket } from '../../src/workflows/messages.js';
import { sharedCacheDir } from '../support/cache.js';
import { ScriptedActivities } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';
import { workflowBundle } from '../support/workflow-bundle.js';
import { historiesDir } from './histories.js';
import { fleetHistories, scenarios, type Scenario } from './scenarios.js';

/**
 * `npm run replay:record`: plays every scenario of the present version against the embedded Temporal server, with
 * scripted activities, and keeps the histories. What this version has already is left alone: see the README.
 */
const packageFile = new URL('../../package.json', import.meta.url);
const { version } = JSON.parse(await readFile(packageFile, 'utf8')) as { version: string };
const folder = join(historiesDir, version);
const hostId = 'recorder';
// Nothing of the machine that records goes into a history.
const identity = 'recorder';

const isKept = (name: string): boolean => existsSync(join(folder, `${name}.json`));
const missing = scenarios.filter(({ name }) => !isKept(name));
const lacksFleet = fleetHistories.some((name) => !isKept(name));

if (missing.length > 0 || lacksFleet) await recordAll();
else {
  console.error(
    `There is a history of every scenario of ${version}, and none is recorded again: see README.md.`,
  );
  process.exitCode = 1;
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
      const client = new Client({ connection, identity });
      for (const scenario of missing)
        for (const [name, json] of await record(scenario, client, native)) histories.set(name, json);
      if (lacksFleet) for (const [name, json] of await recordFleet(client, native)) histories.set(name, json);
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

/**
 * A fleet of two seats on a machine with one slot: installed, so slowly that fleet and slots are looked after, proved again,
 * taken away.
 */
async function recordFleet(client: Client, connection: NativeConnection): Promise<Map<string, string>> {
  let seconds = 65;
  const pause = async (): Promise<void> => {
    for (; seconds > 0; seconds -= 1) {
      heartbeat();
      await sleep(1_000);
    }
  };
  const scripted = new ScriptedActivities().on('cluster', pause);
  const taskQueue = 'record-fleet';
  const common = { connection, identity, maxHeartbeatThrottleInterval: '100ms' } as const;
  const activities: ScriptedActivities['activities'] = {
    ...scripted.activities,
    askForSlot: (task) => requestSlot(task, 1),
  };
  const shared = await Worker.create({
    ...common,
    taskQueue,
    workflowBundle: await workflowBundle(),
    activities,
  });
  const local = await Worker.create({ ...common, taskQueue: hostTaskQueue(hostId), activities });
  return shared.runUntil(() =>
    local.runUntil(async () => {
      const name = 'recorded';
      const wish: FleetWish = { count: 2, spec: spec(), hostId, parallel: 2 };
      const handle = client.workflow.getHandle<typeof fleet>(fleetWorkflowId(name));
      const { order } = await client.workflow.executeUpdateWithStart<typeof fleet, FleetTicket, [FleetWish]>(
        'fleetApply',
        {
          args: [wish],
          startWorkflowOperation: new WithStartWorkflowOperation<typeof fleet>('fleet', {
            workflowId: handle.workflowId,
            taskQueue,
            args: [{ name }],
            workflowIdConflictPolicy: 'FAIL',
          }),
        },
      );
      await atRest(handle, order);
      await atRest(handle, (await handle.executeUpdate<FleetTicket, []>('fleetVerify')).order);
      await handle.signal('fleetTeardown');
      await handle.result();
      const kept = {
        fleet: handle.workflowId,
        seat: 'environment-recorded-02',
        keeper: slotKeeperId(hostId),
      };
      const histories = new Map<string, string>();
      for (const [as, id] of [
        ['fleet', kept.fleet],
        ['fleet-seat', kept.seat],
        ['slot-keeper', kept.keeper],
      ] as const) {
        const { runId } = await client.workflow.getHandle(id).describe();
        const [json = ''] = (await historiesOf(client, id, [runId])).values();
        histories.set(as, json);
      }
      return histories;
    }),
  );
}

async function atRest(handle: WorkflowHandle<typeof fleet>, order: string): Promise<void> {
  for (let attempt = 0; attempt < 4_000; attempt += 1) {
    const progress = await handle.query<FleetProgress>('fleetProgress');
    if (progress.order === order && isFleetAtRest(progress)) return;
    await sleep(25);
  }
  throw new Error('The fleet never came to rest.');
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
