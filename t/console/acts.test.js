// Every act: its button, the dialog that asks once more, what becomes of it in
// nginx, the audit in error.log, and the words of an act that fails.

'use strict';

const {assert, scene, test} = require('./lib');
const {rich} = require('./rich');


// each test has an nginx of its own: an act changes it for the others

async function open(t, hash, o = {}) {
    const s = await scene(t, {hash, prepare: o.bare ? null : rich});
    const {router} = s;

    s.button = (name, within = s.page) =>
        within.getByRole('button', {name, exact: typeof name === 'string'});
    s.dialog = name => s.page.getByRole('dialog', {name});
    s.toast = async text => {
        await s.page.locator('#toasts').getByText(text).first().waitFor();
    };
    s.left = (name, what, n) => router.until(`${what} of ${name}: ${n}`,
        async () => await router.has(name, what) === n);
    s.audit = re => router.until(`${re} in error.log`, () =>
        re.test(router.read('logs/error.log')));
    s.panel = async name => {
        await s.page.getByRole('row', {name: new RegExp('^' + name)})
            .or(s.page.locator('tbody tr', {hasText: name})).first()
            .locator('.name').click();

        const panel = s.page.getByRole('complementary').or(
            s.page.locator('aside')).first();

        await panel.waitFor();

        return panel;
    };

    return s;
}

const target = async (router, name) => (await router.api('targets'))
    .targets.find(row => row.name === name);
const source = async (router, name) => (await router.api('sources'))
    .sources.find(row => row.name === name);


test('pause and resume a target', async t => {
    const s = await open(t, '#targets', {bare: true});

    await s.button('Pause erp').click();

    const dialog = s.dialog('Pause target erp');

    await dialog.waitFor();
    await s.axe();

    // Escape is no

    await s.page.keyboard.press('Escape');
    await dialog.waitFor({state: 'detached'});
    assert.equal((await target(s.router, 'erp')).paused, false);

    await s.button('Pause erp').click();
    await s.button('Pause', dialog).click();
    await s.toast('target erp is paused');
    assert.equal((await target(s.router, 'erp')).paused, true);
    await s.audit(/"erp" are paused by an operator: token "operator"/);

    await s.button('Resume erp').click();
    await s.button('Resume', s.dialog('Resume target erp')).click();
    await s.toast('target erp goes on');
    await s.router.until('it goes on', async () =>
        (await target(s.router, 'erp')).paused === false);
});


test('pause several targets at once', async t => {
    const s = await open(t, '#targets', {bare: true});

    await s.page.locator('thead input[type=checkbox]').check();
    await s.page.getByText('3 selected').waitFor();
    await s.button('Pause', s.page.locator('.chosen-bar')).click();
    await s.button('Pause', s.dialog('Pause 3 targets')).click();
    await s.toast('3 of 3 done');

    for (const name of ['erp', 'crm', 'books']) {
        assert.equal((await target(s.router, name)).paused, true, name);
    }
});


test('pause and resume a source', async t => {
    const s = await open(t, '#sources', {bare: true});

    assert.equal(await s.button('Pause pay').count(), 0, 'it has no queue');
    await s.button('Pause shop').click();
    await s.button('Pause', s.dialog('Pause source shop')).click();
    await s.toast('source shop is paused');
    assert.equal((await source(s.router, 'shop')).paused, true);
    await s.router.feed(3, i => ({id: 'h' + i, type: 'order'}));
    await s.router.until('three are held', async () =>
        (await source(s.router, 'shop')).held === 3);

    // and the page of an event says why it waits

    await s.page.evaluate(() => { location.hash = '#events'; });
    await s.page.locator('#view-events tbody tr').filter({hasText: 'h1'})
        .first().click();
    await s.page.getByText('is held: its source is paused').waitFor();
    await s.page.evaluate(() => { location.hash = '#sources'; });
    await s.button('Resume shop').click();
    await s.button('Resume', s.dialog('Resume source shop')).click();
    await s.router.until('they are delivered', () =>
        s.router.requests.erp === 3);
});


test('probe', async t => {
    const s = await open(t, '#targets');
    const panel = await s.panel('crm');
    const before = s.router.requests.crm;

    await panel.getByText('breaker open').first().waitFor();
    await s.fits();
    await s.axe();
    await s.shot('panel-target-light');
    s.router.answer.crm = {};
    await s.button('Probe', panel).click();
    await s.button('Probe', s.dialog('Probe target crm')).click();
    await s.toast('target crm is tried');
    await s.router.until('it was', () => s.router.requests.crm > before);
});


