
/*
 * Copyright (C) Event Router contributors
 */


#include "layout.h"


static void test_printed(void);
static void test_split(void);
static void test_refused(void);
static void test_pieces(void);
static void test_bounds(void);
static void test_memory(void);
static void test_form(void);
static void test_speed(void);
static ngx_er_layout_t *compile(ngx_pool_t *pool, const char *text,
    ngx_er_error_t *err);
static const char *printed(const char *template, const char *event,
    const char *element);
static int begins(const char *text, const char *want);


/* template, event, body; "!" is how an error begins */

static const char  *printings[][3] = {

    /* as it stands */

    { "{\"a\": {data.n}}", "{\"n\":12345678901234567890}",
      "{\"a\":12345678901234567890}" },
    { "{\"a\":{data.n},\"b\":\"{data.n}\"}", "{\"n\":1.10}",
      "{\"a\":1.10,\"b\":\"1.10\"}" },
    { "{\"a\":{data.n}}", "{\"n\":9007199254740993}",
      "{\"a\":9007199254740993}" },
    { "[{data.n}]", "{\"n\":0.100000000000000000000000000001}",
      "[0.100000000000000000000000000001]" },
    { "[{data.s},\"<{data.s}>\"]", "{\"s\":\"a\\u00e9\\/\\n\\\"\"}",
      "[\"a\\u00e9\\/\\n\\\"\",\"<a\\u00e9\\/\\n\\\">\"]" },
    { "[{data.t},\"{data.t}\",{data.z},\"{data.z}\"]",
      "{\"t\":true,\"z\":null}", "[true,\"true\",null,\"\"]" },
    { "[{data.o},\"{data.o}\"]", "{\"o\":{\"b\" : [1, \"x\\\"\"]}}",
      "[{\"b\" : [1, \"x\\\"\"]},"
      "\"{\\\"b\\\" : [1, \\\"x\\\\\\\"\\\"]}\"]" },
    { "{data}", "[1, 2 ]", "[1, 2 ]" },
    { "{data}", " \n\"x\" ", "\"x\"" },
    { "\"{data}\"", "7", "\"7\"" },
    { "{ data.a }", "{\"a\":1}", "1" },
    { " [ 1 , { \"a\" : \"b c\" } ] ", "{}", "[1,{\"a\":\"b c\"}]" },
    { "[{data.\"odd key\"},{data.\"a}|?\"}]",
      "{\"odd key\":1,\"a}|?\":2}", "[1,2]" },
    { "[{data.a[1]},{data.a[0].b}]", "{\"a\":[{\"b\":1},2]}", "[2,1]" },

    /* what is not in the body of the event */

    { "[{type},\"{type}\",{header.X-A}]", "{}",
      "[\"order.paid\",\"order.paid\",\"a header\"]" },
    { "[{id},\"{id}\"]", "{}",
      "[\"a \\\"quoted\\\"\\n\xef\xbf\xbd id\","
      "\"a \\\"quoted\\\"\\n\xef\xbf\xbd id\"]" },
    { "[{header.X-C?},{subject|\"none\"},1]", "{}", "[\"none\",1]" },
    { "[{header.X-B}]", "{}", "!{header.X-B} in t:1 is there more than once" },

    /* arrays */

    { "{\"a\":{data.i.s}}", "{\"i\":[{\"s\":\"x\"},{},{\"s\":\"y\"}]}",
      "{\"a\":[\"x\",\"y\"]}" },
    { "{\"a\":{data.i.s}}", "{\"i\":[{\"s\":1}]}", "{\"a\":[1]}" },
    { "{\"a\":{data.i.s}}", "{\"i\":{\"s\":1}}", "{\"a\":1}" },
    { "{\"a\":{data.i.s}}", "{\"i\":[]}", "{\"a\":[]}" },
    { "{\"a\":{data.i.s?}}", "{\"i\":[{\"x\":1}]}", "{\"a\":[]}" },
    { "{\"a\":{data.i.s?}}", "{\"i\":{\"x\":1}}", "{}" },
    { "{\"a\":{data.i.s.t}}", "{\"i\":{\"\\u0073\":[5]}}", "{\"a\":[]}" },
    { "{\"a\":{data.i.t}}", "{\"i\":[{\"t\":[1]},{\"t\":[2,3]}]}",
      "{\"a\":[[1],[2,3]]}" },
    { "{\"a\":{data.i.j.k}}",
      "{\"i\":[{\"j\":[{\"k\":1},{\"k\":2}]},{\"j\":[{\"k\":3}]}]}",
      "{\"a\":[1,2,3]}" },
    { "{\"a\":{data.i[1].j.k}}",
      "{\"i\":[{\"j\":[{\"k\":1}]},{\"j\":[{\"k\":3}]}]}", "{\"a\":[3]}" },
    { "{\"a\":{data.i[1].k}}", "{\"i\":[{\"k\":1},{\"k\":3}]}",
      "{\"a\":3}" },
    { "{\"a\":{data.i[5].k?},\"b\":1}", "{\"i\":[{\"k\":1}]}",
      "{\"b\":1}" },
    { "{\"a\":{data.s},\"b\":{data[3].s?}}", "[5]", "{\"a\":[]}" },
    { "{\"a\":{data.i[0].s?},\"b\":1}", "{\"i\":[{}]}", "{\"b\":1}" },
    { "{\"a\":{data.i[0].s.t?},\"b\":1}", "{\"i\":[{\"s\":[]}]}",
      "{\"a\":[],\"b\":1}" },
    { "{\"a\":\"{data.i.s}\"}", "{\"i\":[{\"s\":\"x\"},{\"s\":null}]}",
      "{\"a\":\"[\\\"x\\\",null]\"}" },

    /* missing */

    { "{\"a\":1,\"b\":{data.x?},\"c\":2}", "{}", "{\"a\":1,\"c\":2}" },
    { "{\"b\":{data.x?},\"c\":2}", "{}", "{\"c\":2}" },
    { "{\"b\":{data.x?},\"c\":{data.y?}}", "{}", "{}" },
    { "{\"b\":{data.x?},\"c\":{data.y?},\"d\":{data.z?}}", "{\"y\":null}",
      "{\"c\":null}" },
    { "{\"a\":{\"b\":{data.x?}},\"c\":[{data.x?}]}", "{}",
      "{\"a\":{},\"c\":[]}" },
    { "[{data.x?},1,{data.x?},2,{data.x?}]", "{}", "[1,2]" },
    { "[{data.x?},1,{data.x?},2,{data.x?}]", "{\"x\":0}", "[0,1,0,2,0]" },
    { "{\"a\":\"x {data.x?} y\",\"b\":\"{data.x?}\",\"c\":\"[\"}", "{}",
      "{\"c\":\"[\"}" },
    { "[\"a\",\"x {data.x?} y\"]", "{\"x\":\"{\"}", "[\"a\",\"x { y\"]" },
    { "[\"[\",{data.x?},1]", "{}", "[\"[\",1]" },
    { "[[],{data.x?},1]", "{}", "[[],1]" },
    { "[{data.x|0},{data.x|\"a\\\"b\"},{data.x|'it\"s'},{data.x|null},"
      "{data.x|[1, {\"b\":\"}\"}]},{data.x|{}},{data.x|-1.50}]", "{}",
      "[0,\"a\\\"b\",\"it\\\"s\",null,[1, {\"b\":\"}\"}],{},-1.50]" },
    { "[\"{data.x|0}\",\"{data.x|\"a\\\"b\"}\",\"{data.x|'it\"s'}\","
      "\"{data.x|null}\",\"{data.x|[\"q\"]}\",\"{data.x|true}\"]", "{}",
      "[\"0\",\"a\\\"b\",\"it\\\"s\",\"\",\"[\\\"q\\\"]\",\"true\"]" },
    { "[{data.x|5}]", "{\"x\":null}", "[null]" },
    { "{data.x|{}}", "{}", "{}" },
    { "{\n\"a\":1,\n\"b\":{data.x.y}}", "{\"x\":5}",
      "!{data.x.y} in t:3 is not in the event" },
    { "[{data.x}]", "{\"x\":1,\"x\":2}",
      "!the event has the key \"x\" twice" },
    { "[{data.y}]", "{\"x\":1,\"x\":2,\"y\":3}", "[3]" },

    /* filters */

    { "[{data.s|upper},\"{data.s | lower}\",{ data.s|trim|upper }]",
      "{\"s\":\" aBc\\u00e9 \"}",
      "[\" ABC\xc3\xa9 \",\" abc\xc3\xa9 \",\"ABC\xc3\xa9\"]" },
    { "[{data.s|number},\"{data.s|number}\",{data.n|number}]",
      "{\"s\":\"1.10\",\"n\":2e3}", "[1.10,\"1.10\",2e3]" },
    { "[{data.s|trim|number}]", "{\"s\":\" 12345678901234567890 \"}",
      "[12345678901234567890]" },
    { "[{data.s|number}]", "{\"s\":\"1 \"}",
      "!{data.s} in t:1 is not wholly a number" },
    { "[{data.s|number}]", "{\"s\":true}",
      "!{data.s} in t:1 is not wholly a number" },
    { "[{data.o|upper}]", "{\"o\":{}}", "!{data.o} in t:1 is an object" },
    { "[{data.n|string},{data.t|string},{data.z|string},\"{data.n|string}\","
      "{data.s|string}]",
      "{\"n\":1.10,\"t\":false,\"z\":null,\"s\":\"\\u0041\"}",
      "[\"1.10\",\"false\",null,\"1.10\",\"\\u0041\"]" },
    { "[{data.a|join},{data.a|join(\", \")},\"{data.a|join('-')|upper}\"]",
      "{\"a\":[\"a\\n\",1.0,null,true]}",
      "[\"a\\n,1.0,,true\",\"a\\n, 1.0, , true\",\"A\\n-1.0--TRUE\"]" },
    { "[{data.i.s|upper|join(\"\")},{data.i.s|upper}]",
      "{\"i\":[{\"s\":\"a\"},{\"s\":\"b\"}]}", "[\"AB\",[\"A\",\"B\"]]" },
    { "[{data.a|join},{data.s|join},{data.z|join}]",
      "{\"a\":[],\"s\":\"x\",\"z\":null}", "[\"\",\"x\",null]" },
    { "[{data.a|string},\"{data.a|string}\"]", "{\"a\":[1,\"x\\u0041\"]}",
      "[[\"1\",\"x\\u0041\"],\"[\\\"1\\\",\\\"x\\\\u0041\\\"]\"]" },
    { "[{data.s|base64},{data.e|base64},{data.n|base64}]",
      "{\"s\":\"\\u00e9\\n\",\"e\":\"\",\"n\":1}",
      "[\"w6kK\",\"\",\"MQ==\"]" },
    { "[{data.s|sha256}]", "{\"s\":\"abc\"}",
      "[\"ba7816bf8f01cfea414140de5dae2223"
      "b00361a396177a9cb410ff61f20015ad\"]" },
    { "[{data.x|upper|\"none\"},{data.x|number|0}]", "{}", "[\"none\",0]" },
    { "[{data.x?|upper},1]", "{}", "[1]" },

    /* dates */

    { "[{data.d|date}]", "{\"d\":\"2026-09-21T14:13:20.75+02:00\"}",
      "[\"2026-09-21T12:13:20Z\"]" },
    { "[{data.d|date(\"%Y-%m-%d %H:%M:%S.%L\")}]",
      "{\"d\":\"2026-09-21t14:13:20.7509z\"}",
      "[\"2026-09-21 14:13:20.750\"]" },
    { "[{data.a|date('%F %T')}]",
      "{\"a\":[0,1700000000,1700000000123,\"1700000000.5\",-1,-0.5]}",
      "[[\"1970-01-01 00:00:00\",\"2023-11-14 22:13:20\","
      "\"2023-11-14 22:13:20\",\"2023-11-14 22:13:20\","
      "\"1969-12-31 23:59:59\",\"1969-12-31 23:59:59\"]]" },
    { "[{data.a|date('%s %L')|join}]",
      "{\"a\":[-1,-0.5,1700000000123,1.9999]}",
      "[\"-1 000,-1 500,1700000000 123,1 999\"]" },
    { "[{data.a|date('%a %b %j %y %%')}]",
      "{\"a\":[\"1955-03-01 00:00:00Z\",\"2024-12-31T23:59:60Z\","
      "\"2000-02-29T00:00:00-23:59\",\"0000-01-01T00:00:00Z\","
      "\"9999-12-31T23:59:59Z\",\"1900-12-31T00:00:00Z\"]}",
      "[[\"Tue Mar 060 55 %\",\"Wed Jan 001 25 %\",\"Tue Feb 060 00 %\","
      "\"Sat Jan 001 00 %\",\"Fri Dec 365 99 %\",\"Mon Dec 365 00 %\"]]" },
    { "[{data.d|date('%F %T.%L')}]", "{\"d\":\"2026-03-01\"}",
      "[\"2026-03-01 00:00:00.000\"]" },
    { "[{data.d|date('%s')}]", "{\"d\":\"1969-12-31\"}", "[\"-86400\"]" },
    { "[{data.d|date}]", "{\"d\":null}", "[null]" },
    { "[{data.d|date}]", "{\"d\":\"2026-02-29\"}",
      "!{data.d} in t:1 is no date" },
    { "[{data.d|date}]", "{\"d\":\"2026-03-01T\"}",
      "!{data.d} in t:1 is no date" },
    { "[{data.d|date}]", "{\"d\":\"2026-03-01Z\"}",
      "!{data.d} in t:1 is no date" },
    { "[{data.d|date}]", "{\"d\":\"2026-03-1\"}",
      "!{data.d} in t:1 is no date" },
    { "[{data.d|date}]", "{\"d\":\"2026-02-29T00:00:00Z\"}",
      "!{data.d} in t:1 is no date" },
    { "[{data.d|date}]", "{\"d\":\"2026-09-21T14:13:20\"}",
      "!{data.d} in t:1 is no date" },
    { "[{data.d|date}]", "{\"d\":\"0000-01-01T00:00:00+00:01\"}",
      "!{data.d} in t:1 is no date" },
    { "[{data.d|date}]", "{\"d\":1e9}", "!{data.d} in t:1 is no date" },
    { "[{data.d|date}]", "{\"d\":true}", "!{data.d} in t:1 is no date" },

    /* code tables */

    { "[{map codes data.a},\"{map codes data.b}\",{map codes data.c}]",
      "{\"a\":\"DE\",\"b\":\"AT\",\"c\":\"Ivory Coast\"}",
      "[\"10\",\"20 and more\",\"a \"]" },
    { "[{map codes data.a},{map codes data.b},{map codes data.c},"
      "{map codes data.d}]",
      "{\"a\":\"CH\",\"b\":\"C#1\",\"c\":\"LI\",\"d\":\"San Marino\"}",
      "[\"30\",\"a#b#\",\"# 40\",\"50 (SM)\"]" },
    { "[{map codes data.n},{map codes data.m},{map codes data.t},"
      "{map codes data.e},{map codes data.z},{map codes data.u}]",
      "{\"n\":1,\"m\":1.0,\"t\":true,\"e\":\"empty\",\"z\":null,"
      "\"u\":\"caf\\u00e9\"}",
      "[\"one\",\"one point\",\"yes\",\"\",null,\"\xe2\x98\x95\"]" },
    { "[{map codes.json data.a},\"{map \"codes.json\" data.a}\"]",
      "{\"a\":[\"a\",\"b\",\"c\",1,true]}",
      "[[1,{\"c\": [1.10]},\"x\\ty\",null,false],"
      "\"[1,{\\\"c\\\": [1.10]},\\\"x\\\\ty\\\",null,false]\"]" },
    { "[{map bom data.a},{map bom data.b},{map bom.json data.a},"
      "{map bom.json data.b}]", "{\"a\":\"NL\",\"b\":\"DE\"}",
      "[\"31\",\"49\",31,49]" },
    { "[{map codes data.a?},{map codes data.a|\"?\"},{map codes data.x|0},1]",
      "{\"a\":\"zz\"}", "[\"?\",0,1]" },
    { "[{map codes data.a?},{map codes data.a|0}]",
      "{\"a\":[\"a\",\"zz\",\"b\"]}", "[[\"1\",\"2\"],[\"1\",0,\"2\"]]" },
    { "[{map codes data.a|join|\"-\"}]", "{\"a\":[\"a\",\"zz\"]}",
      "[\"1,-\"]" },
    { "[{map codes data.a|number}]", "{\"a\":\"a\"}", "[1]" },
    { "[{map codes data.a}]", "{\"a\":\"zz\"}",
      "!{data.a} in t:1 is not in the event, or its value is not in the" },
    { "[{map codes data.a}]", "{\"a\":{}}",
      "!{data.a} in t:1 is an object or an array" },

    /* each */

    { "{\"l\":[{each data.i}{\"s\":{.s},\"q\":{.q?}}{end}],\"n\":1}",
      "{\"i\":[{\"s\":1},{\"q\":5,\"s\":2}]}",
      "{\"l\":[{\"s\":1},{\"s\":2,\"q\":5}],\"n\":1}" },
    { "[{each data.i}{.}{end}]", "{\"i\":[1,\"a\\n\",{\"b\":1},null]}",
      "[1,\"a\\n\",{\"b\":1},null]" },
    { "[{each data.i}{.}{end}]", "{\"i\":[]}", "[]" },
    { "[0,{each data.i}{.},{end}9]", "{\"i\":[1,2]}", "[0,1,2,9]" },
    { "[{each data.i}{.}{end},9]", "{\"i\":[]}", "[9]" },
    { "[{each data.i}{.x?},{.y?}{end}]",
      "{\"i\":[{\"y\":1},{},{\"x\":2,\"y\":3},{\"x\":4}]}", "[1,2,3,4]" },
    { "[{each data.i}{.}{end}]", "{\"i\":{\"a\":1}}", "[{\"a\":1}]" },
    { "[{each data.i}{.}{end}]", "{\"i\":[[1,[2]],3]}", "[1,2,3]" },
    { "[{each data.o}[{.n},{each .i}{.s}{end}]{end}]",
      "{\"o\":[{\"n\":1,\"i\":[{\"s\":\"a\"},{\"s\":\"b\"}]},"
      "{\"n\":2,\"i\":[]},{\"n\":3},{\"i\":[{\"s\":\"c\"}],\"n\":4}]}",
      "[[1,\"a\",\"b\"],[2],[3],[4,\"c\"]]" },
    { "[{each data.a}{each data.b}\"{.}{data.x}\"{end}{end}]",
      "{\"a\":[1,2],\"b\":[\"p\",\"q\"],\"x\":0}",
      "[\"p0\",\"q0\",\"p0\",\"q0\"]" },
    { "[{each data.i}{.t}{end}]",
      "{\"i\":[{\"t\":[1]},{\"t\":2},{\"t\":[]}]}", "[[1],2,[]]" },
    { "[{each data.i}{.t.u}{end}]",
      "{\"i\":[{\"t\":[{\"u\":1},{\"u\":2}]},{\"t\":{\"u\":3}},{\"t\":[]}]}",
      "[[1,2],3,[]]" },
    { "[{each data.i}{.t.u|0}{end}]", "{\"i\":[{\"t\":{}},5,\"{\"]}",
      "[0,0,0]" },
    { "[{each data.i}{.t[0]}{end}]", "{\"i\":[{\"t\":[7,8]}]}", "[7]" },
    { "[{each data.i}{.s|upper}{end}]", "{\"i\":[{\"s\":\"a\"}]}",
      "[\"A\"]" },
    { "[{each data.i}{.s}{end}]", "{\"i\":[{\"s\":1},{}]}",
      "!{.s} in t:1 is not in the event" },
    { "{\"s\":\"{each data.i}{.s}x{.q} {end}\"}",
      "{\"i\":[{\"s\":\"a\",\"q\":1},{\"s\":\"b\",\"q\":2}]}",
      "{\"s\":\"ax1 bx2 \"}" },
    { "{\"s\":\"{each data.i}{.s?};{end}\",\"t\":1}",
      "{\"i\":[{\"s\":\"a\"},{}]}", "{\"t\":1}" },
    { "[{each data.i}{data.i.s}{end}]", "{\"i\":[{\"s\":1},{\"s\":2}]}",
      "[[1,2],[1,2]]" },

    /* if */

    { "{\"a\":{if data.n > 5}1{else}2{end}}", "{\"n\":6}", "{\"a\":1}" },
    { "{\"a\":{if data.n > 5}1{else}2{end}}", "{\"n\":5}", "{\"a\":2}" },
    { "{\"a\":{if data.n > 5}1{end},\"b\":2}", "{\"n\":5}", "{\"b\":2}" },
    { "{\"a\":{if data.n > 5}{data.m?}{else}0{end},\"b\":2}", "{\"n\":6}",
      "{\"b\":2}" },
    { "{\"a\":{if data.n > 5}{if data.m exists}{\"z\":1}{end}{end},\"b\":2}",
      "{\"n\":6}", "{\"b\":2}" },
    { "{\"a\":{if data.n > 5}{if data.m exists}{\"z\":1}{end}{end},\"b\":2}",
      "{\"n\":6,\"m\":0}", "{\"a\":{\"z\":1},\"b\":2}" },
    { "{{if data.n > 5}\"a\":1,\"b\":2{else}\"a\":3{end}\"c\":4}",
      "{\"n\":6}", "{\"a\":1,\"b\":2,\"c\":4}" },
    { "{ {if data.n > 5} \"a\":1, {else} \"a\":3 {end}, \"c\":4 }",
      "{\"n\":5}", "{\"a\":3,\"c\":4}" },
    { "{\"z\":0{if data.n > 5},\"a\":1{end}}", "{\"n\":6}",
      "{\"z\":0,\"a\":1}" },
    { "{\"z\":0{if data.n > 5},\"a\":1{end}}", "{\"n\":5}", "{\"z\":0}" },
    { "[{if data.n > 5}1,2{end}{if data.n < 9}3{end}]", "{\"n\":5}", "[3]" },
    { "[{if data.n > 5}1,2{end}{if data.n < 9}3{end}]", "{\"n\":7}",
      "[1,2,3]" },
    { "{if type = order.paid}{\"p\":1}{else}[]{end}", "{}", "{\"p\":1}" },
    { "[\"{if data.s ~ \"^a{1,2}$\"}yes{else}no{end}!\"]", "{\"s\":\"aa\"}",
      "[\"yes!\"]" },
    { "[\"{if data.s = 'a }'}y{end}{if not data.s}\"]", "{}",
      "!t:1:" },
    { "[\"{if data.s = 'a }'}y{end}.\"]", "{\"s\":\"a }\"}", "[\"y.\"]" },
    { "[{each data.i}{if .p > 10}{.s}{else}0{end}{end}]",
      "{\"i\":[{\"p\":5,\"s\":\"a\"},{\"p\":11,\"s\":\"b\"},{\"p\":12,"
      "\"s\":\"c\"},{\"s\":\"d\"}]}", "[0,\"b\",\"c\",0]" },
    { "[{each data.i}{if . > 1}{.}{end}{end}]", "{\"i\":[1,2,[3,0],\"4\"]}",
      "[2,3,\"4\"]" },
    { "[{each data.o}{each .i}{if .s not = b}\"{.s}\"{end}{end}{end}]",
      "{\"o\":[{\"i\":[{\"s\":\"a\"},{\"s\":\"b\"}]},"
      "{\"i\":[{\"s\":\"b\"},{\"s\":\"c\"}]}]}", "[\"a\",\"c\"]" },
    { "[{each data.o}{if .go = true}{each .i}{if .s = 1}{.n}{end}{end}{end}"
      "{end}]",
      "{\"o\":[{\"go\":false,\"i\":[{\"s\":1,\"n\":1}]},{\"go\":true,"
      "\"i\":[{\"s\":0,\"n\":2},{\"s\":1,\"n\":3}]},{\"go\":true,"
      "\"i\":[{\"s\":1,\"n\":4}]}]}", "[3,4]" },
    { "[{each data.i}{if data.x = 1}{.}{end}{end}]",
      "{\"x\":1,\"i\":[1,2]}", "[1,2]" },
    { "[{each data.i}{if header.X-A contains head}{.}{end}{end}]",
      "{\"i\":[1]}", "[1]" },
    { "{\"a\":{\"b\":{if data.x exists}1{end}},\"c\":[{if data.x exists}1"
      "{end}]}", "{}", "{\"a\":{},\"c\":[]}" },

    /* braces */

    { "[\"{}\",\"{ }\",\"{0}\",\"\\{data.x}\",\"{\\\"a\\\"}\",\"{{}}\"]",
      "{}", "[\"{}\",\"{ }\",\"{0}\",\"{data.x}\",\"{\\\"a\\\"}\",\"{{}}\"]" },
    { "{\"\\{a}\":1}", "{}", "{\"{a}\":1}" },

    /* bytes that are no text */

    { "[{data.s},\"{data.s}\",{data.s|upper}]", "{\"s\":\"a\xff\xc3z\"}",
      "[\"a\xef\xbf\xbd\xef\xbf\xbdz\",\"a\xef\xbf\xbd\xef\xbf\xbdz\","
      "\"A\xef\xbf\xbd\xef\xbf\xbdZ\"]" },
    { "[{data.s},\"{data.s}\",{data.s|lower}]",
      "{\"s\":\"\\ud83dx\\ude00\\ud83d\\ude00\"}",
      "[\"\xef\xbf\xbdx\xef\xbf\xbd\xf0\x9f\x98\x80\","
      "\"\xef\xbf\xbdx\xef\xbf\xbd\xf0\x9f\x98\x80\","
      "\"\xef\xbf\xbdx\xef\xbf\xbd\xf0\x9f\x98\x80\"]" },
    { "[{data},\"{data}\"]", "[\"\xff\",\"\\ud83d\\\\ud83d\",\"\\u0041\"]",
      "[[\"\xef\xbf\xbd\",\"\xef\xbf\xbd\\\\ud83d\",\"\\u0041\"],"
      "\"[\\\"\xef\xbf\xbd\\\",\\\"\xef\xbf\xbd\\\\\\\\ud83d\\\","
      "\\\"\\\\u0041\\\"]\"]" },
    { "[{data}]", "[\"\\ude00\\ude00\",\"\\ud83d\\ud83d\\ude00\"]",
      "[[\"\xef\xbf\xbd\xef\xbf\xbd\",\"\xef\xbf\xbd\\ud83d\\ude00\"]]" },
    { "[{data.s}]", "\xef\xbb\xbf{\"s\":\"a\"}", "[\"a\"]" },
    { "[{data.s.t}]", "\xef\xbb\xbf{\"s\":[]}", "[[]]" },
    { "[{data.s}]", "{\"s\":\"\\u0000\"}", "[\"\\u0000\"]" },
    { "[{data.s|upper}]", "{\"s\":\"\\u0000\\u001f\\b\\f\\u000b\\u007f\"}",
      "[\"\\u0000\\u001f\\b\\f\\u000b\x7f\"]" },

    { "[{data.x}]", "{\"x\":", "!the event cannot be read for the template" },
    { "[{type}]", "no json", "[\"order.paid\"]" }
};


