// The sources: what came, what was refused and why, who is silent and what is
// held.

(function () {
    let stop = null;
    let table = null;

    const rate = (name, what) => (er.live.now.rates.sources[name] || {})[what];
    const sum = map => Object.values(map || {}).reduce((a, b) => a + b, 0);

    function health(s) {
        return [
            s.silent ? er.mark('bad', 'silent', 'no event for longer than '
                               + 'it expects') : null,
            s.paused ? er.mark('warn', 'paused', s.paused_by
                               && 'by ' + s.paused_by) : null
        ].filter(Boolean);
    }

    er.views.add({
        name: 'sources', title: 'Sources', key: 's',

        open(main, params) {
            const bar = er.chosen(() => [
                er.acting('Pause', () => all('pause')),
                er.acting('Resume', () => all('resume'))
            ]);

            table = er.table({
                id: 'table-sources', label: 'Sources',
                key: s => s.name, open: s => panel(s.name),
                select: er.act ? rows => bar.set(rows) : null,
                columns: columns(),
                empty: () => el('p', {}, 'nginx.conf has no sources. An '
                    + 'event_source names one, and a location with '
                    + 'event_receive takes its events.')
            });

            main.append(bar.node, table.node);
            stop = er.live.on(now => table.set(now.sources.sources));

            if (er.live.now.sources) {
                table.set(er.live.now.sources.sources);
            }

            if (params.source) {
                panel(params.source);
            }
        },

        close() {
            stop();

            if (er.panel.open) {
                er.panel.open.close(true);
            }
        }
    });

    function all(act) {
        const names = table.selected.map(s => s.name);

        er.acts.many({
            title: (act === 'pause' ? 'Pause ' : 'Resume ') + names.length
                   + (names.length === 1 ? ' source' : ' sources'),
            ok: act === 'pause' ? 'Pause' : 'Resume',
            items: names, name: n => n,
            f: n => er.api.post(act, {source: n}),
            body: er.acts.names(names)
        }).then(done => done && table.clear());
    }

    function columns() {
        return [
            {name: 'name', title: 'Source', say: s => s.name,
             cell: s => er.text(s.name), class: 'name'},
            {name: 'health', title: 'Health',
             say: s => health(s).map(m => m.textContent).join(' ')
                       || (s.last_seconds === undefined ? 'none yet' : ''),
             cell: s => health(s).length
                 ? el('span', {class: 'marks'}, health(s))
                 : s.last_seconds === undefined ? er.mark('idle', 'none yet')
                 : er.mark('ok', 'well')},
            {name: 'delivery', title: 'Delivery', say: s => s.delivery,
             cell: s => s.delivery},
            {name: 'accepted', title: 'Accepted', right: true,
             say: s => Math.round(10 * (rate(s.name, 'accepted') || 0)) / 10,
             cell: s => fmt.rate(rate(s.name, 'accepted') || 0)},
            {name: 'last', title: 'Last event', right: true,
             say: s => s.last_seconds,
             cell: s => s.last_seconds === undefined ? '\u2013'
                        : fmt.seconds(s.last_seconds) + ' ago'},
            {name: 'duplicate', title: 'Duplicates', right: true,
             say: s => (s.received || {}).duplicate,
             cell: s => fmt.count((s.received || {}).duplicate)},
            {name: 'refused', title: 'Refused', right: true,
             say: s => sum(s.refused),
             cell: s => sum(s.refused) ? el('span', {class: 'warn'},
                                               fmt.count(sum(s.refused)))
                                       : '0'},
            er.column('Held', 'held', fmt.count, {right: true}),
            {name: 'quarantine', title: 'Quarantine', right: true,
             say: s => s.quarantine,
             cell: s => s.quarantine
                 ? er.link('quarantine', {source: s.name},
                           fmt.count(s.quarantine), {class: 'warn'})
                 : fmt.count(s.quarantine)},
            er.act ? {name: 'act', title: 'Act',
                      live: s => s.delivery + s.paused,
                      cell: s => s.delivery !== 'queued' ? null
                          : s.paused
                          ? er.button('Resume', () => er.acts.resume(
                              {source: s.name}), {class: 'small',
                              'aria-label': 'Resume ' + clean(s.name)})
                          : er.button('Pause', () => er.acts.pause(
                              {source: s.name}), {class: 'small',
                              'aria-label': 'Pause ' + clean(s.name)})}
                   : null
        ].filter(Boolean);
    }

    function panel(name) {
        const conf = er.conf('sources', name);
        const facts = er.facts([
            ['health', 'Health'], ['paused', 'Paused'], ['held', 'Held'],
            ['last', 'Last event'], ['expect', 'Expected at least each'],
            ['received', 'Received'], ['refused', 'Refused'],
            ['bytes', 'Bytes'], ['quarantine', 'In quarantine']
        ]);
        const fixed = er.facts([
            ['place', 'event_source'], ['verify', 'Signatures'],
            ['delivery', 'Delivery'], ['dedup', 'Duplicates'],
            ['retain', 'Retains'], ['size', 'Largest body'],
            ['routes', 'Routes']
        ]);
        const buttons = el('div', {class: 'bar'});
        let shape = null;

        fixed.set({
            place: er.place(conf.file, conf.line),
            verify: conf.verify === undefined ? null
                : conf.verify ? 'checked' + (conf.preset ? ', as ' + conf.preset
                                             + ' signs' : '')
                : er.mark('warn', 'not checked'),
            delivery: conf.delivery,
            dedup: conf.dedup === undefined ? null
                : conf.dedup ? 'dropped, for ' + fmt.ms(conf.dedup_ms)
                : 'taken',
            retain: conf.retain_ms ? 'what was delivered, for '
                                     + fmt.ms(conf.retain_ms) : null,
            size: conf.max_size ? fmt.bytes(conf.max_size) : null,
            routes: conf.routes === undefined ? null
                    : fmt.count(conf.routes)
        });

        const list = map => {
            const some = Object.entries(map || {}).filter(e => e[1]);

            return some.length ? some.map(([k, n]) => k.replace(/_/g, ' ')
                                          + ' ' + fmt.count(n)).join(', ')
                               : '0';
        };

        er.panel({
            title: er.text(name), label: 'Source ' + clean(name),
            at: {source: name},
            body: [buttons, facts.node, el('h3', {}, 'In nginx.conf'),
                   fixed.node,
                   el('div', {class: 'bar'},
                       er.link('events', {source: name}, 'Its events'),
                       er.link('quarantine', {source: name},
                               'Its quarantine'))],
            live() {
                const s = er.source(name);

                if (!s) {
                    return;
                }

                if (shape !== String(s.paused)) {
                    shape = String(s.paused);
                    er.fill(buttons, s.delivery !== 'queued' ? null
                        : s.paused
                        ? er.acting('Resume', () => er.acts.resume(
                            {source: name}))
                        : er.acting('Pause', () => er.acts.pause(
                            {source: name})),
                        conf.retain_ms ? er.acting('Replay what it '
                            + 'retains\u2026', () => er.acts.replay(
                            {archive: name})) : null,
                        er.acting('Judge its quarantine again',
                                  () => er.acts.recheck({source: name})));
                }

                facts.set({
                    health: health(s).length
                        ? el('span', {class: 'marks'}, health(s))
                        : er.mark('ok', 'well'),
                    paused: s.paused ? 'since ' + (s.paused_since
                        ? er.ago(s.paused_since, er.live.now.sources.now)
                        : 'a while') + (s.paused_by ? ', by '
                        + clean(s.paused_by) : '') : null,
                    held: s.held === undefined ? null : fmt.count(s.held),
                    last: s.last_seconds === undefined ? 'none yet'
                        : fmt.seconds(s.last_seconds) + ' ago',
                    expect: s.expect_seconds ? fmt.seconds(s.expect_seconds)
                                             : null,
                    received: list(s.received),
                    refused: list(s.refused),
                    bytes: fmt.bytes(s.bytes),
                    quarantine: s.quarantine === undefined ? null
                                : fmt.count(s.quarantine)
                });
            }
        });
    }

    er.live.on(function (now) {
        const rows = now.sources.sources;

        er.views.badge('sources', rows.filter(s => health(s).length).length,
                       'warn');
        er.views.badge('quarantine', rows.reduce(
            (n, s) => n + (s.quarantine || 0), 0), 'warn');
    });
})();
