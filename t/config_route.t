#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about an event_route: its conditions, and those that say
# something else than they seem to.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t) = snippets();


# ---- event_route

part('bare_route');

wrong('without from', 'to erp;',
    'event_route "orders" has no "from": name its sources, or write "from *;" '
    . 'for all of them', at => 'block');
wrong('without to', 'from shop;',
    'event_route "orders" has no "to": name at least one target',
    at => 'block');
wrong('both in a line', 'from shop to erp;',
    '"to" in "from" begins a line of its own: write "from SOURCE;" and "to '
    . 'TARGET;"');
wrong('misspelt source', "from shpo;\nto erp;",
    'event_route "orders" is from an unknown source "shpo": did you mean '
    . '"shop"?', at => 'block');
wrong('unknown source', "from warehouse;\nto erp;",
    'event_route "orders" is from an unknown source "warehouse": add '
    . '"event_source warehouse { ... }"', at => 'block');
wrong('misspelt target', "from shop;\nto epr;",
    'route "orders" sends to target "epr", but no location delivers to it '
    . '(did you mean "erp"?): add "location = /deliver/epr { event_deliver '
    . 'epr; proxy_pass ...; }"', at => 'block');
wrong('unknown target', "from shop;\nto warehouse;",
    'sends to target "warehouse", but no location delivers to it: add '
    . '"location = /deliver/warehouse', at => 'block');

part('route');

wrong('from without arguments', 'from;',
    'invalid number of arguments in "from" directive: write "from SOURCE... '
    . '| *;"');
wrong('to without arguments', 'to;',
    'invalid number of arguments in "to" directive');
wrong('last with an argument', 'last on;',
    'invalid number of arguments in "last" directive: write "last;"');
wrong('fallback with an argument', 'fallback on;',
    'invalid number of arguments in "fallback" directive');
wrong('last twice', "last;\nlast;  <<<",
    '"last" directive is duplicate in event_route "orders"');
wrong('fallback twice', "fallback;\nfallback;  <<<",
    '"fallback" directive is duplicate');
wrong('copy with an argument', 'copy on;',
    'invalid number of arguments in "copy" directive');
wrong('copy twice', "copy;\ncopy;  <<<", '"copy" directive is duplicate');
wrong('a copy that is the last', "copy;\nlast;",
    'event_route "orders" is a "copy", which takes the event from nobody, '
    . 'and a "last": write one of them', at => 'block');
wrong('a copy that is a fallback', "fallback;\ncopy;",
    'event_route "orders" is a "copy", which takes the event from nobody, '
    . 'and a "fallback": write one of them', at => 'block');
wrong('source twice', 'from shop shop;',
    '"shop" is named twice in one event_route');
wrong('target twice', "to erp;\nto erp;  <<<",
    '"erp" is named twice in one event_route');
wrong('all sources and one', 'from * shop;',
    '"from" directive names "*", which is all sources, beside others');
wrong('bad name of a source', 'from "a b";',
    'invalid event_source name "a b": use letters');
wrong('bad name of a target', 'to a/b;',
    'invalid event_target name "a/b": use letters');
wrong('misspelt directive', 'whne type = a;',
    'unknown directive "whne" in event_route: did you mean "when"?');
wrong('directive from elsewhere', 'proxy_pass http://127.0.0.1;',
    'unknown directive "proxy_pass" in event_route, which takes from, to, '
    . 'when');
wrong('from in a condition', "any {\nfrom shop;  <<<\n}\nfrom shop;",
    '"from" directive is not allowed here');
wrong('misspelt in a condition', "any {\nwehn type = a;  <<<\n}",
    'unknown directive "wehn" in event_route: did you mean "when"?');
wrong('when with a block', 'when type = a { }',
    'directive "when" is not terminated by ";"');
wrong('any without a block', 'any;', 'directive "any" has no opening "{"');
wrong('any with an argument', 'any data.a { when type = a; }',
    'invalid number of arguments in "any" directive');
wrong('each without a path', 'each { when type = a; }',
    'invalid number of arguments in "each" directive: write "each PATH { ... }"');
wrong('each without a block', 'each data.items;',
    'directive "each" has no opening "{"');
wrong('each of an attribute', 'each type { when .a = 1; }',
    '"each" goes through an array of the body, which "type" is not in: write '
    . '"each data.PATH"');
