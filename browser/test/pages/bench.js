// One frame of 640 × 480, judged by one of the sides again and again.

import { openModel } from './module.js';

const [WIDTH, HEIGHT, SIDE] = [640, 480, 224];
const rgba = new Uint8ClampedArray(WIDTH * HEIGHT * 4);
for (let y = 0, i = 0; y < HEIGHT; y += 1) {
  for (let x = 0; x < WIDTH; x += 1, i += 4) {
    rgba.set([Math.floor((x * 255) / (WIDTH - 1)), Math.floor((y * 255) / (HEIGHT - 1)), Math.floor((x * y) / 97) & 255, 255], i);
  }
}

const script = (src) => new Promise((resolve, reject) => {
  document.head.append(Object.assign(document.createElement('script'), { src, onload: resolve, onerror: () => reject(new Error(`no ${src}`)) }));
});
const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());

const sides = {
  async ours(variant) {
    const { look, heapBytes } = await openModel(variant);
    window.heapBytes = heapBytes;
    return () => look(rgba, WIDTH, HEIGHT);
  },
  async 'onnxruntime-web'() {
    await script('/node_modules/onnxruntime-web/dist/ort.wasm.min.js');
    Object.assign(ort.env.wasm, { numThreads: 1, wasmPaths: '/node_modules/onnxruntime-web/dist/' });
    const session = await ort.InferenceSession.create(await bytes('/model.onnx'), { executionProviders: ['wasm'], graphOptimizationLevel: 'all' });
    const tensor = new Float32Array(3 * SIDE * SIDE);
    return async () => {
      resize(tensor);
      const { probs } = await session.run({ input: new ort.Tensor('float32', tensor, [1, 3, SIDE, SIDE]) });
      return [...probs.data];
    };
  },
  async nsfwjs() {
    await script('/node_modules/@tensorflow/tfjs/dist/tf.min.js');
    await script('/node_modules/@tensorflow/tfjs-backend-wasm/dist/tf-backend-wasm.min.js');
    tf.wasm.setWasmPaths('/node_modules/@tensorflow/tfjs-backend-wasm/dist/');
    tf.wasm.setThreadsCount(1);
    await tf.setBackend('wasm');
    for (const name of ['model', 'group1-shard1of1']) await script(`/node_modules/nsfwjs/dist/models/mobilenet_v2/${name}.min.js`);
    await script('/node_modules/nsfwjs/dist/browser/nsfwjs.min.js');
    const model = await nsfwjs.load('MobileNetV2');
    const picture = new ImageData(rgba, WIDTH, HEIGHT);
    return async () => {
      const scores = await model.classify(picture, 5);
      return scores.sort((a, b) => (a.className < b.className ? -1 : 1)).map(({ probability }) => probability);
    };
  },
};

/** As nsfwjs resizes: bilinear, corners onto corners; only the pixels that are needed are read. */
function resize(tensor) {
  const plane = SIDE * SIDE;
  const [fx, fy] = [(WIDTH - 1) / (SIDE - 1), (HEIGHT - 1) / (SIDE - 1)];
  for (let y = 0; y < SIDE; y += 1) {
    const sy = y * fy;
    const top = Math.floor(sy);
    const down = sy - top;
    const [a, b] = [top * WIDTH, Math.min(top + 1, HEIGHT - 1) * WIDTH];
    for (let x = 0; x < SIDE; x += 1) {
      const sx = x * fx;
      const left = Math.floor(sx);
      const across = sx - left;
      const right = Math.min(left + 1, WIDTH - 1);
      for (let c = 0; c < 3; c += 1) {
        const upper = rgba[(a + left) * 4 + c] * (1 - across) + rgba[(a + right) * 4 + c] * across;
        const lower = rgba[(b + left) * 4 + c] * (1 - across) + rgba[(b + right) * 4 + c] * across;
        tensor[c * plane + y * SIDE + x] = (upper + (lower - upper) * down) / 255;
      }
    }
  }
}

let look;
window.prepare = async (side) => {
  const [name, variant] = side.startsWith('ours-') ? ['ours', side.slice(5)] : [side, undefined];
  look = await sides[name](variant);
  return look();
};
/** Judges the frame `n` times; gives the milliseconds of the clock for each. */
window.frames_ = async (n) => {
  const began = performance.now();
  for (let i = 0; i < n; i += 1) await look();
  return (performance.now() - began) / n;
};
window.ready = true;
