import { isScalar, parseAllDocuments, type Document } from 'yaml';
import { imagePlaces, rewriteReference } from '../../domain/images.js';
import type { ImageRewriting, KubernetesObjectSpec } from '../../domain/stack.js';
import { TracewrightError } from '../../domain/failure.js';

interface Edit {
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

/**
 * Rewrites the images in rendered manifests; every other character stays as it is.
 * @throws TracewrightError `lock.mismatch` for an image that the lock does not have
 */
export function rewriteImages(manifests: string, rewriting: ImageRewriting): string {
  const documents = parseAllDocuments(manifests, { uniqueKeys: false, strict: false, prettyErrors: false });
  const edits = [...documents].flatMap((document) => editsOf(document, rewriting));
  return edits
    .sort((a, b) => b.start - a.start)
    .reduce(
      (text, { start, end, text: insert }) => text.slice(0, start) + insert + text.slice(end),
      manifests,
    );
}

function editsOf(document: Document, rewriting: ImageRewriting): Edit[] {
  const object = document.toJS() as KubernetesObjectSpec | null;
  if (!object?.kind) return [];
  return imagePlaces(object).flatMap(({ path, before, reference }) => {
    const node = document.getIn(path, true);
    if (!isScalar(node) || !node.range) return [];
    const [start, end] = node.range;
    return [{ start, end, text: JSON.stringify(before + rewritten(reference, rewriting)) }];
  });
}

/** The objects of a stack file, in the same way. @throws as `rewriteImages` */
export function rewriteObjectImages(
  object: KubernetesObjectSpec,
  rewriting: ImageRewriting,
): KubernetesObjectSpec {
  const copy = structuredClone(object);
  for (const { path, before, reference } of imagePlaces(object)) {
    const holder = path.slice(0, -1).reduce<unknown>((it, key) => (it as Record<string, unknown>)[key], copy);
    (holder as Record<string, unknown>)[path.at(-1) ?? ''] = before + rewritten(reference, rewriting);
  }
  return copy;
}

function rewritten(reference: string, rewriting: ImageRewriting): string {
  const text = rewriteReference(reference, rewriting);
  if (text !== undefined) return text;
  throw new TracewrightError({
    type: 'lock.mismatch',
    message: `The image ${reference} is not in the lock file.`,
    remedy:
      'If it is meant, run `tracewright lock` with the --stack, --set and --values of this command, then this command again.',
  });
}
