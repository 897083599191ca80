import { render } from 'preact';
import { useState } from 'preact/hooks';
import type { JSX } from 'preact';
import type { Trace } from '../../src/domain/trace.js';
import '../style.css';
import { TraceView } from './trace-view.js';

/** What `trace --html` puts into the file beside this script. */
interface FileContent {
  readonly trace: Trace;
  /** `Tracewright 0.1.0`. */
  readonly madeBy: string;
}

function File({ trace, madeBy }: FileContent): JSX.Element {
  const [span, setSpan] = useState<string>();
  return (
    <main class="file">
      <h1 class="unseen">Trace</h1>
      <TraceView trace={trace} spanId={span} onSpan={setSpan} />
      <footer class="note">Arrows move, Enter opens, / searches, Esc closes. Made by {madeBy}.</footer>
    </main>
  );
}

const content = JSON.parse(document.getElementById('trace')?.textContent ?? '') as FileContent;
const root = document.getElementById('page');
if (root) render(<File {...content} />, root);
