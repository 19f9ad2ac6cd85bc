
/*
 * Copyright (C) Event Router contributors
 */


/*
 * Regular expressions: the operators give what PCRE alone gives, and whatever
 * the expression and the event are, the time is bounded.
 *
 * Where it is about the first, the clock goes on by looks at it, and not with
 * the machine: what is decided is the same on each, in so many looks at most.
 */


#define PCRE2_CODE_UNIT_WIDTH  8

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pcre2.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "rules.h"
#include "../../ngx_event_router_module/route/budget.h"
#include "../../ngx_event_router_module/route/condition_eval.h"


static void test_all(void);
static void test_same(void);
static void test_utf8(void);
static void test_refused(void);
static void test_long(void);
static void test_worst(void);
static void test_steps(void);
static void test_event(void);
static void test_forbidden(void);
static int plain(const char *pattern, const char *text);
static int matches(const char *pattern, const char *text);
static void sow(char *text, size_t len, const char **parts, size_t n);
static void fill(char *json, const char *unit, size_t len, size_t every,
    const char *end);
static double route(const char *pattern, const char *json);
static double cpu(void);
static unsigned pick(unsigned n);
static int forbid_code(void);
static int makes_code(void);


#define UNDECIDED  -2
#define LOOKS      32000               /* that a text may take: twice what any
                                          of these needs */


static double    clock_last, clock_longest;
static int       clock_looks;          /* so many were taken; -1: the clock is
                                          the machine's */
static unsigned  seed;
static int       utf8;                 /* of characters, not bytes */


int
main(void)
{
    test_forbidden();

    ok(makes_code(), "machine code is made");
    test_all();

    return done_testing();
}


static void
test_all(void)
{
    clock_looks = 0;
    test_same();
    test_refused();
    test_long();
    test_utf8();
    clock_looks = -1;

    test_worst();
    test_steps();
    test_event();
}


/* -1 is an error of the expression */

static void
test_same(void)
{
    size_t       i, k, n, wrong;
    char         text[9], pattern[9];

    static const char  *patterns[] = {
        "a", "^a", "a$", "^a$", "^", "$", "a|b", "^a|b", "a|^b|c$", "", "(",
        ")", "a)|(?:b", "a)", "(a", "[", "a\\", "a{2}", "(a)(b)\\2\\1", "\\Ab",
        "b\\z", "\\Gb", "(?i)B", "a(?i)b", "(?m)^b$", "(?s)a.b", "a.b",
        "(?=b)", "(?<=a)b", "(?<!a)b", "\\bb", "(?>a+)b", "a++b",
        "(?<x>a)\\k<x>",
        "(a)?b\\1", "((a)|b)\\2", "(?|(a)|(b))\\1", "(?:a|(b))(?(1)a|b)",
        "(a(?1)?b)", "(?#c)a", "a # b", "\\x61\\d*", "[^a]+$", "(ab)*$",
        "(?x)a #b", "\\Qa", "a\\Qb", "b\\Ga", "(?:\\Ga)+b", "a|b\\G",
        "a(*COMMIT)b", "a+(*PRUNE)b|a", "a(*THEN)b|ab", "\\\\G", "[(*]", NULL
    };

    static const char  *texts[] = {
        "a", "b", "ab", "ba", "aa", "abba", "b\na", "a\nb", "\nb\n", "AB", "c",
        "aab", "x a", "abab", "a b", "aaabbb", "ab\n", NULL
    };

    wrong = 0;
    n = 0;

    for (i = 0; patterns[i]; i++) {
        for (k = 0; texts[k]; k++) {
            if (matches(patterns[i], texts[k])
                != plain(patterns[i][0] ? patterns[i] : "(", texts[k]))
            {
                diag("%s on %s", patterns[i], texts[k]);
                wrong++;
            }

            n++;
        }
    }

    ok(wrong == 0 && n > 700, "written ones match as PCRE says");

    seed = 1;
    wrong = 0;

    for (i = 0; i < 8000; i++) {

        for (k = 0; k < sizeof(pattern) - 1; k++) {
            pattern[k] = "ab^$.*+?|()"[pick(11)];
        }

        pattern[1 + i % (sizeof(pattern) - 1)] = '\0';
        pattern[sizeof(pattern) - 1] = '\0';

        for (k = 0; k < sizeof(text) - 1; k++) {
            text[k] = "ab\n"[pick(3)];
        }

        text[1 + i % 7] = '\0';

        if (strncmp(pattern, "(*", 2) == 0) {
            continue;
        }

        if (matches(pattern, text) != plain(pattern, text)) {
            diag("%s on %s", pattern, text);
            wrong++;
        }
    }

    is_int((int) wrong, 0, "8000 random ones match as PCRE says");
}


