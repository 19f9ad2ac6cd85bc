
/*
 * Copyright (C) Event Router contributors
 */


/*
 * An edited copy: an operator has put right what a target refused.  It is an
 * event of its own, with the attributes, the headers and the trace of the
 * original, whose body alone is another one.  api_edit.c asks for it and gives
 * it to the queue.
 *
 * Its id is the original's with "-edited-" and 16 digits behind it, so that no
 * target takes it for what it has seen; of a copy of a copy there is one such
 * end.  It has no dedup key: who edits means it.  Its record says of which
 * event it is a copy and who made it, as 16 digits, a blank and a name.
 *
 * Whoever verified the original has not seen the new bytes, so they are
 * checked as those of a producer are: what was JSON is JSON, within the limits
 * of its source.  What was not readable before need not be now.
 */


#include "edited.h"
#include "attributes.h"
#include "form.h"
#include "parse.h"


#define NGX_ER_EDITED_MARK  "-edited-"
#define NGX_ER_EDITED_END   (sizeof(NGX_ER_EDITED_MARK) - 1 + 16)


static ngx_er_event_t *ngx_er_edited_create(ngx_er_edited_t *edited);
static ngx_int_t ngx_er_edited_own(ngx_er_edited_t *edited,
    ngx_er_event_t *event);
static size_t ngx_er_edited_root(ngx_str_t *id);
static ngx_int_t ngx_er_edited_check(ngx_er_edited_t *edited,
    ngx_er_event_t *event);
static ngx_int_t ngx_er_edited_inner(ngx_er_edited_t *edited,
    ngx_er_event_t *event);
static ngx_uint_t ngx_er_edited_was_broken(ngx_er_edited_t *edited,
    ngx_er_event_t *event);
static ngx_uint_t ngx_er_edited_object(ngx_str_t *body);
static ngx_uint_t ngx_er_edited_hex(ngx_str_t *text, uint64_t *n);


ngx_int_t
ngx_er_edited_event(ngx_er_edited_t *edited, ngx_er_event_t **copy)
{
    ngx_int_t        rc;
    ngx_er_event_t  *event;

    edited->why = NULL;
    edited->wrong = 0;

    event = ngx_er_edited_create(edited);
    if (event == NULL) {
        return NGX_ERROR;
    }

    rc = ngx_er_edited_own(edited, event);

    if (rc == NGX_OK) {
        rc = ngx_er_edited_check(edited, event);
    }

    ngx_log_debug4(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, 0,
                   "event router edited: event %016xL as \"%V\", %uz bytes, "
                   "rc:%i", edited->seq, &event->id, event->body.len, rc);

    if (rc != NGX_OK) {
        ngx_er_event_release(event);
        return rc;
    }

    *copy = event;

    return NGX_OK;
}


/* the original without its body, in which nothing is looked for */

static ngx_er_event_t *
ngx_er_edited_create(ngx_er_edited_t *edited)
{
    ngx_er_record_t  record;

    record = *edited->record;
    ngx_str_null(&record.body);

    if (edited->content_type.len) {
        record.content_type = edited->content_type;
    }

    return ngx_er_record_event(&record);
}


