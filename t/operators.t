#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The lines and blocks of a route (docs/routing.md) through a running nginx:
# every operator and every kind of field with events that match and events that
# do not.  Which routes matched is what the receipt says.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Routes;

my $t = Test::EventRouter->new;

# "not" and the "!" operators are exact complements, so each line is tried as
# it stands, with its operator negated, and in "none".  The lines stand in a
# route of their own each, behind a test for the case and without it.

my @cases = cases();

configure();
my ($ok, $said) = $t->check_config;
ok($ok, 'configuration is read') or diag($said);

$t->run;


# ---- lines and blocks

for my $i (0 .. $#cases) {
    my ($lines, $yes, $no) = @{ $cases[$i] };
    my @wrong = ((map { wrong($i, $_, 1) } @$yes),
                 (map { wrong($i, $_, 0) } @$no));

    is(join("\n", @wrong), '', substr $lines, 0, 70);
}

$t->done;


# ---- the cases: lines, events that match, events that do not

# an event is the body, or body, headers and query string

sub cases {
    my $n = '9007199254740993';
    my $e = '{}';

    my @cases = (

        # equality

        [ 'data.s = paid', [ js('"paid"'), js('["x","paid"]') ],
          [ js('"Paid"'), js('"paid "'), js('""'), js('null'), js('["x"]'),
            js('{"paid":"paid"}'), js('[{"s":"paid"}]'), $e, '[]',
            '"paid"' ] ],
        [ 'data.s = paid pending', [ js('"paid"'), js('"pending"') ],
          [ js('"paid pending"'), $e ] ],
        [ 'data.s = "two words"', [ js('"two words"') ], [ js('"two"') ] ],
        [ 'data.s = ""', [ js('""'), js('["a",""]') ],
          [ js('null'), js('"a"'), js('[]'), $e ] ],
        [ "data.s = caf\xc3\xa9", [ js('"caf\u00e9"'), js("\"caf\xc3\xa9\"") ],
          [ js('"cafe"') ] ],
        [ 'data.s = 5', [ js(5), js('5.0'), js('5e0'), js('0.05E2'),
                          js('500e-2'), js('"5"'), js('[4,5]') ],
          [ js('"5.0"'), js(50), js(-5), js('"05"'), js('true'),
            js('5.01') ] ],
        [ "data.s = $n", [ js($n), js("\"$n\""), js("$n.0") ],
          [ js('9007199254740992'), js('9007199254740994'), js("$n.5"),
            js('"9007199254740992"') ] ],
        [ 'data.s = 12345678901234567891', [ js('12345678901234567891') ],
          [ js('12345678901234567890'), js('12345678901234567892') ] ],
        [ 'data.s = 0.1', [ js('0.1'), js('1e-1'), js('0.10') ],
          [ js('0.1000000000000000055'), js('0.11'), js('"0.10"') ] ],
        [ 'data.s = 1000', [ js('1e3'), js('1000.000'), js('1E+3') ],
          [ js('1000.0001'), js('"1e3"') ] ],
        [ 'data.s = 1e3', [ js('1000'), js('"1e3"') ], [ js('"1000"') ] ],
        [ 'data.s = -0', [ js('0'), js('-0.0'), js('0e9') ], [ js('1') ] ],
        [ 'data.s = true', [ js('true'), js('"true"') ],
          [ js('false'), js(1), js('"True"') ] ],
        [ 'data.s = false', [ js('false') ], [ js(0), js('null'), $e ] ],
        [ 'data.s = null', [ js('null'), js('"null"') ], [ js('""'), $e ] ],
        [ 'data.s != paid', [ js('"x"'), js('null'), js('[]'), $e ],
          [ js('"paid"'), js('["x","paid"]') ] ],
        [ 'data.s != 5', [ js('"5.0"'), $e ], [ js('5.0'), js('"5"') ] ],

        # numbers, and texts that are numbers

        [ 'data.s >= 1000', [ js('"1000.00"'), js('1000'), js('"1e3"'),
                              js('"1000.5"'), js('["1","1000"]') ],
          [ js('"999.99"'), js('" 1000"'), js('"1,000"'), js('"1000 EUR"'),
            js('"1000."'), js('"01000"'), js('""'), js('null'), js('true'),
            js('["999"]'), js('{"s":1000}'), $e ] ],
        [ 'data.s > 1000', [ js('"1000.01"'), js("$n") ],
          [ js('1000'), js('1000.00') ] ],
        [ 'data.s < -1', [ js('-1.5'), js('"-2"') ],
          [ js('-1'), js('0'), js('-0.99') ] ],
        [ 'data.s <= 0.1', [ js('0.1'), js('1e-1'), js('-7'), js('0') ],
          [ js('0.1000000000000000055'), js('1') ] ],
        [ "data.s > 9007199254740992", [ js($n) ],
          [ js('9007199254740992'), js('9007199254740991') ] ],
        [ 'data.s < 12345678901234567891', [ js('12345678901234567890') ],
          [ js('12345678901234567891') ] ],
        [ 'data.s between 100 5000', [ js('100'), js('"5000.00"'), js('1e3') ],
          [ js('99.999'), js('5000.01'), js('"x"'), js('-100'), $e ] ],

        # texts in their order

        [ 'data.s > b', [ js('"ba"'), js('"c"'), js('["a","z"]'),
                          js("\"\xc3\xa9\"") ],
          [ js('"b"'), js('"B"'), js('""'), js(5), js('true'), js('null'),
            js('{"s":"c"}'), $e ] ],
        [ 'data.s <= 2026-05', [ js('"2026-05"'), js('"2026"'), js('""') ],
          [ js('"2026-05-01"'), js(2025), $e ] ],
        [ 'data.s between a b', [ js('"a"'), js('"az"'), js('"b"') ],
          [ js('"ba"'), js('"A"'), js(1), $e ] ],

        # times

        [ 'data.s before 2026-05-01T00:00:00Z',
          [ js('"2026-04-30T23:59:59.999999999Z"'), js('1777593599'),
            js('"1777593599.9"'), js('1777593599999'), js('0'),
            js('"2026-05-01T00:59:59+01:00"'), js('"2026-04-30 22:00:00Z"') ],
          [ js('"2026-05-01T00:00:00Z"'), js('1777593600'),
            js('1777593600000'), js('"2026-05-01T02:00:00+02:00"'),
            js('"2026-04-30"'), js('"2026-04-30T00:00:00"'), js('true'),
            js('1e15'), js('""'), js('{"s":0}'), $e ] ],
        [ 'data.s after 2026-05-01T02:00:00+02:00',
          [ js('"2026-05-01T00:00:00.1Z"'), js('1777593601'),
            js('["x",1777593601]'), js('"2026-04-30T20:00:01-0400"') ],
          [ js('"2026-05-01T00:00:00Z"'), js('1777593600'), js('"x"'), $e ] ],
        [ 'data.s after 1483228799', [ js('"2016-12-31T23:59:60Z"'),
                                       js('"2017-01-01T00:00:00Z"') ],
          [ js('"2016-12-31T23:59:59Z"'), js('"2016-12-31T23:58:60Z"') ] ],
        [ 'data.s within 1s', [], [ js('"2026-05-01T00:00:00Z"'), js('0'),
                                    $e ] ],
        [ 'time after 1767323044', [ '{"time":1767323045}' ],
          [ '{"time":1767323044}', $e ] ],

        # another field

        [ 'data.s = $field:data.t', [ '{"s":1,"t":1.0}', '{"s":"a","t":"a"}',
            '{"s":"5.0","t":5}', '{"s":null,"t":null}', '{"s":[1,2],"t":[2]}',
            '{"s":true,"t":"true"}' ],
          [ '{"s":1,"t":2}', '{"s":"5.0","t":"5"}', '{"s":1}', '{"t":1}',
            '{"s":1,"t":true}', '{"s":[],"t":[]}', '{"s":{},"t":{}}', $e ] ],
        [ 'data.s < $field:data.t', [ '{"s":1,"t":2}', '{"s":"9","t":"10"}',
            '{"s":"9","t":10}', '{"s":"a","t":"b"}', '{"s":[7,1],"t":[0,2]}' ],
          [ '{"s":2,"t":2}', '{"s":1,"t":"b"}', '{"s":"b","t":"a"}',
            '{"s":false,"t":true}', '{"s":1}', $e ] ],
        [ 'data.s >= $field:data.t', [ '{"s":2,"t":2.0}', '{"s":"b","t":"b"}' ],
          [ '{"s":1,"t":2}', $e ] ],
        [ 'data.s before $field:data.t',
          [ '{"s":1777593599,"t":"2026-05-01T00:00:00Z"}',
            '{"s":1777593599,"t":1777593600000}' ],
          [ '{"s":1777593600,"t":"2026-05-01T00:00:00Z"}', '{"s":1,"t":"x"}',
            '{"t":"2026-05-01T00:00:00Z"}', $e ] ],
        [ 'data.s = $field:header.X-Shop', [ [ js('"a"'), [ 'X-Shop' => 'a' ] ] ],
          [ js('"a"'), [ js('"a"'), [ 'X-Shop' => 'A' ] ] ] ],

        # text

        [ 'data.s prefix orders/', [ js('"orders/paid"'), js('"orders\/"') ],
          [ js('"order"'), js('"Orders/paid"'), js('"x orders/"'), $e ] ],
        [ 'data.s prefix 12', [ js('123'), js('"12"') ], [ js('21') ] ],
        [ 'data.s prefix a b', [ js('"ax"'), js('"bx"') ], [ js('"cx"') ] ],
        [ 'data.s prefix_ci ORDERS/', [ js('"Orders/paid"') ],
          [ js('"order"') ] ],
        [ 'data.s suffix .pdf', [ js('"a.pdf"'), js('[".x",".pdf"]') ],
          [ js('"a.pdf "'), js('"pdf"'), js('"a.PDF"') ] ],
        [ 'data.s suffix_ci .PDF', [ js('"a.Pdf"') ], [ js('"a.pd"') ] ],
        [ 'data.s contains fraud', [ js('"no fraud here"'), js('"fraud"') ],
          [ js('"frau d"'), js('"FRAUD"'), js('["fra","ud"]'), js('""') ] ],
        [ 'data.s contains_ci fraud', [ js('"a FrAuD"') ], [ js('"frau"') ] ],
        [ 'data.s like A*-VIP-*', [ js('"A1-VIP-"'), js('"A-VIP-9"') ],
          [ js('"B1-VIP-"'), js('"A1-VIP"') ] ],
        [ 'data.s like exact', [ js('"exact"') ], [ js('"exactly"') ] ],
        [ 'data.s like *', [ js('""'), js('"x"'), js('1'), js('null') ],
          [ js('[]'), js('{}'), $e ] ],
        [ 'data.s like 50\*', [ js('"50*"') ], [ js('"50"'), js('"50x"') ] ],
        [ 'data.s like "a\\\\\\\\*"', [ js('"a\\\\b"') ], [ js('"ab"') ] ],
        [ 'data.s like_ci "*Vip"', [ js('"a vIP"') ], [ js('"vip a"') ] ],
        [ "data.s contains \"\\t\"", [ js('"a\tb"') ], [ js('"a b"') ] ],

        # regular expressions

        [ 'data.s ~ ^a.c$', [ js('"abc"'), js('["x","aXc"]') ],
          [ js('"abcd"'), js('"ABC"'), js('null'), $e ] ],
        [ 'data.s ~ b|^x', [ js('"abc"'), js('"xyz"') ], [ js('"ax"') ] ],
        [ q(data.s ~ '^v\d{1,3}$'), [ js('"v12"'), js('"v1"') ],
          [ js('"v1234"'), js('"v"') ] ],
        [ 'data.s ~ ^1', [ js('12'), js('"12"') ], [ js('21') ] ],
        [ 'data.s ~* ^PAID$', [ js('"paid"'), js('"pAid"') ],
          [ js('"paid!"') ] ],
        [ 'data.s !~ a', [ js('"b"'), js('["b","c"]'), $e ],
          [ js('"a"'), js('["b","a"]') ] ],
        [ 'data.s !~* a', [ js('"b"'), $e ], [ js('"A"') ] ],
        [ 'data.s ~ (a)(b)\2\1', [ js('"xabbax"') ], [ js('"abab"') ] ],

        [ "data.s utf8 ~* ^m\xc3\xbc.\$", [ js("\"M\xc3\x9c\xc3\xa9\""),
                                          js('"m\u00fcx"') ],
          [ js('"m\u00fc"'), js('"m\u00fcxx"'), js('"mu"'), $e ] ],
        [ 'data.s utf8 ~ ^..$', [ js('"\u00e9\u20ac"'), js('"ab"'), js(12) ],
          [ js('"\u00e9"'), js('"abc"'), js('"\ud83d"'), $e ] ],

        # sets and networks

        [ 'data.s has_all vip eu', [ js('["eu","x","vip"]') ],
          [ js('["vip"]'), js('"vip eu"'), js('["vipeu"]'), $e ] ],
        [ 'data.s has_all 1 2', [ js('[1.0,2]'), js('["2",1]') ],
          [ js('[1,1]') ] ],
        [ 'data.s cidr 10.0.0.0/8 2001:db8::/32',
          [ js('"10.1.2.3"'), js('"2001:DB8::1"'), js('"::ffff:10.0.0.1"'),
            js('["x","10.0.0.0"]') ],
          [ js('"11.0.0.1"'), js('"10.1.2"'), js('"10.0.0.1/8"'), js('10'),
            js('""'), js('"2001:db9::1"'), $e ] ],

        # what there is

        [ 'data.s exists', [ js('null'), js('[]'), js('""'), js('{}'),
                             js('0') ], [ $e, '{"t":{"s":1}}', '[]' ] ],
        [ 'data.s missing', [ $e, '{"S":1}' ], [ js('null'), js('""') ] ],
        [ 'data.s empty', [ js('""'), js('[]'), js('{}') ],
          [ js('null'), js('" "'), js('[""]'), js('0'), $e ] ],
        [ 'data.s null', [ js('null') ],
          [ js('"null"'), js('[null]'), js('""'), $e ] ],
        [ 'data.s is string', [ js('""'), js('"5"') ],
          [ js('5'), js('["a"]'), js('null'), $e ] ],
        [ 'data.s is number', [ js('5'), js('-1e5') ], [ js('"5"') ] ],
        [ 'data.s is boolean', [ js('true'), js('false') ],
          [ js('"true"'), js('1') ] ],
        [ 'data.s is null', [ js('null') ], [ js('0'), $e ] ],
        [ 'data.s is array', [ js('[]'), js('["a"]') ], [ js('{}') ] ],
        [ 'data.s is object', [ js('{}') ], [ js('[{}]') ] ],
        [ 'data.s is string number', [ js('""'), js('0') ],
          [ js('true'), js('[1]') ] ],

        # paths

        [ 'data.i.sku = B', [ '{"i":[{"sku":"A"},{"sku":"B"}]}',
                              '{"i":{"sku":"B"}}', '{"i":[[{"sku":"B"}]]}',
                              '{"i":[{"sku":["x","B"]}]}' ],
          [ '{"i":[{"sku":"A"}]}', '{"i":[]}', '{"sku":"B"}',
            '{"i":[{"x":{"sku":"B"}}]}', '{"i":["B"]}' ] ],
        [ 'data.i[1].sku = B', [ '{"i":[{"sku":"A"},{"sku":"B"}]}' ],
          [ '{"i":[{"sku":"B"},{"sku":"A"}]}', '{"i":[{"sku":"B"}]}',
            '{"i":{"sku":"B"}}' ] ],
        [ 'data.i[0] exists', [ '{"i":[null]}' ], [ '{"i":[]}', '{"i":1}' ] ],
        [ 'data.i.a[0].b = 1', [ '{"i":[{"a":[{"b":2}]},{"a":[{"b":1}]}]}' ],
          [ '{"i":[{"a":[{"b":2},{"b":1}]}]}' ] ],
        [ 'data.i[-1].sku = B', [ '{"i":[{"sku":"A"},{"sku":"B"}]}',
                                  '{"i":[{"sku":"B"}]}' ],
          [ '{"i":[{"sku":"B"},{"sku":"A"}]}', '{"i":[]}',
            '{"i":{"sku":"B"}}', '{"i":[{"sku":"B"},{}]}', $e ] ],
        [ 'data.i[-2] = 1', [ '{"i":[1,2]}', '{"i":[0,1,2]}' ],
          [ '{"i":[1]}', '{"i":[2,1]}' ] ],
        [ 'data[-1] = b', [ '["a","b"]' ], [ '["b","a"]', '[]', $e ] ],
        [ 'data.i.a[-1].b = 1', [ '{"i":[{"a":[{"b":2},{"b":1}]},{"a":[]}]}' ],
          [ '{"i":[{"a":[{"b":1},{"b":2}]}]}' ] ],
        [ 'data.*.sku = B', [ '{"x":{"sku":"A"},"y":{"sku":"B"}}',
                              '{"x":[{"sku":"B"}]}' ],
          [ '{"sku":"B"}', '{"x":{"y":{"sku":"B"}}}', '["B"]', $e ] ],
        [ 'data.i.* = 1', [ '{"i":{"":1}}', '{"i":[{"a":[1]}]}' ],
          [ '{"i":1}', '{"i":[1]}', '{"i":{}}', '{"j":{"a":1}}' ] ],
        [ q('data."*"' = 1), [ '{"*":1}' ], [ '{"a":1}' ] ],
        [ 'data[1] = b', [ '["a","b"]' ], [ '["b","a"]', '"b"', $e ] ],
        [ 'data = 7', [ '7', '[1,7]' ], [ '"8"', $e ] ],
        [ 'data is array', [ '[]' ], [ $e, '0' ] ],
        [ q('data."odd.key"' = 1), [ '{"odd.key":1}' ],
          [ '{"odd":{"key":1}}', '{"odd.key":2}' ] ],
        [ q('data."a[0]".b' = 1), [ '{"a[0]":{"b":1}}' ],
          [ '{"a":[{"b":1}]}' ] ],
        [ q('data."say \\\\"hi\\\\""' = 1), [ '{"say \"hi\"":1}' ],
          [ '{"say hi":1}' ] ],
        [ q('data."".x' = 1), [ '{"":{"x":1}}' ], [ '{"x":1}' ] ],
        [ "data.na\xc3\xafve = 1", [ '{"na\u00efve":1}' ],
          [ '{"naive":1}' ] ],
        [ 'data.' . join('.', ('a') x 31) . ' = 1',
          [ '{"a":' x 31 . 1 . '}' x 31 ], [ '{"a":' x 30 . 1 . '}' x 30 ] ],

        # attributes

        [ 'id = e-1', [ '{"id":"e-1"}' ], [ '{"id":"e-2"}', $e ] ],
        [ 'id exists', [ $e, '{"id":"x"}' ], [] ],
        [ 'type = a.b c.d', [ '{"type":"c.d"}' ], [ '{"type":"x"}', $e ] ],
        [ 'type missing', [ $e ], [ '{"type":"x"}' ] ],
        [ 'subject prefix acme', [ '{"subject":"acme-1"}' ], [ $e ] ],
        [ 'source = plain', [ $e ], [] ],
        [ 'source = other', [], [ $e ] ],
        [ 'time prefix 2026-', [ '{"time":"2026-05-06T07:08:09Z"}' ],
          [ '{"time":"2025-01-01T00:00:00Z"}', $e ] ],
        [ 'time = 2026-01-02T03:04:05Z', [ '{"time":1767323045}' ], [ $e ] ],

        # the request

        [ 'header.X-Shop = acme', [ hd('X-Shop' => 'acme'),
                                    hd('x-shop' => 'acme') ],
          [ hd('X-Shop' => 'Acme'), hd('X-Shops' => 'acme'), $e ] ],
        [ 'header.x-SHOP = acme', [ hd('X-Shop' => 'acme') ], [ $e ] ],
        [ 'header.X-Empty empty', [ hd('X-Empty' => '') ],
          [ hd('X-Empty' => 'x'), $e ] ],
        [ 'header.X-None missing', [ $e ], [ hd('X-None' => '') ] ],
        [ 'header.Content-Length < 10', [ $e ], [ js('"0123456789"') ] ],
        [ 'arg.shop = acme', [ [ $e, [], 'shop=acme' ],
                               [ $e, [], 'a=b&shop=x&shop=acme' ],
                               [ $e, [], 'shop=%61cme' ] ],
          [ [ $e, [], 'Shop=acme' ], [ $e, [], 'shop=' ], $e ] ],
        [ 'arg.q = "a b"', [ [ $e, [], 'q=a+b' ], [ $e, [], 'q=a%20b' ] ],
          [ [ $e, [], 'q=ab' ] ] ],
        [ 'arg.e empty', [ [ $e, [], 'e=' ], [ $e, [], 'e' ] ],
          [ [ $e, [], 'e=1' ], $e ] ],
        [ '$remote_addr cidr 127.0.0.0/8', [ $e ],
          [ hd('X-Real-IP' => '192.0.2.1') ] ],
        [ '$remote_addr cidr 192.0.2.0/24 2001:db8::/32',
          [ hd('X-Real-IP' => '192.0.2.77'),
            hd('X-Real-IP' => '2001:db8::7') ],
          [ hd('X-Real-IP' => '198.51.100.1'), $e ] ],
        [ '$http_x_shop = acme', [ hd('X-Shop' => 'acme') ], [ $e ] ],
        [ '$http_x_none missing', [ $e ], [ hd('X-None' => 'x') ] ],
        [ '$tier = gold', [ hd('X-Shop' => 'acme') ],
          [ hd('X-Shop' => 'other'), $e ] ],
        [ '$tier empty', [ $e ], [ hd('X-Shop' => 'acme') ] ],
        [ '$arg_n > 5', [ [ $e, [], 'n=5.5' ] ], [ [ $e, [], 'n=5' ], $e ] ],
        [ '$event_type = a.b', [ '{"type":"a.b"}' ], [ '{"type":"b"}' ] ],
        [ '$request_method = POST', [ $e ], [] ],
    );

    $_->[0] = "when $_->[0];" for @cases;

    push @cases, blocks();

    return @cases;
}


