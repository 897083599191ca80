import type { Config } from '../config.js';
import { countOf, durationMs } from '../domain/duration.js';
import { consentIn, releaseName } from '../domain/release.js';
import type { ManifestsSpec } from '../domain/stack.js';
import type { ComponentTask, StepOutcome } from '../domain/step-tasks.js';
import { withPullProgress } from '../targets/embedded/pulls.js';
import { reconcileRelease, type ReconcileResult } from '../tools/helm/reconcile.js';
import { removeRelease } from '../tools/helm/removal.js';
import { applyObjects, referencesOf, type AppliedObject } from '../tools/kubernetes/apply.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import { pulledImages } from '../tools/kubernetes/pulled-images.js';
import { waitReady } from '../tools/kubernetes/ready/wait-ready.js';
import { removeDefinitions, removeOwnObjects } from '../tools/kubernetes/removal.js';
import { wakeCluster, type OpenTarget } from './cluster.js';
import { helmCall, locateRelease, onCluster, openHelm, required } from './component-tools.js';
import type { StepContext } from './step-context.js';

export interface ComponentActivities {
  installRelease(task: ComponentTask): Promise<StepOutcome>;
  applyManifests(task: ComponentTask): Promise<StepOutcome>;
  uninstallRelease(task: ComponentTask): Promise<StepOutcome>;
  deleteManifests(task: ComponentTask): Promise<StepOutcome>;
}

export function componentActivities(
  config: Config,
  openTarget: OpenTarget,
  host: string,
): ComponentActivities {
  const onRunningCluster = <O>(
    work: Parameters<typeof onCluster<O>>[1],
  ): ((task: ComponentTask) => Promise<O>) =>
    onCluster(config, work, (task, step) => wakeCluster(openTarget, task, step));
  return {
    installRelease: onRunningCluster(async (kube, task, step) => {
      const release = required(task.definition.release);
      const { helm, call, chartPath } = await locateRelease(config, task, release, step);
      const { name, namespace, values, wholeNumbers } = {
        ...release,
        name: releaseName(task.component, release),
      };
      step.report('helm looks at the release');
      const result = await reconcileRelease({
        kube,
        helm,
        name,
        namespace,
        chartPath,
        values,
        wholeNumbers,
        ...ownerOf(task),
        host,
        consent: consentIn(task.cluster),
        adopt: task.adopt ?? false,
        timeoutMs: durationMs(task.definition.timeout),
        onProgress: step.report,
        call,
      });
      await untilReady(config, kube, namespace, task, step);
      return { outcome: releaseOutcome(result) };
    }),

    applyManifests: onRunningCluster(async (kube, task, step) => {
      const { namespace, objects } = required(task.definition.manifests);
      step.report('applying manifests');
      const applied = await step.timed('kubernetes', `apply ${countOf(objects.length, 'object')}`, () =>
        applyObjects(kube, {
          objects,
          namespace,
          owner: ownerOf(task),
          adopt: task.adopt ?? false,
          deadline: step.deadline,
          signal: step.signal,
        }),
      );
      await untilReady(config, kube, namespace, task, step);
      return { outcome: appliedOutcome(applied) };
    }),

    uninstallRelease: onRunningCluster(async (kube, task, step) => {
      const release = required(task.definition.release);
      const { outcome, definitions } = await removeRelease({
        kube,
        helm: await openHelm(config, task, step),
        name: releaseName(task.component, release),
        namespace: release.namespace,
        ...ownerOf(task),
        onProgress: step.report,
        call: await helmCall(config, task, step),
      });
      const { kept } = await removeDefinitions(kube, definitions, {
        onProgress: step.report,
        signal: step.signal,
        deadline: step.deadline,
      });
      return {
        outcome: [removalWords[outcome], ...kept.map(({ name, reason }) => `${name} stays: ${reason}`)].join(
          '; ',
        ),
      };
    }),

    deleteManifests: onRunningCluster(async (kube, task, step) => {
      const { namespace, objects } = required(task.definition.manifests);
      const references = await referencesOf(kube, objects, namespace, step.signal);
      const { report: onProgress, signal, deadline } = step;
      const options = { onProgress, signal, deadline };
      const count = await removeOwnObjects(kube, references, ownerOf(task), options);
      return { outcome: `${String(count)} of ${String(objects.length)} objects deleted` };
    }),
  };
}

async function untilReady(
  { stateDir }: Config,
  kube: Kubernetes,
  namespace: string,
  task: ComponentTask,
  step: StepContext,
): Promise<void> {
  const wait = (onProgress: (text: string) => void): Promise<void> =>
    waitReady(kube, {
      namespace,
      environment: task.environment,
      component: task.component,
      checks: task.definition.ready,
      objectsOf: (component) => required<ManifestsSpec>(task.accepts[component]),
      timeoutMs: step.deadline.leftMs(durationMs(task.definition.timeout)),
      onProgress,
      signal: step.signal,
    });
  await step.timed('kubernetes', 'wait until ready', () =>
    task.cluster.kind === 'embedded'
      ? withPullProgress({ stateDir, cluster: task.environment }, step.report, wait)
      : wait(step.report),
  );
  const pulls = await pulledImages(kube, ownerOf(task), task.definition, {
    since: step.startedAt,
    signal: step.signal,
  });
  pulls.forEach(step.note);
}

const ownerOf = ({ environment, component }: ComponentTask): { environment: string; component: string } => ({
  environment,
  component,
});

function releaseOutcome({ actions, revision }: ReconcileResult): string {
  const last = actions.at(-1);
  if (last === undefined) return `unchanged, revision ${String(revision)}`;
  if (last === 'put-back' || last === 'restart')
    return `put back what was changed by hand, revision ${String(revision)}`;
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
