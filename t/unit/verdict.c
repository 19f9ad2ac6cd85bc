
/*
 * Copyright (C) Event Router contributors
 */


/*
 * deliver/verdict.c, verdict_void.c and response.c: the words of a line, the
 * default of every status, what lines say of answers whose body is whole,
 * awaited or lost, what a verdict says about the target, and which lines never
 * decide.
 */


#include "tap.h"

#include "../../ngx_event_router_module/deliver/verdict_void.h"


#define AWAITED  NGX_ER_RESPONSE_AWAITED
#define WHOLE    NGX_ER_RESPONSE_WHOLE
#define LOST     NGX_ER_RESPONSE_LOST

#define OK       NGX_ER_VERDICT_OK
#define RETRY    NGX_ER_VERDICT_RETRY
#define FINAL    NGX_ER_VERDICT_FINAL
#define DOUBT    NGX_ER_VERDICT_DOUBT
#define JSON     "Content-Type: application/json\n"

#define UNKNOWN  NGX_ER_VERDICT_NONE


typedef struct {
    const char            *words;
    const char            *error;      /* part of the sentence; NULL: fine */
} word_case_t;


typedef struct {
    const char            *lines;      /* "success 2xx; fail_on ..." */
    ngx_uint_t             status;
    const char            *headers;    /* "Name: value\n...", NULL: none are
                                          known */
    const char            *body;
    ngx_er_response_e      state;
    ngx_er_verdict_e       verdict;
    const char            *line;       /* that decided, NULL: none */
} answer_case_t;


static void test_default(void);
static void test_words(void);
static void test_answers(void);
static void test_sizes(void);
static void test_open(void);
static void test_texts(ngx_pool_t *pool, ngx_er_response_t *response);
static void test_evidence(void);
static void test_names(void);
static void named_as(const char *name, const char *want);
static void test_find(void);
static void test_void_words(void);
static void test_void_status(void);
static void test_void(void);
static char *named(ngx_pool_t *pool, const char *note);
static ngx_uint_t split(ngx_pool_t *pool, const char *text, ngx_str_t *word);
static ngx_int_t line(ngx_pool_t *pool, ngx_er_verdict_lines_t *lines,
    const char *text, ngx_er_error_t *err);
static ngx_er_verdict_lines_t *lines_of(ngx_pool_t *pool, const char *text);
static ngx_er_verdict_e judge(ngx_er_verdict_lines_t *lines,
    ngx_er_response_t *response, const char *headers,
    ngx_er_verdict_line_t **decided);


static word_case_t  words[] = {
    { "fail_on 404", NULL },
    { "fail_on 500-503", NULL },
    { "retry_on 5xx", NULL },
    { "fail_on timeout", NULL },
    { "retry_on 4xx 1xx 3xx 500-599", NULL },
    { "retry_on 404 404", NULL },
    { "success 2xx 409", NULL },
    { "success when response.status = 200", NULL },
    { "success when response.header.X-Result not = failed broken", NULL },
    { "success when response.body.Success = true", NULL },
    { "success when response.body exists", NULL },
    { "success when response.body[0].ok = true", NULL },
    { "success when response.body.\"odd.key\" missing", NULL },
    { "success when response.body.a.b[2].c between 1 5", NULL },
    { "success when response.body.when = when", NULL },

    { "fail_on 0", "invalid status \"0\"" },
    { "fail_on 000", "invalid status" },
    { "fail_on 0xx", "invalid status" },
    { "fail_on 6xx", "invalid status" },
    { "fail_on xxx", "invalid status" },
    { "fail_on 5x", "invalid status" },
    { "fail_on 5XX", "invalid status" },
    { "fail_on 99", "invalid status" },
    { "fail_on 099", "invalid status" },
    { "fail_on 600", "invalid status" },
    { "fail_on 1000", "invalid status" },
    { "fail_on -50", "invalid status" },
    { "fail_on 503-500", "invalid status" },
    { "fail_on 500-600", "invalid status" },
    { "fail_on 500-50x", "invalid status" },
    { "fail_on 500-", "invalid status" },
    { "fail_on 500:503", "invalid status" },
    { "fail_on timeouts", "\"timeout\"" },
    { "fail_on 404 when response.status = 1", "invalid status \"when\"" },

    { "success when", "a field is missing behind \"when\"" },
    { "success when response.status", "an operator is missing" },
    { "success when response.status =", "a value is missing" },
    { "success when response.status is 200", "unknown type" },
    { "success when response.stat = 200",
      "did you mean \"response.status\"?" },
    { "success when response.headers.X = 1",
      "did you mean \"response.header.X\"?" },
    { "success when response.bdy.a[0].b = 1",
      "did you mean \"response.body.a[0].b\"?" },
    { "success when response = 1", "unknown field \"response\"" },
    { "success when response. = 1", "unknown field \"response.\"" },
    { "success when response.whatever = 1",
      "of an answer there are response.status" },
    { "success when response.header. = 1", "is missing or longer" },
    { "success when response.header = 1", "of an answer there are" },
    { "success when response.body. = 1", "ends with a \".\"" },
    { "success when response.body.a..b = 1", "two \".\" in a row" },
    { "success when response.statuses = 1", "response.status" },
    { "success when data.Success = true",
      "\"data.Success\" is not of the target's answer" },
    { "success when type = 1", "write response.status" },
    { "success when $request_uri = 1", "write response.status" },
    { "success when header.X = 1", "write response.status" },
    { "success when nonsense = 1", "write response.status" },
    { "success when status = 200", "write response.status" },
    { "success when .a = 1", "write response.status" },
    { "success when not response.body.E exists",
      "as in \"response.body.Error not exists\"" },
    { "success when !response.body.E exists", "write \"when FIELD not OP" },
    { "success if response.body.E = 1", "or \"when\" and a condition" },
    { "success when response.body.x = 1 and response.status = 200",
      "of several lines one that holds is enough" },
    { "fail_on when response.body.x = 1 response.header.y = 2",
      "\"response.header.y\" stands among the VALUEs" },
    { "success when not response.status = 1",
      "to negate, write \"when FIELD not OP VALUE\"" }
};


