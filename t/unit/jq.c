
/*
 * Copyright (C) Event Router contributors
 */


/*
 * mapping/jq_number.c, jq_text.c, jq_check.c and, with a nursery and children
 * as a worker has them, jq_child.c, jq_program.c and jq_sandbox.c: which
 * numbers come back, which keys are one, and what becomes of programs that do
 * harm.
 */


#include "tap.h"
#include "../../ngx_event_router_module/base/fingerprint.h"
#include "../../ngx_event_router_module/mapping/jq_check.h"
#include "../../ngx_event_router_module/mapping/jq_nursery.h"
#include "../../ngx_event_router_module/mapping/jq_number.h"
#include "../../ngx_event_router_module/mapping/jq_program.h"
#include "../../ngx_event_router_module/mapping/jq_text.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>


#if (__SANITIZE_ADDRESS__)
#define TEST_ASAN  1
#else
#define TEST_ASAN  0
#endif


typedef struct {
    const char  *program;
    const char  *event;
    int          answer;
    const char  *text;       /* all of them, with "|" between; NULL: any */
} case_t;


typedef struct {
    int                answer;
    ngx_uint_t         count;
    size_t             size;
    char               text[4096];
} heard_t;


static void numbers(void);
static void against_libjq(void);
static ngx_int_t output(void *data, ngx_str_t *json);
static ngx_str_t number(char *room);
static unsigned rnd(unsigned n);
static void texts(void);
static void text(const char *json, ngx_uint_t strings, ngx_int_t want,
    const char *result);
static void many_keys(void);
static void checks(void);
static void check(const char *program, const char *want);
static void programs(void);
static ngx_socket_t child(ngx_socket_t nursery);
static void ask(ngx_socket_t fd, uint32_t program, uint32_t strings,
    const char *event);
static int hear(ngx_socket_t fd, heard_t *heard);
static int all(ngx_socket_t fd, void *buf, size_t size);


/* what nginx has in ngx_process.c, ngx_setproctitle.c and ngx_socket.c */

ngx_pid_t    ngx_pid;
int          ngx_argc;
char       **ngx_os_argv;


static unsigned  seed = 1;

static u_char    secret[NGX_ER_FINGERPRINT_SECRET];


void
ngx_setproctitle(char *title)
{
    /* void */
}


int
ngx_nonblocking(ngx_socket_t s)
{
    return fcntl(s, F_SETFL, fcntl(s, F_GETFL) | O_NONBLOCK);
}


static const char  *kept[] = {
    "0", "-0", "0.0", "0e999999999999999999", "1", "-1", "10", "1.10", "0.1",
    "1e2", "1E+2", "1e-2", "100000000000000000000", "1e22", "1e300", "1e308",
    "1.7976931348623157e308", "2.2250738585072014e-308", "5e-324",
    "9007199254740992", "9007199254740991", "-9007199254740991",
    "123456789012345", "1234567890.12345", "0.000000000000001", "1e-300",
    "0.1000000000000000000000000000000000000", "0.30000000000000004",
    "1752500000.123", NULL
};


static const char  *changed[] = {
    "9007199254740993", "-9007199254740993", "12345678901234567890",
    "18446744073709551615", "1152921504606846976", "0.10000000000000001",
    "0.100000000000000000000000000001", "3.14159265358979323846", "1e309",
    "-1e400", "1e999999999999999999999999", "1e-400", "4e-324",
    "4.9e-324",
    "1.7976931348623159e308", "1e-999999999999999999999",
    "123456789012345678", "0.30000000000000003", "2.2250738585072011e-308",
    NULL
};


int
main(void)
{
    ngx_pid = getpid();

    if (ngx_er_fingerprint_secret(secret) != NGX_OK) {
        return 1;
    }

    numbers();
    against_libjq();
    texts();
    many_keys();
    checks();
    programs();

    return done_testing();
}


static void
numbers(void)
{
    int        i;
    ngx_str_t  t;

    for (i = 0; kept[i]; i++) {
        t.data = (u_char *) kept[i];
        t.len = strlen(kept[i]);
        ok(ngx_er_jq_number_kept(&t) == 1, "%s is kept", kept[i]);
    }

    for (i = 0; changed[i]; i++) {
        t.data = (u_char *) changed[i];
        t.len = strlen(changed[i]);
        ok(ngx_er_jq_number_kept(&t) == 0, "%s is changed", changed[i]);
    }
}


