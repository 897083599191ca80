import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { existingEnvironment } from '../existing.js';
import { countOf } from '../quantity.js';
import { effectiveSettings, type KeptSpec } from '../settings/effective-settings.js';
import { settingsLines } from '../settings/settings-view.js';
import type { Setting } from '../settings/setting.js';

export interface ConfigOptions {
  name?: string;
  json?: boolean;
}

/** Shows every setting that counts here, and where it comes from. Starts nothing. */
export async function config(context: CliContext, options: ConfigOptions): Promise<ExitCode> {
  const { print, paint, columns } = context;
  const here = effectiveSettings(context.config);
  // A server that is set wrongly cannot be asked.
  const kept = here.some(isWrong) ? undefined : await keptSpec(context, options.name);
  const settings = kept ? effectiveSettings(context.config, kept) : here;
  const wrong = settings.filter(isWrong);
  if (options.json)
    print(JSON.stringify({ ...(kept && { environment: kept.environment }), settings }, undefined, 2));
  else {
    for (const line of settingsLines(settings, { paint, columns })) print(line);
    if (wrong.length > 0)
      print(
        `${paint('red', '✗')} ${countOf(wrong.length, 'setting')} cannot be used. Correct it, or unset it for the default.`,
      );
  }
  return wrong.length === 0 ? exitCodes.ok : exitCodes.usage;
}

const isWrong = ({ problem }: Setting): boolean => problem !== undefined;

/** @throws TracewrightError `environment.not-found` for a name that the server does not know */
async function keptSpec(context: CliContext, name: string | undefined): Promise<KeptSpec | undefined> {
  const found = await existingEnvironment(context, name);
  if (found?.spec) return { environment: found.environment, spec: found.spec };
  if (!found || name === undefined) return undefined;
  const { notFound } = await import('../environments.js');
  throw notFound(name);
}
