import { TracewrightError } from './failure.js';
import { standsInTheWay, type Leftover } from './leftovers.js';
import type { Component, Stack } from './stack.js';

export type StepKind = 'cluster' | 'release' | 'manifests' | 'verification';

/** One activity's worth of work. `needs` names the steps that must be done before it starts. */
export interface Step {
  readonly name: string;
  readonly kind: StepKind;
  readonly title: string;
  readonly needs: readonly string[];
  /** The step takes away what an earlier stack left behind. */
  readonly removes?: true;
}

/** Steps in an order in which each comes after all that it needs. */
export type Plan = readonly Step[];

export const clusterStep = 'cluster';
export const verificationStep = 'verification';

/**
 * The plan of a stack: the cluster, then every component as soon as its needs are met, then the verification. Leftovers
 * are removed after all components are in place, so that a failed upgrade leaves the old ones working; but those that
 * stand in the way of a component go before it, with what needs them.
 * @throws TracewrightError `stack.unknown-need`, `stack.cycle`
 */
export function planOf(stack: Stack, leftovers: readonly Leftover[] = []): Plan {
  const components = Object.entries(stack.components).map(([name, component]) =>
    componentStep(name, component),
  );
  const names = components.map((step) => step.name);
  const inTheWay = leftoversInTheWay(stack, leftovers);
  const removals = leftovers.map((leftover) => {
    const first = inTheWay.has(leftover);
    const dependents = dependentsOf(leftover, leftovers).map(({ step }) => step);
    return { ...leftoverStep(leftover), needs: [clusterStep, ...(first ? [] : names), ...dependents] };
  });
  const isFirst = ({ name }: Step): boolean => [...inTheWay].some(({ step }) => step === name);
  const waiting = inOrder(stack.name, components).map((step) => {
    const component = stack.components[step.name] as Component;
    const before = leftovers.filter((leftover) => standsInTheWay(leftover, step.name, component));
    return { ...step, needs: [...step.needs, ...before.map((leftover) => leftover.step)] };
  });
  return [
    { name: clusterStep, kind: 'cluster', title: 'Kubernetes cluster', needs: [] },
    ...removals.filter(isFirst).reverse(),
    ...waiting,
    ...removals.filter((step) => !isFirst(step)).reverse(),
    {
      name: verificationStep,
      kind: 'verification',
      title: 'Proof by a trace',
      needs: [...names, ...removals.map((step) => step.name)],
    },
  ];
}

/** All that may be in the cluster, as though one plan had installed it. */
export function installedPlanOf(stack: Stack, leftovers: readonly Leftover[]): Plan {
  const present = Object.keys(stack.components);
  const behind = leftovers.map((leftover, index) => {
    const earlier = leftovers.slice(0, index);
    const needs = leftover.definition.needs.flatMap((need) => [
      ...earlier.filter(({ component }) => component === need).map(({ step }) => step),
      ...(present.includes(need) ? [need] : []),
    ]);
    return { ...leftoverStep(leftover), needs: [clusterStep, ...needs] };
  });
  return [...planOf(stack), ...behind];
}

/**
 * What must be taken away before what: the plan backwards, each step after all that need it, without the verification.
 */
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

/** Those that must go before a component of the stack, and so must what needs them. */
function leftoversInTheWay(stack: Stack, leftovers: readonly Leftover[]): Set<Leftover> {
  const first = new Set(
    leftovers.filter((leftover) =>
      Object.entries(stack.components).some(([name, component]) => standsInTheWay(leftover, name, component)),
    ),
  );
  // Transitive closure.
  for (const leftover of first)
    for (const dependent of dependentsOf(leftover, leftovers)) first.add(dependent);
  return first;
}

/** Leftovers come in the order of their needs, so only a later one can need an earlier one. */
function dependentsOf(leftover: Leftover, leftovers: readonly Leftover[]): Leftover[] {
  return leftovers
    .slice(leftovers.indexOf(leftover) + 1)
    .filter(({ definition }) => definition.needs.includes(leftover.component));
}

function leftoverStep({ step, component, definition }: Leftover): Step {
  return { ...componentStep(component, definition), name: step, removes: true };
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

/** A node of a dependency graph. */
export interface GraphNode {
  readonly name: string;
  readonly needs: readonly string[];
}

/**
 * Runs every node as soon as all that it needs has ended well, so that the whole takes as long as its slowest chain.
 * A node whose need failed is never started. Rejects with the first failure, but only after everything that was
 * started has ended: whoever awaits this knows that nothing runs on.
 *
 * The graph must be free of cycles and of unknown names, as plans are.
 */
export async function runGraph<N extends GraphNode>(
  nodes: readonly N[],
  run: (node: N) => Promise<void>,
): Promise<void> {
  const runs = new Map<string, Promise<void>>();
  const start = (node: N): Promise<void> => {
    const known = runs.get(node.name);
    if (known) return known;
    const needed = nodes.filter((other) => node.needs.includes(other.name)).map(start);
    const own = Promise.all(needed).then(() => run(node));
    runs.set(node.name, own);
    return own;
  };
  const results = await Promise.allSettled(nodes.map(start));
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) throw failed.reason;
}
