
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Interim answers: the final status and where the body begins, in pieces of
 * every size.
 */


#include "tap.h"

#include "../../ngx_event_router_module/deliver/interim.h"


typedef struct {
    const char            *text;       /* behind the first interim header */
    ngx_uint_t             status;     /* 0: none */
    const char            *body;       /* NULL: it has not begun */
} interim_case_t;


static void test_case(interim_case_t *c, size_t piece);
static void test_line(void);


static interim_case_t  cases[] = {
    { "HTTP/1.1 200 OK\r\nA: b\r\n\r\nbody", 200, "body" },
    { "HTTP/1.1 200\r\n\r\nbody", 200, "body" },
    { "HTTP/1.0 503 x\n\nbody", 503, "body" },
    { "HTTP/1.1 204 No\r\n\r\n", 204, NULL },
    { "HTTP/1.1 200 OK\r\nA: b\r\n", 200, NULL },
    { "HTTP/1.1 200 OK", 0, NULL },
    { "", 0, NULL },
    { "HTTP/1.1 102 Wait\r\n\r\nHTTP/1.1 201 C\r\n\r\n", 201, NULL },
    { "HTTP/1.1 103 E\r\nLink: <a>\r\nB: c\r\n\r\nHTTP/1.1 400 N\r\n\r\nno",
      400, "no" },
    { "HTTP/1.1 101 Switching\r\n\r\nbytes", 101, "bytes" },
    { "HTTP/1.1 100 Continue\r\n\r\n", 0, NULL },
    { "HTTP/1.1 100 Continue\r\n\r\nbytes\r\n\r\n", 0, NULL },
    { "HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 500 Smuggled\r\n\r\n", 200,
      "HTTP/1.1 500 Smuggled\r\n\r\n" },
    { "HTTP/1.1 200 A very long reason that does not fit\r\n\r\nx", 200, "x" },
    { "HTTP/2.0 200 OK\r\n\r\n", 0, NULL },
    { "HTTP/1.1 2000 OK\r\n\r\n", 0, NULL },
    { "HTTP/1.1 099 OK\r\n\r\n", 0, NULL },
    { "HTTP/1.1 20x OK\r\n\r\n", 0, NULL },
    { "HTTP/1.1 100 C\r\n\r\nHTTP/1.1 20\n\n", 0, NULL },
    { "HTTP/1.1  200 OK\r\n\r\n", 0, NULL },
    { "HTTP/1.1\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", 0, NULL },
    { "\r\nHTTP/1.1 200 OK\r\n\r\n", 0, NULL },
    { "ok\r\n", 0, NULL }
};


int
main(void)
{
    size_t      piece;
    ngx_uint_t  i;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        for (piece = 1; piece < 8; piece++) {
            test_case(&cases[i], piece);
        }

        test_case(&cases[i], 1000);
    }

    test_line();

    ok(!ngx_er_interim(200) && !ngx_er_interim(101) && ngx_er_interim(100)
       && ngx_er_interim(199) && !ngx_er_interim(99) && !ngx_er_interim(0),
       "which statuses are interim ones");

    return done_testing();
}


static void
test_case(interim_case_t *c, size_t piece)
{
    u_char            *p, *from, *last, *end, body[256];
    size_t             len;
    ngx_er_interim_t   in;

    ngx_er_interim_begin(&in);

    len = 0;
    p = (u_char *) c->text;
    last = p + strlen(c->text);

    for ( /* void */ ; p < last; p = end) {
        end = p + ngx_min(piece, (size_t) (last - p));
        from = ngx_er_interim_read(&in, p, end);

        memcpy(body + len, from, end - from);
        len += end - from;
    }

    ok(in.status == c->status
       && len == (c->body ? strlen(c->body) : 0)
       && (len == 0 || memcmp(body, c->body, len) == 0),
       "%.40s in pieces of %d: %d, \"%.*s\"", c->text, (int) piece,
       (int) in.status, (int) len, body);
}


/* a line may be of any length: no more of it is kept than there is room for */

static void
test_line(void)
{
    u_char      text[1000];
    ngx_uint_t  i, wrong;

    struct {
        ngx_er_interim_t  in;
        u_char            behind[sizeof(text)];
    } s;

    memset(text, 'x', sizeof(text));
    memcpy(text, "HTTP/1.1 200 ", 13);

    ngx_memzero(&s, sizeof(s));
    ngx_er_interim_begin(&s.in);

    (void) ngx_er_interim_read(&s.in, text, text + sizeof(text));

    for (i = 0, wrong = 0; i < sizeof(s.behind); i++) {
        wrong += (s.behind[i] != 0);
    }

    is_int(s.in.len, NGX_ER_INTERIM_LINE, "the beginning of a long line");
    is_int(wrong, 0, "and nothing behind it");
}
