import { describe, expect, it } from 'vitest';
import { ownershipLabels } from '../../src/domain/names.js';
import {
  canonicalJson,
  classifyRelease,
  type DesiredRelease,
  type HelmStatus,
  type ObservedRelease,
  type ReleasePolicy,
} from '../../src/domain/release.js';

const now = Date.parse('2026-01-01T12:00:00Z');
const desired: DesiredRelease = {
  chartName: 'tempo',
  chartVersion: '1.0.0',
  values: { tempo: { retention: '24h', receivers: ['otlp'] } },
  fingerprint: 'f1',
  environment: 'demo',
};
const ours = { [ownershipLabels.environment]: 'demo', [ownershipLabels.fingerprint]: 'f1' };
const policies = {
  own: { consent: 'own-cluster', adopt: false, now },
  existing: { consent: 'existing-cluster', adopt: false, now },
  adopting: { consent: 'existing-cluster', adopt: true, now },
} satisfies Record<string, ReleasePolicy>;

function release(changes: Partial<ObservedRelease> = {}): ObservedRelease {
  return {
    namespace: 'tracing',
    name: 'tempo',
    status: 'deployed',
    revision: 1,
    chart: { name: 'tempo', version: '1.0.0' },
    values: desired.values,
    labels: ours,
    lastDeployed: '2026-01-01T11:00:00Z',
    description: '',
    history: [{ revision: changes.revision ?? 1, status: changes.status ?? 'deployed' }],
    ...changes,
  };
}

/** The newest revision last. */
function revisions(...statuses: HelmStatus[]): Partial<ObservedRelease> {
  return {
    status: statuses.at(-1) ?? 'unknown',
    revision: statuses.length,
    history: statuses.map((status, index) => ({ revision: index + 1, status })),
  };
}

const begunHere = {
  labels: { ...ours, [ownershipLabels.host]: 'here' },
  lastDeployed: '2026-01-01T11:59:40Z',
};

/** From a revision with this fingerprint. */
function upgrading(fingerprint: string): Partial<ObservedRelease> {
  return {
    status: 'pending-upgrade',
    revision: 2,
    history: [
      { revision: 1, status: 'deployed', fingerprint },
      { revision: 2, status: 'pending-upgrade', fingerprint: 'f1' },
    ],
  };
}

interface Row {
  readonly what: string;
  readonly observed: ObservedRelease | undefined;
  readonly policy?: ReleasePolicy;
  readonly state: string;
  readonly action: unknown;
}

