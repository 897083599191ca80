import { type ClusterEvent, type ObjectMeta, type Pod, selects } from '../../tools/kubernetes/objects.js';
import { activityOf } from '../../tools/kubernetes/ready/pods.js';
import { redact } from '../../tools/redact.js';
import { addressText, type ServiceAddress } from '../cluster-access.js';
import { readService, type ReadService, type ServiceName } from './endpoint.js';
import type { PartFacts, PodFacts, WorkloadFacts } from './facts.js';
import type { Found, Reader } from './reader.js';

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

/** Of the parts of the stack, by the names that their images have everywhere. */
const mainImages = /hotrod|otelcol|opentelemetry-collector|tempo|trace-store|grafana/u;

/** Lines of a crashed container. The exit of a collector with a wrong configuration is the last of them. */
const lastLineCount = 8;

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
  const { containers } = spec.template.spec;
  // Injected sidecars may stand in front of it.
  const container = containers.find(({ image = '' }) => mainImages.test(image)) ?? containers[0];
  const owner = metadata.ownerReferences?.[0];
  return {
    name: `${kind}/${metadata.name}`,
    owner: owner && `${owner.kind} ${owner.name}`,
    replicas: kind === 'daemonset' ? 1 : (spec.replicas ?? 1),
    image: container?.image ?? '',
    args: container?.args ?? [],
    hasSidecars:
      containers.length > 1 || pods.some((pod) => (pod.status?.containerStatuses?.length ?? 1) > 1),
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

/**
 * Of containers that were ended from outside, as by a power cut, a probe or a deletion: SIGKILL, SIGTERM, and what containerd
 * says of an end that it has not seen (`unknownExitCode` in its internal/cri/server).
 */
const endedFromOutside = [137, 143, 255];

/** Of the container that has crashed; none when none has. */
async function lastLines(read: Reader, { metadata, status }: Pod): Promise<readonly string[]> {
  const crashed = status?.containerStatuses?.find(({ state, lastState, restartCount = 0 }) => {
    const end = state?.terminated ?? lastState?.terminated;
    if (end && endedFromOutside.includes(end.exitCode) && end.reason !== 'OOMKilled') return false;
    return state?.terminated !== undefined || (restartCount > 0 && !state?.running);
  });
  if (!crashed) return [];
  const path = `/api/v1/namespaces/${String(metadata.namespace)}/pods/${metadata.name}/log`;
  const text = await read.text(path, {
    container: crashed.name,
    tailLines: lastLineCount,
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

/** Why a part of the stack gives no answer, as a sentence, and the fix. */
interface PartTrouble {
  readonly why: string;
  readonly fix: string;
  /** It may pass by itself: a pod that is starting. */
  readonly passing: boolean;
}

/** What keeps a part from answering at its Service; undefined when nothing is known to. */
export function partTrouble(
  title: string,
  address: ServiceAddress,
  part: PartFacts,
): PartTrouble | undefined {
  const { namespace, service: name, port } = address;
  const { service, workload } = part;
  const lasting = (why: string, fix: string): PartTrouble => ({ why, fix, passing: false });
  if (service === 'absent')
    return lasting(
      `There is no Service ${name} in the namespace ${namespace}.`,
      `Correct the name in the stack file (kubectl -n ${namespace} get services), or have the Service made again: tracewright up`,
    );
  if (service && !service.ports.includes(port))
    return lasting(
      `The Service ${name} in ${namespace} has no port ${String(port)}; it has ${service.ports.join(', ')}.`,
      `Correct the port in the stack file, or that of the Service: kubectl -n ${namespace} edit service ${name}`,
    );
  if (!workload) return undefined;
  if (workload === 'absent')
    return lasting(
      `No workload stands behind the Service ${name} in ${namespace}: no pod fits its selector${selectorText(service)}.`,
      `Correct the selector of the Service (kubectl -n ${namespace} edit service ${name}), or have made again what should stand behind it: tracewright up`,
    );
  if (workload.replicas === 0)
    return lasting(
      `${title} does not run: ${workload.name} in ${namespace} is scaled to 0.`,
      scaleUp(namespace, workload),
    );
  if (workload.pods.some(({ ready }) => ready)) return undefined;
  return podTrouble(title, namespace, workload);
}

function selectorText(service: PartFacts['service']): string {
  const labels = Object.entries((service && service !== 'absent' && service.selector) || {});
  return labels.length === 0 ? '' : ` ${labels.map((label) => label.join('=')).join(',')}`;
}

function scaleUp(namespace: string, { name, owner }: WorkloadFacts): string {
  return owner === undefined
    ? `kubectl -n ${namespace} scale ${name} --replicas=1`
    : `Set spec.replicas of the ${owner} in ${namespace} to 1: it makes ${name}.`;
}

function podTrouble(title: string, namespace: string, { name, pods }: WorkloadFacts): PartTrouble {
  const pod = pods.find(({ lastLines }) => lastLines.length > 0) ?? pods[0];
  if (!pod) {
    return {
      why: `${title} does not run: ${name} in ${namespace} has no pods.`,
      fix: `See why none is made: kubectl -n ${namespace} describe ${name}`,
      passing: true,
    };
  }
  const said = tellingLine(pod);
  const crashed = pod.lastLines.length > 0;
  return {
    why: `${title} does not run: pod ${pod.name}: ${pod.trouble ?? 'not ready'}${said === undefined ? '.' : `, and said: ${said}`}`,
    fix: crashed
      ? `Correct its configuration. Its log: kubectl -n ${namespace} logs ${pod.name} --previous`
      : `See what it waits for: kubectl -n ${namespace} describe pod ${pod.name}`,
    passing: !crashed,
  };
}

/**
 * Of the last words of a crash the most exact ones: errors go from the general to the special, then come stack traces.
 */
function tellingLine({ lastLines }: PodFacts): string | undefined {
  const index = lastLines.findLastIndex((line) => /error|fatal|panic|invalid|unknown|failed/iu.test(line));
  const line = lastLines.at(index);
  // "yaml: unmarshal errors:" leaves the point to the next line.
  return line?.endsWith(':') ? [line, lastLines[index + 1]?.trim()].join(' ').trim() : line;
}

/** A part in one line: its Service, what stands behind it and what its pods suffer from. */
export function partLine(title: string, address: ServiceAddress, { service, workload }: PartFacts): string[] {
  if (service === undefined) return [];
  const where = `${title}: Service ${addressText(address)}`;
  if (service === 'absent') return [`${where} does not exist`];
  const endpoints =
    service.readyEndpoints === undefined ? '' : `, ${String(service.readyEndpoints)} ready endpoints`;
  return [`${where}${endpoints}${workload === undefined ? '' : `, ${workloadText(workload)}`}`];
}

function workloadText(workload: WorkloadFacts | 'absent'): string {
  if (workload === 'absent') return 'no workload';
  const { name, image, replicas, pods } = workload;
  const ready = pods.filter((pod) => pod.ready).length;
  const troubles = pods.flatMap(({ name: pod, trouble }) =>
    trouble === undefined ? [] : [`${pod}: ${trouble}`],
  );
  return [`${name}, ${image}, ${String(ready)} of ${String(replicas)} pods ready`, ...troubles].join('; ');
}

/** The last words of its crashed containers. */
export function crashLines({ workload }: PartFacts): string[] {
  if (!workload || workload === 'absent') return [];
  return workload.pods.flatMap(({ name, lastLines }) => lastLines.map((line) => `${name}: ${line}`));
}
