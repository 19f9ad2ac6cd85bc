// What several views are made of: filters, facts of a thing, a panel beside
// the table, pages of a list, and the words of the API with their shapes.

(function () {
    // ---- where an event stands

    const states = {
        delivered: 'ok', pending: 'idle', dead: 'bad', failed: 'bad',
        unsent: 'warn', unrouted: 'warn', running: 'idle', done: 'ok',
        cancelling: 'warn', cancelled: 'warn'
    };

    er.state = (word, title) => er.mark(states[word] || 'plain', word, title);

    er.status = function (n, title) {
        return n === undefined || n === null ? null
            : n === 0 ? er.mark('bad', 'no answer', title)
            : er.mark(n < 300 ? 'ok' : n < 500 ? 'warn' : 'bad', String(n),
                      title);
    };

    er.link = function (view, params, label, attrs) {
        return el('a', {href: er.views.address(view, params),
                           ...attrs}, label);
    };

    // a button for who may act, and nothing for who may look

    er.acting = function (label, f, attrs) {
        return er.act ? er.button(label, f, attrs) : null;
    };

    // ---- names of nginx.conf, for fields

    er.names = function (noun) {
        const rows = er.live.now[noun] || er.live.now.config;

        return (rows && rows[noun] || []).map(row => row.name).sort();
    };

    er.target = name => (er.live.now.targets && er.live.now.targets.targets
                         || []).find(t => t.name === name);
    er.source = name => (er.live.now.sources && er.live.now.sources.sources
                         || []).find(s => s.name === name);
    er.conf = (noun, name) => (er.live.now.config && er.live.now.config[noun]
                               || []).find(row => row.name === name) || {};

    // ---- facts: names and values, each value touched only if it is another

    er.facts = function (names) {
        const node = el('dl', {class: 'facts'});
        const cells = {};

        for (const [name, title] of names) {
            const dd = el('dd');
            const pair = el('div', {hidden: true},
                               el('dt', {}, title), dd);

            cells[name] = {dd, pair, text: undefined};
            node.append(pair);
        }

        return {
            node,
            set(values) {
                for (const [name, cell] of Object.entries(cells)) {
                    const value = values[name];
                    const none = value === undefined || value === null
                                 || value === false;
                    const text = value instanceof Node
                        ? value.className + ' ' + value.textContent
                        : String(value);

                    cell.pair.hidden = none;

                    if (!none && cell.text !== text) {
                        cell.text = text;
                        er.fill(cell.dd, value);
                    }
                }
            }
        };
    };

    // a text of several lines, which the keyboard can scroll

    er.pre = (text, label) => el('pre', {tabindex: '0', role: 'group',
                                         'aria-label': label}, clean(text));

    er.place = (file, line) => file
        ? el('span', {class: 'code wrap'}, clean(file)
                         + (line ? ':' + line : '')) : null;

    // ---- a panel beside a table, closed with Esc; "at" is what the address
    // says while it is open, "from" what it says afterwards

    er.panel = function (o) {
        const title = el('h2', {tabindex: '-1'}, o.title);
        const back = document.activeElement;
        const node = el('aside', {class: 'panel', 'aria-label': o.label},
            el('div', {class: 'bar'}, title,
                  el('span', {class: 'grow'}),
                  er.button('\u00d7', close, {class: 'icon',
                                              'aria-label': 'Close'})),
            o.body);
        const stop = o.live ? er.live.on(o.live) : () => {};

        if (er.panel.open) {
            er.panel.open.close(true);
        }

        document.body.append(node);
        er.panel.open = {close, node};
        title.focus();

        if (o.at) {
            er.views.note(o.at);
        }

        if (o.live) {
            o.live(er.live.now);
        }

        document.addEventListener('keydown', key, true);

        return er.panel.open;

        function key(e) {
            if (e.key === 'Escape' && !document.querySelector('dialog[open]')) {
                e.preventDefault();
                e.stopPropagation();
                close();
            }
        }

        function close(quiet) {
            stop();
            document.removeEventListener('keydown', key, true);
            node.remove();
            er.panel.open = null;

            if (quiet !== true && o.at) {
                er.views.note(o.from || {});
            }

            if (o.onclose) {
                o.onclose();
            }

            if (quiet !== true && back && back.isConnected) {
                back.focus();
            }
        }
    };

    er.panel.open = null;

    // ---- filters: a form whose values are arguments of the API
    //
    // fields: {name, label, options, quiet, names: 'targets', time, search,
    // long, number}; change(values) is called with those that are not empty

    er.filters = function (fields, values, change) {
        const inputs = {};
        let serial = 0;
        const form = el('form', {class: 'filter', role: 'search',
                                    autocomplete: 'off'});

        for (const f of fields) {
            const value = values[f.name] || '';
            let input;
            let list = null;

            if (f.options) {
                input = er.select(f.quiet ? f.options
                                  : [['', 'any'], ...f.options], value);
            } else {
                input = el('input', {
                    type: f.time ? 'datetime-local' : f.search ? 'search'
                          : 'text',
                    step: f.time ? '1' : null,
                    inputmode: f.number ? 'numeric' : null,
                    placeholder: f.hint || null, spellcheck: 'false',
                    value: f.time ? zoned(value) : value
                });

                if (f.names) {
                    const id = 'list-' + f.name + '-' + ++serial;

                    list = el('datalist', {id}, er.names(f.names).map(
                        n => el('option', {value: n})));
                    input.setAttribute('list', id);
                }
            }

            inputs[f.name] = input;
            form.append(el('label', {class: 'field' + (f.long ? ' long'
                                                                 : '')},
                              el('span', {}, f.label), input, list));

            // of a text an Enter says that it is whole

            if ((f.options || f.time) && !f.quiet) {
                input.addEventListener('change', send);
            }
        }

        const more = er.button('All fields', function () {
            form.classList.toggle('whole');
            more.setAttribute('aria-expanded', form.classList.contains(
                'whole'));
        }, {class: 'folds', 'aria-expanded': 'false'});

        // a narrow window shows what is in use, and the rest on request

        fields.forEach(function (f, i) {
            if (i && !values[f.name]) {
                inputs[f.name].closest('label').classList.add('rest');
            }
        });

        form.append(el('div', {class: 'bar'},
            el('button', {type: 'submit', class: 'primary'}, 'Search'),
            more,
            er.button('Clear', function () {
                for (const input of Object.values(inputs)) {
                    input.value = '';
                }

                send();
            })));

        form.addEventListener('submit', function (e) {
            e.preventDefault();
            send();
        });

        return form;

        function send() {
            change(read());
        }

        function read() {
            const result = {};

            for (const f of fields) {
                const text = inputs[f.name].value.trim();

                if (text) {
                    result[f.name] = f.time ? new Date(text).toISOString()
                                     : text;
                }
            }

            return result;
        }

        // of the reader's zone, as the field wants it

        function zoned(text) {
            const date = text ? new Date(text) : null;

            return !date || isNaN(date) ? ''
                : new Date(date - date.getTimezoneOffset() * 60000)
                  .toISOString().slice(0, 19);
        }
    };

    // ---- a list of the API, a page at a time, below each other
    //
    // o: {path, args, rows: 'entries', table, limit, onrows}

    er.pages = function (o) {
        const more = er.button('More', () => load(true));
        const told = el('span', {class: 'soft', role: 'status'});
        let args = o.args;
        let rows = [];
        let next = null;
        let serial = 0;
        let begun = false;

        more.hidden = true;

        return {
            told,                      // above the table
            more,                      // and below
            load,
            get rows() { return rows; },
            get begun() { return begun; },
            get pages() { return rows.length > (o.limit || 50); },

            again(other) {
                args = other || args;
                return load(false);
            },

            // one of them is no more
            drop(test) {
                rows = rows.filter(row => !test(row));
                o.table.set(rows);
                say();
            }
        };

        async function load(further, quiet) {
            const now = ++serial;

            if (!quiet) {
                more.disabled = true;
                er.say(told, 'Looking\u2026');
            }

            try {
                let got = await er.api.get(o.path, {
                    limit: o.limit || 50, ...args,
                    after: further ? next : null
                });
                let found = got[o.rows];

                // a page may be empty and have a next one: so many were looked
                // at and did not fit

                for (let i = 0; !found.length && got.next && i < 20
                                && now === serial; i++)
                {
                    er.say(told, 'Looking further\u2026');
                    got = await er.api.get(o.path, {
                        limit: o.limit || 50, ...args, after: got.next
                    });
                    found = got[o.rows];
                }

                if (now !== serial) {
                    return;
                }

                begun = true;
                next = got.next;
                rows = further ? rows.concat(found) : found;
                o.table.set(rows);
                say();
            } catch (e) {
                if (!(e instanceof er.Problem)) {
                    throw e;
                }

                if (now === serial && !quiet) {
                    rows = further ? rows : [];
                    o.table.set(rows, true);
                    er.fill(told, er.said(e));
                }
            } finally {
                more.disabled = false;
            }
        }

        function say() {
            more.hidden = !next;
            er.say(told, rows.length ? fmt.count(rows.length)
                   + (next ? ' shown, there are more'
                           : rows.length === 1 ? ' in all' : ' in all')
                   : next ? 'None among those that were looked at; there '
                            + 'are more' : '');
        }
    };

    // ---- what is done with the rows that are selected

    er.chosen = function (buttons) {
        const count = el('span', {role: 'status'});
        const row = el('span', {class: 'bar'});
        const node = el('div', {class: 'bar chosen-bar', hidden: true},
                           count, row);

        er.add(row, [buttons()]);

        return {
            node,
            set(rows) {
                node.hidden = !rows.length;
                er.say(count, rows.length ? fmt.count(rows.length)
                                            + ' selected' : '');
            }
        };
    };

    er.debounce = function (f, ms) {
        let timer = null;

        return function () {
            clearTimeout(timer);
            timer = setTimeout(f, ms);
        };
    };
})();