const rows: Row[] = [
  {
    what: 'an object of it is gone',
    observed: release({ gone: ['Service tracing/tempo'] }),
    state: 'out-of-sync',
    action: { kind: 'upgrade', differences: ['Service tracing/tempo is gone'] },
  },
  { what: 'no release', observed: undefined, state: 'absent', action: { kind: 'install' } },
  {
    what: 'uninstalled with its history kept',
    observed: release({ status: 'uninstalled' }),
    state: 'absent',
    action: { kind: 'install' },
  },
  { what: 'deployed and equal', observed: release(), state: 'in-sync', action: { kind: 'none' } },
  {
    what: 'deployed and equal, keys in another order',
    observed: release({ values: { tempo: { receivers: ['otlp'], retention: '24h' } } }),
    state: 'in-sync',
    action: { kind: 'none' },
  },
  {
    what: 'deployed, chart version written with a v',
    observed: release({ chart: { name: 'tempo', version: 'v1.0.0' } }),
    state: 'in-sync',
    action: { kind: 'none' },
  },
  {
    what: 'deployed with another version',
    observed: release({ chart: { name: 'tempo', version: '0.16.0' } }),
    state: 'out-of-sync',
    action: { kind: 'upgrade', differences: ['version 0.16.0 → 1.0.0'] },
  },
  {
    what: 'deployed with another chart',
    observed: release({ chart: { name: 'tempo-distributed', version: '1.0.0' } }),
    state: 'out-of-sync',
    action: { kind: 'upgrade', differences: ['chart tempo-distributed → tempo'] },
  },
  {
    what: 'values changed by hand under our labels',
    observed: release({ values: { tempo: { retention: '1h' } } }),
    state: 'out-of-sync',
    action: { kind: 'upgrade', differences: ['values'] },
  },
  {
    what: 'same version and values, other contents of the chart',
    observed: release({ labels: { ...ours, [ownershipLabels.fingerprint]: 'f0' } }),
    state: 'out-of-sync',
    action: { kind: 'upgrade', differences: ['contents of the chart'] },
  },
  {
    what: 'ours and different on an existing cluster',
    observed: release({ values: {} }),
    policy: policies.existing,
    state: 'out-of-sync',
    action: { kind: 'upgrade', differences: ['values'] },
  },
  {
    what: 'first installation failed',
    observed: release(revisions('failed')),
    state: 'failed',
    action: { kind: 'uninstall-then-install' },
  },
  {
    what: 'upgrade failed',
    observed: release(revisions('deployed', 'failed')),
    state: 'failed',
    action: { kind: 'upgrade', differences: ['the last upgrade failed'] },
  },
  {
    what: 'unknown to helm itself',
    observed: release(revisions('unknown')),
    state: 'failed',
    action: { kind: 'uninstall-then-install' },
  },
  {
    what: 'installation cut off',
    observed: release(revisions('pending-install')),
    state: 'pending-install',
    action: { kind: 'uninstall-then-install' },
  },
  {
    what: 'upgrade cut off',
    observed: release(revisions('superseded', 'deployed', 'pending-upgrade')),
    state: 'pending-upgrade',
    action: { kind: 'rollback-then-upgrade', toRevision: 2 },
  },
  {
    what: 'upgrade of a failed upgrade cut off',
    observed: release(revisions('superseded', 'failed', 'pending-upgrade')),
    state: 'pending-upgrade',
    action: { kind: 'rollback-then-upgrade', toRevision: 1 },
  },
  {
    what: 'upgrade cut off when nothing ever worked',
    observed: release(revisions('failed', 'pending-upgrade')),
    state: 'pending-upgrade',
    action: { kind: 'uninstall-then-install' },
  },
  {
    what: 'rollback cut off',
    observed: release(revisions('superseded', 'deployed', 'pending-rollback')),
    state: 'pending-rollback',
    action: { kind: 'rollback-then-upgrade', toRevision: 2 },
  },
  {
    what: 'pending for 20 s on a cluster with others',
    observed: release({ ...revisions('pending-install'), lastDeployed: '2026-01-01T11:59:40Z' }),
    policy: policies.existing,
    state: 'pending-install',
    action: { kind: 'wait', ms: 40_000 },
  },
  {
    what: 'pending for 20 s on a cluster with others, by the helm of this machine',
    observed: release({ ...revisions('pending-install'), ...begunHere }),
    policy: { ...policies.existing, host: 'here' },
    state: 'pending-install',
    action: { kind: 'uninstall-then-install' },
  },
  {
    what: 'pending for 20 s on a cluster with others, by the helm of another machine',
    observed: release({ ...revisions('pending-install'), ...begunHere }),
    policy: { ...policies.existing, host: 'there' },
    state: 'pending-install',
    action: { kind: 'wait', ms: 40_000 },
  },
  {
    what: 'pending for 20 s on a cluster with others, by an upgrade of this machine',
    observed: release({ ...upgrading('f0'), ...begunHere }),
    policy: { ...policies.existing, host: 'here' },
    state: 'pending-upgrade',
    action: { kind: 'rollback-then-upgrade', toRevision: 1 },
  },
  {
    what: 'pending for 20 s on a cluster with others, by a person, whose helm keeps the labels',
    observed: release({ ...upgrading('f1'), ...begunHere }),
    policy: { ...policies.existing, host: 'here' },
    state: 'pending-upgrade',
    action: { kind: 'wait', ms: 40_000 },
  },
  {
    what: 'pending for 20 s on a cluster with others, by a rollback by hand, which takes the labels of its goal',
    observed: release({
      status: 'pending-rollback',
      revision: 3,
      history: [
        { revision: 1, status: 'superseded', fingerprint: 'f1' },
        { revision: 2, status: 'deployed', fingerprint: 'f2' },
        { revision: 3, status: 'pending-rollback', fingerprint: 'f1' },
      ],
      ...begunHere,
    }),
    policy: { ...policies.existing, host: 'here' },
    state: 'pending-rollback',
    action: { kind: 'wait', ms: 40_000 },
  },
  {
    what: 'pending for 2 min on a cluster with others',
    observed: release({ ...revisions('pending-install'), lastDeployed: '2026-01-01T11:58:00Z' }),
    policy: policies.existing,
    state: 'pending-install',
    action: { kind: 'uninstall-then-install' },
  },
  {
    what: 'pending, by a clock that is ahead of ours',
    observed: release({ ...revisions('pending-install'), lastDeployed: '2026-01-01T13:00:00Z' }),
    policy: policies.existing,
    state: 'pending-install',
    action: { kind: 'wait', ms: 60_000 },
  },
  {
    what: 'uninstall cut off',
    observed: release(revisions('uninstalling')),
    state: 'uninstalling',
    action: { kind: 'uninstall-then-install' },
  },
  {
    what: 'the deployed revision was removed by hand',
    observed: release(revisions('superseded')),
    state: 'superseded',
    action: { kind: 'upgrade', differences: ['no revision is deployed'] },
  },
  {
    what: "a stranger's, own cluster",
    observed: release({ labels: {} }),
    state: 'foreign',
    action: { kind: 'refuse' },
  },
  {
    what: "a stranger's",
    observed: release({ labels: {} }),
    policy: policies.existing,
    state: 'foreign',
    action: { kind: 'refuse' },
  },
  {
    what: "a stranger's, to be adopted",
    observed: release({ labels: {} }),
    policy: policies.adopting,
    state: 'foreign',
    action: { kind: 'upgrade', differences: ['it is taken over'] },
  },
  {
    what: "a stranger's in the middle of an upgrade, to be adopted",
    observed: release({ ...revisions('deployed', 'pending-upgrade'), labels: {} }),
    policy: policies.adopting,
    state: 'foreign',
    action: { kind: 'refuse' },
  },
  {
    what: "another environment's, even to be adopted",
    observed: release({ labels: { [ownershipLabels.environment]: 'staging' } }),
    policy: policies.adopting,
    state: 'foreign',
    action: { kind: 'refuse' },
  },
];

