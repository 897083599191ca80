import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { execa } from 'execa';
import { setup } from './support/global-setup.js';
import { failedFiles, tally, whyFailed, type FileReport } from './support/reports.js';

/**
 * `npm test`: runs the two tiers of vitest.config.ts beside each other, of each as many files at a time as stands there. Tests
 * that start clusters wait most of the time, for pods and for each other; vitest itself runs such groups only one after the
 * other. What is given goes to vitest: `npm test -- test/domain`.
 *
 * Files that failed are run once more, alone, when everything else is done (decision 29); what passes then is named as
 * flaky. The last line counts the tests.
 */
const tiers = ['heavy', 'light'];
/** More files than this do not fail by chance. */
const maxRerun = 10;
const given = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'tracewright-reports-'));

/** Runs vitest. Returns what its report says of each file; an error outside of all files throws. */
async function vitest(name: string, args: readonly string[]): Promise<FileReport[]> {
  const report = join(folder, `${name}.json`);
  const { exitCode } = await execa(
    'npx',
    [
      ...['vitest', 'run', '--passWithNoTests', ...args],
      ...['--reporter=default', '--reporter=json', `--outputFile.json=${report}`],
    ],
    { stdio: 'inherit', reject: false },
  );
  const files = (JSON.parse(await readFile(report, 'utf8')) as { testResults: FileReport[] }).testResults;
  if (exitCode !== 0 && failedFiles(files).length === 0)
    throw new Error(`vitest (${name}) ended with ${String(exitCode)}, though no file failed: see above`);
  return files;
}

try {
  // Once, before all do: two installations of packages at a time get into each other's way.
  await setup();
  const runs = tiers.map((tier) => vitest(tier, ['--project', tier, ...given]));
  const first = (await Promise.all(runs)).flat();
  const failed = failedFiles(first);
  const again: FileReport[] = [];
  if (failed.length <= maxRerun)
    // One call each: vitest gives every project workers of its own.
    for (const file of failed) again.push(...(await vitest('again', [file])));
  const counts = tally(first, again);
  const last = [...again, ...first];
  for (const file of counts.flaky)
    console.log(`FLAKY  ${relative('.', file)} failed beside others and passed alone`);
  for (const file of counts.broken) {
    console.log(`FAILED ${relative('.', file)}`);
    const report = last.find(({ name }) => name === file);
    if (report) for (const line of whyFailed(report)) console.log(`       ${line}`);
  }
  console.log(
    `${String(counts.passed)} passed, ${String(counts.failed)} failed, ${String(counts.skipped)} skipped`,
  );
  process.exitCode = counts.failed === 0 ? 0 : 1;
} finally {
  await rm(folder, { recursive: true, force: true });
}
