
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What a forger tries and what a person gets wrong in nginx.conf: the
 * verifier's refusals one by one, beside the producers' vectors in verify.c.
 */


#include "forge.h"


#define HEX      "verify hmac-sha256; signature header:X-Sig encoding=hex; "  \
                 SECRET "signed {body}; "
#define BASE64   "verify hmac-sha256; signature header:X-Sig "                \
                 "encoding=base64; " SECRET "signed {body}; "
#define SCHEME   "verify hmac-sha256; signature header:X-Sig separator=, "    \
                 "prefix=v1= encoding=hex; timestamp sig:t=; " SECRET         \
                 "signed {ts}.{body}; "
#define HEADER   "verify hmac-sha256; signature header:X-Sig; "               \
                 "timestamp header:X-Time tolerance=300s; " SECRET            \
                 "signed {ts}.{body}; "
#define TOKEN    "verify token; signature header:a; secret s; "
#define JWT      "verify jwt; secret k; "


static void
encodings(void)
{
    char             *p;
    const char       *good, *b64;
    ngx_er_verify_t  *v;

    good = mac("0123456789abcdef", TEST_BODY);
    b64 = base64(good);

    v = conf(HEX);
    accepts(v, format("X-Sig: %s", good), "hex of 64 digits");
    accepts(v, format("x-sig:  %s ", good), "blanks around it");
    refuses(v, "X-Other: 1", "missing", "no header");
    refuses(v, "X-Sig:  ", "missing", "empty header");
    refuses(v, format("X-Sig: %.63s", good), "match", "63 digits");
    refuses(v, format("X-Sig: %.62s", good), "match", "62 digits");
    refuses(v, format("X-Sig: %s0", good), "match", "65 digits");
    refuses(v, format("X-Sig: %s00", good), "match", "66 digits");
    refuses(v, format("X-Sig: %.62s g", good), "match", "no digit");
    refuses(v, format("X-Sig: sha256=%s", good), "match", "unknown prefix");
    refuses(v, format("X-Sig: %s", b64), "match", "base64 for hex");
    refuses(v, format("X-Sig: %s\nX-Sig: %s", good, good), "more than once",
            "twice the same");
    refuses(v, format("X-Sig: bad\nx-sig: %s", good), "more than once",
            "a bad one and a good one");
    refuses(v, format("X_Sig: %s", good), "missing", "underscore for dash");

    refused(ask_body(v, format("X-Sig: %s", good), TEST_BODY "\n"), "match",
            __LINE__, "body and newline");
    refused(ask_body(v, format("X-Sig: %s", good), ""), "match", __LINE__,
            "empty body");
    accepted(ask_body(v, format("X-Sig: %s", mac("0123456789abcdef", "")), ""),
             __LINE__, "signed empty body");

    v = conf(BASE64);
    accepts(v, format("X-Sig: %s", b64), "base64");
    refuses(v, format("X-Sig: %.43s", b64), "match", "without padding");
    refuses(v, format("X-Sig: %s=", b64), "match", "too much padding");
    refuses(v, format("X-Sig: %sA", b64), "match", "trailing junk");
    refuses(v, format("X-Sig: %s %s", b64, b64), "match", "two in one");
    refuses(v, format("X-Sig: %s", good), "match", "hex for base64");

    p = (char *) str(b64).data;
    p[42]++;
    refuses(v, format("X-Sig: %s", p), "match", "other last bits");
}