/* template, how the error begins */

static const char  *refusals[][2] = {
    { "", "t:1:1: the template ends where a value is missing" },
    { "{", "t:1:2: the template ends where \"}\" is missing" },
    { "{\"a\":1,\n \"b\":2,\n}", "t:3:1: a comma stands in front of this" },
    { "{\"a\":1 \"b\":2}", "t:1:8: a comma is missing" },
    { "{,\"a\":1}", "t:1:2: a comma stands here without" },
    { "[1,,2]", "t:1:4: a comma stands here without" },
    { "[1}", "t:1:3: here \"]\" is missing" },
    { "{\"a\":1}x", "t:1:8: something stands behind" },
    { "{\"a\" 1}", "t:1:6: \":\" is missing behind the key" },
    { "{a:1}", "t:1:2: unknown field \"a:1\"" },
    { "{ 1:1}", "t:1:3: here must be a key in double quotes" },
    { "{\"a\":tru}", "t:1:6: here must be a value of JSON" },
    { "{\"a\":01}", "t:1:6: here must be a value of JSON" },
    { "{\"a\":1e999}", "t:1:6: here must be a value of JSON" },
    { "{\"a\":\"x\ny\"}", "t:1:8: a string goes on behind the end" },
    { "{\"a\":\"\\x\"}", "t:1:7: this escape is none of JSON" },
    { "{\"a\":\"\\ud83d\"}", "t:1:7: this escape is none of JSON" },
    { "{\"a\":\"\\ude00\"}", "t:1:7: this escape is none of JSON" },
    { "[\"abc]", "t:1:2: this quote has no other end" },
    { "{\"a", "t:1:2: this quote has no other end" },
    { "[\"\xff\"]", "t:1:1: the template is not UTF-8" },
    { "{\"a\":1,\"\\u0061\":2}", "t:1:8: the object has the key \"a\" "
                                 "already" },
    { "{\"a\":1,{if data.x = 1}\"a\":2{end}}", "t:1:23: the object has the "
                                               "key \"a\" already" },
    { "{{if data.x = 1}\"a\":2{else}\"b\":1{end},\"a\":1}",
      "t:1:39: the object has the key \"a\" already" },
    { "{\"{data.x}\":1}", "t:1:3: a key cannot have a place" },
    { "{{data.x}:1}", "t:1:2: here must be a key in double quotes" },
    { "[\"{{data.x}}\"]", "t:1:3: a place has one brace" },
    { "[{{data.x}}]", "t:1:3: here must be a key in double quotes: a place "
                      "has one brace" },
    { "{data.x?}", "t:1:1: \"?\" lets a member" },
    { "\"a{data.x?}\"", "t:1:3: \"?\" lets a member" },
    { "{if data.x = 1}1{end}", "t:1:1: {if} needs an {else} here" },
    { "{if data.x = 1}1{else}{data.y?}{end}", "t:1:23: \"?\" lets" },
    { "[{data.x?|0}]", "t:1:2: a place has \"?\" and a default" },
    { "[{data.x|0|1}]", "t:1:12: a place has two defaults" },
    { "[{data.x|0|upper}]", "t:1:12: the filter \"upper\" stands behind the "
                            "default" },
    { "[{data.x|uper}]", "t:1:10: unknown filter \"uper\": did you mean "
                         "\"upper\"?" },
    { "[{data.x|nothing_like_it}]", "t:1:10: unknown filter \"nothing" },
    { "[{data.x|upper(\"x\")}]", "t:1:10: the filter \"upper\" takes" },
    { "[{data.x|join(x)}]", "t:1:14: the parentheses of \"join\"" },
    { "[{data.x|date(\"%q\")}]", "t:1:10: the format of a date" },
    { "[{data.x|date(\"%\")}]", "t:1:10: the format of a date" },
    { "[{data.x|date(\"YYYY-MM-DD\")}]", "t:1:10: the format "
      "\"YYYY-MM-DD\" of a date has no \"%\", so it would be this text for "
      "each date: year, month and day are \"%Y-%m-%d\", hour" },
    { "[{data.x|date(\"\")}]", "t:1:10: the format \"\" of a date has no" },
    { "[{data.x|}]", "t:1:10: behind \"|\" stands a filter or a default" },
    { "[{data.x|01}]", "t:1:10: the default is no value of JSON" },
    { "[{data.x|[1}]", "t:1:10: the default is no value of JSON" },
    { "[{data.x|\"a}]", "t:1:10: behind \"|\" stands a filter or a default" },
    { "[{data.x", "t:1:9: the template ends where \"}\" is missing" },
    { "[{data.x y}]", "t:1:10: \"}\" is missing here" },
    { "[{dat.x}]", "t:1:3: unknown field \"dat.x\": did you mean "
                   "\"data.x\"?" },
    { "[{data..x}]", "t:1:3: the field \"data..x\" has two" },
    { "[{data.\"x}]", "t:1:3: a key has no closing quote" },
    { "[{$host}]", "t:1:3: \"$host\" is a variable of the request" },
    { "[{$.x.y}]", "t:1:3: templates have no \"$.x.y\" of JSONPath: write "
                   "\"data.x.y\"" },
    { "[{if $.x = 1}1{end}]", "t:1:2: templates have no \"$.x\" of "
                              "JSONPath: write \"data.x\"" },
    { "[{if $host = a}1{end}]", "t:1:2: \"$host\" is a variable" },
    { "[{if}1{end}]", "t:1:2: \"if\" needs a condition" },
    { "[{if data.x}1{end}]", "t:1:2: " },
    { "[{if not data.x = 1}1{end}]", "t:1:2: \"not\" stands where the field "
      "is: to negate, write {if FIELD not OP VALUE}" },
    { "[{if !data.x = 1}1{end}]", "t:1:2: \"!data.x\" stands where" },
    { "[{if vip = 1}1{end}]", "t:1:2: unknown field \"vip\": a field is id, "
      "type, source, subject, time, data.PATH, header.NAME or arg.NAME; " },
    { "[{vip}]", "t:1:3: unknown field \"vip\": a field is id, type, source, "
      "subject, time, data.PATH, header.NAME or arg.NAME; " },
    { "[{if data.x = 'a}1{end}]", "t:1:15: a quote has no other end" },
    { "[{if data.x ~ \"(\"}1{end}]", "t:1:2: " },
    { "[{if data.x = 1}1]", "t:1:2: this has no {end}" },
    { "[{if data.x = 1}1", "t:1:2: this has no {end}" },
    { "[{if data.x = 1}1{else}2{else}3{end}]", "t:1:2: this has no {end}" },
    { "{\"a\":{if data.x = 1}1]", "t:1:6: this has no {end}" },
    { "[1{end}]", "t:1:3: this belongs to no {if}" },
    { "[\"{end}\"]", "t:1:3: this belongs to no {if}" },
    { "[\"{if data.x = 1}a\"]", "t:1:3: this has no {end} in the same" },
    { "{\"a\":{else}}", "t:1:6: a value is missing" },
    { "{\"a\":{each data.x}1{end}}", "t:1:6: {each} makes elements" },
    { "{{each data.x}\"a\":1{end}}", "t:1:2: {each} makes elements" },
    { "[{each type}1{end}]", "t:1:2: \"each\" goes through an array" },
    { "[{each}1{end}]", "t:1:2: \"each\" needs an array" },
    { "[{each data.x}1{else}2{end}]", "t:1:2: this has no {end}" },
    { "[{each data.x]", "t:1:15: the template ends where \"}\"" },
    { "[{each data.x y}]", "t:1:15: \"}\" is missing here" },
    { "[{each data.x}{each .}1{end}{end}]", "t:1:15: {each .} in an" },
    { "[{eahc data.x}1{end}]", "t:1:3: unknown word \"eahc\": did you mean "
                               "{each ...}?" },
    { "[{map nix data.x}]", "t:1:7: the code table \"nix\": it cannot be" },
    { "[{map twice data.x}]", "t:1:7: the code table \"twice\": line 4: the "
                              "key \"a\" is in line 2, too" },
    { "[{map twice.json data.x}]", "t:1:7: the code table \"twice.json\": "
                                   "line 5: the key \"a\" is in line 3, "
                                   "too" },
    { "[{map torn data.x}]", "t:1:7: the code table \"torn\": line 2: a "
                             "quote" },
    { "[{map bare data.x}]", "t:1:7: the code table \"bare\": line 1: "
                             "there is no value" },
    { "[{map hash data.x}]", "t:1:7: the code table \"hash\": line 2: "
                             "there is no value" },
    { "[{map behind data.x}]", "t:1:7: the code table \"behind\": line 1: a "
                               "quote has no other end, or something" },
    { "[{map }]", "t:1:7: \"map\" needs the file" },
    { "[{map codes}]", "t:1:12: a field is missing" },
    { "[{map codes nix}]", "t:1:13: unknown field \"nix\"" }
};


