import js from '@eslint/js';
import { defineConfig } from 'eslint/config';
import { createTypeScriptImportResolver } from 'eslint-import-resolver-typescript';
import { importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** What each layer must not import. The arrows of docs/architecture.md, enforced. */
const layers = [
  {
    files: 'src/domain',
    forbidden: [
      'src/workflows',
      'src/activities',
      'src/tools',
      'src/targets',
      'src/temporal',
      'src/cli',
      'src/proof',
    ],
  },
  {
    files: 'src/tools',
    forbidden: ['src/workflows', 'src/activities', 'src/targets', 'src/temporal', 'src/cli', 'src/proof'],
  },
  {
    files: 'src/proof',
    forbidden: ['src/workflows', 'src/activities', 'src/targets', 'src/temporal', 'src/cli'],
  },
  {
    files: 'src/lock',
    forbidden: ['src/workflows', 'src/activities', 'src/targets', 'src/temporal', 'src/cli', 'src/proof'],
  },
  {
    files: 'src/preview',
    forbidden: ['src/workflows', 'src/activities', 'src/targets', 'src/temporal', 'src/cli'],
  },
  { files: 'src/targets', forbidden: ['src/workflows', 'src/activities', 'src/temporal', 'src/cli'] },
  { files: 'src/activities', forbidden: ['src/workflows', 'src/temporal', 'src/cli'] },
];

export default defineConfig(
  { ignores: ['dist', 'node_modules', 'coverage', 'embedded'] },
  js.configs.recommended,
  tseslint.configs.strictTypeChecked,
  {
    languageOptions: {
      parserOptions: {
        projectService: { allowDefaultProject: ['bin/*.js', 'deploy/*.mjs', 'eslint.config.js'] },
      },
    },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createTypeScriptImportResolver()] },
    rules: {
      'import-x/no-cycle': 'error',
      'import-x/no-default-export': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true }],
      'import-x/no-restricted-paths': [
        'error',
        {
          zones: layers.flatMap(({ files, forbidden }) =>
            forbidden.map((from) => ({ target: `./${files}`, from: `./${from}` })),
          ),
        },
      ],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportAllDeclaration', message: 'Name what you export: exports are the interface.' },
      ],
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
    files: ['src/workflows/**/*.ts'],
    rules: {
      'import-x/no-restricted-paths': [
        'error',
        {
          zones: [
            {
              target: './src/workflows',
              from: './src',
              except: ['./workflows', './domain', './activities/index.ts'],
            },
          ],
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
