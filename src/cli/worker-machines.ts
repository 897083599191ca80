import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, WorkflowFailedError, type WorkflowHandle } from '@temporalio/client';
import { ActivityFailure, ApplicationFailure, TimeoutFailure } from '@temporalio/common';
import type { Config } from '../config.js';
import { type Failure, isFailureType, TracewrightError } from '../domain/failure.js';
import type { Machine, MachineQuestion, MachineReport } from '../domain/machine.js';
import { machineOfWorker, sharedTaskQueue } from '../domain/names.js';
import { gib } from '../targets/limits.js';
import { thisMachine } from '../targets/machine.js';
import { untilInterrupted } from '../temporal/client-connection.js';
import { grpcCodeOf, grpcStatus } from '../temporal/grpc-status.js';
import { knownHostId } from '../temporal/host-id.js';
import { withClient } from '../temporal/server.js';
import { workflowPollers } from '../temporal/worker-process.js';
import type { ToolSource } from '../tools/find-program.js';
import type { askMachine } from '../workflows/index.js';
import { findHolder } from './environments.js';

/** A machine as its workers call it. */
type WorkerMachine = NonNullable<Machine['worker']>;

/** Until a worker takes the question; in milliseconds. One that lives takes it at once. */
const takenWithinMs = 10_000;

/** For a look at the machine: a Docker engine that hangs, and a cluster that does not answer, take their time. */
const answerWithin = '90s';

/**
 * The machines that may do the work behind a Temporal server of one's own, in the order of preference: the one that holds
 * the environment; or else this one, where `up` starts a worker, and then those whose workers the server knows. This one
 * looks for itself: its worker works with the variables of the shell that asks.
 * @throws TracewrightError `temporal.unreachable`, `config.invalid`
 */
export async function machinesOfWorkers(
  config: Config & Partial<Pick<ToolSource, 'onProgress'>>,
  name: string | undefined,
  signal?: AbortSignal,
): Promise<readonly Machine[]> {
  const own = await knownHostId(config.stateDir);
  return withClient(config, async (client) => {
    const workers = await listWorkers(client);
    const holder = name === undefined ? undefined : await findHolder(client, name);
    if (holder !== undefined && holder !== own) {
      const known = workers.find(({ hostId }) => hostId === holder);
      return [machineOf(config, known ?? { hostId: holder, name: holder }, signal)];
    }
    if (holder !== undefined) return [thisMachine(config)];
    const others = workers.filter(({ hostId }) => hostId !== own);
    return [thisMachine(config), ...others.map((it) => machineOf(config, it, signal))];
  });
}

function machineOf(config: Config, worker: WorkerMachine, signal: AbortSignal | undefined): Machine {
  const asked = (more: Omit<MachineQuestion, 'hostId'>): Promise<MachineReport> =>
    withClient(config, (client) => ask(client, worker, more, signal));
  let first: Promise<MachineReport> | undefined;
  const report = (): Promise<MachineReport> => (first ??= asked({}));
  return {
    worker,
    lookAt: async (kind) => (await report()).targets[kind],
    clusters: async () => (await report()).clusters,
    whyUnreachable: async (addresses) => (await asked({ addresses })).unreachable,
    examine: async (what) => {
      const { checks, tools, ...facts } = await asked(what);
      return { checks: [{ name: 'host', state: 'ok', detail: factsText(facts) }, ...checks], tools };
    },
  };
}

function factsText(facts: Omit<MachineReport, 'checks' | 'tools'>): string {
  const { name, platform, root, cpus, memoryBytes } = facts;
  const memory = `${gib(memoryBytes)} of memory`;
  return `${name}: ${platform}, ${root ? 'as root' : 'not as root'}, ${String(cpus)} CPUs, ${memory}; so says its worker.`;
}

/** The machines whose workers poll the shared queue, as the server knows them: none where it does not say. */
async function listWorkers(client: Client): Promise<WorkerMachine[]> {
  const pollers = await workflowPollers(client, client.options.namespace).catch((error: unknown) => {
    if (grpcCodeOf(error) === grpcStatus.permissionDenied) return [];
    throw error;
  });
  return machinesOf(
    pollers.map(({ identity, lastAccessTime }) => ({
      identity: identity ?? '',
      polledAt: Number(lastAccessTime?.seconds ?? 0),
    })),
  );
}

/** A poll that brings no task ends after a minute, and the next one begins; in seconds. */
const pollingEvery = 70;