sub blocks {
    my $each = 'each data.items { when .sku prefix ABC-; when .n > 10; }';

    return (
        [ 'when data.a = 1; when data.b = 2;', [ '{"a":1,"b":2}' ],
          [ '{"a":1}', '{"b":2}', '{}' ] ],
        [ 'any { when data.a = 1; when data.b = 2; }',
          [ '{"a":1}', '{"b":2}', '{"a":1,"b":2}' ], [ '{"a":2,"b":1}' ] ],
        [ 'none { when data.a = 1; when data.b = 2; }',
          [ '{}', '{"a":2}' ], [ '{"a":1}', '{"b":2}', '{"a":1,"b":2}' ] ],
        [ 'any { all { when data.a = 1; when data.b = 2; } '
          . 'none { when data.c exists; when data.a = 1; } }',
          [ '{"a":1,"b":2,"c":3}', '{}', '{"a":2}' ],
          [ '{"a":1,"c":3}', '{"a":1}', '{"c":3}' ] ],
        [ 'none { any { none { when data.a = 1; } when data.b = 2; } }',
          [ '{"a":1}' ], [ '{}', '{"a":1,"b":2}' ] ],

        # one element meets all lines

        [ $each, [ '{"items":[{"sku":"ABC-1","n":11}]}',
                   '{"items":[{"sku":"x"},{"n":99,"sku":"ABC-"}]}',
                   '{"items":{"sku":"ABC-1","n":"11"}}' ],
          [ '{"items":[{"sku":"ABC-1","n":10},{"sku":"x","n":11}]}',
            '{"items":[{"sku":"ABC-1"},{"n":11}]}', '{"items":[]}', '{}',
            '{"items":null}', '{"sku":"ABC-1","n":11}' ] ],
        [ 'when data.items.sku prefix ABC-; when data.items.n > 10;',
          [ '{"items":[{"sku":"ABC-1"},{"n":11}]}' ],
          [ '{"items":[{"sku":"ABC-1"}]}' ] ],
        [ 'each data.items { when .n = 1; when data.currency = EUR; }',
          [ '{"items":[{"n":1}],"currency":"EUR"}' ],
          [ '{"items":[{"n":1}],"currency":"USD"}',
            '{"items":[{"n":1,"currency":"EUR"}]}' ] ],
        [ 'each data.items { when .n > $field:.m; when .ok = true; }',
          [ '{"items":[{"n":1,"m":2,"ok":true},{"n":2,"m":1,"ok":true}]}' ],
          [ '{"items":[{"n":1,"m":2,"ok":true},{"n":3,"m":4,"ok":true}]}',
            '{"items":[{"n":2,"m":1},{"ok":true}]}', '{"items":[]}' ] ],
        [ 'each data.items { when .n = $field:.m; when .ok = true; }',
          [ '{"items":[{"n":9,"m":1,"ok":true},{"n":2,"m":2,"ok":true}]}',
            '{"items":[{"m":1,"ok":true},{"m":2},{"n":[3,2],"m":[4,2],"ok":true}]}' ],
          [ '{"items":[{"n":1,"m":2,"ok":true},{"n":3,"m":1,"ok":true}]}',
            '{"items":[{"n":3,"m":1,"ok":true},{"n":1,"m":3,"ok":true}]}',
            '{"items":[{"n":1,"ok":true},{"m":1,"ok":true}]}' ] ],
        [ 'each data.items { when .n not = $field:data.n; }',
          [ '{"n":1,"items":[{"n":1},{"n":2}]}', '{"items":[{"n":1}]}' ],
          [ '{"n":1,"items":[{"n":1}]}' ] ],
        [ 'each data.items { when data.n < $field:.n; when .m = 1; }',
          [ '{"n":1,"items":[{"n":2,"m":1}]}' ],
          [ '{"n":1,"items":[{"n":1,"m":1},{"n":2}]}' ] ],
        [ 'each data.items { when .l[-1] = 1; when .l[0] = 2; }',
          [ '{"items":[{"l":[2,1]}]}' ],
          [ '{"items":[{"l":[1,2]}]}', '{"items":[{"l":[1]},{"l":[2]}]}' ] ],
        [ 'each data.items[-1].l { when .a = 1; when .b = 2; }',
          [ '{"items":[{},{"l":[{"a":1},{"a":1,"b":2}]}]}' ],
          [ '{"items":[{"l":[{"a":1,"b":2}]},{"l":[{"a":1},{"b":2}]}]}' ] ],
        [ 'each data.tags { when . prefix a; when . suffix z; }',
          [ '{"tags":["b","a-z"]}' ], [ '{"tags":["a","z"]}',
                                        '{"tags":"a-z"}' ] ],
        [ 'each data.items { none { when .n = 1; } when .n exists; }',
          [ '{"items":[{"n":1},{"n":2}]}' ], [ '{"items":[{"n":1},{}]}' ] ],
        [ 'each data.items { when .n != 1; }',
          [ '{"items":[{"n":1},{}]}' ], [ '{"items":[{"n":1}]}', '{}' ] ],
        [ 'none { each data.items { when .n != 1; } }',
          [ '{"items":[{"n":1},{"n":1}]}', '{}' ],
          [ '{"items":[{"n":1},{"n":2}]}' ] ],
        [ 'each data.items { any { when .n = 1; all { when .n = 2; '
          . 'when .m = 3; } } when .ok = true; }',
          [ '{"items":[{"n":1,"ok":true}]}',
            '{"items":[{"n":2,"m":3,"ok":true}]}' ],
          [ '{"items":[{"n":1},{"ok":true}]}',
            '{"items":[{"n":2,"ok":true},{"m":3,"ok":true}]}' ] ],

        # an each in an each

        [ 'each data.items { when .n > 1; each .taxes { when .rate > 0.1; '
          . 'when .title = VAT; } }',
          [ '{"items":[{"n":2,"taxes":[{"rate":0.2,"title":"VAT"}]}]}' ],
          [ '{"items":[{"n":1,"taxes":[{"rate":0.2,"title":"VAT"}]},{"n":2}]}',
            '{"items":[{"n":2,"taxes":[{"rate":0.2},{"title":"VAT"}]}]}',
            '{"items":[{"n":2,"taxes":[{"rate":0.1,"title":"VAT"}]}]}' ] ],
        [ 'each data.a { when .x = 1; each data.b { when .y = 2; '
          . 'when .z = 3; } }',
          [ '{"a":[{"x":1}],"b":[{"y":2,"z":3}]}' ],
          [ '{"a":[{"x":1}],"b":[{"y":2},{"z":3}]}',
            '{"a":[{}],"b":[{"y":2,"z":3}]}' ] ],
        [ 'each data { when .n = 1; when .m = 2; }',
          [ '[{"n":1,"m":2}]', '{"n":1,"m":2}' ], [ '[{"n":1},{"m":2}]' ] ],
        [ q(each 'data."a.b"' { when .n = 1; }), [ '{"a.b":[{"n":1}]}' ],
          [ '{"a":{"b":[{"n":1}]}}' ] ],

        # 16 in one another

        [ 'any { all { ' x 8 . 'when data.a = 1;' . ' } }' x 8,
          [ '{"a":1}' ], [ '{"a":2}' ], 1 ],
        [ 'none { none { ' x 8 . 'when data.a = 1;' . ' } }' x 8,
          [ '{"a":1}' ], [ '{"a":2}' ], 1 ],
    );
}