/*
 * What is kept is printed by libjq with the same value: both texts, read
 * digit by digit, are the same number.  Two texts are the same number here if
 * their digits without zeros at both ends and their exponents are.
 */

static void
normal(const char *p, char *out)
{
    char  digits[128];
    int   n, exponent, point, seen;

    n = 0;
    exponent = 0;
    point = -1;
    seen = 0;

    *out = '\0';

    if (*p == '-') {
        p++;
        strcpy(out, "-");
    }

    for ( /* void */ ; *p && *p != 'e' && *p != 'E'; p++) {
        if (*p == '.') {
            point = seen;
            continue;
        }

        digits[n++] = *p;
        seen++;
    }

    if (*p) {
        exponent = atoi(p + 1);
    }

    exponent += (point == -1) ? seen : point;
    digits[n] = '\0';
    p = digits;

    while (*p == '0') {
        p++;
        exponent--;
    }

    for (n = strlen(p); n && p[n - 1] == '0'; n--) { /* void */ }

    if (n == 0) {
        strcpy(out, "0");
        return;
    }

    sprintf(out + strlen(out), "%.*se%d", n, p, exponent);
}


static ngx_int_t
output(void *data, ngx_str_t *json)
{
    memcpy(data, json->data, json->len);
    ((char *) data)[json->len] = '\0';

    return NGX_OK;
}


static ngx_str_t
number(char *room)
{
    char       *p;
    unsigned    i, n;
    ngx_str_t   t;

    p = room;

    if (rnd(4) == 0) {
        *p++ = '-';
    }

    *p++ = '1' + rnd(9);

    for (i = 0, n = rnd(19); i < n; i++) {
        *p++ = '0' + (rnd(3) ? rnd(10) : 0);
    }

    if (rnd(2)) {
        *p++ = '.';

        for (i = 0, n = 1 + rnd(8); i < n; i++) {
            *p++ = '0' + (rnd(3) ? rnd(10) : 0);
        }
    }

    if (rnd(3) == 0) {
        p += sprintf(p, "e%d", (int) rnd(640) - 330);
    }

    *p = '\0';

    t.data = (u_char *) room;
    t.len = p - room;

    return t;
}


static void
against_libjq(void)
{
    int                   i, nkept, wrong, same;
    char                  room[64], printed[512], a[512], b[512];
    ngx_str_t             t;
    ngx_pool_t           *pool;
    ngx_er_jq_said_t      said;
    ngx_er_jq_program_t  *program;

    pool = ngx_er_test_pool();
    program = ngx_er_jq_program_compile(pool, (u_char *) ".+0", &said);

    ok(program != NULL, "a program");

    nkept = 0;
    wrong = 0;

    for (i = 0; i < 200000; i++) {
        t = number(room);

        if (ngx_er_jq_program_run(program, &t, output, printed, &said)
            != NGX_OK)
        {
            wrong++;
            continue;
        }

        normal(room, a);
        normal(printed, b);
        same = (strcmp(a, b) == 0);

        if (ngx_er_jq_number_kept(&t) != (ngx_uint_t) same) {
            diag("%s is printed as %s, kept: %d", room, printed, !same);
            wrong++;
        }

        nkept += same;
    }

    ok(nkept > 20000 && nkept < 180000, "%d of %d numbers are kept", nkept, i);
    is_int(wrong, 0, "and libjq prints these, and only these, as they were");

    ngx_destroy_pool(pool);
}


static unsigned
rnd(unsigned n)
{
    seed = seed * 1103515245 + 12345;

    return (seed >> 16) % n;
}


