import type { Leftover } from '../domain/leftovers.js';
import type { ClusterRef, TargetSpec } from '../domain/progress.js';
import type { ProcessIdentity } from '../tools/process-identity.js';
import type { ProcessOwner } from '../tools/process.js';

/** What a target found out about its cluster; everything is optional because a broken cluster tells little. */
export interface ClusterFacts {
  /** For example `v1.34.4`. */
  readonly version?: string;
  readonly nodeName?: string;
  readonly serverUrl?: string;
  readonly kubeconfigPath?: string;
  /** False when somebody else made it, so that it will not be deleted. */
  readonly owned?: boolean;
  /** The process that holds the cluster, where it is one of ours. */
  readonly process?: ProcessIdentity;
}

/**
 * The state of a cluster, read from the cluster and never from memory.
 * - `absent`: nothing of it exists
 * - `stopped`: its data exists, nothing runs
 * - `starting`: it runs and is not ready yet
 * - `ready`: the API server answers and every node is Ready
 * - `broken`: it cannot become ready by waiting; `reason` says why
 */
export type ClusterState =
  | { readonly phase: 'absent' | 'stopped' | 'starting' | 'ready'; readonly facts: ClusterFacts }
  | { readonly phase: 'broken'; readonly reason: string; readonly facts: ClusterFacts };

/** A cluster that is ready for use. */
export interface Cluster {
  /** Absolute path of a kubeconfig, mode 0600, whose current context is this cluster. */
  readonly kubeconfigPath: string;
  readonly serverUrl: string;
  /** For example `v1.34.4`. */
  readonly version: string;
  /** Whether Tracewright made the cluster, and so may delete it. */
  readonly owned: boolean;
}

export interface CreateOptions {
  /** One line of text for a person, whenever something new begins; `percent` of the whole where it is known. */
  onProgress: (text: string, percent?: number) => void;
  signal?: AbortSignal;
  /** Of the programs that work for the cluster; not of the cluster, which outlives them. */
  owner?: ProcessOwner;
}

export interface DeleteOptions {
  /** One line of text for a person, whenever something new begins. */
  onProgress?(text: string): void;
  signal?: AbortSignal;
  /** As for `create`. */
  owner?: ProcessOwner;
}

/** Where a cluster comes from. */
export interface Target {
  readonly kind: 'embedded' | 'k3d' | 'kubeconfig';
  /** Looks, changes nothing, never throws because of the state that it finds. */
  observe(): Promise<ClusterState>;
  /** Makes the cluster ready from whatever state it is in, with its data where it has some. Idempotent. */
  create(options: CreateOptions): Promise<Cluster>;
  /**
   * Removes the cluster and checks that nothing of it is left. Idempotent.
   * @throws TracewrightError `cluster.residue` that names what is left
   */
  delete(options?: DeleteOptions): Promise<void>;
}

/** What exists of an environment, found where it exists, whatever a Temporal server knows of it. */
export interface FoundCluster {
  readonly environment: string;
  readonly target: TargetSpec;
  /** For people: `process 4711`, `folder /state/clusters/x`, `Helm release tracing/tempo`. */
  readonly exists: readonly string[];
  /** The state folder that it belongs to. Absent: on a cluster that others own, or nothing tells. */
  readonly stateDir?: string;
  /** In a cluster that stays: how it is reached, and what of ours is in it, each after what it needs. */
  readonly shared?: { readonly cluster: ClusterRef; readonly parts: readonly Leftover[] };
}
