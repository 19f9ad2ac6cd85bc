// Copyright (C) Event Router contributors

// What vendors' own libraries say of a delivery, and requests as they make
// them.  Reads a list of tasks as JSON from its standard input, writes a list
// of results: { ok: ... } or { error: "why" }.

import { sign, verify } from '@octokit/webhooks-methods';
import { CloudEvent, HTTP } from 'cloudevents';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import Stripe from 'stripe';
import { Webhook as SvixWebhook } from 'svix';
import twilio from 'twilio';

const stripe = new Stripe('sk_test_of_nobody');


// ---- of a delivery: headers have lower case names

const take = {

    standardwebhooks: (t) =>
        new StandardWebhook(t.secret).verify(t.body, t.headers),

    svix: (t) => new SvixWebhook(t.secret).verify(t.body, t.headers),

    stripe: (t) => stripe.webhooks.constructEvent(t.body,
        t.headers['stripe-signature'], t.secret),

    github: async (t) => {
        const good = await verify(t.secret, t.body,
            t.headers['x-hub-signature-256']);

        if (!good) {
            throw new Error('the signature is wrong');
        }

        return JSON.parse(t.body);
    },

    cloudevents: (t) => {
        const event = HTTP.toEvent({ headers: t.headers, body: t.body });

        return [].concat(event).map((e) => {
            e.validate();
            return e.toJSON();
        });
    }
};


// ---- requests: { headers, body }

const make = {

    standardwebhooks: (t) => {
        const now = new Date();

        return { body: t.body, headers: {
            'webhook-id': t.id,
            'webhook-timestamp': String(Math.floor(now.getTime() / 1000)),
            'webhook-signature':
                new StandardWebhook(t.secret).sign(t.id, now, t.body) } };
    },

    svix: (t) => {
        const now = new Date();

        return { body: t.body, headers: {
            'svix-id': t.id,
            'svix-timestamp': String(Math.floor(now.getTime() / 1000)),
            'svix-signature':
                new SvixWebhook(t.secret).sign(t.id, now, t.body) } };
    },

    stripe: (t) => ({ body: t.body, headers: {
        'stripe-signature': stripe.webhooks.generateTestHeaderString({
            payload: t.body, secret: t.secret }) } }),

    github: async (t) => ({ body: t.body, headers: {
        'x-github-event': 'push', 'x-github-delivery': t.id,
        'x-hub-signature-256': await sign(t.secret, t.body) } }),

    twilio: (t) => ({
        body: new URLSearchParams(t.form).toString(),
        headers: {
            'content-type': 'application/x-www-form-urlencoded',
            'x-twilio-signature':
                twilio.getExpectedTwilioSignature(t.secret, t.url, t.form) }
    }),

    binary: (t) => request(HTTP.binary(new CloudEvent(t.event))),
    structured: (t) => request(HTTP.structured(new CloudEvent(t.event)))
};


function request(message) {
    const headers = { ...message.headers };
    const body = message.body ?? '';

    return { headers,
             body: typeof body === 'string' ? body : JSON.stringify(body) };
}


let input = '';

for await (const chunk of process.stdin) {
    input += chunk;
}

const results = [];

for (const task of JSON.parse(input)) {
    try {
        results.push({ ok: await (task.do === 'make' ? make
                                  : take)[task.with](task) });

    } catch (e) {
        results.push({ error: String(e && e.message || e) });
    }
}

process.stdout.write(JSON.stringify(results));
