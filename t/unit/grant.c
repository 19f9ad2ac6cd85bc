
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Grants of OAuth 2.0: what an endpoint is asked, byte by byte, and what is
 * made of its answers, of which many are hostile; each also without memory.
 */


#include "tap.h"

#include "../../ngx_event_router_module/deliver/grant.h"


typedef struct {
    const char  *body;
    ngx_uint_t   status;
    const char  *token;                /* NULL: none */
    uint64_t     lifetime;
    const char  *wrong;                /* a part of it */
    const char  *error;
    const char  *said;
} answer_case_t;


static ngx_str_t text(const char *p);
static void test_request(void);
static void test_answer(answer_case_t *c);
static void test_repeated(void);
static void test_long(void);
static void test_bytes(void);
static void test_memory(void);


#define T  "{\"access_token\":\"t\",\"token_type\":\"Bearer\""

static answer_case_t  cases[] = {
    { T "}", 200, "t", 300, NULL, NULL, NULL },
    { T ",\"expires_in\":3600}", 200, "t", 3600, NULL, NULL, NULL },
    { T ",\"expires_in\":\"3600\"}", 200, "t", 3600, NULL, NULL, NULL },
    { T ",\"expires_in\":3600.75}", 200, "t", 3600, NULL, NULL, NULL },
    { T ",\"expires_in\":\"3600.0\"}", 200, "t", 3600, NULL, NULL, NULL },
    { T ",\"expires_in\":0}", 200, "t", 1, NULL, NULL, NULL },
    { T ",\"expires_in\":-1}", 200, "t", 300, NULL, NULL, NULL },
    { T ",\"expires_in\":3.6e3}", 200, "t", 3, NULL, NULL, NULL },
    { T ",\"expires_in\":36e2}", 200, "t", 300, NULL, NULL, NULL },
    { T ",\"expires_in\":null}", 200, "t", 300, NULL, NULL, NULL },
    { T ",\"expires_in\":true}", 200, "t", 300, NULL, NULL, NULL },
    { T ",\"expires_in\":\"\"}", 200, "t", 300, NULL, NULL, NULL },
    { T ",\"expires_in\":\" 60\"}", 200, "t", 300, NULL, NULL, NULL },
    { T ",\"expires_in\":{\"a\":1}}", 200, "t", 300, NULL, NULL, NULL },
    { T ",\"expires_in\":99999999999}", 200, "t", 31536000, NULL, NULL, NULL },
    { T ",\"expires_in\":18446744073709551616}", 200, "t", 31536000, NULL,
      NULL, NULL },
    { T ",\"x\":{\"access_token\":\"no\"}}", 200, "t", 300, NULL, NULL, NULL },
    { T ",\"error\":\"odd\"}", 201, "t", 300, NULL, "odd", NULL },
    { " { \"token_type\" : \"bEaReR\" , \"access_token\" : \"a.b-c_~+/=\" } ",
      200, "a.b-c_~+/=", 300, NULL, NULL, NULL },
    { "{\"access_token\":\"\\u0074\",\"token_type\":\"\\u0062earer\"}", 200,
      "t", 300, NULL, NULL, NULL },

    { "{\"access_token\":\"t\"}", 200, NULL, 0, "token_type", NULL, NULL },
    { "{\"access_token\":\"t\",\"token_type\":\"mac\"}", 200, NULL, 0,
      "token_type", NULL, NULL },
    { "{\"access_token\":\"t\",\"token_type\":\"Bearer \"}", 200, NULL, 0,
      "token_type", NULL, NULL },
    { "{\"access_token\":\"t\",\"token_type\":7}", 200, NULL, 0, "token_type",
      NULL, NULL },
    { "{\"access_token\":\"\",\"token_type\":\"Bearer\"}", 200, NULL, 0,
      "access_token", NULL, NULL },
    { "{\"access_token\":7,\"token_type\":\"Bearer\"}", 200, NULL, 0,
      "access_token", NULL, NULL },
    { "{\"access_token\":null,\"token_type\":\"Bearer\"}", 200, NULL, 0,
      "access_token", NULL, NULL },
    { "{\"access_token\":[\"t\"],\"token_type\":\"Bearer\"}", 200, NULL, 0,
      "access_token", NULL, NULL },
    { "{}", 200, NULL, 0, "access_token", NULL, NULL },
    { "[]", 200, NULL, 0, "access_token", NULL, NULL },
    { "7", 200, NULL, 0, "access_token", NULL, NULL },
    { "", 200, NULL, 0, "not JSON", NULL, NULL },
    { T, 200, NULL, 0, "not JSON", NULL, NULL },
    { T "}x", 200, NULL, 0, "not JSON", NULL, NULL },
    { T ",\"access_token\":\"u\"}", 200, NULL, 0, "not JSON", NULL, NULL },
    { T ",\"a\":[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]}", 200, NULL, 0,
      "not JSON", NULL, NULL },
    { "<html>", 200, NULL, 0, "not JSON", NULL, NULL },
    { "{\"access_token\":\"a b\",\"token_type\":\"Bearer\"}", 200, NULL, 0,
      "a header cannot carry", NULL, NULL },
    { "{\"access_token\":\"a\\r\\nX: y\",\"token_type\":\"Bearer\"}", 200,
      NULL, 0, "a header cannot carry", NULL, NULL },
    { "{\"access_token\":\"a\\u0000\",\"token_type\":\"Bearer\"}", 200, NULL,
      0, "a header cannot carry", NULL, NULL },
    { "{\"access_token\":\"\xc3\xa9\",\"token_type\":\"Bearer\"}", 200, NULL,
      0, "a header cannot carry", NULL, NULL },

    { "{\"error\":\"invalid_client\",\"error_description\":\"no such\"}", 400,
      NULL, 0, "no success", "invalid_client", "no such" },
    { "{\"error\":\"invalid_client\"}", 401, NULL, 0, "no success",
      "invalid_client", NULL },
    { "{\"error\":{\"code\":7},\"error_description\":null}", 400, NULL, 0,
      "no success", NULL, NULL },
    { "{\"error\":\"a\\\"b\\\\c\\n[alert] d\\u007f\xc3\xa9\"}", 400, NULL, 0,
      "no success", "a b c [alert] d???", NULL },
    { "<html>503</html>", 503, NULL, 0, "no success", NULL, NULL },
    { T "}", 302, NULL, 0, "no success", NULL, NULL },
    { T "}", 400, NULL, 0, "no success", NULL, NULL }
};


