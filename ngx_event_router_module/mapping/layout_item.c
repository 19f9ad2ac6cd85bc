
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Values on their way from an event, a code table or a template into a body:
 * what filters read is the text, what is written, as long as nobody changed
 * it, is the JSON as it stands, to the digit.
 *
 * Called by layout_table.c and layout_place.c when nginx.conf is read and by
 * layout_print.c for events.  Pure; only memory can fail.
 */


#include "layout_item.h"
#include "../ingest/lexer.h"


ngx_int_t
ngx_er_layout_item(ngx_pool_t *pool, ngx_str_t *json,
    ngx_er_layout_item_t *item)
{
    u_char     *p;
    ngx_str_t   text;

    item->raw = *json;
    item->text = *json;

    switch (json->data[0]) {

    case '"':
        item->type = NGX_ER_STRING;
        break;

    case '{':
        item->type = NGX_ER_OBJECT;
        return NGX_OK;

    case '[':
        item->type = NGX_ER_ARRAY;
        return NGX_OK;

    case 't':
    case 'f':
        item->type = NGX_ER_BOOLEAN;
        return NGX_OK;

    case 'n':
        item->type = NGX_ER_NULL;
        return NGX_OK;

    default:
        item->type = NGX_ER_NUMBER;
        return NGX_OK;
    }

    text.data = json->data + 1;
    text.len = json->len - 2;

    item->text = text;

    if (ngx_strlchr(text.data, text.data + text.len, '\\') == NULL) {
        return NGX_OK;
    }

    p = ngx_pnalloc(pool, text.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    item->text.data = p;
    item->text.len = ngx_er_lexer_decode(p, text.data, text.len) - p;

    return NGX_OK;
}


u_char *
ngx_er_layout_item_string(u_char *p)
{
    for (p++; *p != '"'; p++) {
        p += (*p == '\\');
    }

    return p + 1;
}
