
/*
 * Copyright (C) Event Router contributors
 */


/*
 * multipart/form-data: the bodies of producers that send files beside fields.
 * parse.c scans bodies with ngx_er_multipart_scan() where it would else call
 * ngx_er_form_scan(); a field is the same to all others, whichever of both it
 * came in.  redact.c walks through the parts.
 *
 * A part with a file name is a file.  It counts as absent, and so does a part
 * without a name: nothing is read of them.  Content-Transfer-Encoding, which
 * nobody is to send (RFC 7578, 4.7), is not undone.
 *
 * A boundary ends a part where it stands at the begin of a line, alone.  There
 * are readers that look for less than that.  So a body in which such a line
 * goes on, or has other ends than the first one, is refused: by what somebody
 * wrote into a mail its target would see other fields than a rule.  What else
 * two readers might read differently is marked, as in form.c: no rule reads
 * it.
 *
 * Pure.  Everything points into the body.  What may fail is memory for values.
 */


#include "multipart.h"
#include "charset.h"
#include "media.h"


static ngx_int_t ngx_er_multipart_boundary(ngx_er_multipart_t *mp,
    ngx_str_t *type);
static ngx_int_t ngx_er_multipart_delimiter(ngx_er_multipart_t *mp,
    u_char *line, u_char *p);
static ngx_int_t ngx_er_multipart_close(ngx_er_multipart_t *mp, u_char *line,
    u_char *p);
static u_char *ngx_er_multipart_find(ngx_er_multipart_t *mp, u_char *p);
static u_char *ngx_er_multipart_head(ngx_er_multipart_t *mp,
    ngx_er_multipart_part_t *part);
static u_char *ngx_er_multipart_line(ngx_er_multipart_t *mp, u_char *p,
    ngx_str_t *line);
static ngx_int_t ngx_er_multipart_header(ngx_er_multipart_part_t *part,
    ngx_str_t *line);
static void ngx_er_multipart_disposition(ngx_er_multipart_part_t *part,
    ngx_str_t *value);
static void ngx_er_multipart_type(ngx_er_multipart_part_t *part,
    ngx_str_t *value);
static void ngx_er_multipart_coding(ngx_er_multipart_part_t *part,
    ngx_str_t *value);
static ngx_int_t ngx_er_multipart_fail(ngx_er_multipart_t *mp,
    ngx_er_scan_error_e error, u_char *at);


ngx_uint_t
ngx_er_multipart_is(ngx_str_t *type)
{
    ngx_str_t  base;

    base = ngx_er_media_base(type);

    return ngx_er_media_is(&base, "multipart/form-data");
}


ngx_int_t
ngx_er_multipart_form(ngx_er_scan_t *s, ngx_str_t *type, ngx_str_t *body)
{
    return ngx_er_multipart_is(type) ? ngx_er_multipart_scan(s, type, body)
                                     : ngx_er_form_scan(s, body);
}


ngx_int_t
ngx_er_multipart_scan(ngx_er_scan_t *s, ngx_str_t *type, ngx_str_t *body)
{
    ngx_int_t                rc;
    ngx_uint_t               n, found;
    ngx_er_multipart_t       mp;
    ngx_er_multipart_part_t  part;

    found = 0;
    rc = ngx_er_multipart_begin(&mp, type, body);

    for (n = 1; rc == NGX_OK; n++) {

        rc = ngx_er_multipart_next(&mp, &part);

        if (rc != NGX_OK) {
            break;
        }

        if (n > ngx_min(s->limits->nodes, NGX_ER_MULTIPART_PARTS)) {
            rc = ngx_er_multipart_fail(&mp, NGX_ER_SCAN_PARTS, part.start);
            break;
        }

        if (part.absent) {
            continue;
        }

        if (part.pair.name.len > s->limits->key) {
            rc = ngx_er_multipart_fail(&mp, NGX_ER_SCAN_KEY,
                                       part.pair.name.data);
            break;
        }

        if (s->limits->string && part.pair.value.len > s->limits->string) {
            rc = ngx_er_multipart_fail(&mp, NGX_ER_SCAN_STRING,
                                       part.pair.value.data);
            break;
        }

        rc = ngx_er_form_value(s, &part.pair, &found);

        if (rc == NGX_DECLINED) {
            rc = ngx_er_multipart_fail(&mp, NGX_ER_SCAN_FOUND, part.start);
        }
    }

    if (rc == NGX_DONE) {
        rc = NGX_OK;
    }

    s->error = mp.error;
    s->offset = (rc == NGX_DECLINED) ? (size_t) (mp.at - body->data) : 0;

    ngx_er_scan_finish(s, rc);

    return rc;
}


