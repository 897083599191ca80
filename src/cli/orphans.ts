import type { Client } from '@temporalio/client';
import { isTracewrightError, TracewrightError } from '../domain/failure.js';
import type { TargetKind } from '../domain/stack.js';
import { loadStack } from '../stack-file.js';
import { findClusters } from '../targets/find.js';
import { readOrigin, type Origin } from '../targets/origin.js';
import type { FoundCluster } from '../targets/target.js';
import { embeddedServer, resolveConnection, serverName } from '../temporal/connection.js';
import type { CliContext } from './context.js';
import { builtInStacks } from './stack-sources.js';
import { listLost, queryRemains, standingOf, type Remains } from './environments.js';
import { orphanedRemedy } from './refusals.js';
import type { ClusterOptions } from './target-options.js';
import { namedCluster } from './target-spec.js';
import { shellWord } from './views/format.js';

/** An environment that no workflow looks after, though something of it exists, or may. */
export interface Orphan {
  readonly name: string;
  readonly target: TargetKind;
  /** Where it is known. */
  readonly stack?: string | undefined;
  /** For people. Empty: its workflow was ended by force, and nothing of it is on this machine. */
  readonly exists: readonly string[];
  /** Why nobody looks after it; the beginning of a sentence, in lower case. */
  readonly why: string;
  readonly found?: FoundCluster;
}

/** A cluster that another state folder, or another Temporal server, looks after. */
export interface Elsewhere {
  readonly name: string;
  readonly target: TargetKind;
  readonly exists: readonly string[];
  /** How it is reached, for people. */
  readonly reach: string;
}

export interface WhatExists {
  readonly orphans: readonly Orphan[];
  readonly elsewhere: readonly Elsewhere[];
}

/**
 * Looks for what exists and no running workflow of this Temporal server knows. Changes nothing.
 * @param client `undefined` where no server could be asked: then all that exists is told
 * @throws TracewrightError `cluster.*` about the existing cluster that the options name
 */
export async function findWhatExists(
  { config, signal }: Pick<CliContext, 'config' | 'signal'>,
  client: Client | undefined,
  options: ClusterOptions = {},
): Promise<WhatExists> {
  const [clusters, lost] = await Promise.all([
    findClusters(config, namedCluster(config, options), signal),
    client ? listLost(client) : [],
  ]);
  const orphans: Orphan[] = [];
  const elsewhere: Elsewhere[] = [];
  for (const found of clusters) {
    const { environment: name, stateDir, exists } = found;
    const target = found.target.kind;
    const origin = stateDir === undefined ? undefined : await readOrigin(stateDir, name);
    const reach = reachOf(found, origin, config);
    const known = client && (await standingOf(client, name));
    const standing = known?.target === target ? known : undefined;
    if (reach !== undefined) elsewhere.push({ name, target, exists, reach });
    else if (standing?.state !== 'running' && standing?.state !== 'held')
      orphans.push({
        ...{ name, target, exists, found, stack: standing?.stack ?? origin?.stack },
        why: standing?.how ?? (client ? 'this Temporal server knows no workflow of it' : unasked),
      });
  }
  const nowhere = lost.filter(({ name }) => ![...orphans, ...elsewhere].some((it) => it.name === name));
  for (const standing of nowhere) {
    const { name, stack, how } = standing;
    orphans.push({ name, target: standing.target as TargetKind, stack, exists: [], why: how });
  }
  return { orphans, elsewhere };
}

const unasked = 'no Temporal server could be asked about it';

/** @returns `undefined` for what belongs here */
function reachOf(
  { target, stateDir }: FoundCluster,
  origin: Origin | undefined,
  config: CliContext['config'],
): string | undefined {
  if (target.kind === 'kubeconfig') return undefined;
  if (stateDir === undefined) return 'it is of another state folder, and nothing tells of which';
  if (stateDir !== config.stateDir) return `set TRACEWRIGHT_STATE_DIR=${shellWord(stateDir)}`;
  if (!origin || origin.server === serverName(resolveConnection(config))) return undefined;
  if (origin.server === embeddedServer) return 'leave TEMPORAL_ADDRESS and TEMPORAL_PROFILE unset';
  const [address = '', namespace = ''] = origin.server.split(' ');
  return `set TEMPORAL_ADDRESS=${shellWord(address)} TEMPORAL_NAMESPACE=${shellWord(namespace)}`;
}

