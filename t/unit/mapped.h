
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A stand-in for mappings: "maps" is what becomes of the next one, and
 * map_end() is a child that ends.
 */


#ifndef _NGX_ER_TEST_MAPPED_H_INCLUDED_
#define _NGX_ER_TEST_MAPPED_H_INCLUDED_


static ngx_er_mapped_t  mapped;
static ngx_er_cargo_t   cargos[2];
static ngx_er_mapped_e  maps;
static ngx_uint_t       maps_none, mapped_freed, loaded;


ngx_er_mapped_t *
ngx_er_mapping_start(ngx_er_event_t *e, ngx_er_target_t *t,
    ngx_er_mapped_pt handler, void *data)
{
    if (maps_none) {
        return NULL;
    }

    ngx_memzero(&mapped, sizeof(mapped));

    mapped.holders = 1;
    mapped.event = e;
    mapped.target = t;
    mapped.state = maps;
    mapped.handler = handler;
    mapped.data = data;
    mapped.cargos.elts = cargos;
    mapped.cargos.nelts = 1;
    mapped.retry = 7000;
    ngx_str_set(&mapped.error, "no way");

    return &mapped;
}


void
ngx_er_mapped_release(ngx_er_mapped_t *m)
{
    if (--m->holders == 0) {
        mapped_freed++;
    }
}


void
ngx_er_attempt_load(ngx_er_attempt_t *a, ngx_er_mapped_t *m,
    ngx_er_cargo_t *cargo)
{
    a->mapped = m;
    a->cargo = cargo;
    loaded++;
}


static void
map_end(ngx_er_mapped_e state)
{
    mapped.state = state;
    mapped.handler(&mapped);
}


#endif /* _NGX_ER_TEST_MAPPED_H_INCLUDED_ */
