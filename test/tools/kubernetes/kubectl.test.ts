import { once } from 'node:events';
import { chmod, readFile, readdir, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { ToolSource } from '../../../src/tools/find-program.js';
import { connectKubernetes, type Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import { findByVariable } from '../../../src/tools/process-identity.js';
import { redact } from '../../../src/tools/redact.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { testFolder } from '../../support/folder.js';
import { kubectl, kubectlWith } from '../../support/kubectl.js';
import { pathWithout } from '../../support/path-without.js';
import { startStandIn, type StandInApi, type StandInOptions } from '../../support/stand-in-api.js';

type Fields = Readonly<Record<string, unknown>>;

const opened: { close(): unknown }[] = [];
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one.close();
});

async function standIn(options?: StandInOptions): Promise<StandInApi> {
  const api = await startStandIn(options);
  opened.push(api);
  return api;
}

/** A kubeconfig in a folder of its own, beside the programs: `exec: { command: './name' }`. */
async function kubeconfig(
  { cluster, user }: { cluster: Fields; user?: Fields | undefined },
  programs: Readonly<Record<string, string>> = {},
): Promise<string> {
  const folder = await testFolder();
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}`);
    await chmod(join(folder, name), 0o755);
  }
  const path = join(folder, 'config');
  const config = {
    'current-context': 'obs',
    clusters: [{ name: 'c', cluster }],
    contexts: [{ name: 'obs', context: { cluster: 'c', ...(user && { user: 'u' }) } }],
    users: user ? [{ name: 'u', user }] : [],
  };
  await writeFile(path, stringify(config));
  return path;
}

function open(kubeconfigPath: string, source: ToolSource = kubectl, patienceMs?: number): Kubernetes {
  const kube = connectKubernetes({ kubeconfigPath, kubectl: source, patienceMs });
  opened.push(kube);
  return kube;
}

const exec = (command: string, more: Fields = {}): Fields => ({
  exec: {
    apiVersion: 'client.authentication.k8s.io/v1beta1',
    command,
    interactiveMode: 'IfAvailable',
    ...more,
  },
});

const credential = (token: string, more = ''): string =>
  `echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1beta1","status":{"token":"${token}"${more}}}'\n`;

/** No server is needed where the credentials are missing already. */
const nowhere = { server: 'https://127.0.0.1:16451', 'insecure-skip-tls-verify': true };