static void
texts(void)
{
    text("{}", 0, NGX_OK, "{}");
    text("[]", 0, NGX_OK, "[]");
    text("7", 0, NGX_OK, "7");
    text("\"1e999\"", 0, NGX_OK, "\"1e999\"");
    text("[\"\\ud83d\",\"\\uDE00.\",\"\\ud83d\\ude00\",\"\\\\ud83d\"]", 0,
         NGX_OK,
         "[\"\\ufffd\",\"\\ufffd.\",\"\\ud83d\\ude00\",\"\\\\ud83d\"]");
    text("{\"\\ud83d\\ud83d\\ude00\":\"\\ud83d\\u0041\\ud7ff\\ue000\"}", 0,
         NGX_OK,
         "{\"\\ufffd\\ud83d\\ude00\":\"\\ufffd\\u0041\\ud7ff\\ue000\"}");
    text("{\"a\":1,\"b\":{\"a\":1},\"c\":[{\"a\":1},{\"a\":1}]}", 0, NGX_OK,
         NULL);
    text("{\"a\":{},\"b\":[],\"c\":\"\\\"\",\"d\":[[],{}]}", 0, NGX_OK, NULL);

    text("{\"data\":{\"id\":9007199254740993}}", 0, NGX_DECLINED,
         "data.id data.id");
    text("{\"data\":{\"a\":[1,2,{\"b\":[[0],[0,1e400]]}]}}", 0, NGX_DECLINED,
         "data.a[2].b[1][1] data.a[2].b[1][1]");
    text("[{},{\"x y\":12345678901234567890}]", 0, NGX_DECLINED,
         "[1].* [1].\"x y\"");
    text("12345678901234567890", 0, NGX_DECLINED, " ");

    text("{\"id\":9007199254740993,\"b\":[1,-1e400 ,2],\"c\":0.1}", 1, NGX_OK,
         "{\"id\":\"9007199254740993\",\"b\":[1,\"-1e400\" ,2],\"c\":0.1}");
    text("18446744073709551615", 1, NGX_OK, "\"18446744073709551615\"");

    text("{\"a\":1,\"a\":1}", 0, NGX_DECLINED, "a a");
    text("{\"d\":[0,{\"a\":1,\"b\":{\"a\":2},\"a\":3}]}", 1, NGX_DECLINED,
         "d[1].a d[1].a");
    text("{\"a\":1,\"\\u0061\":1}", 0, NGX_DECLINED, "* \"\\u0061\"");
    text("{\"\":1,\"b\":2,\"\":1}", 0, NGX_DECLINED, "* \"\"");
    text("{\"\\u0000\":1,\"\\u0000\\u0000\":2}", 0, NGX_OK, NULL);
    text("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}", 0, NGX_DECLINED,
         NULL);
    text("{\"\xff\":1,\"\xfe\":2}", 0, NGX_DECLINED, NULL);
    text("{\"\xff\xfe\":1,\"\\ud800\":2}", 0, NGX_DECLINED, NULL);
    text("{\"\xef\xbf\xbd\":1,\"\\ud800\":2}", 0, NGX_DECLINED, NULL);
    text("{\"a\xff\":1,\"b\xff\":2,\"\xc3\xa4\":3,\"a\":4}", 0, NGX_OK, NULL);
}


/* result: the path as it is shown, a blank, and the path; or what the text has
   become */

static void
text(const char *json, ngx_uint_t strings, ngx_int_t want,
    const char *result)
{
    char               got[1024];
    ngx_int_t          rc;
    ngx_str_t          t;
    ngx_pool_t        *pool;
    ngx_er_jq_text_t   check;

    pool = ngx_er_test_pool();

    t.len = strlen(json);
    t.data = ngx_pnalloc(pool, t.len);
    memcpy(t.data, json, t.len);

    check.pool = pool;
    check.secret = secret;
    check.strings = strings;

    rc = ngx_er_jq_text_check(&check, &t);

    is_int(rc, want, "%s", json);

    if (rc == NGX_DECLINED) {
        sprintf(got, "%.*s %.*s", (int) check.shown.len, check.shown.data,
                (int) check.path.len, check.path.data);

    } else {
        sprintf(got, "%.*s", (int) t.len, t.data);
    }

    ok(result == NULL || strcmp(got, result) == 0, "%s: %s", json, got);

    ngx_destroy_pool(pool);
}


/* the table grows; the one that is twice is found at both ends */

