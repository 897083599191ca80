import {
  QueryNotRegisteredError,
  WorkflowNotFoundError,
  WorkflowUpdateFailedError,
  type Client,
  type WorkflowHandle,
} from '@temporalio/client';
import { defineSearchAttributeKey } from '@temporalio/common';
import { TracewrightError, isFailureType } from '../domain/failure.js';
import type { Leftover } from '../domain/leftovers.js';
import { environmentWorkflowId, searchAttributes, sharedTaskQueue } from '../domain/names.js';
import type { EnvironmentSpec, Progress } from '../domain/progress.js';
import type { environment, EnvironmentInput } from '../workflows/index.js';
import type { RunTicket, StepDecision } from '../workflows/messages.js';
import { searchAttributesOf } from '../workflows/search-attributes.js';

export type EnvironmentHandle = WorkflowHandle<typeof environment>;

/** An environment that is not removed. */
export interface EnvironmentListing {
  readonly name: string;
  readonly stack: string;
  readonly target: string;
  readonly phase: string;
  readonly startedAt: Date;
}

/** In milliseconds since the epoch. */
const startedAtMemo = 'startedAt';

export function environmentHandle(client: Client, name: string): EnvironmentHandle {
  return client.workflow.getHandle<typeof environment>(environmentWorkflowId(name));
}

/** The environments that are not removed, as the server's index knows them: it may lag behind by a moment. */
export async function listEnvironments(client: Client): Promise<EnvironmentListing[]> {
  const found: EnvironmentListing[] = [];
  const query = 'WorkflowType = "environment" AND ExecutionStatus = "Running"';
  for await (const execution of client.workflow.list({ query })) {
    const attribute = (name: string): string => {
      return execution.typedSearchAttributes.get(defineSearchAttributeKey(name, 'KEYWORD')) ?? '';
    };
    found.push({
      name: execution.workflowId.slice(environmentWorkflowId('').length),
      stack: attribute(searchAttributes.stack),
      target: attribute(searchAttributes.target),
      phase: attribute(searchAttributes.phase),
      startedAt: new Date(Number(execution.memo?.[startedAtMemo] ?? execution.startTime)),
    });
  }
  return found;
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
 * @param hostId of this machine, which makes the cluster if it is a local one
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
    workflowId: environmentWorkflowId(name),
    taskQueue: sharedTaskQueue,
    workflowIdConflictPolicy: 'USE_EXISTING',
    args: [input],
    staticSummary: `Environment ${name}: stack "${spec.stack.name}" on target ${spec.target.kind}`,
    staticDetails: staticDetails(name, spec),
    // Unlike the start time of the run, this survives continue-as-new.
    memo: { [startedAtMemo]: Date.now() },
    typedSearchAttributes: searchAttributesOf({
      environment: name,
      stack: spec.stack.name,
      target: spec.target.kind,
      phase: 'Provisioning',
    }),
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

export interface AskedUpdate {
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
  return refusable(name, () => environmentHandle(client, name).query<Progress>('progress'));
}

/** What the environment is to be, with the stack as its file said it. */
export async function querySpec(client: Client, name: string): Promise<EnvironmentSpec> {
  return refusable(name, () => environmentHandle(client, name).query<EnvironmentSpec>('spec'));
}

/** As `querySpec`; `undefined` when there is no such environment, or it was taken away. */
export async function findSpec(client: Client, name: string): Promise<EnvironmentSpec | undefined> {
  const handle = environmentHandle(client, name);
  try {
    const { status } = await handle.describe();
    return status.name === 'RUNNING' ? await handle.query<EnvironmentSpec>('spec') : undefined;
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
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

/** Runs a call about an environment; what the server or the environment says against it becomes a TracewrightError. */
export async function refusable<T>(name: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) throw notFound(name, error);
    if (!(error instanceof WorkflowUpdateFailedError)) throw error;
    const cause = error.cause as (Error & { type?: string }) | undefined;
    throw new TracewrightError({
      type: isFailureType(cause?.type) ? cause.type : 'update.refused',
      message: `${name}: ${cause?.message ?? error.message}`,
      remedy: `See \`tracewright status --name ${name}\`.`,
      cause: error,
    });
  }
}

/** There is nothing that a command could be about. */
export function noEnvironment(): TracewrightError {
  return new TracewrightError({
    type: 'environment.not-found',
    message: 'There is no environment.',
    remedy: 'Start one with `tracewright up`.',
  });
}

export function notFound(name: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'environment.not-found',
    message: `There is no environment "${name}".`,
    remedy: '`tracewright list` shows all; `tracewright up --name <name>` makes one.',
    cause,
  });
}

function staticDetails(name: string, spec: EnvironmentSpec): string {
  const { stack, target } = spec;
  const components = Object.entries(stack.components).map(
    ([id, { title, needs }]) =>
      `- **${id}**${title === undefined || title === id ? '' : `, ${title}`}${needs.length > 0 ? `, after ${needs.join(' and ')}` : ''}`,
  );
  const context = target.context === undefined ? '' : `, context \`${target.context}\``;
  const commands = ['status', 'retry', 'skip', 'abort', 'verify', 'trace', 'down'];
  return [
    `**${stack.name}**: ${stack.description}`,
    `Environment \`${name}\` on target \`${target.kind}\`${context}. First the cluster, then side by side:`,
    components.join('\n'),
    'At the end a ride through HotROD, which must be found in Tempo, is the proof.',
    `**Current Details** tell how far each step is, and what to do about one that is blocked. Commands: \`tracewright\` ${commands.map((it) => `\`${it}\``).join(', ')}, with \`--name ${name}\`.`,
  ].join('\n\n');
}
