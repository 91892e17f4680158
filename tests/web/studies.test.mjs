import assert from 'node:assert/strict';
import { test } from 'node:test';

import { axe, looksRight, noTroubles, openPage, screenshot } from './support/browser.mjs';
import { session } from './support/session.mjs';
import { carryOut, studyFile } from './support/studies.mjs';


const shared = session(async (made) => {
  const { server } = made;
  made.sweep = await server.call('POST', '/api/v1/studies', studyFile('lr-sweep', 120));
  await carryOut(server, made.sweep, 120, { epochs: [1, 3, 6, 10, 15], until: 110 });
});

const hours = Array.from({ length: 168 }, (_, hour) => hour);
const atNight = (hour) => hour % 24 < 8 || hour % 24 > 19 || hour > 120;
const people = hours.map((hour) => (atNight(hour) ? 4 + (hour % 5) : 22 + ((hour * 7) % 9)));
const share = hours.map((hour) => Math.max(2, 30 - people[hour] - ((hour * 3) % 4)));
const kWeek = {
  began_at: '2026-11-14T00:00:00Z', until_s: 168 * 3600, gpus: 32,
  pools: {
    at_s: hours.map((hour) => hour * 3600), live: share, stop: hours.map((hour) => Math.round(hour / 4) + (atNight(hour) ? 0 : 14)),
    dead: hours.map((hour) => Math.round(hour * 0.6)), ended: hours.map((hour) => Math.round(hour * 0.8)),
  },
  share: { at_s: hours.map((hour) => hour * 3600), study: share, tuning: hours.map((hour) => (hour % 24 < 4 ? 2 : 0)), people },
};

const chosen = (page) => page.locator('.chosen-count').innerText();
const painted = (page, count) => page.locator(`canvas[data-painted="${count}"]`).waitFor();

/** Where an axis stands on the screen, and a place on it. */
async function axisAt(page, name, unit) {
  const index = (await page.locator('.axis-name .clip').allInnerTexts()).indexOf(name);
  const handle = await page.locator('.parallel-plot .handle').nth(index).boundingBox();
  const top = handle.y + 8;
  const bottom = handle.y + handle.height - 30;
  return { x: handle.x + handle.width / 2, y: bottom - unit * (bottom - top) };
}

async function brush(page, name, from, to) {
  const start = await axisAt(page, name, from);
  const end = await axisAt(page, name, to);
  await page.mouse.move(start.x, start.y);
  await page.mouse.down();
  await page.mouse.move(end.x, end.y, { steps: 5 });
  await page.mouse.up();
}

test('an empty list teaches the command, and a study appears in it by itself', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.route('**/api/v1/studies?*', (route) => route.fulfill({ json: { items: [] } }), { times: 1 });
  await page.getByRole('link', { name: 'Studies' }).click();
  await page.getByText('galley tune study.json').waitFor();
  const fresh = await shared.server.call('POST', '/api/v1/studies', studyFile('newcomer', 5));
  await page.locator(`tr[data-id="${fresh.id}"]`).waitFor();
  assert.match(await page.locator(`tr[data-id="${shared.sweep.id}"]`).innerText(), /lr-sweep[\s\S]*120/);
  await shared.server.call('POST', `/api/v1/studies/${fresh.id}/stop`);
  await page.locator(`tr[data-id="${fresh.id}"] [data-state="stopped"]`).waitFor();
  await page.locator(`tr[data-id="${shared.sweep.id}"] a`).first().click();
  await page.getByRole('heading', { name: 'lr-sweep' }).waitFor();
  noTroubles(page);
});

