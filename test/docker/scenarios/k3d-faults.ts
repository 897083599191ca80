import type { Bed } from '../../faults/bed.js';
import { isOver } from '../../faults/moments.js';
import { cli, helm, server, stoppedWorker, worker, type Victim } from '../../faults/victims.js';
import type { DockerEngine } from '../../support/docker/engine.js';
import { balancerName, serverName, until } from '../k3d/bed.js';
import { onK3d } from '../k3d/scene.js';
import type { DockerScenario } from '../scenario.js';

/** The tool of the step `cluster` is k3d. */
const k3dProgram: Victim = { ...helm, name: 'kill -9 of k3d' };

/** What shows on the engine while k3d makes a cluster, in its order. */
const moments = {
  'its network is made': ({ networks }: Seen) => networks.includes('k3d-faults'),
  'the server is created': ({ states }: Seen) => states.has(serverName),
  'the load balancer is created': ({ states }: Seen) => states.has(balancerName),
  'the server runs': ({ states }: Seen) => states.get(serverName) === 'running',
  'the load balancer runs': ({ states }: Seen) => states.get(balancerName) === 'running',
};
type Moment = keyof typeof moments;

interface Seen {
  readonly networks: readonly string[];
  readonly states: ReadonlyMap<string, string>;
}

async function look(engine: DockerEngine): Promise<Seen> {
  const [networks, containers] = await Promise.all([
    engine.docker('network', 'ls', '--format', '{{.Name}}'),
    engine.docker('ps', '--all', '--format', '{{.Names}} {{.State}}'),
  ]);
  const states = containers.split('\n').map((line) => line.split(' ') as [string, string]);
  return { networks: networks.split('\n'), states: new Map(states) };
}

/** Begins with an empty engine, strikes at that moment, and waits until the cluster is there all the same. */
async function strike(
  engine: DockerEngine,
  bed: Bed,
  victim: Victim,
  moment: Moment,
): Promise<string | undefined> {
  bed.follow();
  await until(moment, async () => moments[moment](await look(engine)));
  const result = await victim.strike(bed, 'cluster');
  await bed.until('the cluster', async () => {
    bed.follow();
    return isOver(await bed.look(), 'cluster');
  });
  return typeof result === 'string' ? result : undefined;
}

/** Each in its turn, from an empty engine to the cluster, and away again: the rest of the stack is of no interest here. */
function eachStrike(name: string, strikes: readonly (readonly [Victim, Moment])[]): DockerScenario {
  return onK3d(name, async ({ engine, blow, residue }, { bed, down }) => {
    for (const [victim, moment] of strikes) {
      await blow(`${victim.name}, ${moment}`, () => strike(engine, bed, victim, moment));
      residue(await down());
    }
  });
}

export const k3dFaults: readonly DockerScenario[] = [
  eachStrike(
    'k3d-create',
    (Object.keys(moments) as Moment[]).map((moment) => [k3dProgram, moment] as const),
  ),
  // The rows of the fault suite that concern the step `cluster`.
  eachStrike('k3d-faults', [
    [worker, 'the server is created'],
    [worker, 'the load balancer runs'],
    [stoppedWorker, 'the server runs'],
    [server, 'the server runs'],
    [cli, 'the load balancer is created'],
  ]),
];
