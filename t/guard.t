#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The guard before a delivery, where the keys are beside the queue: of two
# copies of an event one is delivered.  What the dedup store calls two events
# is two events to the guard, too, and so is what came behind the window.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Nodes;

my $t = node();
my $target = target($t);
my $redis = $t->redis(6379);
my $url = 'redis://127.0.0.1:' . $redis->port;
my $serial = 0;

my @stores = (
    [ 'file, keys in Redis', 'file', 'redis' ],
    [ 'file, keys in memory', 'file', 'memory' ],
    [ 'Redis, keys in memory', 'redis', 'memory' ],
);

for my $row (@stores) {
    my ($what, $queue, $keys) = @$row;

    # the same id and bytes, but another source or type

    begin($queue, $keys, source => 'dedup 1h by=id by=header.Kind;');
    apart($what, [ Kind => 'created' ], [ Kind => 'updated' ]);

    begin($queue, $keys);
    apart("$what: CloudEvents", map { [ 'ce-specversion' => '1.0',
        'ce-id' => 7, 'ce-type' => 'x', 'ce-source' => $_ ] } qw(/one /two));

    # the first one waits for its target until the window is over

    begin($queue, $keys, source => 'dedup 1s;',
        erp => 'retry base=300ms max=300ms for=1h;');
    $target->answer('/erp', status => 503);

    my $e = event();

    is(told(post($t, $e)), '202', "$what: accepted");
    ok(wait_until(10, sub { attempts($e) }), 'tried');
    is(told(post($t, $e)), '200', 'a duplicate');
    sleep 2;
    $target->answer_anew('/erp', status => 200);
    ok(wait_until(10, sub { calls($e) }), 'delivered, late');
    is(told(post($t, $e)), '202', 'behind the window: another event');
    drained($t);
    is(scalar(() = calls($e)), 2, 'and delivered, too');
}

ok($t->stop, 'nginx ends');
nodes_done();


sub begin {
    my ($queue, $keys, %o) = @_;

    $serial++;
    $target->answer_anew('/erp', status => 200);

    start($t, store => $queue eq 'file'
            ? "file:$t->{dir}/store-$serial size=16m"
            : "$url prefix=q$serial",
        dedup => $keys eq 'redis' ? "$url prefix=k$serial" : 'memory:1m', %o);
}


# two events that differ in their headers, one of them twice

sub apart {
    my ($what, @headers) = @_;

    my $body = event();
    my @told = map { told($t->post('/a', $body,
        [ 'Content-Type' => 'application/json', @$_ ])) } @headers, $headers[0];

    is("@told", '202 202 200', "$what: two events and a duplicate");
    drained($t);
    is(scalar($target->requests), 2, 'both are delivered');
}