sub js { return qq({"s":$_[0]}) }
sub hd { return [ '{}', [ @_ ] ] }


# ---- what is configured

sub configure {
    my $routes = '';

    for my $i (0 .. $#cases) {
        my ($lines, undef, undef, $deep) = @{ $cases[$i] };
        my $case = "from plain; to sink; when header.X-Case = $i;";

        $routes .= "event_route bare$i { from plain; to sink; $lines }\n"
                 . "event_route yes$i { $case $lines }\n";
        $routes .= "event_route no$i { $case none { all { $lines } } }\n"
            if !$deep;

        my $negated = negated($lines) or next;

        $routes .= "event_route not$i { $case $negated }\n";
    }

    routes_config($t, sources => [ 'plain' ], http => <<"EOC");

    $routes

    map \$http_x_shop \$tier { acme gold; other silver; }

    set_real_ip_from  127.0.0.1;
    real_ip_header    X-Real-IP;

    event_source plain {
        verify   off;
        dedup    off;
        id       "{json:id}";
        type     "{json:type}";
        subject  "{json:subject}";
        time     "{json:time}";
    }
EOC
}


# the complement of a line by its operator, or '' for more than a line

sub negated {
    my ($line) = @_;

    my %twin = ('=' => '!=', '!=' => '=', '~' => '!~', '!~' => '~',
        '~*' => '!~*', '!~*' => '~*', exists => 'missing',
        missing => 'exists');

    return '' if $line !~ /^when ('[^']*'|\S+) (\S+?)( .*)?;$/
              || $line =~ /;.*;/;

    my ($field, $op, $values) = ($1, $2, $3 // '');

    # those with a twin take turns, so that both ways are tried

    return "when $field $twin{$op}$values;"
        if $twin{$op} && length($line) % 2;

    return "when $field not $op$values;";
}


# what is wrong with the routes of a case, if they do not match as they should

sub wrong {
    my ($i, $event, $want) = @_;

    my ($body, $headers, $args) = ref $event ? @$event : $event;
    my $lines = $cases[$i][0];
    my %matched = map { $_ => 1 } split ' ',
        routes('/plain' . ($args ? "?$args" : ''), $body,
               [ 'X-Case' => $i, @{ $headers // [] } ]);

    my %want = $want ? ("yes$i" => 1, "bare$i" => 1)
        : (($cases[$i][3] ? () : ("no$i" => 1)),
           (negated($lines) ? ("not$i" => 1) : ()));

    my @wrong = grep { !$matched{$_} != !$want{$_} }
                ("bare$i", "yes$i", "no$i", "not$i");

    # and nothing of another case

    push @wrong, grep { /^(?:yes|not?)(\d+)$/ && $1 != $i } keys %matched;

    return @wrong ? "@wrong: $body " . ($args // '') . " @{ $headers // [] }"
                  : ();
}
