import assert from 'node:assert/strict';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';

import { axe, noTroubles, openPage, overflows, screenshot } from './support/browser.mjs';
import { session } from './support/session.mjs';

// Two healthy GPUs that are not there; they answer whatever fields are asked for.
const kSmi = `#!/bin/sh
for word in "$@"; do case $word in --query-gpu=*) fields=\${word#--query-gpu=};; esac; done
if [ "$1" = topo ]; then exit 1; fi
[ -n "$fields" ] || exit 0
for i in 0 1; do
  echo "$fields" | tr , '\\n' | while read -r field; do
    case $field in
      index) echo $i ;;
      uuid) echo GPU-t$i ;;
      name) echo 'NVIDIA H100 80GB HBM3' ;;
      pci.bus_id) echo "00000000:1$i:00.0" ;;
      memory.total) echo 81559 ;;
      memory.used|utilization.*) echo 0 ;;
      temperature.*) echo 40 ;;
      power.draw) echo 120 ;;
      *) echo '[N/A]' ;;
    esac
  done | paste -sd, | sed 's/,/, /g'
done
`;

const shared = session(async (made) => {
  const { server } = made;
  const held = await server.submit('holder', 'sleep 600', { resources: { gpus: 1 }, max_runtime: '2h' });
  await server.started(held.id);
  made.held = held;
}, async (folder) => {
  const programs = join(folder, 'programs');
  await mkdir(programs);
  await writeFile(join(programs, 'nvidia-smi'), kSmi);
  await chmod(join(programs, 'nvidia-smi'), 0o755);
  return { PATH: `${programs}:${process.env.PATH}` };
});

/** A job for both GPUs, of which one is in use. */
const waiting = (name) => shared.server.submit(name, 'true', { resources: { gpus: 2 }, max_runtime: '10m' });

test('a waiting job shows why, until when, and what would be faster', async () => {
  const job = await waiting('pair');
  for (const theme of ['light', 'dark']) {
    const page = await openPage(shared.browser, shared.server, { colorScheme: theme });
    await page.goto(`${shared.server.url}/jobs/${job.id}`);
    const card = page.getByRole('region', { name: 'Why it waits' });
    await card.getByText('Expected to start').waitFor();
    await card.getByRole('button', { name: /Resubmit with this/ }).first().waitFor();
    for (const width of [400, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      await screenshot(page, `guide-${width}-${theme}`);
      assert.equal(await overflows(page), false, `${width} px`);
      assert.deepEqual(await axe(page), []);
    }
    await page.goto(`${shared.server.url}/jobs/${job.id}?tab=why`);
    await page.getByRole('table', { name: 'Nodes that were looked at' }).waitFor();
    await screenshot(page, `why-1280-${theme}`);
    assert.deepEqual(await axe(page), []);
    noTroubles(page);
  }
});

test('one click submits the changed job, and the old one is cancelled only when asked', async () => {
  const job = await waiting('changed');
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/jobs/${job.id}`);
  const fewer = page.getByRole('button', { name: /Resubmit with this: 1 GPU / });
  await fewer.click();
  await page.getByText('Nothing was cancelled.').waitFor();
  await screenshot(page, 'guide-dialog-1280-light');
  assert.deepEqual(await axe(page), []);
  assert.equal((await shared.server.call('GET', `/api/v1/jobs/${job.id}`)).state, 'queued');
  await page.getByRole('button', { name: 'Cancel the old one' }).click();
  await page.waitForURL((url) => !url.pathname.endsWith(job.id));
  const taken = new URL(page.url()).pathname.split('/').pop();
  const ended = await shared.server.ended(taken);
  assert.equal(ended.state, 'succeeded');
  assert.equal(ended.spec.resources.gpus, 1);
  assert.equal((await shared.server.call('GET', `/api/v1/jobs/${job.id}`)).state, 'cancelled');
  noTroubles(page);
});

test('a running job says what is left to pay beside the time that is left', async () => {
  const steps = 'i=0; while [ $i -lt 3000 ]; do i=$((i+1)); echo "galley:: step=$i total_steps=30000 loss=1"; sleep 0.02; done';
  const job = await shared.server.submit('paid', steps, { resources: { gpus: 1 }, max_runtime: '1h' });
  const page = await openPage(shared.browser, shared.server);
  await page.goto(`${shared.server.url}/jobs/${job.id}`);
  await page.getByText(/left.* · .*\$[\d.,]+ still to pay/).waitFor();
  await screenshot(page, 'cost-left-1280-light');
  assert.deepEqual(await axe(page), []);
  noTroubles(page);
  await shared.server.call('POST', `/api/v1/jobs/${job.id}/cancel`, {});
  await shared.server.ended(job.id);
});
