import diagnostics from 'node:diagnostics_channel';
import { createServer, type Server } from 'node:http';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connectKubernetes, type Kubernetes } from '../../../src/tools/kubernetes/connection.js';
import { watchCollection } from '../../../src/tools/kubernetes/watch.js';
import type { KubernetesObject } from '../../../src/tools/kubernetes/objects.js';
import { kubectl } from '../../support/kubectl.js';
import { freePorts, missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';

describe.skipIf(missingApiServer)(`a connection to a cluster ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  beforeAll(async () => {
    server = await startApiServer();
  });
  afterAll(() => server.stop());
  const namespace = 'default';

  it('tells the version of the server, over one connection that is kept alive', async () => {
    expect(await server.kube.serverVersion()).toMatch(/^v1\.\d+/u);
    let connections = 0;
    const count = (): void => {
      connections += 1;
    };
    diagnostics.subscribe('undici:client:connected', count);
    onTestFinished(() => void diagnostics.unsubscribe('undici:client:connected', count));
    for (let i = 0; i < 5; i += 1) await server.kube.serverVersion();
    expect(connections).toBe(0);
    // The channel is the right one: a client of its own has to connect.
    await connectKubernetes({ kubeconfigPath: server.kubeconfigPath }).serverVersion();
    expect(connections).toBe(1);
  });

  it('answers 503 or 404 in the words of the API server when there is no such Service', async () => {
    const answer = await server.kube.serviceRequest({ namespace, service: 'nowhere', port: 80 }, '/');
    expect(answer).toMatchObject({ status: 404, body: expect.stringContaining('nowhere') as string });
  });

  it('names the file or the contexts when the kubeconfig is of no use', async () => {
    expect(() => connectKubernetes({ kubeconfigPath: '/nowhere/kubeconfig' })).toThrow(
      expect.objectContaining({ type: 'cluster.not-found' }) as Error,
    );
    expect(() => connectKubernetes({ kubeconfigPath: server.kubeconfigPath, context: 'prod' })).toThrow(
      expect.objectContaining({
        type: 'cluster.not-found',
        remedy: 'Choose a context with --context: test.',
      }) as Error,
    );
    const broken = join(server.folder, 'broken');
    await writeFile(broken, '{{{');
    expect(() => connectKubernetes({ kubeconfigPath: broken })).toThrow(
      expect.objectContaining({ type: 'cluster.not-found' }) as Error,
    );
  });

  it('says which address does not answer', async () => {
    const [port] = await freePorts(1);
    const path = join(server.folder, 'dead');
    await writeFile(
      path,
      kubeconfig({ server: `https://127.0.0.1:${String(port)}`, 'insecure-skip-tls-verify': true }, {}),
    );
    await expect(connectKubernetes({ kubeconfigPath: path }).serverVersion()).rejects.toMatchObject({
      type: 'cluster.unreachable',
      retryable: true,
      message: expect.stringContaining(`127.0.0.1:${String(port)}`) as string,
    });
  });

  it('distinguishes a refused user from an absent object', async () => {
    const path = join(server.folder, 'stranger');
    const config = JSON.parse(await readFile(server.kubeconfigPath, 'utf8')) as object;
    await writeFile(
      path,
      JSON.stringify({ ...config, users: [{ name: 'tester', user: { token: 'wrong' } }] }),
    );
    const kube = connectKubernetes({ kubeconfigPath: path });
    await expect(kube.json({ path: '/api/v1/secrets' })).rejects.toMatchObject({
      type: 'cluster.forbidden',
      status: 401,
      retryable: false,
    });
    await expect(server.kube.json({ path: '/api/v1/namespaces/nowhere' })).rejects.toMatchObject({
      status: 404,
      reason: 'NotFound',
    });
    kube.close();
  });

  it('keeps a watch up to date over a crash of the API server, and gives up when it stays away', async () => {
    const path = `/api/v1/namespaces/${namespace}/configmaps`;
    const make = (name: string): Promise<unknown> =>
      server.kube.json({
        method: 'POST',
        path,
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ metadata: { name } }),
      });
    let wake: () => void = () => undefined;
    const watch = watchCollection<KubernetesObject>(server.kube, {
      path,
      patienceMs: 20_000,
      onChange: () => {
        wake();
      },
    });
    const until = async (holds: () => boolean): Promise<void> => {
      while (!holds()) await new Promise<void>((resolve) => (wake = resolve));
    };
    await until(() => watch.synced);
    await make('before');
    await until(() => watch.items.has('before'));
    await server.crash();
    await server.restart();
    await make('after');
    await until(() => watch.items.has('after'));
    expect(watch.failure).toBeUndefined();
    watch.stop();

    const impatient = watchCollection<KubernetesObject>(server.kube, {
      path,
      patienceMs: 500,
      onChange: () => {
        wake();
      },
    });
    await until(() => impatient.synced);
    await server.crash();
    await until(() => impatient.failure !== undefined);
    expect(impatient.failure).toMatchObject({ type: 'cluster.unreachable' });
    await server.restart();
  });
});

