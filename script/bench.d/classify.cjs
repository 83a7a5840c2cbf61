// The peer in JavaScript: nsfwjs itself on TensorFlow.js' WebAssembly backend, one thread. NAME FRAMES
const tf = require('@tensorflow/tfjs');
const wasm = require('@tensorflow/tfjs-backend-wasm');
const path = require('path');
const nsfwjs = require('nsfwjs');

const [name, frames] = [process.argv[2], Number(process.argv[3])];
const cpuMs = () => { const { user, system } = process.cpuUsage(); return (user + system) / 1e3; };

(async () => {
  wasm.setWasmPaths(path.dirname(require.resolve('@tensorflow/tfjs-backend-wasm/package.json')) + '/dist/');
  wasm.setThreadsCount(1);
  await tf.setBackend('wasm');
  await tf.ready();
  const model = await nsfwjs.load(name);
  const rgb = new Int32Array(720 * 1280 * 3);
  for (let y = 0, i = 0; y < 720; y++) for (let x = 0; x < 1280; x++) {
    rgb[i++] = Math.floor(x * 255 / 1279); rgb[i++] = Math.floor(y * 255 / 719); rgb[i++] = Math.floor(x * y / 97) & 255;
  }
  const picture = tf.tensor3d(rgb, [720, 1280, 3], 'int32');
  const times = [];
  let scores;
  for (let i = 0; i < frames + 3; i++) {
    const start = cpuMs();
    scores = await model.classify(picture, 5);
    times.push(cpuMs() - start);
  }
  times.splice(0, 3);
  times.sort((a, b) => a - b);
  scores.sort((a, b) => (a.className < b.className ? -1 : 1));
  console.log(JSON.stringify({
    who: 'nsfwjs 4.4.0, tfjs wasm', model: name, total_ms: times[frames >> 1],
    peak_mb: process.resourceUsage().maxRSS / 1024, scores: scores.map((s) => s.probability),
  }));
})().catch((error) => { console.error(String(error)); process.exit(1); });
