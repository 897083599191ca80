import { fileURLToPath } from 'node:url';
import type { Client } from '@temporalio/client';
import type { DataConverter, Payload } from '@temporalio/common';
import type { Config } from '../../config.js';
import { createPayloadCodec } from './codec.js';
import { createKeyring } from './keys.js';

export const failureConverterPath = fileURLToPath(new URL('failure-converter.js', import.meta.url));

/**
 * How clients and workers write and read what the Temporal server keeps. With keys, payloads and the texts of failures are
 * encrypted; without, they are as always, and what is encrypted is refused with `payload.undecodable`.
 */
export function dataConverterFor({ payloadKeys }: Pick<Config, 'payloadKeys'>): DataConverter {
  return payloadKeys
    ? { payloadCodecs: [createPayloadCodec(createKeyring(payloadKeys))], failureConverterPath }
    : { payloadCodecs: [createPayloadCodec()] };
}

/** Decodes what the client's library hands on as it is: details of activities that run, for example. */
export async function decodeRaw(client: Client, payloads: readonly Payload[]): Promise<unknown[]> {
  const { payloadConverter } = client.options.loadedDataConverter;
  return (await decryptRaw(client, payloads)).map((payload) => payloadConverter.fromPayload(payload));
}

/** Undoes the codecs of the client alone: payloads stay payloads. @throws TracewrightError `payload.*` */
export async function decryptRaw(client: Client, payloads: readonly Payload[]): Promise<Payload[]> {
  let plain = [...payloads];
  for (const codec of client.options.loadedDataConverter.payloadCodecs.toReversed())
    plain = await codec.decode(plain);
  return plain;
}
