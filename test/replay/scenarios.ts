import type { EnvironmentSpec, Progress } from '../../src/domain/progress.js';
import { fail, untilCancelled, type ScriptedActivities } from '../support/fake-activities.js';
import { spec } from '../support/stack.js';

/** What a scenario does with its environment. */
export interface Recorded {
  readonly scripted: ScriptedActivities;
  readonly update: (name: string, ...args: unknown[]) => Promise<unknown>;
  /** Waits until the progress is as wanted. */
  readonly until: (wanted: (progress: Progress) => boolean) => Promise<Progress>;
  /** Waits until a run with an empty history has taken over. */
  readonly untilContinued: () => Promise<void>;
  readonly tearDown: () => Promise<void>;
}

export interface Scenario {
  readonly name: string;
  readonly spec?: Partial<EnvironmentSpec>;
  readonly continueAfterEvents?: number;
  /** Behaviours that hold from the start. */
  readonly script?: (scripted: ScriptedActivities) => void;
  readonly play: (environment: Recorded) => Promise<void>;
}

const isReady =
  (run = 1) =>
  (progress: Progress): boolean =>
    progress.run === run && progress.phase === 'Ready';
const isBlocked = ({ phase }: Progress): boolean => phase === 'Blocked';

function smaller(): EnvironmentSpec {
  const changed = spec();
  Reflect.deleteProperty(changed.stack.components, 'collector');
  Reflect.deleteProperty(changed.stack.components, 'operator');
  return changed;
}

/** What the recording of a fleet keeps: of the fleet, of a seat that had to wait for a slot, and of who keeps the slots. */
export const fleetHistories = ['fleet', 'fleet-seat', 'slot-keeper'] as const;

/** What is recorded for every released version. Add to it; a scenario that older versions have too must not change. */
export const scenarios: readonly Scenario[] = [
  {
    name: 'happy-path',
    async play({ until, update, tearDown }) {
      await until(isReady());
      await update('verify');
      await until(isReady(2));
      await tearDown();
    },
  },
  {
    name: 'retry',
    script: (scripted) =>
      scripted
        .on('tempo', (attempt) => {
          if (attempt < 2) fail('release.failed');
        })
        .on('operator', () => fail('ready.crash-loop')),
    async play({ scripted, until, update, tearDown }) {
      await until(isBlocked);
      scripted.on('operator', () => undefined);
      await update('retry', { step: 'operator' });
      await until(isReady());
      await tearDown();
    },
  },
  {
    name: 'teardown-in-mid-install',
    script: (scripted) =>
      scripted.on('tempo', () => untilCancelled(200)).on('cert-manager', () => untilCancelled(100)),
    async play({ scripted, until, tearDown }) {
      await until(() => scripted.count('start tempo') === 1 && scripted.count('start cert-manager') === 1);
      await tearDown();
    },
  },
  {
    name: 'blocked-skip',
    script: (scripted) => scripted.on('operator', () => fail('chart.not-found')),
    async play({ until, update, tearDown }) {
      await until(isBlocked);
      await update('pause');
      await update('skip', { step: 'operator' });
      await update('resume');
      await until(isReady());
      await tearDown();
    },
  },
  {
    name: 'upgrade',
    script: (scripted) => scripted.onExistingCluster(),
    async play({ until, update, tearDown }) {
      await until(isReady());
      await update('apply', { spec: smaller() });
      await until(isReady(2));
      await tearDown();
    },
  },
  {
    name: 'continue-as-new',
    continueAfterEvents: 40,
    spec: { ttlMs: 4_000, verifyEveryMs: 1_500 },
    async play({ untilContinued, until, tearDown }) {
      await untilContinued();
      await until(isReady(2));
      await tearDown();
    },
  },
  {
    name: 'expiry',
    spec: { ttlMs: 1_500 },
    async play({ until, update }) {
      await until(isReady());
      await update('extend', { ms: 1_000 });
      await until(({ phase }) => phase === 'Removed');
    },
  },
];
