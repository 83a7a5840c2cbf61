// What does a camera show where there is none?
//
// A drawn landscape that never stands still, and the safety test card when it is asked for.

export const WIDTH = 640;
export const HEIGHT = 360;
const FPS = 30;

export class Scene {
  readonly track: MediaStreamTrack;
  /** Frames of the card that are still to be shown. */
  cards = 0;
  isHeld = false;
  private readonly canvas = document.createElement('canvas');
  private readonly context: CanvasRenderingContext2D;
  private n = 0;

  constructor(private readonly card: ImageBitmap) {
    [this.canvas.width, this.canvas.height] = [WIDTH, HEIGHT];
    this.context = this.canvas.getContext('2d')!;
    const [track] = this.canvas.captureStream(FPS).getVideoTracks();
    this.track = track!;
    const timer = setInterval(() => {
      if (this.track.readyState === 'ended') clearInterval(timer);
      this.draw();
    }, 1000 / FPS);
  }

  private draw(): void {
    this.n += 1;
    if (this.isHeld || this.cards > 0) {
      this.cards = Math.max(0, this.cards - 1);
      this.context.drawImage(this.card, 0, 0, WIDTH, HEIGHT);
      return;
    }
    const { context, n } = this;
    const sky = context.createLinearGradient(0, 0, 0, HEIGHT);
    sky.addColorStop(0, '#6db3e8');
    sky.addColorStop(1, '#e6f2fb');
    context.fillStyle = sky;
    context.fillRect(0, 0, WIDTH, HEIGHT);
    circle(context, 520, 80 + 10 * Math.sin(n / 40), 36, '#ffd85e');
    for (const [x, y, speed] of [[90, 70, 0.8], [330, 110, 0.5], [560, 50, 0.65]] as const) cloud(context, (x + n * speed) % (WIDTH + 160) - 80, y);
    hills(context, n / 90, 240, 26, '#8fc27a');
    hills(context, n / 55, 285, 20, '#5f9f56');
    boat(context, (n * 1.6) % (WIDTH + 120) - 60, 318 + 4 * Math.sin(n / 12));
    context.fillStyle = '#3d7fb5';
    for (let x = -40; x < WIDTH + 40; x += 40) {
      context.beginPath();
      context.ellipse(x + ((n * 1.2) % 40), 346, 26, 18, 0, Math.PI, 0);
      context.fill();
    }
    context.fillRect(0, 344, WIDTH, 20);
  }
}

function circle(context: CanvasRenderingContext2D, x: number, y: number, radius: number, colour: string): void {
  context.fillStyle = colour;
  context.beginPath();
  context.arc(x, y, radius, 0, 2 * Math.PI);
  context.fill();
}

function cloud(context: CanvasRenderingContext2D, x: number, y: number): void {
  for (const [dx, dy, r] of [[-28, 6, 18], [0, 0, 26], [28, 8, 16]] as const) circle(context, x + dx, y + dy, r, '#ffffffdd');
}

function hills(context: CanvasRenderingContext2D, phase: number, base: number, height: number, colour: string): void {
  context.fillStyle = colour;
  context.beginPath();
  context.moveTo(0, HEIGHT);
  for (let x = 0; x <= WIDTH; x += 8) context.lineTo(x, base + height * Math.sin(x / 70 + phase) + 8 * Math.sin(x / 23 - phase));
  context.lineTo(WIDTH, HEIGHT);
  context.fill();
}

function boat(context: CanvasRenderingContext2D, x: number, y: number): void {
  context.fillStyle = '#8c4a2f';
  context.beginPath();
  context.moveTo(x - 44, y);
  context.lineTo(x + 44, y);
  context.lineTo(x + 28, y + 20);
  context.lineTo(x - 28, y + 20);
  context.fill();
  context.fillStyle = '#fff7e8';
  context.beginPath();
  context.moveTo(x, y - 4);
  context.lineTo(x, y - 70);
  context.lineTo(x + 36, y - 4);
  context.fill();
}
