import { stackSchema, type Stack } from '../../src/domain/stack.js';
import type { EnvironmentSpec } from '../../src/domain/progress.js';

/** A stack with the graph of the tutorial and nothing that has to exist. */
export function tutorialShapedStack(): Stack {
  const release = (namespace: string) => ({ namespace, chart: { path: `/charts/${namespace}` } });
  const ready = [{ rollout: 'Deployment/it' }];
  return stackSchema.parse({
    name: 'shape',
    description: 'The graph of the tutorial.',
    targets: ['embedded'],
    components: {
      tempo: { release: release('tracing'), ready },
      'prometheus-stack': { release: release('monitoring'), ready },
      'cert-manager': { release: release('cert-manager'), ready },
      operator: {
        needs: ['cert-manager'],
        release: release('otel-system'),
        ready: [{ accepts: 'collector' }],
      },
      collector: {
        needs: ['operator'],
        manifests: {
          namespace: 'otel-system',
          objects: [
            {
              apiVersion: 'opentelemetry.io/v1alpha1',
              kind: 'OpenTelemetryCollector',
              metadata: { name: 'otel' },
            },
          ],
        },
        ready,
      },
      hotrod: {
        manifests: {
          namespace: 'default',
          objects: [{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'hotrod' } }],
        },
        ready,
      },
    },
    proof: {
      ride: {
        namespace: 'default',
        service: 'hotrod',
        port: 8080,
        customer: 123,
        customerName: "Rachel's Floral Designs",
      },
      collector: { namespace: 'otel-system', service: 'otel', otlpHttpPort: 4318, podSelector: 'app=otel' },
      tempo: { namespace: 'tracing', service: 'tempo', port: 3100 },
      expect: { spans: 35, services: ['frontend'] },
      traceql: '{ span.http.status_code = 200 }',
      grafana: { skip: 'not part of this test' },
    },
  });
}

export function spec(change: Partial<EnvironmentSpec> = {}): EnvironmentSpec {
  return { stack: tutorialShapedStack(), target: { kind: 'embedded' }, failFast: false, ...change };
}
