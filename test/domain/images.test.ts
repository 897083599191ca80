import { describe, expect, test } from 'vitest';
import { imagesOf, mirroredImage, parseImage, rewriteReference } from '../../src/domain/images.js';

const digest = `sha256:${'a'.repeat(64)}`;

describe('an image reference', () => {
  test.each([
    ['busybox', { registry: 'docker.io', repository: 'library/busybox' }],
    ['grafana/tempo:2.0.0', { registry: 'docker.io', repository: 'grafana/tempo', tag: '2.0.0' }],
    ['docker.io/busybox:1', { registry: 'docker.io', repository: 'library/busybox', tag: '1' }],
    ['quay.io/a/b/c:v1', { registry: 'quay.io', repository: 'a/b/c', tag: 'v1' }],
    ['localhost/x', { registry: 'localhost', repository: 'x' }],
    ['registry:5000/x:1', { registry: 'registry:5000', repository: 'x', tag: '1' }],
    [`ghcr.io/x/y:1@${digest}`, { registry: 'ghcr.io', repository: 'x/y', tag: '1', digest }],
  ])('%s', (text, expected) => {
    expect(parseImage(text)).toEqual(expected);
  });

  test.each(['', 'Not an image', 'https://x/y', 'a/B:1', 'x:', `x@sha256:12`])('%j is none', (text) => {
    expect(parseImage(text)).toBeUndefined();
  });

  test('keeps its path below a mirror', () => {
    const image = parseImage(`docker.io/busybox:1@${digest}`);
    expect(image && mirroredImage(image, 'registry.local:5000/mirror/')).toBe(
      `registry.local:5000/mirror/library/busybox:1@${digest}`,
    );
  });
});

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'x' },
  spec: {
    containers: [
      {
        name: 'operator',
        image: 'operator:1',
        args: ['--collector-image=otel/collector:0.71.0', '--image-pull=always', '--log=a/b:c'],
        env: [
          { name: 'RELATED_IMAGE_PROXY', value: 'quay.io/proxy:2' },
          { name: 'IMAGE_PULL_POLICY', value: 'Always' },
          { name: 'OTHER', value: 'quay.io/other:2' },
        ],
      },
    ],
    initContainers: [{ name: 'first', image: 'operator:1' }],
  },
};

describe('the images of objects', () => {
  test('are those of containers, flags and variables, each once', () => {
    expect(imagesOf([pod])).toEqual(['operator:1', 'otel/collector:0.71.0', 'quay.io/proxy:2']);
  });

  test('are those of custom resources', () => {
    const prometheus = {
      ...pod,
      kind: 'Prometheus',
      spec: { image: 'quay.io/prometheus/prometheus:v2.42.0' },
    };
    expect(imagesOf([prometheus])).toEqual(['quay.io/prometheus/prometheus:v2.42.0']);
  });

  test('are not what a text says, nor what `helm test` would run', () => {
    const text = { ...pod, kind: 'ConfigMap', data: { image: 'x:1' } };
    const hook = { ...pod, metadata: { name: 'x', annotations: { 'helm.sh/hook': 'test' } } };
    expect(imagesOf([text, hook])).toEqual([]);
  });
});

describe('a reference becomes', () => {
  test.each([
    ['the locked one', { digests: { 'x:1': digest } }, `x:1@${digest}`],
    ['the one of a mirror', { from: 'm.local' }, 'm.local/library/x:1'],
    ['both', { from: 'm.local', digests: { 'x:1': digest } }, `m.local/library/x:1@${digest}`],
    ['nothing when it was not locked', { digests: {} }, undefined],
  ])('%s', (_, rewriting, expected) => {
    expect(rewriteReference('x:1', rewriting)).toBe(expected);
  });
});
