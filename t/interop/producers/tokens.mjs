// Copyright (C) Event Router contributors

// Tokens as the producers make whose keys are in a key set, and what jose says
// of them.
//
//     node tokens.mjs make       lines of t/data/vectors/signatures.jsonl
//     node tokens.mjs check      reads such lines from its standard input,
//                                writes a JSON list: [ n, "valid" or "invalid" ]
//
// Each producer's rules are those of its documentation, in the words of jose:
// issuer, audience, algorithms and age; Plaid's token names a digest of the
// body.  t/tokens.t runs "check" over the vectors.

import { createHash } from 'node:crypto';
import { createRequire } from 'node:module';
import { SignJWT, exportSPKI, generateKeyPair, importSPKI, jwtVerify }
    from 'jose';

const NOW = 1790000000;
const HOST = 'https://hooks.example.com';
const version = createRequire(import.meta.url)('jose/package.json').version;

const digest = (body) => createHash('sha256').update(body).digest('hex');

const message = JSON.stringify({
    message: {
        attributes: { eventType: 'OBJECT_FINALIZE', bucketId: 'b' },
        data: 'eyJvcmRlciI6NDJ9', messageId: '2070443601311540',
        publishTime: '2026-09-21T14:13:17.292Z' },
    subscription: 'projects/p/subscriptions/hooks' });

const order = '{"id":"o-1","type":"order.paid","source":"shop","n":1}';

const item = JSON.stringify({ webhook_type: 'TRANSACTIONS',
    webhook_code: 'SYNC_UPDATES_AVAILABLE', item_id: 'wz666MBj',
    environment: 'production' });

const producers = {
    'google-pubsub': {
        alg: 'RS256', header: 'Authorization', bearer: true, body: message,
        claims: { aud: HOST + '/in/google-pubsub', azp: '113774264463038321964',
            email: 'push@p.iam.gserviceaccount.com', email_verified: true,
            iss: 'https://accounts.google.com', iat: NOW - 5, exp: NOW + 3595,
            sub: '113774264463038321964' },
        rules: { issuer: 'https://accounts.google.com' },
        source: 'Google Cloud, Authentication for push subscriptions',
        extract: { id: '2070443601311540', type: 'OBJECT_FINALIZE',
            tenant: 'projects/p/subscriptions/hooks',
            time: '2026-09-21T14:13:17.292Z' },
    },
    auth0: {
        alg: 'RS256', header: 'Authorization', bearer: true, body: order,
        claims: { iss: 'https://tenant.auth0.com/', sub: 'app@clients',
            aud: HOST, iat: NOW - 60, exp: NOW + 86340,
            gty: 'client-credentials' },
        rules: {},
        source: 'Auth0, Validate Access Tokens',
        extract: { id: 'o-1', type: 'order.paid', tenant: 'shop',
            time: null },
    },
    jwks: {
        alg: 'RS256', header: 'Authorization', bearer: true, body: order,
        claims: { iss: 'https://id.example/', aud: 'hooks', jti: 'j-1',
            iat: NOW - 1, exp: NOW + 60 },
        rules: {},
        source: 'RFC 7519',
        extract: { id: 'j-1', type: 'order.paid',
            tenant: 'https://id.example/', time: String(NOW - 1) },
    },
    plaid: {
        alg: 'ES256', header: 'Plaid-Verification', bearer: false, body: item,
        claims: { iat: NOW - 2, request_body_sha256: digest(item) },
        rules: { maxTokenAge: '5 minutes', clockTolerance: 5 },
        source: 'Plaid, Verify webhooks',
        extract: { id: NOW - 2 + '.' + digest(item),
            type: 'TRANSACTIONS.SYNC_UPDATES_AVAILABLE', tenant: 'wz666MBj',
            time: String(NOW - 2) },
    },
};


function token(v) {
    const p = producers[v.preset];
    const all = v.headers.filter((h) => h[0] === p.header);
    const value = all.length === 1 ? all[0][1] : '';

    return p.bearer ? value.replace(/^Bearer /, '') : value;
}


async function says(v) {
    const p = producers[v.preset];

    try {
        const key = await importSPKI(v.secret, p.alg);
        const { payload } = await jwtVerify(token(v), key, {
            algorithms: [ p.alg ], clockTolerance: 60, ...p.rules,
            currentDate: new Date(v.now * 1000) });

        return !payload.request_body_sha256
            || payload.request_body_sha256
               === digest(Buffer.from(v.body, 'base64')) ? 'valid' : 'invalid';

    } catch {
        return 'invalid';
    }
}


async function make() {
    let n = 0;

    for (const [ preset, p ] of Object.entries(producers)) {
        const pair = await generateKeyPair(p.alg, { extractable: true });
        const other = await generateKeyPair(p.alg);
        const secret = await exportSPKI(pair.publicKey);

        const sign = (claims, key = pair.privateKey, alg = p.alg) =>
            new SignJWT(claims).setProtectedHeader(
                { alg, kid: 'k-1', typ: 'JWT' }).sign(key);

        const good = await sign(p.claims);
        const old = { ...p.claims, iat: NOW - 90000 };

        if (p.claims.exp) {
            old.exp = NOW - 3600;
        }

        const cases = [
            [ 'signed as it is documented', good ],
            [ 'another key', await sign(p.claims, other.privateKey) ],
            [ 'too old', await sign(old) ],
            [ 'from the future', await sign({ ...p.claims, iat: NOW + 3600,
                nbf: NOW + 3600 }) ],
            [ 'a claim was changed', good.replace(/\.[^.]+\./, '.'
                + Buffer.from(JSON.stringify({ ...p.claims, x: 1 }))
                    .toString('base64url') + '.') ],
            [ 'HS256 keyed with the public key', await sign(p.claims,
                new TextEncoder().encode(secret), 'HS256') ],
            [ 'no signature', good.replace(/[^.]+$/, '') ],
        ];

        if (p.rules.issuer) {
            cases.push([ 'another issuer',
                await sign({ ...p.claims, iss: 'https://example.com' }) ]);
        }

        if (p.claims.request_body_sha256) {
            cases.push([ 'another body', good, p.body + ' ' ]);
        }

        for (const [ why, text, body = p.body ] of cases) {
            const v = {
                n: 'R' + String(++n).padStart(4, '0'), provider: preset,
                preset, kind: 'sdk', secret, method: 'POST',
                url: HOST + '/in/' + preset,
                headers: [ [ 'Content-Type', 'application/json' ],
                    [ p.header, (p.bearer ? 'Bearer ' : '') + text ] ],
                body: Buffer.from(body).toString('base64'), now: NOW };

            v.sdk_says = await says(v);
            v.expect = why === cases[0][0] ? 'valid' : 'invalid';
            v.why = why;
            v.source = p.source;
            v.sdk = `jose@${version} (MIT)`;

            if (v.expect === 'valid') {
                v.extract = p.extract;
            }

            console.log(JSON.stringify(v));
        }
    }
}


async function check() {
    const said = [];
    let input = '';

    for await (const chunk of process.stdin) {
        input += chunk;
    }

    for (const line of input.split('\n').filter(Boolean)) {
        const v = JSON.parse(line);

        said.push([ v.n, await says(v) ]);
    }

    console.log(JSON.stringify(said));
}


await (process.argv[2] === 'make' ? make() : check());
