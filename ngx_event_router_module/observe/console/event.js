// One event, and its way: when it was received, which routes took it and by
// which line, each attempt with its answer, and how it ended for each target.

(function () {
    const EACH = 3;

    let stop = null;

    er.views.add({
        name: 'event', title: 'Event', below: 'events',

        open(main, params) {
            const told = el('div', {class: 'told', role: 'alert'});
            const body = el('div', {class: 'event'});
            let turn = 0;
            let last = null;

            // no other address is asked, whatever a link says

            const number = /^[0-9a-f]{16}$/.test(params.event) ? params.event
                                                               : '0';

            main.append(told, body);
            look();
            stop = er.live.on(() => ++turn % EACH === 0 && look());

            async function look() {
                try {
                    const event = await er.api.get('events/' + number)
                        .catch(e => e.status === 404 ? entries(number, e)
                                                     : Promise.reject(e));
                    const text = JSON.stringify(event);

                    // only if something is new

                    if (text !== last) {
                        last = text;
                        er.fill(told);
                        show(main, body, event);
                    }
                } catch (e) {
                    if (!(e instanceof er.Problem)) {
                        throw e;
                    }

                    if (!e.away) {
                        er.fill(told, er.said(e));
                    }
                }
            }
        },

        close() {
            stop();
        }
    });

    // without a history: what the queue knows of it

    async function entries(number, problem) {
        const found = [];

        for (const list of ['dead', 'pending']) {
            const got = await er.api.get(list, {event: number, limit: 100})
                .catch(() => ({entries: []}));

            found.push(...got.entries.map(e => ({...e, state: list})));
        }

        if (!found.length) {
            throw problem;
        }

        return {
            ...found[0], queued: true, keys: [],
            targets: found.map(e => ({
                target: e.target, routes: e.routes, state: e.state,
                reason: e.reason, at: e.died, due: e.due,
                attempts: e.attempts, status: e.status,
                history: e.history.map((h, i) => i === e.history.length - 1
                                       ? {...h, answer: e.answer} : h)
            }))
        };
    }

    function show(main, body, event) {
        const open = [...body.querySelectorAll('details[open]')]
                     .map(d => d.dataset.name);
        const facts = er.facts([
            ['number', 'Number'], ['accepted', 'Accepted'],
            ['source', 'Source'], ['type', 'Type'], ['subject', 'Subject'],
            ['size', 'Size'], ['trace', 'Trace'], ['edited', 'Copy of'],
            ['keys', 'Values']
        ]);

        er.fill(main.querySelector('h1'), 'Event ',
                er.text(event.id || event.event));
        facts.set({
            number: er.code(event.event),
            accepted: fmt.time(event.accepted, true),
            source: er.link('events', {source: event.source},
                            er.text(event.source)),
            type: er.text(event.type),
            subject: event.subject ? er.text(event.subject) : null,
            size: event.size === undefined ? null : fmt.bytes(event.size),
            trace: event.trace ? er.link('events', {trace: event.trace},
                                         er.code(event.trace)) : null,
            edited: event.edited ? el('span', {}, er.link('event',
                {event: event.edited.event}, er.code(event.edited.event)),
                ' by ', er.text(event.edited.by)) : null,
            keys: event.keys && event.keys.length
                ? el('span', {class: 'marks'}, event.keys.map(
                    k => er.link('events', {key: k.field + ':' + k.value},
                                 er.text(k.field + ': ' + k.value))))
                : null
        });

        const why = el('section', {class: 'why', 'aria-label': 'Routes'});

        er.fill(body, facts.node, why,
            event.targets.length ? event.targets.map(t => target(event, t))
            : el('p', {}, er.state('unrouted'), ' No route wanted it.'));
        explain(why, event);

        for (const d of body.querySelectorAll('details')) {
            d.open = open.includes(d.dataset.name);
        }
    }

    // ---- for one target: what can be done, and its way

    function target(event, t) {
        const args = {event: event.event, target: t.target};

        return el('section', {class: 'card', 'aria-label': 'Target '
                                 + clean(t.target || 'unknown')},
            el('div', {class: 'bar'},
                el('h2', {}, t.target
                    ? er.link('targets', {target: t.target}, er.text(t.target))
                    : 'a target that nobody knows any more'),
                er.state(t.state),
                t.reason ? er.mark('plain', t.reason) : null,
                el('span', {class: 'grow'}),
                t.target ? buttons(t, args) : null),
            el('ol', {class: 'way-line'}, steps(event, t)));
    }

    function buttons(t, args) {
        return [
            t.state === 'dead'
                ? er.acting('Replay', () => er.acts.replay(args)) : null,
            t.state === 'pending'
                ? er.acting('Retry now', () => er.acts.retry(args)) : null,
            t.state === 'pending'
                ? er.acting('Move\u2026', () => er.acts.move(args)) : null,
            er.acting('Edited copy\u2026', () => er.acts.edit(args)),
            t.state === 'dead' || t.state === 'pending'
                ? er.acting('Purge\u2026', () => er.acts.purge(
                    {...args, state: t.state}), {class: 'danger'}) : null
        ];
    }

    function step(at, from, kind, ...what) {
        const since = new Date(at) - new Date(from);

        return el('li', {class: kind}, fmt.time(at, true),
            el('span', {class: 'soft since'}, since > 0
                ? '+' + fmt.ms(since) : ''),
            el('div', {class: 'what'}, what));
    }

    function steps(event, t) {
        const from = event.accepted;
        const list = [
            step(from, from, 'ok', 'received from ', er.text(event.source),
                 t.routes ? [', by the ', t.routes.includes(',') ? 'routes '
                             : 'route ', er.text(t.routes)] : null)
        ];

        for (const h of t.history || []) {
            if (h.attempt !== undefined) {
                const good = h.verdict ? h.verdict === 'ok' : h.status < 300
                                                            && h.status > 0;

                list.push(step(h.at, from, good ? 'ok'
                               : h.verdict === 'final' ? 'bad' : 'warn',
                    'attempt ' + h.attempt + ' ', er.status(h.status),
                    ' in ' + fmt.ms(h.ms),
                    h.verdict && !good ? er.mark('plain', h.verdict) : null,
                    h.lost ? er.mark('plain', h.lost) : null,
                    h.due && !h.state ? [', next ', fmt.time(h.due)] : null,
                    h.answer ? er.pre(h.answer, 'Answer of attempt ' + h.attempt)
                        : null));
            }

            if (h.state) {
                list.push(step(h.at, from, h.state === 'delivered' ? 'ok'
                    : h.state === 'dead' || h.state === 'failed' ? 'bad'
                    : 'idle', er.state(h.state),
                    h.reason ? er.mark('plain', h.reason) : null));
            }
        }

        if (t.state === 'pending') {
            const late = t.due && new Date(t.due) < Date.now();
            const now = er.target(t.target) || {};

            list.push(el('li', {class: 'idle next'},
                t.due ? fmt.time(t.due) : el('span', {}, 'now'),
                el('span', {class: 'soft since'}, ''),
                el('div', {class: 'what'},
                    (er.source(event.source) || {}).paused
                    ? 'is held: its source is paused'
                    : !t.due || late
                    ? ['is due, and waits for its target',
                       now.paused ? ': it is paused'
                       : now.breaker === 'open' ? ': its breaker is open'
                       : now.drained ? ': it is drained' : '']
                    : 'the next attempt')));
        } else if (t.at && !(t.history || []).some(h => h.state)) {
            list.push(step(t.at, from, 'idle', er.state(t.state)));
        }

        return list;
    }

    // ---- why it was routed so, by the nginx.conf of today

    async function explain(node, event) {
        let got;

        // what is over is not in the store any more

        if (!er.conf('sources', event.source).retain_ms
            && !event.targets.some(t => /^(pending|dead)$/.test(t.state)))
        {
            er.fill(node, el('h2', {}, 'Why it went there'),
                    el('p', {class: 'soft'}, 'It is over, and its source has '
                       + 'no "retain": its body is not there any more.'));
            return;
        }

        try {
            got = await er.api.get('explain', {event: event.event});
        } catch (e) {
            if (!(e instanceof er.Problem)) {
                throw e;
            }

            er.fill(node, el('h2', {}, 'Why it went there'),
                    el('p', {class: 'soft'}, clean(e.detail)));
            return;
        }

        const one = (got.events || [got])[0] || got;
        const routes = one.routes || [];
        const yes = routes.filter(r => r.matched);
        const no = routes.filter(r => !r.matched);

        er.fill(node, el('h2', {}, 'Why it went there'),
            el('p', {class: 'soft'}, 'By the nginx.conf of today.'),
            yes.length ? yes.map(route)
                       : el('p', {}, 'No route takes it today.'),
            no.length ? el('details', {'data-name': 'no'},
                el('summary', {}, fmt.count(no.length)
                      + (no.length === 1 ? ' route does not match'
                                         : ' routes do not match')),
                no.slice(0, 200).map(route)) : null,
            one.routes_omitted ? el('p', {class: 'soft'},
                fmt.count(one.routes_omitted) + ' more do not match')
                : null);
    }

    function route(r) {
        return el('div', {class: 'route ' + (r.matched ? 'yes' : 'no')},
            el('div', {class: 'bar'},
                er.mark(r.matched ? 'ok' : 'idle',
                        r.matched ? 'matched' : 'did not match'),
                el('b', {}, er.text(r.name)),
                el('span', {class: 'code soft wrap'}, clean(r.place
                                                                  || '')),
                r.last ? er.mark('plain', 'last') : null,
                r.fallback ? er.mark('plain', 'fallback') : null,
                r.targets ? ['to ', er.text(r.targets.join(', '))] : null),
            r.note ? el('p', {class: 'soft wrap'}, clean(r.note),
                           r.because_of ? [': ', er.text(r.because_of)]
                                        : null) : null,
            (r.held || []).map(l => line(l, 'held')),
            r.decided ? line(r.decided, 'decided') : null);
    }

    function line(l, word) {
        return el('div', {class: 'line'},
            el('span', {class: 'soft'}, word),
            el('code', {class: 'wrap'}, clean(l.line || '')),
            el('span', {class: 'code soft wrap'}, clean(l.place || '')),
            l.note ? el('span', {class: 'wrap'}, clean(l.note)) : null,
            l.field ? el('span', {class: 'wrap'}, clean(l.field) + ' ',
                l.values && l.values.length ? ['is ', l.values.map(v =>
                    el('code', {class: 'wrap'}, v.secret ? '(secret) '
                          : clean(v.text === undefined ? v.type : v.text)
                            + ' '))]
                : l.values ? 'is not there' : null) : null,
            (l.lines || []).map(x => line(x, 'or')));
    }
})();
