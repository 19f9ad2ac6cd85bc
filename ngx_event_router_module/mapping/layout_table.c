
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Code tables of templates.  Two ways to write one:
 *
 *     # countries, as the ERP numbers them       {
 *     DE    10                                       "DE": 10,
 *     AT    20                                       "AT": {"code": 20}
 *     "Ivory Coast"  30 (CI)  # and a comment    }
 *
 * In lines a value is always a text, the rest of the line up to a comment; in
 * JSON it is what stands there.  A key that comes twice is an error: one of
 * the two would never be found.
 *
 * Read when nginx.conf is read, into its pool, and only asked afterwards: the
 * keys are in a table of hashes that is at most half full.  There is no seed,
 * because the keys are an administrator's.  Pure.
 */


#include "layout_table.h"
#include "../ingest/lexer.h"
#include "../route/pattern/document.h"


typedef struct {
    ngx_str_t              key;        /* data NULL: the slot is free */
    ngx_er_layout_item_t   value;
    ngx_uint_t             line;       /* from 1 */
} ngx_er_layout_code_t;


struct ngx_er_layout_table_s {
    ngx_array_t            codes;      /* of ngx_er_layout_code_t */
    uint32_t              *slots;      /* index in "codes" and 1; 0: free */
    uint32_t               mask;
};


static ngx_int_t ngx_er_layout_table_json(ngx_pool_t *pool,
    ngx_er_layout_table_t *table, ngx_str_t *text, ngx_er_error_t *err);
static ngx_int_t ngx_er_layout_table_lines(ngx_pool_t *pool,
    ngx_er_layout_table_t *table, ngx_str_t *text, ngx_er_error_t *err);
static ngx_int_t ngx_er_layout_table_line(ngx_er_layout_table_t *table,
    u_char *p, u_char *last, ngx_uint_t line, ngx_er_error_t *err);
static u_char *ngx_er_layout_table_word(u_char *p, u_char *last,
    ngx_uint_t rest, ngx_str_t *word);
static ngx_int_t ngx_er_layout_table_hash(ngx_pool_t *pool,
    ngx_er_layout_table_t *table, ngx_er_error_t *err);
static uint32_t *ngx_er_layout_table_slot(ngx_er_layout_table_t *table,
    ngx_str_t *key);
static ngx_int_t ngx_er_layout_table_memory(ngx_er_error_t *err);


ngx_er_layout_table_t *
ngx_er_layout_table_read(ngx_pool_t *pool, ngx_str_t *text,
    ngx_er_error_t *err)
{
    size_t                  bom;
    u_char                 *p, *last;
    ngx_int_t               rc;
    ngx_str_t               file;
    ngx_er_layout_table_t  *table;

    table = ngx_pcalloc(pool, sizeof(ngx_er_layout_table_t));

    if (table == NULL
        || ngx_array_init(&table->codes, pool, 16,
                          sizeof(ngx_er_layout_code_t))
           != NGX_OK)
    {
        (void) ngx_er_layout_table_memory(err);
        return NULL;
    }

    bom = ngx_er_lexer_bom(text);
    file.data = text->data + bom;
    file.len = text->len - bom;

    last = file.data + file.len;
    p = ngx_er_lexer_blanks(file.data, last, 0);

    if (p < last && *p == '{') {
        rc = ngx_er_layout_table_json(pool, table, &file, err);

    } else {
        rc = ngx_er_layout_table_lines(pool, table, &file, err);
    }

    if (rc != NGX_OK || ngx_er_layout_table_hash(pool, table, err) != NGX_OK) {
        return NULL;
    }

    return table;
}


/* document.c has checked it, so this is a walk over the first level */

