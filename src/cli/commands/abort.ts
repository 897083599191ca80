import { ask } from '../ask.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { sendUpdate } from '../environments.js';
import { followToEnd } from '../follow-to-end.js';
import { onEnvironment } from '../on-environment.js';

/** Stops what runs and waits until it has stopped. */
export async function abort(context: CliContext, options: { name?: string }): Promise<ExitCode> {
  return onEnvironment(context, options.name, async (session, name) => {
    await ask(context, session, (client, updateId) => sendUpdate(client, name, 'abort', { updateId }));
    const code = await followToEnd(context, session, name, { json: false });
    // Stopped is what was asked for.
    return code === exitCodes.failed ? exitCodes.ok : code;
  });
}
