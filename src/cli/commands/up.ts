import { failureOf } from '../../domain/check.js';
import { durationMs } from '../../domain/duration.js';
import type { EnvironmentSpec } from '../../domain/progress.js';
import { resolveConnection } from '../../temporal/connection.js';
import type { Intent } from '../../targets/preflight.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { readInstallRequest, type InstallOptions } from '../install-request.js';
import { chooseParameters } from '../parameters/choose.js';
import { sourcedStack } from '../stack-sources.js';

export interface UpOptions extends InstallOptions {
  failFast?: boolean;
  /** Such as `4h`. */
  ttl?: string;
  /** Such as `30m`. */
  verifyEvery?: string;
  detach?: boolean;
  json?: boolean;
}

/** Installs an environment, or goes on with it, and follows it to its proof. */
export async function up(context: CliContext, options: UpOptions): Promise<ExitCode> {
  const { note, paint } = context;
  const request = await readInstallRequest(context, options);
  const { name, target, given } = request;
  const asked = { parameters: given ?? [], kept: false };
  const adopt = options.adopt && { adopt: options.adopt };
  const stack = await sourcedStack(request.stackWith(asked), target.kind, options);
  await requireFit(context, name, { stack, target, ...adopt });
  // Loaded only now, so that a wrong call is answered at once.
  const [{ ask }, { openSession }, { applySpec, findSpec }, { followToEnd }] = await Promise.all([
    import('../ask.js'),
    import('../session.js'),
    import('../environments.js'),
    import('../follow-to-end.js'),
  ]);
  const session = await openSession(context);
  try {
    const choice = chooseParameters(given, await findSpec(session.client, name), stack.name);
    if (choice.note !== undefined) note(paint('dim', choice.note));
    const { parameters, kept } = choice;
    const spec: EnvironmentSpec = {
      stack: kept ? await sourcedStack(request.stackWith(choice), target.kind, options) : stack,
      target,
      failFast: options.failFast ?? false,
      ...adopt,
      ...(parameters.length > 0 && { parameters }),
      ...(options.ttl !== undefined && { ttlMs: durationMs(options.ttl) }),
      ...(options.verifyEvery !== undefined && { verifyEveryMs: durationMs(options.verifyEvery) }),
    };
    const { run } = await ask(context, session, (client, updateId) =>
      applySpec(client, name, spec, session.hostId, updateId),
    );
    if (options.detach) {
      note(`It goes on in the background. \`tracewright status --watch --name ${name}\` follows it.`);
      return exitCodes.ok;
    }
    return await followToEnd(context, session, name, { fromRun: run, json: options.json ?? false });
  } finally {
    await session.close();
  }
}

/**
 * Nothing is started on a machine that cannot do it; what takes long or changes the machine is said beforehand. Behind
 * a Temporal server of one's own the work may go to the worker of another machine, which looks for itself.
 * @throws TracewrightError what the first failed check found, the others as evidence
 */
async function requireFit(
  { config, note, paint, signal }: CliContext,
  name: string,
  intent: Intent,
): Promise<void> {
  if (resolveConnection(config).kind === 'external') return;
  const { preflight } = await import('../../targets/preflight.js');
  const checks = await preflight(config, name, intent, signal);
  const failure = failureOf(checks);
  if (failure) throw failure;
  for (const { state, detail } of checks) if (state === 'warning') note(paint('yellow', detail));
}