test('marks on several axes choose trials, in the table and in the address too', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/studies/${shared.sweep.id}`);
  await painted(page, 120);
  assert.equal(await chosen(page), '120 of 120 trials');
  await brush(page, 'lr', 0.4, 0.65);
  await page.locator('.mark[data-axis="p:lr"]').waitFor();
  const some = Number((await chosen(page)).split(' ')[0]);
  assert.ok(some > 5 && some < 80, `${some} trials`);
  await brush(page, 'opt', 0.9, 0.7);
  const fewer = Number((await chosen(page)).split(' ')[0]);
  assert.ok(fewer > 0 && fewer < some, `${fewer} of ${some}`);
  assert.equal(Number(await page.locator('.trial-list table').getAttribute('aria-rowcount')), fewer + 1);
  const column = (await page.locator('.trial-list th').allInnerTexts()).indexOf('opt') + 1;
  const optimisers = await page.locator(`.trial-list tbody tr.open td:nth-child(${column})`).allInnerTexts();
  assert.deepEqual([...new Set(optimisers)], ['lamb']);
  // Another reader with the same address sees the same.
  const other = await openPage(shared.browser, shared.server);
  await other.goto(page.url());
  await painted(other, fewer);
  // A click beside the mark takes it away; the keyboard does what the mouse does.
  const beside = await axisAt(page, 'lr', 0.1);
  await page.mouse.click(beside.x, beside.y);
  await page.locator('.mark[data-axis="p:lr"]').waitFor({ state: 'detached' });
  await page.getByRole('button', { name: 'Clear marks' }).click();
  await page.getByText('Limits by keyboard').click();
  await page.getByLabel('depth: from').fill('8');
  await page.getByLabel('depth: from').press('Tab');
  await page.locator('.mark[data-axis="p:depth"]').waitFor();
  assert.ok(Number((await chosen(page)).split(' ')[0]) < 80);
  noTroubles(page);
});

test('the list goes on on demand', async () => {
  const page = await openPage(shared.browser, shared.server);
  const { items: [like] } = await shared.server.call('GET', '/api/v1/studies?limit=1');
  const all = Array.from({ length: 130 }, (_, at) => ({ ...like, id: `study_${at}`, name: `sweep-${at}` }));
  await page.route('**/api/v1/studies?*', (route) => {
    const query = new URL(route.request().url()).searchParams;
    const from = Number(query.get('cursor') ?? 0);
    const to = from + Number(query.get('limit'));
    return route.fulfill({ json: { items: all.slice(from, to), next_cursor: to < all.length ? String(to) : null } });
  });
  await page.getByRole('link', { name: 'Studies' }).click();
  await page.locator('tr[data-id="study_99"]').waitFor();
  assert.equal(await page.locator('tr[data-id="study_100"]').count(), 0);
  await page.getByRole('button', { name: 'Show more' }).click();
  await page.locator('tr[data-id="study_129"]').waitFor();
  assert.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0);
  noTroubles(page);
});

test('trials of earlier studies stand beside its own, with where they come from', async () => {
  const { server } = shared;
  const warm = await server.call('POST', '/api/v1/studies', studyFile('warm', 6, { warm_start: ['lr-sweep'] }));
  const page = await openPage(shared.browser, server);
  await page.goto(`${server.url}/studies/${warm.id}`);
  await painted(page, 120);
  await page.getByText('120 earlier trials, of lr-sweep').waitFor();
  const first = page.locator('.trial-list tbody tr.open').first();
  assert.match(await first.innerText(), /lr-sweep\/\d+\s+Earlier/);
  assert.deepEqual(await page.locator('.axis-name .clip').allInnerTexts(),
    ['lr', 'weight_decay', 'dropout', 'momentum', 'depth', 'width', 'batch', 'opt', 'act', 'warmup', 'accuracy'], 'as the file has them');
  assert.deepEqual(await axe(page), []);
  await screenshot(page, 'study-earlier-1280-light');
  await page.getByLabel('120 earlier trials').uncheck();
  await painted(page, 0);
  await page.getByLabel('120 earlier trials').check();
  const number = (await first.innerText()).match(/lr-sweep\/(\d+)/)[1];
  await first.click();
  await page.getByRole('heading', { name: 'lr-sweep', exact: true }).waitFor();
  await page.getByRole('heading', { name: `Trial ${number}`, exact: true }).waitFor();
  noTroubles(page);
});

test('a marked region becomes a new study', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/studies/${shared.sweep.id}`);
  await painted(page, 120);
  await brush(page, 'lr', 0.4, 0.65);
  await brush(page, 'act', 0.05, 0.45);
  await page.getByRole('button', { name: 'New study from this region' }).click();
  await page.getByText(/120 trials, about/).waitFor();
  assert.deepEqual(await axe(page), []);
  await screenshot(page, 'study-region-1280-light');
  const file = JSON.parse(await page.locator('dialog pre').innerText());
  assert.equal(file.name, 'lr-sweep-2');
  assert.deepEqual(file.h_params.act.parameters, ['relu', 'gelu']);
  const [low, high] = file.h_params.lr.parameters;
  assert.ok(low > 1e-4 && high < 1 && low < high);
  assert.deepEqual(file.h_params.depth.parameters, [2, 12]);
  await page.getByRole('button', { name: 'Start it' }).click();
  await page.getByRole('heading', { name: 'lr-sweep-2' }).waitFor();
  await page.locator('.view-head [data-state="running"]').waitFor();
  const begun = await shared.server.call('GET', '/api/v1/studies/lr-sweep-2');
  assert.deepEqual(begun.file.h_params.lr.parameters, [low, high]);
  // Results appear by themselves.
  await page.getByText(/earlier trials?, of lr-sweep/).waitFor();
  const { items } = await shared.server.call('POST', `/api/v1/studies/${begun.id}/ask`, { count: 2 });
  await shared.server.call('POST', `/api/v1/studies/${begun.id}/tell`, { trial: items[0].trial, value: 0.75 });
  await page.locator('canvas[data-painted]').first().waitFor();
  await page.locator('.figures', { hasText: '0.75' }).waitFor();
  await page.getByRole('button', { name: 'Stop study' }).click();
  await page.getByText(/live trials? (is|are) let go/).waitFor();
  await page.locator('dialog').getByRole('button', { name: 'Stop study' }).click();
  await page.locator('.view-head [data-state="stopped"]').waitFor();
  noTroubles(page);
});

