import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

/** The absolute path of the first executable `name` on `path` (the value of PATH); `undefined` when there is none. */
export async function findProgram(name: string, path: string | undefined): Promise<string | undefined> {
  for (const folder of (path ?? '').split(delimiter)) {
    if (!isAbsolute(folder)) continue;
    const candidate = join(folder, name);
    const usable = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (usable) return candidate;
  }
  return undefined;
}

/** Compares versions such as `1.9.1` or `v3.13.0-rc.1` by their numbers; the part after a hyphen does not count. */
export function isAtLeast(version: string, minimum: string): boolean {
  const numbers = (text: string): number[] =>
    (/\d+(?:\.\d+)*/u.exec(text)?.[0] ?? '0').split('.').map(Number);
  const [actual, wanted] = [numbers(version), numbers(minimum)];
  for (let index = 0; index < wanted.length; index += 1) {
    const difference = (actual[index] ?? 0) - (wanted[index] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}
