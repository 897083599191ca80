import { imagePlaces } from '../domain/images.js';
import { isTracewrightError, TracewrightError, type Failure } from '../domain/failure.js';
import type { EnvironmentSpec } from '../domain/progress.js';
import type { StepPreview } from '../domain/preview.js';
import { consentIn, foreignRefusal, releaseName, type ReleaseRef } from '../domain/release.js';
import type {
  ChartSource,
  Component,
  KubernetesObjectSpec,
  ManifestsSpec,
  ReleaseSpec,
} from '../domain/stack.js';
import { desiredRelease, diffRelease, type ReleaseDiff } from '../tools/helm/diff.js';
import type { Helm, HelmCall } from '../tools/helm/helm.js';
import { helmManager, isNamed, releaseObjects } from '../tools/helm/release-objects.js';
import { observeRelease, type ReleaseRecord } from '../tools/helm/release-record.js';
import { releaseRoom } from '../tools/helm/release-size.js';
import { fieldManager, referencesOf } from '../tools/kubernetes/apply.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import { diffObjects } from '../tools/kubernetes/diff.js';
import { listWithoutItems, parseManifests } from '../tools/kubernetes/manifests.js';
import { describe } from '../tools/kubernetes/objects.js';
import { readObject } from '../tools/kubernetes/observe.js';
import { objectPreview, removalPreview } from './object-preview.js';

/** The cluster that an environment is, or would be, installed in. */
export interface ObservedCluster {
  readonly kube: Kubernetes;
  /** Such as `v1.34.4`. */
  readonly version: string;
  /** Whether Tracewright made the cluster. */
  readonly owned: boolean;
}

/** What a preview works with. */
export interface PreviewContext {
  readonly environment: string;
  readonly spec: Pick<EnvironmentSpec, 'stack' | 'adopt'>;
  /** `undefined` where there is no cluster yet: everything in it would be created. */
  readonly cluster: ObservedCluster | undefined;
  readonly call: HelmCall;
  openHelm(release: ReleaseSpec): Promise<Helm>;
  /** The chart on this machine: downloaded where it is not. */
  locateChart(release: ReleaseSpec, helm: Helm): Promise<string>;
}

export interface ComponentPreview extends Pick<
  StepPreview,
  'action' | 'what' | 'detail' | 'failure' | 'objects'
> {
  /** All that it would send to the cluster, definitions included; none where nothing is to be done. */
  readonly sends: readonly KubernetesObjectSpec[];
}

/**
 * What `up` would do with a component: the same diff and the same rules.
 * @throws TracewrightError as `locateChart` and helm do
 */
export async function previewComponent(
  context: PreviewContext,
  name: string,
  { release, manifests }: Component,
): Promise<ComponentPreview> {
  if (release) return previewRelease(context, name, release);
  return manifests ? previewManifests(context, name, manifests) : { action: 'none', sends: [] };
}

async function previewManifests(
  { environment, spec, cluster, call: { signal } }: PreviewContext,
  component: string,
  { namespace, objects }: ManifestsSpec,
): Promise<ComponentPreview> {
  if (!cluster) return { action: 'create', sends: objects };
  const owner = { environment, component };
  const { adopt } = spec;
  const diffs = await diffObjects(cluster.kube, objects, { namespace, owner, adopt, fieldManager, signal });
  const foreign = diffs.find(({ state }) => state === 'foreign')?.failure;
  if (foreign) return { action: 'refuse', failure: foreign.toFailure(), sends: [] };
  const changing = diffs.flatMap((diff) => objectPreview(diff) ?? []);
  const isNew = diffs.every(({ state }) => state === 'absent');
  const action = changing.length === 0 ? 'none' : isNew ? 'create' : 'change';
  return { action, objects: changing, sends: objects };
}

async function previewRelease(
  context: PreviewContext,
  component: string,
  release: ReleaseSpec,
): Promise<ComponentPreview> {
  const { cluster, call, environment, spec } = context;
  const name = { namespace: release.namespace, name: releaseName(component, release) };
  const policy = { consent: consentIn(cluster), adopt: spec.adopt ?? false, now: Date.now() };
  // That somebody else has it is known before its chart is.
  const known = cluster && (await observeRelease(cluster.kube, name, call.signal));
  const failure = known && foreignRefusal(known, { ...policy, environment });
  if (failure) return { action: 'refuse', failure, sends: [] };
  const helm = await context.openHelm(release);
  const chartPath = await context.locateChart(release, helm);
  const { values, wholeNumbers } = release;
  const desired = await desiredRelease(helm, { chartPath, values, wholeNumbers, environment }, call);
  const what = `${desired.chartName} ${desired.chartVersion}`;
  const rendering = { helm, chartPath, release, name };
  if (!cluster) {
    const sends = await rendered(context, rendering).catch(() => []);
    return { action: 'create', what, sends, ...(await roomFor(rendering, sends, call)) };
  }
  const diff = await diffRelease(cluster.kube, name, desired, policy, {
    signal: call.signal,
  });
  const found = { what, ...actionOf(diff) };
  if (found.action === 'none') return { ...found, sends: [] };
  const sends = await rendered(context, rendering);
  const unnamed = sends.find((object) => !isNamed(object));
  if (unnamed) return { ...found, action: 'refuse', failure: namelessFailure(component, unnamed), sends: [] };
  const room = await roomFor(rendering, sends, call);
  const detail = [found.detail, room.detail].filter((text) => text !== undefined).join('; ');
  return {
    ...found,
    ...room,
    ...(detail !== '' && { detail }),
    sends,
    objects: await changes(cluster, { sends, name, record: diff.record }, call),
  };
}

