import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import type { ToolSource } from '../../src/tools/find-program.js';
import { connectKubernetes, type Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { testFolder } from './folder.js';
import { kubectl } from './kubectl.js';
import { startStandIn, type StandInApi, type StandInOptions } from './stand-in-api.js';

export type Fields = Readonly<Record<string, unknown>>;

/** Of one context of one cluster and, if there is one, one user. */
export function kubeconfigText(cluster: Fields, user?: Fields): string {
  return stringify({
    'current-context': 'c',
    clusters: [{ name: 'k', cluster }],
    contexts: [{ name: 'c', context: { cluster: 'k', ...(user && { user: 'u' }) } }],
    ...(user && { users: [{ name: 'u', user }] }),
  });
}

/** The same as a file in a folder of its own, beside the programs: `exec: { command: './name' }`. @returns its path */
export async function kubeconfig(
  { cluster, user }: { cluster: Fields; user?: Fields | undefined },
  programs: Readonly<Record<string, string>> = {},
): Promise<string> {
  const folder = await testFolder();
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}`);
    await chmod(join(folder, name), 0o755);
  }
  const path = join(folder, 'config');
  await writeFile(path, kubeconfigText(cluster, user));
  return path;
}

/** A cluster without a look at who it is. */
export const insecure = (server: string): Fields => ({ server, 'insecure-skip-tls-verify': true });

/** A user whom a credential plugin knows. */
export const exec = (command: string, more: Fields = {}): Fields => ({
  exec: { apiVersion: 'client.authentication.k8s.io/v1', command, interactiveMode: 'IfAvailable', ...more },
});

/** What such a plugin answers, as a line of a shell script. */
export const credential = (token: string): string =>
  `echo '{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"${token}"}}'\n`;

/** Until the end of the test. */
export async function standIn(options?: StandInOptions): Promise<StandInApi> {
  const api = await startStandIn(options);
  onTestFinished(() => api.close());
  return api;
}

/** Until the end of the test. @param patienceMs see `Patience` */
export function openCluster(
  kubeconfigPath: string,
  source: ToolSource = kubectl,
  patienceMs?: number,
): Kubernetes {
  const kube = connectKubernetes({ kubeconfigPath, kubectl: source, patienceMs });
  onTestFinished(() => {
    kube.close();
  });
  return kube;
}
