// A hundred thousand runs: the table shows its first rows and jumps to any others within a moment.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';

import { noTroubles, openPage, screenshot } from './support/browser.mjs';
import { session } from './support/session.mjs';

const kRuns = 100_000;
const kMetrics = 5;
const kFirstPaintMs = 1_500;
const kJumpMs = 1_000;

/** Straight into the store, as an hour of programs' reports would leave it. Ids sort by the run's number. */
const fill = `
.timeout 20000
begin;
create temp table numbers as with recursive n(i) as (select 0 union all select i + 1 from n where i < ${kRuns - 1}) select i from n;
insert into runs (id, name, experiment, state, created_ms, ended_ms)
  select 'run_0' || printf('%025d', i), printf('run-%06d', i), 'sweep-' || (i % 20), 'finished', 1700000000000 + i * 1000, 1700000600000 + i * 1000 from numbers;
insert into run_params (run_id, param_key, value) select 'run_0' || printf('%025d', i), 'lr', printf('%g', (1 + i % 997) / 10000.0) from numbers;
insert into run_params (run_id, param_key, value) select 'run_0' || printf('%025d', i), 'optimizer', iif(i % 10, 'adam', 'sgd') from numbers;
insert into series (run_id, metric_key, point_count, last_step, last_value, last_ms, min_value, max_value)
  select 'run_0' || printf('%025d', i), k.value, 0, 1000, ((i * 7919 + k.key * 104729) % 1000003) / 1000003.0, 1, 0, 1
  from numbers cross join json_each('[${Array.from({ length: kMetrics }, (_, key) => `"metric_${key}"`).join()}]') k;
commit;
`;

const shared = session(async ({ server }) => {
  const folder = join(server.data, 'data');
  const name = (await readdir(folder)).find((one) => one.endsWith('.db'));
  const child = promisify(execFile)('sqlite3', [join(folder, name)], { maxBuffer: 1 << 20 });
  child.child.stdin.end(fill);
  const { stderr } = await child;
  assert.equal(stderr, '');
});

/** How long until a row is seen, from before the action on. */
async function untilSeen(page, text, action) {
  const begin = performance.now();
  await action();
  await page.locator('tbody tr[data-id] .title', { hasText: text }).first().waitFor();
  return performance.now() - begin;
}

const jump = (page, share) => page.evaluate((part) => {
  const grid = document.querySelector('.grid');
  grid.scrollTop = part * (grid.scrollHeight - grid.clientHeight);
}, share);

test('a hundred thousand runs are shown at once, scrolled, ordered and filtered', { timeout: 120_000 }, async (t) => {
  const page = await openPage(shared.browser, shared.server);
  const took = {};
  took.first = await untilSeen(page, 'run-099999', () => page.getByRole('link', { name: 'Runs', exact: true }).click());
  await page.getByText('100,000 runs').waitFor();
  took.end = await untilSeen(page, 'run-000000', () => jump(page, 1));
  took.middle = await untilSeen(page, 'run-0500', () => jump(page, 0.5));
  await screenshot(page, 'runs-many-1280-light');
  // Only what is in view exists.
  assert.ok(await page.locator('tbody tr').count() < 80);

  const frames = await page.evaluate(async () => {
    const grid = document.querySelector('.grid');
    const lengths = [];
    let last = performance.now();
    for (let frame = 0; frame < 120; frame += 1) {
      grid.scrollTop += 400;
      await new Promise(requestAnimationFrame);
      lengths.push(performance.now() - last);
      last = performance.now();
    }
    return lengths.sort((a, b) => a - b);
  });
  took.frame_p95 = frames[Math.floor(frames.length * 0.95)];

  await jump(page, 0);
  took.ordered = await untilSeen(page, 'run-000000', () => page.getByRole('columnheader', { name: 'Run', exact: true }).getByRole('button').click());
  const asked = performance.now();
  await page.getByRole('columnheader', { name: 'metric_3' }).getByRole('button').click();
  await page.waitForFunction(() => {
    const at = [...document.querySelectorAll('.grid th')].findIndex((one) => one.textContent.startsWith('metric_3'));
    return Number(document.querySelector('tbody tr[data-id]')?.cells[at]?.textContent) < 0.001;
  });
  took.by_metric = performance.now() - asked;
  const box = page.getByRole('combobox', { name: 'Filter' });
  await box.fill('metrics.metric_1 < 0.001 and params.lr > 0.05');
  const begin = performance.now();
  await box.press('Enter');
  await page.waitForFunction(() => /^\d{1,2} runs/.test(document.querySelector('.list-foot').textContent));
  took.filtered = performance.now() - begin;
  t.diagnostic(Object.entries(took).map(([name, ms]) => `${name} ${ms.toFixed(0)} ms`).join(', '));
  assert.ok(took.first <= kFirstPaintMs, `the first rows came after ${took.first} ms`);
  for (const name of ['end', 'middle', 'ordered', 'by_metric', 'filtered']) assert.ok(took[name] <= kJumpMs, `${name} took ${took[name]} ms`);
  assert.ok(took.frame_p95 <= 100, `95 % of frames took up to ${took.frame_p95} ms`);
  noTroubles(page);
});
