import { selects, type ClusterEvent, type ObjectMeta, type Pod } from '../../tools/kubernetes/objects.js';
import { activityOf } from '../../tools/kubernetes/ready/pods.js';
import { redact } from '../../tools/redact.js';
import type { PartFacts, PodFacts, WorkloadFacts } from './facts.js';
import type { Found, Reader } from './reader.js';
import { readService, type ReadService, type ServiceName } from './read-service.js';

interface PodSpec {
  readonly containers: readonly {
    readonly name: string;
    readonly image?: string;
    readonly args?: readonly string[];
    readonly env?: readonly {
      readonly name: string;
      readonly value?: string;
      readonly valueFrom?: unknown;
    }[];
  }[];
  readonly volumes?: readonly { readonly configMap?: { readonly name?: string } }[];
}

interface Workload {
  readonly metadata: ObjectMeta;
  readonly spec: {
    readonly replicas?: number;
    readonly template: { readonly metadata?: Pick<ObjectMeta, 'labels'>; readonly spec: PodSpec };
  };
}

type NamedWorkload = Workload & { readonly kind: (typeof kinds)[number] };

const kinds = ['deployment', 'statefulset', 'daemonset'] as const;

/** Lines of a crashed container. The exit of a collector with a wrong configuration is the last of them. */
const crashLines = 8;

/** A part of the stack as it was read, with what only further reading needs. */
export interface Part extends PartFacts {
  readonly service: Found<ReadService>;
  readonly pods: readonly Pod[];
  /** Of the ConfigMaps that its pods mount. */
  readonly configMaps: readonly string[];
}

/** A Service with its endpoints, its pods, and the workload that makes them. */
export async function readPart(read: Reader, address: ServiceName): Promise<Part> {
  const service = await readService(read, address);
  if (service === undefined || service === 'absent')
    return { service, workload: undefined, pods: [], configMaps: [] };
  const { namespace } = address;
  const [workloads, pods, events] = await Promise.all([
    workloadsFor(read, namespace, service.selector),
    podsFor(read, namespace, service.selector),
    read.list<ClusterEvent>(`/api/v1/namespaces/${namespace}/events`),
  ]);
  if (!workloads || !pods) return { service, workload: undefined, pods: pods ?? [], configMaps: [] };
  const [found] = workloads;
  if (!found) return { service, workload: pods.length === 0 ? 'absent' : undefined, pods, configMaps: [] };
  return {
    service,
    workload: await workloadFacts(read, found, pods, events ?? []),
    pods,
    configMaps: (found.spec.template.spec.volumes ?? []).flatMap(({ configMap }) => configMap?.name ?? []),
  };
}

async function workloadsFor(
  read: Reader,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Promise<readonly NamedWorkload[] | undefined> {
  const lists = await Promise.all(
    kinds.map(async (kind) => {
      const all = await read.list<Workload>(`/apis/apps/v1/namespaces/${namespace}/${kind}s`);
      return all?.map((workload) => ({ ...workload, kind }));
    }),
  );
  if (lists.some((list) => list === undefined)) return undefined;
  return lists
    .flatMap((list) => list ?? [])
    .filter(({ spec }) => selects({ matchLabels: labels }, spec.template.metadata?.labels));
}

async function podsFor(
  read: Reader,
  namespace: string,
  labels: Readonly<Record<string, string>>,
): Promise<readonly Pod[] | undefined> {
  const labelSelector = Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
  const pods = await read.list<Pod>(`/api/v1/namespaces/${namespace}/pods`, { labelSelector });
  return pods?.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
}

async function workloadFacts(
  read: Reader,
  { kind, metadata, spec }: NamedWorkload,
  pods: readonly Pod[],
  events: readonly ClusterEvent[],
): Promise<WorkloadFacts> {
  const [container] = spec.template.spec.containers;
  const owner = metadata.ownerReferences?.[0];
  return {
    name: `${kind}/${metadata.name}`,
    owner: owner && `${owner.kind} ${owner.name}`,
    replicas: kind === 'daemonset' ? 1 : (spec.replicas ?? 1),
    image: container?.image ?? '',
    args: container?.args ?? [],
    env: Object.fromEntries(
      (container?.env ?? []).map(({ name, value, valueFrom }) => [name, valueFrom ? '$' : (value ?? '')]),
    ),
    pods: await Promise.all(pods.map((pod) => podFacts(read, pod, events))),
  };
}

async function podFacts(read: Reader, pod: Pod, events: readonly ClusterEvent[]): Promise<PodFacts> {
  const { name } = pod.metadata;
  const trouble = activityOf(
    pod,
    events.filter(({ involvedObject }) => involvedObject.kind === 'Pod' && involvedObject.name === name),
  );
  const ready =
    pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  return { name, ready, trouble, lastLines: ready ? [] : await lastLines(read, pod) };
}

/** Of the container that has crashed; none when none has. */
async function lastLines(read: Reader, { metadata, status }: Pod): Promise<readonly string[]> {
  const crashed = status?.containerStatuses?.find(
    ({ state, restartCount = 0 }) => state?.terminated !== undefined || (restartCount > 0 && !state?.running),
  );
  if (!crashed) return [];
  const path = `/api/v1/namespaces/${String(metadata.namespace)}/pods/${metadata.name}/log`;
  const text = await read.text(path, {
    container: crashed.name,
    tailLines: crashLines,
    previous: crashed.state?.terminated === undefined ? 'true' : 'false',
  });
  return linesOf(text ?? '');
}

/**
 * The last three of those lines that differ in more than their time (`2026/11/26 09:36:29 …`, `ts=2026-11-26T09:36:29Z
 * …`).
 */
export function newestOf(lines: readonly string[]): string[] {
  const byText = new Map<string, string>();
  for (const line of lines) {
    const text = line.replace(/^(?:ts=\S+|[\d/]+ [\d:.]+) /u, '');
    byText.delete(text);
    byText.set(text, line);
  }
  return [...byText.values()].slice(-3);
}

/** Without secrets, none of them longer than a line of a terminal or three. */
export function linesOf(text: string): string[] {
  return redact(text)
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.slice(0, 300));
}
