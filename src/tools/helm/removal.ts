import { ownershipLabels } from '../../domain/names.js';
import type { ReleaseRef } from '../../domain/release.js';
import { referencesOf } from '../kubernetes/apply.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import { definitionKind } from '../kubernetes/definitions.js';
import { parseManifests } from '../kubernetes/manifests.js';
import type { ObjectReference } from '../kubernetes/objects.js';
import { listMetadata } from '../kubernetes/observe.js';
import { selectorOf } from '../kubernetes/ownership.js';
import { removeObjects, waitUntilGone } from '../kubernetes/removal.js';
import type { Helm, HelmCall } from './helm.js';
import { labelOrphans } from './orphans.js';
import { isKept, isNamed } from './release-objects.js';
import { observeRelease, type ReleaseRecord } from './release-record.js';

export interface ReleaseRemovalOptions extends ReleaseRef {
  readonly kube: Kubernetes;
  readonly helm: Helm;
  readonly environment: string;
  readonly component: string;
  /** For hooks, and for the objects to be gone, each. In milliseconds. @default 120000 */
  readonly timeoutMs?: number;
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly call?: HelmCall;
}

export interface ReleaseRemoval {
  /** `foreign`: a release of that name exists that is not ours, and was left alone. */
  readonly outcome: 'removed' | 'absent' | 'foreign';
  /**
   * CustomResourceDefinitions of ours that are still there: from `crds/`, or kept by policy. See `removeDefinitions`.
   */
  readonly definitions: readonly string[];
}

/**
 * Uninstalls the release if it is ours, in whatever state it is, and returns when its objects are gone.
 * @throws TracewrightError `removal.stuck` that names what stays and why, and what helm throws
 */
export async function removeRelease(options: ReleaseRemovalOptions): Promise<ReleaseRemoval> {
  const { kube, namespace, name, environment, onProgress, call } = options;
  const observed = await observeRelease(kube, { namespace, name }, call?.signal);
  if (!observed) return { outcome: 'absent', definitions: await ownDefinitions(options) };
  if (observed.labels[ownershipLabels.environment] !== environment)
    return { outcome: 'foreign', definitions: [] };
  onProgress?.('helm uninstalls');
  await uninstallRelease(observed, options);
  return { outcome: 'removed', definitions: await ownDefinitions(options) };
}

/**
 * Uninstalls a release, which must be ours, and returns when its objects, its pods and what it made besides are gone:
 * nothing of it may be mistaken for a part of the next one. CustomResourceDefinitions stay, with our labels.
 * @throws TracewrightError `removal.stuck` that names what stays and why, and what helm throws
 */
export async function uninstallRelease(
  record: ReleaseRecord,
  {
    kube,
    helm,
    environment,
    component,
    timeoutMs = 120_000,
    onProgress,
    call = {},
  }: Omit<ReleaseRemovalOptions, 'name' | 'namespace'>,
): Promise<void> {
  const { namespace, name } = record;
  const { signal, deadline } = call;
  const objects = parseManifests(record.manifest).filter((object) => !isKept(object));
  const named = objects.filter(isNamed);
  // Before the uninstall: afterwards the kinds of the chart's own definitions are unknown.
  const references = await referencesOf(kube, named, namespace, signal);
  const orphans = await labelOrphans(kube, record, { environment, component }, signal);
  const waiting = { timeoutMs, onProgress, signal, deadline };
  // Helm records an object without a name, fails to make it, and can never uninstall the release.
  if (named.length === objects.length) await helm.uninstall({ namespace, name, timeoutMs }, call);
  else await removeObjects(kube, [...references, ...recordsOf(record)], waiting);
  await waitUntilGone(kube, [...references, ...orphans.pods], waiting);
  await removeObjects(kube, orphans.objects, waiting);
}

/** The Secrets in which helm keeps the release, one a revision. */
function recordsOf({ namespace, name, history }: ReleaseRecord): ObjectReference[] {
  return history.map(({ revision }) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    name: `sh.helm.release.v1.${name}.v${String(revision)}`,
    namespace,
  }));
}

/** Those of `crds/` have had our labels from the first, those that helm keeps since the uninstall. */
async function ownDefinitions({
  kube,
  environment,
  component,
  call,
}: ReleaseRemovalOptions): Promise<string[]> {
  const labelSelector = selectorOf({ environment, component });
  const own = await listMetadata(kube, { ...definitionKind, labelSelector, signal: call?.signal });
  return own.map(({ metadata }) => metadata.name).sort();
}
