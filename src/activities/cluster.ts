import type { Config } from '../config.js';
import { TracewrightError } from '../domain/failure.js';
import type { ClusterRef, TargetSpec } from '../domain/progress.js';
import type { ClusterOutcome, ClusterTask, StepOutcome } from '../domain/step-tasks.js';
import { writeOrigin } from '../targets/origin.js';
import type { Target } from '../targets/target.js';
import { environmentFolder, forgetEnvironment } from '../tools/environment-folder.js';
import type { ToolSource } from '../tools/find-program.js';
import { connectKubernetes } from '../tools/kubernetes/connection.js';
import { sweepEnvironment } from '../tools/kubernetes/teardown.js';
import { asActivity, type StepContext } from './step-context.js';
import { endOtherToolsOf, withToolsOf, type ToolStepContext } from './tool-step.js';

/** Opens the target of an environment; cheap, asks nothing of it yet. */
export type OpenTarget = (task: ClusterTask) => Target;

export interface ClusterActivities {
  createCluster(task: ClusterTask): Promise<ClusterOutcome>;
  deleteCluster(task: ClusterTask): Promise<StepOutcome>;
}

export function clusterActivities(
  config: Pick<Config, 'stateDir'> & ToolSource,
  openTarget: OpenTarget,
  server: string,
): ClusterActivities {
  const remove = withToolsOf(config, async (task: ClusterTask, step): Promise<StepOutcome> => {
    const { report, signal, owner } = step;
    await endOtherToolsOf(config, task, step);
    const swept = task.shared ? await sweep(config, task.environment, task.shared, step) : [];
    const target = openTarget(task);
    const { phase, facts } = await target.observe();
    await target.delete({ onProgress: report, signal, owner });
    if (task.target.kind === 'kubeconfig' || facts.owned === false)
      return { outcome: ['left alone: it is not ours', ...swept].join('; ') };
    return { outcome: phase === 'absent' ? 'was not there' : 'deleted' };
  });
  const forget = asActivity(async ({ environment }: ClusterTask) => {
    const folder = environmentFolder(config.stateDir, environment);
    await forgetEnvironment(folder).catch((cause: unknown) => {
      throw new TracewrightError({
        type: 'state.unwritable',
        message: `The folder ${folder} of the environment cannot be removed: ${(cause as Error).message}.`,
        remedy: 'Look who owns it and what writes into it, then retry; or remove it by hand.',
        cause,
      });
    });
  });
  return {
    createCluster: withToolsOf(config, async (task, { report, signal, owner, enter }) => {
      const target = openTarget(task);
      const before = await target.observe();
      if (task.target.kind !== 'kubeconfig')
        await writeOrigin(config.stateDir, task.environment, { server, stack: task.stack });
      const { kubeconfigPath, serverUrl, version, owned } = await target.create({
        onProgress: (text, percent) => {
          enter(task.target.kind, text);
          report(text, percent);
        },
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
      await forget(task);
      return outcome;
    },
  };
}

/** Takes out of a cluster that stays what is left of the environment in it. @returns what to tell */
async function sweep(
  config: ToolSource,
  environment: string,
  cluster: ClusterRef,
  { report, signal }: StepContext,
): Promise<string[]> {
  const kube = connectKubernetes({ ...cluster, kubectl: { ...config, onProgress: report } });
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
