import type { Leftover } from '../domain/leftovers.js';
import type { ClusterRef, ComponentDrift, EnvironmentSpec, StepProgress } from '../domain/progress.js';
import type { Proof } from '../domain/proof.js';
import type { LifetimeSnapshot } from './lifetime.js';

/** What an environment remembers. Part of the wire, as the input of the next run: add fields, never rename them. */
export interface Remembered {
  readonly spec: EnvironmentSpec;
  readonly startedAt: number;
  /** Of the plan. */
  readonly run: number;
  readonly leftovers: readonly Leftover[];
  readonly hostId?: string;
  readonly cluster?: ClusterRef;
  readonly proof?: Proof;
  readonly lastVerifiedAt?: number;
  readonly drift?: readonly ComponentDrift[];
  readonly driftObservedAt?: number;
  readonly paused?: true;
  readonly stoppedBecause?: string;
}

/** What crosses a continue-as-new. */
export interface StateSnapshot extends Remembered {
  readonly steps: readonly StepProgress[];
  readonly lifetime: LifetimeSnapshot;
}

/** Of an environment that is to be installed: it knows its spec, and perhaps the machine that will hold its cluster. */
export function firstSnapshot(
  spec: EnvironmentSpec,
  steps: readonly StepProgress[],
  hostId: string | undefined,
): StateSnapshot {
  return {
    spec,
    startedAt: Date.now(),
    run: 0,
    leftovers: [],
    steps,
    lifetime: {},
    ...(hostId !== undefined && { hostId }),
  };
}
