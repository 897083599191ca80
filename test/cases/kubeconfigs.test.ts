import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { findByVariable } from '../../src/tools/process-identity.js';
import { startCli } from '../cli/support.js';
import { sharedCacheDir } from '../support/cache.js';
import { makeCertificates, type Certificates } from '../support/certificates.js';
import { startConnectProxy } from '../support/connect-proxy.js';
import { testFolder } from '../support/folder.js';
import { credential, exec, insecure, kubeconfigText, standIn } from '../support/kubeconfig.js';
import { pathWithout } from '../support/path-without.js';
import { doctor, oneObject, pathWith, plan, said, writeFiles } from './support.js';

/** Kubeconfigs after reports of users of other tools, each by the number of its case; see `support.ts`. */

let certificates: Certificates;
beforeAll(() => {
  certificates = makeCertificates();
});

it('01-kubeconfig-list: the first current-context counts, and its parts come from any file', async () => {
  const folder = await testFolder();
  const eks = 'arn:aws:eks:eu-west-1:111122223333:cluster/obs';
  const cluster = (name: string): object => ({ name, cluster: insecure(`https://127.0.0.1:1/${name}`) });
  const context = (name: string, of = name, user = name): object => ({
    name,
    context: { cluster: of, user },
  });
  await writeFiles(folder, {
    a: stringify({
      'current-context': 'staging',
      clusters: [cluster('laptop')],
      contexts: [context('laptop')],
      users: [{ name: 'laptop', user: { token: 'l' } }],
    }),
    b: stringify({
      'current-context': 'production',
      clusters: [cluster('staging'), cluster('production')],
      contexts: [context('staging', 'staging', 'team'), context('production', 'production', 'team')],
      users: [{ name: 'team', user: { token: 't' } }],
    }),
    c: stringify({ 'current-context': eks, contexts: [context(eks, 'obs', 'me@example.com/sso')] }),
    d: stringify({ clusters: [cluster('obs')] }),
    e: stringify({ users: [{ name: 'me@example.com/sso', user: { token: 's' } }] }),
  });
  const list = (names: string): { KUBECONFIG: string } => ({
    KUBECONFIG: Array.from(names, (name) => join(folder, name)).join(delimiter),
  });
  for (const [files, args, taken] of [
    ['ab', [], 'staging'],
    ['ab', ['--context', 'staging'], 'staging'],
    ['cde', [], 'obs'],
    ['cde', ['--context', eks], 'obs'],
  ] as const) {
    const run = await plan(folder, args, list(files));
    expect(run.exitCode).toBe(1);
    expect(said(run)).toContain(`[cluster.unreachable] The API server at https://127.0.0.1:1/${taken} `);
    expect(said(run)).not.toContain('/production');
  }
});

it('02-exec-plugin-missing: says which plugin, its own words, and what to do', async () => {
  const folder = await testFolder();
  const nowhere = insecure('https://127.0.0.1:1');
  const installHint = 'Install gke-gcloud-auth-plugin with your package manager';
  await writeFiles(folder, {
    'gke.yaml': kubeconfigText(
      nowhere,
      exec('gke-gcloud-auth-plugin', { installHint, provideClusterInfo: true }),
    ),
    'eks.yaml': kubeconfigText(nowhere, exec('aws', { args: ['eks', 'get-token'] })),
    'expired/aws': '#!/bin/sh\necho "Error loading SSO Token: run aws sso login" >&2\nexit 255\n',
    'talkative/aws': `#!/bin/sh\necho Opening in existing browser session.\n${credential('t')}`,
  });
  const missing = await doctor(folder, ['--kubeconfig', 'gke.yaml'], {
    PATH: await pathWith(folder, await pathWithout('gke-gcloud-auth-plugin')),
  });
  expect(missing.exitCode).toBe(1);
  expect(missing.checks['cluster']).toMatchObject({ type: 'cluster.credentials', remedy: installHint });
  expect(missing.checks['cluster']?.detail).toMatch(/gke-gcloud-auth-plugin .*"c".*not found/u);
  // It goes on with the others.
  expect(missing.checks).toMatchObject({ helm: { state: 'ok' }, server: { state: 'ok' } });

  for (const [which, words] of [
    ['expired', /aws sso login/u],
    ['talkative', /The credential plugin aws .*gives no credentials/u],
  ] as const) {
    const found = await doctor(folder, ['--kubeconfig', 'eks.yaml'], {
      PATH: await pathWith(join(folder, which)),
    });
    expect(found.exitCode).toBe(1);
    expect(found.checks['cluster']).toMatchObject({ type: 'cluster.credentials', state: 'failed' });
    expect(found.checks['cluster']?.detail).toMatch(words);
  }
});

it('08-incomplete-context: unfinished entries matter only to who asks for them', async () => {
  const folder = await testFolder();
  await writeFiles(folder, {
    config: stringify({
      'current-context': 'good',
      clusters: [
        { name: 'good', cluster: insecure('https://127.0.0.1:1/good') },
        { name: 'half-made', cluster: { server: '' } },
      ],
      contexts: [
        { name: 'good', context: { cluster: 'good', user: 'good' } },
        { name: 'aksdemo', context: { cluster: '', user: '' } },
      ],
      users: [{ name: 'good', user: { token: 't' } }],
    }),
    emptied: 'apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: ""\nusers: null\n',
    empty: '',
  });
  for (const args of [[], ['--context', 'good']])
    expect(said(await plan(folder, ['--kubeconfig', 'config', ...args]))).toContain(
      'The API server at https://127.0.0.1:1/good ',
    );
  const half = await plan(folder, ['--kubeconfig', 'config', '--context', 'aksdemo']);
  expect(half.exitCode).toBe(1);
  expect(half.errors[0]).toMatch(/\[cluster\.not-found\] .*"aksdemo".* no cluster/u);
  for (const file of ['emptied', 'empty']) {
    const run = await plan(folder, ['--kubeconfig', file]);
    expect(run.exitCode).toBe(1);
    expect(run.errors[0]).toMatch(/\[cluster\.not-found\] .*no (?:current )?context/u);
  }
});