static answer_case_t  answers[] = {

    /* statuses */

    { "success 2xx 409;", 200, "", "", AWAITED, OK, "success 2xx 409" },
    { "success 2xx 409;", 204, "", "", AWAITED, OK, "success 2xx 409" },
    { "success 2xx 409;", 409, "", "", AWAITED, OK, "success 2xx 409" },
    { "success 2xx 409;", 404, "", "", AWAITED, RETRY, NULL },
    { "success 2xx 409;", 400, "", "", AWAITED, FINAL, NULL },
    { "success 2xx 409;", 503, "", "", AWAITED, RETRY, NULL },
    { "success 2xx 409;", 0, NULL, "", LOST, RETRY, NULL },
    { "success 200; success 201;", 201, "", "", AWAITED, OK, "success 201" },
    { "success 200;", 201, "", "", AWAITED, RETRY, NULL },
    { "success 409;", 200, "", "", AWAITED, RETRY, NULL },
    { "fail_on 404;", 404, "", "", AWAITED, FINAL, "fail_on 404" },
    { "fail_on 404;", 200, "", "", AWAITED, OK, NULL },
    { "retry_on 400;", 400, "", "", AWAITED, RETRY, "retry_on 400" },
    { "fail_on timeout;", 0, NULL, "", LOST, FINAL, "fail_on timeout" },
    { "fail_on timeout;", 504, "", "", AWAITED, RETRY, NULL },
    { "success 4xx; fail_on 404;", 404, "", "", AWAITED, FINAL,
      "fail_on 404" },
    { "success 4xx; retry_on 404;", 404, "", "", AWAITED, RETRY,
      "retry_on 404" },
    { "success 4xx; retry_on 404;", 405, "", "", AWAITED, OK, "success 4xx" },
    { "success 3xx 2xx;", 302, "", "", AWAITED, OK, "success 3xx 2xx" },
    { "success 5xx;", 599, "", "", AWAITED, OK, "success 5xx" },

    /* conditions that need no body */

    { "success when response.status = 200 409;", 409, "", "", AWAITED, OK,
      "success when response.status = 200 409" },
    { "success when response.status between 200 204;", 205, "", "", AWAITED,
      RETRY, NULL },
    { "fail_on when response.status = 202;", 202, "", "", AWAITED, FINAL,
      "fail_on when response.status = 202" },
    { "success when response.status not = 500;", 200, "", "", AWAITED, OK,
      "success when response.status not = 500" },
    { "success when response.header.X-Result = ok;", 200, "X-Result: ok\n",
      "", AWAITED, OK, "success when response.header.X-Result = ok" },
    { "success when response.header.x-result = ok;", 200, "X-RESULT: ok\n",
      "", AWAITED, OK, "success when response.header.x-result = ok" },
    { "success when response.header.X-Result = ok;", 200,
      "X-Result: failed\n", "", AWAITED, RETRY, NULL },
    { "success when response.header.X-Result = ok;", 200, "", "", AWAITED,
      RETRY, NULL },
    { "success when response.header.X-A = 2;", 200, "X-A: 1\nX-A: 2\n", "",
      AWAITED, OK, "success when response.header.X-A = 2" },
    { "fail_on when response.header.X-Error exists;", 200, "X-Error: \n", "",
      AWAITED, FINAL, "fail_on when response.header.X-Error exists" },
    { "fail_on when response.header.X-Error exists;", 200, "X-Other: 1\n", "",
      AWAITED, OK, NULL },
    { "fail_on when response.header.X-Error exists;", 200, NULL, "", AWAITED,
      DOUBT, NULL },
    { "fail_on when response.header.X-Error exists;", 0, NULL, "", LOST,
      RETRY, NULL },
    { "fail_on when response.status != 200;", 0, NULL, "", LOST, RETRY,
      NULL },

    /* the body */

    { "success when response.body.Success = true;", 200, "",
      "{\"Success\":true}", WHOLE, OK,
      "success when response.body.Success = true" },
    { "success when response.body.Success = true;", 200, "",
      "\xef\xbb\xbf{\"Success\":true}", WHOLE, OK,
      "success when response.body.Success = true" },
    { "success when response.body.Success = true;", 200, "",
      "{\"Success\":false,\"ErrorMessage\":\"no stock\"}", WHOLE, RETRY,
      NULL },
    { "success when response.body.Success = true;", 200, "",
      "{\"Success\":tr", AWAITED, UNKNOWN, NULL },
    { "success when response.body.Success = true;", 200, "",
      "{\"Success\":true}", AWAITED, UNKNOWN, NULL },
    { "success when response.body.Success = true;", 200, "",
      "{\"Success\":true}", LOST, DOUBT, NULL },
    { "success when response.body.Success = true;", 200, "", "", WHOLE,
      RETRY, NULL },
    { "success when response.body.Success = true;", 400, "", "", LOST, FINAL,
      NULL },
    { "success when response.body.Success = true;", 0, NULL, "", LOST, RETRY,
      NULL },
    { "success 409; success when response.body.Success = true;", 409, "", "",
      LOST, OK, "success 409" },
    { "success when response.body.Success = true; success 409;", 409, "", "",
      AWAITED, OK, "success 409" },
    { "fail_on when response.body.Success = false;", 200, "",
      "{\"Success\":false}", WHOLE, FINAL,
      "fail_on when response.body.Success = false" },
    { "fail_on when response.body.Success = false;", 200, "",
      "{\"Success\":true}", WHOLE, OK, NULL },
    { "fail_on when response.body.Success = false;", 200, "", "<html>",
      WHOLE, OK, NULL },
    { "fail_on 404; fail_on when response.body.a = 1;", 404, "", "", LOST,
      FINAL, "fail_on 404" },
    { "fail_on 404; retry_on when response.body.a = 1;", 404, "", "", LOST,
      FINAL, "fail_on 404" },
    { "retry_on 404; fail_on when response.body.a = 1;", 404, "", "", LOST,
      DOUBT, NULL },
    { "retry_on 404; fail_on when response.body.a = 1;", 404, "",
      "{\"a\":2}", WHOLE, RETRY, "retry_on 404" },
    { "retry_on 404; fail_on when response.body.a = 1;", 404, "",
      "{\"a\":1}", WHOLE, FINAL, "fail_on when response.body.a = 1" },
    { "retry_on when response.body.Error.Code = 429 Busy;", 200, "",
      "{\"Error\":{\"Code\":\"Busy\"}}", WHOLE, RETRY,
      "retry_on when response.body.Error.Code = 429 Busy" },
    { "success when response.body.Success = true; "
      "fail_on when response.body.Error exists; "
      "retry_on when response.body.Error = Busy;", 200, "",
      "{\"Success\":true,\"Error\":\"Busy\"}", WHOLE, FINAL,
      "fail_on when response.body.Error exists" },
    { "success when response.body.Success = true; "
      "retry_on when response.body.Error = Busy;", 200, "",
      "{\"Success\":true,\"Error\":\"Busy\"}", WHOLE, RETRY,
      "retry_on when response.body.Error = Busy" },
    { "success when response.body.errors not exists;", 200, "",
      "{\"id\":1}", WHOLE, OK,
      "success when response.body.errors not exists" },
    { "success when response.body.errors empty;", 200, "",
      "{\"errors\":[]}", WHOLE, OK, "success when response.body.errors empty"
    },
    { "fail_on when response.body.items.ok = false;", 200, "",
      "{\"items\":[{\"ok\":true},{\"ok\":false}]}", WHOLE, FINAL,
      "fail_on when response.body.items.ok = false" },
    { "success when response.body[1] = 7;", 200, "", "[6,7]", WHOLE, OK,
      "success when response.body[1] = 7" },
    { "success when response.body = ok;", 200, "", "\"ok\"", WHOLE, OK,
      "success when response.body = ok" },
    { "success when response.body.id > 9007199254740992;", 200, "",
      "{\"id\":9007199254740993}", WHOLE, OK,
      "success when response.body.id > 9007199254740992" },

    /* what takes an event is a 2xx, unless the line reads the status */

    { "success when response.body.Success = true;", 500, "",
      "{\"Success\":true}", WHOLE, RETRY, NULL },
    { "success when response.body.Success = true;", 409, "", "", AWAITED,
      RETRY, NULL },
    { "success when response.body.Error not exists;", 401, "",
      "{\"message\":\"bad token\"}", WHOLE, FINAL, NULL },
    { "success when response.body.Error missing;", 503, "", "<html>", WHOLE,
      RETRY, NULL },
    { "success when response.body.Error missing;", 302, "", "", WHOLE, FINAL,
      NULL },
    { "success when response.body.Error missing;", 299, "", "", WHOLE, OK,
      "success when response.body.Error missing" },
    { "success when response.body.Error missing;", 199, "", "", WHOLE, FINAL,
      NULL },
    { "success when response.body.Error missing;", 600, "", "", WHOLE, FINAL,
      NULL },
    { "success when response.header.X-Error missing;", 404, "", "", AWAITED,
      RETRY, NULL },
    { "success when response.header.X-Error missing;", 204, "", "", AWAITED,
      OK, "success when response.header.X-Error missing" },
    { "success when response.status not = 200;", 999, "", "", AWAITED, OK,
      "success when response.status not = 200" },
    { "fail_on when response.body.Success = false;", 503, "",
      "{\"Success\":false}", WHOLE, FINAL,
      "fail_on when response.body.Success = false" },
    { "retry_on when response.header.X-Busy exists;", 400, "X-Busy: 1\n", "",
      AWAITED, RETRY, "retry_on when response.header.X-Busy exists" },

    /* bodies that cannot be read */

    { "success when response.body.a missing;", 200, "Content-Encoding: gzip\n",
      "\x1f\x8b", WHOLE, DOUBT, NULL },
    { "success when response.body.a missing;", 200, "Content-Encoding: gzip\n",
      "", WHOLE, OK, "success when response.body.a missing" },
    { "success when response.body.a = 1;", 200, "content-encoding: br\n",
      "{\"a\":1}", WHOLE, DOUBT, NULL },
    { "success when response.body.a = 1;", 200,
      "Content-Encoding: Identity\n", "{\"a\":1}", WHOLE, OK,
      "success when response.body.a = 1" },
    { "success 2xx; success when response.body.a = 1;", 200,
      "Content-Encoding: gzip\n", "x", WHOLE, OK, "success 2xx" },
    { "success when response.body.a missing; fail_on 400;", 400,
      "Content-Encoding: gzip\n", "x", WHOLE, FINAL, "fail_on 400" },
    { "fail_on when response.body.a = 1; success 2xx;", 200,
      "Content-Encoding: gzip\n", "x", WHOLE, DOUBT, NULL },
    { "fail_on when response.body.a = 1; retry_on when response.body.b = 1;",
      500, "Content-Encoding: gzip\n", "x", WHOLE, DOUBT, NULL },
    { "success when response.body.a missing;", 200, JSON, "{\"a\":1", WHOLE,
      DOUBT, NULL },
    { "success when response.body.a = 1;", 200, JSON, "{\"a\":1}x", WHOLE,
      DOUBT, NULL },
    { "success when response.body.a = 1;", 200, JSON, "{\"a\":1,\"a\":2}",
      WHOLE, DOUBT, NULL },
    { "success when response.body.a = 1;", 200, JSON,
      "{\"a\":1,\"b\":2,\"b\":3}", WHOLE, OK,
      "success when response.body.a = 1" },
    { "success when response.body.a = 1;", 200, JSON,
      "{\"a\":1,\"b\":\"\xff\"}", WHOLE, DOUBT, NULL },
    { "success when response.body.a not = x;", 200, JSON,
      "{\"a\":\"\\ud800\"}", WHOLE, DOUBT, NULL },
    { "success when response.body.a not = x;", 200, "",
      "{\"a\":\"\\ud800\"}", WHOLE, OK,
      "success when response.body.a not = x" },
    { "success when response.body.a missing;", 200, JSON, "<html>", WHOLE,
      DOUBT, NULL },
    { "success when response.body.a missing;", 200, JSON, "", WHOLE, OK,
      "success when response.body.a missing" },
    { "success when response.body.a missing;", 200, JSON, " \r\n", WHOLE, OK,
      "success when response.body.a missing" },
    { "success when response.body.a missing;", 200,
      "content-type: Application/Problem+JSON; charset=utf-8\n", "{", WHOLE,
      DOUBT, NULL },
    { "success when response.body.a missing;", 200,
      "Content-Type: text/json ;x=y\n", "{", WHOLE, DOUBT, NULL },
    { "success when response.body.a missing;", 200,
      "Content-Type: text/html; a=/json\n", "{", WHOLE, OK,
      "success when response.body.a missing" },
    { "success when response.body.a missing;", 200,
      "Content-Type: application/x-ndjson\n", "{", WHOLE, OK,
      "success when response.body.a missing" },
    { "success when response.body.a missing;", 200, "Content-Type: \n", "{",
      WHOLE, OK, "success when response.body.a missing" },
    { "success when response.body.a missing; success when response.status = "
      "200;", 200, JSON, "{", WHOLE, OK,
      "success when response.status = 200" },

    /* bodies that have no fields */

    { "success when response.body.a = 1; success when response.body missing;",
      200, "", "a=1", WHOLE, OK, "success when response.body missing" },
    { "success when response.body.a = 1;", 200, "", "{\"a\":1", WHOLE, RETRY,
      NULL },
    { "success when response.body.a = 1;", 200, "", "{\"a\":1}x", WHOLE,
      RETRY, NULL },
    { "success when response.body.a = 1;", 200, "", "{\"a\":1,\"a\":1}",
      WHOLE, RETRY, NULL },
    { "success when response.body.a = 1;", 200, "",
      "{\"a\":1,\"b\":\"\xff\"}", WHOLE, RETRY, NULL },
    { "success when response.body.a = 1;", 200, "",
      "{\"a\":1,\"b\":\"long enough, and then \xc3\"}", WHOLE, RETRY, NULL },
    { "success when response.body.a = 1;", 200, "",
      "{\"a\":1,\"b\":\"gr\xc3\xbc\xc3\x9f\"}", WHOLE, OK,
      "success when response.body.a = 1" },
    { "success when response.body.a = 1;", 200, "Content-Encoding: identity\n",
      "{\"a\":1}", WHOLE, OK, "success when response.body.a = 1" },
    { "success when response.body.a = 1;", 200, NULL, "{\"a\":1}", WHOLE,
      DOUBT, NULL }
};


