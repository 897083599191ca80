import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findContext, resolveContext } from '../../../src/tools/kubernetes/kubeconfig.js';
import { provideKubectl } from '../../../src/tools/helm-binary.js';
import { testFolder } from '../../support/folder.js';
import { kubectl } from '../../support/kubectl.js';

const run = promisify(execFile);

/** Of `cluster`, by its name; of `users` and `contexts` what the test says. */
interface Parts {
  readonly current?: string;
  readonly contexts?: Readonly<Record<string, { readonly cluster: string; readonly user: string }>>;
  readonly clusters?: Readonly<Record<string, string>>;
  readonly users?: Readonly<Record<string, string>>;
}

function kubeconfig({ current = '', contexts = {}, clusters = {}, users = {} }: Parts): string {
  const named = <T>(entries: Readonly<Record<string, T>>, key: string, of: (value: T) => object): object[] =>
    Object.entries(entries).map(([name, value]) => ({ name, [key]: of(value) }));
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': current,
    contexts: named(contexts, 'context', (it) => it),
    clusters: named(clusters, 'cluster', (server) => ({ server })),
    users: named(users, 'user', (token) => ({ token })),
  });
}

async function write(folder: string, files: readonly Parts[]): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  return Promise.all(
    files.map(async (file, index) => {
      const path = join(folder, `${String(index)}.yaml`);
      await writeFile(path, kubeconfig(file));
      return path;
    }),
  );
}

const laptop: Parts = {
  current: 'staging',
  contexts: { laptop: { cluster: 'laptop', user: 'laptop' } },
  clusters: { laptop: 'https://127.0.0.1:16441' },
  users: { laptop: 'laptop-token' },
};
const team: Parts = {
  current: 'production',
  contexts: {
    staging: { cluster: 'staging', user: 'team' },
    production: { cluster: 'production', user: 'team' },
  },
  clusters: { staging: 'https://127.0.0.1:16442', production: 'https://127.0.0.1:16443' },
  users: { team: 'team-token' },
};

