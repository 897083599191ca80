import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { compile } from '../compile.js';
import { readEngine, writeEngine, type Engine } from './engine.js';

export interface K3dStandIn {
  /** PATH with the stand-ins first, for the target and for the command line. */
  readonly variables: Record<string, string>;
  readonly read: () => Engine;
  readonly change: (change: (engine: Engine) => void) => void;
}

/**
 * Puts stand-ins for docker and k3d into a folder of the running test.
 * @param kubeconfig of the cluster that they hand out
 */
export async function createK3dStandIn(folder: string, kubeconfig: string): Promise<K3dStandIn> {
  const bin = join(folder, 'bin');
  const path = join(folder, 'engine.json');
  await mkdir(bin, { recursive: true });
  for (const name of ['docker', 'k3d']) {
    const script = await compile(`test/support/k3d-stand-in/${name}.ts`);
    await writeFile(join(bin, name), `#!/bin/sh\nexec '${process.execPath}' '${script}' '${path}' "$@"\n`);
    await chmod(join(bin, name), 0o755);
  }
  writeEngine(path, {
    docker: 'up',
    scenario: null,
    containers: [],
    networks: [],
    volumes: [],
    rootDir: '/',
    kubeconfig,
    calls: [],
  });
  return {
    variables: { PATH: `${bin}:${process.env['PATH'] ?? ''}`, HOME: folder },
    read: () => readEngine(path),
    change: (change) => {
      const engine = readEngine(path);
      change(engine);
      writeEngine(path, engine);
    },
  };
}
