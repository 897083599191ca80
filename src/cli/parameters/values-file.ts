import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { TracewrightError } from '../../domain/failure.js';
import type { Parameter } from '../../domain/parameter.js';
import { readStackDocument } from '../../stack-document.js';
import { shortest, whyUnreadable } from '../../stack-file.js';

/**
 * Reads what `--values` names: `tempo=./mine.yaml`, a file of Helm values. An empty file has none.
 * @throws TracewrightError `usage.invalid`, `stack.malformed` and `stack.invalid` with file, line and column
 */
export async function readValues(text: string): Promise<Parameter> {
  const [, component, file] = /^([^=/]+)=(.+)$/su.exec(text) ?? [];
  if (component === undefined || file === undefined) throw malformed(text);
  const path = resolve(file);
  const content = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new TracewrightError({
      type: 'usage.invalid',
      message: whyUnreadable(`values file ${path}`, cause),
      remedy: 'Correct the path behind --values <component>=.',
      cause,
    });
  });
  const label = shortest(path);
  const { value } = readStackDocument(content, label);
  if (value !== null && (typeof value !== 'object' || Array.isArray(value)))
    throw new TracewrightError({
      type: 'stack.invalid',
      message: `${label}:1:1: Helm values are a map, and this is a ${Array.isArray(value) ? 'list' : typeof value}.`,
      remedy: `Correct ${label}.`,
    });
  return { given: `--values ${component}=${file}`, component, path: ['values'], value: value ?? {} };
}

function malformed(text: string): TracewrightError {
  return new TracewrightError({
    type: 'usage.invalid',
    message: `--values ${text} does not name a component and a file.`,
    remedy: 'Write --values <component>=<file>, such as --values tempo=./tempo-values.yaml.',
  });
}
