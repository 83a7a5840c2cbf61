// Encrypts each encoded frame for the other end, as an end-to-end encrypted call does: AES-GCM, a key that only the two
// ends have. The first bytes stay in the clear, because the far end's packets are put together by them.
//
// Source: RFC 6386 §9.1, uncompressed chunk of 10 bytes in key frames and 3 in others.

const key = crypto.subtle.importKey('raw', new Uint8Array(16).fill(7), 'AES-GCM', false, ['encrypt', 'decrypt']);
const N_DUMPED = 120;

onrtctransform = async ({ transformer }) => {
  const { readable, writable, options } = transformer;
  const secret = await key;
  let n = 0;
  const transform = options.role === 'sender'
    ? async (frame, controller) => {
        const plain = new Uint8Array(frame.data);
        const head = frame.type === 'key' ? 10 : 3;
        const iv = crypto.getRandomValues(new Uint8Array(12));
        const hidden = new Uint8Array(await crypto.subtle.encrypt({ name: 'AES-GCM', iv }, secret, plain.subarray(head)));
        const sent = new Uint8Array(head + hidden.length + 12);
        sent.set(plain.subarray(0, head));
        sent.set(hidden, head);
        sent.set(iv, head + hidden.length);
        if (n++ < N_DUMPED) postMessage({ type: frame.type, plain, sent: sent.slice() });
        frame.data = sent.buffer;
        controller.enqueue(frame);
      }
    : async (frame, controller) => {
        const got = new Uint8Array(frame.data);
        const head = frame.type === 'key' ? 10 : 3;
        const iv = got.subarray(got.length - 12);
        try {
          const open = new Uint8Array(await crypto.subtle.decrypt({ name: 'AES-GCM', iv }, secret, got.subarray(head, got.length - 12)));
          const data = new Uint8Array(head + open.length);
          data.set(got.subarray(0, head));
          data.set(open, head);
          frame.data = data.buffer;
          controller.enqueue(frame);
        } catch {
          postMessage({ failed: true });
        }
      };
  await readable.pipeThrough(new TransformStream({ transform })).pipeTo(writable);
};
