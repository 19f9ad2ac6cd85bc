// A table that a person works in: sorted, selected, walked with the keyboard.
// Rows are updated where they are: what did not change is not touched, so
// nothing flickers and the focus stays.
//
//     er.table({id, label, columns, key, open, select, empty, sort})
//
// columns: [{name, title, cell(row) -> node or text, say(row) -> what it is
// sorted and compared by, right, wide}]; key(row): what makes it the same row;
// open(row): Enter or a click; select(rows): what is selected has changed, if
// there is something to do with them; empty: a node to show without rows.
// Returns {node, set(rows), rows, selected, clear(), focus()}.

(function () {
    let current = null;                // whose rows the keys move in

    // a column that shows one member of a row: as text, or as "shown" says it

    er.column = (title, name, shown = er.text, more = {}) => ({
        name, title, say: row => row[name], cell: row => shown(row[name]),
        ...more
    });

    er.table = function (o) {
        const body = el('tbody', {role: 'rowgroup'});
        const head = el('tr', {role: 'row'});
        const all = o.select ? el('input', {
            type: 'checkbox', 'aria-label': 'Select all rows that are shown',
            on: {change: () => mark(all.checked)}
        }) : null;
        const table = el('table', {id: o.id, class: 'rows cards',
                                   role: 'table'},
            el('caption', {class: 'unseen'}, o.label),
            el('thead', {role: 'rowgroup'}, head), body);
        const empty = el('div', {class: 'empty'});
        const scroll = el('div', {class: 'scroll'}, table);
        const node = el('div', {class: 'table'}, scroll, empty);
        const kept = new Map();        // key -> {row, tr, texts, box}
        const chosen = new Set();      // keys
        let rows = [];
        let sort = o.sort || null;     // {name, down}
        let last = null;               // key of the row that has the focus
        let anchor = null;

        const self = {
            node,
            set,
            clear() { mark(false); },
            focus() { focus(0); },
            key: press,
            get rows() { return rows; },
            get selected() {
                return rows.filter(row => chosen.has(o.key(row)));
            }
        };

        titles();
        set([]);

        node.addEventListener('focusin', () => { current = self; });
        current = self;

        return self;

        // ---- the head

        function titles() {
            er.fill(head, o.select ? el('th', {class: 'box',
                                               role: 'columnheader'}, all)
                                   : null,
                o.columns.map(c => el('th', {
                    scope: 'col', role: 'columnheader',
                    class: (c.right ? 'right ' : '') + (c.wide ? 'wide' : ''),
                    'aria-sort': !sort || sort.name !== c.name ? null
                        : sort.down ? 'descending' : 'ascending'
                }, c.say && !o.unsorted
                    ? er.button(c.title, () => by(c)) : c.title)));
        }

        function by(column) {
            sort = sort && sort.name === column.name
                ? sort.down === Boolean(column.right)
                    ? {name: column.name, down: !sort.down} : null
                : {name: column.name, down: Boolean(column.right)};
            titles();
            head.querySelectorAll('button').forEach(function (b) {
                if (b.textContent === column.title) {
                    b.focus();
                }
            });
            set(rows);
        }

        function sorted(list) {
            const column = sort && o.columns.find(c => c.name === sort.name);

            if (!column) {
                return list;
            }

            const way = sort.down ? -1 : 1;

            return [...list].sort(function (a, b) {
                const x = column.say(a);
                const y = column.say(b);
                const none = v => v === undefined || v === null || v === '';

                return none(x) || none(y) ? none(x) - none(y)
                    : way * (typeof x === 'number' && typeof y === 'number'
                             ? x - y : String(x).localeCompare(String(y),
                                        'en', {numeric: true}));
            });
        }

        // ---- rows

        // "failed": nothing is known, so there is nothing to say about it

        function set(list, failed) {
            const keys = new Set(list.map(o.key));
            const held = body.contains(document.activeElement)
                         ? document.activeElement : null;

            rows = list;

            for (const [key, line] of kept) {
                if (!keys.has(key)) {
                    leave(line.tr);
                    line.tr.remove();
                    kept.delete(key);
                    chosen.delete(key);
                }
            }

            let place = body.firstChild;

            for (const row of sorted(list)) {
                const key = o.key(row);

                if (!keys.delete(key)) {
                    continue;
                }

                const line = kept.get(key) || make(key);

                update(line, row);

                if (line.tr === place) {
                    place = place.nextSibling;
                } else {
                    body.insertBefore(line.tr, place);
                }
            }

            // a row that goes to another place takes the focus along

            if (held && held.isConnected && held !== document.activeElement) {
                held.focus({preventScroll: true});
            }

            roving();
            boxes();

            scroll.hidden = list.length === 0;
            empty.hidden = list.length !== 0 || !o.empty || failed === true;

            if (!empty.hidden) {
                const what = typeof o.empty === 'function' ? o.empty()
                                                           : o.empty;

                if (empty.firstChild !== what) {
                    er.fill(empty, what);
                }
            }
        }

        // the focus goes to a neighbour, not to nowhere

        function leave(tr) {
            if (tr.contains(document.activeElement)) {
                const next = tr.nextSibling || tr.previousSibling;

                if (next) {
                    last = next.dataset.key;
                    next.tabIndex = 0;
                    next.focus();
                }
            }
        }

        function make(key) {
            const line = {texts: [], cells: []};

            line.box = o.select ? el('input', {
                type: 'checkbox',
                on: {click: e => choose(key, line.box.checked, e.shiftKey)}
            }) : null;
            line.cells = o.columns.map(c => el('td', {
                role: 'cell', class: (c.right ? 'right ' : '')
                       + (c.wide ? 'wide ' : '') + (c.class || ''),
                'data-title': c.title
            }));
            line.tr = el('tr', {role: 'row', tabindex: '-1', 'data-key': key,
                                   class: o.open ? 'opens' : null},
                line.box ? el('td', {class: 'box', role: 'cell'}, line.box)
                         : null,
                line.cells);
            line.tr.addEventListener('focus', () => { last = key; roving(); });

            if (o.open) {
                line.tr.addEventListener('click', function (e) {
                    if (!e.target.closest('a, button, input, select, summary')
                        && !String(getSelection()))
                    {
                        o.open(line.row);
                    }
                });
            }

            kept.set(key, line);

            return line;
        }

        function update(line, row) {
            line.row = row;

            o.columns.forEach(function (c, i) {
                const text = c.live ? c.live(row)
                    : JSON.stringify(c.say ? c.say(row) : row[c.name]) || '';

                if (line.texts[i] !== text) {
                    line.texts[i] = text;
                    er.fill(line.cells[i], c.cell(row));
                }
            });

            if (line.box) {
                const name = 'Select ' + (o.name ? o.name(row) : o.key(row));

                if (line.named !== name) {
                    line.named = name;
                    line.box.setAttribute('aria-label', clean(name));
                }
            }

            if (o.mark) {
                const kind = o.mark(row) || '';

                if (line.kind !== kind) {
                    line.kind = kind;
                    line.tr.className = (o.open ? 'opens ' : '') + kind;
                }
            }
        }

        // one row can be reached with Tab, the keys go on from there

        function roving() {
            const list = [...body.children];
            const at = list.find(tr => tr.dataset.key === last) || list[0];

            for (const tr of list) {
                const index = tr === at ? 0 : -1;

                if (tr.tabIndex !== index) {
                    tr.tabIndex = index;
                }
            }
        }

        // ---- what is selected

        function choose(key, on, range) {
            if (range && anchor !== null) {
                const list = [...body.children].map(tr => tr.dataset.key);
                const [a, b] = [list.indexOf(anchor), list.indexOf(key)]
                               .sort((x, y) => x - y);

                for (const one of a < 0 ? [key] : list.slice(a, b + 1)) {
                    put(one, on);
                }
            } else {
                put(key, on);
            }

            anchor = key;
            boxes();
        }

        function put(key, on) {
            if (on) {
                chosen.add(key);
            } else {
                chosen.delete(key);
            }
        }

        function mark(on) {
            for (const key of kept.keys()) {
                put(key, on);
            }

            boxes();
        }

        function boxes() {
            if (!o.select) {
                return;
            }

            for (const [key, line] of kept) {
                line.box.checked = chosen.has(key);
                line.tr.classList.toggle('chosen', chosen.has(key));
            }

            all.checked = chosen.size > 0 && chosen.size === kept.size;
            all.indeterminate = chosen.size > 0 && chosen.size < kept.size;
            o.select(self.selected);
        }

        // ---- keys

        function focus(index) {
            const tr = body.children[index];

            if (tr) {
                tr.tabIndex = 0;
                tr.focus();
                tr.scrollIntoView({block: 'nearest'});
            }
        }

        function press(e) {
            const list = [...body.children];
            const inside = document.activeElement
                           && document.activeElement.closest('tr');
            const at = list.indexOf(inside);

            if (!node.isConnected || !list.length) {
                return false;
            }

            switch (e.key) {
            case 'j':
            case 'ArrowDown':
                focus(at < 0 ? Math.max(0, list.findIndex(
                    tr => tr.dataset.key === last))
                    : Math.min(at + 1, list.length - 1));
                return true;

            case 'k':
            case 'ArrowUp':
                focus(at < 0 ? list.length - 1 : Math.max(at - 1, 0));
                return true;

            case 'Home':
            case 'End':
                focus(e.key === 'Home' ? 0 : list.length - 1);
                return true;

            case 'Enter':
                if (at >= 0 && o.open && document.activeElement === list[at]) {
                    o.open(kept.get(list[at].dataset.key).row);
                    return true;
                }

                return false;

            case 'x':
            case 'X':
                if (at >= 0 && o.select) {
                    const key = list[at].dataset.key;

                    choose(key, e.shiftKey || !chosen.has(key), e.shiftKey);
                    return true;
                }

                return false;

            case 'a':
                if (o.select) {
                    mark(chosen.size < kept.size);
                    return true;
                }
            }

            return false;
        }
    };

    er.table.key = e => current !== null && current.key(e);

    // ---- what is cut off: the whole of it beside the pointer or the row

    const tip = el('div', {id: 'tip', hidden: true, role: 'presentation'});
    let shown = null;

    function cut(node) {
        return node.scrollWidth > node.clientWidth + 1;
    }

    function show(at, texts) {
        if (!texts.length) {
            hide();
            return;
        }

        if (!tip.isConnected) {
            document.body.append(tip);
        }

        shown = at;
        er.fill(tip, texts.map(t => el('p', {}, t)));
        tip.hidden = false;

        const box = at.getBoundingClientRect();
        const below = box.bottom + tip.offsetHeight + 8 < innerHeight;

        tip.style.left = Math.max(8, Math.min(box.left, innerWidth - 8
                                              - tip.offsetWidth)) + 'px';
        tip.style.top = (below ? box.bottom + 4
                         : Math.max(8, box.top - tip.offsetHeight - 4)) + 'px';
    }

    function hide() {
        shown = null;
        tip.hidden = true;
    }

    document.addEventListener('mouseover', function (e) {
        const node = e.target.closest && e.target.closest('.text');

        if (node && cut(node)) {
            show(node, [node.textContent]);
        } else if (shown && !tip.contains(e.target)) {
            hide();
        }
    });

    document.addEventListener('focusin', function (e) {
        if (e.target.matches('tr, a, button') && e.target.matches(
            ':focus-visible'))
        {
            show(e.target, [...e.target.querySelectorAll('.text')]
                           .filter(cut).map(n => n.textContent));
        } else {
            hide();
        }
    });

    document.addEventListener('focusout', hide);
    document.addEventListener('scroll', hide, true);
    document.addEventListener('keydown', function (e) {
        if (e.key === 'Escape') {
            hide();
        }
    }, true);
})();
