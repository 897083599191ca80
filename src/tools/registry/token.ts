import { z } from 'zod';
import { isLoopback } from './loopback.js';

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
  const { token, access_token } = answer.parse(await response.json());
  return token ?? access_token;
}
