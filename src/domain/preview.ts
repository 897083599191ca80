import type { Failure } from './failure.js';
import type { StepKind } from './plan.js';

/**
 * What `up` would do with a step:
 * - `create`, `change`, `remove`: what the words say
 * - `none`: it is as it should be
 * - `repair`: an interrupted or failed operation is cleared away first
 * - `run`: the verification, each time anew
 * - `refuse`: `up` would end there; the failure says why
 * - `unknown`: it cannot be said from here; the failure says why
 */
export type PreviewAction = 'create' | 'change' | 'none' | 'repair' | 'remove' | 'run' | 'refuse' | 'unknown';

/** What would become of one object. */
export interface ObjectPreview {
  readonly kind: string;
  readonly name: string;
  /** Absent for objects of the whole cluster. */
  readonly namespace?: string;
  readonly change: 'create' | 'change' | 'remove';
  /** A unified diff of YAML, with the contents of Secrets hidden; absent where nothing can be compared. */
  readonly diff?: string;
}

export interface StepPreview {
  readonly name: string;
  readonly kind: StepKind;
  readonly title: string;
  readonly action: PreviewAction;
  /** What it is: `tempo 1.0.0`, images of manifests. */
  readonly what?: string;
  readonly namespace?: string;
  /** Why, or how: `version 1.0.0 → 1.0.1, values`. */
  readonly detail?: string;
  readonly failure?: Failure;
  /** Those that change; absent when it is not known which do. */
  readonly objects?: readonly ObjectPreview[];
}

/** What `tracewright plan --json` prints. */
export interface PlanPreview {
  readonly environment: string;
  readonly stack: string;
  readonly target: string;
  readonly steps: readonly StepPreview[];
}

/** Whether `up` can be expected to get through, as far as a look tells. */
export function isFeasible({ steps }: PlanPreview): boolean {
  return steps.every(({ action }) => action !== 'refuse' && action !== 'unknown');
}
