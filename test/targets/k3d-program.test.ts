import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { k3dSettingsSchema } from '../../src/domain/k3d-settings.js';
import { k3dConfigFile, registriesFile } from '../../src/targets/k3d/config.js';
import { clusterContainers } from '../../src/targets/k3d/docker.js';
import { explainFailure } from '../../src/targets/k3d/failure.js';
import { K3dFailed, runK3d, type K3d, k3dFolder } from '../../src/targets/k3d/k3d-program.js';
import { findK3d, k3dModule, provideK3d } from '../../src/targets/k3d/provide.js';
import { sharedCacheDir } from '../support/cache.js';
import { onPath } from '../support/api-server.js';
import { testFolder } from '../support/folder.js';

const noEngine = 'unix:///nonexistent/docker.sock';
const source = { cacheDir: sharedCacheDir, environment: { ...process.env, DOCKER_HOST: noEngine } };
const missingK3d = (await findK3d(source)) === undefined ? 'no k3d, and no Go to build it' : undefined;

/** The real k3d, built from its Go module on the first run: what it is given must take it as far as Docker. */
describe.skipIf(missingK3d !== undefined)(
  `the real k3d${missingK3d === undefined ? '' : ` (${missingK3d})`}`,
  () => {
    const real = async (variables: Record<string, string>): Promise<K3d> => {
      const { path } = await provideK3d(source);
      const folder = k3dFolder(await testFolder(), 'it');
      await mkdir(folder.path, { recursive: true });
      return { path, folder, variables: { ...source.environment, ...variables } };
    };
    const run = async (k3d: K3d, ...args: string[]): Promise<K3dFailed> => {
      const failure: unknown = await runK3d(k3d, { args, timeoutMs: 60_000 }).catch(
        (error: unknown) => error,
      );
      if (failure instanceof K3dFailed) return failure;
      throw new Error(`k3d ${args.join(' ')} did not fail`);
    };

    it(
      'takes the configuration and fails only at the socket of Docker',
      { timeout: 30 * 60_000 },
      async () => {
        const k3d = await real({
          HTTPS_PROXY: 'http://u:secret-of-the-test@proxy:3128',
          K3D_IMAGE: 'nothing',
        });
        const settings = k3dSettingsSchema.parse({ mirrors: { 'docker.io': ['http://10.0.0.1:5000'] } });
        const wish = {
          ...{ name: 'it', environment: 'it', settings, variables: k3d.variables, timeoutMs: 60_000 },
          stateDir: k3d.folder.stateDir,
          registriesPath: k3d.folder.registries,
        };
        await writeFile(k3d.folder.registries, registriesFile(settings) ?? '');
        const text = k3dConfigFile(wish);
        expect(text).not.toContain('secret-of-the-test');
        await writeFile(k3d.folder.config, text);
        const { lines, cause } = await run(k3d, 'cluster', 'create', '--config', k3d.folder.config);
        expect(lines).toEqual(
          expect.arrayContaining([
            expect.stringMatching(/^Using config file .*k3d\.yaml \(k3d\.io\/v1alpha5#simple\)$/u) as string,
            'Prep: Network',
            'Cluster creation FAILED, rollback deactivated.',
          ]),
        );
        expect(lines.filter((line) => /schema|unknown|invalid|parse/iu.test(line))).toEqual([]);
        const context = {
          what: 'k3d',
          lines,
          tooLate: 'cluster.not-ready',
          otherwise: 'cluster.start-failed',
        } as const;
        expect(explainFailure(cause, context)).toMatchObject({ type: 'docker.unreachable' });
        // What it leaves behind, it leaves in the cluster's folder.
        expect(await readdir(k3d.folder.scratch)).toEqual([expect.stringMatching(/^k3d-config-tmp-/u)]);
      },
    );

    it('takes the other commands', async () => {
      const k3d = await real({});
      for (const args of [
        ['cluster', 'start', 'it', '--timeout', '10s'],
        ['kubeconfig', 'get', 'it'],
      ]) {
        const { lines } = await run(k3d, ...args);
        expect(lines.join('\n')).toContain('No nodes found for given cluster');
      }
      // It ends well even when it could not look: whether something is left is asked of Docker.
      await runK3d(k3d, { args: ['cluster', 'delete', 'it'], timeoutMs: 60_000 });
    });

    it('is the pinned one, or newer than what the configuration needs', async () => {
      const found = await findK3d({ ...source, environment: { PATH: '/nonexistent' } });
      if (typeof found === 'object') expect(found.version).toBe(k3dModule.version);
    });
  },
);

const missingDocker = onPath('docker') === undefined ? 'no docker on PATH' : undefined;

describe.skipIf(missingDocker !== undefined)(
  `the real docker${missingDocker === undefined ? '' : ` (${missingDocker})`}`,
  () => {
    it('understands the template by which containers are read, and leaves the token out', async () => {
      const inspected = {
        Id: 'a1',
        Name: '/k3d-it-server-0',
        RestartCount: 2,
        Config: {
          Image: 'rancher/k3s:v1.31.5-k3s1',
          Labels: { 'k3d.role': 'server', 'k3d.cluster.token': 'secret' },
        },
        State: { Status: 'running', StartedAt: '2026-01-01T00:00:00Z' },
        HostConfig: { PortBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] } },
        Mounts: [
          { Type: 'volume', Name: '0a466b9d9f60', Destination: '/var/lib/rancher/k3s' },
          { Type: 'bind', Source: '/etc/it', Destination: '/etc/it' },
        ],
      };
      const asked: string[] = [];
      const server = createServer(({ url = '' }, response) => {
        asked.push(decodeURIComponent(url));
        response.setHeader('content-type', 'application/json').setHeader('api-version', '1.50');
        response.end(JSON.stringify(url.includes('/containers/json') ? [{ Id: 'a1' }] : inspected));
      });
      const socket = join(await testFolder(), 'docker.sock');
      await once(server.listen(socket), 'listening');
      try {
        const variables = { PATH: process.env['PATH'], DOCKER_HOST: `unix://${socket}` };
        expect(await clusterContainers({ variables }, 'it')).toEqual([
          {
            ...{
              name: 'k3d-it-server-0',
              image: 'rancher/k3s:v1.31.5-k3s1',
              role: 'server',
              environment: '',
              stateDir: '',
            },
            ...{ hasToken: true, status: 'running', startedAt: '2026-01-01T00:00:00Z', restarts: 2 },
            ports: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }] },
            volumes: ['0a466b9d9f60'],
          },
        ]);
        expect(asked.find((url) => url.includes('/containers/json'))).toMatch(/app=k3d.*k3d\.cluster=it/u);
      } finally {
        server.close();
      }
    });
  },
);
