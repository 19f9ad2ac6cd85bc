
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Signatures that say more than one thing: lists of sets, each with a time of
 * its own; texts with parts that may be missing; a version that names the
 * digest.  What a forger makes of it, and what nginx -t finds.
 */


#include "forge.h"
#include "../../ngx_event_router_module/ingest/template.h"


#define KEY   "0123456789abcdef"
#define SETS  "verify hmac-sha256; signature header:X-Sig "                   \
              "separator=,space prefix=v1= encoding=hex; timestamp sig:t=; "  \
              SECRET "signed {ts}.{body}; "

#define TEXT  "signed Message\n{json:Message}\nId\n{json:Id}\n"               \
              "{if~json:Subject}Subject\n{json:Subject}\n{end}"               \
              "Time\n{json:Time}\n"                                           \
              "{if~json:Token}Token\n{json:Token}\n{end}"                     \
              "Type\n{json:Type}\n; "
#define IFS   "verify hmac-sha256; signature header:X-Sig encoding=hex; "     \
              SECRET TEXT

#define SNS   "key pem; signature json:Signature encoding=base64; secret "    \
              TEST_RSA "; signed Message\n{json:Message}\n"                   \
              "MessageId\n{json:MessageId}\n"                                 \
              "{if~json:Subject}Subject\n{json:Subject}\n{end}"               \
              "{if~json:SubscribeURL}SubscribeURL\n{json:SubscribeURL}\n"     \
              "{end}Timestamp\n{json:Timestamp}\n"                            \
              "{if~json:Token}Token\n{json:Token}\n{end}"                     \
              "TopicArn\n{json:TopicArn}\nType\n{json:Type}\n; "

/* "~" is a blank: conf() splits at those */

#define TEST_RSA                                                              \
    "-----BEGIN~PUBLIC~KEY-----\n"                                            \
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAslaOETVsY1TCTuLdzaXC\n"      \
    "Q5OvXwcyuML4qTz7Yc3+J2sikCEWxWlmpVUrbdEvGxocGuZNH/KUjqZ4GnYhXyuM\n"      \
    "1golJSkrtBKQF8maz3EZEPrKvqEwEHpKHhEVyHSFj3azU0xKfTuI+Yfcl/+GvQxb\n"      \
    "SCn51RNfGXKPJqVESVubJS2aBK29NHxiXb0y5WIJhH9QFlGcuySxGanMjLZDeOvw\n"      \
    "x+ga9VVxUuE2qMvASNL6wMxrYopOqJbC/lGegy1MU21rRWFmJ5dqJYH1E5Ky8tDm\n"      \
    "ZRpTwO5Q17XWZATFihtpKjdbInwjLPGup9l29Ocvd1J+2vPnQkSlaNc81i5W4Pah\n"      \
    "xQIDAQAB\n"                                                              \
    "-----END~PUBLIC~KEY-----\n"


/* of Amazon SNS's form, with a subject and without */

static const char  version2[] =
    "{\"Type\":\"Notification\",\"MessageId\":\"sns-3\",\"TopicArn\":"
    "\"arn:aws:sns:us-east-1:1:t\",\"Message\":\"{\\\"order\\\":1,\\\""
    "total\\\":1500}\",\"Timestamp\":\"2026-01-01T00:00:00.000Z\",\"S"
    "ubject\":\"Hi\",\"SignatureVersion\":\"2\",\"Signature\":\"pBL3F"
    "HnOL1Fj65aL+r24HSGi9SqdZrZvm7p+Q5iFnlL0sV32SY+XI2iP1x6OjG03Kxw5t"
    "4oVRhZ8rjxFYpb2KfWU6PuEADt3QmoSxPh84z2zyTleWGOCxE4PFr3DfnM5KaGKL"
    "db45/1tqeP2Xy0Tl8KJjqEOER2ZV1JdLwFGYF8ujZbMpMvuCrwGNCFD5ZAq3v90y"
    "BaRQ+LAyzfjY5mXlXZvKyLj4GZcR5rJ4LTQeb0BMhKgKNpPISQ4+joNY39L7N36/"
    "SZmiw+AMst/u1Ao//lKQwMsm/KR9nS7vphPpbVcwXkA3dOOVdZsxtNOuduCDdUnB"
    "wKGKyNsv8Y231OvqQ==\"}";


