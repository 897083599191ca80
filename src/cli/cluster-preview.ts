import { failureOf } from '../domain/check.js';
import { isTracewrightError } from '../domain/failure.js';
import type { StepPreview } from '../domain/preview.js';
import type { EnvironmentSpec, TargetSpec } from '../domain/progress.js';
import { canonicalJson } from '../domain/release.js';
import type { ClusterLook } from '../preview/look.js';
import { openTarget } from '../targets/open-target.js';
import { preflight, type Intent } from '../targets/preflight.js';
import { connectKubernetes } from '../tools/kubernetes/connection.js';
import type { CliContext } from './context.js';

export interface ClusterPreview {
  readonly step: Pick<StepPreview, 'action' | 'detail' | 'failure'>;
  /** The caller closes its connection. `undefined` where nothing answers yet. */
  readonly cluster: ClusterLook | undefined;
  /** What a person should know beforehand. */
  readonly warnings: readonly string[];
}

/** What `up` would do about the cluster: the same look at machine and cluster. */
export async function previewCluster(
  { config, signal }: CliContext,
  name: string,
  intent: Intent,
  existing: EnvironmentSpec | undefined,
): Promise<ClusterPreview> {
  const { target } = intent;
  const conflict = existing && conflictOf(name, existing.target, target);
  if (conflict) return { step: { action: 'refuse', failure: conflict }, cluster: undefined, warnings: [] };
  const checks = await preflight(config, name, intent, signal);
  const warnings = checks.filter(({ state }) => state === 'warning').map(({ detail }) => detail);
  // What others have made is told with the step that it stands in the way of.
  const ofCluster = checks.filter(({ type }) => type !== 'release.foreign' && type !== 'manifest.foreign');
  const failure = failureOf(ofCluster)?.toFailure();
  const { phase, facts, ...more } = await openTarget(config, name, target).observe();
  const refused = failure && ({ action: 'refuse', failure } as const);
  const kubeconfigPath = target.kubeconfigPath ?? facts.kubeconfigPath;
  if (phase !== 'ready' || kubeconfigPath === undefined) {
    const found = 'reason' in more ? more.reason : undefined;
    return { step: refused ?? absentStep(target, phase, found), cluster: undefined, warnings };
  }
  const kube = connectKubernetes({ kubeconfigPath, context: target.context });
  try {
    const version = await kube.serverVersion(signal);
    const detail = `Kubernetes ${version}, ${kube.serverUrl}`;
    return {
      step: refused ?? { action: 'none', detail },
      cluster: { kube, version, owned: target.kind !== 'kubeconfig' && facts.owned !== false },
      warnings,
    };
  } catch (error) {
    kube.close();
    if (!isTracewrightError(error)) throw error;
    return { step: { action: 'unknown', failure: error.toFailure() }, cluster: undefined, warnings };
  }
}

function absentStep({ kind }: TargetSpec, phase: string, reason: string | undefined): ClusterPreview['step'] {
  if (phase === 'absent') return { action: 'create', detail: `a cluster on the target ${kind}` };
  if (phase === 'broken') return { action: 'repair', ...(reason !== undefined && { detail: reason }) };
  return { action: 'change', detail: phase === 'stopped' ? 'it is started again' : 'it is waited for' };
}

function conflictOf(name: string, before: TargetSpec, after: TargetSpec): StepPreview['failure'] | undefined {
  if (canonicalJson(before) === canonicalJson(after)) return undefined;
  return {
    type: 'environment.conflict',
    message: `The environment "${name}" exists on another target (${before.kind}${before.context === undefined ? '' : `, context ${before.context}`}).`,
    remedy: 'Choose another --name, or take that one down first.',
    retryable: false,
  };
}
