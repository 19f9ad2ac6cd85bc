// An nginx in which a little of everything has happened, so that no view of the
// console is empty: events that were delivered, wait, are dead for different
// reasons, requests in quarantine, a breaker that is open, a target and a
// source that are paused, a job that is over.

'use strict';

const crypto = require('crypto');

const {Router} = require('./router');


const sign = body =>
    crypto.createHmac('sha256', 'secret-of-pay').update(body).digest('hex');


async function rich(router, {orders = 40} = {}) {
    const order = (i, more) => ({id: 'order-' + i, type: 'order.paid',
        subject: 'shop-' + i % 3, number: 4711 + i, total: i * 30, ...more});

    // delivered; every third one large, so books gets it, too

    await router.feed(orders, i => order(i));
    await router.until('orders are delivered', async () =>
        await router.has('erp', 'delivered') === orders);

    // dead, of three kinds

    router.answer.erp = {status: 422, body: JSON.stringify({
        Errors: ['Customer 77 is not known'], StatusCode: 422})};
    await router.feed(12, i => order(1000 + i));
    await router.until('some are dead', async () =>
        await router.has('erp', 'dead') === 12);
    router.answer.erp = {status: 400, body: 'total is missing'};
    await router.feed(5, i => order(2000 + i, {total: 1}));
    await router.until('and others', async () =>
        await router.has('erp', 'dead') === 17);
    router.answer.erp = {};

    // crm fails: its breaker opens, and events wait

    router.answer.crm = {status: 503, body: 'out of order'};
    await router.feed(8, i => ({id: 'customer-' + i, type: 'customer'}));
    await router.until('the breaker is open', async () =>
        (await router.api('status')).queue.targets.crm.breaker === 'open');

    // refused: another secret, no JSON, and nothing that a route wants

    const paid = JSON.stringify({id: 'pay-1', type: 'paid'});

    await router.post('/hooks/pay', paid, {'X-Signature': sign(paid)});

    for (let i = 0; i < 4; i++) {
        await router.post('/hooks/pay', `{"id":"forged-${i}"}`,
                          {'X-Signature': '0'.repeat(64)});
    }

    await router.post('/hooks/shop', '{"id":', {});
    await router.feed(3, i => ({id: 'product-' + i, type: 'product'}));

    // a job, and what is paused

    await router.act('replay?target=erp&event='
        + (await router.api('dead?target=erp&limit=1')).entries[0].event);
    await router.until('one less is dead', async () =>
        await router.has('erp', 'dead') === 16);
    await router.act('pause?target=books');
    await router.feed(6, i => order(3000 + i, {total: 5000}));
    await router.until('some wait for books', async () =>
        await router.has('books', 'pending') >= 6);
}


// the same for each test of a file

async function start(options) {
    const router = await Router.start(options);

    try {
        await rich(router);
    } catch (e) {
        await router.stop().catch(() => {});
        throw e;
    }

    return router;
}


module.exports = {rich, sign, start};
