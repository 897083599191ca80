import { symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { provideKubectl } from '../../../src/tools/helm-binary.js';
import { redact } from '../../../src/tools/redact.js';
import { testFolder } from '../../support/folder.js';
import { credential, exec, insecure, kubeconfig, openCluster } from '../../support/kubeconfig.js';
import { goneByVariable, kubectl, kubectlWith } from '../../support/kubectl.js';
import { pathWithout } from '../../support/path-without.js';

/** No server is needed where the credentials are missing already. */
const nowhere = insecure('https://127.0.0.1:16451');

describe('a credential plugin', () => {
  it('that is missing is named, with the context and the hint of the kubeconfig', async () => {
    const installHint = 'Install gke-gcloud-auth-plugin with your package manager';
    const user = exec('gke-gcloud-auth-plugin', { installHint, provideClusterInfo: true });
    const path = await kubeconfig({ cluster: nowhere, user });
    const without = await pathWithout('gke-gcloud-auth-plugin');
    const folder = await linkKubectl();
    const kube = openCluster(path, kubectlWith({ PATH: `${folder}:${without}` }));
    await expect(kube.serverVersion()).rejects.toMatchObject({
      type: 'cluster.credentials',
      retryable: false,
      message: expect.stringMatching(/gke-gcloud-auth-plugin .*"c".*not found/u) as string,
      remedy: installHint,
    });
  });

  it('that fails is quoted', async () => {
    const aws =
      "echo 'Error loading SSO Token: Token for team-sso has expired; run aws sso login' >&2\nexit 255\n";
    const path = await kubeconfig({ cluster: nowhere, user: exec('aws') }, { aws });
    const said: string[] = [];
    const source = kubectlWith({ PATH: `${dirname(path)}:${String(process.env['PATH'])}` });
    const kube = openCluster(path, { ...source, onProgress: (text) => said.push(text) });
    const failure = await kube.serverVersion().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      type: 'cluster.credentials',
      message: expect.stringContaining('run aws sso login') as string,
    });
    expect((failure as { evidence: string[] }).evidence.join()).toContain('run aws sso login');
    expect(said.join()).toContain('run aws sso login');
    // All who ask in the next moments get the same answer.
    await expect(openCluster(path, source).serverVersion()).rejects.toBe(failure);
  });

  it.each([
    ['more', `echo 'Opening in existing browser session.'\n${credential('t')}`],
    ['nothing', 'exit 0\n'],
    ['no token', credential('')],
    ['another version', credential('t').replace('io/v1', 'io/v1beta1')],
  ])('that answers with %s gives no credentials, and need not be logged in', async (_, talkative) => {
    const path = await kubeconfig({ cluster: nowhere, user: exec('./talkative') }, { talkative });
    await expect(openCluster(path).serverVersion()).rejects.toMatchObject({
      type: 'cluster.credentials',
      message: expect.stringContaining('./talkative') as string,
      remedy: expect.stringContaining('ExecCredential') as string,
    });
  });

  it('fails in words of which nothing is taken for a secret', async () => {
    for (const user of [exec('./fails'), {}]) {
      const cluster = { server: 'https://127.0.0.1:1' };
      const path = await kubeconfig({ cluster, user }, { fails: 'exit 1\n' });
      const failure: unknown = await openCluster(path)
        .serverVersion()
        .catch((error: unknown) => error);
      expect(failure).toMatchObject({ type: 'cluster.credentials' });
      const { message } = failure as Error;
      expect(redact(message)).toBe(message);
    }
  });

  it('that must ask a person refuses at once', async () => {
    const path = await kubeconfig(
      { cluster: nowhere, user: exec('./ask', { interactiveMode: 'Always' }) },
      { ask: `printf 'Username: ' >&2\nread -r user || exit 3\n${credential('t')}` },
    );
    await expect(openCluster(path).serverVersion()).rejects.toMatchObject({ type: 'cluster.credentials' });
  });

  const waits = { waits: "echo 'Please visit http://localhost:8000/ to log in' >&2\nexec sleep 3600\n" };

  it('that waits for a person is shown, and given up after a while', async () => {
    const path = await kubeconfig({ cluster: nowhere, user: exec('./waits') }, waits);
    const said: string[] = [];
    const source = { ...kubectlWith({ WAITS: path }), onProgress: (text: string) => said.push(text) };
    await expect(openCluster(path, source, 3_000).serverVersion()).rejects.toMatchObject({
      type: 'cluster.credentials',
      message: expect.stringContaining('Please visit http://localhost:8000/') as string,
    });
    expect(said.join()).toContain('Please visit');
    await goneByVariable('WAITS', path);
  });

  it('ends with whoever waits for it', async () => {
    const path = await kubeconfig({ cluster: nowhere, user: exec('./waits') }, waits);
    const said: string[] = [];
    const source = { ...kubectlWith({ WAITS: path }), onProgress: (text: string) => said.push(text) };
    const kube = openCluster(path, source);
    const interrupt = new AbortController();
    const answer = kube.serverVersion(interrupt.signal);
    answer.catch(() => undefined);
    while (said.length === 0) await sleep(50);
    interrupt.abort();
    await expect(answer).rejects.toMatchObject({ type: 'step.cancelled' });
    kube.close();
    await goneByVariable('WAITS', path);
  });
});

/** A folder with kubectl and nothing else. */
async function linkKubectl(): Promise<string> {
  const folder = await testFolder();
  await symlink((await provideKubectl(kubectl)).path, join(folder, 'kubectl'));
  return folder;
}
