
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The producers that sign with a secret which both sides know: an HMAC over
 * what "signed_" says.  A table, as presets.c describes it; that file looks
 * for rows, nobody else reads this one.
 */


#include "presets_hmac.h"


#define NGX_ER_HOUR        3600000
#define NGX_ER_MEGABYTE    (1024 * 1024)
#define NGX_ER_ADYEN_ITEM  "notificationItems.0.NotificationRequestItem."


ngx_er_preset_t  ngx_er_presets_hmac[] = {

    {
        .name = "adyen-payments",
        .verify = "hmac-sha256",
        .key = "hex",
        .signed_ =
            "{json:" NGX_ER_ADYEN_ITEM "pspReference?}:"
            "{json:" NGX_ER_ADYEN_ITEM "originalReference?}:"
            "{json:" NGX_ER_ADYEN_ITEM "merchantAccountCode?}:"
            "{json:" NGX_ER_ADYEN_ITEM "merchantReference?}:"
            "{json:" NGX_ER_ADYEN_ITEM "amount.value?}:"
            "{json:" NGX_ER_ADYEN_ITEM "amount.currency?}:"
            "{json:" NGX_ER_ADYEN_ITEM "eventCode?}:"
            "{json:" NGX_ER_ADYEN_ITEM "success?}",
        .signature =
            "json:" NGX_ER_ADYEN_ITEM "additionalData.hmacSignature "
            "encoding=base64",
        .id = {
            "{json:" NGX_ER_ADYEN_ITEM "pspReference}."
            "{json:" NGX_ER_ADYEN_ITEM "eventCode}"
        },
        .type = {
            "{json:" NGX_ER_ADYEN_ITEM "eventCode}"
        },
        .subject = {
            "{json:" NGX_ER_ADYEN_ITEM "merchantAccountCode}"
        },
        .time = {
            "{json:" NGX_ER_ADYEN_ITEM "eventDate}"
        },
        .split = "data.notificationItems",
        .coarse = 1
    },

    {
        .name = "adyen-platform",
        .verify = "hmac-sha256",
        .key = "hex",
        .signed_ = "{body}",
        .signature = "header:HmacSignature encoding=base64",
        .id = { "{json:data.id}.{json:timestamp}", "{json:data.id}" },
        .type = { "{json:type}" },
        .subject = { "{json:data.balancePlatform}" },
        .time = { "{json:timestamp}" },
        .coarse = 1
    },

    {
        .name = "asana",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Hook-Signature encoding=hex",
        .id = { "{body_sha256}" },
        .type = {
            "{json:events.0.resource.resource_type}.{json:events.0.action}"
        },
        .subject = { "{json:events.0.resource.gid}" },
        .time = { "{json:events.0.created_at}" },
        .split = "data.events",
        .max_batch = 1000,
        .deadline = 9000,
        .retries = 24 * NGX_ER_HOUR
    },

    {
        .name = "bigcommerce",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{id}.{ts}.{body}",
        .signature = "header:webhook-signature separator=space prefix=v1, "
                     "encoding=base64",
        .timestamp = "header:webhook-timestamp unit=s tolerance=300s",
        .id = { "{header:webhook-id}", "{json:hash}" },
        .type = { "{json:scope}" },
        .subject = { "{json:store_id}", "{json:producer}" },
        .time = { "{json:created_at}" },
        .retries = 48 * NGX_ER_HOUR
    },

    {
        .name = "bitbucket",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Hub-Signature prefix=sha256= encoding=hex",
        .id = { "{header:X-Request-UUID}" },
        .type = { "{header:X-Event-Key}" },
        .subject = { "{json:repository.full_name}" }
    },

    {
        .name = "box",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}{ts}",
        .signature = "header:BOX-SIGNATURE-PRIMARY "
                     "header:BOX-SIGNATURE-SECONDARY encoding=base64",
        .timestamp = "header:BOX-DELIVERY-TIMESTAMP unit=rfc3339 "
                     "tolerance=600s",
        .id = { "{json:id}" },
        .type = { "{json:trigger}" },
        .subject = { "{json:webhook.id}" },
        .time = { "{json:created_at}" }
    },

    {
        .name = "braintree",
        .verify = "hmac-sha1",
        .key = "sha1",
        .signed_ = "{form:bt_payload}",
        .signature = "form:bt_signature separator=&| encoding=hex",
        .id = { "{body_sha256}" },
        .accept = "application/x-www-form-urlencoded",
        .retries = 24 * NGX_ER_HOUR
    },

    {
        .name = "calendly",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{ts}.{body}",
        .signature = "header:Calendly-Webhook-Signature separator=, "
                     "prefix=v1= encoding=hex",
        .timestamp = "sig:t= unit=s tolerance=180s",
        .id = { "{json:payload.uri}.{json:event}" },
        .type = { "{json:event}" },
        .subject = { "{json:created_by}" },
        .time = { "{json:created_at}" },
        .coarse = 1,
        .own_body = 1
    },

    {
        .name = "clerk",
        .verify = "hmac-sha256",
        .key = "base64 strip=whsec_",
        .signed_ = "{id}.{ts}.{body}",
        .signature = "header:svix-signature separator=space prefix=v1, "
                     "encoding=base64",
        .timestamp = "header:svix-timestamp unit=s tolerance=300s",
        .id = { "{header:svix-id}" },
        .type = { "{json:type}" },
        .subject = { "{json:instance_id}" },
        .time = { "{json:timestamp}" },
        .retries = 28 * NGX_ER_HOUR
    },

    {
        .name = "docusign",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "headers:X-DocuSign-Signature- encoding=base64",
        .id = {
            "{json:data.envelopeId}.{json:event}.{json:generatedDateTime}."
            "{json:data.recipientId}",
            "{json:data.envelopeId}.{json:event}.{json:generatedDateTime}"
        },
        .type = { "{json:event}" },
        .subject = { "{json:data.accountId}" },
        .time = { "{json:generatedDateTime}" },
        .retries = 360 * NGX_ER_HOUR,
        .window = 384 * NGX_ER_HOUR,
        .own_body = 1
    },

    {
        /* two changes of an account are told in the same bytes: no id */

        .name = "dropbox",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Dropbox-Signature encoding=hex",
        .subject = { "{json:list_folder.accounts.0}" },
        .deadline = 9000
    },

    {
        .name = "easypost",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Hmac-Signature prefix=hmac-sha256-hex= "
                     "encoding=hex",
        .id = { "{json:id}" },
        .type = { "{json:description}" },
        .subject = { "{json:user_id}" },
        .time = { "{json:created_at}" },
        .deadline = 6000
    },

    {
        .name = "front",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{ts}:{body}",
        .signature = "header:X-Front-Signature encoding=base64",
        .timestamp = "header:X-Front-Request-Timestamp unit=ms tolerance=0s",
        .id = { "{json:payload.id}" },
        .type = { "{json:type}" },
        .subject = { "{json:authorization.id}" },
        .coarse = 1
    },

    {
        .name = "gitea",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Gitea-Signature header:X-Forgejo-Signature "
                     "encoding=hex",
        .id = { "{header:X-Gitea-Delivery}", "{header:X-Forgejo-Delivery}" },
        .type = {
            "{header:X-Gitea-Event}.{json:action}",
            "{header:X-Gitea-Event}",
            "{header:X-Forgejo-Event}.{json:action}",
            "{header:X-Forgejo-Event}"
        },
        .subject = {
            "{json:repository.full_name}",
            "{json:organization.username}"
        },
        .deadline = 4000,
        .window = NGX_ER_HOUR / 60,
        .once = 1
    },

    {
        .name = "github",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Hub-Signature-256 prefix=sha256= encoding=hex",
        .id = { "{header:X-GitHub-Delivery}" },
        .type = {
            "{header:X-GitHub-Event}.{data:action}",
            "{header:X-GitHub-Event}"
        },
        .subject = {
            "{data:installation.id}",
            "{data:organization.login}",
            "{data:repository.full_name}"
        },
        .payload = "form:payload",
        .accept = NGX_ER_ACCEPT_JSON " application/x-www-form-urlencoded",
        .deadline = 9000,
        .window = NGX_ER_HOUR / 60,
        .once = 1,
        .max_size = 25 * NGX_ER_MEGABYTE
    },

    {
        .name = "gitlab-signed",
        .verify = "hmac-sha256",
        .key = "base64 strip=whsec_",
        .signed_ = "{id}.{ts}.{body}",
        .signature = "header:webhook-signature separator=space prefix=v1, "
                     "encoding=base64",
        .timestamp = "header:webhook-timestamp unit=s tolerance=300s",
        .id = { "{header:webhook-id}", "{header:Idempotency-Key}" },
        .type = { "{header:X-Gitlab-Event}" },
        .subject = { "{header:X-Gitlab-Instance}" },
        .max_size = 25 * NGX_ER_MEGABYTE
    },

    {
        .name = "gocardless",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:Webhook-Signature encoding=hex",
        .id = { "{json:events.0.id}" },
        .type = { "{json:events.0.resource_type}.{json:events.0.action}" },
        .subject = { "{json:events.0.links.organisation}" },
        .time = { "{json:events.0.created_at}" },
        .split = "data.events",
        .max_batch = 1000,
        .deadline = 9000,
        .own_body = 1
    },

    {
        .name = "hubspot",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{method}{decoded_url}{body}{ts}",
        .signature = "header:X-HubSpot-Signature-v3 encoding=base64",
        .timestamp = "header:X-HubSpot-Request-Timestamp unit=ms "
                     "tolerance=300s",
        .id = { "{json:0.eventId}" },
        .type = { "{json:0.subscriptionType}" },
        .subject = { "{json:0.portalId}" },
        .time = { "{json:0.occurredAt}" },
        .split = "data",
        .own_body = 1
    },

    {
        .name = "intercom",
        .verify = "hmac-sha1",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Hub-Signature prefix=sha1= encoding=hex",
        .id = { "{json:id}" },
        .type = { "{json:topic}" },
        .subject = { "{json:app_id}" },
        .time = { "{json:created_at}" },
        .own_body = 1
    },

    {
        .name = "jira",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Hub-Signature prefix=sha256= encoding=hex",
        .id = { "{header:X-Atlassian-Webhook-Identifier}" },
        .type = { "{json:webhookEvent}" },
        .subject = { "{json:issue.key}", "{json:project.key}" },
        .time = { "{json:timestamp}" },
        .retries = 2 * NGX_ER_HOUR,
        .max_size = 25 * NGX_ER_MEGABYTE
    },

    {
        .name = "klaviyo",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}{header:Klaviyo-Timestamp}",
        .signature = "header:Klaviyo-Signature encoding=hex",
        .id = { "{json:data.0.external_id}" },
        .type = { "{json:data.0.topic}" },
        .subject = {
            "{json:meta.klaviyo_webhook_id}",
            "{header:Klaviyo-Webhook-Id}"
        },
        .time = {
            "{json:data.0.payload.data.attributes.datetime}",
            "{json:meta.timestamp}"
        },
        .split = "data.data",
        .max_batch = 1000,
        .own_body = 1
    },

    {
        .name = "lemonsqueezy",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Signature encoding=hex",
        .id = { "{json:data.type}.{json:data.id}" },
        .type = { "{json:meta.event_name}", "{header:X-Event-Name}" },
        .subject = { "{json:data.attributes.store_id}" },
        .time = { "{json:data.attributes.updated_at}" },
        .retries = NGX_ER_HOUR / 6,
        .coarse = 1
    },

    {
        .name = "line",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Line-Signature encoding=base64",
        .id = { "{json:events.0.webhookEventId}" },
        .type = { "{json:events.0.type}" },
        .subject = { "{json:destination}" },
        .time = { "{json:events.0.timestamp}" },
        .split = "data.events",
        .own_body = 1
    },

    {
        .name = "linear",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:Linear-Signature encoding=hex",
        .timestamp = "json:webhookTimestamp unit=ms tolerance=60s",
        .id = { "{header:Linear-Delivery}" },
        .type = {
            "{header:Linear-Event}.{json:action}",
            "{json:type}.{json:action}"
        },
        .subject = { "{json:organizationId}" },
        .time = { "{json:createdAt}" },
        .deadline = 4000,
        .max_size = 5 * NGX_ER_MEGABYTE
    },

    {
        .name = "linkedin",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "hmacsha256={body}",
        .signature = "header:X-LI-Signature encoding=hex",
        .id = { "{json:notificationId}" },
        .type = { "{json:type}" },
        .own_body = 1
    },

    {
        .name = "mailgun",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{json:signature.timestamp?}{json:signature.token?}"
                   "{form:timestamp?}{form:token?}",
        .signature = "json:signature.signature form:signature encoding=hex",
        .timestamp = "json:signature.timestamp form:timestamp unit=s "
                     "tolerance=0s",
        .id = {
            "{json:event-data.id}", "{json:signature.token}", "{form:token}"
        },
        .type = { "{json:event-data.event}", "{form:event}" },
        .subject = {
            "{json:event-data.account.id}", "{form:domain}",
            "{form:recipient}"
        },
        .time = { "{json:event-data.timestamp}", "{form:timestamp}" },
        .accept = NGX_ER_ACCEPT_MULTIPART,
        .max_size = 25 * NGX_ER_MEGABYTE,
        .answer = "200"
    },

    {
        .name = "mandrill",
        .verify = "hmac-sha1",
        .key = "utf8",
        .signed_ = "{url}{form_sorted}",
        .signature = "header:X-Mandrill-Signature encoding=base64",
        .id = { "{data:0._id}.{data:0.event}.{data:0.ts}" },
        .type = { "{data:0.event}" },
        .subject = { "{data:0.msg.email}" },
        .time = { "{data:0.ts}" },
        .payload = "form:mandrill_events",
        .split = "data",
        .max_batch = 1000,
        .accept = NGX_ER_ACCEPT_FORMS,
        .coarse = 1
    },

    {
        .name = "meta",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Hub-Signature-256 prefix=sha256= encoding=hex",
        .id = {
            "{json:entry.0.changes.0.value.messages.0.id}",
            "{json:entry.0.changes.0.value.statuses.0.id}."
            "{json:entry.0.changes.0.value.statuses.0.status}",
            "{json:entry.0.changes.0.value.leadgen_id}",
            "{json:entry.0.messaging.0.message.mid}"
        },
        .type = {
            "{json:object}.{json:entry.0.changes.0.field}",
            "{json:object}"
        },
        .subject = { "{json:entry.0.id}" },
        .time = { "{json:entry.0.time}" },
        .split = "data.entry.changes.value.messages "
                 "data.entry.changes.value.statuses "
                 "data.entry.messaging data.entry.standby "
                 "data.entry.changes data.entry",
        .max_batch = 1000,
        .retries = 36 * NGX_ER_HOUR,
        .max_size = 3 * NGX_ER_MEGABYTE,
        .own_body = 1
    },

    {
        .name = "mux",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{ts}.{body}",
        .signature = "header:Mux-Signature separator=, prefix=v1= "
                     "encoding=hex",
        .timestamp = "sig:t= unit=s tolerance=300s",
        .id = { "{json:id}" },
        .type = { "{json:type}" },
        .subject = { "{json:environment.id}" },
        .time = { "{json:created_at}" },
        .deadline = 4000,
        .retries = 24 * NGX_ER_HOUR
    },

    {
        .name = "notion",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Notion-Signature prefix=sha256= encoding=hex",
        .id = { "{json:id}" },
        .type = { "{json:type}" },
        .subject = { "{json:workspace_id}" },
        .time = { "{json:timestamp}" },
        .retries = 24 * NGX_ER_HOUR
    },

    {
        .name = "nylas",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Nylas-Signature encoding=hex",
        .id = { "{json:id}" },
        .type = { "{json:type}" },
        .subject = { "{json:data.object.grant_id}" },
        .time = { "{json:time}" },
        .own_body = 1
    },

    {
        .name = "openai",
        .verify = "hmac-sha256",
        .key = "base64 strip=whsec_",
        .signed_ = "{id}.{ts}.{body}",
        .signature = "header:webhook-signature separator=space prefix=v1, "
                     "encoding=base64",
        .timestamp = "header:webhook-timestamp unit=s tolerance=300s",
        .id = { "{header:webhook-id}" },
        .type = { "{json:type}" },
        .time = { "{json:created_at}" },
        .retries = 72 * NGX_ER_HOUR,
        .window = 96 * NGX_ER_HOUR
    },

    {
        .name = "paddle",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{ts}:{body}",
        .signature = "header:Paddle-Signature separator=; prefix=h1= "
                     "encoding=hex",
        .timestamp = "sig:ts= unit=s tolerance=5s",
        .id = { "{json:event_id}" },
        .type = { "{json:event_type}" },
        .subject = { "{json:data.customer_id}" },
        .time = { "{json:occurred_at}" },
        .deadline = 4000
    },

    {
        .name = "pagerduty",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-PagerDuty-Signature separator=, prefix=v1= "
                     "encoding=hex",
        .id = { "{json:event.id}" },
        .type = { "{json:event.event_type}" },
        .subject = { "{json:event.data.service.id}", "{json:event.data.id}" },
        .time = { "{json:event.occurred_at}" },
        .deadline = 4000,
        .retries = NGX_ER_HOUR / 2
    },

    {
        .name = "paystack",
        .verify = "hmac-sha512",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:x-paystack-signature encoding=hex",
        .id = { "{json:event}.{json:data.id}" },
        .type = { "{json:event}" },
        .time = { "{json:data.created_at}" },
        .coarse = 1
    },

    {
        .name = "persona",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{ts}.{body}",
        .signature = "header:Persona-Signature separator=,space prefix=v1= "
                     "encoding=hex",
        .timestamp = "sig:t= unit=s tolerance=300s",
        .id = { "{json:data.id}" },
        .type = { "{json:data.attributes.name}" },
        .time = { "{json:data.attributes.created-at}" }
    },

    {
        .name = "polar",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{id}.{ts}.{body}",
        .signature = "header:webhook-signature separator=space prefix=v1, "
                     "encoding=base64",
        .timestamp = "header:webhook-timestamp unit=s tolerance=300s",
        .id = { "{header:webhook-id}" },
        .type = { "{json:type}" },
        .subject = { "{json:data.organization_id}" },
        .time = { "{json:timestamp}" },
        .deadline = 9000
    },

    {
        .name = "quickbooks",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:intuit-signature encoding=base64",
        .id = {
            "{json:0.id}",
            "{json:eventNotifications.0.realmId}."
            "{json:eventNotifications.0.dataChangeEvent.entities.0.name}."
            "{json:eventNotifications.0.dataChangeEvent.entities.0.id}"
        },
        .type = {
            "{json:0.type}",
            "{json:eventNotifications.0.dataChangeEvent.entities.0.name}."
            "{json:eventNotifications.0.dataChangeEvent.entities.0.operation}"
        },
        .subject = {
            "{json:0.intuitaccountid}",
            "{json:eventNotifications.0.realmId}"
        },
        .time = {
            "{json:0.time}",
            "{json:eventNotifications.0.dataChangeEvent.entities.0."
            "lastUpdated}"
        },
        .split = "data.eventNotifications.dataChangeEvent.entities data",
        .deadline = 2500,
        .coarse = 1,
        .own_body = 1
    },

    {
        .name = "razorpay",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Razorpay-Signature encoding=hex",
        .id = { "{header:X-Razorpay-Event-Id}" },
        .type = { "{json:event}" },
        .subject = { "{json:account_id}" },
        .time = { "{json:created_at}" }
    },

    {
        .name = "resend",
        .verify = "hmac-sha256",
        .key = "base64 strip=whsec_",
        .signed_ = "{id}.{ts}.{body}",
        .signature = "header:svix-signature separator=space prefix=v1, "
                     "encoding=base64",
        .timestamp = "header:svix-timestamp unit=s tolerance=300s",
        .id = { "{header:svix-id}" },
        .type = { "{json:type}" },
        .subject = { "{json:data.email_id}" },
        .time = { "{json:created_at}" },
        .retries = 28 * NGX_ER_HOUR
    },

    {
        .name = "revolut",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "v1.{ts}.{body}",
        .signature = "header:Revolut-Signature separator=, prefix=v1= "
                     "encoding=hex",
        .timestamp = "header:Revolut-Request-Timestamp unit=ms tolerance=300s",
        .id = { "{json:order_id}.{json:event}" },
        .type = { "{json:event}" },
        .coarse = 1
    },

    {
        .name = "sanity",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{ts}.{body}",
        .signature = "header:sanity-webhook-signature separator=, "
                     "prefix=v1= encoding=base64url",
        .timestamp = "sig:t= unit=ms tolerance=0s",
        .id = { "{header:idempotency-key}" },
        .type = { "{header:sanity-operation}" },
        .subject = { "{header:sanity-project-id}" },
        .time = { "{header:sanity-transaction-time}" }
    },

    {
        .name = "sentry",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:Sentry-Hook-Signature "
                     "header:Sentry-App-Signature encoding=hex",
        .id = { "{header:Request-ID}" },
        .type = { "{header:Sentry-Hook-Resource}.{json:action}" },
        .subject = { "{json:installation.uuid}" },
        .time = { "{header:Sentry-Hook-Timestamp}" },
        .deadline = 900
    },

    {
        .name = "shopify",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Shopify-Hmac-Sha256 "
                     "header:Shopify-Hmac-Sha256 encoding=base64",
        .id = {
            "{header:X-Shopify-Webhook-Id}",
            "{header:Shopify-Webhook-Id}"
        },
        .type = { "{header:X-Shopify-Topic}", "{header:Shopify-Topic}" },
        .subject = {
            "{header:X-Shopify-Shop-Domain}",
            "{header:Shopify-Shop-Domain}"
        },
        .time = {
            "{header:X-Shopify-Triggered-At}",
            "{header:Shopify-Triggered-At}"
        },
        .deadline = 4000,
        .retries = 4 * NGX_ER_HOUR,
        .window = 24 * NGX_ER_HOUR
    },

    {
        .name = "slack",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "v0:{ts}:{body}",
        .signature = "header:X-Slack-Signature prefix=v0= encoding=hex",
        .timestamp = "header:X-Slack-Request-Timestamp unit=s tolerance=300s",
        .id = { "{json:event_id}", "{data:trigger_id}" },
        .type = {
            "{json:event.type}",
            "{form:command}",
            "{data:type}"
        },
        .subject = { "{data:team_id}", "{data:team.id}" },
        .time = { "{json:event_time}", "{data:action_ts}" },
        .payload = "form:payload",
        .accept = NGX_ER_ACCEPT_FORMS,
        .deadline = 2500,
        .retries = NGX_ER_HOUR / 10,
        .own_body = 1,
        .answer = "200 empty"
    },

    {
        .name = "square",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{url}{body}",
        .signature = "header:x-square-hmacsha256-signature encoding=base64",
        .id = { "{json:event_id}" },
        .type = { "{json:type}" },
        .subject = { "{json:merchant_id}" },
        .time = { "{json:created_at}" },
        .deadline = 9000,
        .retries = 72 * NGX_ER_HOUR,
        .window = 96 * NGX_ER_HOUR
    },

    {
        .name = "standardwebhooks",
        .verify = "hmac-sha256",
        .key = "base64 strip=whsec_",
        .signed_ = "{id}.{ts}.{body}",
        .signature = "header:webhook-signature separator=space prefix=v1, "
                     "encoding=base64",
        .timestamp = "header:webhook-timestamp unit=s tolerance=300s",
        .id = { "{header:webhook-id}" },
        .type = { "{json:type}" },
        .time = { "{json:timestamp}" },
        .retries = 75 * NGX_ER_HOUR,
        .window = 96 * NGX_ER_HOUR
    },

    {
        .name = "stripe",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{ts}.{body}",
        .signature = "header:Stripe-Signature separator=, prefix=v1= "
                     "encoding=hex",
        .timestamp = "sig:t= unit=s tolerance=300s",
        .id = { "{json:id}" },
        .type = { "{json:type}" },
        .subject = { "{json:account}" },
        .time = { "{json:created}" },
        .retries = 72 * NGX_ER_HOUR,
        .window = 96 * NGX_ER_HOUR
    },

    {
        .name = "svix",
        .verify = "hmac-sha256",
        .key = "base64 strip=whsec_",
        .signed_ = "{id}.{ts}.{body}",
        .signature = "header:svix-signature header:webhook-signature "
                     "separator=space prefix=v1, encoding=base64",
        .timestamp = "header:svix-timestamp header:webhook-timestamp unit=s "
                     "tolerance=300s",
        .id = { "{header:svix-id}", "{header:webhook-id}" },
        .type = { "{json:type}", "{json:event_type}" },
        .time = { "{json:timestamp}" },
        .retries = 75 * NGX_ER_HOUR,
        .window = 96 * NGX_ER_HOUR
    },

    {
        .name = "trello",
        .verify = "hmac-sha1",
        .key = "utf8",
        .signed_ = "{body}{url}",
        .signature = "header:X-Trello-Webhook encoding=base64",
        .id = { "{json:action.id}" },
        .type = { "{json:action.type}" },
        .subject = { "{json:model.id}" },
        .time = { "{json:action.date}" }
    },

    {
        .name = "twilio",
        .verify = "hmac-sha1",
        .key = "utf8",
        .signed_ = "{url}{form_sorted}",
        .signature = "header:X-Twilio-Signature encoding=base64",
        .body_digest = "query:bodySHA256 sha256 hex when=present",
        .ports = "both",
        .id = {
            "{header:I-Twilio-Idempotency-Token}",
            "{form:MessageSid}.{form:MessageStatus}",
            "{form:CallSid}.{form:CallStatus}"
        },
        .type = {
            "{form:MessageStatus}",
            "{form:CallStatus}",
            "{form:SmsStatus}"
        },
        .subject = { "{form:AccountSid}" },
        .time = { "{form:Timestamp}" },
        .accept = NGX_ER_ACCEPT_FORMS,
        .own_body = 1,
        .answer =
            "200 text/xml "
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
            "<Response></Response>"
    },

    {
        .name = "twitch",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ =
            "{header:Twitch-Eventsub-Message-Id}"
            "{header:Twitch-Eventsub-Message-Timestamp}{body}",
        .signature = "header:Twitch-Eventsub-Message-Signature "
                     "prefix=sha256= encoding=hex",
        .timestamp = "header:Twitch-Eventsub-Message-Timestamp unit=rfc3339 "
                     "tolerance=600s",
        .id = { "{header:Twitch-Eventsub-Message-Id}" },
        .type = { "{header:Twitch-Eventsub-Subscription-Type}" },
        .subject = { "{json:subscription.condition.broadcaster_user_id}" },
        .time = { "{header:Twitch-Eventsub-Message-Timestamp}" }
    },

    {
        .name = "typeform",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:Typeform-Signature prefix=sha256= "
                     "encoding=base64",
        .id = { "{json:event_id}" },
        .type = { "{json:event_type}" },
        .subject = { "{json:form_response.form_id}" },
        .time = { "{json:form_response.submitted_at}" },
        .retries = 10 * NGX_ER_HOUR
    },

    {
        .name = "vercel",
        .verify = "hmac-sha1",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:x-vercel-signature encoding=hex",
        .id = { "{json:id}" },
        .type = { "{json:type}" },
        .subject = { "{json:payload.team.id}", "{json:payload.user.id}" },
        .time = { "{json:createdAt}" },
        .retries = 24 * NGX_ER_HOUR
    },

    {
        .name = "walmart",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{method}\n{path_query}\n{ts}\n{body_sha256}",
        .signature = "header:WM_SEC.SIGNATURE encoding=base64",
        .timestamp = "header:WM_SEC.TIMESTAMP unit=s tolerance=300s",
        .id = { "{json:eventId}" },
        .type = { "{json:source.eventType}" },
        .time = { "{json:source.eventTime}" }
    },

    {
        .name = "webflow",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{ts}:{body}",
        .signature = "header:x-webflow-signature encoding=hex",
        .timestamp = "header:x-webflow-timestamp unit=ms tolerance=300s",
        .id = {
            "{json:triggerType}.{json:payload.id}",
            "{json:triggerType}.{json:payload.orderId}"
        },
        .type = { "{json:triggerType}" },
        .subject = { "{json:payload.siteId}" },
        .time = { "{json:payload.submittedAt}", "{json:payload.lastUpdated}" },
        .retries = NGX_ER_HOUR,
        .coarse = 1,
        .own_body = 1
    },

    {
        .name = "websub",
        .verify = "hmac-from-prefix sha1 sha256 sha384 sha512",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Hub-Signature encoding=hex",
        .id = { "{body_sha256}" },
        .accept = NGX_ER_ACCEPT_ANY
    },

    {
        .name = "woocommerce",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-WC-Webhook-Signature encoding=base64",
        .id = {
            "{header:X-WC-Webhook-Source}{header:X-WC-Webhook-Delivery-ID}."
            "{body_sha256}"
        },
        .type = { "{header:X-WC-Webhook-Topic}" },
        .subject = { "{header:X-WC-Webhook-Source}" },
        .time = { "{json:date_modified_gmt}" },
        .accept = NGX_ER_ACCEPT_FORMS,
        .once = 1
    },

    {
        .name = "workos",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{ts}.{body}",
        .signature = "header:WorkOS-Signature separator=, prefix=v1= "
                     "encoding=hex",
        .timestamp = "sig:t= unit=ms tolerance=180s",
        .id = { "{json:id}" },
        .type = { "{json:event}" },
        .subject = { "{json:data.organization_id}" },
        .time = { "{json:created_at}" },
        .retries = 72 * NGX_ER_HOUR,
        .window = 96 * NGX_ER_HOUR
    },

    {
        .name = "x",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:X-Twitter-Webhooks-Signature prefix=sha256= "
                     "encoding=base64",
        .id = { "{body_sha256}" },
        .subject = { "{json:for_user_id}" }
    },

    {
        .name = "xero",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{body}",
        .signature = "header:x-xero-signature encoding=base64",
        .id = {
            "{json:events.0.resourceId}.{json:events.0.eventType}."
            "{json:events.0.eventDateUtc}"
        },
        .type = { "{json:events.0.eventCategory}.{json:events.0.eventType}" },
        .subject = { "{json:events.0.tenantId}" },
        .time = { "{json:events.0.eventDateUtc}" },
        .split = "data.events",
        .deadline = 4500,
        .retries = 24 * NGX_ER_HOUR,
        .answer = "200 empty",
        .bare = 1,
        .own_body = 1
    },

    {
        .name = "zendesk",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "{ts}{body}",
        .signature = "header:X-Zendesk-Webhook-Signature encoding=base64",
        .timestamp = "header:X-Zendesk-Webhook-Signature-Timestamp "
                     "unit=rfc3339 tolerance=300s",
        .id = { "{json:id}", "{header:X-Zendesk-Webhook-Invocation-Id}" },
        .type = { "{json:type}" },
        .subject = { "{json:account_id}", "{header:X-Zendesk-Account-Id}" },
        .time = { "{json:time}" },
        .coarse = 1
    },

    {
        .name = "zoom",
        .verify = "hmac-sha256",
        .key = "utf8",
        .signed_ = "v0:{ts}:{body}",
        .signature = "header:x-zm-signature prefix=v0= encoding=hex",
        .timestamp = "header:x-zm-request-timestamp unit=s tolerance=300s",
        .id = {
            "{header:x-zm-trackingid}",
            "{json:event}.{json:payload.object.uuid}.{json:event_ts}"
        },
        .type = { "{json:event}" },
        .subject = { "{json:payload.account_id}" },
        .time = { "{json:event_ts}" },
        .deadline = 2500,
        .coarse = 1,
        .own_body = 1,
        .answer = "200"
    },

    { .name = NULL }
};