static void
schemes(void)
{
    char             *p;
    const char       *good;
    ngx_uint_t        i;
    ngx_er_verify_t  *v;

    good = mac("0123456789abcdef", "1790000000." TEST_BODY);

    v = conf(SCHEME);
    accepts(v, format("X-Sig: t=1790000000,v1=%s", good), "list");
    accepts(v, format("X-Sig: v1=%s , t=1790000000,", good), "other order");
    accepts(v, format("X-Sig: t=1790000000,v1=00,v1=%s,v0=11", good),
            "one of several");
    refuses(v, format("X-Sig: t=1790000000,v0=%s", good), "scheme",
            "downgrade");
    refuses(v, format("X-Sig: t=1790000000,%s", good), "scheme", "no prefix");
    refuses(v, "X-Sig: t=1790000000,v1=", "match", "prefix alone");
    refuses(v, "X-Sig: t=1790000000", "scheme", "time alone");
    refuses(v, format("X-Sig: v1=%s", good), "timestamp is missing",
            "no time");
    accepts(v, format("X-Sig: t=1790000000,t=1790000000,v1=%s", good),
            "the same time twice");
    refuses(v, format("X-Sig: v1=%s,t=1790000000,t=1789999999", good),
            "more than once", "two times behind it");
    refuses(v, format("X-Sig: t=,v1=%s", good), "missing", "empty time");

    p = (char *) format("X-Sig: t=1790000000");

    for (i = 0; i < 15; i++) {
        sprintf(p + strlen(p), ",v1=%02x", (unsigned) i);
    }

    accepts(v, format("%s,v1=%s", p, good), "the 16th signature");
    refuses(v, format("%s,v1=ff,v1=%s", p, good), "too many", "17 signatures");
    accepts(v, format("%s,v1=00,v1=01,v1=%s", p, good), "16 that differ");

    v = conf("verify hmac-from-prefix sha256; signature header:X-Sig; "
             "signed {body}; " SECRET);
    accepts(v, format("X-Sig: sha256=%s",
                      mac("0123456789abcdef", TEST_BODY)), "allowed digest");
    refuses(v, "X-Sig: sha1=0000000000000000000000000000000000000000",
            "match", "digest not allowed");
    refuses(v, "X-Sig: md5=00000000000000000000000000000000", "match",
            "unknown digest");
    refuses(v, "X-Sig: 00", "match", "no digest");

    /* each digest has a sum of its own */

    v = conf("verify hmac-from-prefix sha256 sha1; signature header:X-Sig "
             "separator=,; signed {body}; " SECRET);
    accepts(v, format("X-Sig: sha1=%040d,sha256=%s", 0,
                      mac("0123456789abcdef", TEST_BODY)), "the second one");
    refuses(v, format("X-Sig: sha1=%.40s,sha256=%064d",
                      mac("0123456789abcdef", TEST_BODY), 0), "match",
            "the sum of another digest");
}


static void
clocks(void)
{
    ngx_uint_t        i;
    const char       *good;
    ngx_er_verify_t  *v;

    static struct {
        const char  *ts;
        const char  *reason;
    } cases[] = {
        { "1790000000", NULL },
        { "1789999700", NULL },
        { "1789999699", "too old" },
        { "1790000300", NULL },
        { "1790000301", "future" },
        { "1790003600", "future" },
        { "0", "too old" },
        { "+1790000000", "not a time" },
        { "1790000000.0", "not a time" },
        { "179e7", "not a time" },
        { "-1", "not a time" },
        { "0x6ab13b80", "not a time" },
        { "1790000000000", "not a time" },
        { "999999999999", "future" },
        { "1000000000000000000000000000000", "not a time" },
        { "1790000000:x", "not a time" },
        { "NaN", "not a time" },
        { NULL, NULL }
    };

    v = conf(HEADER);

    for (i = 0; cases[i].ts; i++) {
        good = format("X-Sig: %s\nX-Time: %s",
                      mac("0123456789abcdef", format("%s." TEST_BODY,
                                                     cases[i].ts)),
                      cases[i].ts);

        if (cases[i].reason) {
            refuses(v, good, cases[i].reason, cases[i].ts);

        } else {
            accepts(v, good, cases[i].ts);
        }
    }

    good = mac("0123456789abcdef", "1790000000." TEST_BODY);
    refuses(v, format("X-Sig: %s", good), "timestamp is missing", "no time");
    refuses(v, format("X-Sig: %s\nX-Time: 1790000000\nX-Time: 1790000000",
                      good), "more than once", "time twice");
    refuses(v, format("X-Sig: %s\nX-Time: 1790000001", good), "match",
            "time altered");

    v = conf(HEADER "timestamp header:X-Time tolerance=0;");
    good = mac("0123456789abcdef", "1." TEST_BODY);
    accepts(v, format("X-Sig: %s\nX-Time: 1", good), "old, not enforced");
    good = mac("0123456789abcdef", "x." TEST_BODY);
    refuses(v, format("X-Sig: %s\nX-Time: x", good), "not a time",
            "not a number, not enforced");

    v = conf(HEX "timestamp json:at tolerance=60s;");
    accepts(v, format("X-Sig: %s", mac("0123456789abcdef", TEST_BODY)),
            "time in the signed body");
}


/* digests of tokens are compared to their last byte */

static void
guesses(void)
{
    ngx_uint_t        i, n;
    ngx_er_verify_t  *v;

    v = conf("verify token; signature header:X-Key; secret tok-1; "
             "secret tok-2;");

    for (n = 0, i = 0; i < 2000; i++) {
        n += (ask(v, format("X-Key: guess-%d", (int) i)) == NULL);
    }

    is_int(n, 0, "of 2000 guesses none is right");
}


