import { mkdir, realpath, writeFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import { blockOf } from '../../docs/blocks.js';

const page = 'docs/how-to/worker-on-kubernetes.md';
const base = resolve(import.meta.dirname, '../../../deploy/kubernetes');

/** What the page calls the image of the worker: a name that a test can give to one of its own. */
export const workerImage = 'registry.example.com/tracewright-worker';
/** Its versions there: `worker` and `secrets` have the first. */
export const workerTags = ['0.1.0', '0.2.0', '0.3.0'] as const;

/** What is the reader's own. */
export interface OverlayFacts {
  /** Where pods find the Temporal server. */
  readonly address: string;
  /** More lines of the profile in temporal.toml, at the end of its `tls`. */
  readonly profile: string;
  readonly apiKey: string;
  readonly authority: string;
  readonly payloadKeys: string;
}

/** Writes the overlays `worker` and `secrets` of the page about the worker on Kubernetes into a folder. */
export async function writeOverlays(folder: string, facts: OverlayFacts): Promise<void> {
  await write(folder, 'worker', {
    '../tracewright/deploy/kubernetes': relative(join(await realpath(folder), 'worker'), base),
    'temporal-frontend.temporal.svc:7233': facts.address,
  });
  const secrets = await write(folder, 'secrets', {});
  const profile = substituted(await blockOf(page, '# temporal.toml'), { '"…"': `"${facts.apiKey}"` });
  await writeFile(join(secrets, 'temporal.toml'), `${profile}${facts.profile}\n`, { mode: 0o600 });
  await writeFile(join(secrets, 'ca.pem'), facts.authority);
  await writeFile(join(secrets, 'payload-keys'), facts.payloadKeys, { mode: 0o600 });
}

/** Writes the overlay `version` of the page, on top of `secrets`. @returns the name of its Deployment */
export async function writeVersion(folder: string, version: string): Promise<string> {
  const dashed = version.replaceAll('.', '-');
  await write(folder, 'version', { '../worker': '../secrets', '0-2-0': dashed, '0.2.0': version });
  return `worker-${dashed}`;
}

async function write(folder: string, name: string, own: Readonly<Record<string, string>>): Promise<string> {
  const text = substituted(await blockOf(page, `# ${name}/kustomization.yaml`), own);
  const place = join(folder, name);
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'kustomization.yaml'), text);
  return place;
}

/** @throws when the page has no longer what is to be replaced */
function substituted(text: string, own: Readonly<Record<string, string>>): string {
  for (const [theirs, ours] of Object.entries(own)) {
    if (!text.includes(theirs)) throw new Error(`The page has no longer ${theirs}.`);
    text = text.replaceAll(theirs, ours);
  }
  return text;
}
