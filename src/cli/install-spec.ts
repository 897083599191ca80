import { failureOf } from '../domain/check.js';
import { durationMs } from '../domain/duration.js';
import type { EnvironmentSpec } from '../domain/progress.js';
import type { CliContext } from './context.js';
import { requireTarget, type InstallOptions, type InstallRequest } from './install-request.js';
import { chooseParameters } from './parameters/choose.js';
import type { Session } from './session.js';
import { sourcedStack } from './stack-sources.js';

export interface UpOptions extends InstallOptions {
  failFast?: boolean;
  /** Such as `4h`. */
  ttl?: string;
  /** Such as `30m`. */
  verifyEvery?: string;
  detach?: boolean;
  json?: boolean;
}

/**
 * Nothing is started on a machine that cannot do it; what takes long or changes the machine is said beforehand.
 * @throws TracewrightError what the first failed check found, the others as evidence
 */
export async function requireFit(
  { note, paint, signal }: CliContext,
  { machine, name, target, given, stackWith }: InstallRequest,
  options: UpOptions,
): Promise<void> {
  const loaded = stackWith({ parameters: given ?? [], kept: false });
  const stack = await sourcedStack(loaded, target.kind, options);
  const intent = { stack, target, ...(options.adopt && { adopt: options.adopt }) };
  const { checks } = await machine.examine({ install: { environment: name, intent } }, signal);
  const failure = failureOf(checks);
  if (failure) throw failure;
  for (const { state, detail } of checks) if (state === 'warning') note(paint('yellow', detail));
}

/**
 * What the environment is to be: as the options say, and where they say nothing of values, with those of the last `up`.
 * @throws TracewrightError `environment.conflict` when it is there on another target, `usage.invalid`
 */
export async function specOf(
  { config, note, paint }: CliContext,
  { client }: Session,
  { name, target, given, loaded, stackWith }: InstallRequest,
  options: UpOptions,
): Promise<EnvironmentSpec> {
  const { findSpec } = await import('./environments.js');
  const known = await findSpec(client, name);
  // Its workflow may have been ended by force: then nobody else would refuse a second cluster.
  requireTarget(name, known?.target, target);
  const choice = chooseParameters(given, known, loaded.stack.name);
  if (choice.note !== undefined) note(paint('dim', choice.note));
  const { parameters } = choice;
  return {
    stack: await sourcedStack(stackWith(choice), target.kind, options),
    target,
    failFast: options.failFast ?? false,
    ...(options.adopt && { adopt: options.adopt }),
    ...(parameters.length > 0 && { parameters }),
    ...(options.ttl !== undefined && { ttlMs: durationMs(options.ttl) }),
    ...(options.verifyEvery !== undefined && { verifyEveryMs: durationMs(options.verifyEvery) }),
    ...(config.installTrace === false && { installTrace: false }),
  };
}
