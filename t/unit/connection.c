
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The connection to Redis (store/redis/conn.c) with a socket that this test
 * reads and writes: replies go to the command that they are due to, each
 * command is answered exactly once, whatever the peer does, and is sent a
 * second time at most.
 */


#include "tap.h"

#include "../../ngx_event_router_module/store/redis/conn.c"


#define TEST_OPS  8


ngx_queue_t                ngx_posted_events;
ngx_rbtree_t               ngx_event_timer_rbtree;

static ngx_rbtree_node_t   sentinel;
static ngx_er_redis_t     *redis;
static ngx_er_redis_conf_t conf;
static ngx_connection_t    connection;
static ngx_event_t         rev, wev;
static ngx_pool_t         *pool;

static ngx_er_redis_op_t   ops[TEST_OPS];
static ngx_uint_t          answers[TEST_OPS];   /* replies */
static ngx_uint_t          failures[TEST_OPS];  /* NULL */
static long long           integers[TEST_OPS];

static u_char              wire[65536];         /* what was written */
static size_t              written, most;       /* "most" bytes in a write */
static const char         *input;               /* what is to be read */
static ngx_uint_t          connects, downs, drops;


/* ---- stand-ins */


void
ngx_er_redis_connect(ngx_er_redis_t *r)
{
    connects++;
    r->state = NGX_ER_REDIS_CONNECTING;
}


void
ngx_er_redis_drop(ngx_er_redis_t *r)
{
    drops++;
    r->state = NGX_ER_REDIS_CLOSED;
    r->connection = NULL;
    r->pos = r->buffer;
    r->last = r->buffer;
    r->large = NULL;
    ngx_er_redis_reader_close(&r->reader);
}


void
ngx_er_redis_greeted(ngx_er_redis_t *r, redisReply *reply)
{
}


ngx_er_redis_error_e
ngx_er_redis_judge(ngx_er_redis_t *r, redisReply *reply)
{
    return ngx_er_redis_error(reply->str, reply->len);
}


ngx_uint_t
ngx_er_redis_may_say(ngx_msec_t *said, ngx_msec_t quiet)
{
    return 0;
}


/* of the farewell */

void
ngx_time_update(void)
{
}


ngx_int_t
ngx_handle_read_event(ngx_event_t *ev, ngx_uint_t flags)
{
    return NGX_OK;
}


ngx_int_t
ngx_handle_write_event(ngx_event_t *ev, size_t lowat)
{
    return NGX_OK;
}


static ssize_t
test_send(ngx_connection_t *c, u_char *buf, size_t size)
{
    size = ngx_min(size, most);

    if (size == 0) {
        c->write->ready = 0;
        return NGX_AGAIN;
    }

    ngx_memcpy(wire + written, buf, size);
    written += size;

    return size;
}


static ssize_t
test_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    size_t  len;

    if (input == NULL) {
        return NGX_AGAIN;
    }

    len = strlen(input);
    ngx_memcpy(buf, input, len);
    input = NULL;

    return len;
}


static void
test_down(void *data)
{
    downs++;
}


static ngx_int_t
test_answer(ngx_er_redis_op_t *op, redisReply *reply)
{
    ngx_uint_t  i;

    i = op - ops;

    if (reply == NULL) {
        failures[i]++;
        return NGX_OK;
    }

    answers[i]++;
    integers[i] = reply->integer;

    return NGX_OK;
}


/* ---- steps */


static void
ready(void)
{
    ngx_memzero(&connection, sizeof(connection));
    ngx_memzero(&rev, sizeof(rev));
    ngx_memzero(&wev, sizeof(wev));

    connection.data = redis;
    connection.read = &rev;
    connection.write = &wev;
    connection.send = test_send;
    connection.recv = test_recv;
    connection.log = &ngx_er_test_log;
    rev.data = &connection;
    rev.log = &ngx_er_test_log;
    wev.log = &ngx_er_test_log;
    wev.data = &connection;
    wev.write = 1;
    wev.ready = 1;
    wev.handler = ngx_er_redis_write_handler;

    redis->connection = &connection;
    redis->state = NGX_ER_REDIS_READY;
    redis->ready = ngx_current_msec;
    redis->down = 0;

    (void) ngx_er_redis_reader_open(&redis->reader);
}


