#!/usr/bin/perl

# Copyright (C) Event Router contributors

# An event for which a small store never has room in one piece: nginx -t warns
# of it, the log tells it, and the others are taken.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new;
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);

$t->expect_log(qr/has no room in one piece/, 'that is what is tested');

sub config {
    my ($store, $source) = @_;

    $q->config(store => $store, source => $source,
        targets => { erp => 'breaker off;' });
}

for my $case ([ 'size=1m', '', 1 ], [ 'size=2m', '', 1 ],
    [ 'size=4m', '', 0 ], [ 'size=4m', 'max_size 1025k;', 1 ],
    [ 'size=4m high_water=20%', '', 1 ], [ 'size=1m', 'max_size 256k;', 0 ],
    [ 'size=1g', 'max_size 25m;', 0 ], [ 'size=64m', 'max_size 25m;', 1 ])
{
    my ($store, $source, $told) = @$case;

    config($store, $source);

    my ($ok, $said) = $t->check_config;
    my $warned = qr/\[warn\] events of source "a" may have \d+ bytes.* in \S+:\d+$/m;

    ok($ok, "$store $source: taken");
    $told ? like($said, $warned, 'and told, with its place')
          : unlike($said, qr/one piece/, 'and nothing is told');
}


# ---- at run time

sub event {
    my ($kb) = @_;

    return $q->post(($q->event('erp', pad => 'x' x ($kb * 1024)))[1]);
}

sub delivered {
    ok(wait_until(10, sub { !$q->pending }), 'delivered');
}

config('size=1m', '');
$t->run;

is(event($_)->{status}, 202, "$_ KB"), delivered() for 1, 50, 150, 200, 250;

for my $kb (450, 600, 890, 1000) {
    my $r = event($kb);

    is($r->{status}, 503, "$kb KB does not fit");
    ok($r->header('Retry-After'), 'it may come again');
    is(event(1)->{status}, 202, 'others are taken at once');
}

ok($t->wait_log(
    qr/\[error\] .*no room in one piece for an event of \d+ bytes, .*"size"/),
    'the log says so');
is(scalar(grep { /no room in one piece/ } $t->log_lines), 1, 'once a minute');
is(scalar(grep { /event store .*(full|cannot be written|MDB_)/ }
    $t->log_lines), 0, 'and nothing else');
delivered();

# four times as large

$t->stop;
config('size=4m', '');
$t->run;
is(event($_)->{status}, 202, "$_ KB, in a larger one"), delivered()
    for 450, 1000, 600, 890, 1000, 450, 1000;

$t->done;
