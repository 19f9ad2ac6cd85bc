// What an open page costs nginx: the time that its workers have a processor,
// beside that of nginx which nobody looks at.  A worker that is busy takes
// events all the time, so 1 % of its time is 1 % of its throughput.

'use strict';

const {assert, scene, sleep, test} = require('./lib');
const {many} = require('./many');

const SECONDS = 15;


async function used(router, seconds) {
    const before = router.nanoseconds();

    await sleep(seconds * 1000);

    return (router.nanoseconds() - before) / seconds / 1e6;
}


async function costs(t, o) {
    let idle;
    const s = await scene(t, {...o, async prepare(router) {
        idle = await used(router, 5);
    }});
    const {router} = s;

    await sleep(2000);

    const asked = s.seen.requests.length;
    const open = await used(router, SECONDS);
    const polls = (s.seen.requests.length - asked) / SECONDS;

    t.diagnostic(`${o.hash}: ${(open - idle).toFixed(2)} ms a second with a page`
                 + ` open, ${polls.toFixed(1)} requests a second`);
    assert.ok(polls > 1, 'it does ask');
    assert.ok(open - idle < 10, `${open - idle} ms of each second`);

    return s;
}


test('an open page, three targets', async t => {
    await costs(t, {hash: '#flow'});
});


test('an open page, 100 sources, 200 targets, 10,000 routes', async t => {
    await costs(t, {hash: '#flow', conf: many({sources: 100, targets: 200,
                                               routes: 10000})});
});


test('a page that is hidden asks seldom', async t => {
    const s = await scene(t, {hash: '#flow'});

    await s.page.evaluate(() => {
        Object.defineProperty(document, 'hidden', {get: () => true});
        document.dispatchEvent(new Event('visibilitychange'));
    });
    await sleep(1500);

    const asked = s.seen.requests.length;

    await sleep(5000);
    assert.ok(s.seen.requests.length - asked <= 4,
        `${s.seen.requests.length - asked} requests in 5 s`);
});


test('events are taken as fast with a page open', async t => {
    let without;

    const once = async (router, round) => {
        const began = process.hrtime.bigint();
        const before = router.nanoseconds();

        await router.feed(20000, i => ({id: `${round}-${i}`, type: 'product'}));

        const ms = Number(process.hrtime.bigint() - began) / 1e6;

        return [(router.nanoseconds() - before) / 1e6, ms];
    };

    const s = await scene(t, {hash: '#flow', async prepare(router) {
        await once(router, 'warm');
        without = await once(router, 'without');
    }});
    const beside = await once(s.router, 'beside');

    t.diagnostic('20,000 events: ' + [without, beside].map(([cpu, ms]) =>
        `${cpu.toFixed(0)} ms of a worker in ${ms.toFixed(0)} ms`).join(
            ', with a page '));

    // two runs differ by more than a page costs: this finds what is grossly
    // wrong, costs() above what is not

    assert.ok(beside[0] < without[0] * 1.25 + 50);
});
