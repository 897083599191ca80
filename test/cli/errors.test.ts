import { ServiceError, WorkflowUpdateRPCTimeoutOrCancelledError } from '@temporalio/client';
import { expect, test } from 'vitest';
import { errorLines, exitCodeOf } from '../../src/cli/errors.js';
import { createPaint } from '../../src/cli/views/format.js';

const paint = createPaint(false);

test.each([
  ['call', ServiceError],
  ['update', WorkflowUpdateRPCTimeoutOrCancelledError],
])(
  'a %s that the Temporal server left unanswered is no bug: it says why, and what to do',
  (_, Unanswered) => {
    const cause = new Error('14 UNAVAILABLE: Connection dropped');
    const error = new Unanswered('Unexpected error while making gRPC request', { cause });
    const lines = errorLines(error, paint, false);
    expect(lines[0]).toMatch(/^error \[temporal\.unreachable\] .*: 14 UNAVAILABLE: Connection dropped$/u);
    expect(lines[1]).toContain('`tracewright logs temporal`');
    expect(lines).toMatchSnapshot();
    expect(exitCodeOf(error)).toBe(1);
  },
);

test('what nobody expected is a bug, with its stack only for --debug', () => {
  const lines = errorLines(new TypeError('x is undefined'), paint, false);
  expect(lines[0]).toBe('error [internal.bug] x is undefined');
  expect(lines).toHaveLength(2);
  expect(errorLines(new TypeError('x'), paint, true).join('\n')).toContain('errors.test.ts');
});
