import {
  QueryNotRegisteredError,
  WorkflowNotFoundError,
  type Client,
  type WorkflowExecutionDescription,
  type WorkflowHandle,
} from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { environmentStart, startMemo } from '../domain/environment-start.js';
import { TracewrightError } from '../domain/failure.js';
import type { Leftover } from '../domain/leftovers.js';
import {
  environmentWorkflowId,
  openEnvironmentsQuery,
  searchAttributes,
  sharedTaskQueue,
} from '../domain/names.js';
import { installedPlanOf } from '../domain/plan.js';
import type { ClusterRef, EnvironmentSpec, Phase, Progress } from '../domain/progress.js';
import type { environment, EnvironmentInput } from '../workflows/environment.js';
import type { RunTicket, StepDecision } from '../workflows/messages.js';
import { withPlace } from './places.js';
import { heldByOperator, noEnvironment, orphanedRemedy, refusable } from './refusals.js';

type EnvironmentHandle = WorkflowHandle<typeof environment>;

/** An environment that is not removed. */
export interface EnvironmentListing {
  readonly name: string;
  readonly stack: string;
  readonly target: string;
  readonly phase: string;
  readonly startedAt: Date;
  /** The machine that holds its cluster, where its start named one. */
  readonly hostId?: string;
}

export function environmentHandle(client: Client, name: string): EnvironmentHandle {
  return client.workflow.getHandle<typeof environment>(environmentWorkflowId(name));
}

/** The environments that are not removed, as the server's index knows them: it may lag behind by a moment. */
export async function listEnvironments(client: Client): Promise<EnvironmentListing[]> {
  const found: EnvironmentListing[] = [];
  for await (const execution of client.workflow.list({ query: openEnvironmentsQuery })) {
    const attribute = (name: string): string => {
      return execution.typedSearchAttributes.get(defineSearchAttributeKey(name, 'KEYWORD')) ?? '';
    };
    const hostId = execution.memo?.[startMemo.hostId];
    found.push({
      name: execution.workflowId.slice(environmentWorkflowId('').length),
      stack: attribute(searchAttributes.stack),
      target: attribute(searchAttributes.target),
      phase: execution.status.name === 'PAUSED' ? 'Held' : attribute(searchAttributes.phase),
      startedAt: new Date(Number(execution.memo?.[startMemo.startedAt] ?? execution.startTime)),
      ...(typeof hostId === 'string' && { hostId }),
    });
  }
  return found;
}

/** How the workflow of an environment stands. */
export interface Standing {
  readonly name: string;
  readonly stack: string;
  readonly target: string;
  /**
   * - `lost`: it ended without a teardown; what it made nobody has taken away
   * - `held`: an operator has paused its workflow, which neither answers nor goes on
   */
  readonly state: 'running' | 'held' | 'removed' | 'lost';
  /** Of a lost one, for people: `its workflow was terminated on 2026-11-29T02:00:00.000Z`. */
  readonly how: string;
}

const lostBy: Readonly<Record<string, string>> = {
  TERMINATED: 'was terminated',
  FAILED: 'failed',
  TIMED_OUT: 'timed out',
  CANCELLED: 'was cancelled',
};

