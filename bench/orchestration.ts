import { Client, Connection } from '@temporalio/client';
import type { temporal } from '@temporalio/proto';
import { environmentWorkflowId } from '../src/domain/names.js';

type Event = temporal.api.history.v1.IHistoryEvent;

/**
 * What Temporal and the workflow add to the tools' own times, from the history of the first run: for each activity the
 * time from the completion that made it possible (or the start of the workflow) to its start on the worker.
 * @returns the mean over all activities, in milliseconds
 */
export async function orchestrationOf(address: string, environment: string): Promise<number> {
  const connection = await Connection.connect({ address });
  try {
    const handle = new Client({ connection }).workflow.getHandle(environmentWorkflowId(environment));
    const { events } = await handle.fetchHistory();
    return measure(events ?? []);
  } finally {
    await connection.close();
  }
}

function measure(events: readonly Event[]): number {
  let cause = at(events[0]);
  const scheduled = new Map<string, number>();
  const delays: number[] = [];
  for (const event of events) {
    if (event.activityTaskScheduledEventAttributes) scheduled.set(String(event.eventId), cause);
    const started = event.activityTaskStartedEventAttributes;
    if (started) delays.push(at(event) - (scheduled.get(String(started.scheduledEventId)) ?? at(event)));
    if (event.activityTaskCompletedEventAttributes) cause = at(event);
  }
  return delays.reduce((sum, it) => sum + it, 0) / delays.length;
}

function at(event: Event | undefined): number {
  const time = event?.eventTime;
  return Number(time?.seconds ?? 0) * 1_000 + (time?.nanos ?? 0) / 1e6;
}
