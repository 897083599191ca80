import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { peersChart } from '../../bench/peers/chart.js';
import { markdownTable, recoveredMs, tableOf } from '../../bench/peers/figures.js';
import { median } from '../../bench/table.js';
import { releaseRemains } from '../../bench/peers/leftovers.js';
import { layOut } from '../../bench/peers/materials.js';
import { withSection } from '../../bench/peers/readme.js';
import type { Recovery, Start } from '../../bench/peers/trial.js';
import { loadStack } from '../../src/stack-file.js';
import { testFolder } from '../support/folder.js';

const root = join(import.meta.dirname, '../..');
const { stack } = await loadStack('embedded', { builtInDir: join(root, 'stacks') });

const start: Start = {
  traceMs: 40_000,
  endMs: 42_000,
  exitCode: 0,
  processorMs: 5_000,
  machineMs: 60_000,
  peakBytes: 300e6,
  lastLine: '',
};
const recovery: Recovery = { killedMs: 20_000, again: { ...start, traceMs: 25_000 }, left: [] };
const lost: Recovery = {
  killedMs: 21_000,
  again: { ...start, exitCode: 1, traceMs: undefined },
  left: ['operator: pending-install'],
};
const measured = (name: string, installs: Start[], recoveries: Recovery[]) => ({
  contender: { name, title: name, lacks: '' },
  installs,
  recoveries,
});

test('the median of an even number lies between both in the middle', () => {
  expect(median([3, 1, 2])).toBe(2);
  expect(median([4, 1, 2, 3])).toBe(2.5);
  expect(median([])).toBeNaN();
});

test('the table compares medians with the first contender, and hides no trace that was lost', () => {
  const slow = { ...start, traceMs: 80_000 };
  const rows = tableOf([
    measured('one', [start, start, slow], [recovery]),
    measured('two', [slow, slow, slow], [recovery, lost]),
    measured('three', [{ ...start, exitCode: 1, traceMs: undefined }], [lost]),
  ]);
  const row = (head: string) => rows.find(([it]) => it?.startsWith(head))?.slice(1);
  expect(row('first trace')).toEqual(['40.0 s (1.00)', '80.0 s (2.00)', 'never']);
  expect(row('command ended')).toEqual(['42.0 s (1.00)', '42.0 s (1.00)', 'failed']);
  expect(row('started again: trace')).toEqual(['25.0 s', '25.0 s, never in 1 of 2', 'never']);
  expect(row('started again: command')).toEqual([
    'well, after 42.0 s',
    'failed in 1 of 2, after 42.0 s',
    'failed, after 42.0 s',
  ]);
  expect(row('left')).toEqual(['nothing', 'operator: pending-install', 'operator: pending-install']);
  expect(markdownTable(rows).split('\n')).toHaveLength(rows.length + 1);
});

test('a recovery lasts from the first start on, and counts only where every round ended in a trace', () => {
  expect(recoveredMs(measured('one', [], [recovery]))).toBe(45_000);
  expect(recoveredMs(measured('two', [], [recovery, lost]))).toBeUndefined();
});

test('what is left of releases is told by the newest revision of each', () => {
  const revision = (name: string, version: string, status: string) => ({ name, version, status });
  expect(
    releaseRemains([
      revision('store', '10', 'deployed'),
      revision('store', '9', 'superseded'),
      revision('operator', '1', 'pending-install'),
      revision('cert-manager', '1', 'deployed'),
    ]),
  ).toEqual(['operator: pending-install', 'store: 2 revisions']);
});

test('the chart has two bars a contender, says where no trace came, and takes no title for markup', () => {
  const svg = peersChart(
    [
      { title: 'one', undisturbed: 40_000, killed: 80_000 },
      { title: '<two>', undisturbed: 20_000, killed: undefined },
    ],
    'time',
  );
  const bars = [...svg.matchAll(/class="(whole|killed)" x="170" y="\d+" width="(\d+)"/gu)];
  expect(bars.map(([, kind, length]) => [kind, Number(length)])).toEqual([
    ['whole', 250],
    ['killed', 500],
    ['whole', 125],
    ['killed', 0],
  ]);
  expect(svg).toContain('no trace');
  expect(svg).not.toContain('<two>');
  expect(svg).not.toContain('<script');
});

test('a section is put in once, and replaced from then on', () => {
  const text = '# Name\n\n## Compared with others\n\nwords\n';
  const once = withSection(text, 'costs $& 1');
  expect(once.indexOf('costs $& 1')).toBeLessThan(once.indexOf('## Compared'));
  const twice = withSection(once, 'two');
  expect(twice).toBe(withSection(text, 'two'));
  expect(() => withSection('# Name\n', 'one')).toThrow('README.md');
});

test('contenders get the charts, values and manifests of the stack', async () => {
  const folder = await testFolder();
  await layOut(folder, { stack, charts: root, programs: { helm: '/bin/true' } });
  const values: unknown = parse(await readFile(join(folder, 'values/cert-manager.yaml'), 'utf8'));
  expect(values).toEqual(stack.components['cert-manager']?.release?.values);
  const documents = parseAllDocuments(await readFile(join(folder, 'manifests/hotrod.yaml'), 'utf8'));
  expect(documents.map((it) => it.toJS() as unknown)).toEqual(stack.components['hotrod']?.manifests?.objects);
  const wrapped = await readFile(join(folder, 'wrapped/hotrod/templates/objects.yaml'), 'utf8');
  // Helm would take it for a template.
  expect(wrapped).not.toContain('{{');
});

test('every contender installs every release of the stack, from the same chart, under the same name', async () => {
  const wanted = Object.entries(stack.components)
    .flatMap(([component, { release }]) => {
      if (!release || !('embedded' in release.chart)) return [];
      const { namespace, name = component, chart } = release;
      return [`${namespace} ${name} ${chart.embedded} ${component}`];
    })
    .sort();
  for (const script of ['tutorial.sh', 'parallel.sh']) {
    const text = await readFile(join(root, 'bench/peers', script), 'utf8');
    const calls = [...text.matchAll(/^ *install ((?:\S+ ){3}\S+)/gmu)].map(([, words]) => words);
    expect(calls.sort(), script).toEqual(wanted);
  }
  const { releases } = parse(await readFile(join(root, 'bench/peers/helmfile.yaml'), 'utf8')) as {
    releases: { name: string; namespace: string; chart: string; values?: [string] }[];
  };
  const charts = releases.flatMap(({ name, namespace, chart, values }) =>
    values ? [`${namespace} ${name} ${chart.slice('./charts/'.length)} ${values[0].slice(7, -5)}`] : [],
  );
  expect(charts.sort()).toEqual(wanted);
});
