import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import type { TracewrightError } from '../../../src/domain/failure.js';
import type { Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import { makeCertificates, type Certificates } from '../../support/certificates.js';
import { startConnectProxy, type ConnectProxy } from '../../support/connect-proxy.js';
import {
  credential,
  exec,
  type Fields,
  insecure,
  kubeconfig,
  openCluster,
  standIn,
} from '../../support/kubeconfig.js';
import { kubectlWith } from '../../support/kubectl.js';

let certificates: Certificates;
beforeAll(() => {
  certificates = makeCertificates();
});

describe('a credential plugin', () => {
  it('runs once or twice for many requests, also when it names no expiry', async () => {
    const api = await standIn({ require: () => 'Bearer counted', tls: certificates.server });
    const plugin = `echo x >> "$(dirname "$0")/calls"\nsleep 1\n${credential('counted')}`;
    const cluster = insecure(api.url);
    const path = await kubeconfig({ cluster, user: exec('./plugin') }, { plugin });
    const [one, other] = [openCluster(path), openCluster(path)];
    await Promise.all(Array.from({ length: 20 }, (_, index) => (index % 2 ? one : other).serverVersion()));
    one.close();
    await openCluster(path).serverVersion();
    const calls = (await readFile(join(dirname(path), 'calls'), 'utf8')).trim().split('\n');
    expect(calls.length).toBeLessThanOrEqual(2);
  });

  it('is asked again when its token has run out', async () => {
    let valid = 'first';
    const api = await standIn({ require: () => `Bearer ${valid}`, tls: certificates.server });
    const plugin = `cat "$(dirname "$0")/answer"\n`;
    const cluster = insecure(api.url);
    const path = await kubeconfig({ cluster, user: exec('./plugin') }, { plugin });
    const write = (token: string, ms: number): Promise<void> => {
      const status = { token, expirationTimestamp: new Date(Date.now() + ms).toISOString() };
      const answer = { kind: 'ExecCredential', apiVersion: 'client.authentication.k8s.io/v1', status };
      return writeFile(join(dirname(path), 'answer'), JSON.stringify(answer));
    };
    await write('first', 2_000);
    const kube = openCluster(path);
    await kube.serverVersion();
    await write('second', 3_600_000);
    valid = 'second';
    await sleep(2_500);
    expect(await kube.serverVersion()).toBe('v1.34.4');
  });
});

describe('a cluster', () => {
  it('is not reached by a user without credentials, for whom kubectl would ask a person', async () => {
    const cluster = { server: 'https://127.0.0.1:1' };
    await expect(openCluster(await kubeconfig({ cluster, user: {} })).serverVersion()).rejects.toMatchObject({
      type: 'cluster.credentials',
    });
  });

  it('is reached over plain http, without the credentials', async () => {
    const api = await standIn();
    const path = await kubeconfig({ cluster: { server: `${api.url}/prefix` }, user: { token: 'sesame' } });
    expect(await openCluster(path).serverVersion()).toBe('v1.34.4');
    expect(api.seen.at(-1)).toMatchObject({ url: '/prefix/version' });
    expect(api.seen.at(-1)?.headers.authorization).toBeUndefined();
  });

  it('is reached by an address without a scheme, over plain http whatever its certificates, as by kubectl', async () => {
    const api = await standIn();
    const server = `127.0.0.1:${String(api.port)}`;
    const ca = Buffer.from(certificates.root).toString('base64');
    for (const cluster of [{ server }, insecure(server), { server, 'certificate-authority-data': ca }])
      expect(await openCluster(await kubeconfig({ cluster, user: { token: 't' } })).serverVersion()).toBe(
        'v1.34.4',
      );
    expect(api.seen.some(({ headers }) => headers.authorization)).toBe(false);
  });

  const addresses = Object.entries(networkInterfaces()).flatMap(([name, all = []]) =>
    all.map(({ address }) => ({ name, address })),
  );
  const ipv6 = addresses.some(({ address }) => address === '::1');
  it.skipIf(!ipv6).each(['by kubectl', 'directly'])('is reached at an IPv6 address, %s', async (how) => {
    const api = await standIn({ tls: certificates.server, host: '::1', require: () => 'Bearer t' });
    const more = how === 'directly' ? {} : { 'disable-compression': true };
    const cluster = { server: api.url, 'insecure-skip-tls-verify': true, ...more };
    expect(api.url).toContain('[::1]');
    expect(await openCluster(await kubeconfig({ cluster, user: { token: 't' } })).serverVersion()).toBe(
      'v1.34.4',
    );
  });

  const linkLocal = addresses.find(({ address }) => address.startsWith('fe80:'));
  it.skipIf(!linkLocal)(
    'is reached at an IPv6 address of one interface, which only Go takes (skipped without one)',
    async () => {
      const { name = '', address = '' } = linkLocal ?? {};
      const api = await standIn({
        tls: certificates.server,
        host: `${address}%${name}`,
        require: () => 'Bearer t',
      });
      const cluster = insecure(`https://[${address}%25${name}]:${String(api.port)}`);
      const kube = openCluster(await kubeconfig({ cluster, user: { token: 't' } }));
      expect(await kube.serverVersion()).toBe('v1.34.4');
    },
  );

  it.each([
    'https://[fe80::1%lo]:6443',
    'https://a b:6443',
    'https://:::',
    '::',
    'https://host:99999',
    '%zz',
  ])('is not reached at an address that is none: %s', async (server) => {
    const kube = openCluster(await kubeconfig({ cluster: insecure(server), user: { token: 't' } }));
    const failure: unknown = await kube.serverVersion().catch((error: unknown) => error);
    expect(['cluster.config-invalid', 'cluster.unreachable']).toContain((failure as TracewrightError).type);
  });

  it.each([
    [{ username: 'me', password: 'p:w' }, 'Basic bWU6cDp3'],
    [{ username: 'me' }, 'Basic bWU6'],
  ])('is told who asks by name and password: %j', async (user, authorization) => {
    const api = await standIn({ tls: certificates.server, require: () => authorization });
    const cluster = insecure(api.url);
    expect(await openCluster(await kubeconfig({ cluster, user })).serverVersion()).toBe('v1.34.4');
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
      const cluster = insecure(api.url);
      const path = await kubeconfig({ cluster, user: where.startsWith('in files') ? files : data });
      await writeFile(join(dirname(path), 'client.pem'), server.cert);
      await writeFile(join(dirname(path), 'client.key'), server.key);
      expect(await openCluster(path).serverVersion()).toBe('v1.34.4');
      const none = openCluster(await kubeconfig({ cluster, user: { token: 't' } }));
      await expect(none.serverVersion()).rejects.toMatchObject({ type: 'cluster.unreachable' });
    },
  );

  it('is not reached over a Unix socket, which kubectl does not know either', async () => {
    const path = await kubeconfig({ cluster: { server: 'unix:///run/api.sock' }, user: { token: 't' } });
    await expect(openCluster(path).serverVersion()).rejects.toMatchObject({
      type: 'cluster.unreachable',
      message: expect.stringContaining('"unix"') as string,
    });
  });

  it('is reached by a context without a user, and its authority counts', async () => {
    const api = await standIn({ tls: certificates.server });
    const ca = Buffer.from(certificates.root).toString('base64');
    const path = await kubeconfig({ cluster: { server: api.url, 'certificate-authority-data': ca } });
    expect(await openCluster(path).serverVersion()).toBe('v1.34.4');
    const stranger = Buffer.from(makeCertificates().root).toString('base64');
    const wrong = await kubeconfig({ cluster: { server: api.url, 'certificate-authority-data': stranger } });
    await expect(openCluster(wrong).serverVersion()).rejects.toMatchObject({
      type: 'cluster.unreachable',
      message: expect.stringContaining('certificate') as string,
    });
  });

  it('is not reached with a client certificate that cannot be read', async () => {
    const api = await standIn({ tls: certificates.server });
    const broken = '-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n';
    const user = {
      'client-certificate-data': Buffer.from(broken).toString('base64'),
      'client-key-data': Buffer.from(certificates.server.key).toString('base64'),
    };
    const path = await kubeconfig({ cluster: insecure(api.url), user });
    await expect(openCluster(path).serverVersion()).rejects.toMatchObject({ type: 'cluster.config-invalid' });
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
      expect(await openCluster(path).serverVersion()).toBe('v1.34.4');
    },
  );

  it('is told whom the user stands for, and read from files', async () => {
    const api = await standIn({ tls: certificates.server });
    const cluster = { server: api.url, 'insecure-skip-tls-verify': true, 'tls-server-name': 'localhost' };
    const user = { tokenFile: 'token', as: 'robot', 'as-groups': ['one', 'two'] };
    const path = await kubeconfig({ cluster, user });
    await writeFile(join(dirname(path), 'token'), 'from-file\n');
    await openCluster(path).serverVersion();
    expect(api.seen.at(-1)?.headers).toMatchObject({
      authorization: 'Bearer from-file',
      'impersonate-user': 'robot',
      'impersonate-group': expect.stringContaining('one') as string,
    });
  });

  it('is not asked when its context is not of use as it is written', async () => {
    const path = await kubeconfig({
      cluster: insecure('https://127.0.0.1:1'),
      user: { tokenFile: '/nowhere/token' },
    });
    await expect(openCluster(path).serverVersion()).rejects.toMatchObject({
      type: 'cluster.config-invalid',
      message: expect.stringContaining('/nowhere/token') as string,
    });
  });

  it('answers 401 in its own words', async () => {
    const api = await standIn({ tls: certificates.server, require: () => 'Bearer right' });
    const cluster = insecure(api.url);
    const path = await kubeconfig({ cluster, user: { token: 'wrong' } });
    await expect(openCluster(path).serverVersion()).rejects.toMatchObject({
      type: 'cluster.forbidden',
      status: 401,
    });
  });
});

describe('what comes through kubectl', () => {
  const intermediate = (more: Fields): Fields => ({
    'certificate-authority-data': Buffer.from(certificates.intermediate).toString('base64'),
    ...more,
  });

  /** @param trust of the cluster's entry, with which it speaks TLS @default plain HTTP, which only kubectl speaks for us */
  async function answering(listener: RequestListener, trust?: Fields): Promise<Kubernetes> {
    const server = trust ? createTlsServer(certificates.server, listener) : createServer(listener);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    const at = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const cluster = trust ? { server: `https://${at}`, ...trust } : { server: `http://${at}` };
    return openCluster(await kubeconfig({ cluster, ...(trust && { user: { token: 't' } }) }));
  }

  it.each([
    ['in plain text', () => undefined],
    ['behind an authority without its root', () => intermediate({ 'disable-compression': true })],
    ['directly, behind such an authority', () => intermediate({})],
  ])('is the log that is followed, line by line until who reads it stops: %s', async (_how, trust) => {
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
    }, trust());
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
  async function proxyTo(port: number): Promise<ConnectProxy> {
    const proxy = await startConnectProxy(port);
    onTestFinished(() => {
      proxy.close();
    });
    return proxy;
  }

  const inside = insecure('https://kube.inside.example:6443');

  it('of the environment leads to the cluster', async () => {
    const api = await standIn({ tls: certificates.server });
    const proxy = await proxyTo(api.port);
    const path = await kubeconfig({ cluster: inside, user: { token: 't' } });
    const kube = openCluster(
      path,
      kubectlWith({ HTTPS_PROXY: proxy.url, NO_PROXY: undefined, no_proxy: undefined }),
    );
    expect(await kube.serverVersion()).toBe('v1.34.4');
    expect(proxy.asked).toContain('kube.inside.example:6443');
  });

  it('of the kubeconfig leads to the cluster', async () => {
    const api = await standIn({ tls: certificates.server });
    const proxy = await proxyTo(api.port);
    const path = await kubeconfig({ cluster: { ...inside, 'proxy-url': proxy.url }, user: { token: 't' } });
    expect(await openCluster(path).serverVersion()).toBe('v1.34.4');
    expect(proxy.asked).toContain('kube.inside.example:6443');
  });

  it('never stands between us and this machine', async () => {
    const api = await standIn({ tls: certificates.server });
    const proxy = await proxyTo(1);
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
      expect(await openCluster(path, kubectlWith(variables)).serverVersion()).toBe('v1.34.4');
    }
    expect(proxy.asked).toEqual([]);
  });
});
