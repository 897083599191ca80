import { parse } from 'yaml';
import { TracewrightError } from '../../domain/failure.js';
import type { Parameter } from '../../domain/parameter.js';

type Key = string | number;

/**
 * Reads what `--set` says: `tempo.values.storage[0].name=a`. Keys and indices are written as for Helm's --set, with `\`
 * before a dot, bracket or equals sign that belongs to a key.
 * @throws TracewrightError `usage.invalid`
 */
export function parseAssignment(text: string): Parameter {
  const given = `--set ${text}`;
  const { keys, rest } = splitPath(text);
  const [component, ...path] = keys;
  if (typeof component !== 'string' || path.length < 2 || rest === undefined) throw malformed(text);
  if (/,\s*[a-z0-9-]+\.(?:values|objects)[.[]/u.test(rest))
    throw new TracewrightError({
      type: 'usage.invalid',
      message: `--set takes one assignment, and this looks like several with a comma between: ${text.slice(0, text.length - rest.length)}…`,
      remedy:
        'Repeat --set for each; quote the value if the comma belongs to it: --set \'a.values.b="x,c.values.d"\'.',
    });
  return { given, component, path, value: readScalar(rest, text) };
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
 * A value as YAML means it: `true`, `2`, `null`, `"2"`, `[a, b]`. Helm's lists `{a,b}` are taken as well; what would
 * not be YAML, a text that starts with @ for one, is a text. Numbers with leading zeros are texts, as with Helm.
 */
function readScalar(text: string, whole: string): unknown {
  if (text === '') return '';
  if (/^["'[{]/u.test(text)) {
    const list = /^\{([^:{}[\]]+)\}$/u.exec(text)?.[1];
    try {
      return parse(list === undefined ? text : `[${list}]`, { uniqueKeys: true }) as unknown;
    } catch {
      throw malformed(whole);
    }
  }
  const plain = /^(?:null|~|true|false|-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?)$/iu.test(text);
  const value = plain ? (parse(text) as unknown) : text;
  // What is counted in more digits than numbers have is a name.
  return typeof value === 'number' && !/[.e]/iu.test(text) && !Number.isSafeInteger(value) ? text : value;
}

function malformed(text: string): TracewrightError {
  const path = text.split('=')[0] ?? text;
  return new TracewrightError({
    type: 'usage.invalid',
    message: `--set ${path} is not an assignment.`,
    remedy:
      'Write <component>.values.<path>=<value>, such as tempo.values.tempo.retention=24h; \\. is a dot in a key, [0] the first of a list.',
  });
}
