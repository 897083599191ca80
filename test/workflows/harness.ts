import { Client, type WorkflowHandle } from '@temporalio/client';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { Runtime, Worker } from '@temporalio/worker';
import { afterAll, beforeAll } from 'vitest';
import { environmentWorkflowId, hostTaskQueue, searchAttributes } from '../../src/domain/names.js';
import type { EnvironmentSpec, Progress } from '../../src/domain/progress.js';
import type { environment, EnvironmentInput } from '../../src/workflows/environment.js';
import type { ScriptedActivities } from '../support/fake-activities.js';
import { spec as anySpec } from '../support/stack.js';
import { provideTemporal } from '../../src/tools/temporal-binary.js';
import { sharedCacheDir } from '../support/cache.js';
import { provideTestServer } from '../support/test-server-binary.js';
import { workflowBundle } from '../support/workflow-bundle.js';

Runtime.install({ logger: { log: noop, trace: noop, debug: noop, info: noop, warn: noop, error: noop } });

export interface Harness {
  readonly env: TestWorkflowEnvironment;
  readonly client: Client;
  stop(): Promise<void>;
}

export async function startHarness(): Promise<Harness> {
  const env = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: await provideTestServer() } },
  });
  const keyword = 2;
  await env.connection.operatorService.addSearchAttributes({
    namespace: 'default',
    searchAttributes: Object.fromEntries(Object.values(searchAttributes).map((name) => [name, keyword])),
  });
  return {
    env,
    // Not `env.client`: its `result()` lets the server skip time while a task waits for a busy worker, which then
    // looks like a machine that takes no tasks.
    client: new Client({ connection: env.connection }),
    stop: () => env.teardown(),
  };
}

/**
 * The same over a real server, without skipping of time: for what the time-skipping one does otherwise.
 * @param args of `temporal server start-dev`
 */
export async function startRealHarness(...args: readonly string[]): Promise<Harness> {
  const { path } = await provideTemporal({ cacheDir: sharedCacheDir, environment: process.env });
  const env = await TestWorkflowEnvironment.createLocal({
    server: {
      executable: { type: 'existing-path', path },
      extraArgs: [
        ...Object.values(searchAttributes).flatMap((name) => ['--search-attribute', `${name}=Keyword`]),
        ...args,
      ],
    },
  });
  return { env, client: new Client({ connection: env.connection }), stop: () => env.teardown() };
}

/** One server for all tests of a file; it can be used once they run. */
export function useHarness(start: () => Promise<Harness> = startHarness): Harness {
  let started: Harness | undefined;
  const current = (): Harness => {
    if (!started) throw new Error('The server of these tests has not started yet.');
    return started;
  };
  beforeAll(async () => {
    started = await start();
  });
  afterAll(() => started?.stop());
  return {
    get env() {
      return current().env;
    },
    get client() {
      return current().client;
    },
    stop: () => current().stop(),
  };
}

export interface RunningEnvironment {
  readonly taskQueue: string;
  readonly handle: WorkflowHandle<typeof environment>;
  progress(): Promise<Progress>;
  /** Looks until the progress is as wanted; fails after 20 s of real time. `skipTime`: do not wait for retries. */
  until(what: string, wanted: (progress: Progress) => boolean, skipTime?: boolean): Promise<Progress>;
}

let counter = 0;

/** Runs `test` with one environment and the workers that serve it. */
export async function withEnvironment(
  { env, client }: Harness,
  scripted: ScriptedActivities,
  test: (environment: RunningEnvironment) => Promise<void>,
  change: Partial<EnvironmentSpec> = {},
  input: Pick<EnvironmentInput, 'continueAfterEvents' | 'hostId'> = {},
): Promise<void> {
  counter += 1;
  const taskQueue = `queue-${String(counter)}`;
  const name = `env-${String(counter)}`;
  const common = { connection: env.nativeConnection, maxHeartbeatThrottleInterval: '100ms' } as const;
  const workflowBundleCode = await workflowBundle();
  const shared = await Worker.create({
    ...common,
    taskQueue,
    workflowBundle: workflowBundleCode,
    activities: { ...scripted.activities, claimHost: () => Promise.resolve({ hostId: name }) },
  });
  const local = await Worker.create({
    ...common,
    taskQueue: hostTaskQueue(name),
    activities: scripted.activities,
  });
  const handle = await client.workflow.start<typeof environment>('environment', {
    workflowId: environmentWorkflowId(name),
    taskQueue,
    args: [{ name, spec: anySpec(change), ...input }],
  });
  const progress = (): Promise<Progress> => handle.query<Progress>('progress');
  const until = async (
    what: string,
    wanted: (progress: Progress) => boolean,
    skipTime = false,
  ): Promise<Progress> => {
    const deadline = Date.now() + 20_000;
    for (;;) {
      const seen = await progress();
      if (wanted(seen)) return seen;
      if (Date.now() > deadline) throw new Error(`Never saw: ${what}. Last: ${JSON.stringify(seen)}`);
      await (skipTime ? env.sleep('1s') : new Promise((resolve) => setTimeout(resolve, 25)));
    }
  };
  await shared.runUntil(() => local.runUntil(() => test({ taskQueue, handle, progress, until })));
}

/**
 * Blocked, and nothing else in flight but `held`. The time-skipping server (unlike the real one) fails the workflow
 * task that cancels an activity which completes at that moment, so tests interrupt only where nothing can complete.
 */
export function quiet(progress: Progress, ...held: string[]): boolean {
  const running = progress.steps.filter(({ state }) => state === 'running').map(({ name }) => name);
  return progress.phase === 'Blocked' && running.every((name) => held.includes(name));
}

/** Ends the environment and waits for its result. */
export async function tearDown({ handle }: RunningEnvironment): Promise<Progress> {
  await handle.signal('teardown');
  return handle.result();
}

/** The reason with which an update is refused, or `accepted`. */
export async function refusalOf(call: Promise<unknown>): Promise<string> {
  const error = await call.then(
    () => undefined,
    (it: unknown) => it as Error,
  );
  return (error?.cause as Error | undefined)?.message ?? error?.message ?? 'accepted';
}

/** Sends an update whatever its arguments are. */
export function update<R>({ handle }: RunningEnvironment, name: string, ...args: unknown[]): Promise<R> {
  return (handle as WorkflowHandle).executeUpdate<R, []>(name, { args } as never);
}

export const ready = (environment: RunningEnvironment, run = 1): Promise<Progress> =>
  environment.until(`run ${String(run)} Ready`, (it) => it.run === run && it.phase === 'Ready');

export function stepOf(progress: Progress, name: string): Progress['steps'][number] {
  const step = progress.steps.find((it) => it.name === name);
  if (!step) throw new Error(`There is no step ${name}.`);
  return step;
}

function noop(): void {
  // The SDK's own log would drown the test report; failures come as errors.
}

/** The phases in which others could see an environment, each once in a row: as it told them at the end of its tasks. */
export async function phasesOf(handle: WorkflowHandle): Promise<string[]> {
  const { events } = await handle.fetchHistory();
  const told = new Map<string, string>();
  for (const { upsertWorkflowSearchAttributesEventAttributes: upserted } of events ?? []) {
    const data = upserted?.searchAttributes?.indexedFields?.[searchAttributes.phase]?.data;
    if (data)
      told.set(
        String(upserted.workflowTaskCompletedEventId),
        JSON.parse(Buffer.from(data).toString()) as string,
      );
  }
  return [...told.values()].filter((phase, index, all) => phase !== all[index - 1]);
}
