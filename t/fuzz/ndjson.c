
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Lines of JSON.  Beside memory errors it looks for what must always hold:
 * lines lie one behind the other, have no LF in them and no blanks around
 * them, and nothing but blanks is between them.
 */


#include "../../ngx_event_router_module/ingest/lexer.h"
#include "../../ngx_event_router_module/ingest/ndjson.h"
#include "../unit/tap.h"


#define must(what)  if (!(what)) { __builtin_trap(); }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


/* blanks; returns how many LF there are */

static ngx_uint_t
blanks(u_char *p, u_char *end)
{
    ngx_uint_t  n;

    for (n = 0; p < end; p++) {
        must(*p == ' ' || *p == '\t' || *p == CR || *p == LF);
        n += (*p == LF);
    }

    return n;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    u_char           *p;
    ngx_int_t         rc;
    ngx_str_t         body;
    ngx_uint_t        i, max, number;
    ngx_pool_t       *pool;
    ngx_array_t       lines;
    ngx_er_ndjson_t  *line;

    if (size == 0) {
        return 0;
    }

    max = data[0];
    body.data = (u_char *) data + 1;
    body.len = size - 1;

    pool = ngx_er_test_pool();
    (void) ngx_array_init(&lines, pool, 1, sizeof(ngx_er_ndjson_t));

    rc = ngx_er_ndjson_lines(&body, &lines, max);

    must(rc == NGX_OK || (rc == NGX_DECLINED && lines.nelts == max));
    must(lines.nelts <= max);

    line = lines.elts;
    number = 1;
    p = body.data + ngx_er_lexer_bom(&body);

    for (i = 0; i < lines.nelts; i++) {
        number += blanks(p, line[i].text.data);
        p = line[i].text.data + line[i].text.len;

        must(line[i].number == number && line[i].text.len);
        must(memchr(line[i].text.data, LF, line[i].text.len) == NULL);
        must(!isspace(line[i].text.data[0]) || line[i].text.data[0] == '\v'
             || line[i].text.data[0] == '\f');
    }

    if (rc == NGX_OK) {
        (void) blanks(p, body.data + body.len);
    }

    ngx_destroy_pool(pool);

    return 0;
}
