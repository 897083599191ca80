import type { CliContext, ExitCode } from '../context.js';
import { exitCodes } from '../context.js';
import { chooseEnvironment, sendUpdate } from '../environments.js';
import { followToEnd } from '../follow-to-end.js';
import { openExistingSession } from '../session.js';
import { noEnvironment } from './none.js';

/** Stops what runs and waits until it has stopped. */
export async function abort(context: CliContext, options: { name?: string }): Promise<ExitCode> {
  const session = await openExistingSession(context);
  if (!session) throw noEnvironment();
  try {
    const name = await chooseEnvironment(session.client, options.name);
    await sendUpdate(session.client, name, 'abort');
    const code = await followToEnd(context, session, name, { json: false });
    // Stopped is what was asked for.
    return code === exitCodes.failed ? exitCodes.ok : code;
  } finally {
    await session.close();
  }
}
