
/*
 * Copyright (C) Event Router contributors
 */


/*
 * The words for why an entry is a dead letter: the same ones wherever people
 * read them.  Pure.  A store may have letters of a newer version, with reasons
 * that this one does not know.
 */


#include "dead.h"


/* by ngx_er_dead_e */

static const char  *ngx_er_dead_names[] = {
    "not_dead",
    "exhausted",
    "final",
    "expired",
    "poison",
    "target_removed",
    "corrupt",
    "in_doubt",
    "mapping_changed"
};


const char *
ngx_er_dead_name(ngx_er_dead_e reason)
{
    return ((ngx_uint_t) reason < sizeof(ngx_er_dead_names) / sizeof(char *))
           ? ngx_er_dead_names[reason] : "unknown";
}
