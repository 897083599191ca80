import { mkdir, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse } from 'yaml';
import { isLongWholeNumber } from '../../domain/parameter.js';
import type { ReleaseRef } from '../../domain/release.js';
import type { ImageRewriting, ReleaseSpec } from '../../domain/stack.js';
import { toolGraceMs, type Deadline } from '../../domain/time-limits.js';
import type { ToolSource } from '../find-program.js';
import { kubeconfigCall } from '../kubernetes/kubeconfig.js';
import { run, type ProcessOwner, type RunResult } from '../process.js';
import { isLoopback } from '../registry/loopback.js';
import { helmFailure } from './failure.js';
import { installPostRenderer, isHelm3 } from './post-renderer.js';

export interface HelmOptions {
  /** Path of the program, or its name on PATH; helm 3.13 or later, or helm 4. */
  readonly binary: string;
  /**
   * For helm's caches and configuration, one folder per release: parallel calls share nothing, the user's stays
   * untouched.
   */
  readonly homeDir: string;
  readonly kubeconfigPath: string;
  /** @default the current context of the file */
  readonly context?: string | undefined;
  /** On top of those of this process: PATH, proxies, credentials. @default none */
  readonly environment?: ToolSource['environment'] | undefined;
  /** What becomes of the images of the charts that are rendered and installed; needs helm 4. @default nothing */
  readonly images?: ImageRewriting | undefined;
  /** How long a download may take, in milliseconds. @default 180000 */
  readonly downloadMs?: number;
}

/** How one call is run. */
export interface HelmCall {
  /** Both outputs are appended. */
  readonly logFile?: string | undefined;
  readonly onLine?: ((line: string) => void) | undefined;
  readonly owner?: ProcessOwner | undefined;
  /** SIGTERM first: helm then marks the release as failed instead of leaving it pending. */
  readonly signal?: AbortSignal | undefined;
  /** Makes every time limit of the call shorter that reaches beyond it. */
  readonly deadline?: Deadline | undefined;
}

export interface Rendered {
  /** A chart folder or .tgz. */
  readonly chartPath: string;
  /** Go through the standard input: neither arguments nor files ever hold them. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Those of them that are to reach the chart as whole numbers: they are arguments as well. @default none */
  readonly wholeNumbers?: ReleaseSpec['wholeNumbers'];
}

export interface UpgradeInstall extends ReleaseRef, Rendered {
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
  /** As it was made with: part of what a release should be. */
  readonly images: ImageRewriting | undefined;
  /** Installs or upgrades, without the chart's `crds/`; the namespace must exist. */
  upgradeInstall(release: UpgradeInstall, call?: HelmCall): Promise<void>;
  /** No error when there is no such release. */
  uninstall(release: ReleaseRef & { readonly timeoutMs: number }, call?: HelmCall): Promise<void>;
  rollback(
    release: ReleaseRef & { readonly revision: number; readonly timeoutMs: number },
    call?: HelmCall,
  ): Promise<void>;
  /** The rendered manifests, without asking the cluster unless `kubeVersion` and `apiVersions` are left to it. */
  template(
    release: ReleaseRef &
      Rendered & {
        readonly includeCrds?: boolean;
        readonly kubeVersion?: string;
        readonly apiVersions?: readonly string[];
        /** Ask the cluster for what the chart looks up, and whether it knows all kinds. @default false */
        readonly looksUp?: boolean;
      },
    call?: HelmCall,
  ): Promise<string>;
  /** What it would keep of the release, as JSON, without asking the cluster: chart, values, manifests. */
  record(release: ReleaseRef & Rendered, call?: HelmCall): Promise<string>;
  showChart(chartPath: string, call?: HelmCall): Promise<ChartMetadata>;
  /** The CustomResourceDefinitions of `crds/`, of all subcharts, as YAML. */
  showCrds(chartPath: string, call?: HelmCall): Promise<string>;
  /** Downloads a chart as .tgz into the folder, and leaves nothing else there. */
  pull(chart: RemoteChart, folder: string, call?: HelmCall): Promise<void>;
  /** Such as `v4.1.4`. */
  version(call?: HelmCall): Promise<string>;
}

