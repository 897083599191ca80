import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { answerText } from '../../src/proof/cluster-access.js';
import { tempoAt, type Tempo } from '../../src/proof/tempo.js';
import { LoopbackKube } from './support/loopback-kube.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

const signal = new AbortController().signal;
const id = 'aabbccddeeff00112233445566778899';

/** A store whose every request the listener answers. */
async function storeOf(listener: RequestListener, tenant?: string): Promise<Tempo> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  const kube = new LoopbackKube();
  kube.services.set('tempo.tracing:3100', { port: (server.address() as AddressInfo).port });
  return tempoAt(kube, { namespace: 'tracing', service: 'tempo', port: 3100, tenant });
}

const answering = (status: number, body: string): Promise<Tempo> =>
  storeOf((_request, response) => response.writeHead(status).end(body));

describe('a query', () => {
  const queries = [
    '{ resource.service.name = "frontend" && span.http.response.status_code >= 500 }',
    '{ nestedSetParent < 0 } >> { status = error } | select(span.http.url)',
    '({ .http.method = "GET" } &>> { .db.system != nil }) | by(resource.service.name) | count() > 2',
    '{ span."http.route" = `/api/v1/users/\\d+` }',
    '{ span."attribute with spaces" =~ "a|b" && span.weird-key-1 != nil }',
    '{ .foo = "a+b&c=d%20e#f" && .bar = "it\'s \\"quoted\\" \\\\ backslash" }',
    '{ .name = "Zoë 漢字 🚕" }',
    '// errors\n{\n\tresource.service.name = "frontend"   // the front\r\n\t&& status = error\n}\n',
    '{',
  ];
  test.each(queries)('reaches the store as it was typed: %j', async (query) => {
    const asked: (string | null)[] = [];
    const tempo = await storeOf(({ url }, response) => {
      const raw = /[?&]q=([^&]*)/u.exec(url ?? '')?.[1] ?? '';
      // Without the "+" that a form has for a blank: Tempo 2.0 takes it for a plus.
      asked.push(decodeURIComponent(raw), new URL(url ?? '', 'http://a').searchParams.get('q'));
      response.end('{}');
    });
    await tempo.search(query, signal, { startSeconds: 1, endSeconds: 2, limit: 3 });
    expect(asked).toEqual([query, query]);
  });

  test.each(['', '   ', '\n'])('%j is refused before it is sent', async (query) => {
    let requests = 0;
    const tempo = await storeOf((_request, response) => {
      requests += 1;
      response.end('{}');
    });
    await expect(tempo.search(query, signal)).rejects.toMatchObject({ type: 'usage.invalid' });
    expect(requests).toBe(0);
  });

  test.each([
    ['{ } | rate() by (resource.service.name)', true],
    ['{ status = error } | count_over_time() with (sample=true)', true],
    ['{ span:duration > 100ms } | quantile_over_time(duration, .99, .9)', true],
    ['{ } | compare({ status = error })', true],
    ['{ .a = "| rate()" } | count() > 2', false],
    ['{ .a = 1 // | rate()\n && .b = `| compare(`}', false],
  ])('%j that is refused: a metrics query? %s', async (query, isMetrics) => {
    const tempo = await answering(400, 'parse error at line 1, col 3');
    const error: unknown = await tempo.search(query, signal).catch((it: unknown) => it);
    expect(error).toMatchObject({ type: 'proof.search-silent', retryable: false });
    const { message, remedy } = error as { message: string; remedy: string };
    expect(remedy.includes('metrics query')).toBe(isMetrics);
    expect(message).not.toContain('\n');
  });
});

describe('an answer that is no trace', () => {
  const page = '<!DOCTYPE html>\n<html><head><title> 502 Bad\nGateway </title></head><body>…</body></html>';
  test.each([
    [401, 'no org id', false, 'proof.tempo.tenant'],
    [401, '', false, 'credentials'],
    [403, page, false, 'credentials'],
    [413, '', false, 'max_bytes_per_trace'],
    [422, 'trace exceeds max size', false, 'max_bytes_per_trace'],
    [500, 'context canceled', true, '/ready'],
    [502, page, true, '/ready'],
  ])('with %i %j', async (status, body, retryable, remedy) => {
    const tempo = await answering(status, body);
    for (const asking of [tempo.traceById(id, signal), tempo.search('{}', signal)])
      await expect(asking).rejects.toMatchObject({
        retryable,
        remedy: expect.stringContaining(remedy) as string,
      });
  });

  test("of a proxy is named by its title, and a proxy's page is no trace and no list of traces", async () => {
    expect(answerText({ status: 502, headers: {}, body: page })).toBe(
      'HTTP 502: an HTML page, "502 Bad Gateway"',
    );
    const tempo = await answering(200, page);
    await expect(tempo.traceById(id, signal)).rejects.toMatchObject({ type: 'trace.unreadable' });
    await expect(tempo.search('{}', signal)).rejects.toMatchObject({ type: 'proof.search-silent' });
  });

  test('404 means that the store does not know the id', async () => {
    expect(await (await answering(404, 'trace not found')).traceById(id, signal)).toBeUndefined();
  });
});

