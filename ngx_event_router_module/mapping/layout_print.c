
/*
 * Copyright (C) Event Router contributors
 */


/*
 * A layout and an event make a body.  The event is scanned once for all fields
 * of the template; then the pieces are written one after the other.
 *
 * A value is copied as it stands in the event: its record says how far from
 * the end it begins, so strings are found with their escapes and numbers to
 * the digit.  In a string of the template a string needs no escape, because it
 * has them already.
 *
 * In an {each} a field's values are walked together with the elements: both
 * stand in document order, so each list is walked once, however many elements
 * there are.  A value is in an element if it lies between its first and its
 * last byte.  What an {if} in it says is computed for all elements at once.
 *
 * Values that are looked at are counted and bytes that are written have a
 * bound, so a template that multiplies lists with lists ends, too.
 *
 * Called by layout_body.c for each event and target.  Pure.  All is in the
 * pool of the body.  What may fail: memory, and the event, which lacks what
 * the template needs; the sentence names the place and no byte of the event.
 */


#include "layout_print.h"
#include "layout_walk.h"
#include "../ingest/lexer.h"
#include "../ingest/multipart.h"
#include "../ingest/paths.h"
#include "../route/condition_eval.h"


/* where a place is in the values of its field */

typedef struct {
    ngx_er_value_t            *next;
    ngx_uint_t                 epoch;
} ngx_er_layout_cursor_t;


/* where an each is in its elements */

typedef struct {
    ngx_er_value_t            *value;      /* the element at hand */
    ngx_er_value_t            *next;
    size_t                     low;        /* the tail of what is behind it */
    ngx_uint_t                 index;      /* of the element at hand, in all
                                              elements of the field */
    ngx_uint_t                 seen;       /* of them */
    ngx_uint_t                 epoch;
} ngx_er_layout_turn_t;


typedef struct {
    ngx_uint_t                 round;      /* in which it was computed */
    ngx_uint_t                 holds;
    u_char                    *in;         /* by element */
} ngx_er_layout_answer_t;


struct ngx_er_layout_states_s {
    ngx_er_layout_cursor_t    *cursors;
    ngx_er_layout_turn_t      *turns;
    ngx_er_layout_answer_t    *answers;
    size_t                     mark;       /* in what is written */
};


/* the values of a place */

typedef struct {
    ngx_er_value_t            *first;      /* NULL: none */
    int64_t                    low;        /* values are those above */
    ngx_uint_t                 array;
} ngx_er_layout_found_t;


static ngx_int_t ngx_er_layout_know(ngx_er_layout_print_t *print,
    ngx_er_layout_document_e document, ngx_str_t *text,
    ngx_er_layout_format_e format);
static ngx_int_t ngx_er_layout_know_why(ngx_er_layout_print_t *print,
    ngx_er_scan_t *s);
static ngx_int_t ngx_er_layout_begin(ngx_er_layout_print_t *print);
static ngx_int_t ngx_er_layout_pieces(ngx_er_layout_print_t *print);
static ngx_int_t ngx_er_layout_piece(ngx_er_layout_print_t *print,
    ngx_er_layout_piece_t *piece);
static ngx_int_t ngx_er_layout_comma(ngx_er_layout_print_t *print);
static ngx_int_t ngx_er_layout_each_begin(ngx_er_layout_print_t *print,
    ngx_er_layout_each_t *each);
static ngx_int_t ngx_er_layout_each_next(ngx_er_layout_print_t *print,
    ngx_er_layout_each_t *each);
static ngx_int_t ngx_er_layout_holds(ngx_er_layout_print_t *print,
    ngx_er_layout_test_t *test);
static ngx_int_t ngx_er_layout_write(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place);
static ngx_int_t ngx_er_layout_missing(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place);
static ngx_int_t ngx_er_layout_find(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_found_t *found);
static ngx_int_t ngx_er_layout_find_own(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_found_t *found);
static ngx_uint_t ngx_er_layout_depth(ngx_er_element_t *element);
static ngx_er_value_t *ngx_er_layout_next(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_found_t *found,
    ngx_er_value_t *value);
static ngx_uint_t ngx_er_layout_crosses(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place);
static ngx_int_t ngx_er_layout_value(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_value_t *value, ngx_uint_t string);
static ngx_int_t ngx_er_layout_array(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_found_t *found);
static ngx_int_t ngx_er_layout_made(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_found_t *found);
static ngx_int_t ngx_er_layout_collect(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_found_t *found,
    ngx_er_layout_items_t *items);
