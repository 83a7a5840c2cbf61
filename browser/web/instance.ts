// How does JavaScript talk to the WebAssembly module?
//
// Numbers in and out, and two buffers that the module owns. Any call may move them, so each access asks again.

interface Exports {
  memory: WebAssembly.Memory;
  text_room(n: number): number;
  text_place(): number;
  text_length(): number;
  pixel_room(n: number): number;
  pixel_place(): number;
  pixel_length(): number;
  pixel_shape(index: number): number;
  pixel_timestamp(): number;
  line_open(): number;
  line_frame(format: number, colour: number, width: number, height: number, timestampUs: number, atMs: number): number;
  line_look(): number;
  line_hear(atMs: number): number;
  line_fail(id: number, atMs: number): void;
  line_take(atMs: number): number;
  line_timeout(): number;
  line_told(): number;
  line_silent(atMs: number): number;
  line_counts(): number;
  line_reset(atMs: number): void;
  line_end(atMs: number): void;
  judge_open(): number;
  judge_seat(): number;
  judge_look(format: number, colour: number, width: number, height: number): number;
  judge_still(format: number, colour: number, width: number, height: number): number;
  test_card(width: number, height: number): number;
}

/** Format, colour, width and height, as the module numbers them. */
export type Shape = [number, number, number, number];

export class Instance {
  readonly calls: Exports;

  constructor(module: WebAssembly.Module) {
    // No imports: the module reaches nothing but its own memory.
    this.calls = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
  }

  setText(text: string): void {
    const bytes = new TextEncoder().encode(text);
    const place = this.calls.text_room(bytes.length);
    if (place === 0 && bytes.length > 0) throw new Error(`a text of ${bytes.length} bytes is too long`);
    new Uint8Array(this.calls.memory.buffer, place, bytes.length).set(bytes);
  }

  text(): string {
    const bytes = new Uint8Array(this.calls.memory.buffer, this.calls.text_place(), this.calls.text_length());
    return new TextDecoder().decode(bytes);
  }

  setPixels(pixels: Uint8Array): void {
    const place = this.calls.pixel_room(pixels.length);
    if (place === 0 && pixels.length > 0) throw new Error(`a frame of ${pixels.length} bytes is too large`);
    new Uint8Array(this.calls.memory.buffer, place, pixels.length).set(pixels);
  }

  /** The pixels where they lie; not to be kept over a call. */
  pixels(): Uint8Array<ArrayBuffer> {
    const { memory, pixel_place, pixel_length } = this.calls;
    return new Uint8Array(memory.buffer as ArrayBuffer, pixel_place(), pixel_length());
  }

  shape(): Shape {
    const { pixel_shape } = this.calls;
    return [pixel_shape(0), pixel_shape(1), pixel_shape(2), pixel_shape(3)];
  }

  /** What a call answered; throws what went wrong. */
  answer(isDone: number): string {
    const text = this.text();
    if (isDone === 0) throw new Error(text);
    return text;
  }
}
