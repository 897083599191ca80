import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { defaultK3dSettings } from '../src/domain/k3d-settings.js';
import { listStacks, loadStack } from '../src/stack-file.js';
import { testFolder } from './support/folder.js';

const builtInDir = join(import.meta.dirname, '..', 'stacks');

const head = `name: mine
description: One of my own
targets: [embedded]
`;
const proof = `proof:
  ride: { namespace: default, service: hotrod, port: 8080, customer: 123, customerName: Somebody }
  collector: { namespace: otel, service: collector, otlpHttpPort: 4318, podSelector: app=collector }
  tempo: { namespace: tracing, service: tempo, port: 3100 }
  expect: { spans: 35, services: [frontend] }
  traceql: '{}'
  grafana: { skip: none here }
`;
const tempo = `  tempo:
    release: { namespace: tracing, chart: { embedded: tempo } }
    ready: [{ rollout: StatefulSet/tempo }]
`;

async function load(text: string) {
  const path = join(await testFolder(), 'mine.yaml');
  await writeFile(path, text);
  return loadStack(path, { builtInDir });
}

/** The failure of loading `text`, with FILE in place of the file's path. */
async function failure(text: string) {
  const path = join(await testFolder(), 'mine.yaml');
  await writeFile(path, text);
  const error = await loadStack(path, { builtInDir }).then(
    () => expect.unreachable('the stack was taken'),
    (thrown: unknown) => thrown as { type: string; message: string },
  );
  return { type: error.type, lines: error.message.replaceAll(path, 'FILE').split('\n') };
}

const invalid = (...lines: string[]) => ({ type: 'stack.invalid', lines });

describe('names', () => {
  const service = 'opentelemetry-operator-controller-manager-metrics-service';
  const namespace = 'customer-platform-observability-production-eu-central-1-a';
  const long = (of: { service: string; namespace: string; component?: string }): string => `${head}components:
  ${of.component ?? 'operator'}:
    release: { namespace: ${of.namespace}, chart: { embedded: operator } }
    ready: [{ http: { service: ${of.service}, port: 8080, path: /metrics } }]
open:
  metrics: { namespace: ${of.namespace}, service: ${of.service}, port: 8080 }
${proof}`;

  test('of Services and namespaces have up to 63 characters, of components 53', async () => {
    const { stack } = await load(long({ service, namespace }));
    expect(stack.components['operator']?.release?.namespace).toBe(namespace);
    await load(long({ service: 's'.repeat(63), namespace: 'n'.repeat(63) }));
    for (const wrong of [
      { service: 's'.repeat(64), namespace },
      { service, namespace: 'n'.repeat(64) },
      { service, namespace, component: 'c'.repeat(54) },
    ])
      expect((await failure(long(wrong))).type).toBe('stack.invalid');
  });
});

describe('finding a stack', () => {
  test('a name is a built-in one', async () => {
    const loaded = await loadStack('embedded', { builtInDir });
    expect(loaded.stack.name).toBe('embedded');
    expect(loaded.path).toBe(join(builtInDir, 'embedded.yaml'));
    expect(loaded.text).toContain('name: embedded');
  });

  test('the built-in ones are listed, and each bears the name of its file', async () => {
    const names = await listStacks(builtInDir);
    expect(names).toContain('embedded');
    for (const name of names) expect((await loadStack(name, { builtInDir })).stack.name).toBe(name);
  });

  test('an unknown name is answered with the names that there are', async () => {
    await expect(loadStack('embeded', { builtInDir })).rejects.toMatchObject({
      type: 'stack.not-found',
      message: 'There is no stack "embeded". Did you mean "embedded"?',
      remedy: expect.stringContaining('embedded') as string,
    });
    await expect(loadStack('production', { builtInDir })).rejects.toMatchObject({
      message: 'There is no stack "production".',
    });
  });

  test('a path that leads nowhere, or to a folder', async () => {
    const folder = await testFolder();
    await expect(loadStack(join(folder, 'a.yml'), { builtInDir })).rejects.toMatchObject({
      type: 'stack.not-found',
      message: `There is no stack file ${join(folder, 'a.yml')}.`,
    });
    await expect(loadStack(`${folder}/`, { builtInDir })).rejects.toMatchObject({
      type: 'stack.not-found',
      message: `The stack file ${folder} cannot be read: it is a folder.`,
    });
  });
});

