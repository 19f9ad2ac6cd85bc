'use strict';

// The numbers behind the plots: axis.js.

const test = require('node:test');
const assert = require('node:assert');

const {axis} = require('./load.js')('axis.js');

test('ticks begin with 0, are round and reach the greatest value', () => {
    assert.deepEqual(axis.ticks(27, 3, 'rate'), [0, 10, 20, 30]);
    assert.deepEqual(axis.ticks(30, 3, 'rate'), [0, 10, 20, 30]);
    assert.deepEqual(axis.ticks(0.3, 3, 'rate'), [0, 0.1, 0.2, 0.3]);
    assert.deepEqual(axis.ticks(0.01, 3, 'rate'), [0, 0.1]);
    assert.deepEqual(axis.ticks(1234, 3, 'ms'), [0, 500, 1000, 1500]);

    for (const max of [0.001, 0.7, 1, 3, 9.99, 101, 4711, 1e7]) {
        for (const unit of ['rate', 'count', 'ms', 'seconds']) {
            const ticks = axis.ticks(max, 3, unit);

            assert.equal(ticks[0], 0);
            assert.ok(ticks[ticks.length - 1] >= max, max + ' ' + unit);
            assert.ok(ticks.length >= 2 && ticks.length <= 5, max + ' ' + unit);
        }
    }
});

test('nothing is measured in halves of an event', () => {
    assert.deepEqual(axis.ticks(1, 3, 'count'), [0, 1]);
    assert.deepEqual(axis.ticks(0, 3, 'count'), [0, 1]);
    assert.deepEqual(axis.ticks(2, 3, 'count'), [0, 1, 2]);
});

test('ages have the steps of a clock', () => {
    assert.deepEqual(axis.ticks(100, 3, 'seconds'), [0, 60, 120]);
    assert.deepEqual(axis.ticks(2500, 3, 'seconds'), [0, 900, 1800, 2700]);
});

test('null ends a line, and is not 0', () => {
    assert.deepEqual(axis.runs([1, 2, null, 0, null, null, 5]),
                     [[[0, 1], [1, 2]], [[3, 0]], [[6, 5]]]);
    assert.deepEqual(axis.runs([null, undefined]), []);
});

test('a path has a piece for each run, and a point is seen', () => {
    assert.equal(axis.path([1, 2, null, 3], i => i * 10, v => 9 - v),
                 'M0.0,8.0L10.0,7.0M30.0,6.0m-1.5,0h3');
    assert.equal(axis.path([null, null], i => i, v => v), '');
});

test('an area is closed in each run', () => {
    assert.equal(axis.area([1, 2, null, 3], i => i * 10, v => 9 - v),
                 'M0.0,9.0L0.0,8.0L10.0,7.0L10.0,9.0Z');
});

test('the greatest of all lines, with gaps and without lines', () => {
    assert.equal(axis.most([[1, null, 7], undefined, [3]]), 7);
    assert.equal(axis.most([]), 0);
});

test('the newest value', () => {
    assert.equal(axis.last([4, 0, null]), 1);
    assert.equal(axis.last([null]), null);
    assert.equal(axis.last(undefined), null);
});

test('counts of a step are so many a second, a gap stays one', () => {
    const measured = [5000, null, 10000, 0];

    assert.deepEqual(axis.perSecond([20, null, 0, 0], measured),
                     [4, null, 0, null]);
    assert.deepEqual(axis.perSecond(undefined, measured), []);
});

test('what is rare is not shown as 0', () => {
    assert.deepEqual(axis.rate(0), [0, '/s']);
    assert.deepEqual(axis.rate(0.05), [0.05, '/s']);
    assert.deepEqual(axis.rate(0.025), [1.5, '/min']);
    assert.deepEqual(axis.rate(1 / 3600), [1, '/h']);
});

test('the times of an axis are full steps of the clock', () => {
    const from = new Date(2026, 5, 1, 10, 7).getTime();
    const minutes = axis.times(from, from + 3600000, 10)
        .map(t => new Date(t).getMinutes());

    assert.deepEqual(minutes, [10, 20, 30, 40, 50, 0]);

    const hours = axis.times(from, from + 86400000, 180)
        .map(t => new Date(t).getHours());

    assert.deepEqual(hours, [12, 15, 18, 21, 0, 3, 6, 9]);
});

test('the hour that a clock has twice does not stop it', () => {
    const zone = process.env.TZ;

    process.env.TZ = 'Europe/Berlin';

    const from = new Date('2026-10-24T12:00:00Z').getTime();
    const times = axis.times(from, from + 86400000, 60);

    assert.ok(times.length >= 24 && times.length <= 26);
    assert.deepEqual([...times].sort((x, y) => x - y), times);

    if (zone === undefined) {
        delete process.env.TZ;
    } else {
        process.env.TZ = zone;
    }
});
