import type { CliContext } from './context.js';
import { chooseEnvironment, noEnvironment } from './environments.js';
import { openExistingSession, type LastingSession } from './session.js';

/**
 * Runs `work` on the environment that a command means, and closes the connection after it.
 * @param name of the environment; `undefined` for the only one
 * @throws TracewrightError `environment.not-found`, `usage.invalid`, `temporal.*`; what `work` throws
 */
export async function onEnvironment<T>(
  context: CliContext,
  name: string | undefined,
  work: (session: LastingSession, name: string) => Promise<T>,
): Promise<T> {
  const session = await openExistingSession(context);
  if (!session) throw noEnvironment();
  try {
    return await work(session, await chooseEnvironment(session.client, name));
  } finally {
    await session.close();
  }
}
