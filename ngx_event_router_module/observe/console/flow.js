// The flow picture: sources, routes and targets as nodes in three columns, and
// what flows between them as lines.  Nodes are links, lines are SVG behind
// them.  layout.js says where they stand, health.js how they are; each second
// what has changed is changed in place.  In a narrow window the columns are a
// list.  Of many routes groups are drawn, and a search finds the routes.

(function () {
    const DRAWN = er.live.few;         // routes at most
    const GROUPS = 24;                 // and groups of them
    const ENDS = 16;                   // of more sources or targets: some
    const DENSE = 9;                   // of more they have two lines each
    const NARROW = 560;                // pixels: below it is a list
    const AGAIN = 10000;               // ms between questions about many routes
    const THIN = 16;                   // of more routes the lines are thinner

    const layout = er.layout;
    const health = er.health;

    let view = null;                   // what is open

    er.views.add({
        name: 'flow', title: 'Flow', key: 'f',

        open(main, params) {
            view = make(main, params);
            view.off = er.live.on(now => look(now));
            view.resized = new ResizeObserver(() => look(er.live.now, true));
            view.resized.observe(view.stage);

            if (er.live.now.targets) {
                look(er.live.now);
            }
        },

        close() {
            view.off();
            view.resized.disconnect();
            clearTimeout(view.timer);
            view = null;
        }
    });

    // ---- the parts of the view

    function make(main, params) {
        const v = {
            params, nodes: new Map(), lines: new Map(), form: null,
            asked: null, timer: null, drawn: new Set(), table: null,
            sums: {}, trouble: new Set()
        };

        v.head = er.el('dl', {class: 'flow-sums'});
        v.told = er.el('ul', {class: 'flow-told'});
        v.find = er.el('input', {
            type: 'search', id: 'flow-find', placeholder: 'Find routes by name',
            'aria-label': 'Find routes by name', value: params.text || '',
            on: {input: () => narrow({text: v.find.value})}
        });
        v.note = er.el('span', {class: 'soft', id: 'flow-note'});
        v.ends = er.el('span', {class: 'bar'});
        v.as = er.button('Show as tables', function () {
            narrow({as: v.params.as === 'table' ? '' : 'table'});
        }, {id: 'flow-as'});
        v.bar = er.el('div', {class: 'bar'}, v.find, v.ends, v.note);
        v.svg = er.svg('svg', {class: 'flow-lines', 'aria-hidden': 'true'});
        v.columns = ['Sources', 'Routes', 'Targets'].map(title =>
            er.el('div', {class: 'flow-column', role: 'group',
                          'aria-label': title},
                  er.el('h2', {}, title)));
        v.stage = er.el('div', {
            class: 'flow-stage', id: 'flow-picture',
            on: {keydown: walk, focusin: pick, focusout: unpick,
                 pointerover: pick, pointerleave: unpick}
        }, v.svg, v.columns);
        v.legend = er.el('ul', {class: 'flow-legend', 'aria-label': 'Legend'});
        v.empty = er.el('div', {class: 'empty', hidden: true});
        v.tables = er.el('div', {class: 'flow-tables', hidden: true});

        er.add(main, [er.el('div', {class: 'bar top'}, v.head, v.as),
                      er.el('div', {role: 'status'}, v.told), v.bar,
                      v.empty, v.stage, v.legend, v.tables]);

        return v;
    }

    function legend(thin) {
        const line = (kind, width, dash) => er.svg('svg',
            {width: 34, height: 20, 'aria-hidden': 'true'},
            er.svg('path', {d: 'M1,10H33', class: 'flow-line ' + kind,
                            'stroke-width': width, 'stroke-dasharray': dash}),
            kind === 'bad' || kind === 'warn' ? badge(kind, 17, 10) : null);
        const item = (picture, text) => er.el('li', {}, picture, text);

        return [
            [1, 10, 100, 1000].map(n => item(line('ok', layout.width(n, thin)),
                                             er.fmt.rate(n))),
            item(line('idle', layout.width(0)), 'nothing flows'),
            item(line('bad', 4), 'its target fails'),
            item(line('warn', 4), 'paused, held, drained or silent'),
            item(line('ok', 2, '2 5'), 'one of several sources of a route: '
                                       + 'not measured apart'),
            item(null, 'Width: what the route matched, over 5 s, on a '
                       + 'logarithmic scale')
        ];
    }

    // a cross: it fails; two bars: it waits

    function badge(kind, x, y) {
        return er.svg('g', {class: 'flow-badge ' + kind,
                            transform: 'translate(' + x + ',' + y + ')'},
            er.svg('circle', {r: 7}),
            er.svg('path', {d: kind === 'bad' ? 'M-2.7,-2.7L2.7,2.7M2.7,-2.7'
                                                + 'L-2.7,2.7'
                                              : 'M-1.8,-3V3M1.8,-3V3'}));
    }

    // ---- which routes: all, groups of many, or what was searched

    function narrowed(p) {
        return Boolean(p.text || p.source || p.target);
    }

    function narrow(more) {
        Object.assign(view.params, more);
        er.views.note(view.params);
        look(er.live.now);
        ask(250);
    }

    // rows of the middle column: {name, from, to, matched, rate, routes}; few
    // routes come with each poll

    function rows(now) {
        if (narrowed(view.params)
            || now.routes.nroutes > now.routes.routes.length)
        {
            return view.asked ? view.asked.rows : null;
        }

        return now.routes.routes.map(row =>
            ({...row, rate: now.rates.routes[row.name]}));
    }

    // many are asked for by this view alone, each 10 s: their groups, or those
    // that were searched

    function ask(ms) {
        clearTimeout(view.timer);
        view.timer = setTimeout(question, ms);
    }

    async function question() {
        const mine = view;
        const p = JSON.stringify(view.params);
        const {text, source, target} = view.params;
        const one = narrowed(view.params);

        if (!one && er.live.now.routes.nroutes <= DRAWN) {
            return;
        }

        if (!document.hidden) {
            try {
                const answer = await (one
                    ? er.api.get('routes', {text, source, target,
                                            sort: 'matched', limit: DRAWN})
                    : er.api.get('groups', {limit: 1000}));

                if (view !== mine || p !== JSON.stringify(view.params)) {
                    return;
                }

                answered(answer);
                look(er.live.now);

            } catch (e) {
                if (!(e instanceof er.Problem)) {
                    throw e;
                }

                if (view !== mine) {
                    return;
                }

                er.say(view.note, e.detail);
            }
        }

        if (view === mine) {
            ask(view.asked && view.asked.first ? 3000 : AGAIN);
        }
    }

    // rates are known from the second answer on

    function answered(answer) {
        const old = view.asked;
        const time = new Date(answer.now);
        const counts = new Map();
        const all = (answer.routes || answer.groups).map(function (row) {
            const before = old ? old.counts.get(row.name) : undefined;

            counts.set(row.name, row.matched);

            return {...row, rate: before === undefined || time <= old.time
                ? undefined
                : Math.max(0, row.matched - before) * 1000 / (time - old.time)};
        });

        view.asked = {
            time, counts, rows: layout.pick(all, view.trouble, view.drawn,
                answer.routes ? DRAWN : GROUPS),
            first: all.some(row => row.rate === undefined),
            found: answer.nfound, groups: answer.ngroups
        };
        view.drawn = new Set(view.asked.rows.map(row => row.name));
    }

    // ---- a look at what goes on

    function look(now, resized) {
        if (!now.targets || !view) {
            return;
        }

        const data = {
            sources: new Map(now.sources.sources.map(row => [row.name, row])),
            targets: new Map(now.targets.targets.map(row => [row.name, row])),
            facts: new Map(), now
        };

        for (const row of data.sources.values()) {
            fact(data, 's:', source(row, now.rates.sources[row.name] || {}));
        }

        view.trouble = new Set();

        for (const row of data.targets.values()) {
            fact(data, 't:', target(row, now.rates.targets[row.name] || {},
                                    now.targets.now));
        }

        const list = rows(now);

        if (list === null) {
            er.say(view.note, 'Looking at '
                              + er.fmt.count(now.routes.nroutes) + ' routes');
            if (view.timer === null) {
                ask(0);
            }
        }

        for (const row of list || []) {
            fact(data, 'r:', route(row, data));
        }

        data.rows = list || [];
        sums(data);
        told(data);
        around(data, list);

        const table = view.params.as === 'table';

        er.say(view.as, table ? 'Show the picture' : 'Show as tables');
        view.tables.hidden = !table;
        view.stage.hidden = table || /source|route/.test(view.missing);
        view.legend.hidden = view.stage.hidden;

        if (table) {
            tables(data);
        } else {
            draw(data, resized);
        }
    }

    function fact(data, kind, f) {
        f.id = kind + f.name;
        f.worst = health.state(f.marks, f.flows);
        data.facts.set(f.id, f);

        if (kind === 't:' && f.worst === 'bad') {
            view.trouble.add(f.name);
        }
    }

    function source(row, rates) {
        const marks = health.source(row, rates);
        const rate = rates.accepted || 0;

        return {
            name: row.name, row, rates, marks, rate, flows: health.rate(rate) > 0,
            calm: health.rate(rate) ? 'receives' : 'no events now',
            line: row.last_seconds === undefined ? 'no event yet'
                : row.last_seconds < 2 ? 'last event just now'
                : 'last event ' + er.fmt.seconds(row.last_seconds) + ' ago',
            view: ['events', {source: row.name}]
        };
    }

    function target(row, rates, time) {
        const failed = health.failures(row, time);
        const marks = health.target(row, rates, failed);
        const rate = rates.delivered || 0;
        const late = row.latency || {};
        const wait = row.pending ? er.fmt.count(row.pending) + ' wait'
            + (row.oldest_seconds > 0 ? ', oldest '
               + er.fmt.seconds(row.oldest_seconds) : '') : null;

        return {
            name: row.name, row, rates, marks, rate, flows: health.rate(rate) > 0,
            calm: health.rate(rate) ? 'delivers' : 'no deliveries now',
            line: wait || (late.attempt_p99 === undefined ? 'nothing waits'
                           : 'p99 ' + er.fmt.ms(late.attempt_p99)),
            view: [row.dead_now ? 'dead' : 'events', {
                target: row.name, state: !row.dead_now && row.pending
                    && marks.some(m => m[0] === 'bad') ? 'pending' : ''}]
        };
    }

    function route(row, data) {
        const many = row.routes > 1;
        const way = row.from.map(n => n === '*' ? 'all sources' : n).join(', ')
                    + ' \u2192 ' + (row.to.join(', ') || 'no target');
        const name = many ? er.fmt.count(row.routes) + ' routes, ' + way
                          : row.name;
        const worst = row.to.map(n => data.facts.get('t:' + n))
            .find(f => f && f.worst === 'bad');

        return {
            name: row.name, row, marks: [], rate: row.rate, label: name, way,
            flows: health.rate(row.rate) > 0,
            fails: worst ? ', ' + worst.name + ' fails' : '',
            title: (many ? 'Shows them' : row.file ? row.file + ':' + row.line
                    : name) + '\n' + way,
            view: [many ? 'flow' : 'events', {
                source: row.from.length > 1 || row.from[0] === '*' ? ''
                    : row.from[0], target: row.to[0]}]
        };
    }

    // ---- above the picture

    function sums(data) {
        const sum = (list, f) => [...list].reduce((n, x) => n + (f(x) || 0), 0);
        const facts = [...data.facts.values()];
        const s = facts.filter(f => f.id[0] === 's');
        const t = facts.filter(f => f.id[0] === 't');
        const of = (title, text, kind) => ({title, text, kind: kind || ''});
        const failed = sum(t, f => f.rates.failed);
        const refused = sum(s, f => f.rates.refused);
        const dead = sum(t, f => f.row.dead_now);

        const list = [
            of('accepted', er.fmt.rate(sum(s, f => f.rate))),
            of('delivered', er.fmt.rate(sum(t, f => f.rate))),
            of('attempts failed', er.fmt.rate(failed),
               failed >= 0.05 ? 'bad' : ''),
            of('refused', er.fmt.rate(refused), refused >= 0.05 ? 'warn' : ''),
            of('waiting', er.fmt.count(sum(t, f => f.row.pending))),
            of('dead letters', er.fmt.count(dead))
        ];

        for (const item of list) {
            if (!view.sums[item.title]) {
                const value = er.el('dd');

                view.sums[item.title] = value;
                view.head.append(er.el('div', {},
                                       er.el('dt', {}, item.title), value));
            }

            er.say(view.sums[item.title], item.text);
            view.sums[item.title].className = item.kind;
        }
    }

    // the worst first, in words without numbers that change each second: it is
    // read aloud when it changes

    function told(data) {
        const facts = [...data.facts.values()]
            .filter(f => f.worst === 'bad' || f.worst === 'warn')
            .sort((x, y) => (x.worst < y.worst ? -1 : x.worst > y.worst ? 1
                             : 0));
        const items = facts.slice(0, 5).map(f => [f.worst, f.view,
            f.id[0] === 't' ? 'target ' : 'source ', f.name,
            f.marks.filter(m => m[0] !== 'note').map(m =>
                  m[1].replace(/^[\d.,]+k?(\/s)? /, '')
                      .replace('failed in 1 min', 'failing')).join(', ')]);
        const text = JSON.stringify([items, facts.length]);

        if (text === view.toldText) {
            return;
        }

        view.toldText = text;
        er.fill(view.told, items.map(([kind, to, what, name, words]) =>
            er.el('li', {}, er.mark(kind, words), ' ', what,
                  er.el('a', {href: er.views.address(...to)},
                        er.clean(name)))),
            facts.length > items.length ? er.el('li', {}, 'and '
                + (facts.length - items.length) + ' more') : null);
        view.told.hidden = facts.length === 0;
    }

    function around(data, list) {
        const now = data.now;
        const total = now.routes.nroutes;
        const p = view.params;
        const n = er.fmt.count;

        view.find.hidden = total <= 20;
        view.bar.hidden = view.find.hidden && !narrowed(p);

        if (list !== null) {
            const shown = list.length;

            const {found, groups} = view.asked || {};

            er.say(view.note, narrowed(p)
                ? found > shown ? n(shown) + ' of ' + n(found)
                      + ' routes: those that matched most'
                    : shown === 1 ? '1 route' : n(shown) + ' routes'
                : total <= DRAWN ? ''
                : n(total) + ' routes in ' + n(groups) + ' groups by source '
                  + 'and target' + (groups > shown ? ', of which ' + n(shown)
                      + ' are drawn; the search finds the others' : ''));
        }

        const ends = JSON.stringify([p.source, p.target]);

        if (view.endsText !== ends) {
            view.endsText = ends;
            er.fill(view.ends, ['source', 'target'].filter(k => p[k]).map(k =>
                er.button(k + ' ' + er.clean(p[k]) + ' \u00d7',
                          () => narrow({[k]: ''}),
                          {'aria-label': 'All of them, not only ' + k + ' '
                                         + p[k]})));
        }

        nothing(data, total);
    }

    // a new installation: what to do next

    function nothing(data, total) {
        const own = [...data.sources.values()].filter(s => s.name !== 'router');
        const missing = own.length === 0 ? 'source' : total === 0 ? 'route'
            : own.every(s => s.last_seconds === undefined) ? 'event' : '';

        if (view.missing === missing) {
            return;
        }

        view.missing = missing;
        view.empty.hidden = !missing;
        er.fill(view.empty, missing === 'source' ? [
            er.el('h2', {}, 'Nothing can flow yet'),
            er.el('p', {}, 'nginx.conf has no event_source. First steps:'),
            er.el('pre', {}, 'event_source shop { verify PRESET; '
                + 'secret file:FILE; }\n'
                + 'event_route all { from shop; to erp; }\n'
                + 'location = /hooks/shop  { event_receive shop; }\n'
                + 'location = /deliver/erp { event_deliver erp; proxy_pass '
                + 'ADDRESS; }')
        ] : missing === 'route' ? [
            er.el('h2', {}, 'No route yet'),
            er.el('p', {}, 'Events come in, and nothing says where they go. A '
                  + 'route does:'),
            er.el('pre', {}, 'event_route all { from ' + own[0].name
                             + '; to TARGET; }')
        ] : missing ? er.first(data.now) : null);
    }

    // ---- the picture

    function draw(data, resized) {
        const width = view.stage.clientWidth;

        if (width === 0) {
            return;
        }

        const ends = shownEnds(data);
        const narrow = width < NARROW;
        const thin = data.rows.length > THIN;
        const form = JSON.stringify([Math.round(width), ends,
            data.rows.map(row => [row.name, row.from, row.to, row.routes])]);

        if (form !== view.form) {
            view.form = form;
            arrange(data, ends, width, narrow);
            er.fill(view.legend, legend(thin));
            view.thin = thin;
        } else if (resized) {
            return;
        }

        for (const [id, node] of view.nodes) {
            paint(node, data.facts.get(id));
        }

        for (const line of view.lines.values()) {
            stroke(line, data);
        }
    }

    // all sources and targets, but of many those that are connected with what
    // is drawn or need somebody

    function shownEnds(data) {
        const near = [new Set(), new Set()];
        const only = narrowed(view.params);

        for (const row of data.rows) {
            for (const name of layout.origins(row, [...data.sources.keys()])) {
                near[0].add(name);
            }

            for (const name of row.to) {
                near[1].add(name);
            }
        }

        return [['s:', data.sources], ['t:', data.targets]].map(
            ([kind, map], i) => [...map.keys()].filter(function (name) {
                const f = data.facts.get(kind + name);

                return near[i].has(name)
                       || (!only && (map.size <= ENDS || f.worst === 'bad'
                                     || f.worst === 'warn'));
            }));
    }

    function arrange(data, ends, width, narrow) {
        const graph = layout.graph(data.rows, ends[0], ends[1]);
        const columns = layout.order(graph.columns, graph.edges);
        const degree = new Map();

        for (const edge of graph.edges) {
            degree.set(edge.a, (degree.get(edge.a) || 0) + 1);
            degree.set(edge.b, (degree.get(edge.b) || 0) + 1);
        }

        const thin = columns[1].length > THIN;
        const low = thin ? 26 : 34;
        const dense = id => columns[id[0] === 's' ? 0 : 2].length > DENSE;
        const size = id => id[0] === 'r' ? low
            : Math.max(dense(id) ? 48 : 72,
                       Math.min(320, (degree.get(id) || 0) * 6));
        const gap = thin ? 5 : 10;
        const {at, height} = layout.stand(columns, graph.edges, size, gap);
        const part = (share, least, most) =>
            Math.max(least, Math.min(most, width * share));
        const wide = data.rows.some(row => row.routes) ? 0.27 : 0.2;
        const widths = [part(0.21, 148, 250), part(wide, 128, 330),
                        part(0.24, 168, 290)];
        const lefts = [0, (width - widths[1]) / 2, width - widths[2]];
        const top = 30;

        view.stage.classList.toggle('list', narrow);
        view.svg.setAttribute('width', width);
        view.svg.setAttribute('height', height + top + 4);
        view.stage.style.height = narrow ? '' : height + top + 4 + 'px';

        keep(view.nodes, new Set(columns.flat()), function (node) {
            node.a.remove();

            if (node.badge) {
                node.badge.remove();
            }
        });

        columns.forEach(function (column, i) {
            view.columns[i].style.left = lefts[i] + 'px';
            view.columns[i].style.width = widths[i] + 'px';
            view.columns[i].hidden = column.length === 0;
            view.columns[i].classList.toggle('dense', column.length > DENSE);

            let before = view.columns[i].firstChild;

            for (const id of column) {
                if (!view.nodes.has(id)) {
                    view.nodes.set(id, born(id));
                }

                const node = view.nodes.get(id);

                node.column = i;
                node.top = at.get(id);
                node.lines = degree.get(id);
                node.pin = [i ? lefts[2] - 15 : widths[0] + 15,
                            node.top + top + size(id) / 2];
                node.a.style.top = narrow ? '' : at.get(id) + top + 'px';
                node.a.style.height = narrow ? '' : size(id) + 'px';

                if (before.nextSibling !== node.a) {
                    before.after(node.a);
                }

                before = node.a;
            }
        });

        lay(graph.edges, layout.ports(graph.edges, at, size), top, lefts,
            widths);
    }

    function keep(map, keys, gone) {
        for (const [key, value] of map) {
            if (!keys.has(key)) {
                gone(value);
                map.delete(key);
            }
        }
    }

    function born(id) {
        const a = er.el('a', {class: 'flow-node'});
        const node = {
            id, a,
            name: er.el('span', {class: 'flow-name'}),
            rate: er.el('span', {class: 'flow-rate'}),
            line: er.el('span', {class: 'flow-fact'}),
            marks: er.el('span', {class: 'flow-marks'}),
            fails: er.el('span', {class: 'unseen'})
        };

        // what it is, for who does not see in which column

        const [noun, done] = {s: ['source ', ' accepted '],
                              r: ['route ', ' matched '],
                              t: ['target ', ' delivered ']}[id[0]];
        const unseen = text => er.el('span', {class: 'unseen'}, text);

        a.dataset.id = id;
        er.add(a, [unseen(noun), node.name, ' ', node.rate, unseen(done),
                   node.line, ' ', id[0] === 'r' ? node.fails : node.marks]);

        return node;
    }

    function lay(edges, ports, top, lefts, widths) {
        const key = e => e.a + '\n' + e.b;

        keep(view.lines, new Set(edges.map(key)), line => line.g.remove());

        edges.forEach(function (edge, i) {
            let line = view.lines.get(key(edge));

            if (!line) {
                line = {
                    path: er.svg('path', {class: 'flow-line'}),
                    title: er.svg('title', {}), g: er.svg('g', {})
                };
                line.hit = er.svg('path', {class: 'flow-hit'}, line.title);
                line.g.addEventListener('click', function () {
                    if (line.to) {
                        er.views.go(...line.to);
                    }
                });
                er.add(line.g, [line.path, line.hit]);
                view.lines.set(key(edge), line);
                view.svg.prepend(line.g);
            }

            const column = edge.a[0] === 's' ? 0 : 1;
            const x0 = lefts[column] + widths[column];
            const x1 = lefts[column + 1];
            const y0 = ports[i].y0 + top;
            const y1 = ports[i].y1 + top;
            const bend = (x1 - x0) * 0.5;
            const d = 'M' + [x0, y0].join() + 'C' + [x0 + bend, y0, x1 - bend,
                      y1, x1, y1].map(n => n.toFixed(1)).join();

            line.edge = edge;
            line.path.setAttribute('d', d);
            line.hit.setAttribute('d', d);
            line.kind = null;
        });
    }

    // ---- what changes each second

    function attr(node, name, value) {
        if (node.getAttribute(name) !== value) {
            node.setAttribute(name, value);
        }
    }

    function paint(node, f) {
        if (!f) {
            return;
        }

        const route = f.id[0] === 'r';
        const kind = 'flow-node ' + f.id[0] + ' ' + f.worst;

        if (node.kind !== kind) {
            node.a.classList.remove('ok', 'idle', 'warn', 'bad');
            node.a.classList.add(f.id[0], f.worst);
            node.kind = kind;
        }

        er.say(node.name, er.clean(f.label || f.name));
        er.say(node.rate, f.rate === undefined ? '\u2013'
                                               : er.fmt.rate(f.rate));
        er.say(node.line, er.clean(route ? f.way : f.line));
        attr(node.a, 'href', er.views.address(...f.view));
        attr(node.a, 'title', er.clean(f.title || f.name));

        if (route) {
            er.say(node.fails, f.fails);
        } else {
            marks(node, f);
            pin(node, f);
        }
    }

    function marks(node, f) {
        const list = f.marks.length ? f.marks
            : [[f.flows ? 'ok' : 'idle', f.calm, '']];
        const kinds = list.map(m => m[0]).join();

        if (node.kinds !== kinds) {
            node.kinds = kinds;
            er.fill(node.marks, list.map(m =>
                er.mark(m[0] === 'note' ? 'idle' : m[0], m[1], m[2])));
        }

        list.forEach(function (m, i) {
            er.say(node.marks.children[i], m[1]);
            attr(node.marks.children[i], 'title', m[2]);
        });
    }

    // a badge where the lines of a node that fails or waits come together

    function pin(node, f) {
        const kind = node.lines && (f.worst === 'bad' || stops(f)) ? f.worst
                                                                   : null;
        const form = kind && kind + node.pin;

        if (node.pinned !== form) {
            node.pinned = form;

            if (node.badge) {
                node.badge.remove();
            }

            node.badge = kind ? badge(kind, ...node.pin) : null;
            er.add(view.svg, [node.badge]);
        }
    }

    // what comes over its lines waits; what a source refuses is not on them

    function stops(f) {
        return f.worst === 'warn' && (f.id[0] === 't' || f.row.silent
                                      || f.row.paused || f.row.held);
    }

    function stroke(line, data) {
        const edge = line.edge;
        const r = data.facts.get('r:' + edge.route);
        const end = data.facts.get(edge.a[0] === 's' ? edge.a : edge.b);

        if (!r) {
            return;
        }

        const kind = end && end.worst === 'bad' ? 'bad'
            : end && stops(end) ? 'warn' : r.flows ? 'ok' : 'idle';

        if (line.kind !== kind) {
            line.kind = kind;
            line.path.setAttribute('class', 'flow-line ' + kind);
            line.g.setAttribute('class', 'flow-edge ' + kind);
        }

        // what is to be seen there changes, though the line stays red

        line.to = kind === 'bad' || (kind === 'warn' && edge.b[0] === 't')
            ? end.view : null;

        attr(line.path, 'stroke-width', (edge.one
            ? layout.width(r.flows ? r.rate : 0, view.thin) : 2).toFixed(2));
        attr(line.path, 'stroke-dasharray', edge.one ? 'none' : '2 5');

        er.say(line.title, er.clean(edge.a.slice(2) && (edge.a[0] === 's'
            ? edge.a.slice(2) + ' \u2192 ' + (r.label || r.name)
              + (edge.one ? '' : ' (not measured for each source)')
            : (r.label || r.name) + ' \u2192 ' + edge.b.slice(2))
            + (edge.one && r.rate !== undefined ? ': ' + er.fmt.rate(r.rate)
               : '') + (kind === 'bad' || kind === 'warn' ? ', '
               + end.marks.map(m => m[1]).join(', ') : '')));
    }

    // ---- what is connected with a node stands out

    function pick(e) {
        const a = e.target.closest('.flow-node');

        if (!a || a.dataset.id === view.picked
            || !view.nodes.get(a.dataset.id).lines)
        {
            return;
        }

        const on = new Set([a.dataset.id]);
        const lines = new Set();

        for (const [x, y] of [['a', 'b'], ['b', 'a']]) {
            const way = new Set([a.dataset.id]);

            for (let turn = 0; turn < 2; turn++) {
                for (const line of view.lines.values()) {
                    if (way.has(line.edge[x])) {
                        lines.add(line);
                        way.add(line.edge[y]);
                    }
                }
            }

            way.forEach(id => on.add(id));
        }

        view.picked = a.dataset.id;
        view.stage.classList.add('picked');

        for (const [id, node] of view.nodes) {
            node.a.classList.toggle('on', on.has(id));
        }

        for (const line of view.lines.values()) {
            line.path.classList.toggle('on', lines.has(line));
        }
    }

    function unpick() {
        if (view) {
            view.picked = null;
            view.stage.classList.remove('picked');
        }
    }

    // arrows: within a column, and to the nearest connected node of the next

    function walk(e) {
        const a = e.target.closest('.flow-node');
        const node = a && view.nodes.get(a.dataset.id);

        if (!node || e.ctrlKey || e.altKey || e.metaKey) {
            return;
        }

        const of = column => [...view.columns[column].querySelectorAll('a')];
        const list = of(node.column);
        const i = list.indexOf(a);
        const side = {ArrowLeft: -1, ArrowRight: 1}[e.key];
        let to = {ArrowUp: list[i - 1] || a, ArrowDown: list[i + 1] || a,
                  Home: list[0], End: list[list.length - 1]}[e.key];

        if (side && view.columns[node.column + side]) {
            to = nearest(node, of(node.column + side), side);
        }

        if (to) {
            e.preventDefault();
            to.focus();
        }
    }

    function nearest(node, list, side) {
        const near = new Set();

        for (const {edge} of view.lines.values()) {
            if (edge[side < 0 ? 'b' : 'a'] === node.id) {
                near.add(edge[side < 0 ? 'a' : 'b']);
            }
        }

        const far = a => (near.size && !near.has(a.dataset.id) ? 1e6 : 0)
            + Math.abs(view.nodes.get(a.dataset.id).top - node.top);

        return [...list].sort((x, y) => far(x) - far(y))[0];
    }

    // ---- the same facts as tables

    function tables(data) {
        if (!view.table) {
            view.table = {
                's:': table('Sources', [
                    ['Accepted', f => f.rate, er.fmt.rate],
                    ['Refused', f => f.rates.refused || 0, er.fmt.rate],
                    ['Last event', f => f.row.last_seconds, er.fmt.seconds]
                ]),
                'r:': table('Routes', [
                    ['From and to', f => f.way],
                    ['Matched now', f => f.rate, er.fmt.rate],
                    ['Matched', f => f.row.matched, er.fmt.count]
                ]),
                't:': table('Targets', [
                    ['Delivered', f => f.rate, er.fmt.rate],
                    ['Failing', f => f.rates.failed || 0, er.fmt.rate],
                    ['Waiting', f => f.row.pending, er.fmt.count],
                    ['Oldest', f => f.row.oldest_seconds, er.fmt.seconds],
                    ['Dead letters', f => f.row.dead_now, er.fmt.count],
                    ['p99', f => (f.row.latency || {}).attempt_p99, er.fmt.ms]
                ])
            };

            er.fill(view.tables, Object.values(view.table).map(t =>
                [er.el('h2', {}, t.title), t.node]));
        }

        for (const [kind, t] of Object.entries(view.table)) {
            t.set([...data.facts.values()].filter(f => f.id.startsWith(kind)));
        }
    }

    function table(title, facts) {
        const columns = [{
            name: 'name', title: title.slice(0, -1),
            cell: f => er.text(f.label || f.name), say: f => f.label || f.name
        }, ...facts.map(([name, value, format]) => ({
            name, title: name, right: Boolean(format), wide: !format,
            cell: f => format ? format(value(f)) : er.text(value(f)),
            say: value
        }))];

        if (title !== 'Routes') {
            columns.push({
                name: 'state', title: 'State', wide: true,
                cell: f => er.el('span', {class: 'marks'}, (f.marks.length
                    ? f.marks : [[f.worst, f.calm]]).map(m =>
                        er.mark(m[0] === 'note' ? 'idle' : m[0], m[1], m[2]))),
                say: f => f.marks.map(m => m[1]).join() || f.calm
            });
        }

        const t = er.table({
            id: 'flow-' + title.toLowerCase(), label: title, columns,
            key: f => f.id, open: f => er.views.go(...f.view)
        });

        t.title = title;

        return t;
    }
})();
