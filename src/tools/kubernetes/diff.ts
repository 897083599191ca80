import { isTracewrightError, type TracewrightError } from '../../domain/failure.js';
import { canonicalJson } from '../../domain/release.js';
import type { KubernetesObjectSpec } from '../../domain/stack.js';
import { ApiError, isApiError } from './api-error.js';
import { applyFailure, referencesOf, requireOurs } from './apply.js';
import type { Kubernetes } from './connection.js';
import { describe, type KubernetesObject, type ObjectList, type ObjectReference } from './objects.js';
import { readObject } from './observe.js';
import { labelsOf, type Owner } from './ownership.js';
import { serverSideApply } from './server-side-apply.js';

/** How an object compares with what it should be. */
export interface ObjectDiff {
  readonly reference: ObjectReference;
  /**
   * - `absent`, `equal`, `different`: what the words say
   * - `foreign`: somebody else's, and not to be taken over
   * - `broken`: the API server does not take what it should be, as it differs in what cannot be changed; or, with a
   *   transient failure, it cannot tell, as a webhook does not answer
   */
  readonly state: 'absent' | 'equal' | 'different' | 'foreign' | 'broken';
  /** What it should be: as given, but with the replicas that an autoscaler has set. */
  readonly desired: KubernetesObjectSpec;
  /** Where it differs: `spec.template.spec.containers[0].image`. */
  readonly fields: readonly string[];
  /** The object now, and as it would be, without what nobody wrote. */
  readonly now?: ComparableObject;
  readonly then?: ComparableObject;
  /** Why it is foreign or broken. */
  readonly failure?: TracewrightError;
}

export type ComparableObject = Readonly<Record<string, unknown>>;

