import { parseEndpoint, type EndpointUse } from './endpoint.js';
import type { Reader } from './reader.js';
import { readService } from './read-service.js';

/**
 * An address in use and the Service that it names.
 * @param namespace of the pods that use it
 * @param defaultPort of the protocol
 * @returns undefined when its value is put together elsewhere (a variable, a Secret)
 */
export async function readEndpoint(
  read: Reader,
  {
    where,
    text,
    namespace,
    defaultPort,
  }: { where: string; text: string | undefined; namespace: string; defaultPort: number },
): Promise<EndpointUse | undefined> {
  if (text?.includes('$')) return undefined;
  const endpoint = text === undefined ? undefined : parseEndpoint(text, namespace, defaultPort);
  const service = endpoint?.service && (await readService(read, endpoint.service));
  return { where, text, endpoint, service };
}
