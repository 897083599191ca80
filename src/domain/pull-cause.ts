import { formatDuration } from './duration.js';

/** Why an image cannot be pulled, as far as it decides what to do. */
export interface PullCause {
  readonly remedy: string;
  /** It may pass by itself. */
  readonly retryable: boolean;
  /** The registry limits how often it may be asked: to wait for it beside its back is of no use. */
  readonly limited: boolean;
  /** When it may be asked again, in milliseconds from now. */
  readonly retryAfterMs?: number;
}

/** Who asks the registry: the nodes of a cluster, or the Docker engine that they are containers of. */
export type Puller = 'nodes' | 'docker';

interface Sign {
  readonly text: RegExp;
  readonly remedy: string | Readonly<Record<Puller, string>>;
  /** @default false */
  readonly retryable?: boolean;
}

const correctName = {
  nodes: 'Correct the name or tag of the image in the stack file or in the values of its chart, then retry.',
  docker: 'Correct the image under `k3d` in the stack file, then retry.',
};

/**
 * Texts of containerd 1.6 and 2, of Docker 20 to 28 and of our own program (embedded/images), the first match wins:
 * what is special stands before the "not found" and "denied" that many of them end in.
 */
const signs: readonly Sign[] = [
  {
    text: /no space left on device|disk quota exceeded|there is no room/iu,
    remedy: {
      nodes: 'Make room on the disk that the nodes keep their images on, then retry.',
      docker: 'Make room: `docker system df` shows what takes it. Then retry.',
    },
  },
  {
    text: /no archive/iu,
    remedy: 'Put an archive of the image there (`tracewright images save`, `docker save`), then retry.',
  },
  {
    text: /no match(?:ing manifest)? for (?:platform|linux)|and this machine is linux\/|does not match the specified platform/iu,
    remedy:
      'Take an image or a tag that is published for the processor of this machine as well, or a machine of the other kind, then retry.',
  },
  {
    text: /text\/html|web page|looking for beginning of value|DOCTYPE html/iu,
    remedy:
      'A web page answers in the place of the registry: log in to the network that asks for it, or correct the proxy (HTTPS_PROXY), then retry.',
  },
  {
    text: /has the digest|unexpected commit digest|verification failed for digest|digest (?:mismatch|did not match|does not match)|failed size validation|content .*digest/iu,
    remedy:
      'What came is not what the digest names: look at the mirror or the proxy between here and the registry. Where a lock file names the digest, `tracewright lock` makes it anew. Then retry.',
  },
  {
    text: /timed out|timeout|deadline exceeded|server misbehaving|temporary failure in name resolution/iu,
    retryable: true,
    remedy: {
      nodes:
        'The registry does not answer in time. Look at the network and its name server; the step is tried again.',
      docker:
        'The registry does not answer in time. Look at the network, and whether Docker itself knows the proxy; the step is tried again.',
    },
  },
  {
    text: /no such host|name or service not known/iu,
    remedy: {
      nodes:
        'No such host is known: correct the registry in the name of the image, or the mirror. Where it is right, look at the name server, or name the proxy that knows it (HTTPS_PROXY). Then retry.',
      docker:
        'No such host is known: correct the image under `k3d` in the stack file. Where it is right, look at the name server, and whether Docker itself knows the proxy. Then retry.',
    },
  },
  {
    text: /x509|certificate|tls: |server gave HTTP response to HTTPS client/iu,
    remedy: {
      nodes:
        'No encrypted line that can be trusted: give the nodes the authority of the registry (on the embedded cluster SSL_CERT_FILE of the host), or name a mirror without encryption by http://. Then retry.',
      docker:
        'No encrypted line that can be trusted: give Docker the authority of the registry (/etc/docker/certs.d), then retry.',
    },
  },
  {
    text: /private network|asked by HTTPS only/iu,
    remedy:
      "Name the registry among the stack's `embedded.mirrors`, or use --images-from; what pods may ask for must not lead into this machine. Then retry.",
  },
  {
    text: /\b401\b|\b403\b|denied|unauthorized|authentication required|forbidden|no basic auth credentials|the login for/iu,
    remedy: {
      nodes:
        'Check the name of the image. If it is private, give the cluster the credentials of its registry (`docker login` on the host of an embedded cluster, an image pull secret elsewhere), then retry.',
      docker:
        'Check the image under `k3d` in the stack file. If it is private, `docker login` to its registry, then retry.',
    },
  },
  {
    text: /not found|does not have it|(?:manifest|name|blob) unknown|\b404\b|does not exist|invalid reference|must be lowercase|is no registry|InvalidImageName|ErrImageNeverPull|Never/u,
    remedy: correctName,
  },
  {
    text: /answers 5\d\d|unexpected HTTP status: 5\d\d|internal server error|bad gateway|service unavailable/iu,
    retryable: true,
    remedy: 'The registry has a trouble of its own. Wait, or use a mirror; the step is tried again.',
  },
];

const limit = /\b429\b|toomanyrequests|too many requests|rate limit/iu;
/** As Go writes a duration, to the second: `1m10s`. */
const pause = /retry after (?:(?<hours>\d+)h)?(?:(?<minutes>\d+)m)?(?<seconds>\d+)s/iu;

/**
 * Reads why an image cannot be pulled out of what is said about it: the message of a kubelet, the error of Docker.
 * @param image its name, which says nothing about the cause
 */
export function pullCause(words: string, image = '', by: Puller = 'nodes'): PullCause {
  // Neither do addresses, in which the name stands as well.
  const text = (image === '' ? words : words.replaceAll(image, ' ')).replace(/https?:\/\/\S+/gu, ' ');
  if (limit.test(text)) return limitedCause(text);
  const found = signs.find((sign) => sign.text.test(text));
  if (!found)
    return {
      remedy: `The registry cannot be reached. Look at the network and the proxy of ${by === 'docker' ? 'Docker' : 'the nodes'}; the step is tried again.`,
      retryable: true,
      limited: false,
    };
  const { remedy, retryable = false } = found;
  return { remedy: typeof remedy === 'string' ? remedy : remedy[by], retryable, limited: false };
}

/** Registries that do not say it forget within a minute or an hour; in milliseconds. */
const usualPauseMs = 30_000;
/** Whoever waits for longer than this is better told; in milliseconds. */
const longestPauseMs = 5 * 60_000;

function limitedCause(text: string): PullCause {
  const { hours = 0, minutes = 0, seconds } = pause.exec(text)?.groups ?? {};
  const saidMs =
    seconds === undefined
      ? undefined
      : 1_000 * (3_600 * Number(hours) + 60 * Number(minutes) + Number(seconds));
  const retryAfterMs = saidMs ?? usualPauseMs;
  const retryable = retryAfterMs <= longestPauseMs;
  const wait = `Wait${saidMs === undefined ? '' : ` ${formatDuration(saidMs)}, as it asks`}`;
  return {
    remedy: `The registry limits how often it may be asked. ${wait}, log in to it (\`docker login\`), or use a mirror; ${retryable ? 'the step is tried again' : 'then retry'}.`,
    retryable,
    limited: true,
    ...(retryable && { retryAfterMs }),
  };
}
