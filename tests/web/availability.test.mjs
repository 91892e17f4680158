import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

import { axe, noTroubles, openPage, overflows, screenshot } from './support/browser.mjs';
import { session } from './support/session.mjs';

const kWidths = [[400, 800], [1280, 800]];

/** "2026-11" and the months before it. */
function months(count) {
  const now = new Date();
  return Array.from({ length: count }, (_, back) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7));
}

const shared = session(async ({ server }) => {
  const [current, last, , fourth] = months(8);
  const days = [[`${current}-01`, 4200, 4200], [`${last}-07`, 900, 900], [`${last}-19`, 61_000, 58_500], [`${fourth}-11`, 12_000, 12_000]];
  for (const [day, down, longest] of days)
    execFileSync('sqlite3', ['-cmd', '.timeout 5000', join(server.data, 'data', 'galley.db'),
      `insert into availability values ('${day}', ${down}, ${longest}, 1) on conflict (day) do update set down_ms = ${down}, longest_ms = ${longest}`]);
});

test('the overview says for how long nothing was accepted', async () => {
  const said = await shared.server.call('GET', '/api/v1/availability');
  assert.equal(said.items[0].down_s, 4.2);
  assert.equal(said.items[1].down_s, 61.9);
  assert.equal(said.items[1].longest_s, 58.5);
  assert.equal(said.budget_s, 600);
  assert.ok(Math.abs(said.budget_used_s - 78.1) < 0.001);
  assert.equal(said.items.length, 24);
});

for (const theme of ['light', 'dark']) {
  test(`the card of availability, ${theme}`, async () => {
    const page = await openPage(shared.browser, shared.server, { colorScheme: theme, reducedMotion: 'reduce' });
    await page.goto(shared.server.url);
    const card = page.locator('section', { has: page.locator('ol.months') });
    await card.waitFor();
    assert.match(await card.innerText(), /4\.2 s/);
    assert.match(await card.innerText(), /13 %/);
    assert.match(await card.innerText(), /Within budget/);
    assert.equal(await card.locator('li').count(), 12);
    const [, last] = months(2);
    assert.equal(await card.getByRole('img', { name: `${last}: 1 min 2 s` }).count(), 1);
    assert.ok(await card.getByRole('img', { name: 'not in use yet' }).count() > 0, 'months before the first are not called good');
    for (const [width, height] of kWidths) {
      await page.setViewportSize({ width, height });
      await card.scrollIntoViewIfNeeded();
      assert.equal(await overflows(page), false, `the overview scrolls sideways at ${width} px`);
      await screenshot(page, `availability-${width}-${theme}`);
      assert.deepEqual(await axe(page), [], `${width} px, ${theme}`);
    }
    noTroubles(page);
  });
}

test('and in Korean', async () => {
  const page = await openPage(shared.browser, shared.server, { locale: 'ko-KR' });
  await page.goto(shared.server.url);
  await page.getByRole('heading', { name: '가용성' }).waitFor();
  assert.deepEqual(await axe(page), []);
});