ngx_int_t
ngx_er_multipart_parse(ngx_str_t *type, ngx_str_t *body, ngx_array_t *pairs,
    ngx_uint_t max)
{
    ngx_int_t                 rc;
    ngx_er_pair_t            *pair;
    ngx_er_multipart_t        mp;
    ngx_er_multipart_part_t   part;

    rc = ngx_er_multipart_begin(&mp, type, body);

    while (rc == NGX_OK) {

        rc = ngx_er_multipart_next(&mp, &part);

        if (rc != NGX_OK) {
            break;
        }

        if (part.absent || pairs->nelts == max) {
            return NGX_DECLINED;
        }

        pair = ngx_array_push(pairs);
        if (pair == NULL) {
            return NGX_ERROR;
        }

        *pair = part.pair;
    }

    return (rc == NGX_DONE) ? NGX_OK : rc;
}


size_t
ngx_er_multipart_second(ngx_str_t *type, ngx_str_t *body, ngx_str_t *name)
{
    ngx_uint_t               n;
    ngx_er_pair_t           *pair;
    ngx_er_multipart_t       mp;
    ngx_er_multipart_part_t  part;

    n = 0;
    pair = &part.pair;

    if (ngx_er_multipart_begin(&mp, type, body) != NGX_OK) {
        return 0;
    }

    while (ngx_er_multipart_next(&mp, &part) == NGX_OK) {

        if (!part.absent && !pair->nameless && pair->name.len == name->len
            && ngx_memcmp(pair->name.data, name->data, name->len) == 0
            && ++n == 2)
        {
            return pair->name.data - body->data;
        }
    }

    return 0;
}


ngx_int_t
ngx_er_multipart_begin(ngx_er_multipart_t *mp, ngx_str_t *type,
    ngx_str_t *body)
{
    u_char  *p;

    ngx_memzero(mp, sizeof(ngx_er_multipart_t));

    mp->start = body->data;
    mp->pos = body->data;
    mp->last = body->len ? body->data + body->len : body->data;

    if (ngx_er_multipart_boundary(mp, type) != NGX_OK) {
        return ngx_er_multipart_fail(mp, NGX_ER_SCAN_BOUNDARY, mp->start);
    }

    if (body->len == 0) {
        return ngx_er_multipart_fail(mp, NGX_ER_SCAN_EMPTY, mp->start);
    }

    /* the first one need not be behind the end of a line */

    if (body->len >= mp->len - 1
        && ngx_memcmp(mp->start, &mp->mark[1], mp->len - 1) == 0)
    {
        mp->first = mp->start;

        return ngx_er_multipart_delimiter(mp, mp->start,
                                          mp->start + mp->len - 1);
    }

    p = ngx_er_multipart_find(mp, mp->start);

    if (p == NULL) {
        return ngx_er_multipart_fail(mp, NGX_ER_SCAN_DELIMITER, mp->start);
    }

    mp->first = p + 1;
    mp->lines = (p > mp->start && p[-1] == CR) ? NGX_ER_MULTIPART_CRLF
                                               : NGX_ER_MULTIPART_LF;

    return ngx_er_multipart_delimiter(mp, p + 1, p + mp->len);
}


static ngx_int_t
ngx_er_multipart_boundary(ngx_er_multipart_t *mp, ngx_str_t *type)
{
    size_t                  i;
    u_char                 *p, *last, *to;
    ngx_uint_t              n;
    ngx_er_media_param_t    param;

    last = type->data + type->len;
    n = 0;

    for (p = ngx_er_media_param(type->data, last, &param);
         p;
         p = ngx_er_media_param(p, last, &param))
    {
        if (!ngx_er_media_is(&param.name, "boundary")) {
            continue;
        }

        if (param.odd || n++ || param.value.len == 0
            || param.value.len > NGX_ER_MULTIPART_BOUNDARY
            || param.value.data[param.value.len - 1] == ' ')
        {
            return NGX_DECLINED;
        }

        for (i = 0; i < param.value.len; i++) {
            if (param.value.data[i] < ' ' || param.value.data[i] == 0x7f) {
                return NGX_DECLINED;
            }
        }

        to = ngx_cpymem(mp->mark, "\n--", 3);
        to = ngx_cpymem(to, param.value.data, param.value.len);
        mp->len = to - mp->mark;
    }

    return n ? NGX_OK : NGX_DECLINED;
}


