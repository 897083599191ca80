import { readFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { provideK3d } from '../../../src/targets/k3d/provide.js';
import { findProgram } from '../../../src/tools/find-program.js';
import { provideHelm, provideKubectl } from '../../../src/tools/helm-binary.js';
import { provideTemporal } from '../../../src/tools/temporal-binary.js';
import { sharedCacheDir } from '../cache.js';
import type { DockerEngine } from '../docker/engine.js';
import { debianRoot } from './programs.js';
import { makeImage } from './recipe.js';

/*
 * Images under the names that deploy/Dockerfile has, made from what package registries publish: no image registry is
 * asked. They are stand-ins for the images of those names: Debian's packages, the Node and npm of this machine, and the
 * tools in the versions that the names say.
 */

const debian = 'debian:test';
const source = { cacheDir: sharedCacheDir, environment: process.env };
/** The development server of Temporal's CLI. */
export const developmentServer = 'temporal:test';

export async function loadDebian(engine: DockerEngine): Promise<void> {
  await engine.docker('import', await debianRoot(), debian);
}

export async function loadDevelopmentServer(engine: DockerEngine): Promise<void> {
  const { path } = await provideTemporal(source);
  await makeImage(engine, {
    name: developmentServer,
    from: debian,
    files: { 'usr/local/bin/temporal': path },
    steps: ['ENTRYPOINT ["temporal"]'],
  });
}

/** What deploy/Dockerfile builds upon: the versions stand in its arguments. */
export async function loadBuildImages(engine: DockerEngine): Promise<void> {
  const dockerfile = await readFile(resolve(import.meta.dirname, '../../../deploy/Dockerfile'), 'utf8');
  const version = (tool: string): string =>
    new RegExp(`^ARG ${tool}_VERSION=(\\S+)$`, 'mu').exec(dockerfile)?.[1] ?? '';
  const npm = await findProgram('npm', process.env['PATH']);
  if (npm === undefined) throw new Error('There is no npm for the image of Node.');
  const node = dirname(dirname(process.execPath));
  await makeImage(engine, {
    from: debian,
    name: `node:${version('NODE')}-bookworm-slim`,
    files: {
      'usr/local/bin/node': process.execPath,
      'usr/local/lib/node_modules/npm': join(node, 'lib/node_modules/npm'),
      'etc/ssl/certs/ca-certificates.crt': '/etc/ssl/certs/ca-certificates.crt',
    },
    steps: [
      'RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm',
      'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt',
    ],
  });
  const [helm, kubectl, k3d] = await Promise.all([
    provideHelm(source),
    provideKubectl(source),
    provideK3d(source),
  ]);
  for (const [name, path, from] of [
    [`alpine/helm:${version('HELM')}`, 'usr/bin/helm', helm.path],
    [`registry.k8s.io/kubectl:v${version('KUBECTL')}`, 'bin/kubectl', kubectl.path],
    [`ghcr.io/k3d-io/k3d:${version('K3D')}`, 'bin/k3d', k3d.path],
  ] as const)
    await makeImage(engine, { name, from: 'scratch', files: { [path]: from } });
}