/** Revisions that helm keeps of a release: enough to roll back, few enough to list quickly. */
const historyMax = 5;
/** For a chart and the index of its repository, which may have 20 MB. */
const downloadMs = 180_000;
/** For helm's own work around hooks: rendering and sending hundreds of objects. */
const workMs = 120_000;

export function createHelm(options: HelmOptions): Helm {
  const cluster = kubeconfigCall(options, '--kube-context');
  const helm = async (
    args: readonly string[],
    home: string,
    call: HelmCall,
    more: { input?: string; timeoutMs?: number } = {},
  ): Promise<RunResult> => {
    try {
      return await run(options.binary, args, {
        env: { ...options.environment, ...(await homeOf(resolve(options.homeDir, home))), ...cluster.env },
        timeoutMs: processMs(more.timeoutMs ?? workMs, call),
        missingRemedy: 'Install helm 3.13 or later.',
        ...(more.input !== undefined && { input: more.input }),
        ...definedOf(call),
      });
    } catch (error) {
      throw helmFailure(error, args, call.logFile);
    }
  };
  const forRelease = (
    verb: string,
    { namespace, name }: ReleaseRef,
    args: readonly string[],
    call: HelmCall,
    more?: { input?: string; timeoutMs?: number },
  ): Promise<RunResult> =>
    helm(
      [verb, name, ...args, '--namespace', namespace, ...cluster.args],
      `${namespace}.${name}`,
      call,
      more,
    );
  const onChart = (args: readonly string[], call: HelmCall): Promise<RunResult> => helm(args, 'charts', call);

  let known: Promise<string> | undefined;
  const version = (call: HelmCall): Promise<string> => {
    const asked =
      known ?? onChart(['version', '--template', '{{.Version}}'], call).then(({ stdout }) => stdout.trim());
    known = asked;
    // Whoever was cancelled has learnt nothing for the others.
    asked.catch(() => (known = undefined));
    return asked;
  };
  /**
   * Helm 4 refuses to change a field that somebody else has written since. What the stack says counts, whoever that
   * was; Helm 3 has never asked.
   */
  const forced = async ({ signal }: HelmCall): Promise<string[]> =>
    isHelm3(await version({ signal })) ? [] : ['--server-side=true', '--force-conflicts'];
  /** Of a verb that renders: with our post-renderer where images become others. */
  const rendering = async (
    verb: string,
    release: ReleaseRef,
    args: readonly string[],
    call: HelmCall,
    more: { input: string; timeoutMs?: number },
  ): Promise<RunResult> => {
    if (!options.images) return forRelease(verb, release, args, call, more);
    const home = join(options.homeDir, `${release.namespace}.${release.name}`);
    const renderer = await installPostRenderer(home, await version({ signal: call.signal }), options.images);
    try {
      return await forRelease(verb, release, [...args, ...renderer.args], call, more);
    } catch (error) {
      throw (await renderer.failure()) ?? error;
    }
  };

  return {
    images: options.images,
    async upgradeInstall({ chartPath, values, wholeNumbers, labels, timeoutMs, ...release }, call = {}) {
      const args = [
        chartPath,
        '--install',
        '--skip-crds',
        '--values',
        '-',
        ...wholeArguments(values, wholeNumbers),
        '--reset-values',
        '--history-max',
        String(historyMax),
      ];
      const limits = ['--timeout', waitOf(timeoutMs, call), ...labelArguments(labels)];
      await rendering('upgrade', release, [...args, ...limits, ...(await forced(call))], call, {
        input: JSON.stringify(values),
        timeoutMs: timeoutMs + workMs,
      });
    },
    async uninstall({ timeoutMs, ...release }, call = {}) {
      await forRelease(
        'uninstall',
        release,
        ['--ignore-not-found', '--timeout', waitOf(timeoutMs, call)],
        call,
        {
          timeoutMs: timeoutMs + workMs,
        },
      );
    },
    async rollback({ revision, timeoutMs, ...release }, call = {}) {
      const args = [
        String(revision),
        '--timeout',
        waitOf(timeoutMs, call),
        '--history-max',
        String(historyMax),
        ...(await forced(call)),
      ];
      await forRelease('rollback', release, args, call, { timeoutMs: timeoutMs + workMs });
    },
    async template(
      { chartPath, values, wholeNumbers, includeCrds, kubeVersion, apiVersions = [], looksUp, ...release },
      call = {},
    ) {
      const flags = [
        ...wholeArguments(values, wholeNumbers),
        ...(includeCrds ? ['--include-crds'] : []),
        ...(looksUp ? ['--dry-run=server'] : []),
        ...(kubeVersion === undefined ? [] : ['--kube-version', kubeVersion]),
        ...apiVersions.flatMap((one) => ['--api-versions', one]),
      ];
      return (
        await rendering('template', release, [chartPath, '--values', '-', ...flags], call, {
          input: JSON.stringify(values),
        })
      ).stdout;
    },
    async record({ chartPath, values, wholeNumbers, ...release }, call = {}) {
      const flags = [
        '--dry-run=client',
        '--output',
        'json',
        '--skip-crds',
        ...wholeArguments(values, wholeNumbers),
      ];
      const input = JSON.stringify(values);
      return (await rendering('install', release, [chartPath, '--values', '-', ...flags], call, { input }))
        .stdout;
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
      const home = join(folder, '.helm');
      const args = ['pull', ...remoteArguments(chart), '--version', chart.version, '--destination', folder];
      try {
        await helm(args, home, call, { timeoutMs: options.downloadMs ?? downloadMs });
      } finally {
        await rm(home, { recursive: true, force: true });
      }
    },
    version: (call = {}) => version(call),
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

function remoteArguments(chart: RemoteChart): string[] {
  if ('repository' in chart) return [chart.name, '--repo', chart.repository];
  return [chart.oci, ...(isLoopback(new URL(chart.oci).hostname) ? ['--plain-http'] : [])];
}

/** A value that a later parameter has changed to something else is left to the values. */
function wholeArguments(values: Rendered['values'], paths: Rendered['wholeNumbers'] = []): string[] {
  return paths.flatMap((path) => {
    const value = path.reduce<unknown>(
      (at, key) => (at as Record<string, unknown> | undefined)?.[key],
      values,
    );
    const keys = path.map((key, index) =>
      typeof key === 'number'
        ? `[${String(key)}]`
        : (index === 0 ? '' : '.') + key.replace(/[\\.,=[\]{}]/gu, '\\$&'),
    );
    return Number.isSafeInteger(value) || isLongWholeNumber(value)
      ? ['--set', `${keys.join('')}=${String(value)}`]
      : [];
  });
}

/** For helm's --timeout, in whole seconds. */
function waitOf(ms: number, { deadline }: HelmCall): string {
  return `${String(Math.max(1, Math.ceil((deadline?.leftMs(ms) ?? ms) / 1000)))}s`;
}

/** When helm is ended: a little after the end of its own --timeout, whose error says more. */
function processMs(ms: number, { deadline }: HelmCall): number {
  return deadline ? Math.min(ms, deadline.leftMs() + toolGraceMs) : ms;
}

function labelArguments(labels: Readonly<Record<string, string>>): string[] {
  const pairs = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
  return pairs.length > 0 ? ['--labels', pairs.join(',')] : [];
}

/** Of the user's own helm: what could lead ours astray. The login of an OCI registry (HELM_REGISTRY_CONFIG) is left. */
const unsetVariables = [
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

/** Makes the folder of a helm of ours, and says with which variables helm keeps to it. */
async function homeOf(folder: string): Promise<Record<string, string | undefined>> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  return {
    ...Object.fromEntries(unsetVariables.map((name) => [`HELM_${name}`, undefined])),
    HELM_DRIVER: 'secret',
    HELM_CACHE_HOME: join(folder, 'cache'),
    HELM_CONFIG_HOME: join(folder, 'config'),
    HELM_DATA_HOME: join(folder, 'data'),
    // Colours would stand in the log and in errors.
    NO_COLOR: '1',
  };
}
