import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';

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