wrong('element outside of each', 'when .sku = 1;',
    'the field ".sku" begins with ".", which stands for the element of an '
    . '"each" block: outside of one write "data.sku"');
wrong('empty condition', "none {\n}  <<<",
    '"none" is empty: write a "when" in it or take it away');
wrong('16 blocks and one', join("\n", ('any {') x 16, 'all {  <<<',
        'when type = a;', ('}') x 17),
    'more than 16 blocks of conditions are in one another: use several '
    . 'routes');
wrong('condition not closed', 'any { when type = a;',
    '"from" directive is not allowed here', at => 2);

wrong('when without arguments', 'when;',
    'a field is missing behind "when": write for example "when type = ');
wrong('when without an operator', 'when type;',
    'an operator is missing behind "type": write for example "type = paid"');
wrong('when without a value', 'when type =;',
    'a value is missing behind "="');
wrong('not without an operator', 'when type not;',
    'an operator is missing behind "type not"');
wrong('misspelt field', 'when tpye = a;',
    'unknown field "tpye": did you mean "type"?');
wrong('misspelt kind of field', 'when heder.X-Id = a;',
    'unknown field "heder.X-Id": did you mean "header.X-Id"?');
wrong('unknown field', 'when total_price > 5;',
    'unknown field "total_price": a field is id, type, source, subject, time, '
    . 'data.PATH, header.NAME, arg.NAME or $variable');
wrong('field without a name', 'when header. = a;',
    'the name in the field "header." is missing');
wrong('field with a bad name', 'when "header.X Y" = a;',
    'the field "header.X Y" has a character that cannot stand in the name of '
    . 'a header');
wrong('field with two dots', 'when data.a..b = 1;',
    'the field "data.a..b" has two "." in a row');
wrong('field with a dot at its end', 'when data.a. = 1;',
    'the field "data.a." ends with a "."');
wrong('field with a star', 'when data.items[*].sku = 1;',
    'leave it out, arrays are crossed by themselves');
wrong('field with a bad index', 'when data.items[x] = 1;',
    'the field "data.items[x]" has a bad index: write "[0]"');
wrong('index is too large', 'when data.items[9999999999999999999] = 1;',
    'has a bad index');
wrong('field without its quote', q{when 'data."odd.key' = 1;},
    'has a key without its closing quote');
wrong('unknown variable', 'when $nosuch = 1;',
    'unknown "nosuch" variable', at => 'nowhere');
# lines that say something else than they seem

