
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The scripts of the queue and of the dedup keys in Redis, and their digests.
 * They are redis/queue_*.lua and redis/dedup_*.lua: what they do and which
 * keys there are is said there, in redis/lib/queue.lua and redis/lib/dedup.lua
 * first.  redis/embed.awk makes a C file of them, ngx_er_redis_lua.c, when
 * nginx is configured; who adds a script adds its name here.
 *
 * redis_queue.c and redis_store.c send them.  Pure, owns the digests, and
 * nothing can fail.  t/redis_scripts.t drives the scripts against a real
 * Redis.
 */


#include "script.h"

#include <ngx_sha1.h>


#define ngx_er_redis_lua(name)                                                \
    { ngx_string(#name), &ngx_er_lua_##name, { 0 } }

#define ngx_er_redis_n(table)  (sizeof(table) / sizeof((table)[0]))


static void ngx_er_redis_script_sha1(ngx_er_redis_script_t *script,
    ngx_uint_t n);


/* of ngx_er_redis_lua.c */

extern ngx_str_t  ngx_er_lua_queue_accept;
extern ngx_str_t  ngx_er_lua_queue_lease;
extern ngx_str_t  ngx_er_lua_queue_extend;
extern ngx_str_t  ngx_er_lua_queue_settle;
extern ngx_str_t  ngx_er_lua_queue_retry;
extern ngx_str_t  ngx_er_lua_queue_bury;
extern ngx_str_t  ngx_er_lua_queue_adopt;
extern ngx_str_t  ngx_er_lua_queue_sweep;
extern ngx_str_t  ngx_er_lua_queue_list;
extern ngx_str_t  ngx_er_lua_queue_replay;
extern ngx_str_t  ngx_er_lua_queue_purge;
extern ngx_str_t  ngx_er_lua_queue_pause;
extern ngx_str_t  ngx_er_lua_queue_check;
extern ngx_str_t  ngx_er_lua_dedup_claim;
extern ngx_str_t  ngx_er_lua_dedup_settle;
extern ngx_str_t  ngx_er_lua_dedup_finalize;
extern ngx_str_t  ngx_er_lua_dedup_release;
extern ngx_str_t  ngx_er_lua_dedup_die;
extern ngx_str_t  ngx_er_lua_dedup_live;


/* in the order of ngx_er_queue_verb_e; then NGX_ER_REDIS_CHECK */

static ngx_er_redis_script_t  ngx_er_redis_queue_scripts[] = {
    ngx_er_redis_lua(queue_accept),
    ngx_er_redis_lua(queue_lease),
    ngx_er_redis_lua(queue_extend),
    ngx_er_redis_lua(queue_settle),
    ngx_er_redis_lua(queue_retry),
    ngx_er_redis_lua(queue_bury),
    ngx_er_redis_lua(queue_adopt),
    ngx_er_redis_lua(queue_sweep),
    ngx_er_redis_lua(queue_list),
    ngx_er_redis_lua(queue_replay),
    ngx_er_redis_lua(queue_purge),
    ngx_er_redis_lua(queue_pause),
    ngx_er_redis_lua(queue_check)
};


/* in the order of ngx_er_verb_e */

static ngx_er_redis_script_t  ngx_er_redis_dedup_scripts[] = {
    ngx_er_redis_lua(dedup_claim),
    ngx_er_redis_lua(dedup_settle),
    ngx_er_redis_lua(dedup_finalize),
    ngx_er_redis_lua(dedup_release),
    ngx_er_redis_lua(dedup_die),
    ngx_er_redis_lua(dedup_live)
};


void
ngx_er_redis_script_init(void)
{
    ngx_er_redis_script_sha1(ngx_er_redis_queue_scripts,
                             ngx_er_redis_n(ngx_er_redis_queue_scripts));
    ngx_er_redis_script_sha1(ngx_er_redis_dedup_scripts,
                             ngx_er_redis_n(ngx_er_redis_dedup_scripts));
}


static void
ngx_er_redis_script_sha1(ngx_er_redis_script_t *script, ngx_uint_t n)
{
    u_char       sum[20];
    ngx_sha1_t   sha1;
    ngx_uint_t   i;

    for (i = 0; i < n; i++) {
        ngx_sha1_init(&sha1);
        ngx_sha1_update(&sha1, script[i].text->data, script[i].text->len);
        ngx_sha1_final(sum, &sha1);

        (void) ngx_hex_dump(script[i].digest, sum, 20);
    }
}


ngx_er_redis_script_t *
ngx_er_redis_queue_script(ngx_uint_t verb)
{
    if (verb >= ngx_er_redis_n(ngx_er_redis_queue_scripts)) {
        return NULL;
    }

    return &ngx_er_redis_queue_scripts[verb];
}


ngx_er_redis_script_t *
ngx_er_redis_dedup_script(ngx_uint_t verb)
{
    if (verb >= ngx_er_redis_n(ngx_er_redis_dedup_scripts)) {
        return NULL;
    }

    return &ngx_er_redis_dedup_scripts[verb];
}


void
ngx_er_redis_script_words(ngx_er_redis_script_t *script, ngx_uint_t whole,
    ngx_str_t *words)
{
    if (whole) {
        ngx_str_set(&words[0], "EVAL");
        words[1] = *script->text;
        return;
    }

    ngx_str_set(&words[0], "EVALSHA");
    words[1].data = script->digest;
    words[1].len = NGX_ER_REDIS_DIGEST;
}
