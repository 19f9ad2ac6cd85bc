
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The producers whose proof is no HMAC: a public key, a token (JWT, Bearer, a
 * password, a word in the body), a plain digest, or nothing at all.  A table,
 * as presets.c describes it; that file looks for rows, nobody else reads this
 * one.
 */


#include "presets_keys.h"


#define NGX_ER_HOUR      3600000
#define NGX_ER_MEGABYTE  (1024 * 1024)


/*
 * https://docs.aws.amazon.com/sns/latest/dg/
 * sns-verify-signature-of-message-verify-message-signature.html: the fields in
 * the order of their names, of a notification and of both confirmations.
 */

#define NGX_ER_SNS_SIGNED                                                     \
    "Message\n{json:Message}\nMessageId\n{json:MessageId}\n"                  \
    "{if json:Subject}Subject\n{json:Subject}\n{end}"                         \
    "{if json:SubscribeURL}SubscribeURL\n{json:SubscribeURL}\n{end}"          \
    "Timestamp\n{json:Timestamp}\n{if json:Token}Token\n{json:Token}\n{end}"  \
    "TopicArn\n{json:TopicArn}\nType\n{json:Type}\n"


ngx_er_preset_t  ngx_er_presets_keys[] = {

    {
        .name = "apikey",
        .verify = "token",
        .key = "utf8",
        .signature = "header:X-Api-Key",
        .id = { "{json:id}" },
        .type = { "{json:type}" },
        .accept = NGX_ER_ACCEPT_EVENTS,
        .coarse = 1
    },

    {
        .name = "auth0",
        .verify = "jwt",
        .key = "pem",
        .signature = "header:Authorization prefix=Bearer",
        .jwt = "algorithms=RS256 leeway=60s",
        .id = { "{header:ce-id}", "{json:id}" },
        .type = { "{header:ce-type}", "{json:type}" },
        .subject = { "{header:ce-source}", "{json:source}" },
        .time = { "{header:ce-time}", "{json:time}" },
        .accept = NGX_ER_ACCEPT_EVENTS,
        .coarse = 1
    },

    {
        .name = "aws-sns",
        .verify = "rsa-from-version json:SignatureVersion 1=sha1 2=sha256",
        .key = "pem",
        .signed_ = NGX_ER_SNS_SIGNED,
        .signature = "json:Signature encoding=base64",
        .timestamp = "json:Timestamp unit=rfc3339 tolerance=2h",
        .id = { "{json:MessageId}" },
        .type = { "{json:Type}" },
        .subject = { "{json:TopicArn}" },
        .time = { "{json:Timestamp}" },
        .payload = "json:Message",
        .accept = NGX_ER_ACCEPT_TEXT,
        .retries = NGX_ER_HOUR
    },

    {
        .name = "aws-sns-v2",
        .verify = "rsa-sha256",
        .key = "pem",
        .signed_ = NGX_ER_SNS_SIGNED,
        .signature = "json:Signature encoding=base64",
        .timestamp = "json:Timestamp unit=rfc3339 tolerance=2h",
        .id = { "{json:MessageId}" },
        .type = { "{json:Type}" },
        .subject = { "{json:TopicArn}" },
        .time = { "{json:Timestamp}" },
        .payload = "json:Message",
        .accept = NGX_ER_ACCEPT_TEXT,
        .retries = NGX_ER_HOUR
    },

    {
        .name = "basic",
        .verify = "basic",
        .signature = "header:Authorization",
        .id = { "{json:id}", "{body_sha256}" },
        .type = { "{json:event_type}", "{json:type}" },
        .accept = NGX_ER_ACCEPT_EVENTS,
        .coarse = 1
    },

    {
        .name = "bearer",
        .verify = "token",
        .key = "utf8",
        .signature = "header:Authorization prefix=Bearer",
        .id = { "{header:ce-id}", "{json:id}" },
        .type = { "{header:ce-type}", "{json:type}" },
        .subject = { "{header:ce-source}", "{json:source}" },
        .time = { "{header:ce-time}", "{json:time}" },
        .accept = NGX_ER_ACCEPT_EVENTS,
        .coarse = 1
    },

    {
        .name = "chargebee",
        .verify = "basic",
        .signature = "header:Authorization",
        .id = { "{json:id}" },
        .type = { "{json:event_type}" },
        .subject = {
            "{json:content.subscription.customer_id}",
            "{json:content.customer.id}"
        },
        .time = { "{json:occurred_at}" },
        .retries = 80 * NGX_ER_HOUR,
        .window = 96 * NGX_ER_HOUR
    },

    {
        .name = "cloudevents",
        .verify = "token",
        .key = "utf8",
        .signature = "header:Authorization query:access_token prefix=Bearer",
        .id = { "{header:ce-id}", "{json:id}" },
        .type = { "{header:ce-type}", "{json:type}" },
        .subject = { "{header:ce-source}", "{json:source}" },
        .time = { "{header:ce-time}", "{json:time}" },
        .accept = NGX_ER_ACCEPT_EVENTS
    },

    {
        .name = "cloudinary",
        .verify = "sha1",
        .key = "utf8",
        .signed_ = "{body}{ts}{secret}",
        .signature = "header:X-Cld-Signature encoding=hex",
        .timestamp = "header:X-Cld-Timestamp unit=s tolerance=2h",
        .id = { "{json:request_id}", "{json:asset_id}.{ts}" },
        .type = { "{json:notification_type}" },
        .time = { "{json:timestamp}" },
        .coarse = 1,
        .own_body = 1
    },

    {
        .name = "discord",
        .verify = "ed25519",
        .key = "hex",
        .signed_ = "{ts}{body}",
        .signature = "header:X-Signature-Ed25519 encoding=hex",
        .timestamp = "header:X-Signature-Timestamp unit=s tolerance=0s",
        .id = { "{json:id}" },
        .type = { "{json:event.type}", "{json:type}" },
        .subject = { "{json:guild_id}", "{json:application_id}" },
        .time = { "{json:event.timestamp}" },
        .deadline = 2500,
        .retries = NGX_ER_HOUR / 6,
        .own_body = 1
    },

    {
        .name = "discord-events",
        .verify = "ed25519",
        .key = "hex",
        .signed_ = "{ts}{body}",
        .signature = "header:X-Signature-Ed25519 encoding=hex",
        .timestamp = "header:X-Signature-Timestamp unit=s tolerance=0s",
        .id = { "{body_sha256}" },
        .type = { "{json:event.type}" },
        .subject = { "{json:application_id}" },
        .time = { "{json:event.timestamp}" },
        .deadline = 2500,
        .retries = NGX_ER_HOUR / 6
    },

    {
        .name = "discord-interactions",
        .verify = "ed25519",
        .key = "hex",
        .signed_ = "{ts}{body}",
        .signature = "header:X-Signature-Ed25519 encoding=hex",
        .timestamp = "header:X-Signature-Timestamp unit=s tolerance=0s",
        .id = { "{json:id}" },
        .type = { "{json:type}" },
        .subject = { "{json:guild_id}", "{json:application_id}" },
        .deadline = 2500,
        .answer = "200 application/json {\"type\":5}"
    },

    {
        .name = "e2b",
        .verify = "sha256",
        .key = "utf8",
        .signed_ = "{secret}{body}",
        .signature = "header:e2b-signature encoding=base64-unpadded",
        .id = { "{json:id}" },
        .type = { "{json:type}" },
        .subject = { "{json:sandboxTeamId}" },
        .time = { "{json:timestamp}" }
    },

    {
        .name = "ebay",
        .verify = "off",
        .id = { "{json:notification.notificationId}" },
        .type = { "{json:metadata.topic}" },
        .time = { "{json:notification.eventDate}" }
    },

    {
        .name = "eventgrid",
        .verify = "token",
        .key = "utf8",
        .signature = "query:code",
        .id = { "{json:0.id}" },
        .type = { "{json:0.eventType}" },
        .subject = { "{json:0.topic}" },
        .time = { "{json:0.eventTime}" },
        .split = "data",
        .retries = 24 * NGX_ER_HOUR,
        .coarse = 1
    },

    {
        .name = "gitlab",
        .verify = "token",
        .key = "utf8",
        .signature = "header:X-Gitlab-Token",
        .id = { "{header:Idempotency-Key}", "{header:X-Gitlab-Event-UUID}" },
        .type = { "{header:X-Gitlab-Event}" },
        .subject = {
            "{json:project.path_with_namespace}",
            "{json:group.full_path}"
        },
        .max_size = 25 * NGX_ER_MEGABYTE
    },

    {
        .name = "google-pubsub",
        .verify = "jwt",
        .key = "pem",
        .signature = "header:Authorization prefix=Bearer",
        .jwt = "algorithms=RS256 leeway=60s "
               "issuer=https://accounts.google.com",
        .id = { "{json:message.messageId}" },
        .type = { "{json:message.attributes.eventType}",
                  "google.cloud.pubsub.topic.v1.messagePublished" },
        .subject = { "{json:subscription}" },
        .time = { "{json:message.publishTime}" },
        .payload = "base64:message.data",
        .deadline = 9000,
        .retries = 168 * NGX_ER_HOUR,
        .window = 192 * NGX_ER_HOUR,
        .max_size = 14 * NGX_ER_MEGABYTE
    },

    {
        .name = "hubspot-v1",
        .verify = "sha256",
        .key = "utf8",
        .signed_ = "{secret}{body}",
        .signature = "header:X-HubSpot-Signature encoding=hex",
        .id = { "{json:0.eventId}" },
        .type = { "{json:0.subscriptionType}" },
        .subject = { "{json:0.portalId}" },
        .time = { "{json:0.occurredAt}" },
        .split = "data",
        .own_body = 1
    },

    {
        .name = "hubspot-v2",
        .verify = "sha256",
        .key = "utf8",
        .signed_ = "{secret}{method}{url}{body}",
        .signature = "header:X-HubSpot-Signature encoding=hex",
        .id = { "{json:0.eventId}" },
        .type = { "{json:0.subscriptionType}" },
        .subject = { "{json:0.portalId}" },
        .time = { "{json:0.occurredAt}" },
        .split = "data",
        .own_body = 1
    },

    {
        .name = "jotform",
        .verify = "off",
        .id = { "{form:submissionID}" },
        .type = { "submission" },
        .subject = { "{form:formID}" },
        .payload = "form:rawRequest",
        .accept = "application/x-www-form-urlencoded multipart/form-data",
        .coarse = 1
    },

    {
        .name = "jwks",
        .verify = "jwt",
        .key = "pem",
        .signature = "header:Authorization prefix=Bearer",
        .jwt = "leeway=60s",
        .id = { "{jwt:jti}", "{json:id}" },
        .type = { "{json:type}" },
        .subject = { "{jwt:iss}" },
        .time = { "{jwt:iat}" },
        .accept = NGX_ER_ACCEPT_EVENTS,
        .coarse = 1
    },

    {
        .name = "jwt-hs256",
        .verify = "jwt",
        .key = "utf8",
        .signature = "header:Authorization prefix=Bearer",
        .jwt = "algorithms=HS256 leeway=60s audience=hooks",
        .id = { "{jwt:jti}", "{json:id}" },
        .type = { "{json:type}" },
        .subject = { "{jwt:iss}" },
        .time = { "{jwt:iat}" },
        .accept = NGX_ER_ACCEPT_EVENTS,
        .coarse = 1
    },

    {
        .name = "jwt-rs256",
        .verify = "jwt",
        .key = "pem",
        .signature = "header:Authorization prefix=Bearer",
        .jwt = "algorithms=RS256 leeway=60s audience=hooks",
        .id = { "{jwt:jti}", "{json:id}" },
        .type = { "{json:type}" },
        .subject = { "{jwt:iss}" },
        .time = { "{jwt:iat}" },
        .accept = NGX_ER_ACCEPT_EVENTS,
        .coarse = 1
    },

    {
        .name = "livekit",
        .verify = "jwt",
        .key = "utf8",
        .signature = "header:Authorization",
        .body_digest = "jwt:sha256 sha256 base64",
        .jwt = "algorithms=HS256 leeway=60s",
        .id = { "{json:id}" },
        .type = { "{json:event}" },
        .subject = { "{json:room.name}" },
        .time = { "{json:createdAt}" }
    },

    {
        .name = "mailchimp",
        .verify = "token",
        .key = "utf8",
        .signature = "query:key",
        .type = { "{form:type}" },
        .subject = { "{form:data[list_id]}" },
        .accept = "application/x-www-form-urlencoded",
        .own_body = 1
    },

    {
        .name = "monday",
        .verify = "jwt",
        .key = "utf8",
        .signature = "header:Authorization",
        .jwt = "algorithms=HS256 leeway=60s",
        .id = { "{json:event.triggerUuid}" },
        .type = { "{json:event.type}" },
        .subject = { "{jwt:accountId}" },
        .time = { "{json:event.triggerTime}" }
    },

    {
        .name = "msgraph",
        .verify = "token",
        .key = "utf8",
        .signature = "json:value.0.clientState",
        .id = { "{json:value.0.id}" },
        .type = { "{json:value.0.changeType}" },
        .subject = { "{json:value.0.tenantId}" },
        .split = "data.value",
        .max_batch = 1000,
        .accept = NGX_ER_ACCEPT_TEXT,
        .own_body = 1
    },

    {
        .name = "netlify",
        .verify = "jwt",
        .key = "utf8",
        .signature = "header:X-Webhook-Signature",
        .body_digest = "jwt:sha256 sha256 hex",
        .jwt = "algorithms=HS256 leeway=60s expires=off issuer=netlify",
        .id = { "{json:id}" },
        .type = { "{json:state}" },
        .subject = { "{json:site_id}" },
        .time = { "{json:updated_at}" },
        .coarse = 1
    },

    {
        .name = "okta",
        .verify = "token",
        .key = "utf8",
        .signature = "header:Authorization",
        .id = { "{json:data.events.0.uuid}" },
        .type = { "{json:data.events.0.eventType}" },
        .subject = { "{json:source}" },
        .time = { "{json:data.events.0.published}" },
        .split = "data.events",
        .deadline = 2500,
        .coarse = 1
    },

    {
        .name = "paypal-pinned",
        .verify = "rsa-sha256",
        .key = "pem",
        .signed_ =
            "{header:PAYPAL-TRANSMISSION-ID}|"
            "{header:PAYPAL-TRANSMISSION-TIME}|{const:webhook_id}|"
            "{body_crc32}",
        .signature = "header:PAYPAL-TRANSMISSION-SIG encoding=base64",
        .timestamp = "header:PAYPAL-TRANSMISSION-TIME unit=rfc3339 "
                     "tolerance=300s",
        .id = { "{json:id}" },
        .type = { "{json:event_type}" },
        .subject = { "{json:resource.payee.merchant_id}" },
        .time = { "{json:create_time}" },
        .retries = 72 * NGX_ER_HOUR,
        .window = 96 * NGX_ER_HOUR
    },

    {
        .name = "plaid",
        .verify = "jwt",
        .key = "pem",
        .signature = "header:Plaid-Verification",
        .body_digest = "jwt:request_body_sha256 sha256 hex",
        .jwt = "algorithms=ES256 leeway=5s max_age=5m by=kid",
        .id = { "{jwt:iat}.{body_sha256}" },
        .type = { "{json:webhook_type}.{json:webhook_code}" },
        .subject = { "{json:item_id}" },
        .time = { "{jwt:iat}" },
        .deadline = 9000,
        .retries = 24 * NGX_ER_HOUR,
        .answer = "200"
    },

    {
        .name = "ringcentral",
        .verify = "token",
        .key = "utf8",
        .signature = "header:Verification-Token",
        .id = { "{json:uuid}" },
        .type = { "{json:event}" },
        .subject = { "{json:ownerId}" },
        .time = { "{json:timestamp}" }
    },

    {
        .name = "salesforce",
        .verify = "token",
        .key = "utf8",
        .signature = "query:token",
        .id = { "{body_sha256}" },
        .accept = "text/xml application/soap+xml",
        .retries = 24 * NGX_ER_HOUR,
        .answer =
            "200 text/xml "
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>"
            "<soapenv:Envelope xmlns:soapenv="
            "\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Body>"
            "<notificationsResponse xmlns="
            "\"http://soap.sforce.com/2005/09/outbound\"><Ack>true</Ack>"
            "</notificationsResponse></soapenv:Body></soapenv:Envelope>"
    },

    {
        .name = "sendgrid",
        .verify = "ecdsa-sha256",
        .key = "spki-base64",
        .signed_ = "{ts}{body}",
        .signature = "header:X-Twilio-Email-Event-Webhook-Signature "
                     "encoding=base64",
        .timestamp = "header:X-Twilio-Email-Event-Webhook-Timestamp unit=s "
                     "tolerance=0s",
        .id = { "{json:0.sg_event_id}" },
        .type = { "{json:0.event}" },
        .time = { "{json:0.timestamp}" },
        .split = "data",
        .max_batch = 10000,
        .retries = 24 * NGX_ER_HOUR,
        .own_body = 1
    },

    {
        .name = "sendgrid-inbound",
        .verify = "ecdsa-sha256",
        .key = "spki-base64",
        .signed_ = "{ts}{body}",
        .signature = "header:X-Twilio-Email-Event-Webhook-Signature "
                     "encoding=base64",
        .timestamp = "header:X-Twilio-Email-Event-Webhook-Timestamp unit=s "
                     "tolerance=0s",
        .id = { "{body_sha256}" },
        .type = { "inbound" },
        .accept = "multipart/form-data",
        .retries = 72 * NGX_ER_HOUR,
        .window = 96 * NGX_ER_HOUR,
        .max_size = 30 * NGX_ER_MEGABYTE,
        .own_body = 1
    },

    {
        .name = "sparkpost",
        .verify = "basic",
        .signature = "header:Authorization",
        .id = {
            "{json:0.msys.message_event.event_id}",
            "{json:0.msys.track_event.event_id}",
            "{json:0.msys.unsubscribe_event.event_id}",
            "{json:0.msys.gen_event.event_id}",
            "{json:0.msys.ingest_event.event_id}",
            "{json:0.msys.ab_test_event.event_id}",
            "{header:X-MessageSystems-Batch-ID}"
        },
        .type = {
            "{json:0.msys.message_event.type}",
            "{json:0.msys.track_event.type}",
            "{json:0.msys.unsubscribe_event.type}",
            "{json:0.msys.gen_event.type}",
            "{json:0.msys.ingest_event.type}",
            "{json:0.msys.ab_test_event.type}"
        },
        .subject = {
            "{json:0.msys.message_event.customer_id}",
            "{json:0.msys.track_event.customer_id}"
        },
        .time = {
            "{json:0.msys.message_event.timestamp}",
            "{json:0.msys.track_event.timestamp}",
            "{json:0.msys.unsubscribe_event.timestamp}",
            "{json:0.msys.gen_event.timestamp}"
        },
        .split = "data",
        .max_batch = 10000,
        .deadline = 9000,
        .retries = 8 * NGX_ER_HOUR,
        .answer = "200",
        .own_body = 1
    },

    {
        .name = "standardwebhooks-v1a",
        .verify = "ed25519",
        .key = "base64 strip=whpk_",
        .signed_ = "{id}.{ts}.{body}",
        .signature = "header:webhook-signature separator=space prefix=v1a, "
                     "encoding=base64",
        .timestamp = "header:webhook-timestamp unit=s tolerance=300s",
        .id = { "{header:webhook-id}" },
        .type = { "{json:type}" },
        .time = { "{json:timestamp}" },
        .retries = 75 * NGX_ER_HOUR,
        .window = 96 * NGX_ER_HOUR
    },

    {
        .name = "strava",
        .verify = "off",
        .id = {
            "{json:object_type}.{json:object_id}.{json:aspect_type}."
            "{json:event_time}"
        },
        .type = { "{json:object_type}.{json:aspect_type}" },
        .subject = { "{json:owner_id}" },
        .time = { "{json:event_time}" },
        .coarse = 1
    },

    {
        .name = "telnyx",
        .verify = "ed25519",
        .key = "base64",
        .signed_ = "{ts}|{body}",
        .signature = "header:telnyx-signature-ed25519 encoding=base64",
        .timestamp = "header:telnyx-timestamp unit=s tolerance=300s",
        .id = { "{json:data.id}" },
        .type = { "{json:data.event_type}" },
        .time = { "{json:data.occurred_at}" },
        .own_body = 1
    },

    { .name = NULL }
};
