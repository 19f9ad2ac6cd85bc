// Requests that were refused and are kept: what failed, what the signature
// doctor says, and a way to judge them again.

(function () {
    const steps = ['type', 'signature', 'time', 'parse', 'require', 'route'];

    let table = null;
    let pages = null;
    let from = {};                     // what the table is of

    er.views.add({
        name: 'quarantine', title: 'Quarantine', key: 'q',

        open(main, {id, ...params}) {
            from = params;

            const bar = er.chosen(() => [
                er.acting('Judge again', () => all('recheck')),
                er.acting('Forget', () => all('purge_quarantine'),
                          {class: 'danger'})
            ]);

            table = er.table({
                id: 'table-quarantine', label: 'Refused requests',
                key: r => r.id, name: r => 'request ' + r.id,
                open: r => panel(r.id),
                select: er.act ? rows => bar.set(rows) : null,
                columns: columns(),
                empty: () => el('p', {}, Object.keys(params).length
                    ? ['No request fits. ',
                       er.link('quarantine', {}, 'Show all')]
                    : 'Nothing was refused, or no source keeps it: the line '
                      + '"quarantine 24h size=64m;" in an event_source does.')
            });

            pages = er.pages({path: 'quarantine', rows: 'requests', table,
                              args: params});

            main.append(
                er.filters([
                    {name: 'source', label: 'Source', names: 'sources'},
                    {name: 'step', label: 'What failed', options: steps},
                    {name: 'from', label: 'Received from', time: true},
                    {name: 'to', label: 'and before', time: true}
                ], params, v => er.views.go('quarantine', v, true)),
                el('div', {class: 'bar'}, pages.told,
                    el('span', {class: 'grow'}), bar.node,
                    params.source ? er.acting('Judge all again\u2026',
                        () => er.acts.recheck({source: params.source})
                              .then(again)) : null,
                    params.source ? er.acting('Forget all\u2026',
                        () => er.acts.forget({source: params.source},
                            (er.source(params.source) || {}).quarantine)
                              .then(again), {class: 'danger'}) : null),
                table.node, el('div', {class: 'bar'}, pages.more));

            pages.load();

            if (id) {
                panel(id);
            }
        },

        close() {
            if (er.panel.open) {
                er.panel.open.close(true);
            }
        }
    });

    function again(done) {
        if (done) {
            table.clear();

            if (er.panel.open) {
                er.panel.open.close();
            }

            pages.again();
        }
    }

    function columns() {
        return [
            er.column('Received', 'received', fmt.time),
            er.column('Source', 'source'),
            {name: 'step', title: 'Failed', say: r => r.step,
             cell: r => er.mark('warn', r.step)},
            {name: 'why', title: 'Why', wide: true, say: r => r.why,
             cell: r => er.text(r.why)},
            {name: 'status', title: 'Answered', say: r => r.status,
             cell: r => String(r.status)},
            er.column('From', 'peer'),
            {name: 'uri', title: 'URI', say: r => r.uri,
             cell: r => er.text(r.uri, {class: 'code'})},
            er.column('Size', 'size', fmt.bytes, {right: true}),
            er.column('Kept until', 'until', fmt.time)
        ];
    }

    function all(act) {
        const list = table.selected;

        er.acts.many({
            title: (act === 'recheck' ? 'Judge again ' : 'Forget ')
                   + fmt.count(list.length)
                   + (list.length === 1 ? ' request' : ' requests'),
            ok: act === 'recheck' ? 'Judge again' : 'Forget',
            danger: act !== 'recheck',
            number: act === 'recheck' ? undefined : list.length,
            body: er.acts.names(list.map(r => r.source + ', ' + r.why)),
            items: list, name: r => r.id,

            // one that is still refused says why

            async f(r) {
                const a = await er.api.post(act, {id: r.id});
                const one = a.requests && a.requests[0];

                if (one && !['admitted', 'duplicate'].includes(one.verdict)) {
                    throw new er.Problem(409, one.verdict, one.verdict
                                         + (one.why ? ': ' + one.why : ''));
                }
            }
        }).then(again);
    }

    async function panel(id) {
        const body = el('div', {class: 'stack'}, el('p', {class: 'soft'},
                                                         'Looking\u2026'));
        const open = er.panel({
            title: 'Refused request', label: 'Refused request', body,
            at: {...from, id}, from
        });
        let r;

        try {
            r = await er.api.get('quarantine/' + encodeURIComponent(id),
                                 {doctor: '1', body: '1'});
        } catch (e) {
            if (!(e instanceof er.Problem)) {
                throw e;
            }

            er.fill(body, el('div', {class: 'told'}, er.said(e)));
            return;
        }

        if (er.panel.open !== open) {
            return;
        }

        const facts = er.facts([
            ['source', 'Source'], ['step', 'Failed'], ['why', 'Why'],
            ['status', 'Answered'], ['lack', 'Cannot be judged again'],
            ['received', 'Received'], ['until', 'Kept until'],
            ['peer', 'From'], ['request', 'Request'], ['size', 'Body'],
            ['events', 'Events'], ['id', 'Id']
        ]);

        facts.set({
            source: er.text(r.source), step: er.mark('warn', r.step),
            why: el('span', {class: 'wrap'}, clean(r.why)),
            status: r.status, lack: r.lack && clean(r.lack),
            received: fmt.time(r.received, true),
            until: fmt.time(r.until), peer: er.text(r.peer),
            request: el('span', {class: 'code wrap'},
                           clean(r.method + ' ' + r.uri)),
            size: fmt.bytes(r.size), events: r.events,
            id: el('span', {class: 'code wrap'}, r.id)
        });

        er.fill(body,
            el('div', {class: 'bar'},
                er.acting('Judge again', () => er.acts.recheck({id: r.id})
                                               .then(again),
                          {class: 'primary'}),
                er.acting('Forget', () => er.acts.forget({id: r.id})
                                          .then(again), {class: 'danger'})),
            facts.node,
            r.doctor && r.doctor.length ? [
                el('h3', {}, 'The signature doctor'),
                el('ul', {class: 'doctor'}, r.doctor.map(d => el('li', {},
                    er.mark(d.what === 'unknown' ? 'idle' : 'ok', d.what),
                    el('span', {class: 'wrap'}, clean(d.text)))))] : null,
            r.headers && r.headers.length ? [
                el('h3', {}, 'Headers'),
                el('table', {class: 'rows heads'}, el('tbody', {},
                    r.headers.map(h => el('tr', {},
                        el('th', {scope: 'row'}, er.code(h.name)),
                        el('td', {class: 'wide'}, h.sealed
                            ? er.mark('plain', 'sealed')
                            : h.value === undefined
                            ? er.mark('plain', 'needs reveal')
                            : el('span', {class: 'code wrap'},
                                 clean(h.value)))))))] : null,
            r.body !== undefined ? [
                el('h3', {}, 'Body'),
                er.pre(r.body, 'Body')] : null);
    }
})();