static const char  version1[] =
    "{\"Type\":\"Notification\",\"MessageId\":\"sns-4\",\"TopicArn\":"
    "\"arn:aws:sns:us-east-1:1:t\",\"Message\":\"{\\\"order\\\":1,\\\""
    "total\\\":1500}\",\"Timestamp\":\"2026-01-01T00:00:00.000Z\",\"S"
    "ignatureVersion\":\"1\",\"Signature\":\"bn480AAy7yrmd0R2QVS5R2hj"
    "/k4dJC1B6L3vFp7uwUXihElRDjsLv6LkHyoKGACPA2rjdZSoveerIy36rUikCrER"
    "knPvC0TYOiQ2NKLuVBHon2RQRb5ZUlTISEqX87lGh1/i5EJBUMVGD2pnMe4+v2y0"
    "z771dF+QqeLUKeVk6PcXXRnnaeGn1ExH6xPHqwep9YTjIg8H/B/puj5bqFKWCH/t"
    "BOwtvXWohq8RZGdEcC9jo6lan/NJA12l9A+td/2VBzn6snXGDhWCkMU8vA/9IpVE"
    "u7WWT2i/Q2bi9pr91DYRywtOgFUcsNum1Gh83pN2DoMKKGbXvFXzM64edySqXA=="
    "\"}";


static const char *
signed_at(ngx_uint_t at)
{
    return mac(KEY, format("%lu." TEST_BODY, (unsigned long) at));
}


static void
sets(void)
{
    char               *p;
    size_t              i, len;
    ngx_str_t           text;
    const char         *now, *old, *good;
    ngx_er_verify_t    *v;
    ngx_er_template_t  *t;

    now = signed_at(TEST_NOW);
    old = signed_at(TEST_NOW - 3600);

    v = conf(SETS);

    accepts(v, format("X-Sig: t=1790000000,v1=00 t=1790000000,v1=%s", now),
            "two sets, the second fits");
    accepts(v, format("X-Sig: t=1790000000,v1=%s t=1790000000,v1=00", now),
            "two sets, the first fits");
    accepts(v, format("X-Sig: t=1789999990,v1=%s t=1790000000,v1=00",
                      signed_at(1789999990)), "times of their own, the first");
    accepts(v, format("X-Sig: t=1790000000,v1=00 t=1789999990,v1=%s",
                      signed_at(1789999990)), "and the second");
    accepts(v, format("X-Sig: t=1789999990,t=1790000000,v1=%s", now),
            "the last time before it counts");
    accepts(v, format("X-Sig: v1=%s,t=1790000000", now),
            "one time stands where it likes");

    /* what was seen once is not fresh for a time beside it */

    refuses(v, format("X-Sig: t=1790000000,v1=00 t=1789996400,v1=%s", old),
            "too old", "an old set behind a new one");
    refuses(v, format("X-Sig: t=1789996400,v1=%s t=1790000000,v1=00", old),
            "too old", "an old set before a new one");
    refuses(v, format("X-Sig: t=1789996400,v1=%s,t=1790000000", old),
            "too old", "a new time behind it");
    refuses(v, format("X-Sig: t=1789996400 t=1790000000,v1=%s", old),
            "match", "a new time between the old one and it");
    refuses(v, format("X-Sig: v1=%s,t=1789996400 t=1790000000,v1=00", old),
            "more than once", "a signature of no set");
    accepts(v, format("X-Sig: t=1789996400,v1=%s t=1790000000,v1=%s", old,
                      now), "a good one beside one that is too old");
    accepts(v, format("X-Sig: t=1790000000,v1=%s t=1789996400,v1=%s", now,
                      old), "and before it");
    refuses(v, format("X-Sig: t=1790000000,v1=%s t=1789996400,v1=%s", old,
                      now), "match", "the times exchanged");
    refuses(v, format("X-Sig: t=1790000000,v0=%s t=1790000001,v0=00", now),
            "scheme", "another scheme in each");
    refuses(v, format("X-Sig: t=x,v1=%s t=,v1=%s", mac(KEY, "x." TEST_BODY),
                      now), "not a time", "an empty time");
    refuses(v, format("X-Sig: t=x,v1=%s t=1,v1=00", mac(KEY, "x." TEST_BODY)),
            "not a time", "a time that is none");

    /* a bound on how often the body is hashed, and on signatures */

    accepts(v, format("X-Sig: t=1,v1=0 t=2,v1=0 t=3,v1=0 t=1790000000,v1=%s",
                      now), "four times");
    refuses(v, format("X-Sig: t=1,v1=0 t=2,v1=0 t=3,v1=0 t=4,v1=0 "
                      "t=1790000000,v1=%s", now), "too many", "five times");

    p = (char *) format("X-Sig: t=1790000000");

    for (i = 0; i < 15; i++) {
        sprintf(p + strlen(p), ",v1=%02x", (unsigned) i);
    }

    accepts(v, format("%s t=1789999990,v1=%s", p, signed_at(1789999990)),
            "16 signatures in two sets");
    refuses(v, format("%s t=1789999990,v1=00,v1=%s", p,
                      signed_at(1789999990)), "too many", "17 of them");

    /* each byte that is signed, and the signature itself */

    good = format("t=1790000000,v1=00 t=1789999990,v1=%s",
                  signed_at(1789999990));
    len = strlen(good);

    for (i = len - 64 - 4 - 10; i < len; i++) {
        p = (char *) str(good).data;
        p[i] = (p[i] == '1') ? '2' : '1';
        refuses(v, format("X-Sig: %s", p), "", "another byte in the list");
    }

    for (i = 0; i < strlen(TEST_BODY); i++) {
        p = (char *) str(TEST_BODY).data;
        p[i] ^= 1;
        refused(ask_body(v, format("X-Sig: %s", good), p), "match", __LINE__,
                "another byte in the body");
    }

    /* whoever repeats it leaves one set out, and has another {ts} */

    text = str("{ts}");
    (void) ngx_er_template_compile(pool, &text, fields, &t, &err);
    ok(!ngx_er_verify_covers(v, t), "a time of several is no id");

    text = str("{json:id}");
    (void) ngx_er_template_compile(pool, &text, fields, &t, &err);
    ok(ngx_er_verify_covers(v, t), "what is in the body is one");

    v = conf("verify token; signature header:X-Sig separator=,space "
             "prefix=v1=; timestamp sig:t=; secret " KEY ";");
    accepts(v, "X-Sig: t=1790000000,v1=" KEY " t=1790000000,v1=x",
            "a token, and one time twice");
    refuses(v, "X-Sig: t=1,v1=x t=1790000000,v1=" KEY, "more than once",
            "a token that is in no set");
}


