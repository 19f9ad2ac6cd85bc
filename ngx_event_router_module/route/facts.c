
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The table of fields and the facts of an event.  While nginx.conf is read,
 * whoever asks for a field adds it to the table and keeps its index; the table
 * is in the pool of the configuration.  Facts are what one event says for all
 * of them and live in the event's pool: the scan of the body fills in "data",
 * everything else is asked of the get() of the facts' owner, the first time
 * that somebody wants to know.
 *
 * Equal texts are equal fields, so however many routes ask for one, it is
 * looked up in an event once.  What may fail is memory; a fact that finds none
 * is missing.
 */


#include "../base.h"
#include "../ingest/scan.h"


typedef struct {
    ngx_str_node_t         text;
    ngx_uint_t             index;
} ngx_er_fields_node_t;


ngx_er_fields_t *
ngx_er_fields_create(ngx_pool_t *pool)
{
    ngx_er_fields_t  *fields;

    fields = ngx_pcalloc(pool, sizeof(ngx_er_fields_t));
    if (fields == NULL) {
        return NULL;
    }

    fields->pool = pool;

    ngx_rbtree_init(&fields->texts, &fields->sentinel,
                    ngx_str_rbtree_insert_value);

    if (ngx_array_init(&fields->list, pool, 16, sizeof(ngx_er_field_t))
        != NGX_OK)
    {
        return NULL;
    }

    fields->paths = ngx_er_paths_create(pool);
    if (fields->paths == NULL) {
        return NULL;
    }

    return fields;
}


ngx_int_t
ngx_er_fields_add(ngx_er_fields_t *fields, ngx_er_field_t *field)
{
    uint32_t               hash;
    ngx_uint_t             index;
    ngx_er_field_t        *slot;
    ngx_er_fields_node_t  *node;

    hash = ngx_er_hash(field->text.data, field->text.len);

    node = (ngx_er_fields_node_t *) ngx_str_rbtree_lookup(&fields->texts,
                                                          &field->text, hash);
    if (node) {
        return node->index;
    }

    index = fields->list.nelts;

    if (field->kind == NGX_ER_FIELD_DATA
        && ngx_er_paths_add(fields->paths, &field->steps, index) != NGX_OK)
    {
        return NGX_ERROR;
    }

    node = ngx_palloc(fields->pool, sizeof(ngx_er_fields_node_t));
    if (node == NULL) {
        return NGX_ERROR;
    }

    slot = ngx_array_push(&fields->list);
    if (slot == NULL) {
        return NGX_ERROR;
    }

    *slot = *field;

    node->text.node.key = hash;
    node->text.str = field->text;
    node->index = index;

    ngx_rbtree_insert(&fields->texts, &node->text.node);

    return index;
}


ngx_er_facts_t *
ngx_er_facts_create(ngx_pool_t *pool, ngx_er_fields_t *fields)
{
    size_t           n;
    ngx_er_facts_t  *facts;

    n = fields->list.nelts;

    facts = ngx_pcalloc(pool, sizeof(ngx_er_facts_t)
                              + n * (sizeof(ngx_er_value_t *) + 1));
    if (facts == NULL) {
        return NULL;
    }

    facts->pool = pool;
    facts->fields = fields;
    facts->values = (ngx_er_value_t **) (facts + 1);
    facts->known = (u_char *) (facts->values + n);

    return facts;
}


ngx_er_value_t *
ngx_er_fact(ngx_er_facts_t *facts, ngx_uint_t index)
{
    ngx_er_field_t  *field;

    field = (ngx_er_field_t *) facts->fields->list.elts + index;

    if (field->kind != NGX_ER_FIELD_DATA && !facts->known[index]) {
        facts->known[index] = 1;

        if (facts->get) {
            facts->values[index] = facts->get(facts, field);
        }
    }

    return facts->values[index];
}
