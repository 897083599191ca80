import type { Config } from '../config.js';
import { TracewrightError } from '../domain/failure.js';
import { embeddedSettings, resolveConnection, type ConnectionSettings } from './connection.js';
import { observeServer } from './server.js';

/**
 * The connection for a process that starts no server: the worker, and commands that only look. With the embedded server
 * its address comes from the record of the running one.
 * @throws TracewrightError `temporal.unreachable` when the embedded server does not run, `config.invalid`
 */
export async function currentConnection(
  config: Pick<Config, 'stateDir' | 'environment'>,
): Promise<ConnectionSettings> {
  const resolved = resolveConnection(config);
  if (resolved.kind === 'external') return resolved.settings;
  const server = await observeServer(config);
  if (server && server.state !== 'dead') return embeddedSettings(server.address);
  throw new TracewrightError({
    type: 'temporal.unreachable',
    message: server
      ? `The embedded Temporal server (${server.address}) was killed.`
      : `No embedded Temporal server runs for the state folder ${config.stateDir}.`,
    remedy: 'Run `tracewright up`: it starts one. For a server of your own set TEMPORAL_ADDRESS.',
  });
}