/**
 * The machines of pollers, in an order that stays. The server remembers pollers for five minutes: those that others have
 * outlasted (pods that were replaced are machines that are gone) come last, since each of them is asked in vain.
 * @param pollers what they call themselves, and when the server had a poll of them last, in its own seconds
 */
export function machinesOf(
  pollers: readonly { readonly identity: string; readonly polledAt: number }[],
): WorkerMachine[] {
  const lastPoll = new Map<string, number>();
  const machines = new Map<string, WorkerMachine>();
  for (const { identity, polledAt } of pollers) {
    const machine = machineOfWorker(identity);
    if (!machine) continue;
    machines.set(machine.hostId, machine);
    lastPoll.set(machine.hostId, Math.max(polledAt, lastPoll.get(machine.hostId) ?? 0));
  }
  const latest = Math.max(...lastPoll.values());
  const isGone = ({ hostId }: WorkerMachine): number =>
    latest - (lastPoll.get(hostId) ?? 0) > pollingEvery ? 1 : 0;
  return [...machines.values()].toSorted(
    (a, b) => isGone(a) - isGone(b) || a.hostId.localeCompare(b.hostId, 'en'),
  );
}

/**
 * Asks the worker of a machine, through a short workflow whose activity runs there.
 * @throws TracewrightError `temporal.worker-missing`, `host.lost`, `worker.outdated`, and what the look itself fails with
 */
async function ask(
  client: Client,
  worker: WorkerMachine,
  question: Omit<MachineQuestion, 'hostId'>,
  signal?: AbortSignal,
): Promise<MachineReport> {
  const handle = await client.workflow.start<typeof askMachine>('askMachine', {
    workflowId: `machine-${worker.hostId}-${randomUUID()}`,
    taskQueue: sharedTaskQueue,
    args: [{ ...question, hostId: worker.hostId }],
    workflowRunTimeout: answerWithin,
    staticSummary: `What the machine ${worker.name} can do`,
  });
  const [result, ended] = [handle.result(), new AbortController()];
  try {
    const answered = Promise.race([result, requireTaken(handle, worker, ended.signal)]);
    return await (signal ? untilInterrupted(signal, answered) : answered);
  } catch (error) {
    await handle.terminate('nobody waits for the answer').catch(() => undefined);
    // No call may be open when the connection is closed.
    await result.catch(() => undefined);
    throw failureOf(error, worker);
  } finally {
    ended.abort();
  }
}

/** @throws TracewrightError when no worker has taken the question in time, or only such as do not know it */
async function requireTaken(
  handle: WorkflowHandle,
  worker: WorkerMachine,
  ended: AbortSignal,
): Promise<never> {
  await sleep(takenWithinMs, undefined, { signal: ended }).catch(() => undefined);
  const { events } = ended.aborted ? {} : await handle.fetchHistory();
  if (events && !events.some((it) => it.workflowTaskCompletedEventAttributes))
    throw events.some((it) => it.workflowTaskFailedEventAttributes) ? outdated(worker) : missing(worker);
  return new Promise(() => undefined);
}

function failureOf(error: unknown, worker: WorkerMachine): unknown {
  if (!(error instanceof WorkflowFailedError)) return error;
  const failed = error.cause instanceof ActivityFailure ? error.cause.cause : error.cause;
  if (failed instanceof TimeoutFailure) return lost(worker, error);
  if (!(failed instanceof ApplicationFailure)) return error;
  // So the SDK calls an activity that is not registered.
  if (failed.type === 'NotFoundError') return outdated(worker, error);
  const [failure] = (failed.details ?? []) as Failure[];
  return isFailureType(failure?.type) ? new TracewrightError({ ...failure, cause: error }) : error;
}

function missing({ name }: WorkerMachine): TracewrightError {
  return new TracewrightError({
    type: 'temporal.worker-missing',
    message: `The Temporal server answers, but no worker takes the question what the machine ${name} can do.`,
    remedy: 'Run `tracewright up` on that machine, or start its worker with `npm run worker`.',
  });
}

function lost({ name }: WorkerMachine, cause: unknown): TracewrightError {
  return new TracewrightError({
    type: 'host.lost',
    message: `The machine ${name} that would do the work was asked what it can do, but its worker did not answer.`,
    remedy: 'Run `tracewright up` on that machine, or start its worker with `npm run worker`.',
    cause,
  });
}

function outdated({ name }: WorkerMachine, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'worker.outdated',
    message: `The worker of the machine ${name} is of an older version: it does not tell what its machine can do.`,
    remedy: 'Update Tracewright on every machine with a worker, and start the workers again.',
    cause,
  });
}
