import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { settingsLines } from '../../src/cli/commands/config.js';
import { effectiveSettings } from '../../src/cli/settings/effective-settings.js';
import { maskValue, type Setting } from '../../src/cli/settings/setting.js';
import { createPaint } from '../../src/cli/views/format.js';
import type { EnvironmentSpec } from '../../src/domain/progress.js';
import { testFolder } from '../support/folder.js';
import { tutorialShapedStack } from '../support/stack.js';
import { cli } from './support.js';

/** Of an environment with nothing but these variables. */
const settingsOf = async (variables: Record<string, string>): Promise<Setting[]> =>
  effectiveSettings({ environment: { HOME: await testFolder(), ...variables } });

const named = (settings: readonly Setting[], name: string): Setting | undefined =>
  settings.find((it) => it.name === name);

async function profileFile(text: string): Promise<string> {
  const file = join(await testFolder(), 'temporal.toml');
  await writeFile(file, text);
  return file;
}

describe('the effective settings', () => {
  it('are the defaults where nothing is set', async () => {
    const settings = await settingsOf({});
    expect(settings.filter(({ origin }) => origin.kind !== 'default')).toEqual([]);
    expect(settings.filter(({ problem }) => problem !== undefined)).toEqual([]);
    expect(named(settings, 'state folder')?.value).toMatch(/\/tracewright$/u);
    expect(named(settings, 'server')?.value).toMatch(/^embedded/u);
    expect(named(settings, 'API key')?.value).toBeUndefined();
  });

  it('say which variable set them', async () => {
    const settings = await settingsOf({
      TRACEWRIGHT_STATE_DIR: '/srv/state',
      XDG_STATE_HOME: '/elsewhere',
      XDG_CACHE_HOME: '/var/cache',
      TRACEWRIGHT_LOG_LEVEL: 'debug',
      KUBECONFIG: '/a:/b',
      https_proxy: 'proxy:3128',
    });
    const from = (name: string): unknown[] => [named(settings, name)?.value, named(settings, name)?.origin];
    const variable = (name: string): unknown => ({ kind: 'variable', variable: name });
    expect(from('state folder')).toEqual(['/srv/state', variable('TRACEWRIGHT_STATE_DIR')]);
    expect(from('cache folder')).toEqual(['/var/cache/tracewright', variable('XDG_CACHE_HOME')]);
    expect(from('log level')).toEqual(['debug', variable('TRACEWRIGHT_LOG_LEVEL')]);
    expect(from('kubeconfig')).toEqual(['/a:/b', variable('KUBECONFIG')]);
    expect(from('HTTPS_PROXY')).toEqual(['proxy:3128', variable('https_proxy')]);
  });

  it('keep values that cannot be used, with the rule that they break', async () => {
    const settings = await settingsOf({
      TRACEWRIGHT_STATE_DIR: 'here',
      TRACEWRIGHT_LOG_LEVEL: 'loud',
      TEMPORAL_ADDRESS: 'user:secret@host',
    });
    expect(named(settings, 'state folder')).toMatchObject({
      value: 'here',
      problem: 'It must be an absolute path.',
    });
    expect(named(settings, 'log level')?.problem).toContain('"debug"|"info"|"warn"|"error"');
    expect(named(settings, 'server')).toMatchObject({ origin: { variable: 'TEMPORAL_ADDRESS' } });
    expect(named(settings, 'server')?.problem).toContain('must be host:port');
    expect(JSON.stringify(settings)).not.toContain('secret');
  });

  it('tell variables from the profile that they go before', async () => {
    const certificate = await profileFile('CERTIFICATE');
    const file = await profileFile(`[profile.team]
address = "temporal.example:7233"
namespace = "tracing"
[profile.team.tls]
client_cert_path = "${certificate}"
client_key_data = "PLANTED-KEY"
[profile.team.grpc_meta]
authorization = "PLANTED-HEADER"
`);
    const settings = await settingsOf({
      TEMPORAL_CONFIG_FILE: file,
      TEMPORAL_PROFILE: 'team',
      TEMPORAL_NAMESPACE: 'mine',
      TEMPORAL_API_KEY: 'PLANTED-API',
    });
    const profile = { kind: 'profile', profile: 'team', file };
    expect(named(settings, 'server')).toMatchObject({ value: 'temporal.example:7233', origin: profile });
    expect(named(settings, 'namespace')).toMatchObject({
      value: 'mine',
      origin: { variable: 'TEMPORAL_NAMESPACE' },
    });
    expect(named(settings, 'TLS certificate')).toMatchObject({ value: certificate, origin: profile });
    expect(named(settings, 'TLS key')).toMatchObject({ value: '[redacted]', origin: profile });
    expect(named(settings, 'API key')).toMatchObject({ value: '[redacted]' });
    expect(named(settings, 'header authorization')).toMatchObject({ value: '[redacted]', origin: profile });
    expect(JSON.stringify(settings)).not.toContain('PLANTED');
  });

  it('say what does not count for the embedded server', async () => {
    const settings = await settingsOf({ TEMPORAL_NAMESPACE: 'mine' });
    expect(named(settings, 'namespace')).toMatchObject({
      value: 'mine',
      means: 'counts only with a server of your own',
    });
  });

  it('name a file of keys that is not there', async () => {
    const settings = await settingsOf({
      TEMPORAL_ADDRESS: 'a:1',
      TEMPORAL_TLS_CLIENT_CERT_PATH: '/nowhere/client.pem',
      TEMPORAL_TLS_CLIENT_KEY_PATH: '/nowhere/client.key',
    });
    expect(named(settings, 'server')?.problem).toContain("'/nowhere/client.pem'");
  });

  it('do not show the lines of a broken file', async () => {
    const file = await profileFile('[profile.default]\naddress = "a:1"\napi_key = "PLANTED KEY\n');
    const settings = await settingsOf({ TEMPORAL_CONFIG_FILE: file });
    expect(named(settings, 'server')?.problem).toMatch(
      /^Temporal's configuration cannot be used: .* in line 3\.$/u,
    );
    expect(JSON.stringify(settings)).not.toContain('PLANTED');
  });

  it('hold what an environment keeps of its last up, without its secrets', () => {
    const stack = tutorialShapedStack();
    const parameter = (given: string, path: string[]) => ({ given, component: 'tempo', path, value: 'x' });
    const spec: EnvironmentSpec = {
      stack,
      target: { kind: 'kubeconfig', kubeconfigPath: '/k', context: 'staging' },
      failFast: true,
      ttlMs: 0,
      parameters: [
        parameter('--set tempo.values.a=b=c', ['values', 'a']),
        parameter('--set tempo.values.adminPassword=[PLANTED, PLANTED]', ['values', 'adminPassword']),
      ],
    };
    const kept = effectiveSettings({ environment: {} }, { environment: 'demo', spec }).filter(
      ({ group }) => group === 'environment',
    );
    expect(kept.map(({ name, value }) => [name, value])).toEqual([
      ['--stack', stack.name],
      ['--target', 'kubeconfig'],
      ['--kubeconfig', '/k'],
      ['--context', 'staging'],
      ['--fail-fast', 'on'],
      ['--ttl', 'never'],
      ['--set tempo.values.a', 'b=c'],
      ['--set tempo.values.adminPassword', '[redacted]'],
    ]);
    expect(kept.every(({ origin }) => origin.kind === 'up' && origin.environment === 'demo')).toBe(true);
  });

  it.each([
    ['http://user:p@ss/word@proxy:3128', 'http://[redacted]@proxy:3128'],
    ['user:pass@proxy:3128', '[redacted]@proxy:3128'],
    ['https://token@goproxy.example,direct', 'https://[redacted]@goproxy.example,direct'],
    ['ssh://admin@engine', 'ssh://admin@engine'],
    ['ssh://admin:pass@engine', 'ssh://[redacted]@engine'],
    ['/home/someone/.kube/config', '/home/someone/.kube/config'],
    ['https://registry.example/?token=abcdef', 'https://registry.example/?token=[redacted]'],
  ])('are shown without credentials: %s', (value, shown) => {
    expect(maskValue(value)).toBe(shown);
  });

  it('stand on the screen with where they come from and what they mean', () => {
    const settings: Setting[] = [
      {
        group: 'tracewright',
        name: 'log level',
        value: 'loud',
        origin: { kind: 'variable', variable: 'TRACEWRIGHT_LOG_LEVEL' },
        means: 'how much the worker writes',
        problem: 'It is wrong.',
      },
      { group: 'temporal', name: 'API key', origin: { kind: 'default' }, means: 'who we are' },
    ];
    expect(settingsLines(settings, { paint: createPaint(false), columns: 80 })).toEqual([
      'Tracewright',
      '  log level  loud',
      '             from TRACEWRIGHT_LOG_LEVEL; how much the worker writes',
      '             ✗ It is wrong.',
      '',
    ]);
  });
});