it('09-http-server-no-user: plain http answers, and without a user the authority counts', async () => {
  const folder = await testFolder();
  const [plain, tls] = [await standIn(), await standIn({ tls: certificates.server })];
  await writeFiles(folder, {
    'root.pem': certificates.root,
    'stranger.pem': makeCertificates().root,
    http: kubeconfigText({ server: plain.url }, {}),
    'http-insecure': kubeconfigText(insecure(plain.url), {}),
    'no-user': kubeconfigText({ server: tls.url, 'certificate-authority': 'root.pem' }),
    stranger: kubeconfigText({ server: tls.url, 'certificate-authority': 'stranger.pem' }),
  });
  for (const file of ['http', 'http-insecure', 'no-user']) {
    const { checks } = await doctor(folder, ['--kubeconfig', file]);
    expect(checks['cluster'], file).toMatchObject({ state: 'ok' });
    expect(checks['cluster']?.detail).toContain('v1.34.4');
  }
  expect((await doctor(folder, ['--kubeconfig', 'stranger'])).checks['cluster']).toMatchObject({
    state: 'failed',
    type: 'cluster.unreachable',
  });
});

it('11-proxy-variables B: a cluster that only the proxy reaches is reached through it', async () => {
  const folder = await testFolder();
  const api = await standIn({ tls: certificates.server });
  const proxy = await startConnectProxy(api.port);
  onTestFinished(() => {
    proxy.close();
  });
  const inside = insecure('https://kube.inside.example:6443');
  await writeFiles(folder, {
    variable: kubeconfigText(inside, { token: 't' }),
    file: kubeconfigText({ ...inside, 'proxy-url': proxy.url }, { token: 't' }),
  });
  const byVariable = await doctor(folder, ['--kubeconfig', 'variable'], { HTTPS_PROXY: proxy.url });
  expect(byVariable.checks['cluster']).toMatchObject({ state: 'ok' });
  expect((await doctor(folder, ['--kubeconfig', 'file'])).checks['cluster']).toMatchObject({ state: 'ok' });
  expect(new Set(proxy.asked)).toEqual(new Set(['kube.inside.example:6443']));
});

it('12-exec-plugin-waits: never for ever, never once a request, and what it says is shown', async () => {
  const folder = await testFolder();
  const api = await standIn({ tls: certificates.server, require: () => 'Bearer t' });
  const cluster = insecure(api.url);
  await writeFiles(folder, {
    'stack.yaml': oneObject,
    'ask-password': `#!/bin/sh\nprintf 'Username: ' >&2\nread -r user || exit 3\n${credential('t')}`,
    'wait-for-browser':
      "#!/bin/sh\necho 'Please visit http://localhost:8000/ to log in' >&2\nexec sleep 3600\n",
    'no-expiry': `#!/bin/sh\necho x >> '${folder}/calls'\nsleep 1\n${credential('t')}`,
    ask: kubeconfigText(cluster, exec('./ask-password', { interactiveMode: 'Always' })),
    wait: kubeconfigText(cluster, exec('./wait-for-browser')),
    none: kubeconfigText(cluster, exec('./no-expiry')),
  });
  const asking = await doctor(folder, ['--kubeconfig', 'ask']);
  expect(asking.checks['cluster']).toMatchObject({ state: 'failed', type: 'cluster.credentials' });

  const mark = { TRACEWRIGHT_CACHE_DIR: sharedCacheDir, CASE_OF_TEST: folder };
  const args = ['plan', '--stack', 'stack.yaml', '--kubeconfig', 'wait', '--context', 'c'];
  const { child, errors, output } = startCli(folder, args, mark);
  await expect.poll(errors, { timeout: 30_000 }).toContain('Please visit http://localhost:8000/');
  child.kill('SIGINT');
  expect(await once(child, 'exit')).toEqual([130, null]);
  expect(output()).toBe('');
  while ((await findByVariable('CASE_OF_TEST', folder)).length > 0) await sleep(100);

  const counted = await plan(folder, ['--kubeconfig', 'none']);
  expect(counted.stdout).toContain('Kubernetes v1.34.4');
  const calls = (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n').length;
  expect(calls).toBeLessThanOrEqual(2);
  expect(api.seen.length).toBeGreaterThan(calls);
});

it('15-intermediate-ca: an authority without its root is enough', async () => {
  const folder = await testFolder();
  const api = await standIn({ tls: certificates.server, require: () => 'Bearer file-token' });
  await writeFiles(folder, {
    'intermediate.pem': certificates.intermediate,
    file: kubeconfigText(
      { server: api.url, 'certificate-authority': 'intermediate.pem' },
      { token: 'file-token' },
    ),
    data: kubeconfigText(
      {
        server: api.url,
        'certificate-authority-data': Buffer.from(certificates.intermediate).toString('base64'),
      },
      { token: 'file-token' },
    ),
  });
  for (const file of ['file', 'data'])
    expect((await doctor(folder, ['--kubeconfig', file])).checks['cluster'], file).toMatchObject({
      state: 'ok',
    });
});
