
/*
 * Copyright (C) Event Router contributors
 */


/*
 * NAME=VALUE in nginx.conf.  A table has a row for each parameter: how it is
 * written, in which bounds, and where in a structure its value goes.  A
 * directive of one value is a row, too.
 *
 * Bounds are words as a person would write the value ("10ms", "24h", "1m",
 * "50%"), read by the same functions as the value: so a row says everything
 * once, in its own unit, and the sentence about a value that is out of bounds
 * is made of it.
 *
 * Pure.  Tables are static and belong to the room that has them, the structure
 * is the caller's; a STRING or TEXT points into the word that was read, which
 * in nginx.conf lives as long as the configuration.  What is wrong is a
 * sentence in "err"; conf/block.h logs it with file and line.
 */


#ifndef _NGX_ER_PARAM_H_INCLUDED_
#define _NGX_ER_PARAM_H_INCLUDED_


#include "../base/base.h"


typedef enum {
    NGX_ER_PARAM_NUMBER = 0,           /* 12 */
    NGX_ER_PARAM_SCALED,               /* 12, and 64k is a number, too */
    NGX_ER_PARAM_PERCENT,              /* 50%: 50 */
    NGX_ER_PARAM_SIZE,                 /* bytes: 512, 64k, 1m */
    NGX_ER_PARAM_OFFSET,               /* the same, and 1g */
    NGX_ER_PARAM_MSEC,                 /* ms: 250ms, 5s, 7d */
    NGX_ER_PARAM_SEC,                  /* seconds: 5s, 7d */
    NGX_ER_PARAM_WORD,                 /* one of "words" */
    NGX_ER_PARAM_TEXT,                 /* an ngx_str_t, not empty */
    NGX_ER_PARAM_STRING                /* an ngx_str_t */
} ngx_er_param_kind_e;


/* a word and what it means; a null string ends a list */

typedef struct {
    ngx_str_t              name;
    ngx_uint_t             value;
} ngx_er_word_t;


typedef struct {
    const char            *name;       /* "max=", or a directive; NULL ends a
                                          table */
    ngx_er_param_kind_e    kind;
    size_t                 offset;     /* of the value in its structure */
    size_t                 size;       /* its bytes: 4 or 8, or a string's */
    const char            *min;        /* NULL: 0 */
    const char            *max;        /* NULL: none */
    ngx_er_word_t         *words;      /* of a WORD */
} ngx_er_param_t;


/* "offset" and "size" of a row */

#define ngx_er_param_at(type, member)                                         \
    offsetof(type, member), sizeof(((type *) 0)->member)


/* the parameters of a directive */

typedef struct {
    ngx_er_param_t        *rows;
    const char            *takes;      /* for people: "which takes max=TIME" */
    ngx_uint_t             repeat;     /* one may stand twice: the last one
                                          counts */
    ngx_uint_t             quiet;      /* a word may be a secret: no sentence
                                          has more of it than its name */
} ngx_er_params_t;


/*
 * Reads args[from] and what is behind it into the structure at "base"; args[0]
 * is the directive.  "given", if it is not NULL, gets a bit for each row that
 * was written, so a table has at most 32.  NGX_OK, or NGX_ERROR and why.
 */
ngx_int_t ngx_er_params_set(ngx_er_params_t *params, ngx_array_t *args,
    ngx_uint_t from, void *base, ngx_uint_t *given, ngx_er_error_t *err);

/* reads the value of one row, "word" is what was written; as above */
ngx_int_t ngx_er_param_set(ngx_er_param_t *row, ngx_str_t *directive,
    ngx_str_t *word, ngx_str_t *value, void *base, ngx_er_error_t *err);

/* the same without a sentence: NGX_ERROR if it is not of the row's kind or is
   out of its bounds, and nothing was changed */
ngx_int_t ngx_er_param_read(ngx_er_param_t *row, ngx_str_t *value,
    void *base);

/* the row whose "NAME=" the word begins with, and what is behind it; NULL:
   there is none */
ngx_er_param_t *ngx_er_param_find(ngx_er_param_t *rows, ngx_str_t *word,
    ngx_str_t *value);

/* 1: the word begins with "name", and what is behind it */
ngx_uint_t ngx_er_param_named(ngx_str_t *word, const char *name,
    ngx_str_t *value);

/* NGX_OK and what the word means, or NGX_ERROR: it is not in the list */
ngx_int_t ngx_er_param_word(ngx_er_word_t *words, ngx_str_t *word,
    ngx_uint_t *value);


#endif /* _NGX_ER_PARAM_H_INCLUDED_ */