int
main(void)
{
    ngx_uint_t  i;

    test_request();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_answer(&cases[i]);
    }

    test_repeated();
    test_long();
    test_bytes();
    test_memory();

    return done_testing();
}


static ngx_str_t
text(const char *p)
{
    ngx_str_t  s;

    s.data = (u_char *) p;
    s.len = strlen(p);

    return s;
}


/* the example of RFC 6749, 2.3.1, and one that needs to be encoded */

static void
test_request(void)
{
    ngx_str_t        body, authorization;
    ngx_pool_t      *pool;
    ngx_er_grant_t   grant;

    pool = ngx_er_test_pool();

    memset(&grant, 0, sizeof(grant));
    grant.id = text("s6BhdRkqt3");
    grant.secret = text("7Fjfp0ZBr1KtDRbnfVdmIw");

    is_int(ngx_er_grant_request(&grant, pool, 0, &body, &authorization),
           NGX_OK, "basic");
    is_str(&authorization,
           "Basic czZCaGRSa3F0Mzo3RmpmcDBaQnIxS3REUmJuZlZkbUl3",
           "RFC 6749, 2.3.1");
    is_str(&body, "grant_type=client_credentials", "no more in the body");

    grant.style = NGX_ER_GRANT_BODY;

    is_int(ngx_er_grant_request(&grant, pool, 0, &body, &authorization),
           NGX_OK, "body");
    is_int(authorization.len, 0, "no header");
    is_str(&body, "grant_type=client_credentials&client_id=s6BhdRkqt3"
           "&client_secret=7Fjfp0ZBr1KtDRbnfVdmIw", "id and secret there");

    grant.id = text("a:b c");
    grant.secret = text("=&+%\xc3\xa9~*-._");
    grant.scope = text("read write");
    grant.audience = text("https://a/b?c=d&e");

    is_int(ngx_er_grant_request(&grant, pool, 0, &body, &authorization),
           NGX_OK, "odd bytes");
    is_str(&body, "grant_type=client_credentials&scope=read%20write&audience="
           "https%3A%2F%2Fa%2Fb%3Fc%3Dd%26e&client_id=a%3Ab%20c"
           "&client_secret=%3D%26%2B%25%C3%A9%7E%2A-._", "are encoded");

    grant.style = NGX_ER_GRANT_BASIC;

    is_int(ngx_er_grant_request(&grant, pool, 0, &body, &authorization),
           NGX_OK, "in the header, too");
    is_str(&authorization, "Basic YSUzQWIlMjBjOiUzRCUyNiUyQiUyNSVDMyVBOSU3RSUy"
           "QS0uXw==", "each by itself, then base64");

    ngx_destroy_pool(pool);
}


