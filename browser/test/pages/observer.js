// What does the far end see?
//
// It decodes what was sent and compares it by itself: by correlation of brightness in 32 × 24 cells with the planted
// picture. It knows nothing of hashes, models or the guard.

const ALIKE = 0.85;
/** Brightness of the cover's ground in BT.601, and how far encoding may move it. */
const COVER = { luma: 37, apart: 12, share: 0.5 };

export class Observer {
  constructor(track, reference) {
    this.reference = reference;
    this.seen = { frames: 0, planted: 0, covered: 0, live: 0, distinct: 0, repeated: 0, other: 0 };
    this.closest = -1;
    this.arrivals = [];
    this.kinds = [];
    this.last = -1;
    this.done = this.watch(track);
  }

  async watch(track) {
    const reader = new MediaStreamTrackProcessor({ track }).readable.getReader();
    let scratch = new Uint8Array(0);
    for (;;) {
      const { value: frame, done } = await reader.read();
      if (done) return;
      const n = frame.allocationSize();
      if (scratch.length < n) scratch = new Uint8Array(n);
      const [plane] = await frame.copyTo(scratch);
      const luma = { at: scratch, offset: plane.offset, stride: plane.stride, step: frame.format.startsWith('RGB') || frame.format.startsWith('BGR') ? 4 : 1 };
      this.see(luma, frame.codedWidth, frame.codedHeight);
      frame.close();
    }
  }

  see(luma, width, height) {
    const cells = grid(luma, width, height);
    const number = read(luma, width, height);
    const near = correlation(cells, this.reference);
    const { seen } = this;
    seen.frames += 1;
    this.arrivals.push(performance.now());
    const dark = cells.filter((cell) => Math.abs(cell - COVER.luma) <= COVER.apart).length / cells.length;
    let kind = 'other';
    if (near >= ALIKE) {
      kind = 'planted';
    } else {
      this.closest = Math.max(this.closest, near);
      if (dark >= COVER.share) kind = 'covered';
      else if (number >= 0) kind = 'live';
    }
    seen[kind] += 1;
    this.kinds.push(kind === 'live' ? number : kind);
    if (kind === 'live') {
      if (number === this.last) seen.repeated += 1;
      else seen.distinct += 1;
      this.last = number;
    }
  }

  /** Frames a second between the first and the last. */
  fps() {
    const { arrivals } = this;
    return arrivals.length < 2 ? 0 : ((arrivals.length - 1) * 1000) / (arrivals.at(-1) - arrivals[0]);
  }
}

function grid({ at, offset, stride, step }, width, height) {
  const rows = height - Math.round(height / 30);
  const cells = [];
  for (let cy = 0; cy < 24; cy += 1) {
    for (let cx = 0; cx < 32; cx += 1) {
      let [sum, n] = [0, 0];
      // Every second sample is enough.
      for (let y = Math.floor((cy * rows) / 24); y < Math.floor(((cy + 1) * rows) / 24); y += 2) {
        for (let x = Math.floor((cx * width) / 32); x < Math.floor(((cx + 1) * width) / 32); x += 2) {
          sum += at[offset + y * stride + x * step];
          n += 1;
        }
      }
      cells.push(sum / n);
    }
  }
  return cells;
}

/** The number in the strip, or -1. */
function read({ at, offset, stride, step }, width, height) {
  const y = height - Math.round(height / 60);
  let bits = 0;
  for (let block = 0; block < 16; block += 1) {
    let sum = 0;
    for (const part of [0.4, 0.5, 0.6]) sum += at[offset + y * stride + Math.floor(((block + part) * width) / 16) * step];
    bits = (bits << 1) | (sum > 3 * 126 ? 1 : 0);
  }
  const [number, check] = [bits >> 4, bits & 15];
  return ((number ^ (number >> 4) ^ (number >> 8)) & 15) === check ? number : -1;
}

function correlation(a, b) {
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  for (let i = 0; i < a.length; i += 1) {
    ab += (a[i] - ma) * (b[i] - mb);
    aa += (a[i] - ma) ** 2;
    bb += (b[i] - mb) ** 2;
  }
  return aa * bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
