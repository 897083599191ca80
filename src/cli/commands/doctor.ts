import type { Config } from '../../config.js';
import { type Check, failedCheck } from '../../domain/check.js';
import { isTracewrightError } from '../../domain/failure.js';
import type { Machine, MachineExamination } from '../../domain/machine.js';
import { planOf } from '../../domain/plan.js';
import type { Stack, TargetKind } from '../../domain/stack.js';
import { thisMachine } from '../../targets/machine.js';
import { resolveConnection } from '../../temporal/connection.js';
import type { ToolSource } from '../../tools/find-program.js';
import { type CliContext, type ExitCode, exitCodes } from '../context.js';
import { doctorLines, type DoctorReport, inGroup } from '../doctor/report.js';
import { temporalChecks } from '../doctor/temporal-checks.js';
import {
  findInstallRequest,
  type InstallOptions,
  readStackRequest,
  type StackRequest,
} from '../install-request.js';
import { sourcedStack } from '../stack-sources.js';

export interface DoctorOptions extends InstallOptions {
  json?: boolean;
}

/** Looks whether `up` with the same options could go on, and what it would do. Starts and changes nothing. */
export async function doctor(context: CliContext, options: DoctorOptions): Promise<ExitCode> {
  const { config, print, paint, columns, signal } = context;
  const report = await examine({ ...config, onProgress: context.note }, options, signal);
  if (options.json) print(JSON.stringify(report, undefined, 2));
  else for (const line of doctorLines(report, { paint, columns })) print(line);
  return report.ready ? exitCodes.ok : exitCodes.failed;
}

/**
 * Makes all the checks that `up` with these options makes, on the machine that would do the work, and looks at what it
 * would use. Starts and changes nothing.
 * @throws TracewrightError `usage.*`, `stack.*`, `config.invalid`: wrong calls, which say nothing about the machine
 */
export async function examine(
  config: Config & Partial<Pick<ToolSource, 'onProgress'>>,
  options: InstallOptions,
  signal?: AbortSignal,
): Promise<DoctorReport> {
  const target = await decide(
    'target',
    () => findInstallRequest(config, options, { evenUnasked: true, signal }),
    (it) => `${it.target.kind} (${it.why}).`,
  );
  const startsServer = resolveConnection(config).kind === 'embedded';
  const machine = target.found?.machine ?? thisMachine({ ...config, startsServer });
  const request = target.found ?? (await readStackRequest(options, machine));
  const stack = await chooseSources(options, request, target.found?.target.kind);
  const { name: environment } = request;
  const intent = target.found && {
    stack: stack.found,
    target: target.found.target,
    ...(options.adopt && { adopt: options.adopt }),
  };
  const install = intent && { install: { environment, intent } };
  const [looked, temporal] = await Promise.all([
    lookAt(machine, { ...install, tools: true }, signal),
    temporalChecks(config, { signal, elsewhere: machine.worker?.name }),
  ]);
  const { checks: machineChecks, tools } = looked;
  const checks = [
    ...inGroup('choice', [stack.check, target.check]),
    ...inGroup(
      'machine',
      machineChecks.filter(({ name }) => !tools.some((tool) => tool.name === name)),
    ),
    ...inGroup('tools', tools),
    ...inGroup('temporal', temporal),
  ];
  return {
    ready: checks.every(({ state }) => state !== 'failed'),
    environment,
    stack: request.loaded.stack.name,
    ...(intent && { target: intent.target.kind }),
    ...(machine.worker && { machine: machine.worker.name }),
    checks,
  };
}

/** What becomes of the stack when its charts and images come from elsewhere. A wrong lock does not hide the rest. */
async function chooseSources(
  options: InstallOptions,
  request: StackRequest,
  kind: TargetKind | undefined,
): Promise<{ readonly check: Check; readonly found: Stack }> {
  const { whyStack, given } = request;
  const asked = request.stackWith({ parameters: given ?? [], kept: false });
  const { check, found } = await decide(
    'stack',
    () => (kind === undefined ? Promise.resolve(asked.stack) : sourcedStack(asked, kind, options)),
    (it) => `${it.name} (${whyStack}), ${String(planOf(it).length)} steps.`,
  );
  return { check, found: found ?? asked.stack };
}

/** A worker that dies under the question is a finding, too. */
async function lookAt(
  machine: Machine,
  what: MachineExamination,
  signal: AbortSignal | undefined,
): ReturnType<Machine['examine']> {
  try {
    return await machine.examine(what, signal);
  } catch (error) {
    if (!isTracewrightError(error) || !machine.worker) throw error;
    return { checks: [failedCheck('host', error)], tools: [] };
  }
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
