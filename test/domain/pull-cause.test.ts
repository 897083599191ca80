import { describe, expect, test } from 'vitest';
import { pullCause } from '../../src/domain/pull-cause.js';

const digest = `sha256:${'0'.repeat(64)}`;
const other = `sha256:${'1'.repeat(64)}`;

/** As containerd 1.6.20, dockerd 20.10.24 and our own program said them, but for addresses and digests. */
const recorded: readonly [cause: string, remedy: RegExp, retryable: boolean, words: readonly string[]][] = [
  [
    'no such image',
    /Correct the (?:name|image)/u,
    false,
    [
      'registry.example/of/it:1: not found',
      '404 registry.example does not have it',
      'Error response from daemon: manifest unknown',
      'Error response from daemon: manifest for of/it:1 not found: manifest unknown: manifest unknown',
      'InvalidImageName: Failed to apply default image tag "UPPER/it:1": couldn\'t parse image reference "UPPER/it:1": invalid reference format: repository name must be lowercase',
      'ErrImageNeverPull: Container image "of/it:1" is not present with pull policy of Never',
    ],
  ],
  [
    'not for everybody',
    /docker login/u,
    false,
    [
      'pulling from host registry.example failed with status code [manifests 1]: 401 Unauthorized',
      'pulling from host registry.example failed with status code [manifests 1]: 403 Forbidden',
      '403 registry.example answers 401: it is private, or not there; log in on the host with `docker login registry.example`',
      'Error response from daemon: unauthorized: authentication required',
      "Error response from daemon: pull access denied for of/it, repository does not exist or may require 'docker login': denied: denied",
    ],
  ],
  [
    'asked too often',
    /Wait, log in/u,
    true,
    [
      'pulling from host registry.example failed with status code [manifests 1]: 429 Too Many Requests',
      'Error response from daemon: toomanyrequests: You have reached your pull rate limit.',
    ],
  ],
  [
    'a web page',
    /web page/u,
    false,
    [
      `unexpected media type text/html for ${digest}: not found`,
      "Error response from daemon: error unmarshalling content: invalid character '<' looking for beginning of value",
      '502 registry.example answers with a web page: is there a login page in between?',
    ],
  ],
  [
    'other content',
    /not what the digest names/u,
    false,
    [
      `failed commit on ref "layer-${digest}": commit failed: unexpected commit digest ${other}, expected ${digest}: failed precondition`,
      `filesystem layer verification failed for digest ${digest}`,
      `502 the manifest of registry.example/of/it:1 has the digest ${other}`,
    ],
  ],
  [
    'another processor',
    /processor/u,
    false,
    [
      'no match for platform in manifest: not found',
      'no matching manifest for linux/arm64/v8 in the manifest list entries',
      '403 registry.example/of/it:1 is for linux/s390x, and this machine is linux/amd64',
    ],
  ],
  [
    'no such host',
    /No such host/u,
    false,
    [
      'failed to do request: Head "https://registry.example/v2/of/it/manifests/1": dial tcp: lookup registry.example on 192.0.2.53:53: no such host',
      '502 registry.example cannot be reached: lookup registry.example on 192.0.2.53:53: no such host',
    ],
  ],
  [
    'no trusted line',
    /authority/u,
    false,
    [
      'failed to do request: Head "https://registry.example/v2/of/it/manifests/1": tls: failed to verify certificate: x509: certificate signed by unknown authority',
      '502 registry.example cannot be reached: http: server gave HTTP response to HTTPS client',
    ],
  ],
  [
    'a registry that is ill',
    /trouble of its own/u,
    true,
    [
      'pulling from host registry.example failed with status code [manifests 1]: 500 Internal Server Error',
      'Error response from daemon: received unexpected HTTP status: 500 Internal Server Error',
      '502 registry.example answers 500: unknown',
    ],
  ],
  [
    'no answer in time',
    /in time/u,
    true,
    [
      'failed to do request: Head "https://registry.example/v2/of/it/manifests/1": net/http: TLS handshake timeout',
      'dial tcp: lookup registry.example on 192.0.2.53:53: server misbehaving',
      '502 registry.example does not answer: timed out',
    ],
  ],
  [
    'no way there',
    /cannot be reached/u,
    true,
    [
      'failed to do request: Head "http://registry.example/v2/of/it/manifests/1": dial tcp 192.0.2.1:80: connect: connection refused',
      'Get "https://registry.example/v2/": dial tcp: lookup registry.example on 192.0.2.53:53: dial udp 192.0.2.53:53: connect: network is unreachable',
    ],
  ],
  [
    'a full disk',
    /Make room/u,
    false,
    ['failed to extract layer: write /x: no space left on device: unknown'],
  ],
  [
    'no archive',
    /tracewright images save/u,
    false,
    ['403 no archive (*.tar, *.tar.gz) in /images has of/it:1; other.tar.gz: unexpected EOF'],
  ],
  [
    'a registry in a private network',
    /embedded\.mirrors/u,
    false,
    ['403 10.0.0.1 is on this machine or in a private network'],
  ],
];

describe.each(recorded)('%s', (_, remedy, retryable, words) => {
  test.each(words)('%s', (text) => {
    for (const by of ['nodes', 'docker'] as const)
      expect(pullCause(text, '', by)).toMatchObject({
        retryable,
        remedy: expect.stringMatching(remedy) as string,
      });
  });
});

test('every cause has a remedy of its own', () => {
  const remedies = recorded.map(([, , , [words = '']]) => pullCause(words).remedy);
  expect(new Set(remedies).size).toBe(recorded.length);
});

test('the name of an image and its address are no cause', () => {
  const image = 'registry.example/denied/429:not-found';
  const words = `Get "https://registry.example/v2/denied/429/manifests/404": "${image}": connection refused`;
  expect(pullCause(words, image)).toMatchObject({ retryable: true, limited: false });
});

test.each([
  ['retry after 1m10s', true, 70_000],
  ['retry after 5s', true, 5_000],
  ['429 Too Many Requests', true, 30_000],
  ['429: retry after 1h0m0s', false, undefined],
])('%s: when to ask again', (said, retryable, retryAfterMs) => {
  const cause = pullCause(`registry.example limits how often it may be asked (429): ${said}`);
  expect(cause).toMatchObject({ limited: true, retryable });
  expect(cause.retryAfterMs).toBe(retryAfterMs);
});
