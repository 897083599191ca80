import { request } from 'undici';
import { userAgent, type NetworkVariables } from '../http-agent.js';

interface ReachOptions {
  /** Of the user: proxies and certificates are taken from them. */
  readonly variables: NetworkVariables;
  /** For all of it, in milliseconds. @default 3000 */
  readonly timeoutMs?: number;
}

/** What a registry says to somebody without a login, and a server that knows no HEAD. */
const alsoGood = new Set([401, 405]);

/**
 * Sends one HEAD to each address, all at once, through the user's proxies.
 * @returns why one of them is no answer (`quay.io does not answer`); `undefined` when all are
 */
export async function whyUnreachable(
  addresses: readonly string[],
  { variables, timeoutMs = 3_000 }: ReachOptions,
): Promise<string | undefined> {
  const dispatcher = await userAgent(variables);
  const signal = AbortSignal.timeout(timeoutMs);
  const look = async (address: string): Promise<string | undefined> => {
    const { host } = new URL(address);
    try {
      const { statusCode, body } = await request(address, { method: 'HEAD', dispatcher, signal });
      await body.dump();
      return statusCode < 400 || alsoGood.has(statusCode)
        ? undefined
        : `${host} answers HTTP ${String(statusCode)}`;
    } catch {
      return `${host} does not answer`;
    }
  };
  // A proxy that hangs up in mid-handshake leaves the library waiting, whatever the signal says.
  const late = new Promise<string>((resolve) => {
    signal.addEventListener('abort', () => {
      resolve(`no answer within ${String(timeoutMs / 1000)} s`);
    });
  });
  const all = Promise.all(addresses.map(look)).then((reasons) =>
    reasons.find((reason) => reason !== undefined),
  );
  try {
    return await Promise.race([all, late]);
  } finally {
    void dispatcher.destroy().catch(() => undefined);
  }
}
