// What does one frame cost in a browser, ours and theirs?
//
// node test/bench.mjs PEERS MODEL.onnx FRAMES
// Each side has a page, and so a process, of its own. The pages take turns, a round each; a process's own time is read
// from Chromium, so that other programs on the machine count for nothing.

import { createServer } from 'node:http';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import puppeteer from 'puppeteer-core';

const [peers, model, n] = [process.argv[2], process.argv[3], Number(process.argv[4] ?? 20)];
const root = path.resolve(import.meta.dirname, '..');
const ROUNDS = 7;

const server = createServer(({ url }, response) => {
  const name = path.normalize(decodeURIComponent(new URL(url, 'http://localhost').pathname));
  const places = [path.join(root, 'test/pages', name), path.join(root, name), path.join(peers, name), name === '/model.onnx' ? model : ''];
  const file = places.find((place) => place !== '' && existsSync(place));
  if (!file) return response.writeHead(404).end();
  const types = { '.html': 'text/html', '.js': 'text/javascript', '.mjs': 'text/javascript', '.wasm': 'application/wasm' };
  response.setHeader('content-type', types[path.extname(file)] ?? 'application/octet-stream');
  response.end(readFileSync(file));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

const sides = ['ours-relaxed-simd', 'ours-simd'];
if (existsSync(path.join(peers, 'node_modules/onnxruntime-web'))) sides.push('onnxruntime-web', 'nsfwjs');
const gzip = (file) => gzipSync(readFileSync(file), { level: 9 }).length;
const code = {
  'ours-relaxed-simd': () => [gzip(`${root}/assets/streamward-relaxed-simd.wasm`) + gzip(`${root}/dist/index.js`), gzip(`${root}/assets/weights.bin`) + gzip(`${root}/assets/model.js`)],
  'ours-simd': () => [gzip(`${root}/assets/streamward-simd.wasm`) + gzip(`${root}/dist/index.js`), gzip(`${root}/assets/weights.bin`) + gzip(`${root}/assets/model.js`)],
  'onnxruntime-web': () => [gzip(`${peers}/node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.wasm`) + gzip(`${peers}/node_modules/onnxruntime-web/dist/ort.wasm.min.js`), gzip(model)],
  nsfwjs: () => [
    gzip(`${peers}/node_modules/@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm`) + gzip(`${peers}/node_modules/@tensorflow/tfjs/dist/tf.min.js`) + gzip(`${peers}/node_modules/@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js`),
    gzip(`${root}/assets/weights.bin`) + gzip(`${root}/assets/model.js`),
  ],
};

const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  headless: true,
  args: ['--no-sandbox', '--disable-gpu', '--site-per-process', '--js-flags=--expose-gc'],
});
const session = await browser.target().createCDPSession();
const processes = async () => (await session.send('SystemInfo.getProcessInfo')).processInfo.filter(({ type }) => type === 'renderer');
/** Which process this page's work is done in: the one that works when it does. */
async function worker(page) {
  const before = new Map((await processes()).map(({ id, cpuTime }) => [id, cpuTime]));
  await page.evaluate(() => window.frames_(10));
  const spent = (await processes()).map(({ id, cpuTime }) => ({ id, spent: cpuTime - (before.get(id) ?? 0) }));
  return spent.sort((a, b) => b.spent - a.spent)[0].id;
}

const results = [];
try {
  for (const side of sides) {
    const context = await browser.createBrowserContext();
    const page = await context.newPage();
    page.on('pageerror', (error) => console.error(`${side}: ${error}`));
    await page.goto(`http://127.0.0.1:${server.address().port}/bench.html`);
    await page.waitForFunction('window.ready');
    try {
      const scores = await page.evaluate((side) => window.prepare(side), side);
      results.push({ side, page, scores, id: await worker(page), rounds: [] });
    } catch (error) {
      console.error(`${side} is left out: ${error.message}`);
    }
  }
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const result of results) {
      const time = async () => (await processes()).find(({ id }) => id === result.id).cpuTime;
      const start = await time();
      const wall = await result.page.evaluate((n) => window.frames_(n), n);
      result.rounds.push({ cpu: ((await time()) - start) * 1000 / n, wall });
    }
  }
  const median = (list) => list.sort((a, b) => a - b)[Math.floor(list.length / 2)];
  const heaps = await Promise.all(results.map(({ page }) => page.evaluate(() => (window.heapBytes ? window.heapBytes() / 2 ** 20 : null))));
  const rows = results.map(({ side, scores, id, rounds }, at) => {
    const status = readFileSync(`/proc/${id}/status`, 'utf8');
    const [codeBytes, modelBytes] = code[side]();
    return {
      who: side, cpu_ms: median(rounds.map(({ cpu }) => cpu)), cpu_ms_min: Math.min(...rounds.map(({ cpu }) => cpu)), wall_ms: median(rounds.map(({ wall }) => wall)),
      peak_mb: Number(/VmHWM:\s+(\d+)/.exec(status)[1]) / 1024, module_mb: heaps[at],
      code_gzip_kb: Math.round(codeBytes / 1024), model_gzip_kb: Math.round(modelBytes / 1024), scores,
    };
  });
  for (const row of rows) console.log(JSON.stringify(row));
  const [ours] = rows;
  console.error('who                  CPU ms  (least)  wall ms  page MB  module MB  code kB gz  model kB gz  ours is × of it  largest difference');
  for (const row of rows) {
    const delta = Math.max(...row.scores.map((score, i) => Math.abs(score - ours.scores[i])));
    console.error(`${row.who.padEnd(20)} ${row.cpu_ms.toFixed(1).padStart(6)} ${row.cpu_ms_min.toFixed(1).padStart(8)} ${row.wall_ms.toFixed(1).padStart(8)} ${row.peak_mb.toFixed(0).padStart(8)} ${(row.module_mb?.toFixed(0) ?? '–').padStart(10)} ${String(row.code_gzip_kb).padStart(11)} ${String(row.model_gzip_kb).padStart(12)} ${(ours.cpu_ms / row.cpu_ms).toFixed(2).padStart(15)} ${delta.toExponential(1).padStart(19)}`);
  }
} finally {
  await browser.close();
  server.close();
}
