import type { Check } from './check.js';
import type { EnvironmentSpec } from './progress.js';
import type { TargetKind } from './stack.js';

/** Whether a machine can do a kind of target, as far as a short look tells. */
export interface Availability {
  readonly possible: boolean;
  /** Such as "Docker 28.2.2 runs here", or what is missing; no full stop. */
  readonly because: string;
  /** Why only stacks whose images are pulled can be installed there; no full stop. */
  readonly cannotBuild?: string;
  /** What any install there needs first: the checks before it tell how to get it. No full stop. */
  readonly lacks?: string;
  /** What has to answer before anything can be installed there. @default nothing */
  readonly addresses?: readonly string[];
}

/** What is to be installed, and where. */
export type Intent = Pick<EnvironmentSpec, 'stack' | 'target' | 'adopt'>;

/** What is to be looked at closely, beside what every report tells. */
export interface MachineExamination {
  /** Whether the machine and the target can hold it. */
  readonly install?: { readonly environment: string; readonly intent: Intent };
  /** The tools of the machine, with their versions. */
  readonly tools?: true;
}

/** What the worker of a machine is asked. On the wire: add fields, never rename them. */
export interface MachineQuestion extends MachineExamination {
  readonly hostId: string;
  /** Registries and chart repositories that it is to send a HEAD to. @default none */
  readonly addresses?: readonly string[];
}

/** What a machine can do, told by the process that would do it. On the wire, as the question. */
export interface MachineReport {
  /** Of this record: changes with what a reader must not misunderstand. */
  readonly format: 1;
  readonly hostId: string;
  /** The name of the host. */
  readonly name: string;
  /** Such as `linux x64`. */
  readonly platform: string;
  readonly root: boolean;
  readonly cpus: number;
  /** In bytes: of the machine, or of the container that the worker runs in. */
  readonly memoryBytes: number;
  readonly targets: Readonly<Record<TargetKind, Availability>>;
  /** The clusters of our own that were begun there. */
  readonly clusters: Clusters;
  /** Why one of the addresses is no answer (`quay.io does not answer`); absent when all are. */
  readonly unreachable?: string;
  readonly checks: readonly Check[];
  readonly tools: readonly Check[];
}

/** What was made of each, by the names of their environments. */
export type Clusters = Readonly<Record<string, TargetKind>>;

/** A machine that can be asked what it can do: this one, or that of a worker. */
export interface Machine {
  /** Whose worker is asked. Absent: it is this machine, with this state folder, and the present process sees for itself. */
  readonly worker?: { readonly hostId: string; readonly name: string };
  lookAt(kind: TargetKind): Promise<Availability>;
  clusters(): Promise<Clusters>;
  /** The name of the stack that a cluster was made for, where that is known. */
  madeFor?(environment: string): Promise<string | undefined>;
  /** @returns why one of them is no answer; `undefined` when all are */
  whyUnreachable(addresses: readonly string[]): Promise<string | undefined>;
  /** Looks closely; starts and changes nothing. */
  examine(
    what: MachineExamination,
    signal?: AbortSignal,
  ): Promise<{ readonly checks: readonly Check[]; readonly tools: readonly Check[] }>;
}
