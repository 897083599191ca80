import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { chooseEnvironment, environmentHandle, listEnvironments } from '../environments.js';
import { followToEnd } from '../follow-to-end.js';
import { openExistingSession, type Session } from '../session.js';
import { stopServer } from '../../temporal/server.js';
import { stopWorker } from '../../temporal/worker-process.js';

export interface DownOptions {
  name?: string;
}

/** Takes an environment away; with the last one the worker and the embedded server end, too. The history is kept. */
export async function down(context: CliContext, options: DownOptions): Promise<ExitCode> {
  const { print } = context;
  const session = await openExistingSession(context);
  if (!session) {
    print('There is no environment: nothing to take away.');
    return exitCodes.ok;
  }
  try {
    const name = await environmentToRemove(session, options.name);
    if (name === undefined) {
      print(
        options.name === undefined
          ? 'There is no environment: nothing to take away.'
          : `There is no environment "${options.name}".`,
      );
    } else {
      await environmentHandle(session.client, name).signal('teardown');
      const code = await followToEnd(context, session, name, { json: false });
      if (code !== exitCodes.ok) return code;
    }
    const others = (await listEnvironments(session.client)).filter((it) => it.name !== name);
    if (others.length > 0) {
      print(
        `${others.map((it) => it.name).join(', ')} ${others.length === 1 ? 'lives' : 'live'} on, and so do the Temporal server and the worker.`,
      );
      return exitCodes.ok;
    }
  } finally {
    await session.close();
  }
  await stopWorker(context.config);
  if (session.settings.embedded) await stopServer(context.config);
  print('The worker and the Temporal server have ended; their history is kept.');
  return exitCodes.ok;
}

async function environmentToRemove(
  { client }: Session,
  name: string | undefined,
): Promise<string | undefined> {
  const living = await listEnvironments(client);
  if (name !== undefined) {
    const { status } = await environmentHandle(client, name)
      .describe()
      .catch(() => ({ status: { name: 'UNKNOWN' } }));
    return status.name === 'RUNNING' ? name : undefined;
  }
  return living.length === 0 ? undefined : chooseEnvironment(client, name);
}
