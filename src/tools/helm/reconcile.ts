import { setTimeout as sleep } from 'node:timers/promises';
import { isTracewrightError, TracewrightError } from '../../domain/failure.js';
import { ownershipLabels } from '../../domain/names.js';
import type { ReleaseRef } from '../../domain/release.js';
import { type ReleaseAction, type ReleasePolicy, type ReleaseState } from '../../domain/release.js';
import type { ReleaseSpec } from '../../domain/stack.js';
import type { Kubernetes } from '../kubernetes/connection.js';
import { ensureNamespace } from '../kubernetes/namespaces.js';
import { cancelled } from '../kubernetes/transport.js';
import { desiredRelease, diffRelease, type DiffDepth, type ReleaseDiff } from './diff.js';
import type { Helm, HelmCall } from './helm.js';
import { watchHooks } from './hooks.js';
import { putBack, restartPods } from './put-back.js';
import { applyChartDefinitions } from './release-objects.js';
import { observeRelease } from './release-record.js';
import { uninstallRelease } from './removal.js';

export interface ReconcileOptions extends ReleaseRef {
  readonly kube: Kubernetes;
  readonly helm: Helm;
  /** A chart folder or .tgz. */
  readonly chartPath: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** As of `Helm.upgradeInstall`. */
  readonly wholeNumbers?: ReleaseSpec['wholeNumbers'];
  readonly environment: string;
  readonly component: string;
  /** The machine that asks; its own helm's pending operations are dead. */
  readonly host?: string;
  readonly consent: ReleasePolicy['consent'];
  readonly adopt?: boolean;
  /** For each hook of the chart, in milliseconds. @default 300000 */
  readonly timeoutMs?: number;
  readonly pendingGraceMs?: number;
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly call?: HelmCall;
}

export interface ReconcileResult {
  /** What was found at first. */
  readonly state: ReleaseState;
  /** What was done, in order; empty when nothing had to be. */
  readonly actions: readonly ReleaseAction['kind'][];
  readonly revision: number;
  readonly fingerprint: string;
}

/** Unlock, roll back, upgrade; put back, restart: no way to the goal has more steps than that. */
const maxRounds = 5;

/**
 * Makes the release what is desired: observe, classify, act, until the observation says that it is so. Every step can
 * be cut off at any point and begun again; a release that is in order gets no new revision. The caller makes sure that
 * no other helm of ours works on the release. Readiness is not waited for.
 * @throws TracewrightError `release.foreign`, `release.failed`, `release.locked`, `ready.*` of a hook, and what helm
 * throws
 */
export async function reconcileRelease(options: ReconcileOptions): Promise<ReconcileResult> {
  const { kube, helm, namespace, environment, component, call = {} } = options;
  const desired = await desiredRelease(helm, options, call);
  const { fingerprint } = desired;
  const owner = { environment, component };
  await ensureNamespace(kube, { name: namespace, owner, deadline: call.deadline, signal: call.signal });
  const actions: ReleaseAction['kind'][] = [];
  let first: ReleaseState | undefined;
  for (let round = 0; round < maxRounds; round += 1) {
    const depth = depthAfter(actions.at(-1));
    const diff = await diffRelease(kube, nameOf(options), desired, policyOf(options), {
      depth,
      signal: call.signal,
    });
    const { record, state, action } = diff;
    first ??= state;
    if (action.kind === 'none' && record)
      return { state: first, actions, revision: record.revision, fingerprint };
    actions.push(action.kind);
    await act(diff, options, fingerprint);
  }
  throw new TracewrightError({
    type: 'release.failed',
    message: `The Helm release ${namespace}/${options.name} does not become what it should be: ${actions.join(', ')}.`,
    remedy: 'Somebody else may be changing it at the same time; look at `helm history`.',
  });
}

/**
 * Once something was done, what helm made is not looked for again: whoever deletes or changes it right after that has
 * reasons. Only what was put back may have to be read.
 */
function depthAfter(done: ReleaseAction['kind'] | undefined): DiffDepth {
  if (done === undefined) return 'objects';
  return done === 'put-back' ? 'outdated' : 'record';
}

