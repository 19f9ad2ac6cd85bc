// The page of event_status: its numbers, each second, as tables.  What is new
// in the JSON is shown without a word of it here: an object of objects becomes
// a table, one of numbers a list.

(function () {
    const SECOND = 1000;
    const main = document.getElementById('main');
    const state = document.getElementById('state');
    const tables = new Map();          // name -> {node, cells}
    let timer = null;
    let failed = 0;

    const titles = {
        sources: 'Sources', targets: 'Targets', routes: 'Routes',
        queue: 'Queue', zones: 'Shared memory', more: 'This nginx'
    };

    er.fill(document.getElementById('tools'), er.theme());
    er.fill(main, el('h1', {class: 'unseen'}, 'Numbers'));
    main.classList.add('view');

    document.addEventListener('visibilitychange', function () {
        if (!document.hidden) {
            clearTimeout(timer);
            tick();
        }
    });

    tick();

    async function tick() {
        try {
            const answer = await fetch(location.pathname + location.search, {
                headers: {Accept: 'application/json'}, cache: 'no-store',
                credentials: 'same-origin'
            });

            if (!answer.ok) {
                throw new Error('The answer was ' + answer.status + '.');
            }

            show(await answer.json());
            failed = 0;
            mark('ok', 'live', '');
        } catch (e) {
            failed++;
            mark('bad', 'no connection', e instanceof TypeError
                ? 'nginx does not answer. This page tries again by itself.'
                : e.message);
        }

        timer = setTimeout(tick, failed ? Math.min(SECOND << Math.min(
            failed - 1, 4), 10000) : document.hidden ? 15 * SECOND : SECOND);
    }

    function mark(kind, word, more) {
        if (state.dataset.now !== word + more) {
            state.dataset.now = word + more;
            er.fill(state, er.mark(kind, word), ' ',
                    el('span', {class: 'soft'}, more));
        }
    }

    // ---- numbers by name: rows with a column for each path

    function show(json) {
        const more = {};

        for (const [name, value] of Object.entries(json)) {
            if (value === null || typeof value !== 'object') {
                more[name] = value;
            } else if (!titles[name]) {
                Object.assign(more, flat({[name]: value}, ''));
            }
        }

        const queue = {...json.queue};
        const queued = queue.targets || {};
        const targets = {};

        delete queue.targets;

        for (const [name, row] of Object.entries(json.targets || {})) {
            targets[name] = {...queued[name], ...row};
        }

        table('sources', json.sources);
        table('targets', targets);
        table('routes', json.routes);
        table('queue', {'': queue});
        table('zones', json.zones);
        table('more', {'': more});
    }

    function flat(object, prefix) {
        const result = {};

        for (const [name, value] of Object.entries(object || {})) {
            if (value && value.buckets) {
                const what = prefix + name.replace(/_seconds$/, '');

                result[what + ' p50'] = within(value, 0.5);
                result[what + ' p99'] = within(value, 0.99);
            } else if (value !== null && typeof value === 'object') {
                Object.assign(result, flat(value, prefix + name + ' '));
            } else {
                result[prefix + name] = value;
            }
        }

        return result;
    }

    // the bound of the bucket that so many of them fit in, as time

    function within(h, part) {
        const found = Object.keys(h.buckets).sort((a, b) => a - b)
                      .find(le => h.buckets[le] >= part * h.count);

        return !h.count ? null : found ? '\u2264 ' + fmt.ms(found * 1000)
                                       : 'longer';
    }

    function text(name, value) {
        return value === null || value === undefined ? '\u2013'
            : typeof value === 'boolean' ? (value ? 'yes' : 'no')
            : typeof value !== 'number' ? clean(value)
            : /^(used|size|bytes)$|_bytes$/.test(name) ? fmt.bytes(value)
            : /(seconds|sum)$/.test(name) && !Number.isInteger(value)
                ? value.toFixed(3)
            : fmt.count(value);
    }

    // columns that are 0 everywhere tell nothing: they are left out, as long as
    // they are

    function table(name, rows) {
        const all = Object.entries(rows || {}).map(([n, row]) => [n, flat(row,
                                                                          '')]);
        const columns = [];

        for (const [, row] of all) {
            for (const [column, value] of Object.entries(row)) {
                if (value !== 0 && value !== null && value !== false
                    && !columns.includes(column))
                {
                    columns.push(column);
                }
            }
        }

        const key = JSON.stringify([columns, all.map(r => r[0])]);
        let made = tables.get(name);

        if (!made) {
            made = {node: el('section', {'aria-labelledby': 's-' + name})};
            tables.set(name, made);
            main.append(made.node);
        }

        if (made.key !== key) {
            made.key = key;
            build(made, name, columns, all);
        }

        for (const [row, values] of all) {
            for (const column of columns) {
                er.say(made.cells.get(row + '\n' + column),
                       text(column, values[column]));
            }
        }
    }

    function build(made, name, columns, all) {
        const one = all.length === 1 && all[0][0] === '';

        made.cells = new Map();

        const cell = (row, column) => {
            const td = el('td', {class: 'right'});

            made.cells.set(row + '\n' + column, td);

            return td;
        };

        made.node.hidden = all.length === 0;

        er.fill(made.node, el('h2', {id: 's-' + name}, titles[name]),
            el('div', {class: 'scroll', tabindex: '0', role: 'group',
                          'aria-labelledby': 's-' + name},
                one ? el('table', {class: 'rows pairs'}, el('tbody', {},
                    columns.map(c => el('tr', {},
                        el('th', {scope: 'row'}, words(c)), cell('', c)))))
                : el('table', {class: 'rows'},
                    el('thead', {}, el('tr', {},
                        el('th', {scope: 'col'}, 'name'),
                        columns.map(c => el('th', {scope: 'col',
                                                      class: 'right'},
                                               words(c))))),
                    el('tbody', {}, all.map(([row]) => el('tr', {},
                        el('th', {scope: 'row'}, er.text(row)),
                        columns.map(c => cell(row, c))))))));
    }

    function words(name) {
        return name.replace(/_/g, ' ');
    }
})();
