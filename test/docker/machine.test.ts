import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Progress } from '../../src/domain/progress.js';
import { provideHelm } from '../../src/tools/helm-binary.js';
import { provideTemporal } from '../../src/tools/temporal-binary.js';
import type { CliResult } from '../e2e/cli.js';
import { sharedCacheDir } from '../support/cache.js';
import { DockerEngine } from '../support/docker/engine.js';
import { Machine } from '../support/docker/machine.js';
import { whyNoDocker } from '../support/docker/package.js';
import { embeddedPrograms, whyNoCluster } from '../support/embedded-cluster.js';

const reason = (await whyNoCluster()) ?? (await whyNoDocker());

/** A CI runner or a dev container as a machine for the embedded cluster. */
describe.skipIf(reason !== undefined)(
  `the embedded cluster in a container${reason === undefined ? '' : ` (skipped: ${reason})`}`,
  { timeout: 300_000 },
  () => {
    let engine: DockerEngine;
    let empty: ReadonlySet<string>;
    let machine: Machine;

    beforeAll(async () => {
      await embeddedPrograms();
      // Nothing can be downloaded in there.
      const source = { cacheDir: sharedCacheDir, environment: process.env };
      await Promise.all([provideHelm(source), provideTemporal(source)]);
      engine = await DockerEngine.open();
      empty = await engine.contents();
    }, 15 * 60_000);
    afterAll(() => engine.close());

    const up = (on: Machine): Promise<CliResult> =>
      on.tracewright('up', '--target', 'embedded', '--fail-fast');

    it.each([
      ['not privileged', [], /without CAP_NET_ADMIN and CAP_SYS_ADMIN/u],
      [
        'with capabilities only',
        ['--cap-add', 'NET_ADMIN', '--cap-add', 'SYS_ADMIN'],
        /can only be read here/u,
      ],
    ])('is refused where the container is %s', async (_, flags, why) => {
      const plain = await Machine.start(engine, { name: 'plain', flags });
      const { exitCode, stdout, stderr } = await up(plain);
      const doctor = await plain.tracewright('doctor', '--target', 'embedded');
      await plain.remove();
      expect(exitCode, stdout + stderr).not.toBe(0);
      for (const said of [stdout + stderr, doctor.stdout]) {
        const text = said.replaceAll(/\s+/gu, ' ');
        expect(text).toMatch(why);
        expect(text).toContain('docker run --privileged');
      }
      expect(stdout + stderr).toContain('[host.unsupported]');
    });

    it('is refused where its state would lie in the layer of the container', async () => {
      const plain = await Machine.start(engine, { name: 'layer', flags: ['--privileged'], state: 'layer' });
      const { exitCode, stdout, stderr } = await up(plain);
      await plain.remove();
      expect(exitCode, stdout + stderr).not.toBe(0);
      expect(stdout + stderr).toContain('[host.unsupported]');
    });

    it('is proved, and known for alive by every step', async () => {
      machine = await Machine.start(engine, { name: 'machine', flags: ['--privileged'] });
      const { exitCode, stdout, stderr } = await up(machine);
      expect(exitCode, stdout + stderr).toBe(0);
      expect(stdout + stderr).not.toContain('has stopped');
      const { proof, phase } = await progress();
      expect(phase).toBe('Ready');
      expect(proof?.checks.filter(({ state }) => state === 'passed').map(({ name }) => name)).toEqual([
        'ride',
        'collector-log',
        'tempo-by-id',
        'traceql',
      ]);
    });

    it('is adopted by the next up', async () => {
      const before = await node();
      const { exitCode, stdout, stderr } = await up(machine);
      expect(exitCode, stdout + stderr).toBe(0);
      expect(stdout + stderr).not.toContain('has stopped');
      expect(await node()).toEqual(before);
    });

    it('is no cluster of the machine around the container', async () => {
      const { findEmbeddedClusters } = await import('../../src/targets/embedded/residue.js');
      expect(JSON.stringify(await findEmbeddedClusters('/state'))).not.toContain('/state/clusters');
    });

    it('goes with down, and nothing of it is left', async () => {
      const { exitCode, stdout, stderr } = await machine.tracewright('down');
      expect(exitCode, stdout + stderr).toBe(0);
      const left = ['ls', '/state/clusters', ...['/sys/fs/cgroup', '/sys/fs/cgroup/pids', '/sys/class/net']];
      expect((await machine.exec(...left)).stdout).not.toMatch(/tracewright|embedded$|twr/mu);
      const programs = async (): Promise<string[]> =>
        (await machine.exec('ps', '-e', '-o', 'comm=,stat=')).stdout
          .split('\n')
          .filter((line) => !/ Z|^(?:tail|ps) /u.test(line));
      await expect.poll(programs, { timeout: 120_000 }).toEqual([]);
      await machine.remove();
      await expect.poll(() => engine.contents(), { timeout: 60_000 }).toEqual(empty);
    });

    async function progress(): Promise<Progress> {
      return JSON.parse((await machine.tracewright('status', '--json')).stdout) as Progress;
    }

    /** The node as the product knows it. */
    async function node(): Promise<unknown> {
      return JSON.parse((await machine.exec('cat', '/state/clusters/embedded/node.pid')).stdout) as unknown;
    }
  },
);
