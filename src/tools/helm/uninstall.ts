import { referencesOf } from '../kubernetes/apply.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import { parseManifests } from '../kubernetes/manifests.js';
import type { Owner } from '../kubernetes/ownership.js';
import { remove } from '../kubernetes/teardown.js';
import { waitUntilGone } from '../kubernetes/wait-gone.js';
import { claimByproducts } from './byproducts.js';
import type { Helm, HelmCall, ReleaseName } from './helm.js';
import type { ReleaseRecord } from './release-record.js';

export interface UninstallOptions extends ReleaseName {
  readonly kube: Kubernetes;
  readonly helm: Helm;
  readonly owner: Required<Owner>;
  /** For hooks, and for the objects to be gone, each. In milliseconds. */
  readonly timeoutMs: number;
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly call: HelmCall;
}

/**
 * Uninstalls a release, which must be ours, and returns when its objects, its pods and what it made besides are gone:
 * nothing of it may be mistaken for a part of the next one. CustomResourceDefinitions stay, with our labels.
 * @throws TracewrightError `removal.stuck` that names what stays and why, and what helm throws
 */
export async function uninstallWhole(record: ReleaseRecord, options: UninstallOptions): Promise<void> {
  const { kube, helm, namespace, name, owner, timeoutMs, onProgress, call } = options;
  const { signal, deadline } = call;
  const objects = parseManifests(record.manifest).filter(({ metadata }) => !isKept(metadata.annotations));
  // Before the uninstall: afterwards the kinds of the chart's own definitions are unknown.
  const references = await referencesOf(kube, objects, namespace, signal);
  const byproducts = await claimByproducts(kube, record, owner, signal);
  await helm.uninstall({ namespace, name, timeoutMs }, call);
  const waiting = { timeoutMs, onProgress, signal, deadline };
  await waitUntilGone(kube, [...references, ...byproducts.pods], waiting);
  await remove(kube, byproducts.objects, waiting);
}

/** Whether helm leaves the object at an uninstall. */
function isKept(annotations: unknown): boolean {
  return (annotations as Record<string, string> | undefined)?.['helm.sh/resource-policy'] === 'keep';
}
