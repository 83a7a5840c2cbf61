// What do the page and the two workers of a stream say to each other?

import type { Shape } from './instance';

export type State = 'clear' | 'covered' | 'stalled';

/** What became of the frames so far. */
export interface Counts {
  /** Came in. */
  frames: number;
  /** Were looked at by every judge in time. */
  judged: number;
  /** Had the picture of a judged frame, whose verdict served. */
  reused: number;
  /** Were shown. */
  released: number;
  /** Had the last released frame shown in their place. */
  repeated: number;
  /** Had the cover shown in their place. */
  covered: number;
  /** Of those covered, without a finding: judging was late or failed. */
  stalled: number;
  /** Were shown without having been judged; always 0 unless a policy says otherwise in so many words. */
  released_unjudged: number;
}

/** The counts with what was measured on the way. */
export interface Stats extends Counts {
  /** Frames that came out, whatever stood in them. */
  emitted: number;
  /** How long every frame is held, milliseconds. */
  delay_ms: number;
  /** How long it took from a frame's arrival until its place came out: frames in each bin of 10 ms, the last open. */
  latency_histogram: number[];
  /** The judge's own time for the last looks, milliseconds: median and 99 in 100. */
  judge_ms_p50: number;
  judge_ms_p99: number;
  /** Name and version of the policy in force. */
  policy: string;
  policy_version: number;
  /** How often the judge was replaced. */
  judge_restarts: number;
  /** How often the whole line was. */
  line_restarts: number;
  /** Stretches of sound that were silenced. */
  silenced: number;
}

/** A finding that covered the picture, or the end of its cover. */
export interface Incident {
  number: number;
  from_ms: number;
  to_ms: number | null;
  seen: string;
}

export interface Ends<T> {
  readable: ReadableStream<T>;
  writable: WritableStream<T>;
}

export type ToLine =
  | { type: 'open'; module: WebAssembly.Module; policy: string; video: Ends<VideoFrame>; sound?: Ends<AudioData> }
  | { type: 'judge'; port: MessagePort }
  | { type: 'reset' }
  | { type: 'stop' };

export type FromLine =
  | { type: 'beat'; stats: Stats }
  | { type: 'told'; event: 'state'; state: State; reason: string }
  | ({ type: 'told'; event: 'incident' } & Incident)
  | { type: 'judge-silent' }
  | { type: 'ended'; stats: Stats }
  | { type: 'closed' }
  | { type: 'refused'; reason: string }
  | { type: 'failed'; reason: string };

export type ToJudge =
  | { type: 'open'; module: WebAssembly.Module; policy: string; lists: Record<string, string>; model: Model; port: MessagePort }
  | { type: 'still'; id: number; shape: Shape; pixels: Uint8Array<ArrayBuffer> };

export type FromJudge =
  | { type: 'ready' }
  | { type: 'refused'; reason: string }
  | { type: 'still'; id: number; state: State; reason: string };

/** From the line to the judge. */
export interface Work {
  job: string;
  shape: Shape;
  pixels: Uint8Array<ArrayBuffer>;
}

/** From the judge to the line; without `said` it is ready for work. */
export interface Word {
  said?: string;
  ms?: number;
}

/** The two parts of the model, as its npm package has them. */
export interface Model {
  topology: string;
  weights: Uint8Array<ArrayBuffer>;
}