warned("a line with $_->[0]", "when $_->[0];", $_->[1]) for (
    [ 'type = orders/paid and data.x = 5', '"and" is a VALUE here' ],
    [ 'type = a AND b', '"AND" is a VALUE here' ],
    [ 'type = a && type = b', '"&&" is a VALUE here, as all words behind the '
        . 'operator are: all lines must hold' ],
    [ 'type = a or b', '"or" is a VALUE here, as all words behind the '
        . 'operator are: several VALUEs are alternatives without it' ],
    [ 'data.x contains a Or b', '"Or" is a VALUE here' ],
    [ 'data.x ~ ^a || ^b', '"||" is a VALUE here' ],
    [ 'type not = a or b', '"or" is a VALUE here' ],
    [ 'type = orders/paid data.x = 5', '"data.x" and "=" are VALUEs here, as '
        . 'all words behind the operator are: write "when data.x = ..." in a '
        . 'line of its own' ],
    [ 'data.a = 1 data.b exists', '"data.b" and "exists" are VALUEs here, as '
        . 'all words behind the operator are: write "when data.b exists" in' ],
    [ 'data.a prefix x header.X-B not = y', '"header.X-B" and "not" are' ],
    [ 'data.a = 1 $b ~ x', '"$b" and "~" are VALUEs here' ],
    [ 'data.a = 1 type prefix x', '"type" and "prefix" are VALUEs here' ],
    [ 'data.a = 1 >= 5', '"1" and ">=" are VALUEs here' ],
    [ 'data.a = x == y', '"x" and "==" are VALUEs here' ],
    [ 'type = orders/paid data.x', '"data.x" is a VALUE here' ],
    [ 'data.a = data.b', '"data.b" is a VALUE, the text that is written' ],
    [ 'data.a = $tier', '"$tier" is a VALUE, the text that is written' ],
    [ 'type = not paid', '"not" is a VALUE here, as "paid" is: to negate' ],
    [ 'type = a, b', 'the "," at the end of "a," is a part of the VALUE' ],
    [ 'data.x prefix a, b', 'the "," at the end of "a,"' ],
    [ 'type = "a;"', 'the ";" at the end of "a;" is a part of the VALUE' ],
    [ 'type = a,b', '"a,b" is one VALUE: several stand apart by blanks' ],
    [ 'type = "a b"', '"a b" is one VALUE: several stand apart by blanks' ],
    [ 'type = orders/*', '"*" is no wildcard for "=": for "orders/*" with '
        . 'anything in its place write "like"' ],
    [ 'type != *x', '"*" is no wildcard for "!="' ],
    [ 'data.a = *', '"*" is no wildcard for "=": for any value write '
        . '"exists"' ],
    [ 'data.a prefix a*', '"*" is no wildcard for "prefix"' ],
    [ 'data.a suffix_ci *.com', '"*" is no wildcard for "suffix_ci"' ],
    [ 'data.a contains *a*', '"*" is no wildcard for "contains"' ],
    [ 'data.a like a%', '"%" is no wildcard in "a%": write "*"' ],
    [ 'type = ^orders/', '"=" takes no regular expression: for "^orders/" '
        . 'write "~"' ],
    [ 'type ~ /^a/i', 'the slashes of "/^a/i" are a part' ],
    [ 'type ~ /orders/', 'the slashes of "/orders/" are a part of the regular '
        . 'expression: leave them out' ],
    [ 'source !~* /a.b/', 'the slashes of "/a.b/" are a part' ],
    [ 'data.a ~ /^orders/', 'the slashes of "/^orders/" are a part' ],
    [ 'data.a ~ x /paid$/', 'the slashes of "/paid$/" are a part' ],
    [ 'data.a !~ /paid/i', 'the slashes of "/paid/i" are a part' ],
    (map { [ "type $_ /orders/", 'the slashes of "/orders/" are a part of the '
        . qq(VALUE, "$_" takes no regular expression: write "~") ] }
        qw(= != has_all prefix suffix contains like prefix_ci like_ci)),
    (map { [ "$_ = /^orders/", 'the slashes of "/^orders/" are a part of' ] }
        qw(type data.a subject header.X id)),
    [ 'data.a prefix /^a/', 'the slashes of "/^a/"' ],
    [ 'data.a contains /[0-9]+/', 'the slashes of "/[0-9]+/"' ],
    [ 'type = /a|b/i', 'the slashes of "/a|b/i"' ],
    [ 'type = orders/paid|orders/create', '"=" takes no regular expression: '
        . 'for "orders/paid|orders/create" write "~", or several VALUEs' ],
    [ 'type = "(a|b)"', '"=" takes no regular expression: for "(a|b)"' ],
    [ 'data.country != DE|AT', '"!=" takes no regular expression' ],
    [ 'data.tags has_all a b|c', '"has_all" takes no regular expression' ],
    [ 'data.n = "[0-9]+"', '"=" takes no regular expression' ],
    [ 'data.n = x[a-z]', '"=" takes no regular expression' ],
    [ 'data.n = "a[^/]+"', '"=" takes no regular expression' ],
    [ 'data.n = "[ab]{2}"', '"=" takes no regular expression' ],
    [ 'data.n = "(?i)paid"', '"=" takes no regular expression' ],
    [ 'data.n = "\d+"', '"=" takes no regular expression: for "\d+"' ],
    [ 'data.host = a\.example', '"=" takes no regular expression' ],
    [ 'type = orders/.+', '"=" takes no regular expression' ],
    [ 'type = paid$', '"=" takes no regular expression: for "paid$"' ],
    [ 'data.a not = ^paid$', '"=" takes no regular expression' ],
    [ 'type prefix ^orders', '"prefix" takes no regular expression' ],
    [ 'type like ^orders*', '"like" takes no regular expression' ],
    (map { [ "$_ = DE,AT", '"DE,AT" is one VALUE: several stand apart by' ] }
        qw(data.country subject id header.X-Land arg.land $arg_land)),
    [ 'data.country != DE,AT,CH', '"DE,AT,CH" is one VALUE' ],
    [ 'data.tags has_all a,b', '"a,b" is one VALUE' ],
    [ 'data.a = x a-1,a-2', '"a-1,a-2" is one VALUE' ],
    [ 'data.a = a , b', '"," is a VALUE here, as all words behind the '
        . 'operator are: several VALUEs stand apart by blanks' ],
    [ 'type prefix a , b', '"," is a VALUE here' ],
    [ 'data.a = a ,b', '",b" is a VALUE here' ],
    [ 'type ~ ^a , ^b', '"," is a VALUE here' ],
    [ 'data.n = >=5', '">=5" is a VALUE, the text that is written here: an '
        . 'operator stands alone' ],
    [ 'data.n = >5', '">5" is a VALUE' ],
    [ 'data.n = <-1.5', '"<-1.5" is a VALUE' ],
    [ 'data.n = =5', '"=5" is a VALUE' ],
    [ 'data.n = ==paid', '"==paid" is a VALUE' ],
    [ 'type = !=paid', '"!=paid" is a VALUE' ],
    [ 'type = a !=b', '"!=b" is a VALUE' ],
    [ q{type = '"a"'}, 'the quotes of "a" are a part of the VALUE' ],
);

