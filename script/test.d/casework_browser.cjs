// Two people at two browsers take one case all the way; each page they pass is looked at by axe and photographed.
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const puppeteer = require('puppeteer-core');

const { ADDRESS, CHROMIUM, OUT, PROGRAM, DATA, LIVE } = process.env;
const streamward = (...words) => execFileSync(PROGRAM, [...words, '--data', DATA], { encoding: 'utf8' });
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const faults = [];
let nChecked = 0;

async function looked(page, name) {
  for (const scheme of ['light', 'dark']) {
    await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: scheme }]);
    for (const width of [390, 1440]) {
      await page.setViewport({ width, height: 900 });
      await page.screenshot({ path: `${OUT}/${name}-${scheme}-${width}.png`, fullPage: true });
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) faults.push(`${name} ${scheme} ${width}: ${wide} pixels stand over the edge`);
    }
    // The page's own policy lets no other script in; axe comes through the browser's own interface.
    await page.evaluate(axe);
    const { violations } = await page.evaluate(() => axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] }));
    nChecked += 1;
    for (const { id, nodes } of violations) faults.push(`${name} ${scheme}: ${id}: ${nodes.map((node) => node.html).join(' | ').slice(0, 300)}`);
  }
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: 'light' }]);
  await page.setViewport({ width: 1440, height: 900 });
}

async function signedIn(browser, name) {
  const page = await (await browser.createBrowserContext()).newPage();
  page.on('console', (message) => { if (/violates|Refused|error/i.test(message.text())) faults.push(`console: ${message.text()}`); });
  page.on('pageerror', (error) => faults.push(`script: ${error.message}`));
  await page.goto(`${ADDRESS}/sign-in`);
  if (name === 'Ada Reviewer') await looked(page, 'sign-in');
  await page.type('#code', streamward('person', 'code', name).trim());
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  return page;
}

const faultUnless = (isSo, what) => { if (!isSo) faults.push(what); };
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

// A file is shown while a button is held and in no other way; `card` is the case's number.
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

const click = async (page, text) => {
  const button = await page.waitForSelector(`::-p-xpath(//button[contains(., "${text}")])`);
  await Promise.all([page.waitForNavigation(), button.click()]);
};

(async () => {
  const browser = await puppeteer.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
  try {
    const ada = await signedIn(browser, 'Ada Reviewer');

    // A passkey, on a device of the browser's own making: made, and then enough to come in.
    const device = await ada.createCDPSession();
    await device.send('WebAuthn.enable');
    await device.send('WebAuthn.addVirtualAuthenticator', { options: { protocol: 'ctap2', transport: 'internal', hasResidentKey: true, hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true } });
    await ada.goto(`${ADDRESS}/me`);
    await click(ada, 'Make a passkey');
    if (!(await ada.$eval('main', (main) => /Passkeys\s*1/.test(main.innerText.replace(/\n/g, ' '))))) faults.push('no passkey was made');
    await looked(ada, 'you-with-passkey');
    await click(ada, 'Sign out');
    await click(ada, 'Use a passkey');
    console.log(`signed in with a passkey, at ${new URL(ada.url()).pathname}`);
    if (new URL(ada.url()).pathname !== '/') faults.push('the passkey does not sign in');
    await looked(ada, 'queue');

    // The alarm: a stream that runs is referred while the queue is open.
    await new Promise((done) => setTimeout(done, 1500));
    streamward('refer', LIVE);
    const began = Date.now();
    await ada.waitForFunction(() => document.querySelector('[role=alert]'), { timeout: 10000, polling: 20 });
    const alarmMs = Date.now() - began;
    console.log(`the alarm stands ${alarmMs} ms after the incident was referred`);
    if (alarmMs > 1000) faults.push(`the alarm took ${alarmMs} ms`);
    await looked(ada, 'queue-alarm');

    // With the keyboard alone: down the queue, open, take.
    await ada.keyboard.press('j');
    await ada.keyboard.press('j');
    await Promise.all([ada.waitForNavigation(), ada.keyboard.press('Enter')]);
    await looked(ada, 'case-new');
    const at = new URL(ada.url()).pathname;
    await click(ada, 'Take this case');
    await looked(ada, 'case-taken');
    await revealed(ada, at.split('/').pop());
    await ada.click('input[value=violation]');
    await ada.type('#reason', 'The safety test card, near its entry in the list.');
    await click(ada, 'Decide');
    await looked(ada, 'case-decided');
    await ada.type('#remark', 'A test with the safety test card.');
    await click(ada, 'Draft the report');
    await ada.$eval('details', (details) => { details.open = true; });
    await looked(ada, 'report-draft');

    const bo = await signedIn(browser, 'Bo Officer');
    await bo.goto(`${ADDRESS}${at}`);
    faultUnless((await bo.$('.tile')) === null, 'a tile for who has not taken the case');
    await bo.goto(`${ADDRESS}/vault`);
    await looked(bo, 'vault');
    await bo.goto(`${ADDRESS}${at}/reports/1`);
    await looked(bo, 'report-to-approve');
    await click(bo, 'Approve and send');
    await bo.waitForFunction(() => document.body.textContent.includes('Filed. The authority'), { timeout: 20000 });
    await looked(bo, 'report-filed');
    for (const [path, name] of [['/', 'queue-after'], ['/done', 'done'], ['/outbox', 'outbox'], ['/figures', 'figures'], ['/people', 'people'], ['/me', 'you'], ['/nowhere', 'not-found'], [at, 'case-reported'], ['/log', 'log']]) {
      await bo.goto(`${ADDRESS}${path}`);
      await looked(bo, name);
    }
    await click(bo, 'Check everything now');
    await looked(bo, 'log-checked');
    await bo.goto(`${ADDRESS}/people`);
    await click(bo, 'One-time code');
    await looked(bo, 'one-time-code');
  } finally {
    await browser.close();
  }
  console.log(`${nChecked} looks of axe, ${faults.length} findings; pictures in ${OUT}`);
  faults.forEach((fault) => console.log(`  ${fault}`));
  process.exit(faults.length ? 1 : 0);
})().catch((error) => { console.error(error); faults.forEach((fault) => console.error(fault)); process.exit(1); });
