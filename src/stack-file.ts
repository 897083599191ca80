import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, extname, join, relative, resolve } from 'node:path';
import { didYouMean } from './domain/did-you-mean.js';
import { isTracewrightError, TracewrightError } from './domain/failure.js';
import { withParameters, type Parameter } from './domain/parameter.js';
import { planOf } from './domain/plan.js';
import { stackSchema, type Component, type Stack } from './domain/stack.js';
import { readStackDocument, type StackDocument } from './stack-document.js';
import { explainIssues, type Mistake } from './stack-file-issues.js';
import { stackJsonSchema } from './stack-schema.js';

export interface LoadedStack {
  readonly stack: Stack;
  /** Absolute. */
  readonly path: string;
  readonly text: string;
}

interface StackFolder {
  /** Holds the stacks that have names: `<name>.yaml`. */
  builtInDir: string;
}

/** A message names this many mistakes; whoever has more will come back. */
const shownMistakes = 10;

/**
 * Reads a stack: a built-in one by its name, or a file by its path (anything with a slash, or that ends in .yaml or
 * .yml). Chart paths in the result are absolute.
 * @throws TracewrightError `stack.not-found`, `stack.malformed`, `stack.invalid`, `stack.unknown-need`, `stack.cycle`
 */
export async function loadStack(nameOrPath: string, { builtInDir }: StackFolder): Promise<LoadedStack> {
  const isPath = nameOrPath.includes('/') || /\.ya?ml$/u.test(nameOrPath);
  const path = isPath ? resolve(nameOrPath) : join(builtInDir, `${nameOrPath}.yaml`);
  const text = await readFile(path, 'utf8').catch(async (error: unknown) => {
    throw isPath ? unreadable(path, error) : await unknownName(nameOrPath, builtInDir, error);
  });
  const label = shortest(path);
  const document = readStackDocument(text, label);
  const stack = validate(document, label);
  checkPlan(stack, document, label);
  return { stack: withAbsoluteCharts(stack, dirname(path)), path, text };
}

/** The names of the built-in stacks, in alphabetical order. */
export async function listStacks(builtInDir: string): Promise<readonly string[]> {
  const files = await readdir(builtInDir);
  return files
    .filter((file) => extname(file) === '.yaml')
    .map((file) => basename(file, '.yaml'))
    .sort();
}

function validate(document: StackDocument, label: string): Stack {
  if (document.value === null) throw invalid(label, [`${label}:1:1: is empty: it needs name, description …`]);
  const parsed = stackSchema.safeParse(document.value);
  const mistakes = parsed.success
    ? wrongReferences(parsed.data)
    : explainIssues(parsed.error.issues, document.value, stackJsonSchema());
  if (parsed.success && mistakes.length === 0) return parsed.data;
  throw invalid(label, describe(mistakes, document, label));
}

/**
 * The stack with parameters, which must leave it a stack.
 * @throws TracewrightError `usage.invalid`
 */
export function parameterizedStack(stack: Stack, parameters: readonly Parameter[]): Stack {
  const changed = withParameters(stack, parameters);
  const parsed = stackSchema.safeParse(changed);
  if (parsed.success) return changed;
  const mistakes = explainIssues(parsed.error.issues, changed, stackJsonSchema());
  const [first = { path: [], message: 'is no stack' }] = mistakes;
  const culprits = parameters.filter(({ component }) => first.path[1] === component);
  throw new TracewrightError({
    type: 'usage.invalid',
    message: `With ${culprits.map(({ given }) => given.split('=')[0]).join(', ')} the stack is none: ${dotted(first.path)}: ${first.message}.`,
    remedy: 'Correct the value.',
  });
}

/** What the schema cannot see: `accepts` must name a component that has objects to try. */
function wrongReferences(stack: Stack): Mistake[] {
  return Object.entries(stack.components).flatMap(([name, component]) =>
    component.ready.flatMap((check, index) => {
      if (!('accepts' in check) || typeof check.accepts !== 'string') return [];
      if (stack.components[check.accepts]?.manifests) return [];
      const path = ['components', name, 'ready', index, 'accepts'];
      return [
        { path, at: 'value' as const, message: `"${check.accepts}" is not a component with manifests` },
      ];
    }),
  );
}