int
main(void)
{
    test_default();
    test_words();
    test_answers();
    test_sizes();
    test_open();
    test_evidence();
    test_names();
    test_find();
    test_void_words();
    test_void_status();
    test_void();

    return done_testing();
}


static void
test_default(void)
{
    ngx_uint_t  i, want, wrong;

    wrong = 0;

    for (i = 0; i < 1200; i++) {
        want = (i >= 200 && i < 300) ? OK
               : (i == 0 || i == 404 || i == 408 || i == 409 || i == 425
                  || i == 429 || (i >= 500 && i < 600)) ? RETRY : FINAL;

        if (ngx_er_verdict_default(i) != want) {
            diag("verdict of %d", (int) i);
            wrong++;
        }
    }

    is_int(wrong, 0, "the verdict of each status by default");
}


static void
test_words(void)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    ngx_pool_t              *pool;
    ngx_er_error_t           err;
    ngx_er_verdict_lines_t  *lines;

    for (i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        pool = ngx_er_test_pool();
        lines = ngx_er_verdict_lines_create(pool);

        ngx_memzero(&err, sizeof(ngx_er_error_t));

        rc = line(pool, lines, words[i].words, &err);

        if (words[i].error == NULL) {
            is_int(rc, NGX_OK, "\"%s\" is taken", words[i].words);
            is_int(lines->lines.nelts, 1, "as a line");

        } else if (!ok(rc == NGX_ERROR && memmem(err.text, err.len,
                                                 words[i].error,
                                                 strlen(words[i].error)),
                       "\"%s\" is refused", words[i].words))
        {
            diag("%.*s", (int) err.len, err.text);
        }

        ngx_destroy_pool(pool);
    }
}


