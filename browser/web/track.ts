// How is a track guarded?
//
// The page keeps the two workers of a stream: it starts them, listens to their heartbeat, puts another judge in place
// of one that is gone, and ends the track when the line itself is gone. It never touches a frame.

import { load, type Assets } from './assets';
import type { FromJudge, FromLine, Incident, State, Stats, ToJudge, ToLine } from './messages';
import LineWorker from './line.worker?worker&inline';
import JudgeWorker from './judge.worker?worker&inline';

export interface GuardOptions {
  /** The name of a shipped policy, or the text of one. By default `messenger`. */
  policy?: string;
  /** Which way the track goes; only told, both are guarded alike. */
  direction?: 'outgoing' | 'incoming';
  /** The track's sound: held as long as the picture, and silent where that is covered. */
  audio?: MediaStreamTrack;
  /** Texts of the lists that the policy names, by name. `test-card` is built in. */
  lists?: Record<string, string>;
}

/** The line is dead when this many checks in a row saw no new beat. */
const CHECKS_WITHOUT_BEAT = 4;
const CHECK_MS = 500;
/** A guard that dies as often as this within a minute is not started again. */
const RESTARTS_MAX = 5;

export interface GuardEvents {
  /** Another state, or another reason for it. */
  state: CustomEvent<{ state: State; reason: string }>;
  /** A finding covered the picture, or its cover ended. */
  incident: CustomEvent<Incident>;
  /** The line was started again: `track` is another one now, to be given to `RTCRtpSender.replaceTrack`. */
  track: CustomEvent<{ track: MediaStreamTrack }>;
  /** New figures, four times a second. */
  stats: CustomEvent<Stats>;
  /** The source ended, or the guard did for good. */
  ended: CustomEvent<{ reason: string }>;
}

export interface Guarded {
  /** What may be shown, sent and encrypted in place of the source. */
  readonly track: MediaStreamTrack;
  /** Its sound, if there is any. */
  readonly audio: MediaStreamTrack | undefined;
  readonly state: State;
  /** Why, as a sentence without a full stop. */
  readonly reason: string;
  readonly direction: 'outgoing' | 'incoming';
  stats(): Stats | undefined;
  /** A person who may do so takes a latched cover away. */
  reset(): void;
  /** Ends the guarded track and its source. */
  stop(): void;
  addEventListener<K extends keyof GuardEvents>(type: K, listener: (event: GuardEvents[K]) => void): void;
  removeEventListener<K extends keyof GuardEvents>(type: K, listener: (event: GuardEvents[K]) => void): void;
}

/** `EventTarget` under the types of our events. */
const Events = EventTarget as { new (): Pick<Guarded, 'addEventListener' | 'removeEventListener'> & Pick<EventTarget, 'dispatchEvent'> };

/**
 * Guards a video track: of a camera, a screen, or another person.
 *
 * The track that comes back shows the cover until judging has begun.
 *
 * @throws when this browser gives no access to the frames of a track; then nothing must be shown.
 */
export function guardTrack(track: MediaStreamTrack, options: GuardOptions = {}): Guarded {
  if (track.kind !== 'video') throw new TypeError('guardTrack takes a video track; its sound goes into the options');
  if (typeof MediaStreamTrackProcessor === 'undefined' || typeof MediaStreamTrackGenerator === 'undefined') {
    throw new Error('this browser gives no access to the frames of a track, so they cannot be guarded here');
  }
  return new Keeper(track, options);
}

class Keeper extends Events implements Guarded {
  track: MediaStreamTrack;
  audio: MediaStreamTrack | undefined;
  state: State = 'stalled';
  reason = 'the guard is starting';
  readonly direction: 'outgoing' | 'incoming';
  private line: Worker | undefined;
  private judge: Worker | undefined;
  private latest: Stats | undefined;
  private hasBeaten = false;
  private nMissed = 0;
  private judgeRestarts = 0;
  private restarts: number[] = [];
  private isOver = false;
  private readonly check: ReturnType<typeof setInterval>;

  constructor(
    private readonly source: MediaStreamTrack,
    private readonly options: GuardOptions,
  ) {
    super();
    this.direction = options.direction ?? 'outgoing';
    const video = new MediaStreamTrackGenerator({ kind: 'video' });
    const sound = options.audio && new MediaStreamTrackGenerator<AudioData>({ kind: 'audio' });
    [this.track, this.audio] = [video, sound];
    this.check = setInterval(() => this.lookAfter(), CHECK_MS);
    void this.start(video, sound);
  }

  stats(): Stats | undefined {
    return this.latest;
  }

  reset(): void {
    this.toLine({ type: 'reset' });
  }

  stop(): void {
    this.toLine({ type: 'stop' });
    this.end('it was stopped');
  }

