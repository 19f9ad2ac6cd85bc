// The flow picture and the plots: what flows, what fails and what waits, in
// place; with many routes; by keys; and gaps where nothing was measured.

'use strict';

const assert = require('assert/strict');

const {scene, test} = require('./lib');
const {Router} = require('./router');

const node = (page, id) => page.locator(`.flow-node[data-id="${id}"]`);


test('the picture: what flows and what fails', async t => {
    const s = await scene(t, {hash: '#flow', prepare: async router => {
        router.answer.crm = {status: 503, body: 'busy'};
        await router.feed(40, i => ({id: 'e' + i, type: 'order'}));
        await router.feed(6, i => ({id: 'c' + i, type: 'customer'}));
    }});
    const {page, router} = s;

    await node(page, 't:crm').getByText('breaker open').waitFor();

    // a node for each noun, a line for each way

    assert.equal(await page.locator('.flow-node').count(), 2 + 4 + 3);
    assert.equal(await page.locator('.flow-lines .flow-line').count(), 4 + 5);

    const red = page.locator('.flow-edge.bad');

    assert.equal(await red.count(), 1, 'one line is red');
    assert.match(await red.locator('title').textContent(),
                 /^customers \u2192 crm.*breaker open/);
    assert.equal(await page.locator('.flow-stage .flow-badge.bad').count(), 1,
                 'and has a cross');
    assert.match(await node(page, 't:crm').textContent(), /target crm/);
    assert.match(await page.locator('.flow-told').textContent(),
                 /breaker open.*target crm/);

    // numbers change where they stand

    await page.evaluate(() => {
        window.kept = [...document.querySelectorAll('.flow-node, .flow-line')];
    });

    for (let i = 0; i < 3; i++) {
        await router.feed(60, n => ({id: `m${i}-${n}`, type: 'order'}));
        await page.waitForTimeout(700);
    }

    await page.waitForFunction(() => /[1-9]/.test(document.querySelector(
        '[data-id="r:orders"] .flow-rate').textContent));
    assert.ok(await page.evaluate(() => window.kept.every(n =>
        n.isConnected)), 'the same elements');

    // a line is as wide as its rate

    const width = await page.evaluate(() => [...document.querySelectorAll(
        '.flow-edge')].map(g => [g.querySelector('title').textContent,
            Number(g.querySelector('.flow-line').getAttribute('stroke-width'))]));
    const of = name => width.find(w => w[0].startsWith(name))[1];

    assert.ok(of('orders \u2192 erp') > of('payments \u2192 books'), 'wider');

    await s.axe();
    await s.fits();

    // the red line leads to what waits there

    const at = await page.evaluate(() => {
        const hit = document.querySelector('.flow-edge.bad .flow-hit');
        const point = hit.getPointAtLength(hit.getTotalLength() / 2);
        const m = hit.getScreenCTM();

        return [point.x * m.a + m.e, point.y * m.d + m.f];
    });

    await page.mouse.click(...at);
    await page.locator('#view-events').waitFor();
    assert.match(page.url(), /#events\?target=crm&state=pending$/);
});


test('the picture by keys, as tables and as a list', async t => {
    const s = await scene(t, {hash: '#flow', prepare: router =>
        router.feed(5, i => ({id: 'e' + i, type: 'order'}))});
    const {page} = s;
    const here = () => page.evaluate(() =>
        document.activeElement.dataset.id || '');

    await node(page, 's:shop').focus();
    await page.keyboard.press('ArrowRight');
    assert.match(await here(), /^r:(orders|customers|large)$/);
    await page.keyboard.press('End');
    await page.keyboard.press('Home');
    await page.keyboard.press('ArrowRight');
    assert.match(await here(), /^t:/);
    await page.keyboard.press('ArrowLeft');
    await page.keyboard.press('ArrowLeft');
    assert.match(await here(), /^s:/);
    await node(page, 't:erp').focus();
    await page.keyboard.press('Enter');
    await page.locator('#view-events').waitFor();
    await page.goBack();

    await page.locator('#flow-as').click();
    await page.locator('#flow-targets').getByText('books').waitFor();
    assert.equal(await page.locator('#flow-routes tbody tr').count(), 4);
    assert.equal(await page.locator('#flow-picture').isVisible(), false);
    await s.axe();

    await page.locator('#flow-as').click();
    await page.setViewportSize({width: 390, height: 844});
    await page.locator('.flow-stage.list').waitFor();
    assert.equal(await page.locator('.flow-lines').isVisible(), false);
    await node(page, 'r:large').getByText('shop \u2192 erp, books').waitFor();
    await s.fits();
});


test('many routes are groups, and a search finds them', async t => {
    const more = Array.from({length: 300}, (_, i) => `event_route many-${i} {`
        + ` from shop; when type = t${i}; to ${i % 3 ? 'erp' : 'crm'}; }`);
    const s = await scene(t, {hash: '#flow',
        conf: router => Router.conf(router, more.join('\n'))});
    const {page} = s;

    await page.locator('.flow-node.r').first().waitFor();
    await page.getByText('304 routes in 4 groups').waitFor();
    assert.equal(await page.locator('.flow-node.r').count(), 4);
    await node(page, 'r:orders').getByText('201 routes, shop \u2192 erp')
        .waitFor();

    await page.locator('#flow-find').fill('MANY-29');
    await page.getByText('11 routes').waitFor();
    await node(page, 'r:many-290').waitFor();
    assert.equal(await page.locator('.flow-node.r').count(), 11);

    await page.locator('#flow-find').fill('many');
    await page.getByText('60 of 300 routes').waitFor();
    await page.locator('#flow-find').fill('');
    await node(page, 'r:customers').getByText('101 routes').click();
    await page.getByText('60 of 101 routes').waitFor();
    assert.match(page.url(), /#flow\?source=shop&target=crm$/);
    await page.getByRole('button', {name: /only target crm$/}).click();
    await page.getByText('60 of 303 routes').waitFor();
    assert.ok(s.seen.requests.every(url => !/limit=(?!1000)\d{3,}/.test(url)
        && !/routes\?.*limit=1000/.test(url)), 'never all of them');
});


test('plots: a gap is a gap, and keys show the values of a step', async t => {
    const s = await scene(t, {hash: '#plots', prepare: router =>
        router.feed(30, i => ({id: 'e' + i, type: 'order'}))});
    const {page} = s;

    await page.locator('.plot').first().waitFor({timeout: 40000});
    assert.equal(await page.locator('.plot').count(), 5);
    assert.ok(await page.locator('.plot-gap').count() >= 5, 'nothing before');

    // one piece of a line, and no point in the gap

    const line = await page.locator('.plot-line.p0.filled').first()
                           .getAttribute('d');

    assert.equal(line.split('M').length, 2, line);

    const axis = page.locator('#plots-time');

    await axis.focus();
    await page.keyboard.press('ArrowLeft');
    assert.match(await axis.getAttribute('aria-valuetext'),
                 /^\d\d:\d\d:\d\d: accepted [\d.]+\/(s|min), /);
    await page.keyboard.press('Home');
    assert.equal(await axis.getAttribute('aria-valuenow'), '0');
    assert.match(await axis.getAttribute('aria-valuetext'),
                 /accepted not measured, /);
    await s.axe();
    await s.fits();

    await page.locator('#plots-of').selectOption({label: 'target erp'});
    await page.getByRole('heading', {name: 'Latency of attempts',
                                     exact: true}).waitFor();
    assert.match(page.url(), /target=erp/);
    await page.locator('#plots-day').click();
    await page.locator('#plots-day[aria-pressed=true]').waitFor();
});
