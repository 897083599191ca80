import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadStack } from '../../src/stack-file.js';
import { uninstallRelease } from '../../src/tools/helm/removal.js';
import { reconcileRelease, type ReconcileOptions } from '../../src/tools/helm/reconcile.js';
import { observeRelease } from '../../src/tools/helm/release-record.js';
import { applyObjects } from '../../src/tools/kubernetes/apply.js';
import { readObject } from '../../src/tools/kubernetes/observe.js';
import type { CliRun } from '../cli/support.js';
import { missingApiServer, startApiServer, type ApiServer } from '../support/api-server.js';
import { definition } from '../support/chart.js';
import { testFolder } from '../support/folder.js';
import { helmOf, testHelms, type TestHelm } from '../support/helm.js';
import { freshRelease } from '../support/releases.js';
import { chartFiles, release, said, stackFile, tracewright, writeFiles } from '../cases/support.js';

/**
 * Stacks and charts after reports of users of other tools, each by the number of its case: `plan` on a real API server, and
 * helm where it has to be installed.
 */
describe.skipIf(missingApiServer)(`stacks as people have them ${missingApiServer ?? ''}`, () => {
  let server: ApiServer;
  beforeAll(async () => {
    server = await startApiServer({ controllers: true });
  });
  afterAll(() => server.stop());

  /** `plan --diff` of a stack file in a folder of its own. */
  async function planned(files: Record<string, string>, ...args: string[]): Promise<CliRun> {
    const folder = await testFolder();
    await writeFiles(folder, files);
    const on = ['--stack', 'stack.yaml', '--kubeconfig', server.kubeconfigPath];
    return tracewright(folder, ['plan', '--diff', ...on, ...args]);
  }
  /** The release of a chart in a folder of its own. */
  async function releaseOf(name: string, files: Record<string, string>): Promise<ReconcileOptions> {
    const folder = await testFolder();
    await writeFiles(folder, files);
    const helm = helmOf(server, testHelms[0] as TestHelm);
    return freshRelease({ kube: server.kube, helm, chartPath: `${folder}/${name}`, values: {} });
  }

  it('03-yaml11-booleans: no, off and yes are what they are to Helm', async () => {
    const flag = (name: string): string =>
      `  ${name}: {{ if .Values.${name}.enabled }}"ON"{{ else }}"off"{{ end }}\n`;
    const template = `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: flags }\ndata:\n${flag('sidecar')}${flag('persistence')}${flag('debug')}  kind: {{ kindOf .Values.sidecar.enabled | quote }}\n`;
    const values = '{ sidecar: { enabled: no }, persistence: { enabled: off }, debug: { enabled: yes } }';
    const chart = chartFiles('chart', template, {
      values: '{ sidecar: { enabled: true }, persistence: { enabled: true }, debug: { enabled: false } }',
    });
    const files = {
      ...chart,
      'values.yaml': values,
      'stack.yaml': stackFile(
        'flags',
        release('inside', './chart', `, values: ${values}`),
        release('outside', './chart'),
        release('set', './chart'),
      ),
    };
    const [file, set] = [
      ['--values', 'outside=values.yaml'],
      ['--set', 'set.values.sidecar.enabled=no'],
    ];
    const { exitCode, stdout } = await planned(files, ...file, ...set);
    expect(exitCode).toBe(0);
    const asHelm = '+  debug: "ON"\n +  kind: bool\n +  persistence: "off"\n +  sidecar: "off"';
    expect(stdout.replaceAll(/\n\s+/gu, '\n ').split(asHelm)).toHaveLength(3);
    // Helm's --set knows true and false only.
    expect(stdout).toMatch(/\+ {2}kind: string\n.*\n\s*\+ {2}sidecar: "ON"/u);
  });

  it.each([
    ['0400', 256],
    ['0755', 493],
  ])('04-octal-modes: %s is %i, in objects and in values', async (mode, number) => {
    const objects = `[{ apiVersion: v1, kind: Secret, metadata: { name: ssh-key }, stringData: { id: none } },
      { apiVersion: apps/v1, kind: Deployment, metadata: { name: uses-key }, spec: { replicas: 0, selector: { matchLabels: { app: a } },
        template: { metadata: { labels: { app: a } }, spec: { containers: [{ name: main, image: 'example.invalid/a:1' }],
          volumes: [{ name: key, secret: { secretName: ssh-key, defaultMode: ${mode}, items: [{ key: id, path: id, mode: ${mode} }] } }] } } } }]`;
    const name = `modes-${mode}`;
    const template =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: modes }\ndata: { mode: {{ .Values.defaultMode | int | quote }} }\n';
    const stack = stackFile(
      name,
      `  keys: { manifests: { namespace: ${name}, objects: ${objects} }, ready: [{ accepts: keys }] }`,
      release('chart', './chart', `, values: { defaultMode: ${mode} }`),
    );
    const folder = await testFolder();
    await writeFiles(folder, {
      ...chartFiles('chart', template, { values: 'defaultMode: 0644' }),
      'stack.yaml': stack,
    });
    const on = ['plan', '--diff', '--stack', 'stack.yaml', '--kubeconfig', server.kubeconfigPath];
    const { exitCode, stdout } = await tracewright(folder, on);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`mode: "${String(number)}"`);
    const loaded = await loadStack(`${folder}/stack.yaml`, { builtInDir: folder });
    const { kube } = server;
    await applyObjects(kube, {
      objects: loaded.stack.components['keys']?.manifests?.objects ?? [],
      namespace: name,
      owner: { environment: name, component: 'keys' },
    });
    const made = await readObject(kube, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      name: 'uses-key',
      namespace: name,
    });
    expect(made).toMatchObject({
      spec: {
        template: { spec: { volumes: [{ secret: { defaultMode: number, items: [{ mode: number }] } }] } },
      },
    });
  });

  it('05-set-values: --set makes what it makes with Helm', async () => {
    const template = `apiVersion: v1
kind: ConfigMap
metadata: { name: it }
data:
  image: "pause:{{ .Values.image.tag }}"
  limit: "{{ .Values.limit }}"
  uris: {{ .Values.uris | toJson | quote }}
  args: {{ .Values.args | toJson | quote }}
  noProxy: {{ .Values.noProxy | quote }}
  legend: {{ .Values.legend | quote }}
`;
    const values = '{ image: { tag: "3.10" }, limit: 1000, uris: [], args: [], noProxy: "", legend: "" }';
    const tags = ['52e1234', '12e34', '1.10', '3.0', '0123', '20190806'];
    const names = tags.map((_, index) => `tag${String(index)}`);
    const files = {
      ...chartFiles('chart', template, { values }),
      'stack.yaml': stackFile('image', ...['rest', ...names].map((name) => release(name, './chart'))),
    };
    const sets = [
      ...tags.map((tag, index) => `tag${String(index)}.values.image.tag=${tag}`),
      'rest.values.limit=20000000',
      'rest.values.uris={https://a.example.com,https://b.example.com}',
      'rest.values.args={--log.level=debug,--web.listen-address=:9090}',
      String.raw`rest.values.noProxy=10.0.0.0/8\,.svc`,
      String.raw`rest.values.legend=\{\{pod\}\}`,
    ].flatMap((text) => ['--set', text]);
    const { exitCode, stdout } = await planned(files, ...sets);
    expect(exitCode).toBe(0);
    for (const line of [
      ...tags.map((tag) => `image: pause:${tag}`),
      'limit: "20000000"',
      `uris: '["https://a.example.com","https://b.example.com"]'`,
      `args: '["--log.level=debug","--web.listen-address=:9090"]'`,
      'noProxy: "10.0.0.0/8,.svc"',
      'legend: "{{pod}}"',
    ])
      expect(stdout).toContain(`+  ${line}\n`);
    const refused = await planned(files, '--set', 'rest.values.legend={{pod}}');
    expect(refused.exitCode).toBe(2);
    expect(refused.errors[0]).toContain('[usage.invalid]');
  });

  describe('06-typed-lists: a list is its items, also one without a name or without items', () => {
    const dashboards = `apiVersion: v1
kind: ConfigMapList
items:
{{- range $name := list "cluster" "node" }}
- apiVersion: v1
  kind: ConfigMap
  metadata: { name: {{ $name }}, labels: { grafana_dashboard: "1" } }
  data: { a: '{"title":"{{ $name }}"}' }
{{- end }}
`;
    const rules =
      'apiVersion: v1\nkind: List\nitems:\n{{- range .Values.rules }}\n- {{ toYaml . }}\n{{- end }}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\n';
    it.each([
      ['of ConfigMaps', dashboards, ['cluster', 'node'], true],
      // Helm 4 renders it, and refuses to install it, as the plan says.
      ['of nothing', rules, ['one'], false],
      [
        'of no items',
        rules.replace('items:\n', 'items: []\n').replace(/\{\{- range[^]*?end \}\}\n/u, ''),
        ['one'],
        true,
      ],
    ])(
      '%s, in lock and plan, twice installed and taken away',
      async (_what, template, names, installable) => {
        const files = {
          ...chartFiles('lists', template),
          'stack.yaml': stackFile('lists', release('lists')),
        };
        const folder = await testFolder();
        await writeFiles(folder, files);
        expect(await tracewright(folder, ['lock', '--stack', 'stack.yaml'])).toMatchObject({ exitCode: 0 });
        const { exitCode, stdout } = await planned(files);
        const options = await releaseOf('lists', files);
        if (!installable) {
          expect(exitCode).toBe(1);
          expect(stdout).toMatch(/\[chart\.unrenderable\] .*List/u);
          await expect(reconcileRelease(options)).rejects.toMatchObject({ type: 'chart.unrenderable' });
          return;
        }
        expect(exitCode).toBe(0);
        for (const name of names) expect(stdout).toContain(`ConfigMap lists/${name}`);
        expect((await reconcileRelease(options)).actions).toEqual(['install']);
        expect((await reconcileRelease(options)).actions).toEqual([]);
        const { namespace } = options;
        const all = () =>
          Promise.all(
            names.map((name) =>
              readObject(server.kube, { apiVersion: 'v1', kind: 'ConfigMap', name, namespace }),
            ),
          );
        expect((await all()).every(Boolean)).toBe(true);
        const record = await observeRelease(server.kube, options);
        if (record) await uninstallRelease(record, options);
        expect((await all()).some(Boolean)).toBe(false);
      },
    );

    it('among the objects of a stack file', async () => {
      const objects = `[{ apiVersion: v1, kind: List, items: [{ apiVersion: v1, kind: ConfigMap, metadata: { name: one } }] },
        { apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBindingList, items: [{ metadata: { name: two },
          roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: r }, subjects: [] }] }]`;
      const stack = stackFile(
        'lists',
        `  roles: { manifests: { namespace: lists, objects: ${objects} }, ready: [{ accepts: roles }] }`,
      );
      const { exitCode, stdout } = await planned({ 'stack.yaml': stack });
      expect(exitCode).toBe(0);
      expect(stdout).toContain('ConfigMap lists/one');
      expect(stdout).toContain('RoleBinding lists/two');
    });
  });

  it.each(['', 'generateName: it-'])(
    'an object of a chart without a name (%s) is refused in plan, fails once, and can be mended and taken away',
    async (metadata) => {
      const mended = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: one }\n';
      const template = `${mended}---\napiVersion: v1\nkind: ConfigMap\nmetadata: { ${metadata} }\n`;
      const files = {
        ...chartFiles('unnamed', template),
        'stack.yaml': stackFile('unnamed', release('unnamed')),
      };
      const plan = await planned(files);
      expect(said(plan)).toMatch(/\[chart\.unrenderable\] .*ConfigMap/u);
      expect(said(plan)).not.toContain('undefined');

      const options = await releaseOf('unnamed', files);
      const failed = { type: 'chart.unrenderable', retryable: false };
      await expect(reconcileRelease(options)).rejects.toMatchObject(failed);
      const { chartPath } = await releaseOf('unnamed', chartFiles('unnamed', mended));
      await reconcileRelease({ ...options, chartPath });
      const one = { apiVersion: 'v1', kind: 'ConfigMap', name: 'one', namespace: options.namespace };
      expect(await readObject(server.kube, one)).toBeDefined();
      expect(await observeRelease(server.kube, options)).toMatchObject({ status: 'deployed' });

      const other = await releaseOf('unnamed', files);
      await expect(reconcileRelease(other)).rejects.toMatchObject(failed);
      const record = await observeRelease(server.kube, other);
      if (record) await uninstallRelease(record, other);
      expect(await observeRelease(server.kube, other)).toBeUndefined();
      expect(await readObject(server.kube, { ...one, namespace: other.namespace })).toBeUndefined();
    },
  );

  it('16-helm-words: a mistake of the chart is the chart’s, and what it is for is told', async () => {
    const folder = await testFolder();
    const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n';
    await writeFiles(folder, {
      ...chartFiles('missing-end', `{{- if .Values.on }}\n${map}`),
      ...chartFiles('nil-value', `${map}data: { bucket: {{ .Values.storage.s3.bucket }} }\n`, {
        values: 'storage: {}\n',
      }),
      ...chartFiles('kube-version', map, { metadata: 'kubeVersion: ">=1.29.0"\n' }),
      'missing-end.yaml': stackFile('quirk', release('missing-end')),
      'nil-value.yaml': stackFile('quirk', release('nil-value')),
    });
    for (const [name, fact] of [
      ['missing-end', 'unexpected EOF'],
      ['nil-value', 'storage.s3'],
    ] as const) {
      const { exitCode, errors } = await tracewright(folder, ['lock', '--stack', `${name}.yaml`]);
      expect(exitCode).toBe(1);
      expect(errors.find((line) => line.startsWith('error '))).toMatch(/\[chart\.unrenderable\]/u);
      expect(errors.join('\n')).toContain(fact);
    }
    // As EKS calls its versions.
    const chart = { namespace: 'quirk', name: 'quirk', chartPath: `${folder}/kube-version`, values: {} };
    const helm = helmOf(server, testHelms[0] as TestHelm);
    await expect(helm.template({ ...chart, kubeVersion: 'v1.28.9-eks-bbe087e' })).rejects.toMatchObject({
      type: 'chart.incompatible',
      retryable: false,
      message: expect.stringMatching(/>=1\.29\.0.*v1\.28\.9-eks-bbe087e/u) as string,
    });
  });

  it('a chart that looks objects up is planned with what there is', async () => {
    const template =
      'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: it }\ndata: { uid: {{ (lookup "v1" "Namespace" "" "default").metadata.uid | quote }} }\n';
    const files = { ...chartFiles('chart', template), 'stack.yaml': stackFile('looks', release('chart')) };
    const { exitCode, stdout } = await planned(files);
    expect(exitCode, stdout).toBe(0);
    expect(stdout).toMatch(/\+ {2}uid: "?[\da-f-]{36}"?\n/u);
  });

  it('17-servicemonitor-before-crd: the kind is named, who brings it, and `needs`; what comes later is waited for', async () => {
    const group = 'monitors.example.dev';
    const app = {
      ...chartFiles(
        'app',
        `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: app }\n---\napiVersion: ${group}/v1\nkind: Monitor\nmetadata: { name: app }\nspec: {}\n`,
      ),
    };
    const files = {
      ...app,
      ...chartFiles('monitoring', 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: crds }\n'),
      'monitoring/crds/monitors.yaml': definition('monitors', 'Monitor', group),
      'stack.yaml': stackFile('monitored', release('monitoring'), release('app')),
    };
    const both = await planned(files);
    expect(both.exitCode).toBe(1);
    expect(said(both)).toMatch(
      /\[manifest\.unknown-kind\] .*Monitor .*monitoring brings[^]*needs: \[monitoring\]/u,
    );
    const alone = await planned({ ...app, 'stack.yaml': stackFile('monitored', release('app')) });
    expect(alone.exitCode).toBe(1);
    expect(said(alone)).toMatch(/\[manifest\.unknown-kind\] .*Monitor/u);

    const [monitoring, monitored] = [await releaseOf('monitoring', files), await releaseOf('app', app)];
    await expect(reconcileRelease(monitored)).rejects.toMatchObject({
      type: 'manifest.unknown-kind',
      retryable: true,
      message: expect.stringContaining('Monitor') as string,
    });
    await reconcileRelease(monitoring);
    expect(await reconcileRelease(monitored)).toMatchObject({ state: expect.anything() as unknown });
  });

  it('22-service-name-57: names of Services and namespaces may have 63 characters', async () => {
    const map = 'apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n';
    const service = 'opentelemetry-operator-controller-manager-metrics-service';
    const namespace = 'customer-platform-observability-production-eu-central-1-a';
    const component = (name: string, space: string, of: string): string =>
      `  ${name}: { release: { namespace: ${space}, chart: { path: ./chart } }, ready: [{ http: { service: ${of}, port: 8080, path: /metrics } }] }`;
    const stack = stackFile(
      'long',
      component('one', 'short', service),
      component('two', namespace, 'metrics'),
    );
    const open = `open:\n  metrics: { namespace: ${namespace}, service: ${service}, port: 8080 }\n`;
    const { exitCode, stdout, errors } = await planned({
      ...chartFiles('chart', map),
      'stack.yaml': stack + open,
    });
    expect(exitCode, errors.join('\n')).toBe(0);
    expect(stdout).toContain(`namespace ${namespace}`);
    expect([service.length, namespace.length]).toEqual([57, 57]);
  });
});
