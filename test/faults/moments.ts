import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Snapshot } from '../../src/cli/follow.js';
import { readNodeIdentity, readNodeStatus } from '../../src/targets/embedded/folder.js';
import { observeRelease } from '../../src/tools/helm/release-record.js';
import type { AttemptRecord } from '../../src/tools/tool-claim.js';
import type { Bed } from './bed.js';

export const moments = ['start', 'middle', 'end'] as const;
export type Moment = (typeof moments)[number];

/** The steps of the embedded stack, and where the effects of each can be seen. */
export const steps = {
  cluster: {},
  'trace-store': { namespace: 'tracing', release: 'trace-store' },
  'prometheus-stack': { namespace: 'monitoring', release: 'kube-stack-prometheus' },
  'cert-manager': { namespace: 'cert-manager', release: 'cert-manager' },
  operator: { namespace: 'otel-system', release: 'opentelemetry-operator' },
  collector: {
    first: '/apis/opentelemetry.io/v1alpha1/namespaces/otel-system/opentelemetrycollectors/otel-collector',
    last: '/apis/apps/v1/namespaces/otel-system/deployments/otel-collector-collector',
  },
  hotrod: {
    first: '/apis/apps/v1/namespaces/default/deployments/example-hotrod',
    last: '/api/v1/namespaces/default/services/example-hotrod',
  },
  verification: {},
} as const satisfies Record<string, { namespace?: string; release?: string; first?: string; last?: string }>;
/** A look costs the server and the worker more than one at files, processes and objects. */
const lookEveryMs = 200;

export type StepName = keyof typeof steps;
export const stepNames = Object.keys(steps) as StepName[];
export const releaseSteps = stepNames.filter((name) => 'release' in steps[name]);

/**
 * Waits until the step is at that point: its activity runs; its tool is at work and its first effects show; its last
 * effects show and it has not reported yet. Only by looking, never by the clock.
 * @returns `passed` when the step was over before it could be seen there
 */
export async function reach(bed: Bed, step: StepName, moment: Moment): Promise<'seen' | 'passed'> {
  const found: { passed: boolean } = { passed: false };
  let lookAt = 0;
  await bed.until(
    `${step} at its ${moment}`,
    async () => {
      if (moment !== 'start' && (await shows(bed, step, moment))) return true;
      if (Date.now() < lookAt) return false;
      const snapshot = await bed.look();
      lookAt = Date.now() + lookEveryMs;
      if (moment === 'start' && isRunning(snapshot, step)) return true;
      if (step === 'verification' && isRunning(snapshot, step))
        return moment === 'middle' && snapshot?.live.get(step)?.text !== 'starting';
      found.passed = isOver(snapshot, step);
      return found.passed;
    },
    20,
  );
  return found.passed ? 'passed' : 'seen';
}

/** Whether an attempt of the step or of its removal is at work. @throws Error when the step has given up */
export function isRunning(snapshot: Snapshot | undefined, step: StepName): boolean {
  const state = stateOf(snapshot, step);
  return (state === 'running' || state === 'removing') && snapshot?.live.get(step)?.attempt !== undefined;
}

/** Whether what the environment does now, install or teardown, has the step behind it. */
export function isOver(snapshot: Snapshot | undefined, step: StepName): boolean {
  const isTeardown = ['TearingDown', 'Removed'].includes(snapshot?.progress.phase ?? '');
  return stateOf(snapshot, step) === (isTeardown ? 'removed' : 'done');
}

export function stateOf(snapshot: Snapshot | undefined, step: StepName): string | undefined {
  const found = snapshot?.progress.steps.find(({ name }) => name === step);
  if (found?.state === 'blocked' || found?.state === 'failed')
    throw new Error(
      `${step} is ${found.state}: ${found.failure?.type ?? ''} ${found.failure?.message ?? ''}`,
    );
  return found?.state;
}

async function shows(bed: Bed, step: StepName, moment: Moment): Promise<boolean> {
  const place = steps[step];
  if (step === 'cluster') {
    if (moment === 'middle') return (await readNodeIdentity(bed.cluster)) !== undefined;
    return (await readNodeStatus(bed.cluster))?.apiReady ?? false;
  }
  if ('release' in place) {
    const { namespace, release: name } = place;
    if (moment === 'middle')
      return (await runningTools(bed, step)) > 0 && (await hasRecord(bed, namespace, name));
    return (await helmStatus(bed, namespace, name)) === 'deployed';
  }
  if (!('first' in place)) return false;
  const answer = await bed
    .kube()
    ?.send({ path: moment === 'middle' ? place.first : place.last })
    .catch(() => undefined);
  return answer?.status === 200;
}

async function hasRecord(bed: Bed, namespace: string, name: string): Promise<boolean> {
  return (await helmStatus(bed, namespace, name)) !== undefined;
}

async function helmStatus(bed: Bed, namespace: string, name: string): Promise<string | undefined> {
  const kube = bed.kube();
  return kube && (await observeRelease(kube, { namespace, name }).catch(() => undefined))?.status;
}

/** How many programs the running attempt of the step has, by its record. */
async function runningTools(bed: Bed, step: StepName): Promise<number> {
  return (await attemptOf(bed, step))?.processes.length ?? 0;
}

export async function attemptOf(bed: Bed, step: StepName): Promise<AttemptRecord | undefined> {
  const path = join(bed.stateDir, 'environments', bed.environment, 'processes', `${step}.json`);
  const text = await readFile(path, 'utf8').catch(() => undefined);
  return text === undefined ? undefined : (JSON.parse(text) as AttemptRecord);
}
