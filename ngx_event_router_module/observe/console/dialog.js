// Questions and answers: a dialog that holds the focus until it is closed, and
// short lines at the edge that a screen reader speaks.

(function () {
    let serial = 0;

    er.dialog = {
        open,
        confirm,
        problem,
        field
    };

    // buttons: [{label, value, kind, check() -> a sentence or null,
    // act() -> promise}]; resolves to the value of the button, null for Esc.
    // A button with "act" waits for it: what fails is told in the dialog,
    // which stays, as it does if there is no value.

    function open(o) {
        const title = 'dialog-' + ++serial;
        const told = el('div', {class: 'told', role: 'alert'});
        const back = document.activeElement;
        const near = back && back.closest('tr');
        const row = el('div', {class: 'buttons'});
        const form = el('form', {novalidate: true, autocomplete: 'off'},
            el('h2', {id: title}, o.title),
            el('div', {class: 'body'}, o.body), told, row);
        const dialog = el('dialog', {'aria-labelledby': title,
                                        class: o.class || null}, form);

        return new Promise(function (resolve) {
            let result = null;
            let busy = false;

            o.buttons.forEach(function (b, i) {
                row.append(el('button', {
                    type: i === o.buttons.length - 1 ? 'submit' : 'button',
                    class: b.kind || null,
                    on: i === o.buttons.length - 1 ? {}
                        : {click: () => press(b)}
                }, b.label));
            });

            form.addEventListener('submit', function (e) {
                e.preventDefault();
                press(o.buttons[o.buttons.length - 1]);
            });

            dialog.addEventListener('cancel', function (e) {
                if (o.stays || busy) {
                    e.preventDefault();
                }
            });

            dialog.addEventListener('close', function () {
                dialog.remove();

                if (o.onclose) {
                    o.onclose();
                }

                // or to the row, if that was drawn anew

                for (const node of [back, near]) {
                    if (node && node.isConnected) {
                        node.focus();
                        break;
                    }
                }

                resolve(result);
            });

            document.body.append(dialog);
            dialog.showModal();

            const first = dialog.querySelector('[autofocus], input, textarea,'
                                               + ' select');

            (first || row.lastChild).focus();

            if (o.onopen) {
                o.onopen({dialog, close, told});
            }

            function close(value) {
                result = value;
                dialog.close();
            }

            async function press(b) {
                if (busy) {
                    return;
                }

                const wrong = b.check ? b.check() : null;

                if (wrong) {
                    er.fill(told, el('p', {}, wrong));
                    return;
                }

                if (!b.act) {
                    close(b.value);
                    return;
                }

                busy = true;
                form.classList.add('busy');
                er.fill(told);
                lock(true);

                try {
                    const made = await b.act();

                    if (made !== undefined) {
                        close(made);
                    }
                } catch (e) {
                    if (!(e instanceof er.Problem)) {
                        throw e;
                    }

                    er.fill(told, said(e));
                } finally {
                    busy = false;
                    form.classList.remove('busy');
                    lock(false);
                }
            }

            function lock(on) {
                for (const button of row.children) {
                    button.disabled = on;
                }
            }
        });
    }

    // what the API said, in its words

    function said(e) {
        return el('p', {}, e.status ? el('b', {}, e.status + ' '
                                                        + e.title + ': ')
                                       : null,
                     clean(e.detail));
    }

    er.said = said;

    // asks before something is done: o.act() does it.  With "number" it must
    // be typed: what cannot be taken back is not done by a slip of the hand.

    function confirm(o) {
        const typed = o.number === undefined ? null : el('input', {
            type: 'text', inputmode: 'numeric', autocomplete: 'off',
            spellcheck: 'false', autofocus: true
        });

        return open({
            title: o.title,
            class: o.class,
            body: [
                o.body, typed ? el('label', {class: 'field'},
                    el('span', {}, 'Type ', el('b', {},
                        String(o.number)), ' to confirm'), typed) : null
            ],
            onopen: o.onopen,
            onclose: o.onclose,
            buttons: [
                {label: 'Cancel', value: null},
                {label: o.ok, kind: o.danger ? 'danger' : 'primary',
                 act: o.act,
                 check() {
                     if (typed && typed.value.trim() !== String(o.number)) {
                         typed.focus();
                         return 'Type the number ' + o.number
                                + ' to confirm it.';
                     }

                     return o.check ? o.check() : null;
                 }}
            ]
        });
    }

    function problem(title, e) {
        return open({title, body: said(e),
                     buttons: [{label: 'Close', value: null}]});
    }

    // a labelled field of a form: input, select or textarea

    function field(label, input, help) {
        return el('label', {class: 'field'}, el('span', {}, label), input,
                     help ? el('small', {}, help) : null);
    }

    er.select = function (options, value, attrs) {
        return el('select', attrs, options.map(o => {
            const [v, text] = Array.isArray(o) ? o : [o, o];

            return el('option', {value: v, selected: v === value},
                         clean(text));
        }));
    };

    er.toast = function (text, kind) {
        const node = el('div', {class: 'toast ' + (kind || '')},
            el('span', {}, clean(text)),
            er.button('\u00d7', () => node.remove(),
                      {class: 'icon', 'aria-label': 'Dismiss'}));

        document.getElementById('toasts').append(node);
        setTimeout(() => node.remove(), kind === 'bad' ? 20000 : 6000);
    };
})();