test('a test event', async t => {
    const s = await open(t, '#targets');
    const panel = await s.panel('erp');

    s.router.answer.erp = {status: 409, body: '<b>exists</b>'};
    await s.button('Test event\u2026', panel).click();

    const dialog = s.dialog('Test event for target erp');

    await dialog.getByLabel('Body').fill('{"order":7}');
    await s.button('Send', dialog).click();

    const result = s.dialog('What came of the test');

    await result.getByText('409').first().waitFor();
    await result.getByText('<b>exists</b>').waitFor();
    await s.axe();
    await s.shot('test-event-light');
    await s.button('Close', result).click();
});


test('retry what waits', async t => {
    const s = await open(t, '#targets');
    const panel = await s.panel('crm');

    await s.button('Retry what waits', panel).click();

    const dialog = s.dialog('Try now what waits');

    await dialog.getByText('8 deliveries').waitFor();
    await s.shot('retry-light');
    await s.button('Retry now', dialog).click();
    await s.toast('8 deliveries retried');
    await s.audit(/retried by an operator|8 .* operator/);
});


test('move what waits', async t => {
    const s = await open(t, '#targets');
    const panel = await s.panel('crm');

    await s.button('Move what waits\u2026', panel).click();

    const dialog = s.dialog('Give what waits to another target');

    await s.button('Move', dialog).click();
    await dialog.getByText('Choose the target that gets them.').waitFor();
    await dialog.getByLabel('To the target').selectOption('erp');
    await dialog.getByText('8 deliveries').waitFor();
    await s.button('Move', dialog).click();
    await s.toast('8 deliveries moved');
    await s.left('crm', 'pending', 0);
});


test('purge what waits, with the number typed', async t => {
    const s = await open(t, '#targets');
    const panel = await s.panel('crm');

    await s.button('Purge what waits\u2026', panel).click();

    const dialog = s.dialog('Forget what waits');

    await dialog.getByText('8 deliveries').waitFor();
    await s.button('Purge', dialog).click();
    await dialog.getByText('Type the number 8 to confirm it.').waitFor();
    await dialog.getByRole('textbox').fill('7');
    await s.button('Purge', dialog).click();
    assert.equal(await s.router.has('crm', 'pending'), 8, 'it is another one');
    await s.axe();
    await s.shot('purge-light');
    await dialog.getByRole('textbox').fill('8');
    await s.button('Purge', dialog).click();
    await s.toast('8 deliveries purged');
    await s.left('crm', 'pending', 0);
    await s.audit(/operator: token "operator"/);
});


