import { Machine } from '../../support/docker/machine.js';
import { onEngine, type DockerScenario } from '../scenario.js';

/** The embedded cluster in a container, as on a CI runner. */
export const machine: readonly DockerScenario[] = [
  onEngine('machine', async ({ engine, blow, residue }) => {
    const it = await Machine.start(engine, { name: 'machine', flags: ['--privileged'] });
    const done = async (...args: string[]): Promise<undefined> => {
      const { exitCode, stdout, stderr } = await it.tracewright(...args);
      if (exitCode !== 0)
        throw new Error(`${args[0] ?? ''} ended with ${String(exitCode)}:\n${stdout}\n${stderr}`);
    };
    const up = (): Promise<undefined> => done('up', '--target', 'embedded', '--fail-fast');
    await blow('up, from nothing to the proof', up);
    await blow('up again', up);
    await blow('the container is killed and started again', async () => {
      await engine.docker('kill', 'machine');
      await engine.docker('start', 'machine');
      await up();
      return done('verify');
    });
    await blow('down', () => done('down'));
    const left = (await it.exec('ls', '/state/clusters')).stdout;
    residue(left === '' ? [] : [`+ ${left}`]);
    await it.remove();
  }),
];
