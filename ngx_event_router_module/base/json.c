
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Prints JSON into a buffer that doubles when it is full; it is the pool's.
 * Used by explain.c and explain_routes.c.  Bytes that came with an event are
 * never trusted to be UTF-8 (headers are not), so that the answer is JSON
 * whatever was sent.  A printer that found no memory prints nothing more; its
 * owner looks at "failed" once, at the end.
 */


#include "json.h"
#include "../ingest/lexer.h"


#define NGX_ER_JSON_SIZE  4096


static void ngx_er_json_name(ngx_er_json_t *p, const char *name);
static void ngx_er_json_bytes(ngx_er_json_t *p, const char *text,
    size_t len);
static void ngx_er_json_escaped(ngx_er_json_t *p, ngx_str_t *text);


void
ngx_er_json_open(ngx_er_json_t *p, const char *name, const char *bracket)
{
    ngx_er_json_name(p, name);
    ngx_er_json_bytes(p, bracket, 1);
    p->comma = 0;
}


void
ngx_er_json_close(ngx_er_json_t *p, const char *bracket)
{
    ngx_er_json_bytes(p, bracket, 1);
    p->comma = 1;
}


void
ngx_er_json_word(ngx_er_json_t *p, const char *name, const char *word)
{
    ngx_str_t  text;

    text.data = (u_char *) word;
    text.len = ngx_strlen(word);

    ngx_er_json_text(p, name, &text, 0);
}


void
ngx_er_json_number(ngx_er_json_t *p, const char *name, ngx_uint_t n)
{
    u_char  buf[NGX_INT_T_LEN];

    ngx_er_json_name(p, name);
    ngx_er_json_bytes(p, (char *) buf, ngx_sprintf(buf, "%ui", n) - buf);
}


void
ngx_er_json_flag(ngx_er_json_t *p, const char *name, ngx_uint_t flag)
{
    ngx_er_json_name(p, name);
    ngx_er_json_bytes(p, flag ? "true" : "false", flag ? 4 : 5);
}


void
ngx_er_json_text(ngx_er_json_t *p, const char *name, ngx_str_t *text,
    size_t max)
{
    ngx_str_t  cut;

    cut = *text;

    if (max && cut.len > max) {
        cut.len = max;

        /* not in the middle of a character */

        while (cut.len && (cut.data[cut.len] & 0xc0) == 0x80) {
            cut.len--;
        }
    }

    ngx_er_json_name(p, name);
    ngx_er_json_bytes(p, "\"", 1);
    ngx_er_json_escaped(p, &cut);

    if (cut.len < text->len) {
        ngx_er_json_bytes(p, "...", 3);
    }

    ngx_er_json_bytes(p, "\"", 1);
}


static void
ngx_er_json_escaped(ngx_er_json_t *p, ngx_str_t *text)
{
    u_char  *pos, *last, *next, buf[8];

    pos = text->data;
    last = pos + text->len;

    while (pos < last && !p->failed) {

        if (*pos >= 0x80) {
            next = ngx_er_utf8(pos, last);

            if (next) {
                ngx_er_json_bytes(p, (char *) pos, next - pos);
                pos = next;

            } else {
                ngx_er_json_bytes(p, "\\ufffd", 6);
                pos++;
            }

            continue;
        }

        next = (u_char *) ngx_escape_json(buf, pos, 1);
        ngx_er_json_bytes(p, (char *) buf, next - buf);
        pos++;
    }
}


static void
ngx_er_json_name(ngx_er_json_t *p, const char *name)
{
    if (p->comma) {
        ngx_er_json_bytes(p, ",", 1);
    }

    p->comma = 1;

    if (name) {
        ngx_er_json_bytes(p, "\"", 1);
        ngx_er_json_bytes(p, name, ngx_strlen(name));
        ngx_er_json_bytes(p, "\":", 2);
    }
}


static void
ngx_er_json_bytes(ngx_er_json_t *p, const char *text, size_t len)
{
    u_char  *grown;
    size_t   size;

    if (p->failed) {
        return;
    }

    if (p->size - p->out.len < len) {

        for (size = ngx_max(p->size, NGX_ER_JSON_SIZE) * 2;
             size - p->out.len < len;
             size *= 2)
        {
            /* void */
        }

        grown = ngx_pnalloc(p->pool, size);
        if (grown == NULL) {
            p->failed = 1;
            return;
        }

        if (p->out.len) {
            ngx_memcpy(grown, p->out.data, p->out.len);
            (void) ngx_pfree(p->pool, p->out.data);
        }

        p->out.data = grown;
        p->size = size;
    }

    ngx_memcpy(p->out.data + p->out.len, text, len);
    p->out.len += len;
}
