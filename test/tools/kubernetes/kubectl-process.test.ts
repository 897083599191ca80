import { chmod, mkdir, readdir, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { provideKubectl } from '../../../src/tools/helm-binary.js';
import { findByVariable } from '../../../src/tools/process-identity.js';
import { testFolder } from '../../support/folder.js';
import { kubeconfig, openCluster, standIn } from '../../support/kubeconfig.js';
import { goneByVariable, kubectl, kubectlWith } from '../../support/kubectl.js';

/** kubectl as a process in the background: where it comes from, its socket, and its end. */

it('a kubectl that says more than it must, as a wrapper does, is understood', async () => {
  const api = await standIn();
  const folder = await testFolder();
  const { path: real } = await provideKubectl(kubectl);
  await writeFile(
    join(folder, 'kubectl'),
    `#!/bin/sh\necho 'Using kubectl of the cluster'\nexec '${real}' "$@"\n`,
  );
  await chmod(join(folder, 'kubectl'), 0o755);
  const source = kubectlWith({ PATH: `${folder}:${String(process.env['PATH'])}` });
  const kube = openCluster(await kubeconfig({ cluster: { server: api.url } }), source);
  expect(await kube.serverVersion()).toBe('v1.34.4');
});

describe('a folder for temporary files', () => {
  const temporary = process.env['TMPDIR'];
  afterEach(() => {
    if (temporary === undefined) delete process.env['TMPDIR'];
    else process.env['TMPDIR'] = temporary;
  });

  it('whose path is too long for a socket is left alone', async () => {
    const api = await standIn();
    const path = await kubeconfig({ cluster: { server: api.url } });
    const long = join(await testFolder(), 'x'.repeat(100));
    await mkdir(long);
    process.env['TMPDIR'] = long;
    expect(await openCluster(path).serverVersion()).toBe('v1.34.4');
    expect(await readdir(long)).toEqual([]);
  });

  it('that is not there is named', async () => {
    const path = await kubeconfig({ cluster: { server: 'http://127.0.0.1:1' } });
    process.env['TMPDIR'] = '/nonexistent';
    await expect(openCluster(path).serverVersion()).rejects.toMatchObject({
      type: 'state.unwritable',
      message: expect.stringContaining('/nonexistent') as string,
    });
  });
});

it('kubectl ends with this program, and its socket goes', async () => {
  const before = await sockets();
  const api = await standIn();
  const kube = openCluster(
    await kubeconfig({ cluster: { server: api.url } }),
    kubectlWith({ MARK: api.url }),
  );
  await kube.serverVersion();
  const [socket = ''] = (await sockets()).filter((name) => !before.includes(name));
  expect(socket).not.toBe('');
  const [program] = await findByVariable('MARK', api.url);
  process.kill(program?.pid ?? 0, 'SIGKILL');
  await goneByVariable('MARK', api.url);
  expect(await sockets()).not.toContain(socket);
  // Somebody ended it: the next request starts another.
  expect(await kube.serverVersion()).toBe('v1.34.4');
});

it('the socket of one that was killed together with its supervisor goes when the next one starts', async () => {
  const api = await standIn();
  const path = await kubeconfig({ cluster: { server: api.url } });
  const before = await sockets();
  const kube = openCluster(path, kubectlWith({ MARK: path }));
  await kube.serverVersion();
  for (const { pid } of await findByVariable('MARK', path)) process.kill(pid, 'SIGKILL');
  await goneByVariable('MARK', path);
  const [dead = ''] = (await sockets()).filter((name) => !before.includes(name));
  expect(dead).not.toBe('');
  expect(await kube.serverVersion()).toBe('v1.34.4');
  expect(await sockets()).not.toContain(dead);
});

async function sockets(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('tracewright-kubectl-'));
}
