import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createReader, logsSince, type Reader } from '../../src/proof/diagnosis/reader.js';
import { newestOf } from '../../src/proof/diagnosis/part.js';
import { requestLoopback } from './support/loopback-kube.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Of a server whose clock is so many milliseconds ahead; `undefined`: that tells no time. */
async function readerOf(aheadMs: number | undefined): Promise<Reader> {
  const server = createServer((_request, response) => {
    response.sendDate = false;
    if (aheadMs !== undefined) response.setHeader('date', new Date(Date.now() + aheadMs).toUTCString());
    response.end('{}');
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return createReader(
    { json: () => Promise.reject(new Error('unused')), send: ({ path }) => requestLoopback(port, path) },
    new AbortController().signal,
  );
}

const ride = { identity: { traceId: 'a', rootSpanId: 'b' }, startMs: Date.UTC(2026, 0, 31, 12) };

test.each([0, 3_600_000, -3_600_000])(
  'begins with the ride by a clock that is %i ms ahead',
  async (aheadMs) => {
    const since = Date.parse((await logsSince(await readerOf(aheadMs), ride)) ?? '') - aheadMs - ride.startMs;
    // The rest is what a clock in whole seconds leaves open.
    expect(since).toBeLessThan(-500);
    expect(since).toBeGreaterThan(-2_500);
  },
);

test('begins early where the clock is not told, and nowhere without a ride', async () => {
  const reader = await readerOf(undefined);
  expect(await logsSince(reader, ride)).toBe('2026-01-31T11:59:00.000Z');
  expect(await logsSince(reader, undefined)).toBeUndefined();
});

test('of lines that differ in their time only the newest is kept, the last three of all', () => {
  expect(
    newestOf([
      '2026/11/26 09:36:28 Post "http://a": no such host',
      'ts=2026-11-26T09:36:28Z level=warn msg=one',
      '2026/11/26 09:36:29 Post "http://a": no such host',
      'plain',
      'other',
    ]),
  ).toEqual(['2026/11/26 09:36:29 Post "http://a": no such host', 'plain', 'other']);
});