static void
test_answer(answer_case_t *c)
{
    ngx_str_t               body;
    ngx_pool_t             *pool;
    ngx_er_grant_t          grant;
    ngx_er_grant_answer_t   answer;

    pool = ngx_er_test_pool();

    memset(&grant, 0, sizeof(grant));
    ngx_er_grant_init(&grant, pool);

    body = text(c->body);

    is_int(ngx_er_grant_read(&grant, pool, c->status, &body, 1, &answer),
           c->token ? NGX_OK : NGX_DECLINED, "%s", c->body);

    if (c->token) {
        is_str(&answer.token, c->token, "token");
        is_int(answer.lifetime, c->lifetime, "lifetime");

    } else {
        is_int(answer.token.len, 0, "no token");
        ok(answer.wrong && strstr(answer.wrong, c->wrong), "%s",
           answer.wrong ? answer.wrong : "not wrong");
    }

    is_str(&answer.error, c->error, "error");
    is_str(&answer.said, c->said, "error_description");

    ngx_destroy_pool(pool);
}


/* what the endpoint was sent is not shown, also where it is cut off */

static void
test_repeated(void)
{
    ngx_str_t               body, authorization;
    ngx_pool_t             *pool;
    ngx_er_grant_t          grant;
    ngx_er_grant_answer_t   answer;

    pool = ngx_er_test_pool();

    memset(&grant, 0, sizeof(grant));
    ngx_er_grant_init(&grant, pool);
    grant.id = text("an id");
    grant.secret = text("of /four");

    is_int(ngx_er_grant_request(&grant, pool, 0, &body, &authorization),
           NGX_OK, "basic");
    is_str(&authorization, "Basic YW4lMjBpZDpvZiUyMCUyRmZvdXI=", "its header");

    body = text("{\"error\":\"Basic YW4lMjBpZDpvZiUyMCUyRmZvdXI=\","
                "\"error_description\":\"of /four, of%20%2Ffour, "
                "YW4lMjBpZDpvZ\"}");
    (void) ngx_er_grant_read(&grant, pool, 400, &body, 1, &answer);

    is_str(&answer.error, "Basic ****************************", "its value");
    is_str(&answer.said, "********, ************, *************", "or a part");

    grant.kind = NGX_ER_GRANT_JWT;
    ngx_str_null(&grant.secret);
    grant.sent = text("aaaa.bbbb.cccc");

    body = text("{\"error\":\"aaaa.bbbb.cccc\","
                "\"error_description\":\"no cccc of aaaa.bb\"}");
    (void) ngx_er_grant_read(&grant, pool, 400, &body, 1, &answer);

    is_str(&answer.error, "**************", "an assertion");
    is_str(&answer.said, "no **** of *******", "its signature");

    ngx_destroy_pool(pool);
}


/* what is cut off, and bounds */

