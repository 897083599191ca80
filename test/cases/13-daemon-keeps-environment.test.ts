import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Progress } from '../../src/domain/progress.js';
import { freePorts } from '../support/api-server.js';
import { sharedCacheDir } from '../support/cache.js';
import { makeCertificates } from '../support/certificates.js';
import { testFolder } from '../support/folder.js';
import { createK3dStandIn } from '../support/k3d-stand-in/index.js';
import { exec, insecure, kubeconfigText, standIn } from '../support/kubeconfig.js';
import { proofText } from '../support/proof-text.js';
import { killProcessesOf } from '../cli/small-environment.js';
import { cli, type CliRun } from '../cli/support.js';
import { writeFiles } from './support.js';

/** Stands for `aws eks get-token`: what it gives is up to the shell. It notes for whom it was called. */
const plugin = `#!/bin/sh
echo "\${TRACEWRIGHT_READY_FILE:+worker} \${TEAM_TOKEN:-none} \${ONLY_FIRST:-gone}" >> "$(dirname "$0")/calls"
case "\${TEAM_TOKEN:-}" in fresh*) ;; *) echo 'ExpiredToken: log in again' >&2; exit 255 ;; esac
echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"'"$TEAM_TOKEN"'","expirationTimestamp":"2099-01-01T00:00:00Z"}}'
`;

const stack = `
name: modes
description: One object
targets: [kubeconfig]
components:
  a: { manifests: { namespace: a, objects: [{ apiVersion: v1, kind: ConfigMap, metadata: { name: a } }] }, ready: [{ accepts: a }] }${proofText('a')}`;

describe(
  '13-daemon-keeps-environment: another shell than the one that started the worker',
  { timeout: 120_000 },
  () => {
    it('brings its own credentials, which go with the environment and never into the history', async () => {
      const folder = await testFolder();
      onTestFinished(() => killProcessesOf(folder));
      const api = await standIn({ tls: makeCertificates().server });
      await writeFile(join(folder, 'plugin'), plugin);
      await chmod(join(folder, 'plugin'), 0o755);
      await writeFile(join(folder, 'stack.yaml'), stack);
      await writeFile(
        join(folder, 'config'),
        kubeconfigText(insecure(api.url), exec('./plugin', { interactiveMode: 'Never' })),
      );
      const shell = (env: Record<string, string>, ...args: string[]): Promise<CliRun> =>
        cli(folder, args, { env: { TRACEWRIGHT_CACHE_DIR: sharedCacheDir, ...env } });
      const up = ['up', '--detach', '--stack', 'stack.yaml', '--kubeconfig', 'config', '--context', 'c'];
      const first = { TEAM_TOKEN: 'fresh-first', ONLY_FIRST: 'there' };
      const isBlocked = async (name: string): Promise<boolean> => {
        const { stdout } = await shell(first, 'status', '--json', '--name', name);
        return (JSON.parse(stdout) as Progress).steps.some(({ state }) => state === 'blocked');
      };
      const callsOfWorker = async (): Promise<string[]> =>
        (await readFile(join(folder, 'calls'), 'utf8').catch(() => ''))
          .split('\n')
          .filter((line) => line.startsWith('worker'));

      expect(await shell(first, ...up, '--name', 'one')).toMatchObject({ exitCode: 0 });
      await expect.poll(callsOfWorker, { timeout: 30_000 }).toContain('worker fresh-first there');

      expect(await shell({ TEAM_TOKEN: 'fresh-second' }, ...up, '--name', 'two')).toMatchObject({
        exitCode: 0,
      });
      await expect.poll(callsOfWorker, { timeout: 30_000 }).toContain('worker fresh-second gone');
      const kept = join(folder, 'state', 'environments', 'two', 'shell.json');
      expect((await stat(kept)).mode & 0o777).toBe(0o600);

      // The API server of this test knows no namespaces, so the step waits for a decision, and another day comes.
      await expect.poll(() => isBlocked('two'), { timeout: 30_000 }).toBe(true);
      await shell({ TEAM_TOKEN: 'fresh-third' }, 'retry', 'a', '--name', 'two');
      expect(await callsOfWorker()).toContain('worker fresh-third gone');
      await shell({ TEAM_TOKEN: 'stale' }, 'verify', '--name', 'nobody');
      expect(await readdir(join(folder, 'state', 'environments'))).toEqual(['one', 'two']);

      const history = join(folder, 'state', 'temporal');
      const files = await Promise.all(
        (await readdir(history)).map((name) => readFile(join(history, name), 'latin1')),
      );
      expect(files.join()).toContain('kubeconfigPath');
      expect(files.join()).not.toMatch(/fresh-(?:first|second|third)/u);
    });

    it('brings its own Docker engine, which the worker of the first shell asks as well', async () => {
      const folder = await testFolder();
      onTestFinished(() => killProcessesOf(folder));
      const { variables } = await createK3dStandIn(folder, '');
      const path = join(folder, 'named');
      await writeFiles(path, {
        docker: `#!/bin/sh\necho "\${TRACEWRIGHT_READY_FILE:+worker} $DOCKER_HOST" >> '${folder}/asked'\nexec '${folder}/bin/docker' "$@"\n`,
      });
      const shell = (env: Record<string, string>, ...args: string[]): Promise<CliRun> =>
        cli(folder, args, {
          env: {
            TRACEWRIGHT_CACHE_DIR: sharedCacheDir,
            ...variables,
            ...env,
            PATH: `${path}:${variables['PATH'] ?? ''}`,
          },
        });
      const asked = async (): Promise<string[]> =>
        (await readFile(join(folder, 'asked'), 'utf8').catch(() => '')).split('\n');
      const up = ['up', '--detach', '--stack', 'stack.yaml', '--target', 'k3d'];
      for (const name of ['one', 'two']) {
        const engine = `unix://${folder}/${name}.sock`;
        // Behind both sockets is the same stand-in, where the first one may have its ports already.
        const [apiPort = 0] = await freePorts(1);
        const ports = `k3d: { apiPort: ${String(apiPort)}, ports: [] }\n`;
        await writeFile(join(folder, 'stack.yaml'), ports + stack.replace('kubeconfig', 'k3d'));
        expect(await shell({ DOCKER_HOST: engine }, ...up, '--name', name)).toMatchObject({ exitCode: 0 });
        await expect.poll(asked, { timeout: 30_000 }).toContain(`worker ${engine}`);
      }
    });
  },
);
