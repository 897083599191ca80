import { homedir } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { TracewrightError } from './domain/failure.js';
import { metricsAddressProblem, metricsAddressText, parseMetricsAddress } from './metrics-address.js';

/** Everything that Tracewright takes from its surroundings. This file is the only reader of the environment. */
export interface Config {
  /** Holds pids, logs, the Temporal database, kubeconfigs and clusters; private to the user (0700). */
  readonly stateDir: string;
  /** Holds downloaded tools and built programs, by content hash; may be deleted at any time without loss. */
  readonly cacheDir: string;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error';
  /** How much of the images that were pulled is kept in the cache folder, in bytes. Missing: 10 GiB. */
  readonly imageCacheBytes?: number;
  /** What has the published programs of Kubernetes instead of their publishers: a URL or an absolute path. */
  readonly kubernetesFrom?: string;
  /** A file, or a program that prints, the keys with which payloads are encrypted. Missing: they are not. */
  readonly payloadKeys?: PayloadKeySource;
  /** The version of a worker deployment that a worker is of. Missing: its tasks are those of every version. */
  readonly workerVersion?: { readonly deploymentName: string; readonly buildId: string };
  /** Where the worker serves its metrics, or `off`. Missing: nowhere, or where the worker that runs serves them. */
  readonly metricsAddress?: string;
  /** How many installs of local clusters go on side by side on this machine. Missing: what it bears. */
  readonly slots?: number;
  /** `false`: installs send no trace of their own to the trace store that they make. Missing: they do. */
  readonly installTrace?: false;
  /** For the worker that runs in the background: its starter waits for this file. A worker run by hand has none. */
  readonly readyFile?: string;
  /**
   * The whole environment, for the libraries and programs that define variables of their own (TEMPORAL_*, KUBECONFIG).
   */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** Where the keys for payloads come from. Absolute paths. */
export type PayloadKeySource = { readonly file: string } | { readonly program: string };

const absolutePath = z.string().refine(isAbsolute, 'must be an absolute path');

const environmentSchema = z
  .object({
    TRACEWRIGHT_STATE_DIR: absolutePath.optional(),
    TRACEWRIGHT_CACHE_DIR: absolutePath.optional(),
    TRACEWRIGHT_LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
    TRACEWRIGHT_METRICS_ADDRESS: z.string().optional(),
    TRACEWRIGHT_METRICS_PUBLIC: z.enum(['true', 'false']).default('false'),
    TRACEWRIGHT_PAYLOAD_KEYS: absolutePath.optional(),
    TRACEWRIGHT_PAYLOAD_KEYS_PROGRAM: absolutePath.optional(),
    TRACEWRIGHT_READY_FILE: absolutePath.optional(),
    TRACEWRIGHT_INSTALL_TRACE: z.enum(['on', 'off']).default('on'),
    TEMPORAL_DEPLOYMENT_NAME: z.string().optional(),
    TEMPORAL_WORKER_BUILD_ID: z.string().optional(),
    TRACEWRIGHT_IMAGE_CACHE: z
      .string()
      .regex(/^(?:0|\d{1,6}(?:MiB|GiB))$/u, 'must be a size such as 500MiB or 20GiB, or 0 to keep nothing')
      .transform((text) => Number.parseInt(text, 10) * (text.endsWith('GiB') ? 2 ** 30 : 2 ** 20))
      .optional(),
    TRACEWRIGHT_SLOTS: z
      .string()
      .regex(/^[1-9]\d{0,2}$/u, 'must be a whole number from 1 to 999')
      .transform(Number)
      .optional(),
    TRACEWRIGHT_KUBERNETES_FROM: z
      .string()
      .refine(
        (text) => isAbsolute(text) || /^https?:\/\/[^@]+$/u.test(text),
        'must be an http or https URL without a login, or an absolute path',
      )
      .optional(),
    XDG_STATE_HOME: absolutePath.optional().catch(undefined),
    XDG_CACHE_HOME: absolutePath.optional().catch(undefined),
  })
  .superRefine((variables, context) => {
    const { TRACEWRIGHT_METRICS_ADDRESS: address, TRACEWRIGHT_METRICS_PUBLIC: isPublic } = variables;
    const problem = address === undefined ? undefined : metricsAddressProblem(address, isPublic === 'true');
    if (problem !== undefined)
      context.addIssue({ code: 'custom', path: ['TRACEWRIGHT_METRICS_ADDRESS'], message: problem });
    if (!variables.TEMPORAL_DEPLOYMENT_NAME !== !variables.TEMPORAL_WORKER_BUILD_ID)
      context.addIssue({
        code: 'custom',
        path: [variables.TEMPORAL_DEPLOYMENT_NAME ? 'TEMPORAL_DEPLOYMENT_NAME' : 'TEMPORAL_WORKER_BUILD_ID'],
        message:
          'must be set together with the other of TEMPORAL_DEPLOYMENT_NAME and TEMPORAL_WORKER_BUILD_ID',
      });
    if (variables.TRACEWRIGHT_PAYLOAD_KEYS && variables.TRACEWRIGHT_PAYLOAD_KEYS_PROGRAM)
      context.addIssue({
        code: 'custom',
        path: ['TRACEWRIGHT_PAYLOAD_KEYS_PROGRAM'],
        message: 'must not be set together with TRACEWRIGHT_PAYLOAD_KEYS',
      });
  });

/** A variable of ours with a value that it cannot take. */
export interface ConfigProblem {
  readonly variable: string;
  /** The rule that it breaks: `must be an absolute path`. */
  readonly rule: string;
}

/**
 * Reads the configuration. `TRACEWRIGHT_STATE_DIR` and `TRACEWRIGHT_CACHE_DIR` are absolute paths; by default they are
 * `tracewright` below XDG_STATE_HOME (~/.local/state) and XDG_CACHE_HOME (~/.cache).
 * @throws TracewrightError `config.invalid` that names the variable
 */
export function loadConfig(environment: Config['environment'] = process.env): Config {
  const { config, problems } = readConfig(environment);
  requireGood(problems);
  return config;
}

/** As `loadConfig`, for those who look at a wrong configuration: variables with a wrong value count as unset. */
export function readConfig(environment: Config['environment'] = process.env): {
  config: Config;
  problems: readonly ConfigProblem[];
} {
  const { variables, problems } = parse(environment);
  return { config: configOf(variables, environment), problems };
}

/** Rules between variables are looked at when each one is good: hence again, without the bad ones. */
function parse(environment: Config['environment']): {
  variables: z.output<typeof environmentSchema>;
  problems: ConfigProblem[];
} {
  const parsed = environmentSchema.safeParse(environment);
  if (parsed.success) return { variables: parsed.data, problems: [] };
  const problems = parsed.error.issues.map(({ path, message }) => ({
    variable: String(path[0]),
    rule: message,
  }));
  const wrong = new Set(problems.map(({ variable }) => variable));
  const rest = parse(Object.fromEntries(Object.entries(environment).filter(([name]) => !wrong.has(name))));
  return { variables: rest.variables, problems: [...problems, ...rest.problems] };
}

/** @throws TracewrightError `config.invalid` that names the first variable with a problem */
export function requireGood([problem]: readonly ConfigProblem[]): void {
  if (!problem) return;
  throw new TracewrightError({
    type: 'config.invalid',
    message: `The environment variable ${problem.variable} has a wrong value: ${problem.rule}.`,
    remedy: 'Correct it, or unset it for the default. `tracewright config` shows all settings.',
  });
}

/** @throws TracewrightError `usage.invalid` when the folder that relative paths start from is gone */
export function requireWorkingFolder(): void {
  try {
    process.cwd();
  } catch (cause) {
    throw new TracewrightError({
      type: 'usage.invalid',
      message: 'The folder in which this command runs does not exist any more.',
      remedy: 'Go to one that exists: cd.',
      cause,
    });
  }
}

function configOf(variables: z.output<typeof environmentSchema>, environment: Config['environment']): Config {
  const stateHome = variables.XDG_STATE_HOME ?? join(homedir(), '.local', 'state');
  const cacheHome = variables.XDG_CACHE_HOME ?? join(homedir(), '.cache');
  const { TRACEWRIGHT_METRICS_ADDRESS: metrics } = variables;
  const address = metrics === undefined ? undefined : parseMetricsAddress(metrics);
  const metricsAddress = address ? metricsAddressText(address) : metrics;
  const { TEMPORAL_DEPLOYMENT_NAME: deploymentName, TEMPORAL_WORKER_BUILD_ID: buildId } = variables;
  const { TRACEWRIGHT_PAYLOAD_KEYS: file, TRACEWRIGHT_PAYLOAD_KEYS_PROGRAM: program } = variables;
  return {
    stateDir: variables.TRACEWRIGHT_STATE_DIR ?? join(stateHome, 'tracewright'),
    cacheDir: variables.TRACEWRIGHT_CACHE_DIR ?? join(cacheHome, 'tracewright'),
    logLevel: variables.TRACEWRIGHT_LOG_LEVEL,
    ...(file !== undefined && { payloadKeys: { file } }),
    ...(program !== undefined && { payloadKeys: { program } }),
    ...(deploymentName && buildId && { workerVersion: { deploymentName, buildId } }),
    ...(metricsAddress !== undefined && { metricsAddress }),
    ...(variables.TRACEWRIGHT_IMAGE_CACHE !== undefined && {
      imageCacheBytes: variables.TRACEWRIGHT_IMAGE_CACHE,
    }),
    ...(variables.TRACEWRIGHT_KUBERNETES_FROM !== undefined && {
      kubernetesFrom: variables.TRACEWRIGHT_KUBERNETES_FROM,
    }),
    ...(variables.TRACEWRIGHT_SLOTS !== undefined && { slots: variables.TRACEWRIGHT_SLOTS }),
    ...(variables.TRACEWRIGHT_INSTALL_TRACE === 'off' && { installTrace: false }),
    ...(variables.TRACEWRIGHT_READY_FILE !== undefined && { readyFile: variables.TRACEWRIGHT_READY_FILE }),
    environment,
  };
}

/** Where existing clusters are looked up, as kubectl does: the files of KUBECONFIG, else `~/.kube/config`. Absolute. */
export function kubeconfigPaths({ environment }: Pick<Config, 'environment'>): string[] {
  const named = (environment['KUBECONFIG'] ?? '').split(delimiter).filter((path) => path !== '');
  return named.length > 0 ? named.map((path) => resolve(path)) : [join(homedir(), '.kube', 'config')];
}
