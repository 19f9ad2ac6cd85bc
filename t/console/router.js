// An nginx with the module for the tests of the console, in a folder of its
// own and on free ports of loopback, and the targets behind it.
//
//     const router = await Router.start({conf: Router.conf()});
//
//     router.answer.erp = {status: 503, body: 'no'};
//     await router.feed(100, i => ({id: 'e' + i, type: 'order'}));
//     await router.until('dead', () => ...);
//     await router.stop();
//
// What was started is ended by its process, also when the test dies.  A line
// of error.log at [crit] or above, or of a worker that died, fails stop().

'use strict';

const fs = require('fs');
const http = require('http');
const net = require('net');
const os = require('os');
const path = require('path');
const {spawn} = require('child_process');

const root = path.resolve(__dirname, '../..');
const module_ = process.env.TEST_NGINX_MODULE
    || path.join(root, 'build/gcc/ngx_http_event_router_module.so');
const nginx = process.env.TEST_NGINX_BINARY
    || ['/usr/sbin/nginx', '/usr/bin/nginx'].find(f => fs.existsSync(f));

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms));


// a port that is free now: two that are asked for at once are different ones

async function ports(n) {
    const servers = [];

    for (let i = 0; i < n; i++) {
        const server = net.createServer();

        await new Promise(resolve => server.listen(0, '127.0.0.1', resolve));
        servers.push(server);
    }

    const found = servers.map(s => s.address().port);

    await Promise.all(servers.map(s => new Promise(r => s.close(r))));

    return found;
}


class Router {

    // conf(router) is what stands in http; files are written beside nginx.conf

    static async start({conf, files = {}, workers = 1} = {}) {
        const router = new Router();

        try {
            await router._start(conf || Router.conf, files, workers);
        } catch (e) {
            await router.stop().catch(() => {});
            throw e;
        }

        return router;
    }

    constructor() {
        this.dir = fs.mkdtempSync(path.join(os.tmpdir(), 'event-router-'));
        this.answer = {};
        this.requests = {};
        this.tokens = {act: 'a'.repeat(16) + process.pid,
                       look: 'l'.repeat(16) + process.pid};
        this.agent = new http.Agent({keepAlive: true, maxSockets: 32});
        this.atexit = () => this._kill();
        process.on('exit', this.atexit);
    }

    // two sources, three targets, four routes; "more" goes into http

    static conf(router, more = '') {
        return `
    event_store    file:store size=512m;
    event_history  7d size=128m index=data.number;

    event_source shop {
        verify      off;
        delivery    queued;
        split       data;
        max_batch   10000;
        max_size    32m;
        id          "{item:id}" "{json:id}";
        type        "{item:type}" "{json:type}";
        subject     "{item:subject}" "{json:subject}";
        retain      1h;
        quarantine  24h;
    }

    event_source pay {
        verify      hmac-sha256;
        secret      file:secrets/pay;
        signed      "{body}";
        signature   header:X-Signature encoding=hex;
        id          "{json:id}";
        type        "{json:type}";
        quarantine  24h;
        expect      every=1h;
    }

    event_target erp {
        concurrency  64;
        retry        for=1h base=1s max=5s;
        breaker      off;
    }

    event_target crm {
        retry    for=1h base=5m max=5m;
        rate     1000r/s burst=1000;
        breaker  failures=3 open=1h max=1h;
    }

    event_target books {
        retry    for=1h base=1s max=5s;
    }

    event_route orders    { from shop; when type prefix order; to erp; }
    event_route customers { from shop; when type = customer; to crm; }
    event_route large     { from shop; when data.total >= 1000; to erp books; }
    event_route payments  { from pay; to books; }

    ${more}

    server {
        listen  127.0.0.1:${router.port};

        location = /hooks/shop     { event_receive shop; }
        location = /hooks/pay      { event_receive pay; }

        ${['erp', 'crm', 'books'].map(name => `
        location = /deliver/${name} {
            event_deliver  ${name};
            proxy_pass     http://127.0.0.1:${router.targets}/${name};
        }`).join('')}

        ${Router.doors()}
    }`;
    }

    // where people look

