// How does a browser's frame become bytes of ours, and back?

import type { Shape } from './instance';

/** The module's numbers for formats; 2 and 5 are none that a browser has. */
const FORMATS: Record<string, number> = { I420: 0, NV12: 1, RGBA: 3, RGBX: 3, BGRA: 4, BGRX: 4 };
const NAMES: Record<number, VideoPixelFormat> = { 0: 'I420', 1: 'NV12', 3: 'RGBX', 4: 'BGRX' };

/** Colours of the module: BT.601, the same over the full range, BT.709, the same over the full range. */
const COLOURS: VideoColorSpaceInit[] = [
  { matrix: 'smpte170m', primaries: 'smpte170m', transfer: 'smpte170m', fullRange: false },
  { matrix: 'smpte170m', primaries: 'smpte170m', transfer: 'smpte170m', fullRange: true },
  { matrix: 'bt709', primaries: 'bt709', transfer: 'bt709', fullRange: false },
  { matrix: 'bt709', primaries: 'bt709', transfer: 'bt709', fullRange: true },
];

/** Frames wider or higher are refused; the module holds some of them at a time. */
const SIDE_MAX = 4096;

export interface Copied {
  shape: Shape;
  pixels: Uint8Array<ArrayBuffer>;
}

/** Copies a frame, upright and without padding. The caller closes it. */
export async function copy(frame: VideoFrame, scratch: Uint8Array<ArrayBuffer>): Promise<Copied> {
  const turned = frame as VideoFrame & { rotation?: number; flip?: boolean };
  if (turned.rotation || turned.flip) {
    const upright = redraw(frame);
    try {
      return await copy(upright, scratch);
    } finally {
      upright.close();
    }
  }
  const rect = frame.visibleRect;
  const [width, height] = [rect?.width ?? frame.codedWidth, rect?.height ?? frame.codedHeight];
  if (!(width >= 1 && height >= 1 && width <= SIDE_MAX && height <= SIDE_MAX)) {
    throw new Error(`a frame of ${width}×${height} pixels cannot be judged`);
  }
  const own = frame.format === null ? undefined : FORMATS[frame.format];
  const format = own ?? 3;
  const layout = packed(format, width, height);
  const n = bytesOf(format, width, height);
  const pixels = scratch.length >= n ? scratch.subarray(0, n) : new Uint8Array(n);
  const options: VideoFrameCopyToOptions = { layout };
  if (rect) options.rect = rect;
  if (own === undefined) options.format = 'RGBA';
  await frame.copyTo(pixels, options);
  return { shape: [format, colourOf(frame), width, height], pixels };
}

/** A frame with these bytes, which are copied. */
export function make(shape: Shape, pixels: Uint8Array<ArrayBuffer>, timestamp: number): VideoFrame {
  const [format, colour, codedWidth, codedHeight] = shape;
  const name = NAMES[format];
  if (name === undefined) throw new Error(`the module gave a frame of format ${format}`);
  const init: VideoFrameBufferInit = { format: name, codedWidth, codedHeight, timestamp };
  const colorSpace = COLOURS[colour];
  if (colorSpace !== undefined && format < 2) init.colorSpace = colorSpace;
  return new VideoFrame(pixels, init);
}

function redraw(frame: VideoFrame): VideoFrame {
  const canvas = new OffscreenCanvas(frame.displayWidth, frame.displayHeight);
  const context = canvas.getContext('2d');
  if (context === null) throw new Error('this browser draws no frames');
  context.drawImage(frame, 0, 0, canvas.width, canvas.height);
  return new VideoFrame(canvas, { timestamp: frame.timestamp });
}

function packed(format: number, width: number, height: number): PlaneLayout[] {
  const half = Math.ceil(width / 2);
  const halfHeight = Math.ceil(height / 2);
  switch (format) {
    case 0:
      return [
        { offset: 0, stride: width },
        { offset: width * height, stride: half },
        { offset: width * height + half * halfHeight, stride: half },
      ];
    case 1:
      return [{ offset: 0, stride: width }, { offset: width * height, stride: half * 2 }];
    default:
      return [{ offset: 0, stride: width * 4 }];
  }
}

function bytesOf(format: number, width: number, height: number): number {
  const half = Math.ceil(width / 2) * Math.ceil(height / 2);
  return format < 2 ? width * height + 2 * half : width * height * 4;
}

function colourOf(frame: VideoFrame): number {
  const { matrix, fullRange } = frame.colorSpace;
  return (matrix === 'bt709' ? 2 : 0) + (fullRange === true ? 1 : 0);
}
