// Copyright (C) Event Router contributors

// Requests as producers sign them, and what the producers' own libraries say of
// them.
//
//     node producers.mjs make              lines of signatures.jsonl
//     node producers.mjs check             reads such lines from its standard
//                                          input, writes a JSON list:
//                                          [ n, "valid" or "invalid" ]
//
// A producer without a library (sdk: null) is signed as its documentation says,
// which "source" names.  QuickBooks has its library in Python: PYTHON says which
// python3 has it.  t/vendors.t runs "check" over the vectors.

import { execFileSync } from 'node:child_process';
import { createHmac, createHash } from 'node:crypto';
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
const NOW = 1790000000;
const HOST = 'https://hooks.example.com';
const BODY = 'the SHA-256 of the body';


// ---- the clock of the libraries is the vector's

const RealDate = Date;
let clock = NOW * 1000;

globalThis.Date = class extends RealDate {
    constructor(...args) {
        super(...(args.length ? args : [ clock ]));
    }

    static now() {
        return clock;
    }
};


const mac = (secret, text, encoding = 'hex', algorithm = 'sha256') =>
    createHmac(algorithm, secret).update(text).digest(encoding);

const of = (v, name) => (v.headers.find(
    (h) => h[0].toLowerCase() === name.toLowerCase()) || [])[1];

const lower = (v) => Object.fromEntries(
    v.headers.map((h) => [ h[0].toLowerCase(), h[1] ]));

const bytes = (v) => Buffer.from(v.body, 'base64');
const text = (v) => bytes(v).toString('utf8');


// a library that throws says no

async function says(f) {
    try {
        const answer = await f();
        return answer === false || answer === null ? 'invalid' : 'valid';

    } catch {
        return 'invalid';
    }
}

const any = (v, f) => [].concat(v.secret).reduce(async (said, secret) =>
    await said === 'valid' ? 'valid' : says(() => f(secret)), 'invalid');


// Standard Webhooks, with the headers' prefix, by the library that all of
// these have inside

function standard(prefix, key = (s) => s.replace('whsec_', '')) {
    return {
        unit: 's', tolerance: 300, list: true, prefix: 'v1,',
        sign: (secret, body, ts, id) => {
            const { Webhook } = require('standardwebhooks');
            const signature = new Webhook(key(secret))
                .sign(id, new RealDate(ts * 1000), body);

            return [ [ `${prefix}-id`, id ],
                     [ `${prefix}-timestamp`, String(ts) ],
                     [ `${prefix}-signature`, signature ] ];
        }
    };
}


// ---- producers: how they sign, two events and what is found in them