export interface DiffOptions {
  /** For the objects that name none themselves. */
  readonly namespace: string;
  /** Whose objects they are to become; without it whoever has them is not asked. */
  readonly owner?: Owner | undefined;
  readonly adopt?: boolean | undefined;
  /** In whose name they will be applied. @default one of its own, so that nothing counts as given up */
  readonly fieldManager?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Compares objects with what they should be, in the order given. The API server itself says what applying them would
 * change (a dry run), so that defaults and other spellings of the same value are no difference; nor is what the objects
 * do not mention. Changes nothing.
 * @throws TracewrightError `cluster.unreachable`, `cluster.forbidden`
 */
export async function diffObjects(
  kube: Kubernetes,
  objects: readonly KubernetesObjectSpec[],
  options: DiffOptions,
): Promise<ObjectDiff[]> {
  const references = await referencesOf(kube, objects, options.namespace, options.signal);
  return Promise.all(
    objects.map((object, index) => diffObject(kube, object, references[index] as ObjectReference, options)),
  );
}

async function diffObject(
  kube: Kubernetes,
  given: KubernetesObjectSpec,
  reference: ObjectReference,
  { owner, adopt = false, fieldManager = 'tracewright-diff', signal }: DiffOptions,
): Promise<ObjectDiff> {
  const live = await readObject(kube, reference, signal);
  const object = owner ? withLabels(given, owner) : given;
  const diff = { reference, desired: object, fields: [] };
  if (!live) return { ...diff, state: 'absent', then: object };
  const now = comparable(live);
  try {
    if (owner) requireOurs(reference, live, { owner, adopt });
    const then = comparable(
      await serverSideApply(kube, object, reference, { fieldManager, dryRun: true, signal }),
    );
    const paths = differentPaths(now, then, mentionedBy(object)).filter((path) => !isInjected(path));
    const autoscaled = paths.includes(replicasPath) && (await isAutoscaled(kube, reference, signal));
    const fields = autoscaled ? paths.filter((path) => path !== replicasPath) : paths;
    if (fields.length === 0) return { ...diff, state: 'equal' };
    const desired = autoscaled ? withReplicasOf(live, object) : object;
    return { ...diff, state: 'different', desired, fields, now, then };
  } catch (error) {
    if (isTracewrightError(error) && error.type === 'manifest.foreign')
      return { ...diff, state: 'foreign', failure: error };
    if (!(error instanceof ApiError) || [401, 403].includes(error.status)) throw error;
    return { ...diff, state: 'broken', now, failure: applyFailure(error, reference) as TracewrightError };
  }
}

/** So many differences are named; what is wrong shows in them. */
const namedFields = 3;

/** `Deployment tracing/tempo differs in spec.replicas`; never values, which may be secret. Empty when it is equal. */
export function diffText({ reference, state, fields, failure }: ObjectDiff): string {
  const what = describe(reference);
  switch (state) {
    case 'absent':
      return `${what} is gone`;
    case 'different':
      return `${what} differs in ${fields.slice(0, namedFields).join(', ')}`;
    case 'foreign':
      return failure?.message ?? `${what} belongs to somebody else`;
    case 'broken':
      return failure?.retryable
        ? `${what} cannot be compared: ${failure.message}`
        : `${what} differs in what cannot be changed`;
    case 'equal':
      return '';
  }
}

/** Whether the API server could not tell how the object compares: then nothing says that somebody changed it. */
export function isUnknown({ state, failure }: ObjectDiff): boolean {
  return state === 'broken' && failure?.retryable === true;
}

/** Object with our labels on it. */
function withLabels(object: KubernetesObjectSpec, owner: Owner): KubernetesObjectSpec {
  const labels = object.metadata['labels'] as Record<string, string> | undefined;
  return { ...object, metadata: { ...object.metadata, labels: { ...labels, ...labelsOf(owner) } } };
}

/** Without what the server counts and notes, and what controllers report: what is left is what somebody wrote. */
function comparable({ metadata, status: _, ...rest }: KubernetesObject): ComparableObject {
  const { resourceVersion: __, generation: ___, managedFields: ____, ...kept } = metadata;
  return { ...rest, metadata: kept };
}

/** Certificates of webhooks are written by whoever issues them, whatever a chart has in their place. */
const isInjected = (path: string): boolean => path.endsWith('.caBundle');

/** The object as the API server answers it: what a Secret says in `stringData` comes back in `data`. */
function mentionedBy({ stringData, ...object }: KubernetesObjectSpec): KubernetesObjectSpec {
  if (!isRecord(stringData)) return object;
  const { data } = object;
  return { ...object, data: { ...(isRecord(data) && data), ...stringData } };
}

/**
 * Where an object differs from what it would be: `spec.template.spec.containers[0].image`. What would be
 * written there though `mentioned` does not have it is no difference: a mutating webhook writes it, which was not there yet
 * when the object was made (that of kube-prometheus-stack comes after the chart's rules). What would go is one: it was
 * given up.
 */
function differentPaths(now: unknown, then: unknown, mentioned: unknown, path = ''): string[] {
  if (canonicalJson(now ?? null) === canonicalJson(then ?? null)) return [];
  if (Array.isArray(now) && Array.isArray(then) && now.length === then.length)
    return now.flatMap((item, index) =>
      differentPaths(item, then[index], mentionedItem(mentioned, then, index), `${path}[${String(index)}]`),
    );
  if (isRecord(now) && isRecord(then)) {
    const keys = [...new Set([...Object.keys(now), ...Object.keys(then)])];
    return keys.flatMap((key) => {
      const inner = isRecord(mentioned) ? mentioned[key] : mentioned === undefined ? undefined : then[key];
      return differentPaths(now[key], then[key], inner, path === '' ? key : `${path}.${key}`);
    });
  }
  const isByAdmission = mentioned === undefined && then !== undefined && !isShorter(then, now);
  return isByAdmission ? [] : [path];
}

/** Lists are merged with those of others: only where they are as long, an item is known by its place. */
function mentionedItem(mentioned: unknown, then: readonly unknown[], index: number): unknown {
  if (mentioned === undefined) return undefined;
  return Array.isArray(mentioned) && mentioned.length === then.length ? mentioned[index] : then[index];
}

const isShorter = (one: unknown, other: unknown): boolean =>
  Array.isArray(one) && Array.isArray(other) && one.length < other.length;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const replicasPath = 'spec.replicas';

interface Autoscaler {
  readonly spec: { readonly scaleTargetRef: { readonly kind: string; readonly name: string } };
}

/** Whether the number of the workload's replicas is that of a HorizontalPodAutoscaler, whatever else says. */
async function isAutoscaled(
  kube: Kubernetes,
  { kind, name, namespace }: ObjectReference,
  signal?: AbortSignal,
): Promise<boolean> {
  const path = `/apis/autoscaling/v2/namespaces/${namespace ?? ''}/horizontalpodautoscalers`;
  try {
    const { items } = await kube.json<ObjectList<Autoscaler>>({ path, signal });
    return (items ?? []).some(
      ({ spec: { scaleTargetRef: target } }) => target.kind === kind && target.name === name,
    );
  } catch (error) {
    // Whoever may not look at autoscalers has none.
    if (isApiError(error, 403, 404)) return false;
    throw error;
  }
}

function withReplicasOf(live: KubernetesObject, object: KubernetesObjectSpec): KubernetesObjectSpec {
  const { replicas } = live['spec'] as { readonly replicas?: number };
  return { ...object, spec: { ...(object['spec'] as object), replicas } };
}
