import type { EnvironmentSpec } from '../domain/progress.js';
import type { Helm, HelmCall } from '../tools/helm/helm.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import type { ReleaseSpec } from '../domain/stack.js';

/** The cluster that an environment is, or would be, installed in. */
export interface ClusterLook {
  readonly kube: Kubernetes;
  /** Such as `v1.34.4`. */
  readonly version: string;
  /** Whether Tracewright made the cluster. */
  readonly owned: boolean;
}

/** What a look at a component works with. */
export interface Look {
  readonly environment: string;
  readonly spec: Pick<EnvironmentSpec, 'stack' | 'adopt'>;
  /** `undefined` where there is no cluster yet: everything in it would be created. */
  readonly cluster: ClusterLook | undefined;
  readonly call: HelmCall;
  openHelm(release: ReleaseSpec): Promise<Helm>;
  /** The chart on this machine: downloaded where it is not. */
  locateChart(release: ReleaseSpec, helm: Helm): Promise<string>;
}