static void
many_keys(void)
{
    int                i, n, twice;
    char              *p;
    ngx_str_t          t;
    ngx_pool_t        *pool;
    ngx_er_jq_text_t   check;

    for (twice = -1; twice < 5000; twice += 2500) {

        pool = ngx_er_test_pool();

        t.data = ngx_pnalloc(pool, 200000);
        p = (char *) t.data;
        *p++ = '{';

        for (i = 0, n = 5000; i < n; i++) {
            p += sprintf(p, "\"key%d\":%d,", i, i);
        }

        p += sprintf(p, "\"key%d\":0}", twice < 0 ? n : twice);
        t.len = p - (char *) t.data;

        check.pool = pool;
        check.secret = secret;
        check.strings = 0;

        is_int(ngx_er_jq_text_check(&check, &t),
               twice < 0 ? NGX_OK : NGX_DECLINED, "5000 keys, twice: %d",
               twice);

        ngx_destroy_pool(pool);
    }
}


static void
checks(void)
{
    check(".", NULL);
    check("# a comment\n.data | {id, b: .a}", NULL);
    check("[.[] | tonumber? // empty]", NULL);
    check("$ENV.HOME, env, input, inputs, input_filename, $__loc__, now",
          NULL);

    check("foo", ":1: foo/0 is not defined");
    check(".data |\n\n foo(1)", ":3: foo/1 is not defined");
    check(".a.[", ":1: syntax error");
    check("\"\\(\"", ":");
    check("{a:", ":");
    check("include \"a\"; .", ": module not found: a");
    check("import \"a\" as a; .", ": module not found: a");
    check("import \"passwd\" as $a {search: \"/etc\"}; .", ": module not");
    check("import \"x\" as $a {search: \"/tmp\"}; .", ": module not");
    check("include \"x\" {search: \"~/\"}; .", ":");

    ok(waitpid(-1, NULL, WNOHANG) == -1 && errno == ECHILD,
       "no process is left");
}


static void
check(const char *program, const char *want)
{
    ngx_int_t       rc;
    ngx_er_error_t  err;

    err.len = 0;
    rc = ngx_er_jq_check((u_char *) program, &err);

    if (want == NULL) {
        ok(rc == NGX_OK, "\"%s\" is one %.*s", program, (int) err.len,
           err.text);
        return;
    }

    ok(rc == NGX_ERROR && err.len >= strlen(want)
       && memcmp(err.text, want, strlen(want)) == 0, "\"%s\" is none: %.*s",
       program, (int) err.len, err.text);
}


#define EVENT  "{\"id\":\"1\",\"data\":{\"a\":[1,2,3],\"b\":\"x\"}}"