describe('a good file', () => {
  test('gets its defaults', async () => {
    const { stack } = await load(`${head}components:\n${tempo}${proof}`);
    expect(stack.components['tempo']).toMatchObject({ needs: [], timeout: '5m', release: { values: {} } });
  });

  test('asks for the ports of the tutorial on k3d unless it says others', async () => {
    const text = `${head.replace('embedded', 'k3d')}k3d: { ports: [] }\ncomponents:\n${tempo}${proof}`;
    const { stack } = await load(text);
    expect(stack.k3d).toEqual({ ...defaultK3dSettings, ports: [] });
    expect(defaultK3dSettings).toMatchObject({
      apiPort: 6443,
      ports: ['8080:80@loadbalancer', '8443:443@loadbalancer'],
    });
  });

  test('has chart paths from its own folder, whatever the working folder', async () => {
    const loaded = await load(
      `${head}components:\n${tempo.replace('embedded: tempo', 'path: ../charts/mine')}${proof}`,
    );
    expect(loaded.stack.components['tempo']?.release?.chart).toEqual({
      path: join(loaded.path, '../../charts/mine'),
    });
  });

  test('may share parts by anchors and merge keys', async () => {
    const text = `${head}components:\n${tempo.replace('tempo:', 'tempo: &it')}  second:\n    <<: *it\n    needs: [tempo]\n${proof}`;
    const { stack } = await load(text);
    expect(stack.components['second']).toMatchObject({ needs: ['tempo'], release: { namespace: 'tracing' } });
  });
});

describe('what is not YAML', () => {
  test.each([
    ['an open bracket', `${head}components: {\n`, /^FILE:5:1: .+/u],
    ['a key twice', `${head}name: again\n`, 'FILE:4:1: Map keys must be unique.'],
    ['a tab', `name: x\n\tdescription: y\n`, /^FILE:2:1: .*Tabs are not allowed/u],
    ['two documents', `${head}---\nname: x\n`, /^FILE:5:1: .*second document/u],
    ['an unknown alias', `${head}components: *nobody\n`, /^FILE:4:13: Unresolved alias.*nobody/u],
    ['a key that is indented too far', `name: x\n  description: y\n`, /^FILE:1:7: .+/u],
    ['an item that is indented too little', `targets:\n  - k3d\n - embedded\n`, /^FILE:3:1: .+/u],
  ])('%s', async (_, text, message) => {
    const { type, lines } = await failure(text);
    expect(type).toBe('stack.malformed');
    expect(lines[0]).toMatch(message);
  });
});

