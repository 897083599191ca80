import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config.js';
import { durationMs } from '../domain/duration.js';
import type { ManifestsSpec, ReleaseSpec } from '../domain/stack.js';
import type { ComponentTask, StepOutcome } from '../domain/step-tasks.js';
import { findEmbeddedBuild } from '../targets/embedded/build/store.js';
import { embeddedSourceDir } from '../targets/open-target.js';
import { provideHelm } from '../tools/helm-binary.js';
import { locateChart } from '../tools/helm/chart-source.js';
import { createHelm, type Helm, type HelmCall } from '../tools/helm/helm.js';
import { reconcileRelease, type ReconcileResult } from '../tools/helm/reconcile.js';
import { removeRelease } from '../tools/helm/remove.js';
import { applyObjects, referencesOf, type AppliedObject } from '../tools/kubernetes/apply.js';
import { connectKubernetes, type Kubernetes } from '../tools/kubernetes/connection.js';
import { deleteObjects } from '../tools/kubernetes/delete.js';
import { waitReady } from '../tools/kubernetes/ready/wait-ready.js';
import { deleteDefinitions } from '../tools/kubernetes/teardown.js';
import { asActivity, type StepContext } from './step-context.js';

export interface ComponentActivities {
  installRelease(task: ComponentTask): Promise<StepOutcome>;
  applyManifests(task: ComponentTask): Promise<StepOutcome>;
  uninstallRelease(task: ComponentTask): Promise<StepOutcome>;
  deleteManifests(task: ComponentTask): Promise<StepOutcome>;
}

export function componentActivities(config: Config): ComponentActivities {
  return {
    installRelease: onCluster(async (kube, task, step) => {
      const release = required(task.definition.release);
      const helm = await openHelm(config, task, step);
      const call = await helmCall(config, task, step);
      const chartPath = await locateChart(release.chart, helm, chartPlaces(config), call);
      const { name, namespace, values } = { ...release, name: releaseName(task, release) };
      step.report('helm looks at the release');
      const result = await reconcileRelease({
        kube,
        helm,
        name,
        namespace,
        chartPath,
        values,
        ...ownerOf(task),
        consent: task.cluster.owned ? 'own-cluster' : 'existing-cluster',
        timeoutMs: durationMs(task.definition.timeout),
        onProgress: step.report,
        call,
      });
      await untilReady(kube, namespace, task, step);
      return { outcome: releaseOutcome(result) };
    }),

    applyManifests: onCluster(async (kube, task, step) => {
      const { namespace, objects } = required(task.definition.manifests);
      step.report('applying manifests');
      const applied = await applyObjects(kube, {
        objects,
        namespace,
        owner: ownerOf(task),
        signal: step.signal,
      });
      await untilReady(kube, namespace, task, step);
      return { outcome: appliedOutcome(applied) };
    }),

    uninstallRelease: onCluster(async (kube, task, step) => {
      const release = required(task.definition.release);
      const { outcome, definitions } = await removeRelease({
        kube,
        helm: await openHelm(config, task, step),
        name: releaseName(task, release),
        namespace: release.namespace,
        ...ownerOf(task),
        onProgress: step.report,
        call: await helmCall(config, task, step),
      });
      const { kept } = await deleteDefinitions(kube, definitions, {
        onProgress: step.report,
        signal: step.signal,
      });
      return {
        outcome: [removalWords[outcome], ...kept.map(({ name, reason }) => `${name} stays: ${reason}`)].join(
          '; ',
        ),
      };
    }),

    deleteManifests: onCluster(async (kube, task, step) => {
      const { namespace, objects } = required(task.definition.manifests);
      const references = await referencesOf(kube, objects, namespace, step.signal);
      const deleted = await deleteObjects(kube, {
        objects: references,
        owner: ownerOf(task),
        onProgress: step.report,
        signal: step.signal,
      });
      const count = deleted.filter(({ outcome }) => outcome === 'deleted').length;
      return { outcome: `${String(count)} of ${String(objects.length)} objects deleted` };
    }),
  };
}

type Work = (kube: Kubernetes, task: ComponentTask, step: StepContext) => Promise<StepOutcome>;

function onCluster(work: Work): (task: ComponentTask) => Promise<StepOutcome> {
  return asActivity(async (task: ComponentTask, step) => {
    const kube = connectKubernetes(task.cluster);
    try {
      return await work(kube, task, step);
    } finally {
      kube.close();
    }
  });
}

async function untilReady(
  kube: Kubernetes,
  namespace: string,
  task: ComponentTask,
  step: StepContext,
): Promise<void> {
  await waitReady(kube, {
    namespace,
    environment: task.environment,
    checks: task.definition.ready,
    objectsOf: (component) => required<ManifestsSpec>(task.accepts[component]),
    timeoutMs: durationMs(task.definition.timeout),
    onProgress: step.report,
    signal: step.signal,
  });
}

async function openHelm(config: Config, task: ComponentTask, step: StepContext): Promise<Helm> {
  const { path } = await provideHelm({ ...config, onProgress: step.report, signal: step.signal });
  return createHelm({ binary: path, homeDir: join(environmentDir(config, task), 'helm'), ...task.cluster });
}

async function helmCall(config: Config, task: ComponentTask, step: StepContext): Promise<HelmCall> {
  const folder = join(environmentDir(config, task), 'logs');
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return { logFile: join(folder, `${task.component}.log`), onStart: step.onProcess, signal: step.signal };
}

const environmentDir = (config: Config, task: ComponentTask): string =>
  join(config.stateDir, 'environments', task.environment);

function chartPlaces({ cacheDir }: Config): Parameters<typeof locateChart>[2] {
  return {
    cacheDir,
    embeddedCharts: async () => (await findEmbeddedBuild({ sourceDir: embeddedSourceDir, cacheDir }))?.charts,
  };
}

const ownerOf = ({ environment, component }: ComponentTask): { environment: string; component: string } => ({
  environment,
  component,
});

const releaseName = ({ component }: ComponentTask, release: ReleaseSpec): string => release.name ?? component;

/** The workflow sends releases to the activities for releases and manifests to those for manifests. */
function required<T>(part: T | undefined): T {
  if (part === undefined) throw new Error('The step was sent to an activity for another kind of component.');
  return part;
}

function releaseOutcome({ actions, revision }: ReconcileResult): string {
  const last = actions.at(-1);
  if (last === undefined) return `unchanged, revision ${String(revision)}`;
  return `${last === 'install' ? 'installed' : 'upgraded'}, revision ${String(revision)}`;
}

function appliedOutcome(applied: readonly AppliedObject[]): string {
  const count = (outcome: AppliedObject['outcome']): number =>
    applied.filter((it) => it.outcome === outcome).length;
  const words = (['created', 'changed', 'unchanged'] as const).filter((outcome) => count(outcome) > 0);
  return words.map((outcome) => `${String(count(outcome))} ${outcome}`).join(', ');
}

const removalWords = {
  removed: 'uninstalled',
  absent: 'was not there',
  foreign: 'left alone: it is not ours',
} as const;