describe('the files of KUBECONFIG', () => {
  it('are merged: the first current-context counts, wherever its context stands', async () => {
    const paths = await write(await testFolder(), [laptop, team]);
    const found = findContext(paths);
    expect(found).toEqual({ kubeconfigPath: paths[1], context: 'staging' });
    expect(resolveContext(found).serverUrl).toBe('https://127.0.0.1:16442');
    expect(findContext(paths, 'laptop')).toEqual({ kubeconfigPath: paths[0], context: 'laptop' });
  });

  it('may hold context, cluster and user each in a file of its own', async () => {
    const context = 'arn:aws:eks:eu-west-1:111122223333:cluster/obs';
    const paths = await write(await testFolder(), [
      { current: context, contexts: { [context]: { cluster: 'obs', user: 'me@example.com/sso' } } },
      laptop,
      { clusters: { obs: 'https://127.0.0.1:16444' } },
      { users: { 'me@example.com/sso': 'sso-token' } },
    ]);
    for (const found of [findContext(paths), findContext(paths, context)]) {
      expect(found.kubeconfigPath).toBe([paths[0], paths[2], paths[3]].join(delimiter));
      expect(resolveContext(found)).toMatchObject({
        context,
        serverUrl: 'https://127.0.0.1:16444',
        user: { token: 'sso-token' },
      });
    }
  });

  it('may be missing, empty or emptied, as long as one has a context', async () => {
    const folder = await testFolder();
    const [path = ''] = await write(folder, [laptop]);
    const [empty, emptied] = [join(folder, 'empty'), join(folder, 'emptied')];
    await writeFile(empty, '');
    await writeFile(
      emptied,
      'apiVersion: v1\nclusters: null\ncontexts: null\ncurrent-context: ""\nusers: null\n',
    );
    expect(findContext([join(folder, 'none'), empty, emptied, path], 'laptop').kubeconfigPath).toBe(path);
    for (const file of [empty, emptied])
      expect(() => findContext([file])).toThrow(
        expect.objectContaining({ type: 'cluster.not-found' }) as Error,
      );
  });

  it('may hold unfinished entries that are not asked for', async () => {
    const path = join(await testFolder(), 'config');
    await writeFile(
      path,
      `current-context: good
clusters:
  - { name: good, cluster: { server: 'https://127.0.0.1:16461' } }
  - { name: half-made, cluster: { server: '' } }
  - { name: hostless, cluster: { server: 'https://' } }
contexts:
  - { name: good, context: { cluster: good, user: good } }
  - { name: aksdemo, context: { cluster: '', user: '' } }
  - { name: half, context: { cluster: half-made } }
  - { name: hostless, context: { cluster: hostless } }
  - { name: nothing }
  -
users: [{ name: good, user: { token: t } }]
`,
    );
    expect(resolveContext({ kubeconfigPath: path }).serverUrl).toBe('https://127.0.0.1:16461');
    for (const context of ['aksdemo', 'half', 'hostless', 'nothing'])
      expect(() => resolveContext({ kubeconfigPath: path, context })).toThrow(
        expect.objectContaining({
          type: 'cluster.not-found',
          message: expect.stringContaining(context) as string,
        }) as Error,
      );
  });

  it.each(['current-context: 1', 'contexts: [{ name: 1, context: {} }]', 'users: [{ name: true }]'])(
    'hold names that are texts: %s',
    async (text) => {
      const path = join(await testFolder(), 'config');
      await writeFile(path, text);
      expect(() => resolveContext({ kubeconfigPath: path, context: 'c' })).toThrow(
        expect.objectContaining({
          type: 'cluster.not-found',
          message: expect.stringContaining('is not a kubeconfig') as string,
        }) as Error,
      );
    },
  );

  it('are files, and no pipes, which only one can read', async () => {
    const path = join(await testFolder(), 'pipe');
    await run('mkfifo', [path]);
    expect(() => findContext([path])).toThrow(
      expect.objectContaining({
        type: 'cluster.not-found',
        message: expect.stringContaining('is a pipe') as string,
      }) as Error,
    );
  });

  it('are taken as kubectl takes them, whatever they hold', { timeout: 300_000 }, async () => {
    const folder = await testFolder();
    const { path: program } = await provideKubectl(kubectl);
    const name = fc.constantFrom('a', 'b', 'c');
    const file = fc.record({
      current: fc.oneof(fc.constant(''), name),
      contexts: fc.dictionary(name, fc.record({ cluster: name, user: name }), { maxKeys: 3 }),
      clusters: fc.dictionary(
        name,
        fc.nat(9).map((port) => `https://127.0.0.1:1${String(port)}`),
        { maxKeys: 3 },
      ),
      users: fc.dictionary(
        name,
        fc.nat(9).map((token) => `token-${String(token)}`),
        { maxKeys: 3 },
      ),
    });
    let count = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 3 }), async (files) => {
        const paths = await write(join(folder, String(count++)), files);
        const env = { ...process.env, KUBECONFIG: paths.join(delimiter) };
        const args = ['config', 'view', '--minify', '--raw', '-o', 'json'];
        const theirs = await run(program, args, { env }).then(
          ({ stdout }) => JSON.parse(stdout) as Record<string, { cluster?: object; user?: object }[]>,
          () => undefined,
        );
        let ours: ReturnType<typeof resolveContext> | undefined;
        try {
          ours = resolveContext(findContext(paths));
        } catch (error) {
          expect(error).toMatchObject({ type: 'cluster.not-found' });
        }
        // A user that is nowhere is kubectl's to refuse, when it is used.
        if (ours && !ours.user) return;
        expect(ours?.context).toEqual(theirs?.['current-context']);
        expect(ours?.cluster).toEqual(theirs?.['clusters']?.[0]?.cluster);
        expect(ours?.user).toEqual(theirs?.['users']?.[0]?.user);
      }),
      { numRuns: 30 },
    );
  });
});
