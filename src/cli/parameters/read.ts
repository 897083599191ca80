import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TracewrightError } from '../../domain/failure.js';
import { isLongWholeNumber, type Parameter } from '../../domain/parameter.js';
import { canonicalJson } from '../../domain/release.js';
import { readStackDocument } from '../../stack-document.js';
import { shortest, whyUnreadable } from '../../stack-file.js';
import { isSecretName } from '../../tools/redact.js';

/** How a command may change the values of a stack; see `parameterOptions`. */
export interface ParameterOptions extends Assignments {
  values?: readonly string[];
  /** Forget those of the last `up`. */
  resetValues?: true;
}

/** Assignments to single values, each as Helm's flag of that name. */
export interface Assignments {
  set?: readonly string[] | undefined;
  setString?: readonly string[] | undefined;
  setJson?: readonly string[] | undefined;
  setFile?: readonly string[] | undefined;
}

/** In the order in which Helm takes them: the last one wins, wherever it stands. */
export const assignmentFlags = {
  setJson: '--set-json',
  set: '--set',
  setString: '--set-string',
  setFile: '--set-file',
} as const satisfies Record<keyof Assignments, string>;
type AssignmentFlag = (typeof assignmentFlags)[keyof Assignments];

/**
 * What the options ask for, files first: as with Helm, a `--set` wins over a file wherever it stands.
 * @returns `undefined` when none was given, so that those of the last `up` stay
 * @throws TracewrightError as `readValues` and `parseAssignment`
 */
export async function readParameters({
  values = [],
  resetValues,
  ...assignments
}: ParameterOptions): Promise<readonly Parameter[] | undefined> {
  const read: Parameter[] = [];
  // One after the other: the first mistake is the one that is told.
  for (const text of values) read.push(await readValues(text));
  for (const [option, flag] of Object.entries(assignmentFlags) as [keyof Assignments, AssignmentFlag][])
    for (const text of assignments[option] ?? [])
      read.push(flag === '--set-file' ? await readFileText(text) : parseAssignment(text, flag));
  return read.length > 0 || resetValues ? read : undefined;
}

type Key = string | number;

/**
 * Reads what `--set` says: `tempo.values.storage[0].name=a`. Keys and indices are written as for Helm's --set, with `\`
 * before a dot, bracket or equals sign that belongs to a key.
 * @throws TracewrightError `usage.invalid`; for JSON and YAML also `stack.malformed`, as where a number would lose digits
 */
export function parseAssignment(
  text: string,
  flag: Exclude<AssignmentFlag, '--set-file'> = '--set',
): Parameter {
  const { component, path, rest } = splitAssignment(text, flag);
  const value = flag === '--set-json' ? readJson(rest, text) : readScalar(rest, { flag, whole: text, path });
  const longNumbers =
    flag === '--set' && !isYaml(rest) && !isSecret(path) && [value].flat().some(isLongWholeNumber);
  return { given: `${flag} ${text}`, component, path, value, ...(longNumbers && { longNumbers }) };
}

function splitAssignment(
  text: string,
  flag: AssignmentFlag,
): Pick<Parameter, 'component' | 'path'> & { rest: string } {
  const { keys, rest } = splitPath(text);
  const [component, ...path] = keys;
  if (typeof component !== 'string' || path.length < 2 || rest === undefined) throw malformed(text, flag);
  return { component, path, rest };
}

/** What `--set-file` says: the text of a file, as it is. */
async function readFileText(text: string): Promise<Parameter> {
  const { rest, ...place } = splitAssignment(text, '--set-file');
  return {
    given: `--set-file ${text}`,
    ...place,
    value: await readText('file', rest, '--set-file <component>.values.<path>='),
  };
}

function readJson(text: string, whole: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    // With the numbers looked at, which JSON.parse rounds.
    if (canonicalJson(readStackDocument(text, '--set-json').value) === canonicalJson(value)) return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw malformed(whole, '--set-json');
}

/** @returns the keys before the first equals sign, and what is behind it; without one `rest` is undefined */
function splitPath(text: string): { keys: Key[]; rest: string | undefined } {
  const keys: Key[] = [];
  // A key with the escapes taken out; then what ends it.
  const token = /\[(?<index>\d{1,4})\]|(?<key>(?:\\.|[^\\.[\]=])+)|(?<dot>\.)|(?<equals>=)/uy;
  let afterDot = true;
  for (let match = token.exec(text); match?.groups; match = token.exec(text)) {
    const { index, key, dot, equals } = match.groups;
    if (equals !== undefined) return { keys: afterDot ? [] : keys, rest: text.slice(token.lastIndex) };
    const fits = key === undefined ? !afterDot : afterDot;
    if (!fits) break;
    afterDot = dot !== undefined;
    if (key !== undefined) keys.push(key.replace(/\\(.)/gu, '$1'));
    if (index !== undefined) keys.push(Number(index));
  }
  return { keys, rest: undefined };
}

