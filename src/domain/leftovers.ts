import { releaseName } from './release.js';
import type { Component, ManifestsSpec, Stack } from './stack.js';

/** What an earlier stack of the environment put into the cluster and the present one does not have. */
export interface Leftover {
  /** The step that removes it: the component's name, or `<name>:old` where the present stack has one of that name. */
  readonly step: string;
  /** Its name in the earlier stack. */
  readonly component: string;
  /** What is left of it: a release, or only those objects that no component has any more. */
  readonly definition: Component;
}

/**
 * What stays behind when `after` takes the place of `before`, and of `earlier` what is still behind then. Each comes
 * after all that it needs. A component that only got another name leaves nothing: its release or objects go on under
 * the new one.
 * @param keepNames of the steps of `earlier`, which may be running; else they are numbered anew
 */
export function leftoversOf(
  before: Stack,
  after: Stack,
  earlier: readonly Leftover[] = [],
  { keepNames = true }: { keepNames?: boolean } = {},
): Leftover[] {
  const kept = placesOf(after);
  const candidates = [
    ...earlier,
    ...inNeedOrder(before).map(([component, definition]) => ({ step: undefined, component, definition })),
  ];
  const present = Object.keys(after.components);
  const known = keepNames ? earlier.map(({ step }) => step).filter((step) => !present.includes(step)) : [];
  const taken = new Set([...present, ...known]);
  return candidates.flatMap(({ step: before, component, definition: whole }) => {
    const definition = remainderOf(component, whole, kept);
    if (!definition) return [];
    const step = before !== undefined && known.includes(before) ? before : freeName(component, taken);
    taken.add(step);
    return [{ step, component, definition }];
  });
}

/** Whether a component of the stack wants to be where the leftover is, so that the leftover has to go first. */
export function standsInTheWay(leftover: Leftover, name: string, component: Component): boolean {
  const { release } = leftover.definition;
  if (leftover.component === name) return release !== undefined || component.release !== undefined;
  // Charts make objects of the whole cluster, which belong to one release only.
  return (
    release !== undefined &&
    component.release !== undefined &&
    sameChart(release.chart, component.release.chart)
  );
}

type Chart = NonNullable<Component['release']>['chart'];

function sameChart(one: Chart, other: Chart): boolean {
  const nameOf = (chart: Chart): string => {
    if ('embedded' in chart) return chart.embedded;
    if ('path' in chart) return chart.path;
    return 'oci' in chart ? chart.oci : `${chart.repository} ${chart.name}`;
  };
  return nameOf(one) === nameOf(other);
}

function remainderOf(name: string, definition: Component, kept: ReadonlySet<string>): Component | undefined {
  const { release, manifests } = definition;
  if (release) return kept.has(releasePlace(name, release)) ? undefined : definition;
  if (!manifests) return undefined;
  const objects = manifests.objects.filter((object) => !kept.has(objectPlace(object, manifests)));
  return objects.length === 0 ? undefined : { ...definition, manifests: { ...manifests, objects } };
}

/** Every place in the cluster that the stack's components fill. */
function placesOf(stack: Stack): Set<string> {
  return new Set(
    Object.entries(stack.components).flatMap(([name, { release, manifests }]) => [
      ...(release ? [releasePlace(name, release)] : []),
      ...(manifests?.objects.map((object) => objectPlace(object, manifests)) ?? []),
    ]),
  );
}

function releasePlace(component: string, release: NonNullable<Component['release']>): string {
  return `release ${release.namespace}/${releaseName(component, release)}`;
}

/** The same object may be written in several versions of its API group. */
function objectPlace(object: ManifestsSpec['objects'][number], { namespace }: ManifestsSpec): string {
  const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : '';
  return `${group ?? ''}/${object.kind} ${object.metadata.namespace ?? namespace}/${object.metadata.name}`;
}

function inNeedOrder({ components }: Stack): (readonly [string, Component])[] {
  const ordered = new Map<string, Component>();
  const visit = (name: string): void => {
    const component = components[name];
    if (!component || ordered.has(name)) return;
    component.needs.forEach(visit);
    ordered.set(name, component);
  };
  Object.keys(components).forEach(visit);
  return [...ordered];
}

function freeName(component: string, taken: ReadonlySet<string>): string {
  if (!taken.has(component)) return component;
  const old = `${component}:old`;
  for (let count = 1; ; count += 1) {
    const name = count === 1 ? old : `${old}${String(count)}`;
    if (!taken.has(name)) return name;
  }
}
