import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isFeasible, type PlanPreview } from '../../domain/preview.js';
import type { Look } from '../../preview/look.js';
import { previewSteps } from '../../preview/preview.js';
import { embeddedCharts } from '../../targets/open-target.js';
import { provideHelm } from '../../tools/helm-binary.js';
import { locateChart } from '../../tools/helm/chart-source.js';
import { createHelm } from '../../tools/helm/helm.js';
import { previewCluster, type ClusterPreview } from '../cluster-preview.js';
import { exitCodes, type CliContext, type ExitCode } from '../context.js';
import { findExisting } from '../existing.js';
import { readInstallRequest, type InstallOptions } from '../install-request.js';
import { chooseParameters } from '../parameters/choose.js';
import { planLines } from '../plan-view.js';
import { progressNotes } from '../progress-notes.js';
import { sourcedStack } from '../stack-sources.js';

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
  const request = await readInstallRequest(context, options, 'plan for');
  const { name, target, given } = request;
  const existing = await findExisting(context, name);
  const choice = chooseParameters(given, existing?.spec, request.loaded.stack.name);
  if (choice.note !== undefined) note(paint('dim', choice.note));
  const stack = await sourcedStack(request.stackWith(choice), target.kind, options);
  const spec = { stack, target, ...(options.adopt && { adopt: options.adopt }) };
  const found = await previewCluster(context, name, spec, existing?.spec);
  for (const warning of found.warnings) note(paint('yellow', warning));
  const folder = await mkdtemp(join(tmpdir(), 'tracewright-plan-'));
  try {
    const look = lookFrom(context, { name, spec, found, folder });
    const steps = await previewSteps(look, existing, found.step);
    const preview: PlanPreview = { environment: name, stack: stack.name, target: target.kind, steps };
    if (options.json) print(JSON.stringify(preview, undefined, 2));
    else for (const line of planLines(preview, { paint, diff: options.diff ?? false })) print(line);
    return isFeasible(preview) ? exitCodes.ok : exitCodes.failed;
  } finally {
    found.cluster?.kube.close();
    await rm(folder, { recursive: true, force: true });
  }
}

function lookFrom(
  context: CliContext,
  { name, spec, found, folder }: { name: string; spec: Look['spec']; found: ClusterPreview; folder: string },
): Look {
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
