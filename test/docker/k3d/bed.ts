import { setTimeout as sleep } from 'node:timers/promises';
import { isTracewrightError } from '../../../src/domain/failure.js';
import { provideK3d } from '../../../src/targets/k3d/provide.js';
import { Bed } from '../../faults/bed.js';
import { variant } from '../../faults/chain.js';
import { residueOf } from '../../faults/residue.js';
import { freePorts } from '../../support/api-server.js';
import { sharedCacheDir } from '../../support/cache.js';
import type { DockerEngine } from '../../support/docker/engine.js';
import { embeddedPrograms } from '../../support/embedded-cluster.js';
import { snapshotHost } from '../../support/host-snapshot.js';
import { loadK3dImages } from '../../support/k3d-images/index.js';

const environment = 'faults';
export const serverName = `k3d-${environment}-server-0`;
export const balancerName = `k3d-${environment}-serverlb`;

/** An environment on k3d that the command line makes on a real engine. */
export interface K3dBed {
  readonly bed: Bed;
  /** The published port that leads to HotROD. */
  readonly http: number;
  /** The containers of the cluster: their ids by their names. */
  readonly containers: () => Promise<ReadonlyMap<string, string>>;
  /** Says `up`, which must end in the proof. */
  readonly up: () => Promise<void>;
  /** Says `down`. @returns what is left of the environment but for what the engine shows */
  readonly down: () => Promise<string[]>;
  readonly close: () => Promise<void>;
}

interface Port {
  containerPort: number;
  hostPort?: number;
}

interface HotrodComponent {
  manifests: {
    objects: { kind: string; spec: { template: { spec: { containers: { ports: Port[] }[] } } } }[];
  };
}

/** The embedded stack on k3d, with HotROD on port 80 of the node, to which the load balancer leads. */
export async function openK3dBed(engine: DockerEngine): Promise<K3dBed> {
  // Building k3d takes minutes on a new machine: not while a scenario waits for what k3d does.
  await provideK3d({ cacheDir: sharedCacheDir, environment: process.env });
  await loadK3dImages(engine, await embeddedPrograms());
  const [api, http] = (await freePorts(2)) as [number, number];
  const { up, close } = await variant((stack) => {
    stack.targets = ['k3d'];
    stack.k3d = { apiPort: api, ports: [`${http}:80@loadbalancer`] };
    const { manifests } = stack.components['hotrod'] as unknown as HotrodComponent;
    const ports = manifests.objects.find(({ kind }) => kind === 'Deployment')?.spec.template.spec
      .containers[0];
    for (const port of ports?.ports ?? []) if (port.containerPort === 8080) port.hostPort = 80;
  });
  // What the kubeconfig names.
  await engine.reach(api, api);
  const before = await snapshotHost();
  const options = {
    environment,
    up: [...up, '--target', 'k3d'],
    env: { ...engine.variables },
    network: engine,
  };
  const bed = await Bed.open(options);
  return {
    bed,
    http,
    containers: async () => {
      const args = [
        'ps',
        '--all',
        '--no-trunc',
        '--filter',
        'label=app=k3d',
        '--format',
        '{{.Names}} {{.ID}}',
      ];
      const lines = (await engine.docker(...args)).split('\n').filter((line) => line !== '');
      return new Map(lines.map((line) => line.split(' ') as [string, string]).sort());
    },
    up: async () => {
      await bed.leave();
      await bed.run(bed.up());
    },
    down: async () => {
      await bed.down();
      return residueOf({ stateDir: bed.stateDir, cluster: bed.ownCluster }, before);
    },
    close: async () => {
      await bed.close();
      await close();
    },
  };
}

/** Asks for a page inside the box. @returns its text; `undefined` when nothing answers */
export async function ask(engine: DockerEngine, url: string): Promise<string | undefined> {
  const script = `fetch(${JSON.stringify(url)}, { signal: AbortSignal.timeout(5000) })
    .then((answer) => answer.text()).then((text) => process.stdout.write(text))`;
  try {
    return (await engine.run(process.execPath, ['-e', script])).stdout;
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    return undefined;
  }
}

/** Waits until something holds; throws when it does not come. */
export async function until(what: string, holds: () => Promise<boolean>, limitMs = 120_000): Promise<void> {
  const deadline = Date.now() + limitMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`waited ${limitMs / 1_000} s for ${what}`);
    await sleep(50);
  }
}
