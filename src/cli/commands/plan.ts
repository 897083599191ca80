import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { failureOf } from '../../domain/check.js';
import { isCancellation, isTracewrightError, TracewrightError } from '../../domain/failure.js';
import type { Intent, Machine } from '../../domain/machine.js';
import { isFeasible, type PlanPreview, type StepPreview } from '../../domain/preview.js';
import type { EnvironmentSpec, TargetSpec } from '../../domain/progress.js';
import { canonicalJson } from '../../domain/release.js';
import type { ObservedCluster, PreviewContext } from '../../preview/component.js';
import { previewSteps } from '../../preview/preview.js';
import { embeddedCharts, openTarget } from '../../targets/open-target.js';
import { provideHelm } from '../../tools/helm-binary.js';
import { locateChart } from '../../tools/helm/chart-source.js';
import { createHelm } from '../../tools/helm/helm.js';
import { connectKubernetes } from '../../tools/kubernetes/connection.js';
import { temporaryFolder } from '../../tools/writable-folder.js';
import { type CliContext, type ExitCode, exitCodes } from '../context.js';
import { findExisting } from '../existing.js';
import { type InstallOptions, readInstallRequest } from '../install-request.js';
import { chooseParameters } from '../parameters/choose.js';
import { sourcedStack } from '../stack-sources.js';
import { planLines } from '../views/plan-view.js';
import { progressNotes } from '../views/progress-notes.js';

export interface PlanOptions extends InstallOptions {
  /** Show what becomes of each object. */
  diff?: boolean;
  json?: boolean;
}

/** For a chart whose repository hangs: whoever asks for a plan waits for an answer. In milliseconds. */
const downloadMs = 20_000;

