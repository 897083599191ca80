import { test } from 'vitest';
import { goTest } from '../support/go-test.js';

test('the program that pulls images: its own tests', () => goTest('images'), 10 * 60_000);
