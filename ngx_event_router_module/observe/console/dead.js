// Dead letters: grouped by target and reason, with what the targets answered
// beside each other, since a group is what a person acts on.

(function () {
    const PAGE = 1000;
    const SHOWN = 100;                 // letters of a group, to begin with
    const ANSWERS = 6;                 // of a group, side by side

    const reasons = ['exhausted', 'final', 'expired', 'poison',
                     'target_removed', 'corrupt', 'in_doubt',
                     'mapping_changed'];

    const why = {
        exhausted: 'it was tried for as long as retry says',
        final: 'its target will not take it',
        expired: 'it was too old',
        poison: 'workers died of it',
        target_removed: 'its target is not in nginx.conf any more',
        corrupt: 'it cannot be read',
        in_doubt: 'its target may have it',
        mapping_changed: 'its mapping makes another number of calls now'
    };

    let run = 0;                       // another one ends a walk

    er.views.add({
        name: 'dead', title: 'Dead letters', key: 'd',

        open(main, params) {
            const state = {args: params, groups: new Map(), seen: 0,
                           next: null};
            const told = el('span', {class: 'soft', role: 'status'});
            const more = er.button('Look at all', () => walk(true));
            const again = er.button('Look again', () => start());
            const list = el('div', {class: 'groups'});
            const acts = el('span', {class: 'bar', hidden: true},
                er.acting('Replay all of these\u2026',
                          () => act('replay', params, all()).then(done)),
                er.acting('Purge all of these\u2026',
                          () => act('purge', params, all()).then(done),
                          {class: 'danger'}));

            main.append(
                er.filters([
                    {name: 'text', label: 'A part of id or subject',
                     search: true, long: true},
                    {name: 'target', label: 'Target', names: 'targets'},
                    {name: 'reason', label: 'Reason', options: reasons},
                    {name: 'status', label: 'Last status', number: true},
                    {name: 'source', label: 'Source', names: 'sources'},
                    {name: 'type', label: 'Type'},
                    {name: 'id', label: 'Id'},
                    {name: 'subject', label: 'Subject'},
                    {name: 'route', label: 'Route'},
                    {name: 'from', label: 'Accepted from', time: true},
                    {name: 'to', label: 'and before', time: true}
                ], params, v => er.views.go('dead', v, true)),
                el('div', {class: 'bar'}, told, more, again,
                    el('span', {class: 'grow'}), acts),
                list);

            start();

            function all() {
                return [...state.groups.values()].flatMap(g => g.entries);
            }

            function done(what) {
                if (what) {
                    start();
                }
            }

            function start() {
                state.groups.clear();
                state.seen = 0;
                state.next = null;
                er.fill(list);
                walk(false);
            }

            // a thousand; then, if somebody wants it, all of them

            async function walk(whole) {
                const mine = ++run;

                more.hidden = true;

                try {
                    do {
                        er.say(told, state.seen ? fmt.count(state.seen)
                               + ' looked at\u2026' : 'Looking\u2026');

                        const got = await er.api.get('dead', {
                            ...params, limit: PAGE, after: state.next});

                        if (mine !== run) {
                            return;
                        }

                        state.seen += got.entries.length;
                        state.next = got.next;
                        got.entries.forEach(e => put(state.groups, e));
                        draw(list, state, done, params);
                    } while (whole && state.next);

                    more.hidden = !state.next;
                    acts.hidden = !state.seen;
                    er.say(told, state.seen ? fmt.count(state.seen)
                           + (state.next ? ' looked at, there are more'
                              : ' in all') + ', ' + state.groups.size
                           + (state.groups.size === 1 ? ' group' : ' groups')
                           : '');
                } catch (e) {
                    if (!(e instanceof er.Problem)) {
                        throw e;
                    }

                    if (mine === run) {
                        er.fill(told, er.said(e));
                        more.hidden = !state.next;
                    }
                }
            }
        },

        close() {
            run++;
        }
    });

    // acts do not take what only the events know: then it is one request for
    // each letter that was found

    const only = ['text', 'id', 'type', 'subject'];

    function act(verb, args, entries) {
        return only.some(name => args[name]) ? each(verb, entries)
                                             : er.acts[verb](args);
    }

    function each(verb, list) {
        return er.acts.many({
            title: (verb === 'replay' ? 'Replay ' : 'Purge ')
                   + fmt.count(list.length)
                   + (list.length === 1 ? ' dead letter' : ' dead letters'),
            ok: verb === 'replay' ? 'Replay' : 'Purge',
            danger: verb === 'purge',
            number: verb === 'purge' ? list.length : undefined,
            body: er.acts.names(list.map(e => e.id || e.event)),
            items: list, name: e => e.id || e.event,
            f: e => er.api.post(verb === 'replay' ? '../replay' : 'purge',
                                {event: e.event, target: e.target})
        });
    }

    function put(groups, e) {
        const key = e.target + '\n' + e.reason;
        let group = groups.get(key);

        if (!group) {
            group = {target: e.target, reason: e.reason, entries: [],
                     answers: new Map()};
            groups.set(key, group);
        }

        const said = (e.errors && e.errors.length ? e.errors.join('\n')
                      : e.answer) || '';
        const answer = (e.status === undefined ? '' : e.status) + '\n' + said;
        let one = group.answers.get(answer);

        if (!one) {
            one = {status: e.status, said, n: 0};
            group.answers.set(answer, one);
        }

        one.n++;
        e.answered = one;
        group.entries.push(e);
    }

    // groups that are there stay where they are, with what is open in them

    function draw(list, state, done, params) {
        const groups = [...state.groups.values()]
                       .sort((a, b) => b.entries.length - a.entries.length);

        for (const group of groups) {
            if (!group.node) {
                card(group, done, params);
            }

            group.draw();
            list.append(group.node);
        }

        if (!groups.length && !state.next) {
            er.fill(list, el('div', {class: 'empty'}, el('p', {},
                Object.keys(params).length
                    ? ['No dead letter fits. ', er.link('dead', {}, 'Show all')]
                    : 'No dead letter: each event reached its target, or is '
                      + 'still on its way.')));
        }
    }

    function card(group, done, params) {
        const args = {...params, target: group.target, reason: group.reason};
        const count = el('span', {class: 'count'});
        const answers = el('div', {class: 'answers'});
        const more = el('p', {class: 'soft'});
        const letters = el('div', {class: 'letters'});
        const details = el('details', {on: {toggle: open}},
            el('summary', {}, 'Letters'), letters);
        const cards = new Map();
        let table = null;
        let shown = SHOWN;
        let picked = null;

        group.node = el('section', {class: 'card', 'aria-label':
            clean(group.target) + ', ' + group.reason},
            el('div', {class: 'bar'},
                el('h2', {}, er.link('targets', {target: group.target},
                                        er.text(group.target))),
                er.mark('bad', group.reason.replace('_', ' '),
                        why[group.reason]),
                count, el('span', {class: 'grow'}),
                er.acting('Replay\u2026', () => act('replay', args,
                          group.entries).then(done)),
                er.acting('Purge\u2026', () => act('purge', args,
                          group.entries).then(done), {class: 'danger'})),
            answers, more, details);

        group.draw = function () {
            const list = [...group.answers.values()]
                         .sort((a, b) => b.n - a.n);

            er.say(count, fmt.count(group.entries.length)
                   + (group.entries.length === 1 ? ' letter' : ' letters'));

            for (const a of list.slice(0, ANSWERS)) {
                let made = cards.get(a);

                if (!made) {
                    made = answer(a);
                    cards.set(a, made);
                }

                er.say(made.count, fmt.count(a.n) + ' \u00d7');
                answers.append(made.node);
            }

            for (const [a, made] of cards) {
                if (!list.slice(0, ANSWERS).includes(a)) {
                    made.node.remove();
                }
            }

            more.hidden = list.length <= ANSWERS;
            er.say(more, 'and ' + fmt.count(list.length - ANSWERS)
                         + ' other answers');
            rows();
        };

        function answer(a) {
            const n = el('b');
            const status = a.status === undefined ? {} : {status: a.status};

            return {
                count: n,
                node: el('div', {class: 'answer'},
                    el('div', {class: 'bar'}, n,
                        a.status === undefined
                            ? er.mark('plain', 'not tried')
                            : er.status(a.status),
                        el('span', {class: 'grow'}),
                        er.button('Letters', () => pick(a),
                                  {class: 'small', 'aria-label':
                                   'Letters with this answer'}),
                        a.status ? er.acting('Replay ' + a.status,
                            () => act('replay', {...args, ...status},
                                group.entries.filter(e => e.status
                                                          === a.status))
                                  .then(done), {class: 'small'}) : null),
                    a.said ? er.pre(a.said, 'Answer')
                    : el('p', {class: 'soft'}, a.status
                        ? 'an empty answer, or one that is not shown'
                        : why[group.reason] || ''))
            };
        }

        function pick(a) {
            picked = picked === a ? null : a;
            shown = SHOWN;
            details.open = true;
            rows();
            table.focus();
        }

        function open() {
            rows();
        }

        function rows() {
            if (!details.open) {
                return;
            }

            if (!table) {
                make();
            }

            const list = picked
                ? group.entries.filter(e => e.answered === picked)
                : group.entries;

            table.set(list.slice(0, shown));
            group.further.hidden = list.length <= shown;
            er.say(group.told, list.length > shown
                ? fmt.count(shown) + ' of ' + fmt.count(list.length)
                  + ' shown' : picked ? 'those with one answer' : '');
        }

        function make() {
            const bar = er.chosen(() => [
                er.acting('Replay', () => chosen('replay')),
                er.acting('Purge', () => chosen('purge'), {class: 'danger'})
            ]);

            group.told = el('span', {class: 'soft', role: 'status'});
            group.further = er.button('More', function () {
                shown *= 10;
                rows();
            });

            table = er.table({
                label: 'Dead letters of ' + clean(group.target) + ', '
                       + group.reason,
                key: e => e.event, name: e => 'event ' + (e.id || e.event),
                open: e => er.views.go('event', {event: e.event}),
                select: er.act ? r => bar.set(r) : null,
                columns: [
                    er.column('Died', 'died', fmt.time),
                    {name: 'id', title: 'Id', say: e => e.id,
                     cell: e => er.code(e.id)},
                    er.column('Source', 'source'),
                    er.column('Type', 'type'),
                    er.column('Subject', 'subject'),
                    {name: 'status', title: 'Status', say: e => e.status,
                     cell: e => er.status(e.status)},
                    {name: 'answer', title: 'Answer', wide: true,
                     say: e => e.answer, cell: e => er.text(e.answer)},
                    er.column('Attempts', 'attempts', fmt.count,
                              {right: true}),
                    er.column('Size', 'size', fmt.bytes, {right: true})
                ]
            });

            er.fill(letters, el('div', {class: 'bar'}, group.told,
                                   group.further,
                                   el('span', {class: 'grow'}), bar.node),
                    table.node);
        }

        function chosen(verb) {
            each(verb, table.selected).then(done);
        }
    }
})();
