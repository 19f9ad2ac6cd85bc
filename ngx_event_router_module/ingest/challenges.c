
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The producers' challenges, as data: how each checks an endpoint before it
 * sends.  handshake.c compiles the rows at configuration time; a producer may
 * have several.
 *
 * "match" and "require" hold lines "NAME VALUE", where NAME is a variable of a
 * template and VALUE is
 *     *              it is there, whatever it says
 *     a|b            it is one of these
 *     const:NAME     it is one of the values of the source's own
 *                    "constant NAME a|b;" ("*": any)
 * All lines of "match" must hold for the request to be this challenge at all;
 * if then a line of "require" does not, the answer is the status "deny".
 * "headers" holds lines "Name: TEXT": a line that has an undefined variable is
 * left out, and the first line of a name counts.  In TEXT and in "body" stand
 *     {{VAR}}                   the value as it is
 *     {{jsonstr:VAR}}           as a JSON string, with its quotes
 *     {{hmac-sha256-hex:VAR}}   HMAC keyed with the source's first secret
 *     {{hmac-sha256-base64:VAR}}
 *     {{sha256-hex:A+B+C}}      of the values one behind the other
 * and everything else stands for itself, single braces too.  Here "url" is
 * the endpoint as it was registered: the URL without its query string.
 */


#include "challenges.h"


#define NGX_ER_TEXT           "Content-Type: text/plain"
#define NGX_ER_JSON           "Content-Type: application/json"


ngx_er_preset_handshake_t  ngx_er_preset_handshakes[] = {

    {
        .preset = "asana",
        .method = "POST",
        .match = "header:X-Hook-Secret *",
        .status = 200,
        .headers = "X-Hook-Secret: {{header:X-Hook-Secret}}"
    },

    {
        .preset = "cloudevents",
        .method = "OPTIONS",
        .match = "header:WebHook-Request-Origin *",
        .require = "header:WebHook-Request-Origin const:origins",
        .deny = 405,
        .status = 200,
        .headers = "Allow: POST\n"
                   "WebHook-Allowed-Origin: "
                   "{{header:WebHook-Request-Origin}}\n"
                   "WebHook-Allowed-Rate: {{const:rate}}\n"
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
        .headers = NGX_ER_JSON,
        .body = "{\"type\":1}",
        .signed_ = 1
    },

    {
        .preset = "ebay",
        .method = "GET",
        .match = "query:challenge_code *",
        .status = 200,
        .headers = NGX_ER_JSON,
        .body = "{\"challengeResponse\":\"{{sha256-hex:"
                "query:challenge_code+const:verification_token+url}}\"}"
    },

    {
        .preset = "front",
        .method = "POST",
        .match = "header:X-Front-Challenge *",
        .status = 200,
        .headers = NGX_ER_TEXT,
        .body = "{{header:X-Front-Challenge}}",
        .signed_ = 1
    },

    {
        .preset = "linkedin",
        .method = "GET",
        .match = "query:challengeCode *",
        .status = 200,
        .headers = NGX_ER_JSON,
        .body = "{\"challengeCode\":{{jsonstr:query:challengeCode}},"
                "\"challengeResponse\":"
                "\"{{hmac-sha256-hex:query:challengeCode}}\"}"
    },

    {
        .preset = "meta",
        .method = "GET",
        .match = "query:hub.mode *",
        .require = "query:hub.mode subscribe\n"
                   "query:hub.verify_token const:verify_token",
        .deny = 403,
        .status = 200,
        .headers = NGX_ER_TEXT,
        .body = "{{query:hub.challenge}}"
    },

    {
        .preset = "monday",
        .method = "POST",
        .match = "json:challenge *",
        .status = 200,
        .headers = NGX_ER_JSON,
        .body = "{\"challenge\":{{jsonstr:json:challenge}}}"
    },

    {
        .preset = "msgraph",
        .method = "POST",
        .match = "query:validationToken *",
        .status = 200,
        .headers = NGX_ER_TEXT,
        .body = "{{query:validationToken}}"
    },

    {
        .preset = "nylas",
        .method = "GET",
        .match = "query:challenge *",
        .status = 200,
        .headers = NGX_ER_TEXT,
        .body = "{{query:challenge}}"
    },

    {
        .preset = "ringcentral",
        .method = "POST",
        .match = "header:Validation-Token *",
        .status = 200,
        .headers = "Validation-Token: {{header:Validation-Token}}"
    },

    {
        .preset = "slack",
        .method = "POST",
        .match = "json:type url_verification",
        .status = 200,
        .headers = NGX_ER_TEXT,
        .body = "{{json:challenge}}",
        .signed_ = 1
    },

    {
        .preset = "strava",
        .method = "GET",
        .match = "query:hub.mode *",
        .require = "query:hub.mode subscribe\n"
                   "query:hub.verify_token const:verify_token",
        .deny = 403,
        .status = 200,
        .headers = NGX_ER_JSON,
        .body = "{\"hub.challenge\":{{jsonstr:query:hub.challenge}}}"
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
        .headers = NGX_ER_TEXT,
        .body = "{{json:challenge}}",
        .signed_ = 1
    },

    {
        .preset = "websub",
        .method = "GET",
        .match = "query:hub.mode *",
        .require = "query:hub.mode subscribe|unsubscribe\n"
                   "query:hub.topic const:topic",
        .deny = 404,
        .status = 200,
        .headers = NGX_ER_TEXT,
        .body = "{{query:hub.challenge}}"
    },

    {
        .preset = "woocommerce",
        .method = "POST",
        .match = "form:webhook_id *",
        .status = 200
    },

    {
        .preset = "x",
        .method = "GET",
        .match = "query:crc_token *",
        .status = 200,
        .headers = NGX_ER_JSON,
        .body = "{\"response_token\":"
                "\"sha256={{hmac-sha256-base64:query:crc_token}}\"}"
    },

    {
        .preset = "zoom",
        .method = "POST",
        .match = "json:event endpoint.url_validation",
        .status = 200,
        .headers = NGX_ER_JSON,
        .body = "{\"plainToken\":{{jsonstr:json:payload.plainToken}},"
                "\"encryptedToken\":"
                "\"{{hmac-sha256-hex:json:payload.plainToken}}\"}",
        .signed_ = 1
    },

    { .preset = NULL }
};