const producers = {

    asana: {
        sdk: null,
        source: 'developers.asana.com webhooks guide, "security"',
        secret: 'b537207f20cbfa02357cf448134da559',
        other: '9f3b5cf1f1b04c1d8d9a6bb6d47f2f11',
        sign: (secret, body) => [ [ 'X-Hook-Signature', mac(secret, body) ] ],
        events: [
            [ { events: [ { user: { gid: '12', resource_type: 'user' },
                            resource: { gid: '1200', resource_type: 'task' },
                            parent: null, action: 'changed',
                            created_at: '2026-09-21T14:13:17.000Z' } ] },
              { id: BODY, type: 'task.changed', tenant: '1200',
                time: '2026-09-21T14:13:17.000Z' } ],
            [ { events: [ { resource: { gid: '7', resource_type: 'story' },
                            action: 'added',
                            created_at: '2026-09-21T14:13:18.000Z',
                            text: 'Grüße' },
                          { resource: { gid: '8', resource_type: 'task' },
                            action: 'deleted',
                            created_at: '2026-09-21T14:13:19.000Z' } ] },
              { id: BODY, type: 'story.added', tenant: '7',
                time: '2026-09-21T14:13:18.000Z' } ] ]
    },

    box: {
        sdk: 'box-node-sdk', unit: 'rfc3339', tolerance: 600,
        source: 'WebhooksManager.validateMessage() of the SDK',
        secret: 'SamplePrimaryKey', other: 'SampleSecondaryKey',
        sign: (secret, body, ts) => [
            [ 'BOX-DELIVERY-ID', 'f96bb54b-ee16-4fc5-aa65-8c2d9e5b546f' ],
            [ 'BOX-DELIVERY-TIMESTAMP', ts ],
            [ 'BOX-SIGNATURE-ALGORITHM', 'HmacSHA256' ],
            [ 'BOX-SIGNATURE-VERSION', '1' ],
            [ 'BOX-SIGNATURE-PRIMARY', createHmac('sha256', secret)
                .update(body).update(ts).digest('base64') ] ],
        check: (v) => any(v, (secret) => {
            const { WebhooksManager } = require('box-node-sdk/managers/webhooks');

            return WebhooksManager.validateMessage(text(v), lower(v), secret);
        }),
        events: [
            [ { type: 'webhook_event', id: 'eb0c4e06-751f-442c-86f8-fd5bb404dbec',
                created_at: '2026-09-21T07:13:17-07:00',
                trigger: 'FILE.UPLOADED',
                webhook: { id: '53', type: 'webhook' },
                source: { id: '73835521473', type: 'file' } },
              { id: 'eb0c4e06-751f-442c-86f8-fd5bb404dbec',
                type: 'FILE.UPLOADED', tenant: '53',
                time: '2026-09-21T07:13:17-07:00' } ],
            [ { type: 'webhook_event', id: '0f4ac2f5', trigger: 'FILE.TRASHED',
                created_at: '2026-09-21T07:13:18-07:00',
                webhook: { id: '54', type: 'webhook' } },
              { id: '0f4ac2f5', type: 'FILE.TRASHED', tenant: '54',
                time: '2026-09-21T07:13:18-07:00' } ] ]
    },

    chargebee: {
        sdk: 'chargebee', token: true,
        source: 'basicAuthValidator() of the SDK',
        secret: 'hooks:s3cr:et-0123456789', other: 'hooks:another-0123456789',
        sign: (secret) => [ [ 'Authorization', 'Basic '
            + Buffer.from(secret).toString('base64') ] ],
        check: (v) => any(v, async (secret) => {
            const { basicAuthValidator } = await import('chargebee');
            const colon = secret.indexOf(':');

            await basicAuthValidator((name, password) =>
                name === secret.slice(0, colon)
                && password === secret.slice(colon + 1))(lower(v));
        }),
        events: [
            [ { id: 'ev_16BHbhF4s42tO2lK', occurred_at: 1789999997,
                source: 'admin_console', object: 'event', api_version: 'v2',
                event_type: 'subscription_created', webhook_status: 'scheduled',
                content: { subscription: { id: 's1', customer_id: 'c1' },
                           customer: { id: 'c1' } } },
              { id: 'ev_16BHbhF4s42tO2lK', type: 'subscription_created',
                tenant: 'c1', time: '1789999997' } ],
            [ { id: 'ev_2', occurred_at: 1789999998, object: 'event',
                event_type: 'customer_changed',
                content: { customer: { id: 'c2', first_name: 'Jörg' } } },
              { id: 'ev_2', type: 'customer_changed', tenant: 'c2',
                time: '1789999998' } ] ]
    },

    clerk: {
        sdk: '@clerk/backend',
        source: 'verifyWebhook() of the SDK',
        secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        other: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD',
        ...standard('svix'),
        check: (v) => any(v, async (secret) => {
            const { verifyWebhook } = await import('@clerk/backend/webhooks');

            return verifyWebhook(new Request(v.url, { method: 'POST',
                headers: v.headers, body: bytes(v) }),
                { signingSecret: secret });
        }),
        events: [
            [ { data: { id: 'user_29w83sxmDNGwOuEthce5gg56FcC', object: 'user',
                        first_name: 'Zoë' },
                instance_id: 'ins_1', object: 'event',
                timestamp: 1789999997123, type: 'user.created' },
              { id: 'msg_clerk', type: 'user.created', tenant: 'ins_1',
                time: '1789999997123' } ],
            [ { data: { id: 'sess_1', object: 'session' }, object: 'event',
                instance_id: 'ins_2', timestamp: 1789999998123,
                type: 'session.ended' },
              { id: 'msg_clerk', type: 'session.ended', tenant: 'ins_2',
                time: '1789999998123' } ] ]
    },

    easypost: {
        sdk: '@easypost/api', prefix: 'hmac-sha256-hex=',
        source: 'Utils.validateWebhook() of the SDK',
        secret: 'easypost-secret', other: 'easypost-secret-2',
        sign: (secret, body) => [ [ 'X-Hmac-Signature',
            `hmac-sha256-hex=${mac(secret.normalize('NFKD'), body)}` ] ],
        check: (v) => any(v, async (secret) => {
            const { default: Client } = await import('@easypost/api');

            return new Client('EZTK0123456789').Utils.validateWebhook(bytes(v),
                lower(v), secret);
        }),
        events: [
            [ { id: 'evt_1', object: 'Event', mode: 'production',
                description: 'tracker.updated', user_id: 'user_1',
                created_at: '2026-09-21T14:13:17Z', status: 'pending',
                result: { id: 'trk_1', status: 'delivered' } },
              { id: 'evt_1', type: 'tracker.updated', tenant: 'user_1',
                time: '2026-09-21T14:13:17Z' } ],
            [ { id: 'evt_2', object: 'Event', description: 'batch.created',
                user_id: 'user_1', created_at: '2026-09-21T14:13:18Z',
                result: { id: 'batch_1', reference: '✓' } },
              { id: 'evt_2', type: 'batch.created', tenant: 'user_1',
                time: '2026-09-21T14:13:18Z' } ] ]
    },

    gitea: {
        sdk: null,
        source: 'github:go-gitea/gitea services/webhook/deliver.go',
        secret: 'gitea-secret', other: 'forgejo-secret',
        sign: (secret, body) => [
            [ 'X-Gitea-Delivery', 'f6266f16-1bf3-46a5-9ea4-602e06ead473' ],
            [ 'X-Gitea-Event', JSON.parse(body).action ? 'issues' : 'push' ],
            [ 'X-Hub-Signature-256', `sha256=${mac(secret, body)}` ],
            [ 'X-Gitea-Signature', mac(secret, body) ] ],
        events: [
            [ { ref: 'refs/heads/main', before: '28e1879d', after: 'bffeb742',
                commits: [ { id: 'bffeb742', message: 'Webhooks ✓' } ],
                repository: { id: 140, full_name: 'gitea/webhooks' } },
              { id: 'f6266f16-1bf3-46a5-9ea4-602e06ead473', type: 'push',
                tenant: 'gitea/webhooks', time: null } ],
            [ { action: 'closed', number: 1,
                repository: { id: 140, full_name: 'gitea/webhooks' } },
              { id: 'f6266f16-1bf3-46a5-9ea4-602e06ead473',
                type: 'issues.closed', tenant: 'gitea/webhooks',
                time: null } ] ]
    },

    gocardless: {
        sdk: 'gocardless-nodejs',
        source: 'webhooks.parse() of the SDK',
        secret: 'ED7D658C-D8EB-4941-948B-3973214F2D49', other: 'gc-secret-2',
        sign: (secret, body) => [ [ 'Webhook-Signature', mac(secret, body) ] ],
        check: (v) => any(v, (secret) => require('gocardless-nodejs')
            .parse(text(v), secret, of(v, 'webhook-signature'))),
        events: [
            [ { events: [ { id: 'EV00BD05S5VM2T', resource_type: 'payments',
                            created_at: '2026-09-21T14:13:17.000Z',
                            action: 'confirmed',
                            links: { payment: 'PM1', organisation: 'OR1' } },
                          { id: 'EV00BD05TB8K63', resource_type: 'mandates',
                            created_at: '2026-09-21T14:13:18.000Z',
                            action: 'cancelled',
                            links: { mandate: 'MD1' } } ],
                meta: { webhook_id: 'WB001Z76TAF0S0' } },
              { id: 'EV00BD05S5VM2T', type: 'payments.confirmed',
                tenant: 'OR1', time: '2026-09-21T14:13:17.000Z' } ],
            [ { events: [ { id: 'EV3', created_at: '2026-09-21T14:13:19.000Z',
                            resource_type: 'payouts', action: 'paid',
                            links: { payout: 'PO1' },
                            details: { description: 'Überweisung' } } ],
                meta: { webhook_id: 'WB2' } },
              { id: 'EV3', type: 'payouts.paid', tenant: null,
                time: '2026-09-21T14:13:19.000Z' } ] ]
    },

    jira: {
        sdk: null, prefix: 'sha256=',
        source: 'developer.atlassian.com/cloud/jira/platform/webhooks, '
                + '"secure admin webhooks"',
        secret: "It's a Secret to Everybody", other: 'jira-secret-2',
        sign: (secret, body) => [
            [ 'X-Atlassian-Webhook-Identifier', '5e4a1d2b' ],
            [ 'X-Hub-Signature', `sha256=${mac(secret, body)}` ] ],
        events: [
            [ { timestamp: 1789999997000, webhookEvent: 'jira:issue_updated',
                issue_event_type_name: 'issue_generic',
                issue: { id: '10002', key: 'EX-1',
                         fields: { summary: 'Größe' } } },
              { id: '5e4a1d2b', type: 'jira:issue_updated', tenant: 'EX-1',
                time: '1789999997000' } ],
            [ { timestamp: 1789999998000, webhookEvent: 'project_created',
                project: { key: 'NEW' } },
              { id: '5e4a1d2b', type: 'project_created', tenant: 'NEW',
                time: '1789999998000' } ] ]
    },

    klaviyo: {
        sdk: null, unit: 'http', tolerance: 0,
        source: 'developers.klaviyo.com working_with_system_webhooks',
        secret: 'klaviyo-secret-0123', other: 'klaviyo-secret-4567',
        sign: (secret, body, ts) => [
            [ 'Klaviyo-Webhook-Id', '01KP4928STE8FKCWB6WDHZ4ZB7' ],
            [ 'Klaviyo-Timestamp', ts ],
            [ 'Klaviyo-Signature', createHmac('sha256', secret)
                .update(body).update(ts).digest('hex') ] ],
        events: [
            [ { data: [ { external_id: '4vRpBT', topic: 'event:klaviyo.opened_email',
                          payload: { data: { type: 'event', attributes: {
                              datetime: '2026-09-21T14:13:17+00:00' } } } } ],
                meta: { timestamp: '2026-09-21T14:13:19+00:00',
                        klaviyo_webhook_id: '01KP4928STE8FKCWB6WDHZ4ZB7' } },
              { id: '4vRpBT', type: 'event:klaviyo.opened_email',
                tenant: '01KP4928STE8FKCWB6WDHZ4ZB7',
                time: '2026-09-21T14:13:17+00:00' } ],
            [ { data: [ { external_id: 'e1', topic: 'event:klaviyo.sent_sms' },
                        { external_id: 'e2', topic: 'event:klaviyo.sent_sms' } ],
                meta: { timestamp: '2026-09-21T14:13:20+00:00', note: 'ÿ' } },
              { id: 'e1', type: 'event:klaviyo.sent_sms',
                tenant: '01KP4928STE8FKCWB6WDHZ4ZB7',
                time: '2026-09-21T14:13:20+00:00' } ] ]
    },

    lemonsqueezy: {
        sdk: null,
        source: 'docs.lemonsqueezy.com/help/webhooks/signing-requests',
        secret: 'lemon-secret', other: 'lemon-secret-2',
        sign: (secret, body) => [
            [ 'X-Event-Name', JSON.parse(body).meta.event_name ],
            [ 'X-Signature', mac(secret, body) ] ],
        events: [
            [ { meta: { event_name: 'subscription_created',
                        custom_data: { user: 'Zoë' } },
                data: { type: 'subscriptions', id: '1',
                        attributes: { store_id: 2, status: 'active',
                            updated_at: '2026-09-21T14:13:17.000000Z' } } },
              { id: 'subscriptions.1', type: 'subscription_created',
                tenant: '2', time: '2026-09-21T14:13:17.000000Z' } ],
            [ { meta: { event_name: 'subscription_updated' },
                data: { type: 'subscriptions', id: '1',
                        attributes: { store_id: 2, status: 'cancelled',
                            updated_at: '2026-09-21T14:13:18.000000Z' } } },
              { id: 'subscriptions.1', type: 'subscription_updated',
                tenant: '2', time: '2026-09-21T14:13:18.000000Z' } ] ]
    },

    livekit: {
        sdk: 'livekit-server-sdk', type: 'application/webhook+json',
        source: 'AccessToken and WebhookReceiver of the SDK',
        secret: 'livekit-secret-of-32-bytes-012345',
        other: 'another-secret-of-32-bytes-012345',
        sign: async (secret, body) => {
            const { AccessToken } = await import('livekit-server-sdk');
            const token = new AccessToken('APIkey', secret, { ttl: 300 });

            token.sha256 = createHash('sha256').update(body).digest('base64');

            return [ [ 'Authorization', await token.toJwt() ] ];
        },
        check: (v) => any(v, async (secret) => {
            const { WebhookReceiver } = await import('livekit-server-sdk');

            return new WebhookReceiver('APIkey', secret).receive(text(v),
                of(v, 'authorization'));
        }),
        events: [
            [ { event: 'room_started', room: { sid: 'RM_1', name: 'blue' },
                id: 'EV_eugWmGhovZmm', createdAt: '1789999997' },
              { id: 'EV_eugWmGhovZmm', type: 'room_started', tenant: 'blue',
                time: '1789999997' } ],
            [ { event: 'participant_joined', room: { name: 'blau' },
                participant: { identity: 'Jörg' }, id: 'EV_2',
                createdAt: '1789999998' },
              { id: 'EV_2', type: 'participant_joined', tenant: 'blau',
                time: '1789999998' } ] ]
    },

    mux: {
        sdk: '@mux/mux-node', unit: 's', tolerance: 300, element: 't=',
        prefix: 'v1=', list: true,
        source: 'webhooks.verifySignature() of the SDK',
        secret: 'SuperSecret123', other: 'mux-secret-2',
        sign: (secret, body, ts) => [ [ 'Mux-Signature',
            `t=${ts},v1=${mac(secret, Buffer.concat([ Buffer.from(`${ts}.`),
                                                      body ]))}` ] ],
        check: (v) => any(v, async (secret) => {
            const { default: Mux } = await import('@mux/mux-node');

            return new Mux({ tokenId: 'x', tokenSecret: 'x' }).webhooks
                .verifySignature(text(v), lower(v), secret);
        }),
        events: [
            [ { type: 'video.asset.ready', id: '3a56ac3d-33da-4366-855b-f592d898409d',
                created_at: '2026-09-21T14:13:17.123Z', object: { type: 'asset',
                id: '0201p02fGKPE7' }, environment: { name: 'Demo', id: 'j0863n' },
                data: { title: 'naïve' } },
              { id: '3a56ac3d-33da-4366-855b-f592d898409d',
                type: 'video.asset.ready', tenant: 'j0863n',
                time: '2026-09-21T14:13:17.123Z' } ],
            [ { type: 'video.asset.deleted', id: '2', environment: { id: 'e2' },
                created_at: '2026-09-21T14:13:18.000Z' },
              { id: '2', type: 'video.asset.deleted', tenant: 'e2',
                time: '2026-09-21T14:13:18.000Z' } ] ]
    },

    notion: {
        sdk: '@notionhq/client', prefix: 'sha256=',
        source: 'signWebhookPayload() and verifyWebhookSignature() of the SDK',
        secret: 'secret_tMrlL1qK5vuQAh1b6cZGhFChZTSYJlce98V0pYn7yBl',
        other: 'secret_another-0123456789',
        sign: async (secret, body) => {
            const { signWebhookPayload } = require('@notionhq/client');

            return [ [ 'X-Notion-Signature', await signWebhookPayload({ body,
                verificationToken: secret }) ] ];
        },
        check: (v) => any(v, (secret) => {
            const { verifyWebhookSignature } = require('@notionhq/client');

            return verifyWebhookSignature({ body: bytes(v),
                signature: of(v, 'x-notion-signature'),
                verificationToken: secret });
        }),
        events: [
            [ { id: '367cba44-b6f3-4c92-81e7-6a2e9659efd4',
                timestamp: '2026-09-21T14:13:17.123Z',
                workspace_id: '13950b26', workspace_name: 'Quantify ✓',
                type: 'page.content_updated', attempt_number: 1,
                entity: { id: '153104cd', type: 'page' } },
              { id: '367cba44-b6f3-4c92-81e7-6a2e9659efd4',
                type: 'page.content_updated', tenant: '13950b26',
                time: '2026-09-21T14:13:17.123Z' } ],
            [ { id: '2', timestamp: '2026-09-21T14:13:18.000Z',
                workspace_id: 'w2', type: 'comment.created',
                attempt_number: 2 },
              { id: '2', type: 'comment.created', tenant: 'w2',
                time: '2026-09-21T14:13:18.000Z' } ] ]
    },

    openai: {
        sdk: 'openai',
        source: 'webhooks.verifySignature() of the SDK',
        secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        other: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD',
        ...standard('webhook'),
        check: (v) => any(v, async (secret) => {
            const { default: OpenAI } = await import('openai');

            return new OpenAI({ apiKey: 'x' }).webhooks
                .verifySignature(text(v), lower(v), secret);
        }),
        events: [
            [ { object: 'event', id: 'evt_685343a1381c819085d44c354e1b330e',
                type: 'response.completed', created_at: 1789999997,
                data: { id: 'resp_1' } },
              { id: 'msg_openai', type: 'response.completed', tenant: null,
                time: '1789999997' } ],
            [ { object: 'event', id: 'evt_2', type: 'batch.failed',
                created_at: 1789999998, data: { id: 'batch_ü' } },
              { id: 'msg_openai', type: 'batch.failed', tenant: null,
                time: '1789999998' } ] ]
    },

    pagerduty: {
        sdk: null, prefix: 'v1=', list: true,
        source: 'github:PagerDuty/developer-docs docs/webhooks/04-Signatures.md',
        secret: 'pagerduty-secret', other: 'pagerduty-secret-2',
        sign: (secret, body) => [
            [ 'X-Webhook-Id', '5f2f4bd1' ],
            [ 'X-PagerDuty-Signature', `v1=${mac(secret, body)}` ] ],
        events: [
            [ { event: { id: '01BVBB9BZ1', event_type: 'incident.triggered',
                         resource_type: 'incident',
                         occurred_at: '2026-09-21T14:13:17.123Z',
                         data: { id: 'PGR0VU2', title: 'Größer',
                                 service: { id: 'PF9KMXH' } } } },
              { id: '01BVBB9BZ1', type: 'incident.triggered',
                tenant: 'PF9KMXH', time: '2026-09-21T14:13:17.123Z' } ],
            [ { event: { id: '2', event_type: 'service.updated',
                         occurred_at: '2026-09-21T14:13:18.000Z',
                         data: { id: 'PF9' } } },
              { id: '2', type: 'service.updated', tenant: 'PF9',
                time: '2026-09-21T14:13:18.000Z' } ] ]
    },

    polar: {
        sdk: '@polar-sh/sdk',
        source: 'validateEvent() of the SDK',
        secret: 'polar_whs_0123456789abcdef', other: 'polar_whs_fedcba9876543210',
        ...standard('webhook', (s) => Buffer.from(s).toString('base64')),
        check: (v) => any(v, async (secret) => {
            const { validateEvent, WebhookVerificationError }
                = await import('@polar-sh/sdk/webhooks');

            // what is inside is not what is asked about

            try {
                validateEvent(text(v), lower(v), secret);

            } catch (e) {
                if (e instanceof WebhookVerificationError) {
                    throw e;
                }
            }
        }),
        events: [
            [ { type: 'order.paid', timestamp: '2026-09-21T14:13:17.123Z',
                data: { id: 'o1', organization_id: 'org1', name: 'Zoë' } },
              { id: 'msg_polar', type: 'order.paid', tenant: 'org1',
                time: '2026-09-21T14:13:17.123Z' } ],
            [ { type: 'subscription.active',
                timestamp: '2026-09-21T14:13:18.000Z', data: { id: 's1' } },
              { id: 'msg_polar', type: 'subscription.active', tenant: null,
                time: '2026-09-21T14:13:18.000Z' } ] ]
    },

    quickbooks: {
        sdk: 'python-quickbooks',
        source: 'QuickBooks.validate_webhook_signature() of the library',
        secret: 'e7a2c1b4-0000-4000-8000-0123456789ab',
        other: 'e7a2c1b4-1111-4000-8000-0123456789ab',
        sign: (secret, body) => [
            [ 'intuit-signature', mac(secret, body, 'base64') ] ],
        check: (v) => execFileSync(process.env.PYTHON || 'python3',
            [ new URL('producers.py', import.meta.url).pathname ],
            { input: JSON.stringify(v) + '\n', encoding: 'utf8' }).trim(),
        events: [
            [ [ { specversion: '1.0', id: '88cd52aa-33b6-4351-9aa4-47572edbd068',
                  source: 'intuit.dsnBgbseACLLRZNxo2dfc4evmEJdxde58xeeYcZliOU=',
                  type: 'qbo.invoice.created.v1', time: '2026-09-21T14:13:17Z',
                  datacontenttype: 'application/json', intuitentityid: '1234',
                  intuitaccountid: '310687', data: { name: 'Größe' } } ],
              { id: '88cd52aa-33b6-4351-9aa4-47572edbd068',
                type: 'qbo.invoice.created.v1', tenant: '310687',
                time: '2026-09-21T14:13:17Z' } ],
            [ { eventNotifications: [ { realmId: '1185883450',
                dataChangeEvent: { entities: [ { name: 'Customer', id: '1',
                    operation: 'Create',
                    lastUpdated: '2026-09-21T14:13:18.000Z' } ] } } ] },
              { id: '1185883450.Customer.1', type: 'Customer.Create',
                tenant: '1185883450', time: '2026-09-21T14:13:18.000Z' } ] ]
    },

    resend: {
        sdk: 'resend',
        source: 'webhooks.verify() of the SDK',
        secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
        other: 'whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD',
        ...standard('svix'),
        check: (v) => any(v, async (secret) => {
            const { Resend } = await import('resend');

            return new Resend('re_x').webhooks.verify({ payload: text(v),
                headers: { id: of(v, 'svix-id'),
                           timestamp: of(v, 'svix-timestamp'),
                           signature: of(v, 'svix-signature') },
                webhookSecret: secret });
        }),
        events: [
            [ { type: 'email.delivered', created_at: '2026-09-21T14:13:17.000Z',
                data: { email_id: '56761188', subject: 'Grüße' } },
              { id: 'msg_resend', type: 'email.delivered', tenant: '56761188',
                time: '2026-09-21T14:13:17.000Z' } ],
            [ { type: 'contact.created', created_at: '2026-09-21T14:13:18.000Z',
                data: { id: 'c1' } },
              { id: 'msg_resend', type: 'contact.created', tenant: null,
                time: '2026-09-21T14:13:18.000Z' } ] ]
    },

    vercel: {
        sdk: null,
        source: 'vercel.com/docs/webhooks/webhooks-api, "securing webhooks"',
        secret: 'vercel-secret', other: 'vercel-secret-2',
        sign: (secret, body) => [
            [ 'x-vercel-signature', mac(secret, body, 'hex', 'sha1') ] ],
        events: [
            [ { id: 'Bkzc5YgGgHzjhN', type: 'deployment.succeeded',
                createdAt: 1789999997123, region: 'sfo1',
                payload: { team: { id: 'team_1' }, name: 'größe' } },
              { id: 'Bkzc5YgGgHzjhN', type: 'deployment.succeeded',
                tenant: 'team_1', time: '1789999997123' } ],
            [ { id: 'B2', type: 'project.created', createdAt: 1789999998123,
                payload: { user: { id: 'u1' } } },
              { id: 'B2', type: 'project.created', tenant: 'u1',
                time: '1789999998123' } ] ]
    },

    webflow: {
        sdk: 'webflow-api', unit: 'ms', tolerance: 300,
        source: 'webhooks.verifySignature() of the SDK',
        secret: 'webflow-client-secret', other: 'webflow-client-secret-2',
        sign: (secret, body, ts) => [
            [ 'x-webflow-timestamp', String(ts) ],
            [ 'x-webflow-signature', mac(secret, Buffer.concat([
                Buffer.from(`${ts}:`), body ])) ] ],
        check: (v) => any(v, async (secret) => {
            const { WebflowClient } = require('webflow-api');

            return new WebflowClient({ accessToken: 'x' }).webhooks
                .verifySignature({ headers: lower(v), body: text(v), secret });
        }),
        events: [
            [ { triggerType: 'form_submission', payload: { id: '6321ca84',
                siteId: '65427cf4', name: 'Größe',
                submittedAt: '2026-09-21T14:13:17.000Z' } },
              { id: 'form_submission.6321ca84', type: 'form_submission',
                tenant: '65427cf4', time: '2026-09-21T14:13:17.000Z' } ],
            [ { triggerType: 'site_publish', payload: { siteId: 's2',
                publishedOn: '2026-09-21T14:13:18.000Z' } },
              { id: null, type: 'site_publish', tenant: 's2',
                time: null } ] ]
    },

    workos: {
        sdk: '@workos-inc/node', unit: 'ms', tolerance: 180, element: 't=',
        prefix: 'v1=', list: true,
        source: 'webhooks.verifyHeader() of the SDK',
        secret: 'workos-secret', other: 'workos-secret-2',
        sign: (secret, body, ts) => [ [ 'WorkOS-Signature',
            `t=${ts}, v1=${mac(secret, Buffer.concat([ Buffer.from(`${ts}.`),
                                                       body ]))}` ] ],
        check: (v) => any(v, async (secret) => {
            const { WorkOS } = await import('@workos-inc/node');

            return new WorkOS('sk_x').webhooks.verifyHeader({
                payload: JSON.parse(text(v)), secret,
                sigHeader: of(v, 'workos-signature') });
        }),
        events: [
            [ { id: 'wh_01FJ', event: 'dsync.user.created',
                created_at: '2026-09-21T14:13:17.123Z',
                data: { id: 'directory_user_1', directory_id: 'directory_1',
                        organization_id: 'org_1', first_name: 'Zoë' } },
              { id: 'wh_01FJ', type: 'dsync.user.created', tenant: 'org_1',
                time: '2026-09-21T14:13:17.123Z' } ],
            [ { id: 'wh_2', event: 'user.created',
                created_at: '2026-09-21T14:13:18.000Z',
                data: { id: 'user_1' } },
              { id: 'wh_2', type: 'user.created', tenant: null,
                time: '2026-09-21T14:13:18.000Z' } ] ]
    }
};


