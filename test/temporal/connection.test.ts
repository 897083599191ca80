import { writeFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { connect as connectTo, createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import proto from '@temporalio/proto';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { connectClient } from '../../src/temporal/client-connection.js';
import {
  connectionOptions,
  embeddedSettings,
  resolveConnection,
  type ConnectionSettings,
} from '../../src/temporal/connection.js';
import { currentConnection } from '../../src/temporal/server.js';
import { ignoredSettings } from '../../src/temporal/profile.js';
import {
  ensureSearchAttributes,
  lookAtSearchAttributes,
  searchAttributeNames,
} from '../../src/temporal/search-attributes.js';
import { ensureServer, stopServer } from '../../src/temporal/server.js';
import { serverConfig } from '../support/embedded-server.js';
import { testFolder } from '../support/folder.js';
import { containing } from '../support/match.js';

/** Resolves with no configuration but the given one: HOME is an empty folder. */
async function resolve(variables: Record<string, string>): Promise<ReturnType<typeof resolveConnection>> {
  return resolveConnection({ environment: { HOME: await testFolder(), ...variables } });
}

async function configFile(text: string): Promise<string> {
  const file = join(await testFolder(), 'temporal.toml');
  await writeFile(file, text);
  return file;
}

const external = (address: string, namespace = 'default'): ConnectionSettings => ({
  address,
  namespace,
  options: {},
  origin: 'the variable TEMPORAL_ADDRESS',
  embedded: false,
});

describe('resolveConnection', () => {
  it('means the embedded server when nothing names another', async () => {
    expect(await resolve({})).toEqual({ kind: 'embedded' });
    expect(await resolve({ TEMPORAL_NAMESPACE: 'mine' })).toEqual({ kind: 'embedded' });
  });

  it('takes the address of the environment', async () => {
    expect(await resolve({ TEMPORAL_ADDRESS: 'temporal.example:7233', TEMPORAL_NAMESPACE: 'mine' })).toEqual({
      kind: 'external',
      settings: external('temporal.example:7233', 'mine'),
    });
  });

  it('uses TLS with an API key', async () => {
    const resolved = await resolve({ TEMPORAL_ADDRESS: 'cloud.example:7233', TEMPORAL_API_KEY: 'the-key' });
    if (resolved.kind !== 'external') throw new Error('embedded');
    expect(connectionOptions(resolved.settings)).toEqual({
      address: 'cloud.example:7233',
      tls: true,
      apiKey: 'the-key',
    });
  });

  it('takes a profile with mutual TLS', async () => {
    const file = await configFile(`[profile.fleet]
address = "fleet.example:7233"
namespace = "tracing"
[profile.fleet.tls]
client_cert_data = "CERTIFICATE"
client_key_data = "KEY"
`);
    const resolved = await resolve({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'fleet' });
    if (resolved.kind !== 'external') throw new Error('embedded');
    expect(resolved.settings).toMatchObject({
      address: 'fleet.example:7233',
      namespace: 'tracing',
      embedded: false,
    });
    expect(resolved.settings.origin).toBe('the Temporal profile "fleet"');
    expect(resolved.settings.options.tls).toMatchObject({
      clientCertPair: { crt: new TextEncoder().encode('CERTIFICATE'), key: new TextEncoder().encode('KEY') },
    });
  });

  it.each([
    ['a profile that does not exist', { TEMPORAL_PROFILE: 'none' }, "'none' not found"],
    [
      'a file that does not exist',
      { TEMPORAL_CONFIG_FILE: '/nowhere/temporal.toml' },
      '/nowhere/temporal.toml',
    ],
  ])('refuses %s', async (_what, variables, message) => {
    await expect(resolve(variables)).rejects.toMatchObject({
      type: 'config.invalid',
      message: containing(message),
    });
  });

  it('takes a file without a profile, and empty variables, for absent', async () => {
    const file = await configFile('# moved to the vault\n');
    expect(await resolve({ TEMPORAL_CONFIG_FILE: file })).toEqual({ kind: 'embedded' });
    const named = await resolve({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_ADDRESS: 'temporal.example:7233' });
    expect(named).toMatchObject({ kind: 'external', settings: { address: 'temporal.example:7233' } });
    const profiles = await configFile('[profile.default]\naddress = "profile.example:7233"\n');
    const variables = { TEMPORAL_CONFIG_FILE: profiles, TEMPORAL_PROFILE: '', TEMPORAL_ADDRESS: '' };
    expect(await resolve(variables)).toMatchObject({ settings: { address: 'profile.example:7233' } });
  });

  it.each(['True', 'TRUE', 'yes', 'on', '1'])('takes %s for true', async (word) => {
    const variables = { TEMPORAL_ADDRESS: 'a.example:7233', TEMPORAL_API_KEY: 'k', TEMPORAL_TLS: word };
    const resolved = await resolve(variables);
    expect(resolved.kind === 'external' && resolved.settings.options.tls).toBeTruthy();
  });

  it.each([
    ['a switch that is neither', { TEMPORAL_TLS: 'maybe' }, 'TEMPORAL_TLS is "maybe"'],
    ['an API key in clear text', { TEMPORAL_TLS: 'off', TEMPORAL_API_KEY: 'k' }, 'in clear text'],
    ['a certificate without its key', { TEMPORAL_TLS_CLIENT_CERT_PATH: 'a.pem' }, 'without its key'],
    [
      'a certificate that is not there, by its absolute path',
      { TEMPORAL_TLS_SERVER_CA_CERT_PATH: 'certs/none.pem' },
      `${process.cwd()}/certs/none.pem`,
    ],
  ])('refuses %s', async (_what, variables: Record<string, string>, message) => {
    await expect(resolve({ TEMPORAL_ADDRESS: 'a.example:7233', ...variables })).rejects.toMatchObject({
      type: 'config.invalid',
      message: containing(message),
    });
  });

  it.each(['http://h:7233', '::1:7233', ' h:7233', ':7233', 'h:', '127.0.0.1:99999'])(
    'refuses an address that is none: %s',
    async (address) => {
      await expect(resolve({ TEMPORAL_ADDRESS: address })).rejects.toMatchObject({ type: 'config.invalid' });
    },
  );

  it('offers the profile that was meant', async () => {
    const file = await configFile('[profile.Prod]\naddress = "prod.example:7233"\n');
    await expect(resolve({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'prod' })).rejects.toMatchObject({
      type: 'config.invalid',
      message: containing('Did you mean "Prod"?'),
    });
  });

  it('says what it ignores, and writes headers as they are meant', async () => {
    const variables = {
      TEMPORAL_CODEC_ENDPOINT: 'https://codec.example',
      TEMPORAL_GRPC_META_X_MY_TEAM_ID: '7',
    };
    expect(ignoredSettings(variables)).toEqual([containing('TEMPORAL_CODEC_ENDPOINT')]);
    expect(ignoredSettings({ TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: 'yes' })).toHaveLength(1);
    const file = await configFile('[profile.Prod.codec]\nendpoint = "https://codec.example"\n');
    const profile = { TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'Prod' };
    expect(ignoredSettings(profile)).toEqual([containing(`[profile.Prod.codec] of ${file}`)]);
    expect(ignoredSettings({ TEMPORAL_CONFIG_FILE: file })).toEqual([]);
    expect(await resolve({ TEMPORAL_ADDRESS: 'a.example:7233', ...variables })).toMatchObject({
      settings: { options: { metadata: { 'x-my-team-id': '7' } } },
    });
  });

  it('refuses a profile without an address', async () => {
    const file = await configFile('[profile.empty]\nnamespace = "x"\n');
    await expect(resolve({ TEMPORAL_CONFIG_FILE: file, TEMPORAL_PROFILE: 'empty' })).rejects.toMatchObject({
      type: 'config.invalid',
      message: 'The Temporal profile "empty" names no address.',
    });
  });
});

describe('connectClient', { timeout: 60_000 }, () => {
  it('says that nothing listens, where, and what to do', async () => {
    await expect(connectClient(external('127.0.0.1:1'), { timeoutMs: 2_000 })).rejects.toMatchObject({
      type: 'temporal.unreachable',
      message:
        'The Temporal server at 127.0.0.1:1 (from the variable TEMPORAL_ADDRESS) cannot be used: nothing listens there.',
      remedy: containing('Check that the server runs'),
    });
    await expect(
      connectClient(external('no-such-host.invalid:7233'), { timeoutMs: 500 }),
    ).rejects.toMatchObject({
      message: containing('its name is not known'),
    });
    await expect(connectClient(embeddedSettings('127.0.0.1:1'), { timeoutMs: 500 })).rejects.toMatchObject({
      remedy: containing('tracewright up'),
    });
  });

  it('waits for a server that is being started again, as a container is after its crash', async () => {
    const address = await refusingServer((path) => (path.endsWith('/GetSystemInfo') ? 12 : 7));
    const gate = createServer((client) => {
      const { hostname, port } = new URL(`tcp://${address}`);
      client.pipe(connectTo(Number(port), hostname)).pipe(client);
    });
    const listen = (port: number): Promise<void> =>
      new Promise((resolveListening) => gate.listen(port, '127.0.0.1', resolveListening));
    await listen(0);
    onTestFinished(() => void gate.close());
    const { port } = gate.address() as AddressInfo;
    await new Promise((closed) => gate.close(closed));
    const connecting = connectClient(external(`127.0.0.1:${String(port)}`));
    await sleep(500);
    await listen(port);
    await (await connecting).close();
  });

  it.each([{}, { NO_PROXY: '127.0.0.1' }, { no_proxy: 'localhost, 127.0.0.1' }])(
    'asks no proxy for this machine, with %j',
    async (variables) => {
      const address = await refusingServer((path) => (path.endsWith('/GetSystemInfo') ? 12 : 7));
      const asked: (string | undefined)[] = [];
      const proxy = createHttpServer().on('connect', ({ url }, socket) => {
        asked.push(url);
        socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      });
      await new Promise<void>((listening) => proxy.listen(0, '127.0.0.1', listening));
      onTestFinished(() => void proxy.close());
      const at = `http://127.0.0.1:${String((proxy.address() as AddressInfo).port)}`;
      for (const [name, value] of Object.entries({ https_proxy: at, http_proxy: at, ...variables }))
        vi.stubEnv(name, value);
      onTestFinished(() => void vi.unstubAllEnvs());
      await (await connectClient(external(address), { timeoutMs: 5_000 })).close();
      expect(asked).toEqual([]);
    },
  );

  it('does not wait for ever for a server that says nothing', async () => {
    const silent = createServer();
    await new Promise<void>((listening) => silent.listen(0, '127.0.0.1', listening));
    onTestFinished(() => void silent.close());
    const address = `127.0.0.1:${String((silent.address() as AddressInfo).port)}`;
    await expect(connectClient(external(address), { timeoutMs: 500 })).rejects.toMatchObject({
      message: containing('did not answer as a Temporal server'),
    });
  });

  it('names a namespace that does not exist', async () => {
    const config = await serverConfig();
    const { address } = await ensureServer({ config });
    await expect(connectClient(external(address, 'nowhere'))).rejects.toMatchObject({
      type: 'temporal.unreachable',
      message: containing('it has no namespace "nowhere"'),
      remedy: containing('--namespace nowhere'),
    });
  });
});

/** A server that refuses every call with a gRPC status, as one with authorisation does. @returns its address */
async function refusingServer(statusOf: (path: string) => number): Promise<string> {
  const server = createHttp2Server();
  server.on('stream', (stream, headers) => {
    const status = String(statusOf(headers[':path'] ?? ''));
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': status },
      { endStream: true },
    );
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  onTestFinished(() => void server.close());
  return `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

describe('a server that refuses us', { timeout: 60_000 }, () => {
  it('is named, and so are the credentials, when it does not accept them', async () => {
    const address = await refusingServer(() => 16);
    await expect(connectClient(external(address), { timeoutMs: 2_000 })).rejects.toMatchObject({
      type: 'temporal.unreachable',
      message: containing('it does not accept our credentials'),
      remedy: containing('API key'),
    });
  });

  it('may keep search attributes to its operators: then we say what they have to do', async () => {
    const address = await refusingServer((path) => (path.endsWith('/GetSystemInfo') ? 12 : 7));
    const connection = await connectClient(external(address, 'mine'), { timeoutMs: 2_000 });
    try {
      const { added, warning } = await ensureSearchAttributes(connection, 'mine');
      expect(added).toEqual([]);
      expect(warning).toContain('temporal operator search-attribute create --namespace mine --type Keyword');
      for (const name of searchAttributeNames) expect(warning).toContain(`--name ${name}`);
    } finally {
      await connection.close();
    }
  });
});

describe('currentConnection', { timeout: 60_000 }, () => {
  it('follows the embedded server of the state folder, and says when there is none', async () => {
    const config = {
      ...(await serverConfig()),
      environment: { HOME: await testFolder(), PATH: process.env['PATH'] },
    };
    await expect(currentConnection(config)).rejects.toMatchObject({ type: 'temporal.unreachable' });
    const { address } = await ensureServer({ config });
    expect(await currentConnection(config)).toEqual(embeddedSettings(address));
    await stopServer(config);
    await expect(currentConnection(config)).rejects.toMatchObject({
      message: containing(config.stateDir),
    });
  });
});

const keyword = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD;
const integer = proto.temporal.api.enums.v1.IndexedValueType.INDEXED_VALUE_TYPE_INT;

describe('ensureSearchAttributes', { timeout: 60_000 }, () => {
  it('registers what is missing, once, and refuses another type', async () => {
    const config = await serverConfig();
    const connection = await connectClient(embeddedSettings((await ensureServer({ config })).address));
    try {
      expect(await ensureSearchAttributes(connection, 'default')).toEqual({ added: [] });
      const [first = '', second = ''] = searchAttributeNames;
      const { operatorService } = connection;
      await operatorService.removeSearchAttributes({
        namespace: 'default',
        searchAttributes: [first, second],
      });
      expect(await ensureSearchAttributes(connection, 'default')).toEqual({ added: [first, second] });
      expect(await ensureSearchAttributes(connection, 'default')).toEqual({ added: [] });
      await operatorService.removeSearchAttributes({ namespace: 'default', searchAttributes: [first] });
      await operatorService.addSearchAttributes({
        namespace: 'default',
        searchAttributes: { [first]: integer },
      });
      await expect(ensureSearchAttributes(connection, 'default')).rejects.toMatchObject({
        type: 'config.invalid',
      });
    } finally {
      await connection.close();
    }
  });

  it('says that a namespace has no room for them, beforehand and when it comes to it', async () => {
    const config = await serverConfig();
    const connection = await connectClient(embeddedSettings((await ensureServer({ config })).address));
    try {
      const { operatorService } = connection;
      const namespace = 'default';
      await operatorService.removeSearchAttributes({
        namespace,
        searchAttributes: [...searchAttributeNames],
      });
      const others = Object.fromEntries(
        Array.from({ length: 9 }, (_, index) => [`Theirs${String(index)}`, keyword]),
      );
      await operatorService.addSearchAttributes({ namespace, searchAttributes: others });
      expect((await lookAtSearchAttributes(connection, namespace)).warning).toContain('has no room');
      await expect(ensureSearchAttributes(connection, namespace)).rejects.toMatchObject({
        type: 'config.invalid',
        message: containing('has no room'),
      });
    } finally {
      await connection.close();
    }
  });
});
