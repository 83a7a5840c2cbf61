// Which place of the stream comes out now?
//
// This worker owns both ends of the stream and the clock. Frames are copied into the module and wait there; each
// place comes out at a constant delay, whatever the judge does. It looks at no picture itself, so nothing here is slow.
// Anything that throws ends the stream: nothing comes out that was not decided.

import { Instance } from './instance';
import { copy, make } from './frames';
import type { Counts, Ends, FromLine, Stats, ToLine, Word, Work } from './messages';

/** The judge has failed when it is silent for this long about one frame. */
const JUDGE_SILENT_MS = 3000;
const BEAT_MS = 250;
const N_BINS = 60;

const began = performance.now();
const now = (): number => performance.now() - began;
const tell = (message: FromLine): void => self.postMessage(message);

self.addEventListener('error', (event) => fail(event.message));
self.addEventListener('unhandledrejection', (event) => fail(String(event.reason)));

let line: Line | undefined;

self.addEventListener('message', ({ data }: MessageEvent<ToLine>) => {
  switch (data.type) {
    case 'open':
      try {
        line = new Line(data.module, data.policy, data.video, data.sound);
      } catch (error) {
        return tell({ type: 'refused', reason: error instanceof Error ? error.message : String(error) });
      }
      return line.run();
    case 'judge':
      return line?.seat(data.port);
    case 'reset':
      return line?.reset();
    case 'stop':
      return line?.stop();
  }
});

/** Ends the stream: what cannot go on must not let anything out. */
function fail(reason: string): void {
  line?.abort(reason);
  tell({ type: 'failed', reason });
  self.close();
}

class Line {
  private readonly module: Instance;
  private readonly reader: ReadableStreamDefaultReader<VideoFrame>;
  private readonly writer: WritableStreamDefaultWriter<VideoFrame>;
  private readonly facts: { delay_ms: number; policy: string; version: number };
  private scratch = new Uint8Array(0);
  private judge: MessagePort | undefined;
  /** Whether it has said that it is ready. */
  private isSeated = false;
  /** The frame that the judge looks at, and since when. */
  private busy: { id: number; since: number } | undefined;
  private timer: ReturnType<typeof setTimeout> | undefined;
  private readonly arrivals = new Map<number, number>();
  private readonly histogram = new Array<number>(N_BINS).fill(0);
  private judgeMs: number[] = [];
  private emitted = 0;
  private silenced = 0;
  private isOver = false;

  constructor(
    module: WebAssembly.Module,
    policy: string,
    video: Ends<VideoFrame>,
    private readonly sound: Ends<AudioData> | undefined,
  ) {
    this.module = new Instance(module);
    this.module.setText(JSON.stringify({ policy, has_sound: sound !== undefined }));
    this.facts = JSON.parse(this.module.answer(this.module.calls.line_open()));
    this.reader = video.readable.getReader();
    this.writer = video.writable.getWriter();
  }

  run(): void {
    // Whoever shows the track may have ended it.
    void this.writer.closed.catch(() => undefined).then(() => this.isOver || this.close());
    setInterval(() => {
      tell({ type: 'beat', stats: this.stats() });
      if (this.busy !== undefined && now() - this.busy.since > JUDGE_SILENT_MS) this.dismiss();
    }, BEAT_MS);
    void this.pump();
    if (this.sound !== undefined) void this.pumpSound(this.sound);
  }

  /** From now on this judge is asked. */
  seat(port: MessagePort): void {
    this.dismiss(false);
    this.judge = port;
    port.onmessage = ({ data }: MessageEvent<Word>) => this.hear(data);
  }

  reset(): void {
    this.module.calls.line_reset(now());
    this.advance();
  }

  stop(): void {
    void this.reader.cancel();
  }

  abort(reason: string): void {
    this.isOver = true;
    void this.writer.abort(reason).catch(() => undefined);
    void this.reader.cancel().catch(() => undefined);
  }