describe('a credential plugin', () => {
  it('that is missing is named, with the context and the hint of the kubeconfig', async () => {
    const installHint = 'Install gke-gcloud-auth-plugin with your package manager';
    const user = exec('gke-gcloud-auth-plugin', { installHint, provideClusterInfo: true });
    const path = await kubeconfig({ cluster: nowhere, user });
    const without = await pathWithout('gke-gcloud-auth-plugin');
    const folder = await linkKubectl();
    const kube = open(path, kubectlWith({ PATH: `${folder}:${without}` }));
    await expect(kube.serverVersion()).rejects.toMatchObject({
      type: 'cluster.credentials',
      retryable: false,
      message: expect.stringMatching(/gke-gcloud-auth-plugin .*"obs".*not found/u) as string,
      remedy: installHint,
    });
  });

  it('that fails is quoted', async () => {
    const aws =
      "echo 'Error loading SSO Token: Token for team-sso has expired; run aws sso login' >&2\nexit 255\n";
    const path = await kubeconfig({ cluster: nowhere, user: exec('aws') }, { aws });
    const said: string[] = [];
    const source = kubectlWith({ PATH: `${dirname(path)}:${String(process.env['PATH'])}` });
    const kube = open(path, { ...source, onProgress: (text) => said.push(text) });
    const failure = await kube.serverVersion().catch((error: unknown) => error);
    expect(failure).toMatchObject({
      type: 'cluster.credentials',
      message: expect.stringContaining('run aws sso login') as string,
    });
    expect((failure as { evidence: string[] }).evidence.join()).toContain('run aws sso login');
    expect(said.join()).toContain('run aws sso login');
    // All who ask in the next moments get the same answer.
    await expect(open(path, source).serverVersion()).rejects.toBe(failure);
  });

  it.each([
    ['more', `echo 'Opening in existing browser session.'\n${credential('t')}`],
    ['nothing', 'exit 0\n'],
    ['no token', credential('')],
    ['another version', credential('t').replace('v1beta1', 'v1')],
  ])('that answers with %s gives no credentials, and need not be logged in', async (_, talkative) => {
    const path = await kubeconfig({ cluster: nowhere, user: exec('./talkative') }, { talkative });
    await expect(open(path).serverVersion()).rejects.toMatchObject({
      type: 'cluster.credentials',
      message: expect.stringContaining('./talkative') as string,
      remedy: expect.stringContaining('ExecCredential') as string,
    });
  });

  it('fails in words of which nothing is taken for a secret', async () => {
    for (const user of [exec('./fails'), {}]) {
      const cluster = { server: 'https://127.0.0.1:1' };
      const path = await kubeconfig({ cluster, user }, { fails: 'exit 1\n' });
      const failure: unknown = await open(path)
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
    const started = Date.now();
    await expect(open(path).serverVersion()).rejects.toMatchObject({ type: 'cluster.credentials' });
    expect(Date.now() - started).toBeLessThan(10_000);
  });

  const waits = { waits: "echo 'Please visit http://localhost:8000/ to log in' >&2\nexec sleep 3600\n" };

  it('that waits for a person is shown, and given up after a while', async () => {
    const path = await kubeconfig({ cluster: nowhere, user: exec('./waits') }, waits);
    const said: string[] = [];
    const source = { ...kubectlWith({ WAITS: path }), onProgress: (text: string) => said.push(text) };
    await expect(open(path, source, 3_000).serverVersion()).rejects.toMatchObject({
      type: 'cluster.credentials',
      message: expect.stringContaining('Please visit http://localhost:8000/') as string,
    });
    expect(said.join()).toContain('Please visit');
    await gone('WAITS', path);
  });

  it('ends with whoever waits for it', async () => {
    const path = await kubeconfig({ cluster: nowhere, user: exec('./waits') }, waits);
    const said: string[] = [];
    const source = { ...kubectlWith({ WAITS: path }), onProgress: (text: string) => said.push(text) };
    const kube = open(path, source);
    const interrupt = new AbortController();
    const answer = kube.serverVersion(interrupt.signal);
    answer.catch(() => undefined);
    while (said.length === 0) await sleep(50);
    interrupt.abort();
    await expect(answer).rejects.toMatchObject({ type: 'step.cancelled' });
    kube.close();
    await gone('WAITS', path);
  });

  it('runs once or twice for many requests, also when it names no expiry', async () => {
    const api = await standIn({ require: () => 'Bearer counted', tls: certificates.server });
    const plugin = `echo x >> "$(dirname "$0")/calls"\nsleep 1\n${credential('counted')}`;
    const cluster = { server: api.url, 'insecure-skip-tls-verify': true };
    const path = await kubeconfig({ cluster, user: exec('./plugin') }, { plugin });
    const [one, other] = [open(path), open(path)];
    await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 ? one : other).serverVersion()));
    one.close();
    await open(path).serverVersion();
    const calls = (await readFile(join(dirname(path), 'calls'), 'utf8')).trim().split('\n');
    expect(calls.length).toBeLessThanOrEqual(2);
  });

  it('is asked again when its token has run out', async () => {
    let valid = 'first';
    const api = await standIn({ require: () => `Bearer ${valid}`, tls: certificates.server });
    const plugin = `cat "$(dirname "$0")/answer"\n`;
    const cluster = { server: api.url, 'insecure-skip-tls-verify': true };
    const path = await kubeconfig({ cluster, user: exec('./plugin') }, { plugin });
    const write = (token: string, ms: number): Promise<void> => {
      const status = { token, expirationTimestamp: new Date(Date.now() + ms).toISOString() };
      const answer = { kind: 'ExecCredential', apiVersion: 'client.authentication.k8s.io/v1beta1', status };
      return writeFile(join(dirname(path), 'answer'), JSON.stringify(answer));
    };
    await write('first', 2_000);
    const kube = open(path);
    await kube.serverVersion();
    await write('second', 3_600_000);
    valid = 'second';
    await sleep(2_500);
    expect(await kube.serverVersion()).toBe('v1.34.4');
  });
});

let certificates: Certificates;
beforeAll(() => {
  certificates = makeCertificates();
});

