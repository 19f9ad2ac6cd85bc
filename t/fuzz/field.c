
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Any bytes as a field of nginx.conf, up to the first newline; behind it the
 * path of an "each" around it, if there is one, up to the second; then an
 * event.  Beside memory errors it looks for what must always hold: what is
 * refused has a sentence; the normalized text of a field reads back as the
 * same field; and the scanner finds for a path what a walk over jansson's tree
 * finds, in the same order.
 */


#include <jansson.h>

#include "../unit/rules.h"


#define must(what)  if (!(what)) { __builtin_trap(); }


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);


static ngx_str_t
cut(const uint8_t **data, size_t *size)
{
    size_t          n;
    ngx_str_t       line;
    const uint8_t  *end;

    end = *size ? memchr(*data, '\n', *size) : NULL;
    n = end ? (size_t) (end - *data) : *size;

    line.data = (u_char *) *data;
    line.len = n;

    *data += end ? n + 1 : n;
    *size -= end ? n + 1 : n;

    return line;
}


static void
again(rules_t *rules, ngx_er_field_t *field, ngx_int_t index)
{
    ngx_er_field_t  same;

    must(ngx_er_field_parse(rules->pool, &field->text, NULL, &same,
                            &rules->err)
         == NGX_OK);
    must(same.kind == field->kind && same.text.len == field->text.len);
    must(memcmp(same.text.data, field->text.data, same.text.len) == 0);
    must(ngx_er_fields_add(rules->fields, &same) == index);
}


static ngx_er_value_t *
found(ngx_er_value_t *value, json_t *json, int crossed)
{
    size_t   i;
    json_t  *child;

    must(value && !value->crossed == !crossed);

    switch (value->type) {

    case NGX_ER_STRING:
        must(json_is_string(json)
             && json_string_length(json) == value->text.len);
        must(value->text.len == 0
             || memcmp(json_string_value(json), value->text.data,
                       value->text.len)
                == 0);
        break;

    case NGX_ER_NUMBER:
        must(json_is_number(json));
        break;

    case NGX_ER_BOOLEAN:
        must(json_is_boolean(json));
        break;

    case NGX_ER_NULL:
        must(json_is_null(json));
        break;

    case NGX_ER_OBJECT:
        must(json_is_object(json));
        break;

    default:
        must(json_is_array(json));
    }

    value = value->next;

    if (json_is_array(json)) {
        json_array_foreach(json, i, child) {
            value = found(value, child, 1);
        }
    }

    return value;
}


static ngx_er_value_t *
walk(ngx_er_value_t *value, json_t *json, ngx_er_step_t *step, ngx_uint_t n)
{
    size_t       i;
    json_t      *child;
    ngx_int_t    index;
    const char  *key;

    if (n == 0) {
        return found(value, json, 0);
    }

    if (json_is_array(json)) {

        if (step->index != NGX_ER_STEP_KEY && step->index != NGX_ER_STEP_ANY) {
            index = step->index;
            index += (index < 0) ? (ngx_int_t) json_array_size(json) : 0;

            child = (index < 0) ? NULL : json_array_get(json, index);
            return child ? walk(value, child, step + 1, n - 1) : value;
        }

        json_array_foreach(json, i, child) {
            value = walk(value, child, step, n);
        }

        return value;
    }

    if (json_is_object(json)) {
        json_object_foreach(json, key, child) {
            if (step->index == NGX_ER_STEP_ANY
                || (step->index == NGX_ER_STEP_KEY
                    && strlen(key) == step->key.len
                    && memcmp(key, step->key.data, step->key.len) == 0))
            {
                value = walk(value, child, step + 1, n - 1);
            }
        }
    }

    return value;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t          *json;
    rules_t          rules;
    ngx_int_t        index;
    ngx_str_t        text, each, body;
    ngx_er_field_t   field, base;
    ngx_er_facts_t  *facts;

    text = cut(&data, &size);
    each = cut(&data, &size);

    rules_create(&rules);
    memset(&field, 0, sizeof(ngx_er_field_t));
    memset(&base, 0, sizeof(ngx_er_field_t));

    if (text.len == 0
        || (each.len
            && (ngx_er_field_parse(rules.pool, &each, NULL, &base, &rules.err)
                != NGX_OK
                || base.kind != NGX_ER_FIELD_DATA)))
    {
        rules_destroy(&rules);
        return 0;
    }

    rules.err.len = 0;

    if (ngx_er_field_parse(rules.pool, &text, each.len ? &base : NULL, &field,
                           &rules.err)
        != NGX_OK)
    {
        must(rules.err.len > 0);
        rules_destroy(&rules);
        return 0;
    }

    index = ngx_er_fields_add(rules.fields, &field);
    again(&rules, &field, index);

    body.data = (u_char *) data;
    body.len = size;
    facts = rules_facts(&rules, &body);

    json = facts ? json_loadb((const char *) data, size,
                              JSON_DECODE_ANY|JSON_DECODE_INT_AS_REAL
                              |JSON_REJECT_DUPLICATES|JSON_ALLOW_NUL, NULL)
                 : NULL;

    if (json && field.kind == NGX_ER_FIELD_DATA) {
        must(walk(facts->values[index], json, field.steps.elts,
                  field.steps.nelts)
             == NULL);
    }

    json_decref(json);
    rules_destroy(&rules);

    return 0;
}
