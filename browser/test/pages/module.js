// The module as the package loads it, without the package around it: for figures and scores of the model alone.

const bytes = async (url) => new Uint8Array(await (await fetch(url)).arrayBuffer());

/** Opens a judge with the model; gives what looks at a picture of four bytes a pixel. */
export async function openModel(variant) {
  const module = await WebAssembly.compile(await bytes(`/assets/streamward-${variant}.wasm`));
  const { exports: calls } = new WebAssembly.Instance(module, {});
  const put = (room, data) => {
    const place = calls[room](data.length);
    new Uint8Array(calls.memory.buffer, place, data.length).set(data);
  };
  const text = (string) => put('text_room', new TextEncoder().encode(string));
  const said = () => new TextDecoder().decode(new Uint8Array(calls.memory.buffer, calls.text_place(), calls.text_length()));
  text(JSON.stringify({ policy: 'messenger', lists: {} }));
  if (calls.judge_open() === 0) throw new Error(said());
  put('text_room', await bytes('/assets/model.js'));
  put('pixel_room', await bytes('/assets/weights.bin'));
  if (calls.judge_seat() === 0) throw new Error(said());
  const look = (rgba, width, height) => {
    // Judge 1 is the model; judge 0, the list, is not asked.
    text(JSON.stringify({ id: 0, regions: [[0, 0, width, height]], looks: [[1, 0]] }));
    put('pixel_room', rgba);
    if (calls.judge_look(3, 0, width, height) === 0) throw new Error(said());
    return JSON.parse(said()).findings[0].found.scores.map(([, value]) => value);
  };
  return { look, heapBytes: () => calls.memory.buffer.byteLength };
}
