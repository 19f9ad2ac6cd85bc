// The API below the page's own address, v1/.  Whoever asks gets JSON, or an
// er.Problem with the sentence that the API said.  The token is in a variable
// here and nowhere else: it is gone with the page.

er.Problem = class extends Error {
    constructor(status, title, detail) {
        super(detail || title);
        this.status = status;
        this.title = title;
        this.detail = detail || title;
    }

    // nginx was not reached
    get away() {
        return this.status === 0;
    }

    // a token is asked for, or another one
    get token() {
        return this.status === 401
               || (this.status === 403
                   && /Authorization: Bearer/.test(this.detail));
    }
};

(function () {
    const base = location.pathname.replace(/\/+$/, '') + '/v1/';
    let token = null;

    function address(path, args) {
        const query = new URLSearchParams();

        for (const [name, value] of Object.entries(args || {})) {
            if (value !== null && value !== undefined && value !== '') {
                query.set(name, value);
            }
        }

        const text = query.toString();

        return base + path + (text ? '?' + text : '');
    }

    async function send(method, path, args, options) {
        const headers = {Accept: 'application/json', ...options.headers};

        if (token !== null) {
            headers.Authorization = 'Bearer ' + token;
        }

        if (method === 'POST') {
            headers['X-Event-Admin'] = '1';
        }

        let answer;

        try {
            answer = await fetch(address(path, args), {
                method, headers, body: options.body, cache: 'no-store',
                credentials: 'same-origin', signal: options.signal
            });
        } catch (e) {
            throw options.signal && options.signal.aborted && !options.late
                ? e
                : new er.Problem(0, 'No answer', 'nginx does not answer');
        }

        if (!answer.ok) {
            throw await problem(answer, path);
        }

        return answer;
    }

    async function problem(answer, path) {
        let said;

        try {
            said = JSON.parse(await answer.text());
        } catch (e) {
            said = {};
        }

        if (said.detail === undefined && answer.status === 404) {
            said.detail = 'There is no API at ' + base + path + ': its '
                          + 'location must take what is below its address, '
                          + 'as "location /events/admin/ { event_admin; }" '
                          + 'does.';
        }

        const p = new er.Problem(answer.status,
                                 said.title || answer.statusText || 'Error',
                                 said.detail || 'The answer was '
                                                + answer.status + '.');

        if (p.token) {
            er.api.refused(p);
        }

        return p;
    }

    async function json(method, path, args, options) {
        const limit = new AbortController();
        const timer = setTimeout(() => { options.late = true; limit.abort(); },
                                 options.timeout);

        options.signal = limit.signal;

        try {
            return await (await send(method, path, args, options)).json();
        } catch (e) {
            throw e instanceof er.Problem ? e
                : new er.Problem(0, 'No answer', 'The answer of nginx ended '
                                                 + 'before it was whole');
        } finally {
            clearTimeout(timer);
        }
    }

    er.api = {
        base,

        get(path, args) {
            return json('GET', path, args, {timeout: 30000});
        },

        post(path, args, body, type) {
            return json('POST', path, args, {
                timeout: 600000, body,
                headers: body === undefined ? {}
                    : {'Content-Type': type || 'application/octet-stream'}
            });
        },

        // lines until it ends or is closed; onend gets the problem, or null

        tail(args, onrow, onend) {
            const control = new AbortController();
            let closed = false;

            (async function () {
                const answer = await send('GET', 'tail', args,
                                          {signal: control.signal});
                const reader = answer.body.getReader();
                const decoder = new TextDecoder();
                let rest = '';

                for (;;) {
                    const {done, value} = await reader.read();

                    if (done) {
                        return;
                    }

                    const lines = (rest + decoder.decode(value, {stream: true}))
                                  .split('\n');

                    rest = lines.pop();

                    for (const line of lines) {
                        if (line && !closed) {
                            onrow(JSON.parse(line));
                        }
                    }
                }
            })().then(() => null, e => e).then(function (e) {
                if (!closed && onend) {
                    onend(e === null || e instanceof er.Problem ? e
                          : new er.Problem(0, 'No answer', 'nginx does not '
                                                           + 'answer'));
                }
            });

            return {close() { closed = true; control.abort(); }};
        },

        // whoever asks for the token replaces this
        refused() {},

        token(text) {
            token = text;
        }
    };
})();
