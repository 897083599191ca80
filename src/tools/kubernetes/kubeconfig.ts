import { existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter } from 'node:path';
import { parse } from 'yaml';
import { TracewrightError } from '../../domain/failure.js';

/** What names a cluster together with the user that we are there. */
export interface KubeconfigContext {
  /** Absolute path of a kubeconfig file; several are joined as in KUBECONFIG. */
  readonly kubeconfigPath: string;
  /** @default the current context */
  readonly context?: string | undefined;
}

type Fields = Readonly<Record<string, unknown>>;

/** A context with what it names, merged from all files as kubectl merges them. */
export interface ResolvedContext {
  readonly kubeconfigPath: string;
  readonly context: string;
  readonly serverUrl: string;
  readonly cluster: Fields;
  /** Where the cluster stands: its paths are relative to this file's folder. */
  readonly clusterFile: string;
  /** Absent where the context names no user, or one that is in none of the files. */
  readonly user: Fields | undefined;
  /** The context's own entry. */
  readonly settings: Fields;
}

/** One file, or several merged into one: of each name and of `current-context`, the first one counts. */
interface Kubeconfig {
  readonly currentContext: string;
  readonly contexts: ReadonlyMap<string, Entry>;
  readonly clusters: ReadonlyMap<string, Entry>;
  readonly users: ReadonlyMap<string, Entry>;
}

interface Entry {
  readonly fields: Fields;
  readonly file: string;
}

/**
 * The context and what it names. Unfinished entries that it does not name do not matter.
 * @throws TracewrightError `cluster.not-found`: no such file or context, one that names no cluster, or no kubeconfig
 */
