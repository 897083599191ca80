/**
 * Names that are on the wire: changing one breaks running environments and kept histories. A test pins them.
 */

/** Workflows, and activities that any machine can run. */
export const sharedTaskQueue = 'tracewright';

/** Activities that need what lies on one machine: a local cluster, its kubeconfig, its processes. */
export function hostTaskQueue(hostId: string): string {
  return `tracewright-host-${hostId}`;
}

/**
 * Search attributes, all of the Keyword type, by which the Temporal Web UI and `tracewright list` find environments.
 */
export const searchAttributes = {
  environment: 'TracewrightEnvironment',
  stack: 'TracewrightStack',
  target: 'TracewrightTarget',
  phase: 'TracewrightPhase',
} as const;

/** The workflow id of the environment `name`. */
export function environmentWorkflowId(name: string): string {
  return `environment-${name}`;
}

/** Labels on every namespace, release and object that Tracewright makes: by them it knows its own. */
export const ownershipLabels = {
  environment: 'tracewright.dev/environment',
  component: 'tracewright.dev/component',
  fingerprint: 'tracewright.dev/fingerprint',
} as const;
