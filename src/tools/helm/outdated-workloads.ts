import type { KubernetesObjectSpec } from '../../domain/stack.js';
import { referencesOf } from '../kubernetes/apply.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import type { KubernetesObject, ObjectReference } from '../kubernetes/objects.js';
import { observeObjects } from '../kubernetes/observe.js';

/** Who puts objects back, in the words of server-side apply. */
export const putBackManager = 'tracewright-put-back';

/** On the pods of a workload: when the newest configuration was put back that they have read. */
export const readsAnnotation = 'tracewright.dev/reads-configuration-of';

export interface OutdatedWorkload {
  readonly reference: ObjectReference;
  /** When its configuration was put back last, by the cluster's clock: the value of `readsAnnotation` to be. */
  readonly since: string;
}

/** By these names pods refer to what they read. */
const referringKeys: Readonly<Record<string, 'ConfigMap' | 'Secret'>> = {
  configMap: 'ConfigMap',
  configMapRef: 'ConfigMap',
  configMapKeyRef: 'ConfigMap',
  secret: 'Secret',
  secretRef: 'Secret',
  secretKeyRef: 'Secret',
};

/**
 * The workloads among the objects whose pods may run with a ConfigMap or Secret as it was before Tracewright put it
 * back: programs read them when they start. Told by what the cluster notes, so that a restart is not forgotten when
 * whoever put them back was killed.
 */
export async function outdatedWorkloads(
  kube: Kubernetes,
  objects: readonly KubernetesObjectSpec[],
  namespace: string,
  signal?: AbortSignal,
): Promise<OutdatedWorkload[]> {
  const configurations = objects.filter(({ kind }) => ['ConfigMap', 'Secret'].includes(kind));
  const putBack = new Map<string, string>();
  const references = await referencesOf(kube, configurations, namespace, signal);
  for (const live of await observeObjects(kube, references, signal)) {
    const at = live && putBackAt(live);
    if (at !== undefined) putBack.set(`${live?.kind ?? ''}/${live?.metadata.name ?? ''}`, at);
  }
  if (putBack.size === 0) return [];
  const readers = objects.filter(({ kind }) => ['Deployment', 'StatefulSet', 'DaemonSet'].includes(kind));
  const places = await referencesOf(kube, readers, namespace, signal);
  const live = await observeObjects(kube, places, signal);
  return places.flatMap((reference, index) => {
    const workload = live[index];
    const times = [...namesReadBy(podTemplateOf(workload))].flatMap((name) => putBack.get(name) ?? []);
    const since = times.toSorted().at(-1);
    return since === undefined || annotationOf(workload) === since ? [] : [{ reference, since }];
  });
}

function putBackAt({ metadata }: KubernetesObject): string | undefined {
  return metadata.managedFields?.find(
    ({ manager, operation }) => manager === putBackManager && operation === 'Apply',
  )?.time;
}

/** `ConfigMap/tempo`, `Secret/grafana`: what a pod refers to anywhere in its specification. */
function* namesReadBy(part: unknown): Generator<string> {
  if (typeof part !== 'object' || part === null) return;
  for (const [key, value] of Object.entries(part)) {
    const kind = referringKeys[key];
    const { name, secretName } = (kind === undefined ? {} : value) as { name?: string; secretName?: string };
    const read = secretName ?? name;
    if (kind !== undefined && read !== undefined) yield `${kind}/${read}`;
    yield* namesReadBy(value);
  }
}

interface PodTemplate {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
  readonly spec?: unknown;
}

function podTemplateOf(workload: KubernetesObject | undefined): PodTemplate | undefined {
  return (workload?.['spec'] as { readonly template?: PodTemplate } | undefined)?.template;
}

function annotationOf(workload: KubernetesObject | undefined): string | undefined {
  return podTemplateOf(workload)?.metadata?.annotations?.[readsAnnotation];
}