static case_t  cases[] = {
    { ".", EVENT, NGX_ER_JQ_GIVEN, EVENT },
    { ".data.a[]", EVENT, NGX_ER_JQ_GIVEN, "1|2|3" },
    { "empty", EVENT, NGX_ER_JQ_GIVEN, "" },
    { "select(.data.b == \"y\")", EVENT, NGX_ER_JQ_GIVEN, "" },
    { ".data.b", EVENT, NGX_ER_JQ_GIVEN, "\"x\"" },
    { "1, halt, 2", EVENT, NGX_ER_JQ_GIVEN, "1" },
    { ".data.b.c", EVENT, NGX_ER_JQ_FAILED,
      "Cannot index string with string \"c\"" },
    { "1, error(\"so\")", EVENT, NGX_ER_JQ_FAILED, "so" },
    { "error({a: 1})", EVENT, NGX_ER_JQ_FAILED, "{\"a\":1}" },
    { "\"so\" | halt_error", EVENT, NGX_ER_JQ_FAILED, "so" },

    /* what a program could ask for */

    { "[env, $ENV]", EVENT, NGX_ER_JQ_GIVEN, "[{},{}]" },
    { "input", EVENT, NGX_ER_JQ_FAILED, NULL },
    { "[inputs]", EVENT, NGX_ER_JQ_GIVEN, "[]" },
    { "input_filename", EVENT, NGX_ER_JQ_GIVEN, "null" },
    { "input_line_number", EVENT, NGX_ER_JQ_GIVEN, "0" },
    { "$__loc__", EVENT, NGX_ER_JQ_GIVEN,
      "{\"file\":\"<top-level>\",\"line\":1}" },
    { ".id | debug | stderr", EVENT, NGX_ER_JQ_GIVEN, "\"1\"" },
    { "now > 1700000000", EVENT, NGX_ER_JQ_GIVEN, "true" },
    { "0 | localtime | todate", EVENT, NGX_ER_JQ_GIVEN,
      "\"1970-01-01T00:00:00Z\"" },
    { "0 | strflocaltime(\"%Z\")", EVENT, NGX_ER_JQ_GIVEN, "\"UTC\"" },
    { "\"a\" | modulemeta", EVENT, NGX_ER_JQ_FAILED, NULL },
    { "getpath([\"data\",\"a\",1]), ([paths] | length)", EVENT,
      NGX_ER_JQ_GIVEN, "2|7" },

    /* numbers and keys */

    { ".data", "{\"data\":9007199254740993}", NGX_ER_JQ_NUMBER, "data|data" },
    { ".data", "{\"data\":{\"a\":1,\"a\":1}}", NGX_ER_JQ_TWICE,
      "data.a|data.a" },

    /* and what harms */

    { "def f: f; f", EVENT, NGX_ER_JQ_TIME, "" },
    { "last(range(1e18))", EVENT, NGX_ER_JQ_TIME, "" },
    { "repeat(.)", EVENT, NGX_ER_JQ_MANY, "" },
    { "range(1000000)", EVENT, NGX_ER_JQ_MANY, "" },
    { "range(1000)", EVENT, NGX_ER_JQ_GIVEN, NULL },
    { "range(1001)", EVENT, NGX_ER_JQ_MANY, "" },
    { "range(17) | \"a\" * 1000 * 1000", EVENT, NGX_ER_JQ_LARGE, "" },
    { "range(15) | \"a\" * 1000 * 1000", EVENT, NGX_ER_JQ_GIVEN, NULL },
    { "[range(100000)] | tojson | (. + .) | (. + .) | (. + .) | length", EVENT,
      NGX_ER_JQ_GIVEN, NULL },
    { "\"a\" * 10000000000", EVENT, -1, NULL },
    { "reduce range(40) as $i (\"aaaa\"; . + .)", EVENT, NGX_ER_JQ_MEMORY,
      "" },
    { "reduce range(40) as $i ([1]; . + .)", EVENT, NGX_ER_JQ_MEMORY, "" },
    { "[] | .[100000000] = 1", EVENT, NGX_ER_JQ_MEMORY, "" },
    { "reduce range(1000000) as $i (0; [.])", EVENT, NGX_ER_JQ_CRASH, "" },
    { "reduce range(256) as $i (0; [.])", EVENT, NGX_ER_JQ_GIVEN, NULL },
    { "reduce range(257) as $i (0; [.])", EVENT, NGX_ER_JQ_DEEP, "" },
    { "reduce range(20000) as $i (0; {a: .})", EVENT, NGX_ER_JQ_DEEP, "" },
    { "[range(200000)] | implode | explode | length", EVENT, -1, NULL },
    { "[1114112] | implode", EVENT, -1, NULL },
    { "getpath([range(100000)])", EVENT, -1, NULL },
    { "[\"a\"] | .[0] as [$x] | $x", EVENT, NGX_ER_JQ_FAILED, NULL },
    { "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\" | test(\"(a*)*b\")",
      EVENT, -1, NULL },

    { NULL, NULL, 0, NULL }
};


/* one nursery, a child for as long as it lives; each is asked for the first
   program behind what did harm */

