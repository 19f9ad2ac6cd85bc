#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Several nginx, each with a queue in files, and the keys of events in a Redis
# that they share: an event that died in the queue of one of them is accepted
# by whichever gets its repetition, for the targets in whose queue it died.  A
# crash between what the key is told and what the queue is told loses nothing
# and doubles nothing.

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

for my $node ($t, $u) {
    $node->workers_may_change('they are killed');
    $node->expect_log(qr/exited on signal 9/, 'workers are killed');
}


subtest 'a repetition that comes to another nginx' => sub {
    my $e = died();

    is(outcome(post($u, $e)), '202 redelivered erp', 'is accepted there');
    drained($u);
    is(attempts($e), '1 1', 'delivered');
    is(outcome(post($_, $e)), '200 duplicate', 'known to both') for $t, $u;
    is(dead($t), 1, 'the dead letter stays where it was');
    ok(quiet(), 'nothing more');

    # it dies there, too

    $e = died();
    $target->answer('/erp', status => 400);
    is(outcome(post($u, $e)), '202 redelivered erp', 'accepted there');
    ok(wait_until(10, sub { dead($u) }), 'it dies there, too');
    $target->answer('/erp', status => 200);
    is(outcome(post($t, $e)), '202 redelivered erp', 'accepted here again');
    drained($t);
    is(attempts($e), '1 1 1', 'delivered');
    is(outcome(post($_, $e)), '200 duplicate', 'known to both') for $t, $u;
    finish();
};


subtest 'what other targets have' => sub {
    begin(more => 1);
    $target->answer('/erp', status => 400);

    my $e = event();

    is(outcome(post($t, $e)), '202 queued erp crm', 'accepted');
    ok(wait_until(10, sub { dead($t) }), 'refused by one');
    drained($t);
    $target->answer('/erp', status => 200);
    is(outcome(post($u, $e)), '202 redelivered erp', 'accepted for that one');
    drained($u);
    is(to($e, '/erp'), 2, 'delivered to it');
    is(to($e, '/crm'), 1, 'and not to the other one');
    is(outcome(post($u, $e)), '200 duplicate', 'known');
    finish();
};


subtest 'at both at once' => sub {
    my @e = map { event() } 1 .. 10;

    begin();
    $target->answer('/erp', status => 400);
    post($t, $_) for @e;
    ok(wait_until(10, sub { dead($t) == @e }), 'all died');
    $target->answer('/erp', status => 200);

    my %told;

    for my $e (@e) {
        my @clients = map { $_->connect } ($t, $u) x 2;

        $_->send(POST => '/a', [ 'Content-Type' => 'application/json' ], $e)
            for @clients;
        $told{($_->response // { status => 0 })->{status}}++ for @clients;
        $_->close for @clients;
    }

    is($told{202}, scalar @e, 'accepted once each');
    is(join(' ', grep { !/^(202|200|409)$/ } keys %told), '',
        'the others are duplicates or wait');
    drained($_) for $t, $u;
    is(scalar(grep { attempts($_) ne '1 1' } @e), 0, 'delivered once each');
    finish();
};


subtest 'purged where it died' => sub {
    my $e = died();

    $t->post('/admin/purge?target=erp', '', [ 'X-Event-Admin' => 1 ]);
    is(dead($t), 0, 'purged');
    is(outcome(post($u, $e)), '202 redelivered erp', 'accepted elsewhere');
    drained($u);
    is(attempts($e), '1 1', 'delivered');
    is(outcome(post($_, $e)), '200 duplicate', 'known to both') for $t, $u;
    finish();
};


subtest 'replayed where it died' => sub {
    my $e = died();

    $t->post('/admin/replay?target=erp', '', [ 'X-Event-Admin' => 1 ]);
    drained($t);
    is(attempts($e), '1 1', 'delivered');
    ok(wait_until(5, sub { outcome(post($u, $e)) eq '200 duplicate' }),
        'elsewhere it is a duplicate');
    is(outcome(post($t, $e)), '200 duplicate', 'here, too');
    is(attempts($e), '1 1', 'delivered once');
    finish();
};


for my $node (0, 1) {
    my $where = $node ? 'another nginx' : 'the same nginx';

    subtest "killed when the key knows it and the queue does not; $where"
    => sub {
        begin(crash => 'died');
        $target->answer('/erp', [ { status => 400 }, {} ]);

        my $e = event();

        is(outcome(post($t, $e)), '202 queued erp', 'accepted');
        crashed($t);

        my $r = outcome(post($node ? $u : $t, $e));

        like($r, $node ? qr/^(202 redelivered erp|200 duplicate)$/
            : qr/^200 duplicate$/, "a repetition: $r");
        drained($_) for $t, $u;
        ok(quiet(), 'nothing more');
        like(attempts($e), qr/^1 [12]$/, 'delivered once');
        is(outcome(post($_, $e)), '200 duplicate', 'known to both') for $t, $u;
        is(dead($_), 0, 'no dead letter') for $t, $u;
        finish();
    };
}


subtest 'Redis is away when it dies' => sub {
    begin();
    $target->answer('/erp', status => 400, delay => 1);

    my $e = event();

    is(outcome(post($t, $e)), '202 queued erp', 'accepted');
    $redis->pause;
    sleep 3;
    is(dead($t), 0, 'it waits to be told of');
    $redis->resume;
    ok(wait_until(10, sub { dead($t) }), 'then it is a dead letter');
    $target->answer('/erp', status => 200);
    is(outcome(post($u, $e)), '202 redelivered erp', 'of which all know');
    drained($u);
    is(attempts($e), '1 1', 'delivered');
    finish();
};


nodes_done();


# ---- helpers

sub begin {
    my (%o) = @_;

    $target->answer_anew('/erp', status => 200);
    $serial++;

    my $more = delete $o{more};
    my $crash = delete $o{crash};

    for my $node ($t, $u) {
        my $port = $target->port;

        start($node, store => "file:$node->{dir}/store-$serial size=16m",
            dedup => 'redis://127.0.0.1:' . $redis->port
                . " prefix=n$serial",
            erp => 'retry off;', $crash && $node == $t ? (crash => $crash) : (),
            http => $more ? 'event_target crm { breaker off; }
                event_route y { from a; to crm; }' : '',
            server => $more ? "location = /deliver/crm { event_deliver crm;
                proxy_pass http://127.0.0.1:$port/crm; }" : '');
    }
}


# an event that died in the queue of $t

sub died {
    begin();
    $target->answer('/erp', status => 400);

    my $e = event();

    is(outcome(post($t, $e)), '202 queued erp', 'accepted');
    ok(wait_until(10, sub { dead($t) }), 'and refused');
    $target->answer('/erp', status => 200);

    return $e;
}


sub dead { return scalar @{ entries($_[0], 'dead') // [] } }


sub to {
    my ($e, $uri) = @_;

    return scalar grep { $_->{uri} eq $uri && $_->{body} eq $e }
        $target->requests;
}


sub outcome {
    my ($r) = @_;

    my $j = $r->json // {};

    return join ' ', $r->{status}, $j->{outcome} // '',
        sort { $b cmp $a } map { $_->{name} } @{ $j->{targets} // [] };
}


sub finish { ok($_->stop, 'nginx ends') for $t, $u }
