// Two people at two browsers take one case all the way; each page they pass is looked at by axe and photographed.
const { ADDRESS, streamward, faults, looked, signedIn, click, run } = require('./console_pages.cjs');
const { revealed, filmed, faultUnless } = require('./casework_reveal.cjs');

// Opens what a summary holds.
async function opened(page, summary) {
  await (await page.waitForSelector(`::-p-xpath(//summary[contains(., "${summary}")])`)).click();
}

run(async (browser) => {
  const ada = await signedIn(browser, 'Ada Reviewer', (page) => looked(page, 'sign-in'));

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
  streamward('refer', process.env.LIVE);
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

  // Somebody appeals: written down by who decided, heard by a third person who had no hand in the case.
  await ada.goto(`${ADDRESS}${at}`);
  await opened(ada, 'Write down an appeal');
  await looked(ada, 'appeal-form');
  await ada.type('#reference', 'A-17');
  await ada.type('#said', 'It was the safety test card.');
  await click(ada, 'Write it down');
  await looked(ada, 'appeal-not-mine');
  const cy = await signedIn(browser, 'Cy Reviewer');
  await cy.goto(`${ADDRESS}/appeals`);
  await looked(cy, 'appeals');
  await Promise.all([cy.waitForNavigation(), cy.click('tbody a')]);
  await looked(cy, 'appeal-to-hear');
  // With the keyboard alone: to the first choice, one down, on to the reason.
  await cy.focus('input[value=upheld]');
  await cy.keyboard.press('ArrowDown');
  await cy.keyboard.press('Tab');
  await cy.keyboard.type('It is the test card of the list.');
  await click(cy, 'Answer the appeal');
  faultUnless((await cy.$eval('main', (main) => main.innerText)).includes('the decision is reversed'), 'the appeal was not answered');
  await opened(cy, 'The answer as a letter');
  await looked(cy, 'appeal-heard');

  // What was paid, for those who read it, and an export for a claim that two of them let go.
  const di = await signedIn(browser, 'Di Lead');
  await di.goto(`${ADDRESS}${at}`);
  await opened(di, 'Put in what was paid');
  await looked(di, 'paid-form');
  for (const [field, words] of Object.entries({ reference: 't-1', payer: 'payer 7', beneficiary: 'account-0815', amount: '1500.00', currency: 'PHP', at: '2026-11-24T09:10:00Z', source: 'the payments desk', basis: 'one legal entity' })) await di.type(`#paid-${field}`, words);
  await click(di, 'Put it in');
  await opened(di, 'Ask for an export for a claim');
  await looked(di, 'claim-form');
  await di.type('#claim', 'Claim 17 before the court of Example');
  await click(di, 'Ask for it');
  const ed = await signedIn(browser, 'Ed Lead');
  await ed.goto(`${ADDRESS}${at}`);
  await looked(ed, 'claim-to-allow');
  await click(ed, 'Allow claim 1');
  await looked(ed, 'claim-allowed');
  await ada.goto(`${ADDRESS}${at}`);
  faultUnless(!(await ada.$eval('main', (main) => main.innerText)).includes('payer 7'), 'what was paid is shown to who may not read it');
  await ada.goto(`${ADDRESS}/find`);
  await ada.type('#text', 'call-4711');
  await click(ada, 'Find');
  const found = await ada.$$eval('tr[data-row]', (rows) => rows.length);
  if (found < 1) faults.push('a call that has a case is not found');
  await looked(ada, 'found');
  for (const [path, name] of [['/', 'queue-after'], ['/done', 'done'], ['/outbox', 'outbox'], ['/figures', 'figures'], ['/figures/forms', 'forms'], ['/lists', 'lists'], ['/people', 'people'], ['/me', 'you'], ['/nowhere', 'not-found'], [at, 'case-reported'], ['/log', 'log']]) {
    await bo.goto(`${ADDRESS}${path}`);
    await looked(bo, name);
  }
  await click(bo, 'Check everything now');
  await looked(bo, 'log-checked');

  // A film: a sheet of its stills, as a picture is looked at.
  const { case: film } = JSON.parse(streamward('refer', `${process.env.FILM}.jsonl`, '--evidence', `${process.env.FILM}.mp4`, '--keep-evidence', '--json').trim().split('\n')[0]);
  await cy.goto(`${ADDRESS}/cases/${film}`);
  await click(cy, 'Take this case');
  await filmed(cy);

  // The organisation's own sign-in: whoever comes unknown stays out, until somebody who lets people in links them.
  const stranger = await (await browser.createBrowserContext()).newPage();
  const go = async () => {
    await stranger.goto(`${ADDRESS}/sign-in`);
    await Promise.all([stranger.waitForNavigation(), stranger.click('a[href="/sign-in/oidc"]')]);
  };
  await go();
  await looked(stranger, 'not-let-in');
  const subject = await stranger.$eval('pre', (pre) => pre.textContent);
  await bo.goto(`${ADDRESS}/people`);
  await bo.$eval('details', (details) => { details.open = true; });
  await looked(bo, 'people-linking');
  await bo.type('input[name=subject]', subject);
  await click(bo, 'Link it');
  await go();
  await stranger.waitForSelector('header form', { timeout: 10000 });
  console.log(`signed in with the organisation's own sign-in, at ${new URL(stranger.url()).pathname}`);
  faultUnless(new URL(stranger.url()).pathname === '/', 'the way on from the sign-in does not lead to the queue');
  await stranger.goto(`${ADDRESS}/sign-in/oidc/back?code=x&state=y`);
  await looked(stranger, 'sign-in-refused');

  await bo.goto(`${ADDRESS}/people`);
  await click(bo, 'One-time code');
  await looked(bo, 'one-time-code');
});
