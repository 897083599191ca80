import type { Config } from '../config.js';
import type { ClusterRef } from '../domain/progress.js';
import type { ClusterOutcome, ClusterTask, StepOutcome } from '../domain/step-tasks.js';
import type { Target } from '../targets/target.js';
import { connectKubernetes } from '../tools/kubernetes/connection.js';
import { sweepEnvironment } from '../tools/kubernetes/sweep.js';
import type { StepContext } from './step-context.js';
import { endOtherToolsOf, withToolsOf } from './tool-step.js';
import { environmentFolder, forgetEnvironment } from '../tools/environment-folder.js';

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
  const remove = withToolsOf(config, async (task: ClusterTask, step): Promise<StepOutcome> => {
    const { report, signal, owner } = step;
    await endOtherToolsOf(config, task, step);
    const swept = task.shared ? await sweep(task.environment, task.shared, step) : [];
    const target = openTarget(task);
    const { phase, facts } = await target.observe();
    await target.delete({ onProgress: report, signal, owner });
    if (task.target.kind === 'kubeconfig' || facts.owned === false)
      return { outcome: ['left alone: it is not ours', ...swept].join('; ') };
    return { outcome: phase === 'absent' ? 'was not there' : 'deleted' };
  });
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

    deleteCluster: async (task) => {
      const outcome = await remove(task);
      // Only now: while the step ran, its claim was in there.
      await forgetEnvironment(environmentFolder(config.stateDir, task.environment));
      return outcome;
    },
  };
}

/** Takes out of a cluster that stays what is left of the environment in it. @returns what to tell */
async function sweep(
  environment: string,
  cluster: ClusterRef,
  { report, signal }: StepContext,
): Promise<string[]> {
  const kube = connectKubernetes(cluster);
  try {
    report('looking for what is left in the cluster');
    const { deleted, kept } = await sweepEnvironment(kube, { environment }, { onProgress: report, signal });
    return [
      ...(deleted.length > 0 ? [`deleted ${deleted.join(', ')}`] : []),
      ...kept.map(({ name, reason }) => `${name} stays: ${reason}`),
    ];
  } finally {
    kube.close();
  }
}

const outcomes = {
  absent: 'created',
  stopped: 'started again',
  starting: 'waited for',
  ready: 'already there',
  broken: 'repaired',
} as const;
