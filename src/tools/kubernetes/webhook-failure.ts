import { TracewrightError } from '../../domain/failure.js';

/**
 * The failure of an admission webhook that did not answer, from the text of the API server or of helm; `undefined` when
 * the text is about something else. A webhook that answered "no" is not such a case: that is a rejected manifest.
 */
export function webhookFailure(text: string, doing: string): TracewrightError | undefined {
  const match =
    /failed calling webhook "([^"]+)"[^]*/u.exec(text) ??
    /conversion webhook for ([^\s]+) failed[^]*/u.exec(text);
  if (!match) return undefined;
  const [detail, webhook = ''] = match;
  const missing = /service "([^"]+)" not found/u.exec(detail)?.[1];
  if (missing !== undefined) {
    return new TracewrightError({
      type: 'webhook.unavailable',
      message: `${doing}: the admission webhook ${webhook} must approve it, but its Service "${missing}" does not exist.`,
      remedy:
        'The webhook was left over by an installation that is gone. Find it with ' +
        '`kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations` and delete it.',
      evidence: [firstLine(detail)],
      retryable: false,
    });
  }
  return new TracewrightError({
    type: 'webhook.unavailable',
    message: `${doing}: the admission webhook ${webhook} must approve it, but ${reasonOf(detail)}.`,
    remedy:
      'Webhooks need some seconds after their pod is ready; the step is tried again. If it stays so, look at the pod behind it.',
    evidence: [firstLine(detail)],
  });
}

function reasonOf(detail: string): string {
  if (/x509|certificate/u.test(detail)) return 'its certificate is not trusted yet';
  if (/no endpoints available/u.test(detail)) return 'no ready pod serves it yet';
  if (/connection refused/u.test(detail)) return 'nothing listens there yet';
  if (/deadline exceeded|timeout/iu.test(detail)) return 'it did not answer in time';
  return 'it could not be called';
}

function firstLine(text: string): string {
  return (text.split('\n')[0] ?? '').slice(0, 400);
}
