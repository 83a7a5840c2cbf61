// The same video twice: as it comes, and behind the guard.

import { guardTrack, load, type Guarded, type Stats } from '../web/index';
import { Instance } from '../web/instance';
import { HEIGHT, Scene, WIDTH } from './scene';
import { Watch } from './watch';

const element = <T extends HTMLElement>(id: string): T => document.getElementById(id) as T;
const words = (id: string, text: string | number): void => {
  const place = element(id);
  if (place.textContent !== String(text)) place.textContent = String(text);
};
const STATES = { clear: 'clear', covered: 'covered', stalled: 'stalled' } as const;

let scene: Scene;
let guarded: Guarded | undefined;
let source: MediaStreamTrack | undefined;

async function start(): Promise<void> {
  const { module, instructions } = await load('./assets/');
  words('instructions', instructions);
  const card = await drawCard(module);
  scene = new Scene(card);
  new Watch(element('open'), card, (n) => words('n-open', n));
  new Watch(element('guarded'), card, (n) => {
    words('n-leaked', n);
    element('n-leaked').parentElement!.classList.add('has-leaked');
  });
  await guard();
  countRequests();
  setInterval(() => {
    if (element<HTMLInputElement>('auto').checked) scene.cards += 1;
  }, 6000);
}

/** The card, drawn by the module itself. */
async function drawCard(module: WebAssembly.Module): Promise<ImageBitmap> {
  const instance = new Instance(module);
  instance.answer(instance.calls.test_card(WIDTH, HEIGHT));
  return createImageBitmap(new ImageData(new Uint8ClampedArray(instance.pixels().slice().buffer), WIDTH, HEIGHT));
}

/** Guards what the chosen camera shows, under the chosen policy. */
async function guard(): Promise<void> {
  guarded?.stop();
  source?.stop();
  if (element<HTMLSelectElement>('source').value === 'own') {
    try {
      const camera = await navigator.mediaDevices.getUserMedia({ video: { width: WIDTH, height: HEIGHT } });
      [source] = camera.getVideoTracks();
    } catch {
      element<HTMLSelectElement>('source').value = 'drawn';
      words('open-words', 'your camera is not to be had; this one is drawn');
    }
  }
  if (source === undefined || source.readyState === 'ended') source = scene.track.clone();
  const own = source;
  element<HTMLVideoElement>('open').srcObject = new MediaStream([own]);
  // Only what comes out of the guard reaches the right pane.
  const one = guardTrack(own.clone(), { policy: element<HTMLSelectElement>('policy').value });
  guarded = one;
  const show = (): void => {
    element<HTMLVideoElement>('guarded').srcObject = new MediaStream([one.track]);
  };
  show();
  one.addEventListener('track', show);
  one.addEventListener('state', () => tell(one));
  one.addEventListener('stats', ({ detail }) => one === guarded && count(detail));
  tell(one);
}

function tell(one: Guarded): void {
  if (one !== guarded) return;
  words('state', STATES[one.state]);
  element('state').dataset['state'] = one.state;
  words('reason', one.reason);
}

function count(stats: Stats): void {
  words('n-frames', stats.frames);
  words('n-judged', stats.judged);
  words('n-reused', stats.reused);
  words('n-repeated', stats.repeated);
  words('n-covered', stats.covered);
  words('ms', stats.judge_ms_p50 > 0 ? stats.judge_ms_p50.toFixed(0) : '–');
  words('policy-name', stats.policy);
  words('policy-version', stats.policy_version);
  draw(stats.latency_histogram);
}

function draw(histogram: number[]): void {
  const last = Math.max(histogram.findLastIndex((n) => n > 0) + 2, 24);
  const bins = histogram.slice(0, last);
  const most = Math.max(1, ...bins);
  const place = element('histogram');
  while (place.childElementCount < bins.length) place.append(document.createElement('span'));
  while (place.childElementCount > bins.length) place.lastElementChild!.remove();
  bins.forEach((n, i) => ((place.children[i] as HTMLElement).style.height = `${(n / most) * 100}%`));
  const total = bins.reduce((sum, n) => sum + n, 0);
  const middle = (share: number): number => {
    let left = total * share;
    return bins.findIndex((n) => (left -= n) <= 0) * 10;
  };
  words('latency-text', total === 0 ? 'No frame yet.' : `Bars of 10 ms, from 0 to ${last * 10} ms. Half of ${total} frames came out after about ${middle(0.5)} ms, 99 in 100 within ${middle(0.99) + 10} ms.`);
}

/** Everything that this page asks the network for from now on. */
function countRequests(): void {
  let n = 0;
  new PerformanceObserver((list) => {
    n += list.getEntries().filter(({ name }) => !name.startsWith('blob:')).length;
    words('requests', n);
  }).observe({ type: 'resource' });
}

element('flash').addEventListener('click', () => (scene.cards += 1));
element('hold').addEventListener('click', () => {
  scene.isHeld = !scene.isHeld;
  element('hold').setAttribute('aria-pressed', String(scene.isHeld));
});
element('reset').addEventListener('click', () => guarded?.reset());
for (const id of ['source', 'policy']) element(id).addEventListener('change', () => void guard());

start().catch((error: unknown) => {
  words('state', 'stalled');
  words('reason', error instanceof Error ? error.message : String(error));
});
