// Events: found by everything by which the history finds them; the newest
// first, and as long as nobody looks further they come by themselves.

(function () {
    const EACH = 5;                    // polls between two looks

    let stop = null;
    let table = null;

    const states = ['pending', 'delivered', 'dead', 'filtered', 'stale',
                    'coalesced', 'purged', 'moved', 'aged', 'failed',
                    'settled', 'unsent', 'unrouted'];

    const by = [
        ['text', 'part of id or value'], ['id', 'the id'],
        ['key', 'a field: FIELD:VALUE'], ['trace', 'the trace'],
        ['event', 'the number']
    ];

    er.views.add({
        name: 'events', title: 'Events', key: 'e',

        open(main, params) {
            const find = by.map(b => b[0]).find(name => params[name])
                         || 'text';
            const values = {...params, by: find, find: params[find]};
            const bar = er.chosen(() => [
                er.acting('Replay what is dead', () => all('replay')),
                er.acting('Retry what waits', () => all('retry'))
            ]);

            table = er.table({
                id: 'table-events', label: 'Events', key: e => e.event,
                name: e => 'event ' + (e.id || e.event),
                open: e => er.views.go('event', {event: e.event}),
                select: er.act ? rows => bar.set(rows) : null,
                columns: columns(), empty: () => none(params)
            });

            const pages = er.pages({path: 'events', rows: 'events', table,
                                    args: params});
            let turn = 0;

            main.append(
                er.filters([
                    {name: 'find', label: 'Search', search: true, long: true,
                     hint: 'what to look for'},
                    {name: 'by', label: 'By', options: by, quiet: true},
                    {name: 'source', label: 'Source', names: 'sources'},
                    {name: 'target', label: 'Target', names: 'targets'},
                    {name: 'state', label: 'State', options: states},
                    {name: 'status', label: 'A status', number: true,
                     hint: '100 to 599'},
                    {name: 'type', label: 'Type'},
                    {name: 'subject', label: 'Subject'},
                    {name: 'from', label: 'Accepted from', time: true},
                    {name: 'to', label: 'and before', time: true}
                ], values, function (v) {
                    const args = {...v, [v.by || 'text']: v.find};

                    delete args.find;
                    delete args.by;
                    er.views.go('events', args, true);
                }),
                el('div', {class: 'bar'}, pages.told,
                      el('span', {class: 'grow'}), bar.node),
                table.node, el('div', {class: 'bar'}, pages.more));

            pages.load();

            // what is searched through costs the store a walk each time

            const cheap = !params.text && !params.status && !params.state
                          && !params.type && !params.subject;

            stop = er.live.on(function () {
                if (cheap && ++turn % EACH === 0 && pages.begun
                    && !pages.pages && !table.selected.length)
                {
                    pages.load(false, true);
                }
            });
        },

        close() {
            stop();
        }
    });

    // for each target, where the event stands

    er.ways = function (event) {
        return !event.targets.length ? er.state('unrouted')
            : el('span', {class: 'marks'}, event.targets.slice(0, 4).map(
                t => el('span', {class: 'way'}, er.state(t.state,
                    [t.state, t.reason, t.status].filter(Boolean).join(', ')),
                    er.text(t.target))),
                event.targets.length > 4
                    ? er.mark('plain', '+' + (event.targets.length - 4))
                    : null);
    };

    function columns() {
        return [
            er.column('Accepted', 'accepted', fmt.time),
            {name: 'id', title: 'Id', say: e => e.id, cell: e => [
                er.text(e.id, {class: 'code'}),
                e.edited ? er.mark('plain', 'edited') : null]},
            er.column('Source', 'source'),
            er.column('Type', 'type'),
            er.column('Subject', 'subject'),
            {name: 'targets', title: 'Targets', wide: true,
             say: e => e.targets.map(t => t.state + t.target + t.status)
                       .join(),
             cell: er.ways},
            er.column('Size', 'size', fmt.bytes, {right: true})
        ];
    }

    function all(act) {
        const wanted = act === 'replay' ? 'dead' : 'pending';
        const events = table.selected.filter(
            e => e.targets.some(t => t.state === wanted));

        if (!events.length) {
            er.toast(act === 'replay' ? 'None of them is dead.'
                                      : 'None of them waits.');
            return;
        }

        er.acts.many({
            title: act === 'replay' ? 'Replay the dead letters of '
                                      + fmt.count(events.length) + ' events'
                : 'Retry now ' + fmt.count(events.length) + ' events',
            ok: act === 'replay' ? 'Replay' : 'Retry',
            body: er.acts.names(events.map(e => e.id || e.event)),
            items: events, name: e => e.id || e.event,
            f: e => er.api.post(act === 'replay' ? '../replay' : 'retry',
                                {event: e.event})
        }).then(done => done && table.clear());
    }

    // nothing is shown: because nothing fits, or since nothing came yet

    function none(params) {
        const now = er.live.now;

        if (Object.keys(params).length) {
            return el('p', {}, 'No event fits. ', er.link('events', {},
                                                            'Show all'));
        }

        return el('div', {class: 'first'}, er.first(now),
            el('p', {}, 'Events that came before event_history was there, or '
                        + 'longer ago than it keeps, are not shown.'));
    }

    er.first = function (now) {
        const sources = now.config.sources || [];
        const takes = (now.config.receivers || []).filter(r => r.here);
        const one = takes.find(r => !er.conf('sources', r.source).verify)
                    || takes[0];
        const path = one && one.path;
        const source = one ? er.conf('sources', one.source)
                           : sources.find(s => s.file);

        return el('div', {class: 'first'},
            el('h2', {}, 'No event yet'),
            !source ? el('p', {}, 'nginx.conf has no event_source.')
            : [
                el('p', {}, path
                    ? 'This sends a first one to the source '
                    : 'Send a first one to the address of the source ',
                    el('b', {}, er.text(source.name)), source.verify
                    ? '. It checks signatures, so this one will be refused, '
                      + 'which Sources shows: let its producer send one.'
                    : '.'),
                path ? er.pre(
                    'curl -H \'Content-Type: application/json\' \\\n'
                    + '     --data \'{"id":"first","type":"hello"}\' \\\n'
                    + '     ' + location.origin + path, 'Command') : null
            ]);
    };
})();