/* the text as Message, Id, Subject, Time, Token, Type; NULL: not there */

static const char *
text_of(const char *message, const char *id, const char *subject,
    const char *token)
{
    return format("Message\n%s\nId\n%s\n%s%s%sTime\nT\n%s%s%sType\nN\n",
                  message, id, subject ? "Subject\n" : "",
                  subject ? subject : "", subject ? "\n" : "",
                  token ? "Token\n" : "", token ? token : "",
                  token ? "\n" : "");
}


static const char *
json_of(const char *message, const char *id, const char *more)
{
    return format("{\"Message\":\"%s\",\"Id\":\"%s\",%s\"Time\":\"T\","
                  "\"Type\":\"N\"}", message, id, more);
}


static void
optional(void)
{
    ngx_uint_t        i;
    const char       *sig;
    ngx_er_verify_t  *v;

#define IS(text, body)                                                        \
    ask_body(v, format("X-Sig: %s", mac(KEY, text)), body)

    v = conf(IFS);

    if (!ok(v != NULL, "{if} in \"signed\"")) {
        diag("%.*s", (int) err.len, err.text);
        return;
    }

    accepted(IS(text_of("m", "i", NULL, NULL), json_of("m", "i", "")),
             __LINE__, "without the optional text");
    accepted(IS(text_of("m", "i", "s", NULL),
                json_of("m", "i", "\"Subject\":\"s\",")),
             __LINE__, "with one of two");
    accepted(IS(text_of("m", "i", NULL, "t"),
                json_of("m", "i", "\"Token\":\"t\",")),
             __LINE__, "with the other one");
    accepted(IS(text_of("m", "i", "s", "t"),
                json_of("m", "i", "\"Subject\":\"s\",\"Token\":\"t\",")),
             __LINE__, "with both");
    accepted(IS(text_of("m", "i", "", NULL),
                json_of("m", "i", "\"Subject\":\"\",")),
             __LINE__, "what is empty is there");
    accepted(IS(text_of("m", "i", NULL, NULL),
                json_of("m", "i", "\"Subject\":null,")),
             __LINE__, "null is not");
    accepted(IS(text_of("a\nTime\nb\nToken\nc", "i", NULL, NULL),
                json_of("a\\nTime\\nb\\nToken\\nc", "i", "")),
             __LINE__, "lines of a message that are names");

    /* added, left out, altered */

    refused(IS(text_of("m", "i", NULL, NULL),
               json_of("m", "i", "\"Subject\":\"s\",")), "match", __LINE__,
            "a subject that was added");
    refused(IS(text_of("m", "i", "s", NULL), json_of("m", "i", "")), "match",
            __LINE__, "one that was left out");
    refused(IS(text_of("m", "i", NULL, NULL),
               json_of("m", "i", "\"Subject\":{\"a\":1},")), "missing",
            __LINE__, "an object is read by others");
    refused(IS(text_of("m", "i", NULL, NULL),
               json_of("m", "i", "\"Subject\":[\"s\"],")), "missing",
            __LINE__, "and so is an array");

    /* the same text, cut otherwise */

    refused(IS(text_of("m", "i", "s", NULL),
               json_of("m", "i\\nSubject\\ns", "")), "two different",
            __LINE__, "a subject that became a part of the id");
    refused(IS(text_of("m", "i", "Time", NULL),
               "{\"Message\":\"m\",\"Id\":\"i\\nSubject\",\"Time\":"
               "\"Time\\nT\",\"Type\":\"N\"}"), "two different", __LINE__,
            "or was cut in two");
    refused(IS(text_of("m\nId\nj\nSubject\ns", "i", NULL, NULL),
               json_of("m", "j", "\"Subject\":\"s\\nId\\ni\",")),
            "two different", __LINE__, "an id of the sender's choice");
    refused(IS(text_of("m\nId\nj\nTime\nT\nType\nN", "i", NULL, NULL),
               "{\"Message\":\"m\",\"Id\":\"j\",\"Time\":\"T\",\"Type\":"
               "\"N\\nId\\ni\\nTime\\nT\\nType\\nN\"}"), "two different",
            __LINE__, "or all of it in the last one");
    refused(IS(text_of("m\nId\nj", "i", NULL, NULL),
               json_of("m\\nId\\nj", "i", "")), "two different", __LINE__,
            "nor is it clear as it was sent");

    /* every byte of the text */

    sig = format("X-Sig: %s", mac(KEY, text_of("m", "i", "s", "t")));

    for (i = 0; i < 6; i++) {
        refused(ask_body(v, sig, format("{\"Message\":\"%s\",\"Id\":\"%s\","
                                        "\"Subject\":\"%s\",\"Time\":\"%s\","
                                        "\"Token\":\"%s\",\"Type\":\"%s\"}",
                                        i == 0 ? "x" : "m", i == 1 ? "x" : "i",
                                        i == 2 ? "x" : "s", i == 3 ? "x" : "T",
                                        i == 4 ? "x" : "t",
                                        i == 5 ? "x" : "N")),
                "match", __LINE__, "a part that was altered");
    }
}


