import type { Config } from '../config.js';
import { isTracewrightError } from '../domain/failure.js';
import { consentIn, releaseName } from '../domain/release.js';
import type { ManifestsSpec } from '../domain/stack.js';
import type { ComponentObservation, ComponentTask } from '../domain/step-tasks.js';
import { desiredRelease, diffRelease } from '../tools/helm/diff.js';
import { observeRelease } from '../tools/helm/release-record.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import { diffObjects, diffText, isUnknown } from '../tools/kubernetes/diff.js';
import { waitReady } from '../tools/kubernetes/ready/wait-ready.js';
import { locateRelease, onCluster, required } from './component-tools.js';
import type { StepContext } from './step-context.js';
import type { ToolStepContext } from './tool-step.js';

export interface ObservationActivities {
  observeComponent(task: ComponentTask): Promise<ComponentObservation>;
}

/** What is ready is seen at once; what is not may be in the middle of a restart that is none of our business. */
const readyWithinMs = 10_000;

export function observationActivities(config: Config): ObservationActivities {
  return {
    observeComponent: onCluster(config, async (kube, task, step) => {
      step.report('comparing with the stack');
      const { release, manifests } = task.definition;
      const different = release
        ? await lookAtRelease(config, kube, task, step)
        : await lookAtManifests(kube, required(manifests), task, step);
      return different ?? (await lookAtReadiness(kube, task, step));
    }),
  };
}

/** @returns `undefined` when the release is as it should be */
async function lookAtRelease(
  config: Config,
  kube: Kubernetes,
  task: ComponentTask,
  step: ToolStepContext,
): Promise<ComponentObservation | undefined> {
  const release = required(task.definition.release);
  const name = { namespace: release.namespace, name: releaseName(task.component, release) };
  const { signal } = step;
  const missing = { state: 'missing', detail: 'There is no such Helm release.' } as const;
  if (!(await observeRelease(kube, name, signal))) return missing;
  const { helm, chartPath } = await locateRelease(config, task, release, step);
  const { environment } = task;
  const { values, wholeNumbers } = release;
  const desired = await desiredRelease(helm, { chartPath, values, wholeNumbers, environment }, step);
  const policy = { consent: consentIn(task.cluster), adopt: task.adopt ?? false, now: Date.now() };
  const { record, state, action } = await diffRelease(kube, name, desired, policy, { signal });
  if (state === 'absent') return missing;
  switch (action.kind) {
    case 'none':
      return undefined;
    case 'refuse':
      return { state: 'drifted', detail: action.failure.message };
    case 'upgrade':
    case 'put-back':
      return { state: 'drifted', detail: listed(action.differences) };
    case 'restart':
      return { state: 'drifted', detail: `not restarted since: ${listed(action.workloads)}` };
    default:
      return { state: 'drifted', detail: `The Helm release is ${record?.status ?? 'gone'}.` };
  }
}

async function lookAtManifests(
  kube: Kubernetes,
  { objects, namespace }: ManifestsSpec,
  { environment, component, adopt }: ComponentTask,
  { signal }: StepContext,
): Promise<ComponentObservation | undefined> {
  const owner = { environment, component };
  const diffs = await diffObjects(kube, objects, { namespace, owner, adopt, signal });
  const unknown = diffs.find(isUnknown);
  if (unknown?.failure) throw unknown.failure;
  const different = diffs.filter(({ state }) => state !== 'equal');
  if (different.length === 0) return undefined;
  const allGone = diffs.every(({ state }) => state === 'absent');
  return { state: allGone ? 'missing' : 'drifted', detail: listed(different.map(diffText)) };
}

/** So many differences are named. */
const named = 5;

function listed(texts: readonly string[]): string {
  const more = texts.length > named ? [`and ${String(texts.length - named)} more`] : [];
  return [...texts.slice(0, named), ...more].join('; ');
}

async function lookAtReadiness(
  kube: Kubernetes,
  { environment, component, definition }: ComponentTask,
  { report, signal, deadline }: StepContext,
): Promise<ComponentObservation> {
  const { namespace } = required(definition.release ?? definition.manifests);
  // Trying out the objects of another component would make its namespace.
  const checks = definition.ready.filter((check) => !('accepts' in check));
  try {
    await waitReady(kube, {
      namespace,
      environment,
      component,
      checks,
      objectsOf: () => required(definition.manifests),
      timeoutMs: deadline.leftMs(readyWithinMs),
      onProgress: report,
      signal,
    });
    return { state: 'in-sync', detail: '' };
  } catch (error) {
    if (!isTracewrightError(error) || !error.type.startsWith('ready.')) throw error;
    return { state: 'not-ready', detail: error.message };
  }
}
