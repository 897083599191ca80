import { countOf } from '../../domain/duration.js';
import { resolve } from 'node:path';
import { TracewrightError } from '../../domain/failure.js';
import { environmentNameRule, isEnvironmentName } from '../../domain/names.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { bundle, type Bundle } from '../diag/bundle.js';
import { collect } from '../diag/collect.js';
import { requireOutput, writeOutput } from '../write-output.js';

export interface DiagOptions {
  name?: string;
  output?: string;
  force?: boolean;
  json?: boolean;
}

/** Writes one archive with all that helps somebody else to see what is wrong. Starts and changes nothing. */
export async function diag(
  context: CliContext,
  argument: string | undefined,
  options: DiagOptions,
): Promise<ExitCode> {
  const name = nameOf(argument, options);
  const force = options.force ?? false;
  if (options.output !== undefined) await requireOutput(options.output, force);
  const madeAt = new Date();
  context.note(
    context.paint('dim', 'Collecting; this may take up to a minute if something is not responding'),
  );
  const { environment, findings } = await collect(context, name);
  const time = madeAt.toISOString().replace(/[-:]|\.\d+/gu, '');
  const folder = `tracewright-diag-${environment ?? 'machine'}-${time}`;
  const file = resolve(options.output ?? `${folder}.tar.gz`);
  const made = await bundle(folder, findings, { version: context.version, environment, madeAt });
  await writeOutput(file, made.archive, force, context.signal);
  const { archive, files, missing } = made;
  if (options.json)
    context.print(JSON.stringify({ file, bytes: archive.length, environment, files, missing }, undefined, 2));
  else show(context, file, made);
  return exitCodes.ok;
}

function show({ print, paint }: CliContext, file: string, { archive, files, missing }: Bundle): void {
  const kilobytes = Math.ceil(archive.length / 1_000);
  print(`Wrote ${file} (${String(kilobytes)} kB, ${countOf(files.length, 'file')})`);
  const logs = files.filter(({ path }) => path.endsWith('.log'));
  for (const { path, what } of files)
    if (!path.endsWith('.log')) print(`  ${paint('green', '✓')} ${path}: ${what}`);
  if (logs.length > 0)
    print(`  ${paint('green', '✓')} ${countOf(logs.length, 'log')}, of long ones the ends`);
  for (const { what, why } of missing) print(`  ${paint('yellow', '–')} not collected: ${what}: ${why}`);
  print('Look through it before you send it: secrets were taken out where they are known or look like one.');
}

/** @throws TracewrightError `usage.invalid` */
function nameOf(argument: string | undefined, { name }: DiagOptions): string | undefined {
  const problem =
    argument !== undefined && name !== undefined && argument !== name
      ? 'Two environments are named.'
      : argument !== undefined && !isEnvironmentName(argument)
        ? `"${argument}" cannot be the name of an environment. ${environmentNameRule}`
        : undefined;
  if (problem === undefined) return argument ?? name;
  throw new TracewrightError({
    type: 'usage.invalid',
    message: problem,
    remedy: 'Name one; `tracewright list` shows them.',
  });
}
