import {
  autocompletion,
  type Completion,
  insertCompletionText,
  closeBrackets,
  closeBracketsKeymap,
  type CompletionResult,
  completionKeymap,
  startCompletion,
} from '@codemirror/autocomplete';
import { defaultKeymap, history, historyKeymap } from '@codemirror/commands';
import {
  bracketMatching,
  HighlightStyle,
  LanguageSupport,
  LRLanguage,
  syntaxHighlighting,
  syntaxTree,
} from '@codemirror/language';
import { Compartment, EditorState, Prec, StateEffect, StateField } from '@codemirror/state';
import { Decoration, type DecorationSet, EditorView, keymap, placeholder } from '@codemirror/view';
import { parser } from '@grafana/lezer-traceql';
import { styleTags, tags } from '@lezer/highlight';
import { stages, wantedAt } from './complete.js';
import type { Mistake } from './mistake.js';

interface EditorOptions {
  /** Where it is drawn: a root of its own, so that its style sheets are objects, and no policy need allow inline styles. */
  readonly root: ShadowRoot;
  readonly text: string;
  readonly onChange: (text: string) => void;
  readonly onRun: () => void;
  readonly fields: () => Promise<readonly string[]>;
  readonly values: (field: string) => Promise<readonly string[]>;
}

export interface Editor {
  setText(text: string): void;
  setMistake(mistake: Mistake | undefined, describedBy: string): void;
  /** Where the grammar first stumbles. */
  firstError(): number | undefined;
  focus(): void;
  destroy(): void;
}

const language = LRLanguage.define({
  name: 'traceql',
  parser: parser.configure({
    props: [
      styleTags({
        String: tags.string,
        'Integer Float Duration': tags.number,
        'AttributeField/... Identifier': tags.propertyName,
        'IntrinsicField/... Static/... Aggregate GroupOperation SelectOperation With': tags.keyword,
        'LineComment BlockComment': tags.comment,
      }),
    ],
  }),
  languageData: { commentTokens: { line: '//' }, closeBrackets: { brackets: ['{', '(', '"'] } },
});

const style = HighlightStyle.define([
  { tag: tags.string, color: 'var(--code-text)' },
  { tag: tags.number, color: 'var(--code-number)' },
  { tag: tags.keyword, color: 'var(--code-word)' },
  { tag: tags.propertyName, color: 'var(--code-name)' },
  { tag: tags.comment, color: 'var(--dim)' },
]);

const theme = EditorView.theme({
  '&': { color: 'var(--fg)', fontSize: '13px' },
  '&.cm-focused': { outline: 'none' },
  '.cm-scroller': { fontFamily: 'var(--mono)', lineHeight: '20px' },
  '.cm-content': { padding: '7px 0', caretColor: 'var(--fg)' },
  '.cm-line': { padding: '0 10px' },
  '.cm-mistake': {
    textDecoration: 'underline wavy var(--error)',
    textDecorationSkipInk: 'none',
    textUnderlineOffset: '4px',
  },
  '.cm-placeholder': { color: 'var(--dim)' },
  '&.cm-focused .cm-matchingBracket': { background: 'var(--hover)' },
  '.cm-tooltip': {
    background: 'var(--raised)',
    border: '1px solid var(--line)',
    color: 'var(--fg)',
    borderRadius: '4px',
  },
  '.cm-tooltip.cm-tooltip-autocomplete > ul': { fontFamily: 'var(--mono)', maxHeight: '15em' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li': { padding: '2px 8px' },
  '.cm-tooltip.cm-tooltip-autocomplete > ul > li[aria-selected]': {
    background: 'var(--accent)',
    color: 'var(--on-accent)',
  },
  '.cm-completionDetail': { color: 'inherit', opacity: '.75' },
});

const setMistakes = StateEffect.define<Mistake | undefined>();
const mistakes = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(marks, change) {
    const effect = change.effects.find((it) => it.is(setMistakes));
    if (!effect) return change.docChanged ? Decoration.none : marks;
    const mistake = effect.value;
    if (!mistake || mistake.to <= mistake.from) return Decoration.none;
    const end = change.state.doc.length;
    return Decoration.set([
      Decoration.mark({ class: 'cm-mistake' }).range(
        Math.min(mistake.from, end - 1),
        Math.min(mistake.to, end),
      ),
    ]);
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** An editor for TraceQL: Enter searches, Shift-Enter begins a line. */
export function createEditor({ root, text, onChange, onRun, fields, values }: EditorOptions): Editor {
  const described = new Compartment();
  const attributes = (by: string) =>
    EditorView.contentAttributes.of({
      'aria-label': 'TraceQL query',
      ...(by !== '' && { 'aria-invalid': 'true', 'aria-description': by }),
    });
  const view = new EditorView({
    root,
    parent: root,
    state: EditorState.create({
      doc: text,
      extensions: [
        history(),
        closeBrackets(),
        bracketMatching(),
        new LanguageSupport(language),
        syntaxHighlighting(style),
        mistakes,
        theme,
        placeholder('{ }'),
        EditorView.lineWrapping,
        described.of(attributes('')),
        autocompletion({
          icons: false,
          override: [
            async ({ state, pos, explicit }) => propose(state.sliceDoc(0, pos), explicit, fields, values),
          ],
        }),
        Prec.high(keymap.of([{ key: 'Enter', run: () => (onRun(), true), shift: () => false }])),
        // Above all others: while a proposal is chosen, Enter takes it.
        Prec.highest(keymap.of(completionKeymap)),
        keymap.of([...closeBracketsKeymap, ...defaultKeymap, ...historyKeymap]),
        EditorView.updateListener.of(({ docChanged, state, transactions, view: it }) => {
          if (!docChanged) return;
          onChange(state.doc.toString());
          // The next thing that is wanted is proposed at once, as after a scope's dot or an operator.
          const typed = transactions.some((it) => it.isUserEvent('input.type'));
          if (typed && /[.={!~(]\s?$/u.test(state.sliceDoc(0, state.selection.main.head)))
            startCompletion(it);
        }),
      ],
    }),
  });
  return {
    setText(to) {
      if (view.state.doc.toString() === to) return;
      view.dispatch({
        changes: { from: 0, to: view.state.doc.length, insert: to },
        selection: { anchor: to.length },
      });
    },
    setMistake(mistake, by) {
      view.dispatch({ effects: [setMistakes.of(mistake), described.reconfigure(attributes(by))] });
    },
    firstError() {
      let first: number | undefined;
      syntaxTree(view.state).iterate({
        enter: ({ type, from }) => {
          if (type.isError) first ??= from;
        },
      });
      return first;
    },
    focus: () => {
      view.focus();
    },
    destroy: () => {
      view.destroy();
    },
  };
}

async function propose(
  before: string,
  explicit: boolean,
  fields: EditorOptions['fields'],
  values: EditorOptions['values'],
): Promise<CompletionResult | null> {
  const wanted = wantedAt(before);
  if (!wanted) return null;
  const { what, from } = wanted;
  if (what === 'field' && from === before.length && !explicit && !/[{(|&]\s*$/u.test(before)) return null;
  const list = what === 'value' ? await values(wanted.field) : what === 'field' ? await fields() : stages;
  return { from, options: list.map((label) => ({ label, apply: put })), validFor: /^"?[\w.:/\- ]*$/u };
}

/** The quote that the editor has closed already is part of what is put in its place. */
function put(view: EditorView, { label }: Completion, from: number, to: number): void {
  const closed = label.endsWith('"') && view.state.sliceDoc(to, to + 1) === '"';
  view.dispatch(insertCompletionText(view.state, label, from, closed ? to + 1 : to));
}
