import type { ObjectPreview, StepPreview } from '../domain/preview.js';
import {
  classifyRelease,
  consentIn,
  foreignRefusal,
  releaseName,
  type ReleasePolicy,
  type ReleaseVerdict,
} from '../domain/release.js';
import type { ChartSource, KubernetesObjectSpec, ReleaseSpec } from '../domain/stack.js';
import { desiredRelease } from '../tools/helm/desired.js';
import { handChanges, inWords } from '../tools/helm/hand-changes.js';
import type { Helm } from '../tools/helm/helm.js';
import { observeRelease, type ReleaseRecord } from '../tools/helm/release-record.js';
import { fieldManager, referencesOf } from '../tools/kubernetes/apply.js';
import { helmAnnotations } from '../tools/kubernetes/component-pods.js';
import { compareObject, compareRemoval } from '../tools/kubernetes/compare.js';
import { describe, type ObjectReference } from '../tools/kubernetes/objects.js';
import { parseManifests } from '../tools/kubernetes/manifests.js';
import type { ClusterLook, Look } from './look.js';

type Findings = Pick<StepPreview, 'action' | 'what' | 'detail' | 'failure' | 'objects'>;

/**
 * What `up` would do with a release: the same observation and the same rules.
 * @throws TracewrightError as `locateChart` and helm do
 */
export async function previewRelease(look: Look, component: string, release: ReleaseSpec): Promise<Findings> {
  const { cluster, call, environment } = look;
  const name = { namespace: release.namespace, name: releaseName(component, release) };
  const record = cluster && (await observeRelease(cluster.kube, name, call.signal));
  const changed = cluster && record && (await handChanges(cluster.kube, record, call.signal));
  const policy = policyOf(look);
  // That somebody else has it is known before its chart is.
  const failure = record && foreignRefusal(record, { ...policy, environment });
  if (failure) return { action: 'refuse', failure };
  const helm = await look.openHelm(release);
  const chartPath = await look.locateChart(release, helm);
  const desired = await desiredRelease(helm, { chartPath, values: release.values, environment }, call);
  const what = `${desired.chartName} ${desired.chartVersion}`;
  if (!cluster) return { action: 'create', what };
  const found = {
    what,
    ...findingsOf(
      classifyRelease(record && { ...record, ...(changed && inWords(changed)) }, desired, policy),
      record,
    ),
  };
  if (found.action === 'none') return found;
  return { ...found, objects: await changes(look, cluster, { helm, chartPath, release, name }, record) };
}

function policyOf({ spec, cluster }: Look): ReleasePolicy {
  return {
    consent: consentIn(cluster),
    adopt: spec.adopt ?? false,
    now: Date.now(),
  };
}

function findingsOf({ action }: ReleaseVerdict, record: ReleaseRecord | undefined): Findings {
  switch (action.kind) {
    case 'none':
      return { action: 'none', detail: `revision ${String(record?.revision)}` };
    case 'install':
      return { action: 'create' };
    case 'upgrade':
      return { action: 'change', detail: action.differences.join(', ') };
    case 'put-back':
      return { action: 'change', detail: `put back: ${action.differences.join(', ')}` };
    case 'restart':
      return {
        action: 'change',
        detail: `restart, as it reads what was put back: ${action.workloads.join(', ')}`,
      };
    case 'uninstall-then-install':
      return {
        action: 'repair',
        detail: `it is ${record?.status ?? 'gone'}: uninstalled, then installed anew`,
      };
    case 'rollback-then-upgrade':
      return {
        action: 'repair',
        detail: `it is ${record?.status ?? 'gone'}: rolled back to revision ${String(action.toRevision)}, then upgraded`,
      };
    case 'wait':
      return { action: 'repair', detail: `another helm works on it (${record?.status ?? ''})` };
    case 'refuse':
      return { action: 'refuse', failure: action.failure };
  }
}

interface Rendering {
  readonly helm: Helm;
  readonly chartPath: string;
  readonly release: ReleaseSpec;
  readonly name: { readonly namespace: string; readonly name: string };
}

/** Of the objects that helm sends and those of the chart's `crds/`; hooks come and go, and are left out. */
async function changes(
  { call }: Look,
  { kube, version }: ClusterLook,
  { helm, chartPath, release, name }: Rendering,
  record: ReleaseRecord | undefined,
): Promise<ObjectPreview[]> {
  const { signal } = call;
  const apiVersions = await servedVersions(kube, signal);
  const [rendered, definitions] = await Promise.all([
    helm.template(
      { ...name, chartPath, values: release.values, kubeVersion: version, apiVersions },
      { signal },
    ),
    helm.showCrds(chartPath, { signal }),
  ]);
  const objects = parseManifests(rendered).filter((object) => !isHook(object));
  const compare = async (
    wanted: readonly KubernetesObjectSpec[],
    manager: string,
  ): Promise<(ObjectPreview | undefined)[]> => {
    const references = await referencesOf(kube, wanted, name.namespace, signal);
    return Promise.all(
      wanted.map((object, index) =>
        compareObject(kube, object, references[index] as ObjectReference, { fieldManager: manager, signal }),
      ),
    );
  };
  const before = await referencesOf(kube, parseManifests(record?.manifest ?? ''), name.namespace, signal);
  const after = new Set((await referencesOf(kube, objects, name.namespace, signal)).map(describe));
  const gone = before.filter((reference) => !after.has(describe(reference)));
  const found = await Promise.all([
    compare(parseManifests(definitions), fieldManager),
    compare(
      objects.map((object) => asOfHelm(object, name)),
      'helm',
    ),
    Promise.all(gone.map((reference) => compareRemoval(kube, reference, signal))),
  ]);
  return found.flat().filter((it) => it !== undefined);
}

/** What charts ask for with `.Capabilities.APIVersions`; helm itself would take those of its own build. */
async function servedVersions(kube: ClusterLook['kube'], signal: AbortSignal | undefined): Promise<string[]> {
  const { groups } = await kube.json<{
    groups: readonly { readonly versions: readonly { readonly groupVersion: string }[] }[];
  }>({ path: '/apis', signal });
  return groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion));
}

function isHook({ metadata }: KubernetesObjectSpec): boolean {
  return 'helm.sh/hook' in ((metadata['annotations'] ?? {}) as Record<string, string>);
}

/** With what helm puts on every object of a release, and a rendering does not show. */
function asOfHelm(object: KubernetesObjectSpec, name: Rendering['name']): KubernetesObjectSpec {
  const { labels, annotations } = object.metadata as Record<string, Record<string, string> | undefined>;
  return {
    ...object,
    metadata: {
      ...object.metadata,
      labels: { ...labels, 'app.kubernetes.io/managed-by': 'Helm' },
      annotations: {
        ...annotations,
        [helmAnnotations.name]: name.name,
        [helmAnnotations.namespace]: name.namespace,
      },
    },
  };
}

/** `tempo 1.0.0`, as the stack file says it; what is not there comes from the chart itself. */
export function chartText(chart: ChartSource): string | undefined {
  if ('repository' in chart) return `${chart.name} ${chart.version}`;
  if ('oci' in chart) return `${chart.oci.split('/').at(-1) ?? chart.oci} ${chart.version}`;
  return 'embedded' in chart ? chart.embedded : undefined;
}