describe('classifying a release', () => {
  it.each(rows)('$what → $state', ({ observed, policy = policies.own, state, action }) => {
    const verdict = classifyRelease(observed, desired, policy);
    expect(verdict.state).toBe(state);
    expect(verdict.action).toMatchObject(action as object);
    if (verdict.action.kind !== 'refuse') expect(verdict.action).toEqual(action);
  });

  it('never uninstalls or rolls back what is not ours', () => {
    const statuses: HelmStatus[] = [
      'deployed',
      'failed',
      'pending-install',
      'pending-upgrade',
      'pending-rollback',
      'uninstalling',
      'superseded',
      'unknown',
    ];
    for (const status of statuses) {
      for (const policy of Object.values(policies)) {
        const { action } = classifyRelease(release({ ...revisions(status), labels: {} }), desired, policy);
        expect(['refuse', 'upgrade'], `${status} with adopt ${String(policy.adopt)}`).toContain(action.kind);
        if (!policy.adopt) expect(action.kind).toBe('refuse');
      }
    }
  });

  it('refuses with the owner and a way out', () => {
    const { action } = classifyRelease(
      release({ labels: { [ownershipLabels.environment]: 'staging' } }),
      desired,
      policies.existing,
    );
    expect(action).toMatchObject({
      failure: {
        type: 'release.foreign',
        retryable: false,
        message: expect.stringContaining('"staging"') as string,
      },
    });
  });

  it('never shows values, which may be secret', () => {
    const { action } = classifyRelease(release({ values: { password: 'swordfish' } }), desired, policies.own);
    expect(JSON.stringify(action)).not.toContain('swordfish');
  });
});

describe('canonical JSON', () => {
  it('sorts keys at every depth and keeps the order of lists', () => {
    expect(canonicalJson({ b: [{ d: 1, c: 2 }], a: null })).toBe('{"a":null,"b":[{"c":2,"d":1}]}');
  });
});
