import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { desiredRelease } from '../../../src/tools/helm/diff.js';
import { createHelm, type Helm } from '../../../src/tools/helm/helm.js';
import { installPostRenderer } from '../../../src/tools/helm/post-renderer.js';
import type { ImageRewriting } from '../../../src/domain/stack.js';
import { writeChart } from '../../support/chart.js';
import { testHelms } from '../../support/helm.js';

const pod = (name: string, image: string, hook?: string): string => `# kept as it is
apiVersion: v1
kind: Pod
metadata:
  name: ${name}
${hook === undefined ? '' : `  annotations: { helm.sh/hook: ${hook} }\n`}spec:
  containers: [{ name: it, image: "${image}", args: ["--sidecar-image=quay.io/side/car:1"] }]
`;

let folder: string;
let chartPath: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tracewright-images-'));
  const files = {
    'templates/pod.yaml': pod('plain', 'grafana/tempo:2.0.0'),
    'templates/hook.yaml': pod('hook', 'busybox:1', 'pre-install'),
    'templates/test.yaml': pod('test', 'bats/bats:1', 'test'),
  };
  chartPath = await writeChart(join(folder, 'chart'), { files });
});
afterAll(() => rm(folder, { recursive: true }));

const release = { namespace: 'space', name: 'demo', values: { text: 'grafana/tempo:2.0.0' } };

describe.each(testHelms.filter(({ version }) => !version.startsWith('v3.')))(
  'images of a rendered chart, with helm $version',
  ({ binary }) => {
    const helmWith = (images: ImageRewriting): Helm =>
      createHelm({ binary, homeDir: join(folder, 'home'), kubeconfigPath: '/nowhere', images });
    const imagesIn = (text: string): string[] =>
      [...text.matchAll(/(?:image: |-image=)'?"?([^'",\s}\]]+)/gu)].map(([, image = '']) => image);

    it('are taken from a mirror: of hooks and flags too, of texts not', async () => {
      const text = await helmWith({ from: 'm.local:5000/x' }).template({ ...release, chartPath });
      expect(imagesIn(text).sort()).toEqual([
        'bats/bats:1',
        'm.local:5000/x/grafana/tempo:2.0.0',
        'm.local:5000/x/library/busybox:1',
        'm.local:5000/x/side/car:1',
        'm.local:5000/x/side/car:1',
        'quay.io/side/car:1',
      ]);
      expect(text).toMatch(/text: ['"]?grafana\/tempo:2\.0\.0/u);
    });

    it('are pinned, and one that was not locked is refused', async () => {
      const digest = `sha256:${'b'.repeat(64)}`;
      const digests = { 'grafana/tempo:2.0.0': digest, 'busybox:1': digest, 'quay.io/side/car:1': digest };
      const text = await helmWith({ digests }).template({ ...release, chartPath });
      expect(imagesIn(text)).toContain(`grafana/tempo:2.0.0@${digest}`);
      expect(imagesIn(text)).toContain(`busybox:1@${digest}`);
      const partly = helmWith({ digests: { 'busybox:1': digest, 'quay.io/side/car:1': digest } });
      const refused = await partly.template({ ...release, chartPath }).catch((error: unknown) => error);
      expect(refused).toMatchObject({ type: 'lock.mismatch', retryable: false });
      expect((refused as Error).message).toContain('grafana/tempo:2.0.0 is not in the lock file');
    });

    it('are part of what a release should be', async () => {
      const options = { chartPath, values: {}, environment: 'x' };
      const { fingerprint: one } = await desiredRelease(helmWith({ from: 'a.local' }), options, {});
      const { fingerprint: other } = await desiredRelease(helmWith({ from: 'b.local' }), options, {});
      expect(one).not.toBe(other);
    });
  },
);

it('refuses Helm 3, which would pass by the hooks', async () => {
  await expect(installPostRenderer(folder, 'v3.18.0', { from: 'x' })).rejects.toMatchObject({
    type: 'tool.missing',
  });
});