static void
begin(void)
{
    ngx_er_test_set_time(1700000000);

    ngx_queue_init(&ngx_posted_events);
    ngx_rbtree_init(&ngx_event_timer_rbtree, &sentinel,
                    ngx_rbtree_insert_timer_value);

    ngx_memzero(&conf, sizeof(conf));
    ngx_memzero(ops, sizeof(ops));
    ngx_memzero(answers, sizeof(answers));
    ngx_memzero(failures, sizeof(failures));

    conf.npeers = 1;
    conf.timeout = 1000;

    written = 0;
    most = sizeof(wire);
    input = NULL;
    connects = 0;
    downs = 0;

    redis = ngx_er_redis_open(pool, &conf, test_down, NULL);
    ready();
    drops = 0;
}


static ngx_int_t
run(ngx_uint_t i, size_t len)
{
    ngx_str_t      words[2];
    static u_char  bytes[40000];

    words[0].data = (u_char *) "abcdefgh" + i;
    words[0].len = 1;
    words[1].data = bytes;
    words[1].len = len;

    ops[i].handler = test_answer;
    ops[i].deadline = 0;
    ops[i].resent = 1;                 /* of an earlier life */

    return ngx_er_redis_run(redis, &ops[i], words, len ? 2 : 1);
}


static void
flush(void)
{
    if (redis->connection) {
        ngx_er_redis_write_handler(&wev);
    }
}


static void
feed(const char *bytes)
{
    input = bytes;
    ngx_er_redis_read_handler(&rev);
}


/* the first letters of the commands on the wire, in their order */

static void
wrote(const char *want, const char *name)
{
    char    got[TEST_OPS * 4 + 1];
    size_t  i, n;

    for (i = 0, n = 0; i + 5 < written && n < sizeof(got) - 1; i++) {
        if (memcmp(wire + i, "\r\n$1\r\n", 6) == 0) {
            got[n++] = wire[i + 6];
        }
    }

    got[n] = '\0';

    if (!ok(strcmp(got, want) == 0, "%s", name)) {
        diag("got \"%s\", expected \"%s\"", got, want);
    }

    written = 0;
}


static void
ended(ngx_uint_t i, ngx_uint_t replies, ngx_uint_t fails, const char *name)
{
    is_int(answers[i], replies, "%s: %d replies", name, (int) replies);
    is_int(failures[i], fails, "%s: %d failures", name, (int) fails);
}


static void
end(const char *name)
{
    ngx_er_redis_close(redis);
    is_int(redis->commands, 0, "%s: no command is counted any more", name);
    ok(ngx_queue_empty(&redis->sent) && ngx_queue_empty(&redis->waiting),
       "%s: nor in a list", name);
    ok(!redis->pause.timer_set && !redis->deadline.timer_set,
       "%s: nor is a timer left", name);
}


/* ---- tests */


static void
test_replies(void)
{
    ngx_uint_t  i;

    begin();

    for (i = 0; i < 3; i++) {
        is_int(run(i, 0), NGX_OK, "a command");
    }

    is_int(redis->commands, 3, "three are under way");
    is_int(redis->deadline.cancelable, 0, "and keep the worker");
    flush();
    wrote("abc", "all in one write, in their order");

    feed(":1\r\n:2\r");
    ended(0, 1, 0, "the first");
    ended(1, 0, 0, "half a reply");
    feed("\n:3\r\n");
    ended(1, 1, 0, "the second");
    ended(2, 1, 0, "the third");
    ok(integers[0] == 1 && integers[1] == 2 && integers[2] == 3,
       "each has its own");
    is_int(redis->commands, 0, "nothing is under way");
    is_int(redis->deadline.cancelable, 1, "and nothing keeps the worker");
    is_int(drops, 0, "it is the same connection");

    feed(":4\r\n");
    is_int(drops, 1, "what was not asked costs the connection");
    end("replies");

    begin();
    (void) run(0, 0);
    feed(":1\r\n");
    is_int(drops, 1, "so does an answer to what was not sent");
    ended(0, 0, 0, "which is still waiting");
    end("not sent");
    ended(0, 0, 1, "and fails in the end");

    begin();
    (void) run(0, 0);
    flush();
    feed("?\r\n");
    is_int(drops, 1, "and what is no Redis");
    end("no Redis");
    ended(0, 0, 1, "no Redis");
}


/* more than the buffer takes, in small writes */

