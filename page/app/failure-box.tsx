import type { JSX } from 'preact';
import type { FailureAnswer } from '../../src/page/wire.js';

/** What went wrong, and what to do. */
export function FailureBox({
  failure: { type, message, remedy, evidence = [] },
}: {
  readonly failure: FailureAnswer;
}): JSX.Element {
  return (
    <div class="failure" role="alert">
      <p>
        <b>{message}</b> <code>{type}</code>
      </p>
      <p>{remedy}</p>
      {evidence.length > 0 && (
        <details>
          <summary>What was seen</summary>
          <pre>{evidence.join('\n')}</pre>
        </details>
      )}
    </div>
  );
}
