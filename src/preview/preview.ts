import { isCancellation, isTracewrightError, type Failure } from '../domain/failure.js';
import { leftoversOf, type Leftover } from '../domain/leftovers.js';
import { planOf, type Step } from '../domain/plan.js';
import type { StepPreview } from '../domain/preview.js';
import { defaultStore } from '../domain/proof.js';
import type { Component, Stack } from '../domain/stack.js';
import { componentText, previewComponent, type ComponentPreview, type PreviewContext } from './component.js';
import { missingKinds } from './missing-kinds.js';

type Head = Pick<StepPreview, 'name' | 'kind' | 'title'>;
type ClusterStep = Pick<StepPreview, 'action' | 'detail' | 'failure'>;

/**
 * What `up` would do, step by step. Looks at all components at once and changes nothing; what blocks one of them is
 * told with it.
 * @param before what the environment has now: what only that stack has is removed, and what earlier ones left
 * @param cluster what is known of the cluster step
 */
export async function previewSteps(
  context: PreviewContext,
  before: { readonly spec: { readonly stack: Stack }; readonly leftovers: readonly Leftover[] } | undefined,
  cluster: ClusterStep,
): Promise<StepPreview[]> {
  const { stack } = context.spec;
  const leftovers = before ? leftoversOf(before.spec.stack, stack, before.leftovers) : [];
  const sent: Record<string, ComponentPreview['sends']> = {};
  const steps = await Promise.all(
    planOf(stack, leftovers).map(async (step): Promise<StepPreview> => {
      const { name, kind, title, removes } = step;
      const head: Head = { name, kind, title };
      if (kind === 'cluster') return { ...head, ...cluster };
      if (kind === 'verification') return { ...head, action: 'run', detail: proofText(stack) };
      const definition = removes
        ? leftovers.find((leftover) => leftover.step === name)?.definition
        : stack.components[name];
      if (!definition) return { ...head, action: 'unknown' };
      const { sends, ...preview } = await previewStep(context, step, definition, cluster);
      if (!removes) sent[name] = sends;
      return { ...head, ...preview };
    }),
  );
  const missing = await missingKinds(stack, sent, context.cluster?.kube, context.call.signal);
  return steps.map((step) => {
    const failure = missing[step.name];
    return failure && step.action !== 'refuse' ? { ...step, action: 'refuse', failure } : step;
  });
}

async function previewStep(
  context: PreviewContext,
  { name, removes }: Step,
  definition: Component,
  cluster: ClusterStep,
): Promise<ComponentPreview & Pick<StepPreview, 'namespace'>> {
  const namespace = (definition.release ?? definition.manifests)?.namespace;
  const what = componentText(definition);
  const known = {
    sends: [],
    ...(namespace !== undefined && { namespace }),
    ...(what !== undefined && { what }),
  };
  if (removes) return { ...known, action: 'remove', detail: 'the stack has it no more' };
  if (cluster.action === 'unknown' || cluster.action === 'refuse')
    return { ...known, action: 'unknown', detail: 'the cluster cannot be looked at' };
  try {
    return { ...known, ...(await previewComponent(context, name, definition)) };
  } catch (error) {
    return { ...known, action: 'unknown', failure: failureOf(error) };
  }
}

function failureOf(error: unknown): Failure {
  if (isTracewrightError(error) && !isCancellation(error)) return error.toFailure();
  throw error;
}

function proofText({ proof }: Stack): string {
  const grafana = 'skip' in proof.grafana ? '' : ', through Grafana';
  return `a ride for ${proof.ride.customerName}, found in the collector, in ${proof.tempo.title ?? defaultStore} by id and by TraceQL${grafana}`;
}
