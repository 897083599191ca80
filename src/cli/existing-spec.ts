import { Client } from '@temporalio/client';
import type { EnvironmentSpec } from '../domain/progress.js';
import { connectClient } from '../temporal/client-connection.js';
import { resolveConnection } from '../temporal/connection.js';
import { currentConnection } from '../temporal/current-connection.js';
import { observeServer } from '../temporal/server.js';
import { toFailure } from '../domain/failure.js';
import type { CliContext } from './context.js';
import { findSpec } from './environments.js';

/** The answer comes from a worker; where none runs, nobody answers. In milliseconds. */
const answerWithinMs = 5_000;

/**
 * What the environment is told to be now, asked of the Temporal server where one runs: neither a server nor a worker is
 * started for it. What cannot be asked is said and left out.
 */
export async function existingSpec(
  { config, note, paint }: CliContext,
  name: string,
): Promise<EnvironmentSpec | undefined> {
  const embedded = resolveConnection(config).kind === 'embedded';
  if (embedded && (await observeServer(config))?.state !== 'serving') return undefined;
  try {
    const settings = await currentConnection(config);
    const connection = await connectClient(settings);
    try {
      const client = new Client({ connection, namespace: settings.namespace });
      return await connection.withDeadline(Date.now() + answerWithinMs, () => findSpec(client, name));
    } finally {
      await connection.close();
    }
  } catch (error) {
    const why = toFailure(error).message;
    note(
      paint('yellow', `What the environment "${name}" is now could not be asked, and does not count: ${why}`),
    );
    return undefined;
  }
}
