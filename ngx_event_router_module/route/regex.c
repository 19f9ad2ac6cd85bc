
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Regular expressions.  What an expression is matched with comes from outside,
 * and "(a+)+$" takes exponential time on the wrong text, ".*b" walks to the
 * end of it from each of its bytes.  PCRE itself can only be told how many
 * steps it may take from one place where a match could begin, and one step can
 * be a walk over the whole text.  So a text is matched in slices: the places
 * from which PCRE may begin, times the steps from each of them, times the
 * length of the text are bounded, and between two slices the budget of the
 * event is looked at (budget.c).  The subject is always the whole text, so
 * what looks behind sees it.
 *
 * If the steps were not enough, PCRE tries one place alone, and that with more
 * and more of them; each time it does what it did before and a bounded part
 * more.  There is no other end to the steps than the budget.
 *
 * Which places are there?  An anchored expression has the first one only, one
 * that begins with ".*" the beginnings of lines.  What is about the places
 * themselves (\G, verbs such as (*COMMIT)) is compiled behind "\A(?s:.*?)":
 * then there is one place, and to look for the right one is a part of its
 * steps.
 *
 * Expressions are compiled to machine code whatever "pcre_jit" of nginx says.
 * Where the system forbids that, and where the machine code has too little
 * stack for a text, PCRE interprets them, at a tenth of the speed; the slices
 * are made for that.
 *
 * An expression is about bytes, or with "utf8" about characters; then a match
 * begins at the first byte of one, and a text that is not UTF-8 (a header can
 * be anything) does not match.  PCRE checks that the first time.
 *
 * Compiled by comparison.c when nginx.conf is read, in the pool's memory but
 * for what is PCRE's and goes with the pool; it also asks for matches.  What
 * cannot be compiled is a sentence in err.  Without memory an event is
 * undecided.
 */


#include "regex.h"
#include "budget.h"

#if (NGX_PCRE2)

#ifndef PCRE2_CODE_UNIT_WIDTH
#define PCRE2_CODE_UNIT_WIDTH  8
#endif

#include <pcre2.h>


#define NGX_ER_REGEX_BEFORE  "\\A(?s:.*?)(?:"
#define NGX_ER_REGEX_BEHIND  ")"

#define NGX_ER_REGEX_TEXT    16384     /* bytes at most */

/*
 * A slice is at most so many units of work, of some nanoseconds each: a step
 * counts as NGX_ER_REGEX_STEP of them and the length of the text.
 */

#define NGX_ER_REGEX_SLICE   8388608
#define NGX_ER_REGEX_STEP    64
#define NGX_ER_REGEX_STEPS   32        /* from each place, at first */

#define NGX_ER_REGEX_HEAP    32768     /* KB for an interpreted expression */
#define NGX_ER_REGEX_STACK   1048576   /* bytes for a compiled one, at most */


struct ngx_er_regex_s {
    pcre2_code            *code;
    const uint8_t         *first;      /* a bit for each byte that a match can
                                          begin with; NULL: not known */
    unsigned               once:1;     /* there is one place only */
    unsigned               lines:1;    /* only beginnings of lines */
    unsigned               utf8:1;     /* only beginnings of characters */
};


/* a text at work */

typedef struct {
    ngx_er_regex_t        *regex;
    ngx_str_t             *text;
    ngx_er_facts_t        *facts;
    size_t                 from;       /* the first place of the slice */
    size_t                 last;       /* and the last one */
    size_t                 places;     /* that shall be tried at once */
    size_t                 steps;      /* from each of them */
    uint32_t               options;
} ngx_er_slice_t;


static ngx_int_t ngx_er_regex_check(ngx_str_t *pattern, ngx_er_error_t *err);
static ngx_uint_t ngx_er_regex_recurses(ngx_str_t *pattern);
static ngx_uint_t ngx_er_regex_places(ngx_str_t *pattern);
static ngx_int_t ngx_er_regex_code(ngx_er_regex_t *regex, ngx_str_t *pattern,
    uint32_t options, ngx_er_error_t *err);
static ngx_int_t ngx_er_regex_one(ngx_pool_t *pool, ngx_er_regex_t *regex,
    ngx_str_t *pattern, uint32_t options, ngx_er_error_t *err);
