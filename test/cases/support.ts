import { chmod, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cli, type CliRun } from '../cli/support.js';
import { sharedCacheDir } from '../support/cache.js';
import { kubectl } from '../support/kubectl.js';
import { proofText } from '../support/proof-text.js';
import type { Progress } from '../../src/domain/progress.js';
import { provideKubectl } from '../../src/tools/helm-binary.js';

/** Writes files below the folder; what begins with `#!` can be run. */
export async function writeFiles(folder: string, files: Readonly<Record<string, string>>): Promise<void> {
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, text);
    if (text.startsWith('#!')) await chmod(path, 0o755);
  }
}

/** A whole stack file, for an existing cluster. @param components in YAML, each `  name: { … }` */
export function stackFile(name: string, ...components: readonly string[]): string {
  return `name: ${name}\ndescription: As people have it\ntargets: [kubeconfig]\ncomponents:\n${components.join('\n')}${proofText(name)}`;
}

/** A component of a chart in a folder beside the stack file. @param more of the release, in YAML */
export function release(name: string, chart = `./${name}`, more = ''): string {
  return `  ${name}: { release: { namespace: ${name}, chart: { path: ${chart} }${more} }, ready: [{ rollout: Deployment/none }] }`;
}

/** A chart of one template. */
export function chartFiles(
  name: string,
  template: string,
  { values = '', metadata = '' } = {},
): Record<string, string> {
  return {
    [`${name}/Chart.yaml`]: `apiVersion: v2\nname: ${name}\nversion: 0.1.0\n${metadata}`,
    [`${name}/values.yaml`]: values,
    [`${name}/templates/it.yaml`]: template,
  };
}

/** A stack that asks nothing but for one object. */
export const oneObject = stackFile(
  'small',
  '  small: { manifests: { namespace: small, objects: [{ apiVersion: v1, kind: ConfigMap, metadata: { name: a } }] }, ready: [{ accepts: small }] }',
);

/** The built command line with the tools of the shared cache. */
export function tracewright(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<CliRun> {
  return cli(folder, args, { env: { TRACEWRIGHT_CACHE_DIR: sharedCacheDir, ...env } });
}

/** The phase that `status --json` tells; '' while it tells none. */
export function phaseOf({ stdout }: Pick<CliRun, 'stdout'>): string {
  return stdout === '' ? '' : (JSON.parse(stdout) as Progress).phase;
}

export interface Found {
  readonly name: string;
  readonly state: string;
  readonly type?: string;
  readonly detail: string;
  readonly remedy?: string;
}

/** `doctor` on an existing cluster: its checks, by name. */
export async function doctor(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<CliRun & { readonly checks: Readonly<Record<string, Found>> }> {
  await writeFiles(folder, { 'stack.yaml': oneObject });
  const on = ['doctor', '--json', '--stack', 'stack.yaml', '--target', 'kubeconfig', ...args];
  const run = await tracewright(folder, on, env);
  const { checks } = JSON.parse(run.stdout) as { readonly checks: readonly Found[] };
  return { ...run, checks: Object.fromEntries(checks.map((check) => [check.name, check])) };
}

/** `plan` on an existing cluster. */
export async function plan(
  folder: string,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
): Promise<CliRun> {
  await writeFiles(folder, { 'stack.yaml': oneObject });
  return tracewright(folder, ['plan', '--stack', 'stack.yaml', '--target', 'kubeconfig', ...args], env);
}

/** PATH with the folder in front, in which kubectl is put as well. */
export async function pathWith(folder: string, path = process.env['PATH'] ?? ''): Promise<string> {
  await mkdir(folder, { recursive: true });
  await symlink((await provideKubectl(kubectl)).path, join(folder, 'kubectl'));
  return `${folder}:${path}`;
}

/** All that a command said. */
export function said({ stdout, errors }: CliRun): string {
  return [stdout, ...errors].join('\n');
}