function policyOf({ consent, adopt = false, host, pendingGraceMs }: ReconcileOptions): ReleasePolicy {
  return {
    consent,
    adopt,
    now: Date.now(),
    ...(host !== undefined && { host }),
    ...(pendingGraceMs !== undefined && { pendingGraceMs }),
  };
}

async function act(
  { action, record, installed }: ReleaseDiff,
  options: ReconcileOptions,
  fingerprint: string,
): Promise<void> {
  const { kube, helm, onProgress, timeoutMs = 300_000, call } = options;
  switch (action.kind) {
    case 'install':
    case 'upgrade':
      onProgress?.(
        action.kind === 'install' ? 'helm installs' : `helm upgrades: ${action.differences.join(', ')}`,
      );
      return upgradeInstall(options, fingerprint);
    case 'put-back':
      onProgress?.(`putting back what was changed by hand: ${action.differences.join(', ')}`);
      return putBack(kube, installed.changed, call?.signal);
    case 'restart':
      onProgress?.(`restarting what reads it: ${action.workloads.join(', ')}`);
      return restartPods(kube, installed.outdated, call?.signal);
    case 'rollback-then-upgrade':
      onProgress?.(`unlocking by a rollback to revision ${String(action.toRevision)}`);
      return helm.rollback({ ...nameOf(options), revision: action.toRevision, timeoutMs }, call);
    case 'uninstall-then-install':
      onProgress?.(`removing what an interrupted helm left (${record?.status ?? ''})`);
      // An object of the old release that is still going must not be mistaken for one of the new.
      return record && uninstallRelease(record, options);
    case 'wait':
      onProgress?.(`waiting for another helm operation (${record?.status ?? ''})`);
      // In small steps: whoever works on it may be done earlier.
      return pause(Math.min(action.ms, 2_000), action.ms, options);
    case 'refuse':
      throw new TracewrightError(action.failure);
    case 'none':
  }
}

/** Waits until the release is no longer pending, or its grace is over. */
async function pause(stepMs: number, totalMs: number, options: ReconcileOptions): Promise<void> {
  const { kube, call } = options;
  for (const deadline = Date.now() + totalMs; Date.now() < deadline;) {
    await sleep(Math.min(stepMs, Math.max(0, deadline - Date.now())), undefined, {
      signal: call?.signal,
    }).catch(() => {
      throw cancelled();
    });
    const now = await observeRelease(kube, options, call?.signal);
    if (!now?.status.startsWith('pending-')) return;
  }
}

async function upgradeInstall(options: ReconcileOptions, fingerprint: string): Promise<void> {
  const {
    kube,
    helm,
    namespace,
    chartPath,
    values,
    wholeNumbers,
    environment,
    component,
    host,
    timeoutMs = 300_000,
    onProgress,
    call = {},
  } = options;
  await applyChartDefinitions(kube, helm, { chartPath, namespace, owner: { environment, component }, call });
  const labels = {
    [ownershipLabels.environment]: environment,
    [ownershipLabels.component]: component,
    [ownershipLabels.fingerprint]: fingerprint,
    ...(host !== undefined && { [ownershipLabels.host]: host }),
  };
  const unrecoverable = new AbortController();
  const signal = call.signal ? AbortSignal.any([call.signal, unrecoverable.signal]) : unrecoverable.signal;
  const hooks = watchHooks(kube, {
    namespace,
    onProgress,
    onUnrecoverable: () => {
      unrecoverable.abort();
    },
  });
  try {
    await helm.upgradeInstall(
      { ...nameOf(options), chartPath, values, wholeNumbers, labels, timeoutMs },
      { ...call, signal },
    );
  } catch (error) {
    // A hook that can never end was why helm was ended.
    if (hooks.failure && isTracewrightError(error) && error.type === 'tool.cancelled') throw hooks.failure;
    throw error;
  } finally {
    hooks.stop();
  }
}

function nameOf({ namespace, name }: ReleaseRef): ReleaseRef {
  return { namespace, name };
}
