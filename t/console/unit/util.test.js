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
