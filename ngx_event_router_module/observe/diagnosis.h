
/*
 * Copyright (C) Event Router contributors
 */


/*
 * What the signature doctor says of a request, as JSON.
 */


#ifndef _NGX_ER_DIAGNOSIS_H_INCLUDED_
#define _NGX_ER_DIAGNOSIS_H_INCLUDED_


#include "../base/json.h"
#include "../ingest/receive.h"


/* the member "doctor" of an object, of a request that decision.c has looked
   at; it takes up to NGX_ER_DOCTOR_TIME of CPU */
void ngx_er_diagnosis(ngx_er_receive_t *ctx, ngx_er_json_t *json);


#endif /* _NGX_ER_DIAGNOSIS_H_INCLUDED_ */