static ngx_int_t ngx_er_layout_collect_value(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_value_t *value,
    ngx_er_layout_items_t *items);
static ngx_int_t ngx_er_layout_collect_elements(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_str_t *json,
    ngx_er_layout_items_t *items);
static void ngx_er_layout_raw(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_value_t *value, ngx_str_t *raw);
static ngx_int_t ngx_er_layout_translate(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_items_t *items);
static ngx_int_t ngx_er_layout_items(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_items_t *items);
static ngx_int_t ngx_er_layout_put_item(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_item_t *item,
    ngx_uint_t string);
static ngx_int_t ngx_er_layout_put_json(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_str_t *json, ngx_uint_t string);
static ngx_int_t ngx_er_layout_put_text(ngx_er_layout_print_t *print,
    ngx_str_t *text, ngx_uint_t string);
static ngx_int_t ngx_er_layout_requote(ngx_er_layout_print_t *print,
    size_t from);
static ngx_int_t ngx_er_layout_turn(ngx_er_layout_print_t *print, size_t n);
static ngx_int_t ngx_er_layout_fails(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, const char *why);
static ngx_int_t ngx_er_layout_full(ngx_er_layout_print_t *print);


ngx_int_t
ngx_er_layout_print(ngx_er_layout_print_t *print, ngx_str_t *element)
{
    ngx_int_t  rc;

    print->round++;

    if (print->known[NGX_ER_LAYOUT_DATA].facts == NULL) {
        rc = ngx_er_layout_know(print, NGX_ER_LAYOUT_DATA, &print->data,
                                print->format);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (element) {
        rc = ngx_er_layout_know(print, NGX_ER_LAYOUT_ELEMENT, element,
                                NGX_ER_LAYOUT_JSON);
        if (rc != NGX_OK) {
            return rc;
        }

    } else if (print->layout->relative.len) {
        ngx_er_error(&print->err, "the template %V has fields that begin with "
                     "\".\" outside of {each}: they are of the element of "
                     "\"split\", which the target does not have",
                     &print->layout->name);
        return NGX_DECLINED;
    }

    if (ngx_er_layout_begin(print) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_er_layout_pieces(print);

    print->body.data = print->out.start;
    print->body.len = print->out.pos - print->out.start;
    print->replaced = print->out.replaced;

    return (rc == NGX_ERROR) ? ngx_er_layout_full(print) : rc;
}


/* what the document says for all fields of the template */

static ngx_int_t
ngx_er_layout_know(ngx_er_layout_print_t *print,
    ngx_er_layout_document_e document, ngx_str_t *text,
    ngx_er_layout_format_e format)
{
    ngx_int_t               rc;
    ngx_er_scan_t           s;
    ngx_er_scan_limits_t    limits;
    ngx_er_layout_known_t  *known;

    known = &print->known[document];

    known->facts = ngx_er_facts_create(print->pool,
                                       print->layout->fields[document]);
    if (known->facts == NULL) {
        return NGX_ERROR;
    }

    known->facts->get = print->get;
    known->facts->data = print->facts;
    known->facts->received = print->received;
    known->start = text->data;
    known->end = text->data + text->len;
    known->odd = 0;

    if (known->facts->fields->paths->slots == 0
        || format == NGX_ER_LAYOUT_OPAQUE)
    {
        return NGX_OK;
    }

    ngx_er_scan_limits_default(&limits);
    limits.nodes = ngx_er_scan_nodes(text->len);

    if (print->limits) {
        limits.depth = print->limits->depth;
        limits.key = print->limits->key;
        limits.number = print->limits->number;
        limits.nodes = ngx_max(limits.nodes, print->limits->nodes);
    }

    limits.found = limits.nodes;

    ngx_memzero(&s, sizeof(ngx_er_scan_t));

    s.pool = print->pool;
    s.limits = &limits;
    s.paths = known->facts->fields->paths;
    s.values = known->facts->values;

    known->facts->form = (format == NGX_ER_LAYOUT_FORM);

    rc = known->facts->form ? ngx_er_multipart_form(&s, &print->type, text)
                            : ngx_er_scan(&s, text);

    known->odd = s.odd;

    return (rc == NGX_DECLINED) ? ngx_er_layout_know_why(print, &s) : rc;
}


static ngx_int_t
ngx_er_layout_know_why(ngx_er_layout_print_t *print, ngx_er_scan_t *s)
{
    if (s->error == NGX_ER_SCAN_DUPLICATE) {
        ngx_er_error(&print->err, "the event has the key \"%V\" twice, which "
                     "the template %V reads: which one is meant cannot be "
                     "told", &s->key, &print->layout->name);

    } else {
        ngx_er_error(&print->err, "the event cannot be read for the template "
                     "%V: %s", &print->layout->name,
                     ngx_er_scan_reason(s->error));
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_er_layout_begin(ngx_er_layout_print_t *print)
{
    size_t                   size, max, data;
    ngx_er_layout_t         *layout;
    ngx_er_layout_states_t  *states;

    layout = print->layout;

    size = layout->places * sizeof(ngx_er_layout_cursor_t)
           + layout->eaches * sizeof(ngx_er_layout_turn_t);

    if (print->states == NULL) {
        states = ngx_pcalloc(print->pool, sizeof(ngx_er_layout_states_t) + size
                                          + layout->tests
                                            * sizeof(ngx_er_layout_answer_t));
        if (states == NULL) {
            return NGX_ERROR;
        }

        states->cursors = (ngx_er_layout_cursor_t *) (states + 1);
        states->turns = (ngx_er_layout_turn_t *) (states->cursors
                                                  + layout->places);
        states->answers = (ngx_er_layout_answer_t *) (states->turns
                                                      + layout->eaches);
        print->states = states;

    } else if (size) {
        ngx_memzero(print->states->cursors, size);
    }

    print->turns = 0;
    print->epoch = 0;

    data = ngx_max(print->data.len,
                   (size_t) (print->known[NGX_ER_LAYOUT_ELEMENT].end
                             - print->known[NGX_ER_LAYOUT_ELEMENT].start));

    max = NGX_ER_LAYOUT_TIMES * data + NGX_ER_LAYOUT_MORE + layout->text;

    return ngx_er_layout_out_begin(&print->out, print->pool,
                                   layout->text + 32 * layout->places + 64,
                                   max);
}


/* NGX_ERROR: see print->out; NGX_DECLINED: see print->err */

static ngx_int_t
ngx_er_layout_pieces(ngx_er_layout_print_t *print)
{
    ngx_int_t               rc;
    ngx_uint_t              i, n;
    ngx_er_layout_piece_t  *pieces;

    pieces = print->layout->pieces.elts;
    n = print->layout->pieces.nelts;

    for (i = 0; i < n; i++) {
        rc = ngx_er_layout_piece(print, &pieces[i]);

        switch (rc) {

        case NGX_OK:
            break;

        case NGX_BUSY:
            i = pieces[i].to;
            break;

        case NGX_DONE:
            print->out.pos = print->out.start + print->states->mark;

            /* fall through */

        case NGX_AGAIN:
            i = pieces[i].to - 1;
            break;

        default: /* NGX_ERROR, NGX_DECLINED */
            return rc;
        }
    }

    return NGX_OK;
}


/*
 * NGX_OK: the next one follows; NGX_AGAIN: the one that this one leads to;
 * NGX_DONE: the same, and what was written since the mark vanishes; NGX_BUSY:
 * the one behind that, which is an EACH with one more element.
 */

static ngx_int_t
ngx_er_layout_piece(ngx_er_layout_print_t *print, ngx_er_layout_piece_t *piece)
{
    ngx_int_t  rc;

    switch (piece->kind) {

    case NGX_ER_LAYOUT_TEXT:
        return ngx_er_layout_out_bytes(&print->out, piece->u.text.data,
                                       piece->u.text.len);

    case NGX_ER_LAYOUT_MARK:
        print->states->mark = print->out.pos - print->out.start;
        return NGX_OK;

    case NGX_ER_LAYOUT_COMMA:
        return ngx_er_layout_comma(print);

    case NGX_ER_LAYOUT_PLACE:
        return ngx_er_layout_write(print, piece->u.place);

    case NGX_ER_LAYOUT_VANISH:
        return NGX_DONE;

    case NGX_ER_LAYOUT_IF:
        return ngx_er_layout_holds(print, piece->u.test);

    case NGX_ER_LAYOUT_JUMP:
        return NGX_AGAIN;

    case NGX_ER_LAYOUT_EACH:
        return ngx_er_layout_each_begin(print, piece->u.each);

    default: /* NGX_ER_LAYOUT_NEXT */
        rc = ngx_er_layout_each_next(print, piece->u.each);

        return (rc == NGX_OK) ? NGX_BUSY : (rc == NGX_AGAIN) ? NGX_OK : rc;
    }
}


/* what stands in front is a bracket only where a list has just begun */

static ngx_int_t
ngx_er_layout_comma(ngx_er_layout_print_t *print)
{
    u_char  c;

    c = print->out.pos[-1];

    return (c == '[' || c == '{') ? NGX_OK
                                  : ngx_er_layout_out_byte(&print->out, ',');
}


/* NGX_AGAIN: there is none (any more) */

static ngx_int_t
ngx_er_layout_each_begin(ngx_er_layout_print_t *print,
    ngx_er_layout_each_t *each)
{
    ngx_uint_t             epoch;
    ngx_er_layout_turn_t  *turn;

    turn = &print->states->turns[each->number];

    epoch = each->outer ? print->states->turns[each->outer->number].epoch
                        : ++print->epoch;

    if (turn->epoch != epoch) {
        turn->epoch = epoch;
        turn->seen = 0;
        turn->next = ngx_er_fact(print->known[each->document].facts,
                                 each->condition->field);
    }

    return ngx_er_layout_each_next(print, each);
}


static ngx_int_t
ngx_er_layout_each_next(ngx_er_layout_print_t *print,
    ngx_er_layout_each_t *each)
{
    ngx_er_value_t        *value;
    ngx_er_layout_turn_t  *turn, *outer;

    turn = &print->states->turns[each->number];
    outer = each->outer ? &print->states->turns[each->outer->number] : NULL;

    for (value = turn->next; value; value = value->next) {

        if (ngx_er_layout_turn(print, 1) != NGX_OK) {
            return NGX_DECLINED;
        }

        if (outer && value->tail <= outer->low) {
            break;
        }

        if (!ngx_er_condition_is_element(value)) {
            continue;
        }

        turn->index = turn->seen++;

        if (outer && value->tail > outer->value->tail) {
            continue;
        }

        turn->value = value;
        turn->next = value->next;
        turn->low = value->tail - (value->type == NGX_ER_OBJECT
                                   ? value->text.len : 1);

        return NGX_OK;
    }

    turn->next = value;

    return NGX_AGAIN;
}


/* NGX_AGAIN: it does not */

static ngx_int_t
ngx_er_layout_holds(ngx_er_layout_print_t *print, ngx_er_layout_test_t *test)
{
    ngx_int_t                rc;
    ngx_er_facts_t          *facts;
    ngx_er_layout_answer_t  *answer;

    answer = &print->states->answers[test->number];
    facts = print->known[test->document].facts;

    if (answer->round == 0
        || (answer->round != print->round
            && test->document == NGX_ER_LAYOUT_ELEMENT))
    {
        answer->round = print->round;
        rc = NGX_OK;

        if (test->each) {
            rc = ngx_er_condition_elements(test->each->condition,
                                           test->condition, facts,
                                           &answer->in);

        } else {
            answer->holds = ngx_er_condition_holds(test->condition, facts);
        }

        if (rc == NGX_ERROR) {
            print->out.state = NGX_ER_LAYOUT_OUT_MEMORY;
            return NGX_ERROR;
        }

        if (rc == NGX_DECLINED || facts->undecided) {
            ngx_er_error(&print->err, "whether the condition of {if} in %V:%ui"
                         " holds could not be told in the time that it has",
                         &print->layout->name, test->line);
            return NGX_DECLINED;
        }
    }

    if (test->each) {
        return answer->in[print->states->turns[test->each->number].index]
               ? NGX_OK : NGX_AGAIN;
    }

    return answer->holds ? NGX_OK : NGX_AGAIN;
}


/* NGX_DONE: it vanishes */

static ngx_int_t
ngx_er_layout_write(ngx_er_layout_print_t *print, ngx_er_layout_place_t *place)
{
    ngx_int_t              rc;
    ngx_er_layout_found_t  found;

    rc = ngx_er_layout_find(print, place, &found);

    if (rc == NGX_AGAIN) {
        return ngx_er_layout_missing(print, place);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (place->table || place->filters.nelts) {
        return ngx_er_layout_made(print, place, &found);
    }

    return found.array ? ngx_er_layout_array(print, place, &found)
                       : ngx_er_layout_value(print, place, found.first,
                                             place->string);
}


static ngx_int_t
ngx_er_layout_missing(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place)
{
    if (place->preset) {
        return ngx_er_layout_out_bytes(&print->out, place->written.data,
                                       place->written.len);
    }

    if (place->optional) {
        return NGX_DONE;
    }

    return ngx_er_layout_fails(print, place, place->table
                               ? "is not in the event, or its value is not in "
                                 "the code table, and the place has neither "
                                 "\"?\" nor a default"
                               : "is not in the event, and the place has "
                                 "neither \"?\" nor a default");
}


/* NGX_AGAIN: the place is missing */

static ngx_int_t
ngx_er_layout_find(ngx_er_layout_print_t *print, ngx_er_layout_place_t *place,
    ngx_er_layout_found_t *found)
{
    ngx_int_t        rc;
    ngx_uint_t       depth;
    ngx_er_field_t  *field;
    ngx_er_facts_t  *facts;

    facts = print->known[place->document].facts;
    field = (ngx_er_field_t *) facts->fields->list.elts + place->field;

    found->array = 0;
    found->low = -1;

    if (place->self && place->each) {
        found->first = print->states->turns[place->each->number].value;
        return NGX_OK;
    }

    rc = ngx_er_layout_find_own(print, place, found);

    if (rc != NGX_OK) {
        return rc;
    }

    if (field->kind != NGX_ER_FIELD_DATA || facts->form) {

        if (found->first == NULL) {
            return NGX_AGAIN;
        }

        return found->first->next
               ? ngx_er_layout_fails(print, place, "is there more than once, "
                                     "and which one is meant cannot be told")
               : NGX_OK;
    }

    if (found->first == NULL) {
        found->array = ngx_er_layout_crosses(print, place);
        return found->array ? NGX_OK : NGX_AGAIN;
    }

    depth = ngx_er_layout_depth(found->first->element);

    if (depth) {
        depth -= place->indices;

        if (place->each) {
            depth -= ngx_er_layout_depth(
                  print->states->turns[place->each->number].value->element);
        }
    }

    found->array = (depth > 0);

    return NGX_OK;
}


/* the first value that is the field's own, in the element at hand */

static ngx_int_t
ngx_er_layout_find_own(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_found_t *found)
{
    size_t                   n;
    ngx_er_value_t          *value;
    ngx_er_layout_turn_t    *turn;
    ngx_er_layout_cursor_t  *cursor;

    n = 0;

    if (place->each == NULL) {
        value = ngx_er_fact(print->known[place->document].facts, place->field);

        while (value && value->crossed) {
            value = value->next;
            n++;
        }

        found->first = value;

        return n ? ngx_er_layout_turn(print, n) : NGX_OK;
    }

    turn = &print->states->turns[place->each->number];
    cursor = &print->states->cursors[place->number];

    if (cursor->epoch != turn->epoch) {
        cursor->epoch = turn->epoch;
        cursor->next = ngx_er_fact(print->known[place->document].facts,
                                   place->field);
    }

    value = cursor->next;

    while (value && (value->tail > turn->value->tail
                     || (value->crossed && value->tail > turn->low)))
    {
        value = value->next;
        n++;
    }

    cursor->next = value;

    found->low = turn->low;
    found->first = (value && value->tail > turn->low) ? value : NULL;

    return n ? ngx_er_layout_turn(print, n) : NGX_OK;
}


/* in how many arrays it is */

static ngx_uint_t
ngx_er_layout_depth(ngx_er_element_t *element)
{
    ngx_uint_t  n;

    for (n = 0; element; element = element->parent) {
        n++;
    }

    return n;
}


/* the next one of the values that were found, or NULL */

static ngx_er_value_t *
ngx_er_layout_next(ngx_er_layout_print_t *print, ngx_er_layout_place_t *place,
    ngx_er_layout_found_t *found, ngx_er_value_t *value)
{
    do {
        value = value->next;
        print->turns++;
    } while (value && value->crossed);

    return (value && (int64_t) value->tail > found->low) ? value : NULL;
}


/*
 * Of a field without a value: 1: its path goes through an array, so it has an
 * empty list of values and is not missing.
 */

static ngx_uint_t
ngx_er_layout_crosses(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place)
{
    u_char           *p, *last;
    ngx_uint_t        i, *array;
    ngx_er_value_t   *value;
    ngx_er_field_t   *field;
    ngx_er_facts_t   *facts;

    facts = print->known[place->document].facts;
    field = (ngx_er_field_t *) facts->fields->list.elts + place->field;

    if (print->format == NGX_ER_LAYOUT_OPAQUE
        && place->document == NGX_ER_LAYOUT_DATA)
    {
        return 0;
    }

    if (place->each) {
        value = print->states->turns[place->each->number].value;
        i = place->base;

        /* a key of the element itself crosses nothing */

        if (value->type != NGX_ER_OBJECT || field->steps.nelts - i < 2) {
            return 0;
        }

        print->turns += value->text.len / 16;

        return ngx_er_layout_walk(print->pool, value->text.data,
                                  value->text.data + value->text.len,
                                  (ngx_er_step_t *) field->steps.elts + i,
                                  field->steps.nelts - i);
    }

    p = print->known[place->document].start;
    last = print->known[place->document].end;
    p = ngx_er_lexer_blanks(p + ((last - p >= 3 && *p == 0xef) ? 3 : 0), last,
                            0);

    if (p < last && *p == '[' && field->steps.nelts
        && ((ngx_er_step_t *) field->steps.elts)->index == NGX_ER_STEP_KEY)
    {
        return 1;
    }

    array = place->arrays.elts;

    for (i = 0; i < place->arrays.nelts; i++) {

        for (value = facts->values[array[i]]; value; value = value->next) {
            print->turns++;

            if (value->type == NGX_ER_ARRAY) {
                return 1;
            }
        }
    }

    return 0;
}


/* one value as it stands in the event */

static ngx_int_t
ngx_er_layout_value(ngx_er_layout_print_t *print, ngx_er_layout_place_t *place,
    ngx_er_value_t *value, ngx_uint_t string)
{
    ngx_str_t  raw;

    if (value->type == NGX_ER_NULL && string) {
        return NGX_OK;
    }

    if (value->type == NGX_ER_OBJECT || value->type == NGX_ER_ARRAY) {
        return ngx_er_layout_put_json(print, place, &value->text, string);
    }

    if (value->type != NGX_ER_STRING) {
        return ngx_er_layout_out_bytes(&print->out, value->text.data,
                                       value->text.len);
    }

    ngx_er_layout_raw(print, place, value, &raw);

    if (raw.data == NULL) {
        return ngx_er_layout_put_text(print, &value->text, string);
    }

    return string ? ngx_er_layout_out_bytes(&print->out, raw.data + 1,
                                            raw.len - 2)
                  : ngx_er_layout_out_bytes(&print->out, raw.data, raw.len);
}


/* of a string, with its quotes; data NULL: it does not stand in JSON, or not
   so that everybody could read it */

static void
ngx_er_layout_raw(ngx_er_layout_print_t *print, ngx_er_layout_place_t *place,
    ngx_er_value_t *value, ngx_str_t *raw)
{
    if (value->tail == 0 || value->unreadable) {
        ngx_str_null(raw);
        return;
    }

    raw->data = print->known[place->document].end - value->tail;

    if (value->text.data == raw->data + 1) {
        raw->len = value->text.len + 2;

    } else {
        raw->len = ngx_er_layout_item_string(raw->data) - raw->data;
    }
}


/* the values as an array of JSON */

static ngx_int_t
ngx_er_layout_array(ngx_er_layout_print_t *print, ngx_er_layout_place_t *place,
    ngx_er_layout_found_t *found)
{
    size_t           from;
    ngx_int_t        rc;
    ngx_er_value_t  *value;

    from = print->out.pos - print->out.start;
    rc = ngx_er_layout_out_byte(&print->out, '[');

    for (value = found->first;
         value && rc == NGX_OK;
         value = ngx_er_layout_next(print, place, found, value))
    {
        rc = ngx_er_layout_comma(print);

        if (rc == NGX_OK) {
            rc = ngx_er_layout_value(print, place, value, 0);
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_er_layout_turn(print, 1);
    }

    if (rc == NGX_OK) {
        rc = ngx_er_layout_out_byte(&print->out, ']');
    }

    return (rc == NGX_OK && place->string) ? ngx_er_layout_requote(print, from)
                                           : rc;
}


/* through the code table and the filters */

static ngx_int_t
ngx_er_layout_made(ngx_er_layout_print_t *print, ngx_er_layout_place_t *place,
    ngx_er_layout_found_t *found)
{
    ngx_int_t                rc;
    ngx_uint_t               i;
    const char              *why;
    ngx_er_layout_items_t    items;
    ngx_er_layout_filter_t  *filter;

    items.pool = print->pool;

    if (ngx_array_init(&items.items, print->pool, 1,
                       sizeof(ngx_er_layout_item_t))
        != NGX_OK
        || ngx_er_layout_collect(print, place, found, &items) != NGX_OK)
    {
        print->out.state = NGX_ER_LAYOUT_OUT_MEMORY;
        return NGX_ERROR;
    }

    if (ngx_er_layout_turn(print, items.items.nelts) != NGX_OK) {
        return NGX_DECLINED;
    }

    if (place->table) {
        rc = ngx_er_layout_translate(print, place, &items);

        if (rc == NGX_AGAIN) {
            return ngx_er_layout_missing(print, place);
        }

        if (rc != NGX_OK) {
            return rc;
        }
    }

    filter = place->filters.elts;

    for (i = 0; i < place->filters.nelts; i++) {
        rc = ngx_er_layout_filter_apply(&filter[i], &items, &why);

        if (rc == NGX_DECLINED) {
            return ngx_er_layout_fails(print, place, why);
        }

        if (rc != NGX_OK) {
            print->out.state = NGX_ER_LAYOUT_OUT_MEMORY;
            return NGX_ERROR;
        }
    }

    return ngx_er_layout_items(print, place, &items);
}


/* what filters take; NGX_ERROR: no memory */

static ngx_int_t
ngx_er_layout_collect(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_found_t *found,
    ngx_er_layout_items_t *items)
{
    ngx_er_value_t  *value;

    items->array = found->array;

    if (!found->array && found->first->type == NGX_ER_ARRAY) {
        items->array = 1;
        return ngx_er_layout_collect_elements(print, place,
                                              &found->first->text, items);
    }

    for (value = found->first;
         value;
         value = found->array ? ngx_er_layout_next(print, place, found, value)
                              : NULL)
    {
        if (ngx_er_layout_collect_value(print, place, value, items) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_collect_value(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_value_t *value,
    ngx_er_layout_items_t *items)
{
    ngx_er_layout_item_t  *item;

    item = ngx_array_push(&items->items);
    if (item == NULL) {
        return NGX_ERROR;
    }

    item->type = value->type;
    item->text = value->text;
    item->raw = value->text;

    if (value->type == NGX_ER_STRING) {
        ngx_er_layout_raw(print, place, value, &item->raw);
    }

    return NGX_OK;
}


/* json: an array */

static ngx_int_t
ngx_er_layout_collect_elements(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_str_t *json,
    ngx_er_layout_items_t *items)
{
    u_char                *p, *last;
    ngx_str_t              element;
    ngx_er_layout_item_t  *item;

    last = json->data + json->len;
    p = ngx_er_lexer_blanks(json->data + 1, last, 0);

    while (*p != ']') {
        element.data = p;
        p = ngx_er_scan_skip(p);
        element.len = p - element.data;

        item = ngx_array_push(&items->items);

        if (item == NULL
            || ngx_er_layout_item(print->pool, &element, item) != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (item->type == NGX_ER_STRING && !ngx_er_is_utf8(&item->text)) {
            ngx_str_null(&item->raw);
        }

        p = ngx_er_lexer_blanks(p, last, 0);

        if (*p == ',') {
            p = ngx_er_lexer_blanks(p + 1, last, 0);
        }
    }

    return NGX_OK;
}


/* by the code table; NGX_AGAIN: the value is not in it */

static ngx_int_t
ngx_er_layout_translate(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_items_t *items)
{
    ngx_uint_t             i, n;
    ngx_er_layout_item_t  *item, *code;

    item = items->items.elts;
    n = 0;

    for (i = 0; i < items->items.nelts; i++) {

        if (item[i].type == NGX_ER_OBJECT || item[i].type == NGX_ER_ARRAY) {
            return ngx_er_layout_fails(print, place, "is an object or an "
                                       "array, which no code table has");
        }

        if (item[i].type == NGX_ER_NULL) {
            item[n++] = item[i];
            continue;
        }

        code = ngx_er_layout_table_find(place->table, &item[i].text);

        if (code == NULL && items->array) {

            if (place->optional) {
                continue;
            }

            code = place->preset;

            if (code == NULL) {
                return ngx_er_layout_missing(print, place);
            }
        }

        if (code == NULL) {
            return NGX_AGAIN;
        }

        item[n++] = *code;
    }

    items->items.nelts = n;

    return NGX_OK;
}


static ngx_int_t
ngx_er_layout_items(ngx_er_layout_print_t *print, ngx_er_layout_place_t *place,
    ngx_er_layout_items_t *items)
{
    size_t                 from;
    ngx_int_t              rc;
    ngx_uint_t             i;
    ngx_er_layout_item_t  *item;

    item = items->items.elts;

    if (!items->array) {
        return ngx_er_layout_put_item(print, place, item, place->string);
    }

    from = print->out.pos - print->out.start;
    rc = ngx_er_layout_out_byte(&print->out, '[');

    for (i = 0; i < items->items.nelts && rc == NGX_OK; i++) {
        rc = i ? ngx_er_layout_out_byte(&print->out, ',') : NGX_OK;

        if (rc == NGX_OK) {
            rc = ngx_er_layout_put_item(print, place, &item[i], 0);
        }
    }

    if (rc == NGX_OK) {
        rc = ngx_er_layout_out_byte(&print->out, ']');
    }

    return (rc == NGX_OK && place->string) ? ngx_er_layout_requote(print, from)
                                           : rc;
}


static ngx_int_t
ngx_er_layout_put_item(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_er_layout_item_t *item,
    ngx_uint_t string)
{
    switch (item->type) {

    case NGX_ER_OBJECT:
    case NGX_ER_ARRAY:
        return ngx_er_layout_put_json(print, place, &item->raw, string);

    case NGX_ER_STRING:

        if (item->raw.data == NULL) {
            return ngx_er_layout_put_text(print, &item->text, string);
        }

        return string ? ngx_er_layout_out_bytes(&print->out,
                                                item->raw.data + 1,
                                                item->raw.len - 2)
                      : ngx_er_layout_out_bytes(&print->out, item->raw.data,
                                                item->raw.len);

    case NGX_ER_NULL:

        if (string) {
            return NGX_OK;
        }

        /* fall through */

    default:
        return ngx_er_layout_out_bytes(&print->out, item->text.data,
                                       item->text.len);
    }
}


/* an object or an array as it stands */

static ngx_int_t
ngx_er_layout_put_json(ngx_er_layout_print_t *print,
    ngx_er_layout_place_t *place, ngx_str_t *json, ngx_uint_t string)
{
    size_t     from;
    ngx_int_t  rc;

    from = print->out.pos - print->out.start;

    rc = print->known[place->document].odd
         ? ngx_er_layout_out_clean(&print->out, json)
         : ngx_er_layout_out_bytes(&print->out, json->data, json->len);

    return (rc == NGX_OK && string) ? ngx_er_layout_requote(print, from) : rc;
}


static ngx_int_t
ngx_er_layout_put_text(ngx_er_layout_print_t *print, ngx_str_t *text,
    ngx_uint_t string)
{
    if (string) {
        return ngx_er_layout_out_escape(&print->out, text);
    }

    if (ngx_er_layout_out_byte(&print->out, '"') != NGX_OK
        || ngx_er_layout_out_escape(&print->out, text) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_er_layout_out_byte(&print->out, '"');
}


/* what was written from there on is JSON in a string: it is escaped */

static ngx_int_t
ngx_er_layout_requote(ngx_er_layout_print_t *print, size_t from)
{
    ngx_str_t  json;

    json.len = print->out.pos - print->out.start - from;

    json.data = ngx_pnalloc(print->pool, ngx_max(json.len, 1));
    if (json.data == NULL) {
        print->out.state = NGX_ER_LAYOUT_OUT_MEMORY;
        return NGX_ERROR;
    }

    ngx_memcpy(json.data, print->out.start + from, json.len);

    print->out.pos = print->out.start + from;

    return ngx_er_layout_out_escape(&print->out, &json);
}


/* "n" values were looked at */

static ngx_int_t
ngx_er_layout_turn(ngx_er_layout_print_t *print, size_t n)
{
    print->turns += n;

    if (print->turns <= print->out.max) {
        return NGX_OK;
    }

    ngx_er_error(&print->err, "the template %V looks at more values of this "
                 "event than a body may: is an {each} in an {each} that is "
                 "not about its elements?", &print->layout->name);

    return NGX_DECLINED;
}


/* NGX_DECLINED, with a sentence about the place */

static ngx_int_t
ngx_er_layout_fails(ngx_er_layout_print_t *print, ngx_er_layout_place_t *place,
    const char *why)
{
    ngx_er_error(&print->err, "{%V} in %V:%ui %s", &place->text,
                 &print->layout->name, place->line, why);

    return NGX_DECLINED;
}


/* why nothing more could be written */

static ngx_int_t
ngx_er_layout_full(ngx_er_layout_print_t *print)
{
    if (print->out.state != NGX_ER_LAYOUT_OUT_LARGE) {
        return NGX_ERROR;
    }

    ngx_er_error(&print->err, "the template %V makes more than %uz bytes of "
                 "this event: a body has at most %d times the bytes of the "
                 "event, and 1 MB", &print->layout->name, print->out.max,
                 NGX_ER_LAYOUT_TIMES);

    return NGX_DECLINED;
}
