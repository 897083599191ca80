import type { Paint } from '../paint.js';
import { fit, widthOf, wrap } from '../text-width.js';
import { settingGroups, type Setting, type SettingGroup, type SettingOrigin } from './setting.js';

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