fine("a line with $_", "when $_;") for (
    'type = orders/paid orders/create', 'data.state = or', 'data.op = =',
    'data.x = is empty', 'data.word = null missing', 'data.name = "Doe, John"',
    'type = data.created data.updated', 'data.path prefix /a/ /b/',
    'data.path ~ /a/ ^/b/i', 'data.x contains *', 'data.x contains ,',
    'data.price = $5', 'data.x like *a*b', 'data.x like 5%*', 'data.x ~ a*',
    'data.mail suffix @a.example .b.example', 'data.x = "New York" Paris',
    'data.x not = a b', 'type exists', 'data.x = ^', 'data.x = not',

    # paths, addresses, amounts, sentences, marks, globs

    'type = /deploy', 'type prefix /deploy', 'data.path = /a/ /v1/x',
    'data.path = /v1/orders/', 'data.path prefix /v1/', 'data.path like /v1/*/',
    'data.path contains /orders/', 'data.path ~ /orders/', 'type ~ /paid$',
    'data.url = https://a.example/x?a=1,2&b=c|d', 'data.url = "//a.example/"',
    'data.pos = 48.1,11.5', 'data.sum = 1,234.50', 'data.sum = 12,50 -1,5',
    'data.sum = $5', 'data.price = 5$ US$', 'data.sum = 1,2,3',
    'data.text = "Yes, we can" "a, b"', 'data.name = "Smith, John" "O, P, Q"',
    'data.text = "Smith | Sons"', 'data.text = a||b',
    'data.sep = . , ";"', 'data.sep = ";"', 'data.x = ",x"', 'data.x contains a,b',
    'data.list = "[1,2]" "[a,b]"', 'data.x = "{a,b}"', 'data.x = (none)',
    'data.x = "items[]" "items[0]" "[DE]"', 'data.x = "[2020-2021]"',
    'data.lang = C++ A+ +49 C#', 'data.file = C:\data\windows',
    'data.file like *.csv report.*', 'data.x like a|b*', 'data.x = a.b.c',
    'data.x = "=SUM(A1:A3)" ~user "<b>x</b>" ->', 'data.x = -5 .5',
    'data.n >= 5', 'data.v = ~1.x', 'data.mail = a.+b@c.example',
    'data.q = what? why?', 'data.x = "a (b) c" "1-2" "a-z"',
    'header.Accept = text/html,application/xml', 'data.a = a,,b',
);

wrong('not before the field', 'when not type = a;',
    '"not" stands where the field is: to negate, write "when FIELD not OP '
    . 'VALUE"');
wrong('"!" before the field', 'when !type = a;',
    '"!type" stands where the field is');
wrong('two conditions about numbers', 'when data.n > 5 and data.n < 9;',
    '">" takes one value: each condition stands in a line of its own');
wrong('"is" for "="', 'when type is orders/paid;',
    'unknown type "orders/paid": a value is a string, number, boolean, null, '
    . 'array or object; to compare with a text write "="');
wrong('operator of yet another language', 'when data.n => 5;',
    'unknown operator "=>": use ">="');
wrong('not in', 'when type not in a b;',
    'unknown operator "in": use "=" with several values');
wrong('misspelt operator', 'when type prefx orders/;',
    'unknown operator "prefx": did you mean "prefix"?');
wrong('operator of another language', 'when type == a;',
    'unknown operator "==": use "="');