/**
 * A value as Helm's --set takes it: `true`, `2`, `null`, lists as `{a,b}`, `\` before a comma or brace that belongs to a
 * text, everything else a text: `1.10`, `52e1234`, `0123`. Beyond Helm, what begins with a quote, `[` or `{"` is YAML.
 */
function readScalar(
  text: string,
  { flag, whole, path }: { flag: AssignmentFlag; whole: string; path: readonly Key[] },
): unknown {
  if (flag === '--set' && isYaml(text)) return readStackDocument(text, `--set ${path.join('.')}`).value;
  const isList = text.startsWith('{');
  const { parts, rest } = splitUnescaped(isList ? text.slice(1) : text, isList);
  const valueOf = flag === '--set-string' ? (part: string) => part : (part: string) => typed(part, path);
  if (isList) {
    if (rest !== '') throw malformed(whole, flag);
    return parts.map(valueOf);
  }
  const [first = ''] = parts;
  if (parts.length === 1) return valueOf(first);
  throw new TracewrightError({
    type: 'usage.invalid',
    message: `${flag} takes one assignment, and there is a comma in the value of ${whole.slice(0, whole.indexOf('='))}.`,
    remedy: 'Write \\, for a comma that belongs to the value; repeat the flag for another assignment.',
  });
}

function isYaml(text: string): boolean {
  return /^(?:["'[]|\{\s*")/u.test(text);
}

function isSecret(path: readonly Key[]): boolean {
  return isSecretName(String(path.at(-1)));
}

/**
 * Between commas that stand without a `\`, and of a list to its `}`; the escapes are taken out.
 * @returns `rest` is what follows the list's end, undefined when it does not end
 */
function splitUnescaped(text: string, isList: boolean): { parts: string[]; rest: string | undefined } {
  const parts: string[] = [];
  let part = '';
  for (let index = 0; index < text.length; index += 1) {
    const escaped = text[index] === '\\' && index + 1 < text.length;
    if (escaped) index += 1;
    const character = text[index] ?? '';
    if (!escaped && character === ',') {
      parts.push(part);
      part = '';
    } else if (!escaped && isList && character === '}')
      return { parts: [...parts, part], rest: text.slice(index + 1) };
    else part += character;
  }
  return { parts: [...parts, part], rest: undefined };
}

/**
 * As Helm types what is set. Of a secret the digits stay a text, which a template writes as it writes a whole number:
 * secrets do not go to helm among its arguments, as whole numbers must; see `wholeNumbers` of a release.
 */
function typed(text: string, path: readonly Key[]): unknown {
  const word = text.toLowerCase();
  if (word === 'true' || word === 'false') return word === 'true';
  if (word === 'null') return null;
  // Leading zeros make a text. Of more digits than numbers keep, helm is told beside the values: `longNumbers`.
  const isNumber = (text === '0' || /^(?:[1-9]\d*|[-+]\d+)$/u.test(text)) && !isSecret(path);
  return isNumber && Number.isSafeInteger(Number(text)) ? Number(text) + 0 : text;
}

function malformed(text: string, flag: AssignmentFlag): TracewrightError {
  const path = text.split('=')[0] ?? text;
  return new TracewrightError({
    type: 'usage.invalid',
    message: `${flag} ${path} is not an assignment.`,
    remedy:
      'Write <component>.values.<path>=<value>, such as tempo.values.tempo.retention=24h; \\. is a dot in a key, [0] the first of a list, {a,b} a list.',
  });
}

/**
 * Reads what `--values` names: `tempo=./mine.yaml`, a file of Helm values. An empty file has none.
 * @throws TracewrightError `usage.invalid`, `stack.malformed` and `stack.invalid` with file, line and column
 */
async function readValues(text: string): Promise<Parameter> {
  const [, component, file] = /^([^=/]+)=(.+)$/su.exec(text) ?? [];
  if (component === undefined || file === undefined) throw malformedValues(text);
  const content = await readText('values file', file, '--values <component>=');
  const label = shortest(resolve(file));
  const { value } = readStackDocument(content, label);
  if (value !== null && (typeof value !== 'object' || Array.isArray(value)))
    throw new TracewrightError({
      type: 'stack.invalid',
      message: `${label}:1:1: Helm values are a map, and this is a ${Array.isArray(value) ? 'list' : typeof value}.`,
      remedy: `Correct ${label}.`,
    });
  return { given: `--values ${component}=${file}`, component, path: ['values'], value: value ?? {} };
}

/** @throws TracewrightError `usage.invalid` */
async function readText(what: string, file: string, flag: string): Promise<string> {
  const path = resolve(file);
  return readFile(path, 'utf8').catch((cause: unknown) => {
    throw new TracewrightError({
      type: 'usage.invalid',
      message: whyUnreadable(`${what} ${path}`, cause),
      remedy: `Correct the path behind ${flag}.`,
      cause,
    });
  });
}

function malformedValues(text: string): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `--values ${text} does not name a component and a file.`,
    remedy: 'Write --values <component>=<file>, such as --values tempo=./tempo-values.yaml.',
  });
}