/*
 * Characters of one to four bytes, in texts long enough for many slices: a
 * slice must begin with a character.  What is no UTF-8 does not match.
 */

static void
test_utf8(void)
{
    int      rc;
    char    *text, *p;
    size_t   i, k, n, wrong, matched;

    static const char  *patterns[] = {
        "n\xc3\x84\xc3\x84" "dle", "^.{3}$", "\xc3\xa9$", "^\xe2\x82\xac",
        ".*\xf0\x9d\x84\x9e$", "[\xc3\xa4\xc3\xb6]{3}", "\\p{Lu}{2}",
        "(?<=\xc3\xa4)n", "(?<!\xe2\x82\xac)n\xc3\xa4", "\xc3\xa4+\xc3\xb6",
        "(?m)^\xc3\xa4", "(?:\\G.)*\xe2\x82\xac\xe2\x82\xac",
        "\xc3\xa4(*COMMIT)n",
        ".\\z", "(.)\\1\\1", "(?-i)\xc3\x84", "", NULL
    };

    static const char  *units[] = {
        "a", "n", "\n", "\xc3\xa4", "\xc3\x84", "\xc3\xb6", "\xc3\xa9",
        "\xe2\x82\xac", "\xf0\x9d\x84\x9e",
        "n\xc3\xa4\xc3\xa4" "dle"
    };

    static const char  *broken[] = {
        "\xff", "a\xc3", "\xed\xa0\xbd", "\xc0\x80", "\xf5\x80\x80\x80",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x80"
    };

    utf8 = 1;
    seed = 20261130;
    wrong = 0;
    matched = 0;
    text = malloc(16384 + 16);

    for (i = 0; patterns[i]; i++) {
        for (k = 0; k < 40; k++) {

            n = (k % 2) ? pick(8) : 2000 + pick(10000);

            for (p = text; (size_t) (p - text) < n; /* void */) {
                p += sprintf(p, "%s", units[(k % 3) ? pick(10)
                                                    : 3 + pick(5)]);
            }

            *p = '\0';

            rc = matches(patterns[i], text);

            if (rc != plain(patterns[i][0] ? patterns[i] : "(", text)) {
                diag("%s on %d bytes, %d: %d", patterns[i], (int) (p - text),
                     (int) k, rc);
                wrong++;
            }

            matched += (rc == 1);
        }
    }

    is_int((int) wrong, 0, "of characters as PCRE says, %d match",
           (int) matched);
    ok(matched > 50, "some of them");

    wrong = 0;

    for (i = 0; i < sizeof(broken) / sizeof(broken[0]); i++) {
        wrong += (matches(".", broken[i]) != 0);
        wrong += (matches("a|^", broken[i]) != 0);
    }

    is_int((int) wrong, 0, "what is no UTF-8 does not match");

    utf8 = 0;
    is_int(matches(".", broken[0]), 1, "but by its bytes");

    free(text);
}


