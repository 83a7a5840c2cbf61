// What is in this frame?
//
// This worker may be slow, hang or die: the line lets out nothing that it has not spoken about, and the page puts
// another one in its place. What it throws ends it.

import { Instance } from './instance';
import type { FromJudge, ToJudge, Word, Work } from './messages';

const tell = (message: FromJudge): void => self.postMessage(message);

let module: Instance | undefined;

self.addEventListener('message', ({ data }: MessageEvent<ToJudge>) => {
  if (data.type === 'still') {
    if (module === undefined) return tell({ type: 'still', id: data.id, state: 'stalled', reason: 'there is no judge yet' });
    module.setPixels(data.pixels);
    const still = JSON.parse(module.answer(module.calls.judge_still(...data.shape)));
    return tell({ type: 'still', id: data.id, ...still });
  }
  try {
    module = open(data);
  } catch (error) {
    if (error instanceof WebAssembly.RuntimeError) throw error;
    return tell({ type: 'refused', reason: error instanceof Error ? error.message : String(error) });
  }
  data.port.onmessage = ({ data: work }: MessageEvent<Work>) => look(module!, work, data.port);
  tell({ type: 'ready' });
  data.port.postMessage({} satisfies Word);
});

function open(data: ToJudge & { type: 'open' }): Instance {
  const module = new Instance(data.module);
  module.setText(JSON.stringify({ policy: data.policy, lists: data.lists }));
  const { needs_model } = JSON.parse(module.answer(module.calls.judge_open()));
  if (needs_model) {
    module.setText(data.model.topology);
    module.setPixels(data.model.weights);
    module.answer(module.calls.judge_seat());
  }
  return module;
}

function look(module: Instance, work: Work, port: MessagePort): void {
  const began = performance.now();
  module.setText(work.job);
  module.setPixels(work.pixels);
  const said = module.answer(module.calls.judge_look(...work.shape));
  port.postMessage({ said, ms: performance.now() - began } satisfies Word);
}
