// pictures.js [SECONDS]
//
// The pictures of docs/console.md: "make run" in a folder and on ports of its
// own, its traffic for some minutes (180 s by default), then the pages as
// people see them.  They are made anew when the page has changed; nothing in
// them is drawn.

'use strict';

const fs = require('fs');
const os = require('os');
const path = require('path');
const {execFileSync} = require('child_process');

const {launched, ports, root, sleep} = require('./lib');

const seconds = Number(process.argv[2] || 180);
const out = path.join(root, 'docs/pictures');
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'event-router-'));
const MAX = 150 * 1024;

const wide = {width: 1280, height: 800};
const phone = {width: 390, height: 844, mobile: true};


// name, what the window is like, where it goes; t/bin/traffic lets one target
// fail for a while in each minute

const pictures = [
    ['flow-light', wide, async function (page, api) {
        await view(page, 'flow');
        await failing(api);
    }],
    ['flow-dark', {...wide, dark: true}, page => view(page, 'flow')],
    ['plots', wide, page => view(page, 'plots')],
    ['event', wide, async function (page, api) {
        const {events} = await api('events?target=finance&status=503&limit=50');
        const delivered = events.filter(e =>
            e.targets.every(t => t.state === 'delivered'));

        await view(page, 'event', 'event=' + (delivered[0] || events[0]).event);
    }],
    ['dead', wide, page => view(page, 'dead')],
    ['phone', phone, page => view(page, 'flow')],
];


async function failing(api) {
    for (let i = 0; i < 100; i++) {
        const {targets} = await api('targets');

        if (targets.some(t => t.breaker === 'open' && t.pending > 2)) {
            await sleep(1500);
            return;
        }

        await sleep(1000);
    }
}


async function view(page, name, query) {
    await page.evaluate(hash => { location.hash = hash; },
                        '#' + name + (query ? '?' + query : ''));
    await page.locator('#view-' + name).waitFor();

    // rates are smoothed over some seconds

    await sleep(6000);
}


async function take(url, token) {
    const browser = await launched();
    const api = async what => (await fetch(url + 'v1/' + what, {
        headers: {Authorization: 'Bearer ' + token}})).json();

    for (const [name, o, go] of pictures) {
        const context = await browser.newContext({
            viewport: {width: o.width, height: o.height},
            colorScheme: o.dark ? 'dark' : 'light', isMobile: Boolean(o.mobile),
            timezoneId: 'Europe/Berlin', locale: 'en-GB',
            reducedMotion: 'reduce'
        });
        const page = await context.newPage();
        const file = path.join(out, name + '.png');

        await page.goto(url);
        await page.getByRole('textbox', {name: /^Token/}).fill(token);
        await page.getByRole('button', {name: 'Go on'}).click();
        await page.locator('section.view').waitFor();
        await go(page, api);
        await page.screenshot({path: file});
        await context.close();

        const {size} = fs.statSync(file);

        console.log(`  ${path.relative(root, file)}  ${size} bytes`);

        if (size > MAX) {
            throw new Error(`${file} has more than ${MAX} bytes`);
        }
    }
}


async function main() {
    const [port, orders, finance, customers] = await ports(4);
    const env = {...process.env, RUN_DIR: dir, PORT: port,
                 PORT_ORDERS: orders, PORT_FINANCE: finance,
                 PORT_CUSTOMERS: customers, TRAFFIC: seconds + 300};
    const demo = path.join(root, 't/bin/demo');

    fs.mkdirSync(out, {recursive: true});
    execFileSync(demo, ['start'], {env, stdio: ['ignore', 'ignore', 2]});

    try {
        console.log(`  ${seconds} s of traffic`);
        await sleep(seconds * 1000);
        await take(`http://127.0.0.1:${port}/events/admin/`,
            fs.readFileSync(path.join(dir, 'secrets/operator'), 'utf8').trim());
    } finally {
        execFileSync(demo, ['stop'], {env, stdio: 'ignore'});
        fs.rmSync(dir, {recursive: true, force: true});
        await (await launched()).close();
    }
}


main().catch(e => {
    console.error(e);
    process.exitCode = 1;
});
