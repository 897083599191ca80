import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ApplicationFailure } from '@temporalio/common';
import type { AsyncCompletionClient } from '@temporalio/client';
import type { Config } from '../config.js';
import type { Failure } from '../domain/failure.js';
import { lostAttempts } from '../tools/tool-claim.js';
import { toolFolder } from './tool-step.js';

/**
 * Tells the server which steps died with an earlier worker of this machine: it tries them again at once instead of
 * waiting for their heartbeats. What it cannot be told it finds out by itself, after the heartbeat timeout.
 * @returns how many attempts were reported
 */
export async function reportLostAttempts(
  { stateDir }: Pick<Config, 'stateDir'>,
  server: Pick<AsyncCompletionClient, 'fail'>,
): Promise<number> {
  const environments = await readdir(join(stateDir, 'environments')).catch(() => []);
  const lost = await Promise.all(environments.map((name) => lostAttempts(toolFolder(stateDir, name))));
  const reports = lost.flat().map(async (token) => {
    await server.fail(Buffer.from(token, 'base64'), killed());
  });
  return (await Promise.allSettled(reports)).filter(({ status }) => status === 'fulfilled').length;
}

function killed(): ApplicationFailure {
  const failure: Failure = {
    type: 'worker.shutdown',
    message: 'The worker was killed in the middle of the step.',
    remedy: 'Nothing: the next worker goes on with it.',
    retryable: true,
  };
  return ApplicationFailure.create({ type: failure.type, message: failure.message, details: [failure] });
}
