import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * What each part of src may import besides itself: the arrows of docs/architecture.md. test/structure.test.ts compares
 * the two.
 */
const mayImport = {
  domain: [],
  workflows: ['domain', 'activities/index.ts'],
  activities: ['domain', 'tools', 'targets', 'proof', 'install-trace', 'config.ts'],
  tools: ['domain'],
  targets: ['domain', 'tools'],
  proof: ['domain', 'tools'],
  'install-trace': ['domain'],
  preview: ['domain', 'tools'],
  lock: ['domain', 'tools'],
  page: ['domain', 'tools', 'proof'],
  temporal: ['domain', 'tools', 'config.ts', 'metrics-address.ts'],
  cli: [
    ...['domain', 'workflows', 'tools', 'targets', 'proof', 'install-trace', 'preview', 'lock', 'page'],
    ...['temporal', 'config.ts', 'stack-document.ts', 'stack-file.ts'],
  ],
  'config.ts': ['domain', 'metrics-address.ts'],
  'metrics-address.ts': [],
  'stack-document.ts': ['domain'],
  'stack-file.ts': ['domain', 'stack-document.ts', 'stack-file-issues.ts', 'stack-schema.ts'],
  'stack-file-issues.ts': ['domain', 'stack-schema.ts'],
  'stack-schema.ts': ['domain'],
  'client.ts': ['cli', 'config.ts', 'tools'],
  'worker.ts': ['activities', 'temporal', 'config.ts', 'domain', 'tools'],
};

const namedExports = {
  selector: 'ExportAllDeclaration',
  message: 'Name what you export: exports are the interface.',
};

export default defineConfig(
  { ignores: ['dist', 'node_modules', 'coverage', 'embedded'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: {
          allowDefaultProject: [
            'bin/*.js',
            'page/*.js',
            'packaging/*.js',
            'deploy/*.mjs',
            'eslint.config.js',
          ],
        },
      },
    },
    plugins: { 'import-x': importX },
    settings: {
      // Without it the rules that follow imports, no-cycle among them, see no TypeScript file.
      'import-x/extensions': ['.ts', '.tsx', '.js', '.mjs'],
      'import-x/resolver-next': [createTypeScriptImportResolver()],
    },
    rules: {
      'import-x/no-cycle': ['error', { ignoreExternal: true }],
      'import-x/no-default-export': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'import-x/no-restricted-paths': [
        'error',
        {
          zones: [
            ...Object.entries(mayImport).map(([part, others]) => ({
              target: `./src/${part}`,
              from: './src',
              except: [part, ...others],
              message: `docs/architecture.md has no arrow for this from ${part}.`,
            })),
            {
              target: './page',
              from: './src',
              except: ['domain', 'page/wire.ts'],
              message: 'The browser gets what is pure, and the types of what its server says.',
            },
          ],
        },
      ],
      'no-restricted-syntax': ['error', namedExports],
    },
  },
  {
    files: ['src/**/*.ts'],
    ignores: ['src/config.ts'],
    rules: {
      'no-restricted-properties': [
        'error',
        {
          object: 'process',
          property: 'env',
          message: 'Only config.ts reads the environment; pass what you need.',
        },
      ],
    },
  },
  {
    files: ['src/workflows/**/*.ts', 'src/domain/**/*.ts'],
    rules: {
      'no-restricted-imports': [
        'error',
        { patterns: [{ regex: '^node:', message: 'Workflows run in a sandbox without Node.js.' }] },
      ],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      'no-restricted-syntax': [
        'error',
        namedExports,
        {
          selector:
            'CallExpression[callee.property.name=/^toBeLess/][callee.object.arguments.0.type="BinaryExpression"][callee.object.arguments.0.left.callee.property.name="now"]',
          message: 'Machines are slow at times: assert what shows that nobody waited, not how long it took.',
        },
      ],
    },
  },
  { files: ['*.config.{ts,js}'], rules: { 'import-x/no-default-export': 'off' } },
  {
    files: ['**/*.{js,mjs}'],
    extends: [tseslint.configs.disableTypeChecked],
    languageOptions: {
      globals: { process: 'readonly', console: 'readonly', fetch: 'readonly', URL: 'readonly' },
    },
  },
);
