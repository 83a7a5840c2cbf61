// A page of somebody else: pictures, a canvas, a video put together by a script, and a call.

import { Observer } from './observer.js';

const words = new URLSearchParams(location.search);
const elsewhere = words.get('elsewhere');
document.getElementById('elsewhere-card').src = `${elsewhere}/card.png`;
document.getElementById('elsewhere-benign').src = `${elsewhere}/coffee.png`;

// A canvas that shows coffee, and the card for one second in every three.
const bitmaps = await Promise.all(['coffee.png', 'card.png'].map(async (name) => createImageBitmap(await (await fetch(name)).blob())));
const context = document.getElementById('canvas').getContext('2d');
let n = 0;
setInterval(() => {
  n += 1;
  const [coffee, card] = bitmaps;
  context.drawImage(n % 90 >= 60 ? card : coffee, 0, 0, 240, 180);
  // Something moves, as in any canvas that is alive.
  context.fillStyle = '#c33';
  context.fillRect((n * 3) % 240, 170, 8, 6);
}, 33);

// Media Source Extensions: the bytes of a film handed over piece by piece.
const video = document.getElementById('played');
const media = new MediaSource();
video.src = URL.createObjectURL(media);
media.addEventListener('sourceopen', async () => {
  const buffer = media.addSourceBuffer('video/webm; codecs="vp8"');
  buffer.appendBuffer(await (await fetch('film.webm')).arrayBuffer());
  buffer.addEventListener('updateend', () => void video.play(), { once: true });
});
video.addEventListener('timeupdate', () => {
  if (video.buffered.length > 0 && video.currentTime > video.buffered.end(0) - 0.5) video.currentTime = 0;
});

// The page may also guard itself, with the package.
if (words.has('library')) {
  const { guardImage, guardVideo } = await import('/dist/index.js');
  const policy = (await (await fetch('policy.toml')).text());
  document.querySelectorAll('img').forEach((image) => guardImage(image, { policy }));
  guardVideo(video, { policy });
}

/** A call as any page makes it. */
window.call = async ({ width, height, fps, seconds, reference }) => {
  // The machine that tests this is small: one stream at a time.
  document.querySelectorAll('.row').forEach((row) => row.remove());
  const camera = await navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: fps } });
  const [near, far] = [new RTCPeerConnection(), new RTCPeerConnection()];
  near.onicecandidate = ({ candidate }) => candidate && far.addIceCandidate(candidate);
  far.onicecandidate = ({ candidate }) => candidate && near.addIceCandidate(candidate);
  const arrived = new Promise((resolve) => { far.ontrack = ({ track }) => resolve(track); });
  camera.getTracks().forEach((track) => near.addTrack(track, camera));
  await near.setLocalDescription();
  await far.setRemoteDescription(near.localDescription);
  await far.setLocalDescription();
  await near.setRemoteDescription(far.localDescription);
  const observer = new Observer(await arrived, reference);
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  await wait(seconds * 1000);
  // On a busy machine it may take long until the film is shown.
  for (let n = 0; n < 60 && observer.seen.distinct < 20; n += 1) await wait(1000);
  near.close();
  far.close();
  camera.getTracks().forEach((track) => track.stop());
  return { seen: [{ ...observer.seen, closest: observer.closest, fps: observer.fps() }] };
};
window.ready = true;
