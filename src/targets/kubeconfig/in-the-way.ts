import { check, type Check } from '../../domain/check.js';
import { TracewrightError } from '../../domain/failure.js';
import type { EnvironmentSpec } from '../../domain/progress.js';
import { foreignRefusal, releaseName, type ReleaseRef } from '../../domain/release.js';
import type { ManifestsSpec } from '../../domain/stack.js';
import { observeRelease } from '../../tools/helm/release-record.js';
import { referencesOf, requireOurs } from '../../tools/kubernetes/apply.js';
import type { Kubernetes } from '../../tools/kubernetes/connection.js';
import { observeObjects } from '../../tools/kubernetes/observe.js';

export interface InTheWayOptions extends Pick<EnvironmentSpec, 'stack' | 'adopt'> {
  readonly environment: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Looks whether releases and objects of the stack exist that others made: their steps would refuse them, some minutes
 * later. One failed check for each, one that is ok when there is none.
 */
export async function whatIsInTheWay(kube: Kubernetes, options: InTheWayOptions): Promise<Check[]> {
  const name = 'existing releases';
  const checks = await Promise.all(
    Object.entries(options.stack.components).map(([component, { release, manifests }]) =>
      check(name, async () => {
        if (release)
          await requireOurRelease(
            kube,
            { namespace: release.namespace, name: releaseName(component, release) },
            options,
          );
        if (manifests) await requireOurObjects(kube, manifests, options);
        return '';
      }),
    ),
  );
  const failed = checks.filter(({ state }) => state === 'failed');
  return failed.length > 0
    ? failed
    : [{ name, state: 'ok', detail: 'Nothing that others made is in the way.' }];
}

async function requireOurRelease(
  kube: Kubernetes,
  { name, namespace }: ReleaseRef,
  { environment, adopt, signal }: InTheWayOptions,
): Promise<void> {
  const observed = await observeRelease(kube, { name, namespace }, signal);
  const failure = observed && foreignRefusal(observed, { environment, adopt: adopt ?? false });
  if (failure) throw new TracewrightError(failure);
}

async function requireOurObjects(
  kube: Kubernetes,
  { namespace, objects }: ManifestsSpec,
  { environment, adopt, signal }: InTheWayOptions,
): Promise<void> {
  const references = await referencesOf(kube, objects, namespace, signal);
  const found = await observeObjects(kube, references, signal);
  for (const [index, reference] of references.entries())
    requireOurs(reference, found[index], { owner: { environment }, adopt: adopt ?? false });
}
