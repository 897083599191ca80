import { describe, expect, it } from 'vitest';
import { failedFiles, tally, whyFailed, type FileReport } from './reports.js';

const file = (name: string, status: FileReport['status'], ...states: string[]): FileReport => ({
  name,
  status,
  assertionResults: states.map((state) => ({ status: state })),
});

describe('the tally of a test run', () => {
  it('counts tests, and a file that failed without one as a failure', () => {
    const reports = [
      file('a', 'passed', 'passed', 'passed', 'skipped'),
      file('b', 'failed', 'passed', 'failed', 'failed'),
      file('hook', 'failed', 'pending', 'pending'),
      file('import', 'failed'),
    ];
    expect(failedFiles(reports)).toEqual(['b', 'hook', 'import']);
    expect(tally(reports, [])).toEqual({
      passed: 3,
      failed: 4,
      skipped: 3,
      flaky: [],
      broken: ['b', 'hook', 'import'],
    });
  });

  it('takes the second run of a file for what it is, and names who needed it', () => {
    const first = [
      file('a', 'passed', 'passed'),
      file('b', 'failed', 'failed'),
      file('c', 'failed', 'failed'),
    ];
    const again = [file('b', 'passed', 'passed'), file('c', 'failed', 'failed', 'passed')];
    expect(tally(first, again)).toEqual({ passed: 3, failed: 1, skipped: 0, flaky: ['b'], broken: ['c'] });
  });

  it('says in short which tests of a file failed and why, or why none ran', () => {
    const failureMessages = [
      '\u001b[31mAssertionError\u001b[39m: expected 3 to be 0\n\n    at a.test.ts:1:2',
    ];
    const report: FileReport = {
      ...file('a', 'failed', 'passed'),
      assertionResults: [
        { status: 'passed' },
        { status: 'failed', fullName: 'a thing works', failureMessages },
      ],
    };
    expect(whyFailed(report)).toEqual([
      'a thing works',
      '  AssertionError: expected 3 to be 0',
      '      at a.test.ts:1:2',
    ]);
    expect(whyFailed({ ...file('b', 'failed'), message: 'Cannot find package' })).toEqual([
      '  Cannot find package',
    ]);
  });
});
