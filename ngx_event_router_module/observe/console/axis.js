// The numbers behind the plots: ticks that people like to read, lines that
// break where nothing was measured.  No DOM: a test loads this file alone.

er.axis = (function () {

    // from 0 to "max" or a little beyond it, about n steps of 1, 2 or 5 times
    // a power of ten; of seconds as clocks have them

    const clock = [1, 2, 5, 10, 15, 20, 60, 120, 300, 600, 900, 1200, 3600,
                   7200, 10800, 21600, 28800, 86400];

    function ticks(max, n, unit) {
        const least = unit === 'rate' ? 0.3 : 1;
        const wish = Math.max(max, least) / n;
        const power = Math.pow(10, Math.floor(Math.log10(wish)));
        let step = unit === 'seconds' && clock.find(s => s >= wish);

        if (!step) {
            step = [1, 2, 5, 10].find(f => f * power >= wish * 0.9999) * power;
        }

        if (unit !== 'rate') {
            step = Math.max(1, step);
        }

        const count = Math.max(1, Math.ceil(max / step - 1e-9));

        return Array.from({length: count + 1},
                          (_, i) => Number((i * step).toPrecision(12)));
    }

    // runs of what was measured, [[index, value]] each: null ends one

    function runs(values) {
        const all = [];
        let run = null;

        values.forEach(function (value, i) {
            if (value === null || value === undefined) {
                run = null;
                return;
            }

            if (run === null) {
                run = [];
                all.push(run);
            }

            run.push([i, value]);
        });

        return all;
    }

    // the path of a line; a value between two gaps is a point

    function path(values, x, y) {
        const at = ([i, value]) => x(i).toFixed(1) + ',' + y(value).toFixed(1);

        return runs(values).map(run => 'M' + run.map(at).join('L')
                                       + (run.length === 1 ? 'm-1.5,0h3' : ''))
            .join('');
    }

    function area(values, x, y) {
        return runs(values).filter(run => run.length > 1).map(function (run) {
            const last = run[run.length - 1][0];

            return 'M' + x(run[0][0]).toFixed(1) + ',' + y(0).toFixed(1) + 'L'
                   + run.map(([i, value]) => x(i).toFixed(1) + ','
                                             + y(value).toFixed(1)).join('L')
                   + 'L' + x(last).toFixed(1) + ',' + y(0).toFixed(1) + 'Z';
        }).join('');
    }

    function most(lines) {
        let max = 0;

        for (const values of lines) {
            for (const value of values || []) {
                if (value > max) {
                    max = value;
                }
            }
        }

        return max;
    }

    // the newest value, and its index; null if there is none

    function last(values) {
        for (let i = (values || []).length - 1; i >= 0; i--) {
            if (values[i] !== null && values[i] !== undefined) {
                return i;
            }
        }

        return null;
    }

    // counts as rates: "measured" has for how many ms of each step

    function perSecond(values, measured) {
        return (values || []).map((n, i) => n === null || !measured[i] ? null
                                  : n * 1000 / measured[i]);
    }

    // a rate in the unit in which it is not 0: [number, unit]

    function rate(n) {
        return n <= 0 || n >= 0.05 ? [n, '/s']
            : n * 60 >= 0.05 ? [n * 60, '/min'] : [n * 3600, '/h'];
    }

    // full steps of the reader's clock between two times, in milliseconds

    function times(from, to, minutes) {
        const first = new Date(from);
        const all = [];

        first.setMinutes(minutes < 60 ? Math.floor(first.getMinutes() / minutes)
                                        * minutes : 0, 0, 0);

        if (minutes >= 60) {
            const hours = minutes / 60;

            first.setHours(Math.floor(first.getHours() / hours) * hours);
        }

        for (let t = first; t <= to; ) {
            if (t >= from) {
                all.push(t.getTime());
            }

            const next = new Date(t);

            next.setMinutes(next.getMinutes() + minutes);

            // an hour that a clock has twice

            t = next > t ? next : new Date(t.getTime() + minutes * 60000);
        }

        return all;
    }

    return {ticks, runs, path, area, most, last, perSecond, rate, times};
})();
