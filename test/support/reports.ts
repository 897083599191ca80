import { stripVTControlCharacters } from 'node:util';

/** What vitest's JSON reporter says of a file. A file whose hook or import fails has failed without a failed test. */
export interface FileReport {
  /** Its absolute path. */
  readonly name: string;
  readonly status: 'passed' | 'failed';
  /** Why no test of it ran. */
  readonly message?: string;
  readonly assertionResults: readonly {
    readonly status: string;
    readonly fullName?: string;
    readonly failureMessages?: readonly string[];
  }[];
}

/** The tests of a run, where files that failed were run once more. */
export interface Tally {
  readonly passed: number;
  /** A file that failed without a failed test counts as one. */
  readonly failed: number;
  readonly skipped: number;
  /** Files that failed at first and passed alone. */
  readonly flaky: readonly string[];
  /** Files that failed in the end. */
  readonly broken: readonly string[];
}

/** The files of a report with a failure. */
export function failedFiles(reports: readonly FileReport[]): string[] {
  return reports.filter((report) => report.status === 'failed').map((report) => report.name);
}

/** Counts tests: those of files that were run again by their second run. */
export function tally(first: readonly FileReport[], again: readonly FileReport[]): Tally {
  const second = new Map(again.map((report) => [report.name, report]));
  const reports = first.map((report) => second.get(report.name) ?? report);
  const counts = { passed: 0, failed: 0, skipped: 0 };
  for (const report of reports) {
    const states = report.assertionResults.map(({ status }) => status);
    const failed = states.filter((status) => status === 'failed').length;
    const passed = states.filter((status) => status === 'passed').length;
    counts.passed += passed;
    counts.failed += report.status === 'failed' ? Math.max(failed, 1) : 0;
    counts.skipped += states.length - failed - passed;
  }
  const broken = failedFiles(reports);
  return { ...counts, broken, flaky: failedFiles(first).filter((file) => !broken.includes(file)) };
}

/** Of a message, for a summary; the whole stands above, where it may be long cut off. In lines, and characters a line. */
const [messageLines, lineLength] = [6, 300];

/** What failed in a file and why, in short, a line each: the last that a run prints should say what to mend. */
export function whyFailed({ message, assertionResults }: FileReport): string[] {
  const failed = assertionResults.filter(({ status }) => status === 'failed');
  const reasons = failed.flatMap(({ fullName = 'a test', failureMessages = [] }) => [
    fullName,
    ...failureMessages.flatMap(beginning),
  ]);
  return failed.length === 0 ? beginning(message ?? '') : reasons;
}

function beginning(text: string): string[] {
  const said = stripVTControlCharacters(text)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return said.slice(0, messageLines).map((line) => `  ${line.slice(0, lineLength)}`);
}
