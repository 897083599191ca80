import { describe, expect, it } from 'vitest';
import type { FleetProgress } from '../../src/domain/fleet.js';
import { whyUnsupported } from '../../src/targets/embedded/host.js';
import { eventSchema } from '../../src/cli/views/event-schema.js';
import { processesOf, useSmallEnvironment } from './small-environment.js';
import { startCli } from './support.js';

/** Real server, worker and workflows; the first step of each seat stays in the middle of its build. */
describe.skipIf((await whyUnsupported()) !== undefined)(
  'the commands of a fleet',
  { timeout: 240_000 },
  () => {
    const surroundings = useSmallEnvironment();
    const command: typeof surroundings.command = (...args) => surroundings.command(...args);
    const status = async (): Promise<FleetProgress> =>
      JSON.parse((await command('fleet', 'status', '--json')).stdout) as FleetProgress;

    it('begin it, show it, leave it and take it away', async () => {
      Object.assign(surroundings.env, { TRACEWRIGHT_SLOTS: '1' });
      const wish = ['--count', '3', '--name', 'lab', '--parallel', '2', '--stack', 'small.yaml'];
      const up = await command('fleet', 'up', ...wish, '--detach');
      expect(up.exitCode, up.errors.join('\n')).toBe(0);

      await expect
        .poll(async () => (await status()).seats.map(({ phase, place }) => [phase, place]), {
          timeout: 30_000,
        })
        .toEqual([
          ['Provisioning', undefined],
          ['Queued', 1],
          ['Waiting', undefined],
        ]);
      const queued = await command('status', '--name', 'lab-02', '--json');
      expect(JSON.parse(queued.stdout)).toMatchObject({ phase: 'Queued', place: 1 });
      const table = await command('fleet', 'status', '--name', 'lab');
      expect(table.exitCode).toBe(0);
      expect(table.stdout).toMatch(/lab-02 +Queued .*place 1/u);
      const list = await command('list');
      expect(list.stdout).toMatch(/lab-02 +Queued \(1\)/u);
      expect(list.stdout).toContain('fleet status --name lab');

      const watching = startCli(
        surroundings.folder,
        ['fleet', 'status', '--watch', '--json'],
        surroundings.env,
      );
      await expect.poll(() => watching.output().split('\n').length, { timeout: 30_000 }).toBeGreaterThan(3);
      watching.child.kill('SIGINT');
      const exitCode = await new Promise((resolve) => watching.child.once('exit', resolve));
      expect(exitCode).toBe(130);
      const events = watching
        .output()
        .trim()
        .split('\n')
        .map((line) => eventSchema.parse(JSON.parse(line)));
      expect(new Set(events.map(({ event }) => event))).toEqual(new Set(['seat']));

      const down = await command('fleet', 'down');
      expect(down.exitCode, down.stdout + down.errors.join('\n')).toBe(0);
      expect(await processesOf(surroundings.folder)).toEqual({});
      const gone = await command('fleet', 'status');
      expect(gone.exitCode).toBe(1);
      expect(gone.errors.join('\n')).toContain('environment.not-found');
    });

    it('are refused with what to do where they make no sense', async () => {
      const refusals = [
        ['--count', '2', '--target', 'k3d', '--stack', 'tutorial'],
        ['--count', '2', '--name', 'Lab'],
        ['--count', '0'],
        [],
      ];
      for (const options of refusals) {
        const { exitCode, errors } = await command('fleet', 'up', '--stack', 'small.yaml', ...options);
        expect([exitCode, errors.join('\n')]).toEqual([2, expect.stringContaining('usage.invalid')]);
      }
    });
  },
);