static void
test_answers(void)
{
    ngx_uint_t               i;
    ngx_pool_t              *pool;
    ngx_er_verdict_e         verdict;
    ngx_er_response_t        response;
    ngx_er_verdict_line_t   *decided;
    ngx_er_verdict_lines_t  *lines;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        pool = ngx_er_test_pool();
        lines = lines_of(pool, answers[i].lines);

        ngx_memzero(&response, sizeof(ngx_er_response_t));

        response.pool = pool;
        response.status = answers[i].status;
        response.state = answers[i].state;
        response.body.data = (u_char *) answers[i].body;
        response.body.len = strlen(answers[i].body);

        verdict = judge(lines, &response, answers[i].headers, &decided);

        is_int(verdict, answers[i].verdict, "%s %d %s", answers[i].lines,
               (int) answers[i].status, answers[i].body);

        if (answers[i].line == NULL) {
            ok(decided == NULL, "by no line");

        } else {
            is_str(decided ? &decided->text : NULL, answers[i].line,
                   "and which line decided");
        }

        ngx_destroy_pool(pool);
    }

    response.status = 200;
    is_int(ngx_er_verdict(NULL, &response, &decided), OK, "without lines");
}


/* everything that 64 KB may hold has its fields */

static void
test_sizes(void)
{
    char                    *p;
    ngx_pool_t              *pool;
    ngx_uint_t               i;
    ngx_er_response_t        response;
    ngx_er_verdict_line_t   *decided;
    ngx_er_verdict_lines_t  *lines;

    pool = ngx_er_test_pool();
    lines = lines_of(pool, "success when response.body.a = 2;");

    p = ngx_palloc(pool, NGX_ER_RESPONSE_BODY);

    ngx_memzero(&response, sizeof(ngx_er_response_t));

    response.pool = pool;
    response.status = 200;
    response.state = WHOLE;
    response.body.data = (u_char *) p;

    p += sprintf(p, "{\"a\":[1");

    for (i = 0; i < 32000; i++) {
        *p++ = ',';
        *p++ = '1';
    }

    p += sprintf(p, ",2]}");

    response.body.len = (u_char *) p - response.body.data;

    is_int(judge(lines, &response, "", &decided), OK, "many values");

    ngx_memset(response.body.data, '[', 70);
    ngx_memset(response.body.data + 70, ']', 70);

    response.body.len = 140;
    response.facts = NULL;
    response.scanned = 0;

    is_int(judge(lines, &response, "", &decided), RETRY, "too deep");

    response.facts = NULL;
    response.scanned = 0;

    is_int(judge(lines, &response, JSON, &decided), DOUBT, "and said to be "
           "JSON");

    test_texts(pool, &response);

    ngx_destroy_pool(pool);
}


