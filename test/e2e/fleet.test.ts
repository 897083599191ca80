import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { FleetProgress, SeatProgress } from '../../src/domain/fleet.js';
import { eventSchema, type SeatEvent } from '../../src/cli/views/event-schema.js';
import { clusterFolder } from '../../src/targets/embedded/folder.js';
import { residueOf } from '../faults/residue.js';
import { whyNoCluster } from '../support/embedded-cluster.js';
import { snapshotHost } from '../support/host-snapshot.js';
import { createCli } from './cli.js';

const reason = await whyNoCluster();

/** Two real seats on a machine with one slot. */
describe.skipIf(reason !== undefined)(
  `a fleet${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  { timeout: 300_000 },
  () => {
    let stateDir: string;
    let cli: ReturnType<typeof createCli>;
    let before: ReadonlySet<string>;

    const status = async (): Promise<FleetProgress> =>
      JSON.parse((await cli.run('fleet', 'status', '--json')).stdout) as FleetProgress;

    beforeAll(async () => {
      stateDir = await mkdtemp(join(tmpdir(), 'tracewright-e2e-'));
      cli = createCli(stateDir, { TRACEWRIGHT_SLOTS: '1' });
      before = await snapshotHost();
    });

    afterAll(async () => {
      await cli.run('fleet', 'down');
      await rm(stateDir, { recursive: true, force: true });
    });

    it('proves its seats, the second after the first', async () => {
      const args = ['--count', '2', '--name', 'lab', '--stack', 'embedded', '--target', 'embedded', '--json'];
      const { exitCode, stdout, stderr } = await cli.run('fleet', 'up', ...args);
      expect(exitCode, stdout + stderr).toBe(0);
      const events = stdout.split('\n').map((line) => eventSchema.parse(JSON.parse(line)));
      const seen = events.filter((it): it is SeatEvent => it.event === 'seat');
      expect(seen).toContainEqual(expect.objectContaining({ phase: 'Queued', place: 1 }));
      expect(events.at(-1)).toMatchObject({ event: 'fleet-end', exitCode: 0, phases: { Ready: 2 } });

      const { seats } = await status();
      expect(seats.map(({ name, phase }) => [name, phase])).toEqual([
        ['lab-01', 'Ready'],
        ['lab-02', 'Ready'],
      ]);
      const [one, other] = [...seats].sort((a, b) => (a.startedAt ?? 0) - (b.startedAt ?? 0)) as [
        SeatProgress,
        SeatProgress,
      ];
      expect(other.startedAt).toBeGreaterThanOrEqual(one.endedAt ?? Infinity);
      for (const { name } of seats) expect((await cli.run('status', '--name', name)).exitCode).toBe(0);
    });

    it('proves them again', async () => {
      const { exitCode, stdout, stderr } = await cli.run('fleet', 'verify');
      expect(exitCode, stdout + stderr).toBe(0);
      expect(stdout).toMatch(/lab-01 +Verifying/u);
    });

    it('leaves nothing behind', async () => {
      const { exitCode, stdout, stderr } = await cli.run('fleet', 'down');
      expect(exitCode, stdout + stderr).toBe(0);
      for (const seat of ['lab-01', 'lab-02']) {
        const cluster = clusterFolder(stateDir, seat);
        expect(await residueOf({ stateDir, cluster }, before)).toEqual([]);
      }
      expect(await readdir(join(stateDir, 'environments'))).toEqual([]);
      expect(JSON.parse((await cli.run('list', '--json')).stdout)).toEqual([]);
    });
  },
);
