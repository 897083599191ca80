import {
  classifyRelease,
  type DesiredRelease,
  type ReleasePolicy,
  type ReleaseRef,
  type ReleaseVerdict,
} from '../../domain/release.js';
import type { KubernetesObjectSpec, ReleaseSpec } from '../../domain/stack.js';
import { isApiError } from '../kubernetes/api-error.js';
import { referencesOf } from '../kubernetes/apply.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import { diffObjects, diffText, type ObjectDiff } from '../kubernetes/diff.js';
import { describe, type KubernetesObject, type ObjectReference } from '../kubernetes/objects.js';
import { readObject } from '../kubernetes/observe.js';
import { chartFingerprint } from './fingerprint.js';
import type { Helm, HelmCall } from './helm.js';
import { releaseObjects } from './release-objects.js';
import { observeRelease, type ReleaseRecord } from './release-record.js';

/** How a release compares with what it should be: the one answer for `up`, `plan`, the check and the diagnosis. */
export interface ReleaseDiff extends ReleaseVerdict {
  /** `undefined` where helm knows of no such release. */
  readonly record: ReleaseRecord | undefined;
  readonly installed: InstalledDiff;
}

/** What became of the objects of a release since helm made them. */
export interface InstalledDiff {
  /** Helm makes them again, by an upgrade. */
  readonly gone: readonly ObjectReference[];
  /** They are put back. */
  readonly changed: readonly ObjectDiff[];
  /** Their pods run with a configuration that was put back since. */
  readonly outdated: readonly OutdatedWorkload[];
}

export interface OutdatedWorkload {
  readonly reference: ObjectReference;
  /** When its configuration was put back last, by the cluster's clock: the value of `readsAnnotation` to be. */
  readonly since: string;
}

/** How far to look beyond helm's own record: at all objects, only for who has to read what was put back, or not. */
export type DiffDepth = 'objects' | 'outdated' | 'record';

/**
 * Reads helm's record and the objects of the release, and says what has to be done. Changes nothing.
 * @throws TracewrightError `cluster.unreachable`, `release.failed` for a record that cannot be read
 */
export async function diffRelease(
  kube: Kubernetes,
  release: ReleaseRef,
  desired: DesiredRelease,
  policy: ReleasePolicy,
  { depth = 'objects', signal }: { depth?: DiffDepth; signal?: AbortSignal | undefined } = {},
): Promise<ReleaseDiff> {
  const record = await observeRelease(kube, release, signal);
  const installed = record ? await diffInstalled(kube, record, { depth, signal }) : nothing;
  const observed = record && { ...record, ...inWords(installed) };
  return { record, installed, ...classifyRelease(observed, desired, policy) };
}

const nothing: InstalledDiff = { gone: [], changed: [], outdated: [] };

/**
 * What a release should become, from its chart and values. Reads only the chart.
 * @param release `chartPath`: a chart folder or .tgz
 * @throws TracewrightError `chart.not-found`, and what `helm show` throws
 */
export async function desiredRelease(
  helm: Helm,
  {
    chartPath,
    values,
    wholeNumbers,
    environment,
  }: Pick<DesiredRelease, 'values' | 'environment'> &
    Partial<Pick<ReleaseSpec, 'wholeNumbers'>> & { readonly chartPath: string },
  { owner, signal }: Pick<HelmCall, 'owner' | 'signal'>,
): Promise<DesiredRelease> {
  const { images } = helm;
  const more = Object.entries({ images, wholeNumbers }).filter(([, it]) => it !== undefined);
  const [chart, fingerprint] = await Promise.all([
    helm.showChart(chartPath, { owner, signal }),
    chartFingerprint(chartPath, more.length > 0 ? { values, ...Object.fromEntries(more) } : values),
  ]);
  return { chartName: chart.name, chartVersion: chart.version, values, fingerprint, environment };
}

/** They may go by themselves when they have ended, and nobody can change them. */
const ephemeral = 'Job';

/** Operators write into these, whatever the chart has: certificates, and when a webhook counts. */
const operatorManagedKinds = new Set([
  'CustomResourceDefinition',
  'APIService',
  'MutatingWebhookConfiguration',
  'ValidatingWebhookConfiguration',
]);

/**
 * What somebody has deleted or changed by hand. Hooks come and go and are none of it; nor are fields that the chart does
 * not mention, what nobody can change any more, and what we may not look at. Changes nothing.
 * @throws TracewrightError `cluster.unreachable`
 */
export async function diffInstalled(
  kube: Kubernetes,
  record: ReleaseRecord,
  { depth = 'objects', signal }: { depth?: DiffDepth; signal?: AbortSignal | undefined } = {},
): Promise<InstalledDiff> {
  if (depth === 'record') return nothing;
  const { namespace } = record;
  const objects = releaseObjects(record.manifest, record).filter(({ kind }) => kind !== ephemeral);
  const operated = objects.filter(({ kind }) => operatorManagedKinds.has(kind));
  const others = objects.filter(({ kind }) => !operatorManagedKinds.has(kind));
  const look = depth === 'objects' ? others : [];
  const [diffs, goneOperated, outdated] = await Promise.all([
    Promise.all(look.map((object) => visible(() => diffObjects(kube, [object], { namespace, signal })))),
    visible(() => absentOf(kube, depth === 'objects' ? operated : [], namespace, signal)),
    visible(() => outdatedWorkloads(kube, objects, namespace, signal)),
  ]);
  const gone = diffs.flat().filter(({ state }) => state === 'absent');
  return {
    gone: [...gone.map(({ reference }) => reference), ...goneOperated],
    changed: diffs.flat().filter(({ state }) => state === 'different'),
    outdated,
  };
}

