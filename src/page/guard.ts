import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';

/** What every answer of the page carries: it is shown by itself, runs and asks nothing but its own, and is kept nowhere. */
export const answerHeaders = {
  'content-security-policy': [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join('; '),
  'cache-control': 'no-store',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/** Why a request gets nothing. */
export interface Refusal {
  readonly status: 403 | 404 | 405 | 415 | 421;
  readonly why: string;
}

/**
 * Lets in who came by the address that we gave out: a page of another site that has rebound its name to this machine
 * sends its own Host, one that sends requests here its own Origin, and neither knows the token.
 * @param port on which we listen
 */
export function refusalOf(request: IncomingMessage, port: number): Refusal | undefined {
  const { host = '', origin, 'sec-fetch-site': site = 'none' } = request.headers;
  if (!ownHosts(port).includes(host)) return { status: 421, why: 'This address is not that of the page.' };
  if (!['GET', 'HEAD', 'POST'].includes(request.method ?? ''))
    return { status: 405, why: 'Only GET, HEAD and POST are answered.' };
  const isOwn =
    origin === undefined ? site === 'none' || site === 'same-origin' : origin === `http://${host}`;
  if (!isOwn && !isNavigation(request)) return { status: 403, why: 'Only the page itself gets an answer.' };
  if (request.method !== 'POST') return undefined;
  // A form of another page can send neither: so much for browsers that say nothing about where a request comes from.
  if (origin === undefined) return { status: 403, why: 'The request does not say where it comes from.' };
  return request.headers['content-type'] === 'application/json'
    ? undefined
    : { status: 415, why: 'The body must be JSON.' };
}

function ownHosts(port: number): readonly string[] {
  return [`127.0.0.1:${String(port)}`, `localhost:${String(port)}`];
}

/** A link to the page, in a chat or a note: the browser shows what comes, and the page with the link sees none of it. */
function isNavigation({ method, headers }: IncomingMessage): boolean {
  return (
    method === 'GET' && headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document'
  );
}

/** Whether two secrets are the same, in a time that says nothing about them. */
export function isSame(given: string, secret: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(given), digest(secret));
}