static void
test_refused(void)
{
    int      refused;
    char     line[128];
    size_t   i;
    rules_t  rules;

    static const struct {
        const char  *pattern;
        const char  *text;
    } cases[] = {
        { "(*UTF)a", "\"(*\"" },
        { "(*LIMIT_MATCH=1000000)a", "\"(*\"" },
        { "(?x)\\Ga #b", "comment" },
        { "a(*COMMIT)\\Qb", "\\Q" },
        { "(a|\\((?R)\\))", "(?1)" },
        { "(a|\\((?0)\\))", "(?1)" },
        { "(a|\\(\\g<0>\\))", "(?1)" },
        { "a)|(?:b", "unmatched" },
        { "[a", "missing terminating ]" },
        { "a{2,1}", "at \"" },
        { NULL, NULL }
    };

    for (i = 0; cases[i].pattern; i++) {
        rules_create(&rules);
        sprintf(line, "when data.s ~ '%s';", cases[i].pattern);

        refused = (rules_read(&rules, line) == NULL);

        ok(refused && strstr((char *) rules.err.text, cases[i].text),
           "%s: %.*s", cases[i].pattern, (int) rules.err.len, rules.err.text);

        rules_destroy(&rules);
    }
}


/*
 * Long texts are matched in slices: where one ends must not be seen.  What is
 * looked for stands somewhere, and what looks alike elsewhere.
 */

static void
test_long(void)
{
    int      rc;
    char    *text;
    size_t   i, k, len, wrong, matched;

    static const char  *patterns[] = {
        "needle", "(?<=xx)needle(?=yy)", "(?<!xx)needle", "^needle", "needle$",
        "(?m)^needle", "(?m)needle$", ".*needle", ".*needle.*$",
        "\\bneedle\\b",
        "n(?:e|x)*dle", "(?s)needle.*end", "(n)(e)\\2dle", "[n][e]{2}dle$",
        "\\Aneedle", "needle\\z", "needle|^xx", "(?i)NEEDLE", "needle\\Kyy",
        "x{1,4}needle", "(?<=\\n)needle", "a?+needle", "(?:\\Gx)*needle",
        "x+(*COMMIT)needle", "needle|y+(*COMMIT)end",
        "(?=needle)\\w+", "needle(?!yy)", "\\nneedle", NULL
    };

    static const char  *parts[] = {
        "needle", "xx", "yy", "\n", "needl", "eedle", "end", " ", "aaaa",
        "nneedle", "xxneedleyy", "\nneedle\n", NULL
    };

    seed = 20261129;
    wrong = 0;
    matched = 0;
    text = malloc(16384 + 1);

    for (i = 0; patterns[i]; i++) {
        for (k = 0; k < 30; k++) {

            /* the longest, or not so long, with a few parts in it */

            len = (k % 3) ? 1 + pick(16384) : 16384;
            memset(text, "a-x"[pick(3)], len);
            text[len] = '\0';

            sow(text, len, parts, k % 5);

            rc = matches(patterns[i], text);

            if (rc != plain(patterns[i], text)) {
                diag("%s on %d bytes, %d: %d", patterns[i], (int) len,
                     (int) k, rc);
                wrong++;
            }

            matched += plain(patterns[i], text);
        }
    }

    is_int((int) wrong, 0, "%d long texts match as PCRE says", (int) (i * k));
    ok(matched > i * k / 5 && matched < i * k * 4 / 5, "some of them");

    free(text);
}


/* n parts, at the beginning and the end too */

static void
sow(char *text, size_t len, const char **parts, size_t n)
{
    size_t       i, at, size;
    const char  *part;

    for (i = 0; i < n; i++) {
        part = parts[pick(12)];
        size = strlen(part);

        if (size > len) {
            continue;
        }

        at = pick(4) ? pick(len - size + 1) : pick(2) ? 0 : len - size;
        memcpy(text + at, part, size);
    }
}


/*
 * The worst that is known to be, each over several kinds of the longest text
 * and over many short ones: no event takes longer than it may, and nobody
 * works for long without a look at the clock.
 */

