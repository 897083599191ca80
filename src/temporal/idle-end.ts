import { stat, utimes } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Client } from '@temporalio/client';
import type { Config } from '../config.js';
import { openEnvironmentsQuery } from '../domain/names.js';
import { daemonRecordPath } from '../tools/daemon.js';
import { serverPlace } from './server-process.js';

type Place = Pick<Config, 'stateDir'>;

export interface IdleOptions {
  /** In milliseconds, between two looks. @default 20000 */
  readonly intervalMs?: number;
  /** @default that of `isServerQuiet` */
  readonly quietMs?: number;
  readonly signal: AbortSignal;
}

const recordOf = (stateDir: string): string => daemonRecordPath(serverPlace(stateDir));

/** Notes that a command uses the embedded server: whoever ends what nobody needs leaves it alone for a while. */
export async function markServerUsed({ stateDir }: Place): Promise<void> {
  const now = new Date();
  await utimes(recordOf(stateDir), now, now);
}

/** Whether no command has used the embedded server for `quietMs`: one that did may be about to start something. */
export async function isServerQuiet({ stateDir }: Place, quietMs = 60_000): Promise<boolean> {
  const record = await stat(recordOf(stateDir)).catch(() => undefined);
  return !record || Date.now() - record.mtimeMs >= quietMs;
}

/**
 * Waits until nobody needs the embedded server: no environment lives, and no command has used the server of late. That
 * is so after the last environment has come to the end of its time to live, or when its `down` was left alone.
 * @returns false when `signal` fires first
 */
export async function untilIdle(config: Place, client: Client, options: IdleOptions): Promise<boolean> {
  const { intervalMs = 20_000, quietMs, signal } = options;
  for (;;) {
    await sleep(intervalMs, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return false;
    if (!(await isServerQuiet(config, quietMs))) continue;
    // A server that does not answer is not idle: somebody may bring it back.
    const living = await client.workflow.count(openEnvironmentsQuery).catch(() => undefined);
    // Asked once more: a command may have come while the server was counting.
    if (living?.count === 0 && (await isServerQuiet(config, quietMs))) return true;
  }
}
