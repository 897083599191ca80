import { expect, test } from 'vitest';
import { createLogPrinter } from '../../src/cli/commands/logs.js';
import { recordingContext } from './support.js';

test('a line says whose it is when there are several', () => {
  const { context, lines } = recordingContext();
  createLogPrinter(context, false)('pod', 'a');
  createLogPrinter(context, true)('pod/container', 'b');
  expect(lines).toEqual(['a', 'pod/container │ b']);
});

test('what would steer a terminal stays out of it, and in a pipe', () => {
  const line = '\u001b[31mred\u001b[0m\u001b[2J\ttab\u0007\u009b';
  const { context, lines } = recordingContext();
  createLogPrinter(context, false)('pod', line);
  createLogPrinter({ ...context, terminal: process.stdout }, false)('pod', line);
  expect(lines).toEqual([line, 'red\ttab']);
});
