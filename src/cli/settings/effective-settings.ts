import { delimiter } from 'node:path';
import { type Config, type ConfigProblem, kubeconfigPaths, readConfig } from '../../config.js';
import { formatDuration } from '../../domain/duration.js';
import type { Parameter } from '../../domain/parameter.js';
import type { EnvironmentSpec } from '../../domain/progress.js';
import { isSecretName, mask } from '../../tools/redact.js';
import { maskValue, type Setting, type SettingOrigin } from './setting.js';
import { temporalSettings } from './temporal-settings.js';

/** An environment, with what it is to be. */
export interface KeptSpec {
  readonly environment: string;
  readonly spec: EnvironmentSpec;
}

/**
 * Everything that decides what Tracewright does, with where it comes from; wrong values with what is wrong. Reads
 * Temporal's configuration file, and connects to nothing. What it gives holds no secret.
 * @param kept adds the flags of the last `up` of this environment
 */
export function effectiveSettings({ environment }: Pick<Config, 'environment'>, kept?: KeptSpec): Setting[] {
  const { config, problems } = readConfig(environment);
  return [
    ...ownSettings(config, problems),
    ...temporalSettings(config),
    ...surroundings(config),
    ...(kept ? keptSettings(kept.environment, kept.spec) : []),
  ];
}

interface OwnVariable {
  readonly name: string;
  /** The first one that is set counts. */
  readonly variables: readonly string[];
  readonly valueOf: (config: Config) => string | undefined;
  readonly means: string;
}

const ownVariables: readonly OwnVariable[] = [
  {
    name: 'state folder',
    variables: ['TRACEWRIGHT_STATE_DIR', 'XDG_STATE_HOME'],
    valueOf: ({ stateDir }) => stateDir,
    means: 'holds the Temporal database, logs, kubeconfigs and clusters',
  },
  {
    name: 'cache folder',
    variables: ['TRACEWRIGHT_CACHE_DIR', 'XDG_CACHE_HOME'],
    valueOf: ({ cacheDir }) => cacheDir,
    means: 'holds downloads and built programs; may be deleted',
  },
  {
    name: 'log level',
    variables: ['TRACEWRIGHT_LOG_LEVEL'],
    valueOf: ({ logLevel }) => logLevel,
    means: 'how much the worker writes: debug, info, warn, error',
  },
  {
    name: 'image cache',
    variables: ['TRACEWRIGHT_IMAGE_CACHE'],
    valueOf: ({ environment }) => environment['TRACEWRIGHT_IMAGE_CACHE'] ?? '10GiB',
    means: 'how much of the cache folder pulled images may take',
  },
  {
    name: 'slots',
    variables: ['TRACEWRIGHT_SLOTS'],
    valueOf: ({ slots }) => slots?.toString(),
    means: 'how many installs go on side by side on this machine (default: what it bears)',
  },
  {
    name: 'install trace',
    variables: ['TRACEWRIGHT_INSTALL_TRACE'],
    valueOf: ({ installTrace }) => (installTrace === false ? 'off' : 'on'),
    means: 'whether `up` sends the trace of the install to the trace store that it makes',
  },
  {
    name: 'Kubernetes from',
    variables: ['TRACEWRIGHT_KUBERNETES_FROM'],
    valueOf: ({ kubernetesFrom }) => kubernetesFrom,
    means: 'where the embedded cluster downloads its programs without Go (default: from their publishers)',
  },
  {
    name: 'metrics address',
    variables: ['TRACEWRIGHT_METRICS_ADDRESS'],
    valueOf: ({ metricsAddress }) => metricsAddress,
    means: 'where the worker serves its metrics (default: nowhere)',
  },
  {
    name: 'payload keys',
    variables: ['TRACEWRIGHT_PAYLOAD_KEYS', 'TRACEWRIGHT_PAYLOAD_KEYS_PROGRAM'],
    valueOf: ({ payloadKeys: keys }) => keys && ('file' in keys ? keys.file : keys.program),
    means: 'has the keys with which the Temporal server gets everything encrypted (default: it is not)',
  },
  {
    name: 'worker version',
    variables: ['TEMPORAL_DEPLOYMENT_NAME', 'TEMPORAL_WORKER_BUILD_ID'],
    valueOf: ({ workerVersion: it }) => it && `${it.deploymentName}:${it.buildId}`,
    means: 'the version of a worker deployment that workers from here are of (default: none)',
  },
  {
    name: 'public metrics',
    variables: ['TRACEWRIGHT_METRICS_PUBLIC'],
    valueOf: ({ environment }) => environment['TRACEWRIGHT_METRICS_PUBLIC'],
    means: 'whether other machines may reach the metrics',
  },
];