static void ngx_er_regex_kind(ngx_er_regex_t *regex);
static void ngx_er_regex_free(void *data);
static ngx_int_t ngx_er_regex_workplace(void);
static int ngx_er_slice_match(ngx_er_slice_t *s);
static ngx_int_t ngx_er_slice_next(ngx_er_slice_t *s, int rc);
static ngx_uint_t ngx_er_slice_take(ngx_er_slice_t *s);
static ngx_int_t ngx_er_slice_advance(ngx_er_slice_t *s);
static ngx_int_t ngx_er_slice_repeat(ngx_er_slice_t *s);


/* of the process, used again for each text; never freed */

static pcre2_match_data     *ngx_er_regex_data;
static pcre2_match_context  *ngx_er_regex_context;
static pcre2_jit_stack      *ngx_er_regex_stack;


ngx_er_regex_t *
ngx_er_regex_compile(ngx_pool_t *pool, ngx_str_t *pattern, ngx_uint_t fold,
    ngx_uint_t utf8, ngx_er_error_t *err)
{
    uint32_t             options;
    ngx_er_regex_t      *regex;
    ngx_pool_cleanup_t  *cln;

    if (ngx_er_regex_check(pattern, err) != NGX_OK) {
        return NULL;
    }

    cln = ngx_pool_cleanup_add(pool, sizeof(ngx_er_regex_t));
    if (cln == NULL) {
        ngx_er_error(err, "no memory for a regular expression");
        return NULL;
    }

    regex = cln->data;
    ngx_memzero(regex, sizeof(ngx_er_regex_t));

    cln->handler = ngx_er_regex_free;

    options = (fold ? PCRE2_CASELESS : 0)
              | (utf8 ? PCRE2_UTF|PCRE2_NEVER_BACKSLASH_C : 0);
    regex->utf8 = (utf8 != 0);

    /* first as it was written: errors are about that */

    if (ngx_er_regex_code(regex, pattern, options, err) != NGX_OK) {
        return NULL;
    }

    if (ngx_er_regex_places(pattern)
        && ngx_er_regex_one(pool, regex, pattern, options, err) != NGX_OK)
    {
        return NULL;
    }

    ngx_er_regex_kind(regex);

    /* where it is forbidden, PCRE interprets the expression */

    (void) pcre2_jit_compile(regex->code, PCRE2_JIT_COMPLETE);

    return regex;
}


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


/* whether it is about the places: \G, or a verb; rather too often than not */

static ngx_uint_t
ngx_er_regex_places(ngx_str_t *pattern)
{
    u_char  *p, *last;

    last = pattern->data + pattern->len;

    for (p = pattern->data; last - p >= 2; p++) {

        if (p[0] == '(' && p[1] == '*') {
            return 1;
        }

        if (p[0] == '\\') {

            if (p[1] == 'G') {
                return 1;
            }

            p++;
        }
    }

    return 0;
}


static ngx_int_t
ngx_er_regex_code(ngx_er_regex_t *regex, ngx_str_t *pattern, uint32_t options,
    ngx_er_error_t *err)
{
    int                     code;
    size_t                  at;
    ngx_str_t               rest;
    pcre2_compile_context  *context;
    u_char                  text[128];

    context = pcre2_compile_context_create(NULL);
    if (context == NULL) {
        ngx_er_error(err, "no memory for a regular expression");
        return NGX_ERROR;
    }

    (void) pcre2_set_newline(context, PCRE2_NEWLINE_LF);

    regex->code = pcre2_compile(pattern->data, pattern->len,
                                PCRE2_USE_OFFSET_LIMIT|options, &code, &at,
                                context);

    pcre2_compile_context_free(context);

    if (regex->code) {
        return NGX_OK;
    }

    text[0] = '\0';
    (void) pcre2_get_error_message(code, text, sizeof(text));

    rest.len = pattern->len - ngx_min(at, pattern->len);
    rest.data = pattern->data + pattern->len - rest.len;

    if (rest.len) {
        ngx_er_error(err, "bad regular expression: %s in \"%V\" at \"%V\"",
                     text, pattern, &rest);

    } else {
        ngx_er_error(err, "bad regular expression: %s in \"%V\"", text,
                     pattern);
    }

    return NGX_ERROR;
}


/* the same with one place only */

