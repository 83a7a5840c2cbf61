// A day later: what was decided yesterday is drawn, and somebody who had no hand in it looks at it without being told.
const { ADDRESS, faults, looked, signedIn, click, run } = require('./console_pages.cjs');

run(async (browser) => {
  const fay = await signedIn(browser, 'Fay Reviewer');
  const text = () => fay.$eval('main', (main) => main.innerText);
  for (let tries = 0; tries < 50; tries += 1) {
    await fay.goto(`${ADDRESS}/quality`);
    if (/\d wait\./.test(await text())) break;
    await new Promise((done) => setTimeout(done, 200));
  }
  await looked(fay, 'second-looks');
  await click(fay, 'Give me the next one');
  if (/must be reported\.|decided by|Report 1/.test(await text())) faults.push('the second person is told what was decided');
  await looked(fay, 'second-look');
  // With the keyboard alone: to the second choice, on to the reason.
  await fay.focus('input[value=violation]');
  await fay.keyboard.press('ArrowDown');
  await fay.keyboard.press('Tab');
  await fay.keyboard.type('The safety test card, and nothing else.');
  await click(fay, 'Say what you find');
  if (!(await text()).includes('1 of them found otherwise')) faults.push('the second look was not counted');
  await looked(fay, 'second-looks-differ');
  const di = await signedIn(browser, 'Di Lead');
  await di.goto(`${ADDRESS}/figures`);
  await looked(di, 'figures-with-agreement');
  await di.goto(`${ADDRESS}/figures/forms`);
  await looked(di, 'forms');
});