static void
tokens(void)
{
    ngx_er_verify_t  *v;

    v = conf("verify token; signature header:X-Key; secret tok-1; "
             "secret tok-2;");
    accepts(v, "X-Key: tok-2", "second token");
    refuses(v, "X-Key: tok", "match", "beginning of a token");
    refuses(v, "X-Key: tok-11", "match", "longer token");
    refuses(v, "X-Key: TOK-1", "match", "other case");
    refuses(v, "X-Key: tok-1\nX-Key: tok-1", "more than once", "twice");

    v = conf("verify token; signature header:Authorization query:token "
             "prefix=Bearer~; secret T;");
    accepts(v, "Authorization: Bearer T", "bearer");
    accepts(v, "Authorization: bEARER  T", "case of the scheme");
    accepts(v, "X-None: 1", "in the query");
    refuses(v, "Authorization: ", "missing", "empty, and one in the query");
    refuses(v, "Authorization: T", "scheme", "no scheme");
    refuses(v, "Authorization: Basic T", "scheme", "other scheme");
    refuses(v, "Authorization: Bearer ", "scheme", "scheme alone");

    v = conf("verify token; signature header:Authorization prefix=Bearer; "
             "secret T;");
    accepts(v, "Authorization: Bearer T", "one blank");
    accepts(v, "Authorization: bearer \t T", "blanks");
    refuses(v, "Authorization: BearerT", "scheme", "no blank");
    refuses(v, "Authorization: Bearer:T", "scheme", "a colon for the blank");
    refuses(v, "Authorization: Bearer\xc2\xa0T", "scheme", "no such blank");

    v = conf("verify token; signature header:X-Auth prefix=Token; secret T;");
    accepts(v, "X-Auth: Token T", "a scheme in another header");
    refuses(v, "X-Auth: TokenT", "scheme", "no blank there either");

    v = conf("verify token; signature header:Authorization prefix=sso-key1; "
             "secret T;");
    accepts(v, "Authorization: sso-key1 T", "a scheme that is no word");
    refuses(v, "Authorization: sso-key1T", "scheme", "no blank behind it");

    v = conf("verify token; signature header:X-Auth prefix=v1; secret T;");
    accepts(v, "X-Auth: v1T", "a prefix that is no scheme");

    v = conf("verify token; signature header:Authorization prefix=key=; "
             "secret T;");
    accepts(v, "Authorization: key=T", "one that ends by itself");

    v = conf("verify basic; secret a:b;");
    accepts(v, "Authorization: Basic YTpi", "basic, one blank");
    refuses(v, "Authorization: BasicYTpi", "scheme", "basic, no blank");

    v = conf("verify basic; secret user:pa:ss;");
    accepts(v, "Authorization: Basic dXNlcjpwYTpzcw==", "basic");
    refuses(v, "Authorization: Basic dXNlcjpwYTpzcw", "match",
            "without padding");
    refuses(v, "Authorization: Basic dXNlcjpwYQ==", "match",
            "other password");
    refuses(v, "Authorization: Bearer dXNlcjpwYTpzcw==", "scheme",
            "other scheme");
}


static void
jwt_token(const char *header, const char *claims, const char *key, char *out)
{
    u_char     sum[64];
    ngx_str_t  h, c, text, sig;

    ngx_er_key_t  *k;

    h = str(header);
    c = str(claims);
    text.data = (u_char *) out;

    ngx_encode_base64url(&text, &h);
    out[text.len++] = '.';
    text.data = (u_char *) out + text.len;
    ngx_encode_base64url(&text, &c);
    text.len += text.data - (u_char *) out;
    text.data = (u_char *) out;

    h = str(key);
    k = ngx_er_key_hmac(pool, NGX_ER_SHA256, &h);
    (void) ngx_er_key_mac(k, &text, 1, sum);

    sig.data = sum;
    sig.len = 32;
    out[text.len++] = '.';
    c.data = (u_char *) out + text.len;
    ngx_encode_base64url(&c, &sig);
    out[text.len + c.len] = '\0';
}


