// How a test signs in to the console, looks at a page, and presses a button: what the browser tests share.
const { execFileSync } = require('node:child_process');
const fs = require('node:fs');
const puppeteer = require('puppeteer-core');

const { ADDRESS, CHROMIUM, OUT, PROGRAM, DATA } = process.env;
const streamward = (...words) => execFileSync(PROGRAM, [...words, '--data', DATA], { encoding: 'utf8' });
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const faults = [];
let nChecked = 0;

// Two widths, light and dark: a picture of each, nothing over the edge, and no finding of axe.
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

async function signedIn(browser, name, onTheWay = async () => {}) {
  const page = await (await browser.createBrowserContext()).newPage();
  page.on('console', (message) => { if (/violates|Refused|error/i.test(message.text())) faults.push(`console: ${message.text()}`); });
  page.on('pageerror', (error) => faults.push(`script: ${error.message}`));
  await page.goto(`${ADDRESS}/sign-in`);
  await onTheWay(page);
  await page.type('#code', streamward('person', 'code', name).trim());
  await Promise.all([page.waitForNavigation(), page.keyboard.press('Enter')]);
  return page;
}

async function click(page, text) {
  const button = await page.waitForSelector(`::-p-xpath(//button[contains(., "${text}")])`);
  await Promise.all([page.waitForNavigation(), button.click()]);
}

// Runs a story in a browser of its own, and ends the program with what was found.
function run(story) {
  (async () => {
    const browser = await puppeteer.launch({ executablePath: CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'] });
    try {
      await story(browser);
    } finally {
      await browser.close();
    }
    console.log(`${nChecked} looks of axe, ${faults.length} findings; pictures in ${OUT}`);
    faults.forEach((fault) => console.log(`  ${fault}`));
    process.exit(faults.length ? 1 : 0);
  })().catch((error) => { console.error(error); faults.forEach((fault) => console.error(fault)); process.exit(1); });
}

module.exports = { ADDRESS, streamward, faults, looked, signedIn, click, run };
