import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { METADATA_ENCODING_KEY, type Payload, type PayloadCodec } from '@temporalio/common';
import proto from '@temporalio/proto';
import { TracewrightError } from '../../domain/failure.js';
import type { Keyring } from './keys.js';

/**
 * What Temporal's own samples call such payloads, so that their codec servers and other tools know what they see:
 * https://github.com/temporalio/samples-typescript/tree/main/encryption
 */
const encryptedEncoding = 'binary/encrypted';
const keyIdKey = 'encryption-key-id';
const cipher = 'aes-256-gcm';
/** Of GCM (NIST SP 800-38D, 8.2.2: random, at most 2^32 for a key). In bytes. */
const nonceBytes = 12;
const tagBytes = 16;

const { Payload: PayloadMessage } = proto.temporal.api.common.v1;

/**
 * Encrypts what goes to the Temporal server, each payload by itself, and decrypts what comes from it. The data of an
 * encrypted payload is the nonce, the ciphertext of the whole payload with its metadata, and the tag. What was kept
 * before there were keys is read as it is.
 * @param keyring missing: nothing is encrypted, and what is encrypted is refused
 */
export function createPayloadCodec(keyring?: Keyring): PayloadCodec {
  return {
    encode: async (payloads) => {
      if (!keyring) return payloads;
      const { first, byId } = await keyring.current();
      const key = byId.get(first);
      if (!key) throw new TypeError('The first key is among the keys.');
      return payloads.map((payload) => {
        const nonce = randomBytes(nonceBytes);
        const sealing = createCipheriv(cipher, key, nonce, { authTagLength: tagBytes });
        const sealed = [sealing.update(PayloadMessage.encode(payload).finish()), sealing.final()];
        return {
          metadata: {
            [METADATA_ENCODING_KEY]: Buffer.from(encryptedEncoding),
            [keyIdKey]: Buffer.from(first),
          },
          data: Buffer.concat([nonce, ...sealed, sealing.getAuthTag()]),
        };
      });
    },
    decode: async (payloads) => Promise.all(payloads.map((payload) => decrypt(payload, keyring))),
  };
}

async function decrypt(payload: Payload, keyring: Keyring | undefined): Promise<Payload> {
  if (textOf(payload, METADATA_ENCODING_KEY) !== encryptedEncoding) return payload;
  const id = textOf(payload, keyIdKey);
  if (!keyring)
    throw undecodable(`What the Temporal server keeps is encrypted (key "${id}"), and no keys are set here.`);
  const key = await keyring.find(id);
  if (!key)
    throw undecodable(
      `What the Temporal server keeps is encrypted with the key "${id}", which is not set here.`,
    );
  const data = Buffer.from(payload.data ?? []);
  try {
    const opening = createDecipheriv(cipher, key, data.subarray(0, nonceBytes), { authTagLength: tagBytes });
    opening.setAuthTag(data.subarray(-tagBytes));
    const body = data.subarray(nonceBytes, -tagBytes);
    return PayloadMessage.decode(Buffer.concat([opening.update(body), opening.final()]));
  } catch (error) {
    throw undecodable(
      `What the Temporal server keeps does not fit the key "${id}": another key has that id here, or it was changed.`,
      error,
    );
  }
}

function textOf({ metadata }: Payload, key: string): string {
  return Buffer.from(metadata?.[key] ?? []).toString('utf8');
}

function undecodable(message: string, cause?: unknown): TracewrightError {
  return new TracewrightError({
    type: 'payload.undecodable',
    message,
    remedy:
      'Set TRACEWRIGHT_PAYLOAD_KEYS (or TRACEWRIGHT_PAYLOAD_KEYS_PROGRAM) to all keys in use, for this command and for each worker.',
    cause,
  });
}
