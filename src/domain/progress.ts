import type { Failure } from './failure.js';
import type { K3dSettings } from './k3d-settings.js';
import type { Parameter } from './parameter.js';
import type { Step } from './plan.js';
import type { HopState, Proof } from './proof.js';
import type { Stack, TargetKind } from './stack.js';

/** Where the cluster comes from. */
export interface TargetSpec {
  readonly kind: TargetKind;
  /** Absolute path; only for `kubeconfig`. */
  readonly kubeconfigPath?: string;
  /** The context in it; only for `kubeconfig`. */
  readonly context?: string;
  /** What the cluster should be; only for `k3d`. */
  readonly k3d?: K3dSettings;
  /** Where its images come from; only for `embedded`. Absent: all were built together with the cluster. */
  readonly images?: EmbeddedImages;
}

/** How an embedded cluster comes to its images. What it cannot find among the built ones, where it has them, it pulls. */
export interface EmbeddedImages {
  /** Whether the images that were built with the cluster are there, under the names of those that they stand for. */
  readonly built: boolean;
  /** Nothing in the stack stands on those: a cluster that is downloaded, and has none, pulls them as well. */
  readonly dispensable?: true;
  /** What has every image: the URL of a registry, with a path, or the absolute path of a folder of archives. */
  readonly from?: string;
  /** Registries that are asked before others, as URLs: by the name of the other one, or by `*`. */
  readonly mirrors?: Readonly<Record<string, readonly string[]>>;
}

/** What an environment should be: one stack on one target. */
export interface EnvironmentSpec {
  readonly stack: Stack;
  readonly target: TargetSpec;
  /** End the install at the first failed step instead of waiting for a decision. */
  readonly failFast: boolean;
  /** Take over releases and objects of the stack's names that Tracewright did not make. */
  readonly adopt?: true;
  /**
   * What of the stack's values `up` was told to change; the stack has it already. The next `up` that says nothing keeps
   * it.
   */
  readonly parameters?: readonly Parameter[];
  /**
   * The environment is torn down by itself so many milliseconds after it came to rest: Ready, or before that Blocked or
   * Stopped. Absent: as it was (at first: never); 0: never.
   */
  readonly ttlMs?: number;
  /**
   * Looks for drift and proves the environment again so many milliseconds after it became Ready. Absent: as it was (at
   * first: never); 0: never.
   */
  readonly verifyEveryMs?: number;
  /** Whether the trace of each install is sent to the trace store that it made. Absent: it is. */
  readonly installTrace?: false;
}

/** How the tools of later steps reach the cluster. */
export interface ClusterRef {
  readonly kind: TargetKind;
  readonly kubeconfigPath: string;
  readonly context?: string;
  readonly serverUrl: string;
  readonly version: string;
  /** Whether Tracewright made the cluster, and so may delete it. */
  readonly owned: boolean;
}

export const stepStates = [
  'pending',
  'running',
  'done',
  'blocked',
  'failed',
  'skipped',
  'cancelled',
  'removing',
  'removed',
] as const;
export type StepState = (typeof stepStates)[number];

export interface StepProgress extends Step {
  readonly state: StepState;
  /** Milliseconds since the epoch; of the latest run of the step. */
  readonly startedAt?: number;
  readonly endedAt?: number;
  /** What it did: `installed`, `unchanged`, `upgraded to revision 2`. */
  readonly outcome?: string;
  /** Why it is blocked or failed, or what blocked it before it was cancelled. */
  readonly failure?: Failure;
}

export const phases = [
  'Provisioning',
  'Queued',
  'Blocked',
  'Ready',
  'Verifying',
  'Upgrading',
  'Stopped',
  'TearingDown',
  'Removed',
] as const;

/**
 * Provisioning → Ready → (Verifying, Upgrading) → TearingDown → Removed. Queued: an install waits for a slot of its
 * machine. Blocked: a step waits for a decision.
 * Stopped: an install ended without a result (abort, or `--fail-fast`) and waits for `up` or `down`.
 */
export type Phase = (typeof phases)[number];

