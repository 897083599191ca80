import { ownershipLabels } from '../../domain/names.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import { definitionKind } from '../kubernetes/definitions.js';
import { listMetadata } from '../kubernetes/observe.js';
import { selectorOf } from '../kubernetes/ownership.js';
import type { Helm, HelmCall, ReleaseName } from './helm.js';
import { observeRelease } from './release-record.js';
import { uninstallWhole } from './uninstall.js';

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
  /**
   * CustomResourceDefinitions of ours that are still there: from `crds/`, or kept by policy. See `deleteDefinitions`.
   */
  readonly definitions: readonly string[];
}

/**
 * Uninstalls the release if it is ours, in whatever state it is, and returns when its objects are gone.
 * @throws TracewrightError `removal.stuck` that names what stays and why, and what helm throws
 */
export async function removeRelease(options: RemoveOptions): Promise<RemoveResult> {
  const {
    kube,
    helm,
    namespace,
    name,
    environment,
    component,
    timeoutMs = 120_000,
    onProgress,
    call = {},
  } = options;
  const { signal } = call;
  const observed = await observeRelease(kube, { namespace, name }, signal);
  if (!observed) return { outcome: 'absent', definitions: await ownDefinitions(options) };
  if (observed.labels[ownershipLabels.environment] !== environment)
    return { outcome: 'foreign', definitions: [] };
  onProgress?.('helm uninstalls');
  const owner = { environment, component };
  await uninstallWhole(observed, { kube, helm, namespace, name, owner, timeoutMs, onProgress, call });
  return { outcome: 'removed', definitions: await ownDefinitions(options) };
}

/** Those of `crds/` have had our labels from the first, those that helm keeps since the uninstall. */
async function ownDefinitions({ kube, environment, component, call }: RemoveOptions): Promise<string[]> {
  const labelSelector = selectorOf({ environment, component });
  const own = await listMetadata(kube, { ...definitionKind, labelSelector, signal: call?.signal });
  return own.map(({ metadata }) => metadata.name).sort();
}