/** Says what `up` with the same options would do, and does nothing. */
export async function plan(context: CliContext, options: PlanOptions): Promise<ExitCode> {
  const { note, paint, print } = context;
  const request = await readInstallRequest(context, options, { what: 'plan for', evenUnasked: true });
  const { name, target, given, machine } = request;
  const existing = await findExisting(context, name);
  const choice = chooseParameters(given, existing?.spec, request.loaded.stack.name);
  if (choice.note !== undefined) note(paint('dim', choice.note));
  const stack = await sourcedStack(request.stackWith(choice), target.kind, options);
  const spec = { stack, target, ...(options.adopt && { adopt: options.adopt }) };
  const found = await previewCluster(context, machine, { name, intent: spec, existing: existing?.spec });
  for (const warning of found.warnings) note(paint('yellow', warning));
  const folder = await temporaryFolder('tracewright-plan-');
  try {
    const steps = await previewSteps(
      previewContext(context, { name, spec, found, folder }),
      existing,
      found.step,
    );
    const preview: PlanPreview = { environment: name, stack: stack.name, target: target.kind, steps };
    if (options.json) print(JSON.stringify(preview, undefined, 2));
    else for (const line of planLines(preview, { paint, diff: options.diff ?? false })) print(line);
    return isFeasible(preview) ? exitCodes.ok : exitCodes.failed;
  } finally {
    found.cluster?.kube.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function previewContext(
  context: CliContext,
  {
    name,
    spec,
    found,
    folder,
  }: { name: string; spec: PreviewContext['spec']; found: ClusterPreview; folder: string },
): PreviewContext {
  const { config, signal } = context;
  const { cacheDir } = config;
  const onProgress = progressNotes(context);
  const binary = provideHelm({ ...config, onProgress, signal }).then(({ path }) => path);
  // Steps without a release never ask for it; whoever does gets the failure.
  binary.catch(() => undefined);
  const kube = found.cluster?.kube;
  const places = { cacheDir, embeddedCharts: () => embeddedCharts(cacheDir), onProgress };
  // No log: a rendered chart holds Secrets.
  const call = { signal };
  return {
    environment: name,
    spec,
    cluster: found.cluster,
    call,
    openHelm: async ({ images }) =>
      createHelm({
        binary: await binary,
        homeDir: join(folder, 'helm'),
        kubeconfigPath: kube?.kubeconfigPath ?? join(folder, 'none'),
        context: kube?.context,
        images,
        downloadMs,
      }),
    locateChart: ({ chart }, helm) => locateChart(chart, helm, places, call),
  };
}

interface ClusterPreview {
  readonly step: Pick<StepPreview, 'action' | 'detail' | 'failure'>;
  /** The caller closes its connection. `undefined` where nothing answers yet. */
  readonly cluster: ObservedCluster | undefined;
  /** What a person should know beforehand. */
  readonly warnings: readonly string[];
}

/** What `up` would do about the cluster: the same look at machine and cluster. */
async function previewCluster(
  { config, signal, note }: CliContext,
  machine: Machine,
  { name, intent, existing }: { name: string; intent: Intent; existing: EnvironmentSpec | undefined },
): Promise<ClusterPreview> {
  const { target } = intent;
  const conflict = existing && conflictOf(name, existing.target, target);
  if (conflict) return { step: { action: 'refuse', failure: conflict }, cluster: undefined, warnings: [] };
  const { checks } = await machine.examine({ install: { environment: name, intent } }, signal);
  const warnings = checks.filter(({ state }) => state === 'warning').map(({ detail }) => detail);
  // What others have made is told with the step that it stands in the way of.
  const ofCluster = checks.filter(({ type }) => type !== 'release.foreign' && type !== 'manifest.foreign');
  const failure = failureOf(ofCluster)?.toFailure();
  if (machine.worker && target.kind !== 'kubeconfig') {
    const clusters = await machine.clusters();
    const step =
      name in clusters ? elsewhereStep(name, machine.worker.name) : absentStep(target, 'absent', undefined);
    return { step: failure ? { action: 'refuse', failure } : step, cluster: undefined, warnings };
  }
  const { phase, facts, ...more } = await openTarget(config, name, target).observe();
  const refused = failure && ({ action: 'refuse', failure } as const);
  const kubeconfigPath = target.kubeconfigPath ?? facts.kubeconfigPath;
  if (phase !== 'ready' || kubeconfigPath === undefined) {
    const found = 'reason' in more ? more.reason : undefined;
    return { step: refused ?? absentStep(target, phase, found), cluster: undefined, warnings };
  }
  const kube = connectKubernetes({
    kubeconfigPath,
    context: target.context,
    kubectl: { ...config, onProgress: note },
  });
  try {
    const version = await kube.serverVersion(signal);
    const detail = `Kubernetes ${version}, ${kube.serverUrl}`;
    return {
      step: refused ?? { action: 'none', detail },
      cluster: { kube, version, owned: target.kind !== 'kubeconfig' && facts.owned !== false },
      warnings,
    };
  } catch (error) {
    kube.close();
    if (!isTracewrightError(error) || isCancellation(error)) throw error;
    return { step: { action: 'unknown', failure: error.toFailure() }, cluster: undefined, warnings };
  }
}

function elsewhereStep(name: string, machine: string): ClusterPreview['step'] {
  const error = new TracewrightError({
    type: 'host.elsewhere',
    message: `The cluster of ${name} is on the machine ${machine}, and cannot be compared from here.`,
    remedy: 'Run `tracewright plan` there.',
  });
  return { action: 'unknown', failure: error.toFailure() };
}

function absentStep({ kind }: TargetSpec, phase: string, reason: string | undefined): ClusterPreview['step'] {
  if (phase === 'absent') return { action: 'create', detail: `a cluster on the target ${kind}` };
  if (phase === 'broken') return { action: 'repair', ...(reason !== undefined && { detail: reason }) };
  return { action: 'change', detail: phase === 'stopped' ? 'it is started again' : 'it is waited for' };
}

function conflictOf(name: string, before: TargetSpec, after: TargetSpec): StepPreview['failure'] | undefined {
  if (canonicalJson(before) === canonicalJson(after)) return undefined;
  return {
    type: 'environment.conflict',
    message: `The environment "${name}" exists on another target (${before.kind}${before.context === undefined ? '' : `, context ${before.context}`}).`,
    remedy: 'Choose another --name, or take that one down first.',
    retryable: false,
  };
}
