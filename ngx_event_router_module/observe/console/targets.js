// The targets: how each of them is, what waits for it, and what is done about
// it.

(function () {
    let stop = null;
    let table = null;

    const health = function (t) {
        return [
            t.paused ? er.mark('warn', 'paused', t.paused_by
                                && 'by ' + t.paused_by) : null,
            t.drained ? er.mark('warn', 'drained') : null,
            t.breaker === 'open' ? er.mark('bad', 'breaker open')
                : t.breaker === 'half_open' ? er.mark('warn', 'breaker tries')
                : null,
            t.pause_seconds ? er.mark('warn', 'asked for a rest') : null,
            t.unaccounted || t.dead_unaccounted
                ? er.mark('bad', 'unaccounted') : null
        ].filter(Boolean);
    };

    er.health = function (t) {
        const marks = health(t);

        return marks.length ? el('span', {class: 'marks'}, marks)
                            : er.mark('ok', 'well');
    };

    const sum = map => Object.values(map || {}).reduce((a, b) => a + b, 0);

    const rate = (name, what) => (er.live.now.rates.targets[name] || {})[what];

    er.views.add({
        name: 'targets', title: 'Targets', key: 't',

        open(main, params) {
            const bar = er.chosen(() => [
                er.acting('Pause', () => all('pause')),
                er.acting('Resume', () => all('resume')),
                er.acting('Retry what waits', () => all('retry'))
            ]);

            table = er.table({
                id: 'table-targets', label: 'Targets',
                key: t => t.name, open: t => panel(t.name),
                select: er.act ? rows => bar.set(rows) : null,
                columns: columns(),
                empty: () => el('p', {}, 'nginx.conf has no targets. ',
                    'An event_route with "to" names one, and a location with '
                    + 'event_deliver sends to it.')
            });

            const whole = el('span');
            let drained = null;

            main.append(el('div', {class: 'bar'},
                el('span', {class: 'grow soft'}, 'Enter or a click opens '
                      + 'one.'), whole),
                bar.node, table.node);

            stop = er.live.on(set);

            if (er.live.now.targets) {
                set(er.live.now);
            }

            // the drain of all is ended for all

            function set(now) {
                const rows = now.targets.targets;
                const is = rows.length > 0 && rows.every(t => t.drained);

                table.set(rows);

                if (is !== drained) {
                    drained = is;
                    er.fill(whole, is
                        ? er.acting('Undrain all', () => er.acts.undrain({}))
                        : er.acting('Drain all\u2026',
                                    () => er.acts.drain({})));
                }
            }

            if (params.target) {
                panel(params.target);
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
        const names = table.selected.map(t => t.name);

        er.acts.many({
            title: {pause: 'Pause ', resume: 'Resume ',
                    retry: 'Retry now what waits for '}[act]
                   + names.length + (names.length === 1 ? ' target'
                                                        : ' targets'),
            ok: {pause: 'Pause', resume: 'Resume', retry: 'Retry'}[act],
            items: names, name: n => n,
            f: n => er.api.post(act, {target: n}),
            body: er.acts.names(names)
        }).then(done => done && table.clear());
    }

    function columns() {
        const places = t => t.in_flight === undefined ? null
            : t.in_flight + (t.concurrency ? '/' + t.concurrency : '');

        return [
            {name: 'name', title: 'Target', say: t => t.name,
             cell: t => er.text(t.name), class: 'name'},
            {name: 'health', title: 'Health',
             say: t => health(t).map(m => m.textContent).join(' '),
             cell: er.health},
            {name: 'delivered', title: 'Delivered', right: true,
             say: t => Math.round(10 * (rate(t.name, 'delivered') || 0)) / 10,
             cell: t => fmt.rate(rate(t.name, 'delivered') || 0)},
            {name: 'failed', title: 'Failed', right: true,
             say: t => Math.round(10 * (rate(t.name, 'failed') || 0)) / 10,
             cell: t => {
                 const n = rate(t.name, 'failed') || 0;

                 return n >= 0.05 ? el('span', {class: 'bad'},
                                          fmt.rate(n)) : fmt.rate(0);
             }},
            er.column('Waits', 'pending', fmt.count, {right: true}),
            {name: 'oldest', title: 'Oldest', right: true,
             say: t => t.pending ? t.oldest_seconds : undefined,
             cell: t => t.pending ? fmt.seconds(t.oldest_seconds)
                                  : '\u2013'},
            {name: 'places', title: 'Places', right: true, say: places,
             cell: t => places(t) || '\u2013'},
            {name: 'rate', title: 'Rate', right: true,
             say: t => t.rate && t.rate.tokens,
             cell: t => t.rate ? t.rate.tokens + ' of '
                                 + fmt.limit(t.rate.limit) : '\u2013'},
            {name: 'p50', title: 'p50', right: true,
             say: t => t.latency && t.latency.attempt_p50,
             cell: t => fmt.ms(t.latency && t.latency.attempt_p50)},
            {name: 'p99', title: 'p99', right: true,
             say: t => t.latency && t.latency.attempt_p99,
             cell: t => fmt.ms(t.latency && t.latency.attempt_p99)},
            {name: 'dead', title: 'Dead', right: true, say: t => t.dead_now,
             cell: t => t.dead_now
                 ? er.link('dead', {target: t.name},
                           fmt.count(t.dead_now), {class: 'bad'})
                 : fmt.count(t.dead_now)},
            er.act ? {name: 'act', title: 'Act', live: t => String(t.paused),
                      cell: t => t.paused === undefined ? null
                          : t.paused
                          ? er.button('Resume', () => er.acts.resume(
                              {target: t.name}), {class: 'small',
                              'aria-label': 'Resume ' + clean(t.name)})
                          : er.button('Pause', () => er.acts.pause(
                              {target: t.name}), {class: 'small',
                              'aria-label': 'Pause ' + clean(t.name)})}
                   : null
        ].filter(Boolean);
    }

    function panel(name) {
        const conf = er.conf('targets', name);
        const facts = er.facts([
            ['health', 'Health'], ['paused', 'Paused'],
            ['breaker', 'Breaker'], ['rest', 'Asked for a rest'],
            ['pending', 'Waits'], ['held', 'Of them held'],
            ['oldest', 'Oldest'], ['places', 'Places'], ['leases', 'In hand'],
            ['rate', 'Rate'], ['delivered', 'Delivered'],
            ['retried', 'Retried'], ['failed', 'Failed'],
            ['dead', 'Dead letters made'], ['now', 'Dead letters now'],
            ['attempt', 'An attempt takes'], ['way', 'From producer to target'],
            ['unaccounted', 'Unaccounted']
        ]);
        const fixed = er.facts([
            ['place', 'event_target'], ['location', 'Location'],
            ['sent', 'It is sent'], ['retry', 'Retry'],
            ['kept', 'Dead letters are kept'], ['from', 'Only from']
        ]);
        const buttons = el('div', {class: 'bar'});
        let shape = null;

        fixed.set({
            place: er.place(conf.file, conf.line),
            location: conf.location ? el('span', {class: 'wrap'},
                er.code(conf.location), ' ',
                er.place(conf.location_file, conf.location_line)) : null,
            sent: [conf.method, conf.auth && 'auth ' + conf.auth,
                   conf.signs && 'signed', conf.ordered && 'in order',
                   conf.in_doubt && 'asked when in doubt',
                   conf.optional && 'optional'].filter(Boolean).join(', ')
                  || null,
            retry: conf.retry_for_ms === undefined ? null
                : conf.retry_for_ms
                ? 'for ' + fmt.ms(conf.retry_for_ms) + ', '
                  + fmt.ms(conf.retry_base_ms) + ' to '
                  + fmt.ms(conf.retry_max_ms) + ' between two'
                : 'off',
            kept: conf.dead_for_ms ? fmt.ms(conf.dead_for_ms) : null,
            from: conf.from && conf.from.length ? clean(conf.from
                                                           .join(', ')) : null
        });

        er.panel({
            title: er.text(name), label: 'Target ' + clean(name),
            at: {target: name},
            body: [buttons, facts.node, el('h3', {}, 'In nginx.conf'),
                   fixed.node,
                   el('div', {class: 'bar'},
                       er.link('events', {target: name}, 'Its events'),
                       er.link('events', {target: name, state: 'pending'},
                               'What waits'),
                       er.link('dead', {target: name}, 'Its dead letters'))],
            live() {
                const t = er.target(name);

                if (!t) {
                    return;
                }

                const now = [t.paused, t.drained, t.breaker, t.pending > 0]
                            .join();

                if (shape !== now) {
                    shape = now;
                    er.fill(buttons, t.paused === undefined
                        ? er.acting('Test event\u2026',
                                    () => er.acts.test({target: name}))
                        : acts(t));
                }

                facts.set(values(t));
            }
        });
    }

    function acts(t) {
        const args = {target: t.name};

        return [
            t.paused ? er.acting('Resume', () => er.acts.resume(args))
                     : er.acting('Pause', () => er.acts.pause(args)),
            t.breaker === 'open' || t.breaker === 'half_open'
                ? er.acting('Probe', () => er.acts.probe(args)) : null,
            er.acting('Test event\u2026', () => er.acts.test(args)),
            er.acting('Retry what waits', () => er.acts.retry(args)),
            er.acting('Move what waits\u2026', () => er.acts.move(args)),
            t.drained ? er.acting('Undrain', () => er.acts.undrain(args))
                      : er.acting('Drain\u2026', () => er.acts.drain(args)),
            er.acting('Purge what waits\u2026',
                      () => er.acts.purge({...args, state: 'pending'}),
                      {class: 'danger'})
        ];
    }

    function values(t) {
        const list = map => {
            const some = Object.entries(map || {}).filter(e => e[1]);

            return some.length ? some.map(([k, n]) => k.replace(/_/g, ' ')
                                          + ' ' + fmt.count(n)).join(', ')
                               : '0';
        };
        const l = t.latency || {};
        const pair = (a, b) => a === undefined ? null
            : fmt.ms(a) + ' (half), ' + fmt.ms(b) + ' (99 of 100)';

        return {
            health: er.health(t),
            paused: t.paused ? 'since ' + (t.paused_since
                ? er.ago(t.paused_since, er.live.now.targets.now) : 'a while')
                + (t.paused_by ? ', by ' + clean(t.paused_by) : '') : null,
            breaker: t.breaker === 'none' || !t.breaker ? null
                : t.breaker.replace('_', ' ') + (t.breaker_seconds
                ? ', tries again in ' + fmt.seconds(t.breaker_seconds)
                : ''),
            rest: t.pause_seconds ? fmt.seconds(t.pause_seconds) + ' more'
                                  : null,
            pending: t.pending === undefined ? null : fmt.count(t.pending),
            held: t.held ? fmt.count(t.held) : null,
            oldest: t.pending ? fmt.seconds(t.oldest_seconds) : null,
            places: t.in_flight === undefined ? null
                : t.in_flight + ' of ' + (t.concurrency || '?')
                  + ' are taken',
            leases: t.leases === undefined ? null : fmt.count(t.leases),
            rate: t.rate ? fmt.limit(t.rate.limit)
                + (t.rate.burst ? ', ' + t.rate.burst + ' at once' : '') + '; '
                + t.rate.tokens + ' now' : null,
            delivered: fmt.count(t.delivered) + ', '
                       + fmt.rate(rate(t.name, 'delivered') || 0),
            retried: fmt.count(t.retried),
            failed: list(t.failed),
            dead: list(t.dead),
            now: t.dead_now === undefined ? null : fmt.count(t.dead_now),
            attempt: pair(l.attempt_p50, l.attempt_p99),
            way: pair(l.delivered_p50, l.delivered_p99),
            unaccounted: t.unaccounted === undefined ? null
                : t.unaccounted || t.dead_unaccounted
                ? er.mark('bad', t.unaccounted + ' entries, '
                          + (t.dead_unaccounted || 0) + ' dead letters: see '
                          + 'operations.md')
                : '0'
        };
    }

    // beside the names of the views, whatever is open

    er.live.on(function (now) {
        const rows = now.targets.targets;
        const ill = rows.filter(t => health(t).length).length;

        er.views.badge('targets', ill, 'warn');
        er.views.badge('dead', rows.reduce((n, t) => n + (t.dead_now || 0), 0),
                       'bad');
    });

    er.views.sum = sum;
})();
