import type { Config } from '../config.js';
import type { ClusterRef } from '../domain/progress.js';
import type { ClusterOutcome, ClusterTask, StepOutcome } from '../domain/step-tasks.js';
import type { Target } from '../targets/target.js';
import { endOtherToolsOf, withToolsOf } from './tool-step.js';

/** Opens the target of an environment; cheap, asks nothing of it yet. */
export type OpenTarget = (task: ClusterTask) => Target;

export interface ClusterActivities {
  createCluster(task: ClusterTask): Promise<ClusterOutcome>;
  deleteCluster(task: ClusterTask): Promise<StepOutcome>;
}

export function clusterActivities(
  config: Pick<Config, 'stateDir'>,
  openTarget: OpenTarget,
): ClusterActivities {
  return {
    createCluster: withToolsOf(config, async (task, { report, signal, owner }) => {
      const target = openTarget(task);
      const before = await target.observe();
      const { kubeconfigPath, serverUrl, version, owned } = await target.create({
        onProgress: report,
        signal,
        owner,
      });
      const cluster: ClusterRef = {
        kind: task.target.kind,
        kubeconfigPath,
        serverUrl,
        version,
        owned,
        ...(task.target.context !== undefined && { context: task.target.context }),
      };
      return { cluster, outcome: `${outcomes[before.phase]}, Kubernetes ${version}` };
    }),

    deleteCluster: withToolsOf(config, async (task, step) => {
      const { report, signal, owner } = step;
      await endOtherToolsOf(config, task, step);
      const target = openTarget(task);
      const { phase, facts } = await target.observe();
      await target.delete({ onProgress: report, signal, owner });
      if (task.target.kind === 'kubeconfig' || facts.owned === false)
        return { outcome: 'left alone: it is not ours' };
      return { outcome: phase === 'absent' ? 'was not there' : 'deleted' };
    }),
  };
}

const outcomes = {
  absent: 'created',
  stopped: 'started again',
  starting: 'waited for',
  ready: 'already there',
  broken: 'repaired',
} as const;
