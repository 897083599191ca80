import { fileURLToPath } from 'node:url';
import { failureOf } from '../../domain/check.js';
import { durationMs } from '../../domain/duration.js';
import { TracewrightError } from '../../domain/failure.js';
import type { EnvironmentSpec, TargetSpec } from '../../domain/progress.js';
import { defaultK3dSettings } from '../../domain/k3d-settings.js';
import type { Stack, TargetKind } from '../../domain/stack.js';
import { loadStack } from '../../stack-file.js';
import { resolveConnection } from '../../temporal/connection.js';
import { chooseTarget } from '../choose-target.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { environmentNameRule, isEnvironmentName } from '../environment-name.js';

export interface UpOptions {
  name?: string;
  stack?: string;
  target: TargetKind | 'auto';
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

const defaultStack = 'embedded';

/** Installs an environment, or goes on with it, and follows it to its proof. */
export async function up(context: CliContext, options: UpOptions): Promise<ExitCode> {
  const { note, paint, version } = context;
  const { stack } = await loadStack(options.stack ?? defaultStack, { builtInDir: builtInStacks });
  const choice = chooseTarget(options.target, stack);
  const name = options.name ?? nameOf(stack);
  const target: TargetSpec = {
    kind: choice.kind,
    ...(choice.kind === 'k3d' && { k3d: stack.k3d ?? defaultK3dSettings }),
  };
  note(
    `${paint('bold', `tracewright ${version}`)}  environment ${paint('bold', name)}, stack ${stack.name}, target ${choice.kind} (${choice.why})`,
  );
  await requireFit(context, name, target);
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

/**
 * Nothing is started on a machine that cannot do it; what takes long or changes the machine is said beforehand. Behind a
 * Temporal server of one's own the work may go to the worker of another machine, which looks for itself.
 * @throws TracewrightError what the first failed check found, the others as evidence
 */
async function requireFit(
  { config, note, paint, signal }: CliContext,
  name: string,
  target: TargetSpec,
): Promise<void> {
  if (resolveConnection(config).kind === 'external') return;
  const { preflight } = await import('../../targets/preflight.js');
  const checks = await preflight(config, name, target, signal);
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
