import { describe, expect, it } from 'vitest';
import type { LiveStep } from '../../src/cli/follow.js';
import { createPaint } from '../../src/cli/views/format.js';
import { frame, type FrameOptions } from '../../src/cli/views/frame.js';
import { widthOf } from '../../src/cli/views/text-width.js';
import type { Failure } from '../../src/domain/failure.js';
import type { Progress, StepProgress } from '../../src/domain/progress.js';
import { progressOf } from './support.js';

const now = 1_700_000_000_000;

const failure: Failure = {
  type: 'ready.image-pull',
  message: 'prometheus: the image quay.io/prometheus/prometheus:v3 cannot be pulled: 429 Too Many Requests.',
  remedy: 'Wait until the registry lets you pull again, or log in to it.',
  retryable: true,
  evidence: ['Warning Failed pod/prometheus-0 Failed to pull image', 'Warning BackOff pod/prometheus-0'],
};

/** @param from, until in seconds before now */
const ran = (from: number, until?: number): Pick<StepProgress, 'startedAt' | 'endedAt'> => ({
  startedAt: now - from * 1_000,
  ...(until !== undefined && { endedAt: now - until * 1_000 }),
});

const step = (name: string, needs: string[], rest: Partial<StepProgress> = {}): StepProgress => ({
  name,
  kind: 'release',
  title: name,
  needs,
  state: 'pending',
  ...rest,
});

const cluster = step('cluster', [], {
  state: 'done',
  outcome: 'created, Kubernetes v1.34.4',
  ...ran(130, 60),
});
const building = new Map<string, LiveStep>([
  ['cluster', { text: 'building kube: k8s.io/kubernetes/pkg/apis/core/v1', percent: 41.6, attempt: 1 }],
]);
const retried: LiveStep = {
  text: 'cert-manager-webhook: pods 0/1, pulling image quay.io/jetstack/webhook:v1.10.1',
  attempt: 2,
  lastFailure: 'The release cert-manager failed: context deadline exceeded',
};

const rest = [
  step('operator', ['cluster', 'cert-manager']),
  step('verification', ['cluster', 'prometheus', 'operator']),
];
const installed = [
  cluster,
  step('cert-manager', ['cluster'], { state: 'done', outcome: 'installed, revision 1', ...ran(60, 50) }),
  step('prometheus', ['cluster'], { state: 'done', outcome: 'installed, revision 1', ...ran(60, 30) }),
  step('operator', ['cluster', 'cert-manager'], { state: 'done', outcome: 'unchanged', ...ran(50, 40) }),
  step('verification', ['cluster', 'prometheus', 'operator'], {
    state: 'done',
    outcome: 'proved: 52 spans of 7 services',
    ...ran(30, 28.5),
  }),
];

interface Scene {
  readonly progress: Progress;
  readonly live?: ReadonlyMap<string, LiveStep>;
}

const scenes = {
  building: {
    progress: progressOf({
      steps: [
        step('cluster', [], { state: 'running', ...ran(130) }),
        step('cert-manager', ['cluster']),
        ...rest,
      ],
    }),
    live: building,
  },
  running: {
    progress: progressOf({
      steps: [
        cluster,
        step('cert-manager', ['cluster'], { state: 'running', ...ran(60) }),
        step('prometheus', ['cluster'], { state: 'running', ...ran(60) }),
        ...rest,
      ],
    }),
    live: new Map([
      ['cert-manager', retried],
      ['prometheus', { ...retried, nextAttemptAt: now + 12_000 }],
    ]),
  },
  blocked: {
    progress: progressOf({
      phase: 'Blocked',
      steps: [
        cluster,
        step('cert-manager', ['cluster'], { state: 'running', ...ran(60) }),
        step('prometheus', ['cluster'], { state: 'blocked', failure, ...ran(60, 3) }),
        ...rest,
      ],
    }),
    live: new Map([['cert-manager', { text: 'pods 2/3', attempt: 1 }]]),
  },
  failed: {
    progress: progressOf({
      phase: 'Stopped',
      steps: [
        cluster,
        step('cert-manager', ['cluster'], { state: 'cancelled', ...ran(60, 3) }),
        step('prometheus', ['cluster'], { state: 'failed', failure, ...ran(60, 3) }),
        ...rest,
      ],
    }),
  },
  paused: {
    progress: progressOf({ paused: true, steps: [cluster, step('cert-manager', ['cluster']), ...rest] }),
  },
  ready: { progress: progressOf({ phase: 'Ready', steps: installed }) },
  'tearing down': {
    progress: progressOf({
      phase: 'TearingDown',
      steps: installed.map((it) =>
        it.name === 'cluster'
          ? { ...it, state: 'removing', ...ran(2) }
          : { ...it, state: 'removed', outcome: 'goes with its cluster', ...ran(2, 2) },
      ),
    }),
    live: new Map([['cluster', { text: 'Deleting the embedded cluster', attempt: 1 }]]),
  },
} satisfies Record<string, Scene>;

const draw = (scene: Scene, options: Partial<FrameOptions> = {}): string[] =>
  frame(
    { progress: scene.progress, live: scene.live ?? new Map() },
    { now, columns: 80, paint: createPaint(false), moving: true, ...options },
  );

describe.each(Object.entries(scenes))('the frame of an environment: %s', (_name, scene: Scene) => {
  it.each([40, 80, 120])('while it moves, at %i columns', (columns) => {
    const lines = draw(scene, { columns });
    expect(lines.join('\n')).toMatchSnapshot();
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(columns);
  });

  it('as it stays', () => {
    expect(draw(scene, { moving: false }).join('\n')).toMatchSnapshot();
  });
});

describe('the frame', () => {
  it('has colours only where they are wanted, and the same words', () => {
    const coloured = draw(scenes.running, { paint: createPaint(true) }).join('\n');
    expect(coloured).toMatchSnapshot();
    const escape = String.fromCharCode(27);
    const plain = coloured
      .split(escape)
      .map((part, index) => (index === 0 ? part : part.replace(/^\[\d+m/u, '')));
    const withoutBlanks = (text: string): string[] => text.split('\n').map((line) => line.trimEnd());
    expect(withoutBlanks(plain.join(''))).toEqual(draw(scenes.running));
  });

  it.each([12, 8, 6, 4, 2])('keeps what runs in a terminal of %i rows', (rows) => {
    const lines = draw(scenes.running, { rows });
    expect(lines.length).toBeLessThanOrEqual(rows);
    expect(lines.join('\n')).toMatchSnapshot();
  });

  it('moves its signs with the time', () => {
    expect(draw(scenes.running, { now: now + 250 })).not.toEqual(draw(scenes.running));
  });

  it('lets no control character of a tool steer the terminal', () => {
    const live = new Map([['cert-manager', { text: '\u001b[2Jgone\r\n', attempt: 1 }]]);
    expect(draw({ progress: scenes.running.progress, live }).join('')).not.toContain('\u001b');
  });
});
