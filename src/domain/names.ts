import {
  defineSearchAttributeKey,
  type SearchAttributePair,
} from '@temporalio/common/lib/search-attributes.js';

/**
 * Names that are on the wire: changing one breaks running environments and kept histories. A test pins them.
 */

/** Workflows, and activities that any machine can run. */
export const sharedTaskQueue = 'tracewright';

/** Activities that need what lies on one machine: a local cluster, its kubeconfig, its processes. */
export function hostTaskQueue(hostId: string): string {
  return `tracewright-host-${hostId}`;
}

/** How the workers of a machine call themselves: by it a client finds those that it can ask. */
export function workerIdentity(hostId: string, pid: number, host: string): string {
  return `tracewright ${hostId} ${String(pid)}@${host}`;
}

/** The machine whose worker calls itself so; `undefined` for other workers, and for those of 0.1.0. */
export function machineOfWorker(identity: string): { hostId: string; name: string } | undefined {
  const { hostId, name } = /^tracewright (?<hostId>\S+) \d+@(?<name>.+)$/u.exec(identity)?.groups ?? {};
  return hostId === undefined || name === undefined ? undefined : { hostId, name };
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

/**
 * Of the environments that live: also those whose workflow an operator has paused, a status that older servers do not
 * know. In Temporal's list filters.
 */
export const openEnvironmentsQuery = 'WorkflowType = "environment" AND CloseTime IS NULL';

/** The workflow id of the environment `name`. */
export function environmentWorkflowId(name: string): string {
  return `environment-${name}`;
}

/** The id of the workflow of the fleet `name`. */
export function fleetWorkflowId(name: string): string {
  return `fleet-${name}`;
}

/** Of the fleets that are not over, in Temporal's list filters. */
export const openFleetsQuery = 'WorkflowType = "fleet" AND CloseTime IS NULL';

/** The id of the workflow that keeps the slots of the machine `hostId`. */
export function slotKeeperId(hostId: string): string {
  return `slots-${hostId}`;
}

/** Labels on every namespace, release and object that Tracewright makes: by them it knows its own. */
export const ownershipLabels = {
  environment: 'tracewright.dev/environment',
  component: 'tracewright.dev/component',
  fingerprint: 'tracewright.dev/fingerprint',
  /** Of releases only: the machine whose helm made the revision. */
  host: 'tracewright.dev/host',
} as const;

/** A Kubernetes-style name: it becomes part of workflow ids, folders and labels. */
const pattern = /^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$/u;

/** The end of a sentence about a name that does not fit. */
export const environmentNameRule =
  'It must be 1 to 40 lower-case letters, digits and dashes, with no dash at its ends.';

/** Whether an environment may be called so. */
export function isEnvironmentName(value: string): boolean {
  return pattern.test(value);
}

/** The search attributes of an environment, for its start by the client and for its changes by the workflow. */
export function searchAttributesOf(values: {
  readonly [name in keyof typeof searchAttributes]: string;
}): SearchAttributePair[] {
  return (Object.keys(searchAttributes) as (keyof typeof searchAttributes)[]).map((name) => ({
    key: defineSearchAttributeKey(searchAttributes[name], 'KEYWORD'),
    value: values[name],
  }));
}
