// Large numbers: 10,000 dead letters, 100,000 events, 10,000 routes.  The page
// stays quick: nothing that a person does takes it longer than a moment, and
// it holds no more rows than it shows.

'use strict';

const {assert, scene, shared, test, Router} = require('./lib');
const {many} = require('./many');

const DEAD = 10000;
const EVENTS = 100000;


async function loaded() {
    const router = await Router.start();

    router.answer.erp = {status: 422, body: '{"Errors":["no such customer"]}'};
    await router.feed(DEAD, i => ({id: 'dead-' + i, type: 'order',
        subject: 'shop-' + i % 7, number: i, total: 1}));
    await router.until('all are dead', async () =>
        await router.has('erp', 'dead') === DEAD, 120);
    await router.feed(EVENTS, i => ({id: 'seen-' + i, type: 'product',
        subject: 'shop-' + i % 7, number: DEAD + i}));

    return router;
}

const router = shared(loaded);


// the longest time that the page did not answer, in ms

async function stalls(page) {
    await page.evaluate(() => {
        window.stalls = [];
        new PerformanceObserver(list => {
            for (const e of list.getEntries()) {
                window.stalls.push(Math.round(e.duration));
            }
        }).observe({type: 'longtask'});
    });

    return () => page.evaluate(() => Math.max(0, ...window.stalls));
}


test('10,000 dead letters', async t => {
    const s = await scene(t, {router: await router(), hash: '#flow'});
    const {page} = s;
    const longest = await stalls(page);

    await page.locator('#nav-dead').click();
    await page.getByText('1,000 looked at, there are more').waitFor();
    assert.equal(await page.locator('#badge-dead').innerText(), '10,000');
    await page.getByRole('button', {name: 'Look at all'}).click();
    await page.getByText('10,000 in all, 1 group').waitFor({timeout: 60000});
    await page.getByText('10,000 letters').waitFor();
    await page.getByText('Letters', {exact: true}).first().click();
    await page.getByText('100 of 10,000 shown').waitFor();
    await s.fits();
    await s.axe();
    await s.shot('many-dead-light');

    const nodes = await page.evaluate(() =>
        document.querySelectorAll('*').length);

    t.diagnostic(`${nodes} nodes, longest task ${await longest()} ms`);
    assert.ok(nodes < 5000, `${nodes} nodes`);
    assert.ok(await longest() < 1000, `${await longest()} ms`);
});


test('10,000 dead letters are replayed, and seen to be', async t => {
    const r = await router();
    const s = await scene(t, {router: r, hash: '#dead'});
    const {page} = s;

    r.answer.erp = {};
    await page.getByRole('button', {name: 'Replay all of these\u2026'}).click();

    const ask = page.getByRole('dialog', {name: 'Replay dead letters'});

    await ask.getByText('10,000 dead letters').waitFor();
    await ask.getByRole('button', {name: 'Replay'}).click();
    await page.locator('#toasts').getByText('10,000 dead letters replayed')
        .waitFor({timeout: 60000});
    await r.until('none is dead', async () =>
        await r.has('erp', 'dead') === 0, 60);
});


test('100,000 events', async t => {
    const r = await router();
    const s = await scene(t, {router: r, hash: '#flow'});
    const {page} = s;
    const longest = await stalls(page);

    await page.locator('#nav-events').click();

    const rows = page.locator('#view-events tbody tr');

    await rows.first().waitFor();

    const shown = await rows.count();

    assert.ok(shown >= 20 && shown <= 1000, `${shown} rows`);
    await s.fits();
    await s.shot('many-events-light');

    // one of them by its number, and by its id

    for (const [by, text, found] of [
        ['key', 'data.number:4711', 'dead-4711'],
        ['id', 'seen-77777', 'seen-77777']])
    {
        await page.getByLabel('By').selectOption(by);
        await page.getByLabel('Search', {exact: true}).fill(text);
        await page.keyboard.press('Enter');
        await page.getByText('1 in all').waitFor();
        assert.match(await rows.first().innerText(), new RegExp(found));
    }

    await rows.first().focus();
    await page.keyboard.press('Enter');
    await page.locator('#view-event').waitFor();
    await page.getByText('seen-77777').first().waitFor();
    t.diagnostic(`longest task ${await longest()} ms`);
    assert.ok(await longest() < 1000, `${await longest()} ms`);
});


test('further and further pages of events', async t => {
    const s = await scene(t, {router: await router(), hash: '#events'});
    const {page} = s;
    const rows = page.locator('#view-events tbody tr');

    await rows.first().waitFor();

    let before = await rows.count();

    for (let i = 0; i < 5; i++) {
        await page.locator('#view-events').getByRole('button',
            {name: /^(?:More|Next)/}).click();
        await page.waitForFunction(n => document.querySelectorAll(
            '#view-events tbody tr').length !== n, before);
        before = await rows.count();
    }

    await s.fits();
});


test('100 sources, 200 targets, 10,000 routes', async t => {
    const s = await scene(t, {
        hash: '#flow', conf: many({sources: 100, targets: 200, routes: 10000}),
        async prepare(router) {
            router.answer['target-3'] = {status: 500};

            for (let i = 0; i < 50; i++) {
                await router.feed(5, k => ({id: `m${i}-${k}`,
                    type: `type-${i}`}), {url: `/hooks/source-${i}`});
            }
        }});
    const {page} = s;
    const longest = await stalls(page);

    await page.locator('#view-flow').waitFor();
    await page.waitForTimeout(2500);
    await s.fits();
    await s.axe();
    await s.shot('many-routes-light');

    const nodes = await page.evaluate(() =>
        document.querySelectorAll('*').length);

    t.diagnostic(`flow: ${nodes} nodes, longest task ${await longest()} ms`);
    assert.ok(nodes < 5000, `${nodes} nodes: it groups`);

    // one of them is found

    const search = page.locator('#view-flow').getByRole('searchbox').or(
        page.locator('#view-flow input[type=search]')).or(
        page.locator('#view-flow input')).first();

    await search.fill('route-7777');
    await page.locator('#view-flow').getByText('route-7777', {exact: true})
        .first().waitFor();
    await s.shot('many-routes-found-light');

    for (const view of ['targets', 'sources', 'plots']) {
        await page.locator('#nav-' + view).click();
        await page.locator('#view-' + view).waitFor();
        await page.waitForTimeout(1200);
        await s.fits();
        await s.shot(`many-${view}-light`);
    }

    t.diagnostic(`all: longest task ${await longest()} ms`);
    assert.ok(await longest() < 1000, `${await longest()} ms`);
});
