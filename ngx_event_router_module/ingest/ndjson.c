
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lines of JSON.  There is no registered media type for them, so there are
 * several; a source takes those that its "accept" names.  parts.c makes an
 * event of each line, redact.c hides values in each of them.
 *
 * A string of JSON has no raw LF in it, so what stands between two of them is
 * a document, whatever is in it.  Whether it is JSON the scanner says.
 *
 * Pure, owns nothing.  What may fail is memory.
 */


#include "ndjson.h"
#include "lexer.h"
#include "media.h"


ngx_uint_t
ngx_er_ndjson_type(ngx_str_t *type)
{
    ngx_uint_t          i;
    static const char  *types[] = {
        "application/x-ndjson", "application/ndjson", "application/jsonl",
        "application/x-jsonl", "application/jsonlines",
        "application/x-jsonlines", "application/json-lines"
    };

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (ngx_er_media_is(type, types[i])) {
            return 1;
        }
    }

    return 0;
}


ngx_int_t
ngx_er_ndjson_lines(ngx_str_t *body, ngx_array_t *lines, ngx_uint_t max)
{
    u_char           *p, *end, *next, *last;
    ngx_uint_t        number;
    ngx_er_ndjson_t  *line;

    if (body->len == 0) {
        return NGX_OK;
    }

    last = body->data + body->len;
    number = 0;

    for (p = body->data + ngx_er_lexer_bom(body); p < last; p = next) {

        end = ngx_strlchr(p, last, LF);

        if (end == NULL) {
            end = last;
        }

        next = end + 1;
        number++;

        while (p < end && (*p == ' ' || *p == '\t' || *p == CR)) {
            p++;
        }

        while (end > p && (end[-1] == ' ' || end[-1] == '\t'
                           || end[-1] == CR))
        {
            end--;
        }

        if (p == end) {
            continue;
        }

        if (lines->nelts == max) {
            return NGX_DECLINED;
        }

        line = ngx_array_push(lines);
        if (line == NULL) {
            return NGX_ERROR;
        }

        line->text.data = p;
        line->text.len = end - p;
        line->number = number;
    }

    return NGX_OK;
}
