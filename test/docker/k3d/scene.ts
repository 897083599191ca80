import { doubledReleases } from '../../faults/effects.js';
import { watchOverlap } from '../../faults/overlap.js';
import { onEngine, type DockerScenario, type Scene } from '../scenario.js';
import { balancerName, openK3dBed, serverName, type K3dBed } from './bed.js';

/**
 * An environment on k3d, what `play` does to it, and back to nothing. `play` leaves it proved, or takes it away.
 */
export function onK3d(name: string, play: (scene: Scene, k3d: K3dBed) => Promise<void>): DockerScenario {
  return onEngine(name, async (scene) => {
    const k3d = await openK3dBed(scene.engine);
    const watch = watchOverlap(k3d.bed.stateDir);
    try {
      await play(scene, k3d);
      if ((await k3d.containers()).size === 0) return;
      scene.doubled(await doubledReleases(k3d.bed));
      scene.doubled(await doubledContainers(k3d));
      await scene.blow('down', async () => {
        scene.residue(await k3d.down());
        return undefined;
      });
    } finally {
      scene.overlapped(await watch.stop());
      await k3d.close();
    }
  });
}

/** What is there besides the server and its load balancer. */
async function doubledContainers({ containers }: K3dBed): Promise<string[]> {
  const names = [...(await containers()).keys()];
  return names.filter((name) => name !== serverName && name !== balancerName);
}
