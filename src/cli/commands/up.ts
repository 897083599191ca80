import { failureOf } from '../../domain/check.js';
import { durationMs } from '../../domain/duration.js';
import type { Intent, Machine } from '../../domain/machine.js';
import type { EnvironmentSpec } from '../../domain/progress.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { readInstallRequest, requireTarget, type InstallOptions } from '../install-request.js';
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
  const { name, target, given, machine } = request;
  const asked = { parameters: given ?? [], kept: false };
  const adopt = options.adopt && { adopt: options.adopt };
  const stack = await sourcedStack(request.stackWith(asked), target.kind, options);
  await requireFit(context, machine, name, { stack, target, ...adopt });
  // Loaded only now, so that a wrong call is answered at once.
  const [{ ask }, { openSession }, { applySpec, findSpec }, { followToEnd }] = await Promise.all([
    import('../ask.js'),
    import('../session.js'),
    import('../environments.js'),
    import('../follow-to-end.js'),
  ]);
  // No machine becomes a worker for what another one does.
  const session = await openSession(context, { worker: machine.worker === undefined });
  try {
    const known = await findSpec(session.client, name);
    // Its workflow may have been ended by force: then nobody else would refuse a second cluster.
    requireTarget(name, known?.target, target);
    const choice = chooseParameters(given, known, stack.name);
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
      ...(context.config.installTrace === false && { installTrace: false }),
    };
    // Another machine works with what its worker has.
    if (!machine.worker) await session.handOver(name);
    const hostId = machine.worker?.hostId ?? session.hostId;
    const { run } = await ask(context, session, (client, updateId) =>
      applySpec(client, name, spec, hostId, updateId),
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
 * Nothing is started on a machine that cannot do it; what takes long or changes the machine is said beforehand.
 * @throws TracewrightError what the first failed check found, the others as evidence
 */
async function requireFit(
  { note, paint, signal }: CliContext,
  machine: Machine,
  environment: string,
  intent: Intent,
): Promise<void> {
  const { checks } = await machine.examine({ install: { environment, intent } }, signal);
  const failure = failureOf(checks);
  if (failure) throw failure;
  for (const { state, detail } of checks) if (state === 'warning') note(paint('yellow', detail));
}
