import { isTracewrightError, type Failure } from '../domain/failure.js';
import { leftoversOf, type Leftover } from '../domain/leftovers.js';
import { planOf, type Step } from '../domain/plan.js';
import type { StepPreview } from '../domain/preview.js';
import type { Component, Stack } from '../domain/stack.js';
import { chartText, previewRelease } from './release.js';
import type { Look } from './look.js';
import { imagesText, previewManifests } from './manifests.js';

/**
 * What `up` would do, step by step. Looks at all components at once and changes nothing; what stands in the way of one
 * of them is told with it.
 * @param before what the environment has now: what only that stack has is removed, and what earlier ones left
 * @param cluster what is known of the cluster step
 */
export async function previewSteps(
  look: Look,
  before: { readonly spec: { readonly stack: Stack }; readonly leftovers: readonly Leftover[] } | undefined,
  cluster: Pick<StepPreview, 'action' | 'detail' | 'failure'>,
): Promise<StepPreview[]> {
  const { stack } = look.spec;
  const leftovers = before ? leftoversOf(before.spec.stack, stack, before.leftovers) : [];
  return Promise.all(
    planOf(stack, leftovers).map(async (step): Promise<StepPreview> => {
      const { name, kind, title } = step;
      const head = { name, kind, title };
      if (kind === 'cluster') return { ...head, ...cluster };
      if (kind === 'verification') return { ...head, action: 'run', detail: proofText(stack) };
      const definition = step.removes
        ? leftovers.find((leftover) => leftover.step === name)?.definition
        : stack.components[name];
      return {
        ...head,
        ...(definition && (await previewComponent(look, step, definition, cluster))),
      } as StepPreview;
    }),
  );
}

async function previewComponent(
  look: Look,
  { name, removes }: Step,
  { release, manifests }: Component,
  cluster: Pick<StepPreview, 'action' | 'failure'>,
): Promise<Omit<StepPreview, 'name' | 'kind' | 'title'>> {
  const namespace = (release ?? manifests)?.namespace;
  const what = release ? chartText(release.chart) : manifests && imagesText(manifests);
  const known = { ...(namespace !== undefined && { namespace }), ...(what !== undefined && { what }) };
  if (removes) return { ...known, action: 'remove', detail: 'the stack has it no more' };
  if (cluster.action === 'unknown' || cluster.action === 'refuse')
    return { ...known, action: 'unknown', detail: 'the cluster cannot be looked at' };
  try {
    const findings = release
      ? await previewRelease(look, name, release)
      : manifests && (await previewManifests(look, name, manifests));
    return { action: 'unknown', ...known, ...findings };
  } catch (error) {
    return { ...known, action: 'unknown', failure: failureOf(error) };
  }
}

function failureOf(error: unknown): Failure {
  if (isTracewrightError(error) && error.type !== 'tool.cancelled') return error.toFailure();
  throw error;
}

function proofText({ proof }: Stack): string {
  const grafana = 'skip' in proof.grafana ? '' : ', through Grafana';
  return `a ride for ${proof.ride.customerName}, found in the collector, in Tempo by id and by TraceQL${grafana}`;
}