describe('a cluster', () => {
  it('is not reached by a user without credentials, for whom kubectl would ask a person', async () => {
    const cluster = { server: 'https://127.0.0.1:1' };
    await expect(open(await kubeconfig({ cluster, user: {} })).serverVersion()).rejects.toMatchObject({
      type: 'cluster.credentials',
    });
  });

  it('is reached over plain http, without the credentials', async () => {
    const api = await standIn();
    const path = await kubeconfig({ cluster: { server: `${api.url}/prefix` }, user: { token: 'sesame' } });
    expect(await open(path).serverVersion()).toBe('v1.34.4');
    expect(api.seen.at(-1)).toMatchObject({ url: '/prefix/version' });
    expect(api.seen.at(-1)?.headers.authorization).toBeUndefined();
  });

  it('is reached by an address without a scheme, as kubectl completes it', async () => {
    const plain = await standIn();
    const path = await kubeconfig({ cluster: { server: `127.0.0.1:${String(plain.port)}` } });
    expect(await open(path).serverVersion()).toBe('v1.34.4');
    const api = await standIn({ tls: certificates.server, require: () => 'Basic bWU6cHc=' });
    const bare = `127.0.0.1:${String(api.port)}`;
    const ca = Buffer.from(certificates.root).toString('base64');
    const user = { username: 'me', password: 'pw' };
    for (const cluster of [
      { server: bare, 'insecure-skip-tls-verify': true },
      { server: bare, 'certificate-authority-data': ca, 'tls-server-name': 'localhost' },
    ])
      expect(await open(await kubeconfig({ cluster, user })).serverVersion()).toBe('v1.34.4');
    const named = { 'certificate-authority-data': ca, 'tls-server-name': 'other.example' };
    const other = open(await kubeconfig({ cluster: { server: bare, ...named }, user }));
    await expect(other.serverVersion()).rejects.toMatchObject({
      type: 'cluster.unreachable',
      message: expect.stringContaining('other.example') as string,
    });
  });

  const ipv6 = Object.values(networkInterfaces()).some((all) =>
    all?.some(({ address }) => address === '::1'),
  );
  it.skipIf(!ipv6).each(['by kubectl', 'directly'])('is reached at an IPv6 address, %s', async (how) => {
    const api = await standIn({ tls: certificates.server, host: '::1', require: () => 'Bearer t' });
    const more = how === 'directly' ? {} : { 'disable-compression': true };
    const cluster = { server: api.url, 'insecure-skip-tls-verify': true, ...more };
    expect(api.url).toContain('[::1]');
    expect(await open(await kubeconfig({ cluster, user: { token: 't' } })).serverVersion()).toBe('v1.34.4');
  });

  it.each([
    [{ username: 'me', password: 'p:w' }, 'Basic bWU6cDp3'],
    [{ username: 'me' }, 'Basic bWU6'],
  ])('is told who asks by name and password: %j', async (user, authorization) => {
    const api = await standIn({ tls: certificates.server, require: () => authorization });
    const cluster = { server: api.url, 'insecure-skip-tls-verify': true };
    expect(await open(await kubeconfig({ cluster, user })).serverVersion()).toBe('v1.34.4');
  });

  it.each(['in files, by kubectl', 'in the kubeconfig, directly'])(
    'is told who asks by a certificate, %s',
    async (where) => {
      const { root, intermediate, server } = certificates;
      const api = await standIn({ tls: { ...server, ca: root + intermediate } });
      const files = { 'client-certificate': 'client.pem', 'client-key': 'client.key' };
      const data = {
        'client-certificate-data': Buffer.from(server.cert).toString('base64'),
        'client-key-data': Buffer.from(server.key).toString('base64'),
      };
      const cluster = { server: api.url, 'insecure-skip-tls-verify': true };
      const path = await kubeconfig({ cluster, user: where.startsWith('in files') ? files : data });
      await writeFile(join(dirname(path), 'client.pem'), server.cert);
      await writeFile(join(dirname(path), 'client.key'), server.key);
      expect(await open(path).serverVersion()).toBe('v1.34.4');
      const none = open(await kubeconfig({ cluster, user: { token: 't' } }));
      await expect(none.serverVersion()).rejects.toMatchObject({ type: 'cluster.unreachable' });
    },
  );

  it('is not reached over a Unix socket, which kubectl does not know either', async () => {
    const path = await kubeconfig({ cluster: { server: 'unix:///run/api.sock' }, user: { token: 't' } });
    await expect(open(path).serverVersion()).rejects.toMatchObject({
      type: 'cluster.unreachable',
      message: expect.stringContaining('"unix"') as string,
    });
  });

  it('is reached by a context without a user, and its authority counts', async () => {
    const api = await standIn({ tls: certificates.server });
    const ca = Buffer.from(certificates.root).toString('base64');
    const path = await kubeconfig({ cluster: { server: api.url, 'certificate-authority-data': ca } });
    expect(await open(path).serverVersion()).toBe('v1.34.4');
    const stranger = Buffer.from(makeCertificates().root).toString('base64');
    const wrong = await kubeconfig({ cluster: { server: api.url, 'certificate-authority-data': stranger } });
    await expect(open(wrong).serverVersion()).rejects.toMatchObject({
      type: 'cluster.unreachable',
      message: expect.stringContaining('certificate') as string,
    });
  });

  it.each(['in a file, by kubectl', 'in the kubeconfig, directly'])(
    'is reached when an intermediate authority is all that is known, %s',
    async (where) => {
      const api = await standIn({ tls: certificates.server, require: () => 'Bearer file-token' });
      const ca = Buffer.from(certificates.intermediate).toString('base64');
      const inFile = where.startsWith('in a file');
      const authority = inFile
        ? { 'certificate-authority': 'ca.pem', 'disable-compression': true }
        : { 'certificate-authority-data': ca };
      const path = await kubeconfig({
        cluster: { server: api.url, ...authority },
        user: { token: 'file-token' },
      });
      await writeFile(join(dirname(path), 'ca.pem'), certificates.intermediate);
      expect(await open(path).serverVersion()).toBe('v1.34.4');
    },
  );

  it('is told whom the user stands for, and read from files', async () => {
    const api = await standIn({ tls: certificates.server });
    const cluster = { server: api.url, 'insecure-skip-tls-verify': true, 'tls-server-name': 'localhost' };
    const user = { tokenFile: 'token', as: 'robot', 'as-groups': ['one', 'two'] };
    const path = await kubeconfig({ cluster, user });
    await writeFile(join(dirname(path), 'token'), 'from-file\n');
    await open(path).serverVersion();
    expect(api.seen.at(-1)?.headers).toMatchObject({
      authorization: 'Bearer from-file',
      'impersonate-user': 'robot',
      'impersonate-group': expect.stringContaining('one') as string,
    });
  });

  it('is not asked when its context is not of use as it is written', async () => {
    const path = await kubeconfig({ cluster: nowhere, user: { tokenFile: '/nowhere/token' } });
    await expect(open(path).serverVersion()).rejects.toMatchObject({
      type: 'cluster.config-invalid',
      message: expect.stringContaining('/nowhere/token') as string,
    });
  });

  it('answers 401 in its own words', async () => {
    const api = await standIn({ tls: certificates.server, require: () => 'Bearer right' });
    const cluster = { server: api.url, 'insecure-skip-tls-verify': true };
    const path = await kubeconfig({ cluster, user: { token: 'wrong' } });
    await expect(open(path).serverVersion()).rejects.toMatchObject({
      type: 'cluster.forbidden',
      status: 401,
    });
  });
});