/* what nginx -t says */

static void
mistakes(void)
{
    ngx_uint_t  i;

    static struct {
        const char  *signed_;
        const char  *error;
    } cases[] = {
        { "{if~json:a}x{json:a}{end}{body}", "two messages" },
        { "{json:a}{if~json:b}{json:b}{end}", "two messages" },
        { "{json:a}.{if~json:b}{json:b}.{end}{json:c}", "two messages" },
        { "{json:a}.{if~json:b}.b={json:b}{end}{json:c}", "two messages" },
        { "{json:a}{if~json:b}{end}", "two messages" },
        { "{json:a}{if~header:X}x{end}", "two messages" },
        { "{body}{if~header:X}.{header:X}{end}", "two messages" },
        { "{json:a}{json:c}{if~json:b}|b={json:b}{end}", "two messages" },
        { "{if~json:a}{json:a}{end}", "outside of {if}" },
        { "k={const:k}{if~json:a}a={json:a}{end}", "outside of {if}" },
        { "{json:a}{if~json:b}x{json:b}", "{end} is missing" },
        { "{json:a}{end}", "{end} without {if}" },
        { "{if~body}x{end}{body}", "does not ask" },
        { "{if}x{end}{body}", "does not ask" },
        { "{if~headr:X}x{end}{body}", "unknown variable" },
        { "{else}{body}", "unknown variable" },
        { "{data:a}", "write {json:a}" },
        { "{json:a}{if~data:b}b={json:b}{end}", "write {json:b}" },
        { NULL, NULL }
    };

    for (i = 0; cases[i].signed_; i++) {
        ok(conf(format("verify hmac-sha256; signature header:X; " SECRET
                       "constant k v; signed %s;",
                       cases[i].signed_)) == NULL, "refused: %s",
           cases[i].signed_);

        if (!ok(ngx_strnstr(err.text, (char *) cases[i].error, err.len)
                != NULL, "it says why"))
        {
            diag("%.*s", (int) err.len, err.text);
        }
    }

    ok(conf("verify sha256; signature header:X; " SECRET
            "signed {json:a}{if~json:b}~{json:b}~{secret}{end};") == NULL
       && ngx_strnstr(err.text, "anyone can compute", err.len) != NULL,
       "a secret that may be missing is none");

    ok(conf("verify hmac-sha256; signature header:X; timestamp header:T; "
            SECRET "signed {if~header:U}u={header:U}.{ts}.{end}{body};")
       == NULL, "a time that may be missing is not signed");
}


