import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';

/** What users have reported of other tools, by the names under which the inputs were gathered. */
const cases = [
  ...[
    '01-kubeconfig-list',
    '02-exec-plugin-missing',
    '03-yaml11-booleans',
    '04-octal-modes',
    '05-set-values',
  ],
  ...['06-typed-lists', '07-nan-attribute', '08-incomplete-context', '09-http-server-no-user'],
  ...['11-proxy-variables', '12-exec-plugin-waits', '13-daemon-keeps-environment', '15-intermediate-ca'],
  ...['16-helm-words', '17-servicemonitor-before-crd', '19-collector-json-log', '20-collector-endpoint-env'],
  ...['22-service-name-57', '24-large-stack-payload', '26-temporal-env', '29-traceql'],
];

it('each reported case has a test of its name', async () => {
  const folder = join(import.meta.dirname, '..');
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.test.ts'));
  const texts = await Promise.all(files.map((name) => readFile(join(folder, name), 'utf8')));
  const titles = texts.flatMap((text) =>
    [...text.matchAll(/\b(?:it|test|describe)(?:\.each\([^]*?\))?\(\s*['"`](\d\d-[a-z\d-]+)/gu)].map(
      (match) => match[1],
    ),
  );
  expect(cases.filter((name) => !titles.includes(name))).toEqual([]);
});
