// In each page's own world, before any script of it: what the page gets from a camera, a screen, or shows in a video
// element or a canvas has been through the guard. No frame is judged here; bytes go to the extension's frame and back.

import { copy, make } from '../web/frames';
import { type Begin, heard, HELLO, type Passed, played } from './wire';

/** Frames on their way to the extension's frame; more are dropped, which shows nothing. */
const ON_THE_WAY_MAX = 12;

const { port1: streams, port2 } = new MessageChannel();
window.postMessage(HELLO, '*', [port2]);
const ours = new WeakSet<MediaStreamTrack>();

function guard(source: MediaStreamTrack, audio: MediaStreamTrack | undefined): MediaStreamTrack[] {
  const [picture, sound] = [new MediaStreamTrackGenerator({ kind: 'video' }), audio && new MediaStreamTrackGenerator<AudioData>({ kind: 'audio' })];
  const [pictures, sounds] = [picture.writable.getWriter(), sound?.writable.getWriter()];
  const { port1: port, port2 } = new MessageChannel();
  streams.postMessage({ type: 'stream', hasSound: audio !== undefined } satisfies Begin, [port2]);
  let onTheWay = 0;
  const end = (): void => {
    for (const track of [source, audio, picture, sound]) track?.stop();
    port.postMessage({ type: 'end' } satisfies Passed);
  };
  port.onmessage = ({ data }: MessageEvent<Passed>) => {
    switch (data.type) {
      case 'got':
        onTheWay -= 1;
        break;
      case 'picture':
        pictures.write(make(data.shape, data.pixels, data.timestamp)).catch(end);
        break;
      case 'sound':
        sounds?.write(played(data)).catch(() => undefined);
        break;
      case 'state':
        dispatchEvent(new CustomEvent('streamward', { detail: { state: data.state, reason: data.reason } }));
        break;
      case 'end':
        end();
    }
  };
  void pass(source, async (frame: VideoFrame) => {
    if (onTheWay >= ON_THE_WAY_MAX) return frame.close();
    onTheWay += 1;
    const { timestamp } = frame;
    const copied = await copy(frame, new Uint8Array(0)).finally(() => frame.close());
    port.postMessage({ type: 'picture', ...copied, timestamp } satisfies Passed, [copied.pixels.buffer]);
  }).finally(end);
  if (audio !== undefined) {
    void pass(audio, async (data: AudioData) => {
      const message = await heard(data);
      port.postMessage(message satisfies Passed, [message.samples.buffer]);
    });
  }
  // Whoever ends the guarded track ends the camera.
  pictures.closed.catch(() => undefined).then(end);
  const guarded = sound ? [picture, sound] : [picture];
  for (const track of guarded) ours.add(track);
  return guarded;
}

async function pass<T extends VideoFrame | AudioData>(track: MediaStreamTrack, each: (data: T) => Promise<void> | void): Promise<void> {
  const reader = new MediaStreamTrackProcessor<T>({ track }).readable.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    await each(value);
  }
}

/** A stream as the page gets it: its pictures guarded, its sound with the first of them. */
function guardStream(stream: MediaStream): MediaStream {
  const [first, ...others] = stream.getVideoTracks();
  if (first === undefined) return stream;
  const [sound, ...sounds] = stream.getAudioTracks();
  return new MediaStream([...guard(first, sound), ...others.flatMap((track) => guard(track, undefined)), ...sounds]);
}

for (const name of ['getUserMedia', 'getDisplayMedia'] as const) {
  const original = MediaDevices.prototype[name];
  if (original === undefined) continue;
  MediaDevices.prototype[name] = async function (this: MediaDevices, ...options: []) {
    return guardStream(await original.apply(this, options));
  };
}

type Shown = HTMLVideoElement | HTMLCanvasElement;
const kept = new WeakMap<Shown, { source: unknown; shown: HTMLVideoElement; stop: () => void }>();

/** Shows in an element laid over `element` what the guard lets out of it. The element itself stays hidden. */
function cover(element: Shown): void {
  if (element.dataset['streamward'] === 'shown') return;
  const source = element instanceof HTMLVideoElement ? (element.srcObject ?? element.currentSrc) : element;
  if (!source || kept.get(element)?.source === source) return;
  kept.get(element)?.stop();
  let tracks: MediaStreamTrack[];
  try {
    tracks = tracksOf(element);
  } catch {
    return; // Its pixels may not be read: it stays covered.
  }
  const shown = document.createElement('video');
  shown.dataset['streamward'] = 'shown';
  Object.assign(shown, { autoplay: true, muted: true, playsInline: true, srcObject: new MediaStream(tracks) });
  shown.style.cssText = 'position:absolute;object-fit:fill;background:#121a26;pointer-events:none';
  const lay = (): void => {
    const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = element;
    Object.assign(shown.style, { left: `${offsetLeft}px`, top: `${offsetTop}px`, width: `${offsetWidth}px`, height: `${offsetHeight}px` });
  };
  const resizes = new ResizeObserver(lay);
  resizes.observe(element);
  lay();
  element.after(shown);
  kept.set(element, {
    source, shown,
    stop: () => {
      resizes.disconnect();
      shown.remove();
      tracks.forEach((track) => track.stop());
    },
  });
}

function tracksOf(element: Shown): MediaStreamTrack[] {
  if (element instanceof HTMLCanvasElement) {
    const [track] = element.captureStream(30).getVideoTracks();
    return track ? guard(track, undefined) : [];
  }
  const { srcObject } = element;
  if (srcObject instanceof MediaStream) {
    const tracks = srcObject.getVideoTracks();
    // What is guarded already is not guarded twice.
    return tracks.flatMap((track) => (ours.has(track) ? [track.clone()] : guard(track.clone(), undefined)));
  }
  const stream = (element as HTMLVideoElement & { captureStream(): MediaStream }).captureStream();
  const [track] = stream.getVideoTracks();
  if (track === undefined) throw new Error('nothing is played yet');
  return guard(track, undefined);
}

const onPlay = ({ target }: Event): void => void (target instanceof HTMLVideoElement && cover(target));
for (const type of ['loadeddata', 'playing']) addEventListener(type, onPlay, true);
new MutationObserver((records) => {
  for (const { addedNodes } of records) {
    for (const node of addedNodes) {
      if (!(node instanceof Element)) continue;
      if (node instanceof HTMLCanvasElement) cover(node);
      node.querySelectorAll('canvas').forEach(cover);
    }
  }
}).observe(document, { subtree: true, childList: true });