/** How a component in the cluster compares with what the stack says. */
export type ComponentState = 'in-sync' | 'drifted' | 'missing' | 'not-ready';

/** What the last look for drift found of a component. */
export interface ComponentDrift {
  readonly component: string;
  /** `unknown`: it could not be looked at; the detail says why. */
  readonly state: ComponentState | 'unknown';
  /** For people; never values, which may be secret. Empty when there is nothing to say. */
  readonly detail: string;
}

/** Whether it is not as the stack says, as far as one knows. */
export const differs = ({ state }: ComponentDrift): boolean => state !== 'in-sync';

/** Whether an install like the last one puts it right. */
export const isPutBack = ({ state }: ComponentDrift): boolean => ['drifted', 'missing'].includes(state);

/** The answer to the `progress` query, and what `status --json` prints. */
export interface Progress {
  readonly environment: string;
  readonly phase: Phase;
  readonly stack: string;
  readonly target: TargetKind;
  /** Counts the runs of the plan: 1 for the first install. */
  readonly run: number;
  readonly startedAt: number;
  readonly updatedAt: number;
  /** The machine that holds the cluster. */
  readonly hostId?: string;
  readonly cluster?: ClusterRef;
  readonly steps: readonly StepProgress[];
  /** Since when it waits for a slot of its machine. */
  readonly queuedSince?: number;
  /** Of one that waits: how many come before it, and 1. What the machine's slots say, so not in the workflow's answer. */
  readonly place?: number;
  /** The latest proof. */
  readonly proof?: Proof;
  /** The id of the trace of the latest install, where it was sent to the trace store. */
  readonly installTraceId?: string;
  /** When the latest proof was made. Times are milliseconds since the epoch. */
  readonly lastVerifiedAt?: number;
  /** When the environment, while it stays Ready, will be looked at and proved again. */
  readonly nextVerificationAt?: number;
  /** What the last look for drift found, by component; absent when nothing has looked since the last install. */
  readonly drift?: readonly ComponentDrift[];
  readonly driftObservedAt?: number;
  /** No new step starts until `resume`. */
  readonly paused?: true;
  /** When it will be torn down by itself. Absent while an install runs. */
  readonly expiresAt?: number;
  /** Why the last run of the plan stopped, when it did; of a removed environment, why, when nobody asked for it. */
  readonly stoppedBecause?: string;
}

/** What a running activity tells about itself in its heartbeats. */
export interface LiveDetail {
  /** What it does now: `pulling image grafana/tempo:2.0.0`. */
  readonly text: string;
  /** 0 to 100, where the activity knows. */
  readonly percent?: number;
  /** Of a verification: how far the trace has come. */
  readonly hops?: readonly HopState[];
}

/**
 * What a step that has not begun waits for: `waits for operator`. What those wait for themselves goes without saying.
 */
export function waitText(
  step: StepProgress,
  progress: Pick<Progress, 'steps' | 'paused' | 'queuedSince' | 'place'>,
): string {
  const { steps, paused } = progress;
  const passed = ['done', 'skipped', 'removed'];
  const open = new Map(steps.filter(({ state }) => !passed.includes(state)).map((it) => [it.name, it]));
  const awaited = openNeeds(step, open);
  const implied = new Set<StepProgress>();
  const note = (need: StepProgress): void => {
    for (const further of openNeeds(need, open)) {
      if (implied.has(further)) continue;
      implied.add(further);
      note(further);
    }
  };
  awaited.forEach(note);
  const names = awaited.filter((need) => !implied.has(need)).map(({ name }) => name);
  if (names.length > 0) return `waits for ${names.join(', ')}`;
  if (paused) return 'paused';
  return progress.queuedSince === undefined ? 'waits' : queueText(progress);
}

/** `waits for a slot of the machine, place 3` */
export function queueText({ place }: Pick<Progress, 'place'>): string {
  return `waits for a slot of the machine${place === undefined ? '' : `, place ${String(place)}`}`;
}

function openNeeds({ needs }: StepProgress, open: ReadonlyMap<string, StepProgress>): StepProgress[] {
  return needs.flatMap((name) => open.get(name) ?? []);
}
