import type { Client } from '@temporalio/client';
import { toFailure } from '../domain/failure.js';
import type { Leftover } from '../domain/leftovers.js';
import type { EnvironmentSpec } from '../domain/progress.js';
import { resolveConnection } from '../temporal/connection.js';
import { observeServer } from '../temporal/server.js';
import type { CliContext } from './context.js';

/** What of the surroundings these need. */
type Asker = Pick<CliContext, 'config' | 'note' | 'paint'>;

/** The answer comes from a worker; where none runs, nobody answers. In milliseconds. */
const answerWithinMs = 5_000;

/** What there is of an environment before an install. */
interface Existing {
  readonly spec: EnvironmentSpec;
  /** Of earlier upgrades. */
  readonly leftovers: readonly Leftover[];
}

/**
 * What the environment is told to be now and what it still has to remove, asked of the Temporal server where one runs:
 * neither a server nor a worker is started for it. What cannot be asked is said and left out.
 */
export async function findExisting(asker: Asker, name: string): Promise<Existing | undefined> {
  const what = `What the environment "${name}" is now could not be asked, and does not count`;
  return askServer(asker, what, async (client) => {
    const { findLeftovers, findSpec } = await import('./environments.js');
    const spec = await findSpec(client, name);
    return spec && { spec, leftovers: await findLeftovers(client, name) };
  });
}

/** What the environment is told to be now: of the named environment or, without a name, of the only one there is. */
export async function existingEnvironment(
  asker: Asker,
  name: string | undefined,
): Promise<{ environment: string; spec: EnvironmentSpec | undefined } | undefined> {
  return askServer(asker, 'What environments keep could not be asked', async (client) => {
    const { findSpec, listEnvironments } = await import('./environments.js');
    const meant: readonly { name: string }[] =
      name === undefined ? await listEnvironments(client) : [{ name }];
    const [first, ...others] = meant;
    if (!first || others.length > 0) return undefined;
    return { environment: first.name, spec: await findSpec(client, first.name) };
  });
}

/** @param what cannot be asked: the beginning of the sentence that says so */
async function askServer<T>(
  { config, note, paint }: Asker,
  what: string,
  ask: (client: Client) => Promise<T>,
): Promise<T | undefined> {
  const embedded = resolveConnection(config).kind === 'embedded';
  if (embedded && (await observeServer(config))?.state !== 'serving') return undefined;
  // Loaded only now: the client of Temporal takes longer than all the rest.
  const { withClient } = await import('../temporal/server.js');
  try {
    return await withClient(config, ask, { withinMs: answerWithinMs });
  } catch (error) {
    note(paint('yellow', `${what}: ${toFailure(error).message}`));
    return undefined;
  }
}