wrong('operator in words', 'when data.n gte 5;',
    'unknown operator "gte": use ">="');
wrong('value in place of an operator', 'when type orders/paid;',
    'unknown operator "orders/paid" behind "type": the operators are');
wrong('bad regular expression', 'when type ~ "(a";',
    'bad regular expression: ');
wrong('empty regular expression', 'when type ~ "";',
    'the regular expression is empty: write "exists"');
wrong('regular expression with a verb', 'when type ~ "(*UTF)a";',
    'a regular expression cannot begin with "(*"');
wrong('regular expression in itself', 'when type ~ "a(?R)?b";',
    'a regular expression cannot contain the whole of itself');
fine('regular expression not closed', 'when type ~ "a\Qb";');
wrong('regular expression of places, not closed', 'when type ~ "\Ga\Qb";',
    'cannot be limited: with "\G" or "(*" in it, it must not end within "\Q" '
    . 'or a comment');
wrong('empty text', 'when type prefix "";',
    'the value is empty, which every text begins and ends with and contains: '
    . 'write "exists"');
wrong('not a number', 'when data.total > 1,000;',
    '"1,000" is not a number: write it as JSON does, for example 1000');
wrong('a field for a number', 'when data.amount_due > data.amount_paid;',
    '"data.amount_paid" is a field, and a VALUE is a text that is written '
    . 'here: to compare with what the event has in it write '
    . '"$field:data.amount_paid"');
wrong('not a time', 'when data.created_at after yesterday;',
    '"yesterday" is no time: write it as 2026-05-01T00:00:00Z');
wrong('not a span', 'when data.created_at within 60;',
    '"60" is no span of time: write for example "within 1h"');
wrong('utf8 of no regular expression', 'when data.a utf8 = x;',
    '"utf8" is about regular expressions: it stands before ~');
wrong('another field, not known', 'when data.a = $field:amount;',
    'unknown field "amount"');
wrong('another field of an element', 'when data.a prefix $field:data.b;',
    '"prefix" takes no "$field:"');
wrong('number with a plus', 'when data.total >= +5;', '"+5" is not a number');
wrong('two numbers', 'when data.total > 5 6;', '">" takes one value');
wrong('between one', 'when data.total between 5;',
    '"between" takes two values, the lowest and the highest');
wrong('between reversed', 'when data.total between 9 5;',
    'nothing is between 9 and 5: write the lower number first');
wrong('has_all of nothing', 'when data.tags has_all;',
    'a value is missing behind "has_all"');
wrong('exists with a value', 'when data.a exists yes;',
    '"exists" takes no value');
wrong('unknown type', 'when data.a is integer;',
    'unknown type "integer": a value is a string, number, boolean, null, '
    . 'array or object');
wrong('bad network', 'when $remote_addr cidr 10.0.0.0/33;',
    'bad network "10.0.0.0/33": write for example 10.0.0.0/8');
wrong('network of a name', 'when $remote_addr cidr localhost;',
    'bad network "localhost"');

fine('nested conditions', <<'EOC');
    when  type = orders/paid orders/create;
    when  data.total_price not between 10 20;
    when  'data."odd.key"[0].sku' like "VIP-*";
    any {
        when  header.X-Test missing;
        all { when arg.a = 1; when $remote_addr cidr 127.0.0.0/8 ::1/128; }
        none { when subject ~* "^test"; }
    }
    each data.line_items {
        when  .sku prefix A B;
        each  .parts { when . > 5; }
    }
    last;
EOC
fine('last and fallback', "fallback;\nlast;\nwhen type exists;");

warned('delay of a source that is not queued', 'delay 10m;',
    '"delay" of event_route "orders" applies to queued deliveries only, and '
    . 'source "shop" delivers while the producer waits: write "delivery '
    . 'queued;" there', at => 'block');
wrong('delay twice', "delay 1s;\ndelay 1s;  <<<",
    '"delay" directive is duplicate');
wrong('delay without arguments', 'delay;',
    'invalid number of arguments in "delay" directive');
wrong('delay in a condition', "any {\ndelay 1s;  <<<\n}",
    '"delay" directive is not allowed here');

for my $time (qw(0 -1s 8d later 9999999999999999999m)) {
    wrong("delay $time", "delay $time;",
        "invalid value \"$time\" in \"delay\": it is a time from 1ms to 7d");
}

$t->done;
