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
    await ada.click('input[value=violation]');
    await ada.type('#reason', 'The safety test card, near its entry in the list.');
    await click(ada, 'Decide');
    await looked(ada, 'case-decided');
    await ada.type('#remark', 'A test with the safety test card.');
    await click(ada, 'Draft the report');
    await ada.$eval('details', (details) => { details.open = true; });
    await looked(ada, 'report-draft');

    const bo = await signedIn(browser, 'Bo Officer');
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