/** What arrives at a Service behind a real API server is for the end-to-end tests; this is what we send and take. */
describe('a request to a Service', () => {
  let proxy: Server;
  let folder: string;
  let kube: Kubernetes;
  const address = { namespace: 'shop', service: 'backend', port: 8080 };
  const seen: {
    url: string | undefined;
    method: string | undefined;
    headers: Record<string, unknown>;
    body: string;
  }[] = [];
  beforeAll(async () => {
    proxy = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        seen.push({ url: request.url, method: request.method, headers: request.headers, body });
        if (request.url?.includes('/slow')) return;
        response.writeHead(418, { 'x-answer': 'yes' });
        response.end('short and stout');
      });
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    folder = await mkdtemp(join(tmpdir(), 'tracewright-proxy-'));
    const server = `http://127.0.0.1:${String((proxy.address() as { port: number }).port)}/prefix`;
    const kubeconfigPath = join(folder, 'kubeconfig');
    await writeFile(kubeconfigPath, kubeconfig({ server, 'insecure-skip-tls-verify': true }, {}));
    kube = connectKubernetes({ kubeconfigPath, kubectl });
  });
  afterAll(async () => {
    kube.close();
    proxy.closeAllConnections();
    proxy.close();
    await rm(folder, { recursive: true });
  });

  it('sends HTTP to a Service, headers included', async () => {
    const answer = await kube.serviceRequest(address, '/teapot?a=1&b=x%20y', {
      method: 'POST',
      headers: {
        traceparent: '00-11111111111111111111111111111111-2222222222222222-01',
        'content-type': 'application/json',
      },
      body: '{"ü":1}',
    });
    expect(answer).toMatchObject({ status: 418, body: 'short and stout' });
    expect(answer.headers['x-answer']).toBe('yes');
    expect(seen.at(-1)).toMatchObject({
      method: 'POST',
      url: '/prefix/api/v1/namespaces/shop/services/backend:8080/proxy/teapot?a=1&b=x%20y',
      body: '{"ü":1}',
    });
    expect(seen.at(-1)?.headers.traceparent).toBe('00-11111111111111111111111111111111-2222222222222222-01');
  });

  it('gives up on a Service that does not answer in time', async () => {
    await expect(kube.serviceRequest(address, '/slow', { timeoutMs: 300 })).rejects.toMatchObject({
      type: 'cluster.unreachable',
    });
  });

  it('stops a request when its step is cancelled', async () => {
    const abort = new AbortController();
    setTimeout(() => {
      abort.abort();
    }, 100);
    await expect(kube.serviceRequest(address, '/slow', { signal: abort.signal })).rejects.toMatchObject({
      type: 'step.cancelled',
    });
  });
});

function kubeconfig(cluster: object, user: object): string {
  return JSON.stringify({
    clusters: [{ name: 'a', cluster }],
    users: [{ name: 'a', user }],
    contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    'current-context': 'a',
  });
}
