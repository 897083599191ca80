import { TracewrightError } from './failure.js';
import type { Component, Stack } from './stack.js';

export type StepKind = 'cluster' | 'release' | 'manifests' | 'verification';

/** One activity's worth of work. `needs` names the steps that must be done before it starts. */
export interface Step {
  readonly name: string;
  readonly kind: StepKind;
  readonly title: string;
  readonly needs: readonly string[];
}

/** Steps in an order in which each comes after all that it needs. */
export type Plan = readonly Step[];

export const clusterStep = 'cluster';
export const verificationStep = 'verification';

/**
 * The plan of a stack: the cluster, then every component as soon as its needs are met, then the verification.
 * @throws TracewrightError `stack.unknown-need`, `stack.cycle`
 */
export function planOf(stack: Stack): Plan {
  const components = Object.entries(stack.components).map(([name, component]) =>
    componentStep(name, component),
  );
  return [
    { name: clusterStep, kind: 'cluster', title: 'Kubernetes cluster', needs: [] },
    ...inOrder(stack.name, components),
    {
      name: verificationStep,
      kind: 'verification',
      title: 'Proof by a trace',
      needs: components.map((step) => step.name),
    },
  ];
}

/** What must be taken away before what: the plan backwards, each step after all that need it, without the verification. */
export function removalPlanOf(plan: Plan): Plan {
  return plan
    .filter((step) => step.kind !== 'verification')
    .map((step) => ({
      ...step,
      needs: plan
        .filter((other) => other.kind !== 'verification' && other.needs.includes(step.name))
        .map(({ name }) => name),
    }))
    .reverse();
}

function componentStep(name: string, component: Component): Step {
  return {
    name,
    kind: component.release ? 'release' : 'manifests',
    title: component.title ?? name,
    needs: [clusterStep, ...component.needs],
  };
}

/** Topological order that keeps the file's order where the needs allow. */
function inOrder(stackName: string, steps: readonly Step[]): Step[] {
  const byName = new Map(steps.map((step) => [step.name, step]));
  const ordered = new Set<Step>();
  const visit = (step: Step, path: readonly string[]): void => {
    if (ordered.has(step)) return;
    if (path.includes(step.name)) throw cycle(stackName, [...path.slice(path.indexOf(step.name)), step.name]);
    for (const need of step.needs) {
      if (need === clusterStep) continue;
      const needed = byName.get(need);
      if (!needed) throw unknownNeed(stackName, step.name, need, [...byName.keys()]);
      visit(needed, [...path, step.name]);
    }
    ordered.add(step);
  };
  for (const step of steps) visit(step, []);
  return [...ordered];
}

function cycle(stackName: string, path: readonly string[]): TracewrightError {
  return new TracewrightError({
    type: 'stack.cycle',
    message: `In the stack "${stackName}" components need each other in a circle: ${path.join(' → ')}.`,
    remedy: `Remove one of these names from a "needs".`,
  });
}

function unknownNeed(
  stackName: string,
  step: string,
  need: string,
  known: readonly string[],
): TracewrightError {
  return new TracewrightError({
    type: 'stack.unknown-need',
    message: `In the stack "${stackName}" the component "${step}" needs "${need}", which the stack does not have.`,
    remedy: `Correct the name; the components are ${known.join(', ')}.`,
  });
}
