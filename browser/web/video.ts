// May what this video element plays be shown?
//
// The element is hidden; what it plays is taken from it as a track, guarded, and shown in an element laid over it. Its
// sound goes the same way, so that it is held as long and silent under the cover. What a page may not read, because it
// comes from elsewhere or is encrypted by its provider, stays covered.

import { guardTrack, type Guarded, type GuardOptions } from './track';
import type { State } from './messages';

export interface GuardedVideo {
  readonly state: State;
  readonly reason: string;
  /** What is shown in place of the element. */
  readonly shown: HTMLVideoElement;
  readonly guarded: Guarded | undefined;
  stop(): void;
}

type Capturing = HTMLVideoElement & { captureStream?: () => MediaStream };

/** Guards what a video element plays: a call, a file, or a stream put together by a script. */
export function guardVideo(video: HTMLVideoElement, options: Omit<GuardOptions, 'audio'> = {}): GuardedVideo {
  return new VideoKeeper(video, options);
}

class VideoKeeper implements GuardedVideo {
  readonly shown = document.createElement('video');
  guarded: Guarded | undefined;
  private problem: string | undefined = 'nothing is played yet';
  private source: MediaProvider | string | null = null;
  private context: AudioContext | undefined;
  private readonly resizes = new ResizeObserver(() => this.lay());
  private readonly onPlay = (): void => this.begin();

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly options: Omit<GuardOptions, 'audio'>,
  ) {
    video.style.setProperty('visibility', 'hidden', 'important');
    const { shown } = this;
    Object.assign(shown, { autoplay: true, playsInline: true, controls: video.controls });
    shown.style.cssText = 'position:absolute;object-fit:contain;background:#121a26';
    shown.dataset['streamward'] = 'shown';
    video.after(shown);
    this.resizes.observe(video);
    for (const type of ['loadeddata', 'playing', 'emptied']) video.addEventListener(type, this.onPlay);
    this.lay();
    if (video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.begin();
  }

  get state(): State {
    return this.guarded?.state ?? 'stalled';
  }

  get reason(): string {
    return this.guarded?.reason ?? this.problem ?? '';
  }

  stop(): void {
    this.resizes.disconnect();
    for (const type of ['loadeddata', 'playing', 'emptied']) this.video.removeEventListener(type, this.onPlay);
    this.guarded?.stop();
    void this.context?.close();
    this.shown.remove();
  }

  /** What plays now is not what played before: guard it anew. */
  private begin(): void {
    const source = this.video.srcObject ?? this.video.currentSrc;
    if (source === this.source && this.guarded !== undefined) return;
    this.source = source;
    this.guarded?.stop();
    this.guarded = undefined;
    this.shown.srcObject = null;
    try {
      const { track, audio } = this.tracks();
      const options: GuardOptions = { direction: 'incoming', ...this.options };
      if (audio !== undefined) options.audio = audio;
      this.guarded = guardTrack(track, options);
      this.guarded.addEventListener('track', () => this.show());
      this.show();
    } catch (error) {
      this.problem = `it cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    }
  }

  private show(): void {
    const { track, audio } = this.guarded!;
    this.shown.srcObject = new MediaStream(audio === undefined ? [track] : [track, audio]);
    this.shown.muted = this.video.muted;
    void this.shown.play().catch(() => undefined);
  }

  private tracks(): { track: MediaStreamTrack; audio: MediaStreamTrack | undefined } {
    const { srcObject } = this.video;
    const isStream = srcObject instanceof MediaStream;
    // Clones: the page keeps its own.
    const stream = isStream ? srcObject.clone() : (this.video as Capturing).captureStream?.();
    const [track] = stream?.getVideoTracks() ?? [];
    if (track === undefined) throw new Error('it has no track of pictures yet');
    if (isStream) {
      const [audio] = stream!.getAudioTracks();
      this.video.muted = true;
      return { track, audio };
    }
    return { track, audio: this.sound() };
  }

  /** The element's sound, which from then on is heard in no other way. */
  private sound(): MediaStreamTrack | undefined {
    if (this.context !== undefined) return undefined;
    this.context = new AudioContext();
    const destination = this.context.createMediaStreamDestination();
    this.context.createMediaElementSource(this.video).connect(destination);
    return destination.stream.getAudioTracks()[0];
  }

  private lay(): void {
    const { offsetLeft, offsetTop, offsetWidth, offsetHeight } = this.video;
    Object.assign(this.shown.style, {
      left: `${offsetLeft}px`, top: `${offsetTop}px`, width: `${offsetWidth}px`, height: `${offsetHeight}px`,
    });
  }
}
