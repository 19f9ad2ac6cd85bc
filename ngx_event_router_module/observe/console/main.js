// Starts the page: asks who asks, for a token if that is wanted, and opens the
// view that the address names.

(function () {
    const state = document.getElementById('state');
    const main = document.getElementById('main');
    let asking = false;
    let started = false;
    let was = null;

    er.fill(document.getElementById('tools'), er.theme(),
        er.button('?', () => er.views.help(),
                  {class: 'icon', 'aria-label': 'Help: keys', title: 'Keys (?)'}));

    document.getElementById('skip').addEventListener('click', function (e) {
        e.preventDefault();
        main.focus();
    });

    er.api.refused = function (problem) {
        ask(problem);
    };

    er.live.onstate(function (what, problem) {
        if (what === was) {
            return;
        }

        if (what === 'away') {
            er.fill(state, er.mark('bad', 'no connection',
                                   problem.detail), ' ',
                    el('span', {class: 'soft'}, problem.away
                        ? 'nginx does not answer. This page tries again by '
                          + 'itself.' : problem.detail));
        } else {
            er.fill(state, er.mark('ok', 'live'));

            if (was === 'away') {
                er.toast('nginx is back.', 'ok');

                // what somebody works at stays as it is

                if (!document.querySelector('dialog[open], .panel, .chosen, '
                                            + 'main :is(input, select):focus'))
                {
                    er.views.again();
                }
            }
        }

        document.body.classList.toggle('away', what === 'away');
        was = what;
    });

    start();

    async function start() {
        try {
            await er.live.start();
        } catch (e) {
            if (!(e instanceof er.Problem)) {
                throw e;
            }

            if (!e.token) {
                failed(e);
            }

            return;
        }

        const me = er.live.now.me;

        er.fill(document.getElementById('who'),
            me.name ? er.text(me.name) : null,
            er.mark('plain', me.role === 'act' ? 'may act' : 'may look'));
        document.getElementById('brand').title = 'Event router ' + me.version
                                                 + ', nginx ' + me.nginx;
        document.body.classList.toggle('looks', !er.act);

        if (started) {
            er.views.again();
        } else {
            started = true;
            er.fill(main);
            er.views.start();
        }
    }

    function failed(e) {
        er.fill(main, el('section', {class: 'view empty'},
            el('h1', {}, e.away ? 'No connection'
                                   : 'The API does not let this page in'),
            er.said(e),
            el('p', {}, er.button('Try again', start,
                                     {class: 'primary'}))));
    }

    // in memory only: no storage, no cookie, no manager of passwords

    async function ask(problem) {
        if (asking) {
            return;
        }

        asking = true;

        const input = el('input', {type: 'password', id: 'token',
            autocomplete: 'off', spellcheck: 'false', autofocus: true,
            autocapitalize: 'off', required: true});

        er.fill(state, er.mark('idle', 'waits for a token'));
        was = null;

        await er.dialog.open({
            title: 'Token',
            stays: true,
            body: [
                el('p', {}, started || er.api.tried
                    ? 'The API did not take this token.'
                    : 'This console shows data to whoever has a token of '
                      + 'event_admin.'),
                er.dialog.field('Token', input,
                    'What is in the file that token=file: names. It is kept '
                    + 'in the memory of this page and forgotten with it.')
            ],
            buttons: [{
                label: 'Go on', kind: 'primary', value: true,
                check() {
                    return /^[\x21-\x7e]+$/.test(input.value.trim()) ? null
                        : 'A token is one word without blanks.';
                }
            }]
        });

        er.api.token(input.value.trim());
        er.api.tried = true;
        input.value = '';
        asking = false;
        start();
    }
})();
