import { fileURLToPath } from 'node:url';
import type { TargetKind } from '../../domain/stack.js';
import { loadStack } from '../../stack-file.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { applySpec } from '../environments.js';
import { followToEnd } from '../follow-to-end.js';
import { chooseTarget } from '../choose-target.js';
import { openSession } from '../session.js';

export interface UpOptions {
  name?: string;
  stack?: string;
  target: TargetKind | 'auto';
  failFast?: boolean;
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
  const name = options.name ?? stack.name;
  note(
    `${paint('bold', `tracewright ${version}`)}  environment ${paint('bold', name)}, stack ${stack.name}, target ${choice.kind} (${choice.why})`,
  );
  const session = await openSession(context);
  try {
    const spec = { stack, target: { kind: choice.kind }, failFast: options.failFast ?? false };
    const { run } = await applySpec(session.client, name, spec);
    if (options.detach) {
      note(`It goes on in the background. \`tracewright status --watch --name ${name}\` follows it.`);
      return exitCodes.ok;
    }
    return await followToEnd(context, session, name, { fromRun: run, json: options.json ?? false });
  } finally {
    await session.close();
  }
}
