import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { parseAssignment } from '../src/cli/parameters/read.js';
import { isTracewrightError, TracewrightError } from '../src/domain/failure.js';
import { readStackDocument } from '../src/stack-document.js';
import { loadStack } from '../src/stack-file.js';
import { readContainer } from '../src/targets/k3d/docker.js';
import { explainFailure } from '../src/targets/k3d/failure.js';
import { messageOf } from '../src/targets/k3d/k3d-program.js';
import { helmFailure } from '../src/tools/helm/failure.js';
import { observeRelease } from '../src/tools/helm/release-record.js';
import { connectKubernetes } from '../src/tools/kubernetes/connection.js';
import { listApiResources } from '../src/tools/kubernetes/discovery.js';
import { resolveContext } from '../src/tools/kubernetes/kubeconfig.js';
import { parseManifests } from '../src/tools/kubernetes/manifests.js';
import { listOf } from '../src/tools/kubernetes/observe.js';
import { directRoute } from '../src/tools/kubernetes/transport.js';
import { makeCertificates } from './support/certificates.js';
import { testFolder } from './support/folder.js';

/** `npm run test:fuzz` makes it 10,000. */
const numRuns = Number(process.env['TRACEWRIGHT_FUZZ_RUNS'] ?? 300);
const limits = { timeout: 1_800_000 };

/** What is not understood ends in a failure that says so; nothing else may come of input. */
function typed(work: () => unknown): void {
  try {
    work();
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    expect(error.type).not.toBe('internal.bug');
    expect(error.remedy).not.toBe('');
  }
}

const yamlish = fc.oneof(
  fc.string(),
  fc
    .array(
      fc.constantFrom(
        'a',
        ':',
        ' ',
        '\n',
        '- ',
        '{',
        '}',
        '[',
        ']',
        '&x ',
        '*x',
        '<<: ',
        '"',
        "'",
        '|',
        '!!int ',
        '#',
        ',',
        '0',
        '%',
        '---\n',
        '\t',
        '? ',
      ),
      { maxLength: 30 },
    )
    .map((parts) => parts.join('')),
);

const scalar = fc.oneof(
  fc.string(),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.double(),
  fc.constantFrom('', 2 ** 60, -(2 ** 62)),
);
const { anything } = fc.letrec<{ anything: unknown }>((tie) => ({
  anything: fc.oneof(
    { depthSize: 'small' },
    scalar,
    fc.array(tie('anything'), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom(
        'name',
        'cluster',
        'user',
        'context',
        'server',
        'token',
        'exec',
        'command',
        'kind',
        'metadata',
        'items',
        '__proto__',
      ),
      tie('anything'),
      { maxKeys: 4 },
    ),
  ),
}));

/** The value with one part of it replaced by anything. */
function mutated(value: unknown): fc.Arbitrary<unknown> {
  const paths: (string | number)[][] = [];
  const walk = (it: unknown, path: (string | number)[]): void => {
    paths.push(path);
    if (typeof it === 'object' && it !== null)
      for (const [key, inner] of Object.entries(it))
        walk(inner, [...path, Array.isArray(it) ? Number(key) : key]);
  };
  walk(value, []);
  const replace = (it: unknown, [key, ...rest]: (string | number)[], by: unknown): unknown => {
    if (key === undefined) return by;
    if (Array.isArray(it))
      return it.map((inner: unknown, index) => (index === key ? replace(inner, rest, by) : inner));
    return { ...(it as object), [key]: replace((it as Record<string, unknown>)[key], rest, by) };
  };
  return fc.tuple(fc.constantFrom(...paths), anything).map(([path, by]) => replace(value, path, by));
}

