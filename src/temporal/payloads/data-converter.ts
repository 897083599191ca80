import { fileURLToPath } from 'node:url';
import type { DataConverter } from '@temporalio/common';
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
