
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A job as bytes, pure: a version, numbers of 8 bytes, and texts with 2 bytes
 * of length before each, all big-endian.  jobs.c and api_jobs.c keep it on the
 * shelf.  A text that is longer than its bound is cut.  What may fail is
 * memory.
 */


#include "job.h"


#define NGX_ER_JOB_VERSION  1
#define NGX_ER_JOB_NUMBERS  24
#define NGX_ER_JOB_TEXTS    5
#define NGX_ER_JOB_TEXT     1024       /* bytes */


static void ngx_er_job_set(ngx_er_job_t *job, uint64_t *n);
static void ngx_er_job_texts(ngx_er_job_t *job, ngx_str_t **text);
static u_char *ngx_er_job_number_write(u_char *p, uint64_t n, size_t bytes);
static uint64_t ngx_er_job_number_read(u_char *p, size_t bytes);


ngx_int_t
ngx_er_job_write(ngx_er_job_t *job, ngx_pool_t *pool, ngx_str_t *row)
{
    u_char      *p;
    size_t       len;
    uint64_t     n[NGX_ER_JOB_NUMBERS];
    ngx_str_t   *text[NGX_ER_JOB_TEXTS];
    ngx_uint_t   i;

    n[0] = job->state;
    n[1] = job->holder;
    n[2] = job->beat;
    n[3] = job->began;
    n[4] = job->ended;
    n[5] = job->rate;
    n[6] = job->command;
    n[7] = job->archive;
    n[8] = job->total;
    n[9] = job->oldest;
    n[10] = job->newest;
    n[11] = job->done;
    n[12] = job->stale;
    n[13] = job->after[0];
    n[14] = job->after[1];
    n[15] = job->filter.target;
    n[16] = job->filter.seq;
    n[17] = job->filter.from;
    n[18] = job->filter.to;
    n[19] = job->filter.source;
    n[20] = job->filter.reasons;
    n[21] = job->filter.status;
    n[22] = job->filter.attempts;
    n[23] = job->to;

    ngx_er_job_texts(job, text);

    p = ngx_pnalloc(pool, 1 + NGX_ER_JOB_NUMBERS * 8
                          + NGX_ER_JOB_TEXTS * (2 + NGX_ER_JOB_TEXT));
    if (p == NULL) {
        return NGX_ERROR;
    }

    row->data = p;

    *p++ = NGX_ER_JOB_VERSION;

    for (i = 0; i < NGX_ER_JOB_NUMBERS; i++) {
        p = ngx_er_job_number_write(p, n[i], 8);
    }

    for (i = 0; i < NGX_ER_JOB_TEXTS; i++) {
        len = ngx_min(text[i]->len, NGX_ER_JOB_TEXT);

        p = ngx_er_job_number_write(p, len, 2);
        p = ngx_cpymem(p, text[i]->data, len);
    }

    row->len = p - row->data;

    return NGX_OK;
}


ngx_int_t
ngx_er_job_read(ngx_str_t *row, ngx_er_job_t *job)
{
    u_char      *p, *last;
    uint64_t     n[NGX_ER_JOB_NUMBERS];
    ngx_str_t   *text[NGX_ER_JOB_TEXTS];
    ngx_uint_t   i;

    ngx_memzero(job, sizeof(ngx_er_job_t));

    p = row->data;
    last = p + row->len;

    if (row->len < 1 + NGX_ER_JOB_NUMBERS * 8 || *p++ != NGX_ER_JOB_VERSION) {
        return NGX_DECLINED;
    }

    for (i = 0; i < NGX_ER_JOB_NUMBERS; i++) {
        n[i] = ngx_er_job_number_read(p, 8);
        p += 8;
    }

    ngx_er_job_texts(job, text);

    for (i = 0; i < NGX_ER_JOB_TEXTS; i++) {

        if (last - p < 2) {
            return NGX_DECLINED;
        }

        text[i]->len = (size_t) ngx_er_job_number_read(p, 2);
        text[i]->data = p + 2;
        p += 2;

        if ((size_t) (last - p) < text[i]->len) {
            return NGX_DECLINED;
        }

        p += text[i]->len;
    }

    if (n[0] < NGX_ER_JOB_RUNS || n[0] > NGX_ER_JOB_CANCELLING) {
        return NGX_DECLINED;
    }

    ngx_er_job_set(job, n);

    job->filter.route = job->route;

    return NGX_OK;
}


ngx_int_t
ngx_er_job_keep(ngx_er_job_t *job, ngx_pool_t *pool, ngx_er_job_t *copy)
{
    ngx_str_t   *from[NGX_ER_JOB_TEXTS], *to[NGX_ER_JOB_TEXTS];
    ngx_uint_t   i;

    *copy = *job;

    ngx_er_job_texts(job, from);
    ngx_er_job_texts(copy, to);

    for (i = 0; i < NGX_ER_JOB_TEXTS; i++) {
        to[i]->data = ngx_pnalloc(pool, from[i]->len + 1);

        if (to[i]->data == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(to[i]->data, from[i]->data, from[i]->len);
    }

    copy->filter.route = copy->route;

    return NGX_OK;
}


/* in the order of the row, as they were written */

static void
ngx_er_job_set(ngx_er_job_t *job, uint64_t *n)
{
    job->state = (ngx_er_job_state_e) n[0];
    job->holder = n[1];
    job->beat = n[2];
    job->began = n[3];
    job->ended = n[4];
    job->rate = n[5];
    job->command = n[6];
    job->archive = n[7];
    job->total = n[8];
    job->oldest = n[9];
    job->newest = n[10];
    job->done = n[11];
    job->stale = n[12];
    job->after[0] = n[13];
    job->after[1] = n[14];
    job->filter.target = n[15];
    job->filter.seq = n[16];
    job->filter.from = n[17];
    job->filter.to = n[18];
    job->filter.source = n[19];
    job->filter.reasons = (ngx_uint_t) n[20];
    job->filter.status = (ngx_uint_t) n[21];
    job->filter.attempts = (ngx_uint_t) n[22];
    job->to = n[23];
}


/* in the order of the row */

static void
ngx_er_job_texts(ngx_er_job_t *job, ngx_str_t **text)
{
    text[0] = &job->route;
    text[1] = &job->target;
    text[2] = &job->source;
    text[3] = &job->deliver_to;
    text[4] = &job->who;
}


static u_char *
ngx_er_job_number_write(u_char *p, uint64_t n, size_t bytes)
{
    while (bytes--) {
        *p++ = (u_char) (n >> 8 * bytes);
    }

    return p;
}


static uint64_t
ngx_er_job_number_read(u_char *p, size_t bytes)
{
    uint64_t  n;

    for (n = 0; bytes; bytes--) {
        n = n << 8 | *p++;
    }

    return n;
}
