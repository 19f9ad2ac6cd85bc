// Replays that go on by themselves: how far they are, how fast, for how long
// yet, and a button that stops them.

(function () {
    let timer = null;
    let serial = 0;                    // of the view that is open
    let table = null;

    // of a job from two looks at it: how many a second, and seconds to the end

    er.pace = function () {
        const first = new Map();

        return function (id, done, total) {
            const now = performance.now();
            const seen = first.get(id);

            if (!seen || seen.done > done) {
                first.set(id, {done, at: now});
                return {rate: null, left: null};
            }

            const seconds = (now - seen.at) / 1000;
            const rate = seconds > 0.5 ? (done - seen.done) / seconds : null;

            return {rate, left: rate ? (total - done) / rate : null};
        };
    };

    const pace = er.pace();

    er.progress = function (done, total) {
        return el('progress', {max: Math.max(1, total), value: done,
                                  'aria-label': 'Progress'});
    };

    er.jobwords = function (job) {
        return (job.archive ? 'what ' + (job.source || 'a source') + ' retains'
                            : 'dead letters')
               + (job.target ? ' of ' + job.target : '')
               + (job.source && !job.archive ? ' from ' + job.source : '')
               + (job.route ? ' by ' + job.route : '')
               + (job.deliver_to ? ' to ' + job.deliver_to : '');
    };

    er.views.add({
        name: 'jobs', title: 'Jobs', key: 'j',

        open(main) {
            const told = el('div', {class: 'told', role: 'alert'});

            table = er.table({
                id: 'table-jobs', label: 'Jobs', key: j => j.job,
                columns: [
                    er.column('Began', 'began', fmt.time),
                    {name: 'state', title: 'State', say: j => j.state,
                     cell: j => er.state(j.state)},
                    {name: 'what', title: 'Replays', wide: true,
                     say: er.jobwords, cell: j => er.text(er.jobwords(j))},
                    {name: 'replayed', title: 'Replayed', right: true,
                     say: j => j.replayed,
                     live: j => j.replayed + '/' + j.total + '/' + j.stale,
                     cell: j => [er.progress(j.replayed, j.total), ' ',
                                 fmt.count(j.replayed) + ' of '
                                 + fmt.count(j.total)
                                 + (j.stale ? ', ' + fmt.count(j.stale)
                                              + ' stale' : '')]},
                    {name: 'rate', title: 'Rate', right: true,
                     live: j => String(j.pace.rate), cell: j =>
                         j.state === 'running' && j.pace.rate !== null
                             ? fmt.rate(j.pace.rate)
                             : j.rate ? '\u2264 ' + fmt.rate(j.rate)
                             : '\u2013'},
                    {name: 'left', title: 'Time left', right: true,
                     live: j => String(j.pace.left && Math.round(j.pace.left)),
                     cell: j => j.state === 'running' && j.pace.left !== null
                         ? fmt.seconds(j.pace.left)
                         : j.ended ? ['ended ', fmt.time(j.ended)]
                         : '\u2013'},
                    er.column('Who', 'who'),
                    er.act ? {name: 'act', title: 'Act', live: j => j.state,
                              cell: j => j.state !== 'running' ? null
                                  : er.button('Stop\u2026', () => er.acts
                                      .cancel(j), {class: 'small',
                                      'aria-label': 'Stop job ' + j.job})}
                           : null
                ].filter(Boolean),
                empty: () => el('p', {}, 'No job: a replay of ',
                    er.link('dead', {}, 'dead letters'), ' is one. Those that '
                    + 'are over are shown for 7 days.')
            });

            main.append(told, table.node);
            look(told);
        },

        close() {
            clearTimeout(timer);
            serial++;
        }
    });

    async function look(told) {
        const mine = serial;
        let running = false;

        try {
            const runs = await er.api.get('jobs', {state: 'running',
                                                   limit: 100});
            const got = await er.api.get('jobs', {limit: 100});

            // what runs is shown, however many came after it

            const seen = new Set(got.jobs.map(j => j.job));
            const all = [...got.jobs,
                         ...runs.jobs.filter(j => !seen.has(j.job))];

            running = all.some(j => j.state === 'running'
                                    || j.state === 'cancelling');
            all.forEach(j => {
                j.pace = j.state === 'running'
                    ? pace(j.job, j.replayed, j.total)
                    : {rate: null, left: null};
            });
            table.set(all);
            er.fill(told);
        } catch (e) {
            if (!(e instanceof er.Problem)) {
                throw e;
            }

            er.fill(told, er.said(e));
        }

        if (mine === serial) {
            timer = setTimeout(() => look(told), running ? 1000 : 4000);
        }
    }
})();
