// What a person does.  Each act asks once more, says what it would do (by the
// preview of the API, where there is one), and what the API says if it does
// not.  A promise ends with what was done, or with null.

(function () {
    const plural = (n, one, many) => fmt.count(n) + ' '
                                     + (n === 1 ? one : many);

    // arguments in words: "target erp, reason final"

    function words(args) {
        const names = {status: 'last status', attempts: 'attempts from',
                       from: 'received from', to: 'received before',
                       archive: 'retained by'};
        const list = Object.entries(args)
            .filter(([k, v]) => v && !['all', 'state', 'rate', 'deliver_to',
                                       'preview'].includes(k))
            .map(([k, v]) => (names[k] || k) + ' ' + clean(v));

        return list.length ? list.join(', ') : 'all of them';
    }

    function facts(args) {
        return el('p', {class: 'soft wrap'}, words(args));
    }

    function narrowed(args) {
        return words(args) === 'all of them' ? {...args, all: '1'} : args;
    }

    const targets = (without) => er.names('targets')
                                 .filter(n => n !== without);

    er.acts = {
        names(list) {
            const shown = list.slice(0, 12);

            return el('ul', {class: 'names'}, shown.map(n => el('li', {},
                er.text(n))), list.length > shown.length
                ? el('li', {}, 'and ' + (list.length - shown.length)
                                  + ' more') : null);
        },

        // ---- a target or a source

        pause: args => simple({
            title: 'Pause ' + one(args), ok: 'Pause',
            text: args.source
                ? 'Its events are accepted and held; nothing of it is sent '
                  + 'until it is resumed.'
                : 'No delivery to it begins until it is resumed; what is '
                  + 'under way ends. Its events wait in the queue.',
            act: () => er.api.post('pause', args),
            said: a => one(args) + ' is paused' + (a.until === 'restart'
                ? ', in memory only: the store could not be told' : '')
                + (a.held ? ', ' + fmt.count(a.held) + ' held' : '')
        }),

        resume: args => simple({
            title: 'Resume ' + one(args), ok: 'Resume',
            text: args.source ? 'What was held is delivered.'
                              : 'What waits for it is delivered.',
            act: () => er.api.post('resume', args),
            said: () => one(args) + ' goes on'
        }),

        probe: args => simple({
            title: 'Probe ' + one(args), ok: 'Probe',
            text: 'One delivery is tried at once, though its breaker is open. '
                  + 'If it succeeds the breaker closes.',
            act: () => er.api.post('probe', args),
            said: () => one(args) + ' is tried'
        }),

        drain,
        undrain: args => simple({
            title: 'Undrain ' + (args.target ? one(args) : 'all targets'),
            ok: 'Undrain', text: 'Deliveries begin again.',
            act: () => er.api.post('undrain', args),
            said: () => 'Deliveries begin again'
        }),

        test,

        // ---- entries, by a filter

        retry: args => counted({
            verb: 'retry', args, done: 'retried', ok: 'Retry now',
            title: 'Try now what waits', noun: ['delivery', 'deliveries'],
            text: 'It is due at once, and does not wait for its next attempt. '
                  + 'What is due already is not counted: it waits for a '
                  + 'place, the breaker or the end of a pause.'
        }),

        move: args => counted({
            verb: 'move', args, done: 'moved', ok: 'Move', to: true,
            title: 'Give what waits to another target',
            noun: ['delivery', 'deliveries'],
            text: 'There it begins anew, without its attempts.'
        }),

        purge: args => counted({
            verb: 'purge', args, done: 'purged', ok: 'Purge', number: true,
            title: args.state === 'pending' ? 'Forget what waits'
                                            : 'Forget dead letters',
            noun: args.state === 'pending' ? ['delivery', 'deliveries']
                                           : ['dead letter', 'dead letters'],
            text: 'They are gone, and cannot be brought back.'
        }),

        replay,
        edit,
        recheck,
        forget,
        many,

        cancel: job => simple({
            title: 'Stop this job', ok: 'Stop', danger: true,
            text: 'What it replayed stays replayed, the rest stays as it is.',
            act: () => er.api.post('cancel', {job: job.job}),
            said: () => 'The job stops'
        })
    };

    function one(args) {
        return args.source ? 'source ' + clean(args.source)
                           : 'target ' + clean(args.target);
    }

    async function simple(o) {
        const answer = await er.dialog.confirm({
            title: o.title, ok: o.ok, danger: o.danger,
            body: el('p', {}, o.text), act: o.act
        });

        if (answer) {
            er.toast(o.said(answer) + '.', 'ok');
            er.live.poll();
        }

        return answer;
    }

    // ---- retry, move, purge: a preview says how many

    function counted(o) {
        const told = el('div', {role: 'status'});
        const to = o.to ? er.select([['', 'choose one'],
            ...targets(o.args.target)], '', {on: {change: look}}) : null;
        const typed = o.number ? el('input', {type: 'text',
            inputmode: 'numeric', autocomplete: 'off', spellcheck: 'false'})
            : null;
        const label = el('b');
        let count = null;

        look();

        return er.dialog.open({
            title: o.title,
            body: [
                el('p', {}, o.text), facts(o.args),
                to ? er.dialog.field('To the target', to) : null, told,
                typed ? el('label', {class: 'field', hidden: true},
                    el('span', {}, 'Type ', label, ' to confirm'), typed)
                    : null
            ],
            buttons: [
                {label: 'Cancel', value: null},
                {label: o.ok, kind: o.number ? 'danger' : 'primary',
                 check() {
                     return to && !to.value ? 'Choose the target that gets '
                                              + 'them.'
                         : count === null ? 'They are still being counted.'
                         : count === 0 ? 'There is none.'
                         : typed && typed.value.replace(/[ ,.]/g, '')
                                    !== String(count)
                         ? 'Type the number ' + count + ' to confirm it.'
                         : null;
                 },
                 act: () => er.api.post(o.verb, {
                     ...narrowed(o.args), deliver_to: to ? to.value : null})}
            ]
        }).then(function (answer) {
            if (answer) {
                er.toast(plural(answer[o.done], ...o.noun) + ' ' + o.done
                         + left(answer) + '.', 'ok');
                er.live.poll();
            }

            return answer;
        });

        async function look() {
            count = null;

            if (to && !to.value) {
                return;
            }

            er.fill(told, 'Counting\u2026');

            try {
                const a = await er.api.post(o.verb, {
                    ...narrowed(o.args), preview: '1',
                    deliver_to: to ? to.value : null
                });

                count = a[o.done];
                er.fill(told, el('b', {}, plural(count, ...o.noun)),
                        left(a), span(a));

                if (typed) {
                    er.say(label, String(count));
                    typed.parentNode.hidden = count === 0;
                    typed.focus();
                }
            } catch (e) {
                if (!(e instanceof er.Problem)) {
                    throw e;
                }

                er.fill(told, el('div', {class: 'told'}, er.said(e)));
            }
        }
    }

    // what an act leaves, and why

    function left(a) {
        const list = [
            a.leased && fmt.count(a.leased) + ' left: being delivered',
            a.in_doubt && fmt.count(a.in_doubt)
                + ' left: their target is asked first',
            a.held && fmt.count(a.held) + ' left: their source is paused',
            a.there && fmt.count(a.there)
                + ' left: that target has them already',
            a.stale && fmt.count(a.stale)
                + ' left: their target has a newer version'
        ].filter(Boolean);

        return list.length ? '; ' + list.join(', ') : '';
    }

    function span(a) {
        return a.oldest ? el('p', {class: 'soft'}, 'accepted ',
            fmt.time(a.oldest), ' to ', fmt.time(a.newest)) : null;
    }

    // ---- replay: a preview, a job, its progress

    async function replay(args) {
        const told = el('div', {role: 'status'}, 'Counting\u2026');
        const rate = el('input', {type: 'text', inputmode: 'numeric',
                                     autocomplete: 'off'});
        const to = er.select([['', args.archive ? 'choose one'
                                                : 'their own target'],
                              ...targets()], args.deliver_to || '',
                             {on: {change: look}});
        const noun = args.archive ? ['event', 'events']
                                  : ['dead letter', 'dead letters'];
        let total = null;

        look();

        const job = await er.dialog.open({
            title: args.archive ? 'Replay what ' + clean(args.archive)
                                  + ' retains' : 'Replay dead letters',
            body: [
                el('p', {}, 'They are delivered again, with attempts from '
                               + 'the first one on.'),
                facts(args), told,
                el('div', {class: 'two'},
                    er.dialog.field('To', to),
                    er.dialog.field('At most so many a second', rate,
                                    'empty: as fast as it goes'))
            ],
            buttons: [
                {label: 'Cancel', value: null},
                {label: 'Replay', kind: 'primary',
                 check() {
                     return args.archive && !to.value
                         ? 'Choose the target that gets them.'
                         : total === null ? 'They are still being counted.'
                         : total === 0 ? 'There is none.'
                         : !/^\d*$/.test(rate.value.trim())
                         ? 'The rate is a whole number.' : null;
                 },
                 act: () => er.api.post('replay', {
                     ...narrowed(args), deliver_to: to.value,
                     rate: rate.value.trim()})}
            ]
        });

        if (job) {
            await follow(job, noun);
        }

        return job;

        async function look() {
            total = null;

            if (args.archive && !to.value) {
                er.fill(told);
                return;
            }

            try {
                const a = await er.api.post('replay', {
                    ...narrowed(args), deliver_to: to.value, preview: '1'});

                total = a.total;
                er.fill(told, el('b', {}, plural(total, ...noun)), left(a),
                        span(a));
            } catch (e) {
                if (!(e instanceof er.Problem)) {
                    throw e;
                }

                er.fill(told, el('div', {class: 'told'}, er.said(e)));
            }
        }
    }

    // a job on its way: it goes on without this dialog, and without this page

    async function follow(job, noun) {
        const bar = er.progress(0, job.total);
        const line = el('p', {role: 'status'}, 'It begins\u2026');
        const pace = er.pace();
        let shut = null;
        let over = false;
        let stopped = false;

        const shown = er.dialog.open({
            title: 'Replay of ' + plural(job.total, ...noun),
            body: [bar, line, el('p', {class: 'soft'}, 'It goes on without '
                   + 'this page, too: see Jobs.')],
            onopen(d) { shut = d.close; },
            onclose() { over = true; },
            buttons: [
                {label: 'Stop it', kind: 'danger', act: async function () {
                    stopped = true;
                    await er.api.post('cancel', {job: job.job});
                    return 'stopped';
                }},
                {label: 'Close', value: 'closed'}
            ]
        });

        while (!over && job.job) {
            await new Promise(r => setTimeout(r, 500));

            try {
                job = await er.api.get('jobs/' + job.job);
            } catch (e) {
                if (!(e instanceof er.Problem)) {
                    throw e;
                }

                er.say(line, e.detail);
                continue;
            }

            const p = pace(job.job, job.replayed, job.total);

            bar.value = job.replayed;
            er.say(line, fmt.count(job.replayed) + ' of '
                   + fmt.count(job.total)
                   + (p.rate !== null ? ', ' + fmt.rate(p.rate) : '')
                   + (p.left !== null ? ', ' + fmt.seconds(p.left) + ' left'
                                      : ''));

            if (job.state !== 'running' && job.state !== 'cancelling') {
                if (!over) {
                    shut(job.state);
                }

                break;
            }
        }

        await shown;
        er.live.poll();

        if (stopped) {
            er.toast('The job stops. What it replayed stays replayed.');
        } else if (job.state === 'done' || !job.job) {
            er.toast(plural(job.replayed, ...noun) + ' replayed'
                     + (job.stale ? ', ' + fmt.count(job.stale)
                                    + ' stale' : '') + '.', 'ok');
        }
    }

    // ---- one request each, for what is selected: progress, and a button that
    // stops it

    async function many(o) {
        const sure = await er.dialog.confirm({
            title: o.title, ok: o.ok, danger: o.danger, number: o.number,
            body: o.body, act: async () => true
        });

        if (!sure) {
            return null;
        }

        const bar = er.progress(0, o.items.length);
        const line = el('p', {role: 'status'});
        const wrong = new Map();
        const pace = er.pace();
        let shut = null;
        let stop = false;
        let done = 0;
        let failed = 0;

        const shown = er.dialog.open({
            title: o.title, body: [bar, line], stays: true,
            onopen(d) { shut = d.close; },
            buttons: [{label: 'Stop', act: async () => { stop = true; }}]
        });

        for (const item of o.items) {
            if (stop) {
                break;
            }

            try {
                await o.f(item);
                done++;
            } catch (e) {
                if (!(e instanceof er.Problem)) {
                    throw e;
                }

                failed++;
                wrong.set(e.message, (wrong.get(e.message) || []).concat(
                    o.name(item)));

                if (e.away || e.token) {
                    stop = true;
                }
            }

            const p = pace('', done + failed, o.items.length);

            bar.value = done + failed;
            er.say(line, fmt.count(done + failed) + ' of '
                   + fmt.count(o.items.length)
                   + (p.rate !== null ? ', ' + fmt.rate(p.rate) : '')
                   + (p.left !== null ? ', ' + fmt.seconds(p.left) + ' left'
                                      : ''));
        }

        if (shut) {
            shut();
        }

        await shown;
        er.live.poll();

        if (failed) {
            await er.dialog.open({
                title: fmt.count(done) + ' done, ' + fmt.count(failed)
                       + ' not',
                body: [...wrong].map(([text, names]) => el('div', {},
                    el('p', {}, clean(text)), er.acts.names(names))),
                buttons: [{label: 'Close', value: null}]
            });
        } else {
            er.toast(fmt.count(done) + ' of ' + fmt.count(o.items.length)
                     + ' done.', 'ok');
        }

        return {done, failed, stopped: stop};
    }

    // ---- drain: waits until nothing is under way

    function drain(args) {
        const line = el('p', {role: 'status', class: 'soft'});
        const end = er.live.on(function (now) {
            const n = now.targets.targets.filter(
                t => !args.target || t.name === args.target)
                .reduce((sum, t) => sum + (t.leases || 0), 0);

            er.say(line, n ? fmt.count(n) + ' under way' : 'Nothing is under '
                                                              + 'way');
        });

        return er.dialog.confirm({
            title: 'Drain ' + (args.target ? one(args) : 'all targets'),
            ok: 'Drain',
            body: [
                el('p', {}, 'No new delivery begins in this nginx; events '
                    + 'are accepted and wait.' + (args.target ? '' : ' /readyz '
                    + 'is 503, so that a balancer sends new events '
                    + 'elsewhere.') + ' This waits up to 30 seconds until '
                    + 'nothing is under way.'), line
            ],
            onclose: end,
            act: () => er.api.post('drain', {...args, timeout: 30})
        }).then(function (answer) {
            if (answer) {
                er.toast('Drained: nothing is under way.', 'ok');
            }

            er.live.poll();

            return answer;
        });
    }

    // ---- one delivery that counts nowhere

    async function test(args) {
        const body = el('textarea', {rows: 6, spellcheck: 'false',
            placeholder: 'empty: {"test":true,\u2026} is made'});

        const a = await er.dialog.confirm({
            title: 'Test event for ' + one(args), ok: 'Send', class: 'big',
            body: [
                el('p', {}, 'The target gets one event with the header '
                    + 'X-Event-Test: 1. No counter, breaker or rate hears of '
                    + 'it.'),
                er.dialog.field('Body', body)
            ],
            act: () => er.api.post('test', args, body.value.trim() === ''
                ? undefined : body.value, 'application/json')
        });

        if (!a) {
            return null;
        }

        const shown = er.facts([
            ['verdict', 'A delivery would be'], ['status', 'Status'],
            ['ms', 'It took'], ['why', 'Why'], ['by', 'Decided by'],
            ['token', 'Token'], ['tls', 'TLS'], ['id', 'Id'],
            ['bytes', 'Bytes of the answer']
        ]);

        shown.set({
            verdict: er.mark(a.verdict === 'ok' ? 'ok' : 'bad', a.verdict),
            status: a.status === undefined ? null : er.status(a.status),
            ms: fmt.ms(a.ms), why: a.why && clean(a.why),
            by: a.by ? el('span', {class: 'wrap'}, er.code(a.by.line), ' ',
                             er.place(a.by.file, a.by.number)) : null,
            token: a.token, id: er.code(a.id),
            tls: a.tls ? clean(a.tls.version + ', ' + a.tls.cipher + ', '
                                  + a.tls.subject + ', until ' + a.tls.ends)
                       : null,
            bytes: a.bytes === undefined ? null : fmt.bytes(a.bytes)
        });

        await er.dialog.open({
            title: 'What came of the test', class: 'big',
            body: [
                shown.node,
                a.answer ? er.pre(a.answer, 'Answer')
                    : a.hidden ? el('p', {class: 'soft'}, a.hidden) : null,
                a.log && a.log.length ? [
                    el('h3', {}, 'What nginx logged'),
                    er.pre(a.log.join('\n'), 'Log'),
                    a.more ? el('p', {class: 'soft'}, 'and ' + a.more
                                                         + ' lines more')
                           : null] : null
            ],
            buttons: [{label: 'Close', value: null}]
        });

        return a;
    }

    // ---- one event with another body

    async function edit(args) {
        const found = await original(args);
        const area = el('textarea', {rows: 16, spellcheck: 'false',
            'aria-label': 'Body', value: pretty(found)});
        const to = er.select(targets(), args.target);
        const purge = el('input', {type: 'checkbox'});
        const told = el('div', {role: 'status'});

        const send = more => er.api.post('replay', {
            event: args.event, target: args.target,
            deliver_to: to.value === args.target ? null : to.value,
            then: purge.checked ? 'purge' : null, ...more
        }, area.value);

        const a = await er.dialog.open({
            title: 'Send an edited copy', class: 'big',
            body: [
                el('p', {}, 'A copy of event ', er.code(args.event),
                    ' with this body, and a number and an id of its own, is '
                    + 'accepted and delivered as any other event.'),
                found === null ? el('p', {class: 'soft'}, 'The body of the '
                    + 'original is not shown: ' + (er.live.now.me.reveal
                    ? 'it is no dead letter and does not wait.'
                    : 'event_admin has no "reveal".')) : null,
                found !== null && /%[0-9A-Fa-f]{2}/.test(found)
                    ? el('p', {class: 'soft'}, 'Bytes that are no text are '
                        + 'shown percent-encoded, and would be sent so.')
                    : null,
                area,
                el('div', {class: 'two'},
                    er.dialog.field('To', to),
                    el('label', {class: 'check'}, purge,
                          'forget the original when the copy is safe')),
                told
            ],
            buttons: [
                {label: 'Cancel', value: null},
                {label: 'Preview', act: async function () {
                    er.fill(told, preview((await send({preview: '1'})).edited));
                }},
                {label: 'Send', kind: 'primary', act: () => send({}),
                 check: () => area.value === '' ? 'The body is empty.' : null}
            ]
        });

        if (a) {
            er.toast('The copy is event ' + a.edited.event
                     + (a.edited.purged ? '; the original is forgotten' : '')
                     + (a.edited.leased ? '; the original stays: it is being '
                                          + 'delivered' : '')
                     + (a.edited.stale ? '; it is not sent: the target has a '
                                         + 'newer version' : '') + '.', 'ok');
            er.views.go('event', {event: a.edited.event});
        }

        return a;
    }

    async function original(args) {
        for (const list of ['dead', 'pending']) {
            try {
                const got = await er.api.get(list, {
                    event: args.event, target: args.target, body: '1',
                    limit: 1});

                if (got.entries.length && got.entries[0].body !== undefined) {
                    return got.entries[0].body;
                }
            } catch (e) {
                if (!(e instanceof er.Problem)) {
                    throw e;
                }
            }
        }

        return null;
    }

    // JSON is shown so that one can edit it, if nothing is lost by that: a
    // number keeps its digits only if it stays as it is

    function pretty(text) {
        if (text === null) {
            return '';
        }

        try {
            const value = JSON.parse(text);

            return JSON.stringify(value) === text
                ? JSON.stringify(value, null, 2) : text;
        } catch (e) {
            return text;
        }
    }

    function preview(e) {
        const d = e.difference;

        return el('div', {class: 'preview'},
            el('p', {}, fmt.bytes(e.size) + ' instead of '
                + fmt.bytes(e.was) + '; from byte ' + fmt.count(d.at)
                + ' on ' + fmt.count(d.removed) + ' are gone and '
                + fmt.count(d.added) + ' new.'),
            e.headers ? er.pre((e.method || 'POST') + '\n' + e.headers.map(h => h.name + ': '
                + (h.hidden ? '(hidden)' : h.value)).join('\n'), 'Request')
                      : null);
    }

    // ---- quarantine

    async function recheck(args) {
        const a = await er.dialog.confirm({
            title: 'Judge again ' + (args.id ? 'one request'
                                             : 'all of ' + one(args)),
            ok: 'Judge again',
            body: el('p', {}, 'Each goes the way of every request: today\'s '
                + 'nginx.conf verifies it, routes it and delivers it. What is '
                + 'still refused stays.'),
            act: () => er.api.post('recheck', args)
        });

        if (!a) {
            return null;
        }

        const words = [['admitted', 'ok'], ['duplicate', 'idle'],
                       ['refused', 'bad'], ['failed', 'warn'],
                       ['unfit', 'warn']];

        await er.dialog.open({
            title: plural(a.judged, 'request was', 'requests were')
                   + ' judged again',
            class: 'big',
            body: [
                el('div', {class: 'marks'}, words.filter(([w]) => a[w])
                    .map(([w, kind]) => er.mark(kind, fmt.count(a[w]) + ' '
                                                      + w))),
                a.incomplete ? el('p', {}, 'It ended before its time: judge '
                                              + 'again for the rest.') : null,
                a.requests.length ? el('div', {class: 'scroll tall',
                                                  tabindex: '0'},
                    el('table', {class: 'rows'},
                        el('thead', {}, el('tr', {},
                            ['Request', 'Verdict', 'Why', 'Events'].map(
                                t => el('th', {scope: 'col'}, t)))),
                        el('tbody', {}, a.requests.slice(0, 200).map(
                            r => el('tr', {},
                                el('td', {}, er.code(r.id)),
                                el('td', {}, er.mark((words.find(
                                    w => w[0] === r.verdict) || [])[1]
                                    || 'plain', r.verdict)),
                                el('td', {class: 'wide'}, er.text(r.why)),
                                el('td', {}, er.text(r.events.map(
                                    x => x.id + ' ' + x.outcome).join(', ')))
                            ))))) : null
            ],
            buttons: [{label: 'Close', value: true}]
        });

        er.live.poll();

        return a;
    }

    // args: source= or id=, and how many there are, if that is known

    function forget(args, count) {
        return er.dialog.confirm({
            title: 'Forget ' + (args.id ? 'one request'
                                        : 'the quarantine of ' + one(args)),
            ok: 'Forget', danger: true,
            number: args.id ? undefined : count,
            body: el('p', {}, 'It is gone, and cannot be judged again.'),
            act: () => er.api.post('purge_quarantine', args)
        }).then(function (a) {
            if (a) {
                er.toast(plural(a.purged, 'request', 'requests')
                         + ' forgotten.', 'ok');
                er.live.poll();
            }

            return a;
        });
    }
})();