static void
jwts(void)
{
    char              token[4096];
    ngx_uint_t        i;
    ngx_er_verify_t  *v;

#define HS256  "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"

    static struct {
        const char  *header;
        const char  *claims;
        const char  *key;
        const char  *reason;
    } cases[] = {
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"exp\":1790000060}", "k",
          NULL },
        { HS256, "{\"aud\":[\"x\",\"hooks\"],\"iss\":\"me\","
          "\"iat\":1790000000}",
          "k", NULL },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"exp\":1789999941,"
          "\"nbf\":1790000061,\"iat\":1790000061.5}", "k", "not valid" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"exp\":1789999941,"
          "\"nbf\":1790000060,\"iat\":1790000060}", "k", NULL },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"exp\":1789999940.5,"
          "\"nbf\":1790000060.999,\"iat\":1790000060.999}", "k", NULL },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"iat\":1790000061.5}",
          "k", "future" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"exp\":1789999939.5}",
          "k", "expired" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\"}", "kk", "signature" },
        { HS256, "{\"aud\":[\"x\"],\"iss\":\"me\",\"exp\":1790000060}",
          "k", "audience" },
        { HS256, "{\"iss\":\"me\",\"exp\":1790000060}",
          "k", "audience" },
        { HS256, "{\"aud\":\"hooks\",\"exp\":1790000060}",
          "k", "issuer" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":[\"me\"],\"exp\":1790000060}",
          "k", "issuer" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"exp\":1789999940}",
          "k", "expired" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"nbf\":1790000061}",
          "k", "not valid yet" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"iat\":1790000061}",
          "k", "future" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"exp\":\"1\"}", "k",
          "not a number" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"iss\":\"me\"}", "k",
          "not JSON" },
        { HS256, "{\"aud\":\"hooks2\",\"iss\":\"me\",\"exp\":1790000060}",
          "k", "audience" },
        { HS256, "{\"aud\":\"hook\",\"iss\":\"me\",\"exp\":1790000060}",
          "k", "audience" },
        { HS256, "{\"aud\":[\"hooks2\"],\"iss\":\"me\","
          "\"exp\":1790000060}", "k", "audience" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me2\",\"exp\":1790000060}",
          "k", "issuer" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"m\",\"exp\":1790000060}",
          "k", "issuer" },
        { HS256, "[]", "k", "not JSON" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\"} x", "k", "not JSON" },
        { "{\"alg\":\"none\"}", "{\"aud\":\"hooks\",\"iss\":\"me\"}", "k",
          "not allowed" },
        { "{\"alg\":\"hs256\"}", "{\"aud\":\"hooks\",\"iss\":\"me\"}", "k",
          "not allowed" },
        { "{\"alg\":\"RS256\"}", "{\"aud\":\"hooks\",\"iss\":\"me\"}", "k",
          "not allowed" },
        { "{\"alg\":[\"HS256\"]}", "{\"aud\":\"hooks\",\"iss\":\"me\"}", "k",
          "not allowed" },
        { "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}",
          "{\"aud\":\"hooks\",\"iss\":\"me\"}", "k", "not allowed" },
        { "{\"alg\":\"HS256\",\"alg\":\"none\"}",
          "{\"aud\":\"hooks\",\"iss\":\"me\"}", "k", "not a JSON web token" },
        { "{}", "{}", "k", "not allowed" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\"}", "k", "never expires" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"nbf\":1}", "k",
          "never expires" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"exp\":null}", "k",
          "not a number" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"iat\":1789913541}", "k",
          NULL },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"iat\":1789913540}", "k",
          "too old" },
        { HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"iat\":1,"
          "\"exp\":1790000001}", "k", NULL },
        { NULL, NULL, NULL, NULL }
    };

    v = conf("verify jwt; secret k; jwt leeway=60s audience=hooks issuer=me;");

    for (i = 0; cases[i].header; i++) {
        jwt_token(cases[i].header, cases[i].claims, cases[i].key, token);

        if (cases[i].reason) {
            refuses(v, format("Authorization: Bearer %s", token),
                    cases[i].reason, cases[i].claims);

        } else {
            accepts(v, format("Authorization: Bearer %s", token),
                    cases[i].claims);
        }
    }

    jwt_token(HS256, cases[0].claims, "k", token);
    refuses(v, format("Authorization: Bearer %sA", token), "signature",
            "a byte behind the signature");
    refuses(v, format("Authorization: Bearer %s=", token), "not a JSON",
            "padding");
    refuses(v, format("Authorization: Bearer %s.", token), "not a JSON",
            "four parts");
    refuses(v, format("Authorization: Bearer .%s", strchr(token, '.')),
            "not a JSON", "no header");
    refuses(v, format("Authorization: Bearer%s", token), "scheme", "no blank");
    *strrchr(token, '.') = '\0';
    refuses(v, format("Authorization: Bearer %s", token), "not a JSON",
            "two parts");
    refuses(v, format("Authorization: Bearer %s.", token), "signature",
            "no signature");

    jwt_token(HS256, "{\"sub\":\"x\"}", "k", token);
    v = conf("verify jwt; secret k; jwt expires=off;");
    accepts(v, format("Authorization: Bearer %s", token),
            "a token for ever, where nginx.conf allows it");
    v = conf("verify jwt; secret k;");
    refuses(v, format("Authorization: Bearer %s", token), "never expires",
            "a token for ever");

    jwt_token(HS256, "{\"iat\":1789999939}", "k", token);
    v = conf("verify jwt; secret k; jwt expires=1m;");
    refuses(v, format("Authorization: Bearer %s", token), "too old",
            "a token of 61 seconds");
}


