import type { ClusterRef, ComponentState, TargetSpec } from './progress.js';
import type { Proof } from './proof.js';
import type { ReleaseRef } from './release.js';
import type { Component, ManifestsSpec, ProofSpec } from './stack.js';

/** What workflows hand to activities and get back. Part of the wire: add fields, never rename them. */

export interface HostClaim {
  readonly hostId: string;
}

export interface ClusterTask {
  readonly environment: string;
  readonly target: TargetSpec;
  /** For the creation: the name of the stack that is to be installed in it. */
  readonly stack?: string | undefined;
  /** For the removal: a cluster that is not ours and stays, but without what is ours in it. */
  readonly shared?: ClusterRef;
}

export interface ClusterOutcome {
  readonly cluster: ClusterRef;
  /** `created`, `started again`, `already there`. */
  readonly outcome: string;
}

export interface ComponentTask {
  readonly environment: string;
  readonly cluster: ClusterRef;
  /** Where the cluster comes from, should it have to be started again. */
  readonly target?: TargetSpec;
  readonly component: string;
  readonly definition: Component;
  /** Take over what exists under the names of the component and Tracewright did not make. */
  readonly adopt?: true;
  /** The objects that the component's `accepts` checks try out, by the name of their component. */
  readonly accepts: Readonly<Record<string, ManifestsSpec>>;
}

export interface StepOutcome {
  /** What it did: `installed`, `unchanged`, `upgraded to revision 2`. */
  readonly outcome: string;
}

export interface ComponentObservation {
  readonly state: ComponentState;
  /** What is missing or differs, for people; never values, which may be secret. Empty when nothing is. */
  readonly detail: string;
}

export interface VerificationTask {
  readonly environment: string;
  readonly stack: string;
  readonly cluster: ClusterRef;
  /** As for components. */
  readonly target?: TargetSpec;
  readonly proof: ProofSpec;
  /** The objects that the stack itself has, by component: a broken hop may come of a change by hand. */
  readonly manifests?: Readonly<Record<string, ManifestsSpec>>;
  /** The Helm releases of the stack, for the same reason. */
  readonly releases?: readonly ReleaseRef[];
}

/** Where the trace of an install goes. */
export interface InstallTraceTask {
  readonly environment: string;
  readonly cluster: ClusterRef;
  readonly collector: ProofSpec['collector'];
}

export interface InstallTraceOutcome {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
}

export interface VerificationOutcome extends StepOutcome {
  readonly proof: Proof;
}
