#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The queue in files and the keys of events in Redis: claim, append, confirm.
# A crash between two of them, a retry that comes to another nginx with a store
# of its own, Redis that is away; the event is delivered, and once.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Nodes;

my $t = node(points => 1);
my $u = node();
my $target = target($t);
my $redis = $t->redis(6379);
my $serial = 0;
my $prefix;

for my $node ($t, $u) {
    $node->workers_may_change('they are killed');
    $node->expect_log(qr/exited on signal 9/, 'workers are killed');
}


# ---- all is well

begin();

my $e = event();

is(told(post($t, $e)), '202', 'accepted');
is(told(post($t, $e)), '200', 'a duplicate');
is(told(post($u, $e)), '200', 'also for the other nginx');
drained($t);
is(attempts($e), '1', 'delivered once');
is((calls($e))[0]->header('X-Dedup'), 'redis', 'as the target is told');

my @both = map { event() } 1 .. 10;
my %told;

for my $body (@both) {
    my @clients = map { $_->connect } ($t, $u) x 2;

    $_->send(POST => '/a', [ 'Content-Type' => 'application/json' ], $body)
        for @clients;
    $told{($_->response // { status => 0 })->{status}}++ for @clients;
    $_->close for @clients;
}

is($told{202}, 10, 'at both at once: accepted once each');
is(join(' ', grep { !/^(202|200|409)$/ } keys %told), '',
    'the others are duplicates or wait');
drained($_) for $t, $u;
is(scalar(grep { attempts($_) ne '1' } @both), 0, 'delivered once each');
finish();


# ---- crashes

subtest 'between claim and append' => sub {
    begin(crash => 'accept');

    my $e = event();

    is(post($t, $e)->{status}, 0, 'no answer');
    crashed($t);
    is(told(post($u, $e)), '409, later', 'in the lease: not yet');
    is(told(post($t, $e)), '409, later', 'nor where it was');
    is(later($u, $e), '202', 'then the retry is accepted');
    drained($u);
    drained($t);
    is(attempts($e), '1', 'delivered once');
    is(told(post($t, $e)), '200', 'known');
    finish();
};


for my $other (0, 1) {
    my $where = $other ? 'another nginx' : 'the same nginx';

    subtest "between append and confirm; the retry comes to $where" => sub {
        begin(crash => 'after-commit=accept');

        my $e = event();

        is(post($t, $e)->{status}, 0, 'no answer');
        crashed($t);

        my $retry = $other ? $u : $t;

        # the same nginx knows it by the key in its own queue

        is(later($retry, $e), $other ? '202' : '200',
            'after the lease the retry is accepted, or known');
        drained($_) for $t, $u;
        ok(quiet(), 'nothing more');
        like(attempts($e), qr/^[12]$/, 'delivered once');
        is(told(post($u, $e)), '200', 'known');
        finish();
    };
}


subtest 'two copies of an event that fails at first' => sub {
    begin(crash => 'after-commit=accept', route => 'delay 4s;',
        erp => 'retry base=1s max=1s for=1h;');
    $target->answer('/erp', [ { status => 500 }, {} ]);

    my $e = event();

    is(post($t, $e)->{status}, 0, 'no answer');
    crashed($t);
    is(later($u, $e), '202', 'the retry is accepted by another nginx');
    drained($_) for $t, $u;
    ok(quiet(), 'nothing more');
    is(scalar(calls($e)), 2, 'once in vain, once with success');
    finish();
};


subtest 'a worker dies with a delivery in flight' => sub {
    begin();
    $target->answer('/erp', fault => 'hang');

    my $e = event();

    is(told(post($t, $e)), '202', 'accepted');
    ok(wait_until(10, sub { $target->begun == 1 }), 'in flight');
    $target->answer('/erp', status => 200);
    kill_workers($t);
    ok(wait_until(10, sub { attempts($e) eq '1 2' }),
        'delivered again, at once');
    drained($t);
    finish();
};


# ---- Redis is away

subtest 'Redis is away' => sub {
    for my $choice (qw(local open closed)) {
        begin(source => "dedup 1h on_error=$choice;");

        my ($known, $e) = (event(), event());

        is(told(post($t, $known)), '202', "$choice: accepted before");
        drained($t);
        $redis->stop;

        my $r = post($t, $e);

        if ($choice eq 'closed') {
            is(told($r), '503, later', 'closed: refused');
            is(attempts($e), '', 'closed: not delivered');
        } else {
            is(told($r), '202', "$choice: accepted");
            is(told(post($t, $e)), '200',
                "$choice: once more, known to the queue itself");
            drained($t);
            is((calls($e))[0]->header('X-Dedup'),
                $choice eq 'local' ? 'local' : 'none',
                "$choice: as the target is told");
            is(attempts($e), '1', "$choice: delivered once");
        }

        $redis->start;
        ok(wait_until(10, sub { told(post($t, $e)) eq '200' }),
            "$choice: Redis is back: accepted, then known");
        drained($t);
        finish();
    }
};


nodes_done();


# ---- helpers

# both nginx, each with a store of its own; options go to the first one, crash
# to it alone

sub begin {
    my (%o) = @_;

    $prefix = 'm' . ++$serial;
    $target->answer_anew('/erp', status => 200);

    $o{source} //= 'dedup 1h;';
    $o{source} .= ' deadline 1s;';

    for my $node ($t, $u) {
        start($node, store => "file:$node->{dir}/store-$serial size=16m",
            dedup => 'redis://127.0.0.1:' . $redis->port
                     . " prefix=$prefix", %o);
        delete @o{qw(crash route)};
    }
}


sub finish { ok($_->stop, 'nginx ends') for $t, $u }


# sends it again until nobody has claimed it any more

sub later {
    my ($node, $body) = @_;

    my $told;

    wait_until(15, sub { ($told = told(post($node, $body))) !~ /^409/ });

    return $told;
}
