#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The secret of dedup keys in shared memory: all workers of an nginx have the
# same one, a reload keeps it, another nginx has another one; where a key goes
# to a queue there is none.  And with it as without it every byte of a body
# counts.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Dedup;
use Test::EventRouter::Port qw(wait_until);

my $secret = $Test::EventRouter::Dedup::SECRET;

my $explain = <<'EOC';
        location = /explain {
            event_explain shop;
            add_header X-Worker $pid always;
        }
EOC

my $here = router_of();
my $there = router_of();

# ---- one secret for an nginx

my @key = map { key($_, 'a') } $here, $there;

like($_, qr/^[0-9a-f]{64}$/, 'explained') for @key;
isnt($key[0], $key[1], 'two nginx have two keys');

my %workers;

ok(wait_until(10, sub {
    my $r = explained($here, 'a');

    $workers{$r->header('X-Worker')} = $r->json->{events}[0]{dedup}{key};

    return keys %workers == 2;
}), 'two workers asked');
is(join(' ', values %workers), "$key[0] $key[0]", 'have one key');

# ---- each byte counts

my $body = '{"id":1,"text":"' . 'x' x 6000 . '"}';

is(outcome(order($here, 'b', body => $body)), '200 delivered memory', 'first');
is(outcome(order($here, 'b', body => $body)), '200 duplicate memory', 'again');

for my $at (16, 100, 300, 1040, 4000, 6015) {
    my $other = $body;

    substr $other, $at, 1, 'y';
    is(outcome(order($here, 'b', body => $other)), '200 delivered memory',
        "another byte at $at");
    is(outcome(order($here, 'b', body => $other)), '200 duplicate memory',
        "at $at: again");
}

is(outcome(order($here, 'b', body => "$body ")), '200 delivered memory',
    'one byte more');
is(outcome(order($there, 'b', body => $body)), '200 delivered memory',
    'the other nginx does not know it');

# ---- a reload keeps it, a crash too

ok($here->reload, 'reload');
ok($here->wait_old_workers, 'new workers');
is(key($here, 'a'), $key[0], 'the same key');
is(outcome(order($here, 'b', body => $body)), '200 duplicate memory',
    'known after a reload');

$here->kill_worker;
is(outcome(order($here, 'b', body => $body)), '200 duplicate memory',
    'known after a worker died');

# ---- the keys of a queue outlive the zone

my ($one, $two) = map {
    router_of(store => 'event_store file:%%TESTDIR%%/store size=4m;'
        . " $_", source => 'delivery queued;')
} '', 'event_dedup_store memory:1m;';

is(key($one, 'a'), key($two, 'a'), 'the key of a queued event has no secret');
is(outcome(order($one, 'a')), '202 queued queue', 'queued');
$one->stop;
$one->run;
is(outcome(order($one, 'a')), '200 duplicate queue', 'known after a start');

is(outcome(order($two, 'a')), '202 queued memory', 'queued beside keys');
$two->stop;
$two->run;
like(outcome(order($two, 'a')), qr/^200 duplicate/, 'and beside keys, too');

$_->_check for $there, $one, $two;
$here->done;


# ---- helpers

sub router_of {
    my (%o) = @_;

    my $t = Test::EventRouter->new(workers => 2);

    $t->target(8081);
    $t->secret($secret);
    $t->write_file('secret', "$secret\n");
    $t->config(router(store => 'event_store memory:1m;', to => [ 'one' ],
        ports => { two => 1, three => 1 }, server => $explain, %o));
    $t->run;

    return $t;
}


sub explained {
    my ($t, $id) = @_;

    return order($t, $id, uri => '/explain');
}


sub key {
    return explained(@_)->json->{events}[0]{dedup}{key};
}
