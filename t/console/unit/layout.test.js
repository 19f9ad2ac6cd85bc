'use strict';

// Where the nodes of the flow picture stand: layout.js.

const test = require('node:test');
const assert = require('node:assert');

const {layout} = require('./load.js')('layout.js');

function row(name, from, to, matched) {
    return {name, from: from.split(' '), to: to ? to.split(' ') : [],
            matched: matched || 0};
}

test('a graph has a line for each source and target of a route', () => {
    const g = layout.graph([row('a', 's1 s2', 't1'), row('b', '*', 't1 t2')],
                           ['s1', 's2', 's3'], ['t1', 't2', 't3']);

    assert.deepEqual(g.columns, [['s:s1', 's:s2', 's:s3'], ['r:a', 'r:b'],
                                 ['t:t1', 't:t2', 't:t3']]);
    assert.equal(g.edges.length, 2 + 1 + 3 + 2);
    assert.deepEqual(g.edges.filter(e => e.a === 's:s3'),
                     [{a: 's:s3', b: 'r:b', route: 'b', one: false}]);
});

test('what came over a line is known if the route has one source', () => {
    const g = layout.graph([row('a', 's1', 't1'), row('b', 's1 s2', 't1'),
                            row('c', '*', 't1')], ['s1', 's2'], ['t1']);
    const one = g.edges.filter(e => e.b[0] === 'r').map(e => e.one);

    assert.deepEqual(one, [true, false, false, false, false]);
});

test('all sources are all but the router itself', () => {
    const g = layout.graph([row('a', '*', 't1')], ['s1', 'router'], ['t1']);

    assert.deepEqual(g.edges.map(e => e.a), ['s:s1', 'r:a']);
    assert.equal(g.edges[0].one, true);
});

test('a name that only a route knows becomes a node', () => {
    const g = layout.graph([row('a', 'router', 't1')], [], []);

    assert.deepEqual(g.columns, [['s:router'], ['r:a'], ['t:t1']]);
});

test('a source and a target of one name are two nodes', () => {
    const g = layout.graph([row('x', 'x', 'x')], ['x'], ['x']);

    assert.deepEqual(g.columns, [['s:x'], ['r:x'], ['t:x']]);
});

test('crossings are counted', () => {
    const columns = [['s:1', 's:2'], ['r:1', 'r:2'], ['t:1', 't:2']];
    const line = (a, b) => ({a, b});

    assert.equal(layout.crossings(columns, [line('s:1', 'r:2'),
                                            line('s:2', 'r:1')]), 1);
    assert.equal(layout.crossings(columns, [line('s:1', 'r:1'),
                                            line('s:2', 'r:2')]), 0);
    assert.equal(layout.crossings(columns, [
        line('r:1', 't:1'), line('r:1', 't:2'), line('r:2', 't:1'),
        line('r:2', 't:2')]), 1);
    assert.equal(layout.crossings(columns, [line('s:1', 'r:1'),
                                            line('s:2', 'r:1')]), 0);
});

test('an order without crossings is found', () => {
    const rows = [row('a', 's3', 't1'), row('b', 's1', 't3'),
                  row('c', 's2', 't2')];
    const g = layout.graph(rows, ['s1', 's2', 's3'], ['t1', 't2', 't3']);
    const columns = layout.order(g.columns, g.edges);

    assert.equal(layout.crossings(columns, g.edges), 0);
    assert.deepEqual(columns.map(c => [...c].sort()),
                     g.columns.map(c => [...c].sort()));
});

test('an order is never worse than that of nginx.conf', () => {
    let seed = 7;
    const random = n => (seed = (seed * 1103515245 + 12345) % 2147483648) % n;
    const names = (kind, n) => Array.from({length: n}, (_, i) => kind + i);

    for (let i = 0; i < 30; i++) {
        const rows = names('r', 20).map(name =>
            row(name, 's' + random(4), 't' + random(6) + ' t' + random(6)));
        const g = layout.graph(rows, names('s', 4), names('t', 6));

        assert.ok(layout.crossings(layout.order(g.columns, g.edges), g.edges)
                  <= layout.crossings(g.columns, g.edges));
    }
});

test('the order is the same for other numbers', () => {
    const rows = n => [row('a', 's2', 't1', n), row('b', 's1', 't2', 9 - n),
                       row('c', 's1 s2', 't2 t1', n * n)];
    const order = function (n) {
        const g = layout.graph(rows(n), ['s1', 's2'], ['t1', 't2']);

        return layout.order(g.columns, g.edges);
    };

    assert.deepEqual(order(1), order(8));
});

test('a place is what is wanted, if there is room', () => {
    assert.deepEqual(layout.place([0, 50, 90], [10, 10, 10], 5, 100),
                     [0, 50, 90]);
});

test('who wants the same room shares the way', () => {
    assert.deepEqual(layout.place([50, 50], [10, 10], 10, 100), [40, 60]);
});

test('nobody stands outside, or in another', () => {
    const wants = [-20, 300, 300, 290, 5];
    const sizes = [30, 10, 20, 10, 30];
    const tops = layout.place(wants, sizes, 4, 200);

    assert.ok(tops[0] >= 0);
    assert.ok(tops[4] + sizes[4] <= 200);

    for (let i = 1; i < tops.length; i++) {
        assert.ok(tops[i] >= tops[i - 1] + sizes[i - 1] + 4 - 1e-9);
    }
});

test('the highest column is packed, others stand beside their own', () => {
    const g = layout.graph([row('a', 's', 't'), row('b', 's', 't'),
                            row('c', 's', 't')], ['s'], ['t']);
    const {at, height} = layout.stand(g.columns, g.edges, () => 20, 10);

    assert.equal(height, 80);
    assert.deepEqual([...at], [['r:a', 0], ['r:b', 30], ['r:c', 60],
                               ['s:s', 30], ['t:t', 30]]);
});

test('a picture of nothing has no height', () => {
    assert.equal(layout.stand([[], [], []], [], () => 20, 10).height, 0);
});

test('ports stand in the order of the other ends', () => {
    const g = layout.graph([row('a', 's', 't'), row('b', 's', 't')],
                           ['s'], ['t']);
    const at = new Map([['s:s', 20], ['t:t', 20], ['r:a', 50], ['r:b', 0]]);
    const ports = layout.ports(g.edges, at, () => 30);
    const from = name => ports[g.edges.findIndex(e => e.a === 's:s'
                                                      && e.route === name)].y0;

    assert.ok(from('b') < from('a'));
    assert.equal((from('a') + from('b')) / 2, 35);
});

test('a width grows with the rate, and is never nothing', () => {
    const widths = [0, 0.01, 1, 10, 1000, 1e9].map(n => layout.width(n));

    assert.ok(widths[0] >= 1);
    assert.deepEqual([...widths].sort((x, y) => x - y), widths);
    assert.equal(new Set(widths).size, widths.length);
    assert.ok(widths[5] <= 24);
    assert.equal(layout.width(undefined), layout.width(0));
});

test('of many groups: trouble, who was drawn, who matched most', () => {
    const rows = [['a', 'x'], ['b', 'x'], ['c', 'x'], ['d', 'bad']]
        .map(([name, to]) => ({name, to: [to]}));
    const picked = (drawn, max) => layout.pick(rows, new Set(['bad']),
        new Set(drawn), max).map(r => r.name);

    assert.deepEqual(picked([], 2), ['d', 'a']);
    assert.deepEqual(picked(['c'], 2), ['d', 'c']);
    assert.deepEqual(picked(['c'], 9), ['d', 'c', 'a', 'b']);
});
