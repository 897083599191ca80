import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { run, type ProcessOwner, type RunResult } from '../process.js';
import { helmFailure } from './failure.js';

export interface HelmOptions {
  /** Path of the program, or its name on PATH; helm 3.13 or later, or helm 4. */
  readonly binary: string;
  /** For helm's caches and configuration, one folder per release: parallel calls share nothing, the user's stays untouched. */
  readonly homeDir: string;
  readonly kubeconfigPath: string;
  /** @default the current context of the file */
  readonly context?: string | undefined;
}

/** How one call is run. */
export interface HelmCall {
  /** Both outputs are appended. */
  readonly logFile?: string | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
  readonly owner?: ProcessOwner | undefined;
  /** SIGTERM first: helm then marks the release as failed instead of leaving it pending. */
  readonly signal?: AbortSignal | undefined;
}

export interface ReleaseName {
  readonly namespace: string;
  readonly name: string;
}

interface Rendered {
  /** A chart folder or .tgz. */
  readonly chartPath: string;
  /** Go through the standard input: neither arguments nor files ever hold them. */
  readonly values: Readonly<Record<string, unknown>>;
}

export interface UpgradeInstall extends ReleaseName, Rendered {
  readonly labels: Readonly<Record<string, string>>;
  /** For each hook, in milliseconds. Ordinary objects are not waited for. */
  readonly timeoutMs: number;
}

export type RemoteChart =
  | { readonly repository: string; readonly name: string; readonly version: string }
  | { readonly oci: string; readonly version: string };

export interface ChartMetadata {
  readonly name: string;
  readonly version: string;
  readonly appVersion?: string;
}

/** All throw `release.failed`, `release.locked`, `chart.not-found`, `cluster.unreachable`, `tool.missing` and so on. */
export interface Helm {
  /** Installs or upgrades, without the chart's `crds/`; the namespace must exist. */
  upgradeInstall(release: UpgradeInstall, call?: HelmCall): Promise<void>;
  /** No error when there is no such release. */
  uninstall(release: ReleaseName & { readonly timeoutMs: number }, call?: HelmCall): Promise<void>;
  rollback(
    release: ReleaseName & { readonly revision: number; readonly timeoutMs: number },
    call?: HelmCall,
  ): Promise<void>;
  /** The rendered manifests, without asking the cluster unless `kubeVersion` and `apiVersions` are left to it. */
  template(
    release: ReleaseName &
      Rendered & {
        readonly includeCrds?: boolean;
        readonly kubeVersion?: string;
        readonly apiVersions?: readonly string[];
      },
    call?: HelmCall,
  ): Promise<string>;
  showChart(chartPath: string, call?: HelmCall): Promise<ChartMetadata>;
  /** The CustomResourceDefinitions of `crds/`, of all subcharts, as YAML. */
  showCrds(chartPath: string, call?: HelmCall): Promise<string>;
  /** Downloads a chart as .tgz into the folder. */
  pull(chart: RemoteChart, folder: string, call?: HelmCall): Promise<void>;
  /** Such as `v4.1.4`. */
  version(call?: HelmCall): Promise<string>;
}

/** Revisions that helm keeps of a release: enough to roll back, few enough to list quickly. */
const historyMax = 5;
/** For helm's own work around hooks: rendering and sending hundreds of objects. */
const workMs = 120_000;

