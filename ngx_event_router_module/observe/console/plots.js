// The plots of the last hour and day, one below the other over one axis of
// time.  What was not measured is a gap.  A pointer or the arrow keys choose a
// step of time, and all plots show its values.  axis.js has the numbers.

(function () {
    const AGAIN = 10000;
    const MOST = 5;                    // lines of targets in one plot
    const MANY = 20;                   // of more, lines of one target only
    const RIGHT = 10;
    const TOP = 8;

    const axis = er.axis;
    const format = {
        ...er.fmt,

        rate(n) {
            const [value, unit] = axis.rate(n);

            return er.fmt.rate(value).replace('/s', unit);
        }
    };

    let view = null;

    er.views.add({
        name: 'plots', title: 'Plots', key: 'p',

        open(main, params) {
            view = make(main, {span: 'hour', ...params});
            view.off = er.live.on(choices);
            view.resized = new ResizeObserver(() => draw());
            view.resized.observe(view.stage);
            choices(er.live.now);
        },

        close() {
            view.off();
            view.resized.disconnect();
            clearTimeout(view.timer);
            view = null;
        }
    });

    document.addEventListener('visibilitychange', function () {
        if (view && view.asked && !document.hidden) {
            ask();
        }
    });

    // ---- the parts of the view

    function make(main, params) {
        const v = {params, plots: [], at: null, data: null, width: 0};

        v.of = er.el('select', {id: 'plots-of', on: {change() {
            const [kind, name] = JSON.parse(v.of.value);

            change({target: '', source: '', [kind]: name});
        }}});
        v.spans = ['hour', 'day'].map(span => er.button('Last ' + span,
            () => change({span}), {id: 'plots-' + span}));
        v.note = er.el('span', {class: 'soft', role: 'status'});
        v.stage = er.el('div', {class: 'plots', on: {
            pointermove: hover, pointerdown: hover,
            pointerleave: () => cursor(null)
        }});
        v.ticks = er.svg('svg', {'aria-hidden': 'true', height: 22});
        v.now = er.el('output', {class: 'plot-now'});
        v.time = er.el('div', {
            class: 'plot-time', id: 'plots-time', role: 'slider', tabindex: '0',
            'aria-label': 'Time of the values', 'aria-valuemin': 0,
            on: {keydown: step, blur: () => cursor(null)}
        }, v.ticks, v.now);
        v.empty = er.el('div', {class: 'empty', hidden: true});

        er.add(main, [
            er.el('div', {class: 'bar'},
                er.el('label', {class: 'bar'}, 'Of', v.of),
                er.el('span', {class: 'bar', role: 'group',
                               'aria-label': 'Span of time'}, v.spans),
                v.note),
            v.empty, v.stage
        ]);
        v.keys = er.el('p', {class: 'soft', id: 'plots-keys'},
            'Point at a step, or choose the axis of time and press \u2190 and '
            + '\u2192: all plots show its values. Shaded: nothing was '
            + 'measured.');

        v.time.setAttribute('aria-describedby', 'plots-keys');

        return v;
    }

    function change(more) {
        Object.assign(view.params, more);
        er.views.note(view.params);
        view.data = null;
        view.at = null;
        view.plots = [];
        er.fill(view.stage);
        ask();
    }

    function choices(now) {
        if (!now.targets) {
            return;
        }

        const names = (rows, kind) => rows.map(r => [kind, r.name]);
        const list = [['target', ''],
            ...names(now.targets.targets, 'target'),
            ...names(now.sources.sources, 'source')];
        const text = JSON.stringify(list);

        if (view.text !== text) {
            view.text = text;

            const option = ([kind, name]) => er.el('option', {
                value: JSON.stringify([kind, name])
            }, name ? kind + ' ' + er.clean(name) : 'all targets');

            er.fill(view.of, list.map(option));
        }

        const p = view.params;
        const value = JSON.stringify(p.source ? ['source', p.source]
                                              : ['target', p.target || '']);

        if (view.of.value !== value && document.activeElement !== view.of) {
            view.of.value = value;
        }

        view.spans.forEach(function (button) {
            button.setAttribute('aria-pressed',
                                button.id === 'plots-' + p.span);
        });

        if (!view.asked) {
            ask();
        }
    }

    async function ask() {
        const mine = view;
        const p = JSON.stringify(view.params);

        clearTimeout(view.timer);
        view.asked = true;
        choices(er.live.now);

        if (!document.hidden) {
            try {
                const {span, target, source} = view.params;
                const list = er.live.now.targets.targets;

                // an answer for 256 targets has 500,000 numbers

                view.many = !source && !target && list.length > MANY;

                const data = await er.api.get('series', {
                    span, source, target: view.many ? list[0].name : target});

                if (view !== mine || p !== JSON.stringify(view.params)) {
                    return;
                }

                view.data = data;
                er.say(view.note, view.many ? 'Choose a target for its latency '
                                              + 'and its queue.' : '');
                draw();

            } catch (e) {
                if (!(e instanceof er.Problem)) {
                    throw e;
                }

                if (view === mine) {
                    er.say(view.note, e.detail);
                }
            }
        }

        if (view === mine) {
            clearTimeout(view.timer);
            view.timer = setTimeout(ask, AGAIN);
        }
    }

    // ---- what is plotted: [{title, unit, lines: [{name, kind, values}]}]

    function plots(data) {
        const p = view.params;
        const per = values => axis.perSecond(values, data.measured_ms);
        const line = (name, kind, values) => ({name, kind, values});
        const counts = (of, names) => names.filter(([name]) => of[name])
            .map(([name, kind]) => line(name, kind, per(of[name])));
        const received = of => ({
            title: 'Received', unit: 'rate', lines: counts(of, [
                ['accepted', 'p0 filled'], ['duplicate', 'idle dash'],
                ['refused', 'warn dot']])
        });
        const delivered = of => ({
            title: 'Delivered', unit: 'rate', lines: counts(of, [
                ['delivered', 'ok filled'], ['failed', 'bad dash'],
                ['dead', 'ink dot']])
        });

        if (p.source) {
            return [received((data.sources || {})[p.source] || {})];
        }

        if (p.target) {
            const of = (data.targets || {})[p.target] || {};

            return [delivered(of), {
                title: 'Latency of attempts', unit: 'ms',
                lines: [line('p99', 'p0', of.p99), line('p50', 'p1 dash',
                                                        of.p50)]
            }, {
                title: 'Waiting', unit: 'count',
                lines: [line('waiting', 'p0 filled', of.pending)]
            }, {
                title: 'Oldest that waits', unit: 'seconds',
                lines: [line('age', 'p2', of.oldest_seconds)]
            }];
        }

        const each = function (title, unit, name) {
            const all = Object.entries(data.targets || {})
                .filter(([, of]) => of[name])
                .map(([target, of]) => [target, of[name], axis.most([of[name]])]);
            const some = all.length <= MOST ? all
                : [...all].sort((x, y) => y[2] - x[2]).slice(0, MOST);

            return {
                title, unit, more: all.length > some.length
                    ? 'the highest ' + MOST + ' of ' + all.length + ' targets'
                    : '',
                lines: some.map(([target, values], i) =>
                    line(target, 'p' + i, values))
            };
        };

        const all = [received(data.all), delivered(data.all)];

        return view.many ? all : [...all,
                each('Latency of attempts, p99', 'ms', 'p99'),
                each('Waiting', 'count', 'pending'),
                each('Oldest that waits', 'seconds', 'oldest_seconds')];
    }

    // ---- drawing

    function draw() {
        const data = view && view.data;
        const width = view && view.stage.parentNode.clientWidth - 40;

        if (!data || width <= 0) {
            return;
        }

        const list = plots(data).filter(plot => plot.lines.length);
        const some = list.some(plot => plot.lines.some(
            line => axis.last(line.values) !== null));

        view.empty.hidden = some;
        view.stage.hidden = !some;

        if (!some) {
            er.fill(view.empty, er.el('h2', {}, 'No point yet'),
                    er.el('p', {}, 'It is measured from now on: the first '
                          + 'point comes in '
                          + er.fmt.seconds((data.step_ms - (new Date(data.now)
                              - new Date(data.to))) / 1000 + 1) + '.'));
            return;
        }

        view.width = view.stage.clientWidth;
        view.left = view.width < 500 ? 54 : 64;
        view.start = new Date(data.from).getTime();

        const form = list.map(plot => plot.title).join();

        if (view.plots.map(plot => plot.title).join() !== form) {
            view.plots = list.map(born);
            er.fill(view.stage, view.plots.map(plot => plot.node), view.time,
                    view.keys);
        }

        const gaps = missing(data);

        list.forEach((plot, i) => render(view.plots[i], plot, gaps));
        times(data);
        cursor(view.at);
    }

    function born(plot) {
        const p = {
            title: plot.title, lines: [], unit: plot.unit,
            legend: er.el('ul', {class: 'plot-legend'}),
            more: er.el('small', {}),
            gaps: er.svg('g', {}), grid: er.svg('g', {}),
            paths: er.svg('g', {}),
            cursor: er.svg('path', {class: 'plot-cursor'})
        };

        p.svg = er.svg('svg', {'aria-hidden': 'true'},
                       p.gaps, p.grid, p.paths, p.cursor);
        p.node = er.el('div', {class: 'plot', role: 'group',
                               'aria-label': plot.title},
            er.el('div', {class: 'plot-head'},
                  er.el('h2', {}, plot.title), p.more, p.legend), p.svg);

        return p;
    }

    function x(i) {
        return view.left + (i + 0.5) * (view.width - view.left - RIGHT)
               / view.data.points;
    }

    // steps in which nothing at all was measured

    function missing(data) {
        return axis.runs(data.measured_ms.map(n => n === null ? 0 : null))
            .map(run => [run[0][0], run[run.length - 1][0]]);
    }

    function render(p, plot, gaps) {
        const bottom = view.width < 500 ? 84 : 96;
        const height = bottom - TOP;
        const ticks = axis.ticks(axis.most(plot.lines.map(l => l.values)), 3,
                                 plot.unit);
        const max = ticks[ticks.length - 1];
        const y = value => bottom - value / max * height;
        const form = JSON.stringify([ticks, view.width, gaps]);
        const names = JSON.stringify(plot.lines.map(l => [l.name, l.kind]));

        if (p.form !== form) {
            p.form = form;
            p.svg.setAttribute('width', view.width);
            p.svg.setAttribute('height', bottom + 4);
            er.fill(p.grid, ticks.map(tick => [
                er.svg('path', {
                    class: tick ? 'plot-grid' : 'plot-grid zero',
                    d: 'M' + view.left + ',' + y(tick).toFixed(1) + 'H'
                       + (view.width - RIGHT)}),
                er.svg('text', {x: view.left - 8, y: y(tick) + 4,
                                'text-anchor': 'end', class: 'plot-tick'},
                       tick === 0 ? '0' : format[plot.unit](tick))
            ]));
            er.fill(p.gaps, gaps.map(([a, b]) => er.svg('rect', {
                class: 'plot-gap', x: x(a - 0.5), y: TOP, height,
                width: Math.max(1, x(b + 0.5) - x(a - 0.5))})));
        }

        if (p.names !== names) {
            p.names = names;
            p.lines = plot.lines.map(line => ({
                ...line, value: er.el('b', {}),
                path: er.svg('path', {class: 'plot-line ' + line.kind}),
                area: line.kind.includes('filled')
                    ? er.svg('path', {class: 'plot-area ' + line.kind}) : null
            }));
            er.fill(p.paths, p.lines.map(line => [line.area, line.path]));
            er.fill(p.legend, p.lines.map(line => er.el('li', {},
                er.svg('svg', {width: 26, height: 10, 'aria-hidden': 'true'},
                    er.svg('path', {d: 'M1,5H25',
                                    class: 'plot-line ' + line.kind})),
                er.text(line.name), line.value)));
        }

        er.say(p.more, plot.more || '');

        p.lines.forEach(function (line, i) {
            line.values = plot.lines[i].values || [];
            line.path.setAttribute('d', axis.path(line.values, x, y));

            if (line.area) {
                line.area.setAttribute('d', axis.area(line.values, x, y));
            }
        });
    }

    function stamp(i) {
        return new Date(view.start + i * view.data.step_ms);
    }

    function times(data) {
        const end = view.start + data.points * data.step_ms;
        const minutes = data.span === 'day' ? view.width < 600 ? 360 : 180
                                            : view.width < 600 ? 20 : 10;
        const form = [view.width, data.from, minutes].join();

        if (view.timeForm === form) {
            return;
        }

        view.timeForm = form;
        view.ticks.setAttribute('width', view.width);
        er.fill(view.ticks, axis.times(view.start, end, minutes).map(
            function (t) {
                const at = x((t - view.start) / data.step_ms - 0.5);

                return at < view.left + 16 || at > view.width - 22 ? null : [
                    er.svg('path', {class: 'plot-grid zero',
                                    d: 'M' + at.toFixed(1) + ',0v5'}),
                    er.svg('text', {x: at, y: 17, 'text-anchor': 'middle',
                                    class: 'plot-tick'},
                        er.fmt.clock(new Date(t)).replace(/:\d\d$/, '')
                            .replace(/^.* /, ''))
                ];
            }));
        view.time.setAttribute('aria-valuemax', data.points - 1);
    }

    // ---- one step of time, in all plots

    function hover(e) {
        if (view.data && view.plots.length) {
            const box = view.stage.getBoundingClientRect();
            const part = (e.clientX - box.left - view.left)
                         / (view.width - view.left - RIGHT);

            cursor(Math.max(0, Math.min(view.data.points - 1,
                Math.floor(part * view.data.points))));
        }
    }

    function step(e) {
        const far = view.data.span === 'day' ? 12 : 6;
        const by = {ArrowLeft: -1, ArrowRight: 1, ArrowDown: -1, ArrowUp: 1,
                    PageDown: -far, PageUp: far, Home: -Infinity,
                    End: Infinity}[e.key];

        if (e.key === 'Escape') {
            cursor(null);
        }

        if (!by) {
            return;
        }

        const newest = Math.max(...view.plots.flatMap(p => p.lines.map(l =>
            axis.last(l.values) || 0)));
        const now = view.at === null ? newest + (by < 0 ? 1 : -1) : view.at;

        e.preventDefault();
        cursor(Math.max(0, Math.min(view.data.points - 1, now + by)));
    }

    function cursor(i) {
        const data = view.data;

        if (i === null && document.activeElement === view.time
            && view.at !== null)
        {
            i = view.at;
        }

        view.at = i;

        if (!data || !view.plots.length) {
            return;
        }

        const words = [];

        for (const p of view.plots) {
            p.cursor.setAttribute('d', i === null ? '' : 'M' + x(i).toFixed(1)
                                                         + ',0V100');

            for (const line of p.lines) {
                const at = i === null ? axis.last(line.values) : i;
                const value = at === null ? null : line.values[at];
                const text = value === null || value === undefined ? '\u2013'
                    : format[p.unit](value);

                er.say(line.value, text);
                words.push(line.name + ' ' + text.replace('\u2013',
                                                          'not measured'));
            }
        }

        const time = i === null ? '' : er.fmt.clock(stamp(i));

        er.say(view.now, time);
        view.now.style.left = i === null ? '' : Math.max(40, Math.min(
            view.width - 40, x(i))) + 'px';
        view.time.setAttribute('aria-valuenow', i === null ? data.points - 1
                                                           : i);
        view.time.setAttribute('aria-valuetext', (time || 'newest') + ': '
                                                 + er.clean(words.join(', ')));
    }
})();
