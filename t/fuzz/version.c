
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Two texts, parted by a newline, as versions.  Beside memory errors it looks
 * for what must always hold: what is written fits, is the same whenever it is
 * written, says which kind it is, and two numbers are never in another order
 * than number.c has them.
 */


#include "../../ngx_event_router_module/route/number.h"
#include "../../ngx_event_router_module/route/version.h"


#define must(what)  if (!(what)) { __builtin_trap(); }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static size_t
version(ngx_str_t *text, u_char *buf)
{
    size_t  len;
    u_char  again[NGX_ER_VERSION_LEN];

    len = ngx_er_version_write(buf, text);

    must(len <= NGX_ER_VERSION_LEN);
    must(ngx_er_version_write(again, text) == len);
    must(memcmp(buf, again, len) == 0);
    must(len == 0 || buf[0] == NGX_ER_VERSION_NUMBER
         || buf[0] == NGX_ER_VERSION_TIME);

    return len;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int               rc;
    size_t            len[2];
    u_char            buf[2][NGX_ER_VERSION_LEN];
    ngx_int_t         order;
    ngx_str_t         text[2];
    const uint8_t    *cut;
    ngx_er_number_t   n[2];

    cut = memchr(data, '\n', size);

    text[0].data = (u_char *) data;
    text[0].len = cut ? (size_t) (cut - data) : size;
    text[1].data = (u_char *) (cut ? cut + 1 : data + size);
    text[1].len = data + size - text[1].data;

    len[0] = version(&text[0], buf[0]);
    len[1] = version(&text[1], buf[1]);

    if (ngx_er_number_parse(&text[0], &n[0]) != NGX_OK
        || ngx_er_number_parse(&text[1], &n[1]) != NGX_OK)
    {
        return 0;
    }

    must(len[0] && len[1] && buf[0][0] == NGX_ER_VERSION_NUMBER);

    rc = memcmp(buf[0], buf[1], ngx_min(len[0], len[1]));

    if (rc == 0) {
        rc = (len[0] > len[1]) - (len[0] < len[1]);
    }

    order = ngx_er_number_compare(&n[0], &n[1]);

    must(rc == 0 || (rc < 0) == (order < 0));
    must(order || rc == 0);

    return 0;
}