static void
test_worst(void)
{
    char      *json;
    size_t     i, k;
    double     worst, event, most;

    static const char  *patterns[] = {
        "(a+)+$", "^(a+)+$", "(a|aa)+$", "\\s+$", "[a-z]+@[a-z]+\\.com$",
        "\\d+,\\d+$", "(?=.*b)(?=.*c)(?=.*d)zz", "^.*foo.*bar.*baz$",
        "(\\w+\\s?)+@", "(?i)urgent.*refund", "(.*)(.*)(.*)(.*)x\\d",
        "(?:(?=[^=]*=)|a)+\\d", "^(?:a(?=.*!))*z", "(a?){40}a{40}",
        "(?s).*(?=a[^z]*z)q", "^(.*?,){11}P", "(?:.*a){12}", "(?m)^.*b$",
        "(?:\\Ga|b)*c", "a+(*COMMIT)b", "(a+(?1)?)b", NULL
    };

    static const struct {
        const char  *unit;
        size_t       len;
        size_t       every;            /* a "!" behind so many */
        const char  *end;
    } texts[] = {
        { "a", 16384, 0, "!" }, { "a", 16384, 28, "!" },
        { "x", 16000, 0, "bcd" }, { " ", 16384, 0, "x" },
        { "1", 16384, 0, "" }, { "foobar", 16384, 0, "" },
        { "a\n", 16384, 0, "z" }, { "a,b=", 16384, 0, "" },
        { "a", 29, 0, "!" }, { NULL, 0, 0, NULL }
    };

    json = malloc(1 << 20);

    for (i = 0; patterns[i]; i++) {
        most = 0;
        worst = 0;

        for (k = 0; texts[k].unit; k++) {
            fill(json, texts[k].unit, texts[k].len, texts[k].every,
                 texts[k].end);

            event = route(patterns[i], json);

            worst = worst > clock_longest ? worst : clock_longest;
            most = most > event ? most : event;
        }

        ok(most < 100 && worst < 50, "%s takes %d ms, %d without a look",
           patterns[i], (int) most, (int) worst);
    }

    free(json);
}


/* a text that can be told is, however many steps that takes */

static void
test_steps(void)
{
    char  *text;

    text = malloc(16385 + 1);
    memset(text, 'a', 16385);
    text[16384] = '\0';

    is_int(matches("^a+$", text), 1, "16384 bytes are looked at");
    is_int(matches("^.*aaa$", text), 1, "from their end");
    is_int(matches("^.*?aaa$", text), 1, "and from their beginning");
    is_int(matches("^(?:a|b)+$", text), 1, "in small steps");
    is_int(matches("^.*b", text), 0, "what is not there");

    memcpy(text, "baaaab", 6);
    is_int(matches("^.*b", text), 1, "what stands at the far end");

    text[16384] = 'a';
    text[16385] = '\0';
    is_int(matches("a$", text), 0, "16385 bytes are not looked at");

    free(text);
}


/* many texts, each of which is nearly too much */

