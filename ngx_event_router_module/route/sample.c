
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Samples.  An event is in if the hash of its id, or of another field, is
 * below a bound: so the same event is in again when it comes again, in every
 * worker and on every machine, and what is in 5% is also in 10%.
 *
 * Called by route.c to compile, by condition_eval.c for an event.  Pure.  An
 * event without a value for the field is in no sample, not even in 100%.
 */


#include "sample.h"


ngx_er_sample_t *
ngx_er_sample_compile(ngx_pool_t *pool, ngx_str_t *share, ngx_str_t *by,
    ngx_er_fields_t *fields, ngx_er_error_t *err)
{
    ngx_int_t         hundredths, index;
    ngx_str_t         id;
    ngx_er_field_t    field;
    ngx_er_sample_t  *sample;

    hundredths = NGX_ERROR;

    if (share->len > 1 && share->data[share->len - 1] == '%') {
        hundredths = ngx_atofp(share->data, share->len - 1, 2);
    }

    if (hundredths == NGX_ERROR || hundredths < 1 || hundredths > 10000) {
        ngx_er_error(err, "bad share \"%V\": write a percentage from 0.01%% "
                     "to 100%%, with up to two decimals", share);
        return NULL;
    }

    ngx_str_set(&id, "id");

    if (ngx_er_field_parse(pool, by ? by : &id, NULL, &field, err) != NGX_OK) {
        return NULL;
    }

    index = ngx_er_fields_add(fields, &field);
    sample = ngx_pcalloc(pool, sizeof(ngx_er_sample_t));

    if (index == NGX_ERROR || sample == NULL) {
        ngx_er_error(err, "no memory for a sample");
        return NULL;
    }

    sample->field = index;
    sample->below = ((uint64_t) hundredths << 32) / 10000;

    return sample;
}


/* the first value that is no array or object */

ngx_int_t
ngx_er_sample_holds(void *data, ngx_er_facts_t *facts)
{
    ngx_er_value_t   *value;
    ngx_er_sample_t  *sample;

    sample = data;

    for (value = ngx_er_fact(facts, sample->field);
         value;
         value = value->next)
    {
        if (value->type != NGX_ER_ARRAY && value->type != NGX_ER_OBJECT) {
            return ngx_er_hash(value->text.data, value->text.len)
                   < sample->below;
        }
    }

    return 0;
}
