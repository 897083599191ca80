import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { objectPreview } from '../../src/preview/object-preview.js';
import { cli, type CliRun } from '../cli/support.js';
import { sharedCacheDir } from '../support/cache.js';
import { testFolder } from '../support/folder.js';
import { proofText } from '../support/proof-text.js';

/** `lock` of a stack of one chart: helm renders it, and no cluster is needed. */
async function lock(template: string, values = ''): Promise<CliRun> {
  const folder = await testFolder();
  const files = {
    'chart/Chart.yaml': 'apiVersion: v2\nname: quirk\nversion: 0.1.0\n',
    'chart/values.yaml': values,
    'chart/templates/it.yaml': template,
    'stack.yaml': `name: quirk\ndescription: A chart as people have it\ntargets: [kubeconfig]\ncomponents:\n  quirk: { release: { namespace: quirk, chart: { path: ./chart } }, ready: [{ rollout: Deployment/none }] }${proofText('quirk')}`,
  };
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), text);
  }
  return cli(folder, ['lock', '--stack', 'stack.yaml'], { env: { TRACEWRIGHT_CACHE_DIR: sharedCacheDir } });
}

describe("a mistake in a chart is the chart's, said once", () => {
  it.each([
    ['a forgotten end', '{{ if .Values.on }}\nkind: Service\n', 'unexpected EOF'],
    ['a value under nothing', 'bucket: {{ .Values.storage.s3.bucket }}\n', 'storage.s3'],
    ['YAML that is none', 'kind: ConfigMap\n  metadata: [\n', 'quirk'],
    ['a function that there is not', 'kind: {{ nonsense }}\n', 'nonsense'],
    ['fail', '{{ fail "EOF: connection refused" }}\n', 'connection refused'],
  ])('%s', async (_what, template, fact) => {
    const { exitCode, errors } = await lock(template, 'storage: {}\n');
    expect(exitCode).not.toBe(0);
    const told = errors.find((line) => line.startsWith('error ')) ?? '';
    expect(told).toContain('[chart.unrenderable]');
    expect(told).toContain(fact);
  });
});

describe('lists among rendered manifests', () => {
  it.each([
    [
      'with items',
      'apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: { name: a }\n- metadata: { name: b }\n',
    ],
    ['of nothing', 'apiVersion: v1\nkind: ConfigMapList\nitems:\n'],
    ['in a list', 'apiVersion: v1\nkind: List\nitems: [{ apiVersion: v1, kind: List, items: null }]\n'],
  ])('are taken apart: %s', async (_what, template) => {
    expect(await lock(template)).toMatchObject({ exitCode: 0 });
  });
});

it('a plan shows texts so that kubectl takes them for texts', () => {
  const data = { a: 'off', b: 'ON', c: '0400', d: '1_000', e: 'plain' };
  const then = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'flags' }, data };
  const reference = { apiVersion: 'v1', kind: 'ConfigMap', name: 'flags', namespace: 'n' };
  const shown = objectPreview({
    reference,
    state: 'absent',
    fields: [],
    then,
    desired: then,
  });
  for (const text of ['a: "off"', 'b: "ON"', 'c: "0400"', 'd: "1_000"', 'e: plain'])
    expect(shown?.diff).toContain(`+  ${text}\n`);
});
