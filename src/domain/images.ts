import type { ImageRewriting, KubernetesObjectSpec } from './stack.js';

/** Where an object names an image. */
interface ImagePlace {
  readonly path: readonly (string | number)[];
  /** What stands before the reference in the same text, such as `--collector-image=`. */
  readonly before: string;
  readonly reference: string;
}

/** Their texts are not Kubernetes' own; and what `helm test` would run is never run. */
const excludedKinds = new Set(['ConfigMap', 'Secret', 'CustomResourceDefinition']);
const testHook = /^test(-success|-failure)?$/u;

/** A flag that names an image for what an operator makes. */
const imageFlag = /^(?<flag>--?[\w.-]*(?:image|config-reloader)[\w.-]*=)(?<reference>[^=]+)$/u;

/**
 * All places where the object names an image: `image` of containers and of custom resources, flags such as
 * `--collector-image=…`, variables such as RELATED_IMAGE_…
 */
export function imagePlaces(object: KubernetesObjectSpec): ImagePlace[] {
  const annotations = object.metadata['annotations'] as Record<string, string> | undefined;
  if (excludedKinds.has(object.kind) || testHook.test(annotations?.['helm.sh/hook'] ?? '')) return [];
  return placesIn(object, []);
}

function placesIn(value: unknown, path: readonly (string | number)[]): ImagePlace[] {
  if (Array.isArray(value)) return value.flatMap((item, index) => placesIn(item, [...path, index]));
  if (typeof value === 'object' && value !== null) {
    const named = String((value as { name?: unknown }).name);
    return Object.entries(value).flatMap(([key, inner]) =>
      key === 'value' && named.includes('IMAGE') && typeof inner === 'string'
        ? place(inner, [...path, key], true)
        : placesIn(inner, [...path, key]),
    );
  }
  if (typeof value !== 'string') return [];
  if (path.at(-1) === 'image') return place(value, path, false);
  const { flag, reference } = imageFlag.exec(value)?.groups ?? {};
  if (flag === undefined || reference === undefined || !isArgument(path)) return [];
  return place(reference, path, true).map((it) => ({ ...it, before: flag }));
}

function isArgument(path: readonly (string | number)[]): boolean {
  return typeof path.at(-1) === 'number' && (path.at(-2) === 'args' || path.at(-2) === 'command');
}

function place(text: string, path: readonly (string | number)[], mustHaveVersion: boolean): ImagePlace[] {
  const image = parseImage(text);
  if (!image || (mustHaveVersion && image.tag === undefined && image.digest === undefined)) return [];
  return [{ path, before: '', reference: text }];
}

/** The images of the objects as they are written, each once, in alphabetical order. */
export function imagesOf(objects: readonly KubernetesObjectSpec[]): string[] {
  return [...new Set(objects.flatMap(imagePlaces).map(({ reference }) => reference))].sort();
}

/**
 * What becomes of a reference: pinned to its locked digest, then taken from the mirror.
 * @returns `undefined` when there are digests and none is for this image: it was not locked
 */
export function rewriteReference(reference: string, { from, digests }: ImageRewriting): string | undefined {
  const digest = digests?.[reference];
  if (digests && digest === undefined) return undefined;
  const pinned = digest === undefined ? reference : pinnedImage(reference, digest);
  const image = parseImage(pinned);
  return from === undefined || !image ? pinned : mirroredImage(image, from);
}

/** The name of a container image, in full: what Docker leaves out (`docker.io/library/`) is there. */
export interface ImageReference {
  /** A host, with its port: `docker.io`, `localhost:5000`. */
  readonly registry: string;
  /** `grafana/tempo`, `library/busybox`. */
  readonly repository: string;
  readonly tag?: string;
  /** `sha256:<hex>`. */
  readonly digest?: string;
}

const shape =
  /^(?<name>(?:[\w.-]+(?::\d+)?\/)?[a-z\d][a-z\d._-]*(?:\/[a-z\d][a-z\d._-]*)*)(?::(?<tag>\w[\w.-]{0,127}))?(?:@(?<digest>sha256:[0-9a-f]{64}))?$/u;

/** `undefined` when the text is no image reference. */
export function parseImage(text: string): ImageReference | undefined {
  const { name, tag, digest } = shape.exec(text)?.groups ?? {};
  if (name === undefined) return undefined;
  const [first = '', ...rest] = name.split('/');
  const isHost = rest.length > 0 && (/[.:]/u.test(first) || first === 'localhost');
  const path = isHost ? rest.join('/') : name;
  const registry = isHost ? first : 'docker.io';
  return {
    registry,
    repository: registry === 'docker.io' && !path.includes('/') ? `library/${path}` : path,
    ...(tag !== undefined && { tag }),
    ...(digest !== undefined && { digest }),
  };
}

/**
 * The same image below another prefix (`registry.local:5000/mirror`): the path stays, the registry goes. That is how
 * containerd asks its mirrors.
 */
export function mirroredImage({ repository, tag, digest }: ImageReference, prefix: string): string {
  const version = [tag && `:${tag}`, digest && `@${digest}`].filter(Boolean).join('');
  return `${prefix.replace(/\/+$/u, '')}/${repository}${version}`;
}

/** The reference as it is written, with a digest: the tag is for people then. */
export function pinnedImage(text: string, digest: string): string {
  return `${text.split('@')[0] ?? text}@${digest}`;
}
