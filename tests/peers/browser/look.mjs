// Looks at pages of the exporter with Chromium, and writes what it saw to stdout as JSON.
//
// Usage: node look.mjs PEERS CHROMIUM PICTURES URL ...     (PEERS has node_modules with playwright-core and axe-core)
//
// Each page is looked at in both themes, on a desk's screen and on a telephone's, of which only the upper end is put
// into the folder of pictures.
// A URL with `#filter=TEXT` is opened, the form is filled in with that text and sent, and what comes is looked at.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const [peers, executablePath, pictures, ...urls] = process.argv.slice(2);
const require = createRequire(path.resolve(peers, 'node_modules', 'here.js'));
const { chromium } = require('playwright-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const SCREENS = { desk: { width: 1280, height: 900 }, telephone: { width: 360, height: 740 } };
const THEMES = ['light', 'dark'];
const args = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

// What stands in the page, as a reader has it before them.
const read = () => ({
  title: document.title,
  names: [...document.querySelectorAll('.jobs tbody th a')].map((link) => link.textContent),
  heading: document.querySelector('h1').textContent,
  text: document.querySelector('main').innerText,
  // Nothing of anybody's may have become part of the page.
  scripts: document.querySelectorAll('script, iframe, object, embed, [onerror], [onload], [style], style').length,
  sideways: document.documentElement.scrollWidth - document.documentElement.clientWidth,
  curves: [...document.querySelectorAll('svg path.line')].filter((line) => line.getTotalLength() > 0).length,
  ground: getComputedStyle(document.body).backgroundColor,
});

const judge = async () => {
  const { violations } = await axe.run(document);
  return violations.map(({ id, impact, nodes }) => ({ id, impact, at: nodes.map((node) => node.html).slice(0, 3) }));
};

const browser = await chromium.launch({ executablePath, args });
const looks = [];
try {
  for (const [at, asked] of urls.entries()) {
    for (const theme of THEMES) {
      for (const [screen, viewport] of Object.entries(SCREENS)) {
        const context = await browser.newContext({ colorScheme: theme, viewport });
        const page = await context.newPage();
        const complaints = [];
        page.on('console', (message) => complaints.push(`${message.type()}: ${message.text()}`));
        page.on('pageerror', (error) => complaints.push(`error: ${error}`));
        page.on('dialog', (dialog) => { complaints.push(`dialog: ${dialog.message()}`); return dialog.dismiss(); });
        page.on('requestfailed', (request) => complaints.push(`failed: ${request.url()}`));
        page.on('response', (response) => { if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`); });
        const [url, filter] = asked.split('#filter=');
        await page.goto(url);
        if (filter !== undefined) {
          await page.getByLabel('Name or id').fill(decodeURIComponent(filter));
          await page.getByRole('button', { name: 'Show' }).click();
          await page.waitForURL(/[?]q=/);
        }
        const seen = await page.evaluate(read);
        await page.screenshot({ path: path.join(pictures, `${at}-${theme}-${screen}.png`), fullPage: screen === 'desk' });
        await page.evaluate(axe);
        const findings = await page.evaluate(judge);
        looks.push({ url: page.url(), theme, screen, complaints, findings, ...seen });
        await context.close();
      }
    }
  }
} finally {
  await browser.close();
}
console.log(JSON.stringify(looks));
