import type { Config } from '../config.js';
import { isTracewrightError } from '../domain/failure.js';
import { classifyRelease, consentIn, releaseName, type ReleaseVerdict } from '../domain/release.js';
import type { ReleaseSpec } from '../domain/stack.js';
import type { ComponentObservation, ComponentTask } from '../domain/step-tasks.js';
import { desiredRelease } from '../tools/helm/desired.js';
import { observeRelease, type ReleaseRecord } from '../tools/helm/release-record.js';
import type { Kubernetes } from '../tools/kubernetes/connection.js';
import { observeDrift } from '../tools/kubernetes/drift.js';
import { parseManifests } from '../tools/kubernetes/manifests.js';
import { waitReady } from '../tools/kubernetes/ready/wait-ready.js';
import { locateRelease, onCluster, required } from './component-tools.js';
import type { StepContext } from './step-context.js';
import type { ToolStepContext } from './tool-step.js';

export interface ObservationActivities {
  observeComponent(task: ComponentTask): Promise<ComponentObservation>;
}

/** What is ready is seen at once; what is not may be in the middle of a restart that is none of our business. */
const readyWithinMs = 10_000;

/** So many objects are named. */
const namedObjects = 5;

export function observationActivities(config: Config): ObservationActivities {
  return {
    observeComponent: onCluster(config, async (kube, task, step) => {
      step.report('comparing with the stack');
      const { release, manifests } = task.definition;
      const different = release
        ? await lookAtRelease(config, kube, task, step)
        : await lookAtObjects(kube, required(manifests).objects, required(manifests).namespace, step);
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
  const record = await observeRelease(kube, name, step.signal);
  const missing = { state: 'missing', detail: 'There is no such Helm release.' } as const;
  if (!record) return missing;
  const { state, action } = await classify(config, task, release, record, step);
  if (state === 'absent') return missing;
  if (state === 'in-sync')
    return lookAtObjects(kube, parseManifests(record.manifest), release.namespace, step);
  if (action.kind === 'refuse') return { state: 'drifted', detail: action.failure.message };
  if (action.kind === 'upgrade') return { state: 'drifted', detail: action.differences.join(', ') };
  return { state: 'drifted', detail: `The Helm release is ${record.status}.` };
}

async function classify(
  config: Config,
  task: ComponentTask,
  release: ReleaseSpec,
  record: ReleaseRecord,
  step: ToolStepContext,
): Promise<ReleaseVerdict> {
  const { helm, chartPath } = await locateRelease(config, task, release, step);
  const { values } = release;
  const { environment } = task;
  return classifyRelease(record, await desiredRelease(helm, { chartPath, values, environment }, step), {
    consent: consentIn(task.cluster),
    adopt: task.adopt ?? false,
    now: Date.now(),
  });
}

async function lookAtObjects(
  kube: Kubernetes,
  objects: Parameters<typeof observeDrift>[1],
  namespace: string,
  { signal }: StepContext,
): Promise<ComponentObservation | undefined> {
  const drift = await observeDrift(kube, objects, namespace, signal);
  if (drift.length === 0) return undefined;
  const texts = drift.slice(0, namedObjects).map(({ text }) => text);
  const more = drift.length > namedObjects ? [`and ${String(drift.length - namedObjects)} more`] : [];
  const allGone = drift.length === objects.length && drift.every(({ state }) => state === 'missing');
  return { state: allGone ? 'missing' : 'drifted', detail: [...texts, ...more].join('; ') };
}

async function lookAtReadiness(
  kube: Kubernetes,
  { environment, definition }: ComponentTask,
  { report, signal, deadline }: StepContext,
): Promise<ComponentObservation> {
  const { namespace } = required(definition.release ?? definition.manifests);
  // Trying out the objects of another component would make its namespace.
  const checks = definition.ready.filter((check) => !('accepts' in check));
  try {
    await waitReady(kube, {
      namespace,
      environment,
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
