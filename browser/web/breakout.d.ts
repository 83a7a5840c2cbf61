// What Chromium has and TypeScript's own library does not: the two ends of a track as streams.
// Source: W3C, MediaStreamTrack Insertable Media Processing using Streams, and its earlier form, which Chromium ships.

declare class MediaStreamTrackProcessor<T extends VideoFrame | AudioData = VideoFrame> {
  constructor(init: { track: MediaStreamTrack; maxBufferSize?: number });
  readonly readable: ReadableStream<T>;
}

declare class MediaStreamTrackGenerator<T extends VideoFrame | AudioData = VideoFrame> extends MediaStreamTrack {
  constructor(init: { kind: 'video' | 'audio' });
  readonly writable: WritableStream<T>;
}
