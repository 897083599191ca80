import { describe, expect, test } from 'vitest';
import type { LiveStep } from '../../src/cli/follow.js';
import { statusView } from '../../src/cli/views/status-view.js';
import type { FailureType } from '../../src/domain/failure.js';
import type { Progress, StepProgress } from '../../src/domain/progress.js';
import { type Check, findingLine, type Proof, readFindings } from '../../src/domain/proof.js';

const check = (name: Check['name'], state: Check['state'], reason?: string): Check => ({
  name,
  state,
  detail: `seen at ${name}`,
  ...(reason !== undefined && { reason }),
  tookMs: 5,
});
const proof: Proof = {
  traceId: 'a'.repeat(32),
  ride: { customer: 123, customerName: 'Rachel', driver: 'T1C', etaSeconds: 60, durationMs: 700 },
  checks: [
    check('ride', 'passed'),
    check('collector-log', 'passed'),
    check('tempo-by-id', 'passed'),
    check('traceql', 'passed'),
    check('grafana', 'skipped', 'no Grafana'),
  ],
  spans: 51,
  services: { frontend: 24, redis: 27 },
  traceDurationMs: 700,
  longest: { traceId: 'b', rootService: 'x', rootName: 'y', durationMs: 1, isOurs: false },
  startedAt: '2026-11-29T00:00:00Z',
  tookMs: 1_500,
};

const viewOf = (step: Partial<StepProgress>, live?: Partial<LiveStep>, more: Partial<Progress> = {}) => {
  const verification: StepProgress = {
    name: 'verification',
    kind: 'verification',
    title: 'verification',
    needs: [],
    state: 'pending',
    ...step,
  };
  const progress: Progress = {
    environment: 'e',
    phase: 'Ready',
    stack: 's',
    target: 'embedded',
    run: 1,
    startedAt: 0,
    updatedAt: 0,
    steps: [verification],
    ...more,
  };
  const view = statusView(
    { progress, live: new Map(live ? [['verification', { text: '', attempt: 1, ...live }]] : []) },
    'the store',
    1_000,
  );
  return { ...view, states: Object.fromEntries(view.hops.map(({ name, state }) => [name, state])) };
};
const waiting = {
  ride: 'waits',
  'collector-log': 'waits',
  'tempo-by-id': 'waits',
  traceql: 'waits',
  grafana: 'waits',
};

describe('the hops', () => {
  test('wait before anybody has looked', () => {
    expect(viewOf({}).states).toEqual(waiting);
  });

  test('are those of the proof once it is made, with what was seen', () => {
    const { hops, states, proof: last } = viewOf({ state: 'done' }, undefined, { proof, lastVerifiedAt: 7 });
    expect(states).toEqual({
      ride: 'passed',
      'collector-log': 'passed',
      'tempo-by-id': 'passed',
      traceql: 'passed',
      grafana: 'skipped',
    });
    expect(hops.map(({ text }) => text)).toEqual([
      ...proof.checks.slice(0, 4).map(({ detail }) => detail),
      'no Grafana',
    ]);
    expect(last).toMatchObject({ traceId: proof.traceId, at: 7 });
  });

  test('follow a verification that runs, and not the proof before it', () => {
    const hops = [
      { name: 'ride', state: 'passed', text: 'driver' },
      { name: 'collector-log', state: 'running', text: 'not in its log yet' },
    ] as const;
    const { states } = viewOf({ state: 'running' }, { hops }, { proof });
    expect(states).toEqual({ ...waiting, ride: 'passed', 'collector-log': 'running' });
  });

  test.each<[FailureType, string]>([
    ['hop.hotrod', 'ride'],
    ['hop.hotrod-collector', 'collector-log'],
    ['hop.collector-tempo', 'tempo-by-id'],
    ['proof.trace-incomplete', 'tempo-by-id'],
    ['hop.search', 'traceql'],
    ['proof.grafana-failed', 'grafana'],
  ])('of a verification that failed with %s are broken at %s, with its cure', (type, broken) => {
    const evidence = [
      'something else',
      findingLine({ name: 'ride', state: 'passed', text: 'a driver: T1C' }, 'the store'),
      findingLine({ name: 'traceql', state: 'waits', text: 'last seen: nothing' }, 'the store'),
    ];
    const failure = { type, message: 'It is broken.', remedy: 'Mend it.', retryable: false, evidence };
    const { hops } = viewOf({ state: 'blocked', failure });
    expect(hops.filter(({ state }) => state === 'failed')).toEqual([
      expect.objectContaining({ name: broken, text: 'It is broken.', remedy: 'Mend it.' }),
    ]);
    if (broken !== 'ride') expect(hops[0]).toMatchObject({ state: 'passed', text: 'a driver: T1C' });
  });

  test('of a failure that is no hop’s are not red', () => {
    const failure = { type: 'cluster.unreachable', message: 'x', remedy: 'y', retryable: true } as const;
    expect(viewOf({ state: 'blocked', failure }).states).toEqual(waiting);
  });
});

test('a finding is read as it was written', () => {
  const states = [
    { name: 'tempo-by-id', state: 'failed', text: '12 of 35 spans: of frontend' },
    { name: 'grafana', state: 'skipped', text: '' },
  ] as const;
  expect(
    readFindings(
      states.map((it) => findingLine(it, 'S')),
      'S',
    ),
  ).toEqual(states);
  expect(readFindings(['✓ nobody: x', 'Tempo, by TraceQL: x'])).toEqual([]);
});

test('steps say what status says', () => {
  const { steps } = viewOf(
    { state: 'running', startedAt: 0 },
    { text: 'looking', attempt: 2, lastFailure: 'no' },
  );
  expect(steps).toEqual([
    { name: 'verification', state: 'running', text: 'looking · attempt 2: no', tookMs: 1_000 },
  ]);
});