test('a search with numbers where texts are usual, and the other way round, is read', async () => {
  const trace = { traceID: 'f7651916cd43dd8448eb211c80319c', rootServiceName: null, durationMs: '12' };
  const tempo = await answering(
    200,
    JSON.stringify({ traces: [{ ...trace, rootTraceName: 7, startTimeUnixNano: 1.7e18 }] }),
  );
  expect(await tempo.search('{}', signal)).toEqual([
    {
      traceId: '00f7651916cd43dd8448eb211c80319c',
      rootService: '',
      rootName: '7',
      durationMs: 12,
      startNs: '1700000000000000000',
    },
  ]);
});

test('a store that keeps tenants apart is told whose traces are asked for', async () => {
  const seen: unknown[] = [];
  const tempo = await storeOf(({ headers }, response) => {
    seen.push(headers['x-scope-orgid']);
    response.end('{}');
  }, 'team-a');
  await tempo.traceById(id, signal);
  await tempo.search('{}', signal);
  expect(seen).toEqual(['team-a', 'team-a']);
});

describe('what there is to ask for', () => {
  const bodies: Readonly<Record<string, string>> = {
    '/api/v2/search/tags':
      '{"scopes":[{"name":"span","tags":["http.method","my key"]},{"name":"intrinsic","tags":["duration"]},{"name":"empty"}]}',
    '/api/v2/search/tag/span.http.method/values':
      '{"tagValues":[{"type":"string","value":"GE\\"T"},{"type":"int","value":"200"},{"type":"keyword","value":"error"}]}',
    '/api/v2/search/tag/span.my%20key/values': '{}',
    '/api/search/tags': '{"tagNames":["http.method","service.name"]}',
    '/api/search/tag/http.method/values': '{"tagValues":["GET"]}',
  };
  const storeWith = (served: (path: string) => boolean): Promise<Tempo> =>
    storeOf(({ url = '' }, response) => {
      const body = served(url) ? bodies[url] : undefined;
      response.writeHead(body === undefined ? 404 : 200).end(body);
    });

  test('is told as TraceQL writes it', async () => {
    const tempo = await storeWith(() => true);
    expect(await tempo.fields(signal)).toEqual(['span.http.method', 'span."my key"', 'duration']);
    expect(await tempo.valuesOf('span.http.method', signal)).toEqual([String.raw`"GE\"T"`, '200', 'error']);
    expect(await tempo.valuesOf('span."my key"', signal)).toEqual([]);
  });

  test('is told by Tempo 2.0 and 2.1 without scopes and types', async () => {
    const tempo = await storeWith((path) => !path.startsWith('/api/v2/'));
    expect(await tempo.fields(signal)).toEqual(['.http.method', '.service.name']);
    expect(await tempo.valuesOf('.http.method', signal)).toEqual(['"GET"']);
    expect(await tempo.valuesOf('span.http.method', signal)).toEqual(['"GET"']);
  });

  test('a store that does not answer says why', async () => {
    const tempo = await answering(500, 'out of order');
    await expect(tempo.fields(signal)).rejects.toThrow('out of order');
    expect(await (await answering(200, 'no JSON')).fields(signal)).toEqual([]);
  });

  test('and which traces have errors, where the store counts them', async () => {
    const stats = '{"a":{"spanCount":3},"b":{"spanCount":2,"errorCount":1}}';
    const hit = (more: string): string => `{"traceID":"1","durationMs":5${more}}`;
    const tempo = await answering(200, `{"traces":[${hit(`,"serviceStats":${stats}`)},${hit('')}]}`);
    const [counted, bare] = await tempo.search('{}', signal);
    expect(counted).toMatchObject({ spans: 5, failed: true });
    expect(bare).not.toHaveProperty('failed');
  });
});