static void
test_writes(void)
{
    begin();
    most = 1000;
    (void) run(0, 9000);
    (void) run(1, 9000);
    (void) run(2, 30000);
    (void) run(3, 0);
    flush();
    wrote("abcd", "whole commands, one behind the other");
    feed(":1\r\n:2\r\n:3\r\n:4\r\n");
    ended(3, 1, 0, "the last one");
    end("writes");

    /* one that fits exactly, and one that is a byte too long for the rest */

    begin();
    (void) run(0, NGX_ER_REDIS_BUFFER - 40);
    (void) run(1, 0);
    (void) run(2, 3);
    (void) run(3, 2);
    flush();
    wrote("abcd", "at the edge of the buffer");
    feed(":1\r\n:2\r\n:3\r\n:4\r\n");
    ended(3, 1, 0, "the edge of the buffer");
    end("edge");

    begin();
    (void) run(0, 30000);
    flush();
    wrote("a", "a large one");
    written = 0;
    (void) run(1, 30000);
    most = 0;
    flush();
    feed(":1\r\n:2\r\n");
    ended(0, 1, 0, "large");
    ended(1, 0, 0, "an answer before it was sent is none");
    is_int(drops, 1, "and costs the connection");
    end("large");
}


/* every length around the size of the buffer */

static void
test_sizes(void)
{
    size_t      len;
    ngx_uint_t  good;

    good = 0;

    for (len = NGX_ER_REDIS_BUFFER - 60; len < NGX_ER_REDIS_BUFFER + 4; len++)
    {
        begin();
        (void) run(0, 0);
        (void) run(1, len);
        (void) run(2, 0);
        flush();
        feed(":1\r\n:2\r\n:3\r\n");
        good += (answers[0] == 1 && answers[1] == 1 && answers[2] == 1
                 && drops == 0);
        ngx_er_redis_close(redis);
    }

    is_int(good, 64, "commands of any length");
}


static void
test_lost(void)
{
    begin();
    (void) run(0, 0);
    (void) run(1, 0);
    flush();
    written = 0;
    (void) run(2, 0);

    ngx_er_redis_lost(redis, "test", 0);
    is_int(downs, 0, "an accident: it may be back in a moment");
    is_int(redis->commands, 3, "all are kept");
    ok(redis->pause.timer_set, "it will connect again");

    ready();
    flush();
    wrote("abc", "sent ones again, then those that waited");

    ngx_er_redis_lost(redis, "test", 0);
    ended(0, 0, 1, "a second accident");
    ended(1, 0, 1, "a second accident");
    ended(2, 0, 0, "the first one of this command");

    ready();
    flush();
    wrote("c", "it is sent again");
    feed(":3\r\n");
    ended(2, 1, 0, "and answered");
    is_int(redis->commands, 0, "nothing is under way");
    end("lost");

    /* one whose time is over is not sent again */

    begin();
    (void) run(0, 0);
    flush();
    written = 0;
    ngx_current_msec += 999;
    (void) run(1, 0);
    flush();
    written = 0;
    ngx_current_msec++;
    ngx_er_redis_lost(redis, "test", 0);
    ended(0, 0, 1, "too late to be sent again");
    ready();
    flush();
    wrote("b", "the other one is");
    end("late");

    /* before it was ready: then it is away */

    begin();
    redis->state = NGX_ER_REDIS_CONNECTING;
    (void) run(0, 0);
    ngx_er_redis_lost(redis, "test", 0);
    is_int(downs, 1, "who cannot connect says that it is down");
    ended(0, 0, 1, "down");
    is_int(run(1, 0), NGX_DECLINED, "and takes no command");
    ngx_er_redis_lost(redis, "test", 0);
    is_int(downs, 1, "once");
    end("down");

    begin();
    (void) run(0, 0);
    flush();
    (void) run(1, 0);
    ngx_er_redis_lost(redis, "test", 1);
    ended(0, 0, 1, "sent, and down");
    ended(1, 0, 1, "waiting, and down");
    is_int(downs, 1, "down is told before");
    end("ready and down");
}


