#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about the router's own source, about "event_alerts" and
# about "expect".

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t) = snippets();
my $route = 'event_route alerts { from router; to erp; }';


# ---- the source "router"

part('http');

wrong('a source of that name', 'event_source router { verify off; }',
    'event_source "router" is there already: the events of this nginx itself '
    . 'are from it; give yours another name');
fine('of another case', 'event_source Router { verify bearer; '
    . 'secret file:secret; } event_route r { from Router; to erp; } '
    . 'server { listen unix:%%TESTDIR%%/r; '
    . 'location /r { event_receive Router; } }');
fine('a route from it', $route);
fine('a route of others, too',
    'event_route alerts { from shop router; to erp; }');
fine('conditions', 'event_route alerts { from router; '
    . 'when type prefix router.target.; when data.severity = critical; '
    . 'to erp; }');
fine('a fallback of its own', 'event_route alerts { from router; '
    . 'when data.count > 5; to erp; } '
    . 'event_route rest { from router; fallback; to erp; }');
wrong('misspelt', 'event_route alerts { from routers; to erp; }',
    'is from an unknown source "routers": ');
wrong('an unknown target', 'event_route alerts { from router; to slack; }',
    'no location');
fine('a target for it alone', 'event_target slack { from router; } '
    . 'event_route alerts { from router; to slack; } '
    . 'server { listen unix:%%TESTDIR%%/s; location /s { event_deliver slack; '
    . 'proxy_pass http://127.0.0.1:1; } }');
fine('a target for it, and no route', 'event_target slack { from router; } '
    . 'server { listen unix:%%TESTDIR%%/s; location /s { event_deliver slack; '
    . 'proxy_pass http://127.0.0.1:1; } }');
wrong('a target that is not for it', 'event_target slack { from shop; } '
    . 'event_route alerts { from router; to slack; } '
    . 'server { listen unix:%%TESTDIR%%/s; location /s { event_deliver slack; '
    . 'proxy_pass http://127.0.0.1:1; } }', 'from');

part('server');

wrong('received', 'location /r { event_receive router; }',
    '"router" in "event_receive" is the source of this nginx\'s own events, '
    . 'which nobody sends: define another one with');
wrong('explained', 'location /r { event_explain router access=nginx; }',
    '"router" in "event_explain" is the source of this nginx\'s own events');


# ---- types of the router's own events

part('http');

my $none = 'no event of "router" has ';

warned('a type that is misspelt', "event_route al { from router;\n"
    . "when type = router.target.ded;  <<<\nto erp; }",
    $none . 'the type "router.target.ded": did you mean "router.target.dead"?');
warned('one of several', "event_route al { from router;\nany {\n"
    . "when type = router.target.dead router.store.ful;  <<<\n} to erp; }",
    $none . 'the type "router.store.ful": did you mean "router.store.full"?');
warned('a type of others', "event_route al { from router;\n"
    . "when type = orders/paid;  <<<\nto erp; }",
    $none . 'a type that is "orders/paid": there are router.target.dead, '
    . 'router.target.breaker.opened, router.target.breaker.closed, '
    . 'router.target.paused, router.target.resumed, router.unaccounted, '
    . 'router.source.refused, router.source.silent, router.store.full, '
    . 'router.store.back, router.store.lost in');
warned('a prefix', "event_route al { from router;\n"
    . "when type prefix router.tarjet.;  <<<\nto erp; }",
    $none . 'a type that begins with "router.tarjet.": there are ');

fine("types: $_", "event_route al { from router; $_ to erp; }")
    for 'when type = router.target.dead router.store.back;',
        'when type prefix router.target. router.;', 'when type like *ded;',
        'when type != router.target.ded;';
fine('types of several sources',
    'event_route al { from router shop; when type = orders/paid; to erp; }');


# ---- event_alerts

fine('how often', "event_alerts repeat=1s;\n$route");
fine('all of it', "event_alerts repeat=30d refused=1000000;\n$route");
wrong('too often', "event_alerts repeat=999ms;\n$route", 'from 1s to 30d');
wrong('never', "event_alerts repeat=31d;\n$route", 'from 1s to 30d');
wrong('no number', "event_alerts refused=0;\n$route", 'from 1 to 1000000');
wrong('a word', "event_alerts on;\n$route",
    'takes off, or repeat=TIME and refused=NUMBER');
wrong('off and more', "event_alerts off repeat=1h;\n$route", '"off"');
wrong('twice the same', "event_alerts repeat=1h repeat=2h;\n$route",
    'repeat=');
wrong('two lines', "event_alerts repeat=1h;\nevent_alerts refused=2;  <<<\n"
    . $route, '"event_alerts" directive is duplicate');
wrong('nothing', "event_alerts;\n$route", 'invalid number of arguments');
warned('nobody hears', 'event_alerts repeat=1h;',
    '"event_alerts" tells nobody: add "event_route alerts { from router; to '
    . 'TARGET; }"');
fine('off, and no route', 'event_alerts off;');
warned('off, and a route', "event_alerts off;\n$route",
    '"event_alerts off": event_route "alerts" from router gets nothing');


# ---- expect

part('source');

warned('nobody hears', 'expect every=30m;',
    '"expect" of event_source "shop" tells nobody: add "event_route alerts { '
    . 'from router; to TARGET; }"');
warned('a wildcard', 'expect every=30m type=orders/*;',
    '"type=orders/*" of "expect" is a type as it stands, "*" is no wildcard: '
    . 'write a line for each type, or leave type= out for all of them');
wrong('no time', 'expect type=a;', 'has no every=TIME');
wrong('nothing', 'expect;', 'every=TIME [type=TYPE]');
wrong('too short', 'expect every=10ms;', 'from 1s to 365d');
wrong('a blank time', 'expect every=;', 'every=');
wrong('a blank type', 'expect every=1h type=;', 'type=');
wrong('a quote', "expect every=1h 'type=a\"b';", 'does not fit');
wrong('a letter that is none', "expect every=1h type=bestellung\xc3\xb6;",
    'does not fit');
wrong('too long', 'expect every=1h type=' . 'x' x 257 . ';', 'does not fit');
wrong('a word', 'expect 30m;', 'which takes every=TIME and type=TYPE');
wrong('twice', "expect every=1h;\nexpect every=2h;  <<<",
    'is twice for the same events');
wrong('twice a type', "expect every=1h type=a;\nexpect every=2h type=b;\n"
    . 'expect every=3h type=a;  <<<', 'is twice for the same events');


part('http');
fine('several', "event_source more { verify bearer; secret file:secret;\n"
    . "expect every=1h; expect every=1d type=a; expect every=1s type=b; }\n"
    . "event_route more { from more; to erp; }\n$route\n"
    . 'server { listen unix:%%TESTDIR%%/m; '
    . 'location /m { event_receive more; } }');

$t->done;
