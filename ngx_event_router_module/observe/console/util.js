// What every part of the page stands on: elements, which are built of nodes
// and texts and never of HTML, and numbers, times and texts as people read
// them.

// ---- elements

er.add = function (node, children) {
    for (const child of children.flat(Infinity)) {
        if (child !== null && child !== undefined && child !== false) {
            node.append(child instanceof Node ? child : String(child));
        }
    }

    return node;
};

er.attrs = function (node, attrs) {
    for (const [name, value] of Object.entries(attrs || {})) {
        if (name === 'on') {
            for (const [type, f] of Object.entries(value)) {
                node.addEventListener(type, f);
            }
        } else if (name === 'value' || name === 'checked') {
            node[name] = value;
        } else if (value !== null && value !== undefined && value !== false) {
            node.setAttribute(name, value === true ? '' : value);
        }
    }

    return node;
};

er.el = function (tag, attrs, ...children) {
    return er.add(er.attrs(document.createElement(tag), attrs), children);
};

// short names of what is written most

const el = er.el;

er.svg = function (tag, attrs, ...children) {
    const node = document.createElementNS('http://www.w3.org/2000/svg', tag);

    return er.add(er.attrs(node, attrs), children);
};

// what had the focus within hands it on to what is in its place

er.fill = function (node, ...children) {
    const held = node !== document.activeElement
                 && node.contains(document.activeElement);

    node.replaceChildren();
    er.add(node, children);

    const next = held && node.querySelector('button, a[href], input');

    if (next) {
        next.focus({preventScroll: true});
    }

    return node;
};

// sets a text only if it is another one: nothing flickers, nothing is read
// aloud twice

er.say = function (node, text) {
    if (node.textContent !== text) {
        node.textContent = text;
    }
};

er.button = function (label, f, attrs) {
    return el('button', {type: 'button', on: {click: f}, ...attrs}, label);
};

// ---- texts of events and targets, which may be anything

// what turns the direction of writing, or is not seen, is shown as its code

const strange = new RegExp('[' + [
    '\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f\\u061c\\u200b-\\u200f',
    '\\u2028-\\u202e\\u2060-\\u206f\\ufeff\\u{e0000}-\\u{e007f}'
].join('') + ']', 'gu');

er.clean = function (text) {
    return String(text).replace(strange, c =>
        '\\u' + c.codePointAt(0).toString(16).padStart(4, '0'));
};

const clean = er.clean;

// one line, cut where there is no room; the whole is in its tip

er.text = function (text, attrs) {
    if (text === null || text === undefined || text === '') {
        return el('span', {class: 'none'}, '\u2013');
    }

    const extra = attrs && attrs.class ? ' ' + attrs.class : '';

    return el('span', {...attrs, class: 'text' + extra},
                 clean(text));
};

er.code = function (text) {
    return er.text(text, {class: 'code'});
};

// ---- numbers

(function () {
    const whole = new Intl.NumberFormat('en-GB');

    function unit(n, name) {
        return n + '\u00a0' + name;
    }

    function decimals(n) {
        return n < 9.95 ? n.toFixed(1).replace(/\.0$/, '') : String(Math.round(n));
    }

    er.fmt = {
        // a limit of so many an hour, as nginx.conf says it

        limit(n) {
            const [per, unit] = n % 3600 === 0 ? [3600, '/s']
                              : n % 60 === 0 ? [60, '/min'] : [1, '/h'];

            return this.count(n / per) + unit;
        },

        count(n) {
            return n === null || n === undefined ? '\u2013' : whole.format(n);
        },

        // so many a second
        rate(n) {
            if (n === null || n === undefined) {
                return '\u2013';
            }

            return (n < 0.05 ? '0' : n < 9950 ? decimals(n)
                    : decimals(n / 1000) + 'k') + '/s';
        },

        ms(n) {
            if (n === null || n === undefined) {
                return '\u2013';
            }

            return n < 1000 ? unit(Math.round(n), 'ms')
                   : n < 60000 ? unit(decimals(n / 1000), 's')
                   : fmt.seconds(n / 1000);
        },

        seconds(n) {
            if (n === null || n === undefined) {
                return '\u2013';
            }

            n = Math.floor(n);

            const two = (big, large, rest, small) =>
                unit(big, large) + (rest ? ' ' + unit(rest, small) : '');

            return n < 60 ? unit(n, 's')
                   : n < 3600 ? two(Math.floor(n / 60), 'min', n % 60, 's')
                   : n < 86400 ? two(Math.floor(n / 3600), 'h',
                                     Math.floor(n % 3600 / 60), 'min')
                   : two(Math.floor(n / 86400), 'd',
                         Math.floor(n % 86400 / 3600), 'h');
        },

        bytes(n) {
            if (n === null || n === undefined) {
                return '\u2013';
            }

            return n < 1024 ? unit(n, 'B')
                   : n < 1048576 ? unit(decimals(n / 1024), 'KB')
                   : n < 1073741824 ? unit(decimals(n / 1048576), 'MB')
                   : unit(decimals(n / 1073741824), 'GB');
        },

        // "14:03:22", of another day with it; UTC and all digits in the title
        clock(date, ms) {
            const pad = (n, len) => String(n).padStart(len || 2, '0');
            const now = new Date();
            const day = date.toDateString() === now.toDateString() ? ''
                : date.toLocaleDateString('en-GB', {
                    day: 'numeric', month: 'short',
                    ...(date.getFullYear() === now.getFullYear()
                        ? {} : {year: 'numeric'})}) + ' ';

            return day + pad(date.getHours()) + ':' + pad(date.getMinutes())
                   + ':' + pad(date.getSeconds())
                   + (ms ? '.' + pad(date.getMilliseconds(), 3) : '');
        },

        time(text, ms) {
            const date = text ? new Date(text) : null;

            if (!date || isNaN(date)) {
                return el('span', {class: 'none'}, '\u2013');
            }

            return el('time', {datetime: text, title: text.replace('T', ' ')
                                                         .replace('Z', ' UTC')},
                         fmt.clock(date, ms));
        }
    };
})();

er.ago = function (text, now) {
    const ms = new Date(now || Date.now()) - new Date(text);

    return isNaN(ms) ? '\u2013' : fmt.seconds(Math.max(0, ms / 1000));
};

const fmt = er.fmt;

// ---- a word with a shape, so that nobody needs its colour

er.mark = function (kind, word, title) {
    return el('span', {class: 'mark ' + kind, title}, word);
};

// ---- light, dark, or as the system has it; forgotten with the page

(function () {
    const dark = matchMedia('(prefers-color-scheme: dark)');
    let now = 'auto';

    dark.addEventListener('change', set);
    set();

    function set() {
        document.documentElement.dataset.theme =
            now !== 'auto' ? now : dark.matches ? 'dark' : 'light';
        document.dispatchEvent(new Event('theme'));
    }

    er.theme = function () {
        const words = {auto: 'Theme: as the system', light: 'Theme: light',
                       dark: 'Theme: dark'};
        const button = er.button('\u25d0', function () {
            now = {auto: 'light', light: 'dark', dark: 'auto'}[now];
            set();
            show();
        }, {class: 'icon'});

        function show() {
            button.setAttribute('aria-label', words[now]);
            button.title = words[now];
        }

        show();

        return button;
    };
})();
