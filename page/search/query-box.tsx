import type { JSX } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import type { FailureAnswer } from '../../src/page/wire.js';
import { client } from '../app/client.js';
import type { Editor } from './editor.js';
import { mistakeOf } from './mistake.js';

interface QueryBoxProps {
  /** What was searched for last. */
  readonly query: string;
  /** What the store says against it. */
  readonly refusal: FailureAnswer | undefined;
  readonly onRun: (query: string) => void;
}

/** Where TraceQL is written. A plain text area until the editor has come, so that nobody waits for it. */
export function QueryBox({ query, refusal, onRun }: QueryBoxProps): JSX.Element {
  const host = useRef<HTMLDivElement>(null);
  const editor = useRef<Editor | undefined>(undefined);
  const text = useRef(query);
  const run = useRef(onRun);
  run.current = onRun;
  const [plain, setPlain] = useState(true);

  useEffect(() => {
    let gone = false;
    void import('./editor.js').then(({ createEditor }) => {
      const box = host.current;
      if (gone || !box) return;
      const hadFocus = box.contains(document.activeElement);
      const fields = remembered(() => client.fields());
      editor.current = createEditor({
        root: box.shadowRoot ?? box.attachShadow({ mode: 'open' }),
        text: text.current,
        onChange: (now) => {
          text.current = now;
        },
        onRun: () => {
          run.current(text.current);
        },
        fields: () => fields(''),
        values: remembered((field) => client.values(field)),
      });
      setPlain(false);
      if (hadFocus) editor.current.focus();
    });
    return () => {
      gone = true;
      editor.current?.destroy();
      editor.current = undefined;
    };
  }, []);

  useEffect(() => {
    text.current = query;
    editor.current?.setText(query);
  }, [query]);

  const mistake = refusal && mistakeOf(query, refusal.message, editor.current?.firstError());
  useEffect(() => {
    editor.current?.setMistake(mistake, mistake?.text ?? '');
  }, [query, mistake?.from, mistake?.text, plain]);

  return (
    <div class="query">
      <div ref={host} class={mistake ? 'box wrong' : 'box'}>
        {plain && (
          <textarea
            aria-label="TraceQL query"
            rows={1}
            spellcheck={false}
            defaultValue={query}
            onInput={(event) => {
              text.current = event.currentTarget.value;
            }}
            onKeyDown={(event) => {
              if (event.key !== 'Enter' || event.shiftKey) return;
              event.preventDefault();
              onRun(text.current);
            }}
          />
        )}
      </div>
      <button
        class="primary"
        onClick={() => {
          onRun(text.current);
        }}
      >
        Search
      </button>
      {mistake && (
        <div class="mistake" role="alert">
          <pre>{excerpt(query, mistake.from, mistake.to)}</pre>
          <p>
            <b>{mistake.text}</b> {refusal.remedy}
          </p>
        </div>
      )}
    </div>
  );
}

/** The line with the mistake, and signs below it. */
function excerpt(query: string, from: number, to: number): string {
  const start = query.lastIndexOf('\n', from - 1) + 1;
  const [line = ''] = query.slice(start).split('\n');
  return `${line}\n${' '.repeat(from - start)}${'^'.repeat(Math.max(1, Math.min(to, start + line.length) - from))}`;
}

/** In milliseconds: what the store knows grows. */
const rememberedMs = 15_000;

/** Asks once for each key; after an error, and after a while, again. */
function remembered(
  ask: (key: string) => Promise<readonly string[]>,
): (key: string) => Promise<readonly string[]> {
  const known = new Map<string, { readonly at: number; readonly list: Promise<readonly string[]> }>();
  return (key) => {
    const before = known.get(key);
    if (before && Date.now() - before.at < rememberedMs) return before.list;
    const list = ask(key).catch(() => {
      known.delete(key);
      return [];
    });
    known.set(key, { at: Date.now(), list });
    return list;
  };
}
