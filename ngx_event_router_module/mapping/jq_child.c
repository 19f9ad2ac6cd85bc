
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The child that runs programs of jq: one event after another comes over its
 * socket (jq_frame.h), is checked (jq_text.c), given to its program
 * (jq_program.c), and the outputs go back.  jq_nursery.c makes it by fork()
 * and calls its only function.
 *
 * It ends when its socket does, when the nursery dies, or in the middle of an
 * event: a timer of CPU time, a fault, or memory that is not there.  Then its
 * last words say which, so that the worker knows what to say of the event; a
 * child that ends without a word was killed by somebody else, which is not the
 * event's fault.
 *
 * It ends by itself after some thousand events, too: what libjq does not give
 * back is gone then.  It never logs, there is no log any more.
 */


#include "jq_child.h"
#include "jq_sandbox.h"
#include "jq_text.h"
#include "../ingest/scan.h"

#include <sys/socket.h>
#include <time.h>


#define NGX_ER_JQ_EVENTS  10000        /* of a child's life */
#define NGX_ER_JQ_AGE     300          /* and seconds of CPU time */
#define NGX_ER_JQ_POOL    16384
#define NGX_ER_JQ_ROOM    65536        /* bytes for an answer at first */


/* how much time without CPU is taken for a machine that is too busy */

#define ngx_er_jq_wall(timeout)  (10 * (timeout) + 5000)


typedef struct {
    ngx_pool_t            *pool;       /* of the event */
    u_char                *start;      /* the answer: a head and texts */
    u_char                *pos;
    u_char                *end;
    ngx_uint_t             count;
    size_t                 size;       /* bytes of the outputs */
    ngx_er_jq_answer_e     answer;
} ngx_er_jq_turn_t;


static ngx_int_t ngx_er_jq_child_event(ngx_er_jqs_t *jqs,
    ngx_er_jq_program_t **programs, u_char *secret);
static void ngx_er_jq_child_work(ngx_er_jq_turn_t *turn, ngx_str_t *json,
    ngx_er_jq_program_t *program, u_char *secret, ngx_uint_t strings);
static ngx_int_t ngx_er_jq_child_output(void *data, ngx_str_t *json);
static ngx_int_t ngx_er_jq_child_json(ngx_pool_t *pool, ngx_str_t *json);
static ngx_int_t ngx_er_jq_child_text(ngx_er_jq_turn_t *turn,
    ngx_str_t *text);
static void ngx_er_jq_child_forget(ngx_er_jq_turn_t *turn);
static ngx_int_t ngx_er_jq_child_reply(ngx_er_jq_turn_t *turn,
    ngx_uint_t last);
static void ngx_er_jq_child_say(ngx_er_jq_answer_e answer);
static void ngx_er_jq_child_signal(int signo);
static void ngx_er_jq_child_nomem(void *data);
static ngx_int_t ngx_er_jq_child_recv(void *buf, size_t size);
static ngx_int_t ngx_er_jq_child_send(void *buf, size_t size);


/* 1: an event is worked on, and nothing was answered yet */

static volatile sig_atomic_t  ngx_er_jq_child_busy;


void
ngx_er_jq_child_run(ngx_er_jqs_t *jqs, ngx_er_jq_program_t **programs,
    u_char *secret, ngx_socket_t fd)
{
    ngx_int_t   rc;
    ngx_uint_t  i, events;

    static int  signals[] = {
        SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGPROF, SIGALRM
    };

    for (i = 0; i < sizeof(signals) / sizeof(int); i++) {
        ngx_er_jq_sandbox_catch(signals[i], ngx_er_jq_child_signal);
    }

    for (i = 0; i < jqs->files.nelts; i++) {
        if (programs[i]) {
            ngx_er_jq_program_nomem(programs[i], ngx_er_jq_child_nomem);
        }
    }

    if (dup2(fd, NGX_ER_JQ_SOCKET) == -1) {
        _exit(1);
    }

    (void) ngx_close_socket(fd);

    ngx_setproctitle("event router jq");

    rc = ngx_er_jq_sandbox_close(jqs->memory);

    if (rc == NGX_ERROR) {
        _exit(1);
    }

    ngx_er_jq_child_say(rc == NGX_OK ? NGX_ER_JQ_READY : NGX_ER_JQ_OPEN);

    for (events = 0; events < NGX_ER_JQ_EVENTS; events++) {
        if (ngx_er_jq_child_event(jqs, programs, secret) != NGX_OK) {
            break;
        }
    }

    _exit(0);
}


/* NGX_DONE: it was the last one; NGX_ERROR: the worker is gone */

