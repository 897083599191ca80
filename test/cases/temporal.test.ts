import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CliRun } from '../cli/support.js';
import { killProcessesOf } from '../cli/small-environment.js';
import { makeCertificates } from '../support/certificates.js';
import { startConnectProxy } from '../support/connect-proxy.js';
import { testFolder } from '../support/folder.js';
import { insecure, kubeconfigText, standIn } from '../support/kubeconfig.js';
import { oneObject, said, stackFile, tracewright, writeFiles } from './support.js';

/** Temporal as people run it, after reports of users of other tools; each by the number of its case. */

const kubeconfig = (server: string): string => kubeconfigText(insecure(server), { token: 't' });

describe('11-proxy-variables A: no proxy stands between us and this machine', { timeout: 240_000 }, () => {
  it('neither for the server, the worker, nor an API server on loopback', async () => {
    const folder = await testFolder();
    onTestFinished(() => killProcessesOf(folder));
    const api = await standIn({ tls: makeCertificates().server });
    const proxy = await startConnectProxy();
    onTestFinished(() => {
      proxy.close();
    });
    await writeFiles(folder, { 'stack.yaml': oneObject, config: kubeconfig(api.url) });
    const up = ['up', '--detach', '--stack', 'stack.yaml', '--kubeconfig', 'config', '--context', 'c'];
    for (const [name, exceptions] of Object.entries({
      none: {},
      capitals: { NO_PROXY: 'localhost,127.0.0.1' },
      blank: { no_proxy: 'localhost, 127.0.0.1' },
      all: { no_proxy: '*' },
    })) {
      const shell = (...args: string[]): Promise<CliRun> =>
        tracewright(folder, args, {
          http_proxy: proxy.url,
          https_proxy: proxy.url,
          HTTPS_PROXY: proxy.url,
          ...exceptions,
        });
      expect(await shell(...up, '--name', name), name).toMatchObject({ exitCode: 0 });
      // The worker has looked at the cluster, and says so through the server.
      await expect
        .poll(async () => said(await shell('status', '--json', '--name', name)), { timeout: 60_000 })
        .toContain(api.url);
      expect(said(await shell('list'))).toContain(name);
    }
    expect(proxy.asked).toEqual([]);
  });
});

describe('24-large-stack-payload: a stack of more than Temporal takes', () => {
  it('is refused before anything starts, with its size and what is large in it', async () => {
    const folder = await testFolder();
    const board = (index: number): string =>
      `{ apiVersion: v1, kind: ConfigMap, metadata: { name: board-${String(index)} }, data: { all: ${randomBytes(337_500).toString('hex')} } }`;
    const objects = [1, 2, 3].map(board).join(', ');
    await writeFiles(folder, {
      config: kubeconfig('https://127.0.0.1:1'),
      'stack.yaml': stackFile(
        'boards',
        `  boards: { manifests: { namespace: boards, objects: [${objects}] }, ready: [{ accepts: boards }] }`,
      ),
    });
    const run = await tracewright(folder, ['up', '--stack', 'stack.yaml', '--kubeconfig', 'config']);
    expect(run.exitCode).toBe(2);
    expect(run.errors[0]).toMatch(
      /\[stack\.too-large\] The stack boards has 20\d\d kB .* may have 900 kB\. .*ConfigMap\/board-1 of boards: 6\d\d kB/u,
    );
    expect(said(run)).toContain('chart');
    expect(existsSync(join(folder, 'state'))).toBe(false);
  });
});

describe('26-temporal-env: settings of Temporal as shells and files have them', () => {
  const file = `
[profile.default]
address = "127.0.0.1:1"
namespace = "default"
[profile.Prod]
address = "quickstart.example:7233"
[profile.Prod.tls]
client_cert_path = "certs/client.pem"
client_key_path = "certs/client.key"
`;
  async function run(args: readonly string[], env: Record<string, string>): Promise<CliRun> {
    const folder = await testFolder();
    await writeFiles(folder, { 'temporal.toml': file, 'empty.toml': '# moved to the vault\n' });
    return tracewright(folder, args, env);
  }
  const settings = async (env: Record<string, string>): Promise<CliRun> => run(['config'], env);

  it('a: a relative path of the file is found', async () => {
    const found = await run(['list'], { TEMPORAL_CONFIG_FILE: './temporal.toml' });
    expect(said(found)).toMatch(
      /\[temporal\.unreachable\] The Temporal server at 127\.0\.0\.1:1 .*"default"/u,
    );
  });

  it.each([
    [
      'a variable',
      {
        TEMPORAL_ADDRESS: '127.0.0.1:1',
        TEMPORAL_TLS_CLIENT_CERT_PATH: 'certs/client.pem',
        TEMPORAL_TLS_CLIENT_KEY_PATH: 'certs/client.key',
      },
    ],
    ['the profile', { TEMPORAL_CONFIG_FILE: './temporal.toml', TEMPORAL_PROFILE: 'Prod' }],
  ])('b: a certificate that is missing, by %s, is named by its absolute path', async (_by, env) => {
    const found = await run(['list'], env);
    expect(found.exitCode).toBe(2);
    expect(said(found)).toMatch(/\[config\.invalid\] .*\/tracewright-test-[^/]+\/certs\/client\.pem/u);
  });

  it('c: a file without a profile is as none', async () => {
    expect(await settings({ TEMPORAL_CONFIG_FILE: 'empty.toml' })).toMatchObject({ exitCode: 0 });
    const named = await run(['list'], {
      TEMPORAL_CONFIG_FILE: 'empty.toml',
      TEMPORAL_ADDRESS: '127.0.0.1:1',
    });
    expect(said(named)).toMatch(/\[temporal\.unreachable\] .*TEMPORAL_ADDRESS/u);
  });

  it('d: an empty variable means the default profile', async () => {
    const { stdout } = await settings({ TEMPORAL_CONFIG_FILE: 'temporal.toml', TEMPORAL_PROFILE: '' });
    expect(stdout).toContain('127.0.0.1:1');
  });

  it.each(['True', 'TRUE', 'yes', 'on'])(
    'e: TLS is on with %s, and never silently off',
    async (TEMPORAL_TLS) => {
      const env = { TEMPORAL_ADDRESS: 'temporal.example:7233', TEMPORAL_API_KEY: 'k' };
      const { exitCode, stdout } = await settings({ ...env, TEMPORAL_TLS });
      expect(exitCode).toBe(0);
      expect(stdout).toMatch(/^ {2}TLS +on$/mu);
      expect(await settings({ ...env, TEMPORAL_TLS: 'off' })).toMatchObject({ exitCode: 2 });
    },
  );

  it('f: a profile in other letters is offered', async () => {
    const env = { TEMPORAL_CONFIG_FILE: 'temporal.toml', TEMPORAL_PROFILE: 'prod' };
    const [shown, used] = [await settings(env), await run(['list'], env)];
    for (const one of [shown, used]) expect(said(one)).toMatch(/Did\s+you\s+mean\s+"Prod"/u);
    expect([shown.exitCode, used.exitCode]).toEqual([2, 2]);
  });

  it('g: what does not count is said', async () => {
    const found = await settings({
      TEMPORAL_ADDRESS: '127.0.0.1:1',
      TEMPORAL_TLS: 'true',
      TEMPORAL_CODEC_ENDPOINT: 'https://codec.example.org',
      TEMPORAL_TLS_DISABLE_HOST_VERIFICATION: 'true',
    });
    for (const name of ['TEMPORAL_CODEC_ENDPOINT', 'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION'])
      expect(said(found)).toMatch(new RegExp(`${name} is ignored`, 'u'));
  });
});
