// Views, of which one is open, the address that says which (#events?target=erp)
// and the keys that lead there.

(function () {
    const views = [];
    let open = null;                   // {view, hash, section}
    let leading = 0;                   // "g" was pressed, at this time
    let came = 0;                      // views that were open, this one too

    er.views = {
        add(view) {
            views.push(view);
        },

        // goes there; with "replace" the way back does not lead here
        go(name, params, replace) {
            const hash = address(name, params);

            if (replace) {
                history.replaceState(null, '', hash);
                show();
            } else if (location.hash === hash) {
                show();
            } else {
                location.hash = hash;
            }
        },

        // the view that is open is about something else now, and knows it
        note(params) {
            const hash = address(open.view.name, params);

            history.replaceState(null, '', hash);
            open.hash = hash;
        },

        address,
        start,
        again() {
            show();
        },

        get open() {
            return open && open.view.name;
        },

        // a number beside the name of a view, or none
        badge(name, n, kind) {
            const node = document.getElementById('badge-' + name);

            if (node) {
                er.say(node, n ? fmt.count(n) : '');
                node.className = 'badge ' + (kind || '');
            }
        }
    };

    function address(name, params) {
        const query = new URLSearchParams();

        for (const [key, value] of Object.entries(params || {})) {
            if (value !== null && value !== undefined && value !== '') {
                query.set(key, value);
            }
        }

        const text = query.toString();

        return '#' + name + (text ? '?' + text : '');
    }

    function start() {
        const listed = views.filter(v => v.key);

        er.fill(document.getElementById('nav'),
            el('ul', {}, listed.map((view, i) => el('li', {},
                el('a', {href: '#' + view.name, id: 'nav-' + view.name,
                            title: 'g ' + view.key + (i < 9 ? ' or '
                                                     + (i + 1) : '')},
                    el('span', {}, view.title),
                    el('span', {id: 'badge-' + view.name, class: 'badge'}))
            ))));

        window.addEventListener('hashchange', show);
        document.addEventListener('keydown', key);
        show();
    }

    function show() {
        const [name, query] = location.hash.slice(1).split('?');
        const view = views.find(v => v.name === name) || views[0];
        const main = document.getElementById('main');

        if (open) {
            if (open.view.close) {
                open.view.close();
            }

            open.section.remove();
        }

        const section = el('section', {
            id: 'view-' + view.name, class: 'view',
            'aria-labelledby': 'title-' + view.name
        }, el('h1', {id: 'title-' + view.name, tabindex: '-1'}, view.title));

        const first = open === null;

        came++;
        open = {view, hash: location.hash, section};
        main.append(section);
        document.title = view.title + ' \u2013 Event router';

        for (const other of views) {
            const link = document.getElementById('nav-' + other.name);

            if (link) {
                if (other.name === (view.below || view.name)) {
                    link.setAttribute('aria-current', 'page');
                } else {
                    link.removeAttribute('aria-current');
                }
            }
        }

        view.open(section, Object.fromEntries(new URLSearchParams(query)));

        // whoever reads with the ears hears where this is

        if (!first && !section.contains(document.activeElement)) {
            section.firstChild.focus({preventScroll: true});
            window.scrollTo(0, 0);
        }
    }

    // ---- keys

    function typing(node) {
        return node.closest && node.closest('input, textarea, select, '
                                            + '[contenteditable]');
    }

    function key(e) {
        if (e.ctrlKey || e.metaKey || e.altKey || e.defaultPrevented
            || document.querySelector('dialog[open]'))
        {
            return;
        }

        if (typing(e.target)) {
            if (e.key === 'Escape') {
                e.target.blur();
                open.section.firstChild.focus({preventScroll: true});
            }

            return;
        }

        const led = Date.now() - leading < 1500;

        leading = 0;

        if (act(e, led)) {
            e.preventDefault();
        }
    }

    function act(e, led) {
        const listed = views.filter(v => v.key);
        const to = led ? listed.find(v => v.key === e.key)
            : /^[1-9]$/.test(e.key) ? listed[e.key - 1] : null;

        if (to) {
            er.views.go(to.name);
            return true;
        }

        if (e.key === 'g') {
            leading = Date.now();
            return true;
        }

        if (e.key === '?') {
            er.views.help();
            return true;
        }

        if (e.key === '/') {
            const field = open.section.querySelector('[type=search]');

            if (field) {
                field.focus();
                field.select();
            }

            return Boolean(field);
        }

        if (open.view.onkey && open.view.onkey(e)) {
            return true;
        }

        if (e.key === 'Escape' && open.view.below) {
            if (came > 1) {
                history.back();
            } else {
                er.views.go(open.view.below);
            }

            return true;
        }

        return er.table.key ? er.table.key(e) : false;
    }

    er.views.help = function () {
        const rows = [
            ['g, then a letter', 'go to a view: ' + views.filter(v => v.key)
                .map(v => v.key + ' ' + v.title.toLowerCase()).join(', ')],
            ['1 \u2026 9', 'the same, in the order of the list'],
            ['/', 'search'],
            ['j, k or \u2193, \u2191', 'the next row, the one before'],
            ['Enter', 'open the row'],
            ['x', 'select the row; with Shift all from the last one on'],
            ['a', 'select all rows that are shown, or none'],
            ['Home, End', 'the first row, the last one'],
            ['Esc', 'close, go back'],
            ['?', 'this help']
        ];

        er.dialog.open({
            title: 'Keys',
            body: el('table', {class: 'keys'}, el('tbody', {},
                rows.map(([keys, what]) => el('tr', {},
                    el('th', {scope: 'row'}, keys),
                    el('td', {}, what))))),
            buttons: [{label: 'Close', value: null}]
        });
    };
})();
