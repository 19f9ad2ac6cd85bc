// The page of event_status: its numbers, which need no token.

'use strict';

const {assert, scene, shared, test} = require('./lib');

const router = shared();

for (const dark of [false, true]) {
    test(`the numbers, ${dark ? 'dark' : 'light'}`, async t => {
        const r = await router();
        const s = await scene(t, {router: r, token: null, dark,
                                  url: r.url + '/events/'});
        const {page} = s;

        await r.feed(3, i => ({id: `n${dark}${i}`, type: 'order'}));
        await page.getByRole('row', {name: /^shop/}).waitFor();
        await page.getByText('live', {exact: true}).waitFor();

        const cell = page.getByRole('row', {name: /^erp/});

        await cell.first().waitFor();
        await s.fits();
        await s.axe();
        await s.shot(`status-${dark ? 'dark' : 'light'}`);
    });
}

test('it goes on', async t => {
    const r = await router();
    const s = await scene(t, {router: r, token: null,
                              url: r.url + '/events/'});
    const row = s.page.getByRole('row', {name: /^shop/});

    const before = Number((await row.innerText()).match(/\d+/)[0]);

    await r.feed(1000, i => ({id: 'g' + i, type: 'order'}));
    await s.page.waitForFunction(() => /1,0\d\d/.test(
        document.querySelector('main').innerText));
    assert.ok(before < 1000);
});

test('on a phone', async t => {
    const r = await router();
    const s = await scene(t, {router: r, token: null, width: 390, height: 844,
                              mobile: true, url: r.url + '/events/'});

    await s.page.getByRole('row', {name: /^shop/}).waitFor();
    await s.fits();
    await s.axe();
    await s.shot('status-phone');
});
