import { isTracewrightError, TracewrightError } from '../../../domain/failure.js';
import { pullCause } from '../../../domain/pull-cause.js';
import { redact } from '../../redact.js';
import type { Kubernetes } from '../connection.js';
import type { ClusterEvent, ObjectMeta, Pod } from '../objects.js';
import { lastLogLines } from '../logs.js';
import type { RunningCheck } from './checks.js';
import { activityOf, oneLine, timeOf, type PodTrouble } from './pods.js';
import type { NamespaceView } from './view.js';

/** The typed failure of a pod that waiting does not help, with the last lines of a container that crashes. */
export async function troubleFailure(
  kube: Kubernetes,
  pod: Pod,
  trouble: PodTrouble,
): Promise<TracewrightError> {
  const where = `pod ${String(pod.metadata.namespace)}/${pod.metadata.name}`;
  if (trouble.type === 'ready.image-pull') return imageFailure(where, trouble);
  if (trouble.type === 'ready.unschedulable') return placeFailure(where, trouble, await taintedNodes(kube));
  const container = trouble.container ?? '';
  const lines = await lastLogLines(kube, pod, container);
  const waitsForOthers = trouble.type === 'ready.crash-loop' && lines.some((line) => unreachable.test(line));
  return new TracewrightError({
    type: trouble.type,
    message: `The container ${container} of the ${where} keeps crashing, with ${String(trouble.restarts)} restarts so far: ${trouble.reason}.`,
    remedy:
      trouble.type === 'ready.out-of-memory'
        ? 'Raise the memory limit of the container, then retry.'
        : `Look at its log: kubectl -n ${String(pod.metadata.namespace)} logs ${pod.metadata.name} -c ${container} --previous`,
    evidence: lines.map((line) => oneLine(redact(line), 300)),
    retryable: waitsForOthers,
  });
}

/** How programs say that what they need does not answer: the API server, a database. That may be back in a moment. */
const unreachable =
  /connection (?:refused|reset)|ECONNREFUSED|no route to host|no such host|i\/o timeout|TLS handshake timeout|Service Unavailable/iu;

/**
 * The scheduler counts the nodes whose taints are in the way and names neither, so the taints of all nodes go with it.
 */
function placeFailure(
  where: string,
  { reason }: PodTrouble,
  found: readonly TaintedNode[] | undefined,
): TracewrightError {
  const nodes = found ?? [];
  const first = nodes.find(({ pressure }) => pressure !== undefined);
  const returning = nodes.find(({ isReturning }) => isReturning);
  // A node has come back since the scheduler looked.
  const isOutdated = found !== undefined && taintedWhenTried(reason) > found.length;
  return new TracewrightError({
    type: 'ready.unschedulable',
    message: `No node takes the ${where}: ${reason}`,
    remedy: first
      ? `Free ${first.pressure ?? ''} on the node ${first.name}; the step is tried again. Kubernetes keeps pods away for up to five minutes more (10 s on the embedded cluster).`
      : returning
        ? `Look why the node ${returning.name} is not ready; the step is tried again.`
        : isOutdated
          ? 'A taint that kept it away is gone; the step is tried again.'
          : 'Free CPU or memory on the nodes, add a node, or lower the requests of the component.',
    evidence: nodes.map(({ name, taints }) => `node ${name} has the taint ${taints.join(', ')}`),
    retryable: first !== undefined || returning !== undefined || isOutdated,
  });
}

/**
 * How many nodes had a taint in the pod's way, as the scheduler counts them: `2 node(s) had untolerated taint(s)`, before
 * Kubernetes 1.34 once for each taint (pkg/scheduler/framework/plugins/tainttoleration).
 */
function taintedWhenTried(reason: string): number {
  const counts = reason.matchAll(/(?<nodes>\d+) node\(s\) had untolerated taint/gu);
  return [...counts].reduce((sum, { groups }) => sum + Number(groups?.nodes), 0);
}

function imageFailure(
  where: string,
  {
    image = '',
    container = '',
    reason,
    pull: { remedy, retryable, retryAfterMs } = pullCause(reason),
  }: PodTrouble,
): TracewrightError {
  return new TracewrightError({
    type: 'ready.image-pull',
    message: `The image ${image} of the container ${container} in the ${where} cannot be pulled: ${redact(reason)}`,
    remedy,
    retryable,
    retryAfterMs,
  });
}

