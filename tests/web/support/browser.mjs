// Debian's Chromium with a fresh profile, and a page that fails its test on any script error.
import assert from 'node:assert/strict';
import { mkdir } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

import { axeSource, chromium } from './tools.mjs';

const kOutput = fileURLToPath(new URL('../../../web/test-output/', import.meta.url));
const kExecutable = process.env.CHROMIUM ?? '/usr/bin/chromium';

export const launch = () => chromium.launch({
  executablePath: kExecutable,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

/** Signed in, at the overview, with the stream open. */
export async function openPage(browser, server, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-GB', ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(15_000);
  page.troubles = [];
  page.on('pageerror', (error) => page.troubles.push(String(error)));
  page.on('console', (message) => {
    // A refused policy and a thrown error are ours; an answer of 4xx is a view's own business.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource')) page.troubles.push(message.text());
  });
  page.answers = [];
  page.on('response', (response) => page.answers.push(`${response.status()} ${new URL(response.url()).pathname}`));
  page.on('requestfailed', (request) => page.answers.push(`${request.failure()?.errorText} ${new URL(request.url()).pathname}`));
  await page.goto(await server.codeUrl());
  await page.locator('[data-connection="live"]').waitFor().catch(async (late) => {
    throw new Error(`${late.message}\n${page.answers.join('\n')}\nthe page shows: ${await page.locator('body').innerText()}`);
  });
  return page;
}

export const noTroubles = (page) => assert.deepEqual(page.troubles, []);

/** What is evaluated in a page has no time limit of its own. */
async function answered(what, promise) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${what} did not end within a minute: the page hangs`)), 60_000);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Two frames later; a browser that nobody looks at may draw none for long. */
export const settled = (page) => answered('a frame', page.evaluate(() => new Promise((resolve) => {
  requestAnimationFrame(() => requestAnimationFrame(resolve));
  setTimeout(resolve, 1000);
})));

/** What axe finds wrong, as lines that say where. */
export async function axe(page) {
  // Through the debugger, since the page's policy rightly refuses foreign scripts.
  await page.evaluate(axeSource);
  const { violations } = await answered('axe', page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] })));
  return violations.flatMap((rule) => rule.nodes.map((node) => `${rule.id}: ${node.target.join(' ')}: ${node.failureSummary}`));
}

export const overflows = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth > document.documentElement.clientWidth
    || document.querySelector('main').scrollWidth > document.querySelector('main').clientWidth);

export async function screenshot(page, name) {
  await mkdir(kOutput, { recursive: true });
  await page.screenshot({ path: `${kOutput}${name}.png` });
}

/** A view fits and is accessible at every width, and what it looks like is kept. */
export async function looksRight(page, name, theme) {
  for (const [width, height] of [[400, 800], [1280, 800], [2560, 1440]]) {
    await page.setViewportSize({ width, height });
    await settled(page);
    assert.equal(await overflows(page), false, `${name} scrolls sideways at ${width} px`);
    await screenshot(page, `${name}-${width}-${theme}`);
    if (width !== 2560) assert.deepEqual(await axe(page), [], `${name} at ${width} px, ${theme}`);
  }
}
