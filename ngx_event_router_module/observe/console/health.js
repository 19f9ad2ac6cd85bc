// How sources and targets are, in words that a person reads at a glance: what
// fails first.  No DOM: a test loads this file alone.

er.health = (function () {
    const WINDOW = 60;                 // seconds in which a failure is told

    const seen = new Map();            // target -> [[second, failures]]

    function total(counts) {
        return typeof counts === 'number' ? counts
            : Object.values(counts || {}).reduce((n, x) => n + x, 0);
    }

    function rate(value) {
        return value >= 0.05 ? value : 0;
    }

    // failures of the last minute, as far as this page has watched

    function failures(row, now) {
        const second = new Date(now) / 1000;
        const n = total(row.failed);
        let list = seen.get(row.name);

        // a counter that went down began anew

        if (!list || list[list.length - 1][1] > n) {
            list = [];
            seen.set(row.name, list);
        }

        if (!list.length || list[list.length - 1][0] < second) {
            list.push([second, n]);
        }

        while (list.length > 2 && list[1][0] <= second - WINDOW) {
            list.shift();
        }

        return n - list[0][1];
    }

    // [kind, word, title] each, the worst first; kind: bad, warn, note

    function target(row, rates, failed) {
        const marks = [];
        const n = er.fmt.count;

        if (row.unaccounted) {
            marks.push(['bad', n(row.unaccounted) + ' unaccounted',
                        'accepted, and nobody knows where they are']);
        }

        if (row.breaker === 'open') {
            marks.push(['bad', 'breaker open', row.breaker_seconds > 0
                ? 'it is tried again in ' + er.fmt.seconds(row.breaker_seconds)
                : 'it is tried again with the next event']);
        }

        if (rate((rates || {}).failed)) {
            marks.push(['bad', er.fmt.rate(rates.failed) + ' failing',
                        'attempts that failed']);

        } else if (failed > 0) {
            marks.push(['bad', n(failed) + ' failed in 1 min',
                        'attempts that failed']);
        }

        if (row.breaker === 'half_open') {
            marks.push(['warn', 'breaker half open',
                        'one delivery tries whether it is back']);
        }

        if (row.paused) {
            marks.push(['warn', 'paused', row.paused_by
                ? 'by ' + row.paused_by : 'by an operator']);
        }

        if (row.drained) {
            marks.push(['warn', 'drained', 'no new attempt begins']);
        }

        if (row.held) {
            marks.push(['warn', n(row.held) + ' held',
                        'their source is paused']);
        }

        if (row.dead_now) {
            marks.push(['note', n(row.dead_now) + (row.dead_now === 1
                            ? ' dead letter' : ' dead letters'),
                        'given up; they can be replayed']);
        }

        return marks;
    }

    function source(row, rates) {
        const marks = [];
        const n = er.fmt.count;

        if (row.silent) {
            marks.push(['warn', 'silent', 'an event is expected every '
                        + er.fmt.seconds(row.expect_seconds)
                        + (row.last_seconds === undefined ? ''
                           : ', the last one came ' + er.fmt.seconds(
                                 row.last_seconds) + ' ago')]);
        }

        if (row.paused) {
            marks.push(['warn', 'paused', row.paused_by
                ? 'by ' + row.paused_by : 'by an operator']);
        }

        if (row.held) {
            marks.push(['warn', n(row.held) + ' held',
                        'stored, and delivered when it is resumed']);
        }

        if (rate((rates || {}).refused)) {
            marks.push(['warn', er.fmt.rate(rates.refused) + ' refused',
                        'requests that were not taken']);
        }

        if (row.quarantine) {
            marks.push(['note', n(row.quarantine) + ' in quarantine',
                        'refused requests that can be judged again']);
        }

        return marks;
    }

    // the state of a node by its worst mark and by what flows

    function state(marks, flows) {
        const worst = marks.find(m => m[0] !== 'note');

        return worst ? worst[0] : flows ? 'ok' : 'idle';
    }

    return {total, rate, failures, target, source, state};
})();