static void
test_event(void)
{
    int                  i, holds;
    char                *json, *p;
    rules_t              rules;
    clock_t              start;
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *slow, *none, *quick;

    holds = 0;

    rules_create(&rules);
    slow = rules_read(&rules, "when data.s ~ '(a+)+$';");
    none = rules_read(&rules, "when data.s !~ '(a+)+$';");
    quick = rules_read(&rules, "when data.q ~ '^q$';");

    json = malloc(300000);
    p = json + sprintf(json, "{\"q\":\"q\",\"s\":[\"\"");

    for (i = 0; i < 9000; i++) {
        p += sprintf(p, ",\"aaaaaaaaaaaa%.*s!\"", i % 12, "aaaaaaaaaaaa");
    }

    sprintf(p, "]}");

    facts = rules_event(&rules, json);
    is_int(ngx_er_condition_holds(quick, facts), 1, "before");

    start = clock();

    for (i = 0; i < 100; i++) {
        holds = ngx_er_condition_holds(slow, facts);
    }

    start = clock() - start;

    is_int(holds, 0, "100 times 9000 texts are given up");

    ok(start < CLOCKS_PER_SEC, "in %d ms",
       (int) (start / (CLOCKS_PER_SEC / 1000)));

    is_int(ngx_er_condition_holds(quick, facts), 0, "no time is left");
    is_int(facts->undecided, 1, "it is undecided");

    facts = rules_event(&rules, json);
    is_int(ngx_er_condition_holds(none, facts), 0, "nor does its opposite");
    is_int(facts->undecided, 1, "hold, so that nobody takes it for an answer");

    facts = rules_event(&rules, json);
    is_int(ngx_er_condition_holds(quick, facts), 1, "the next event has all");

    /* what is not slow takes little of it, with sanitizers on a busy machine
       too */

    p = json + sprintf(json, "{\"q\":\"q\",\"s\":[\"\"");

    for (i = 0; i < 1000; i++) {
        p += sprintf(p, ",\"%d bags\"", i);
    }

    sprintf(p, "]}");

    slow = rules_read(&rules, "when data.s ~ '^999 bags$';");
    facts = rules_event(&rules, json);

    is_int(ngx_er_condition_holds(slow, facts), 1, "1000 texts are no matter");
    is_int(ngx_er_condition_holds(quick, facts), 1, "nor for what follows");

    free(json);
    rules_destroy(&rules);
}


static int
plain(const char *pattern, const char *text)
{
    int                rc;
    size_t             offset;
    pcre2_code        *re;
    pcre2_match_data  *md;

    re = pcre2_compile((PCRE2_SPTR) pattern, PCRE2_ZERO_TERMINATED,
                       utf8 ? PCRE2_UTF|PCRE2_CASELESS : 0, &rc, &offset,
                       NULL);
    if (re == NULL) {
        return -1;
    }

    md = pcre2_match_data_create_from_pattern(re, NULL);
    rc = pcre2_match(re, (PCRE2_SPTR) text, strlen(text), 0, 0, md, NULL);

    pcre2_match_data_free(md);
    pcre2_code_free(re);

    return rc >= 0;
}


static int
matches(const char *pattern, const char *text)
{
    int                  rc;
    rules_t              rules;
    ngx_str_t            args[4];
    ngx_uint_t           n;
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *condition;

    rules_create(&rules);
    rules_field(&rules, "header.s", text);

    n = 0;
    args[n++] = rules_str("header.s");

    if (utf8) {
        args[n++] = rules_str("utf8");
    }

    args[n++] = rules_str(utf8 ? "~*" : "~");
    args[n++] = rules_str(pattern);

    condition = ngx_er_condition_test(rules.pool, args, n, NULL, rules.fields,
                                      &rules.err);

    if (condition == NULL) {
        rules_destroy(&rules);
        return -1;
    }

    facts = rules_event(&rules, "{}");
    rc = (int) ngx_er_condition_holds(condition, facts);

    if (facts->undecided) {
        rc = UNDECIDED;
    }

    rules_destroy(&rules);

    return rc;
}


/* the event of one text, or of as many short ones as it has room for */

static void
fill(char *json, const char *unit, size_t len, size_t every, const char *end)
{
    char    *p;
    size_t   i, k, n, unit_len;

    unit_len = strlen(unit);
    n = (len < 1000) ? 300000 / (len + 3) : 1;
    p = json + sprintf(json, "{\"s\":[");

    for (k = 0; k < n; k++) {
        p += sprintf(p, "%s\"", k ? "," : "");

        for (i = 0; i < len - strlen(end); i++) {
            *p = (every && i % (every + 1) == every) ? '!'
                                                     : unit[i % unit_len];

            if (*p == '\n') {
                *p++ = '\\';
                *p = 'n';
            }

            p++;
        }

        p += sprintf(p, "%s\"", *end == '\n' ? "\\n" : end);
    }

    sprintf(p, "]}");
}