/* a body that ends with its connection may have lost its end */

static void
test_open(void)
{
    ngx_uint_t               i;
    ngx_pool_t              *pool;
    ngx_er_response_t        response;
    ngx_er_verdict_line_t   *decided;
    ngx_er_verdict_lines_t  *lines;

    static const struct {
        const char        *body;
        ngx_er_verdict_e   verdict;
    } cases[] = {
        { "{\"a\":1}", FINAL },
        { "{\"a\":1", DOUBT },
        { "{\"a\":", DOUBT },
        { "{\"a", DOUBT },
        { "{", DOUBT },
        { "[1,2", DOUBT },
        { "tru", DOUBT },
        { "", OK },
        { "<html>", OK },
        { "{\"a\":1}}", OK },
        { "{'a':1", OK }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        pool = ngx_er_test_pool();
        lines = lines_of(pool, "fail_on when response.body.a = 1;");

        ngx_memzero(&response, sizeof(ngx_er_response_t));

        response.pool = pool;
        response.status = 200;
        response.state = WHOLE;
        response.open = 1;
        response.body.data = (u_char *) cases[i].body;
        response.body.len = strlen(cases[i].body);

        is_int(judge(lines, &response, "", &decided), cases[i].verdict,
               "open: %s", cases[i].body);

        ngx_destroy_pool(pool);
    }
}


/* regular expressions are for 16 KB */

static void
test_texts(ngx_pool_t *pool, ngx_er_response_t *response)
{
    char                    *p;
    ngx_uint_t               i;
    ngx_er_verdict_line_t   *decided;
    ngx_er_verdict_lines_t  *lines;

    static const struct {
        const char        *lines;
        ngx_uint_t         size;
        ngx_er_verdict_e   verdict;
    } cases[] = {
        { "success 2xx; fail_on when response.body.m ~ ORA-;", 100, FINAL },
        { "success 2xx; fail_on when response.body.m ~ ORA-;", 17000, DOUBT },
        { "success 2xx; fail_on when response.body.m ~* ^nothing;", 17000,
          DOUBT },
        { "success when response.body.m not ~ ORA-;", 17000, DOUBT },
        { "success when response.body.m ~ ORA-; success when response.body.m "
          "prefix ORA;", 17000, OK },
        { "success when response.body.m ~ ORA-; success when response.body.m "
          "prefix x;", 17000, DOUBT },
        { "retry_on when response.body.m contains x; fail_on when "
          "response.body.n ~ ORA-;", 17000, RETRY },
        { "fail_on when response.header.X ~ x; success 2xx;", 17000, OK }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lines = lines_of(pool, cases[i].lines);

        p = ngx_palloc(pool, NGX_ER_RESPONSE_BODY);

        response->body.data = (u_char *) p;

        p += sprintf(p, "{\"m\":\"ORA-");
        ngx_memset(p, 'x', cases[i].size);
        p += cases[i].size;
        p += sprintf(p, "\"}");

        response->body.len = (u_char *) p - response->body.data;
        response->facts = NULL;
        response->scanned = 0;

        is_int(judge(lines, response, "", &decided), cases[i].verdict,
               "%s %d", cases[i].lines, (int) cases[i].size);
    }
}


static void
test_evidence(void)
{
    ngx_uint_t  i;

    static const struct {
        ngx_er_verdict_e   verdict;
        ngx_uint_t         status;
        ngx_uint_t         known;
        time_t             retry_after;
        ngx_er_evidence_e  evidence;
    } cases[] = {
        { OK, 200, 1, -1, NGX_ER_EVIDENCE_GOOD },
        { OK, 409, 1, -1, NGX_ER_EVIDENCE_GOOD },
        { OK, 500, 1, -1, NGX_ER_EVIDENCE_GOOD },
        { OK, 503, 1, 10, NGX_ER_EVIDENCE_GOOD },
        { FINAL, 400, 1, -1, NGX_ER_EVIDENCE_GOOD },
        { FINAL, 200, 1, -1, NGX_ER_EVIDENCE_GOOD },
        { FINAL, 501, 1, -1, NGX_ER_EVIDENCE_BAD },
        { RETRY, 200, 1, -1, NGX_ER_EVIDENCE_NONE },
        { RETRY, 299, 1, 5, NGX_ER_EVIDENCE_NONE },
        { RETRY, 404, 1, -1, NGX_ER_EVIDENCE_GOOD },
        { RETRY, 408, 1, -1, NGX_ER_EVIDENCE_BAD },
        { RETRY, 429, 1, -1, NGX_ER_EVIDENCE_NONE },
        { RETRY, 429, 1, 0, NGX_ER_EVIDENCE_PAUSE },
        { RETRY, 500, 1, -1, NGX_ER_EVIDENCE_BAD },
        { RETRY, 503, 1, -1, NGX_ER_EVIDENCE_BAD },
        { RETRY, 503, 1, 7, NGX_ER_EVIDENCE_PAUSE },
        { RETRY, 502, 1, 7, NGX_ER_EVIDENCE_BAD },
        { RETRY, 0, 1, -1, NGX_ER_EVIDENCE_BAD },
        { DOUBT, 200, 1, -1, NGX_ER_EVIDENCE_NONE },
        { DOUBT, 200, 0, -1, NGX_ER_EVIDENCE_BAD },
        { DOUBT, 504, 0, -1, NGX_ER_EVIDENCE_BAD }
    };

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        is_int(ngx_er_verdict_evidence(cases[i].verdict, cases[i].status,
                                       cases[i].known, cases[i].retry_after),
               cases[i].evidence, "what %s of %d says about the target",
               ngx_er_verdict_name(cases[i].verdict), (int) cases[i].status);
    }
}