int
main(void)
{
    test_printed();
    test_split();
    test_refused();
    test_pieces();
    test_bounds();
    test_memory();
    test_form();
    test_speed();

    return done_testing();
}


static void
test_printed(void)
{
    ngx_str_t    got;
    ngx_uint_t   i;

    for (i = 0; i < sizeof(printings) / sizeof(printings[0]); i++) {
        got.data = (u_char *) printed(printings[i][0], printings[i][1], NULL);
        got.len = strlen((char *) got.data);

        if (printings[i][2][0] == '!') {
            if (!ok(begins((char *) got.data, printings[i][2]), "%s of %s",
                    printings[i][0], printings[i][1]))
            {
                diag("got %s", got.data);
            }

        } else {
            is_str(&got, printings[i][2], "%s of %s", printings[i][0],
                   printings[i][1]);
        }
    }
}


static void
test_split(void)
{
    ngx_str_t  got;

    static const char  *elements[][3] = {
        { "{\"s\":{.sku},\"o\":{data.id},\"all\":{.}}",
          "{ \"sku\" : \"a\\u0041\" }",
          "{\"s\":\"a\\u0041\",\"o\":7,\"all\":{ \"sku\" : \"a\\u0041\" }}" },
        { "[{each .t}{if . > 1}{.}{end}{end},\"{if .sku = a}x{end}\","
          "{if data.id = 7}1{end}]",
          "{\"sku\":\"a\",\"t\":[1,2,3]}", "[2,3,\"x\",1]" },
        { "{.}", "5", "5" },
        { "[{.x?},{.y.z}]", "{\"y\":[]}", "[[]]" },
        { "[{.x}]", "5", "!{.x} in t:1 is not in the event" },
        { "[{.x}]", "{\"x\":1,\"x\":2}",
          "!the event has the key \"x\" twice" }
    };

    ngx_uint_t  i;

    for (i = 0; i < sizeof(elements) / sizeof(elements[0]); i++) {
        got.data = (u_char *) printed(elements[i][0],
                                      "{\"id\":7,\"i\":[{}]}",
                                      elements[i][1]);
        got.len = strlen((char *) got.data);

        if (elements[i][2][0] == '!') {
            ok(begins((char *) got.data, elements[i][2]), "split: %s",
               elements[i][0]);

        } else {
            is_str(&got, elements[i][2], "split: %s", elements[i][0]);
        }
    }

    ok(begins(printed("[{.x}]", "{}", NULL),
              "!the template t has fields that begin with \".\""),
       "a field of an element without an element");
}


