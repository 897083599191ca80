import type { DesiredRelease } from '../../domain/release.js';
import { chartFingerprint } from './fingerprint.js';
import type { Helm, HelmCall } from './helm.js';

export interface DesiredOptions {
  /** A chart folder or .tgz. */
  readonly chartPath: string;
  readonly values: Readonly<Record<string, unknown>>;
  readonly environment: string;
}

/**
 * What a release should become, from its chart and values. Reads only the chart.
 * @throws TracewrightError `chart.not-found`, and what `helm show` throws
 */
export async function desiredRelease(
  helm: Helm,
  { chartPath, values, environment }: DesiredOptions,
  { owner, signal }: Pick<HelmCall, 'owner' | 'signal'>,
): Promise<DesiredRelease> {
  const [chart, fingerprint] = await Promise.all([
    helm.showChart(chartPath, { owner, signal }),
    chartFingerprint(chartPath, helm.images ? { values, images: helm.images } : values),
  ]);
  return { chartName: chart.name, chartVersion: chart.version, values, fingerprint, environment };
}
