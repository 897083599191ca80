import { readFile } from 'node:fs/promises';
import { Runtime, Worker, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { DeterminismViolationError } from '@temporalio/workflow';
import { beforeAll, describe, expect, it } from 'vitest';
import { workflowBundle } from '../support/workflow-bundle.js';
import { readHistories } from './histories.js';
import { fleetHistories, scenarios } from './scenarios.js';

// A replay that fails is what one of the tests wants; the core's own warnings about it would drown the report.
Runtime.install({ telemetryOptions: { logging: { forward: {}, filter: 'OFF' } }, logger: silent() });

type Histories = Awaited<ReturnType<typeof readHistories>>;

/** Replays the histories and returns what went wrong, by `<version>/<scenario>`. */
async function replay(
  histories: Histories,
  workflowBundle: Pick<WorkflowBundleWithSourceMap, 'code'>,
): Promise<Map<string, Error>> {
  const failures = new Map<string, Error>();
  let replayed = 0;
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowBundle }, histories)) {
    replayed += 1;
    if (error) failures.set(workflowId, error);
  }
  expect(replayed).toBe(histories.length);
  return failures;
}

/** The bundle with a change in its code: `from` must be there. */
function mutated(
  { code }: WorkflowBundleWithSourceMap,
  from: RegExp,
  to: string,
): Pick<WorkflowBundleWithSourceMap, 'code'> {
  const changed = code.replace(from, to);
  expect(changed, `${String(from)} is no part of the bundle any more`).not.toBe(code);
  return { code: changed };
}

describe('replay', () => {
  let histories: Histories;
  let bundle: WorkflowBundleWithSourceMap;
  beforeAll(async () => {
    [histories, bundle] = await Promise.all([readHistories(), workflowBundle()]);
  });

  it('has a history of every scenario, of some released version', () => {
    const kept = histories.map(({ workflowId }) => workflowId.split('/')[1]);
    for (const name of [...scenarios.map((it) => it.name), ...fleetHistories]) expect(kept).toContain(name);
  });

  it('takes the workflows of today through every kept history', async () => {
    const started = performance.now();
    const failures = await replay(histories, bundle);
    const seconds = ((performance.now() - started) / 1_000).toFixed(1);
    console.log(`replayed ${String(histories.length)} histories in ${seconds} s (goal: 5 s)`);
    expect(Object.fromEntries(failures)).toEqual({});
  });

  it.each([
    ['stood still', (started: number) => started],
    ['ran ahead, more with every task', (started: number, at: number) => started + 1_000 * (at - started)],
  ])('takes them through as well where the clock %s', async (_, change) => {
    const failures = await replay(
      histories.map(({ workflowId, history }) => ({ workflowId, history: withClock(history, change) })),
      bundle,
    );
    expect(Object.fromEntries(failures)).toEqual({});
  });

  // Without these a replay that checks nothing would be as green.
  it.each([
    ['calls another activity', /host\.createCluster\(/u, 'host.makeCluster('],
    [
      'leaves an activity out',
      /const \{ proof, outcome \} = await host\.proveStack\([^;]*\);/u,
      'const { proof, outcome } = { proof: { services: {} }, outcome: "" };',
    ],
    ['removes things in another order', /\.reverse\(\)/gu, ''],
  ])('notices a workflow that %s', async (_, from, to) => {
    const failures = await replay(histories, mutated(bundle, from, to));
    expect(failures.size).toBeGreaterThan(0);
    for (const error of failures.values()) expect(error).toBeInstanceOf(DeterminismViolationError);
  });

  it('was recorded by nobody in particular: histories name no machine', async () => {
    for (const { workflowId } of histories) {
      const text = await readFile(new URL(`histories/${workflowId}.json`, import.meta.url), 'utf8');
      expect(text).not.toMatch(/"stackTrace"|node_modules/u);
      // The server itself hands on what one workflow tells another.
      const named = new Set(text.match(/"identity": ?"[^"]*"/gu));
      named.delete('"identity": "history-service"');
      expect(named).toEqual(new Set(['"identity": "recorder"']));
    }
  });
});

interface EventJson {
  readonly eventTime: string;
  readonly eventType: string;
}

/**
 * The history with other times at which its tasks were started: those are the time of a workflow. After a task that timed
 * out, a worker may have had another time than any replay, so that nothing may depend on it but how long is waited.
 */
function withClock(history: unknown, change: (started: number, at: number) => number): unknown {
  const { events } = history as { events: EventJson[] };
  const started = Date.parse(events[0]?.eventTime ?? '');
  const shift = (event: EventJson): EventJson =>
    event.eventType === 'EVENT_TYPE_WORKFLOW_TASK_STARTED'
      ? { ...event, eventTime: new Date(change(started, Date.parse(event.eventTime))).toISOString() }
      : event;
  return { events: events.map(shift) };
}

function silent(): NonNullable<Parameters<typeof Runtime.install>[0]['logger']> {
  const ignore = (): void => undefined;
  return { log: ignore, trace: ignore, debug: ignore, info: ignore, warn: ignore, error: ignore };
}
