import type { Client, WorkflowHandle } from '@temporalio/client';
import { TracewrightError } from '../domain/failure.js';
import type { FleetProgress, FleetState, FleetWish } from '../domain/fleet.js';
import { fleetWorkflowId, openFleetsQuery, sharedTaskQueue } from '../domain/names.js';
import type { fleet, FleetInput } from '../workflows/fleet.js';
import type { FleetTicket } from '../workflows/messages.js';
import { withPlaces } from './places.js';
import { refusable } from './refusals.js';

type FleetHandle = WorkflowHandle<typeof fleet>;

function fleetHandle(client: Client, name: string): FleetHandle {
  return client.workflow.getHandle<typeof fleet>(fleetWorkflowId(name));
}

/** The names of the fleets that are not over, as the server's index knows them: it may lag behind by a moment. */
export async function listFleets(client: Client): Promise<string[]> {
  const names: string[] = [];
  for await (const { workflowId } of client.workflow.list({ query: openFleetsQuery }))
    names.push(workflowId.slice(fleetWorkflowId('').length));
  return names.sort();
}

/**
 * The fleet that a command means: the one named, or the only one there is.
 * @throws TracewrightError `environment.not-found`, `usage.invalid` when the name is needed
 */
export async function chooseFleet(client: Client, name: string | undefined): Promise<string> {
  if (name !== undefined) return name;
  const [first, ...others] = await listFleets(client);
  if (first === undefined) throw noFleet();
  if (others.length === 0) return first;
  throw new TracewrightError({
    type: 'usage.invalid',
    message: `There are several fleets: ${[first, ...others].join(', ')}.`,
    remedy: 'Say which one with --name.',
  });
}

/** @param name the one that was meant; absent: any */
export function noFleet(name?: string): TracewrightError {
  return new TracewrightError({
    type: 'environment.not-found',
    message: name === undefined ? 'There is no fleet.' : `There is no fleet "${name}".`,
    remedy:
      'Start one with `tracewright fleet up --count 30 --name seat`; `tracewright list` shows what exists.',
  });
}

/** Starts the fleet, or tells the running one what it should be. @param updateId as in `ask` */
export async function applyWish(
  client: Client,
  name: string,
  wish: FleetWish,
  updateId: string,
): Promise<FleetTicket> {
  const { WithStartWorkflowOperation } = await import('@temporalio/client');
  const start = new WithStartWorkflowOperation<typeof fleet>('fleet', {
    ...startOptions({ name }),
    workflowIdConflictPolicy: 'USE_EXISTING',
  });
  return refusable(name, () =>
    client.workflow.executeUpdateWithStart<typeof fleet, FleetTicket, [FleetWish]>('fleetApply', {
      args: [wish],
      startWorkflowOperation: start,
      updateId,
    }),
  );
}

/** @throws TracewrightError `environment.not-found`, `update.refused` */
export async function verifyFleet(client: Client, name: string, updateId: string): Promise<FleetTicket> {
  const { status } = await refusable(name, () => fleetHandle(client, name).describe());
  if (status.name !== 'RUNNING') throw noFleet(name);
  return refusable(name, () =>
    fleetHandle(client, name).executeUpdate<FleetTicket, []>('fleetVerify', { updateId }),
  );
}

/**
 * Asks a fleet to take everything away. One whose workflow was ended by force is started again for it, with what it
 * knew.
 * @returns false when it is over, or there was none
 */
export async function tearDownFleet(client: Client, name: string): Promise<boolean> {
  const handle = fleetHandle(client, name);
  const status = (await ifThere(() => handle.describe()))?.status.name;
  if (status === undefined || status === 'COMPLETED') return false;
  if (status === 'RUNNING') {
    await handle.signal('fleetTeardown');
    return true;
  }
  const state = await handle.query<FleetState>('fleetState');
  await client.workflow.signalWithStart<typeof fleet>('fleet', {
    ...startOptions({ name, state }),
    signal: 'fleetTeardown',
  });
  return true;
}

/** With the place of each seat that waits for a slot of its machine. @throws TracewrightError `environment.not-found` */
export async function queryFleet(client: Client, name: string): Promise<FleetProgress> {
  const progress = await ifThere(() => fleetHandle(client, name).query<FleetProgress>('fleetProgress'));
  if (!progress) throw noFleet(name);
  const { hostId } = progress;
  const seats = progress.seats.map((it) => ({ ...it, ...(hostId !== undefined && { hostId }) }));
  const placed = await withPlaces(client, seats);
  return { ...progress, seats: placed.map(({ hostId: _, ...seat }) => seat) };
}

/** `undefined` where the server does not know the workflow. */
async function ifThere<T>(question: () => Promise<T>): Promise<T | undefined> {
  const { WorkflowNotFoundError } = await import('@temporalio/client');
  try {
    return await question();
  } catch (error) {
    if (error instanceof WorkflowNotFoundError) return undefined;
    throw error;
  }
}

function startOptions(input: FleetInput) {
  return {
    workflowId: fleetWorkflowId(input.name),
    taskQueue: sharedTaskQueue,
    args: [input] as [FleetInput],
    staticSummary: `Fleet ${input.name}`,
    staticDetails: `Environments that are installed, proved and taken away together: \`tracewright fleet status --name ${input.name}\`.`,
  };
}
