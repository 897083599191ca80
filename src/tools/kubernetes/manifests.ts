import { parseAllDocuments, type Document } from 'yaml';
import { TracewrightError } from '../../domain/failure.js';
import { unfoldList } from '../../domain/object-lists.js';
import type { KubernetesObjectSpec } from '../../domain/stack.js';
import { goYaml } from '../../domain/go-yaml.js';

/**
 * The objects of rendered manifests; empty documents are left out and lists are unfolded, as helm and kubectl do.
 * @throws TracewrightError `manifest.rejected` for aliases and merges that lead nowhere
 */
export function parseManifests(text: string): KubernetesObjectSpec[] {
  return valuesOf(text)
    .flatMap(unfoldList)
    .flatMap((value) => {
      const object = value as Partial<KubernetesObjectSpec> | null | undefined;
      // What lacks a name or more is refused by whoever has to make it.
      return object?.kind ? [{ ...object, metadata: object.metadata ?? {} } as KubernetesObjectSpec] : [];
    });
}

/**
 * The kind of a list whose items are null among rendered manifests: what a loop over nothing leaves. helm renders it, and
 * refuses to install it; `items: []` it takes.
 * @throws TracewrightError as `parseManifests`
 */
export function listWithoutItems(text: string): string | undefined {
  if (!/^kind: *["']?\w*List\b/mu.test(text)) return undefined;
  const lists = valuesOf(text) as (
    { readonly kind?: unknown; readonly items?: unknown } | null | undefined
  )[];
  const isHollow = (kind: string, items: unknown): boolean =>
    items === null ? kind.endsWith('List') : kind === 'List' && items === undefined;
  return lists.flatMap((it) => (isHollow(String(it?.kind), it?.items) ? String(it?.kind) : []))[0];
}

function valuesOf(text: string): unknown[] {
  // The checks left out are the API server's anyway, and cost half the time: CustomResourceDefinitions have megabytes.
  const documents = parseAllDocuments(text, {
    ...goYaml,
    uniqueKeys: false,
    strict: false,
    prettyErrors: false,
  });
  return [...documents].map(valueOf);
}

function valueOf(document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: -1 });
  } catch (error) {
    throw new TracewrightError({
      type: 'manifest.rejected',
      message: `The rendered manifests are no YAML: ${(error as Error).message}.`,
      remedy: 'Correct the template of the chart; `helm template` shows what it renders.',
      cause: error,
    });
  }
}
