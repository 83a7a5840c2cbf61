/**
 * A guard for live video in the browser: every frame is held until it has been judged, before it is shown, sent or
 * encrypted. What is not judged in time is not shown.
 */

export { load } from './assets';
export { guardTrack, type Guarded, type GuardEvents, type GuardOptions } from './track';
export { guardImage, rereadPictures, type GuardedImage, type StillOptions, type Verdict } from './still';
export { guardVideo, type GuardedVideo } from './video';
export type { Counts, Incident, State, Stats } from './messages';
