import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { oneObject, phaseOf, tracewright, writeFiles } from '../cases/support.js';
import { killProcessesOf } from '../cli/small-environment.js';
import type { CliRun } from '../cli/support.js';
import { makeCertificates } from '../support/certificates.js';
import { testFolder } from '../support/folder.js';
import { startGrpcGateway, type GrpcGateway, type GrpcGatewayOptions } from '../support/grpc-gateway.js';
import { insecure, kubeconfigText, standIn } from '../support/kubeconfig.js';
import { startRealHarness, useHarness } from '../workflows/harness.js';

const harness = useHarness(startRealHarness);
const certificates = makeCertificates();

interface Guarded {
  readonly gateway: GrpcGateway;
  readonly folder: string;
  readonly shell: (env: Readonly<Record<string, string>>, ...args: string[]) => Promise<CliRun>;
}

/** A folder with certificates and a profile each for who has them and for who has not; the real server behind a gateway. */
async function guarded(options: Omit<GrpcGatewayOptions, 'certificates'>): Promise<Guarded> {
  const folder = await testFolder();
  onTestFinished(() => killProcessesOf(folder));
  const gateway = await startGrpcGateway(harness.env.address, { certificates, ...options });
  onTestFinished(gateway.close);
  const api = await standIn({ tls: certificates.server });
  const tls = (profile: string): string =>
    `[profile.${profile}]\naddress = "${gateway.address}"\n[profile.${profile}.tls]\nserver_ca_cert_path = "ca.pem"\n`;
  await writeFiles(folder, {
    'stack.yaml': oneObject,
    config: kubeconfigText(insecure(api.url), { token: 't' }),
    'ca.pem': certificates.root,
    'client.pem': certificates.client.cert,
    'client.key': certificates.client.key,
    'temporal.toml': `${tls('stranger')}${tls('team')}client_cert_path = "client.pem"\nclient_key_path = "client.key"\n`,
  });
  const file = join(folder, 'temporal.toml');
  return {
    gateway,
    folder,
    shell: (env, ...args) => tracewright(folder, args, { TEMPORAL_CONFIG_FILE: file, ...env }),
  };
}

const up = ['up', '--detach', '--stack', 'stack.yaml', '--kubeconfig', 'config', '--context', 'c'];

/** The command line starts an environment, and the worker works on it until it has to ask somebody. */
async function installs(
  { gateway, shell }: Guarded,
  env: Readonly<Record<string, string>>,
  name: string,
): Promise<void> {
  const started = await shell(env, ...up, '--name', name);
  expect(started.exitCode, started.errors.join('\n')).toBe(0);
  await expect
    .poll(async () => phaseOf(await shell(env, 'status', '--json', '--name', name)), { timeout: 60_000 })
    .toBe('Blocked');
  expect(gateway.passed()).toBeGreaterThan(20);
}

const refused = {
  exitCode: 1,
  errors: expect.arrayContaining([expect.stringContaining('[temporal.unreachable]') as string]) as string[],
};

/** The gateway is a stand-in for the door of a server; the server, the worker and the TLS are real. */
describe('a server that lets only some in', { timeout: 180_000 }, () => {
  it('by their certificates: command and worker show theirs, and a stranger is told', async () => {
    const it = await guarded({ mutual: true });
    expect(await it.shell({ TEMPORAL_PROFILE: 'stranger' }, 'list')).toMatchObject(refused);
    expect(it.gateway.passed()).toBe(0);
    await installs(it, { TEMPORAL_PROFILE: 'team' }, 'by-certificate');
  });

  it('by an API key, as Temporal Cloud does', async () => {
    const it = await guarded({ apiKey: 'a-key-of-ours' });
    for (const key of [{}, { TEMPORAL_API_KEY: 'another' }])
      expect(await it.shell({ TEMPORAL_PROFILE: 'stranger', ...key }, 'list')).toMatchObject(refused);
    expect(it.gateway.passed()).toBe(0);
    await installs(it, { TEMPORAL_PROFILE: 'stranger', TEMPORAL_API_KEY: 'a-key-of-ours' }, 'by-key');
  });
});