/** `file:line:column: components.tempo.release.chart: …`, in the order of the file. */
function describe(mistakes: readonly Mistake[], document: StackDocument, label: string): string[] {
  return mistakes
    .map((mistake) => ({ ...mistake, position: document.position(mistake.path, mistake.at) }))
    .sort((a, b) => a.position.localeCompare(b.position, 'en', { numeric: true }))
    .map(
      ({ position, path, message }) =>
        `${label}:${position}: ${path.length === 0 ? '' : `${dotted(path)}: `}${message}`,
    );
}

function dotted(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (typeof part === 'number' ? `[${String(part)}]` : `.${String(part)}`))
    .join('')
    .slice(1);
}

/** A circle is pointed to where it closes, an unknown need to its own place. */
function checkPlan(stack: Stack, document: StackDocument, label: string): void {
  try {
    planOf(stack);
  } catch (error) {
    if (!isTracewrightError(error)) throw error;
    const { type, message, remedy } = error;
    const path = placeOfNeed(stack, error) ?? ['components'];
    const place = `${label}:${document.position(path, 'value')}`;
    throw new TracewrightError({ type, message: `${place}: ${message}`, remedy, cause: error });
  }
}

/** The path of the need that makes a plan impossible. */
function placeOfNeed({ components }: Stack, { type }: TracewrightError): PropertyKey[] | undefined {
  const needs = Object.entries(components).flatMap(([name, component]) =>
    component.needs.map((need, index) => ({ name, need, path: ['components', name, 'needs', index] })),
  );
  if (type === 'stack.unknown-need') return needs.find(({ need }) => !components[need])?.path;
  const reaches = (from: string, goal: string, seen = new Set<string>()): boolean => {
    if (from === goal) return true;
    if (seen.has(from)) return false;
    seen.add(from);
    return (components[from]?.needs ?? []).some((need) => reaches(need, goal, seen));
  };
  return needs.find(({ name, need }) => reaches(need, name))?.path;
}

function withAbsoluteCharts(stack: Stack, folder: string): Stack {
  const absolute = ({ release, ...component }: Component): Component =>
    release && 'path' in release.chart
      ? {
          ...component,
          release: { ...release, chart: { ...release.chart, path: resolve(folder, release.chart.path) } },
        }
      : { ...component, ...(release && { release }) };
  const components = Object.entries(stack.components).map(
    ([name, component]) => [name, absolute(component)] as const,
  );
  return { ...stack, components: Object.fromEntries(components) };
}

/** Relative to the working folder where that says more, else absolute. */
export function shortest(path: string): string {
  const fromHere = relative('', path);
  return fromHere.startsWith('..') ? path : fromHere;
}

function invalid(label: string, lines: readonly string[]): TracewrightError {
  const rest = lines.length - shownMistakes;
  const shown = [...lines.slice(0, shownMistakes), ...(rest > 0 ? [`… and ${String(rest)} more.`] : [])];
  return new TracewrightError({
    type: 'stack.invalid',
    message: shown.join('\n'),
    remedy: `Correct ${label}; schemas/stack.schema.json lets an editor help with it.`,
  });
}

function unreadable(path: string, cause: unknown): TracewrightError {
  return new TracewrightError({
    type: 'stack.not-found',
    message: whyUnreadable(`stack file ${path}`, cause),
    remedy: 'Correct the path. A built-in stack is named without a slash and without ".yaml".',
    cause,
  });
}

/** What keeps `what`, such as `stack file /a.yaml`, from being read, as a sentence. */
export function whyUnreadable(what: string, cause: unknown): string {
  const { code } = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT') return `There is no ${what}.`;
  const why = code === 'EISDIR' ? 'it is a folder' : code === 'EACCES' ? 'you may not' : String(code);
  return `The ${what} cannot be read: ${why}.`;
}

async function unknownName(name: string, builtInDir: string, cause: unknown): Promise<TracewrightError> {
  const known = await listStacks(builtInDir);
  return new TracewrightError({
    type: 'stack.not-found',
    message: `There is no stack "${name}".${didYouMean(name, known)}`,
    remedy: `The built-in stacks are ${known.join(', ')}. A file of your own is given by its path, such as ./${name}.yaml.`,
    cause,
  });
}
