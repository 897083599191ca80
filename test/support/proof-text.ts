/** The proof of a stack file that is never installed: complete, and all of it at one Service of that name. */
export function proofText(service: string): string {
  return `
proof:
  ride: { namespace: ${service}, service: ${service}, port: 1, customer: 1, customerName: a }
  collector: { namespace: ${service}, service: ${service}, otlpHttpPort: 1, podSelector: app=${service} }
  tempo: { namespace: ${service}, service: ${service}, port: 1 }
  expect: { spans: 1, services: [${service}] }
  traceql: '{}'
  grafana: { skip: none }
`;
}
