import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.js';
import type { ReleaseSpec } from '../domain/stack.js';
import type { ComponentTask } from '../domain/step-tasks.js';
import { embeddedCharts } from '../targets/open-target.js';
import { environmentFolder, helmHomes, logFolder } from '../tools/environment-folder.js';
import { provideHelm } from '../tools/helm-binary.js';
import { locateChart } from '../tools/helm/chart-source.js';
import { createHelm, type Helm, type HelmCall } from '../tools/helm/helm.js';
import { connectKubernetes, type Kubernetes } from '../tools/kubernetes/connection.js';
import type { StepContext } from './step-context.js';
import { withToolsOf, type ToolStepContext } from './tool-step.js';

/**
 * Makes an activity of work on the cluster of the task; the connection is closed after it.
 * @param before what has to be done before the cluster can be reached
 */
export function onCluster<O>(
  config: Config,
  work: (kube: Kubernetes, task: ComponentTask, step: ToolStepContext) => Promise<O>,
  before?: (task: ComponentTask, step: ToolStepContext) => Promise<void>,
): (task: ComponentTask) => Promise<O> {
  return withToolsOf(config, async (task: ComponentTask, step) => {
    await before?.(task, step);
    const kube = connectKubernetes({ ...task.cluster, kubectl: { ...config, onProgress: step.report } });
    try {
      return await work(kube, task, step);
    } finally {
      kube.close();
    }
  });
}

/** A helm for the release of the task, and its chart on this machine. */
export async function locateRelease(
  config: Config,
  task: ComponentTask,
  release: ReleaseSpec,
  step: ToolStepContext,
): Promise<{ helm: Helm; call: HelmCall; chartPath: string }> {
  const helm = await openHelm(config, task, step);
  const call = await helmCall(config, task, step);
  return { helm, call, chartPath: await locateChart(release.chart, helm, chartPlaces(config, step), call) };
}

export async function openHelm(config: Config, task: ComponentTask, step: StepContext): Promise<Helm> {
  const { path } = await provideHelm({ ...config, onProgress: step.report, signal: step.signal });
  return createHelm({
    binary: path,
    homeDir: helmHomes(environmentDir(config, task)),
    images: task.definition.release?.images,
    environment: config.environment,
    ...task.cluster,
  });
}

export async function helmCall(
  config: Config,
  task: ComponentTask,
  step: ToolStepContext,
): Promise<HelmCall> {
  const folder = logFolder(environmentDir(config, task));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    logFile: join(folder, `${task.component}.log`),
    owner: step.owner,
    signal: step.signal,
    deadline: step.deadline,
  };
}

const environmentDir = (config: Config, task: ComponentTask): string =>
  environmentFolder(config.stateDir, task.environment);

function chartPlaces({ cacheDir }: Config, { report }: StepContext): Parameters<typeof locateChart>[2] {
  return { cacheDir, embeddedCharts: () => embeddedCharts(cacheDir), onProgress: report };
}

/** The workflow sends releases to the activities for releases and manifests to those for manifests. */
export function required<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('The step was sent to an activity for another kind of component.');
  return part;
}