/* a line says what differs from the lines before it: those of a preset */

static void
merging(void)
{
    char              token[4096];
    ngx_er_verify_t  *v;

    v = conf("verify jwt; secret k; jwt algorithms=HS256 leeway=60s "
             "audience=hooks issuer=me; jwt algorithms=HS256;");
    jwt_token(HS256, "{\"aud\":\"other\",\"iss\":\"me\",\"exp\":1790000060}",
              "k", token);
    refuses(v, format("Authorization: Bearer %s", token), "audience",
            "the audience of before");
    jwt_token(HS256, "{\"aud\":\"hooks\",\"iss\":\"x\",\"exp\":1790000060}",
              "k", token);
    refuses(v, format("Authorization: Bearer %s", token), "issuer",
            "the issuer of before");
    jwt_token(HS256, "{\"aud\":\"hooks\",\"iss\":\"me\",\"exp\":1789999960}",
              "k", token);
    accepts(v, format("Authorization: Bearer %s", token),
            "the leeway of before");

    v = conf("verify jwt; secret k; jwt audience=hooks; jwt audience=yours;");
    jwt_token(HS256, "{\"aud\":\"yours\",\"exp\":1790000060}", "k", token);
    accepts(v, format("Authorization: Bearer %s", token), "a new audience");

    ok(conf("verify jwt; secret k; jwt algorithms=RS256; "
            "jwt algorithms=HS256;"), "new algorithms are the only ones");

    v = conf("verify hmac-sha256; " SECRET "signed {body}; "
             "signature header:A prefix=v1= encoding=hex; "
             "signature header:X-Sig;");
    accepts(v, format("X-Sig: v1=%s", mac("0123456789abcdef", TEST_BODY)),
            "another header, the same prefix");
    refuses(v, format("A: v1=%s", mac("0123456789abcdef", TEST_BODY)),
            "missing", "not the old header");

    v = conf("verify hmac-sha256; " SECRET "signed {ts}.{body}; "
             "signature header:X-Sig; timestamp header:X-Time unit=ms "
             "tolerance=60s; timestamp tolerance=600s;");
    accepts(v, format("X-Sig: %s\nX-Time: 1789999500000",
                      mac("0123456789abcdef", "1789999500000." TEST_BODY)),
            "another tolerance, the same unit and header");
    refuses(v, format("X-Sig: %s\nX-Time: 1789999399000",
                      mac("0123456789abcdef", "1789999399000." TEST_BODY)),
            "too old", "the new tolerance");

    v = conf("verify hmac-sha256; " SECRET "signed {ts}.{body}; "
             "signature header:X-Sig; timestamp header:X-Time tolerance=0; "
             "timestamp header:X-Time unit=s;");
    refuses(v, format("X-Sig: %s\nX-Time: 1789999399",
                      mac("0123456789abcdef", "1789999399." TEST_BODY)),
            "too old", "a line of its own enforces the time");
}


static void
coverage(void)
{
    ngx_str_t           text;
    ngx_uint_t          i;
    ngx_er_verify_t    *v;
    ngx_er_template_t  *t;

    static struct {
        const char  *conf;
        const char  *id;
        ngx_uint_t   covered;
    } cases[] = {
        { HEX, "{json:id}", 1 },
        { HEX, "{json:id}.{header:X-Id}", 0 },
        { HEX, "{header:X-GitHub-Delivery}", 0 },
        { HEX, "{body_sha256}", 1 },
        { HEX, "constant", 0 },
        { HEX "signed {id}.{body}; id {header:a} {header:b};",
          "{header:b}", 1 },
        { HEX "signed {id}.{body}; id {header:a} {header:b};",
          "{header:c}", 0 },
        { HEX "signed {header:a}{body};", "{header:A}", 1 },
        { HEADER, "{header:X-Time}", 1 },
        { HEADER, "{ts}.{json:id}", 1 },
        { HEX "signed {json:id}:{json:a};", "{json:id}", 1 },
        { HEX "signed {json:id}:{json:a};", "{json:b}", 0 },
        { HEX "signed {header:a}|{body_crc32};", "{json:id}", 0 },
        { HEX "signed {url}{form_sorted};", "{form:id}", 0 },
        { HEX "signed {path_query}{body};", "{query:id}", 1 },
        { HEX "signed {url}{body};", "{query:id}", 0 },
        { HEX "signed {header:d}; body_digest header:d sha256 hex;",
          "{json:id}", 1 },
        { HEX "signed {header:d}; "
          "body_digest header:d sha256 hex when=present;", "{json:id}", 0 },
        { HEX "signed {header:x}; body_digest header:d sha256 hex;",
          "{json:id}", 0 },
        { HEX, "{json:0.id}", 0 },
        { HEX, "{json:items.0.id}.{json:id}", 0 },
        { HEX "signed {json:0.id};", "{json:0.id}", 0 },
        { TOKEN, "{json:id}", 0 },
        { TOKEN, "{header:a}", 0 },
        { TOKEN, "{body_sha256}", 0 },
        { "verify basic; secret a:b;", "{json:id}", 0 },
        { "verify off;", "{json:id}", 0 },
        { JWT, "{json:id}", 0 },
        { JWT, "{jwt:jti}", 0 },
        { JWT "body_digest jwt:d sha256 hex;", "{jwt:jti}", 1 },
        { JWT "body_digest jwt:d sha256 hex;", "{json:id}.{jwt:iss}", 1 },
        { JWT "body_digest jwt:d sha256 hex;", "{header:a}", 0 },
        { JWT "body_digest jwt:d sha256 hex;", "{json:id}.{query:a}", 0 },
        { JWT "body_digest jwt:d sha256 hex when=present;", "{json:id}", 0 },
        { JWT "body_digest header:d sha256 hex;", "{json:id}", 0 },
        { NULL, NULL, 0 }
    };

    for (i = 0; cases[i].conf; i++) {
        v = conf(cases[i].conf);
        text = str(cases[i].id);

        if (!ok(v && ngx_er_template_compile(pool, &text, fields, &t, &err)
                     == NGX_OK, "%s", cases[i].conf))
        {
            diag("%.*s", (int) err.len, err.text);
            continue;
        }

        is_int(ngx_er_verify_covers(v, t), cases[i].covered,
               "%s in %s", cases[i].id, cases[i].conf);
    }
}


