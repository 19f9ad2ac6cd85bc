
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Regular expressions.  What an expression is matched with comes from outside,
 * and "(a+)+$" takes exponential time on the wrong text.  Three limits keep
 * the event loop going:
 *
 *     the steps that PCRE may take at one text.  PCRE counts them anew at each
 *     byte where a match could begin, so the expression is compiled with
 *     "\A(?s:.*?)" before it: then there is one beginning, and to look for the
 *     right one is a part of what is counted.
 *
 *     the length of a text, since one step can look at all of it.
 *
 *     the CPU time of all expressions of one event, since an event can have
 *     thousands of texts.  The clock is read now and then only.
 *
 * Past a limit a text does not match.  Compiled by operator.c when nginx.conf
 * is read, matched by comparison.c; what cannot be compiled is a sentence in
 * err, matching cannot fail.
 */


#include "regex.h"


#if (NGX_PCRE)


#define NGX_ER_REGEX_BEFORE    "(*LIMIT_MATCH=50000)\\A(?s:.*?)(?:"
#define NGX_ER_REGEX_BEHIND    ")"
#define NGX_ER_REGEX_TEXT      16384   /* bytes at most */
#define NGX_ER_REGEX_TIME      50      /* ms of CPU for an event */

/* bytes between two looks at the clock; a text counts as some at least */

#define NGX_ER_REGEX_CLOCK     4096
#define NGX_ER_REGEX_SHORTEST  64


static ngx_int_t ngx_er_regex_check(ngx_str_t *pattern, ngx_er_error_t *err);
static ngx_uint_t ngx_er_regex_recurses(ngx_str_t *pattern);
static ngx_uint_t ngx_er_regex_spent(ngx_er_facts_t *facts, size_t len);


/*
 * First as it was written: errors are about that, and an expression whose
 * brackets are not balanced is one.  nginx keeps the pattern for its log, so
 * it ends with a NUL.
 */

ngx_er_regex_t *
ngx_er_regex_compile(ngx_pool_t *pool, ngx_str_t *pattern, ngx_uint_t fold,
    ngx_er_error_t *err)
{
    u_char               *p;
    u_char                text[NGX_MAX_CONF_ERRSTR];
    ngx_regex_compile_t   rc;

    if (ngx_er_regex_check(pattern, err) != NGX_OK) {
        return NULL;
    }

    p = ngx_pnalloc(pool, sizeof(NGX_ER_REGEX_BEFORE) + pattern->len
                          + sizeof(NGX_ER_REGEX_BEHIND));
    if (p == NULL) {
        ngx_er_error(err, "no memory for a regular expression");
        return NULL;
    }

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pool = pool;
    rc.options = fold ? NGX_REGEX_CASELESS : 0;
    rc.err.data = text;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.pattern = *pattern;

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_er_error(err, "bad regular expression: %V", &rc.err);
        return NULL;
    }

    rc.pattern.data = p;
    p = ngx_cpymem(p, NGX_ER_REGEX_BEFORE, sizeof(NGX_ER_REGEX_BEFORE) - 1);
    p = ngx_cpymem(p, pattern->data, pattern->len);
    p = ngx_cpymem(p, NGX_ER_REGEX_BEHIND, sizeof(NGX_ER_REGEX_BEHIND));
    rc.pattern.len = p - 1 - rc.pattern.data;
    rc.err.len = NGX_MAX_CONF_ERRSTR;

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_er_error(err, "the regular expression \"%V\" cannot be limited: "
                     "it must not end within \"\\Q\" or a comment", pattern);
        return NULL;
    }

    return rc.regex;
}


/* what would mean something else behind NGX_ER_REGEX_BEFORE */

static ngx_int_t
ngx_er_regex_check(ngx_str_t *pattern, ngx_er_error_t *err)
{
    if (pattern->len == 0) {
        ngx_er_error(err, "the regular expression is empty: write \"exists\"");
        return NGX_ERROR;
    }

    if (pattern->len > 1 && ngx_strncmp(pattern->data, "(*", 2) == 0) {
        ngx_er_error(err, "a regular expression cannot begin with \"(*\"");
        return NGX_ERROR;
    }

    if (ngx_er_regex_recurses(pattern)) {
        ngx_er_error(err, "a regular expression cannot contain the whole of "
                     "itself: put it in \"( )\" and write \"(?1)\"");
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* (?R), (?0), \g<0>, \g'0'; a backslash before "(" makes it a character */

static ngx_uint_t
ngx_er_regex_recurses(ngx_str_t *pattern)
{
    u_char  *p, *last;

    last = pattern->data + pattern->len;

    for (p = pattern->data; last - p >= 4; p++) {

        if (p[0] == '(' && p[1] == '?' && (p[2] == 'R' || p[2] == '0')) {
            return 1;
        }

        if (p[0] == '\\') {
            p++;

            if (p[0] == 'g' && (p[1] == '<' || p[1] == '\'') && p[2] == '0') {
                return 1;
            }
        }
    }

    return 0;
}


ngx_uint_t
ngx_er_regex_matches(ngx_er_regex_t *regex, ngx_str_t *text,
    ngx_er_facts_t *facts)
{
    ngx_str_t  subject;

    if (text->len > NGX_ER_REGEX_TEXT || ngx_er_regex_spent(facts, text->len))
    {
        return 0;
    }

    subject.len = text->len;
    subject.data = text->len ? text->data : (u_char *) "";

    return ngx_regex_exec(regex, &subject, NULL, 0) >= 0;
}


/* CPU time, so that a busy machine decides nothing */

static ngx_uint_t
ngx_er_regex_spent(ngx_er_facts_t *facts, size_t len)
{
    uint64_t         now;
    struct timespec  ts;

    if (facts->regex_spent) {
        return 1;
    }

    facts->regex_bytes += ngx_max(len, NGX_ER_REGEX_SHORTEST);

    if (facts->regex_bytes < NGX_ER_REGEX_CLOCK) {
        return 0;
    }

    facts->regex_bytes = 0;

    (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    now = (uint64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;

    if (facts->regex_end == 0) {
        facts->regex_end = now + NGX_ER_REGEX_TIME;
    }

    if (now < facts->regex_end) {
        return 0;
    }

    facts->regex_spent = 1;

    ngx_log_error(NGX_LOG_WARN, facts->pool->log, 0,
                  "the regular expressions of an event took more than %d ms: "
                  "the rest of them did not match", NGX_ER_REGEX_TIME);

    return 1;
}


#else


ngx_er_regex_t *
ngx_er_regex_compile(ngx_pool_t *pool, ngx_str_t *pattern, ngx_uint_t fold,
    ngx_er_error_t *err)
{
    ngx_er_error(err, "this nginx was built without PCRE: use \"like\"");
    return NULL;
}


ngx_uint_t
ngx_er_regex_matches(ngx_er_regex_t *regex, ngx_str_t *text,
    ngx_er_facts_t *facts)
{
    return 0;
}


#endif
