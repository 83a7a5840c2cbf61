// May this still be shown?
//
// A picture is hidden first and shown when every frame of its file was judged. A page cannot read the pixels of a
// picture from elsewhere, so its bytes are read again, from the browser's own cache where they are there; those reads
// are counted. What cannot be read stays covered.

import { load } from './assets';
import { copy } from './frames';
import type { FromJudge, State, ToJudge } from './messages';
import JudgeWorker from './judge.worker?worker&inline';

export interface StillOptions {
  /** The name of a shipped policy, or the text of one. By default `messenger`. */
  policy?: string;
  /** Texts of the lists that the policy names, by name. */
  lists?: Record<string, string>;
  /** How the bytes of a picture are read again. By default as the page may, the cache first. */
  read?: (url: string) => Promise<Blob>;
}

export interface Verdict {
  state: State;
  reason: string;
}

export interface GuardedImage {
  readonly state: State;
  readonly reason: string;
  /** Settles when the picture that is there now has been judged. */
  readonly judged: Promise<Verdict>;
  /** Lets the picture be as it is and looks no more; a covered one stays hidden. */
  stop(): void;
}

/** A file with more frames is covered: judging it would take longer than anyone waits. */
const FRAMES_MAX = 300;
/** A picture that is judged no sooner than this counts as not judged. */
const PATIENCE_MS = 20_000;

let rereads = 0;

/** How often bytes of pictures were read again. */
export function rereadPictures(): number {
  return rereads;
}

/** The judge of one policy's stills, on a worker of its own. */
export class StillJudge {
  private worker: Promise<Worker> | undefined;
  private readonly waiting = new Map<number, (verdict: Verdict) => void>();
  private next = 0;

  constructor(private readonly options: StillOptions) {}

  /** Every frame of a file. */
  async file(blob: Blob): Promise<Verdict> {
    if (typeof ImageDecoder === 'undefined' || !(await ImageDecoder.isTypeSupported(blob.type))) {
      const bitmap = await createImageBitmap(blob);
      return this.frame(new VideoFrame(bitmap, { timestamp: 0 })).finally(() => bitmap.close());
    }
    const decoder = new ImageDecoder({ data: await blob.arrayBuffer(), type: blob.type });
    try {
      await decoder.completed;
      await decoder.tracks.ready;
      const n = decoder.tracks.selectedTrack?.frameCount ?? 0;
      if (n === 0 || n > FRAMES_MAX) return stalled(`its file has ${n} frames`);
      let verdict = stalled('nobody looked at it');
      for (let frameIndex = 0; frameIndex < n; frameIndex += 1) {
        const { image } = await decoder.decode({ frameIndex });
        verdict = await this.frame(image);
        if (verdict.state !== 'clear') break;
      }
      return verdict;
    } finally {
      decoder.close();
    }
  }

  /** One frame, which is closed. */
  async frame(frame: VideoFrame): Promise<Verdict> {
    try {
      const { shape, pixels } = await copy(frame, new Uint8Array(0));
      const worker = await (this.worker ??= this.hire());
      const id = this.next++;
      return await new Promise<Verdict>((resolve) => {
        const late = setTimeout(() => this.settle(id, stalled('it was not judged in time')), PATIENCE_MS);
        this.waiting.set(id, (verdict) => {
          clearTimeout(late);
          resolve(verdict);
        });
        worker.postMessage({ type: 'still', id, shape, pixels } satisfies ToJudge, [pixels.buffer]);
      });
    } finally {
      frame.close();
    }
  }