test('a trial tells its settings, attempts and curve, by address', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/studies/${shared.sweep.id}`);
  await page.getByRole('button', { name: /^Trial \d+$/ }).first().click();
  const drawer = page.locator('dialog.drawer');
  await drawer.getByText('Best of the study').waitFor();
  await drawer.locator('canvas').waitFor();
  await drawer.getByText('All of its weights are its own.').waitFor();
  assert.match(page.url(), /trial=\d+/);
  assert.deepEqual(await axe(page), []);
  await screenshot(page, 'study-trial-1280-light');
  await page.keyboard.press('Escape');
  await drawer.waitFor({ state: 'detached' });
  noTroubles(page);
});

test('curves, pools, importance and the file', async () => {
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/studies/${shared.sweep.id}?tab=curves`);
  await page.getByRole('img', { name: /curves of accuracy/ }).waitFor();
  await page.getByRole('button', { name: 'Time', exact: true }).click();
  await page.getByRole('tab', { name: 'Pools' }).click();
  await page.locator('section[aria-label="Trials in each pool"] canvas').waitFor();
  await page.getByText('No GPU was held while this study ran').waitFor();
  await page.getByRole('tab', { name: 'Importance' }).click();
  const first = page.locator('section[aria-label="How much each parameter matters"] .meter').first();
  await first.waitFor();
  assert.match(await first.innerText(), /^lr/);
  await page.getByRole('tab', { name: 'File' }).click();
  assert.equal(JSON.parse(await page.locator('pre.block').innerText()).name, 'lr-sweep');
  noTroubles(page);
});

for (const theme of ['light', 'dark']) {
  test(`studies, ${theme}: accessible, never wider than their window`, { timeout: 150_000 }, async () => {
    const page = await openPage(shared.browser, shared.server, { colorScheme: theme, reducedMotion: 'reduce' });
    const study = `/studies/${shared.sweep.id}`;
    // Days of a cluster with GPUs, which this server has not.
    await page.route('**/timeline', (route) => route.fulfill({ json: kWeek }));
    const views = {
      studies: '/studies', study: study, 'study-brushed': `${study}?brush=p%253Alr~0.4~0.65`, 'study-curves': `${study}?tab=curves`,
      'study-pools': `${study}?tab=pools`, 'study-importance': `${study}?tab=importance`, 'study-file': `${study}?tab=file`,
      'study-drawer': `${study}?trial=3`,
    };
    for (const [name, path] of Object.entries(views)) {
      await page.goto(shared.server.url + path);
      await page.locator(name === 'studies' ? 'tr[data-id]' : '.study-figures').first().waitFor();
      await page.locator({ 'study-curves': 'canvas', 'study-pools': '.u-over', 'study-importance': '.meter', 'study-file': 'pre', studies: 'h1' }[name]
        ?? 'canvas[data-painted]').first().waitFor();
      if (name === 'study-drawer') await page.locator('dialog canvas').waitFor();
      await looksRight(page, name, theme);
    }
    noTroubles(page);
  });
}

test('in Korean', async () => {
  const page = await openPage(shared.browser, shared.server, { locale: 'ko-KR' });
  await page.goto(`${shared.server.url}/studies/${shared.sweep.id}`);
  await page.getByRole('button', { name: '이 영역으로 새 탐색' }).waitFor();
  await painted(page, 120);
  await screenshot(page, 'study-1280-ko');
  assert.deepEqual(await axe(page), []);
});
