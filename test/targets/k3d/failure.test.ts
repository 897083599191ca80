import { expect, test } from 'vitest';
import { TracewrightError } from '../../../src/domain/failure.js';
import { explainFailure } from '../../../src/targets/k3d/failure.js';

const image = 'rancher/k3s:v1.31.5-k3s1';
const failed = new TracewrightError({ type: 'tool.failed', message: 'k3d: exit code 1', remedy: 'r' });

/** As k3d 5.8 wraps what a real dockerd 20.10.24 said of a registry with each trouble. */
test.each([
  ['manifest unknown', false, /image under `k3d`/u],
  ['unauthorized: unauthorized', false, /docker login/u],
  [
    "pull access denied for it, repository does not exist or may require 'docker login': denied: denied",
    false,
    /docker login/u,
  ],
  ['toomanyrequests: toomanyrequests', true, /limits/u],
  ['received unexpected HTTP status: 500 Internal Server Error', true, /trouble of its own/u],
  ["error unmarshalling content: invalid character '<' looking for beginning of value", false, /web page/u],
  [
    'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 192.0.2.53:53: no such host',
    false,
    /whether Docker itself knows the proxy/u,
  ],
  [
    'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 192.0.2.53:53: dial udp 192.0.2.53:53: connect: network is unreachable',
    true,
    /proxy of Docker/u,
  ],
  [
    'Get "https://registry-1.docker.io/v2/": net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)',
    true,
    /in time/u,
  ],
])('the image of the nodes: %s', (said, retryable, remedy) => {
  const pull = `docker failed to pull image '${image}': docker failed to pull the image '${image}'`;
  const lines = [`Failed Cluster Creation: ${pull}: Error response from daemon: ${said}`];
  const options = {
    what: 'k3d',
    lines,
    tooLate: 'cluster.not-ready',
    otherwise: 'cluster.start-failed',
  } as const;
  expect(explainFailure(failed, options)).toMatchObject({
    type: 'ready.image-pull',
    message: expect.stringContaining(said.slice(0, 60)) as string,
    remedy: expect.stringMatching(remedy) as string,
    retryable,
  });
});

/** As the real k3d said it of a real engine without a network: 600 characters, the cause the last of them. */
test('a long line keeps its end, which names the cause', () => {
  const line = `failed Cluster Creation: failed setup of server/agent node k3d-it-server-0: failed to create node: runtime failed to create node 'k3d-it-server-0': failed to create container for node 'k3d-it-server-0': docker failed to pull image '${image}': docker failed to pull the image '${image}': Error response from daemon: Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io on 192.0.2.53:53: dial udp 192.0.2.53:53: connect: network is unreachable`;
  const options = { what: 'k3d', tooLate: 'cluster.not-ready', otherwise: 'cluster.start-failed' } as const;
  const { message } = explainFailure(failed, { ...options, lines: [line] }) as TracewrightError;
  expect(message).toContain('failed Cluster Creation');
  expect(message).toContain(image);
  expect(message).toContain('network is unreachable.');
  expect(message.length).toBeLessThan(500);
});
