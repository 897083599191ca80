import { request, type IncomingHttpHeaders } from 'node:http';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { SearchAnswer } from '../../src/page/wire.js';
import type { ServedPage } from '../../src/page/server.js';
import { rideTraceId } from '../proof/support/fixtures.js';
import { LoopbackKube } from '../proof/support/loopback-kube.js';
import { startRecordedTempo, type LocalServer } from '../proof/support/tempo-server.js';
import { serve } from './support.js';

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** Who may ask our page for what. The store behind it answers what a real Tempo has answered. */
describe('the server of the page', () => {
  const kube = new LoopbackKube();
  let store: LocalServer;
  let page: ServedPage;
  let path: string;
  let own: string;

  beforeAll(async () => {
    store = await startRecordedTempo();
    kube.services.set('tempo.tracing:3100', { port: Number(new URL(store.url).port) });
    page = await serve(kube);
    ({ pathname: path, origin: own } = new URL(page.url));
  });
  afterAll(async () => {
    await page.close();
    store.stop();
  });

  /** As `fetch` does not let anybody say which Host is meant. */
  const ask = (
    to: string,
    { method = 'GET', body, ...headers }: Record<string, string> = {},
  ): Promise<Answer> =>
    new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: page.port, path: to, method, headers }, (answer) => {
        void text(answer).then((read) => {
          resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: read });
        });
      });
      sent.once('error', reject);
      sent.end(body);
    });

  it('answers below its token only, of 128 bits', async () => {
    expect(path).toMatch(/^\/[0-9a-f]{32}\/$/u);
    expect((await ask(path)).body).toContain('<!doctype html>');
    const other = `/${'0'.repeat(32)}/`;
    for (const wrong of ['/', '/index.html', '/api/facts', other, `${other}api/facts`, path.slice(0, -2)]) {
      const { status, body } = await ask(wrong);
      expect([wrong, status, body]).toEqual([wrong, 404, 'There is nothing here.']);
    }
  });

  it('gives out the files of the build and nothing else', async () => {
    const [, script = ''] = /src="\.\/(assets\/[^"]+\.js)"/u.exec((await ask(path)).body) ?? [];
    const { status, headers } = await ask(path + script);
    expect([status, headers['content-type']]).toEqual([200, 'text/javascript; charset=utf-8']);
    for (const wrong of ['../api.js', '..%2fapi.js', '%2e%2e/api.js', 'assets/', 'assets/../../server.js'])
      expect([wrong, (await ask(path + wrong)).status]).toEqual([wrong, 404]);
  });

  it('knows only its own Host: a name that was rebound to this machine gets nothing', async () => {
    const port = String(page.port);
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1', `127.0.0.1:1`, `[::1]:${port}`])
      expect([host, (await ask(`${path}api/facts`, { host })).status]).toEqual([host, 421]);
    expect((await ask(`${path}api/facts`, { host: `localhost:${port}` })).status).toBe(200);
  });

  it('answers no page of another origin, but a link to itself may be followed', async () => {
    const api = `${path}api/facts`;
    for (const origin of [
      'https://evil.example',
      'null',
      `http://127.0.0.1:1`,
      `http://evil.${new URL(own).host}`,
    ])
      expect([origin, (await ask(api, { origin })).status]).toEqual([origin, 403]);
    for (const site of ['cross-site', 'same-site'])
      expect([site, (await ask(api, { 'sec-fetch-site': site })).status]).toEqual([site, 403]);
    expect((await ask(api, { origin: own, 'sec-fetch-site': 'same-origin' })).status).toBe(200);
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' };
    expect((await ask(path, { ...link, 'sec-fetch-dest': 'document' })).status).toBe(200);
    expect((await ask(path, { ...link, 'sec-fetch-dest': 'iframe' })).status).toBe(403);
  });

  it('lets take a ride only who says in JSON that it is the page', async () => {
    const ride = (headers: Record<string, string>): Promise<Answer> =>
      ask(`${path}api/ride`, { method: 'POST', body: '{"customer":123}', ...headers });
    const json = { 'content-type': 'application/json' };
    expect((await ride(json)).status).toBe(403);
    expect((await ride({ origin: own, 'content-type': 'text/plain' })).status).toBe(415);
    expect((await ride({ ...json, origin: 'https://evil.example' })).status).toBe(403);
    expect(kube.asked).not.toContainEqual(expect.stringContaining('/dispatch'));
    expect((await ride({ ...json, origin: own, body: '{"customer":1}' })).status).toBe(400);
    expect((await ride({ ...json, origin: own, body: 'no' })).status).toBe(400);
    expect((await ride({ ...json, origin: own, body: `"${'x'.repeat(5_000)}"` })).status).toBe(400);
    expect(kube.asked).not.toContainEqual(expect.stringContaining('/dispatch'));
    for (const method of ['PUT', 'DELETE', 'OPTIONS', 'PATCH'])
      expect([method, (await ask(`${path}api/ride`, { method, origin: own })).status]).toEqual([method, 405]);
  });

  it('says with every answer that nothing else may be loaded, framed or kept', async () => {
    for (const to of [path, `${path}api/facts`, '/', `${path}api/none`]) {
      const { headers } = await ask(to);
      expect(headers['content-security-policy'] ?? '', to).toMatch(
        /^default-src 'none'; script-src 'self'; style-src 'self';/u,
      );
      expect(headers['content-security-policy']).not.toContain('unsafe');
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
      });
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('has a link for the arguments of a browser that works once', async () => {
    const link = new URL(page.launchUrl());
    expect(link.pathname).not.toContain(path.slice(1, -1));
    const { status, headers } = await ask(link.pathname);
    expect([status, headers.location]).toEqual([303, path]);
    expect((await ask(link.pathname)).status).toBe(404);
    expect((await ask('/launch/')).status).toBe(404);
  });

  it('asks the store: traces by id, the longest first of a search, which of them have errors', async () => {
    const trace = await ask(`${path}api/trace/${rideTraceId}`);
    expect(JSON.parse(trace.body)).toMatchObject({
      id: rideTraceId,
      rootService: expect.any(String) as string,
    });
    const { hits } = JSON.parse((await ask(`${path}api/search?q=%7B%7D&start=1&end=2`)).body) as SearchAnswer;
    expect(hits.length).toBeGreaterThan(0);
    expect(hits.map((hit) => hit.durationMs)).toEqual(
      hits.map((hit) => hit.durationMs).toSorted((a, b) => b - a),
    );
    expect(hits.every(({ failed }) => failed !== undefined)).toBe(true);
    expect(kube.asked.some((it) => it.includes('q=%7B%20status%20%3D%20error%20%7D'))).toBe(true);
  });

  it('says what is wrong as the command line does', async () => {
    const failure = async (to: string): Promise<unknown> => {
      const { status, body } = await ask(path + to);
      return [status, (JSON.parse(body) as { type: string }).type];
    };
    expect(await failure('api/trace/xyz')).toEqual([400, 'usage.invalid']);
    expect(await failure(`api/trace/${'1'.repeat(32)}`)).toEqual([404, 'trace.not-found']);
    expect(await failure('api/search?q=x&start=no&end=1')).toEqual([400, 'usage.invalid']);
    kube.services.clear();
    expect(await failure('api/search?q=%7B%7D&start=1&end=2')).toEqual([502, 'proof.search-silent']);
  });
});
