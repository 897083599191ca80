import { didYouMean } from './did-you-mean.js';
import { TracewrightError } from './failure.js';
import type { Component, KubernetesObjectSpec, ReleaseSpec, Stack } from './stack.js';

type Key = string | number;

/** One change to a stack that `--set` or `--values` asks for. Part of the wire: add fields, never rename them. */
export interface Parameter {
  /** As it was given: `--values tempo=./mine.yaml`, `--set tempo.values.replicas=2`. */
  readonly given: string;
  readonly component: string;
  /**
   * From the component on. Of a release: `values` and more; of manifests: `objects`, the place of the object or its
   * `Kind/name`, and more. Nothing behind `values` means that the value, a map, is merged into them.
   */
  readonly path: readonly Key[];
  readonly value: unknown;
  /** What `isLongWholeNumber` in the value is a number and no text. */
  readonly longNumbers?: true;
}

/**
 * The stack with the changes, one after the other.
 * @throws TracewrightError `usage.invalid` for a component or path that the stack does not have
 */
export function withParameters(stack: Stack, parameters: readonly Parameter[]): Stack {
  return parameters.reduce((before, parameter) => {
    const { component: name } = parameter;
    const component = before.components[name];
    if (!component) throw unknownComponent(parameter, before);
    return { ...before, components: { ...before.components, [name]: changed(component, parameter) } };
  }, stack);
}

function changed(component: Component, parameter: Parameter): Component {
  const { release, manifests } = component;
  const [part, ...rest] = parameter.path;
  if (release) {
    if (part !== 'values') throw unknownPart(parameter, 'values', 'a Helm release');
    const { values } = release;
    const next =
      rest.length === 0 ? merged(values, parameter.value) : replaced(values, rest, parameter, ['values']);
    const changedRelease = { ...release, values: next as typeof values };
    return { ...component, release: withWholeNumbers(changedRelease, rest, parameter) };
  }
  if (!manifests) return component;
  if (part !== 'objects') throw unknownPart(parameter, 'objects', 'manifests, which have no Helm values');
  const [which, ...below] = rest;
  const index = objectIndex(manifests.objects, which, parameter);
  if (below.length === 0) throw refused(parameter, 'It does not say which field of the object.');
  const object = replaced(manifests.objects[index], below, parameter, ['objects', which ?? '']);
  const objects = manifests.objects.with(index, object as KubernetesObjectSpec);
  return { ...component, manifests: { ...manifests, objects } };
}

/** Helm's --set knows whole numbers, and files and JSON do not. What was set there before counts no more. */
function withWholeNumbers(
  release: ReleaseSpec,
  path: readonly Key[],
  { given, value, longNumbers }: Parameter,
): ReleaseSpec {
  const { wholeNumbers: before = [], ...others } = release;
  const kept = before.filter((other) => path.length === 0 || path.some((key, index) => other[index] !== key));
  const all = given.startsWith('--set ') ? [...kept, ...wholeNumbersIn(value, path, longNumbers)] : kept;
  return all.length === 0 ? others : { ...others, wholeNumbers: all };
}

/**
 * What Helm takes for a whole number and JSON does not keep: of 64 bits, and beyond 2^53. It stays a text in the values,
 * unless helm itself is told of it.
 */
export function isLongWholeNumber(value: unknown): value is string {
  if (typeof value !== 'string' || !/^(?:[1-9]\d*|[-+]\d+)$/u.test(value)) return false;
  const exact = BigInt(value);
  return !Number.isSafeInteger(Number(value)) && BigInt.asIntN(64, exact) === exact;
}

function wholeNumbersIn(value: unknown, path: readonly Key[], long: true | undefined): Key[][] {
  if (Number.isInteger(value) || (long && isLongWholeNumber(value))) return [[...path]];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    wholeNumbersIn(inner, [...path, Array.isArray(value) ? Number(key) : key], long),
  );
}

/** Maps are merged key by key; of everything else, lists too, the later one wins, as in Helm. */
function merged(before: unknown, after: unknown): unknown {
  if (!isMap(before) || !isMap(after)) return after;
  const entries = Object.entries(after).map(([key, value]) => [key, merged(before[key], value)] as const);
  return { ...before, ...Object.fromEntries(entries) };
}

/** @param above the way to `before`, for messages */
function replaced(
  before: unknown,
  path: readonly Key[],
  parameter: Parameter,
  above: readonly Key[],
): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return parameter.value;
  const below = (inner: unknown): unknown => replaced(inner, rest, parameter, [...above, key]);
  if (typeof key === 'number') {
    const list = before ?? [];
    if (!Array.isArray(list)) throw refused(parameter, `${dotted(above)} is ${kindOf(before)}, not a list.`);
    if (key > list.length)
      throw refused(parameter, `${dotted(above)} has ${list.length} entries: the next is [${list.length}].`);
    return [...(list.slice(0, key) as unknown[]), below(list[key]), ...(list.slice(key + 1) as unknown[])];
  }
  const map = before ?? {};
  if (!isMap(map)) throw refused(parameter, `${dotted(above)} is ${kindOf(before)}: it has no "${key}".`);
  return { ...map, [key]: below(Object.hasOwn(map, key) ? map[key] : undefined) };
}

function objectIndex(
  objects: readonly KubernetesObjectSpec[],
  which: Key | undefined,
  parameter: Parameter,
): number {
  if (typeof which === 'number' && which < objects.length) return which;
  const names = objects.map(({ kind, metadata }) => `${kind}/${metadata.name}`);
  const found = names.flatMap((name, index) => (name === which ? [index] : []));
  const [index] = found;
  if (found.length === 1 && index !== undefined) return index;
  if (found.length > 1)
    throw refused(parameter, `Several objects are ${String(which)}: name one as objects[${String(index)}].`);
  const hint = typeof which === 'string' ? didYouMean(which, names) : '';
  throw refused(parameter, `There is no such object.${hint}`, `The objects are ${names.join(', ')}.`);
}

function unknownComponent(parameter: Parameter, { name, components }: Stack): TracewrightError {
  const known = Object.keys(components);
  const hint = didYouMean(parameter.component, known);
  return refused(
    parameter,
    `The stack "${name}" has no component "${parameter.component}".${hint}`,
    `The components are ${known.join(', ')}.`,
  );
}

function unknownPart(parameter: Parameter, known: string, what: string): TracewrightError {
  const { component, path } = parameter;
  const part = String(path[0] ?? '');
  return refused(
    parameter,
    `The component "${component}" is ${what}: "${part}" of it cannot be set.${didYouMean(part, [known])}`,
    known === 'values'
      ? `Write ${component}.values.<path>=<value>; everything else is changed in the stack file.`
      : `Write ${component}.objects.<Kind>/<name>.<path>=<value>.`,
  );
}

/** The value may be a secret, and is not repeated. */
function refused(
  { given }: Parameter,
  why: string,
  remedy = 'Correct the path; `tracewright plan` shows what is installed.',
): TracewrightError {
  const what = given.startsWith('--set ') ? (given.split('=')[0] ?? given) : given;
  return new TracewrightError({
    type: 'usage.invalid',
    message: `${what} does not fit the stack. ${why}`,
    remedy,
  });
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function kindOf(value: unknown): string {
  if (Array.isArray(value)) return 'a list';
  return isMap(value) ? 'a map' : `a ${typeof value}`;
}

function dotted(path: readonly Key[]): string {
  return path
    .map((key) => (typeof key === 'number' ? `[${String(key)}]` : `.${key}`))
    .join('')
    .slice(1);
}