describe('whatever it reads', () => {
  it(`a kubeconfig is taken or refused, ${String(numRuns)} runs`, limits, async () => {
    const path = join(await testFolder(), 'config');
    const good = {
      'current-context': 'a',
      clusters: [
        { name: 'c', cluster: { server: 'https://127.0.0.1:6443', 'certificate-authority': 'ca.pem' } },
      ],
      contexts: [{ name: 'a', context: { cluster: 'c', user: 'u' } }],
      users: [{ name: 'u', user: { token: 't' } }],
    };
    const text = fc.oneof(
      yamlish,
      mutated(good).map((it) => JSON.stringify(it)),
      anything.map((it) => JSON.stringify(it)),
    );
    fc.assert(
      fc.property(
        text,
        fc.option(fc.constantFrom('a', 'b', '__proto__', ''), { nil: undefined }),
        (file, context) => {
          writeFileSync(path, file);
          typed(() => {
            const resolved = resolveContext({ kubeconfigPath: path, context });
            void directRoute(resolved)?.dispatcher.destroy();
          });
        },
      ),
      { numRuns },
    );
  });

  it(`a values file is taken or refused, ${String(numRuns)} runs`, limits, () => {
    fc.assert(
      fc.property(yamlish, (text) => {
        typed(() => readStackDocument(text, 'values.yaml'));
      }),
      { numRuns },
    );
  });

  it(`a stack file is taken or refused, ${String(numRuns)} runs`, limits, async () => {
    const folder = await testFolder();
    const builtInDir = join(import.meta.dirname, '..', 'stacks');
    const { text } = await loadStack('embedded', { builtInDir });
    const path = join(folder, 'stack.yaml');
    const stack = fc.oneof(
      { weight: 5, arbitrary: mutated(parse(text)).map((it) => stringify(it)) },
      { weight: 1, arbitrary: yamlish },
    );
    await fc.assert(
      fc.asyncProperty(stack, async (file) => {
        writeFileSync(path, file);
        await loadStack(path, { builtInDir }).catch((error: unknown) => {
          typed(() => {
            throw error;
          });
        });
      }),
      { numRuns },
    );
  });

  it(`an assignment of --set is taken or refused, ${String(numRuns)} runs`, limits, () => {
    const parts = fc.array(
      fc.constantFrom(
        'a',
        '.',
        'values',
        '[0]',
        '=',
        '{',
        '}',
        ',',
        '\\',
        '"',
        '[',
        ']',
        '1',
        ' ',
        '__proto__',
        'ü',
        '\n',
      ),
      { maxLength: 14 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          parts.map((it) => it.join('')),
          parts.map((it) => `a.values.b=${it.join('')}`),
        ),
        (text) => {
          typed(() => parseAssignment(text));
        },
      ),
      { numRuns },
    );
  });

  it(`rendered manifests are read, ${String(numRuns)} runs`, limits, () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            yamlish,
            anything.map((it) => stringify(it)),
          ),
          { maxLength: 3 },
        ),
        (documents) => {
          typed(() => parseManifests(documents.join('\n---\n')));
        },
      ),
      { numRuns },
    );
  });

  it(`what an API server answers is taken or refused, ${String(numRuns)} runs`, limits, async () => {
    let body = '';
    const { key, cert } = makeCertificates().server;
    const server = createServer({ key, cert }, (request, response) => {
      request.resume();
      response.writeHead(body.startsWith('5') ? 503 : 200, { 'content-type': 'application/json' }).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const kubeconfigPath = join(await testFolder(), 'config');
    const url = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    const cluster = { server: url, 'insecure-skip-tls-verify': true };
    const names = {
      clusters: [{ name: 'c', cluster }],
      contexts: [{ name: 'c', context: { cluster: 'c' } }],
    };
    writeFileSync(kubeconfigPath, JSON.stringify({ 'current-context': 'c', ...names }));
    const kube = connectKubernetes({ kubeconfigPath });
    const secret = {
      metadata: { name: 's', labels: { version: '1', status: 'deployed' } },
      data: { release: Buffer.from(Buffer.from('{"info":{}}').toString('base64')).toString('base64') },
    };
    const list = { kind: 'SecretList', metadata: { resourceVersion: '1' }, items: [secret] };
    const groups = [
      { name: 'g', versions: [{ groupVersion: 'g/v1' }], preferredVersion: { groupVersion: 'g/v1' } },
    ];
    const resources = [{ name: 'rs', kind: 'R', namespaced: true, verbs: ['list', 'delete'] }];
    const texts = fc.oneof(
      fc.string(),
      fc.constantFrom('', '<html><title>Sign in</title></html>', 'null', '[]', '503 no', '{"items":null}'),
      ...[list, { groups }, { resources }].map((it) =>
        fc.oneof(mutated(it), anything).map((one) => JSON.stringify(one)),
      ),
      fc
        .oneof(mutated({ kind: 'Status', message: 'm', details: { causes: [] } }))
        .map((one) => `5${JSON.stringify(one)}`),
    );
    try {
      await fc.assert(
        fc.asyncProperty(texts, async (text) => {
          body = text;
          const asked = await Promise.allSettled([
            kube.serverVersion(),
            kube.discovery.find('g/v1', 'R'),
            listApiResources(kube),
            observeRelease(kube, { namespace: 'n', name: 'r' }),
            listOf(kube, { root: '/api/v1', apiVersion: 'v1', kind: 'R', name: 'rs', namespaced: true }, {}),
          ]);
          for (const it of asked)
            if (it.status === 'rejected')
              typed(() => {
                throw it.reason;
              });
        }),
        { numRuns },
      );
    } finally {
      kube.close();
      server.close();
      server.closeAllConnections();
    }
  });

  it(`what helm says is told, ${String(numRuns)} runs`, limits, () => {
    const word = fc.constantFrom(
      'Error: ',
      'parse error at (',
      'EOF',
      'no matches for kind "',
      '" in version "',
      'chart requires kubeVersion: ',
      ' which is incompatible with Kubernetes ',
      'failed calling webhook "',
      '": ',
      'Secret "sh.helm.release.v1.',
      'UPGRADE FAILED: ',
      '\n',
      'template: ',
      '404',
      'dial tcp',
      'x509',
      '(',
      '[',
      '\\',
    );
    const line = fc.oneof(
      fc.string(),
      fc.array(word, { maxLength: 8 }).map((it) => it.join('')),
    );
    fc.assert(
      fc.property(
        fc.array(line, { maxLength: 5 }),
        fc.constantFrom('upgrade', 'template', 'pull', 'show', 'uninstall', 'rollback', ''),
        (evidence, verb) => {
          const error = new TracewrightError({ type: 'tool.failed', message: 'm', remedy: 'r', evidence });
          typed(() => {
            throw helmFailure(error, [verb, 'x', '--repo']);
          });
        },
      ),
      { numRuns },
    );
  });

  it(`what docker and k3d say is told, ${String(numRuns)} runs`, limits, () => {
    const container = {
      ...{ name: '/a', image: 'i', role: '', environment: null, hasToken: false, status: 'running' },
      ...{ startedAt: '', restarts: 0, ports: { '80/tcp': [{ HostIp: '', HostPort: '1' }] } },
    };
    const line = fc.oneof(
      fc.string(),
      mutated(container).map((it) => JSON.stringify(it)),
    );
    fc.assert(
      fc.property(line, fc.array(fc.string(), { maxLength: 3 }), (text, lines) => {
        typed(() => readContainer(text));
        messageOf(`time="x" level=info msg=${text}`);
        const error = new TracewrightError({
          type: 'tool.failed',
          message: 'm',
          remedy: 'r',
          evidence: lines,
        });
        typed(() => {
          throw explainFailure(error, {
            what: 'docker',
            lines,
            tooLate: 'docker.unreachable',
            otherwise: 'tool.failed',
          });
        });
      }),
      { numRuns },
    );
  });
});