/** Tracewright's own settings. @param problems as `readConfig` found them */
function ownSettings(config: Config, problems: readonly ConfigProblem[]): Setting[] {
  return ownVariables.map(({ name, variables, valueOf, means }) => {
    const common = { group: 'tracewright', name, means } as const;
    const problem = problems.find(({ variable }) => variables.includes(variable));
    if (problem) {
      const { variable, rule } = problem;
      const value = maskValue(config.environment[variable] ?? '');
      return { ...common, value, origin: { kind: 'variable', variable }, problem: `It ${withVerb(rule)}.` };
    }
    const value = valueOf(config);
    const from = variables.find((it) => isUsed(it, config.environment[it], value));
    return {
      ...common,
      ...(value !== undefined && { value: maskValue(value) }),
      origin: from === undefined ? { kind: 'default' } : { kind: 'variable', variable: from },
    };
  });
}

/** XDG_* with a relative path count as unset, as their specification says. */
function isUsed(variable: string, set: string | undefined, value: string | undefined): boolean {
  return set !== undefined && (!variable.startsWith('XDG_') || (value?.startsWith(set) ?? false));
}

function withVerb(rule: string): string {
  return /^(?:must|names)\b/u.test(rule) ? rule : `is wrong: ${rule}`;
}

/** Variables that other programs define, and what we, or the programs that we start, do with them. */
const variables: readonly (readonly [variable: string, means: string])[] = [
  ['DOCKER_HOST', 'the Docker engine of the target k3d'],
  ['DOCKER_CONTEXT', 'the Docker engine of the target k3d'],
  ['HTTP_PROXY', 'the proxy for downloads over http'],
  ['HTTPS_PROXY', 'the proxy for downloads over https'],
  ['NO_PROXY', 'what is reached without the proxy'],
  ['GOPROXY', 'where Go modules come from'],
  ['PIP_INDEX_URL', 'where the Temporal CLI comes from'],
  ['npm_config_registry', 'where Helm comes from'],
  ['NO_COLOR', 'no colours'],
  ['CI', 'one line an event, also in a terminal'],
];

/** What Tracewright reads, or hands on, of what was made for other programs. Those that are not set have no value. */
function surroundings(config: Pick<Config, 'environment'>): Setting[] {
  const { environment } = config;
  const kubeconfig: Setting = {
    group: 'surroundings',
    name: 'kubeconfig',
    value: kubeconfigPaths(config).join(delimiter),
    origin: environment['KUBECONFIG'] ? { kind: 'variable', variable: 'KUBECONFIG' } : { kind: 'default' },
    means: 'where existing clusters are looked up',
  };
  return [kubeconfig, ...variables.map(([variable, means]) => setting(environment, variable, means))];
}

/** Proxies are also taken from variables in lower-case letters. */
function setting(environment: Config['environment'], variable: string, means: string): Setting {
  const found = [variable, ...(variable.endsWith('_PROXY') ? [variable.toLowerCase()] : [])].find(
    (it) => environment[it],
  );
  const origin: SettingOrigin = { kind: 'variable', variable: found ?? variable };
  const value = found === undefined ? undefined : environment[found];
  const common = { group: 'surroundings', name: variable, means } as const;
  return value === undefined
    ? { ...common, origin: { kind: 'default' } }
    : { ...common, value: maskValue(value), origin };
}

/** What an environment keeps of the flags of its last `up`. @param environment its name */
function keptSettings(environment: string, spec: EnvironmentSpec): Setting[] {
  const { stack, target, failFast, adopt, parameters = [], ttlMs, verifyEveryMs } = spec;
  const kept = (name: string, value: string | undefined, means: string): Setting[] =>
    value === undefined
      ? []
      : [{ group: 'environment', name, value: maskValue(value), origin: { kind: 'up', environment }, means }];
  return [
    ...kept('--stack', stack.name, 'what is installed'),
    ...kept('--target', target.kind, 'where the cluster comes from'),
    ...kept('--kubeconfig', target.kubeconfigPath, 'how the cluster is reached'),
    ...kept('--context', target.context, 'which cluster of that file'),
    ...kept('--adopt', adopt && 'on', 'takes over what others made'),
    ...kept('--fail-fast', failFast ? 'on' : undefined, 'ends at the first failed step'),
    ...kept('--ttl', lifeText(ttlMs), 'how long it lives'),
    ...kept('--verify-every', lifeText(verifyEveryMs), 'how often it proves itself again'),
    ...parameters.flatMap((it) =>
      kept(...parameterText(it), 'changes Helm values; --reset-values forgets it'),
    ),
  ];
}

function lifeText(ms: number | undefined): string | undefined {
  return ms === 0 ? 'never' : ms === undefined ? undefined : formatDuration(ms);
}

/** `--set tempo.values.replicas=2` → `--set tempo.values.replicas`, `2`. */
function parameterText({ given, path }: Parameter): [name: string, value: string] {
  const [name = given, ...value] = given.split('=');
  return [name, isSecretName(String(path.at(-1))) ? mask : value.join('=')];
}
