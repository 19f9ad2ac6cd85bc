'use strict';

// The words for how sources and targets are: health.js.

const test = require('node:test');
const assert = require('node:assert');

const {health} = require('./load.js')('health.js');

const at = second => new Date(1767225600000 + second * 1000).toISOString();
const words = marks => marks.map(m => m[0] + ': ' + m[1]);

test('a target without trouble has no marks', () => {
    assert.deepEqual(health.target({name: 't', breaker: 'closed', held: 0,
        unaccounted: 0, dead_now: 0}, {failed: 0}, 0), []);
    assert.deepEqual(health.target({name: 't'}, undefined, 0), []);
});

test('all that is wrong is said, the worst first', () => {
    const marks = health.target({
        name: 't', unaccounted: 2, breaker: 'open', breaker_seconds: 12,
        paused: true, paused_by: 'ops', drained: true, held: 3, dead_now: 1
    }, {failed: 3}, 9);

    assert.deepEqual(words(marks), [
        'bad: 2 unaccounted', 'bad: breaker open', 'bad: 3.0/s failing',
        'warn: paused', 'warn: drained', 'warn: 3 held',
        'note: 1 dead letter']);
    assert.equal(marks[1][2], 'it is tried again in 12 s');
    assert.equal(marks[3][2], 'by ops');
});

test('fewer than one failure in 20 s is told for a minute', () => {
    assert.deepEqual(words(health.target({name: 't'}, {failed: 0.01}, 2)),
                     ['bad: 2 failed in 1 min']);
});

test('a breaker that tries again', () => {
    assert.deepEqual(words(health.target({name: 't', breaker: 'half_open'},
                                         {}, 0)), ['warn: breaker half open']);
});

test('failures are those of the last minute', () => {
    const row = n => ({name: 'minute', failed: {status: n, timeout: 1}});
    const failures = (n, second) => health.failures(row(n), at(second));

    assert.equal(failures(40, 0), 0);
    assert.equal(failures(42, 1), 2);
    assert.equal(failures(42, 59), 2);
    assert.equal(failures(43, 60), 3);
    assert.equal(failures(43, 62), 1);
    assert.equal(failures(43, 200), 0);
});

test('a counter that begins anew is no failure', () => {
    const failures = (n, second) =>
        health.failures({name: 'anew', failed: n}, at(second));

    failures(50, 0);
    assert.equal(failures(3, 1), 0);
    assert.equal(failures(4, 2), 1);
});

test('a source: silent, paused, refusing', () => {
    const marks = health.source({
        name: 's', silent: true, expect_seconds: 1800, last_seconds: 7200,
        paused: true, held: 4, quarantine: 14
    }, {refused: 0.4});

    assert.deepEqual(words(marks), [
        'warn: silent', 'warn: paused', 'warn: 4 held', 'warn: 0.4/s refused',
        'note: 14 in quarantine']);
    assert.match(marks[0][2], /every 1800 s, the last one came 7200 s ago/);
});

test('a state is that of the worst mark, else of what flows', () => {
    assert.equal(health.state([['bad'], ['warn']], true), 'bad');
    assert.equal(health.state([['note']], true), 'ok');
    assert.equal(health.state([['note']], false), 'idle');
    assert.equal(health.state([], false), 'idle');
});