describe('what is not a stack', () => {
  test('nothing at all', async () => {
    const empty = invalid('FILE:1:1: is empty: it needs name, description …');
    expect(await failure('')).toEqual(empty);
    expect(await failure('# only a comment\n')).toEqual(empty);
  });

  test('a list, or a text', async () => {
    expect(await failure('- name: x\n')).toEqual(invalid('FILE:1:1: expected object, received array'));
    expect(await failure('hello\n')).toEqual(invalid('FILE:1:1: expected object, received string'));
  });

  test('values of a wrong type point to the value', async () => {
    const text = `${head}components:\n${tempo.replace('tracing', '12')}    timeout: 5\n${proof}`;
    expect(await failure(text)).toEqual(
      invalid(
        'FILE:6:27: components.tempo.release.namespace: expected string, received number',
        'FILE:8:14: components.tempo.timeout: expected string, received number',
      ),
    );
  });

  test('missing keys point to where they belong, unknown ones to themselves', async () => {
    const text = `${head}desciption: twice\ncomponents:\n  tempo:\n    ready: []\n    release:\n      chart: { embedded: tempo }\n${proof}`;
    expect(await failure(text)).toEqual(
      invalid(
        'FILE:4:1: desciption: is not known here. Did you mean "description"?',
        'FILE:7:12: components.tempo.ready: expected array to have >=1 items',
        'FILE:8:5: components.tempo.release.namespace: is missing (string)',
      ),
    );
  });

  test('pages to open: with a port that is none, or the name of another page', async () => {
    const page = 'namespace: a, service: b';
    const text = `${head}components:\n${tempo}${proof}\nopen:\n  mine: { ${page}, port: 0 }\n`;
    expect((await failure(text)).lines).toEqual([
      expect.stringMatching(/^FILE:\d+:\d+: open\.mine\.port: expected number to be >=1$/u),
    ]);
    const taken = `${head}components:\n${tempo}${proof}\nopen:\n  temporal: { ${page}, port: 80 }\n`;
    expect((await failure(taken)).lines).toEqual([
      expect.stringMatching(
        /^FILE:\d+:\d+: open\.temporal: is the name of the Temporal Web UI; choose another$/u,
      ),
    ]);
  });

  test('names that Kubernetes would refuse', async () => {
    expect(await failure(`${head}components:\n${tempo.replace('tempo:', 'Tempo 1:')}${proof}`)).toEqual(
      invalid('FILE:5:3: components.Tempo 1: must be lower-case letters, digits and dashes'),
    );
  });

  test.each([
    ['tempo', 'must have embedded, or path, or repository + name + version, or oci + version'],
    [
      '{ embeded: tempo }',
      'must have embedded, or path, or repository + name + version, or oci + version. Did you mean "embedded"?',
    ],
  ])('a chart that is %s', async (chart, message) => {
    const text = `${head}components:\n${tempo.replace('{ embedded: tempo }', chart)}${proof}`;
    expect(await failure(text)).toEqual(invalid(`FILE:6:43: components.tempo.release.chart: ${message}`));
  });

  test('a chart of a repository without a version: only that form is explained', async () => {
    const text = `${head}components:\n${tempo.replace('embedded: tempo', 'repository: nowhere, name: tempo')}${proof}`;
    expect(await failure(text)).toEqual(
      invalid(
        'FILE:6:36: components.tempo.release.chart.version: is missing (string)',
        'FILE:6:57: components.tempo.release.chart.repository: is not a URL',
      ),
    );
  });

  test('checks of readiness', async () => {
    const ready = `[{ rollout: tempo }, { http: { service: tempo, port: 99999 } }, { acepts: it }]`;
    const text = `${head}components:\n${tempo.replace('[{ rollout: StatefulSet/tempo }]', ready)}${proof}`;
    expect(await failure(text)).toEqual(
      invalid(
        'FILE:7:24: components.tempo.ready[0].rollout: must be Deployment/, StatefulSet/ or DaemonSet/ and a name',
        'FILE:7:35: components.tempo.ready[1].http.path: is missing (string)',
        'FILE:7:65: components.tempo.ready[1].http.port: expected number to be <=65535',
        'FILE:7:76: components.tempo.ready[2]: must have rollout, or http, or accepts, or exists. Did you mean "accepts"?',
      ),
    );
  });

  test('neither a release nor manifests, or both', async () => {
    const both = `${tempo}    manifests: { namespace: x, objects: [{ apiVersion: v1, kind: Secret, metadata: { name: x } }] }\n`;
    const neither = `  empty:\n    ready: [{ rollout: Deployment/x }]\n`;
    expect(await failure(`${head}components:\n${both}${neither}${proof}`)).toEqual(
      invalid(
        'FILE:6:5: components.tempo: must have either a release or manifests',
        'FILE:10:5: components.empty: must have either a release or manifests',
      ),
    );
  });

  test('accepts of a component that has no objects, or does not exist', async () => {
    const text = `${head}components:\n${tempo.replace('[{', '[{ accepts: tempo }, { accepts: nobody }, {')}${proof}`;
    expect(await failure(text)).toEqual(
      invalid(
        'FILE:7:24: components.tempo.ready[0].accepts: "tempo" is not a component with manifests',
        'FILE:7:44: components.tempo.ready[1].accepts: "nobody" is not a component with manifests',
      ),
    );
  });

  test('a k3d cluster that k3d would refuse, or that no target asks for', async () => {
    const k3d = 'k3d: { image: rancher/k3s, ports: [8080, 80:99999@loadbalancer], apiport: 1 }\n';
    const rest = `components:\n${tempo}${proof}`;
    expect(await failure(`${head.replace('embedded', 'k3d')}${k3d}${rest}`)).toEqual(
      invalid(
        'FILE:4:15: k3d.image: must have a tag, such as rancher/k3s:v1.31.5-k3s1',
        'FILE:4:36: k3d.ports[0]: expected string, received number',
        'FILE:4:42: k3d.ports[1]: must have ports up to 65535',
        'FILE:4:66: k3d.apiport: is not known here. Did you mean "apiPort"?',
      ),
    );
    expect(await failure(`${head}k3d: {}\n${rest}`)).toEqual(
      invalid('FILE:4:6: k3d: says something about a target that targets does not name'),
    );
  });

  test('more mistakes than anybody reads', async () => {
    const { lines } = await failure(
      `${head}${Array.from({ length: 20 }, (_, i) => `x${String(i)}: 1\n`).join('')}`,
    );
    expect(lines).toHaveLength(11);
    expect(lines.at(-1)).toBe('… and 12 more.');
  });
});

describe('a plan that cannot be', () => {
  test('a need that nobody meets', async () => {
    const text = `${head}components:\n${tempo}    needs: [grafana]\n${proof}`;
    expect(await failure(text)).toEqual({
      type: 'stack.unknown-need',
      lines: [
        'FILE:8:13: In the stack "mine" the component "tempo" needs "grafana", which the stack does not have.',
      ],
    });
  });

  test('a circle', async () => {
    const second = tempo.replace('tempo:', 'second:');
    const third = tempo.replace('tempo:', 'third:');
    const circle = `${tempo}    needs: [second]\n${second}    needs: [tempo]\n`;
    expect(await failure(`${head}components:\n${third}    needs: [tempo]\n${circle}${proof}`)).toEqual({
      type: 'stack.cycle',
      lines: [
        'FILE:12:13: In the stack "mine" components need each other in a circle: tempo → second → tempo.',
      ],
    });
  });
});
