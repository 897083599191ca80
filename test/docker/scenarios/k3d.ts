import { reach } from '../../faults/moments.js';
import { ask, balancerName, serverName, until, type K3dBed } from '../k3d/bed.js';
import { onK3d } from '../k3d/scene.js';
import type { DockerScenario, Scene } from '../scenario.js';

/** What is done to the containers, whether these very ones are to be there afterwards, and how it is said. */
interface Damage {
  readonly what: string;
  readonly args: readonly string[];
  readonly keeps: boolean;
}

const damages = {
  stopped: { what: 'the server stopped by hand', args: ['stop', serverName], keeps: true },
  killed: { what: 'the server killed', args: ['kill', serverName], keeps: true },
  paused: { what: 'the server paused', args: ['pause', serverName], keeps: true },
  removed: { what: 'the server removed by hand', args: ['rm', '--force', serverName], keeps: false },
  balancerStopped: { what: 'the load balancer stopped', args: ['stop', balancerName], keeps: true },
  balancerRemoved: {
    what: 'the load balancer removed',
    args: ['rm', '--force', balancerName],
    keeps: false,
  },
  all: { what: 'all containers killed', args: ['kill', serverName, balancerName], keeps: true },
} satisfies Record<string, Damage>;

/** Does the damage; the next `up` must repair it, prove it, and keep the cluster where it can be kept. */
async function repair({ engine, blow }: Scene, k3d: K3dBed, { what, args, keeps }: Damage): Promise<void> {
  const before = await k3d.containers();
  await blow(`${what}, then up`, async () => {
    await engine.docker(...args);
    await k3d.up();
    await expectPage(engine, k3d);
    const after = await k3d.containers();
    const kept = [...before].every(([name, id]) => after.get(name) === id);
    if (kept !== keeps) throw new Error(keeps ? 'the cluster was made anew' : 'the cluster is the same');
    return keeps ? 'the same cluster' : 'a new cluster';
  });
}

/** The published port leads through the load balancer to HotROD. */
async function expectPage(engine: Scene['engine'], { http }: K3dBed): Promise<void> {
  const url = `http://127.0.0.1:${http}/`;
  await until(`HotROD on ${url}`, async () => (await ask(engine, url))?.includes('Rides On Demand') ?? false);
}

/** No other address of the box listens on the port, and none leads there. */
async function expectNoOther({ engine }: Scene, { http }: K3dBed): Promise<void> {
  const { stdout: addresses } = await engine.run('ip', ['-4', '-o', 'addr']);
  const others = [...addresses.matchAll(/inet (\d[\d.]+)/gu)].map(([, address = '']) => address);
  for (const address of others.filter((it) => !it.startsWith('127.')))
    if ((await ask(engine, `http://${address}:${http}/`)) !== undefined)
      throw new Error(`${address} answers on port ${http}, too`);
  if (others.length < 2) throw new Error('the box has no address but its loopback');
}

async function firstUp(scene: Scene, k3d: K3dBed): Promise<void> {
  await scene.blow('up --target k3d, from nothing to the proof', async () => {
    await k3d.up();
    return undefined;
  });
}

async function engineRestarted({ engine, blow }: Scene, k3d: K3dBed, how: 'kill' | 'stop'): Promise<void> {
  const said = how === 'kill' ? 'kill -9 of dockerd' : 'dockerd stopped';
  await blow(`${said} at rest, started, then up`, async () => {
    await engine[how]();
    await engine.start();
    await k3d.up();
    await expectPage(engine, k3d);
    return undefined;
  });
}

/** From nothing to the proof, ports, `up` again, a repair, and back: what every change is tested with. */
export const representative: DockerScenario = onK3d('k3d', async (scene, k3d) => {
  const { engine, blow } = scene;
  await firstUp(scene, k3d);
  await blow('the published port', async () => {
    await expectPage(engine, k3d);
    await expectNoOther(scene, k3d);
    return 'from 127.0.0.1 alone';
  });
  const before = await k3d.containers();
  await blow('up again', async () => {
    await k3d.up();
    const after = await k3d.containers();
    if (JSON.stringify([...after]) !== JSON.stringify([...before])) throw new Error('other containers');
    return 'the same cluster';
  });
  await repair(scene, k3d, damages.killed);
});

export const k3d: readonly DockerScenario[] = [
  representative,
  onK3d('k3d-repairs', async (scene, it) => {
    await firstUp(scene, it);
    for (const damage of [damages.paused, damages.balancerStopped, damages.stopped])
      await repair(scene, it, damage);
  }),
  onK3d('k3d-restarts', async (scene, it) => {
    await firstUp(scene, it);
    await engineRestarted(scene, it, 'kill');
    await engineRestarted(scene, it, 'stop');
    for (const damage of [damages.all, damages.balancerRemoved, damages.removed])
      await repair(scene, it, damage);
  }),
  onK3d('k3d-engine', async (scene, it) => {
    const { engine, blow } = scene;
    await blow('kill -9 of dockerd in the middle of an install, started again', async () => {
      it.bed.follow();
      await reach(it.bed, 'prometheus-stack', 'middle');
      await engine.kill();
      await engine.start();
      await it.bed.run(it.bed.follow());
      return undefined;
    });
  }),
];
