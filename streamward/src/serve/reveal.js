
// A file is shown while a button is held, or while F and J are held together on it: never by a click, a pointer that
// passes, or one key. Nothing of it is asked for before, and nothing stays after.
const post = (to, fields) => ({ method: 'POST', body: new URLSearchParams(fields), redirect: 'error', keepalive: to.endsWith('/cover') });
for (const tile of document.querySelectorAll('[data-reveal]')) {
  const canvas = tile.querySelector('canvas');
  const said = tile.querySelector('[role=status]');
  const down = new Set();
  let held = null;

  const cover = () => {
    const hold = held;
    if (!hold) return;
    held = null;
    clearTimeout(hold.timer);
    hold.waiting.abort();
    canvas.hidden = true;
    canvas.width = 0;
    canvas.height = 0;
    said.textContent = says.covered;
    if (!hold.grant) return;
    const to = `/reveal/${hold.grant}/cover`;
    const shown_ms = hold.shownAt === null ? 0 : Math.round(performance.now() - hold.shownAt);
    fetch(to, post(to, { shown_ms })).catch(() => {});
  };

  const words = async (answer) => {
    try { return (await answer.json()).error; } catch { return says.prove_again; }
  };

  const reveal = async (button) => {
    cover();
    const { mode } = button.dataset;
    const hold = { button, waiting: new AbortController(), grant: null, shownAt: null, timer: 0 };
    held = hold;
    said.textContent = says.moment;
    const { signal } = hold.waiting;
    try {
      const to = tile.dataset.reveal;
      const asked = await fetch(to, { ...post(to, { mode }), signal });
      if (!asked.ok) throw new Error(await words(asked));
      hold.grant = (await asked.json()).grant;
      const came = await fetch(`/reveal/${hold.grant}`, { signal, cache: 'no-store', redirect: 'error' });
      if (!came.ok) throw new Error(await words(came));
      const picture = await createImageBitmap(await came.blob());
      if (held === hold) {
        canvas.width = picture.width;
        canvas.height = picture.height;
        canvas.getContext('2d').drawImage(picture, 0, 0);
        canvas.hidden = false;
        hold.shownAt = performance.now();
        hold.timer = setTimeout(cover, Number(tile.dataset.ms));
        said.textContent = says.shown;
      }
      picture.close();
    } catch (error) {
      if (held !== hold) return;
      cover();
      said.textContent = says.covered_because.replace('{why}', () => error.message);
    }
  };

  for (const button of tile.querySelectorAll('button[data-mode]')) {
    button.addEventListener('pointerdown', (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId);
      reveal(button);
    });
    // Another button's end is none of this one's: what is pressed now takes the focus from what was pressed before.
    for (const end of ['pointerup', 'pointercancel', 'lostpointercapture', 'blur']) {
      button.addEventListener(end, () => { down.clear(); if (held?.button === button) cover(); });
    }
    button.addEventListener('contextmenu', (event) => event.preventDefault());
    button.addEventListener('keydown', (event) => {
      if (!['KeyF', 'KeyJ'].includes(event.code)) return;
      event.stopPropagation();
      down.add(event.code);
      if (down.size === 2 && !held && !event.repeat) reveal(button);
    });
    button.addEventListener('keyup', (event) => { if (down.delete(event.code)) cover(); });
  }
  for (const end of ['blur', 'pagehide']) window.addEventListener(end, () => { down.clear(); cover(); });
  document.addEventListener('visibilitychange', () => { if (document.hidden) { down.clear(); cover(); } });
}
