// What does this pane show?
//
// It compares what the pane really shows with the card by itself, by brightness in small squares, and counts.

const [COLUMNS, ROWS] = [32, 18];

export class Watch {
  n = 0;
  private readonly canvas = new OffscreenCanvas(COLUMNS, ROWS);
  private readonly context = this.canvas.getContext('2d', { willReadFrequently: true })!;
  private readonly reference: number[];

  constructor(video: HTMLVideoElement, card: ImageBitmap, onCount: (n: number) => void) {
    this.reference = this.cells(card);
    const look = (): void => {
      if (video.videoWidth > 0 && alike(this.cells(video), this.reference) > 0.9) onCount((this.n += 1));
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  }

  private cells(source: CanvasImageSource): number[] {
    this.context.drawImage(source, 0, 0, COLUMNS, ROWS);
    const { data } = this.context.getImageData(0, 0, COLUMNS, ROWS);
    return Array.from({ length: COLUMNS * ROWS }, (_, i) => data[i * 4]! * 0.3 + data[i * 4 + 1]! * 0.6 + data[i * 4 + 2]! * 0.1);
  }
}

function alike(a: number[], b: number[]): number {
  const mean = (list: number[]): number => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => {
    ab += (value - ma) * (b[i]! - mb);
    aa += (value - ma) ** 2;
    bb += (b[i]! - mb) ** 2;
  });
  return aa * bb === 0 ? 0 : ab / Math.sqrt(aa * bb);
}
