'use strict';

// How numbers are said.

const test = require('node:test');
const assert = require('node:assert');

globalThis.matchMedia = () => ({matches: false, addEventListener() {}});
globalThis.document = {documentElement: {dataset: {}}, addEventListener() {},
                       dispatchEvent() {}};

const {fmt} = require('./load.js')('util.js');

test('a limit is said as nginx.conf says it', () => {
    assert.equal(fmt.limit(72000), '20/s');
    assert.equal(fmt.limit(3600000), '1,000/s');
    assert.equal(fmt.limit(90 * 60), '90/min');
    assert.equal(fmt.limit(3601), '3,601/h');
});

test('an age beside a plot has one unit, as there is no room for two', () => {
    const {axis} = require('./load.js')('axis.js');

    for (let max = 1; max < 250000; max = Math.ceil(max * 1.05)) {
        for (const tick of axis.ticks(max, 3, 'seconds')) {
            assert.match(fmt.seconds(tick), /^\d+\s[a-z]+$/, max + ' s');
        }
    }
});
