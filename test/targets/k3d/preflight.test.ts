import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer, type AddressInfo } from 'node:net';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { k3dSettingsSchema } from '../../../src/domain/k3d-settings.js';
import { preflightK3d } from '../../../src/targets/k3d/preflight.js';
import { createK3dStandIn } from '../../support/k3d-stand-in/index.js';
import { testFolder } from '../../support/folder.js';

/** `docker ok`, `ports failed port.taken`. */
async function look(variables: Record<string, string>, port = 1, inotifyDir?: string) {
  const checks = await preflightK3d({
    name: 'it',
    settings: k3dSettingsSchema.parse({ apiPort: port, ports: [] }),
    cacheDir: await testFolder(),
    environment: variables,
    inotifyDir,
  });
  const states = Object.fromEntries(checks.map(({ name, state, type }) => [name, type ?? state]));
  return { checks, states };
}

describe('the preflight of k3d', () => {
  it('finds what there is', async () => {
    const { variables } = await createK3dStandIn(await testFolder(), '');
    const { states } = await look(variables);
    expect(states).toMatchObject({ docker: 'ok', 'docker host': 'ok', k3d: 'ok', ports: 'ok', proxy: 'ok' });
    expect(Object.keys(states)).toEqual(expect.arrayContaining(['disk room', 'inotify']));
  });

  it('names the program that has a port', async () => {
    const { variables } = await createK3dStandIn(await testFolder(), '');
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { checks, states } = await look(variables, (server.address() as AddressInfo).port);
    server.close();
    expect(states['ports']).toBe('port.taken');
    expect(checks.find(({ name }) => name === 'ports')?.detail).toContain(`(pid ${String(process.pid)})`);
  });

  it('names the container that publishes a port', async () => {
    const { variables, change } = await createK3dStandIn(await testFolder(), '');
    change(({ containers }) =>
      containers.push({
        ...{
          name: 'somebodys',
          image: 'nginx',
          labels: {},
          status: 'running',
          startedAt: '2026-01-01T00:00:00Z',
        },
        ...{ restarts: 0, ports: { '80/tcp': [{ HostIp: '0.0.0.0', HostPort: '9' }] }, log: '' },
      }),
    );
    const { checks } = await look(variables, 9);
    expect(checks.find(({ name }) => name === 'ports')?.detail).toContain('the container somebodys');
  });

  it("says how much room Docker's disk lacks", async () => {
    const { variables, change } = await createK3dStandIn(await testFolder(), '');
    change((engine) => {
      // A file system that has no room at all.
      engine.rootDir = '/proc';
    });
    const { checks, states } = await look(variables);
    expect(states['disk room']).toBe('state.disk-full');
    expect(checks.find(({ name }) => name === 'disk room')?.detail).toMatch(
      /need about 4\.0 GiB; .*0\.0 GiB free/u,
    );
  });

  it.each([
    ['8', '8192', 'host.limits', /fs\.inotify\.max_user_instances is 8, too low/u],
    [
      '128',
      '8192',
      'warning',
      /max_user_instances is 128, fs\.inotify\.max_user_watches is 8192: pods may fail/u,
    ],
    ['512', '524288', 'ok', /Enough/u],
  ])(
    'looks at the limits of inotify: %s instances, %s watches',
    async (instances, watches, state, detail) => {
      const { variables } = await createK3dStandIn(await testFolder(), '');
      const folder = await testFolder();
      await writeFile(join(folder, 'max_user_instances'), `${instances}\n`);
      await writeFile(join(folder, 'max_user_watches'), `${watches}\n`);
      const { checks, states } = await look(variables, 1, folder);
      expect(states['inotify']).toBe(state);
      const found = checks.find(({ name }) => name === 'inotify');
      expect(found?.detail).toMatch(detail);
      if (state !== 'ok') expect(found?.remedy).toContain('sudo sysctl fs.inotify.max_user_instances=512');
    },
  );

  it('asks nothing of an engine that does not answer', async () => {
    const { variables, change } = await createK3dStandIn(await testFolder(), '');
    change((engine) => {
      engine.docker = 'down';
    });
    const { states } = await look(variables);
    expect(states).toMatchObject({ docker: 'docker.unreachable', k3d: 'ok' });
    expect(states).not.toHaveProperty('ports');
  });

  it('misses docker and k3d', async () => {
    const { states } = await look({ PATH: '/nonexistent' });
    expect(states).toMatchObject({ docker: 'tool.missing', k3d: 'tool.missing' });
  });

  it('knows engines and proxies that the cluster cannot be reached through', async () => {
    const { variables } = await createK3dStandIn(await testFolder(), '');
    const there = {
      ...variables,
      DOCKER_HOST: 'ssh://me@elsewhere',
      https_proxy: 'http://u:p@localhost:3128',
    };
    const { states } = await look(there);
    expect(states).toMatchObject({ 'docker host': 'host.unsupported', proxy: 'warning' });
  });

  it.each([
    ['of a rootless Docker', 'unix:///run/user/1000/docker.sock', 'ok'],
    ['of Podman', 'unix:///run/user/1000/podman/podman.sock', 'ok'],
    ['on loopback', 'tcp://127.0.0.1:2375', 'ok'],
    ['over ssh', 'ssh://me@build.example', 'host.unsupported'],
    ['over TLS', 'tcp://10.0.0.5:2376', 'host.unsupported'],
  ])('tells an engine of this machine from another: %s', async (_what, endpoint, state) => {
    const { variables, change } = await createK3dStandIn(await testFolder(), '');
    expect((await look({ ...variables, DOCKER_HOST: endpoint })).states['docker host']).toBe(state);
    // The same by a context; an empty variable is none.
    change((engine) => {
      engine.endpoint = endpoint;
    });
    for (const more of [{}, { DOCKER_HOST: '' }])
      expect((await look({ ...variables, ...more })).states['docker host']).toBe(state);
  });

  it('asks of Podman under the name docker that it has a socket, which k3d speaks to', async () => {
    const { variables, change } = await createK3dStandIn(await testFolder(), '');
    change((engine) => {
      engine.isPodman = true;
    });
    const socket = join(await testFolder(), 'podman.sock');
    const there = { ...variables, DOCKER_HOST: `unix://${socket}` };
    expect((await look(there)).states).toMatchObject({
      docker: 'ok',
      'docker host': 'docker.unreachable',
      ports: 'ok',
      'disk room': 'ok',
    });
    await writeFile(socket, '');
    expect((await look(there)).states['docker host']).toBe('ok');
  });
});
