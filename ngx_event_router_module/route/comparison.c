
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Comparisons: [not] OP VALUE... of a "when" line, and whether one value of an
 * event meets it.
 *
 * Operators are compiled once when nginx.conf is read: a table says what each
 * is made of, and the functions below it turn VALUEs into what is needed at
 * run time.  condition.c asks for that.  Everything is in the pool of the
 * configuration or points into the words of nginx.conf, which live as long.
 * What cannot be compiled is NGX_ERROR and a sentence that says what to write.
 *
 * condition_eval.c asks for every value that it looks at.  What a value is
 * compared as: "=" goes by the event's own type: a string is its bytes, a
 * number an exact decimal, and true, false and null are those words.  nginx
 * drops the quotes of a VALUE, so the string "5" = 5 as well as the number
 * 5.0 = 5; the string "5.0" is other bytes and is not.  "<" and its kind go
 * by the VALUE: with a number they take JSON numbers and strings that are
 * wholly a JSON number, with a text strings, byte by byte.  before, after and
 * within take times (instant.c).  The text operators see strings decoded, all
 * else as it stands in the document.
 * Arrays and objects have no text: only the operators about the value itself
 * (exists, empty, null, is) ever see one.
 *
 * A VALUE can be another field: then each of its values is compared with, and
 * what they are compared as goes by both.
 *
 * Comparing cannot fail: what cannot be compared does not meet the operand,
 * nor does anything once the budget of the event is spent.  A string that
 * cannot be read cannot be compared: two readers would see two texts in it.
 */


#include "comparison.h"
#include "../conf/nearest.h"
#include "budget.h"
#include "text.h"


#define NGX_ER_NEGATED  1
#define NGX_ER_FOLD     2
#define NGX_ER_ALL      4
#define NGX_ER_OWN      8


#define NGX_ER_COMPARISON_WORK  16      /* of a value and each operand */


/* how the VALUEs of an operator are compiled */

typedef ngx_int_t (*ngx_er_operand_pt)(ngx_pool_t *pool,
    ngx_er_comparison_t *c, ngx_er_operand_t *operand, ngx_er_error_t *err);


typedef struct {
    const char            *name;
    ngx_er_operator_e      op;
    ngx_uint_t             flags;
    ngx_uint_t             min;        /* VALUEs; 0: none at all */
    ngx_uint_t             max;        /* 0: any number */
    ngx_er_operand_pt      compile;    /* NULL: the text is all */
} ngx_er_operator_t;


/* another language's word for an operator, or for two of them */

typedef struct {
    const char            *word;
    const char            *ours;
} ngx_er_synonym_t;


static ngx_int_t ngx_er_comparison_operator(ngx_er_comparison_t *c,
    ngx_str_t *field, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_operator_t **op, ngx_er_error_t *err);
static ngx_er_operator_t *ngx_er_operator_find(ngx_str_t *field,
    ngx_str_t *word, ngx_er_error_t *err);
static ngx_int_t ngx_er_operator_count(ngx_er_operator_t *op,
    ngx_uint_t nargs, ngx_er_error_t *err);
static void ngx_er_operand_parse(ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_str_t *text);
static ngx_int_t ngx_er_operand_copy(ngx_pool_t *pool,
    ngx_er_operand_t *operand, ngx_uint_t fold, ngx_er_error_t *err);
static ngx_int_t ngx_er_operand_text(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err);
static ngx_int_t ngx_er_operand_order(ngx_pool_t *pool,
    ngx_er_comparison_t *c, ngx_er_operand_t *operand, ngx_er_error_t *err);
static ngx_int_t ngx_er_operand_moment(ngx_pool_t *pool,
    ngx_er_comparison_t *c, ngx_er_operand_t *operand, ngx_er_error_t *err);
static ngx_int_t ngx_er_operand_span(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err);
static ngx_int_t ngx_er_operand_other(ngx_er_comparison_t *c,
    ngx_er_operator_t *op, ngx_er_error_t *err);
