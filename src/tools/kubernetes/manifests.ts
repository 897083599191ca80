import { parseAllDocuments } from 'yaml';
import type { KubernetesObjectSpec } from '../../domain/stack.js';

/** The objects of rendered manifests; empty documents are left out and lists are unfolded. */
export function parseManifests(text: string): KubernetesObjectSpec[] {
  // The checks left out are the API server's anyway, and cost half the time: CustomResourceDefinitions have megabytes.
  const documents = parseAllDocuments(text, { uniqueKeys: false, strict: false, prettyErrors: false });
  return [...documents].flatMap((document) => {
    const object = document.toJS() as KubernetesObjectSpec | null;
    if (!object?.kind) return [];
    return object.kind === 'List' ? (object.items as KubernetesObjectSpec[]) : [object];
  });
}