describe('what comes through kubectl', () => {
  /** Plain HTTP, which only kubectl speaks for us. */
  async function answering(listener: RequestListener): Promise<Kubernetes> {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    opened.push({
      close: () => {
        server.closeAllConnections();
        server.close();
      },
    });
    const { port } = server.address() as AddressInfo;
    return open(await kubeconfig({ cluster: { server: `http://127.0.0.1:${String(port)}` } }));
  }

  it('is the log that is followed, line by line as it is written, until who reads it stops', async () => {
    let ended: () => void = () => undefined;
    const gone = new Promise<void>((resolve) => (ended = resolve));
    let write: (line: string) => void = () => undefined;
    const kube = await answering(({ url }, response) => {
      if (!url?.includes('/log')) {
        response.end('{"gitVersion":"v1.34.4"}');
        return;
      }
      response.once('close', ended).write('first\n');
      write = (line) => void response.write(line);
    });
    const path = '/api/v1/namespaces/n/pods/p/log';
    const stream = await kube.stream({ path, query: { follow: true } });
    const lines = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer>;
    expect(String((await lines.next()).value)).toBe('first\n');
    write('second\n');
    expect(String((await lines.next()).value)).toBe('second\n');
    stream.destroy();
    await gone;
  });

  it('is no answer of Kubernetes where a login page stands between', async () => {
    const kube = await answering((_, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).end('<html><title>Sign in</title></html>');
    });
    await expect(kube.serverVersion()).rejects.toMatchObject({
      type: 'cluster.unreachable',
      message: expect.stringContaining('Sign in') as string,
    });
  });

  it('is not the port of a pod that is not there, and that is said', async () => {
    const kube = await answering(({ url }, response) => {
      if (url?.includes('/version')) response.end('{"gitVersion":"v1.34.4"}');
      else
        response
          .writeHead(404, { 'content-type': 'application/json' })
          .end(
            '{"kind":"Status","apiVersion":"v1","status":"Failure","code":404,"reason":"NotFound","message":"pods \\"p\\" not found"}',
          );
    });
    await expect(kube.connectPod({ namespace: 'n', pod: 'p', port: 80 })).rejects.toMatchObject({
      type: 'service.unavailable',
      message: expect.stringContaining('n/p') as string,
    });
  });
});