static void
test_deadline(void)
{
    begin();
    (void) run(0, 0);
    flush();
    ngx_current_msec += 400;
    (void) run(1, 0);
    ok(redis->deadline.timer_set
       && redis->deadline.timer.key == ngx_current_msec + 600,
       "the timer is set to the first deadline");
    flush();

    ngx_current_msec += 600;
    ngx_er_redis_deadline_handler(&redis->deadline);
    ended(0, 0, 1, "late");
    ended(1, 0, 1, "behind one that is late");
    is_int(downs, 1, "it is down");
    end("deadline");

    /* the connection is only being made */

    begin();
    redis->state = NGX_ER_REDIS_CONNECTING;
    redis->until = ngx_current_msec + 10000;
    (void) run(0, 0);
    ngx_current_msec += 500;
    (void) run(1, 0);
    ngx_current_msec += 500;
    ngx_er_redis_deadline_handler(&redis->deadline);
    ended(0, 0, 1, "waited too long");
    ended(1, 0, 0, "has time left");
    is_int(drops, 0, "and it goes on connecting");
    is_int(redis->commands, 1, "one is under way");
    end("connecting");

    begin();
    (void) run(0, 0);
    flush();
    ops[0].deadline = ngx_current_msec + 5000;
    (void) run(1, 0);
    ok(redis->deadline.timer.key == ngx_current_msec + 1000,
       "the earlier deadline counts, of the sent or of those that wait");

    ngx_current_msec += 300;
    ops[2].deadline = ngx_current_msec + 9000;
    ok(ngx_er_redis_until(redis, &ops[2]) == ngx_current_msec + 700,
       "when nothing is heard, one that is late ends the wait of all");
    end("earliest");
}


/* what connect.c reports while it makes the connection ready */

static void
test_steps(void)
{
    begin();
    redis->state = NGX_ER_REDIS_CONNECTING;
    redis->until = ngx_current_msec + 300;
    redis->step(redis, NGX_ER_REDIS_STEP_WAIT, NULL);
    ok(redis->deadline.timer_set
       && redis->deadline.timer.key == ngx_current_msec + 300,
       "there is a deadline to be connected");
    ok(redis->deadline.cancelable, "which does not keep the worker");

    redis->state = NGX_ER_REDIS_GREETING;
    redis->pos = redis->buffer;
    redis->last = ngx_cpymem(redis->buffer, "$1\r\ng\r\n", 7);
    rev.ready = 1;
    redis->step(redis, NGX_ER_REDIS_STEP_GREETING, NULL);
    is_int(written, 7, "the greeting is written");
    is_int(redis->buffer[4], 0, "and wiped, the password was in it");
    ok(rev.posted && rev.handler == ngx_er_redis_read_handler,
       "what is there already will be read");
    ngx_delete_posted_event(&rev);

    redis->step(redis, NGX_ER_REDIS_STEP_FAILED, "test");
    is_int(downs, 1, "who cannot connect says that it is down");
    is_int(redis->state, NGX_ER_REDIS_PAUSE, "and it is tried again");
    ok(redis->pause.timer_set, "later");
    end("steps");

    begin();
    (void) run(0, 0);
    redis->step(redis, NGX_ER_REDIS_STEP_SHUT, NULL);
    ended(0, 0, 1, "worker_shutdown_timeout");
    end("worker exits");

    begin();
    redis->step(redis, NGX_ER_REDIS_STEP_SHUT, NULL);
    is_int(redis->state, NGX_ER_REDIS_CLOSED, "an idle one is closed");
    is_int(downs, 0, "that is no failure");
    end("idle");
}


static void
test_full(void)
{
    begin();
    redis->commands = NGX_ER_REDIS_COMMANDS;
    is_int(run(0, 0), NGX_DECLINED, "too much is under way");
    redis->commands = NGX_ER_REDIS_COMMANDS - 1;
    is_int(run(1, 0), NGX_OK, "the last one that may be");
    redis->commands = 1;
    end("full");
    ended(0, 0, 0, "never taken");
    ended(1, 0, 1, "taken");

    begin();
    ngx_er_redis_drop(redis);
    is_int(run(0, 0), NGX_OK, "an idle connection that was closed");
    is_int(redis->state, NGX_ER_REDIS_PAUSE, "is made again");
    ok(redis->pause.posted, "at once");
    end("closed");
}


int
main(void)
{
    pool = ngx_er_test_pool();

    test_replies();
    test_writes();
    test_sizes();
    test_lost();
    test_deadline();
    test_steps();
    test_full();

    ngx_destroy_pool(pool);

    return done_testing();
}