describe('tracewright config', () => {
  it('shows wrong values where other commands refuse them, and starts nothing', async () => {
    const folder = await testFolder();
    const env = { TRACEWRIGHT_LOG_LEVEL: 'loud', HTTPS_PROXY: 'http://u:PLANTED@proxy' };
    const shown = await cli(folder, ['config'], { env });
    expect(shown.exitCode).toBe(2);
    expect(shown.errors).toEqual([]);
    expect(shown.stdout).toContain('✗ 1 setting cannot be used.');
    expect(shown.stdout).toContain('http://[redacted]@proxy');
    expect(shown.stdout).not.toContain('PLANTED');
    const list = await cli(folder, ['list'], { env });
    expect(list).toMatchObject({ exitCode: 2, stdout: '' });
    expect(list.errors[0]).toContain('TRACEWRIGHT_LOG_LEVEL has a wrong value');
    expect((await cli(folder, ['--help'], { env })).exitCode).toBe(0);
    expect(existsSync(join(folder, 'state'))).toBe(false);
    expect(await readdir(folder)).toEqual([]);
  });

  it('says what is set and does not count', async () => {
    const env = { TEMPORAL_ADDRESS: '127.0.0.1:1', TEMPORAL_CODEC_ENDPOINT: 'https://codec.example.org' };
    const { exitCode, stdout } = await cli(await testFolder(), ['config'], { env });
    expect(exitCode).toBe(0);
    expect(stdout).toContain('! TEMPORAL_CODEC_ENDPOINT is ignored');
  });

  it('prints JSON, and ends with 0 when all is well', async () => {
    const folder = await testFolder();
    const { exitCode, stdout } = await cli(folder, ['config', '--json']);
    expect(exitCode).toBe(0);
    const { settings } = JSON.parse(stdout) as { settings: Setting[] };
    expect(named(settings, 'state folder')).toMatchObject({
      value: `${folder}/state`,
      origin: { kind: 'variable', variable: 'TRACEWRIGHT_STATE_DIR' },
    });
  });
});
