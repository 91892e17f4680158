import assert from 'node:assert/strict';
import { test } from 'node:test';

import { axe, looksRight, noTroubles, openPage, screenshot } from './support/browser.mjs';
import { reviews } from './support/reviews.mjs';
import { session } from './support/session.mjs';


const shared = session(async (made) => {
  const { server } = made;
  await server.trainedSnapshot('mood', reviews(80));
  await server.trainedSnapshot('mood', reviews(120));
  for (const version of [1, 2]) await server.call('PUT', '/api/v1/models/mood/channels/prod', { snapshot: `mood@${version}` });
  const failed = await server.submit('preprocess-reviews', 'echo "cannot read reviews.tsv: no such file" >&2; exit 2', { team: 'nlp' });
  await server.ended(failed.id);
  const talker = await server.submit('train-sentiment', [
    'for i in $(seq 1 60); do echo "epoch $i: loss $(echo "scale=4; 1/$i" | bc 2>/dev/null || echo 0.5)";',
    'echo "galley:: step=$i loss=0.$((999 - i * 9)) acc=0.$((500 + i * 6))"; done; sleep 300',
  ].join(' '), { team: 'nlp' });
  await server.submit('waits-for-room', 'true', { resources: { cpus: (await server.call('GET', '/api/v1/overview')).capacity.cpus } });
  const run = await server.call('POST', '/api/v1/runs', { name: 'fine-tune', experiment: 'sentiment' });
  const curve = (key, value) => Array.from({ length: 200 }, (_, step) => ({ key, step, value: value(step) }));
  await server.call('POST', `/api/v1/runs/${run.id}/metrics`, {
    points: [...curve('loss', (s) => 0.7 * Math.exp(-s / 60) + 0.05 * Math.sin(s)), ...curve('accuracy', (s) => 0.9 - 0.4 * Math.exp(-s / 40)),
      ...curve('learning_rate', (s) => 0.1 * (1 - s / 200)), ...curve('examples_per_s', (s) => 51_000 + 900 * Math.sin(s / 7))],
  });
  await server.call('POST', `/api/v1/runs/${run.id}/params`, { params: { lr: '0.1', dim: '16', epochs: '5' } });
  for (let index = 0; index < 20; index += 1) await server.call('POST', '/v1/predict', { model: 'mood', text: 'a lovely film' });
  made.paths = {
    overview: '/', jobs: '/jobs', job: `/jobs/${talker.id}`, spec: `/jobs/${talker.id}?tab=spec`, failed: `/jobs/${failed.id}?tab=attempts`,
    runs: '/runs', run: `/runs/${run.id}`, params: `/runs/${run.id}?tab=params`, models: '/models', model: '/models/mood',
    playground: '/playground', fleet: '/fleet',
  };
});

for (const theme of ['light', 'dark']) {
  test(`every view, ${theme}: accessible, never wider than its window`, { timeout: 150_000 }, async () => {
    const page = await openPage(shared.browser, shared.server, { colorScheme: theme, reducedMotion: 'reduce' });
    for (const [name, path] of Object.entries(shared.paths)) {
      await page.goto(shared.server.url + path);
      await page.locator('h1').first().waitFor();
      if (name === 'run') await page.locator('canvas').first().waitFor();
      if (name === 'playground') {
        await page.getByLabel('Text').fill('a wonderful film');
        await page.getByRole('button', { name: 'Classify' }).click();
        await page.locator('[data-answer]').waitFor();
      }
      if (name === 'overview') await page.locator('canvas').waitFor();
      await looksRight(page, name, theme);
    }
    noTroubles(page);
  });
}

test('dialogs are accessible in Korean too', async () => {
  const page = await openPage(shared.browser, shared.server, { locale: 'ko-KR' });
  await page.goto(`${shared.server.url}/models/mood`);
  await page.getByRole('button', { name: 'prod 되돌리기' }).click();
  await page.getByText('prod: mood@2 → mood@1').waitFor();
  await screenshot(page, 'rollback-1280-ko');
  assert.deepEqual(await axe(page), []);
  await page.keyboard.press('Escape');
  await page.keyboard.press('Control+k');
  await page.locator('dialog.palette').waitFor();
  assert.deepEqual(await axe(page), []);
});
