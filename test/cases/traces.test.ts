import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { modelOf } from '../../page/trace/model.js';
import { findTrace } from '../../src/cli/find-trace.js';
import { createPaint } from '../../src/cli/views/format.js';
import { renderTracePage } from '../../src/cli/views/trace-page.js';
import { renderWaterfall } from '../../src/cli/views/waterfall.js';
import type { EnvironmentCluster } from '../../src/cli/with-cluster.js';
import { checkById } from '../../src/proof/check-tempo.js';
import type { ProofRun } from '../../src/proof/run.js';
import { defaultLimits } from '../../src/proof/run.js';
import { LoopbackKube } from '../proof/support/loopback-kube.js';
import { tutorialShapedStack } from '../support/stack.js';

/** Traces and queries after reports of users of other tools, each by the number of its case. */

const signal = new AbortController().signal;
const { proof } = tutorialShapedStack();

/** An environment whose store answers so. */
async function environment(listener: RequestListener): Promise<EnvironmentCluster> {
  const server = createServer(listener).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const kube = new LoopbackKube();
  const { namespace, service, port } = proof.tempo;
  kube.services.set(`${service}.${namespace}:${String(port)}`, {
    port: (server.address() as AddressInfo).port,
  });
  return {
    progress: {},
    spec: { stack: tutorialShapedStack() },
    kube: () => kube,
  } as unknown as EnvironmentCluster;
}

describe('07-nan-attribute: doubles that JSON does not know', () => {
  const id = 'aabbccddeeff00112233445566778899';
  const double = (key: string, doubleValue: unknown): object => ({ key, value: { doubleValue } });
  const answer = JSON.stringify({
    batches: [
      {
        resource: { attributes: [{ key: 'service.name', value: { stringValue: 'payment' } }] },
        scopeSpans: [
          {
            spans: [
              {
                traceId: Buffer.from(id, 'hex').toString('base64'),
                spanId: 'AAAAAAAAAAE=',
                name: 'charge',
                kind: 'SPAN_KIND_SERVER',
                startTimeUnixNano: '1790000000000000000',
                endTimeUnixNano: '1790000000250000000',
                attributes: [
                  double('app.payment.amount', 'NaN'),
                  double('ratio', 'Infinity'),
                  double('floor', '-Infinity'),
                  double('share', 0.5),
                ],
                status: {},
              },
            ],
          },
        ],
      },
    ],
  });

  it('are shown in every view, and are texts in JSON', async () => {
    const asked = await environment((_request, response) => response.end(answer));
    const { trace } = await findTrace(asked, { id }, signal);
    const attributes = { 'app.payment.amount': 'NaN', ratio: 'Infinity', floor: '-Infinity', share: 0.5 };
    expect(JSON.parse(JSON.stringify(trace))).toMatchObject({ id, spans: [{ name: 'charge', attributes }] });
    expect(renderWaterfall(trace, { width: 100, paint: createPaint(false) }).join('\n')).toContain('charge');
    expect(modelOf(trace).rows).toHaveLength(1);
    expect(await renderTracePage(trace, 'Tracewright')).toContain('"app.payment.amount":"NaN"');
  });

  it('are no harm to a proof', async () => {
    const asked = await environment((_request, response) => response.end(answer));
    const run: ProofRun = {
      kube: asked.kube(),
      spec: { ...proof, expect: { spans: 1, services: ['payment'] } },
      stackName: 'x',
      identity: { traceId: id, rootSpanId: '0000000000000001' },
      rideStartMs: 0,
      rideEndMs: 0,
      limits: { ...defaultLimits, byIdMs: 2_000 },
    };
    expect(await checkById(run, { signal, note: () => undefined })).toMatchObject({ id });
  });
});

describe('29-traceql: queries as they are typed', () => {
  it.each([
    '{ resource.service.name = "frontend" && span.http.response.status_code >= 500 }',
    '{ trace:rootService = "frontend" && span:kind = server && event:name = "exception" }',
    '{ nestedSetParent < 0 } >> { status = error } | select(span.http.url, resource.service.name)',
    '{ resource.service.name = "frontend" } !>> { resource.service.name = "redis" }',
    '({ .http.method = "GET" } &>> { .db.system != nil }) | by(resource.service.name) | count() > 2',
    '{ span."http.route" = `/api/v1/users/\\d+` }',
    '{ span."attribute with spaces" =~ "a|b" && span.weird-key-1 != nil }',
    '{ name =~ ".*" && duration > 1h30m && duration < 1.5s }',
    '{ trace:id = "f7651916cd43dd8448eb211c80319c" }',
    '{ span:id = "b7ad6b7169203331" || parent:id = "00f067aa0ba902b7" }',
    '{ .foo = "a+b&c=d%20e#f" && .bar = "it\'s \\"quoted\\" \\\\ backslash" }',
    '{ .name = "Zoë 漢字 🚕" }',
    '{ } | rate() by (resource.service.name)',
    '{ status = error } | count_over_time() with (sample=true)',
    '{ span:duration > 100ms } | quantile_over_time(duration, .99, .9) with(exemplars=true)',
    '{ resource.service.name = "frontend" } with (most_recent=true)',
    '{ .http.status_code = 200 } | avg(duration) > 20ms | max(.size) < 1e9',
    '{ link:spanID != nil && instrumentation:name = "hotrod" }',
    '// errors of the shop\n{\n\tresource.service.name = "frontend"   // the front\n\t&& status = error\n}',
    '{',
  ])('%j comes to the store byte for byte, and into one line of what is said', async (query) => {
    const asked: string[] = [];
    const store = await environment(({ url = '' }, response) => {
      // Percent signs only: Tempo 2.0 takes the "+" of a form for a plus.
      asked.push(decodeURIComponent(/[?&]q=([^&]*)/u.exec(url)?.[1] ?? ''));
      response.end('{"traces":[]}');
    });
    const failure: unknown = await findTrace(store, { query }, signal).catch((error: unknown) => error);
    expect(failure).toMatchObject({ type: 'trace.not-found' });
    expect((failure as Error).message).not.toMatch(/[\n\t]/u);
    expect(asked).toEqual([query]);
  });

  it('one that finds a trace which is not there by its id says both', async () => {
    const hit = '{"traces":[{"traceID":"ab","durationMs":5},{"traceID":"cd","durationMs":7}]}';
    const store = await environment(({ url = '' }, response) => {
      if (url.startsWith('/api/search')) response.end(hit);
      else response.writeHead(404).end('trace not found');
    });
    await expect(findTrace(store, { query: '{}' }, signal)).rejects.toMatchObject({
      type: 'trace.not-found',
      message: expect.stringMatching(
        /finds 2 traces .* by its id the longest, 0{30}cd, is not there/u,
      ) as string,
    });
  });

  it('a metrics query that is refused is called one; nothing is not sent', async () => {
    let requests = 0;
    const store = await environment((_request, response) => {
      requests += 1;
      response.writeHead(400).end('parse error');
    });
    for (const query of [
      '{ } | rate()',
      '{ } | compare({ status = error })',
      '{ } | histogram_over_time(duration)',
    ])
      await expect(findTrace(store, { query }, signal)).rejects.toMatchObject({
        type: 'proof.search-silent',
        remedy: expect.stringContaining('metrics query') as string,
      });
    expect(requests).toBe(3);
    for (const query of ['', '   '])
      await expect(findTrace(store, { query }, signal)).rejects.toMatchObject({ type: 'usage.invalid' });
    expect(requests).toBe(3);
  });
});