static ngx_int_t
ngx_er_jq_child_event(ngx_er_jqs_t *jqs, ngx_er_jq_program_t **programs,
    u_char *secret)
{
    ngx_int_t             rc;
    ngx_str_t             json;
    ngx_uint_t            last;
    ngx_er_jq_turn_t      turn;
    ngx_er_jq_question_t  question;

    static ngx_uint_t     events;

    if (ngx_er_jq_child_recv(&question, sizeof(ngx_er_jq_question_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_memzero(&turn, sizeof(ngx_er_jq_turn_t));

    ngx_er_jq_child_busy = 1;

    turn.pool = ngx_create_pool(NGX_ER_JQ_POOL, ngx_cycle->log);

    if (turn.pool == NULL
        || (json.data = ngx_pnalloc(turn.pool, question.size)) == NULL)
    {
        ngx_er_jq_child_nomem(NULL);
        return NGX_ERROR;
    }

    json.len = question.size;

    if (ngx_er_jq_child_recv(json.data, json.len) != NGX_OK
        || question.program >= jqs->files.nelts)
    {
        return NGX_ERROR;
    }

    ngx_er_jq_sandbox_alarm(jqs->timeout, ngx_er_jq_wall(jqs->timeout));

    ngx_er_jq_child_work(&turn, &json, programs[question.program], secret,
                         question.strings);

    ngx_er_jq_sandbox_alarm(0, 0);

    ngx_er_jq_child_busy = 0;

    last = (++events == NGX_ER_JQ_EVENTS
            || clock() / CLOCKS_PER_SEC > NGX_ER_JQ_AGE);

    rc = ngx_er_jq_child_reply(&turn, last);

    ngx_destroy_pool(turn.pool);

    return (rc == NGX_OK && last) ? NGX_DONE : rc;
}


static void
ngx_er_jq_child_work(ngx_er_jq_turn_t *turn, ngx_str_t *json,
    ngx_er_jq_program_t *program, u_char *secret, ngx_uint_t strings)
{
    ngx_int_t          rc;
    ngx_str_t          message;
    ngx_er_jq_text_t   text;
    ngx_er_jq_said_t   said;

    text.pool = turn->pool;
    text.secret = secret;
    text.strings = strings;

    rc = ngx_er_jq_text_check(&text, json);

    if (rc == NGX_DECLINED) {
        turn->answer = (text.fault == NGX_ER_JQ_FAULT_NUMBER)
                       ? NGX_ER_JQ_NUMBER : NGX_ER_JQ_TWICE;

        rc = (ngx_er_jq_child_text(turn, &text.shown) == NGX_OK)
             ? ngx_er_jq_child_text(turn, &text.path) : NGX_ERROR;

        if (rc == NGX_OK) {
            return;
        }
    }

    if (rc != NGX_OK) {
        ngx_er_jq_child_nomem(NULL);
    }

    turn->answer = NGX_ER_JQ_GIVEN;
    message.len = 0;
    rc = NGX_DECLINED;

    if (program) {
        rc = ngx_er_jq_program_run(program, json, ngx_er_jq_child_output,
                                   turn, &said);

        message.data = said.text;
        message.len = said.len;
    }

    if (rc == NGX_OK) {
        return;
    }

    /* of a program that fails, or gives too much, nothing is sent */

    ngx_er_jq_child_forget(turn);

    if (rc == NGX_DECLINED) {
        turn->answer = NGX_ER_JQ_FAILED;

        if (message.len
            && ngx_er_jq_child_text(turn, &message) != NGX_OK)
        {
            ngx_er_jq_child_nomem(NULL);
        }
    }
}


static ngx_int_t
ngx_er_jq_child_output(void *data, ngx_str_t *json)
{
    ngx_er_jq_turn_t *turn = data;

    if (turn->count == NGX_ER_JQ_OUTPUTS) {
        turn->answer = NGX_ER_JQ_MANY;
        return NGX_ABORT;
    }

    if (json->len > NGX_ER_JQ_OUTPUT - turn->size) {
        turn->answer = NGX_ER_JQ_LARGE;
        return NGX_ABORT;
    }

    if (ngx_er_jq_child_json(turn->pool, json) != NGX_OK) {
        turn->answer = NGX_ER_JQ_DEEP;
        return NGX_ABORT;
    }

    turn->size += json->len;

    if (ngx_er_jq_child_text(turn, json) != NGX_OK) {
        ngx_er_jq_child_nomem(NULL);
    }

    return NGX_OK;
}


/*
 * Is it what the target may get?  libjq writes JSON, but in the place of what
 * is nested too deep it writes, without quotes, that this was skipped.
 */

static ngx_int_t
ngx_er_jq_child_json(ngx_pool_t *pool, ngx_str_t *json)
{
    ngx_er_scan_t         scan;
    ngx_er_scan_limits_t  limits;

    limits.depth = NGX_ER_JQ_DEPTH;
    limits.nodes = NGX_MAX_INT_T_VALUE;
    limits.key = NGX_ER_JQ_OUTPUT;
    limits.string = 0;
    limits.number = NGX_ER_JQ_OUTPUT;
    limits.found = 1;

    ngx_memzero(&scan, sizeof(ngx_er_scan_t));

    scan.pool = pool;
    scan.limits = &limits;

    return ngx_er_scan(&scan, json);
}


static ngx_int_t
ngx_er_jq_child_text(ngx_er_jq_turn_t *turn, ngx_str_t *text)
{
    size_t     size, used;
    u_char    *p;
    uint32_t   len;

    if (turn->start == NULL
        || (size_t) (turn->end - turn->pos) < sizeof(uint32_t) + text->len)
    {
        used = turn->start ? (size_t) (turn->pos - turn->start)
                           : sizeof(ngx_er_jq_head_t);
        size = ngx_max(2 * used, NGX_ER_JQ_ROOM) + text->len;

        p = ngx_palloc(turn->pool, size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        if (turn->start) {
            ngx_memcpy(p, turn->start, used);
            (void) ngx_pfree(turn->pool, turn->start);
        }

        turn->start = p;
        turn->pos = p + used;
        turn->end = p + size;
    }

    len = text->len;
    turn->pos = ngx_cpymem(turn->pos, &len, sizeof(uint32_t));
    turn->pos = ngx_cpymem(turn->pos, text->data, text->len);
    turn->count++;

    return NGX_OK;
}


static void
ngx_er_jq_child_forget(ngx_er_jq_turn_t *turn)
{
    turn->pos = turn->start ? turn->start + sizeof(ngx_er_jq_head_t) : NULL;
    turn->count = 0;
}


static ngx_int_t
ngx_er_jq_child_reply(ngx_er_jq_turn_t *turn, ngx_uint_t last)
{
    ngx_er_jq_head_t  head;

    head.size = 0;

    if (turn->start) {
        head.size = turn->pos - turn->start - sizeof(ngx_er_jq_head_t);
    }

    head.answer = turn->answer;
    head.count = turn->count;
    head.last = last;

    if (turn->start == NULL) {
        return ngx_er_jq_child_send(&head, sizeof(ngx_er_jq_head_t));
    }

    ngx_memcpy(turn->start, &head, sizeof(ngx_er_jq_head_t));

    return ngx_er_jq_child_send(turn->start, turn->pos - turn->start);
}


/* a word without texts; also in handlers of signals */

static void
ngx_er_jq_child_say(ngx_er_jq_answer_e answer)
{
    ngx_er_jq_head_t  head;

    head.size = 0;
    head.answer = answer;
    head.count = 0;
    head.last = (answer != NGX_ER_JQ_READY && answer != NGX_ER_JQ_OPEN);

    (void) ngx_er_jq_child_send(&head, sizeof(ngx_er_jq_head_t));
}


static void
ngx_er_jq_child_signal(int signo)
{
    if (ngx_er_jq_child_busy) {
        ngx_er_jq_child_busy = 0;

        ngx_er_jq_child_say(signo == SIGPROF ? NGX_ER_JQ_TIME
                            : signo == SIGALRM ? NGX_ER_JQ_SLOW
                            : NGX_ER_JQ_CRASH);
    }

    _exit(0);
}


static void
ngx_er_jq_child_nomem(void *data)
{
    if (ngx_er_jq_child_busy) {
        ngx_er_jq_child_busy = 0;
        ngx_er_jq_child_say(NGX_ER_JQ_MEMORY);
    }

    _exit(0);
}


/* the socket blocks: this process has nothing else to do */

static ngx_int_t
ngx_er_jq_child_recv(void *buf, size_t size)
{
    u_char   *p;
    ssize_t   n;

    for (p = buf; size; /* void */ ) {
        n = recv(NGX_ER_JQ_SOCKET, p, size, 0);

        if (n > 0) {
            p += n;
            size -= n;

        } else if (n == 0 || ngx_socket_errno != NGX_EINTR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_jq_child_send(void *buf, size_t size)
{
    u_char   *p;
    ssize_t   n;

    for (p = buf; size; /* void */ ) {
        n = send(NGX_ER_JQ_SOCKET, p, size, MSG_NOSIGNAL);

        if (n >= 0) {
            p += n;
            size -= n;

        } else if (ngx_socket_errno != NGX_EINTR) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}