static void
programs(void)
{
    int                i;
    heard_t            heard;
    ngx_pool_t        *pool;
    ngx_er_jqs_t       jqs;
    ngx_socket_t       nursery, fd;
    ngx_er_jq_file_t  *file;

    pool = ngx_er_test_pool();

    ngx_memzero(&jqs, sizeof(ngx_er_jqs_t));
    ngx_array_init(&jqs.files, pool, 64, sizeof(ngx_er_jq_file_t));

    for (i = 0; cases[i].program; i++) {
        file = ngx_array_push(&jqs.files);
        ngx_memzero(file, sizeof(ngx_er_jq_file_t));
        file->text.data = (u_char *) cases[i].program;
        file->text.len = strlen(cases[i].program);
    }

    jqs.processes = 1;
    jqs.memory = 64 * 1024 * 1024;
    jqs.timeout = 1000;

    setenv("EVENT_ROUTER_TEST", "secret", 1);

    nursery = ngx_er_jq_nursery_start(&jqs, &ngx_er_test_log);
    ok(nursery != (ngx_socket_t) -1, "a nursery");

    fd = child(nursery);

    for (i = 0; cases[i].program; i++) {

        if (TEST_ASAN && (cases[i].answer == NGX_ER_JQ_MEMORY
                          || cases[i].answer == NGX_ER_JQ_CRASH))
        {
            ok(1, "%s # SKIP memory is ASan's", cases[i].program);
            continue;
        }

        ask(fd, i, 0, cases[i].event);

        if (!hear(fd, &heard)) {
            ok(0, "%s: it said nothing", cases[i].program);
            close(fd);
            fd = child(nursery);
            continue;
        }

        ok(cases[i].answer == -1 || heard.answer == cases[i].answer,
           "%s: answer %d, %d texts of %d bytes", cases[i].program,
           heard.answer, (int) heard.count, (int) heard.size);

        if (cases[i].text) {
            ok(strcmp(heard.text, cases[i].text) == 0, "%s: \"%s\"",
               cases[i].program, heard.text);
        }

        if (heard.answer >= NGX_ER_JQ_TIME) {
            ok(all(fd, &heard, 1) == 0, "and the child has ended");
            close(fd);
            fd = child(nursery);
        }

        ask(fd, 0, 0, cases[0].event);

        ok(hear(fd, &heard) && strcmp(heard.text, cases[0].text) == 0,
           "then the next one");
    }

    ask(fd, 0, 1, "{\"data\":9007199254740993}");
    ok(hear(fd, &heard)
       && strcmp(heard.text, "{\"data\":\"9007199254740993\"}") == 0,
       "numbers=string: %s", heard.text);

    close(nursery);

    ok(all(fd, &heard, 1) == 0, "the children end with the nursery");
    close(fd);

    ok(waitpid(-1, &i, 0) > 0 && i == 0, "and it ends in peace");

    ngx_destroy_pool(pool);
}


static ngx_socket_t
child(ngx_socket_t nursery)
{
    heard_t       heard;
    ngx_socket_t  fd;

    fd = ngx_er_jq_nursery_child(nursery, &ngx_er_test_log);

    heard.answer = 0;

    ok(fd != (ngx_socket_t) -1 && hear(fd, &heard)
       && (heard.answer == NGX_ER_JQ_READY || heard.answer == NGX_ER_JQ_OPEN),
       "a child: %d", heard.answer);

    return fd;
}


static void
ask(ngx_socket_t fd, uint32_t program, uint32_t strings, const char *event)
{
    ngx_er_jq_question_t  question;

    question.size = strlen(event);
    question.program = program;
    question.strings = strings;

    (void) send(fd, &question, sizeof(question), MSG_NOSIGNAL);
    (void) send(fd, event, question.size, MSG_NOSIGNAL);
}


static int
hear(ngx_socket_t fd, heard_t *heard)
{
    char              *texts, *p, *out;
    uint32_t           i, len;
    ngx_er_jq_head_t   head;

    if (!all(fd, &head, sizeof(head))) {
        return 0;
    }

    heard->answer = head.answer;
    heard->count = head.count;
    heard->size = head.size;
    heard->text[0] = '\0';

    texts = malloc(head.size + 1);

    if (!all(fd, texts, head.size)) {
        free(texts);
        return 0;
    }

    p = texts;
    out = heard->text;

    for (i = 0; i < head.count; i++) {
        memcpy(&len, p, sizeof(len));
        p += sizeof(len);

        if (len + 2 < (size_t) (heard->text + sizeof(heard->text) - out)) {
            out += sprintf(out, "%s%.*s", i ? "|" : "", (int) len, p);
        }

        p += len;
    }

    ok(p == texts + head.size, "as many bytes as it said");

    free(texts);

    return 1;
}


/* the whole of it within half a minute */

static int
all(ngx_socket_t fd, void *buf, size_t size)
{
    char           *p;
    ssize_t         n;
    struct pollfd   pfd;

    for (p = buf; size; p += n, size -= n) {

        pfd.fd = fd;
        pfd.events = POLLIN;

        if (poll(&pfd, 1, 30000) != 1) {
            return 0;
        }

        n = recv(fd, p, size, 0);

        if (n <= 0) {
            return 0;
        }
    }

    return 1;
}
