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
