import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Kubernetes } from '../../src/tools/kubernetes/connection.js';
import { makeCertificates } from './certificates.js';

export interface AnnotatingWebhook {
  /** How many objects it has looked at. */
  readonly reviews: () => number;
  close(): Promise<void>;
}

/**
 * A mutating webhook that writes the annotation `example.com/validated` on the ConfigMaps and Secrets of a namespace, as
 * the Prometheus operator does on rules. It counts from the first review on, which may be a moment after this returns.
 */
export async function startAnnotatingWebhook(
  kube: Kubernetes,
  namespace: string,
): Promise<AnnotatingWebhook> {
  const { root, server: certificate } = makeCertificates();
  let reviews = 0;
  const server = createServer(certificate, (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      reviews += 1;
      response.setHeader('content-type', 'application/json');
      response.end(JSON.stringify(reviewed(body)));
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `https://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
  const path = '/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations';
  const name = `annotating-${namespace}`;
  const configuration = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'MutatingWebhookConfiguration',
    metadata: { name },
    webhooks: [
      {
        name: 'annotating.example.com',
        clientConfig: { url, caBundle: Buffer.from(root).toString('base64') },
        rules: [
          {
            apiGroups: [''],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['configmaps', 'secrets'],
          },
        ],
        namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': namespace } },
        sideEffects: 'None',
        admissionReviewVersions: ['v1'],
      },
    ],
  };
  const headers = { 'content-type': 'application/json' };
  await kube.json({ method: 'POST', path, headers, body: JSON.stringify(configuration) });
  return {
    reviews: () => reviews,
    close: async () => {
      await kube.json({ method: 'DELETE', path: `${path}/${name}` });
      server.closeAllConnections();
      server.close();
    },
  };
}

function reviewed(body: string): object {
  const { request, ...review } = JSON.parse(body) as {
    request: { uid: string; object: { metadata: { annotations?: object } } };
  };
  const annotations = { ...request.object.metadata.annotations, 'example.com/validated': 'true' };
  const patch = [{ op: 'add', path: '/metadata/annotations', value: annotations }];
  return {
    ...review,
    response: {
      uid: request.uid,
      allowed: true,
      patchType: 'JSONPatch',
      patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
    },
  };
}
