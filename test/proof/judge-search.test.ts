import { describe, expect, test } from 'vitest';
import { judge } from '../../src/proof/diagnosis/judge.js';
import { factsOf, spec, tempo } from './support/facts.js';

describe('the search', () => {
  test.each([
    [{ stack: false, any: false }, 'no search finds it yet', true],
    [{ stack: true, any: true }, 'it finds the trace by now', true],
    [{ stack: false, any: true }, 'does not fit the spans', false],
  ])('%o', (search, message, retryable) => {
    const verdict = judge(factsOf('proof.search-silent', tempo({ byId: true, search })));
    expect(verdict).toMatchObject({ type: 'hop.search', retryable });
    expect(verdict?.message).toContain(message);
  });
});

describe('the names of the services', () => {
  const whole = { tracewright: 1, frontend: 40 };
  const search = { stack: false, any: true };

  test('are others than the search asks for', () => {
    const facts = factsOf('proof.search-silent', tempo({ byId: true, services: whole, search }));
    const asking = { ...spec, traceql: '{ resource.service.name = "hotrod" && status = error }' };
    const verdict = judge({ ...facts, spec: asking });
    expect(verdict).toMatchObject({ type: 'hop.service-name', retryable: false });
    expect(verdict?.message).toContain('does not have: hotrod in');
    const right = { ...spec, traceql: '{ resource.service.name = "frontend" && status = error }' };
    expect(judge({ ...facts, spec: right })?.type).toBe('hop.search');
  });

  test('are others than the stack file expects', () => {
    const facts = factsOf('proof.trace-incomplete', tempo({ byId: true, services: whole }));
    const wanting = { ...spec, expect: { spans: 35, services: ['frontend', 'hotrod'] } };
    const verdict = judge({ ...facts, spec: wanting });
    expect(verdict).toMatchObject({ type: 'hop.service-name', retryable: true });
    expect(verdict?.message).toContain('but none of hotrod: its spans are of frontend.');
  });

  test('are not blamed where spans are missing', () => {
    const services = { tracewright: 1, driver: 2 };
    expect(judge(factsOf('proof.trace-incomplete', tempo({ byId: true, services })))).toBeUndefined();
    const facts = factsOf('proof.trace-incomplete', tempo({ byId: true, services: whole }));
    const wanting = { ...spec, expect: { spans: 35, services: ['frontend', 'customer'] } };
    expect(judge({ ...facts, spec: wanting })).toBeUndefined();
  });
});
