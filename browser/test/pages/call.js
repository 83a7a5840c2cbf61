// A real call: two RTCPeerConnections, encrypted end to end, with the guard in one of its places or in none.

import { guardTrack, load } from '/dist/index.js';
import { Observer } from './observer.js';

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @param options width, height, fps, seconds, reference; guard: none | outgoing | incoming; policy; faults; hasSound */
window.call = async (options) => {
  const { width, height, fps, seconds, reference, guard, policy, fault, isDumped, isResized } = options;
  await load();
  const camera = await navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: fps } });
  const [source] = camera.getVideoTracks();
  const states = [];
  const began = performance.now();
  const guarded = [];
  const guardOne = (track, direction) => {
    const one = guardTrack(track, { policy, direction });
    one.addEventListener('state', ({ detail }) => states.push({ at: Math.round(performance.now() - began), ...detail }));
    guarded.push(one);
    return one;
  };

  let sent = source;
  let outgoing;
  if (guard === 'outgoing' || guard === 'both') {
    outgoing = guardOne(source, 'outgoing');
    sent = outgoing.track;
  }
  const [near, far] = [new RTCPeerConnection(), new RTCPeerConnection()];
  near.onicecandidate = ({ candidate }) => candidate && far.addIceCandidate(candidate);
  far.onicecandidate = ({ candidate }) => candidate && near.addIceCandidate(candidate);
  const cipher = () => new Worker('cipher.js', { name: 'cipher' });
  const [locks, unlocks] = [cipher(), cipher()];
  const dumped = [];
  let nUnreadable = 0;
  locks.onmessage = ({ data }) => dumped.push(data);
  unlocks.onmessage = () => { nUnreadable += 1; };

  const arrived = new Promise((resolve) => {
    far.ontrack = ({ track, receiver }) => {
      receiver.transform = new RTCRtpScriptTransform(unlocks, { role: 'receiver' });
      resolve(track);
    };
  });
  const sender = near.addTrack(sent, new MediaStream([sent]));
  sender.transform = new RTCRtpScriptTransform(locks, { role: 'sender' });
  const parameters = sender.getParameters();
  for (const encoding of parameters.encodings) encoding.maxBitrate = 4_000_000;
  parameters.degradationPreference = 'maintain-resolution';
  await sender.setParameters(parameters);
  outgoing?.addEventListener('track', ({ detail }) => sender.replaceTrack(detail.track));
  await near.setLocalDescription();
  await far.setRemoteDescription(near.localDescription);
  await far.setLocalDescription();
  await near.setRemoteDescription(far.localDescription);

  let received = await arrived;
  const observers = [];
  if (guard === 'incoming' || guard === 'both') {
    const incoming = guardOne(received, 'incoming');
    received = incoming.track;
    incoming.addEventListener('track', ({ detail }) => observers.push(new Observer(detail.track, reference)));
  }
  observers.push(new Observer(received, reference));
  const marks = [];
  if (fault) {
    for (let n = 0; n < fault.times; n += 1) {
      await wait(fault.afterMs);
      const name = `streamward ${fault.worker}`;
      const victim = window.workers.filter((one) => one.name === name).at(-1)?.worker;
      marks.push({ at: Math.round(performance.now() - began), found: victim !== undefined });
      if (fault.kind === 'killed') victim?.terminate();
      else victim?.postMessage({ fault: fault.kind });
    }
  }
  if (isResized) {
    await wait(4000);
    await source.applyConstraints({ width: width / 2, height: height / 2, frameRate: fps });
  }
  await wait(seconds * 1000);
  // On a busy machine it may take long until the film is shown, and covered.
  const isSeen = ({ seen }) => seen.distinct >= 20 && (seen.planted > 0 || seen.covered >= 10);
  for (let n = 0; n < 60 && !isSeen(observers.at(-1)); n += 1) await wait(1000);

  const stats = guarded.map((one) => one.stats());
  const inbound = [...(await far.getStats()).values()].find((one) => one.type === 'inbound-rtp' && one.kind === 'video');
  const result = {
    seen: observers.map((one) => ({ ...one.seen, closest: one.closest, fps: one.fps() })),
    kinds: observers.at(-1).kinds.slice(-600),
    stats, states, marks, nUnreadable,
    end: guarded.map(({ state, reason }) => ({ state, reason })),
    decoded: inbound?.framesDecoded,
    wire: isDumped ? await wire(dumped) : undefined,
  };
  guarded.forEach((one) => one.stop());
  near.close();
  far.close();
  camera.getTracks().forEach((track) => track.stop());
  return result;
};

