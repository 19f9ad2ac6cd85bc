// What goes on, asked for each second while somebody looks: sources, targets
// and routes, and what they are each second, smoothed over five.  A page that
// is hidden asks each 15 seconds; one that gets no answer waits longer from
// time to time, says so, and comes back by itself.

(function () {
    const SECOND = 1000;
    const HIDDEN = 15000;
    const SMOOTH = 5;                  // seconds
    const FEW = 60;                    // routes that are asked for each second

    const listeners = new Set();
    const states = new Set();
    let timer = null;
    let failed = 0;
    let turn = 0;
    let before = null;
    let running = false;

    // outcomes of events that were taken

    const taken = ['queued', 'delivered', 'redelivered', 'unrouted'];

    er.live = {
        few: FEW,
        now: {me: null, sources: null, targets: null, routes: null,
              config: null, rates: {sources: {}, targets: {}, routes: {}}},

        on(f) {
            listeners.add(f);

            return () => listeners.delete(f);
        },

        // 'live', 'away' (with the problem) or 'token'
        onstate(f) {
            states.add(f);
        },

        start,
        poll() {
            clearTimeout(timer);
            timer = setTimeout(tick, 0);
        }
    };

    document.addEventListener('visibilitychange', function () {
        if (running && !document.hidden) {
            er.live.poll();
        }
    });

    // who asks, once; then on and on

    async function start() {
        const now = er.live.now;

        now.me = await er.api.get('me');
        now.config = await er.api.get('config', {limit: 1});
        er.act = now.me.role === 'act';
        running = true;
        turn = 0;
        er.live.poll();
    }

    async function tick() {
        clearTimeout(timer);
        timer = null;

        try {
            await ask();
            failed = 0;
            tell('live');
        } catch (e) {
            if (!(e instanceof er.Problem)) {
                throw e;
            }

            if (e.token) {
                running = false;
                return;
            }

            failed++;
            before = null;
            tell('away', e);
        }

        if (timer === null && running) {
            timer = setTimeout(tick, pause());
        }
    }

    function pause() {
        return failed ? Math.min(SECOND << Math.min(failed - 1, 4), 10000)
               : document.hidden ? HIDDEN : SECOND;
    }

    async function ask() {
        const now = er.live.now;
        const back = failed > 0;

        if (back) {
            now.me = await er.api.get('me');
            er.act = now.me.role === 'act';
        }

        // of more routes only how many there are: a view asks for what it shows

        const many = now.routes && now.routes.nroutes > FEW;
        const routes = !many || turn % 5 === 0;
        const config = back || turn % 30 === 29;

        turn++;

        const got = await Promise.all([
            er.api.get('sources'),
            er.api.get('targets'),
            routes ? er.api.get('routes', {limit: many ? 1 : FEW})
                   : now.routes,
            config ? er.api.get('config', {limit: 1}) : now.config
        ]);

        [now.sources, now.targets, now.routes, now.config] = got;

        rates(now);

        // a view that fails must not end the polls of the others

        for (const f of [...listeners]) {
            try {
                f(now);
            } catch (e) {
                reportError(e);
            }
        }
    }

    function tell(state, problem) {
        for (const f of states) {
            f(state, problem);
        }
    }

    // counters that an answer has, flat: "received.queued"

    function counters(row, names) {
        const flat = {};

        for (const name of names) {
            const value = row[name];

            if (typeof value === 'number') {
                flat[name] = value;
            } else if (value) {
                for (const [key, n] of Object.entries(value)) {
                    flat[name + '.' + key] = n;
                }
            }
        }

        return flat;
    }

    function sum(flat, test) {
        return Object.entries(flat).reduce(
            (n, [name, value]) => test(name) ? n + value : n, 0);
    }

    function source(row) {
        const flat = counters(row, ['received', 'refused', 'bytes']);

        for (const name of Object.keys(row.received || {})) {
            flat[name] = row.received[name];
        }

        flat.accepted = sum(flat, n => taken.some(t => n === 'received.' + t));
        flat.refused = sum(flat, n => n.startsWith('refused.'));

        return flat;
    }

    function target(row) {
        const flat = counters(row, ['delivered', 'failed', 'retried', 'dead']);

        flat.failed = typeof row.failed === 'number' ? row.failed
            : sum(flat, n => n.startsWith('failed.'));
        flat.dead = typeof row.dead === 'number' ? row.dead
            : sum(flat, n => n.startsWith('dead.'));

        return flat;
    }

    function rates(now) {
        const table = (rows, f) => {
            const all = {};

            for (const row of rows || []) {
                all[row.name] = f(row);
            }

            return all;
        };

        const next = {
            sources: [now.sources.now, table(now.sources.sources, source)],
            targets: [now.targets.now, table(now.targets.targets, target)],
            routes: [now.routes.now, table(now.routes.routes,
                                           r => ({matched: r.matched}))]
        };

        const result = {sources: {}, targets: {}, routes: {}};

        for (const kind of Object.keys(next)) {
            for (const [name, flat] of Object.entries(next[kind][1])) {
                result[kind][name] = smoothed(kind, name, flat, next[kind][0]);
            }
        }

        for (const [name, flat] of Object.entries(result.routes)) {
            result.routes[name] = flat.matched;
        }

        er.live.now.rates = result;
        before = next;
    }

    function smoothed(kind, name, flat, time) {
        const old = before && before[kind][1][name];
        const seconds = old ? (new Date(time) - new Date(before[kind][0])) / 1000
                            : 0;
        let last = er.live.now.rates[kind][name];
        const rate = {};

        last = kind === 'routes' ? {matched: last} : last || {};

        for (const [key, n] of Object.entries(flat)) {

            // the same answer as before, or the first one: as it was; a
            // counter that went down is one that began anew

            if (!old || seconds <= 0) {
                rate[key] = last[key] || 0;
                continue;
            }

            const part = 1 - Math.exp(-seconds / SMOOTH);
            const value = Math.max(0, n - (old[key] || 0)) / seconds;

            rate[key] = last[key] === undefined ? value
                : last[key] + part * (value - last[key]);

            if (rate[key] < 0.005) {
                rate[key] = 0;
            }
        }

        return rate;
    }
})();