/** In words, as `ObservedRelease` has them. */
function inWords({ gone, changed, outdated }: InstalledDiff): Record<keyof InstalledDiff, string[]> {
  return {
    gone: gone.map(describe),
    changed: changed.map(diffText),
    outdated: outdated.map(({ reference }) => describe(reference)),
  };
}

async function absentOf(
  kube: Kubernetes,
  objects: readonly KubernetesObjectSpec[],
  namespace: string,
  signal: AbortSignal | undefined,
): Promise<ObjectReference[]> {
  const references = await referencesOf(kube, objects, namespace, signal);
  const live = await Promise.all(references.map((reference) => readObject(kube, reference, signal)));
  return references.filter((_, index) => live[index] === undefined);
}

/** What may not be looked at is taken for what it should be. */
async function visible<T>(look: () => Promise<T[]>): Promise<T[]> {
  try {
    return await look();
  } catch (error) {
    if (isApiError(error, 403)) return [];
    throw error;
  }
}

/** Who notes that objects were put back, in the words of server-side apply. It owns that note and nothing else. */
export const putBackManager = 'tracewright-put-back';
export const putBackAnnotation = 'tracewright.dev/put-back-at';

/** On the pods of a workload: when the newest configuration was put back that they have read. */
export const readsAnnotation = 'tracewright.dev/reads-configuration-of';

/** By these names pods refer to what they read. */
const referringKeys: Readonly<Record<string, 'ConfigMap' | 'Secret'>> = {
  configMap: 'ConfigMap',
  configMapRef: 'ConfigMap',
  configMapKeyRef: 'ConfigMap',
  secret: 'Secret',
  secretRef: 'Secret',
  secretKeyRef: 'Secret',
};
const workloadKinds = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

/** What programs read when they start. */
export function isConfiguration({ kind }: { readonly kind: string }): boolean {
  return kind === 'ConfigMap' || kind === 'Secret';
}

/**
 * The workloads among the objects whose pods may run with a ConfigMap or Secret as it was before Tracewright put it
 * back: programs read them when they start. Told by what the cluster notes, so that a restart is not forgotten when
 * whoever put them back was killed.
 */
async function outdatedWorkloads(
  kube: Kubernetes,
  objects: readonly KubernetesObjectSpec[],
  namespace: string,
  signal?: AbortSignal,
): Promise<OutdatedWorkload[]> {
  const read = async (part: readonly KubernetesObjectSpec[]) => {
    const references = await referencesOf(kube, part, namespace, signal);
    const live = await Promise.all(references.map((reference) => readObject(kube, reference, signal)));
    return references.map((reference, index) => ({ reference, live: live[index] }));
  };
  const putBack = new Map<string, string>();
  for (const { reference, live } of await read(objects.filter(isConfiguration))) {
    const at = live && putBackAt(live);
    if (at !== undefined) putBack.set(`${reference.kind}/${reference.name}`, at);
  }
  if (putBack.size === 0) return [];
  const readers = await read(objects.filter(({ kind }) => workloadKinds.has(kind)));
  return readers.flatMap(({ reference, live }) => {
    const { template } = (live?.['spec'] ?? {}) as { readonly template?: PodTemplate };
    const times = [...namesReadBy(template)].flatMap((name) => putBack.get(name) ?? []);
    const since = times.toSorted().at(-1);
    const isKnown = since === undefined || template?.metadata?.annotations?.[readsAnnotation] === since;
    return isKnown ? [] : [{ reference, since }];
  });
}

interface PodTemplate {
  readonly metadata?: { readonly annotations?: Readonly<Record<string, string>> };
}

/** By the cluster's own clock; what the annotation says is for people. */
function putBackAt({ metadata }: KubernetesObject): string | undefined {
  if (metadata.annotations?.[putBackAnnotation] === undefined) return undefined;
  return metadata.managedFields?.find(({ manager }) => manager === putBackManager)?.time;
}

/** `ConfigMap/tempo`, `Secret/grafana`: what a pod refers to anywhere in its specification. */
function* namesReadBy(part: unknown): Generator<string> {
  if (typeof part !== 'object' || part === null) return;
  for (const [key, value] of Object.entries(part)) {
    const kind = referringKeys[key];
    const { name, secretName } = (kind === undefined ? {} : (value ?? {})) as {
      name?: string;
      secretName?: string;
    };
    const read = secretName ?? name;
    if (kind !== undefined && read !== undefined) yield `${kind}/${read}`;
    yield* namesReadBy(value);
  }
}
