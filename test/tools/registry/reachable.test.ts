import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import { addressesOf } from '../../../src/cli/stack-sources.js';
import type { ChartSource, Stack } from '../../../src/domain/stack.js';
import { whyUnreachable } from '../../../src/tools/registry/reachable.js';
import { startChartServer } from '../../support/chart-server.js';

const opened: { close: () => void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

const serve = (listener: RequestListener): Promise<string> => listen(createServer(listener));

async function listen(server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

const answering = (status: number): Promise<string> =>
  serve((request, response) => {
    response.writeHead(request.method === 'HEAD' ? status : 500).end();
  });

describe('whether registries and chart repositories answer', () => {
  it.each([200, 301, 401, 405])('HTTP %s is an answer', async (status) => {
    const address = await answering(status);
    expect(await whyUnreachable([`${address}/v2/`], { variables: {} })).toBeUndefined();
  });

  it.each([403, 404, 407, 500, 503])('HTTP %s is none', async (status) => {
    const [good, bad] = await Promise.all([answering(200), answering(status)]);
    expect(await whyUnreachable([good, bad], { variables: {} })).toContain(String(status));
  });

  it('nobody waits longer than the time for all', async () => {
    let asked = 0;
    const silent = await serve(() => {
      asked += 1;
    });
    const many = Array.from({ length: 5 }, () => silent);
    expect(await whyUnreachable(many, { variables: {}, timeoutMs: 1_000 })).toBeDefined();
    // One after the other, the first would have had all the time.
    expect(asked).toBe(5);
    expect(await whyUnreachable(['http://127.0.0.1:1'], { variables: {} })).toContain('does not answer');
  });

  it("goes through the user's proxy, but where that is not wanted", async () => {
    const asked: string[] = [];
    const proxy = createServer().on('connect', (request: IncomingMessage, socket: Duplex) => {
      asked.push(request.url ?? '');
      socket.write('HTTP/1.1 200 OK\r\n\r\n');
      socket.once('data', () => socket.end('HTTP/1.1 401 Unauthorized\r\ncontent-length: 0\r\n\r\n'));
    });
    const address = await listen(proxy);
    // It does not exist, and the proxy answers for it.
    const look = (variables: Record<string, string>): Promise<string | undefined> =>
      whyUnreachable(['http://registry.invalid/v2/'], { variables, timeoutMs: 1_000 });
    expect(await look({ http_proxy: address })).toBeUndefined();
    expect(asked).toEqual(['registry.invalid:80']);
    expect(await look({ HTTP_PROXY: address, NO_PROXY: 'registry.invalid' })).toBeDefined();
    expect(asked).toHaveLength(1);
  });

  it('a proxy that hangs up is no answer', async () => {
    const address = await serve(() => undefined);
    const variables = { HTTP_PROXY: address };
    expect(await whyUnreachable(['http://registry.invalid/'], { variables, timeoutMs: 500 })).toBeDefined();
  });
});

describe('what is asked whether a stack can be had', () => {
  const stackOf = (...charts: ChartSource[]): Pick<Stack, 'components'> => ({
    components: Object.fromEntries(
      charts.map((chart, index) => [
        `it-${String(index)}`,
        { timeout: '5m', needs: [], ready: [], release: { namespace: 'it', chart, values: {} } },
      ]),
    ),
  });

  it('is a registry of charts by its API, once, and a repository by its index', () => {
    const stack = stackOf(
      { oci: 'oci://ghcr.io/grafana-community/helm-charts/tempo', version: '2.2.4' },
      { oci: 'oci://docker.io/of/chart', version: '1.0.0' },
      { oci: 'oci://registry.example:5000/chart', version: '1.0.0' },
      { repository: 'https://charts.example/', name: 'it', version: '1.0.0' },
      { embedded: 'it' },
    );
    const charts = [
      'https://ghcr.io/v2/',
      'https://registry-1.docker.io/v2/',
      'https://registry.example:5000/v2/',
      'https://charts.example/index.yaml',
    ];
    expect(addressesOf(stack, { imagesFrom: 'registry.example' })).toEqual(charts);
    expect(addressesOf(stack, { imagesFrom: 'registry.example', chartsFrom: '.' })).toEqual([]);
    const all = addressesOf(stack, {});
    expect(new Set(all).size).toBe(all.length);
    expect(all).toEqual(expect.arrayContaining([...charts, 'https://quay.io/v2/']));
  });

  it('is what helm asks: a registry that answers, and one that is not there', async () => {
    const registry = await startChartServer();
    opened.push(registry);
    const look = (oci: string): Promise<string | undefined> =>
      whyUnreachable(addressesOf(stackOf({ oci, version: '1.0.0' }), { imagesFrom: 'registry.example' }), {
        variables: {},
      });
    expect(await look(`${registry.oci}/demo`)).toBeUndefined();
    expect(registry.requests).toEqual(['/v2/']);
    expect(await look('oci://127.0.0.1:1/charts/demo')).toContain('127.0.0.1:1');
  });
});
