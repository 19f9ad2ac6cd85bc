
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "Did you mean ...?": the name that differs least from a misspelt word, for
 * the sentences of "nginx -t" and of event_admin.  Whoever has a table or an
 * array of nouns asks; nothing is copied, nothing is allocated and nothing can
 * fail.  Pure.
 */


#include "nearest.h"


#define NGX_ER_NEAREST_LEN  32         /* longer words are not compared */


/* a word and what is near it so far */

typedef struct {
    ngx_str_t             *word;
    const char            *name;       /* NULL: none */
    ngx_uint_t             limit;      /* the next one must differ less */
} ngx_er_nearest_t;


static void ngx_er_nearest_begin(ngx_er_nearest_t *near, ngx_str_t *word);
static void ngx_er_nearest_try(ngx_er_nearest_t *near, const char *name,
    size_t len);
static ngx_uint_t ngx_er_nearest_distance(ngx_str_t *word, const char *other,
    size_t len);
static ngx_uint_t ngx_er_nearest_substitute(ngx_str_t *word, ngx_uint_t i,
    const char *other, ngx_uint_t j);


const char *
ngx_er_nearest(ngx_str_t *word, const void *table, size_t size)
{
    const char        *elt, *name;
    ngx_er_nearest_t   near;

    ngx_er_nearest_begin(&near, word);

    for (elt = table; (name = *(const char **) elt) != NULL; elt += size) {
        ngx_er_nearest_try(&near, name, ngx_strlen(name));
    }

    return near.name;
}


const char *
ngx_er_nearest_noun(ngx_str_t *word, ngx_array_t *nouns)
{
    ngx_str_t         **name;
    ngx_uint_t          i;
    ngx_er_nearest_t    near;

    ngx_er_nearest_begin(&near, word);

    name = nouns->elts;

    for (i = 0; i < nouns->nelts; i++) {
        ngx_er_nearest_try(&near, (const char *) name[i]->data, name[i]->len);
    }

    return near.name;
}


/*
 * A name is near if less than a half of the word has to be changed, and no
 * more than three characters; the first one of those that differ least wins.
 */

static void
ngx_er_nearest_begin(ngx_er_nearest_t *near, ngx_str_t *word)
{
    near->word = word;
    near->name = NULL;
    near->limit = ngx_min(3, word->len / 2) + 1;
}


static void
ngx_er_nearest_try(ngx_er_nearest_t *near, const char *name, size_t len)
{
    ngx_uint_t  distance;

    if (near->word->len == 0 || near->word->len > NGX_ER_NEAREST_LEN
        || len > NGX_ER_NEAREST_LEN)
    {
        return;
    }

    distance = ngx_er_nearest_distance(near->word, name, len);

    if (distance < near->limit && distance < len) {
        near->limit = distance;
        near->name = name;
    }
}


/*
 * How many characters must be inserted, left out, replaced or swapped with
 * their neighbor (a swap counts as one), whatever their case.  Row by row:
 * "now" is the row of word[i - 1], "last" and "before" are the two above.
 */

static ngx_uint_t
ngx_er_nearest_distance(ngx_str_t *word, const char *other, size_t len)
{
    ngx_uint_t   i, j, d;
    ngx_uint_t  *now, *last, *before, *row;
    ngx_uint_t   rows[3][NGX_ER_NEAREST_LEN + 1];

    before = rows[0];
    last = rows[1];
    now = rows[2];

    for (j = 0; j <= len; j++) {
        before[j] = 0;
        last[j] = j;
    }

    for (i = 1; i <= word->len; i++) {
        now[0] = i;

        for (j = 1; j <= len; j++) {
            d = last[j - 1] + ngx_er_nearest_substitute(word, i, other, j);
            d = ngx_min(d, last[j] + 1);
            d = ngx_min(d, now[j - 1] + 1);

            if (i > 1 && j > 1
                && ngx_er_nearest_substitute(word, i, other, j - 1) == 0
                && ngx_er_nearest_substitute(word, i - 1, other, j) == 0)
            {
                d = ngx_min(d, before[j - 2] + 1);
            }

            now[j] = d;
        }

        row = before;
        before = last;
        last = now;
        now = row;
    }

    return last[len];
}


/* the price of having the j-th character for the i-th, counted from 1 */

static ngx_uint_t
ngx_er_nearest_substitute(ngx_str_t *word, ngx_uint_t i, const char *other,
    ngx_uint_t j)
{
    return ngx_tolower(word->data[i - 1]) != ngx_tolower(other[j - 1]);
}
