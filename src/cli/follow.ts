import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { LiveDetail, Progress } from '../domain/progress.js';
import { environmentHandle, queryProgress } from './environments.js';

/** What a running step does at the moment. */
export interface LiveStep extends LiveDetail {
  /** 1 for the first. */
  readonly attempt: number;
  /** Why the last attempt failed, while the next one waits or runs. */
  readonly lastFailure?: string;
}

/** An environment at one moment. */
export interface Snapshot {
  readonly progress: Progress;
  /** By the name of the step. */
  readonly live: ReadonlyMap<string, LiveStep>;
}

/** Between two looks. Queries cost the server about 8 ms. */
const intervalMs = 400;

/**
 * Looks at an environment again and again until `until` holds or the signal fires, and yields what it saw each time,
 * the last one included.
 */
export async function* follow(
  client: Client,
  name: string,
  until: (progress: Progress) => boolean,
  signal: AbortSignal,
): AsyncGenerator<Snapshot> {
  while (!signal.aborted) {
    const snapshot = await look(client, name);
    yield snapshot;
    if (until(snapshot.progress)) return;
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
  }
}

/** The progress of the workflow together with what its running activities tell in their heartbeats. */
export async function look(client: Client, name: string): Promise<Snapshot> {
  const [progress, live] = await Promise.all([queryProgress(client, name), liveSteps(client, name)]);
  return { progress, live };
}

async function liveSteps(client: Client, name: string): Promise<Map<string, LiveStep>> {
  const { raw } = await environmentHandle(client, name).describe();
  const converter = client.options.loadedDataConverter.payloadConverter;
  const steps = (raw.pendingActivities ?? []).map((activity): [string, LiveStep] => {
    const [payload] = activity.heartbeatDetails?.payloads ?? [];
    const details = payload ? converter.fromPayload<{ live: LiveDetail }>(payload) : undefined;
    const lastFailure = activity.lastFailure?.message;
    return [
      activity.activityId ?? '',
      {
        ...(details?.live ?? { text: '' }),
        attempt: activity.attempt ?? 1,
        ...(typeof lastFailure === 'string' && lastFailure !== '' && { lastFailure }),
      },
    ];
  });
  return new Map(steps);
}

/** Whether nothing happens any more without a decision or a request. */
export function isSettled(progress: Progress): boolean {
  if (progress.steps.some((step) => step.state === 'running' || step.state === 'removing')) return false;
  return ['Ready', 'Blocked', 'Stopped', 'Removed'].includes(progress.phase);
}
