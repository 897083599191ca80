import { cpus, loadavg, totalmem } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config.js';
import { loadStack } from '../src/stack-file.js';
import { buildEmbedded } from '../src/targets/embedded/build/build.js';
import { provideHelm, provideKubectl } from '../src/tools/helm-binary.js';
import { buildGoPrograms } from '../test/support/go-program.js';
import { interruptSignal } from './cli.js';
import { contenders } from './peers/contenders.js';
import { alignedTable, tableOf, type Measured } from './peers/figures.js';
import { writeReadme } from './peers/readme.js';
import { install, recover, type Bench, type Recovery, type Start } from './peers/trial.js';
import { seconds } from './table.js';

/**
 * `npm run bench:peers`: Tracewright beside helmfile, the tutorial's order and a parallel script, with the same charts and
 * images, each on fresh embedded clusters: undisturbed, and killed in the middle and started again. `-- --rounds 5` for
 * medians of five, `--write` for the section of README.md with its chart, `--only helmfile` for one contender. About five
 * minutes a round, and once as many for building helmfile. Root on Linux with control groups of version 2; nothing asserts
 * on it.
 */
const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '1' },
    only: { type: 'string', multiple: true },
    write: { type: 'boolean', default: false },
  },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error('--rounds must be a whole number from 1 on.');
const chosen = contenders.filter(({ name }) => values.only?.includes(name) ?? true);
if (chosen.length === 0)
  throw new Error(`--only must name one of ${contenders.map(({ name }) => name).join(', ')}.`);
if (values.write && chosen.length < contenders.length)
  throw new Error('--write is for all contenders in one run.');

const root = resolve(import.meta.dirname, '..');
const signal = interruptSignal();
const { cacheDir, environment } = loadConfig();
const began = performance.now();
const say = (text: string): void => {
  console.log(`${seconds(performance.now() - began).padStart(9)}  ${text}`);
};

const helmfile = { module: 'github.com/helmfile/helmfile', version: 'v1.8.0', packages: { helmfile: '.' } };
const [helm, kubectl] = await Promise.all(
  [provideHelm, provideKubectl].map((provide) => provide({ cacheDir, environment, signal })),
);
const bench: Bench = {
  stack: (await loadStack('embedded', { builtInDir: join(root, 'stacks') })).stack,
  build: await buildEmbedded({ sourceDir: join(root, 'embedded'), cacheDir, signal }),
  programs: {
    helm: helm?.path ?? '',
    kubectl: kubectl?.path ?? '',
    ...(chosen.some(({ name }) => name === 'helmfile') && {
      helmfile: join(await buildGoPrograms(helmfile), 'helmfile'),
    }),
  },
  cacheDir,
  signal,
  say,
};

const machine = `${String(cpus().length)} cores, ${(totalmem() / 1e9).toFixed(0)} GB of memory, Node ${process.version}, load ${loadavg()[0]?.toFixed(1) ?? ''} before`;
const measured = chosen.map((contender) => ({
  contender,
  installs: [] as Start[],
  recoveries: [] as Recovery[],
}));
try {
  for (let round = 0; round < rounds; round += 1) {
    // Nobody is always the first one, on a machine that may be warm only later.
    const first = round % measured.length;
    for (const { contender, installs, recoveries } of [
      ...measured.slice(first),
      ...measured.slice(0, first),
    ]) {
      const start = await install(contender, bench);
      installs.push(start);
      say(`${contender.title}: ${startText(start)}`);
      const recovery = await recover(contender, bench);
      recoveries.push(recovery);
      say(`${contender.title}: started again: ${startText(recovery.again)}`);
    }
  }
} finally {
  // Also when it was interrupted: what was measured until then.
  const some: readonly Measured[] = measured.filter(({ recoveries }) => recoveries.length > 0);
  console.log(
    `\n${machine}; helm ${helm?.version ?? ''}, kubectl ${kubectl?.version ?? ''}; rounds: ${String(rounds)}\n`,
  );
  console.log(alignedTable(tableOf(some)));
}
if (values.write)
  await writeReadme(measured, { date: new Date().toISOString().slice(0, 10), machine, rounds });

function startText({ traceMs, endMs, exitCode, lastLine }: Start): string {
  const trace = traceMs === undefined ? 'no trace' : `trace after ${seconds(traceMs)}`;
  const end = exitCode === 0 ? 'ended' : `FAILED (${String(exitCode)}: ${lastLine})`;
  return `${trace}, ${end} after ${seconds(endMs)}`;
}
