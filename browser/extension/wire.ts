// What passes between a page and the extension's own frame?
//
// Pages may forbid workers and WebAssembly in their world, so nothing is judged there. Frames go over as bytes.

import type { Copied } from '../web/frames';
import type { State } from '../web/messages';

/** From the page: a stream begins, with a port of its own. */
export interface Begin {
  type: 'stream';
  hasSound: boolean;
}

/** A frame's bytes, either way. */
export interface Picture extends Copied {
  type: 'picture';
  timestamp: number;
}

/** A stretch of sound, either way; its channels one after the other. */
export interface Sound {
  type: 'sound';
  samples: Float32Array<ArrayBuffer>;
  sampleRate: number;
  numberOfFrames: number;
  numberOfChannels: number;
  timestamp: number;
}

/** From the frame: what the page may tell its person. */
export interface Told {
  type: 'state';
  state: State;
  reason: string;
}

/** From the page: the source ended. From the frame: nothing more comes. */
export interface End {
  type: 'end';
}

/** From the frame: a picture has arrived, and another one may come. */
export interface Got {
  type: 'got';
}

export type Passed = Picture | Got | Sound | Told | End;

/** From the bridge: a picture is to be judged. */
export interface Ask {
  type: 'still';
  id: number;
  url: string;
  /** Its bytes, where only the page can read them. */
  bytes?: Blob;
}

/** To the bridge. */
export interface Answer {
  id: number;
  state: State;
  reason: string;
}

/** The bridge's first message to the page's world, and the page's to the bridge. */
export const HELLO = 'streamward-port';

export async function heard(data: AudioData): Promise<Sound> {
  const { sampleRate, numberOfFrames, numberOfChannels, timestamp } = data;
  const samples = new Float32Array(numberOfFrames * numberOfChannels);
  for (let planeIndex = 0; planeIndex < numberOfChannels; planeIndex += 1) {
    const channel = samples.subarray(planeIndex * numberOfFrames, (planeIndex + 1) * numberOfFrames);
    data.copyTo(channel, { planeIndex, format: 'f32-planar' });
  }
  data.close();
  return { type: 'sound', samples, sampleRate, numberOfFrames, numberOfChannels, timestamp };
}

export function played({ samples, ...facts }: Sound): AudioData {
  const { sampleRate, numberOfFrames, numberOfChannels, timestamp } = facts;
  return new AudioData({ format: 'f32-planar', sampleRate, numberOfFrames, numberOfChannels, timestamp, data: samples });
}
