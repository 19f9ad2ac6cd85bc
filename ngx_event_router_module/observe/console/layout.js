// Where the nodes of the flow picture stand: three columns (sources, routes,
// targets) in an order in which few lines cross.  It knows names and lines,
// not numbers, so that nothing jumps while the numbers change.  No DOM: a test
// loads this file alone.

er.layout = (function () {
    const SWEEPS = 8;

    // [row] -> {columns: [[id], [id], [id]], edges: [{a, b, route, one}]}; an
    // id is "s:", "r:" or "t:" and a name; "one": the route has one source, so
    // that what it matched is what came over this line

    function graph(rows, sources, targets) {
        const columns = [sources.map(name => 's:' + name), [],
                         targets.map(name => 't:' + name)];
        const known = new Set([...columns[0], ...columns[2]]);
        const edges = [];

        const node = function (id, column) {
            if (!known.has(id)) {
                known.add(id);
                columns[column].push(id);
            }

            return id;
        };

        for (const row of rows) {
            const r = node('r:' + row.name, 1);
            const from = origins(row, sources);

            for (const name of new Set(from)) {
                edges.push({a: node('s:' + name, 0), b: r, route: row.name,
                            one: from.length === 1});
            }

            for (const name of new Set(row.to)) {
                edges.push({a: r, b: node('t:' + name, 2), route: row.name,
                            one: true});
            }
        }

        return {columns, edges};
    }

    // "*" is all but the source of the router's own events

    function origins(row, sources) {
        return row.from.includes('*')
            ? sources.filter(name => name !== 'router') : row.from;
    }

    function ranks(columns) {
        const rank = new Map();

        for (const column of columns) {
            column.forEach((id, i) => rank.set(id, i));
        }

        return rank;
    }

    function neighbours(edges) {
        const map = new Map();

        const add = function (id, side, other) {
            if (!map.has(id)) {
                map.set(id, {left: [], right: []});
            }

            map.get(id)[side].push(other);
        };

        for (const edge of edges) {
            add(edge.a, 'right', edge.b);
            add(edge.b, 'left', edge.a);
        }

        return map;
    }

    // how often lines cross: pairs that stand in another order on the right
    // than on the left

    function crossings(columns, edges) {
        const rank = ranks(columns);
        let n = 0;

        for (const kind of ['s', 'r']) {
            const lines = edges.filter(e => e.a[0] === kind)
                .map(e => [rank.get(e.a), rank.get(e.b)])
                .sort((x, y) => x[0] - y[0] || x[1] - y[1]);
            const seen = [];

            for (const [, b] of lines) {
                let low = 0;
                let high = seen.length;

                while (low < high) {
                    const middle = (low + high) >> 1;

                    if (seen[middle] <= b) {
                        low = middle + 1;
                    } else {
                        high = middle;
                    }
                }

                n += seen.length - low;
                seen.splice(low, 0, b);
            }
        }

        return n;
    }

    // each column by the mean place of its neighbours, to and fro; the best of
    // it stays.  Who has no line, or the same mean, stays where it was

    function order(columns, edges) {
        const near = neighbours(edges);
        let now = columns;
        let best = columns;
        let least = crossings(columns, edges);

        const sorted = function (index, side) {
            const rank = ranks(now);
            const count = Math.max(1, now[index].length - 1);

            const mean = function (id, i) {
                const others = (near.get(id) || {})[side] || [];

                return others.length === 0 ? i / count
                    : others.reduce((n, other) => n + rank.get(other)
                          / Math.max(1, now[index + (side === 'left' ? -1 : 1)]
                                        .length - 1), 0) / others.length;
            };

            return now[index].map((id, i) => [id, mean(id, i), i])
                .sort((x, y) => x[1] - y[1] || x[2] - y[2]).map(x => x[0]);
        };

        for (let i = 0; i < SWEEPS && least > 0; i++) {
            for (const [index, side] of i % 2 ? [[1, 'right'], [0, 'right']]
                                              : [[1, 'left'], [2, 'left']])
            {
                now = now.map((column, at) =>
                    at === index ? sorted(index, side) : column);
            }

            const n = crossings(now, edges);

            if (n < least) {
                least = n;
                best = now;
            }
        }

        return best;
    }

    // tops as near to what each wants as they can be (the sum of squares is
    // the least), in this order, "gap" apart, within the height if there is
    // room: neighbours that want the same room share the way

    function place(wants, sizes, gap, height) {
        const blocks = [];
        const room = sizes.reduce((n, size) => n + size + gap, -gap);
        const before = [];
        let sum = 0;

        sizes.forEach(function (size, i) {
            before.push(sum);

            let block = {want: wants[i] - sum, n: 1};

            sum += size + gap;

            while (blocks.length && blocks[blocks.length - 1].want > block.want)
            {
                const last = blocks.pop();
                const n = last.n + block.n;

                block = {want: (last.want * last.n + block.want * block.n) / n,
                         n};
            }

            blocks.push(block);
        });

        return blocks.flatMap(block => Array(block.n).fill(block.want))
            .map((want, i) => Math.max(0, Math.min(height - room, want))
                              + before[i]);
    }

    // the middle of each node: the highest column is packed, the others stand
    // beside what they are connected with.  -> {at: Map(id -> top), height}

    function stand(columns, edges, size, gap) {
        const near = neighbours(edges);
        const at = new Map();
        const heights = columns.map(column => column.reduce(
            (n, id) => n + size(id) + gap, column.length ? -gap : 0));
        const height = Math.max(...heights, 0);
        const first = heights.indexOf(height);
        const turn = first === 1 ? [1, 0, 2] : first === 0 ? [0, 1, 2]
                                             : [2, 1, 0];

        for (const index of turn) {
            const column = columns[index];
            const sizes = column.map(size);
            const tight = place(column.map(() => 0), sizes, gap,
                                heights[index]);

            const wants = column.map(function (id, i) {
                const sides = near.get(id) || {left: [], right: []};
                const placed = [...sides.left, ...sides.right]
                    .filter(other => at.has(other));

                return placed.length === 0
                    ? tight[i] + (height - heights[index]) / 2
                    : placed.reduce((n, other) => n + at.get(other)
                          + size(other) / 2, 0) / placed.length - sizes[i] / 2;
            });

            place(wants, sizes, gap, height)
                .forEach((top, i) => at.set(column[i], top));
        }

        return {at, height};
    }

    // where lines leave and reach their nodes: a port for each, in the order
    // of the other ends.  -> [{y0, y1}] as edges

    function ports(edges, at, size) {
        const ends = edges.map(() => ({y0: 0, y1: 0}));
        const sides = new Map();

        edges.forEach(function (edge, i) {
            for (const [end, id, other] of [['y0', edge.a, edge.b],
                                            ['y1', edge.b, edge.a]])
            {
                const key = end + id;

                if (!sides.has(key)) {
                    sides.set(key, {end, id, lines: []});
                }

                sides.get(key).lines.push([i, at.get(other) + size(other) / 2]);
            }
        });

        for (const {end, id, lines} of sides.values()) {
            const step = Math.min(16, (size(id) - 10) / lines.length);
            const top = at.get(id) + size(id) / 2
                        - step * (lines.length - 1) / 2;

            lines.sort((x, y) => x[1] - y[1] || x[0] - y[0])
                .forEach(([i], n) => { ends[i][end] = top + step * n; });
        }

        return ends;
    }

    // a rate as the width of its line: logarithmic, so that 1/s and 1,000/s
    // are both to be seen, and the same on each day; "thin": of many lines

    function width(rate, thin) {
        return rate > 0 ? Math.min(24, 2 + (thin ? 2.2 : 4.5)
                                           * Math.log10(1 + rate)) : 1.25;
    }

    // of many groups those that are drawn: who leads to trouble, then who
    // matched most; who was drawn stays, if there is room

    function pick(rows, trouble, before, max) {
        const rank = row => row.to.some(name => trouble.has(name)) ? 0
                            : before.has(row.name) ? 1 : 2;

        return rows.map((row, i) => [rank(row), i, row])
            .sort((x, y) => x[0] - y[0] || x[1] - y[1])
            .slice(0, max).map(x => x[2]);
    }

    return {graph, origins, crossings, order, place, stand, ports, width, pick};
})();