/**
 * What a command should fail with that did not come to its environment: what exists of it is told, too.
 * @param name of the environment; `undefined` for the only one
 */
export async function withWhatExists(
  context: CliContext,
  client: Client | undefined,
  name: string | undefined,
  error: unknown,
  options?: ClusterOptions,
): Promise<unknown> {
  if (!isTracewrightError(error)) return error;
  const isServers = error.type.startsWith('temporal.') && !client;
  if (!isServers && error.type !== 'environment.not-found' && error.type !== 'environment.orphaned')
    return error;
  const { orphans, elsewhere } = await findWhatExists(context, client, options);
  const isMeant = (it: { readonly name: string }): boolean => name === undefined || it.name === name;
  const [own, others] = [orphans.filter(isMeant), elsewhere.filter(isMeant)];
  if (isServers) {
    const { type, message, remedy, evidence } = error;
    const there = [...own.map(orphanText), ...others.map(elsewhereText)].map((it) => `exists: ${it}`);
    return new TracewrightError({ type, message, remedy, cause: error, evidence: [...evidence, ...there] });
  }
  if (own.length > 0) return orphaned(own, error);
  const [other] = others;
  if (name === undefined || !other) return error;
  return new TracewrightError({
    type: 'environment.not-found',
    message: `There is no environment "${name}" here, but elsewhere: ${elsewhereText(other)}.`,
    remedy: `For that one ${other.reach}.`,
    evidence: other.exists,
    cause: error,
  });
}

/**
 * A step of a teardown may have been skipped.
 * @throws TracewrightError `environment.orphaned` when something exists of an environment that was removed
 */
export async function requireNothingLeft(
  context: CliContext,
  client: Client,
  name: string,
  options: ClusterOptions,
): Promise<void> {
  const { orphans } = await findWhatExists(context, client, options);
  const left = orphans.filter((it) => it.name === name);
  if (left.length > 0) throw orphaned(left);
}

function orphaned(orphans: readonly Orphan[], cause?: unknown): TracewrightError {
  const [first, ...others] = orphans as [Orphan, ...Orphan[]];
  const only = others.length === 0;
  const name = only ? first.name : '<name>';
  return new TracewrightError({
    type: 'environment.orphaned',
    message: only
      ? `The environment "${first.name}" is orphaned: ${first.why}.`
      : `These environments are orphaned: ${orphans.map((it) => it.name).join(', ')}.`,
    remedy: orphanedRemedy(name),
    evidence: only ? existingLines(first) : orphans.map(orphanText),
    cause,
  });
}

/** What exists of an orphan, a line each. */
function existingLines({ exists, target }: Orphan): readonly string[] {
  if (exists.length > 0) return exists;
  return [
    target === 'kubeconfig'
      ? 'what it has in its cluster'
      : 'nothing on this machine; another one may have it',
  ];
}

/** `x (embedded): its workflow was terminated on …; a Kubernetes node, process 4711; folder …`. */
export function orphanText(orphan: Orphan): string {
  return `${orphan.name} (${orphan.target}): ${[orphan.why, ...existingLines(orphan)].join('; ')}`;
}

export function elsewhereText({ name, target, reach }: Elsewhere): string {
  return `${name} (${target}), to be reached so: ${reach}`;
}

/** What a teardown has to take away of an orphan. The history says it best, if there is one. */
export async function remainsOf(client: Client, { name, found, stack, target }: Orphan): Promise<Remains> {
  const standing = await standingOf(client, name);
  const known =
    standing?.state === 'lost' && standing.target === target ? await queryRemains(client, name) : undefined;
  if (known) return known;
  // The stack is not known any more, and nothing of it is needed: only what was found is to go.
  const { stack: any } = await loadStack('embedded', { builtInDir: builtInStacks });
  const unknown = { ...any, name: stack ?? 'unknown', targets: [target], components: {} };
  return {
    spec: { stack: unknown, target: found?.target ?? { kind: target }, failFast: false },
    leftovers: found?.shared?.parts ?? [],
    ...(found?.shared && { cluster: found.shared.cluster }),
  };
}
