import type { Config, ConfigProblem } from '../../config.js';
import { maskValue } from './mask-value.js';
import type { Setting } from './setting.js';

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
    name: 'metrics address',
    variables: ['TRACEWRIGHT_METRICS_ADDRESS'],
    valueOf: ({ metricsAddress }) => metricsAddress,
    means: 'where the worker serves its metrics (default: nowhere)',
  },
  {
    name: 'public metrics',
    variables: ['TRACEWRIGHT_METRICS_PUBLIC'],
    valueOf: ({ environment }) => environment['TRACEWRIGHT_METRICS_PUBLIC'],
    means: 'whether other machines may reach the metrics',
  },
];

/** Tracewright's own settings. @param problems as `readConfig` found them */
export function ownSettings(config: Config, problems: readonly ConfigProblem[]): Setting[] {
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
