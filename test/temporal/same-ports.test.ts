import { expect, it } from 'vitest';
import { ensureServer, observeServer, stopServer } from '../../src/temporal/server.js';
import { isListening } from '../../src/tools/listening.js';
import { serverConfig } from '../support/embedded-server.js';

it('gives servers that start at the same moment ports of their own', async () => {
  const configs = await Promise.all([serverConfig(), serverConfig(), serverConfig()]);
  const servers = await Promise.all(configs.map((config) => ensureServer({ config })));
  expect(new Set(servers.map(({ address }) => address)).size).toBe(3);
  for (const { pid, address } of servers)
    expect(await isListening(pid, Number(address.split(':')[1]))).toBe(true);
  for (const config of configs) {
    expect((await observeServer(config))?.state).toBe('serving');
    expect(await stopServer(config)).toBe('terminated');
  }
});