// ---- make

const time = (p, shift = 0) => p.unit === 'ms' ? (NOW + shift) * 1000
    : p.unit === 'rfc3339'
    ? new RealDate((NOW + shift) * 1000).toISOString().replace('.000Z', 'Z')
    : p.unit === 'http' ? new RealDate((NOW + shift) * 1000).toUTCString()
    : NOW + shift;

let lines = 0;

async function line(name, p, why, options = {}) {
    const [ data, extract ] = p.events[options.event || 0];
    const body = Buffer.from(JSON.stringify(data));
    const id = extract.id && extract.id.startsWith('msg_') ? extract.id : 'x';
    const secret = options.sign || p.secret;

    clock = NOW * 1000;

    const signed = await p.sign(secret, body, time(p, options.shift), id);
    const v = {
        n: `Q${String(++lines).padStart(4, '0')}`, provider: name,
        preset: name, kind: p.sdk ? 'sdk' : 'derived',
        secret: options.secret || p.secret, method: 'POST',
        url: `${HOST}/in/${name}`,
        headers: [ [ 'Content-Type', p.type || 'application/json' ],
                   ...signed ],
        body: (options.body ? options.body(body) : body).toString('base64'),
        now: NOW, expect: options.expect || 'invalid', why, source: p.source
    };

    if (options.headers) {
        v.headers = options.headers(v.headers);
    }

    if (v.expect === 'valid') {
        v.extract = extract.id !== BODY ? extract : { ...extract,
            id: createHash('sha256').update(body).digest('hex') };
    }

    if (p.sdk) {
        const { version, license } = await versionOf(p.sdk);

        v.sdk = `${p.sdk}@${version} (${license})`;

        v.sdk_says = await p.check(v);

        if (v.sdk_says !== v.expect) {
            v.note = options.note;
        }
    }

    if (options.impl_defined) {
        v.impl_defined = true;
    }

    process.stdout.write(JSON.stringify(v) + '\n');
}


