#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Who may publish to whom: a target whose "from" names sources, and routes that
# lead there from others.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Port qw(wait_until);

my $t = Test::EventRouter->new;

$t->expect_log(qr/\[emerg\]/, 'wrong configurations are what is tested');

my $erp = $t->target(8081);


# ---- nginx -t

fine('no from', '', 'from *;');
fine('the source of the route', 'from shop;', 'from shop;');
fine('two sources in one line', 'from shop bank;', 'from shop bank;');
fine('two lines', "from shop;\n    from bank;", 'from bank shop;');
fine('more sources than routes', 'from shop bank old;', 'from bank;');
fine('all sources are named', 'from shop bank old;', 'from *;');

wrong('another source', 'from shop;', 'from bank;',
    'event_route "orders" leads from source "bank" to event_target "erp"');
wrong('one of two', 'from shop;', 'from shop bank;', 'from source "bank"');
wrong('one of two, the other way', 'from bank;', 'from shop bank;',
    'from source "shop"');
wrong('all', 'from shop;', 'from *;',
    'from source "bank" by its "from *" to event_target "erp"');
wrong('all, and one that no location receives', 'from shop bank;', 'from *;',
    'from source "old" by its "from *"');
wrong('a condition is no way around it', 'from shop;',
    'from *; when source = shop;', 'from source "bank"');
wrong('a fallback', 'from shop;', 'from bank; fallback;',
    'from source "bank"');
wrong('a copy', 'from shop;', 'from bank; copy;', 'from source "bank"');
wrong('the second target of a route', 'from shop;', 'from bank; to audit;',
    'to event_target "erp"');

said('a name that is a part of one', 'from sho;', 'from shop;',
    'event_target "erp" is from an unknown source "sho": did you mean '
    . '"shop"?', 'target');
said('a misspelt source', 'from shop bnak;', 'from shop;',
    'did you mean "bank"?', 'target');
said('a source that is like no other', 'from warehouse;', 'from shop;',
    'event_target "erp" is from an unknown source "warehouse": add '
    . '"event_source warehouse { ... }"', 'target');
said('in the second line', "from shop;\n    from bnak;", 'from shop;',
    'did you mean "bank"?', 'target', 2);
said('in capitals', 'from Shop;', 'from shop;', 'did you mean "shop"?',
    'target');
said('all', 'from *;', 'from shop;', 'names "*", which is all sources',
    'target');
said('all beside one', 'from shop *;', 'from shop;', 'names "*"', 'target');
said('twice', 'from shop shop;', 'from shop;',
    '"shop" is named twice in "from" of event_target "erp"', 'target');
said('twice in two lines', "from shop;\n    from shop;", 'from shop;',
    '"shop" is named twice', 'target', 2);
said('none', 'from;', 'from shop;', 'write "from SOURCE...;"', 'target');
said('no name', 'from sh/op;', 'from shop;', 'sh/op', 'target');

# the block of the target stands behind the route, and in another file

$t->write_file('conf/erp.conf', "event_target erp {\n\n    from shop;\n}\n");
$t->config(conf('', 'from bank;', 'include erp.conf;'));

my ($ok, $said) = $t->check_config;

ok(!$ok, 'block behind the route');
like($said, qr{whose "from" in \S+/conf/erp\.conf:3 .* in \S+/nginx\.conf:\d+$}m,
    'with both places');


# ---- events

$t->config(conf('from shop;', 'from shop;'));
$t->run;

is($t->post('/hooks/shop', '{"id":1}')->{status}, 200, 'a source that may');
is($t->post('/hooks/bank', '{"id":2}')->{body} =~ /"outcome":"(\w+)"/ && $1,
    'unrouted', 'one that has no route');
is(scalar(my @got = $erp->requests), 1, 'the target got one');

$t->stop;


# ---- what an operator replays

$t->expect_log(qr/is a dead letter now/, 'targets refuse events');

$erp->forget;
$erp->answer('/deliver/erp', status => 400);

queued('');
$t->run;

post('shop', 1);
post('bank', 2);
wait_dead('erp', 2);

ok(sent('audit', 2), 'all publish to a target without "from"');

queued('from bank;');
$t->reload;

my $r = replay('target=erp&deliver_to=payroll');

is($r->{status}, 409, 'dead letters of another source');
like($r->json->{detail}, qr/^an event is of a source that "from" of the target does not name: nothing is replayed/,
    'why');
is(replay('all=1&deliver_to=payroll')->{status}, 409, 'with all of them');
is(replay("event=$_->{event}&deliver_to=payroll")->{status},
    $_->{id} == 1 ? 409 : 200, "one of \"$_->{source}\"") for dead('erp');