/* a digest of the body that may be absent only where something else covers */

static void
digests(void)
{
    ngx_str_t         part;
    ngx_uint_t        i;
    const char       *sum;
    ngx_er_verify_t  *v;
    char              hex[65];
    u_char            out[32];

    part = str(TEST_BODY);
    ngx_er_sha256(out, &part, 1);
    *ngx_hex_dump((u_char *) hex, out, 32) = '\0';

    v = conf("verify hmac-sha256; signature header:X-Sig; " SECRET
             "signed {header:D?}; body_digest header:D sha256 hex "
             "when=present;");
    sum = mac("0123456789abcdef", hex);
    accepts(v, format("D: %s\nX-Sig: %s", hex, sum), "digest of the body");

    refused(ask_body(v, format("D: %s\nX-Sig: %s", hex, sum), "{}"), "digest",
            __LINE__, "other body");
    refuses(v, format("X-Sig: %s", mac("0123456789abcdef", "")), "digest",
            "a body that nothing covers");
    accepted(ask_body(v, format("X-Sig: %s", mac("0123456789abcdef", "")), ""),
             __LINE__, "no body and no digest");

    /* a signed digest counts as a whole */

    for (i = 0; i < 64; i += 2) {
        hex[i] = (hex[i] == '0') ? '1' : '0';
        sum = mac("0123456789abcdef", hex);
        refuses(v, format("D: %s\nX-Sig: %s", hex, sum), "digest",
                "a digest with a wrong byte");
        (void) ngx_hex_dump((u_char *) hex, out, 32);
    }

    for (i = 2; i < 64; i *= 2) {
        hex[i] = '\0';
        sum = mac("0123456789abcdef", hex);
        refuses(v, format("D: %s\nX-Sig: %s", hex, sum), "digest",
                "the beginning of a digest");
        (void) ngx_hex_dump((u_char *) hex, out, 32);
    }

    sum = mac("0123456789abcdef", format("%s00", hex));
    refuses(v, format("D: %s00\nX-Sig: %s", hex, sum), "digest",
            "a digest and a byte more");
}