static void
coverage(void)
{
    ngx_str_t           text;
    ngx_uint_t          i;
    ngx_er_verify_t    *v;
    ngx_er_template_t  *t;

    static struct {
        const char  *id;
        ngx_uint_t   covered;
    } cases[] = {
        { "{json:Id}", 1 },
        { "{json:Subject}", 1 },
        { "{json:Type}{if json:Subject}.{json:Subject}{end}", 1 },
        { "{json:Type}{if json:Other}.{json:Type}{end}", 0 },
        { "{json:Extra}", 0 },
        { "{header:Only}", 0 },
        { "{json:Other}", 0 },
        { "{body_sha256}", 0 },
        { NULL, 0 }
    };

    v = conf("verify hmac-sha256; signature header:X-Sig encoding=hex; " SECRET
             "signed Id\n{json:Id}\n"
             "{if~json:Subject}Subject\n{json:Subject}\nExtra\n{json:Extra}"
             "\n{end}{if~header:Only}Only\n{end}Type\n{json:Type};");

    if (!ok(v != NULL, "it is configured")) {
        diag("%.*s", (int) err.len, err.text);
        return;
    }

    for (i = 0; cases[i].id; i++) {
        text = str(cases[i].id);

        ok(ngx_er_template_compile(pool, &text, fields, &t, &err) == NGX_OK
           && ngx_er_verify_covers(v, t) == cases[i].covered,
           "%s is %s", cases[i].id,
           cases[i].covered ? "signed" : "not signed");
    }

    v = conf("verify hmac-sha256; signature header:X-Sig; " SECRET
             "signed {header:H}{if~header:B}.b={body}{end};");
    text = str("{body_sha256}");

    ok(v && ngx_er_template_compile(pool, &text, fields, &t, &err) == NGX_OK
       && !ngx_er_verify_covers(v, t),
       "a body that may be left out of the text is not signed");
}


static void
versions(void)
{
    char             *p;
    size_t            i;
    ngx_er_verify_t  *v;

    v = conf("verify rsa-from-version json:SignatureVersion 1=sha1 2=sha256; "
             SNS);

    if (!ok(v != NULL, "versions")) {
        diag("%.*s", (int) err.len, err.text);
        return;
    }

    accepted(ask_body(v, "A: b", version2), __LINE__, "version 2, a subject");
    accepted(ask_body(v, "A: b", version1), __LINE__, "version 1, none");

    p = (char *) str(version2).data;
    *(strstr(p, "Version\":\"") + 10) = '1';
    refused(ask_body(v, "A: b", p), "match", __LINE__, "the other digest");
    *(strstr(p, "Version\":\"") + 10) = '3';
    refused(ask_body(v, "A: b", p), "version", __LINE__, "an unknown version");
    p[strstr(p, "SignatureVersion") - p] = 's';
    refused(ask_body(v, "A: b", p), "version", __LINE__, "no version");

    for (i = 0; version2[i]; i++) {
        p = (char *) str(version2).data;
        p[i] = (p[i] == 'x') ? 'y' : 'x';

        /* it is signed if it is in a value, or names one */

        if (ask_body(v, "A: b", p) == NULL) {
            break;
        }
    }

    ok(version2[i] == '\0', "each byte of it counts (%d)", (int) i);

    v = conf("verify rsa-sha256; " SNS);
    accepted(ask_body(v, "A: b", version2), __LINE__, "SHA-256 alone");
    refused(ask_body(v, "A: b", version1), "match", __LINE__, "no SHA-1");

    v = conf("verify rsa-sha1; " SNS);
    accepted(ask_body(v, "A: b", version1), __LINE__, "SHA-1 alone");
    refused(ask_body(v, "A: b", version2), "match", __LINE__, "no SHA-256");

    ok(conf("verify rsa-from-version; " SNS) == NULL, "no version is named");
    ok(conf("verify rsa-from-version json:V; " SNS) == NULL, "nor one here");
    ok(conf("verify rsa-from-version body 1=sha1; " SNS) == NULL, "no field");
    ok(conf("verify rsa-from-version json:V 1=md5; " SNS) == NULL,
       "no digest");
    ok(conf("verify rsa-from-version json:V =sha1; " SNS) == NULL,
       "no version");
}


