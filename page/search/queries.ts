/** Queries that are one click away, behind that of the stack. Every Tempo from 2.0 on knows what they use. */
export const queries: readonly { readonly name: string; readonly query: string }[] = [
  { name: 'With errors', query: '{ status = error }' },
  { name: 'Slow spans', query: '{ duration > 300ms }' },
  { name: 'Redis timeouts', query: '{ resource.service.name = "redis" && status = error }' },
  { name: 'Slow SQL', query: '{ resource.service.name = "mysql" && duration > 200ms }' },
  { name: 'Large traces', query: '{ } | count() > 45' },
  { name: 'Proofs and rides', query: '{ resource.service.name = "tracewright" }' },
];