static void
test_refused(void)
{
    ngx_uint_t       i;
    ngx_pool_t      *pool;
    ngx_er_error_t   err;

    for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        pool = ngx_er_test_pool();
        err.len = 0;

        ok(compile(pool, refusals[i][0], &err) == NULL, "refused: %s",
           refusals[i][0]);

        err.text[ngx_min(err.len, NGX_ER_ERROR_LEN - 1)] = '\0';

        if (!ok(begins((char *) err.text, refusals[i][1]), "says %s",
                refusals[i][1]))
        {
            diag("got %s", err.text);
        }

        ngx_destroy_pool(pool);
    }
}


/* one list, without marks that nobody needs */

static void
test_pieces(void)
{
    ngx_pool_t             *pool;
    ngx_er_error_t          err;
    ngx_er_layout_t        *layout;
    ngx_er_layout_piece_t  *piece;

    pool = ngx_er_test_pool();
    layout = compile(pool, " { \"a\" : [ 1, {\"b\": \"c d\"} ], \"e\": 2 } ",
                     &err);

    ok(layout && layout->pieces.nelts == 1, "without a place: one piece");

    piece = layout->pieces.elts;
    is_str(&piece->u.text, "{\"a\":[1,{\"b\":\"c d\"}],\"e\":2}",
           "without blanks");

    layout = compile(pool, "{\"a\":{data.a},\"b\":{data.b},\"c\":[{data.c}]}",
                     &err);

    ok(layout && layout->pieces.nelts == 7, "three places: seven pieces");
    is_int(layout->fields[0]->list.nelts, 3, "three fields");

    layout = compile(pool, "[{data.a},{data.a},{if data.a = 1}1{end}]", &err);

    is_int(layout->fields[0]->list.nelts, 1, "a field is asked for once");

    ngx_destroy_pool(pool);
}