static ngx_uint_t ngx_er_operand_is_other(ngx_str_t *word);
static ngx_uint_t ngx_er_operand_numeral(ngx_str_t *text);
static ngx_int_t ngx_er_operand_not_field(ngx_er_operand_t *operand,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_operand_regex(ngx_pool_t *pool,
    ngx_er_comparison_t *c, ngx_er_operand_t *operand, ngx_er_error_t *err);
static ngx_int_t ngx_er_operand_like(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err);
static ngx_int_t ngx_er_operand_cidr(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err);
static ngx_int_t ngx_er_operand_type(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err);
static ngx_int_t ngx_er_operator_between(ngx_er_comparison_t *c,
    ngx_er_error_t *err);
static ngx_int_t ngx_er_operator_memory(ngx_er_error_t *err);
static ngx_uint_t ngx_er_comparison_equal(ngx_er_value_t *value,
    ngx_er_operand_t *operand, ngx_uint_t n);
static ngx_uint_t ngx_er_comparison_order(ngx_er_comparison_t *c,
    ngx_er_value_t *value, ngx_er_operand_t *operand);
static ngx_uint_t ngx_er_comparison_bytes(ngx_er_comparison_t *c,
    ngx_er_value_t *value, ngx_er_operand_t *operand);
static ngx_uint_t ngx_er_comparison_ordered(ngx_er_comparison_t *c,
    ngx_int_t rc);
static ngx_uint_t ngx_er_comparison_time(ngx_er_comparison_t *c,
    ngx_er_facts_t *facts, ngx_er_value_t *value, ngx_er_operand_t *operand);
static ngx_uint_t ngx_er_comparison_within(ngx_er_instant_t *t, int64_t now,
    uint32_t span);
static ngx_int_t ngx_er_comparison_number(ngx_er_value_t *value,
    ngx_er_number_t *number);
static ngx_int_t ngx_er_comparison_instant(ngx_er_value_t *value,
    ngx_er_instant_t *t);
static ngx_uint_t ngx_er_comparison_text(ngx_er_comparison_t *c,
    ngx_er_facts_t *facts, ngx_str_t *text, ngx_er_operand_t *operand);
static ngx_uint_t ngx_er_comparison_cidr(ngx_str_t *text, ngx_cidr_t *cidr);


static ngx_er_operator_t  ngx_er_operators[] = {

    { "=", NGX_ER_OPERATOR_EQUAL, 0, 1, 0, NULL },
    { "!=", NGX_ER_OPERATOR_EQUAL, NGX_ER_NEGATED, 1, 0, NULL },

    { "~", NGX_ER_OPERATOR_REGEX, 0, 1, 0, ngx_er_operand_regex },
    { "~*", NGX_ER_OPERATOR_REGEX, NGX_ER_FOLD, 1, 0, ngx_er_operand_regex },
    { "!~", NGX_ER_OPERATOR_REGEX, NGX_ER_NEGATED, 1, 0,
      ngx_er_operand_regex },
    { "!~*", NGX_ER_OPERATOR_REGEX, NGX_ER_NEGATED|NGX_ER_FOLD, 1, 0,
      ngx_er_operand_regex },

    { "<", NGX_ER_OPERATOR_LESS, 0, 1, 1, ngx_er_operand_order },
    { "<=", NGX_ER_OPERATOR_LESS_EQUAL, 0, 1, 1, ngx_er_operand_order },
    { ">", NGX_ER_OPERATOR_GREATER, 0, 1, 1, ngx_er_operand_order },
    { ">=", NGX_ER_OPERATOR_GREATER_EQUAL, 0, 1, 1, ngx_er_operand_order },
    { "between", NGX_ER_OPERATOR_BETWEEN, 0, 2, 2, ngx_er_operand_order },

    { "before", NGX_ER_OPERATOR_BEFORE, 0, 1, 1, ngx_er_operand_moment },
    { "after", NGX_ER_OPERATOR_AFTER, 0, 1, 1, ngx_er_operand_moment },
    { "within", NGX_ER_OPERATOR_WITHIN, 0, 1, 1, ngx_er_operand_span },

    { "prefix", NGX_ER_OPERATOR_PREFIX, 0, 1, 0, ngx_er_operand_text },
    { "prefix_ci", NGX_ER_OPERATOR_PREFIX, NGX_ER_FOLD, 1, 0,
      ngx_er_operand_text },
    { "suffix", NGX_ER_OPERATOR_SUFFIX, 0, 1, 0, ngx_er_operand_text },
    { "suffix_ci", NGX_ER_OPERATOR_SUFFIX, NGX_ER_FOLD, 1, 0,
      ngx_er_operand_text },
    { "contains", NGX_ER_OPERATOR_CONTAINS, 0, 1, 0, ngx_er_operand_text },
    { "contains_ci", NGX_ER_OPERATOR_CONTAINS, NGX_ER_FOLD, 1, 0,
      ngx_er_operand_text },
    { "like", NGX_ER_OPERATOR_LIKE, 0, 1, 0, ngx_er_operand_like },
    { "like_ci", NGX_ER_OPERATOR_LIKE, NGX_ER_FOLD, 1, 0,
      ngx_er_operand_like },

    { "has_all", NGX_ER_OPERATOR_EQUAL, NGX_ER_ALL, 1, 0, NULL },
    { "cidr", NGX_ER_OPERATOR_CIDR, 0, 1, 0, ngx_er_operand_cidr },

    { "exists", NGX_ER_OPERATOR_EXISTS, NGX_ER_OWN, 0, 0, NULL },
    { "missing", NGX_ER_OPERATOR_EXISTS, NGX_ER_OWN|NGX_ER_NEGATED, 0, 0,
      NULL },
    { "empty", NGX_ER_OPERATOR_EMPTY, NGX_ER_OWN, 0, 0, NULL },
    { "null", NGX_ER_OPERATOR_NULL, NGX_ER_OWN, 0, 0, NULL },
    { "is", NGX_ER_OPERATOR_IS, NGX_ER_OWN, 1, 0, ngx_er_operand_type },

    { NULL, 0, 0, 0, 0, NULL }
};


/* what is not near enough to be recognised by its letters */

static ngx_er_synonym_t  ngx_er_synonyms[] = {
    { "==", "\"=\"" },
    { "===", "\"=\"" },
    { "!==", "\"!=\"" },
    { "=>", "\">=\"" },
    { "=<", "\"<=\"" },
    { "~=", "\"~\"" },
    { "notin", "\"not =\" with several values" },
    { "not_in", "\"not =\" with several values" },
    { "nin", "\"not =\" with several values" },
    { "isnt", "\"!=\"" },
    { "has", "\"contains\" or, for an element of an array, \"=\"" },
    { "startswith", "\"prefix\"" },
    { "endswith", "\"suffix\"" },
    { "begins_with", "\"prefix\"" },
    { "<>", "\"!=\"" },
    { "=~", "\"~\"" },
    { "^~", "\"prefix\"" },
    { "*=", "\"contains\"" },
    { "in", "\"=\" with several values" },
    { "eq", "\"=\"" },
    { "ne", "\"!=\"" },
    { "lt", "\"<\"" },
    { "le", "\"<=\"" },
    { "lte", "\"<=\"" },
    { "gt", "\">\"" },
    { "ge", "\">=\"" },
    { "gte", "\">=\"" },
    { "equals", "\"=\"" },
    { "matches", "\"~\"" },
    { "regex", "\"~\"" },
    { "includes", "\"contains\" or, for an element of an array, \"=\"" },
    { "starts_with", "\"prefix\"" },
    { "ends_with", "\"suffix\"" },
    { "wildcard", "\"like\"" },
    { "anything-but", "\"!=\"" },
    { "since", "\"not before\"" },
    { "until", "\"not after\"" },
    { "newer", "\"after\"" },
    { "older", "\"before\"" },
    { "present", "\"exists\"" },
    { "absent", "\"missing\"" },
    { NULL, NULL }
};


/* by ngx_er_type_e, from NGX_ER_STRING = 1 */

static const char  *ngx_er_types[] = {
    "string", "number", "boolean", "null", "array", "object", NULL
};


ngx_int_t
ngx_er_comparison_compile(ngx_pool_t *pool, ngx_pool_t *keep,
    ngx_str_t *field, ngx_str_t *args, ngx_uint_t nargs,
    ngx_er_comparison_t *c, ngx_er_error_t *err)
{
    ngx_int_t           n;
    ngx_uint_t          i;
    ngx_er_operator_t  *op;

    ngx_memzero(c, sizeof(ngx_er_comparison_t));

    n = ngx_er_comparison_operator(c, field, args, nargs, &op, err);
    if (n == NGX_ERROR) {
        return NGX_ERROR;
    }

    args += n;

    pool = (c->op == NGX_ER_OPERATOR_REGEX) ? keep : pool;

    c->noperands = nargs - n;
    c->operands = ngx_pcalloc(pool, ngx_max(c->noperands, 1)
                                    * sizeof(ngx_er_operand_t));
    if (c->operands == NULL) {
        return ngx_er_operator_memory(err);
    }

    for (i = 0; i < c->noperands; i++) {
        ngx_er_operand_parse(c, &c->operands[i], &args[i]);

        if (ngx_er_operand_is_other(&args[i])) {
            return ngx_er_operand_other(c, op, err);
        }

        if (op->compile
            && op->compile(pool, c, &c->operands[i], err) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    if (c->op == NGX_ER_OPERATOR_BETWEEN) {
        return ngx_er_operator_between(c, err);
    }

    return NGX_OK;
}


/* [not] [utf8] OP; returns how many words these are */

static ngx_int_t
ngx_er_comparison_operator(ngx_er_comparison_t *c, ngx_str_t *field,
    ngx_str_t *args, ngx_uint_t nargs, ngx_er_operator_t **op,
    ngx_er_error_t *err)
{
    ngx_uint_t  n, not;

    n = 0;

    not = (nargs && args[0].len == 3
           && ngx_strncmp(args[0].data, "not", 3) == 0);
    n += not;

    c->utf8 = (n < nargs && args[n].len == 4
               && ngx_strncmp(args[n].data, "utf8", 4) == 0);
    n += c->utf8;

    if (n == nargs) {
        ngx_er_error(err, "an operator is missing behind \"%V%s%s\": write "
                     "for example \"%V = paid\" or \"%V exists\"", field,
                     not ? " not" : "", c->utf8 ? " utf8" : "", field, field);
        return NGX_ERROR;
    }

    if (c->utf8 && args[n].len == 3
        && ngx_strncmp(args[n].data, "not", 3) == 0)
    {
        ngx_er_error(err, "\"not\" stands before \"utf8\": write \"%V not "
                     "utf8 ~ ...\"", field);
        return NGX_ERROR;
    }

    *op = ngx_er_operator_find(field, &args[n], err);
    n++;

    if (*op == NULL || ngx_er_operator_count(*op, nargs - n, err) != NGX_OK) {
        return NGX_ERROR;
    }

    c->op = (*op)->op;
    c->negated = (((*op)->flags & NGX_ER_NEGATED) != 0) ^ not;
    c->fold = (((*op)->flags & NGX_ER_FOLD) != 0);
    c->with = ((*op)->flags & NGX_ER_ALL) ? NGX_ER_WITH_ALL : NGX_ER_WITH_ANY;
    c->own = (((*op)->flags & NGX_ER_OWN) != 0);

    if (c->utf8 && c->op != NGX_ER_OPERATOR_REGEX) {
        ngx_er_error(err, "\"utf8\" is about regular expressions: it stands "
                     "before ~, ~*, !~ and !~* only");
        return NGX_ERROR;
    }

    return n;
}


static ngx_er_operator_t *
ngx_er_operator_find(ngx_str_t *field, ngx_str_t *word, ngx_er_error_t *err)
{
    size_t              len;
    const char         *near;
    ngx_uint_t          i;
    ngx_er_synonym_t   *synonym;
    ngx_er_operator_t  *op;

    for (i = 0; ngx_er_operators[i].name; i++) {
        op = &ngx_er_operators[i];
        len = ngx_strlen(op->name);

        if (len == word->len && ngx_strncmp(op->name, word->data, len) == 0) {
            return op;
        }
    }

    for (synonym = ngx_er_synonyms; synonym->word; synonym++) {
        len = ngx_strlen(synonym->word);

        if (len == word->len
            && ngx_strncasecmp((u_char *) synonym->word, word->data, len) == 0)
        {
            ngx_er_error(err, "unknown operator \"%V\": use %s", word,
                         synonym->ours);
            return NULL;
        }
    }

    near = ngx_er_nearest(word, ngx_er_operators,
                          sizeof(ngx_er_operator_t));

    if (near) {
        ngx_er_error(err, "unknown operator \"%V\": did you mean \"%s\"?",
                     word, near);
        return NULL;
    }

    ngx_er_error(err, "unknown operator \"%V\" behind \"%V\": the operators "
                 "are = != ~ ~* !~ !~* < <= > >= between before after "
                 "within prefix suffix contains like (each also with _ci) "
                 "has_all cidr exists missing empty null is; to compare "
                 "write \"%V = %V\"",
                 word, field, field, word);

    return NULL;
}


static ngx_int_t
ngx_er_operator_count(ngx_er_operator_t *op, ngx_uint_t nargs,
    ngx_er_error_t *err)
{
    if (op->min == 0) {

        if (nargs) {
            ngx_er_error(err, "\"%s\" takes no value", op->name);
            return NGX_ERROR;
        }

        return NGX_OK;
    }

    if (nargs >= op->min && (op->max == 0 || nargs <= op->max)) {
        return NGX_OK;
    }

    if (op->max == 2) {
        ngx_er_error(err, "\"%s\" takes two values, the lowest and the "
                     "highest", op->name);

    } else if (nargs > 1 && op->compile == ngx_er_operand_moment) {
        ngx_er_error(err, "\"%s\" takes one time, in one word: write it as "
                     "2026-05-01T00:00:00Z, or as now-1h", op->name);

    } else if (nargs) {
        ngx_er_error(err, "\"%s\" takes one value: each condition stands in "
                     "a line of its own", op->name);

    } else {
        ngx_er_error(err, "a value is missing behind \"%s\"", op->name);
    }

    return NGX_ERROR;
}


/* numbers of other operators are texts like all others */

static void
ngx_er_operand_parse(ngx_er_comparison_t *c, ngx_er_operand_t *operand,
    ngx_str_t *text)
{
    ngx_er_number_t  number;

    operand->text = text->data;
    operand->len = text->len;

    if (c->op != NGX_ER_OPERATOR_EQUAL
        && (c->op < NGX_ER_OPERATOR_LESS || c->op > NGX_ER_OPERATOR_BETWEEN))
    {
        return;
    }

    if (ngx_er_number_parse(text, &number) != NGX_OK) {
        return;
    }

    operand->is_number = 1;
    operand->negative = number.negative;
    operand->zero = number.zero;
    operand->u.number.exponent = number.exponent;

    if (!number.zero) {
        operand->u.number.first = number.first - text->data;
        operand->u.number.last = number.last - text->data;
    }
}


static ngx_int_t
ngx_er_operand_copy(ngx_pool_t *pool, ngx_er_operand_t *operand,
    ngx_uint_t fold, ngx_er_error_t *err)
{
    u_char  *p;

    p = ngx_pnalloc(pool, ngx_max(operand->len, 1));
    if (p == NULL) {
        return ngx_er_operator_memory(err);
    }

    if (fold) {
        ngx_strlow(p, operand->text, operand->len);

    } else {
        ngx_memcpy(p, operand->text, operand->len);
    }

    operand->text = p;

    return NGX_OK;
}


/* prefix, suffix, contains */

static ngx_int_t
ngx_er_operand_text(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err)
{
    if (operand->len == 0) {
        ngx_er_error(err, "the value is empty, which every text begins and "
                     "ends with and contains: write \"exists\"");
        return NGX_ERROR;
    }

    return ngx_er_operand_copy(pool, operand, c->fold, err);
}


/* a number, or a text that cannot be meant as one */

static ngx_int_t
ngx_er_operand_order(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err)
{
    ngx_str_t  text;

    if (operand->is_number) {
        return NGX_OK;
    }

    ngx_er_operand_string(operand, &text);

    if (ngx_er_operand_numeral(&text)) {
        ngx_er_error(err, "\"%V\" is not a number: write it as JSON does, "
                     "for example 1000, -0.5 or 1e6", &text);
        return NGX_ERROR;
    }

    if (text.len == 0) {
        ngx_er_error(err, "the value is empty: write a number or a text, or "
                     "\"empty\" without a value");
        return NGX_ERROR;
    }

    return ngx_er_operand_not_field(operand, err);
}


/* "1,000", "+5", "01", "1.2.3", "$5": digits and marks; not "2026-05-01" or
   "E5" */

static ngx_uint_t
ngx_er_operand_numeral(ngx_str_t *text)
{
    size_t      i;
    u_char      c;
    ngx_uint_t  digits;

    digits = 0;

    for (i = 0; i < text->len; i++) {
        c = text->data[i];

        if (c >= '0' && c <= '9') {
            digits++;

        } else if (c == '\0' || ngx_strchr("+-.,_'%$ eE", c) == NULL
                   || (digits == 0 && (c == 'e' || c == 'E')))
        {
            return 0;
        }
    }

    return digits != 0
           && !(text->len >= 7 && text->data[4] == '-'
                && ngx_atoi(text->data, 4) != NGX_ERROR);
}


/* who writes "> data.b" means what is in data.b */

static ngx_int_t
ngx_er_operand_not_field(ngx_er_operand_t *operand, ngx_er_error_t *err)
{
    ngx_str_t  text;

    ngx_er_operand_string(operand, &text);

    if (!ngx_er_field_begins(&text)
        && (text.len < 2 || text.data[0] != '.' || !isalpha(text.data[1])))
    {
        return NGX_OK;
    }

    ngx_er_error(err, "\"%V\" is a field, and a VALUE is a text that is "
                 "written here: to compare with what the event has in it "
                 "write \"" NGX_ER_COMPARISON_OTHER "%V\"", &text, &text);

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_operand_moment(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err)
{
    ngx_str_t  text;

    operand->u.moment = ngx_palloc(pool, sizeof(ngx_er_moment_t));
    if (operand->u.moment == NULL) {
        return ngx_er_operator_memory(err);
    }

    ngx_er_operand_string(operand, &text);

    if (ngx_er_moment_read(&text, operand->u.moment) == NGX_OK) {
        return NGX_OK;
    }

    if (ngx_er_operand_not_field(operand, err) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_er_error(err, "\"%V\" is no time: write it as 2026-05-01T00:00:00Z "
                 "or 2026-05-01T00:00:00+02:00, as Unix seconds or "
                 "milliseconds, or as \"now\", \"now-1h\", \"now+1h\"",
                 &text);

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_operand_span(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err)
{
    ngx_str_t  text;
    ngx_int_t  sec;

    ngx_er_operand_string(operand, &text);

    sec = ngx_er_moment_span(&text);

    if (sec != NGX_ERROR && (uint64_t) sec <= NGX_MAX_UINT32_VALUE) {
        operand->u.span = sec;
        return NGX_OK;
    }

    ngx_er_error(err, "\"%V\" is no span of time: write for example \"within "
                 "1h\", with s, m, h or d, at most 100 years; for a certain "
                 "time write \"before\" or \"after\"", &text);

    return NGX_ERROR;
}


static ngx_uint_t
ngx_er_operand_is_other(ngx_str_t *word)
{
    size_t  len;

    len = sizeof(NGX_ER_COMPARISON_OTHER) - 1;

    return word->len >= len
           && ngx_strncmp(word->data, NGX_ER_COMPARISON_OTHER, len) == 0;
}


static ngx_int_t
ngx_er_operand_other(ngx_er_comparison_t *c, ngx_er_operator_t *op,
    ngx_er_error_t *err)
{
    size_t  len;

    len = sizeof(NGX_ER_COMPARISON_OTHER) - 1;

    switch (c->op) {

    case NGX_ER_OPERATOR_EQUAL:
    case NGX_ER_OPERATOR_LESS:
    case NGX_ER_OPERATOR_LESS_EQUAL:
    case NGX_ER_OPERATOR_GREATER:
    case NGX_ER_OPERATOR_GREATER_EQUAL:
    case NGX_ER_OPERATOR_BEFORE:
    case NGX_ER_OPERATOR_AFTER:

        if (c->with != NGX_ER_WITH_ALL) {
            break;
        }

        /* fall through */

    default:
        ngx_er_error(err, "\"%s\" takes no \"" NGX_ER_COMPARISON_OTHER "\": "
                     "another field stands behind = != < <= > >= before "
                     "after", op->name);
        return NGX_ERROR;
    }

    if (c->noperands > 1 && c->operands->len == len) {
        ngx_er_error(err, "behind \"" NGX_ER_COMPARISON_OTHER "\" stands the "
                     "field, without a blank");
        return NGX_ERROR;
    }

    if (c->noperands > 1) {
        ngx_er_error(err, "\"" NGX_ER_COMPARISON_OTHER "\" is the only VALUE "
                     "of its line: write several lines, in \"any { ... }\" "
                     "if one of them is enough");
        return NGX_ERROR;
    }

    c->with = NGX_ER_WITH_FIELD;
    c->operands->is_number = 0;
    c->operands->text += len;
    c->operands->len -= len;

    return NGX_OK;
}


static ngx_int_t
ngx_er_operator_between(ngx_er_comparison_t *c, ngx_er_error_t *err)
{
    ngx_int_t        rc;
    ngx_str_t        one, two;
    ngx_er_number_t  low, high;

    ngx_er_operand_string(&c->operands[0], &one);
    ngx_er_operand_string(&c->operands[1], &two);

    if (c->operands[0].is_number != c->operands[1].is_number) {
        ngx_er_error(err, "\"between\" takes two numbers or two texts: "
                     "\"%V\" is not a number", c->operands[0].is_number
                                              ? &two : &one);
        return NGX_ERROR;
    }

    if (c->operands[0].is_number) {
        ngx_er_operand_decimal(&c->operands[0], &low);
        ngx_er_operand_decimal(&c->operands[1], &high);
        rc = ngx_er_number_compare(&low, &high);

    } else {
        rc = ngx_er_text_compare(&one, &two);
    }

    if (rc > 0) {
        ngx_er_error(err, "nothing is between %V and %V: write the lower "
                     "%s first", &one, &two,
                     c->operands[0].is_number ? "number" : "text");
        return NGX_ERROR;
    }

    /* as if there was one, of two numbers */

    c->noperands = 1;

    return NGX_OK;
}


static ngx_int_t
ngx_er_operand_regex(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err)
{
    ngx_str_t  text;

    ngx_er_operand_string(operand, &text);

    operand->u.regex = ngx_er_regex_compile(pool, &text, c->fold, c->utf8,
                                            err);

    return operand->u.regex ? NGX_OK : NGX_ERROR;
}


/* "\*" is a star and "\\" a backslash; any other backslash is itself */

static ngx_int_t
ngx_er_operand_like(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err)
{
    u_char     *p, *dst, *last;
    ngx_str_t  *piece;

    operand->u.pieces = ngx_array_create(pool, 2, sizeof(ngx_str_t));

    if (operand->u.pieces == NULL
        || ngx_er_operand_copy(pool, operand, c->fold, err) != NGX_OK)
    {
        return ngx_er_operator_memory(err);
    }

    p = operand->text;
    last = p + operand->len;
    dst = p;
    piece = NULL;

    for ( ;; ) {

        if (piece == NULL) {
            piece = ngx_array_push(operand->u.pieces);
            if (piece == NULL) {
                return ngx_er_operator_memory(err);
            }

            piece->data = dst;
        }

        piece->len = dst - piece->data;

        if (p == last) {
            return NGX_OK;
        }

        if (*p == '*') {
            piece = NULL;
            p++;
            continue;
        }

        if (*p == '\\' && p + 1 < last && (p[1] == '*' || p[1] == '\\')) {
            p++;
        }

        *dst++ = *p++;
    }
}


static ngx_int_t
ngx_er_operand_cidr(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err)
{
    ngx_str_t  text;

    operand->u.cidr = ngx_palloc(pool, sizeof(ngx_cidr_t));
    if (operand->u.cidr == NULL) {
        return ngx_er_operator_memory(err);
    }

    ngx_er_operand_string(operand, &text);

    if (ngx_ptocidr(&text, operand->u.cidr) == NGX_ERROR) {
        ngx_er_error(err, "bad network \"%V\": write for example 10.0.0.0/8, "
                     "192.0.2.7 or 2001:db8::/32", &text);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_er_operand_type(ngx_pool_t *pool, ngx_er_comparison_t *c,
    ngx_er_operand_t *operand, ngx_er_error_t *err)
{
    ngx_uint_t  i;

    for (i = 0; ngx_er_types[i]; i++) {
        if (operand->len == ngx_strlen(ngx_er_types[i])
            && ngx_strncmp(operand->text, ngx_er_types[i], operand->len) == 0)
        {
            operand->u.type = i + 1;
            return NGX_OK;
        }
    }

    ngx_er_error(err, "unknown type \"%*s\": a value is a string, number, "
                 "boolean, null, array or object; to compare with a text "
                 "write \"=\"", (size_t) operand->len, operand->text);

    return NGX_ERROR;
}


static ngx_int_t
ngx_er_operator_memory(ngx_er_error_t *err)
{
    ngx_er_error(err, "no memory for a condition");
    return NGX_ERROR;
}


ngx_uint_t
ngx_er_comparison_meets(ngx_er_comparison_t *c, ngx_er_facts_t *facts,
    ngx_er_value_t *value, ngx_uint_t i, ngx_uint_t n)
{
    ngx_er_operand_t  *operand;

    if (!ngx_er_budget_take(facts, NGX_ER_COMPARISON_WORK * (n + 1))) {
        return 0;
    }

    switch (c->op) {

    case NGX_ER_OPERATOR_EXISTS:
        return 1;

    case NGX_ER_OPERATOR_EMPTY:
        return value->empty;

    case NGX_ER_OPERATOR_NULL:
        return value->type == NGX_ER_NULL;

    case NGX_ER_OPERATOR_EQUAL:
        return !value->unreadable
               && ngx_er_comparison_equal(value, &c->operands[i], n);

    case NGX_ER_OPERATOR_IS:
        break;

    default:
        if (value->unreadable) {
            return 0;
        }
    }

    operand = &c->operands[i];

    for ( /* void */ ; n; n--, operand++) {

        if (c->op == NGX_ER_OPERATOR_IS) {
            if (value->type == operand->u.type) {
                return 1;
            }

        } else if (c->op >= NGX_ER_OPERATOR_LESS
                   && c->op <= NGX_ER_OPERATOR_BETWEEN)
        {
            if (operand->is_number
                ? ngx_er_comparison_order(c, value, operand)
                : ngx_er_comparison_bytes(c, value, operand))
            {
                return 1;
            }

        } else if (c->op >= NGX_ER_OPERATOR_BEFORE) {
            if (ngx_er_comparison_time(c, facts, value, operand)) {
                return 1;
            }

        } else if (ngx_er_comparison_text(c, facts, &value->text, operand)) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_er_comparison_equal(ngx_er_value_t *value, ngx_er_operand_t *operand,
    ngx_uint_t n)
{
    ngx_er_number_t  number, other;

    if (value->type == NGX_ER_NUMBER
        && ngx_er_number_parse(&value->text, &number) == NGX_OK)
    {
        for ( /* void */ ; n; n--, operand++) {

            if (!operand->is_number) {
                continue;
            }

            ngx_er_operand_decimal(operand, &other);

            if (ngx_er_number_compare(&number, &other) == 0) {
                return 1;
            }
        }

        return 0;
    }

    for ( /* void */ ; n; n--, operand++) {
        if (value->text.len == operand->len
            && (operand->len == 0
                || ngx_memcmp(value->text.data, operand->text, operand->len)
                   == 0))
        {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_er_comparison_order(ngx_er_comparison_t *c, ngx_er_value_t *value,
    ngx_er_operand_t *operand)
{
    ngx_int_t        rc;
    ngx_er_number_t  number, other;

    if (ngx_er_comparison_number(value, &number) != NGX_OK) {
        return 0;
    }

    ngx_er_operand_decimal(operand, &other);

    rc = ngx_er_number_compare(&number, &other);

    if (c->op != NGX_ER_OPERATOR_BETWEEN) {
        return ngx_er_comparison_ordered(c, rc);
    }

    ngx_er_operand_decimal(&operand[1], &other);

    return rc >= 0 && ngx_er_number_compare(&number, &other) <= 0;
}


/* the same of texts */

static ngx_uint_t
ngx_er_comparison_bytes(ngx_er_comparison_t *c, ngx_er_value_t *value,
    ngx_er_operand_t *operand)
{
    ngx_int_t  rc;
    ngx_str_t  text;

    if (value->type != NGX_ER_STRING) {
        return 0;
    }

    ngx_er_operand_string(operand, &text);

    rc = ngx_er_text_compare(&value->text, &text);

    if (c->op != NGX_ER_OPERATOR_BETWEEN) {
        return ngx_er_comparison_ordered(c, rc);
    }

    ngx_er_operand_string(&operand[1], &text);

    return rc >= 0 && ngx_er_text_compare(&value->text, &text) <= 0;
}


/* rc: how the value stands to what it is compared with */

static ngx_uint_t
ngx_er_comparison_ordered(ngx_er_comparison_t *c, ngx_int_t rc)
{
    switch (c->op) {

    case NGX_ER_OPERATOR_LESS:
    case NGX_ER_OPERATOR_BEFORE:
        return rc < 0;

    case NGX_ER_OPERATOR_LESS_EQUAL:
        return rc <= 0;

    case NGX_ER_OPERATOR_GREATER:
    case NGX_ER_OPERATOR_AFTER:
        return rc > 0;

    case NGX_ER_OPERATOR_GREATER_EQUAL:
        return rc >= 0;

    default: /* NGX_ER_OPERATOR_EQUAL */
        return rc == 0;
    }
}


static ngx_uint_t
ngx_er_comparison_time(ngx_er_comparison_t *c, ngx_er_facts_t *facts,
    ngx_er_value_t *value, ngx_er_operand_t *operand)
{
    int64_t           now;
    ngx_er_instant_t  t, at;

    if (ngx_er_comparison_instant(value, &t) != NGX_OK) {
        return 0;
    }

    now = ngx_er_facts_now(facts);

    if (c->op == NGX_ER_OPERATOR_WITHIN) {
        return ngx_er_comparison_within(&t, now, operand->u.span);
    }

    at = operand->u.moment->at;
    at.sec += operand->u.moment->now ? now : 0;

    return ngx_er_comparison_ordered(c, ngx_er_instant_compare(&t, &at));
}


/* neither further away than that in the past nor in the future */

static ngx_uint_t
ngx_er_comparison_within(ngx_er_instant_t *t, int64_t now, uint32_t span)
{
    ngx_er_instant_t  first, last;

    first.sec = now - span;
    first.nsec = 0;
    last.sec = now + span;
    last.nsec = 0;

    return ngx_er_instant_compare(t, &first) >= 0
           && ngx_er_instant_compare(t, &last) <= 0;
}


static ngx_int_t
ngx_er_comparison_number(ngx_er_value_t *value, ngx_er_number_t *number)
{
    return (value->type == NGX_ER_NUMBER || value->type == NGX_ER_STRING)
           ? ngx_er_number_parse(&value->text, number) : NGX_DECLINED;
}


static ngx_int_t
ngx_er_comparison_instant(ngx_er_value_t *value, ngx_er_instant_t *t)
{
    return (value->type == NGX_ER_NUMBER || value->type == NGX_ER_STRING)
           ? ngx_er_instant_read(&value->text, t) : NGX_DECLINED;
}


/*
 * Both are what the event says, so neither has a type that counts more.  Two
 * that are numbers are compared as such, also if one stands in quotes; of two
 * strings "=" compares the bytes, for "5.0" and "5" are two codes.
 */

ngx_uint_t
ngx_er_comparison_pair(ngx_er_comparison_t *c, ngx_er_facts_t *facts,
    ngx_er_value_t *value, ngx_er_value_t *other)
{
    ngx_uint_t        numbers, strings;
    ngx_er_number_t   a, b;
    ngx_er_instant_t  t, at;

    if (!ngx_er_budget_take(facts, 4 * NGX_ER_COMPARISON_WORK
                                   + ngx_min(value->text.len, other->text.len))
        || value->unreadable || other->unreadable)
    {
        return 0;
    }

    if (c->op >= NGX_ER_OPERATOR_BEFORE) {
        return ngx_er_comparison_instant(value, &t) == NGX_OK
               && ngx_er_comparison_instant(other, &at) == NGX_OK
               && ngx_er_comparison_ordered(c,
                                            ngx_er_instant_compare(&t, &at));
    }

    strings = (value->type == NGX_ER_STRING && other->type == NGX_ER_STRING);
    numbers = (value->type == NGX_ER_NUMBER || other->type == NGX_ER_NUMBER);

    if (c->op == NGX_ER_OPERATOR_EQUAL && !numbers) {
        return ngx_er_text_compare(&value->text, &other->text) == 0;
    }

    if (ngx_er_comparison_number(value, &a) == NGX_OK
        && ngx_er_comparison_number(other, &b) == NGX_OK)
    {
        return ngx_er_comparison_ordered(c, ngx_er_number_compare(&a, &b));
    }

    return strings
           && ngx_er_comparison_ordered(c, ngx_er_text_compare(&value->text,
                                                               &other->text));
}


static ngx_uint_t
ngx_er_comparison_text(ngx_er_comparison_t *c, ngx_er_facts_t *facts,
    ngx_str_t *text, ngx_er_operand_t *operand)
{
    size_t     len;
    ngx_str_t  piece;

    ngx_er_operand_string(operand, &piece);
    len = piece.len;

    switch (c->op) {

    case NGX_ER_OPERATOR_REGEX:
        return ngx_er_regex_matches(operand->u.regex, text, facts);

    case NGX_ER_OPERATOR_LIKE:
        return ngx_er_text_like(facts, text, operand->u.pieces, c->fold);

    case NGX_ER_OPERATOR_CIDR:
        return ngx_er_comparison_cidr(text, operand->u.cidr);

    case NGX_ER_OPERATOR_PREFIX:
        return text->len >= len
               && ngx_er_text_same(text->data, &piece, c->fold);

    case NGX_ER_OPERATOR_SUFFIX:
        return text->len >= len
               && ngx_er_text_same(text->data + text->len - len, &piece,
                                   c->fold);

    default: /* NGX_ER_OPERATOR_CONTAINS */
        return ngx_er_text_find(facts, text->data, text->data + text->len,
                                &piece, c->fold)
               != NULL;
    }
}


/*
 * inet_pton() is strict: nothing that is not an address matches a network.  An
 * IPv4 address that is written as an IPv6 one is an IPv4 address.
 */

static ngx_uint_t
ngx_er_comparison_cidr(ngx_str_t *text, ngx_cidr_t *cidr)
{
    in_addr_t         addr;
#if (NGX_HAVE_INET6)
    ngx_uint_t        i;
    struct in6_addr   addr6;
#endif
    char              name[NGX_INET6_ADDRSTRLEN + 1];

    if (text->len == 0 || text->len > NGX_INET6_ADDRSTRLEN
        || memchr(text->data, '\0', text->len))
    {
        return 0;
    }

    (void) ngx_cpystrn((u_char *) name, text->data, text->len + 1);

    if (inet_pton(AF_INET, name, &addr) != 1) {

#if (NGX_HAVE_INET6)

        if (inet_pton(AF_INET6, name, &addr6) != 1) {
            return 0;
        }

        if (cidr->family == AF_INET6) {

            for (i = 0; i < 16; i++) {
                if ((addr6.s6_addr[i] & cidr->u.in6.mask.s6_addr[i])
                    != cidr->u.in6.addr.s6_addr[i])
                {
                    return 0;
                }
            }

            return 1;
        }

        if (!IN6_IS_ADDR_V4MAPPED(&addr6)) {
            return 0;
        }

        ngx_memcpy(&addr, &addr6.s6_addr[12], 4);

#else
        return 0;
#endif
    }

    return cidr->family == AF_INET
           && (addr & cidr->u.in.mask) == cidr->u.in.addr;
}
