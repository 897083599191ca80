import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { objectPreview } from '../../../src/preview/object-preview.js';
import { reconcileRelease, type ReconcileOptions } from '../../../src/tools/helm/reconcile.js';
import { diffInstalled } from '../../../src/tools/helm/diff.js';
import { observeRelease } from '../../../src/tools/helm/release-record.js';
import { missingApiServer, startApiServer, type ApiServer } from '../../support/api-server.js';
import { definition, writeChart } from '../../support/chart.js';
import { helmOf, testHelms, type TestHelm } from '../../support/helm.js';
import { freshRelease } from '../../support/releases.js';

const group = 'numbers.tracewright.dev';
/** 2^53 + 1, which a double does not hold. */
const number = '9007199254740993';

const custom = `apiVersion: ${group}/v1
kind: Limit
metadata: { name: one }
spec: { bytes: ${number}, hexadecimal: 0x20000000000001 }
`;

describe.skipIf(missingApiServer)(`whole numbers beyond 2^53 in a chart ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  let release: ReconcileOptions;
  beforeAll(async () => {
    server = await startApiServer();
    const chartPath = await writeChart(join(server.folder, 'chart'), {
      files: { 'crds/limits.yaml': definition('limits', 'Limit', group), 'templates/limit.yaml': custom },
    });
    release = freshRelease({ kube: server.kube, helm: helmOf(server, testHelms[0] as TestHelm), chartPath });
  });
  afterAll(() => server.stop());

  const path = (): string => `/apis/${group}/v1/namespaces/${release.namespace}/limits/one`;
  /** As the API server writes it. */
  const live = async (): Promise<string> => (await server.kube.send({ path: path() })).body;
  const drift = async () => {
    const record = await observeRelease(server.kube, release);
    if (!record) throw new Error('There is no release.');
    return (await diffInstalled(server.kube, record)).changed;
  };

  it('come to the cluster as they are, and are no drift', async () => {
    expect((await reconcileRelease(release)).actions).toEqual(['install']);
    expect(await live()).toContain(`"bytes":${number},"hexadecimal":${number}`);
    expect(await drift()).toEqual([]);
    expect((await reconcileRelease(release)).actions).toEqual([]);
  });

  it('are told apart from their neighbours, shown, and put back', async () => {
    await server.kube.json({
      method: 'PATCH',
      path: path(),
      headers: { 'content-type': 'application/merge-patch+json' },
      // As a double it would be the same number.
      body: '{"spec":{"bytes":9007199254740992}}',
    });
    const [changed] = await drift();
    expect(changed?.fields).toEqual(['spec.bytes']);
    const { diff } = (changed && objectPreview(changed)) ?? {};
    expect(diff).toContain('-  bytes: 9007199254740992\n');
    expect(diff).toContain(`+  bytes: ${number}\n`);
    expect((await reconcileRelease(release)).actions).toEqual(['put-back']);
    expect(await live()).toContain(`"bytes":${number}`);
  });
});
