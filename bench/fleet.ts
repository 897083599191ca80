import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadConfig } from '../src/config.js';
import { withCli } from './cli.js';
import { simulate } from './fleet-simulation.js';
import { printTable, seconds, type Row } from './table.js';

/**
 * Many at once: `npm run bench:fleet`.
 *
 * - `-- --real 16`: a real fleet on this machine, with the time of each seat
 * - `-- --environments 1000 --checks 6 --every 1800 --within 600`: environments with stand-in steps on a real Temporal
 *   server, which prove themselves so often; a dev server cannot skip time, so that the interval of `--every` seconds is
 *   compressed until all checks fit into `--within` seconds. A machine that is slower makes them as fast as it can; a week
 *   of half hours are 336. `--continue-after 250`: a new run after so many events instead of when the server suggests it
 */
const { values } = parseArgs({
  options: {
    real: { type: 'string', default: '0' },
    environments: { type: 'string', default: '1000' },
    checks: { type: 'string', default: '6' },
    every: { type: 'string', default: '1800' },
    within: { type: 'string', default: '600' },
    'continue-after': { type: 'string' },
  },
});

const real = Number(values.real);
printTable(real > 0 ? await realFleet(real) : await simulated());

function realFleet(count: number): Promise<Row[]> {
  return withCli({ ...loadConfig(), down: ['fleet', 'down'] }, async (cli) => {
    const target = ['--stack', 'embedded', '--target', 'embedded'];
    const wallMs = await cli.time('fleet', 'up', '--count', String(count), '--name', 'bench', ...target);
    const { seats } = await cli.fleet();
    const verifyMs = await cli.time('fleet', 'verify');
    const downMs = await cli.time('fleet', 'down');
    return [
      [`${String(count)} real seats, all proved`, seconds(wallMs), ''],
      ...seats.map(({ name, phase, startedAt = 0, endedAt = 0 }): Row => [
        `  ${name}: ${phase}`,
        seconds(endedAt - startedAt),
        '',
      ]),
      ['all proved again', seconds(verifyMs), ''],
      ['all gone', seconds(downMs), ''],
    ];
  });
}

async function simulated(): Promise<Row[]> {
  const { environments, checks, every, within, 'continue-after': continueAfter } = values;
  const everyMs = Math.max(1_000, (Number(within) * 1_000) / Number(checks));
  const stateDir = await mkdtemp(join(tmpdir(), 'tracewright-bench-'));
  const found = await simulate({
    stateDir,
    environments: Number(environments),
    checks: Number(checks),
    everyMs,
    ...(continueAfter !== undefined && { continueAfterEvents: Number(continueAfter) }),
    say: (text) => {
      console.log(text);
    },
  }).finally(() => rm(stateDir, { recursive: true, force: true }));
  const simulatedHours = (Number(checks) * Number(every)) / 3_600;
  return [
    [
      `${environments} environments, ${checks} checks each`,
      `${simulatedHours.toFixed(0)} h of real life`,
      '',
    ],
    ['  an interval of', `${every} s, compressed to ${seconds(everyMs)}`, ''],
    [
      '  continued as new',
      continueAfter === undefined ? 'as the server suggests' : `after ${continueAfter} events`,
      '',
    ],
    ...found,
  ];
}