export function resolveContext({ kubeconfigPath, context }: KubeconfigContext): ResolvedContext {
  const files = filesOf(kubeconfigPath);
  const existing = files.filter((file) => existsSync(file));
  if (existing.length === 0) {
    throw notFound(
      `There is no kubeconfig file ${files.join(', ')}.`,
      'Give the path of a kubeconfig file, or create the cluster first.',
    );
  }
  const config = merge(existing.map(readFile));
  const name = context ?? config.currentContext;
  const settings = config.contexts.get(name)?.fields;
  if (!settings) {
    const known = [...config.contexts.keys()];
    throw notFound(
      name === ''
        ? `The kubeconfig ${kubeconfigPath} has no current context.`
        : `The kubeconfig ${kubeconfigPath} has no context "${name}".`,
      known.length > 0
        ? `Choose a context with --context: ${known.join(', ')}.`
        : 'It has no contexts at all: give the path of another kubeconfig file with --kubeconfig.',
    );
  }
  const clusterName = textOf(settings['cluster']);
  const { fields: cluster, file: clusterFile } = config.clusters.get(clusterName) ?? { fields: {}, file: '' };
  const user = config.users.get(textOf(settings['user']))?.fields;
  const server = textOf(cluster['server']);
  // As kubectl completes an address: without TLS, whatever the entries say of certificates.
  const serverUrl = server.includes('://') ? server : `http://${server}`;
  // Of an address with a host kubectl says whether it is of use: it takes zones, which Node's URL does not.
  if (/^https?:\/\/(?:[/?#]|$)/iu.test(serverUrl)) {
    throw notFound(
      clusterName === ''
        ? `The context "${name}" of the kubeconfig ${kubeconfigPath} names no cluster.`
        : `The context "${name}" names the cluster "${clusterName}", of which the kubeconfig ${kubeconfigPath} has no server address.`,
      'Complete it with `kubectl config set-context` and `kubectl config set-cluster`, or choose another context.',
    );
  }
  return {
    kubeconfigPath,
    context: name,
    serverUrl,
    cluster,
    clusterFile,
    user,
    settings,
  };
}

/**
 * The context that kubectl would use with these files in KUBECONFIG, and the fewest of them that it takes: one, unless
 * the entries of the context are spread over several.
 * @param paths absolute, at least one
 * @throws as `resolveContext`
 */
export function findContext(
  paths: readonly string[],
  context?: string,
): Required<KubeconfigContext> & { context: string } {
  const all = paths.join(delimiter);
  const resolved = resolveContext({ kubeconfigPath: all, context });
  const existing = paths.filter((path) => existsSync(path));
  const config = merge(existing.map(readFile));
  const { cluster, user } = resolved.settings;
  const files = [
    config.contexts.get(resolved.context),
    config.clusters.get(textOf(cluster)),
    config.users.get(textOf(user)),
  ].flatMap((entry) => (entry ? [entry.file] : []));
  const kubeconfigPath = existing.filter((path) => files.includes(path)).join(delimiter);
  return { kubeconfigPath, context: resolved.context };
}

/** How kubectl and helm are told of a kubeconfig: the variable where it is several files, since their flag takes one. */
export function kubeconfigCall(
  { kubeconfigPath, context }: KubeconfigContext,
  contextFlag: '--context' | '--kube-context',
): { args: string[]; env: Record<string, string> } {
  const several = filesOf(kubeconfigPath).length > 1;
  return {
    args: [
      ...(several ? [] : ['--kubeconfig', kubeconfigPath]),
      ...(context === undefined ? [] : [contextFlag, context]),
    ],
    env: several ? { KUBECONFIG: kubeconfigPath } : {},
  };
}

/** A file whose name holds the separator can be named all the same. */
function filesOf(kubeconfigPath: string): string[] {
  if (existsSync(kubeconfigPath)) return [kubeconfigPath];
  return kubeconfigPath.split(delimiter).filter((path) => path !== '');
}

function readFile(file: string): Kubeconfig {
  if (statSync(file).isFIFO())
    throw notFound(
      `The kubeconfig ${file} is a pipe, which can be read once: kubectl and helm have to read it as well.`,
      'Write it to a file that only you can read, and name that.',
    );
  let value: unknown;
  try {
    // As kubectl reads it: YAML 1.1, of equal keys the last one.
    value = parse(readFileSync(file, 'utf8'), {
      version: '1.1',
      merge: true,
      uniqueKeys: false,
      logLevel: 'error',
      maxAliasCount: -1,
    });
  } catch (error) {
    throw notFound(
      `The file ${file} is not a kubeconfig: ${(error as Error).message.trim()}`,
      'Correct the file.',
      error,
    );
  }
  if (value !== null && !isFields(value))
    throw notFound(`The file ${file} is not a kubeconfig.`, 'Correct the file, or name another one.');
  requireTexts(file, value);
  return {
    currentContext: textOf(value?.['current-context']),
    contexts: entriesOf(file, value?.['contexts'], 'context'),
    clusters: entriesOf(file, value?.['clusters'], 'cluster'),
    users: entriesOf(file, value?.['users'], 'user'),
  };
}

/** kubectl refuses a file in which a name is a number, which helm asks for only when much is done. */
function requireTexts(file: string, value: Fields | null): void {
  const named = ['contexts', 'clusters', 'users'].flatMap((part) => (value?.[part] ?? []) as unknown);
  const texts = [
    value?.['current-context'],
    ...[named].flat().flatMap((item) => (isFields(item) ? [item['name']] : [])),
  ];
  const other = texts.find((text) => typeof text === 'number' || typeof text === 'boolean');
  if (other !== undefined)
    throw notFound(
      `The file ${file} is not a kubeconfig: the name ${String(other)} is a ${typeof other}, as it is written.`,
      `Write it in quotes: "${String(other)}".`,
    );
}

function entriesOf(file: string, list: unknown, key: string): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const item of Array.isArray(list) ? (list as unknown[]) : []) {
    if (!isFields(item)) continue;
    const [name, fields] = [textOf(item['name']), item[key]];
    if (!entries.has(name)) entries.set(name, { fields: isFields(fields) ? fields : {}, file });
  }
  return entries;
}

function merge(configs: readonly Kubeconfig[]): Kubeconfig {
  const first = (part: 'contexts' | 'clusters' | 'users'): Map<string, Entry> =>
    new Map([...configs].reverse().flatMap((config) => [...config[part]]));
  return {
    currentContext: configs.find(({ currentContext }) => currentContext !== '')?.currentContext ?? '',
    contexts: first('contexts'),
    clusters: first('clusters'),
    users: first('users'),
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function notFound(message: string, remedy: string, cause?: unknown): TracewrightError {
  return new TracewrightError({ type: 'cluster.not-found', message, remedy, cause });
}
