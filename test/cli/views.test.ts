import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { eventSchema } from '../../src/cli/views/event-schema.js';
import { exitCodeOfEnd, finish } from '../../src/cli/finish.js';
import { isSettled, type LiveStep } from '../../src/cli/follow.js';
import { createJsonView } from '../../src/cli/views/json-view.js';
import { createPlainView } from '../../src/cli/views/plain-view.js';
import type { Failure } from '../../src/domain/failure.js';
import type { Phase, Progress, StepProgress } from '../../src/domain/progress.js';
import { progressOf, recordingContext } from './support.js';

const failure: Failure = {
  type: 'ready.timeout',
  message: 'tempo was not ready in 5 min.',
  remedy: 'Look at its pod.',
  retryable: false,
  evidence: ['Back-off pulling image'],
};

const steps = (...states: Partial<StepProgress>[]): Partial<Progress> => ({
  steps: progressOf().steps.map((step, index) => ({ ...step, ...states[index] })),
});

const live = (name: string, step: LiveStep): ReadonlyMap<string, LiveStep> => new Map([[name, step]]);
const none = new Map<string, LiveStep>();

/** The clock in front of each line differs from run to run. */
const withoutClock = (lines: readonly string[]): string[] =>
  lines.map((line) => line.replace(/^ *\d+(?:\.\d)? s /u, ''));

describe('an environment is settled', () => {
  it.each<[Phase, boolean]>([
    ['Provisioning', false],
    ['Queued', false],
    ['Verifying', false],
    ['Upgrading', false],
    ['TearingDown', false],
    ['Blocked', true],
    ['Ready', true],
    ['Stopped', true],
    ['Removed', true],
  ])('when it is %s: %s', (phase, settled) => {
    expect(isSettled(progressOf({ phase, ...steps({ state: 'done' }, { state: 'done' }) }))).toBe(settled);
  });

  it('only when nothing runs any more', () => {
    expect(isSettled(progressOf({ phase: 'Blocked', ...steps({ state: 'running' }) }))).toBe(false);
    expect(isSettled(progressOf({ phase: 'Stopped', ...steps({ state: 'removing' }) }))).toBe(false);
  });
});

describe('the plain view', () => {
  it('prints a line for each event, once', () => {
    const { context, lines } = recordingContext();
    const view = createPlainView(context);
    const running = { progress: progressOf(), live: live('cluster', { text: 'starting', attempt: 1 }) };
    view.show(running);
    view.show(running);
    const now = Date.now();
    const done = { state: 'done', startedAt: now, endedAt: now + 3_000, outcome: 'created' } as const;
    view.show({ progress: progressOf(steps(done)), live: none });
    view.show({ progress: progressOf(steps(done)), live: none });
    expect(withoutClock(lines)).toEqual(['… cluster  starting', '✓ cluster  created, 3.0 s']);
  });

  it('keeps quiet about the packages of a build until it has come further', () => {
    const { context, lines } = recordingContext();
    let now = 0;
    const view = createPlainView(context, () => now);
    const build = (text: string, percent: number): void => {
      now += 1_000;
      view.show({ progress: progressOf(), live: live('cluster', { text, percent, attempt: 1 }) });
    };
    build('building kube: a', 10);
    build('building kube: b', 12);
    build('building kube: c', 15);
    build('building etcd: d', 16);
    build('building etcd: e', 17);
    now += 30_000;
    build('building etcd: f', 17);
    expect(withoutClock(lines)).toEqual([
      '… cluster   10 % building kube: a',
      '… cluster   15 % building kube: c',
      '… cluster   16 % building etcd: d',
      '… cluster   17 % building etcd: f',
    ]);
  });

  it('tells once that a step waits for its next attempt', () => {
    const { context, lines } = recordingContext();
    let now = 0;
    const view = createPlainView(context, () => now);
    for (; now < 60_000; now += 1_000) {
      const waiting = { text: 'x', attempt: 2, lastFailure: 'no', nextAttemptAt: 60_000 };
      view.show({ progress: progressOf(), live: live('cluster', waiting) });
    }
    expect(withoutClock(lines)).toEqual(['… cluster  tries again in 60 s (attempt 2: no)']);
  });

  it('tells once that the environment pauses, and that it goes on', () => {
    const { context, lines } = recordingContext();
    const view = createPlainView(context);
    for (const paused of [false, true, true, false, false])
      view.show({ progress: progressOf(paused ? { paused } : {}), live: none });
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain('`tracewright resume`');
    expect(withoutClock(lines)).toMatchSnapshot();
  });

  it('tells the place in the line of the machine when it is another, and when the turn has come', () => {
    const { context, lines } = recordingContext();
    const view = createPlainView(context);
    const queued = steps({ state: 'pending' });
    for (const place of [3, 3, 2])
      view.show({ progress: progressOf({ phase: 'Queued', queuedSince: 1, place, ...queued }), live: none });
    view.show({ progress: progressOf(), live: none });
    expect(lines.map((line) => /slot.*place (\d)$/u.exec(line)?.[1])).toEqual(['3', '2']);
  });

  it('tells the attempt, and why the last one failed', () => {
    const { context, lines } = recordingContext();
    createPlainView(context).show({
      progress: progressOf(),
      live: live('cluster', { text: 'building', percent: 42.7, attempt: 2, lastFailure: 'no network' }),
    });
    expect(withoutClock(lines)).toEqual(['… cluster   42 % building (attempt 2: no network)']);
  });

  it('shows a failure with its evidence and what to do', () => {
    const { context, lines } = recordingContext();
    const blocked = steps({ state: 'done' }, { state: 'blocked', failure });
    createPlainView(context).show({ progress: progressOf(blocked), live: none });
    expect(withoutClock(lines).slice(1)).toEqual([
      '✗ tempo    ready.timeout',
      'error [ready.timeout] tempo was not ready in 5 min.',
      '  │ Back-off pulling image',
      '  → Look at its pod.',
    ]);
  });

  it('is silent about what ended before it looked', () => {
    const { context, lines } = recordingContext();
    const past = { state: 'done', startedAt: 1_000, endedAt: 2_000 } as const;
    createPlainView(context).show({ progress: progressOf(steps(past)), live: none });
    expect(lines).toEqual([]);
  });
});

