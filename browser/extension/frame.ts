// The extension's own frame in each page: here, out of the page's reach, everything is judged.

import { guardTrack, load } from '../web/index';
import { copy, make } from '../web/frames';
import { StillJudge } from '../web/still';
import { type Answer, type Ask, type Begin, heard, type Passed, played } from './wire';

/** The policy is a file of the extension, so that whoever deploys it can say what is covered. */
const policy = fetch('policy.toml').then((response) => response.text());
const loaded = load('assets/');
const stills = policy.then((policy) => new StillJudge({ policy }));
/** Verdicts by address, so that a picture shown in ten places is read and judged once. */
const verdicts = new Map<string, Promise<Omit<Answer, 'id'>>>();
const VERDICTS_MAX = 2000;

addEventListener('message', ({ data, ports: [port], source }) => {
  if (source !== parent || port === undefined) return;
  if (data === 'bridge') port.onmessage = (event) => void still(event.data, port);
  if (data === 'page') port.onmessage = (event) => void stream(event.data, event.ports[0]!);
});

async function still(ask: Ask, port: MessagePort): Promise<void> {
  const judged = ask.bytes ? judge(ask) : (verdicts.get(ask.url) ?? judge(ask));
  if (!ask.bytes) {
    if (verdicts.size > VERDICTS_MAX) verdicts.clear();
    verdicts.set(ask.url, judged);
  }
  port.postMessage({ id: ask.id, ...(await judged) } satisfies Answer);
}

/** Reads a picture again, the browser's cache first, and judges every frame of it. */
async function judge({ url, bytes }: Ask): Promise<Omit<Answer, 'id'>> {
  try {
    const judge = await stills;
    if (bytes) return await judge.file(bytes);
    const response = await fetch(url, { cache: 'force-cache', credentials: 'include' });
    if (!response.ok) throw new Error(`the server says ${response.status}`);
    return await judge.file(await response.blob());
  } catch (error) {
    return { state: 'stalled', reason: `it cannot be read: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** A stream of the page: its frames come in as bytes, and what the guard lets out goes back as bytes. */
async function stream({ hasSound }: Begin, port: MessagePort): Promise<void> {
  await loaded;
  const picture = new MediaStreamTrackGenerator({ kind: 'video' });
  const sound = hasSound ? new MediaStreamTrackGenerator<AudioData>({ kind: 'audio' }) : undefined;
  const [pictures, sounds] = [picture.writable.getWriter(), sound?.writable.getWriter()];
  const guarded = guardTrack(picture, { policy: await policy, ...(sound && { audio: sound }) });
  guarded.addEventListener('state', ({ detail }) => port.postMessage({ type: 'state', ...detail } satisfies Passed));
  guarded.addEventListener('ended', () => port.postMessage({ type: 'end' } satisfies Passed));
  guarded.addEventListener('track', () => passOn());
  port.onmessage = ({ data }: MessageEvent<Passed>) => {
    if (data.type === 'picture') {
      pictures.write(make(data.shape, data.pixels, data.timestamp)).catch(() => undefined);
      port.postMessage({ type: 'got' } satisfies Passed);
    }
    if (data.type === 'sound') sounds?.write(played(data)).catch(() => undefined);
    if (data.type === 'end') guarded.stop();
  };
  const passOn = (): void => {
    void pass(guarded.track, async (frame: VideoFrame) => {
      const { timestamp } = frame;
      const copied = await copy(frame, new Uint8Array(0));
      frame.close();
      port.postMessage({ type: 'picture', ...copied, timestamp } satisfies Passed, [copied.pixels.buffer]);
    });
    if (guarded.audio) {
      void pass(guarded.audio, async (data: AudioData) => {
        const message = await heard(data);
        port.postMessage(message satisfies Passed, [message.samples.buffer]);
      });
    }
  };
  passOn();
}

async function pass<T extends VideoFrame | AudioData>(track: MediaStreamTrack, each: (data: T) => Promise<void>): Promise<void> {
  const reader = new MediaStreamTrackProcessor<T>({ track, maxBufferSize: 10 }).readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    await each(value);
  }
}