    static doors() {
        return `
        location /events/ {
            event_status;
            allow  127.0.0.1;
            deny   all;
        }

        location /events/admin/ {
            event_admin  token=file:secrets/look role=look name=reader
                         token=file:secrets/act  role=act  name=operator
                         reveal;
        }`;
    }

    async _start(conf, files, workers) {
        [this.port, this.targets] = await ports(2);
        this.url = `http://127.0.0.1:${this.port}`;
        this.admin = this.url + '/events/admin/';

        for (const name of ['logs', 'tmp', 'secrets']) {
            fs.mkdirSync(path.join(this.dir, name));
        }

        const secrets = {pay: 'secret-of-pay', ...this.tokens};

        for (const [name, text] of Object.entries(secrets)) {
            this.write('secrets/' + name, text, 0o600);
        }

        for (const [name, text] of Object.entries(files)) {
            this.write(name, text);
        }

        this._conf(conf, workers);
        await this._listen();
        await this.run();
    }

    _conf(conf, workers) {
        const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
            .map(name => `${name}_temp_path tmp/${name};`).join(' ');

        this.conf = conf;
        this.write('nginx.conf', [
            process.env.TEST_NGINX_STATIC ? '' : `load_module ${module_};`,
            process.getuid() === 0 ? 'user root;' : '',
            `daemon off; worker_processes ${workers}; pid nginx.pid;`,
            `error_log logs/error.log notice;`,
            `events { worker_connections 4096; }`,
            `http { access_log off; ${temp}`,
            `proxy_http_version 1.1; proxy_set_header Connection "";`,
            `client_body_buffer_size 32m; client_max_body_size 64m;`,
            `types_hash_max_size 1024;`,
            conf(this), '}', ''
        ].join('\n'));
    }

    write(name, text, mode) {
        const file = path.join(this.dir, name);

        fs.mkdirSync(path.dirname(file), {recursive: true});
        fs.writeFileSync(file, text, mode ? {mode} : {});
    }

    read(name) {
        try {
            return fs.readFileSync(path.join(this.dir, name), 'utf8');
        } catch (e) {
            return '';
        }
    }

    // the targets: answer[NAME] says what one answers, by default 200

    _listen() {
        this.server = http.createServer((request, response) => {
            const name = request.url.split(/[/?]/)[1];
            const a = this.answer[name] || {};

            this.requests[name] = (this.requests[name] || 0) + 1;

            const chunks = [];

            request.on('data', c => chunks.push(c));
            request.on('end', () => setTimeout(() => {
                if (this.seen) {
                    this.seen(name, Buffer.concat(chunks), request);
                }

                response.writeHead(a.status || 200,
                    {'Content-Type': 'application/json', ...a.headers});
                response.end(a.body === undefined ? '{"Success":true}'
                                                  : a.body);
            }, a.delay || 0));
        });

        this.server.keepAliveTimeout = 60000;

        return new Promise(resolve =>
            this.server.listen(this.targets, '127.0.0.1', resolve));
    }

    async run() {
        const out = fs.openSync(path.join(this.dir, 'logs/stderr.log'), 'a');

        this.nginx = spawn(nginx, ['-p', this.dir + '/', '-c',
            this.dir + '/nginx.conf', '-e', this.dir + '/logs/error.log'],
            {cwd: this.dir, stdio: ['ignore', out, out]});
        fs.closeSync(out);
        this.over = new Promise(resolve => this.nginx.on('exit', resolve));

        let died = false;

        this.over.then(() => { died = true; });

        await this.until('nginx comes up', () => {
            if (died) {
                throw new Error('nginx did not start:\n'
                                + this.read('logs/stderr.log')
                                + this.read('logs/error.log'));
            }

            return this._open();
        }, 60);
    }

    _open() {
        return new Promise(resolve => {
            const socket = net.connect(this.port, '127.0.0.1');

            socket.on('connect', () => { socket.destroy(); resolve(true); });
            socket.on('error', () => resolve(false));
        });
    }

    // the workers, which are the children of what was started

    workers() {
        return fs.readFileSync(
            `/proc/${this.nginx.pid}/task/${this.nginx.pid}/children`, 'utf8')
            .trim().split(' ').filter(Boolean).map(Number);
    }

    // for how long the workers and their threads have had a processor

