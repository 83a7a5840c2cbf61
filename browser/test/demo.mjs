// Is the demo page what it says, for everyone who opens it?
//
// Served as any web server would: the card flashes in both panes' source, and only the unguarded pane may show it; nothing
// is requested after load; axe finds nothing, at both widths and in both schemes.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import puppeteer from 'puppeteer-core';

const root = path.resolve(import.meta.dirname, '..');
const page = path.join(root, 'dist-demo');
const axe = readFileSync(path.join(root, 'node_modules/axe-core/axe.min.js'), 'utf8');
const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const server = createServer(({ url }, response) => {
  const name = path.normalize(new URL(url, 'http://localhost').pathname);
  const file = path.join(page, name.endsWith('/') ? `${name}index.html` : name);
  if (!existsSync(file)) return response.writeHead(404).end();
  const types = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.wasm': 'application/wasm', '.txt': 'text/plain' };
  response.setHeader('content-type', types[path.extname(file)] ?? 'application/octet-stream');
  response.end(readFileSync(file));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
// Another server may be looked at in place of our own: `streamward serve`.
const address = process.env.STREAMWARD_DEMO_URL ?? `http://127.0.0.1:${server.address().port}/`;

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: ['--no-sandbox', '--disable-gpu'],
});
try {
  for (const [width, height, scheme] of [[1440, 1000, 'light'], [390, 844, 'dark']]) {
    const tab = await browser.newPage();
    const complaints = [];
    tab.on('pageerror', (error) => complaints.push(String(error)));
    tab.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    await tab.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    await tab.setViewport({ width, height });
    await tab.goto(address);
    await tab.waitForFunction(() => Number(document.getElementById('n-frames').textContent) > 30, { timeout: 30_000 });
    const requests = [];
    tab.on('request', (request) => request.url().startsWith('http') && requests.push(request.url()));
    // By keyboard alone: to the first button, and press it.
    await tab.focus('#flash');
    for (let n = 0; n < 5; n += 1) {
      await tab.keyboard.press('Enter');
      await wait(300);
    }
    await tab.keyboard.press('Tab');
    await tab.keyboard.press('Enter');
    await wait(1500);
    assert.equal(await tab.$eval('#state', (state) => state.textContent), 'covered');
    if (process.env.SHOTS) await tab.screenshot({ path: `${process.env.SHOTS}-${width}.png`, fullPage: true });
    await tab.keyboard.press('Enter');
    await wait(1000);
    const figure = (id) => tab.$eval(`#${id}`, (element) => Number(element.textContent));
    const [open, leaked, told] = [await figure('n-open'), await figure('n-leaked'), await figure('requests')];
    const isWide = await tab.evaluate(() => document.documentElement.scrollWidth > innerWidth);
    const client = await tab.createCDPSession();
    const { result } = await client.send('Runtime.evaluate', { expression: `${axe};axe.run().then((found) => JSON.stringify(found.violations.map(({ id, nodes }) => [id, nodes.map(({ target }) => target)])))`, awaitPromise: true });
    console.log(`demo at ${width} px, ${scheme}: card frames ${open} without the guard, ${leaked} behind it; requests since load ${requests.length}; axe ${result.value}`);
    assert.ok(open >= 5, `the card was seen ${open} times without the guard`);
    assert.equal(leaked, 0);
    assert.deepEqual([requests, told], [[], 0]);
    assert.equal(result.value, '[]');
    assert.equal(isWide, false, 'the page is wider than the window');
    assert.deepEqual(complaints, []);
    await tab.close();
  }
} finally {
  await browser.close();
  server.close();
}
