// Pages of the console in Debian's Chromium, and what holds for each of them.
//
//     const {scene, test} = require('./lib');
//
//     test('a view opens', async t => {
//         const s = await scene(t);              // nginx, browser, page
//         await s.page.getByRole('link', {name: 'Targets'}).click();
//     });
//
// At the end of a test everything is closed, and it fails if there was an error
// in the console of the browser, an exception, a violation of the policy, a
// request to another origin, or a dialog of the browser (which only a script
// that was smuggled in would open).

'use strict';

const assert = require('assert/strict');
const fs = require('fs');
const path = require('path');
const {createRequire} = require('module');
const {test: run, after} = require('node:test');

const {Router, ports, root, sleep} = require('./router');

const need = createRequire(path.join(root, 'build/console/package.json'));
const {chromium} = need('playwright-core');
const axe = fs.readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');

const shots = path.join(root, 'build/console/shots');

let browser = null;

after(async () => {
    if (browser) {
        await (await browser).close();
    }
});


// a test whose pages are in build/console/shots if it fails

const open = new Map();

function test(name, f) {
    return run(name, async t => {
        try {
            await f(t);
        } catch (e) {
            for (const page of open.get(t) || []) {
                await shot(page, 'failed-' + name.replace(/\W+/g, '-'))
                    .catch(() => {});
            }

            throw e;
        } finally {
            open.delete(t);
        }
    });
}


// one browser for a file of tests; as root it has no sandbox of its own

function launched() {
    browser = browser || chromium.launch({
        executablePath: process.env.TEST_CHROMIUM || '/usr/bin/chromium',
        args: ['--disable-gpu', '--disable-dev-shm-usage',
               ...(process.getuid() === 0 ? ['--no-sandbox'] : [])]
    });

    return browser;
}


// ---- a page that is watched

class Seen {
    constructor(page, origin) {
        this.page = page;
        this.origin = origin;
        this.faults = [];
        this.expected = [];
        this.requests = [];

        page.on('pageerror', e => this.faults.push('exception: ' + e.stack));
        page.on('dialog', d => {
            this.faults.push(`dialog: ${d.type()} ${d.message()}`);
            d.dismiss().catch(() => {});
        });
        page.on('console', m => {
            if (m.type() === 'error' || m.type() === 'warning') {
                this.faults.push(`console: ${m.text()} ${m.location().url}`);
            }
        });
        page.on('request', r => {
            this.requests.push(r.url());

            if (!r.url().startsWith(origin + '/')
                && !r.url().startsWith('data:'))
            {
                this.faults.push('request to ' + r.url());
            }
        });
    }

    // what this test provokes, and why

    expect(re, reason) {
        assert.ok(reason, 'expect() wants a reason');
        this.expected.push(re);
    }

    check() {
        const faults = this.faults.filter(
            f => !this.expected.some(re => re.test(f)));

        assert.deepEqual(faults, [], 'nothing went wrong in the page');
    }
}


// before any script of the page

function watch() {
    document.addEventListener('securitypolicyviolation', e => {
        console.error(`policy: ${e.violatedDirective} ${e.blockedURI} `
                      + `${e.sourceFile}:${e.lineNumber}`);
    });
}


// an nginx with a page of its console that has a token.  Options: those of
// Router.start, prepare(router) before the page is opened, or router, one that
// runs and goes on; role (act), token (null: none is given), hash, width,
// height, mobile, dark, zone, url

