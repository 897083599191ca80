import { render } from 'preact';
import type { JSX } from 'preact';
import '../style.css';
import { App } from './app.js';
import { client, failureOf } from './client.js';
import { FailureBox } from './failure-box.js';

const root = document.getElementById('page');

function show(content: JSX.Element): void {
  if (!root) return;
  root.replaceChildren();
  render(content, root);
}

client.facts().then(
  (facts) => {
    show(<App facts={facts} />);
  },
  (error: unknown) => {
    show(
      <main>
        <FailureBox failure={failureOf(error)} />
      </main>,
    );
  },
);
