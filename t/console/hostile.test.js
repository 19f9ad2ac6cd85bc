// What producers and targets write is shown, whatever it is: no script of it
// runs, nothing of it is loaded, and no box is burst by it.

'use strict';

const {assert, scene, shared, test, Router} = require('./lib');
const {sign} = require('./rich');

const texts = [
    '<img src=x onerror="alert(1)">',
    '"><script>window.owned=1</script><svg/onload=alert(2)>',
    "'-alert(3)-'",
    'javascript:alert(4)',
    '</script><script>alert(5)</script>',
    '{{constructor.constructor("alert(6)")()}}${alert(7)}',
    'W'.repeat(240),
    'https://evil.example/' + '%41'.repeat(60),
    '\u202egnp.exe \u2066\u200b\u200e\ufeff',
    'Z\u0351\u036b\u0343\u036a\u0302\u0316'.repeat(12),
    '\u0000\u0007\u001b[31mred\u001b[0m\r\nX: y',
    '\ud83d\ude00\u{1f468}\u200d\u{1f469}\u200d\u{1f467}'.repeat(8),
    '\u05e9\u05dc\u05d5\u05dd \u0645\u0631\u062d\u0628\u0627 123',
    '&lt;b&gt;&amp;amp;&#x3c;',
    '../../../../etc/passwd?a=b&c=d#e',
    '__proto__', 'constructor', 'toString', '\t \n ', '=1+1', '0', 'null',
];

async function start() {
    const router = await Router.start();
    const answers = [...texts.map(text => JSON.stringify({Errors: [text],
        StatusCode: 422})), ...texts];
    let turn = 0;

    router.answer.erp = {status: 422, body: answers[0]};
    router.answer.crm = {status: 503, body: answers[0]};
    router.seen = () => {
        router.answer.erp = {status: 422, body: answers[turn++
                                                        % answers.length],
                             headers: {'Content-Type': 'text/html'}};
        router.answer.crm = {status: 503, body: answers[turn
                                                        % answers.length]};
    };

    // one a request, so that nobody leads with what others have

    for (const [i, text] of texts.entries()) {
        await router.post('/hooks/shop', {id: text + i, type: 'order' + text,
            subject: text, number: text, note: text});
        await router.post('/hooks/shop', {id: text + 'c' + i, type: 'customer',
            subject: text, number: text});

        await router.post('/hooks/pay', JSON.stringify({id: text + i,
            type: text}), {
                'X-Signature': sign('other'),
                'User-Agent': text.replace(/[^\t -~]/g, '?').trim() || 'none',
                'X-Odd': text.replace(/[^\t -~]/g, '?').trim() || 'none',
            });
        await router.post('/hooks/shop?q=' + encodeURIComponent(text),
                          '{"id": "' + text.replace(/["\\]/g, ''));
    }

    await router.until('all are dead', async () =>
        await router.has('erp', 'dead') === texts.length);

    return router;
}

const router = shared(start);


async function whole(s) {
    assert.equal(await s.page.evaluate(() => window.owned), undefined);
    await s.fits();
}


for (const [name, look] of Object.entries({
    wide: {}, phone: {width: 390, height: 844, mobile: true}}))
{
    for (const view of ['flow', 'plots', 'events', 'dead', 'quarantine',
                        'targets', 'sources', 'jobs'])
    {
        test(`${view}, ${name}`, async t => {
            const s = await scene(t, {router: await router(),
                                      hash: '#' + view, ...look});

            await s.page.locator('#view-' + view).waitFor();
            await s.page.waitForTimeout(1200);
            await whole(s);
            await s.shot(`hostile-${view}-${name}`);
        });
    }


    test(`each event, ${name}`, async t => {
        const r = await router();
        const s = await scene(t, {router: r, hash: '#events', ...look});
        const {events} = await r.api('events?limit=200');

        assert.ok(events.length >= 2 * texts.length);

        for (const [i, event] of events.entries()) {

            // all of them on a wide page, some on a phone

            if (name === 'phone' && i % 6) {
                continue;
            }

            await s.page.evaluate(n => { location.hash = '#event?event=' + n; },
                                  event.event);
            await s.page.locator('#view-event h2').first().waitFor();
            await whole(s);
        }

        await s.shot(`hostile-event-${name}`);
    });


    test(`each refused request, ${name}`, async t => {
        const r = await router();
        const s = await scene(t, {router: r, hash: '#quarantine', ...look});
        const rows = s.page.locator('#view-quarantine tbody tr');

        await rows.first().waitFor();
        assert.ok(await rows.count() >= 20);

        for (let i = 0; i < await rows.count(); i += name === 'phone' ? 5 : 1) {
            await rows.nth(i).focus();
            await s.page.keyboard.press('Enter');
            await s.page.locator('aside').getByText('Received').waitFor();
            await whole(s);

            await s.page.locator('aside').getByRole('button',
                {name: /^Close/}).click();
        }
    });
}


test('an address that is no good', async t => {
    const r = await router();
    const s = await scene(t, {router: r, hash: '#flow'});

    s.seen.expect(/status of 40[04] /, 'there is no such thing');

    for (const text of texts) {
        for (const name of ['events?key=', 'dead?target=', 'event?event=',
                            'targets?target=', 'quarantine?source='])
        {
            await s.page.evaluate(hash => { location.hash = hash; },
                '#' + name + encodeURIComponent(text));
            await s.page.waitForTimeout(30);
        }

        await whole(s);
    }
});