async function scene(t, o = {}) {
    const router = o.router || await Router.start(o);
    const context = await (await launched()).newContext({
        viewport: {width: o.width || 1280, height: o.height || 800},
        colorScheme: o.dark ? 'dark' : 'light',
        timezoneId: o.zone || 'Europe/Berlin',
        locale: 'en-GB',
        reducedMotion: 'reduce',
        isMobile: Boolean(o.mobile), hasTouch: Boolean(o.mobile)
    });

    context.setDefaultTimeout(o.timeout || 10000);
    await context.addInitScript(watch);

    const page = await context.newPage();
    const seen = new Seen(page, router.url);

    open.set(t, [...open.get(t) || [], page]);

    t.after(async () => {
        await context.close();

        if (!o.router) {
            await router.stop();
        }

        seen.check();
    });

    if (o.prepare) {
        await o.prepare(router);
    }

    // the first question without a token is answered 403, which the browser
    // tells

    if (o.token !== null) {
        seen.expect(/status of 403 .*\/v1\/me$/, 'asks before it has a token');
    }

    await page.goto((o.url || router.admin) + (o.hash || ''));

    const s = {router, page, seen, context, axe: () => accessible(page),
               fits: () => fits(page), shot: name => shot(page, name),
               give: token => give(page, token)};

    if (o.token !== null) {
        await s.give(o.token || router.tokens[o.role || 'act']);
        await page.locator('section.view').waitFor();
    }

    return s;
}


async function give(page, token) {
    await page.getByRole('textbox', {name: /^Token/}).fill(token);
    await page.getByRole('button', {name: 'Go on'}).click();
}


// ---- what holds for a view

// axe-core finds nothing.  It takes each link of the page to itself for one that
// skips something, when the list of views is scrolled; the real one is tried by
// views.test.js.

async function accessible(page) {
    await page.evaluate(axe);

    const found = await page.evaluate(async () => {
        const result = await window.axe.run(document, {
            resultTypes: ['violations'],
            rules: {'skip-link': {enabled: false}}
        });

        return result.violations.map(v => `${v.id}: ${v.help}: `
            + v.nodes.slice(0, 3).map(n => `${n.target} ${n.html.slice(0, 160)}`
                + ` ${n.failureSummary.replace(/\s+/g, ' ')}`).join(' | '));
    });

    assert.deepEqual(found, [], 'axe-core finds nothing');
}


// the page is not wider than the window, and no text is wider than its box
// unless that scrolls or cuts it on purpose

async function fits(page) {
    const found = await page.evaluate(() => {
        const wide = [];

        // in a box that scrolls

        const within = node => {
            for (let n = node.parentNode; n.tagName !== 'BODY';
                n = n.parentNode)
            {
                if (/auto|scroll/.test(getComputedStyle(n).overflowX)) {
                    return true;
                }
            }

            return false;
        };

        const room = document.documentElement.clientWidth;

        if (document.documentElement.scrollWidth > room) {
            wide.push(`page: ${document.documentElement.scrollWidth}`
                      + ` in ${room}`);
        }

        for (const node of document.querySelectorAll('aside, dialog')) {
            if (node.scrollWidth > node.clientWidth + 1) {
                wide.push(`${node.className}: ${node.scrollWidth} in`
                          + ` ${node.clientWidth}`);
            }
        }

        for (const node of document.querySelectorAll('body *')) {
            const style = getComputedStyle(node);

            if (style.overflowX === 'visible' && node.clientWidth > 0
                && style.display !== 'inline'
                && node.scrollWidth > node.clientWidth + 1
                && !node.closest('svg') && !within(node))
            {
                wide.push(`${node.tagName}#${node.id}.${node.className}: `
                          + `${node.scrollWidth} in ${node.clientWidth}`);
            }
        }

        return wide.slice(0, 10);
    });

    assert.deepEqual(found, [], 'nothing is wider than its place');
}


async function shot(page, name) {
    fs.mkdirSync(shots, {recursive: true});
    await page.screenshot({path: path.join(shots, name + '.png')});
}


// an nginx for all tests of a file, stopped behind them; start() makes it

function shared(start = () => Router.start()) {
    let router = null;

    after(async () => {
        if (router) {
            await (await router).stop();
        }
    });

    return () => {
        router = router || start();

        return router;
    };
}


module.exports = {assert, launched, ports, root, Router, scene, shared, sleep,
                  test};