static void
test_bounds(void)
{
    char        *text, *event;
    ngx_uint_t   i;

    text = malloc(4096);
    event = malloc(1 << 20);

    /* more than 64 arrays */

    for (i = 0; i < 70; i++) {
        text[i] = '[';
    }

    strcpy(text + 70, "1");

    ok(strstr(printed(text, "{}", NULL), "more than 64"), "depth");

    text[0] = '\0';

    for (i = 0; i < 9; i++) {
        strcat(text, "[{each data.a}");
    }

    ok(strstr(printed(text, "{}", NULL), "more than 8 \"each\""),
       "each in each");

    /* 3000 times 3000 elements that write nothing */

    strcpy(event, "{\"a\":[");

    for (i = 0; i < 3000; i++) {
        strcat(event, i ? ",1" : "1");
    }

    strcat(event, "]}");

    ok(begins(printed("[{each data.a}{each data.a}{if . > 1}1{end}{end}{end}]",
                      event, NULL),
              "!the template t looks at more values"), "turns are bounded");

    ok(begins(printed("[{each data.a}{data}{end}]", event, NULL),
              "!the template t makes more than 114"), "bytes are bounded");

    free(event);
    free(text);
}


/* each allocation fails once: no crash, and memory is what is told */

static void
test_memory(void)
{
    ngx_int_t               rc;
    ngx_str_t               event;
    ngx_uint_t              n, wrong;
    ngx_pool_t             *pool;
    ngx_er_error_t          err;
    ngx_er_layout_t        *layout;
    ngx_er_layout_print_t   print;

    static const char  template[] =
        "{\"a\":{data.a|upper|date('%F')|\"x\"},\"b\":\"{data.i.s|join}\","
        "\"c\":[{each data.i}{if .s = a}{map codes.json .s?}{end}\"{.}\""
        "{end}],"
        "\"d\":{map codes data.s|'q'},{if data.x = 1}\"e\":1{else}\"e\":2,"
        "\"f\":3{end},\"\\u0067\":{data.s|sha256},\"h\":\"{data.i}\"}";

    static const char  body[] =
        "{\"a\":\"2024-01-01T00:00:00Z\",\"s\":\"\\u0061\",\"i\":[{\"s\":"
        "\"a\"},{\"s\":\"\\u0062\"}]}";

    wrong = 0;
    ngx_er_test_log.log_level = NGX_LOG_EMERG;

    for (n = 1; n < 10000; n++) {
        pool = ngx_er_test_pool();
        event.data = (u_char *) body;
        event.len = sizeof(body) - 1;

        ngx_er_test_fail_at = ngx_er_test_allocs + n;
        layout = compile(pool, template, &err);
        ngx_er_test_fail_at = 0;

        if (layout == NULL) {
            err.text[ngx_min(err.len, NGX_ER_ERROR_LEN - 1)] = '\0';

            if (strstr((char *) err.text, "memory") == NULL) {
                wrong++;
                diag("%s", err.text);
            }

            ngx_destroy_pool(pool);
            continue;
        }

        ngx_destroy_pool(pool);
        break;
    }

    ok(n > 50 && n < 10000 && wrong == 0,
       "%d allocations of the compiler, each failed", (int) n);

    pool = ngx_er_test_pool();
    layout = compile(pool, template, &err);

    for (n = 1, rc = NGX_ERROR; rc == NGX_ERROR && n < 10000; n++) {
        ngx_memzero(&print, sizeof(ngx_er_layout_print_t));

        print.pool = ngx_er_test_pool();
        print.layout = layout;
        print.data = event;

        ngx_er_test_fail_at = ngx_er_test_allocs + n;
        rc = ngx_er_layout_print(&print, NULL);
        ngx_er_test_fail_at = 0;

        ngx_destroy_pool(print.pool);
    }

    is_int(rc, NGX_OK, "%d allocations of the printer, each failed", (int) n);
    ok(n > 20, "there are some");

    ngx_destroy_pool(pool);
    ngx_er_test_log.log_level = NGX_LOG_INFO;
}


