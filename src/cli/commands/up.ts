import { fileURLToPath } from 'node:url';
import { failureOf } from '../../domain/check.js';
import { durationMs } from '../../domain/duration.js';
import { TracewrightError } from '../../domain/failure.js';
import type { EnvironmentSpec } from '../../domain/progress.js';
import type { Stack } from '../../domain/stack.js';
import { loadStack } from '../../stack-file.js';
import { resolveConnection } from '../../temporal/connection.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { environmentNameRule, isEnvironmentName } from '../environment-name.js';
import { chooseStack } from '../choose-stack.js';
import { wrap } from '../text-width.js';
import { sourcedStack, type SourceOptions } from '../stack-sources.js';
import { askedTarget, lookAtTarget, targetSpecOf, type TargetOptions } from '../target-options.js';
import type { Intent } from '../../targets/preflight.js';

export interface UpOptions extends TargetOptions, SourceOptions {
  name?: string;
  stack?: string;
  failFast?: boolean;
  /** Such as `4h`. */
  ttl?: string;
  /** Such as `30m`. */
  verifyEvery?: string;
  detach?: boolean;
  json?: boolean;
}

/** Of this package: <package>/stacks, seen from <package>/{src,dist}/cli/commands. */
export const builtInStacks = fileURLToPath(new URL('../../../stacks', import.meta.url));

/** Installs an environment, or goes on with it, and follows it to its proof. */
export async function up(context: CliContext, options: UpOptions): Promise<ExitCode> {
  const { config, note } = context;
  const lookAt = lookAtTarget(config);
  const named =
    options.stack ?? (await chooseStack({ target: askedTarget(options), stateDir: config.stateDir, lookAt }));
  const loaded = await loadStack(named, { builtInDir: builtInStacks });
  const { target, why } = await targetSpecOf(config, options, loaded.stack, lookAt);
  const stack = await sourcedStack(loaded, target.kind, options);
  const adopt = options.adopt && { adopt: options.adopt };
  const name = options.name ?? nameOf(stack);
  announce(context, `environment ${name}, stack ${stack.name}, target ${target.kind} (${why})`);
  await requireFit(context, name, { stack, target, ...adopt });
  // Loaded only now, so that a wrong call is answered at once.
  const [{ openSession }, { applySpec }, { followToEnd }] = await Promise.all([
    import('../session.js'),
    import('../environments.js'),
    import('../follow-to-end.js'),
  ]);
  const session = await openSession(context);
  try {
    const spec: EnvironmentSpec = {
      stack,
      target,
      failFast: options.failFast ?? false,
      ...adopt,
      ...(options.ttl !== undefined && { ttlMs: durationMs(options.ttl) }),
      ...(options.verifyEvery !== undefined && { verifyEveryMs: durationMs(options.verifyEvery) }),
    };
    const { run } = await applySpec(session.client, name, spec, session.hostId);
    if (options.detach) {
      note(`It goes on in the background. \`tracewright status --watch --name ${name}\` follows it.`);
      return exitCodes.ok;
    }
    return await followToEnd(context, session, name, { fromRun: run, json: options.json ?? false });
  } finally {
    await session.close();
  }
}

/** Says who begins what, in whole words where a person reads it. */
function announce({ version, note, paint, terminal, columns }: CliContext, what: string): void {
  const title = `tracewright ${version}`;
  const lines = terminal ? wrap(`${title}  ${what}`, columns) : [`${title}  ${what}`];
  for (const line of lines) note(line.replace(title, paint('bold', title)));
}

/**
 * Nothing is started on a machine that cannot do it; what takes long or changes the machine is said beforehand. Behind a
 * Temporal server of one's own the work may go to the worker of another machine, which looks for itself.
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

/** A stack's name may be longer than an environment's. */
function nameOf(stack: Stack): string {
  if (isEnvironmentName(stack.name)) return stack.name;
  throw new TracewrightError({
    type: 'usage.invalid',
    message: `The stack's name "${stack.name}" cannot be the environment's. ${environmentNameRule}`,
    remedy: 'Give the environment a name with --name.',
  });
}