/* numbers of a store, which a newer version may have written */

static void
test_names(void)
{
    ok(ngx_er_lost_name(NGX_ER_LOST_NONE) == NULL, "nothing was lost");
    named_as(ngx_er_lost_name(NGX_ER_LOST_UNREADABLE),
             "the body cannot be read");
    named_as(ngx_er_lost_name(NGX_ER_LOST_UNREADABLE + 1), "unknown");
    named_as(ngx_er_lost_name(255), "unknown");

    named_as(ngx_er_verdict_name(DOUBT), "doubt");
    named_as(ngx_er_verdict_name(DOUBT + 1), "unknown");
    named_as(ngx_er_verdict_name(255), "unknown");
}


static void
named_as(const char *name, const char *want)
{
    ok(strcmp(name, want) == 0, "its name is \"%s\"", want);
}


/* kinds of one's own */

static void
test_find(void)
{
    ngx_str_t                text[3];
    ngx_pool_t              *pool;
    ngx_er_error_t           err;
    ngx_er_response_t        response;
    ngx_er_verdict_line_t   *found;
    ngx_er_verdict_lines_t  *lines;

    pool = ngx_er_test_pool();
    lines = ngx_er_verdict_lines_create(pool);

    ngx_str_set(&text[0], "404");
    ok(ngx_er_verdict_line(pool, lines, 20, text, 1, &err) != NULL,
       "a line of another kind");

    ngx_memzero(&response, sizeof(ngx_er_response_t));
    response.pool = pool;
    response.status = 404;

    is_int(ngx_er_verdict_find(lines, 20, &response, &found), NGX_OK,
           "is found");
    is_int(found->kind, 20, "by its kind");
    is_int(ngx_er_verdict_find(lines, 21, &response, &found), NGX_DECLINED,
           "no other one is");
    is_int(ngx_er_verdict_has(lines, 20), 1, "there is one");
    is_int(ngx_er_verdict_has(lines, 21), 0, "and none");

    response.status = 200;
    is_int(ngx_er_verdict_find(lines, 20, &response, &found), NGX_DECLINED,
           "another status is not meant");

    ngx_str_set(&text[0], "when");
    ngx_str_set(&text[1], "response.body.id");
    ngx_str_set(&text[2], "missing");
    ok(ngx_er_verdict_line(pool, lines, 3, text, 3, &err) != NULL,
       "a condition of another kind");

    response.state = WHOLE;
    response.headers = ngx_list_create(pool, 1, sizeof(ngx_table_elt_t));

    is_int(ngx_er_verdict_find(lines, 3, &response, &found), NGX_OK,
           "is met by a 2xx");

    response.status = 500;
    is_int(ngx_er_verdict_find(lines, 3, &response, &found), NGX_DECLINED,
           "and by no other answer");

    ngx_destroy_pool(pool);
}


/* what response.status is compared with */

static void
test_void_words(void)
{
    ngx_str_t        word[20];
    ngx_int_t        rc;
    ngx_uint_t       i, n;
    ngx_pool_t      *pool;
    ngx_er_error_t   err;

    static word_case_t  cases[] = {
        { "success when response.status = 200", NULL },
        { "success when response.status = 200 201 2e2 200.0", NULL },
        { "success when response.status not between 200 299", NULL },
        { "success when response.status like 2xx", NULL },
        { "success when response.status exists", NULL },
        { "success when response.status is number", NULL },
        { "success when response.status == 2xx", NULL },
        { "success when response.status", NULL },
        { "success when response.status not", NULL },
        { "success when response.status =", NULL },
        { "success when response.body.status = OK", NULL },
        { "success when response.header.status = OK", NULL },
        { "success 2xx", NULL },
        { "success when response.status = 200 and response.body.a = 1",
          NULL },

        { "success when response.status = 2xx", "\"success 2xx\"" },
        { "success when response.status = OK", "\"success 2xx\"" },
        { "success when response.status = 200 OK", "\"OK\" is not a number" },
        { "success when response.status = 200,", "\"200,\" is not" },
        { "success when response.status = 200 or 201", "\"or\" is not" },
        { "success when response.status = 200-204", "\"success 200-204\"" },
        { "success when response.status = timeout", "\"success 2xx\"" },
        { "success when response.status = 2XX", "\"success 2xx\"" },
        { "success when response.status != 2xx", "\"success 2xx\"" },
        { "success when response.status not = 5xx", "\"success 5xx\"" },
        { "success when response.status has_all 2xx", "is not a number" },
        { "success when response.status < 3xx", "\"success 3xx\"" },
        { "success when response.status <= OK", "\"success 2xx\"" },
        { "success when response.status > OK", "\"success 2xx\"" },
        { "success when response.status >= 2xx", "\"success 2xx\"" },
        { "success when response.status between 2xx 3xx",
          "\"success 2xx\"" },
        { "success when response.status not between 200 3xx",
          "\"success 3xx\"" },
        { "success when response.status = 0x10", "is not a number" },
        { "fail_on when response.status = 4xx", "\"fail_on 4xx\"" },
        { "fail_on when response.status = 2xx", "\"fail_on 5xx\"" },
        { "fail_on when response.status = timeout", "\"fail_on timeout\"" },
        { "retry_on when response.status = Busy", "\"retry_on 5xx\"" },
        { "found when response.status = OK", "\"found 2xx\"" },
        { "missing when response.status = none", "\"missing 404\"" }
    };

    pool = ngx_er_test_pool();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        n = split(pool, cases[i].words, word);

        rc = ngx_er_verdict_void_words(&word[0], &word[1], n - 1, &err);

        is_int(rc, cases[i].error ? NGX_ERROR : NGX_OK, "%s: read",
               cases[i].words);

        if (rc != NGX_OK && cases[i].error) {
            err.text[ngx_min(err.len, NGX_ER_ERROR_LEN - 1)] = '\0';
            ok(strstr((char *) err.text, cases[i].error) != NULL,
               "%s: %s", cases[i].words, err.text);
        }
    }

    ngx_destroy_pool(pool);
}


