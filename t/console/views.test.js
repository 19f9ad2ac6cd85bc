// What holds for every view of the console, whatever it is about: it is
// reached by mouse, by key and by address, it is no wider than the window, axe
// finds nothing in it, light and dark, and who may only look has no buttons
// that act.

'use strict';

const {assert, scene, shared, test} = require('./lib');
const rich = require('./rich');

const router = shared(() => rich.start());

const views = ['flow', 'plots', 'events', 'dead', 'quarantine', 'targets',
               'sources', 'jobs'];

// words of buttons that act

const acts = new RegExp('^(?:' + ['replay', 'retry', 'move', 'purge', 'pause',
    'resume', 'probe', 'test', 'recheck', 'drain', 'undrain', 'edit',
    'send', 'cancel', 'stop', 'forget'].join('|') + ')\\b', 'i');


async function settled(page, name) {
    await page.locator('#view-' + name).waitFor();
    await page.waitForFunction(() =>
        !document.querySelector('main [aria-busy=true]'));

    // rates need two answers

    await page.waitForTimeout(1200);
}


for (const [name, look] of Object.entries({
    light: {}, dark: {dark: true},
    phone: {width: 390, height: 844, mobile: true},
    narrow: {width: 320, height: 700, dark: true, mobile: true}}))
{
    test(`all views, ${name}`, async t => {
        const s = await scene(t, {router: await router(), ...look});

        for (const view of views) {
            await t.test(view, async () => {
                await s.page.locator('#nav-' + view).click();
                await settled(s.page, view);
                await s.shot(`${view}-${name}`);
                await s.fits();
                await s.axe();
            });
        }
    });
}


test('by address, and by the way back', async t => {
    const s = await scene(t, {router: await router(), hash: '#targets'});
    const {page} = s;

    await page.locator('#view-targets').waitFor();
    assert.match(await page.title(), /^Targets /);
    assert.equal(await page.locator('#nav [aria-current=page]').innerText()
                     .then(text => /^Targets/.test(text)), true);
    await page.locator('#nav-dead').click();
    await page.locator('#view-dead').waitFor();
    await page.goBack();
    await page.locator('#view-targets').waitFor();

    // what is no view leads to the first one

    await page.evaluate(() => { location.hash = '#"><img src=x>'; });
    await page.locator('#view-flow').waitFor();
});


test('by keys alone', async t => {
    const s = await scene(t, {router: await router(), hash: '#flow'});
    const {page} = s;

    await page.locator('#view-flow').waitFor();

    for (const [i, view] of views.entries()) {
        const title = await page.locator('#nav-' + view).getAttribute('title');
        const key = /g (\w)/.exec(title)[1];

        await page.keyboard.press('g');
        await page.keyboard.press(key);
        await page.locator('#view-' + view).waitFor();
        assert.ok(await page.evaluate(() =>
            document.activeElement.closest('section.view') !== null
            || document.activeElement === document.body), 'focus is in it');
        assert.ok(i < 9);
    }

    await page.keyboard.press('1');
    await page.locator('#view-flow').waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    await s.axe();
    await s.shot('help-light');
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({state: 'detached'});

    // the first Tab of the page leads past the list of views

    assert.equal(await page.evaluate(() => document.querySelector(
        'a[href], button, input, [tabindex]').id), 'skip');
    await page.locator('#skip').focus();
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement.id), 'main');
});


test('every control is reached by Tab and has a name', async t => {
    const s = await scene(t, {router: await router(), hash: '#targets'});
    const {page} = s;

    for (const view of views) {
        await page.locator('#nav-' + view).click();
        await settled(page, view);

        const found = await page.evaluate(() => {
            const bad = [];

            for (const node of document.querySelectorAll(
                'main button, main a[href], main input, main select'))
            {
                if (node.closest('[hidden]') || node.disabled
                    || node.getClientRects().length === 0)
                {
                    continue;
                }

                const name = node.getAttribute('aria-label')
                    || node.textContent.trim() || node.title
                    || node.labels && node.labels.length;

                if (!name) {
                    bad.push(node.outerHTML.slice(0, 100));
                }
            }

            return bad;
        });

        assert.deepEqual(found, [], view);
    }
});


test('who may look has nothing to press that acts', async t => {
    const s = await scene(t, {router: await router(), role: 'look'});
    const {page} = s;

    await page.getByText('may look').waitFor();

    for (const view of views) {
        await page.locator('#nav-' + view).click();
        await settled(page, view);

        // also with rows chosen, where they can be

        const box = page.locator('main input[type=checkbox]').first();

        if (await box.count() && await box.isVisible()) {
            await box.check();
        }

        const buttons = await page.locator('main button').allInnerTexts();

        assert.deepEqual(buttons.filter(text => acts.test(text.trim())), [],
                         view);
    }
});


test('and who may act has', async t => {
    const s = await scene(t, {router: await router(), hash: '#targets'});

    await s.page.getByRole('button', {name: /pause/i}).first().waitFor();
});


test('light and dark by a button', async t => {
    const s = await scene(t, {router: await router(), dark: true});
    const {page} = s;
    const paper = () => page.evaluate(() =>
        getComputedStyle(document.documentElement).backgroundColor);
    const dark = await paper();

    await page.getByRole('button', {name: /^Theme/}).click();
    await page.getByRole('button', {name: 'Theme: light'}).waitFor();
    assert.notEqual(await paper(), dark);
    await page.getByRole('button', {name: /^Theme/}).click();
    assert.equal(await paper(), dark);
});


test('nothing flickers: what did not change stays in its place', async t => {
    const s = await scene(t, {router: await router(), hash: '#targets'});
    const {page} = s;

    await settled(page, 'targets');

    // with no traffic three answers of the API add and remove nothing

    const changes = await page.evaluate(() => new Promise(resolve => {
        let nodes = 0;
        const o = new MutationObserver(list => {
            for (const m of list) {
                nodes += m.addedNodes.length + m.removedNodes.length;
            }
        });

        o.observe(document.querySelector('main'),
                  {childList: true, subtree: true});
        setTimeout(() => { o.disconnect(); resolve(nodes); }, 3500);
    }));

    t.diagnostic(`nodes that came and went: ${changes}`);
    assert.ok(changes < 40, `${changes} nodes`);
});