static void
test_form(void)
{
    ngx_pool_t             *pool;
    ngx_er_error_t          err;
    ngx_er_layout_print_t   print;

    pool = ngx_er_test_pool();
    ngx_memzero(&print, sizeof(ngx_er_layout_print_t));

    print.pool = pool;
    print.layout = compile(pool, "{\"a\":{data.a},\"b\":\"{data.b}\",\"c\":"
                           "{data.c?},\"d\":[{each data.a}1{end}],\"e\":"
                           "{data.c.d|0},\"f\":{data.b|upper}}", &err);
    print.format = NGX_ER_LAYOUT_FORM;
    ngx_str_set(&print.data, "a=1%22&b=x+y%ff&d=1&d=2");

    is_int(ngx_er_layout_print(&print, NULL), NGX_OK, "a form");
    is_str(&print.body, "{\"a\":\"1\\\"\",\"b\":\"x y\xef\xbf\xbd\",\"d\":[],"
           "\"e\":0,\"f\":\"X Y\xef\xbf\xbd\"}", "and its body");
    is_int(print.replaced, 2, "what is no UTF-8 is counted");

    ngx_memzero(&print, sizeof(ngx_er_layout_print_t));

    print.pool = pool;
    print.layout = compile(pool, "[{data.d}]", &err);
    print.format = NGX_ER_LAYOUT_FORM;
    ngx_str_set(&print.data, "d=1&d=2");

    is_int(ngx_er_layout_print(&print, NULL), NGX_DECLINED, "a field twice");

    ngx_memzero(&print, sizeof(ngx_er_layout_print_t));

    print.pool = pool;
    print.layout = compile(pool, "[{data.d|1}]", &err);
    print.format = NGX_ER_LAYOUT_OPAQUE;
    ngx_str_set(&print.data, "{\"d\":2}");

    is_int(ngx_er_layout_print(&print, NULL), NGX_OK, "not JSON");
    is_str(&print.body, "[1]", "has no fields");

    ngx_destroy_pool(pool);
}