/** Names what is missing, what the pods do, and their warnings. */
export function timeoutFailure({
  open,
  view,
  namespace,
  timeoutMs,
}: {
  open: readonly RunningCheck[];
  view: NamespaceView;
  namespace: string;
  timeoutMs: number;
}): TracewrightError {
  const missing = open.map(({ title, text }) => `${title}: ${text}`);
  const pods = [...new Set(open.flatMap((check) => check.pods()))];
  const states = pods.flatMap((pod) => {
    const activity = activityOf(pod, view.eventsOf(pod.metadata.name));
    return activity === undefined ? [] : [`pod ${pod.metadata.name}: ${activity}`];
  });
  const workloads = open.flatMap(({ title }) => {
    const [kind, name] = title.split('/');
    return kind !== undefined && name !== undefined ? [{ kind, name }] : [];
  });
  const events = [
    ...workloads.flatMap(({ kind, name }) => view.eventsOf(name, kind)),
    ...pods.flatMap(({ metadata }) => view.eventsOf(metadata.name)),
  ];
  return new TracewrightError({
    type: 'ready.timeout',
    message: `Not ready within ${String(Math.round(timeoutMs / 1000))} s: ${missing.join('; ')}.`,
    remedy: `Look at the events below and at the pods of the namespace ${namespace}, then retry; "timeout" in the stack file gives it more time.`,
    // Not redacted: kubelet and scheduler name Secrets here, and that name is the very point; they never show values.
    evidence: [...states, ...warnings(events)],
  });
}

function warnings(events: readonly ClusterEvent[]): string[] {
  return events
    .filter(({ type }) => type === 'Warning')
    .sort((a, b) => timeOf(a) - timeOf(b))
    .slice(-8)
    .map(({ involvedObject, reason, message, count = 1 }) =>
      oneLine(
        `${String(involvedObject.kind)} ${String(involvedObject.name)}: ${String(reason)}: ${String(message)}${count > 1 ? ` (${String(count)}×)` : ''}`,
        300,
      ),
    );
}

interface TaintedNode {
  readonly name: string;
  /** Those that keep pods away, by their keys. */
  readonly taints: readonly string[];
  /** What the node is short of, such as `disk space`; `undefined` when its taints have other reasons. */
  readonly pressure?: string;
  /** It was started or is being set up: the control plane takes the taint away by itself. */
  readonly isReturning: boolean;
}

/**
 * What the kubelet says with the taint while it is short of something. It takes the taint away by itself: see
 * https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/#node-conditions
 */
const pressures: Readonly<Record<string, string>> = {
  'node.kubernetes.io/disk-pressure': 'disk space',
  'node.kubernetes.io/memory-pressure': 'memory',
  'node.kubernetes.io/pid-pressure': 'processes',
};

const returningTaints = new Set([
  'node.kubernetes.io/not-ready',
  'node.kubernetes.io/unreachable',
  'node.kubernetes.io/network-unavailable',
  'node.cloudprovider.kubernetes.io/uninitialized',
]);

interface NodeObject {
  readonly metadata: ObjectMeta;
  readonly spec?: { readonly taints?: readonly { readonly key: string; readonly effect: string }[] };
}

/** The nodes that some pods are kept away from; `undefined` when one may not look at nodes. */
async function taintedNodes(kube: Kubernetes): Promise<TaintedNode[] | undefined> {
  try {
    const { items } = await kube.json<{ items: NodeObject[] }>({ path: '/api/v1/nodes', timeoutMs: 5_000 });
    return items.flatMap(taintsOf);
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    return undefined;
  }
}

function taintsOf({ metadata: { name }, spec }: NodeObject): TaintedNode[] {
  const taints = (spec?.taints ?? [])
    .filter(({ effect }) => effect !== 'PreferNoSchedule')
    .map(({ key }) => key);
  if (taints.length === 0) return [];
  const pressure = taints.map((key) => pressures[key]).find((it) => it !== undefined);
  const isReturning = taints.some((key) => returningTaints.has(key));
  return [{ name, taints, isReturning, ...(pressure !== undefined && { pressure }) }];
}