/* conditions over the status that hold for no status, or for each */

static void
test_void_status(void)
{
    ngx_str_t                name;
    ngx_uint_t               i;
    ngx_pool_t              *pool;
    ngx_er_error_t           err;
    ngx_er_verdict_lines_t  *lines;

    static word_case_t  cases[] = {
        { "success when response.status = 200", NULL },
        { "success when response.status = 2 200", NULL },
        { "success when response.status = 599", NULL },
        { "success when response.status != 100", NULL },
        { "success when response.status prefix 2", NULL },
        { "success when response.status like 2*", NULL },
        { "success when response.status > 598", NULL },
        { "success when response.body.a exists", NULL },
        { "success when response.header.a missing", NULL },
        { "success 100-599", NULL },

        { "success when response.status = 20", "holds for no status" },
        { "success when response.status = 2000", "\"success 2xx\"" },
        { "success when response.status = 0", "holds for no status" },
        { "success when response.status like 2xx", "holds for no status" },
        { "success when response.status prefix OK", "holds for no status" },
        { "success when response.status missing", "holds for no status" },
        { "success when response.status empty", "holds for no status" },
        { "success when response.status is string", "holds for no status" },
        { "success when response.status < 100", "holds for no status" },
        { "success when response.status > 599", "holds for no status" },
        { "success when response.status exists", "holds for each status" },
        { "success when response.status >= 100", "holds for each status" },
        { "success when response.status between 100 599",
          "holds for each status" },
        { "success when response.status != 20", "holds for each status" },
        { "fail_on when response.status = 2000", "\"fail_on 404 410\"" },
        { "fail_on when response.status is number", "holds for each status" }
    };

    pool = ngx_er_test_pool();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lines = lines_of(pool, cases[i].words);

        name.data = (u_char *) cases[i].words;
        name.len = strchr(cases[i].words, ' ') - cases[i].words;

        is_int(ngx_er_verdict_void_status(&name, lines->lines.elts, &err),
               cases[i].error ? NGX_DECLINED : NGX_OK, "%s",
               cases[i].words);

        if (cases[i].error) {
            err.text[ngx_min(err.len, NGX_ER_ERROR_LEN - 1)] = '\0';
            ok(strstr((char *) err.text, cases[i].error) != NULL,
               "%s: %s", cases[i].words, err.text);
        }
    }

    ngx_destroy_pool(pool);
}


/* lines before which others decide: the beginnings of the notes */

static void
test_void(void)
{
    char                    *p, *last;
    char                     notes[4096];
    ngx_str_t                word, text;
    ngx_uint_t               i, k;
    ngx_pool_t              *pool;
    ngx_er_error_t           err;
    ngx_er_verdict_line_t   *line;
    ngx_er_verdict_lines_t  *lines;

    static const struct {
        const char  *lines;
        const char  *notes;
    } cases[] = {

        /* a list and a condition that are meant to hold together */

        { "success 2xx;success when response.body.a = 1",
          "<success when response.body.a = 1>success 2xx;" },
        { "success when response.body.a = 1;success 409 2xx",
          "<success when response.body.a = 1>success 409 2xx;" },
        { "success 200-299;success when response.header.a = 1",
          "<success when response.header.a = 1>success 200-299;" },
        { "success 1xx 2xx 3xx;success when response.body.a missing",
          "<success when response.body.a missing>success 1xx 2xx 3xx;" },
        { "success 200-250;success 251-299;success when response.body.a = 1",
          "<success when response.body.a = 1>success 200-250;" },
        { "success when response.status between 200 299;"
          "success when response.body.a = 1",
          "<success when response.body.a = 1>"
          "success when response.status between 200 299;" },
        { "success when response.status < 400;"
          "success when response.body.a = 1",
          "<success when response.body.a = 1>"
          "success when response.status < 400;" },
        { "success 2xx;success when response.status = 200",
          "<success when response.status = 200>success 2xx;" },
        { "success 200;success when response.status = 200 201", "" },
        { "success 200;success when response.body.a = 1", "" },
        { "success 409;success when response.body.a = 1", "" },
        { "success 200-298;success when response.body.a = 1", "" },
        { "success 201-299;success when response.body.a = 1", "" },
        { "success 2xx;success 200", "" },
        { "success 2xx;success 2xx", "" },
        { "success when response.status = 200;"
          "success when response.status = 200", "" },
        { "success when response.body.a = 1;"
          "success when response.body.a = 1", "" },
        { "success 2xx;fail_on when response.body.a = 1", "" },
        { "success 2xx;retry_on when response.body.a = 1", "" },

        /* what is asked before success */

        { "success 2xx 409;fail_on 409", "<409>fail_on 409;" },
        { "fail_on 409;success 2xx 409", "<409>fail_on 409;" },
        { "success 2xx 404;retry_on 404", "<404>retry_on 404;" },
        { "success 2xx 404;retry_on 400 4xx", "<404>retry_on 400 4xx;" },
        { "success 2xx 404 409;fail_on 404;retry_on 409",
          "<404>fail_on 404;<409>retry_on 409;" },
        { "success 2xx 4xx;fail_on 4xx", "<4xx>fail_on 4xx;" },
        { "success 2xx 404-405;fail_on 404;retry_on 405",
          "<404-405>retry_on 405;" },
        { "success 2xx 409;fail_on when response.status = 409",
          "<409>fail_on when response.status = 409;" },
        { "success 2xx 409;fail_on when response.status >= 400",
          "<409>fail_on when response.status >= 400;" },
        { "success 2xx;fail_on when response.status between 200 299",
          "<2xx>fail_on when response.status between 200 299;" },
        { "success when response.status = 409;fail_on 409",
          "<success when response.status = 409>fail_on 409;" },
        { "success when response.body.a = 1;"
          "fail_on when response.status between 200 299",
          "<success when response.body.a = 1>"
          "fail_on when response.status between 200 299;" },
        { "retry_on when response.status = 404;fail_on 4xx",
          "<retry_on when response.status = 404>fail_on 4xx;" },
        { "retry_on 404;fail_on when response.status = 404",
          "<404>fail_on when response.status = 404;" },
        { "success 202-299;success when response.body.a = 1;"
          "retry_on when response.status = 200 201",
          "<success when response.body.a = 1>success 202-299;" },
        { "success 2xx 4xx;fail_on 404", "" },
        { "success 2xx 4xx;fail_on 404;retry_on 410", "" },
        { "success 2xx;fail_on when response.status = 202", "" },
        { "success 2xx 404 409", "" },
        { "success 2xx 500", "" },
        { "success 2xx;fail_on 404 timeout;retry_on 410", "" },
        { "fail_on 404;retry_on 410", "" },
        { "success 2xx 409;fail_on when response.body.a = 1", "" },
        { "success 2xx 409;retry_on when response.header.a exists", "" },
        { "success when response.status = 404 409;fail_on 409", "" },
        { "retry_on when response.body.a = 1;fail_on 4xx 5xx", "" },

        /* of which something else is said */

        { "success 2xx;success when response.status = 20", "" }
    };

    pool = ngx_er_test_pool();

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lines = lines_of(pool, cases[i].lines);
        line = lines->lines.elts;

        p = notes;
        last = notes + sizeof(notes) - 2048;
        *p = '\0';

        for (k = 0; k < lines->lines.nelts; k++) {
            ngx_str_null(&word);

            while (p < last
                   && ngx_er_verdict_void(lines, &line[k], &word, &err)
                      == NGX_DECLINED)
            {
                err.text[ngx_min(err.len, NGX_ER_ERROR_LEN - 1)] = '\0';
                p += sprintf(p, "<%.*s>%s;", (int) word.len, word.data,
                             named(pool, (char *) err.text));
            }
        }

        text.data = (u_char *) notes;
        text.len = p - notes;

        is_str(&text, cases[i].notes, "%s", cases[i].lines);
    }

    ngx_destroy_pool(pool);
}