/* an {each} over many elements takes their number, not its square */

static void
test_speed(void)
{
    char        *event, *p;
    clock_t      start;
    ngx_uint_t   i;
    const char  *body;

    event = malloc(1 << 22);
    p = event + sprintf(event, "{\"i\":[");

    for (i = 0; i < 10000; i++) {
        p += sprintf(p, "%s{\"s\":%d,\"t\":[{\"u\":1},{\"u\":2}]}",
                     i ? "," : "", (int) i);
    }

    strcpy(p, "]}");

    start = clock();
    body = printed("[{each data.i}{if .s > 5}[{.s},{.t.u},{.x|0},"
                   "{each .t}{if .u = 1}{.u}{end}{end}]{end}{end}]", event,
                   NULL);

    ok(begins(body, "[[6,[1,2],0,1],[7,[1,2],0,1],")
       && clock() - start < 5 * CLOCKS_PER_SEC,
       "10000 elements: %d ms", (int) ((clock() - start) * 1000
                                       / CLOCKS_PER_SEC));
    free(event);
}


static ngx_er_layout_t *
compile(ngx_pool_t *pool, const char *text, ngx_er_error_t *err)
{
    ngx_str_t  name, template;

    ngx_str_set(&name, "t");

    template.data = (u_char *) text;
    template.len = strlen(text);

    return ngx_er_layout_compile(pool, &name, &template, layout_file, NULL,
                                 err);
}


