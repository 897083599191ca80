import type { Failure } from './failure.js';
import { ownershipLabels } from './names.js';
import type { ReleaseSpec, Stack } from './stack.js';

/** Helm's own words for the state of a revision. */
export type HelmStatus =
  | 'deployed'
  | 'failed'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback'
  | 'uninstalling'
  | 'uninstalled'
  | 'superseded'
  | 'unknown';

/** Where helm has a release. */
export interface ReleaseRef {
  readonly namespace: string;
  readonly name: string;
}

/** Helm's name for the release of a component: that of the component where the stack says no other. */
export function releaseName(component: string, { name }: Pick<ReleaseSpec, 'name'>): string {
  return name ?? component;
}

/** Where helm has the releases of a stack. */
export function releasesOf({ components }: Pick<Stack, 'components'>): ReleaseRef[] {
  return Object.entries(components).flatMap(([component, { release }]) =>
    release ? [{ namespace: release.namespace, name: releaseName(component, release) }] : [],
  );
}

/** What helm's records in the cluster say of a release. */
export interface ObservedRelease {
  readonly namespace: string;
  readonly name: string;
  /** Of the newest revision, as all fields up to `history`. */
  readonly status: HelmStatus;
  readonly revision: number;
  readonly chart: { readonly name: string; readonly version: string };
  readonly values: Readonly<Record<string, unknown>>;
  readonly labels: Readonly<Record<string, string>>;
  /** ISO 8601; when helm last wrote the revision. */
  readonly lastDeployed: string;
  /** Helm's own last words on it. */
  readonly description: string;
  /** Objects of it that somebody has deleted, where somebody has looked: `Service tracing/tempo`. */
  readonly gone?: readonly string[];
  /** Objects that somebody has changed: `StatefulSet tracing/tempo differs in spec.replicas`. */
  readonly changed?: readonly string[];
  /** Workloads whose pods still run with a configuration that was put back since: `StatefulSet tracing/tempo`. */
  readonly outdated?: readonly string[];
  /** All kept revisions, oldest first. */
  readonly history: readonly {
    readonly revision: number;
    readonly status: HelmStatus;
    /** Of the chart and the values, if it is of ours. */
    readonly fingerprint?: string | undefined;
  }[];
}

export interface DesiredRelease {
  readonly chartName: string;
  readonly chartVersion: string;
  readonly values: Readonly<Record<string, unknown>>;
  /** Of the chart's contents and the values. */
  readonly fingerprint: string;
  readonly environment: string;
}

export interface ReleasePolicy {
  /** Whether the whole cluster is ours, or others live in it. */
  readonly consent: 'own-cluster' | 'existing-cluster';
  /** Take over a release that Tracewright did not make. */
  readonly adopt: boolean;
  /** The present, in milliseconds since the epoch. */
  readonly now: number;
  /** The machine that asks, on which no helm works on the release any more: what its own helm began is dead. */
  readonly host?: string;
  /**
   * How long any other pending operation must have stood still before it counts as dead, in milliseconds: on an existing
   * cluster a person's helm, or that of another machine, may be at work.
   * @default 0 on an own cluster, 60000 on an existing one
   */
  readonly pendingGraceMs?: number;
}

/** Of a release in this cluster; where there is none yet, nobody's consent is presumed. */
export function consentIn(cluster: { readonly owned: boolean } | undefined): ReleasePolicy['consent'] {
  return cluster?.owned ? 'own-cluster' : 'existing-cluster';
}

export type ReleaseState =
  | 'absent'
  | 'in-sync'
  | 'out-of-sync'
  | 'failed'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback'
  | 'uninstalling'
  | 'superseded'
  | 'foreign';

export type ReleaseAction =
  | { readonly kind: 'none' }
  | { readonly kind: 'install' }
  | { readonly kind: 'upgrade'; readonly differences: readonly string[] }
  /** Objects become what helm made, without a new revision. */
  | { readonly kind: 'put-back'; readonly differences: readonly string[] }
  | { readonly kind: 'restart'; readonly workloads: readonly string[] }
  | { readonly kind: 'uninstall-then-install' }
  | { readonly kind: 'rollback-then-upgrade'; readonly toRevision: number }
  /** Somebody may still work on it; look again after so many milliseconds. */
  | { readonly kind: 'wait'; readonly ms: number }
  | { readonly kind: 'refuse'; readonly failure: Failure };

export interface ReleaseVerdict {
  readonly state: ReleaseState;
  readonly action: ReleaseAction;
}

/** What is to be done so that the release becomes what is desired. The whole table is in docs and in the test. */
export function classifyRelease(
  observed: ObservedRelease | undefined,
  desired: DesiredRelease,
  policy: ReleasePolicy,
): ReleaseVerdict {
  if (!observed || observed.status === 'uninstalled') return { state: 'absent', action: { kind: 'install' } };
  const { environment } = desired;
  const failure = foreignRefusal(observed, { ...policy, environment });
  if (failure) return { state: 'foreign', action: { kind: 'refuse', failure } };
  if (observed.labels[ownershipLabels.environment] !== environment)
    return { state: 'foreign', action: { kind: 'upgrade', differences: ['it is taken over'] } };
  return ownVerdict(observed, desired, policy);
}

function ownVerdict(
  observed: ObservedRelease,
  desired: DesiredRelease,
  policy: ReleasePolicy,
): ReleaseVerdict {
  const { status } = observed;
  switch (status) {
    case 'deployed':
      return deployedVerdict(observed, desired);
    case 'failed':
    case 'unknown':
      return { state: 'failed', action: afterFailure(observed) };
    case 'superseded':
      // Its successor was removed by hand; helm upgrades from here.
      return { state: 'superseded', action: { kind: 'upgrade', differences: ['no revision is deployed'] } };
    case 'uninstalling':
      return { state: 'uninstalling', action: { kind: 'uninstall-then-install' } };
    default:
      return { state: status as 'pending-install', action: unlock(observed, policy) };
  }
}

