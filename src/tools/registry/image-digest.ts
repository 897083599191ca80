import { createHash } from 'node:crypto';
import { z } from 'zod';
import { TracewrightError, isTracewrightError } from '../../domain/failure.js';
import { type ImageReference, parseImage } from '../../domain/images.js';
import { isLoopback } from './loopback.js';

/** Indexes first: their digest holds on every kind of machine. */
const manifestTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
  'application/vnd.oci.image.manifest.v1+json',
  'application/vnd.docker.distribution.manifest.v2+json',
].join(', ');

/** For one question, in milliseconds. */
const defaultTimeoutMs = 30_000;

export interface DigestOptions {
  readonly signal?: AbortSignal | undefined;
  /** @default 30000 */
  readonly timeoutMs?: number;
}

/**
 * The digest that a registry has for an image, by its HTTP API (OCI Distribution 1.1, Docker Registry v2), as anybody.
 * @returns `sha256:<hex>`; of the index where an image has several platforms
 * @throws TracewrightError `image.not-found`, `image.unavailable`, `step.cancelled`
 */
export async function imageDigest(reference: string, options: DigestOptions = {}): Promise<string> {
  const image = parseImage(reference);
  if (!image) throw notFound(reference, 'it is not the name of an image');
  if (image.digest !== undefined) return image.digest;
  try {
    const answer = await askWithToken(image, options);
    if (answer.ok) return await digestFrom(answer);
    throw refused(reference, answer.status);
  } catch (error) {
    if (isTracewrightError(error)) throw error;
    if (options.signal?.aborted) throw cancelled(error);
    throw unavailable(reference, reasonOf(error), error);
  }
}

async function askWithToken(image: ImageReference, options: DigestOptions): Promise<Response> {
  const first = await ask(image, undefined, options);
  if (first.status !== 401) return first;
  await first.body?.cancel();
  const signal = limit(options);
  const token = await registryToken(first.headers.get('www-authenticate') ?? '', image.repository, signal);
  return token === undefined ? first : ask(image, token, options);
}

function ask(
  { registry, repository, tag = 'latest' }: ImageReference,
  token: string | undefined,
  options: DigestOptions,
): Promise<Response> {
  const host = registry === 'docker.io' ? 'registry-1.docker.io' : registry;
  const scheme = isLoopback(new URL(`https://${host}`).hostname) ? 'http' : 'https';
  return fetch(`${scheme}://${host}/v2/${repository}/manifests/${tag}`, {
    headers: { accept: manifestTypes, ...(token !== undefined && { authorization: `Bearer ${token}` }) },
    signal: limit(options),
  });
}

/** Counted from the manifest itself: a registry may name none, or a wrong one. */
async function digestFrom(answer: Response): Promise<string> {
  const manifest = Buffer.from(await answer.arrayBuffer());
  return `sha256:${createHash('sha256').update(manifest).digest('hex')}`;
}

function limit({ signal, timeoutMs = defaultTimeoutMs }: DigestOptions): AbortSignal {
  const timeout = AbortSignal.timeout(timeoutMs);
  return signal ? AbortSignal.any([signal, timeout]) : timeout;
}

function refused(reference: string, status: number): TracewrightError {
  if (status === 404) return notFound(reference, 'its registry does not have it');
  const why = `its registry answers HTTP ${String(status)}`;
  // Also what Docker Hub says of a repository that does not exist.
  if (status === 401 || status === 403) return notFound(reference, `${why}: it is private, or not there`);
  return unavailable(reference, why);
}

function reasonOf(error: unknown): string {
  const { cause, name, message } = error as Error & { cause?: { code?: string; message?: string } };
  if (name === 'TimeoutError') return 'its registry does not answer';
  return cause?.code ?? cause?.message ?? message;
}

function notFound(reference: string, why: string): TracewrightError {
  return new TracewrightError({
    type: 'image.not-found',
    message: `There is no digest for the image ${reference}: ${why}.`,
    remedy: 'Correct the image in the stack file or in the values of its chart.',
  });
}

function unavailable(reference: string, why: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'image.unavailable',
    message: `The digest of the image ${reference} cannot be had: ${why}.`,
    remedy: 'Look at the network, then run it again. A registry that limits its rate says 429: wait a while.',
    cause,
  });
}

function cancelled(cause: unknown): TracewrightError {
  return new TracewrightError({
    type: 'step.cancelled',
    message: 'The look-up of image digests was stopped.',
    remedy: 'Run it again.',
    cause,
  });
}

const answer = z.looseObject({ token: z.string().optional(), access_token: z.string().optional() });

/**
 * The token with which anybody may read the repository, as the registry's challenge says (Docker's token
 * authentication).
 * @param challenge the header `WWW-Authenticate`
 * @returns `undefined` when there is none to be had without a login
 */
export async function registryToken(
  challenge: string,
  repository: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  if (!/^bearer /iu.test(challenge)) return undefined;
  const parameters = new Map(
    [...challenge.matchAll(/(\w+)="([^"]*)"/gu)].map(([, key = '', value = '']) => [
      key.toLowerCase(),
      value,
    ]),
  );
  const address = parameters.get('realm') ?? '';
  if (!URL.canParse(address)) return undefined;
  const realm = new URL(address);
  if (realm.protocol !== 'https:' && !isLoopback(realm.hostname)) return undefined;
  const service = parameters.get('service');
  if (service !== undefined) realm.searchParams.set('service', service);
  realm.searchParams.set('scope', parameters.get('scope') ?? `repository:${repository}:pull`);
  const response = await fetch(realm, { signal });
  if (!response.ok) return undefined;
  const { data } = answer.safeParse(await response.json().catch(() => undefined));
  return data?.token ?? data?.access_token;
}
