// Node's own resolution would look for packages beside the tests; they live with the page.
import { createRequire } from 'node:module';

const require = createRequire(new URL('../../../web/package.json', import.meta.url));

export const { chromium } = require('playwright-core');
export const axeSource = require('axe-core').source;
