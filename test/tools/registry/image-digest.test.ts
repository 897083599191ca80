import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { imageDigest } from '../../../src/tools/registry/image-digest.js';
import { startImageRegistry, type ImageRegistry } from '../../support/image-registry.js';

let registry: ImageRegistry;
let digest: string;
beforeEach(async () => {
  registry = await startImageRegistry();
  digest = registry.publish('grafana/tempo', '2.0.0', 'x');
});
afterEach(() => {
  registry.close();
});

describe('the digest of an image', () => {
  it('is that of its index', async () => {
    expect(await imageDigest(`${registry.host}/grafana/tempo:2.0.0`)).toBe(digest);
  });

  it('is had with the token that the registry wants', async () => {
    registry.wantsToken = true;
    expect(await imageDigest(`${registry.host}/grafana/tempo:2.0.0`)).toBe(digest);
    expect(registry.requests).toEqual([
      '/v2/grafana/tempo/manifests/2.0.0',
      '/token?service=registry&scope=repository%3Agrafana%2Ftempo%3Apull',
      '/v2/grafana/tempo/manifests/2.0.0',
    ]);
  });

  it('is the one in the name, where there is one', async () => {
    expect(await imageDigest(`registry.invalid/it@${digest}`)).toBe(digest);
  });

  it.each([
    ['has no such image', 404, 'image.not-found', false],
    ['wants a login', 403, 'image.not-found', false],
    ['is ill', 500, 'image.unavailable', true],
    ['limits its rate', 429, 'image.unavailable', true],
    ['hangs', 'hang', 'image.unavailable', true],
  ] as const)('is missed when the registry %s', async (_, mischief, type, retryable) => {
    registry.mischief = mischief;
    const asked = imageDigest(`${registry.host}/grafana/tempo:2.0.0`, { timeoutMs: 1_000 });
    await expect(asked).rejects.toMatchObject({ type, retryable });
  });

  it('is missed when nobody answers, and never asked for without TLS but on this machine', async () => {
    await expect(imageDigest('registry.invalid/grafana/tempo:2.0.0')).rejects.toMatchObject({
      type: 'image.unavailable',
    });
    const [, port] = registry.host.split(':');
    await expect(imageDigest(`0.0.0.0:${String(port)}/grafana/tempo:2.0.0`)).rejects.toMatchObject({
      type: 'image.unavailable',
    });
    expect(registry.requests).toEqual([]);
  });

  it('is not asked for any longer when the caller stops', async () => {
    registry.mischief = 'hang';
    const signal = AbortSignal.timeout(200);
    await expect(imageDigest(`${registry.host}/grafana/tempo:2.0.0`, { signal })).rejects.toMatchObject({
      type: 'step.cancelled',
    });
  });
});
