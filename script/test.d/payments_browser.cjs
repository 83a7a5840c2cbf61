// One analyst proposes a pack, a second person lets it hold, and both look at every page about payments on the way.
const { ADDRESS, faults, looked, signedIn, click, run } = require('./console_pages.cjs');

run(async (browser) => {
  const ada = await signedIn(browser, 'Ada Analyst');
  const open = async (page, path, name) => {
    await page.goto(`${ADDRESS}${path}`);
    await looked(page, name);
  };
  await open(ada, '/payments', 'payments');
  const alert = await ada.$eval('[data-row] a', (link) => link.getAttribute('href'));
  await open(ada, alert, 'alert');
  await ada.type('#note', 'Pays two sisters; a letter is on file.');
  await click(ada, 'innocent');
  await looked(ada, 'alert-found');

  await open(ada, '/payments/below', 'below');
  const item = await ada.$eval('[data-row] a', (link) => link.getAttribute('href'));
  await open(ada, item, 'below-one');
  await ada.type('#note', 'A student and her landlord.');
  await click(ada, 'innocent');
  await looked(ada, 'below-found');

  await open(ada, '/payments/drift', 'drift');
  await ada.$$eval('details', (all) => all.slice(0, 3).forEach((details) => { details.open = true; }));
  await looked(ada, 'drift-numbers');

  await open(ada, '/payments/packs', 'packs');
  await ada.type('#overlay', '[overlay]\nid = "house"\nversion = "1"\npack = "livestream-exploitation"\npack_version = "0.3.0"\n[[typology]]\nid = "payer"\nreview = 44\nalert = 60\n');
  await ada.type('#reason', 'More to review and fewer held, as the last quarter asks.');
  await click(ada, 'Propose');
  await looked(ada, 'packs-proposed');
  await open(ada, '/payments/packs/pack-1', 'pack-own');

  const bo = await signedIn(browser, 'Bo Lead');
  await open(bo, '/payments/packs/pack-1', 'pack-to-decide');
  await open(bo, '/payments/packs/pack-1/shadow', 'shadow');
  await bo.goto(`${ADDRESS}/payments/packs/pack-1`);
  await bo.type('#why-activate', 'Looked at the shadow and at ten of those it alone raises.');
  await click(bo, 'Let it hold from now on');
  await looked(bo, 'packs-activated');
  if (!(await bo.$eval('main', (main) => main.innerText)).includes('activated by Bo Lead')) faults.push('the pack does not hold');
  await open(bo, '/payments/packs/pack-1', 'pack-activated');
});