static void
mistakes(void)
{
    ngx_uint_t  i;

    static struct {
        const char  *conf;
        const char  *error;
    } cases[] = {
        { "", "\"verify\" is missing" },
        { "verify hmac-md5;", "invalid value \"hmac-md5\"" },
        { "verify hmac-sha256 sha1;", "invalid parameter \"sha1\"" },
        { "verify hmac-from-prefix md5;", "invalid value \"md5\"" },
        { "verify hmac-sha256;", "\"secret\" is missing" },
        { "verify hmac-sha256; secret x;", "\"signature\" is missing" },
        { "verify hmac-sha256; secret x; signature header:a;",
          "\"signed\" is missing" },
        { "verify;", "invalid number of arguments in \"verify\"" },
        { "secret;", "invalid number of arguments in \"secret\"" },
        { "secret a b;", "invalid number of arguments in \"secret\"" },
        { "secret ~;", "the secret is empty" },
        { "secret ~~~;", "the secret is empty" },
        { "secret env:NGX_ER_TEST_UNSET;", "is not set" },
        { "secret env:NGX_ER_TEST_EMPTY;", "is empty" },
        { "secret env:NGX_ER_TEST_BLANK;", "the secret is empty" },
        { "secret file:/nonexistent/secret;", "cannot be opened" },
        { "secret file:t;", "cannot be read: it must be a regular file" },
        { "secret file:/dev/null;", "must be a regular file" },
        { "key utf16;", "invalid value \"utf16\"" },
        { "key base64 whsec_;", "invalid value \"whsec_\"" },
        { "signed {bdy};", "unknown variable \"{bdy}\"" },
        { "signature cookie:a;", "invalid value \"cookie:a\"" },
        { "signature jwt:a;", "invalid value \"jwt:a\"" },
        { "signature header:;", "unknown variable" },
        { "signature headers:;", "invalid value \"headers:\"" },
        { "signature header:a encoding=base32;", "invalid value" },
        { "signature header:a separator=;", "invalid value \"separator=\"" },
        { "timestamp header:a unit=h;", "invalid value \"unit=h\"" },
        { "timestamp header:a tolerance=x;", "tolerance=x" },
        { "timestamp headers:a;", "invalid value \"headers:a\"" },
        { "body_digest header:a md5 hex;", "invalid value \"md5\"" },
        { "body_digest header:a sha256 octal;", "invalid value \"octal\"" },
        { "body_digest header:a sha256 hex when=absent;", "when=absent" },
        { "body_digest body;", "invalid number of arguments" },
        { "jwt algorithms=none;", "invalid value \"none\"" },
        { "jwt algorithms=HS256,HS512;", "invalid value" },
        { "jwt kid=1;", "invalid value \"kid=1\"" },
        { "constant a;", "invalid number of arguments in \"constant\"" },
        { "ports all;", "invalid value \"all\"" },
        { "sign {body};", "unknown parameter \"sign\"" },
        { HEX "signed constant;", "names nothing of the message" },
        { HEX "signed {secret};", "names nothing of the message" },
        { HEX "signed {ts}.{body};", "{ts} in \"signed\" needs" },
        { HEX "signed {id}.{body};", "{id} in \"signed\" needs" },
        { HEX "signed {jwt:a}{body};", "is not \"jwt\"" },
        { HEX "body_digest jwt:a sha256 hex;", "is not \"jwt\"" },
        { HEX "verify sha256;", "anyone can compute a plain digest" },
        { HEX "timestamp header:X-Time;", "the timestamp is not signed" },
        { HEX "timestamp sig:t=;", "how the list is separated" },
        { HEX "signature header:a separator=,; timestamp sig:t=;",
          "the timestamp is not signed" },
        { HEX "key hex strip=0;", "the secret is not hex" },
        { HEX "key base64; secret ===;", "the secret is not base64" },
        { HEX "key utf8 strip=0123456789abcdef;", "empty behind its prefix" },
        { HEX "key pem;", "are for public keys" },
        { HEX "verify ed25519; key hex;", "is not a public key" },
        { HEX "verify ed25519; key utf8;", "is not a public key" },
        { HEX "verify rsa-sha256; key pem;", "is not a public key" },
        { HEX "verify rsa-sha256; key hex;", "is not a public key" },
        { HEX "verify hmac-from-prefix; signature header:a prefix=x;",
          "exclude each other" },
        { "verify basic; secret nocolon;", "has no colon" },
        { "verify jwt; secret x; jwt algorithms=RS256;", "no secret fits" },
        { "verify jwt; secret x; key pem;", "is not a public key" },
        { NULL, NULL }
    };

    setenv("NGX_ER_TEST_EMPTY", "", 1);
    setenv("NGX_ER_TEST_BLANK", " \n", 1);

    for (i = 0; cases[i].conf; i++) {

        if (!ok(conf(cases[i].conf) == NULL
                && ngx_strnstr(err.text, (char *) cases[i].error, err.len),
                "\"%s\": %s", cases[i].conf, cases[i].error))
        {
            diag("got \"%.*s\"", (int) err.len, err.text);
        }

        ok(ngx_strnstr(err.text, "0123456789abcdef", err.len) == NULL
           || strstr(cases[i].conf, "strip=0123456789abcdef"),
           "no secret in the sentence");
    }
}