/** `undefined` where the server has never heard of it, or has forgotten it. Not from the index, which lags behind. */
export async function standingOf(client: Client, name: string): Promise<Standing | undefined> {
  try {
    return standingIn(name, await environmentHandle(client, name).describe());
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

function standingIn(name: string, description: WorkflowExecutionDescription): Standing {
  const { status, closeTime, typedSearchAttributes } = description;
  const attribute = (key: string): string =>
    typedSearchAttributes.get(defineSearchAttributeKey(key, 'KEYWORD')) ?? '';
  const lost = lostBy[status.name];
  const states: Readonly<Record<string, Standing['state']>> = { COMPLETED: 'removed', PAUSED: 'held' };
  return {
    name,
    stack: attribute(searchAttributes.stack),
    target: attribute(searchAttributes.target),
    state: lost === undefined ? (states[status.name] ?? 'running') : 'lost',
    how: `its workflow ${lost ?? 'ended'} on ${closeTime?.toISOString() ?? ''}`,
  };
}

/**
 * What the server says of the workflow.
 * @throws TracewrightError `environment.not-found`, `environment.orphaned`, `environment.held`
 */
export async function describeEnvironment(
  client: Client,
  name: string,
): Promise<WorkflowExecutionDescription> {
  const description = await refusable(name, () => environmentHandle(client, name).describe());
  const { state, how } = standingIn(name, description);
  if (state === 'held') throw heldByOperator(name);
  if (state !== 'lost') return description;
  throw new TracewrightError({
    type: 'environment.orphaned',
    message: `The environment "${name}" is orphaned: ${how}.`,
    remedy: orphanedRemedy(name),
  });
}

/** The environments whose workflow ended without a teardown and was not started again. */
export async function listLost(client: Client): Promise<Standing[]> {
  const statuses = ['Terminated', 'Failed', 'TimedOut', 'Canceled'].map((it) => `"${it}"`).join(', ');
  const query = `WorkflowType = "environment" AND ExecutionStatus IN (${statuses})`;
  const names = new Set<string>();
  for await (const { workflowId } of client.workflow.list({ query }))
    names.add(workflowId.slice(environmentWorkflowId('').length));
  const standings = await Promise.all([...names].map((name) => standingOf(client, name)));
  return standings.flatMap((it) => (it?.state === 'lost' ? [it] : []));
}

/**
 * The environment that a command means: the one named, or the only one there is.
 * @throws TracewrightError `environment.not-found`, `usage.invalid` when the name is needed
 */
export async function chooseEnvironment(client: Client, name: string | undefined): Promise<string> {
  if (name !== undefined) return name;
  const [first, ...others] = await listEnvironments(client);
  if (!first) throw noEnvironment();
  if (others.length === 0) return first.name;
  throw new TracewrightError({
    type: 'usage.invalid',
    message: `There are several environments: ${[first, ...others].map((it) => it.name).join(', ')}.`,
    remedy: 'Say which one with --name.',
  });
}

/**
 * Starts the environment, or tells the running one what it should be.
 * @param hostId of the machine that makes the cluster if it is a local one
 * @param updateId as in `AskedUpdate`
 */
export async function applySpec(
  client: Client,
  name: string,
  spec: EnvironmentSpec,
  hostId: string,
  updateId?: string,
): Promise<RunTicket> {
  const { WithStartWorkflowOperation } = await import('@temporalio/client');
  const input: EnvironmentInput = { name, spec, ...(spec.target.kind !== 'kubeconfig' && { hostId }) };
  const start = new WithStartWorkflowOperation<typeof environment>('environment', {
    ...startOptions(input, 'Provisioning'),
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  return refusable(name, () =>
    client.workflow.executeUpdateWithStart<typeof environment, RunTicket, [{ spec: EnvironmentSpec }]>(
      'apply',
      {
        args: [{ spec }],
        startWorkflowOperation: start,
        ...(updateId !== undefined && { updateId }),
      },
    ),
  );
}

function startOptions(input: EnvironmentInput, phase: Phase) {
  const { name, spec, snapshot } = input;
  const hostId = input.hostId ?? snapshot?.hostId;
  return {
    ...environmentStart({ name, spec, hostId, phase, now: Date.now() }),
    taskQueue: sharedTaskQueue,
    args: [input] as [EnvironmentInput],
  };
}

/** What there is to be taken away of an environment that has no workflow any more. */
export interface Remains {
  readonly spec: EnvironmentSpec;
  readonly leftovers: readonly Leftover[];
  /** Of what stands in a cluster that stays. */
  readonly cluster?: ClusterRef;
  /** The machine that holds a local cluster. */
  readonly hostId?: string;
}

/**
 * What the history of a workflow tells that ended without a teardown. `undefined` when it tells nothing: it failed at
 * its very start, or nobody answers who can read it.
 */
export async function queryRemains(client: Client, name: string): Promise<Remains | undefined> {
  const spec = await findSpec(client, name);
  if (!spec) return undefined;
  const { cluster, hostId } = await queryProgress(client, name);
  const leftovers = await findLeftovers(client, name);
  return { spec, leftovers, ...(cluster && { cluster }), ...(hostId !== undefined && { hostId }) };
}

/**
 * Starts the workflow of an environment again in order to take away what remains of it: from then on a teardown like
 * any other. Should it run by now, it is asked for its own teardown.
 */
export async function tearDownRemains(client: Client, name: string, remains: Remains): Promise<void> {
  const { spec, leftovers } = remains;
  const steps = installedPlanOf(spec.stack, leftovers).map((step) => ({
    ...step,
    state: 'pending' as const,
  }));
  const snapshot = { ...remains, startedAt: Date.now(), run: 0, steps, lifetime: {} };
  await client.workflow.signalWithStart<typeof environment>('environment', {
    ...startOptions({ name, spec, snapshot }, 'TearingDown'),
    signal: 'teardown',
  });
}

interface AskedUpdate {
  /** The same one sent again is not done again: its first answer is given. @default a new id */
  readonly updateId?: string;
}

/** Sends an update; a refusal by the environment becomes a TracewrightError with its reason. */
export async function sendUpdate(
  client: Client,
  name: string,
  update: 'verify' | 'abort' | 'pause' | 'resume',
  asked?: AskedUpdate,
): Promise<RunTicket>;
export async function sendUpdate(
  client: Client,
  name: string,
  update: 'retry' | 'skip',
  asked: AskedUpdate & StepDecision,
): Promise<RunTicket>;
export async function sendUpdate(
  client: Client,
  name: string,
  update: string,
  { step, ...asked }: AskedUpdate & Partial<StepDecision> = {},
): Promise<RunTicket> {
  const handle = environmentHandle(client, name);
  return refusable(name, () =>
    step === undefined
      ? handle.executeUpdate<RunTicket, []>(update, asked)
      : handle.executeUpdate<RunTicket, [StepDecision]>(update, { ...asked, args: [{ step }] }),
  );
}

/** Sends the teardown signal; an environment that ended meanwhile needs none. */
export async function requestTeardown(client: Client, name: string): Promise<void> {
  try {
    await environmentHandle(client, name).signal('teardown');
  } catch (error) {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
  }
}

export async function queryProgress(client: Client, name: string): Promise<Progress> {
  const progress = await refusable(name, () => environmentHandle(client, name).query<Progress>('progress'));
  return withPlace(client, progress);
}

/** What the environment is to be, with the stack as its file said it. */
export async function querySpec(client: Client, name: string): Promise<EnvironmentSpec> {
  return refusable(name, () => environmentHandle(client, name).query<EnvironmentSpec>('spec'));
}

/**
 * As `querySpec`; `undefined` when there is no such environment, or it was taken away. One whose workflow was ended by
 * force is still what it was told to be.
 */
export async function findSpec(client: Client, name: string): Promise<EnvironmentSpec | undefined> {
  const standing = await standingOf(client, name);
  if (!standing || standing.state === 'removed') return undefined;
  if (standing.state === 'held') throw heldByOperator(name);
  try {
    return await environmentHandle(client, name).query<EnvironmentSpec>('spec');
  } catch (error) {
    // One that failed at its very start has nothing to say.
    if (error instanceof QueryNotRegisteredError || error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

/** In milliseconds. */
const holderWithinMs = 5_000;

/**
 * The machine that holds the environment; `undefined` where there is none, it is on a cluster that any machine reaches, or
 * nobody can tell. An environment that another client has started is asked itself, if a worker serves it.
 */
export async function findHolder(client: Client, name: string): Promise<string | undefined> {
  const handle = environmentHandle(client, name);
  try {
    const { status, memo, typedSearchAttributes } = await handle.describe();
    if (status.name !== 'RUNNING') return undefined;
    const target = typedSearchAttributes.get(defineSearchAttributeKey(searchAttributes.target, 'KEYWORD'));
    if (target === 'kubeconfig') return undefined;
    const named = memo?.[startMemo.hostId];
    if (typeof named === 'string') return named;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
  const ask = (): Promise<Progress> => handle.query<Progress>('progress');
  const progress = await client.withDeadline(Date.now() + holderWithinMs, ask).catch(() => undefined);
  return progress?.hostId;
}

/** What an earlier upgrade has left to remove; nothing where the worker is older than this question. */
export async function findLeftovers(client: Client, name: string): Promise<readonly Leftover[]> {
  try {
    return await environmentHandle(client, name).query<readonly Leftover[]>('leftovers');
  } catch (error) {
    if (error instanceof QueryNotRegisteredError) return [];
    throw error;
  }
}
