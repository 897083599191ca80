import { Client } from '@temporalio/client';
import type { Config } from '../config.js';
import { connectClient } from './client-connection.js';
import { currentConnection } from './current-connection.js';

export interface WithClientOptions {
  /** For all that `work` asks for, in milliseconds. @default no limit but those of the calls */
  readonly withinMs?: number;
}

/**
 * Runs `work` with a client of the Temporal server, which is not started for it, and closes the connection after it: no
 * call of `work` may be open then.
 * @throws TracewrightError `temporal.unreachable`, `config.invalid`; what `work` throws
 */
export async function withClient<T>(
  config: Pick<Config, 'stateDir' | 'environment'>,
  work: (client: Client) => Promise<T>,
  { withinMs }: WithClientOptions = {},
): Promise<T> {
  const settings = await currentConnection(config);
  const connection = await connectClient(settings);
  try {
    const client = new Client({ connection, namespace: settings.namespace });
    return await (withinMs === undefined
      ? work(client)
      : connection.withDeadline(Date.now() + withinMs, () => work(client)));
  } finally {
    await connection.close();
  }
}
