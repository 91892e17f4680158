// 10,000 trials over ten parameters: how soon they are seen, and how fast a mark answers.
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { noTroubles, openPage, screenshot } from './support/browser.mjs';
import { session } from './support/session.mjs';
import { carryOut, studyFile } from './support/studies.mjs';

const kTrials = 10_000;
const kFirstPaintMs = 1000;
const kBrushMs = 50;

const shared = session(async (made) => {
  made.study = await made.server.call('POST', '/api/v1/studies', studyFile('large', kTrials));
  await carryOut(made.server, made.study, kTrials);
});

const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

test('ten thousand trials over ten parameters', { timeout: 120_000 }, async () => {
  const { server, study } = shared;
  const table = await fetch(`${server.url}/api/v1/studies/${study.id}/table`, { headers: { authorization: `Bearer ${server.token}`, 'accept-encoding': 'gzip' } });
  const bytes = Number(table.headers.get('content-length'));
  await table.arrayBuffer();
  const asks = [];
  for (let round = 0; round < 5; round += 1) {
    const start = performance.now();
    await (await fetch(table.url, { headers: { authorization: `Bearer ${server.token}`, 'accept-encoding': 'gzip' } })).arrayBuffer();
    asks.push(performance.now() - start);
  }
  const page = await openPage(shared.browser, server);
  const paints = [];
  for (let round = 0; round < 3; round += 1) {
    // From the click on the address until the frame with the picture is shown.
    await page.goto(`${server.url}/studies/${study.id}`, { waitUntil: 'commit' });
    paints.push(await page.evaluate((trials) => new Promise((resolve) => {
      const look = () => (document.querySelector(`canvas[data-painted="${trials}"]`)
        ? requestAnimationFrame(() => setTimeout(() => resolve(performance.now()))) : requestAnimationFrame(look));
      look();
    }), kTrials));
  }
  await screenshot(page, 'study-large-1280-light');
  const brushes = await page.evaluate(async () => {
    const plot = document.querySelector('.parallel-plot');
    const box = plot.getBoundingClientRect();
    const handles = [...plot.querySelectorAll('.handle')];
    const shown = () => document.querySelector('canvas[data-painted]').dataset.painted;
    const settled = () => new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    const times = [];
    const send = (kind, handle, share) => {
      const at = handle.getBoundingClientRect();
      handle.dispatchEvent(new PointerEvent(kind, {
        bubbles: true, cancelable: true, pointerId: 1, button: 0, clientX: at.x + at.width / 2, clientY: box.y + 8 + share * (box.height - 40),
      }));
    };
    plot.setPointerCapture = () => {};
    for (const [index, from, to] of [[4, 0.1, 0.75], [3, 0.9, 0.3], [10, 0.02, 0.6]]) {
      send('pointerdown', handles[index], from);
      for (let step = 1; step <= 12; step += 1) {
        const before = shown();
        const start = performance.now();
        send('pointermove', handles[index], from + ((to - from) * step) / 12);
        await settled();
        times.push({ ms: performance.now() - start, changed: before !== shown() });
      }
      send('pointerup', handles[index], to);
      await settled();
    }
    return times;
  });
  await screenshot(page, 'study-large-brushed-1280-light');
  const moved = brushes.filter(({ changed }) => changed).map(({ ms }) => ms);
  const figures = {
    table_gzip_kib: Math.round(bytes / 1024), table_ms: Math.round(middle(asks)), first_paint_ms: Math.round(middle(paints)),
    brush_ms_p50: Math.round(middle(moved)), brush_ms_max: Math.round(Math.max(...moved)), brushes: moved.length,
  };
  console.log(JSON.stringify(figures));
  assert.ok(moved.length >= 30, `only ${moved.length} moves changed the choice`);
  assert.ok(figures.first_paint_ms <= kFirstPaintMs, `first paint after ${paints}`);
  assert.ok(figures.brush_ms_p50 <= kBrushMs, `brushes took ${moved}`);
  noTroubles(page);
});
