import type { CommanderError } from 'commander';
import { TracewrightError } from '../domain/failure.js';

/**
 * A call that commander refuses, in our words: `Unknown option '--stak'. Did you mean --stack?`
 * @param command the words before the mistake that are a command; empty when there is none
 */
export function usageError(error: CommanderError, command: string | undefined): TracewrightError {
  const [first = '', ...hints] = error.message.replace(/^error: /u, '').split('\n');
  const sentence = first.charAt(0).toUpperCase() + first.slice(1).replace(/\.$/u, '');
  const hint = hints.map((line) => ` ${line.replace(/^\((.*)\)$/u, '$1')}`).join('');
  return new TracewrightError({
    type: 'usage.invalid',
    message: `${sentence}.${hint}`,
    remedy: `\`${['tracewright', ...(command === undefined ? [] : [command]), '--help'].join(' ')}\` shows what it takes.`,
    cause: error,
  });
}