ngx_int_t
ngx_er_multipart_next(ngx_er_multipart_t *mp, ngx_er_multipart_part_t *part)
{
    u_char     *p, *end;
    ngx_str_t  *value;

    if (mp->closed) {
        return NGX_DONE;
    }

    ngx_memzero(part, sizeof(ngx_er_multipart_part_t));

    part->start = mp->pos;

    p = ngx_er_multipart_head(mp, part);

    if (p == NULL) {
        return NGX_DECLINED;
    }

    /* a part without a value may end with its empty line */

    end = ngx_er_multipart_find(mp, p - 1);

    if (end == NULL) {
        return ngx_er_multipart_fail(mp, NGX_ER_SCAN_CUT, part->start);
    }

    if ((end[-1] == CR) != (mp->lines == NGX_ER_MULTIPART_CRLF)) {
        return ngx_er_multipart_fail(mp, NGX_ER_SCAN_DELIMITER, end + 1);
    }

    value = &part->pair.value;

    value->data = p;
    value->len = (end < p) ? 0
                 : end - p - (mp->lines == NGX_ER_MULTIPART_CRLF);

    if (!part->absent
        && (!ngx_er_is_utf8(value)
            || ngx_strlchr(p, p + value->len, '\0') != NULL))
    {
        part->pair.unreadable = 1;
    }

    return ngx_er_multipart_delimiter(mp, end + 1, end + mp->len);
}


/* line: of the boundary; p: behind it */

