import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { setup } from './support/global-setup.js';

/**
 * `npm test`: runs the two tiers of vitest.config.ts beside each other, one core each, and reports both as one. Tests that
 * start clusters wait most of the time, for pods and for each other; vitest itself runs such groups only one after the
 * other. Files and reporters are given as to vitest: `npm test -- test/domain --reporter=json`.
 */
const tiers = ['heavy', 'light'];
const given = process.argv.slice(2);
const reporting = given.filter((argument) => /^--(?:reporter|outputFile)\b/u.test(argument));
const filters = given.filter((argument) => !reporting.includes(argument));

// Once, before both do: two installations of packages at a time get into each other's way.
await setup();
const folder = await mkdtemp(join(tmpdir(), 'tracewright-reports-'));
const vitest = (args: readonly string[]) =>
  execa('npx', ['vitest', ...args], { stdio: 'inherit', reject: false });
try {
  const runs = tiers.map((tier) =>
    vitest([
      ...['run', '--project', tier, '--maxWorkers=1', '--passWithNoTests', ...filters],
      ...['--reporter=default', '--reporter=blob', `--outputFile.blob=${join(folder, `${tier}.json`)}`],
    ]),
  );
  const failed = (await Promise.all(runs)).some(({ exitCode }) => exitCode !== 0);
  const merged = await vitest(['run', `--merge-reports=${folder}`, ...reporting]);
  process.exitCode = failed || merged.exitCode !== 0 ? 1 : 0;
} finally {
  await rm(folder, { recursive: true, force: true });
}
