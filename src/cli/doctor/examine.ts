import type { Config } from '../../config.js';
import { failedCheck, type Check } from '../../domain/check.js';
import { isTracewrightError } from '../../domain/failure.js';
import { planOf } from '../../domain/plan.js';
import { commonChecks, preflight, type Intent } from '../../targets/preflight.js';
import { resolveConnection } from '../../temporal/connection.js';
import { readStackRequest, type InstallOptions, type StackRequest } from '../install-request.js';
import type { LookAtTarget } from '../choose-target.js';
import { sourcedStack } from '../stack-sources.js';
import { lookAtTarget, targetSpecOf } from '../target-options.js';
import { inGroup, type DoctorReport } from './report.js';
import { temporalChecks } from './temporal-checks.js';
import { toolChecks } from './tool-checks.js';

/**
 * Makes all the checks that `up` with these options makes, and looks at what it would use. Starts and changes nothing.
 * @throws TracewrightError `usage.*`, `stack.*`, `config.invalid`: wrong calls, which say nothing about the machine
 */
export async function examine(
  config: Config,
  options: InstallOptions,
  signal?: AbortSignal,
): Promise<DoctorReport> {
  const lookAt = lookAtTarget(config);
  const request = await readStackRequest(config, options, lookAt);
  const { checks: choice, intent } = await choose(config, options, request, lookAt);
  const [looked, temporal] = await Promise.all([
    intent ? preflight(config, request.name, intent, signal) : Promise.all(commonChecks(config, signal)),
    temporalChecks(config, signal),
  ]);
  const machine = resolveConnection(config).kind === 'external' ? looked.map(ofAnyWorker) : looked;
  const tools = await toolChecks(config, machine, signal);
  const checks = [
    ...inGroup('choice', choice),
    ...inGroup(
      'machine',
      machine.filter(({ name }) => !tools.some((tool) => tool.name === name)),
    ),
    ...inGroup('tools', tools),
    ...inGroup('temporal', temporal),
  ];
  return {
    ready: checks.every(({ state }) => state !== 'failed'),
    environment: request.name,
    stack: request.loaded.stack.name,
    ...(intent && { target: intent.target.kind }),
    checks,
  };
}

/** Decides step by step, so that one thing that cannot be had does not hide the others. */
async function choose(
  config: Config,
  options: InstallOptions,
  request: StackRequest,
  lookAt: LookAtTarget,
): Promise<{ checks: Check[]; intent: Intent | undefined }> {
  const { loaded, whyStack, given } = request;
  const asked = request.stackWith({ parameters: given ?? [], kept: false });
  const target = await decide(
    'target',
    () => targetSpecOf(config, options, loaded.stack, lookAt),
    (it) => `${it.target.kind} (${it.why}).`,
  );
  const kind = target.found?.target.kind;
  const stack = await decide(
    'stack',
    () => (kind === undefined ? Promise.resolve(asked.stack) : sourcedStack(asked, kind, options)),
    (it) => `${it.name} (${whyStack}), ${String(planOf(it).length)} steps.`,
  );
  const checks = [stack.check, target.check];
  if (!target.found) return { checks, intent: undefined };
  const { adopt } = options;
  const found = { stack: stack.found ?? asked.stack, target: target.found.target };
  return { checks, intent: { ...found, ...(adopt && { adopt }) } };
}

/** As `check`, but a wrong call ends the command, as it ends `up`. */
async function decide<T>(
  name: string,
  look: () => Promise<T>,
  say: (found: T) => string,
): Promise<{ readonly check: Check; readonly found?: T }> {
  try {
    const found = await look();
    return { check: { name, state: 'ok', detail: say(found) }, found };
  } catch (error) {
    if (!isTracewrightError(error) || error.type.startsWith('usage.')) throw error;
    return { check: failedCheck(name, error) };
  }
}

/** Behind a Temporal server of one's own the work may go to another machine: what this one lacks stops nothing. */
function ofAnyWorker({ type: _type, ...found }: Check): Check {
  return found.state === 'failed'
    ? {
        ...found,
        state: 'warning',
        remedy: `Nothing where a worker of another machine does it; else: ${found.remedy ?? ''}`,
      }
    : found;
}