static ngx_int_t
ngx_er_multipart_delimiter(ngx_er_multipart_t *mp, u_char *line, u_char *p)
{
    ngx_er_multipart_lines_e  lines;

    if (mp->last - p >= 2 && p[0] == '-' && p[1] == '-') {
        return ngx_er_multipart_close(mp, line, p + 2);
    }

    while (p < mp->last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (p == mp->last) {
        return ngx_er_multipart_fail(mp, NGX_ER_SCAN_CUT, line);
    }

    lines = NGX_ER_MULTIPART_LF;

    if (*p == CR) {
        lines = NGX_ER_MULTIPART_CRLF;
        p++;
    }

    if (mp->lines == NGX_ER_MULTIPART_UNKNOWN) {
        mp->lines = lines;
    }

    if (p == mp->last || *p != LF || lines != mp->lines) {
        return ngx_er_multipart_fail(mp, NGX_ER_SCAN_DELIMITER, line);
    }

    mp->pos = p + 1;

    return NGX_OK;
}


/* what follows is skipped, but there are readers that would go on */

static ngx_int_t
ngx_er_multipart_close(ngx_er_multipart_t *mp, u_char *line, u_char *p)
{
    mp->closed = 1;
    mp->pos = p;

    while (p < mp->last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if ((p < mp->last && *p != CR && *p != LF)
        || ngx_er_multipart_find(mp, p) != NULL)
    {
        return ngx_er_multipart_fail(mp, NGX_ER_SCAN_DELIMITER, line);
    }

    return NGX_OK;
}


/* the next boundary that is at the begin of a line, with the LF before it */

static u_char *
ngx_er_multipart_find(ngx_er_multipart_t *mp, u_char *p)
{
    return memmem(p, mp->last - p, mp->mark, mp->len);
}


/* the headers of a part; returns what is behind them, or NULL */

static u_char *
ngx_er_multipart_head(ngx_er_multipart_t *mp, ngx_er_multipart_part_t *part)
{
    u_char     *p, *next;
    ngx_str_t   line;

    for (p = mp->pos; /* void */ ; p = next) {

        next = ngx_er_multipart_line(mp, p, &line);

        if (next == NULL || next - mp->pos > NGX_ER_MULTIPART_HEAD) {
            break;
        }

        if (line.len == 0) {
            part->absent = (part->file || !part->named);
            part->pair.nameless = (part->odd || !part->named
                                   || !ngx_er_is_utf8(&part->pair.name));
            part->pair.broken = part->odd;

            return next;
        }

        if (ngx_er_multipart_header(part, &line) != NGX_OK) {
            break;
        }
    }

    (void) ngx_er_multipart_fail(mp, NGX_ER_SCAN_PART, p);

    return NULL;
}


/* returns what is behind the line; NULL: it is none, or does not end */

static u_char *
ngx_er_multipart_line(ngx_er_multipart_t *mp, u_char *p, ngx_str_t *line)
{
    u_char  *end, *last;

    last = (mp->last - p > NGX_ER_MULTIPART_HEAD) ? p + NGX_ER_MULTIPART_HEAD
                                                  : mp->last;

    end = ngx_strlchr(p, last, LF);

    if (end == NULL
        || ((size_t) (mp->last - p) >= mp->len - 1
            && ngx_memcmp(p, &mp->mark[1], mp->len - 1) == 0))
    {
        return NULL;
    }

    line->data = p;
    line->len = end - p;

    if (mp->lines == NGX_ER_MULTIPART_CRLF) {

        if (line->len == 0 || end[-1] != CR) {
            return NULL;
        }

        line->len--;
    }

    if (ngx_strlchr(p, p + line->len, CR)
        || ngx_strlchr(p, p + line->len, '\0'))
    {
        return NULL;
    }

    return end + 1;
}


static ngx_int_t
ngx_er_multipart_header(ngx_er_multipart_part_t *part, ngx_str_t *line)
{
    u_char     *p, *last;
    ngx_str_t   name, value;

    last = line->data + line->len;

    /* the rest of the line before it, which may be what a name stands in */

    if (line->data[0] == ' ' || line->data[0] == '\t') {
        part->odd = 1;
        return NGX_OK;
    }

    p = ngx_strlchr(line->data, last, ':');

    if (p == NULL || p == line->data) {
        return NGX_DECLINED;
    }

    name.data = line->data;
    name.len = p - line->data;

    if (p[-1] == ' ' || p[-1] == '\t') {
        part->odd = 1;
    }

    for (p++; p < last && (*p == ' ' || *p == '\t'); p++) { /* void */ }

    value.data = p;
    value.len = last - p;

    if (ngx_er_media_is(&name, "content-disposition")) {
        ngx_er_multipart_disposition(part, &value);

    } else if (ngx_er_media_is(&name, "content-type")) {
        ngx_er_multipart_type(part, &value);

    } else if (ngx_er_media_is(&name, "content-transfer-encoding")) {
        ngx_er_multipart_coding(part, &value);
    }

    return NGX_OK;
}


static void
ngx_er_multipart_disposition(ngx_er_multipart_part_t *part, ngx_str_t *value)
{
    u_char                *p, *last;
    ngx_str_t              base;
    ngx_er_media_param_t   param;

    base = ngx_er_media_base(value);

    if (part->disposed || !ngx_er_media_is(&base, "form-data")) {
        part->odd = 1;
    }

    part->disposed = 1;
    last = value->data + value->len;

    for (p = ngx_er_media_param(value->data, last, &param);
         p;
         p = ngx_er_media_param(p, last, &param))
    {
        if (ngx_er_media_is(&param.name, "filename")
            || ngx_er_media_is(&param.name, "filename*"))
        {
            part->file = 1;

        } else if (ngx_er_media_is(&param.name, "name*")) {
            part->odd = 1;

        } else if (ngx_er_media_is(&param.name, "name")) {

            if (part->named || param.odd) {
                part->odd = 1;
            }

            part->named = 1;
            part->pair.name = param.value;
        }
    }
}


/* several files in one part, or text that nobody reads here */

static void
ngx_er_multipart_type(ngx_er_multipart_part_t *part, ngx_str_t *value)
{
    u_char                *p, *last;
    ngx_er_media_param_t   param;

    last = value->data + value->len;

    if (value->len > 10
        && ngx_strncasecmp(value->data, (u_char *) "multipart/", 10) == 0)
    {
        part->file = 1;
    }

    for (p = ngx_er_media_param(value->data, last, &param);
         p;
         p = ngx_er_media_param(p, last, &param))
    {
        if (ngx_er_media_is(&param.name, "charset")
            && (param.odd || !ngx_er_charset_readable(&param.value)))
        {
            part->pair.unreadable = 1;
        }
    }
}


static void
ngx_er_multipart_coding(ngx_er_multipart_part_t *part, ngx_str_t *value)
{
    ngx_str_t  base;

    base = ngx_er_media_base(value);

    if (!ngx_er_media_is(&base, "7bit") && !ngx_er_media_is(&base, "8bit")
        && !ngx_er_media_is(&base, "binary"))
    {
        part->pair.unreadable = 1;
    }
}


static ngx_int_t
ngx_er_multipart_fail(ngx_er_multipart_t *mp, ngx_er_scan_error_e error,
    u_char *at)
{
    mp->error = error;
    mp->at = at;

    return NGX_DECLINED;
}
