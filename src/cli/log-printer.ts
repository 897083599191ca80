import { stripVTControlCharacters } from 'node:util';
import type { CliContext } from './context.js';
import type { PaintStyle } from './paint.js';

/** Prints a line of a log. */
export type LogPrinter = (source: string, line: string) => void;

const styles: readonly PaintStyle[] = ['cyan', 'yellow', 'magenta', 'green', 'blue'];

/**
 * Prints lines as they are, in a terminal without what would steer it.
 * @param named whether each line says whose it is: one of several
 */
export function createLogPrinter(
  { print, paint, terminal }: Pick<CliContext, 'print' | 'paint' | 'terminal'>,
  named: boolean,
): LogPrinter {
  const known: string[] = [];
  return (source, line) => {
    const text = terminal ? stripVTControlCharacters(line).replace(/[^\P{Cc}\t]/gu, '') : line;
    if (!named) {
      print(text);
      return;
    }
    if (!known.includes(source)) known.push(source);
    const style = styles[known.indexOf(source) % styles.length] ?? 'cyan';
    print(`${paint(style, `${source} │`)} ${text}`);
  };
}