  private async start(
    video: MediaStreamTrackGenerator<VideoFrame>,
    sound: MediaStreamTrackGenerator<AudioData> | undefined,
  ): Promise<void> {
    let assets: Assets;
    try {
      assets = await load();
    } catch (error) {
      return this.end(`the guard could not be loaded: ${error instanceof Error ? error.message : String(error)}`);
    }
    if (this.isOver) return;
    const line = new LineWorker({ name: 'streamward line' });
    line.onmessage = ({ data }: MessageEvent<FromLine>) => this.fromLine(line, data);
    line.onerror = (event) => this.lose(line, event.message);
    [this.line, this.hasBeaten, this.nMissed] = [line, false, 0];
    const ends = { readable: new MediaStreamTrackProcessor({ track: this.source }).readable, writable: video.writable };
    const open: ToLine = { type: 'open', module: assets.module, policy: this.options.policy ?? 'messenger', video: ends };
    const moved: Transferable[] = [ends.readable, ends.writable];
    if (sound !== undefined && this.options.audio !== undefined) {
      const { readable } = new MediaStreamTrackProcessor<AudioData>({ track: this.options.audio });
      open.sound = { readable, writable: sound.writable };
      moved.push(readable, sound.writable);
    }
    line.postMessage(open, moved);
    this.seat(assets);
  }

  /** Puts a judge beside the line, in place of the one before. */
  private seat(assets: Assets): void {
    this.judge?.terminate();
    const judge = new JudgeWorker({ name: 'streamward judge' });
    this.judge = judge;
    const { port1, port2 } = new MessageChannel();
    judge.onmessage = ({ data }: MessageEvent<FromJudge>) => {
      if (data.type === 'refused') this.end(data.reason);
    };
    judge.onerror = (event) => {
      event.preventDefault();
      this.replaceJudge(judge, `the judge failed: ${event.message}`);
    };
    this.toLine({ type: 'judge', port: port1 }, [port1]);
    const { lists = {}, policy = 'messenger' } = this.options;
    const open: ToJudge = { type: 'open', module: assets.module, policy, lists, model: assets.model, port: port2 };
    judge.postMessage(open, [port2]);
  }

  private replaceJudge(judge: Worker | undefined, reason: string): void {
    if (this.isOver || judge !== this.judge) return;
    this.judgeRestarts += 1;
    if (this.state !== 'clear') this.tell(this.state, reason);
    void load().then((assets) => this.isOver || this.seat(assets));
  }

  private fromLine(line: Worker, message: FromLine): void {
    if (line !== this.line) return;
    switch (message.type) {
      case 'beat':
        this.hasBeaten = true;
        this.measure(message.stats);
        return;
      case 'told':
        if (message.event === 'state') return this.tell(message.state, message.reason);
        return void this.dispatchEvent(new CustomEvent('incident', { detail: message }));
      case 'judge-silent':
        return this.replaceJudge(this.judge, 'the judge is silent, and another one takes its place');
      case 'ended':
        this.measure(message.stats);
        return this.end('the source ended');
      case 'closed':
        return this.end('the guarded track was stopped');
      case 'refused':
        return this.end(message.reason);
      case 'failed':
        return this.lose(line, message.reason);
    }
  }

  private measure(stats: Stats): void {
    this.latest = { ...stats, judge_restarts: this.judgeRestarts, line_restarts: this.restarts.length };
    this.dispatchEvent(new CustomEvent('stats', { detail: this.latest }));
  }

  /** The line must give a sign of life; how late this check itself comes does not matter. */
  private lookAfter(): void {
    if (this.line === undefined) return;
    this.nMissed = this.hasBeaten ? 0 : this.nMissed + 1;
    this.hasBeaten = false;
    if (this.nMissed >= CHECKS_WITHOUT_BEAT) this.lose(this.line, 'the guard gives no sign of life');
  }

  /** The line is gone, and with it the track that it wrote. Another line gets another track. */
  private lose(line: Worker, reason: string): void {
    if (this.isOver || line !== this.line) return;
    line.terminate();
    this.judge?.terminate();
    [this.line, this.judge] = [undefined, undefined];
    this.track.stop();
    this.audio?.stop();
    this.tell('stalled', reason);
    const minuteAgo = performance.now() - 60_000;
    this.restarts = [...this.restarts.filter((at) => at > minuteAgo), performance.now()];
    if (this.source.readyState === 'ended') return this.end('the source ended');
    if (this.restarts.length > RESTARTS_MAX) return this.end(`${reason}, again and again`);
    const video = new MediaStreamTrackGenerator({ kind: 'video' });
    const sound = this.options.audio && new MediaStreamTrackGenerator<AudioData>({ kind: 'audio' });
    [this.track, this.audio] = [video, sound];
    void this.start(video, sound);
    this.dispatchEvent(new CustomEvent('track', { detail: { track: video } }));
  }

  private tell(state: State, reason: string): void {
    [this.state, this.reason] = [state, reason];
    this.dispatchEvent(new CustomEvent('state', { detail: { state, reason } }));
  }

  private end(reason: string): void {
    if (this.isOver) return;
    this.isOver = true;
    clearInterval(this.check);
    this.source.stop();
    this.options.audio?.stop();
    this.track.stop();
    this.audio?.stop();
    this.line?.terminate();
    this.judge?.terminate();
    this.tell('stalled', reason);
    this.dispatchEvent(new CustomEvent('ended', { detail: { reason } }));
  }

  private toLine(message: ToLine, moved: Transferable[] = []): void {
    this.line?.postMessage(message, moved);
  }
}
