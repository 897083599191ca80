import { shortfall } from '../../domain/proof.js';
import { addressText } from '../cluster-access.js';
import { ownService } from '../root-span.js';
import type { HopFacts } from './facts.js';
import type { Verdict } from './verdict.js';

/** HotROD calls its services so in every version: where one of these is missing, its spans were lost. */
const hotrodNames = ['frontend', 'customer', 'driver', 'route'];

/** The spans are all there, but their services have other names than the stack file says. */
export function judgeServices({ spec, broken, tempo }: HopFacts): Verdict | undefined {
  if (!tempo.services) return undefined;
  const where = `Tempo at ${addressText(spec.tempo)}`;
  const names = Object.keys(tempo.services).filter((name) => name !== ownService);
  const seen = `its spans are of ${names.join(', ') || 'no service of HotROD'}`;
  if (broken === 'proof.search-silent') {
    const asked = servicesAskedFor(spec.traceql).filter((name) => !names.includes(name));
    if (asked.length === 0 || tempo.search?.any === false) return undefined;
    return verdict(
      `The search asks for a service that the trace does not have: ${asked.join(', ')} in ${spec.traceql}. ${where} has the trace, and ${seen}.`,
      'Correct the name of the service in proof.traceql of the stack file.',
      false,
    );
  }
  const lack = shortfall(tempo.services, spec.expect, ownService);
  if (!lack || lack.spans || lack.services.length === 0) return undefined;
  if (lack.services.some((name) => hotrodNames.includes(name))) return undefined;
  return verdict(
    `${where} has as many spans of the ride as the stack file wants, but none of ${lack.services.join(', ')}: ${seen}.`,
    `If HotROD names its services so, correct proof.expect.services in the stack file. If not, the spans of ${lack.services.join(', ')} were lost: HotROD's log names failed exports.`,
    true,
  );
}

/** `frontend` of `{ resource.service.name = "frontend" }`. */
function servicesAskedFor(traceql: string): string[] {
  const equals = /(?:\.service\.name|rootServiceName)\s*=\s*["`]([^"`]+)["`]/gu;
  return [...traceql.matchAll(equals)].flatMap(([, name]) => name ?? []);
}

function verdict(message: string, remedy: string, retryable: boolean): Verdict {
  return { type: 'hop.service-name', message, remedy, retryable, decidedBy: ['tempo-trace'] };
}
