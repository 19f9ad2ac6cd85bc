
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What is told and counted of duplicates and of dedup keys.
 */


#ifndef _NGX_ER_DUPLICATE_H_INCLUDED_
#define _NGX_ER_DUPLICATE_H_INCLUDED_


#include "../ingest/event.h"
#include "../store/dedup.h"


/* after a claim for an event of the source: counts by which store it was
   decided, and what the memory had to forget for it */
void ngx_er_duplicate_claimed(ngx_er_source_t *source, ngx_er_claim_t *claim);

/* a duplicate of an event has another body */
void ngx_er_duplicate_differs(ngx_er_event_t *event);


#endif /* _NGX_ER_DUPLICATE_H_INCLUDED_ */