static ngx_int_t
ngx_er_regex_one(ngx_pool_t *pool, ngx_er_regex_t *regex, ngx_str_t *pattern,
    uint32_t options, ngx_er_error_t *err)
{
    u_char          *p;
    ngx_str_t        one;
    ngx_er_error_t   unused;

    one.data = ngx_pnalloc(pool, sizeof(NGX_ER_REGEX_BEFORE) + pattern->len
                                 + sizeof(NGX_ER_REGEX_BEHIND));
    if (one.data == NULL) {
        ngx_er_error(err, "no memory for a regular expression");
        return NGX_ERROR;
    }

    p = ngx_cpymem(one.data, NGX_ER_REGEX_BEFORE,
                   sizeof(NGX_ER_REGEX_BEFORE) - 1);
    p = ngx_cpymem(p, pattern->data, pattern->len);
    p = ngx_cpymem(p, NGX_ER_REGEX_BEHIND, sizeof(NGX_ER_REGEX_BEHIND) - 1);

    one.len = p - one.data;

    pcre2_code_free(regex->code);

    if (ngx_er_regex_code(regex, &one, options, &unused) != NGX_OK) {
        ngx_er_error(err, "the regular expression \"%V\" cannot be limited: "
                     "with \"\\G\" or \"(*\" in it, it must not end within "
                     "\"\\Q\" or a comment", pattern);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* where PCRE itself sees that a match can begin */

static void
ngx_er_regex_kind(ngx_er_regex_t *regex)
{
    uint32_t  options, first;

    options = 0;
    first = 0;

    (void) pcre2_pattern_info(regex->code, PCRE2_INFO_ALLOPTIONS, &options);
    (void) pcre2_pattern_info(regex->code, PCRE2_INFO_FIRSTCODETYPE, &first);
    (void) pcre2_pattern_info(regex->code, PCRE2_INFO_FIRSTBITMAP,
                              &regex->first);

    regex->once = ((options & PCRE2_ANCHORED) != 0);
    regex->lines = (first == 2);
}


static void
ngx_er_regex_free(void *data)
{
    ngx_er_regex_t *regex = data;

    pcre2_code_free(regex->code);
}


ngx_uint_t
ngx_er_regex_matches(ngx_er_regex_t *regex, ngx_str_t *text,
    ngx_er_facts_t *facts)
{
    int              rc;
    ngx_er_slice_t   s;

    if (text->len > NGX_ER_REGEX_TEXT) {
        facts->undecided |= facts->exact;
        return 0;
    }

    if (!ngx_er_budget_begin(facts)) {
        return 0;
    }

    if (ngx_er_regex_workplace() != NGX_OK) {
        ngx_er_budget_spend(facts);
        return 0;
    }

    s.regex = regex;
    s.text = text;
    s.facts = facts;
    s.from = 0;
    s.places = text->len + 1;
    s.steps = NGX_ER_REGEX_STEPS;
    s.options = 0;

    do {
        rc = ngx_er_slice_match(&s);

        if (rc >= 0) {
            return ngx_er_slice_take(&s);
        }

        if (rc <= PCRE2_ERROR_UTF8_ERR1 && rc >= PCRE2_ERROR_UTF8_ERR21) {
            (void) ngx_er_budget_take(facts, text->len);
            return 0;
        }

        s.options |= regex->utf8 ? PCRE2_NO_UTF_CHECK : 0;

    } while (ngx_er_slice_next(&s, rc) == NGX_OK);

    return 0;
}


static ngx_int_t
ngx_er_regex_workplace(void)
{
    if (ngx_er_regex_context == NULL) {

        ngx_er_regex_context = pcre2_match_context_create(NULL);
        if (ngx_er_regex_context == NULL) {
            return NGX_ERROR;
        }

        (void) pcre2_set_heap_limit(ngx_er_regex_context, NGX_ER_REGEX_HEAP);

        /* without it machine code has what is left of 32 KB */

        ngx_er_regex_stack = pcre2_jit_stack_create(NGX_ER_REGEX_STACK / 32,
                                                    NGX_ER_REGEX_STACK, NULL);
        if (ngx_er_regex_stack) {
            pcre2_jit_stack_assign(ngx_er_regex_context, NULL,
                                   ngx_er_regex_stack);
        }
    }

    if (ngx_er_regex_data == NULL) {
        ngx_er_regex_data = pcre2_match_data_create(1, NULL);
    }

    return ngx_er_regex_data ? NGX_OK : NGX_ERROR;
}


static int
ngx_er_slice_match(ngx_er_slice_t *s)
{
    size_t   n;
    u_char  *subject;

    n = NGX_ER_REGEX_SLICE / (s->steps * (NGX_ER_REGEX_STEP + s->text->len));
    n = s->regex->once ? 1 : ngx_max(ngx_min(n, s->places), 1);

    s->last = ngx_min(s->from + n - 1, s->text->len);
    subject = s->text->len ? s->text->data : (u_char *) "";

    (void) pcre2_set_offset_limit(ngx_er_regex_context,
                                  s->regex->once ? PCRE2_UNSET : s->last);
    (void) pcre2_set_match_limit(ngx_er_regex_context, (uint32_t) s->steps);

    return pcre2_match(s->regex->code, subject, s->text->len, s->from,
                       s->options, ngx_er_regex_data, ngx_er_regex_context);
}


/* NGX_OK: there is another slice, or the same one is tried again */

static ngx_int_t
ngx_er_slice_next(ngx_er_slice_t *s, int rc)
{
    switch (rc) {

    case PCRE2_ERROR_NOMATCH:
        return ngx_er_slice_advance(s);

    case PCRE2_ERROR_MATCHLIMIT:
    case PCRE2_ERROR_DEPTHLIMIT:
        return ngx_er_slice_repeat(s);

    case PCRE2_ERROR_JIT_STACKLIMIT:
        if ((s->options & PCRE2_NO_JIT) == 0) {
            s->options |= PCRE2_NO_JIT;
            return NGX_OK;
        }

        /* fall through */

    default:

        /* no memory, or more than PCRE may have: that is given back */

        pcre2_match_data_free(ngx_er_regex_data);
        ngx_er_regex_data = NULL;

        ngx_er_budget_spend(s->facts);

        return NGX_DECLINED;
    }
}


/* the most that it can have been */

static ngx_uint_t
ngx_er_slice_take(ngx_er_slice_t *s)
{
    return ngx_er_budget_take(s->facts,
                              (s->last - s->from + 1) * s->steps
                              * (NGX_ER_REGEX_STEP + s->text->len));
}


static ngx_int_t
ngx_er_slice_advance(ngx_er_slice_t *s)
{
    u_char         *p;
    const uint8_t  *first;

    if (!ngx_er_slice_take(s) || s->regex->once || s->last == s->text->len) {
        return NGX_DECLINED;
    }

    s->from = s->last + 1;

    /* a character that begins before this place was tried there */

    while (s->regex->utf8 && s->from < s->text->len
           && (s->text->data[s->from] & 0xc0) == 0x80)
    {
        s->from++;
    }

    s->places *= 2;
    s->steps -= s->steps / 8;
    s->steps = ngx_max(s->steps, NGX_ER_REGEX_STEPS);

    first = s->regex->first;

    if (first) {

        /* or PCRE goes to the next one that can be after each slice again */

        for (p = s->text->data + s->from; s->from < s->text->len; p++) {

            if ((first[*p / 8] & (1 << (*p % 8)))
                && !(s->regex->utf8 && (*p & 0xc0) == 0x80))
            {
                return NGX_OK;
            }

            s->from++;
        }

        return NGX_DECLINED;
    }

    if (!s->regex->lines) {
        return NGX_OK;
    }

    p = memchr(s->text->data + s->last, '\n', s->text->len - s->last);
    if (p == NULL) {
        return NGX_DECLINED;
    }

    s->from = p + 1 - s->text->data;

    return NGX_OK;
}


/*
 * The steps were not enough.  What was done is done again, and then at most a
 * slice's work more.
 */

static ngx_int_t
ngx_er_slice_repeat(ngx_er_slice_t *s)
{
    size_t    more;
    uint64_t  left;

    left = ngx_er_budget_left(s->facts);

    if (left <= s->facts->budget.took) {
        ngx_er_budget_spend(s->facts);
        return NGX_DECLINED;
    }

    if (s->last > s->from) {
        s->places = 1;
        return NGX_OK;
    }

    more = NGX_ER_REGEX_SLICE / (NGX_ER_REGEX_STEP + s->text->len);
    s->steps += ngx_min(more, s->steps);

    return NGX_OK;
}


#else


ngx_er_regex_t *
ngx_er_regex_compile(ngx_pool_t *pool, ngx_str_t *pattern, ngx_uint_t fold,
    ngx_uint_t utf8, ngx_er_error_t *err)
{
    ngx_er_error(err, "this nginx was built without PCRE2: use \"like\"");
    return NULL;
}


ngx_uint_t
ngx_er_regex_matches(ngx_er_regex_t *regex, ngx_str_t *text,
    ngx_er_facts_t *facts)
{
    return 0;
}


#endif