/* ms of CPU */

static double
route(const char *pattern, const char *json)
{
    double               start;
    ngx_str_t            args[3];
    rules_t              rules;
    ngx_er_facts_t      *facts;
    ngx_er_condition_t  *condition;

    rules_create(&rules);

    args[0] = rules_str("data.s");
    args[1] = rules_str("~");
    args[2] = rules_str(pattern);

    condition = ngx_er_condition_test(rules.pool, args, 3, NULL, rules.fields,
                                      &rules.err);
    facts = condition ? rules_event(&rules, json) : NULL;

    if (facts == NULL) {
        diag("%s: not read", pattern);
        return 1000;
    }

    start = cpu();
    clock_longest = 0;

    (void) ngx_er_condition_holds(condition, facts);

    start = cpu() - start;
    rules_destroy(&rules);

    return start;
}


static double
cpu(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);

    return ts.tv_sec * 1e3 + ts.tv_nsec / 1e6;
}


/* instead of libc's: notes the longest time between two readings, or is a
   clock of LOOKS readings in the time of an event */

int
clock_gettime(clockid_t id, struct timespec *ts)
{
    int       rc;
    double    now;
    uint64_t  ns;

    if (id == CLOCK_THREAD_CPUTIME_ID && clock_looks >= 0) {
        ns = (uint64_t) ++clock_looks * (NGX_ER_BUDGET_TIME * 1000000 / LOOKS);
        ts->tv_sec = 1 + ns / 1000000000;
        ts->tv_nsec = ns % 1000000000;
        return 0;
    }

    rc = (int) syscall(SYS_clock_gettime, id, ts);

    if (rc == 0 && id == CLOCK_THREAD_CPUTIME_ID) {
        now = ts->tv_sec * 1e3 + ts->tv_nsec / 1e6;

        if (clock_last > 0 && now - clock_last > clock_longest) {
            clock_longest = now - clock_last;
        }

        clock_last = now;
    }

    return rc;
}


static unsigned
pick(unsigned n)
{
    seed = seed * 1103515245 + 12345;

    return (seed >> 16) % n;
}


/*
 * As SELinux and systemd's MemoryDenyWriteExecute do it: no memory that is
 * written can be run.  There is no way back.
 */

static int
forbid_code(void)
{
    struct sock_filter  filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mmap, 1, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mprotect, 0, 2),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                 offsetof(struct seccomp_data, args[2])),
        BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, PROT_EXEC, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EACCES)
    };
    struct sock_fprog   program = { sizeof(filter) / sizeof(filter[0]),
                                    filter };

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
           && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}


/* whether PCRE makes machine code here */

static int
makes_code(void)
{
    int          rc;
    size_t       at;
    pcre2_code  *re;

    re = pcre2_compile((PCRE2_SPTR) "a", 1, 0, &rc, &at, NULL);
    rc = pcre2_jit_compile(re, PCRE2_JIT_COMPLETE);
    pcre2_code_free(re);

    return rc == 0;
}


/* all of it again, in a process that is forbidden to */

static void
test_forbidden(void)
{
    int    fd[2], result[2];
    pid_t  pid;

    fflush(stdout);

    if (pipe(fd) != 0 || (pid = fork()) == -1) {
        ok(0, "a process");
        return;
    }

    if (pid == 0) {
        ok(forbid_code() && !makes_code(), "machine code is forbidden");
        test_all();

        result[0] = tap_count;
        result[1] = tap_failed;

        fflush(stdout);
        _exit(write(fd[1], result, sizeof(result)) != sizeof(result));
    }

    close(fd[1]);

    if (read(fd[0], result, sizeof(result)) == sizeof(result)) {
        tap_count = result[0];
        tap_failed = result[1];

    } else {
        ok(0, "it ended");
    }

    close(fd[0]);
    waitpid(pid, NULL, 0);
}
