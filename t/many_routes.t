#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Many routes: 10,000 in included files load at once and an event finds its
# own; "nginx -t" tells at debug level how much memory they take, and warns of
# many that cannot be looked up; what would take too much of it is refused.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $slow = $ENV{TEST_NGINX_STATIC} ? 10 : 1;
my $t = Test::EventRouter->new;
my $files = 20;
my $each = 500;

for my $file (0 .. $files - 1) {
    $t->write_file("conf/routes.d/$file.conf", join '', map { <<"EOC" }
event_route r$_ {
    from  shop;
    when  header.X-Topic = orders/paid;
    when  data.shop = shop-$_;
    when  data.total >= @{[ $_ % 100 ]};
    to    sink;
}
EOC
        map { $file * $each + $_ } 0 .. $each - 1);
}

$t->config(configuration('include routes.d/*.conf;'));

local $ENV{TEST_NGINX_DEBUG};

my $bare = elapsed(configuration('event_route all { from shop; to sink; }'));
my $start = time;

$t->config(configuration('include routes.d/*.conf;'));

my ($ok, $said) = $t->check_config;
my $took = time - $start;

ok($ok, '10,000 routes') or diag($said);
unlike($said, qr/\[warn\].* routes from/, 'without a warning about them');
cmp_ok($took - $bare, '<', 3 * $slow, sprintf 'in %.2f s', $took - $bare);

$t->run;

for my $shop (0, 499, 500, 9999, 10000) {
    my $r = $t->post('/shop', qq({"shop":"shop-$shop","total":99}),
        [ 'Content-Type' => 'application/json',
          'X-Topic' => 'orders/paid' ]);

    is("@{ $r->json->{routes} }", $shop < 10000 ? "r$shop" : '',
        "an event of shop $shop");
}


# ---- what nginx -t says at debug level

{
    local $ENV{TEST_NGINX_DEBUG} = 1;
    my $c = Test::EventRouter->new;

    $c->config(configuration(<<'EOC'));
    event_route a { from shop; when type = a b; to sink; }
    event_route b { from shop; when type != a; to sink; }
    event_route c { from shop; when data.n > 5; to sink; }
EOC

    ok($c->check_config, 'debug level');
    like($c->read_file('logs/error.log'),
        qr/\[debug\].*source "shop" has 3 routes, 1 of them evaluated for every event; index: 2 fields, 2 keys, \d+ bytes; conditions: [1-9]\d+ bytes$/m,
        'the memory of a matcher');
}


# the aim is 16 MiB for 100,000 routes, and a route is a few hundred bytes

{
    local $ENV{TEST_NGINX_DEBUG} = 1;

    my $d = Test::EventRouter->new;

    $d->write_file("conf/routes.d/$_.conf",
        $t->read_file("conf/routes.d/$_.conf")) for 0 .. $files - 1;
    $d->config(configuration('include routes.d/*.conf;'));
    ok($d->check_config, 'debug level, 10,000 routes');

    my ($routes, $index, $conditions) = $d->read_file('logs/error.log') =~
        /has (\d+) routes.*, (\d+) bytes; conditions: (\d+) bytes$/m;

    is($routes, 10000, 'all are counted');
    cmp_ok($index, '<', 8 * 1024 * 1024 / 10, 'the memory of their index');
    cmp_ok($conditions, '<', 320 * 10000, 'and of their conditions');
}


# ---- what cannot be looked up

my $c = Test::EventRouter->new;

$c->config(configuration(join '', map { <<"EOC" } 1 .. 1001));
    event_route r$_ { from shop; when type != t$_; to sink; }
EOC

($ok, $said) = $c->check_config;
ok($ok, 'negations only');
like($said, qr/\[warn\] 1001 of 1001 routes from source "shop" have nothing by which they can be looked up and are evaluated for every event: give them a condition that is not negated/,
    'a warning');


# ---- too much

$c = Test::EventRouter->new;
$c->write_file('conf/values.conf', 'when type = '
    . join(' ', map { "v$_" } 1 .. 20000) . ";\n");
$c->config(configuration(join '', map { <<"EOC" } 1 .. 101));
    event_route r$_ { from shop; include values.conf; to sink; }
EOC

($ok, $said) = $c->check_config;
ok(!$ok, 'more than 2,000,000 values');
like($said, qr/\[emerg\] the routes of this source have too many values to look up, more than 2,000,000: use fewer in each, or a "map" from the values to a variable in \S+nginx\.conf:\d+/,
    'refused with a sentence');

$t->done;


sub elapsed {
    my ($conf) = @_;

    $t->config($conf);

    my $start = time;

    $t->check_config;

    return time - $start;
}


sub configuration {
    my ($routes) = @_;

    return <<"EOC";

    event_source shop {
        verify    off;
        accept    application/json;
        dedup     off;
        delivery  sync;
    }

    $routes

    server {
        listen  127.0.0.1:%%PORT_8080%%;

        location = /shop { event_receive shop; }

        location = /deliver/sink {
            event_deliver       sink;
            proxy_pass          http://127.0.0.1:%%PORT_8081%%;
            proxy_read_timeout  3s;
        }
    }

    server {
        listen  127.0.0.1:%%PORT_8081%%;
        location / { return 200 ok; }
    }
EOC
}
