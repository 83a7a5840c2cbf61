// Which film does the camera show, and which of its frames are forbidden?
//
// A y4m file for Chromium's fake camera, which plays it over and over. Along the bottom of each benign frame stands its
// number as black and white blocks, so that whoever sees it at the far end can say which one it is. Planted frames have
// no strip: they are what the list and the model know.

import { spawnSync } from 'node:child_process';
import { closeSync, openSync, writeSync } from 'node:fs';

/** Blocks in the strip: twelve for the number, four for its check. */
export const N_BLOCKS = 16;

/** Rows of the strip, as a share of the height. */
export const STRIP = 1 / 30;

/**
 * Writes the film to `path` and gives the planted picture as the far end compares with it.
 *
 * @param {{path: string, width: number, height: number, fps: number, n: number, under: string[], filter?: string,
 *   planted: string, bursts: [number, number][]}} recipe `under` are ffmpeg's words for what plays, `planted` is a
 *   picture file, and each burst is its first frame and the one after its last.
 */
export function film({ path, width, height, fps, n, under, filter = 'null', planted, bursts }) {
  const size = (width * height * 3) / 2;
  const frames = raw([...under, '-vf', `fps=${fps},scale=${width}:${height},setsar=1,${filter}`, '-frames:v', `${n}`], size * n);
  const card = raw(['-i', planted, '-vf', `scale=${width}:${height}`, '-frames:v', '1'], size);
  const isPlanted = (index) => bursts.some(([from, to]) => index >= from && index < to);
  const file = openSync(path, 'w');
  writeSync(file, `YUV4MPEG2 W${width} H${height} F${fps}:1 Ip A1:1 C420jpeg\n`);
  for (let index = 0; index < n; index += 1) {
    const frame = Buffer.from(isPlanted(index) ? card : frames.subarray(index * size, (index + 1) * size));
    if (!isPlanted(index)) number(frame, index, width, height);
    writeSync(file, 'FRAME\n');
    writeSync(file, frame);
  }
  closeSync(file);
  return grid(card, width, height);
}

function raw(words, length) {
  const { stdout, stderr, status } = spawnSync(
    'ffmpeg', ['-v', 'error', ...words, '-pix_fmt', 'yuv420p', '-f', 'rawvideo', '-'],
    { maxBuffer: length + (1 << 20) },
  );
  if (status !== 0 || stdout.length < length) throw new Error(`ffmpeg made ${stdout?.length} of ${length} bytes: ${stderr}`);
  return stdout;
}

function number(frame, index, width, height) {
  const check = (index ^ (index >> 4) ^ (index >> 8)) & 15;
  const bits = (index << 4) | check;
  const rows = Math.round(height * STRIP);
  for (let y = height - rows; y < height; y += 1) {
    for (let x = 0; x < width; x += 1) {
      const block = Math.floor((x * N_BLOCKS) / width);
      frame[y * width + x] = (bits >> (N_BLOCKS - 1 - block)) & 1 ? 235 : 16;
    }
  }
  for (const plane of [0, 1]) {
    const start = width * height + (plane * width * height) / 4;
    frame.fill(128, start + ((height - rows) / 2) * (width / 2), start + (height / 2) * (width / 2));
  }
}

/** Mean luma in 32 × 24 cells, the strip left out: what the far end compares with. */
function grid(frame, width, height) {
  const rows = height - Math.round(height * STRIP);
  const cells = [];
  for (let cy = 0; cy < 24; cy += 1) {
    for (let cx = 0; cx < 32; cx += 1) {
      let [sum, n] = [0, 0];
      for (let y = Math.floor((cy * rows) / 24); y < Math.floor(((cy + 1) * rows) / 24); y += 1) {
        for (let x = Math.floor((cx * width) / 32); x < Math.floor(((cx + 1) * width) / 32); x += 1) {
          sum += frame[y * width + x];
          n += 1;
        }
      }
      cells.push(sum / n);
    }
  }
  return cells;
}