describe('a proxy', () => {
  async function connectProxy(to: number): Promise<{ url: string; asked: string[] }> {
    const asked: string[] = [];
    const sockets = new Set<Socket>();
    const proxy: Server = createServer((_, response) => response.writeHead(502).end()).on(
      'connect',
      (request, near: Socket) => {
        asked.push(String(request.url));
        const far = connect(to, '127.0.0.1', () => {
          near.write('HTTP/1.1 200 OK\r\n\r\n');
          near.pipe(far).pipe(near);
        });
        for (const socket of [near, far]) sockets.add(socket.on('error', () => undefined));
      },
    );
    proxy.listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    opened.push({
      close: () => {
        for (const socket of sockets) socket.destroy();
        proxy.close();
      },
    });
    return { url: `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`, asked };
  }

  const inside = { server: 'https://kube.inside.example:6443', 'insecure-skip-tls-verify': true };

  it('of the environment leads to the cluster', async () => {
    const api = await standIn({ tls: certificates.server });
    const proxy = await connectProxy(api.port);
    const path = await kubeconfig({ cluster: inside, user: { token: 't' } });
    const kube = open(
      path,
      kubectlWith({ HTTPS_PROXY: proxy.url, NO_PROXY: undefined, no_proxy: undefined }),
    );
    expect(await kube.serverVersion()).toBe('v1.34.4');
    expect(proxy.asked).toContain('kube.inside.example:6443');
  });

  it('of the kubeconfig leads to the cluster', async () => {
    const api = await standIn({ tls: certificates.server });
    const proxy = await connectProxy(api.port);
    const path = await kubeconfig({ cluster: { ...inside, 'proxy-url': proxy.url }, user: { token: 't' } });
    expect(await open(path).serverVersion()).toBe('v1.34.4');
    expect(proxy.asked).toContain('kube.inside.example:6443');
  });

  it('never stands between us and this machine', async () => {
    const api = await standIn({ tls: certificates.server });
    const proxy = await connectProxy(1);
    const variables = {
      HTTPS_PROXY: proxy.url,
      https_proxy: proxy.url,
      NO_PROXY: undefined,
      no_proxy: undefined,
    };
    const ca = Buffer.from(certificates.root).toString('base64');
    const direct = { server: api.url, 'certificate-authority-data': ca };
    for (const cluster of [direct, { ...direct, 'disable-compression': true }]) {
      const path = await kubeconfig({ cluster, user: { token: 't' } });
      expect(await open(path, kubectlWith(variables)).serverVersion()).toBe('v1.34.4');
    }
    expect(proxy.asked).toEqual([]);
  });
});

it('kubectl ends with this program, and its socket goes', async () => {
  const before = await sockets();
  const api = await standIn();
  const kube = open(await kubeconfig({ cluster: { server: api.url } }), kubectlWith({ MARK: api.url }));
  await kube.serverVersion();
  expect((await sockets()).length).toBeGreaterThan(before.length);
  const [program] = await findByVariable('MARK', api.url);
  process.kill(program?.pid ?? 0, 'SIGKILL');
  await gone('MARK', api.url);
  // Somebody ended it: the next request starts another.
  expect(await kube.serverVersion()).toBe('v1.34.4');
});

async function gone(variable: string, value: string): Promise<void> {
  const deadline = Date.now() + 8_000;
  while ((await findByVariable(variable, value)).length > 0) {
    expect(Date.now(), 'kubectl and its plugin still run').toBeLessThan(deadline);
    await sleep(100);
  }
}

async function sockets(): Promise<string[]> {
  return (await readdir(tmpdir())).filter((name) => name.startsWith('tracewright-kubectl-'));
}

/** A folder with kubectl and nothing else. */
async function linkKubectl(): Promise<string> {
  const { provideKubectl } = await import('../../../src/tools/helm-binary.js');
  const { symlink } = await import('node:fs/promises');
  const folder = await testFolder();
  await symlink((await provideKubectl(kubectl)).path, join(folder, 'kubectl'));
  return folder;
}