function deployedVerdict(observed: ObservedRelease, desired: DesiredRelease): ReleaseVerdict {
  const { changed = [], outdated = [] } = observed;
  const differences = differencesOf(observed, desired);
  if (differences.length > 0) return { state: 'out-of-sync', action: { kind: 'upgrade', differences } };
  if (changed.length > 0) return { state: 'out-of-sync', action: { kind: 'put-back', differences: changed } };
  if (outdated.length > 0) return { state: 'out-of-sync', action: { kind: 'restart', workloads: outdated } };
  return { state: 'in-sync', action: { kind: 'none' } };
}

/** A first installation that failed is repeated from nothing, so that hooks for installations run again. */
function afterFailure(observed: ObservedRelease): ReleaseAction {
  return lastGoodRevision(observed) === undefined
    ? { kind: 'uninstall-then-install' }
    : { kind: 'upgrade', differences: ['the last upgrade failed'] };
}

/** A pending record that nobody works on locks the release: helm refuses everything but a rollback or an uninstall. */
function unlock(observed: ObservedRelease, policy: ReleasePolicy): ReleaseAction {
  const leftMs = pendingLeftMs(observed, policy);
  if (leftMs > 0) return { kind: 'wait', ms: leftMs };
  const toRevision = lastGoodRevision(observed);
  return toRevision === undefined
    ? { kind: 'uninstall-then-install' }
    : { kind: 'rollback-then-upgrade', toRevision };
}

function pendingLeftMs(observed: ObservedRelease, policy: ReleasePolicy): number {
  if (isOwnOperation(observed, policy)) return 0;
  const { consent, now, pendingGraceMs } = policy;
  const graceMs = pendingGraceMs ?? (consent === 'own-cluster' ? 0 : 60_000);
  const since = Date.parse(observed.lastDeployed);
  return Number.isNaN(since) ? 0 : Math.min(graceMs, since + graceMs - now);
}

/**
 * Whether the helm of this machine made the newest revision. Its label alone does not say so: an upgrade or a rollback by
 * hand copies the labels of an earlier revision, and with them its fingerprint. Ours has a new one.
 */
function isOwnOperation({ labels, history, revision }: ObservedRelease, { host }: ReleasePolicy): boolean {
  if (host === undefined || labels[ownershipLabels.host] !== host) return false;
  const earlier = history.filter((entry) => entry.revision < revision);
  if (earlier.length === 0) return revision === 1;
  return earlier.every(({ fingerprint }) => fingerprint !== labels[ownershipLabels.fingerprint]);
}

/** The newest revision that once worked, other than the present one. */
function lastGoodRevision({ history, revision }: ObservedRelease): number | undefined {
  const earlier = history.filter((entry) => entry.revision < revision).toReversed();
  const good =
    earlier.find(({ status }) => status === 'deployed') ??
    earlier.find(({ status }) => status === 'superseded');
  return good?.revision;
}

/** Why a release that is there is not to be touched; `undefined` when it is ours, or may be taken over. */
export function foreignRefusal(
  observed: Omit<ObservedRelease, 'values'>,
  { environment, adopt }: { readonly environment: string; readonly adopt: boolean },
): Failure | undefined {
  const owner = observed.labels[ownershipLabels.environment];
  if (owner === environment || observed.status === 'uninstalled') return undefined;
  const what = `The Helm release ${observed.namespace}/${observed.name}`;
  if (owner !== undefined) {
    return foreign(
      `${what} belongs to the environment "${owner}".`,
      'Give the release another name or namespace, or take that environment down first.',
    );
  }
  if (!adopt) {
    return foreign(
      `${what} exists already (chart ${observed.chart.name} ${observed.chart.version}), and Tracewright did not make it.`,
      'Take it over with --adopt, uninstall it, or give the release of the stack another name.',
    );
  }
  if (observed.status === 'deployed' || observed.status === 'failed') return undefined;
  return foreign(
    `${what} cannot be taken over while it is "${observed.status}".`,
    'Let whoever works on it finish, or repair it with helm, then retry.',
  );
}

function foreign(message: string, remedy: string): Failure {
  return { type: 'release.foreign', message, remedy, retryable: false };
}

/** In words for people; never values, which may be secret. */
function differencesOf(observed: ObservedRelease, desired: DesiredRelease): string[] {
  const differences: string[] = [];
  const { chart, labels } = observed;
  if (chart.name !== desired.chartName) differences.push(`chart ${chart.name} → ${desired.chartName}`);
  if (bareVersion(chart.version) !== bareVersion(desired.chartVersion)) {
    differences.push(`version ${chart.version} → ${desired.chartVersion}`);
  }
  // Not covered by the fingerprint: helm keeps our labels when a person upgrades the release by hand.
  if (canonicalJson(observed.values) !== canonicalJson(desired.values)) differences.push('values');
  if (differences.length === 0 && labels[ownershipLabels.fingerprint] !== desired.fingerprint)
    differences.push('contents of the chart');
  return [...differences, ...(observed.gone ?? []).map((object) => `${object} is gone`)];
}

/** Charts write their versions with and without the `v`, and so do those who ask for them. */
function bareVersion(version: string): string {
  return version.replace(/^v/u, '');
}

/** JSON with sorted keys, so that equal values give equal text; bigints as `9007199254740993n`. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, part: unknown) => {
    if (typeof part === 'bigint') return `${String(part)}n`;
    return typeof part === 'object' && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
      : part;
  });
}
