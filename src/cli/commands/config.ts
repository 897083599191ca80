import { countOf } from '../../domain/duration.js';
import { ignoredSettings } from '../../temporal/profile.js';
import { type CliContext, type ExitCode, exitCodes } from '../context.js';
import { existingEnvironment } from '../existing.js';
import { effectiveSettings, type KeptSpec } from '../settings/effective-settings.js';
import { type Setting, type SettingGroup, settingGroups, type SettingOrigin } from '../settings/setting.js';
import type { Paint } from '../views/format.js';
import { fit, widthOf, wrap } from '../views/text-width.js';

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
    const ignored = wrong.length > 0 ? [] : ignoredSettings(context.config.environment);
    for (const line of ignored) print(`${paint('yellow', '!')} ${line}`);
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
  const { notFound } = await import('../refusals.js');
  throw notFound(name);
}

/**
 * The settings that have a value or a problem, group by group.
 * @param columns of the terminal; more than 120 are not used
 */
export function settingsLines(
  settings: readonly Setting[],
  { paint, columns }: { readonly paint: Paint; readonly columns: number },
): string[] {
  const shown = settings.filter(({ value, problem }) => value !== undefined || problem !== undefined);
  const nameColumns = Math.max(...shown.map(({ name }) => widthOf(name)));
  const indent = ' '.repeat(nameColumns + 4);
  const room = Math.max(30, Math.min(columns, 120) - indent.length);
  const linesOf = ({ name, value = '–', origin, means, problem }: Setting): string[] => [
    // Not broken, so that it can be copied.
    `  ${fit(name, nameColumns)}  ${value}`,
    ...wrap(`${originText(origin)}; ${means}`, room).map((line) => indent + paint('dim', line)),
    ...wrap(problem === undefined ? '' : `✗ ${problem}`, room).map((line) => indent + paint('red', line)),
  ];
  return (Object.entries(settingGroups) as [SettingGroup, string][]).flatMap(([group, title]) => {
    const ofGroup = shown.filter((it) => it.group === group);
    return ofGroup.length === 0 ? [] : [paint('bold', title), ...ofGroup.flatMap(linesOf), ''];
  });
}

function originText(origin: SettingOrigin): string {
  switch (origin.kind) {
    case 'default':
      return 'default';
    case 'variable':
      return `from ${origin.variable}`;
    case 'profile':
      return `from the profile "${origin.profile}" in ${origin.file}`;
    case 'up':
      return `from the last up of ${origin.environment}`;
  }
}