/** A guarded camera with a steady tone: is the tone silent exactly where the picture is covered, and around it? */
window.sound = async ({ width, height, fps, seconds, reference, policy }) => {
  await load();
  const camera = await navigator.mediaDevices.getUserMedia({ video: { width, height, frameRate: fps } });
  const context = new AudioContext();
  const tone = new OscillatorNode(context);
  const output = context.createMediaStreamDestination();
  tone.connect(output);
  tone.start();
  const guarded = guardTrack(camera.getVideoTracks()[0], { policy, audio: output.stream.getAudioTracks()[0] });
  const observer = new Observer(guarded.track, reference);
  const chunks = [];
  void (async () => {
    const reader = new MediaStreamTrackProcessor({ track: guarded.audio }).readable.getReader();
    for (;;) {
      const { value: data, done } = await reader.read();
      if (done) return;
      const samples = new Float32Array(data.numberOfFrames);
      data.copyTo(samples, { planeIndex: 0, format: 'f32-planar' });
      data.close();
      chunks.push({ at: performance.now(), isSilent: samples.every((sample) => sample === 0) });
    }
  })();
  await wait(seconds * 1000);
  for (let n = 0; n < 60 && !(observer.seen.distinct >= 20 && observer.seen.covered >= 10); n += 1) await wait(1000);
  const pictures = observer.arrivals.map((at, i) => ({ at, isCovered: observer.kinds[i] === 'covered' }));
  const result = { pictures, chunks, seen: observer.seen, stats: guarded.stats() };
  guarded.stop();
  return result;
};

/** Tries to decode what went over the wire without the key, and, to show that the trial can succeed, what was encrypted. */
async function wire(dumped) {
  const [plain, sent] = [await decode(dumped, 'plain'), await decode(dumped, 'sent')];
  return { encoded: dumped.length, plainDecoded: plain.frames, sentDecoded: sent.frames, plainDetail: plain.detail, sentDetail: sent.detail, alike: plain.pictures.map((picture, n) => sent.pictures[n] && alike(picture, sent.pictures[n])).filter((value) => value !== undefined && !Number.isNaN(value)) };
}

async function decode(dumped, part) {
  const pictures = [];
  let failed = false;
  const decoder = new VideoDecoder({
    output: (frame) => { pictures.push(picture(frame)); },
    error: () => { failed = true; },
  });
  decoder.configure({ codec: 'vp8' });
  const first = dumped.findIndex(({ type }) => type === 'key');
  for (const [n, frame] of dumped.slice(first).entries()) {
    if (decoder.state !== 'configured') break;
    decoder.decode(new EncodedVideoChunk({ type: frame.type, timestamp: n * 33_000, data: frame[part] }));
  }
  await decoder.flush().catch(() => { failed = true; });
  const done = await Promise.all(pictures);
  const detail = done.map((cells) => Math.max(...cells) - Math.min(...cells));
  return { frames: failed ? 0 : done.length, pictures: failed ? [] : done, detail: Math.max(0, ...detail) };
}

async function picture(frame) {
  const canvas = new OffscreenCanvas(32, 24);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  context.drawImage(frame, 0, 0, 32, 24);
  frame.close();
  const { data } = context.getImageData(0, 0, 32, 24);
  return Array.from({ length: 32 * 24 }, (_, i) => data[i * 4 + 1]);
}

function alike(a, b) {
  const mean = (list) => list.reduce((sum, value) => sum + value, 0) / list.length;
  const [ma, mb] = [mean(a), mean(b)];
  let [ab, aa, bb] = [0, 0, 0];
  a.forEach((value, i) => { ab += (value - ma) * (b[i] - mb); aa += (value - ma) ** 2; bb += (b[i] - mb) ** 2; });
  return ab / Math.sqrt(aa * bb);
}
window.ready = true;