  private async hire(): Promise<Worker> {
    const { module, model } = await load();
    const worker = new JudgeWorker({ name: 'streamward stills' });
    const { policy = 'messenger', lists = {} } = this.options;
    const { port1, port2 } = new MessageChannel();
    port1.close();
    await new Promise<void>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<FromJudge>) => {
        if (data.type === 'ready') resolve();
        if (data.type === 'refused') reject(new Error(data.reason));
        if (data.type === 'still') this.settle(data.id, { state: data.state, reason: data.reason });
      };
      worker.onerror = (event) => {
        event.preventDefault();
        this.dismiss(worker);
        reject(new Error(event.message));
      };
      worker.postMessage({ type: 'open', module, policy, lists, model, port: port2 } satisfies ToJudge, [port2]);
    });
    return worker;
  }

  /** A judge that failed: what it was asked stays covered, and the next picture gets another judge. */
  private dismiss(worker: Worker): void {
    worker.terminate();
    this.worker = undefined;
    for (const id of [...this.waiting.keys()]) this.settle(id, stalled('the judge failed'));
  }

  private settle(id: number, verdict: Verdict): void {
    this.waiting.get(id)?.(verdict);
    this.waiting.delete(id);
  }
}

const judges = new Map<string, StillJudge>();

/** Hides a picture, and shows it when it was judged; the same again whenever it changes. */
export function guardImage(image: HTMLImageElement, options: StillOptions = {}): GuardedImage {
  return new ImageKeeper(image, options);
}

class ImageKeeper implements GuardedImage {
  state: State = 'stalled';
  reason = 'it is being judged';
  judged: Promise<Verdict>;
  private readonly judge: StillJudge;
  private readonly observer: MutationObserver;
  private readonly onLoad = (): void => void (this.judged = this.look());
  private readonly before: { visibility: string; priority: string };
  private n = 0;

  constructor(
    private readonly image: HTMLImageElement,
    private readonly options: StillOptions,
  ) {
    const key = JSON.stringify([options.policy, options.lists]);
    this.judge = judges.get(key) ?? new StillJudge(options);
    judges.set(key, this.judge);
    const { style } = image;
    this.before = { visibility: style.getPropertyValue('visibility'), priority: style.getPropertyPriority('visibility') };
    this.hide();
    // Another source: hidden at once, before it is painted; judged when it is there.
    this.observer = new MutationObserver(() => this.hide());
    this.observer.observe(image, { attributeFilter: ['src', 'srcset', 'sizes'] });
    image.addEventListener('load', this.onLoad);
    this.judged = image.complete && image.naturalWidth > 0 ? this.look() : new Promise(() => undefined);
  }

  stop(): void {
    this.observer.disconnect();
    this.image.removeEventListener('load', this.onLoad);
  }

  private hide(): void {
    this.n += 1;
    [this.state, this.reason] = ['stalled', 'it is being judged'];
    this.image.style.setProperty('visibility', 'hidden', 'important');
  }

  private async look(): Promise<Verdict> {
    const [n, url] = [this.n, this.image.currentSrc || this.image.src];
    const verdict = await this.read(url).catch((error: unknown) => stalled(`it cannot be read: ${String(error)}`));
    // It may be another picture by now.
    if (n !== this.n || url !== (this.image.currentSrc || this.image.src)) return this.judged;
    [this.state, this.reason] = [verdict.state, verdict.reason];
    if (verdict.state === 'clear') {
      const { visibility, priority } = this.before;
      if (visibility === '') this.image.style.removeProperty('visibility');
      else this.image.style.setProperty('visibility', visibility, priority);
    } else {
      this.image.title = verdict.state === 'covered' ? 'Covered: something was found in this picture' : 'Covered: this picture could not be judged';
    }
    this.image.dispatchEvent(new CustomEvent('streamward', { detail: verdict, bubbles: true }));
    return verdict;
  }

  private async read(url: string): Promise<Verdict> {
    const read = this.options.read ?? reread;
    if (/^(blob|data):/.test(url)) return this.judge.file(await (await fetch(url)).blob());
    rereads += 1;
    return this.judge.file(await read(url));
  }
}

async function reread(url: string): Promise<Blob> {
  const response = await fetch(url, { mode: 'cors', credentials: 'omit', cache: 'force-cache' });
  if (!response.ok) throw new Error(`the server says ${response.status}`);
  return response.blob();
}

function stalled(reason: string): Verdict {
  return { state: 'stalled', reason };
}