static void
secrets(void)
{
    int               fd;
    char              name[] = "/tmp/ngx_er_secret_XXXXXX";
    const char       *sum;
    ngx_uint_t        i;
    ngx_er_verify_t  *v;

    static const char  *contents[] = {
        "0123456789abcdef", "0123456789abcdef\n", "0123456789abcdef\r\n", NULL
    };

    sum = format("X-Sig: %s", mac("0123456789abcdef", TEST_BODY));

    for (i = 0; contents[i]; i++) {
        fd = mkstemp(name);
        ok(fd >= 0 && write(fd, contents[i], strlen(contents[i])) > 0,
           "a file");
        close(fd);

        v = conf(format("verify hmac-sha256; signature header:X-Sig; "
                        "signed {body}; secret file:%s;", name));
        ok(v && !inlined, "secret of a file");
        accepts(v, sum, "secret of a file");

        unlink(name);
        memcpy(name + sizeof(name) - 7, "XXXXXX", 6);
    }

    setenv("NGX_ER_TEST_SECRET", "0123456789abcdef", 1);

    v = conf("verify hmac-sha256; signature header:X-Sig; signed {body}; "
             "secret old; secret env:NGX_ER_TEST_SECRET;");
    ok(v && inlined, "one of the secrets is inline");
    accepts(v, sum, "secret of the environment, the second of two");

    v = conf("verify hmac-sha256; signature header:X-Sig; signed {body}; "
             "secret env:NGX_ER_TEST_SECRET;");
    ok(v && !inlined, "none is inline");

    ok(conf("verify hmac-sha1; verify hmac-sha256; signature header:X-No; "
            "signature header:X-Sig; signed {url}; signed {body}; secret s;"),
       "a later parameter replaces an earlier one");
}


static void
handshakes(void)
{
    u_char            out[NGX_ER_DIGEST_MAX], hex[65];
    ngx_str_t         text;
    ngx_er_error_t    err;
    ngx_er_verify_t  *v;

    v = conf(HEX "key hex; constant token a; constant token b; "
             "constant other c;");
    text = str("token");
    is_str(ngx_er_verify_constant(v, &text), "b", "constant is replaced");
    is_int(ngx_er_verify_constants(v)->nelts, 2, "two constants");
    text = str("none");
    ok(ngx_er_verify_constant(v, &text) == NULL, "no such constant");

    text = str("qgg8vlvZRS6UYooatFL8Aw");
    is_int(ngx_er_verify_hmac(v, 0, NGX_ER_SHA256, &text, out), NGX_ERROR,
           "no key without a handshake");
    is_int(ngx_er_secret_handshakes(v, NGX_ER_SHA256, &err), NGX_OK, "a key");
    is_int(ngx_er_verify_hmac(v, 0, NGX_ER_SHA256, &text, out), NGX_OK,
           "hmac");
    *ngx_hex_dump(hex, out, 32) = '\0';
    ok(strcmp((char *) hex,
              mac("\x01\x23\x45\x67\x89\xab\xcd\xef",
                  "qgg8vlvZRS6UYooatFL8Aw"))
       == 0,
       "keyed with the bytes that \"key\" decodes, as events are");
    is_int(ngx_er_verify_hmac(v, 0, NGX_ER_SHA1, &text, out), NGX_ERROR,
           "no key of another digest");
    is_int(ngx_er_verify_hmac(v, 1, NGX_ER_SHA256, &text, out), NGX_ERROR,
           "no second secret");
}


/* out of memory at any place: an error, no crash, and never "genuine" */

static void
memory(void)
{
    ngx_str_t          sig, name;
    ngx_uint_t         i;
    const char        *good;
    ngx_er_verify_t   *v;
    ngx_er_header_t    header;
    ngx_er_message_t   m;
    ngx_er_verdict_t   verdict;

    v = conf(HEX "signed {body_sha256}{url}{query:token}; ports both;");
    good = mac("0123456789abcdef", "x");
    sig = str(good);
    name = str("X-Sig");

    ngx_memzero(&m, sizeof(ngx_er_message_t));
    header.name = name;
    header.value = sig;
    m.pool = pool;
    m.url = str("https://h.example/");
    m.args = str("token=1");
    m.headers = &header;
    m.nheaders = 1;

    for (i = 1; i < 30; i++) {
        ngx_er_test_fail_at = ngx_er_test_allocs + i;

        if (ngx_er_verify(v, &m, &verdict) == NGX_DECLINED) {
            ngx_er_test_fail_at = 0;
            break;
        }

        ngx_er_test_fail_at = 0;
    }

    ok(i > 2 && i < 30, "fails %d times for lack of memory, then refuses",
       (int) i - 1);
}


int
main(void)
{
    pool = ngx_er_test_pool();

    encodings();
    schemes();
    clocks();
    tokens();
    guesses();
    jwts();
    merging();
    coverage();
    digests();
    mistakes();
    secrets();
    handshakes();
    memory();

    ngx_destroy_pool(pool);

    return done_testing();
}
