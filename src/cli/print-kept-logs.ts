import { existsSync } from 'node:fs';
import { TracewrightError } from '../domain/failure.js';
import { logLines } from '../tools/log-file.js';
import type { CliContext } from './context.js';
import type { KeptLog } from './kept-logs.js';
import { createLogPrinter } from './log-printer.js';

/**
 * Prints logs of the state folder, one after the other; with `follow` all at once.
 * @throws TracewrightError `log.not-found`
 */
export async function printKeptLogs(
  context: CliContext,
  what: string,
  logs: readonly KeptLog[],
  { tail: lines, follow = false }: { readonly tail: number; readonly follow?: boolean },
): Promise<void> {
  const existing = logs.filter(({ path }) => existsSync(path));
  if (existing.length === 0) {
    throw new TracewrightError({
      type: 'log.not-found',
      message: `There is no log of ${what} on this machine.`,
      remedy: 'What did not run here, or needed no tool, has none. `tracewright logs --help` tells what has.',
    });
  }
  const print = createLogPrinter(context, existing.length > 1);
  const printOne = async ({ source, path }: KeptLog): Promise<void> => {
    for await (const line of logLines(path, { lines, follow, signal: context.signal })) print(source, line);
  };
  if (follow) await Promise.all(existing.map(printOne));
  else for (const log of existing) await printOne(log);
}