/* the line that a note says to be the one that decides */

static char *
named(ngx_pool_t *pool, const char *note)
{
    char        *copy, *end;
    const char  *p;

    p = strstr(note, "never decides: of several such lines one is enough, and"
                     " \"");

    p = p ? strstr(p, ", and \"") + 7
          : strstr(note, "never decides: \"") + 16;

    copy = ngx_palloc(pool, strlen(p) + 1);
    strcpy(copy, p);

    end = strchr(copy, '"');
    *end = '\0';

    return copy;
}


static ngx_uint_t
split(ngx_pool_t *pool, const char *text, ngx_str_t *word)
{
    char        *p, *copy, *save;
    ngx_uint_t   n;

    copy = ngx_palloc(pool, strlen(text) + 1);
    strcpy(copy, text);

    for (n = 0, p = strtok_r(copy, " ", &save); p;
         n++, p = strtok_r(NULL, " ", &save))
    {
        word[n].data = (u_char *) p;
        word[n].len = strlen(p);
    }

    return n;
}


/* "success 2xx 409" */

static ngx_int_t
line(ngx_pool_t *pool, ngx_er_verdict_lines_t *lines, const char *text,
    ngx_er_error_t *err)
{
    ngx_str_t               word[20];
    ngx_uint_t              n, kind;
    ngx_er_verdict_line_t  *made;

    n = split(pool, text, word);

    kind = word[0].data[0] == 's' ? OK
           : word[0].data[0] == 'r' ? RETRY : FINAL;

    made = ngx_er_verdict_line(pool, lines, kind, &word[1], n - 1, err);
    if (made == NULL) {
        return NGX_ERROR;
    }

    made->text.data = (u_char *) text;
    made->text.len = strlen(text);

    return NGX_OK;
}


static ngx_er_verdict_lines_t *
lines_of(ngx_pool_t *pool, const char *text)
{
    char                    *p, *copy, *save;
    ngx_er_error_t           err;
    ngx_er_verdict_lines_t  *lines;

    lines = ngx_er_verdict_lines_create(pool);
    lines->any = 1 << RETRY | 1 << FINAL;

    copy = ngx_palloc(pool, strlen(text) + 1);
    strcpy(copy, text);

    for (p = strtok_r(copy, ";", &save); p; p = strtok_r(NULL, ";", &save)) {

        while (*p == ' ') {
            p++;
        }

        if (*p && line(pool, lines, p, &err) != NGX_OK) {
            ok(0, "%s: %.*s", p, (int) err.len, err.text);
        }
    }

    return lines;
}


static ngx_er_verdict_e
judge(ngx_er_verdict_lines_t *lines, ngx_er_response_t *response,
    const char *headers, ngx_er_verdict_line_t **decided)
{
    char             *p, *colon, *copy, *save;
    ngx_list_t       *list;
    ngx_table_elt_t  *h;

    if (headers) {
        list = ngx_list_create(response->pool, 4, sizeof(ngx_table_elt_t));

        copy = ngx_palloc(response->pool, strlen(headers) + 1);
        strcpy(copy, headers);

        for (p = strtok_r(copy, "\n", &save); p;
             p = strtok_r(NULL, "\n", &save))
        {
            colon = strchr(p, ':');
            h = ngx_list_push(list);

            h->hash = 1;
            h->key.data = (u_char *) p;
            h->key.len = colon - p;
            h->value.data = (u_char *) colon + 2;
            h->value.len = strlen(colon + 2);
        }

        response->headers = list;
    }

    return ngx_er_verdict(lines, response, decided);
}
