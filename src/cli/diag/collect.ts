import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { TracewrightError } from '../../domain/failure.js';
import { clusterFolder } from '../../targets/embedded/folder.js';
import { environmentFolder } from '../../tools/environment-folder.js';
import type { CliContext } from '../context.js';
import { notFound } from '../refusals.js';
import { collectCluster } from './cluster.js';
import { askTemporal, type KnownEnvironment } from './environment.js';
import { keptLogParts } from './logs.js';
import { secretsOfEnvironment } from './secrets.js';
import { machineParts, settingsPart } from './machine.js';
import { collectParts, type Findings, merge } from './part.js';

interface Collected {
  readonly environment: string | undefined;
  readonly findings: Findings;
}

/**
 * Collects everything that can be had, side by side. Starts and changes nothing.
 * @throws TracewrightError `environment.not-found` for a name that nobody knows, `usage.invalid` when one is needed
 */
export async function collect(context: CliContext, name: string | undefined): Promise<Collected> {
  const { config, signal } = context;
  // A wrong name ends the command, and what else goes on.
  const wrong = new AbortController();
  const machine = collectParts(machineParts(context), AbortSignal.any([signal, wrong.signal]));
  machine.catch(() => undefined);
  const known = await knownEnvironment(context, name).catch((error: unknown) => {
    wrong.abort();
    throw error;
  });
  const { environment, spec, findings } = known;
  const kept = environment !== undefined && spec ? { environment, spec } : undefined;
  const others = collectParts([settingsPart(context, kept), ...keptLogParts(config, environment)], signal);
  const cluster = environment === undefined ? undefined : collectCluster(config, known, signal);
  const secrets = { secrets: secretsOfEnvironment(config.environment) };
  const all = await Promise.all([machine, others, cluster ?? {}]);
  return { environment, findings: merge([secrets, findings, ...all]) };
}

/** From the Temporal server, else from what this machine keeps of environments. */
async function knownEnvironment(
  { config, signal }: CliContext,
  name: string | undefined,
): Promise<KnownEnvironment> {
  let asked: Awaited<ReturnType<typeof askTemporal>> | undefined;
  const limitMs = 60_000;
  const what = 'the plan, the progress and the history of the workflow';
  const failed = await collectParts(
    [{ what, limitMs, collect: async () => ((asked = await askTemporal(config, name)), {}) }],
    signal,
  );
  const here = await namesHere(config.stateDir);
  const isKnown = (it: string): boolean => [...here, ...(asked?.names ?? [])].includes(it);
  if (asked && name !== undefined && asked.findings.files.length === 0 && !isKnown(name))
    throw notFound(name);
  const names = asked ? asked.names : here;
  if (name === undefined && names.length > 1) throw several(names);
  const environment = asked?.environment ?? name ?? (here.length === 1 ? here[0] : undefined);
  if (environment === undefined)
    return { environment, spec: undefined, progress: undefined, findings: merge([failed, none]) };
  return asked?.environment !== undefined
    ? asked
    : { environment, spec: undefined, progress: undefined, findings: failed };
}

const none = {
  missing: [{ what: 'everything of an environment', why: 'there is none, or none is known here' }],
};

async function namesHere(stateDir: string): Promise<string[]> {
  const names = await readdir(join(stateDir, 'clusters')).catch(() => []);
  const others = await readdir(join(stateDir, 'environments')).catch(() => []);
  return [...new Set([...names, ...others])]
    .filter(
      (name) =>
        existsSync(clusterFolder(stateDir, name).kubeconfig) || existsSync(environmentFolder(stateDir, name)),
    )
    .filter((name) => !name.endsWith('.lock'));
}

function several(names: readonly string[]): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `There are several environments: ${names.join(', ')}.`,
    remedy: 'Say which one: `tracewright diag <environment>`.',
  });
}