export function createHelm(options: HelmOptions): Helm {
  const helm = async (
    args: readonly string[],
    home: string,
    call: HelmCall,
    more: { input?: string; timeoutMs?: number } = {},
  ): Promise<RunResult> => {
    try {
      return await run(options.binary, args, {
        env: await homeOf(join(options.homeDir, home)),
        timeoutMs: more.timeoutMs ?? workMs,
        missingRemedy: 'Install helm 3.13 or later.',
        ...(more.input !== undefined && { input: more.input }),
        ...definedOf(call),
      });
    } catch (error) {
      throw helmFailure(error, args, call.logFile);
    }
  };
  const cluster = [
    '--kubeconfig',
    options.kubeconfigPath,
    ...(options.context === undefined ? [] : ['--kube-context', options.context]),
  ];
  const forRelease = (
    verb: string,
    { namespace, name }: ReleaseName,
    args: readonly string[],
    call: HelmCall,
    more?: { input?: string; timeoutMs?: number },
  ): Promise<RunResult> =>
    helm([verb, name, ...args, '--namespace', namespace, ...cluster], `${namespace}.${name}`, call, more);
  const onChart = (args: readonly string[], call: HelmCall): Promise<RunResult> => helm(args, 'charts', call);

  return {
    async upgradeInstall({ chartPath, values, labels, timeoutMs, ...release }, call = {}) {
      const args = [
        chartPath,
        '--install',
        '--skip-crds',
        '--values',
        '-',
        '--reset-values',
        '--history-max',
        String(historyMax),
      ];
      const limits = ['--timeout', seconds(timeoutMs), ...labelArguments(labels)];
      await forRelease('upgrade', release, [...args, ...limits], call, {
        input: JSON.stringify(values),
        timeoutMs: timeoutMs + workMs,
      });
    },
    async uninstall({ timeoutMs, ...release }, call = {}) {
      await forRelease('uninstall', release, ['--ignore-not-found', '--timeout', seconds(timeoutMs)], call, {
        timeoutMs: timeoutMs + workMs,
      });
    },
    async rollback({ revision, timeoutMs, ...release }, call = {}) {
      const args = [String(revision), '--timeout', seconds(timeoutMs), '--history-max', String(historyMax)];
      await forRelease('rollback', release, args, call, { timeoutMs: timeoutMs + workMs });
    },
    async template({ chartPath, values, includeCrds, kubeVersion, apiVersions = [], ...release }, call = {}) {
      const flags = [
        ...(includeCrds ? ['--include-crds'] : []),
        ...(kubeVersion === undefined ? [] : ['--kube-version', kubeVersion]),
        ...apiVersions.flatMap((version) => ['--api-versions', version]),
      ];
      return (
        await forRelease('template', release, [chartPath, '--values', '-', ...flags], call, {
          input: JSON.stringify(values),
        })
      ).stdout;
    },
    async showChart(chartPath, call = {}) {
      const { name, version, appVersion } = parse(
        (await onChart(['show', 'chart', chartPath], call)).stdout,
      ) as Record<string, string | number | undefined>;
      return {
        name: String(name),
        version: String(version),
        ...(appVersion !== undefined && { appVersion: String(appVersion) }),
      };
    },
    async showCrds(chartPath, call = {}) {
      return (await onChart(['show', 'crds', chartPath], call)).stdout;
    },
    async pull(chart, folder, call = {}) {
      const source = 'oci' in chart ? [chart.oci] : [chart.name, '--repo', chart.repository];
      const home = `pull.${('oci' in chart ? (chart.oci.split('/').at(-1) ?? '') : chart.name).replaceAll(/[^\w.-]/gu, '_')}`;
      await helm(['pull', ...source, '--version', chart.version, '--destination', folder], home, call);
    },
    async version(call = {}) {
      return (await onChart(['version', '--template', '{{.Version}}'], call)).stdout.trim();
    },
  };
}

/** Everything of the user's own helm that could lead ours astray is replaced or removed. */
async function homeOf(folder: string): Promise<Record<string, string | undefined>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const unset = [
    'NAMESPACE',
    'KUBECONTEXT',
    'KUBEAPISERVER',
    'KUBETOKEN',
    'KUBEASUSER',
    'KUBEASGROUPS',
    'KUBECAFILE',
    'KUBEINSECURE_SKIP_TLS_VERIFY',
    'KUBETLS_SERVER_NAME',
    'PLUGINS',
    'REPOSITORY_CACHE',
    'REPOSITORY_CONFIG',
    'CONTENT_CACHE',
    'DEBUG',
    'MAX_HISTORY',
    'DRIVER_SQL_CONNECTION_STRING',
  ];
  return {
    ...Object.fromEntries(unset.map((name) => [`HELM_${name}`, undefined])),
    HELM_DRIVER: 'secret',
    HELM_CACHE_HOME: join(folder, 'cache'),
    HELM_CONFIG_HOME: join(folder, 'config'),
    HELM_DATA_HOME: join(folder, 'data'),
    // Colours would stand in the log and in errors.
    NO_COLOR: '1',
  };
}

function definedOf({ logFile, onLine, owner, signal }: HelmCall): Pick<
  HelmCall,
  'logFile' | 'owner' | 'signal'
> & {
  onLine?: (line: string) => void;
} {
  return { logFile, owner, signal, ...(onLine && { onLine }) };
}

function seconds(ms: number): string {
  return `${String(Math.max(1, Math.ceil(ms / 1000)))}s`;
}

function labelArguments(labels: Readonly<Record<string, string>>): string[] {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length > 0 ? ['--labels', pairs.join(',')] : [];
}