static ngx_int_t
ngx_er_layout_table_json(ngx_pool_t *pool, ngx_er_layout_table_t *table,
    ngx_str_t *text, ngx_er_error_t *err)
{
    u_char                *p, *at, *last;
    ngx_str_t              json;
    ngx_uint_t             line;
    ngx_er_layout_code_t  *code;

    if (ngx_er_document_parse(pool, text, err) == NULL) {
        return NGX_ERROR;
    }

    last = text->data + text->len;
    p = ngx_er_lexer_blanks(text->data, last, 0);
    p = ngx_er_lexer_blanks(p + 1, last, 0);

    line = 1;
    at = text->data;

    while (*p != '}') {

        for ( /* void */ ; at < p; at++) {
            line += (*at == LF);
        }

        code = ngx_array_push(&table->codes);
        if (code == NULL) {
            return ngx_er_layout_table_memory(err);
        }

        code->line = line;

        json.data = p;
        p = ngx_er_layout_item_string(p);
        json.len = p - json.data;

        if (ngx_er_layout_item(pool, &json, &code->value) != NGX_OK) {
            return ngx_er_layout_table_memory(err);
        }

        code->key = code->value.text;

        p = ngx_er_lexer_blanks(p, last, 0);
        p = ngx_er_lexer_blanks(p + 1, last, 0);

        json.data = p;
        p = ngx_er_scan_skip(p);
        json.len = p - json.data;

        if (ngx_er_layout_item(pool, &json, &code->value) != NGX_OK) {
            return ngx_er_layout_table_memory(err);
        }

        p = ngx_er_lexer_blanks(p, last, 0);

        if (*p == ',') {
            p = ngx_er_lexer_blanks(p + 1, last, 0);
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_table_lines(ngx_pool_t *pool, ngx_er_layout_table_t *table,
    ngx_str_t *text, ngx_er_error_t *err)
{
    u_char      *p, *end, *last;
    ngx_uint_t   line;

    if (!ngx_er_is_utf8(text)) {
        ngx_er_error(err, "it is no UTF-8");
        return NGX_ERROR;
    }

    last = text->data + text->len;
    line = 0;

    for (p = text->data; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, LF);

        if (end == NULL) {
            end = last;
        }

        line++;

        if (ngx_er_layout_table_line(table, p, end, line, err) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_table_line(ngx_er_layout_table_t *table, u_char *p,
    u_char *last, ngx_uint_t line, ngx_er_error_t *err)
{
    ngx_str_t              key, value;
    ngx_er_layout_code_t  *code;

    while (last > p
           && (last[-1] == ' ' || last[-1] == '\t' || last[-1] == CR))
    {
        last--;
    }

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (p == last || *p == '#') {
        return NGX_OK;
    }

    ngx_str_null(&value);

    p = ngx_er_layout_table_word(p, last, 0, &key);

    while (p && p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (p && p < last && *p != '#') {
        p = ngx_er_layout_table_word(p, last, 1, &value);

    } else if (p) {
        ngx_er_error(err, "line %ui: there is no value behind the key: write "
                     "\"KEY VALUE\", and \"\" for an empty one, with quotes "
                     "around a value that begins with \"#\"", line);
        return NGX_ERROR;
    }

    while (p && p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    if (p != last && (p == NULL || *p != '#')) {
        ngx_er_error(err, "line %ui: a quote has no other end, or something "
                     "stands behind it: write \"KEY VALUE\", with quotes "
                     "around a key that has blanks", line);
        return NGX_ERROR;
    }

    code = ngx_array_push(&table->codes);
    if (code == NULL) {
        return ngx_er_layout_table_memory(err);
    }

    code->key = key;
    code->line = line;
    code->value.type = NGX_ER_STRING;
    code->value.text = value;
    ngx_str_null(&code->value.raw);

    return NGX_OK;
}


/*
 * a word, the rest of the line up to a comment, or what is in quotes; NULL: a
 * quote is missing
 */

static u_char *
ngx_er_layout_table_word(u_char *p, u_char *last, ngx_uint_t rest,
    ngx_str_t *word)
{
    u_char      *end;
    ngx_uint_t   blank;

    if (*p == '"') {
        end = ngx_strlchr(p + 1, last, '"');

        if (end == NULL
            || (end + 1 < last && end[1] != ' ' && end[1] != '\t'))
        {
            return NULL;
        }

        word->data = p + 1;
        word->len = end - p - 1;

        return end + 1;
    }

    word->data = p;
    word->len = 0;

    for (end = p; end < last; end++) {

        blank = (*end == ' ' || *end == '\t');

        if (rest ? *end == '#' && p < end && end[-1] <= ' ' : blank) {
            break;
        }

        if (!blank) {
            word->len = end + 1 - p;
        }
    }

    return end;
}


static ngx_int_t
ngx_er_layout_table_hash(ngx_pool_t *pool, ngx_er_layout_table_t *table,
    ngx_er_error_t *err)
{
    uint32_t              *slot, n;
    ngx_uint_t             i;
    ngx_er_layout_code_t  *code;

    for (n = 4; n < 2 * table->codes.nelts; n *= 2) { /* void */ }

    table->mask = n - 1;

    table->slots = ngx_pcalloc(pool, n * sizeof(uint32_t));
    if (table->slots == NULL) {
        return ngx_er_layout_table_memory(err);
    }

    code = table->codes.elts;

    for (i = 0; i < table->codes.nelts; i++) {
        slot = ngx_er_layout_table_slot(table, &code[i].key);

        if (*slot) {
            ngx_er_error(err, "line %ui: the key \"%V\" is in line %ui, too: "
                         "leave one of the two", code[i].line, &code[i].key,
                         code[*slot - 1].line);
            return NGX_ERROR;
        }

        *slot = (uint32_t) i + 1;
    }

    return NGX_OK;
}


/* that of the key, or the free one where it would be */

static uint32_t *
ngx_er_layout_table_slot(ngx_er_layout_table_t *table, ngx_str_t *key)
{
    uint32_t               i;
    ngx_er_layout_code_t  *code;

    code = table->codes.elts;
    i = ngx_er_hash(key->data, key->len) & table->mask;

    while (table->slots[i]) {
        if (code[table->slots[i] - 1].key.len == key->len
            && ngx_memcmp(code[table->slots[i] - 1].key.data, key->data,
                          key->len)
               == 0)
        {
            break;
        }

        i = (i + 1) & table->mask;
    }

    return &table->slots[i];
}


ngx_er_layout_item_t *
ngx_er_layout_table_find(ngx_er_layout_table_t *table, ngx_str_t *key)
{
    uint32_t               *slot;
    ngx_er_layout_code_t   *code;

    slot = ngx_er_layout_table_slot(table, key);

    if (*slot == 0) {
        return NULL;
    }

    code = table->codes.elts;

    return &code[*slot - 1].value;
}


static ngx_int_t
ngx_er_layout_table_memory(ngx_er_error_t *err)
{
    ngx_er_error(err, "no memory for a code table");
    return NGX_ERROR;
}