test('drain and undrain a target, and all', async t => {
    const s = await open(t, '#targets');
    const panel = await s.panel('erp');

    assert.match(s.page.url(), /#targets\?target=erp$/, 'to be sent');
    await s.button('Drain\u2026', panel).click();
    await s.button('Drain', s.dialog('Drain target erp')).click();
    await s.toast('Drained: nothing is under way.');
    assert.equal((await target(s.router, 'erp')).drained, true);
    await s.button('Undrain', panel).click();
    await s.button('Undrain', s.dialog('Undrain target erp')).click();
    await s.router.until('it goes on', async () =>
        !(await target(s.router, 'erp')).drained);
    await s.button(/^Close/, panel).click();
    assert.match(s.page.url(), /#targets$/, 'it is closed');

    await s.button('Drain all\u2026').click();
    await s.button('Drain', s.dialog('Drain all targets')).click();
    await s.router.until('all are drained', async () =>
        (await s.router.api('status')).queue.draining);
    await s.button('Undrain all').click();
    await s.button('Undrain', s.page.getByRole('dialog')).click();
    await s.router.until('all go on', async () =>
        !(await s.router.api('status')).queue.draining);
});


test('replay dead letters of a group, with a preview', async t => {
    const s = await open(t, '#dead');
    const dead = await s.router.has('erp', 'dead');
    const group = s.page.getByRole('region', {name: 'erp, final'});

    s.router.answer.erp = {};
    await group.waitFor();
    await s.shot('dead-group-light');
    await s.button('Replay\u2026', group).click();

    const dialog = s.dialog('Replay dead letters');

    await dialog.getByText(`${dead} dead letters`).waitFor();
    await dialog.getByLabel('At most so many a second').fill('x');
    await s.button('Replay', dialog).click();
    await dialog.getByText('The rate is a whole number.').waitFor();
    await dialog.getByLabel('At most so many a second').fill('');
    await s.axe();
    await s.button('Replay', dialog).click();
    await s.toast(`${dead} dead letters replayed`);
    await s.left('erp', 'dead', 0);
    await s.page.getByText('No dead letter: each event reached').waitFor();
    await s.audit(/replay.* operator: token "operator"/);
});


test('replay of those with one answer only', async t => {
    const s = await open(t, '#dead');
    const dead = await s.router.has('erp', 'dead');

    s.router.answer.erp = {};
    await s.button('Replay 400').click();

    const dialog = s.dialog('Replay dead letters');

    await dialog.getByText('5 dead letters').waitFor();
    await s.button('Replay', dialog).click();
    await s.left('erp', 'dead', dead - 5);
});


test('replay and purge what is selected', async t => {
    const s = await open(t, '#dead');
    const dead = await s.router.has('erp', 'dead');

    s.router.answer.erp = {};
    await s.page.getByText('Letters', {exact: true}).first().click();

    const table = s.page.getByRole('table', {name: /^Dead letters of erp/});
    const boxes = table.locator('tbody input[type=checkbox]');

    await boxes.nth(0).check();
    await boxes.nth(1).check();
    await s.page.getByText('2 selected').waitFor();
    await s.button('Replay', s.page.locator('.chosen-bar')).click();
    await s.button('Replay', s.dialog('Replay 2 dead letters')).click();
    await s.toast('2 of 2 done');
    await s.left('erp', 'dead', dead - 2);

    await s.page.getByText('Letters', {exact: true}).first().click();
    await boxes.nth(0).check();
    await s.button('Purge', s.page.locator('.chosen-bar')).click();

    const dialog = s.dialog('Purge 1 dead letter');

    await dialog.getByRole('textbox').fill('1');
    await s.button('Purge', dialog).click();
    await s.left('erp', 'dead', dead - 3);
});


test('purge dead letters, with the number typed', async t => {
    const s = await open(t, '#dead');
    const dead = await s.router.has('erp', 'dead');

    await s.button('Purge all of these\u2026').click();

    const dialog = s.dialog('Forget dead letters');

    await dialog.getByText(`${dead} dead letters`).waitFor();
    await dialog.getByRole('textbox').fill(String(dead));
    await s.button('Purge', dialog).click();
    await s.toast(`${dead} dead letters purged`);
    await s.left('erp', 'dead', 0);
});


test('a job shows how far it is, and is stopped', async t => {
    const s = await open(t, '#dead', {bare: true});
    const r = s.router;

    r.answer.erp = {status: 422, body: 'no'};
    await r.feed(400, i => ({id: 'j' + i, type: 'order'}));
    await r.until('dead', async () => await r.has('erp', 'dead') === 400);
    r.answer.erp = {};

    await s.page.reload();
    s.seen.expect(/status of 403 /, 'the page is new');
    await s.give(r.tokens.act);
    await s.button('Replay all of these\u2026').click();

    const ask = s.dialog('Replay dead letters');

    await ask.getByText('400 dead letters').waitFor();
    await ask.getByLabel('At most so many a second').fill('20');
    await s.button('Replay', ask).click();

    const dialog = s.dialog('Replay of 400 dead letters');

    await dialog.getByText(/\d+ of 400, .*left/).waitFor();
    await s.axe();
    await s.shot('job-light');
    await s.button('Close', dialog).click();

    await s.page.locator('#nav-jobs').click();

    const row = s.page.locator('#view-jobs tbody tr').first();

    await row.getByText('running').waitFor();
    await row.getByRole('button', {name: /^Stop/}).click();
    await s.button('Stop', s.dialog('Stop this job')).click();
    await row.getByText('cancelled').waitFor();
    await s.shot('jobs-cancelled-light');

    const job = (await r.api('jobs')).jobs[0];

    assert.equal(job.state, 'cancelled');
    assert.ok(job.replayed < 400);
});


test('an edited copy', async t => {
    const s = await open(t, '#dead');
    const r = s.router;
    const one = (await r.api('dead?target=erp&status=400&limit=1')).entries[0];
    let got = null;

    r.answer.erp = {};
    r.seen = (name, body, request) => {
        if (/-edited-/.test(request.headers['webhook-id'] || '')) {
            got = body.toString();
        }
    };

    await s.page.evaluate(n => { location.hash = '#event?event=' + n; },
                          one.event);

    const section = s.page.getByRole('region', {name: 'Target erp'});

    await s.button('Edited copy\u2026', section).click();

    const dialog = s.dialog('Send an edited copy');

    await dialog.waitFor();

    const area = dialog.getByRole('textbox', {name: 'Body'});

    assert.match(await area.inputValue(), /"total": 1\b/);
    await area.fill('{"not json');
    await s.button('Send', dialog).click();
    s.seen.expect(/status of 400 /, 'it is no JSON');
    await dialog.getByRole('alert').getByText(/JSON/).waitFor();
    await area.fill('{"id":"x","type":"order.paid","total":99}');
    await s.button('Preview', dialog).click();
    await dialog.getByText('instead of').waitFor();
    await s.axe();
    await s.shot('edit-light');
    await dialog.getByLabel(/forget the original/).check();
    await s.button('Send', dialog).click();
    await s.toast('the original is forgotten');
    s.seen.expect(/status of 404 .*\/v1\/explain/,
                  'it is delivered while the page asks why');
    await r.until('erp got it', () => got);
    assert.equal(JSON.parse(got).total, 99);
    await s.audit(/edited|copy/);
});


test('judge again, and forget', async t => {
    const s = await open(t, '#quarantine');
    const r = s.router;
    const rows = s.page.locator('#view-quarantine tbody tr');

    await rows.first().waitFor();
    await rows.filter({hasText: 'pay'}).first().click();

    const panel = s.page.locator('aside');

    await panel.getByText('The signature doctor').waitFor();
    await s.fits();
    await s.axe();
    await s.shot('doctor-light');
    await s.button('Judge again', panel).click();
    await s.button('Judge again', s.page.getByRole('dialog').last()).click();
    await s.page.getByText('1 request was judged again').waitFor();
    await s.page.getByRole('dialog').last().getByText('1 refused').waitFor();
    await s.button('Close', s.page.getByRole('dialog').last()).click();

    // with its source chosen, all of them; the number is typed

    await s.page.evaluate(() => { location.hash = '#quarantine?source=pay'; });
    await s.button('Forget all\u2026').click();

    const dialog = s.dialog(/^Forget the quarantine/);

    await dialog.waitFor();

    if (await dialog.getByRole('textbox').count()) {
        await dialog.getByRole('textbox').fill('4');
    }

    await s.button('Forget', dialog).click();
    await s.toast('4 requests forgotten');
    assert.equal((await r.api('quarantine?source=pay')).requests.length, 0);
});


test('an act that fails says why', async t => {
    const s = await open(t, '#targets');
    const panel = await s.panel('crm');

    // meanwhile somebody else has paused it

    await s.button('Probe', panel).click();
    await s.router.act('pause?target=crm');
    s.seen.expect(/status of 409 /, 'what is paused is not probed');

    const dialog = s.dialog('Probe target crm');

    await s.button('Probe', dialog).click();
    await dialog.getByRole('alert').getByText(/^409 /).waitFor();
    assert.ok(await dialog.isVisible(), 'it stays');
    await s.axe();
    await s.shot('act-failed-light');
});


test('an act by the keyboard alone', async t => {
    const s = await open(t, '#targets', {bare: true});
    const {page} = s;
    const focused = () => page.evaluate(() =>
        document.activeElement.getAttribute('aria-label')
        || document.activeElement.textContent);

    await s.button('Pause erp').waitFor();

    for (let i = 0; i < 60 && await focused() !== 'Pause erp'; i++) {
        await page.keyboard.press('Tab');
    }

    assert.equal(await focused(), 'Pause erp', 'Tab leads to it');
    await page.keyboard.press('Enter');
    await s.dialog('Pause target erp').waitFor();

    // the focus stays in the dialog

    for (let i = 0; i < 6; i++) {
        await page.keyboard.press('Tab');
        assert.ok(await page.evaluate(() =>
            document.activeElement === document.body
            || document.activeElement.closest('dialog') !== null));
    }

    await s.button('Pause', s.dialog('Pause target erp')).focus();
    await page.keyboard.press('Enter');
    await s.toast('target erp is paused');
    assert.equal((await target(s.router, 'erp')).paused, true);
});