async function versionOf(name) {
    if (name === 'python-quickbooks') {
        return { version: '0.9.12', license: 'MIT' };
    }

    const { readFileSync } = await import('node:fs');
    const own = JSON.parse(readFileSync(
        new URL(`node_modules/${name}/package.json`, import.meta.url)));

    return { version: own.version, license: own.license || 'MIT' };
}


// the signature is the last of the headers, but for those that stand twice

const last = (headers, f) => headers.map((h, i) =>
    i === headers.length - 1 ? [ h[0], f(h[1]) ] : h);

async function make(name, p) {
    const valid = { expect: 'valid' };
    const sep = name === 'openai' || name === 'polar' || name === 'clerk'
                || name === 'resend' ? ' ' : ',';

    await line(name, p, 'valid', valid);
    await line(name, p, 'valid: another event', { ...valid, event: 1 });
    await line(name, p, 'header names in lower case', { ...valid,
        headers: (h) => h.map(([ n, v ]) => [ n.toLowerCase(), v ]) });
    await line(name, p, 'rotation: the second of the two configured secrets',
        { ...valid, secret: [ p.other, p.secret ] });

    if (!p.token) {
        await line(name, p, 'altered body: one trailing space added',
            { body: (b) => Buffer.concat([ b, Buffer.from(' ') ]),
              note: 'The SDK signs what it has parsed and written again' });
        await line(name, p, 'altered body: another type', { body: (b) =>
            Buffer.from(b.toString('latin1').replace(/[a-z]"/, 'X"'),
                        'latin1') });
    }

    await line(name, p, 'signed with another secret', { sign: p.other });
    await line(name, p, 'no signature',
        { headers: (h) => h.slice(0, -1) });
    await line(name, p, 'an empty signature',
        { headers: (h) => last(h, () => '') });
    await line(name, p, 'truncated signature: the last four characters cut',
        { headers: (h) => last(h, (s) => s.replace(/=+$/, '').slice(0, -4)) });

    if (p.prefix) {
        await line(name, p, 'the prefix of the signature is missing',
            { headers: (h) => last(h, (s) => s.replace(p.prefix, '')),
              note: 'The SDK takes one without its version' });
    }

    if (p.list) {
        await line(name, p, 'several signatures: the second one is right',
            { ...valid, headers: (h) => last(h, (s) => {
                const right = s.slice(s.indexOf(p.prefix));

                return s.replace(right, right.replace(/.{8}$/, 'AAAAAAA=')
                    .replace(/[G-Z=]/g, sep === ' ' ? '$&' : '0')
                    .replace(/^v10/, 'v1=') + sep + right);
            }), note: 'The SDK reads the first one alone' });
    }

    if (p.tolerance) {
        await line(name, p, `too old by ${p.tolerance + 5} s`,
            { shift: -p.tolerance - 5,
              note: 'The SDK does not look at the age' });
        await line(name, p, `ahead by ${p.tolerance + 5} s`,
            { shift: p.tolerance + 5,
              note: 'The SDK looks into the past alone, or nowhere' });
        await line(name, p, `signed ${p.tolerance - 5} s ago`,
            { ...valid, shift: 5 - p.tolerance });
    }

    if (p.unit && !p.element) {
        await line(name, p, 'the time was altered after signing',
            { headers: (h) => h.map(([ n, v ]) => /timestamp$/i.test(n)
                ? [ n, p.unit === 's' || p.unit === 'ms' ? String(Number(v) - 1)
                       : time(p, -1) ] : [ n, v ]) });
    }
}


// ---- which

const [ , , what ] = process.argv;

if (what === 'make') {
    for (const name of Object.keys(producers).sort()) {
        await make(name, producers[name]);
    }

} else if (what === 'check') {
    let input = '';

    for await (const chunk of process.stdin) {
        input += chunk;
    }

    const said = [];

    for (const row of input.split('\n').filter((r) => r)) {
        const v = JSON.parse(row);

        clock = (v.now || NOW) * 1000;
        said.push([ v.n, await producers[v.preset].check(v) ]);
    }

    process.stdout.write(JSON.stringify(said));

} else {
    process.stderr.write('node producers.mjs make | check\n');
    process.exitCode = 1;
}
