
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The table of the index: keys, and the rules that are filed under each.
 *
 * A key is a hash and the field; the text is not kept.  Two texts with one
 * hash lead to each other's rules, which are then found not to match.  The
 * hash has no seed: the table holds what an administrator wrote, a sender of
 * events cannot add to it.
 *
 * index.c enters rules while nginx.conf is read, then has the keys packed for
 * index_hits.c, which looks for them by itself; matcher.c asks for hashes of
 * atoms.  What may fail is memory.
 */


#include "index_table.h"


static ngx_int_t ngx_er_index_table(ngx_er_index_t *ix, ngx_uint_t n);


/*
 * What is equal has one hash.  What is not may have the same: then it leads to
 * rules that do not match, which is found out when they are evaluated.
 */

uint32_t
ngx_er_index_hash(ngx_er_atom_t *atom)
{
    size_t      len;
    uint32_t    hash;
    ngx_uint_t  bits;

    len = atom->text.len;

    switch (atom->kind) {

    case NGX_ER_ATOM_TEXT:
        hash = ngx_er_hash(atom->text.data, len);
        break;

    case NGX_ER_ATOM_PREFIX:
    case NGX_ER_ATOM_GRAM:
        hash = ngx_er_index_fold(atom->text.data, len, 0);
        break;

    case NGX_ER_ATOM_SUFFIX:
        hash = ngx_er_index_fold(atom->text.data, len, 1);
        break;

    case NGX_ER_ATOM_NET:
        hash = ngx_er_index_net(atom, &len, &bits);
        break;

    default: /* NGX_ER_ATOM_RANGE, NGX_ER_ATOM_PRESENT */
        len = 0;
        hash = 0;
    }

    return ngx_er_index_mix(hash, atom->field, atom->kind, len);
}


uint32_t
ngx_er_index_net(ngx_er_atom_t *atom, size_t *len, ngx_uint_t *bits)
{
    u_char      *addr, *mask;
    ngx_uint_t   i;

    addr = (u_char *) &atom->cidr->u.in.addr;
    mask = (u_char *) &atom->cidr->u.in.mask;
    *len = 4;

#if (NGX_HAVE_INET6)
    if (atom->cidr->family == AF_INET6) {
        addr = atom->cidr->u.in6.addr.s6_addr;
        mask = atom->cidr->u.in6.mask.s6_addr;
        *len = 16;
    }
#endif

    *bits = 0;

    for (i = 0; i < *len * 8; i++) {
        *bits += (mask[i / 8] >> (7 - i % 8)) & 1;
    }

    return ngx_er_index_masked(addr, *len, *bits);
}


ngx_int_t
ngx_er_index_enter(ngx_er_index_t *ix, uint32_t rule, uint32_t hash,
    uint32_t where)
{
    ngx_uint_t       i;
    ngx_er_key_t    *key;
    ngx_er_entry_t  *entry;

    if (ix->new_keys.n * 2 >= ix->size
        && ngx_er_index_table(ix, ix->size * 4) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = hash & (ix->size - 1); ix->table[i]; i = (i + 1) & (ix->size - 1))
    {
        key = (ngx_er_key_t *) ix->new_keys.elts + ix->table[i] - 1;

        if (key->hash == hash && key->where == where) {
            break;
        }
    }

    if (ix->table[i] == 0) {
        key = ngx_er_index_grow(ix, &ix->new_keys);
        if (key == NULL) {
            return NGX_ERROR;
        }

        key->hash = hash;
        key->where = where;
        ix->table[i] = ix->new_keys.n;
    }

    entry = ngx_er_index_grow(ix, &ix->entries);
    if (entry == NULL) {
        return NGX_ERROR;
    }

    key = (ngx_er_key_t *) ix->new_keys.elts + ix->table[i] - 1;

    entry->rule = rule;
    entry->next = key->first;
    key->first = ix->entries.n;
    key->n++;

    return NGX_OK;
}


/* a table of at least n slots with all keys in it, which is not kept */

static ngx_int_t
ngx_er_index_table(ngx_er_index_t *ix, ngx_uint_t n)
{
    uint32_t      *table;
    ngx_uint_t     i, k, size;
    ngx_er_key_t  *key;

    for (size = 64; size < n; size *= 2) { /* void */ }

    table = ngx_calloc(size * sizeof(uint32_t), ix->pool->log);
    if (table == NULL) {
        return NGX_ERROR;
    }

    key = ix->new_keys.elts;

    for (i = 0; i < ix->new_keys.n; i++) {

        for (k = key[i].hash & (size - 1); table[k]; k = (k + 1) & (size - 1))
        {
            /* void */
        }

        table[k] = i + 1;
    }

    if (ix->table) {
        ngx_free(ix->table);
    }

    ix->table = table;
    ix->size = size;

    return NGX_OK;
}


/* the lists of entries become pieces of one array, in the order of rules */

ngx_int_t
ngx_er_index_lists(ngx_er_index_t *ix)
{
    uint32_t         e, at;
    ngx_uint_t       i, n;
    ngx_er_key_t    *key;
    ngx_er_entry_t  *entry;

    ix->rules = ngx_er_index_keep(ix, NULL, ix->entries.n * sizeof(uint32_t));

    if (ix->rules == NULL) {
        return NGX_ERROR;
    }

    key = ix->new_keys.elts;
    entry = ix->entries.elts;
    at = 0;

    for (i = 0; i < ix->nkeys; i++) {
        e = key[i].first;

        if (key[i].n == 1) {
            key[i].first = entry[e - 1].rule;
            continue;
        }

        key[i].first = at;

        for (n = key[i].n; n; n--) {
            ix->rules[at + n - 1] = entry[e - 1].rule;
            e = entry[e - 1].next;
        }

        at += key[i].n;
    }

    return NGX_OK;
}


/* the table that is kept: keys stand in it, so a look is one line of memory */

ngx_int_t
ngx_er_index_slots(ngx_er_index_t *ix)
{
    ngx_uint_t     i, k, size;
    ngx_er_key_t  *key;

    for (size = 2; size < ix->nkeys * 2; size *= 2) { /* void */ }

    ix->mask = size - 1;
    ix->slots = ngx_er_index_keep(ix, NULL, size * sizeof(ngx_er_key_t));

    if (ix->slots == NULL) {
        return NGX_ERROR;
    }

    ngx_memzero(ix->slots, size * sizeof(ngx_er_key_t));

    key = ix->new_keys.elts;

    for (i = 0; i < ix->nkeys; i++) {

        for (k = key[i].hash & ix->mask;
             ix->slots[k].n;
             k = (k + 1) & ix->mask)
        {
            /* void */
        }

        ix->slots[k] = key[i];
    }

    return NGX_OK;
}
