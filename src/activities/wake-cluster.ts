import type { ClusterRef, TargetSpec } from '../domain/progress.js';
import type { OpenTarget } from './cluster.js';
import type { StepContext } from './step-context.js';
import type { ToolStepContext } from './tool-step.js';

/** Where a step is to work. */
interface Place {
  readonly environment: string;
  readonly cluster: ClusterRef;
  readonly target?: TargetSpec;
}

/**
 * Starts a cluster of our own again, with its data, when nothing of it runs any more: a power cut or a reboot in
 * mid-install ends the cluster, whose step is done and not run again. Steps that come at the same time wait for the
 * first.
 * @throws TracewrightError what `Target.create` throws
 */
export async function wakeCluster(
  openTarget: OpenTarget,
  { environment, cluster, target }: Place,
  { report, signal, owner }: Pick<StepContext, 'report' | 'signal'> & Partial<Pick<ToolStepContext, 'owner'>>,
): Promise<void> {
  if (!cluster.owned || !target) return;
  const local = openTarget({ environment, target });
  if ((await local.observe()).phase !== 'stopped') return;
  report('The cluster has stopped: starting it again');
  await local.create({ onProgress: report, signal, ...(owner && { owner }) });
}
