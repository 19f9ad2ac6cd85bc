
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The producers' challenges, as data: how each checks an endpoint before it
 * sends.  handshake_rule.c reads the rows at configuration time; a producer
 * may have several.
 *
 * A row has the words of a block "handshake" of nginx.conf, without quotes: a
 * line of "match" and "require" is NAME and its VALUEs, with blanks between
 * them.  "headers" holds lines "Name: TEXT": a line that has an undefined
 * variable is left out, and the first line of a name counts.  Texts are as in
 * echo.h.
 *
 * An answer with an HMAC, without "signed", signs what anybody asks, with the
 * key of the events.  That is only good where no event can be a challenge:
 * such a source takes nothing but JSON, and no challenge is JSON.  Where the
 * producer's events are no JSON, "apart" is how they are signed, and it is
 * another row that refuses an event that can be a challenge.
 */


#include "challenges.h"


#define NGX_ER_TEXT           "text/plain"
#define NGX_ER_JSON           "application/json"


ngx_er_preset_handshake_t  ngx_er_preset_handshakes[] = {

    {
        .preset = "asana",
        .method = "POST",
        .match = "header:X-Hook-Secret",
        .status = 200,
        .headers = "X-Hook-Secret: {header:X-Hook-Secret}"
    },

    {
        .preset = "braintree",
        .method = "GET",
        .match = "query:bt_challenge",
        .require = "query:bt_challenge hex:20-32",
        .status = 200,
        .type = NGX_ER_TEXT,
        .body = "{const:public_key}|{hmac-sha1-hex:query:bt_challenge}",
        .apart = "{form:bt_payload}"
    },

    {
        .preset = "braintree",
        .method = "POST",
        .match = "form:bt_payload hex:0-32",
        .status = 400
    },

    {
        .preset = "cloudevents",
        .method = "OPTIONS",
        .match = "header:WebHook-Request-Origin",
        .require = "header:WebHook-Request-Origin const:origins",
        .deny = 405,
        .status = 200,
        .headers = "Allow: POST\n"
                   "WebHook-Allowed-Origin: "
                   "{header:WebHook-Request-Origin}\n"
                   "WebHook-Allowed-Rate: {const:rate}\n"
                   "WebHook-Allowed-Rate: *"
    },

    {
        .preset = "discord-events",
        .method = "POST",
        .match = "json:type 0",
        .status = 204,
        .signed_ = 1
    },

    {
        .preset = "discord-interactions",
        .method = "POST",
        .match = "json:type 1",
        .status = 200,
        .type = NGX_ER_JSON,
        .body = "{\"type\":1}",
        .signed_ = 1
    },

    {
        .preset = "dropbox",
        .method = "GET",
        .match = "query:challenge",
        .status = 200,
        .type = NGX_ER_TEXT,
        .body = "{query:challenge}"
    },

    {
        .preset = "ebay",
        .method = "GET",
        .match = "query:challenge_code",
        .status = 200,
        .type = NGX_ER_JSON,
        .body = "{\"challengeResponse\":\"{sha256-hex:"
                "query:challenge_code+const:verification_token+url}\"}"
    },

    {
        .preset = "eventgrid",
        .method = "POST",
        .match = "json:0.eventType "
                 "Microsoft.EventGrid.SubscriptionValidationEvent",
        .status = 200,
        .type = NGX_ER_JSON,
        .body = "{\"validationResponse\":{json:0.data.validationCode}}",
        .signed_ = 1
    },

    {
        .preset = "front",
        .method = "POST",
        .match = "header:X-Front-Challenge",
        .status = 200,
        .type = NGX_ER_TEXT,
        .body = "{header:X-Front-Challenge}",
        .signed_ = 1
    },

    {
        .preset = "intercom",
        .method = "HEAD",
        .status = 200
    },

    {
        .preset = "linkedin",
        .method = "GET",
        .match = "query:challengeCode",
        .status = 200,
        .type = NGX_ER_JSON,
        .body = "{\"challengeCode\":{query:challengeCode},"
                "\"challengeResponse\":"
                "\"{hmac-sha256-hex:query:challengeCode}\"}"
    },

    {
        .preset = "mailchimp",
        .method = "GET",
        .status = 200
    },

    {
        .preset = "mandrill",
        .method = "HEAD",
        .status = 200
    },

    {
        .preset = "meta",
        .method = "GET",
        .match = "query:hub.mode",
        .require = "query:hub.mode subscribe\n"
                   "query:hub.verify_token const:verify_token",
        .deny = 403,
        .status = 200,
        .type = NGX_ER_TEXT,
        .body = "{query:hub.challenge}"
    },

    {
        .preset = "monday",
        .method = "POST",
        .match = "json:challenge",
        .status = 200,
        .type = NGX_ER_JSON,
        .body = "{\"challenge\":{json:challenge}}"
    },

    {
        .preset = "msgraph",
        .method = "POST",
        .match = "query:validationToken",
        .status = 200,
        .type = NGX_ER_TEXT,
        .body = "{query:validationToken}"
    },

    {
        .preset = "nylas",
        .method = "GET",
        .match = "query:challenge",
        .status = 200,
        .type = NGX_ER_TEXT,
        .body = "{query:challenge}"
    },

    {
        .preset = "okta",
        .method = "GET",
        .match = "header:X-Okta-Verification-Challenge",
        .status = 200,
        .type = NGX_ER_JSON,
        .body = "{\"verification\":"
                "{header:X-Okta-Verification-Challenge}}"
    },

    {
        .preset = "ringcentral",
        .method = "POST",
        .match = "header:Validation-Token",
        .status = 200,
        .headers = "Validation-Token: {header:Validation-Token}"
    },

    {
        .preset = "slack",
        .method = "POST",
        .match = "json:type url_verification",
        .status = 200,
        .type = NGX_ER_TEXT,
        .body = "{json:challenge}",
        .signed_ = 1
    },

    {
        .preset = "slack",
        .method = "GET",
        .match = "query:ssl_check 1",
        .status = 200
    },

    {
        .preset = "slack",
        .method = "POST",
        .match = "form:ssl_check 1",
        .status = 200
    },

    {
        .preset = "strava",
        .method = "GET",
        .match = "query:hub.mode",
        .require = "query:hub.mode subscribe\n"
                   "query:hub.verify_token const:verify_token",
        .deny = 403,
        .status = 200,
        .type = NGX_ER_JSON,
        .body = "{\"hub.challenge\":{query:hub.challenge}}"
    },

    {
        .preset = "trello",
        .method = "HEAD",
        .status = 200
    },

    {
        .preset = "twitch",
        .method = "POST",
        .match = "header:Twitch-Eventsub-Message-Type "
                 "webhook_callback_verification",
        .status = 200,
        .type = NGX_ER_TEXT,
        .body = "{json:challenge}",
        .signed_ = 1
    },

    {
        .preset = "websub",
        .method = "GET",
        .match = "query:hub.mode",
        .require = "query:hub.mode subscribe unsubscribe\n"
                   "query:hub.topic const:topic",
        .deny = 404,
        .status = 200,
        .type = NGX_ER_TEXT,
        .body = "{query:hub.challenge}"
    },

    {
        .preset = "woocommerce",
        .method = "POST",
        .match = "form:webhook_id",
        .status = 200
    },

    {
        .preset = "x",
        .method = "GET",
        .match = "query:crc_token",
        .status = 200,
        .type = NGX_ER_JSON,
        .body = "{\"response_token\":"
                "\"sha256={hmac-sha256-base64:query:crc_token}\"}"
    },

    {
        .preset = "zoom",
        .method = "POST",
        .match = "json:event endpoint.url_validation",
        .status = 200,
        .type = NGX_ER_JSON,
        .body = "{\"plainToken\":{json:payload.plainToken},"
                "\"encryptedToken\":"
                "\"{hmac-sha256-hex:json:payload.plainToken}\"}",
        .signed_ = 1
    },

    { .preset = NULL }
};
