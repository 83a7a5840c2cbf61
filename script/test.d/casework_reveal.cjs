// Is a file shown while a button is held and in no other way, counted, and stopped at the day's budget?
const { OUT } = process.env;
const { streamward, faults, looked } = require('./console_pages.cjs');

const faultUnless = (isSo, what) => { if (!isSo) faults.push(what); };
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// `page` stands at a case whose one film lies in the vault.
async function filmed(page) {
  await looked(page, 'case-film-covered');
  for (const [mode, width] of [['tile', 720], ['full', 1928]]) {
    const button = await page.$(`.tile button[data-mode=${mode}]`);
    await button.scrollIntoView();
    const box = await button.boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.waitForFunction(() => { const canvas = document.querySelector('.tile canvas'); return !canvas.hidden && canvas.width > 0; }, { timeout: 40000, polling: 20 });
    // Nine stills three by three: no two of them are alike, and none is black.
    const sheet = await page.$eval('.tile canvas', (canvas) => {
      const [wide, high] = [Math.floor(canvas.width / 3), Math.floor(canvas.height / 3)];
      const still = (place) => {
        const { data } = canvas.getContext('2d').getImageData((place % 3) * wide, Math.floor(place / 3) * high, wide, high);
        let sum = 0;
        for (let i = 0; i < data.length; i += 4) sum = (sum * 31 + data[i]) % 1000003;
        return [sum, data.some((value, i) => i % 4 !== 3 && value > 100)];
      };
      const stills = [...Array(9).keys()].map(still);
      return { width: canvas.width, nDifferent: new Set(stills.map(([sum]) => sum)).size, nLit: stills.filter(([, isLit]) => isLit).length };
    });
    faultUnless(sheet.width === width && sheet.nDifferent === 9 && sheet.nLit === 9, `the sheet of a film: ${JSON.stringify(sheet)}`);
    await page.screenshot({ path: `${OUT}/case-film-${mode}.png` });
    await page.mouse.up();
  }
}

// `page` stands at the case with the number `card`, whose one picture lies in the vault.
async function revealed(page, card) {
  const asked = [];
  const pictures = [];
  page.on('request', (request) => { if (request.url().includes('/reveal')) asked.push(request.url()); });
  page.on('response', (response) => {
    if (/^image\//.test(response.headers()['content-type'] || '')) pictures.push({ url: response.url(), cache: response.headers()['cache-control'] });
  });
  await page.reload();
  await looked(page, 'case-covered');
  const bare = await page.evaluate(() => ({
    canvas: [...document.querySelectorAll('canvas')].map((canvas) => canvas.hidden),
    nMedia: document.querySelectorAll('img, video, picture, source, object, embed, [style*="url("]').length,
    hasData: /data:image|blob:|base64/.test(document.documentElement.outerHTML),
  }));
  faultUnless(bare.canvas.length === 1 && bare.canvas[0] && bare.nMedia === 0 && !bare.hasData, `the page holds a picture: ${JSON.stringify(bare)}`);

  const isShown = () => page.$eval('.tile canvas', (canvas) => !canvas.hidden && canvas.width > 0);
  const words = () => page.$eval('.tile [role=status]', (said) => said.textContent);
  const shown = () => page.waitForFunction(() => { const canvas = document.querySelector('.tile canvas'); return !canvas.hidden && canvas.width > 0; }, { timeout: 15000, polling: 20 });
  const covered = async (what) => { if (await isShown()) faults.push(`still shown after ${what}`); };
  const over = async (mode) => {
    const button = await page.$(`.tile button[data-mode=${mode}]`);
    await button.scrollIntoView();
    const { x, y, width, height } = await button.boundingBox();
    await page.mouse.move(x + width / 2, y + height / 2);
  };

  // A pointer that passes, a click from the keyboard, one key: nothing is asked for.
  await over('tile');
  await page.focus('.tile button[data-mode=tile]');
  for (const key of ['Enter', 'Space', 'KeyF', 'KeyJ']) { await page.keyboard.press(key, { delay: 150 }); }
  await pause(300);
  faultUnless(asked.length === 0 && pictures.length === 0, `asked for before anything was held: ${asked}`);
  await covered('a pointer passed and single keys');

  // As it is, before the small one: refused in words.
  await over('full');
  await page.mouse.down();
  await page.waitForFunction(() => document.querySelector('.tile [role=status]').textContent.includes('small, grey and blurred first'), { timeout: 15000 });
  await page.mouse.up();
  faultUnless(pictures.length === 0, 'shown as it is first');

  await over('tile');
  await page.mouse.down();
  await shown();
  const colours = await page.$eval('.tile canvas', (canvas) => {
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    let most = 0;
    for (let i = 0; i < data.length; i += 4) most = Math.max(most, Math.abs(data[i] - data[i + 1]), Math.abs(data[i] - data[i + 2]));
    return { most, width: canvas.width };
  });
  faultUnless(colours.most <= 2 && colours.width <= 320, `what is shown first is not small and grey: ${JSON.stringify(colours)}`);
  await page.screenshot({ path: `${OUT}/case-shown-small.png` });
  await page.mouse.up();
  await covered('the button was let go');
  const used = pictures[0].url;

  // Two keys together, on the button; one let go is enough.
  await page.focus('.tile button[data-mode=full]');
  await page.keyboard.down('KeyF');
  await pause(300);
  await covered('one key of two');
  await page.keyboard.down('KeyJ');
  await shown();
  await page.screenshot({ path: `${OUT}/case-shown-full.png` });
  await page.keyboard.up('KeyF');
  await covered('one key was let go');
  await page.keyboard.up('KeyJ');

  // The window is left while the button is held.
  await over('tile');
  await page.mouse.down();
  await shown();
  await page.evaluate(() => window.dispatchEvent(new Event('blur')));
  await covered('the window was left');
  await page.mouse.up();

  // Held without end: covered by itself.
  await over('tile');
  await page.mouse.down();
  await shown();
  await pause(10500);
  await covered('ten seconds');
  await page.mouse.up();

  // The fifth of four.
  const nBefore = pictures.length;
  await over('tile');
  await page.mouse.down();
  await page.waitForFunction(() => /looks are spent/.test(document.querySelector('.tile [role=status]').textContent), { timeout: 15000 });
  await page.mouse.up();
  faultUnless(pictures.length === nBefore, 'shown beyond the budget');
  console.log(`stopped at the budget: "${await words()}"`);

  faultUnless(pictures.length === 4 && pictures.every(({ cache }) => cache === 'no-store'), `pictures came: ${JSON.stringify(pictures)}`);
  const again = await page.evaluate((url) => fetch(url).then((answer) => answer.status), used);
  faultUnless(again === 410, `a grant works twice: ${again}`);
  let views = [];
  for (let i = 0; i < 50; i += 1) {
    views = JSON.parse(streamward('case', 'show', card, '--json')).views;
    if (views.length === 4 && views.every((view) => view.shown_ms > 0)) break;
    await pause(100);
  }
  const log = views.map(({ who, mode, shown_ms: ms }) => `${who} ${mode} ${ms} ms`);
  console.log(`looks in the record: ${log.join(', ')}`);
  faultUnless(views.length === 4 && views.every((view) => view.who === 'Ada Reviewer' && view.shown_ms > 0 && view.shown_ms <= 10000), 'the record of looks is not right');
  faultUnless(views.map((view) => view.mode).join() === 'tile,full,tile,tile', 'the record does not say what was shown');
  await page.reload();
  await looked(page, 'case-budget-spent');
}

module.exports = { revealed, filmed, faultUnless };
