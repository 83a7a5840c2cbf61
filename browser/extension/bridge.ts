// Beside each page: puts the extension's frame into it, asks there about every picture, and shows what was judged.

import { type Answer, type Ask, HELLO } from './wire';

const frame = document.createElement('iframe');
frame.src = chrome.runtime.getURL('frame.html');
frame.style.cssText = 'display:none!important';
frame.setAttribute('aria-hidden', 'true');
frame.title = 'streamward';

const stills = new MessageChannel();
const asked = new Map<number, (answer: Answer) => void>();
let next = 0;
let toPage: MessagePort | undefined;

frame.addEventListener('load', () => {
  const origin = new URL(frame.src).origin;
  frame.contentWindow!.postMessage('bridge', origin, [stills.port2]);
  if (toPage) frame.contentWindow!.postMessage('page', origin, [toPage]);
  toPage = undefined;
}, { once: true });
stills.port1.onmessage = ({ data }: MessageEvent<Answer>) => {
  asked.get(data.id)?.(data);
  asked.delete(data.id);
};
addEventListener('message', function once({ data, ports: [port], source }) {
  if (source !== window || data !== HELLO || port === undefined) return;
  // Only the first: it comes from our own script, which runs before any of the page's.
  removeEventListener('message', once);
  toPage = port;
});
(document.documentElement ?? document).append(frame);

const ask = async (url: string): Promise<Answer> => {
  const id = next++;
  const message: Ask = { type: 'still', id, url };
  // What the page made itself can be read only here.
  if (url.startsWith('blob:') || url.startsWith('data:')) message.bytes = await (await fetch(url)).blob();
  return new Promise((resolve) => {
    asked.set(id, resolve);
    stills.port1.postMessage(message);
  });
};

async function picture(image: HTMLImageElement): Promise<void> {
  const url = image.currentSrc || image.src;
  if (url === '') return;
  const { state } = await ask(url).catch((): Pick<Answer, 'state'> => ({ state: 'stalled' }));
  // It may be another picture by now.
  if ((image.currentSrc || image.src) === url) image.dataset['streamward'] = state;
}

/** A picture behind an element, found by looking past our own sheet; nothing is painted in between. */
async function ground(element: HTMLElement): Promise<void> {
  element.setAttribute('data-streamward-look', '');
  const styles = [getComputedStyle(element), getComputedStyle(element, '::before'), getComputedStyle(element, '::after')];
  const images = styles.map(({ backgroundImage }) => backgroundImage).join(' ');
  element.removeAttribute('data-streamward-look');
  const urls = [...images.matchAll(/url\("([^"]*)"\)/g)].map(([, url]) => url!);
  if (urls.length === 0) {
    if (/gradient/.test(images)) element.dataset['streamwardGround'] = 'clear';
    return;
  }
  const answers = await Promise.all(urls.map((url) => ask(url).catch((): Pick<Answer, 'state'> => ({ state: 'stalled' }))));
  element.dataset['streamwardGround'] = answers.every(({ state }) => state === 'clear') ? 'clear' : 'covered';
}

function look(element: Element): void {
  if (element instanceof HTMLImageElement && element.complete && element.naturalWidth > 0) void picture(element);
  if (element instanceof HTMLElement && element !== frame) void ground(element);
}

addEventListener('load', ({ target }) => target instanceof HTMLImageElement && void picture(target), true);
new MutationObserver((records) => {
  for (const { type, target, addedNodes, attributeName } of records) {
    if (type === 'childList') {
      for (const node of addedNodes) {
        if (!(node instanceof Element)) continue;
        look(node);
        node.querySelectorAll('*').forEach(look);
      }
    } else if (target instanceof HTMLImageElement && attributeName !== 'style' && attributeName !== 'class') {
      delete target.dataset['streamward'];
    } else if (target instanceof HTMLElement) {
      delete target.dataset['streamwardGround'];
      void ground(target);
    }
  }
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['src', 'srcset', 'style', 'class'] });
// Sheets that arrive later can put a picture behind what is already there.
addEventListener('load', () => document.querySelectorAll('*').forEach(look));
