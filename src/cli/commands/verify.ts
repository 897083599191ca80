import type { CliContext, ExitCode } from '../context.js';
import { chooseEnvironment, sendUpdate } from '../environments.js';
import { followToEnd } from '../follow-to-end.js';
import { openExistingSession } from '../session.js';
import { noEnvironment } from './none.js';

export interface VerifyOptions {
  name?: string;
  json?: boolean;
}

/** Proves again, with a fresh ride, that an environment works. */
export async function verify(context: CliContext, options: VerifyOptions): Promise<ExitCode> {
  const session = await openExistingSession(context);
  if (!session) throw noEnvironment();
  try {
    const name = await chooseEnvironment(session.client, options.name);
    const { run } = await sendUpdate(session.client, name, 'verify');
    return await followToEnd(context, session, name, { fromRun: run, json: options.json ?? false });
  } finally {
    await session.close();
  }
}