is(scalar dead('erp'), 1, 'the other one stays where it was');
ok(sent('payroll', 1), 'what may goes');

$r = replay('archive=shop&deliver_to=payroll');
is($r->{status}, 400, 'the archive of another source');
like($r->json->{detail}, qr/^"from" of the target does not name this source/,
    'why it is not replayed');
is(replay('archive=bank&deliver_to=payroll')->{status}, 200,
    'the archive of its own');
is(replay('target=erp&deliver_to=audit')->json->{replayed}, 1,
    'to a target without "from"');

$t->done;


sub queued {
    my ($from) = @_;

    $t->config(<<"EOC");
event_store file:%%TESTDIR%%/store size=16m;

event_source shop { verify off; id "{json:id}"; delivery queued; retain 1h; }
event_source bank { verify off; id "{json:id}"; delivery queued; retain 1h; }

event_target erp     { retry off; breaker off; }
event_target payroll { $from breaker off; }
event_target audit   { breaker off; }

event_route orders { from shop bank; to erp; }
event_route audit  { from shop bank; to audit; }

server {
    listen  127.0.0.1:%%PORT_8080%%;

    location = /hooks/shop { event_receive  shop; }
    location = /hooks/bank { event_receive  bank; }
    location /admin/ { event_admin access=nginx; allow all; }

    location /deliver/ { proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    location = /deliver/erp { event_deliver erp;
        proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    location = /deliver/payroll { event_deliver payroll;
        proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    location = /deliver/audit { event_deliver audit;
        proxy_pass http://127.0.0.1:%%PORT_8081%%; }
}
EOC
}


sub post {
    my ($source, $id) = @_;

    is($t->post("/hooks/$source", qq({"id":$id}))->{status}, 202,
        "event $id of \"$source\"");
}


sub replay {
    return $t->post("/admin/replay?$_[0]", '', [ 'X-Event-Admin' => 1 ]);
}


sub dead {
    return @{ $t->get("/admin/dead?target=$_[0]")->json->{entries} };
}


sub wait_dead {
    my ($target, $n) = @_;

    ok(wait_until(10, sub { my @dead = dead($target); @dead == $n }),
        "dead letters of \"$target\"");
}


sub sent {
    my ($target, $n) = @_;

    return wait_until(10, sub { $n == grep { $_->{uri} eq "/deliver/$target" }
        $erp->requests });
}


sub conf {
    my ($target, $route, $behind) = @_;

    my $block = $behind ? '' : <<"EOC";
event_target erp {                     # block of target
    $target
}
EOC

    return $block . <<"EOC" . ($behind // '');
event_source shop { verify off; }
event_source bank { verify off; }
event_source old { verify off; }

event_target audit { from shop bank old; }

event_route orders {                   # block of route
    to erp;
    $route
}

server {
    listen  127.0.0.1:%%PORT_8080%%;

    location = /hooks/shop { event_receive  shop; }
    location = /hooks/bank { event_receive  bank; }

    location = /deliver/erp {
        event_deliver  erp;
        proxy_pass     http://127.0.0.1:%%PORT_8081%%;
    }

    location = /deliver/audit {
        event_deliver  audit;
        proxy_pass     http://127.0.0.1:%%PORT_8081%%;
    }
}
EOC
}


sub fine {
    my ($name, $target, $route) = @_;

    $t->config(conf($target, $route));

    my ($ok, $said) = $t->check_config;

    ok($ok, "fine: $name") or diag($said);
}


# both lines are told: that of the route, and that of the "from"

sub wrong {
    my ($name, $target, $route, $expected) = @_;

    my $line = said($name, $target, $route, $expected, 'route', 0);

    my $n = place('target') + 1;

    like($line, qr{whose "from" in \S+/nginx\.conf:$n does not name},
        "$name: the line of the target");
}


sub said {
    my ($name, $target, $route, $expected, $block, $at) = @_;

    $t->config(conf($target, $route));

    my ($ok, $said) = $t->check_config;
    my $n = place($block) + ($at // 1);
    my ($line) = grep { /\[emerg\]/ && index($_, $expected) >= 0 }
                 split /\n/, $said;

    ok(!$ok && $line && $line =~ /nginx\.conf:$n$/, "wrong: $name")
        or diag("line $n: $said");

    return $line // '';
}


sub place {
    my ($block) = @_;

    my @lines = split /\n/, $t->read_file('conf/nginx.conf');

    return +(grep { $lines[$_] =~ /# block of $block$/ } 0 .. $#lines)[0] + 1;
}