/* the body, or "!" and the error */

static const char *
printed(const char *template, const char *event, const char *element)
{
    char                   *copy;
    ngx_int_t               rc;
    ngx_str_t               bytes;
    ngx_pool_t             *pool;
    ngx_er_error_t          err;
    ngx_er_layout_print_t   print;

    static char  *text;

    free(text);

    pool = ngx_er_test_pool();
    ngx_memzero(&print, sizeof(ngx_er_layout_print_t));

    print.pool = pool;
    print.layout = compile(pool, template, &err);

    if (print.layout == NULL) {
        text = malloc(err.len + 2);
        sprintf(text, "!%.*s", (int) err.len, (char *) err.text);
        ngx_destroy_pool(pool);
        return text;
    }

    /* a copy without a byte behind it: what reads on is found */

    print.data.len = strlen(event);
    print.data.data = malloc(print.data.len + 1);
    memcpy(print.data.data, event, print.data.len);
    copy = (char *) print.data.data;
    print.get = layout_get;

    if (element) {
        bytes.data = (u_char *) element;
        bytes.len = strlen(element);
    }

    rc = ngx_er_layout_print(&print, element ? &bytes : NULL);

    if (rc == NGX_OK) {
        text = malloc(print.body.len + 1);
        memcpy(text, print.body.data, print.body.len);
        text[print.body.len] = '\0';

    } else {
        text = malloc(print.err.len + 2);
        sprintf(text, "!%.*s", (int) print.err.len, (char *) print.err.text);
    }

    free(copy);
    ngx_destroy_pool(pool);

    return text;
}


static int
begins(const char *text, const char *want)
{
    return strncmp(text, want, strlen(want)) == 0;
}
