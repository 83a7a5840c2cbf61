// What must be here before anything can be judged, and where does it come from?
//
// The module, and the two parts of the model. They are fetched once; from then on nothing of ours asks the network for
// anything. The module checks the model's hash itself, and refuses any other.

import type { Model } from './messages';

export interface Assets {
  module: WebAssembly.Module;
  model: Model;
  /** Which instructions the module uses. */
  instructions: 'relaxed-simd' | 'simd' | 'plain';
}

let loading: Promise<Assets> | undefined;

/**
 * Loads the module and the model from the folder `base`, by default the folder `assets` beside this file.
 * A second call gives what the first one loaded.
 */
export function load(base: string | URL = new URL(/* @vite-ignore */ './assets/', import.meta.url)): Promise<Assets> {
  loading ??= fetchAll(new URL(base, self.location.href)).catch((error: unknown) => {
    // Another call may try again.
    loading = undefined;
    throw error;
  });
  return loading;
}

async function fetchAll(base: URL): Promise<Assets> {
  const instructions = best();
  const [module, topology, weights] = await Promise.all([
    bytes(base, `streamward-${instructions}.wasm`).then((code) => WebAssembly.compile(code)),
    bytes(base, 'model.js').then((text) => new TextDecoder().decode(text)),
    bytes(base, 'weights.bin').then((buffer) => new Uint8Array(buffer)),
  ]);
  return { module, model: { topology, weights }, instructions };
}

async function bytes(base: URL, name: string): Promise<ArrayBuffer> {
  const response = await fetch(new URL(name, base));
  if (!response.ok) throw new Error(`cannot load ${name}: the server says ${response.status}`);
  return response.arrayBuffer();
}

/** The most that this browser can do: each of these is a module with one function that uses such an instruction. */
function best(): Assets['instructions'] {
  const test = (body: number[]): boolean =>
    WebAssembly.validate(
      new Uint8Array([
        0, 0x61, 0x73, 0x6d, 1, 0, 0, 0,
        1, 5, 1, 0x60, 0, 1, 0x7b, // a type: () → v128
        3, 2, 1, 0, // a function of it
        10, body.length + 4, 1, body.length + 2, 0, ...body, 0x0b,
      ]),
    );
  const zero = [0x41, 0, 0xfd, 0x0f]; // i32.const 0, i8x16.splat
  if (test([...zero, ...zero, ...zero, 0xfd, 0x85, 0x02])) return 'relaxed-simd'; // f32x4.relaxed_madd
  return test(zero) ? 'simd' : 'plain';
}