    nanoseconds() {
        return this.workers().flatMap(pid => fs.readdirSync(
            `/proc/${pid}/task`).map(id => Number(fs.readFileSync(
            `/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0])))
            .reduce((sum, n) => sum + n, 0);
    }

    // ---- asking

    async ask(method, url, {headers = {}, body} = {}) {
        return new Promise((resolve, reject) => {
            const request = http.request(this.url + url,
                {method, headers, agent: this.agent}, answer => {
                    const chunks = [];

                    answer.on('data', c => chunks.push(c));
                    answer.on('error', reject);
                    answer.on('end', () => {
                        const text = Buffer.concat(chunks).toString();

                        resolve({status: answer.statusCode, text,
                                 headers: answer.headers,
                                 json: () => JSON.parse(text)});
                    });
                });

            request.setTimeout(60000, () => request.destroy(
                new Error(`no answer to ${method} ${url}`)));
            request.on('error', reject);
            request.end(body);
        });
    }

    // the API, as who may act

    async api(what, {method = 'GET', body, token = this.tokens.act} = {}) {
        const r = await this.ask(method, '/events/admin/v1/' + what, {
            headers: {Authorization: 'Bearer ' + token, 'X-Event-Admin': '1'},
            body
        });

        if (r.status >= 300) {
            throw new Error(`${method} v1/${what}: ${r.status} ${r.text}`);
        }

        return r.json();
    }

    act(what, body) {
        return this.api(what, {method: 'POST', body});
    }

    async post(url, body, headers = {}) {
        return this.ask('POST', url, {
            headers: {'Content-Type': 'application/json', ...headers},
            body: typeof body === 'string' ? body : JSON.stringify(body)
        });
    }

    // n events, a thousand in a body

    async feed(n, make, {url = '/hooks/shop', size = 1000} = {}) {
        for (let i = 0; i < n; i += size) {
            const some = [];

            for (let k = i; k < Math.min(i + size, n); k++) {
                some.push(make(k));
            }

            const body = some.length === 1 ? some[0] : some;
            let r = await this.post(url, body);

            // a backlog that is full: those that were taken are known by now

            for (let k = 0; r.status === 503 && k < 50; k++) {
                await sleep(100);
                r = await this.post(url, body);
            }

            if (r.status >= 300) {
                throw new Error(`feed: ${r.status} ${r.text.slice(0, 500)}`);
            }
        }
    }

    async until(what, f, seconds = 20) {
        const end = Date.now() + seconds * 1000;
        let last;

        while (Date.now() < end) {
            last = await f();

            if (last) {
                return last;
            }

            await sleep(50);
        }

        throw new Error(`${what}: not within ${seconds} s`);
    }

    // what a target has, pending and dead

    async has(name, what) {
        const queue = (await this.api('status')).queue.targets[name];

        return queue ? queue[what] : 0;
    }

    reload(conf) {
        if (conf) {
            this._conf(conf, 1);
        }

        process.kill(this.nginx.pid, 'SIGHUP');
    }

    // ---- the end

    _kill() {
        if (this.nginx && this.nginx.exitCode === null) {
            try {
                for (const pid of this.workers()) {
                    process.kill(pid, 'SIGKILL');
                }

                process.kill(this.nginx.pid, 'SIGKILL');
            } catch (e) {
                // it was gone
            }
        }
    }

    // nginx alone; run() starts it again

    async halt() {
        this.nginx.kill('SIGTERM');
        await Promise.race([this.over, sleep(10000)]);
        this._kill();
        await this.over;
    }

    async stop() {
        if (this.nginx) {
            await this.halt();
        }

        if (this.server) {
            this.server.close();
            this.server.closeAllConnections();
        }

        this.agent.destroy();
        process.removeListener('exit', this.atexit);

        const bad = this.read('logs/error.log').split('\n').filter(line =>
            /\[(?:crit|alert|emerg)\]|exited on signal/.test(line));

        if (!process.env.TEST_NGINX_LEAVE) {
            fs.rmSync(this.dir, {recursive: true, force: true});
        } else {
            console.log('# left in ' + this.dir);
        }

        if (bad.length) {
            throw new Error('error.log: ' + bad.slice(0, 5).join('\n'));
        }
    }
}


module.exports = {Router, ports, root, sleep};
