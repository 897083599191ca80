import { spawn } from 'node:child_process';
import { fileURLToPath, pathToFileURL } from 'node:url';
import rpc from 'vscode-jsonrpc/node.js';
import { onTestFinished } from 'vitest';

/** Of the Language Server Protocol; lines and characters count from 0. */
export interface Diagnostic {
  readonly message: string;
  readonly range: { readonly start: { readonly line: number } };
}

export interface Editor {
  /** What the server underlines in a file with this text, once it has looked at it. */
  diagnosticsOf(path: string, text: string): Promise<readonly Diagnostic[]>;
  /** What it offers at the end of the text, by label. */
  completionsOf(path: string, text: string): Promise<readonly string[]>;
}

const program = fileURLToPath(
  new URL('../../node_modules/yaml-language-server/bin/yaml-language-server', import.meta.url),
);

/** An editor's part of the conversation with the real YAML language server, which ends with the test. */
export async function openEditor(): Promise<Editor> {
  const server = spawn(process.execPath, [program, '--stdio'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const connection = rpc.createMessageConnection(
    new rpc.StreamMessageReader(server.stdout),
    new rpc.StreamMessageWriter(server.stdin),
  );
  onTestFinished(() => {
    connection.dispose();
    server.kill('SIGKILL');
  });
  const waiting = new Map<string, (found: readonly Diagnostic[]) => void>();
  connection.onNotification(
    'textDocument/publishDiagnostics',
    ({ uri, diagnostics }: { uri: string; diagnostics: readonly Diagnostic[] }) =>
      waiting.get(uri)?.(diagnostics),
  );
  // No catalogue of schemas from the internet: only what the file itself names.
  const settings = { validate: true, completion: true, schemaStore: { enable: false } };
  connection.onRequest('workspace/configuration', ({ items }: { items: readonly { section?: string }[] }) =>
    items.map(({ section }) => (section === 'yaml' ? settings : {})),
  );
  connection.onRequest('client/registerCapability', () => null);
  connection.listen();
  await connection.sendRequest('initialize', {
    processId: process.pid,
    rootUri: null,
    capabilities: { workspace: { configuration: true }, textDocument: { publishDiagnostics: {} } },
  });
  await connection.sendNotification('initialized', {});
  const open = async (
    path: string,
    text: string,
  ): Promise<{ uri: string; seen: Promise<readonly Diagnostic[]> }> => {
    const uri = pathToFileURL(path).href;
    const seen = new Promise<readonly Diagnostic[]>((resolve) => waiting.set(uri, resolve));
    await connection.sendNotification('textDocument/didOpen', {
      textDocument: { uri, languageId: 'yaml', version: 1, text },
    });
    return { uri, seen };
  };
  return {
    diagnosticsOf: async (path, text) => (await open(path, text)).seen,
    completionsOf: async (path, text) => {
      const { uri } = await open(path, text);
      const lines = text.split('\n');
      const position = { line: lines.length - 1, character: lines.at(-1)?.length ?? 0 };
      const answer = await connection.sendRequest<{ items: readonly { label: string }[] }>(
        'textDocument/completion',
        { textDocument: { uri }, position },
      );
      return answer.items.map(({ label }) => label);
    },
  };
}
