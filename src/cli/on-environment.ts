import type { CliContext } from './context.js';
import { chooseEnvironment } from './environments.js';
import { noEnvironment } from './refusals.js';
import { openExistingSession, type LastingSession, type Use } from './session.js';
import type { ClusterOptions } from './target-options.js';

/**
 * Runs `work` on the environment that a command means, and closes the connection after it.
 * @param name of the environment; `undefined` for the only one
 * @param use whether the command changes it
 * @param options an existing cluster that is looked into where nobody knows the environment
 * @throws TracewrightError `environment.not-found`, `environment.orphaned`, `usage.invalid`, `temporal.*`; what `work`
 * throws
 */
export async function onEnvironment<T>(
  context: CliContext,
  name: string | undefined,
  work: (session: LastingSession, name: string) => Promise<T>,
  use: Use = 'look',
  options?: ClusterOptions,
): Promise<T> {
  let session: LastingSession | undefined;
  try {
    session = await openExistingSession(context, use);
    if (!session) throw noEnvironment(name);
    return await work(session, await chooseEnvironment(session.client, name));
  } catch (error) {
    // Loaded only now: most commands find their environment.
    const { withWhatExists } = await import('./orphans.js');
    throw await withWhatExists(context, session?.client, name, error, options);
  } finally {
    await session?.close();
  }
}
