
/*
 * Copyright (C) Event Router contributors
 */


/*
 * "Did you mean ...?": the word of a list that differs least from a misspelt
 * one, for the sentences of "nginx -t".  Pure, and nothing can fail.
 */


#include "../base.h"


#define NGX_ER_NEAREST_LEN  32         /* longer words are not compared */


static ngx_uint_t ngx_er_nearest_distance(ngx_str_t *word, const char *other,
    size_t len);
static ngx_uint_t ngx_er_nearest_substitute(ngx_str_t *word, ngx_uint_t i,
    const char *other, ngx_uint_t j);


/*
 * A word is near if less than a half of it has to be changed, and no more than
 * three characters; the first one of the list wins.
 */

const char *
ngx_er_nearest(ngx_str_t *word, const char **words)
{
    size_t       len;
    const char  *best;
    ngx_uint_t   distance, limit;

    if (word->len == 0 || word->len > NGX_ER_NEAREST_LEN) {
        return NULL;
    }

    best = NULL;
    limit = ngx_min(3, word->len / 2) + 1;

    for ( /* void */ ; *words; words++) {
        len = ngx_strlen(*words);

        if (len > NGX_ER_NEAREST_LEN) {
            continue;
        }

        distance = ngx_er_nearest_distance(word, *words, len);

        if (distance < limit && distance < len) {
            limit = distance;
            best = *words;
        }
    }

    return best;
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
