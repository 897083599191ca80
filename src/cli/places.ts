import { QueryNotRegisteredError, WorkflowNotFoundError, type Client } from '@temporalio/client';
import { environmentWorkflowId, slotKeeperId } from '../domain/names.js';
import type { Progress } from '../domain/progress.js';
import { placeIn, type SlotQueue } from '../domain/slots.js';

/** Who holds a slot of a machine and who waits for one; `undefined` where nobody does. */
export async function findSlotQueue(client: Client, hostId: string): Promise<SlotQueue | undefined> {
  try {
    return await client.workflow.getHandle(slotKeeperId(hostId)).query<SlotQueue>('slots');
  } catch (error) {
    if (error instanceof WorkflowNotFoundError || error instanceof QueryNotRegisteredError) return undefined;
    throw error;
  }
}

/** With its place in the line of the machine, where it waits there. */
export async function withPlace(client: Client, progress: Progress): Promise<Progress> {
  const { environment: name, phase, hostId } = progress;
  const [placed] = await withPlaces(client, [{ name, phase, ...(hostId !== undefined && { hostId }) }]);
  return { ...progress, ...(placed?.place !== undefined && { place: placed.place }) };
}

interface Listed {
  readonly name: string;
  readonly phase: string;
  readonly hostId?: string;
}

/** The same for many; each machine is asked once, and none for whom nobody waits. */
export async function withPlaces<T extends Listed>(
  client: Client,
  environments: readonly T[],
): Promise<(T & { readonly place?: number })[]> {
  const waiting = environments.filter(({ phase }) => phase === 'Queued');
  const hosts = new Set(waiting.flatMap(({ hostId }) => hostId ?? []));
  const queues = new Map(
    await Promise.all([...hosts].map(async (it) => [it, await findSlotQueue(client, it)] as const)),
  );
  return environments.map((it) => {
    const queue = it.phase === 'Queued' ? queues.get(it.hostId ?? '') : undefined;
    const place = queue && placeIn(queue, environmentWorkflowId(it.name));
    return place === undefined ? it : { ...it, place };
  });
}