static ngx_int_t
ngx_er_edited_own(ngx_er_edited_t *edited, ngx_er_event_t *event)
{
    u_char     *p;
    size_t      root;
    ngx_str_t   original;

    original = event->id;
    original.len = ngx_er_edited_root(&original);

    root = ngx_min(original.len, NGX_ER_ATTRIBUTE_MAX - NGX_ER_EDITED_END);

    /* whole characters */

    while (root && root < original.len && (original.data[root] & 0xc0) == 0x80)
    {
        root--;
    }

    p = ngx_pnalloc(event->pool, root + NGX_ER_EDITED_END);
    if (p == NULL) {
        return NGX_ERROR;
    }

    event->id.data = p;
    p = ngx_cpymem(p, original.data, root);
    p = ngx_sprintf(p, NGX_ER_EDITED_MARK "%016xL", edited->token);
    event->id.len = p - event->id.data;

    event->given_id = original;
    event->given_time = event->time;
    event->key = NULL;

    event->body.len = edited->body.len;
    event->body.data = ngx_pstrdup(event->pool, &edited->body);

    if (event->body.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(event->pool, 16 + 1 + edited->who.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    event->edited.data = p;
    p = ngx_sprintf(p, "%016xL %V", edited->seq, &edited->who);
    event->edited.len = p - event->edited.data;

    return NGX_OK;
}


/* bytes of an id in front of the end that a copy has */

static size_t
ngx_er_edited_root(ngx_str_t *id)
{
    uint64_t   n;
    ngx_str_t  end;

    if (id->len <= NGX_ER_EDITED_END) {
        return id->len;
    }

    end.len = 16;
    end.data = id->data + id->len - 16;

    if (!ngx_er_edited_hex(&end, &n)
        || ngx_strncmp(end.data - (sizeof(NGX_ER_EDITED_MARK) - 1),
                       NGX_ER_EDITED_MARK, sizeof(NGX_ER_EDITED_MARK) - 1)
           != 0)
    {
        return id->len;
    }

    return id->len - NGX_ER_EDITED_END;
}


static ngx_int_t
ngx_er_edited_check(ngx_er_edited_t *edited, ngx_er_event_t *event)
{
    ngx_er_scan_t    scan;
    ngx_er_format_e  format;

    if (ngx_er_parse_facts(event, &scan) != NGX_OK) {
        return NGX_ERROR;
    }

    format = ngx_er_parse_format(event);

    if (event->text && edited->content_type.len == 0
        && !ngx_er_edited_was_broken(edited, event))
    {
        edited->why = "the original is JSON, and the body is not: "
                      "content_type= says that it is to be none";
        return NGX_DECLINED;
    }

    if (scan.error == NGX_ER_SCAN_OK) {

        if ((format == NGX_ER_FORMAT_STRUCTURED
             && !ngx_er_edited_object(&event->body)))
        {
            edited->why = "the original is a CloudEvent, so the body must be "
                          "a JSON object";
            return NGX_DECLINED;
        }

        return ngx_er_edited_inner(edited, event);
    }

    if (ngx_er_edited_was_broken(edited, event)) {
        return NGX_OK;
    }

    edited->wrong = !scan.inner;
    edited->offset = scan.offset;
    edited->why = scan.inner ? "the document inside the body goes beyond the "
                               "limits of its source, or has a key twice of "
                               "which a rule is made"
                             : ngx_er_scan_reason(scan.error);

    return NGX_DECLINED;
}


/* rules and targets would get another data of it */

static ngx_int_t
ngx_er_edited_inner(ngx_er_edited_t *edited, ngx_er_event_t *event)
{
    ngx_int_t        rc;
    ngx_str_t        data;
    ngx_er_event_t  *original;
    ngx_er_format_e  format;

    if (event->inner != NGX_ER_INNER_MISSING || edited->content_type.len) {
        return NGX_OK;
    }

    original = ngx_er_event_create(event->source);
    if (original == NULL) {
        return NGX_ERROR;
    }

    original->content_type = event->content_type;
    original->cloudevent = event->cloudevent;
    original->body = edited->record->body;

    rc = ngx_er_parse_data_of(original, &event->source->limits, &data,
                              &format);

    if (rc == NGX_OK && original->inner == NGX_ER_INNER_FOUND) {
        edited->why = "the original has a document inside the body, as its "
                      "source says in \"payload\", and this one has none "
                      "there, or none of JSON";
        rc = NGX_DECLINED;
    }

    ngx_er_event_release(original);

    return rc;
}


/* of the type that it has now the original could not be read either */

static ngx_uint_t
ngx_er_edited_was_broken(ngx_er_edited_t *edited, ngx_er_event_t *event)
{
    ngx_uint_t       broken;
    ngx_er_scan_t    scan;
    ngx_er_event_t  *original;

    if (edited->content_type.len) {
        return 0;
    }

    original = ngx_er_event_create(event->source);
    if (original == NULL) {
        return 0;
    }

    original->content_type = event->content_type;
    original->body = edited->record->body;

    broken = (ngx_er_parse_facts(original, &scan) != NGX_OK
              || scan.error != NGX_ER_SCAN_OK || original->text);

    ngx_er_event_release(original);

    return broken;
}


static ngx_uint_t
ngx_er_edited_object(ngx_str_t *body)
{
    size_t  i;

    for (i = 0; i < body->len; i++) {
        switch (body->data[i]) {

        case ' ':
        case '\t':
        case CR:
        case LF:
            continue;

        default:
            return body->data[i] == '{';
        }
    }

    return 0;
}


void
ngx_er_edited_compare(ngx_str_t *old, ngx_str_t *body,
    ngx_er_edited_bytes_t *bytes)
{
    size_t  n, end, most;

    most = ngx_min(old->len, body->len);

    for (n = 0; n < most && old->data[n] == body->data[n]; n++) {
        /* void */
    }

    for (end = 0;
         end < most - n
         && old->data[old->len - 1 - end] == body->data[body->len - 1 - end];
         end++)
    {
        /* void */
    }

    bytes->at = n;
    bytes->removed = old->len - n - end;
    bytes->added = body->len - n - end;
}


ngx_int_t
ngx_er_edited_read(ngx_str_t *edited, uint64_t *seq, ngx_str_t *who)
{
    ngx_str_t  digits;

    if (edited->len < 17 || edited->data[16] != ' ') {
        return NGX_DECLINED;
    }

    digits.len = 16;
    digits.data = edited->data;

    who->len = edited->len - 17;
    who->data = edited->data + 17;

    return ngx_er_edited_hex(&digits, seq) ? NGX_OK : NGX_DECLINED;
}


static ngx_uint_t
ngx_er_edited_hex(ngx_str_t *text, uint64_t *n)
{
    size_t  i;
    u_char  c;

    *n = 0;

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if (c >= '0' && c <= '9') {
            *n = *n << 4 | (c - '0');

        } else if (c >= 'a' && c <= 'f') {
            *n = *n << 4 | (c - 'a' + 10);

        } else {
            return 0;
        }
    }

    return 1;
}
