import { readFile } from 'node:fs/promises';
import { rootCertificates } from 'node:tls';
import { EnvHttpProxyAgent } from 'undici';

/** What Go's clients take their proxies and certificates from. */
export type NetworkVariables = Readonly<Record<string, string | undefined>>;

/** Sends requests through the user's proxies, and trusts whom the user's other programs trust. Close it after use. */
export async function userAgent(variables: NetworkVariables): Promise<EnvHttpProxyAgent> {
  return new EnvHttpProxyAgent({ ...proxiesOf(variables), ...(await certificatesOf(variables)) });
}

/** As Go's clients read them: small letters or large. */
function proxiesOf(variables: NetworkVariables): EnvHttpProxyAgent.Options {
  const named = (name: string): string => variables[name] ?? variables[name.toLowerCase()] ?? '';
  return { httpProxy: named('HTTP_PROXY'), httpsProxy: named('HTTPS_PROXY'), noProxy: named('NO_PROXY') };
}

/** Go's clients take authorities from SSL_CERT_FILE, Node.js does not. */
async function certificatesOf({ SSL_CERT_FILE: path }: NetworkVariables): Promise<object> {
  if (path === undefined) return {};
  const ca = [...rootCertificates, await readFile(path, 'utf8').catch(() => '')].filter(
    (text) => text !== '',
  );
  return { connect: { ca }, requestTls: { ca } };
}
