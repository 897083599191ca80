import { z } from 'zod';
import { defaultK3dSettings } from './k3d-defaults.js';

/**
 * What a stack may say about its k3d cluster. One server, no agents, and everything that is published is published on
 * 127.0.0.1 only.
 */

const port = z.int().min(1).max(65_535);

/** As k3d writes it behind `--port`: HOST:CONTAINER@loadbalancer. */
const publishedPort = z
  .string()
  .regex(
    /^[1-9]\d{0,4}:[1-9]\d{0,4}@loadbalancer$/u,
    'must be two ports and the load balancer, such as 8080:80@loadbalancer',
  )
  .refine((text) => (text.match(/\d+/gu) ?? []).every((digits) => Number(digits) <= 65_535), {
    message: 'must have ports up to 65535',
  });

export const k3dSettingsSchema = z.strictObject({
  image: z
    .string()
    .regex(/^[^\s@]+(?::[\w.-]+|@sha256:[0-9a-f]{64})$/u, 'must have a tag, such as rancher/k3s:v1.31.5-k3s1')
    .default(defaultK3dSettings.image)
    .describe('The image of the Kubernetes nodes: a k3s version as a tag of rancher/k3s.'),
  apiPort: port
    .default(defaultK3dSettings.apiPort)
    .describe('The port of 127.0.0.1 where the API server answers.'),
  ports: z
    .array(publishedPort)
    .default(defaultK3dSettings.ports)
    .describe('Ports of 127.0.0.1 that lead to the cluster, as k3d writes them: 8080:80@loadbalancer.'),
  mirrors: z
    .record(z.string(), z.array(z.url()).min(1))
    .optional()
    .describe('Where images of a registry are pulled from instead, as in registries.yaml of k3s.'),
});

export type K3dSettings = z.infer<typeof k3dSettingsSchema>;

export { defaultK3dSettings };
