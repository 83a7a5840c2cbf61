// Times in the reader's own zone; the page says UTC without this.
const localTimes = () => {
  for (const time of document.querySelectorAll('time[datetime]')) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.valueOf())) time.title = at.toLocaleString();
  }
};
localTimes();

// A page that watches shows by itself what has happened, and leaves alone whoever is filling in a form.
const main = document.getElementById('main');
let known = null;
const look = async () => {
  const news = await fetch('/news', { redirect: 'error' }).then((answer) => (answer.ok ? answer.text() : null));
  if (news === null || news === known || main.contains(document.activeElement?.closest('form'))) return;
  const row = document.activeElement?.getAttribute('href');
  const page = new DOMParser().parseFromString(await fetch(location.href).then((answer) => answer.text()), 'text/html');
  main.replaceChildren(...page.getElementById('main').childNodes);
  // Only now: what happened between the page and the first look, or while a form was filled in, is shown too.
  known = news;
  localTimes();
  if (row) main.querySelector(`[data-row] a[href="${CSS.escape(row)}"]`)?.focus();
};
if (main.hasAttribute('data-watching')) setInterval(() => look().catch(() => {}), 700);

// Keys for who works through a queue: j and k go down and up, Enter opens, g then q goes to the queue.
let before = '';
document.addEventListener('keydown', (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(event.target.tagName)) return;
  const rows = [...document.querySelectorAll('[data-row] a')];
  const at = rows.indexOf(document.activeElement);
  if (event.key === 'j' && rows.length) rows[Math.min(at + 1, rows.length - 1)].focus();
  if (event.key === 'k' && rows.length) rows[Math.max(at - 1, 0)].focus();
  if (before === 'g' && event.key === 'q') location.assign('/');
  before = event.key;
});

// Passkeys: the browser asks the device, and what the device says goes to the address on the button.
const base64url = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const made = async (challenge, name) => {
  const { id, response } = await navigator.credentials.create({ publicKey: {
    challenge, rp: { name: 'streamward' }, attestation: 'none', pubKeyCredParams: [{ type: 'public-key', alg: -7 }],
    user: { id: crypto.getRandomValues(new Uint8Array(32)), name, displayName: name },
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
  } });
  return { id, client_data: base64url(response.clientDataJSON), public_key: base64url(response.getPublicKey()) };
};
const shown = async (challenge) => {
  const { id, response } = await navigator.credentials.get({ publicKey: { challenge, userVerification: 'required' } });
  return { id, client_data: base64url(response.clientDataJSON), authenticator_data: base64url(response.authenticatorData), signature: base64url(response.signature) };
};
for (const button of document.querySelectorAll('[data-passkey]')) {
  const said = document.getElementById('said');
  if (!window.PublicKeyCredential) { button.disabled = true; said.textContent = says.no_passkeys; }
  button.addEventListener('click', async () => {
    try {
      const { challenge } = await fetch('/passkeys/challenge').then((answer) => answer.json());
      const { name, then, passkey } = button.dataset;
      const answer = name ? await made(bytes(challenge), name) : await shown(bytes(challenge));
      const sent = await fetch(passkey, { method: 'POST', headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(answer) });
      if (!sent.ok) throw new Error(String(sent.status));
      if (then === 'back') history.back(); else location.assign(then);
    } catch { said.textContent = says.did_not_work; }
  });
}
