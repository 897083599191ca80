import { ask } from '../ask.js';
import type { CliContext, ExitCode } from '../context.js';
import { sendUpdate } from '../environments.js';
import { followToEnd } from '../follow-to-end.js';
import { onEnvironment } from '../on-environment.js';

export interface VerifyOptions {
  name?: string;
  json?: boolean;
}

/** Proves again, with a fresh ride, that an environment works. */
export async function verify(context: CliContext, options: VerifyOptions): Promise<ExitCode> {
  return onEnvironment(context, options.name, async (session, name) => {
    const { run } = await ask(context, session, (client, updateId) =>
      sendUpdate(client, name, 'verify', { updateId }),
    );
    return followToEnd(context, session, name, { fromRun: run, json: options.json ?? false });
  });
}