static void
test_long(void)
{
    int                     i;
    char                    json[20000], token[17000];
    ngx_str_t               body;
    ngx_pool_t             *pool;
    ngx_er_grant_t          grant;
    ngx_er_grant_answer_t   answer;

    pool = ngx_er_test_pool();

    memset(&grant, 0, sizeof(grant));
    ngx_er_grant_init(&grant, pool);

    body = text(T "}");

    is_int(ngx_er_grant_read(&grant, pool, 200, &body, 0, &answer),
           NGX_DECLINED, "what is not all of it is no answer");
    ok(strstr(answer.wrong, "cut off") != NULL, "and says so");

    for (i = NGX_ER_GRANT_TOKEN; i <= NGX_ER_GRANT_TOKEN + 1; i++) {
        memset(token, 'x', sizeof(token));
        token[i] = '\0';

        (void) snprintf(json, sizeof(json), "{\"token_type\":\"bearer\","
                        "\"access_token\":\"%s\"}", token);
        body = text(json);

        is_int(ngx_er_grant_read(&grant, pool, 200, &body, 1, &answer),
               i == NGX_ER_GRANT_TOKEN ? NGX_OK : NGX_DECLINED,
               "a token of %d bytes", i);
    }

    token[1000] = '\0';

    (void) snprintf(json, sizeof(json), "{\"error\":\"%s\"}", token);
    body = text(json);

    (void) ngx_er_grant_read(&grant, pool, 400, &body, 1, &answer);

    is_int(answer.error.len, NGX_ER_GRANT_SAID, "a long error is cut");

    ngx_destroy_pool(pool);
}


/* no byte of a token can end the header, and none of an error the line */

static void
test_bytes(void)
{
    int                     c, bad;
    char                    json[128];
    size_t                  i;
    ngx_str_t               body;
    ngx_pool_t             *pool;
    ngx_er_grant_t          grant;
    ngx_er_grant_answer_t   answer;

    pool = ngx_er_test_pool();

    memset(&grant, 0, sizeof(grant));
    ngx_er_grant_init(&grant, pool);

    bad = 0;

    for (c = 0; c < 256; c++) {
        (void) snprintf(json, sizeof(json), "{\"token_type\":\"bearer\","
                        "\"access_token\":\"t\\u%04x\","
                        "\"error\":\"e\\u%04x\"}", (unsigned) c,
                        (unsigned) c);
        body = text(json);

        bad += (ngx_er_grant_read(&grant, pool, 200, &body, 1, &answer)
                != ((c > ' ' && c < 0x7f) ? NGX_OK : NGX_DECLINED));

        for (i = 0; i < answer.error.len; i++) {
            bad += (answer.error.data[i] < ' ' || answer.error.data[i] >= 0x7f
                    || answer.error.data[i] == '"'
                    || answer.error.data[i] == '\\');
        }
    }

    is_int(bad, 0, "all bytes");

    ngx_destroy_pool(pool);
}


static void
test_memory(void)
{
    int                     i, rc, bad, failed;
    ngx_str_t               body, authorization;
    ngx_pool_t             *pool;
    ngx_er_grant_t          grant;
    ngx_er_grant_answer_t   answer;

    rc = NGX_ERROR;
    bad = 0;
    failed = 0;

    for (i = 1; i < 400; i += 1 + i / 20) {
        pool = ngx_er_test_pool();

        memset(&grant, 0, sizeof(grant));
        grant.id = text("id");
        grant.secret = text("secret");

        ngx_er_test_allocs = 0;
        ngx_er_test_fail_at = i;

        rc = ngx_er_grant_init(&grant, pool);

        if (rc == NGX_OK) {
            rc = ngx_er_grant_request(&grant, pool, 0, &body, &authorization);
        }

        body = text("{\"error\":\"a\",\"error_description\":\"\\u0062\"}");

        if (rc == NGX_OK) {
            rc = ngx_er_grant_read(&grant, pool, 400, &body, 1, &answer);
            bad += (rc == NGX_OK);
        }

        ngx_er_test_fail_at = 0;

        failed += (rc == NGX_ERROR);
        bad += (rc != NGX_ERROR && rc != NGX_DECLINED);

        ngx_destroy_pool(pool);
    }

    is_int(bad, 0, "without memory: an error, and nothing else");
    ok(failed > 5 && rc == NGX_DECLINED, "%d times", failed);
}
