import { ownershipLabels } from '../../domain/names.js';
import { referencesOf } from '../kubernetes/apply.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import { definitionKind } from '../kubernetes/definitions.js';
import { parseManifests } from '../kubernetes/manifests.js';
import { listMetadata } from '../kubernetes/observe.js';
import { selectorOf } from '../kubernetes/ownership.js';
import { waitUntilGone } from '../kubernetes/wait-gone.js';
import type { Helm, HelmCall, ReleaseName } from './helm.js';
import { isKept } from './reconcile.js';
import { observeRelease } from './release-record.js';

export interface RemoveOptions extends ReleaseName {
  readonly kube: Kubernetes;
  readonly helm: Helm;
  readonly environment: string;
  readonly component: string;
  /** For hooks, and for the objects to be gone, each. In milliseconds. @default 120000 */
  readonly timeoutMs?: number;
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly call?: HelmCall;
}

export interface RemoveResult {
  /** `foreign`: a release of that name exists that is not ours, and was left alone. */
  readonly outcome: 'removed' | 'absent' | 'foreign';
  /** CustomResourceDefinitions of ours that are still there: from `crds/`, or kept by policy. See `deleteDefinitions`. */
  readonly definitions: readonly string[];
}

/**
 * Uninstalls the release if it is ours, in whatever state it is, and returns when its objects are gone.
 * @throws TracewrightError `removal.stuck` that names what stays and why, and what helm throws
 */
export async function removeRelease(options: RemoveOptions): Promise<RemoveResult> {
  const { kube, helm, namespace, name, environment, timeoutMs = 120_000, onProgress, call = {} } = options;
  const { signal } = call;
  const observed = await observeRelease(kube, { namespace, name }, signal);
  if (!observed) return { outcome: 'absent', definitions: await ownDefinitions(options) };
  if (observed.labels[ownershipLabels.environment] !== environment)
    return { outcome: 'foreign', definitions: [] };
  onProgress?.('helm uninstalls');
  const objects = parseManifests(observed.manifest).filter(({ metadata }) => !isKept(metadata.annotations));
  // Before the uninstall: afterwards the kinds of the chart's own definitions are unknown.
  const references = await referencesOf(kube, objects, namespace, signal);
  await helm.uninstall({ namespace, name, timeoutMs }, call);
  await waitUntilGone(kube, references, { timeoutMs, onProgress, signal });
  return { outcome: 'removed', definitions: await ownDefinitions(options) };
}

/** By our labels, or by helm's annotations of this release (definitions among the templates). */
async function ownDefinitions({
  kube,
  namespace,
  name,
  environment,
  component,
  call,
}: RemoveOptions): Promise<string[]> {
  const signal = call?.signal;
  const [labelled, helmManaged] = await Promise.all([
    listMetadata(kube, { ...definitionKind, labelSelector: selectorOf({ environment, component }), signal }),
    listMetadata(kube, { ...definitionKind, labelSelector: 'app.kubernetes.io/managed-by=Helm', signal }),
  ]);
  const ofRelease = helmManaged.filter(
    ({ metadata }) =>
      metadata.annotations?.['meta.helm.sh/release-name'] === name &&
      metadata.annotations['meta.helm.sh/release-namespace'] === namespace,
  );
  return [...new Set([...labelled, ...ofRelease].map(({ metadata }) => metadata.name))].sort();
}