function namelessFailure(component: string, { kind }: KubernetesObjectSpec): Failure {
  return new TracewrightError({
    type: 'chart.unrenderable',
    message: `The chart of ${component} renders an object of the kind ${kind} without a name, which helm does not take.`,
    remedy: 'Give it a name in the values of the component or in the chart; to helm, generateName is none.',
  }).toFailure();
}

function hollowFailure({ name }: ReleaseRef, kind: string): TracewrightError {
  return new TracewrightError({
    type: 'chart.unrenderable',
    message: `The chart of the release ${name} renders a ${kind} whose items are null, which helm does not install.`,
    remedy:
      'Set in the values what the list is made of, or have the chart leave it out; helm takes `items: []`.',
  });
}

async function roomFor(
  { helm, chartPath, release: { values, wholeNumbers }, name }: Rendering,
  sends: readonly KubernetesObjectSpec[],
  call: HelmCall,
): Promise<Pick<StepPreview, 'detail' | 'failure'> & { readonly action?: 'refuse' }> {
  const room = await releaseRoom(helm, { ...name, chartPath, values, wholeNumbers }, sends, call);
  return room.failure
    ? { action: 'refuse', failure: room.failure.toFailure() }
    : { ...(room.detail !== undefined && { detail: room.detail }) };
}

function actionOf({ action, record }: ReleaseDiff): Pick<StepPreview, 'action' | 'detail' | 'failure'> {
  const status = record?.status ?? 'gone';
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
      return { action: 'repair', detail: `it is ${status}: uninstalled, then installed anew` };
    case 'rollback-then-upgrade':
      return {
        action: 'repair',
        detail: `it is ${status}: rolled back to revision ${String(action.toRevision)}, then upgraded`,
      };
    case 'wait':
      return { action: 'repair', detail: `another helm works on it (${status})` };
    case 'refuse':
      return { action: 'refuse', failure: action.failure };
  }
}

interface Rendering {
  readonly helm: Helm;
  readonly chartPath: string;
  readonly release: ReleaseSpec;
  readonly name: ReleaseRef;
}

/** The objects that helm sends and those of the chart's `crds/`; hooks come and go, and are left out. */
async function rendered(
  { cluster, call: { signal } }: PreviewContext,
  { helm, chartPath, release, name }: Rendering,
): Promise<KubernetesObjectSpec[]> {
  const { values, wholeNumbers } = release;
  const capabilities = cluster && {
    kubeVersion: cluster.version,
    apiVersions: await servedVersions(cluster.kube, signal),
  };
  const what = { ...name, chartPath, values, wholeNumbers, ...capabilities };
  const [objects, definitions] = await Promise.all([
    helm.template(what, { signal }).catch(async (error: unknown) => {
      // It may stumble over what it looks up, of which there is nothing unless the cluster is asked.
      if (!cluster || !isTracewrightError(error) || error.type !== 'chart.unrenderable') throw error;
      return helm.template({ ...what, looksUp: true }, { signal }).catch(() => {
        throw error;
      });
    }),
    helm.showCrds(chartPath, { signal }),
  ]);
  const hollow = listWithoutItems(objects);
  if (hollow !== undefined) throw hollowFailure(name, hollow);
  return [
    ...parseManifests(definitions),
    ...releaseObjects(objects, name).filter((object) => !isHook(object)),
  ];
}

async function changes(
  { kube }: ObservedCluster,
  {
    sends,
    name,
    record,
  }: {
    sends: readonly KubernetesObjectSpec[];
    name: ReleaseRef;
    record: ReleaseRecord | undefined;
  },
  { signal }: HelmCall,
): Promise<NonNullable<StepPreview['objects']>> {
  const { namespace } = name;
  const before = await referencesOf(kube, parseManifests(record?.manifest ?? ''), namespace, signal);
  const after = new Set((await referencesOf(kube, sends, namespace, signal)).map(describe));
  const gone = before.filter((reference) => !after.has(describe(reference)));
  const [diffs, leaving] = await Promise.all([
    diffObjects(kube, sends, { namespace, fieldManager: helmManager, signal }),
    Promise.all(gone.map((reference) => readObject(kube, reference, signal))),
  ]);
  return [
    ...diffs.flatMap((diff) => objectPreview(diff) ?? []),
    ...gone.filter((_, index) => leaving[index]).map(removalPreview),
  ];
}

/** What charts ask for with `.Capabilities.APIVersions`; helm itself would take those of its own build. */
async function servedVersions(kube: Kubernetes, signal: AbortSignal | undefined): Promise<string[]> {
  const { groups } = await kube.json<{
    groups: readonly { readonly versions: readonly { readonly groupVersion: string }[] }[];
  }>({ path: '/apis', signal });
  return groups.flatMap(({ versions }) => versions.map(({ groupVersion }) => groupVersion));
}

function isHook({ metadata }: KubernetesObjectSpec): boolean {
  return 'helm.sh/hook' in ((metadata['annotations'] ?? {}) as Record<string, string>);
}

/** What a component is, as the stack file says it: `tempo 1.0.0`, the images of manifests. */
export function componentText({ release, manifests }: Component): string | undefined {
  if (release) return chartText(release.chart);
  const images = [...new Set((manifests?.objects ?? []).flatMap(imagePlaces).map((it) => it.reference))];
  return images.length > 0 ? images.join(', ') : undefined;
}

function chartText(chart: ChartSource): string | undefined {
  if ('repository' in chart) return `${chart.name} ${chart.version}`;
  if ('oci' in chart) return `${chart.oci.split('/').at(-1) ?? chart.oci} ${chart.version}`;
  return 'embedded' in chart ? chart.embedded : undefined;
}