  private async pump(): Promise<void> {
    for (;;) {
      const { value: frame, done } = await this.reader.read();
      if (done) break;
      await this.take(frame);
      this.advance();
    }
    this.module.calls.line_end(now());
    while (!this.isOver && this.module.calls.line_timeout() >= 0) {
      this.advance();
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    this.isOver = true;
    await this.writer.close().catch(() => undefined);
    tell({ type: 'ended', stats: this.stats() });
  }

  private async take(frame: VideoFrame): Promise<void> {
    const at = now();
    try {
      const { shape, pixels } = await copy(frame, this.scratch);
      if (pixels.length > this.scratch.length) this.scratch = pixels;
      this.module.setPixels(pixels);
      this.module.answer(this.module.calls.line_frame(...shape, frame.timestamp, at));
      this.arrivals.set(frame.timestamp, at);
    } finally {
      // A camera stops when a page keeps six of its frames.
      frame.close();
    }
  }

  private hear({ said, ms }: Word): void {
    const asked = this.busy;
    this.busy = undefined;
    if (said !== undefined) {
      if (ms !== undefined) this.judgeMs = [...this.judgeMs.slice(-299), ms];
      this.module.setText(said);
      if (this.module.calls.line_hear(now()) === 0 && asked !== undefined) {
        this.module.calls.line_fail(asked.id, now());
      }
    }
    this.isSeated = true;
    this.advance();
  }

  /** The judge is silent, or another one comes: what it was asked counts as not judged. */
  private dismiss(isSilent = true): void {
    if (this.judge !== undefined) {
      this.judge.onmessage = null;
      this.judge.close();
    }
    this.judge = undefined;
    this.isSeated = false;
    if (this.busy !== undefined) this.module.calls.line_fail(this.busy.id, now());
    this.busy = undefined;
    if (isSilent) tell({ type: 'judge-silent' });
  }

  /** Gives the judge work, lets out what is due, and sleeps until something is. */
  private advance(): void {
    this.giveWork();
    this.emit();
    while (this.module.calls.line_told() === 1) tell({ type: 'told', ...JSON.parse(this.module.text()) });
    clearTimeout(this.timer);
    const due = this.module.calls.line_timeout();
    if (due >= 0) this.timer = setTimeout(() => this.advance(), Math.max(0, due - now()));
  }

  private giveWork(): void {
    if (this.judge === undefined || !this.isSeated || this.busy !== undefined) return;
    if (this.module.calls.line_look() === 0) return;
    const job = this.module.text();
    const pixels = this.module.pixels().slice();
    const work: Work = { job, shape: this.module.shape(), pixels };
    this.busy = { id: JSON.parse(job).id, since: now() };
    this.judge.postMessage(work, [pixels.buffer]);
  }

  private emit(): void {
    while (!this.isOver && this.module.calls.line_take(now()) > 0) {
      const timestamp = this.module.calls.pixel_timestamp();
      const frame = make(this.module.shape(), this.module.pixels(), timestamp);
      const arrived = this.arrivals.get(timestamp);
      this.arrivals.delete(timestamp);
      if (arrived !== undefined) this.histogram[Math.min(N_BINS - 1, Math.floor((now() - arrived) / 10))]! += 1;
      this.emitted += 1;
      // A sink that takes no more frames has ended; `closed` says so.
      this.writer.write(frame).catch(() => frame.close());
    }
  }

  /** Sound waits as long as the picture, and is silent where that is covered. */
  private async pumpSound({ readable, writable }: Ends<AudioData>): Promise<void> {
    const [reader, writer] = [readable.getReader(), writable.getWriter()];
    const held: { at: number; data: AudioData }[] = [];
    const play = (): void => {
      while (held[0] !== undefined && held[0].at + this.facts.delay_ms <= now()) {
        const { at, data } = held.shift()!;
        const isSilent = this.module.calls.line_silent(at) === 1;
        this.silenced += isSilent ? 1 : 0;
        writer.write(isSilent ? silence(data) : data).catch(() => undefined);
        if (isSilent) data.close();
      }
      if (held[0] !== undefined) setTimeout(play, Math.max(1, held[0].at + this.facts.delay_ms - now()));
    };
    for (;;) {
      const { value: data, done } = await reader.read();
      if (done) break;
      held.push({ at: now(), data });
      if (held.length === 1) play();
    }
    await new Promise((resolve) => setTimeout(resolve, this.facts.delay_ms));
    await writer.close().catch(() => undefined);
  }

  private close(): void {
    this.isOver = true;
    void this.reader.cancel().catch(() => undefined);
    tell({ type: 'closed' });
  }

  private stats(): Stats {
    const counts: Counts = JSON.parse(this.module.answer(this.module.calls.line_counts()));
    const sorted = [...this.judgeMs].sort((a, b) => a - b);
    const share = (part: number): number => sorted[Math.floor(sorted.length * part)] ?? 0;
    return {
      ...counts,
      emitted: this.emitted,
      delay_ms: this.facts.delay_ms,
      latency_histogram: [...this.histogram],
      judge_ms_p50: share(0.5),
      judge_ms_p99: share(0.99),
      policy: this.facts.policy,
      policy_version: this.facts.version,
      judge_restarts: 0,
      line_restarts: 0,
      silenced: this.silenced,
    };
  }
}

/** As long as `data`, and without a sound. */
function silence(data: AudioData): AudioData {
  const { numberOfFrames, numberOfChannels, sampleRate, timestamp } = data;
  const samples = new Float32Array(numberOfFrames * numberOfChannels);
  return new AudioData({ format: 'f32-planar', sampleRate, numberOfFrames, numberOfChannels, timestamp, data: samples });
}