describe('the JSON view', () => {
  it('prints an event a line, and only when something changed', () => {
    const lines: string[] = [];
    const view = createJsonView((line) => lines.push(line));
    const progress = progressOf();
    view.show({ progress, live: none });
    view.show({ progress, live: none });
    view.show({ progress, live: live('cluster', { text: 'starting', attempt: 1 }) });
    view.show({ progress, live: live('cluster', { text: 'starting', attempt: 2, lastFailure: 'no' }) });
    view.show({ progress: progressOf({ phase: 'Ready', ...steps({ state: 'done' }) }), live: none });
    view.end(progressOf({ phase: 'Ready' }), 0);
    const events = lines.map((line) => eventSchema.parse(JSON.parse(line)));
    const of = { at: expect.any(Number) as number, environment: 'demo' };
    const whole = { ...of, paused: false, stack: 'embedded', target: 'embedded', run: 1 };
    const activity = { event: 'activity', ...of, step: 'cluster', text: 'starting' };
    expect(events).toEqual([
      { event: 'environment', ...whole, phase: 'Provisioning' },
      { event: 'step', ...of, step: 'cluster', state: 'running' },
      { event: 'step', ...of, step: 'tempo', state: 'pending' },
      { ...activity, attempt: 1 },
      { ...activity, attempt: 2, lastFailure: 'no' },
      { event: 'environment', ...whole, phase: 'Ready' },
      { event: 'step', ...of, step: 'cluster', state: 'done' },
      { event: 'end', ...of, phase: 'Ready', exitCode: 0 },
    ]);
  });

  it('has the place of a queued environment, whenever it is another', () => {
    const lines: string[] = [];
    const view = createJsonView((line) => lines.push(line));
    for (const place of [2, 2, 1])
      view.show({ progress: progressOf({ phase: 'Queued', queuedSince: 1, place }), live: none });
    const events = lines.map((line) => eventSchema.parse(JSON.parse(line)));
    expect(events.filter((it) => it.event === 'environment')).toEqual([
      expect.objectContaining({ phase: 'Queued', place: 2 }),
      expect.objectContaining({ phase: 'Queued', place: 1 }),
    ]);
  });

  it('says nothing of an end that it has not seen', () => {
    const lines: string[] = [];
    createJsonView((line) => lines.push(line)).end();
    expect(lines).toEqual([]);
  });
});

describe('the end of a command', () => {
  const webUi = (): string => 'http://127.0.0.1:8233/demo';
  const end = (progress: Progress): { code: number; lines: string[] } => {
    const { context, lines } = recordingContext();
    finish(context, { webUi }, progress);
    return { code: exitCodeOfEnd(progress), lines };
  };

  it('takes the message of a failure for the sentence that it is', () => {
    const { lines } = end(progressOf({ phase: 'Stopped', stoppedBecause: 'tempo failed: It has ended.' }));
    expect(lines.join('\n')).toContain('It has ended.\n');
  });

  it.each<[Phase, number, ...facts: string[]]>([
    ['Ready', 0],
    ['Removed', 0],
    ['Stopped', 1, 'it was aborted', '`tracewright up`', '`tracewright down`'],
    ['Blocked', 3, 'tempo', 'tracewright retry tempo', 'tracewright skip tempo', 'tracewright down'],
  ])('%s: exit code %i', (phase, exitCode, ...facts) => {
    const { code, lines } = end(
      progressOf({
        phase,
        ...(phase === 'Stopped' && { stoppedBecause: 'it was aborted' }),
        ...steps({ state: 'done' }, { state: phase === 'Blocked' ? 'blocked' : 'done' }),
      }),
    );
    expect(code).toBe(exitCode);
    for (const fact of ['demo', phase, ...facts]) expect(lines.join('\n')).toContain(fact);
    expect(lines).toMatchSnapshot();
  });

  it('says how to look at what is ready', () => {
    const cluster = {
      kind: 'embedded',
      kubeconfigPath: "/home/o'neil/my state/kubeconfig",
      serverUrl: 'u',
      version: 'v',
      owned: true,
    } as const;
    const { lines } = end(progressOf({ phase: 'Ready', cluster }));
    expect(lines).toContain('  Temporal Web UI   http://127.0.0.1:8233/demo');
    const command = lines.find((line) => line.includes('export KUBECONFIG='))?.replace('  kubectl', '');
    const shell = execFileSync('sh', ['-c', `${command ?? ''}; printf %s "$KUBECONFIG"`], {
      encoding: 'utf8',
    });
    expect(shell).toBe(cluster.kubeconfigPath);
  });
});
