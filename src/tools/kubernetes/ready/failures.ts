import { TracewrightError } from '../../../domain/failure.js';
import { redact } from '../../redact.js';
import type { Kubernetes } from '../connection.js';
import type { ClusterEvent, Pod } from '../objects.js';
import { lastLogLines } from '../pod-logs.js';
import type { RunningCheck } from './checks.js';
import { taintedNodes, type TaintedNode } from './nodes.js';
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
  return new TracewrightError({
    type: trouble.type,
    message: `The container ${container} of the ${where} keeps crashing, with ${String(trouble.restarts)} restarts so far: ${trouble.reason}.`,
    remedy:
      trouble.type === 'ready.out-of-memory'
        ? 'Raise the memory limit of the container, then retry.'
        : `Look at its log: kubectl -n ${String(pod.metadata.namespace)} logs ${pod.metadata.name} -c ${container} --previous`,
    evidence: lines.map((line) => oneLine(redact(line), 300)),
  });
}

/**
 * The scheduler counts the nodes whose taints are in the way and names neither, so the taints of all nodes go with it.
 */
function placeFailure(
  where: string,
  { reason }: PodTrouble,
  nodes: readonly TaintedNode[],
): TracewrightError {
  const pressed = nodes.filter(({ pressure }) => pressure !== undefined);
  const [first] = pressed;
  return new TracewrightError({
    type: 'ready.unschedulable',
    message: `No node takes the ${where}: ${reason}`,
    remedy: first
      ? `Free ${first.pressure ?? ''} on the node ${first.name}; the step is tried again. Kubernetes keeps pods away for up to five minutes more (10 s on the embedded cluster).`
      : 'Free CPU or memory on the nodes, add a node, or lower the requests of the component.',
    evidence: nodes.map(({ name, taints }) => `node ${name} has the taint ${taints.join(', ')}`),
    retryable: pressed.length > 0,
  });
}

function imageFailure(
  where: string,
  { image, container, reason, passing, rateLimited }: PodTrouble,
): TracewrightError {
  const remedy = rateLimited
    ? 'The registry limits how often it may be asked. Wait, log in to the registry, or use a mirror; the step is tried again.'
    : passing
      ? 'The registry does not answer. Look at the network of the nodes; the step is tried again.'
      : 'Correct the name or tag of the image, or give the cluster the credentials of its registry, then retry.';
  return new TracewrightError({
    type: 'ready.image-pull',
    message: `The image ${image ?? ''} of the container ${container ?? ''} in the ${where} cannot be pulled: ${redact(reason)}`,
    remedy,
    retryable: passing ?? false,
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
