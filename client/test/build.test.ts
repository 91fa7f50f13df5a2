import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { RETRYABLE } from '../src/errors.ts';
import type { ServiceCode } from '../src/errors.ts';
import { CLIENT_BUDGET, weigh } from '../build.mjs';

test('the_client_weighs_at_most_8000_bytes_minified_and_gzipped', async () => {
  const bytes = await weigh('src/index.ts');
  console.log(`the client weighs ${bytes} bytes minified and gzipped`);
  assert.ok(bytes <= CLIENT_BUDGET, `${bytes} bytes are more than ${CLIENT_BUDGET}`);
});

test('token_sharing_is_a_separate_import_and_not_part_of_it', async () => {
  const client = await readFile(new URL('../src/index.ts', import.meta.url), 'utf8');
  assert.doesNotMatch(client, /tabs/);
});

test('the_client_has_no_runtime_dependency', async () => {
  const about = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  assert.deepEqual([about.dependencies, about.peerDependencies], [undefined, undefined]);
});

/** Every code of the service, whether trying again can help; the compiler sees to it that none is missing. */
const CODES: Record<ServiceCode, boolean> = {
  bad_frame: false,
  bad_name: false,
  unknown_type: false,
  unauthenticated: false,
  forbidden: false,
  not_found: false,
  unknown_event: false,
  method_not_allowed: false,
  conflict: false,
  not_kept: false,
  too_large: false,
  invalid_data: false,
  upgrade_required: false,
  rate_limited: true,
  internal: true,
  over_capacity: true,
};

test('r1_the_codes_are_those_of_the_services_table', async () => {
  const table = await readFile(new URL('../../src/error.rs', import.meta.url), 'utf8');
  const rows = [...table.matchAll(/^ +[A-Z]\w+ "(\w+)" \d{3} (true|false) "/gm)].map(([, code, again]) => [code, again === 'true']);
  assert.deepEqual(Object.fromEntries(rows), CODES);
  for (const [code, again] of Object.entries(CODES)) assert.equal(RETRYABLE.has(code), again, code);
});