static void
unpadded(void)
{
    char             *p;
    const char       *b64;
    ngx_er_verify_t  *v;

    b64 = base64(mac(KEY, TEST_BODY));

    v = conf("verify hmac-sha256; signature header:X-Sig "
             "encoding=base64-unpadded; signed {body}; " SECRET);

    accepts(v, format("X-Sig: %.43s", b64), "base64 without padding");
    refuses(v, format("X-Sig: %s", b64), "match", "with padding");
    refuses(v, format("X-Sig: %.42s", b64), "match", "a digit too few");
    refuses(v, format("X-Sig: %.43sA", b64), "match", "a digit too many");
    refuses(v, format("X-Sig: %.43s==", b64), "match", "too much padding");

    p = (char *) str(b64).data;
    p[42]++;
    refuses(v, format("X-Sig: %.43s", p), "match", "other last bits");

    v = conf("verify hmac-sha256; signature header:X-Sig encoding=base64; "
             "signed {body}; " SECRET);
    refuses(v, format("X-Sig: %.43s", b64), "match",
            "nowhere else without it");
}


static const char *
token(const char *claims)
{
    u_char       bytes[64];
    ngx_str_t    src, text, hex;
    const char  *out;

    src = str("{\"alg\":\"HS256\"}");
    text.data = ngx_pcalloc(pool, 1024);
    ngx_encode_base64url(&text, &src);
    out = format("%s.", text.data);

    src = str(claims);
    ngx_memzero(text.data, 1024);
    ngx_encode_base64url(&text, &src);
    out = format("%s%s", out, text.data);

    hex = str(mac(KEY, out));
    src.len = ngx_er_decode(NGX_ER_ENCODING_HEX, &hex, bytes, 64);
    src.data = bytes;
    ngx_memzero(text.data, 1024);
    ngx_encode_base64url(&text, &src);

    return format("Authorization: Bearer %s.%s", out, text.data);
}


static void
ages(void)
{
    ngx_er_verify_t  *v;

    v = conf("verify jwt; secret " KEY "; jwt max_age=5m;");

    accepts(v, token("{\"iat\":1790000000}"), "issued now");
    accepts(v, token("{\"iat\":1789999701}"), "nearly 5 minutes ago");
    refuses(v, token("{\"iat\":1789999700}"), "too long ago", "5 minutes ago");
    refuses(v, token("{\"iat\":1789996400,\"exp\":1790003600}"),
            "too long ago", "an hour ago, whatever it says of its end");
    refuses(v, token("{\"exp\":1790003600}"), "does not say when",
            "nobody knows when");
    refuses(v, token("{\"iat\":1790000061}"), "future", "not yet");
    refuses(v, token("{\"iat\":\"1790000000\"}"), "not a number",
            "no number");
    refuses(v, token("{\"iat\":-1}"), "", "before all times");

    v = conf("verify jwt; secret " KEY "; jwt max_age=5m leeway=10s;");
    accepts(v, token("{\"iat\":1789999691}"), "5 minutes and the leeway");
    refuses(v, token("{\"iat\":1789999690}"), "too long ago", "not more");

    v = conf("verify jwt; secret " KEY "; jwt max_age=5m; jwt max_age=off;");
    accepts(v, token("{\"iat\":1789996400,\"exp\":1790003600}"),
            "switched off again");
    ok(conf("verify jwt; secret " KEY "; jwt max_age=0;") == NULL,
       "not by zero");
}


int
main(void)
{
    pool = ngx_er_test_pool();

    sets();
    optional();
    mistakes();
    coverage();
    versions();
    unpadded();
    ages();

    ngx_destroy_pool(pool);

    return done_testing();
}
