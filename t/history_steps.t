#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What becomes of an event without an attempt stands in its history, for the
# target that it is about: what a newer version overtook or replaced, what its
# producer sent again, what an operator moved, forgot or replayed elsewhere,
# what was forgotten as it was too old, and whose target was taken out of
# nginx.conf.  Each end is found by its state.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;
use Time::HiRes qw(sleep);

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);

$t->expect_log(qr/is not configured any more/, 'one is removed');

my $refuse = 'breaker off; retry off;';
my $waits = 'breaker off; retry base=1h max=1h for=2d;';
my $versions = 'order by=data.key version=data.v';

config();
$t->run;

my $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');

$target->answer("/$_/bad", status => 400) for qw(erp crm short);
$target->answer("/$_/later", status => 503) for qw(wait gone);
$target->answer('/crm/later', status => 200);
$target->answer('/late/slow', delay => 0.5, status => 200);
$target->answer('/merge/slow', delay => 1, status => 200);


# ---- versions

my $new = $q->send('late', key => 'k', v => 5);

is_deeply(steps($new, 'late', 'delivered'), [ 'delivered' ], 'the newer one');

my $old = $q->send('late', key => 'k', v => 3);

is_deeply(steps($old, 'late', 'stale'), [ 'stale' ], 'stale as it came');

my @slow = map { $q->send('late', key => 's', v => $_, kind => 'slow') } 5, 4;

is_deeply(steps($slow[1], 'late', 'stale'), [ 'stale' ],
    'stale while it waited');
is_deeply(steps($slow[0], 'late', 'delivered'), [ 'delivered' ],
    'by one that was delivered');

my @merge = map { $q->send('merge', key => 'm', v => $_, kind => 'slow') }
                1 .. 4;

is_deeply(steps($merge[3], 'merge', 'delivered'), [ 'delivered' ],
    'the newest of several');
is_deeply(steps($_, 'merge', 'coalesced'), [ 'coalesced' ],
    'what it took the place of') for @merge[1, 2];
is_deeply([ sort(ids('state=coalesced')) ], [ sort @merge[1, 2] ],
    'found by that');
is_deeply([ sort(ids('state=stale')) ], [ sort $old, $slow[1] ],
    'and these by that');


# ---- its producer sends it again

my ($id, $body) = $q->event('erp', kind => 'mended');

$target->answer('/erp/mended', status => 400);
is($q->post($body)->{status}, 202, 'accepted');
steps($id, 'erp', 'dead');
$target->answer('/erp/mended', status => 200);
is($q->post($body)->json->{outcome}, 'redelivered', 'sent again');
is_deeply(steps($id, 'erp', 'delivered'),
    [ '-', 'dead', 'redelivered', 'delivered' ], 'one record');
is($q->post($body)->json->{outcome}, 'duplicate', 'and again');
is_deeply(steps($id, 'erp', 'delivered'),
    [ '-', 'dead', 'redelivered', 'delivered' ], 'which adds nothing');


# ---- what an operator does to what waits

my @wait = map { $q->send('wait', kind => 'later') } 1 .. 3;
my @number = map { steps($_, 'wait', 'pending', 1); event($_)->{event} } @wait;

is(act("v1/move?event=$number[0]&deliver_to=crm")->{moved}, 1, 'moved');
is_deeply(steps($wait[0], 'wait', 'moved'), [ '-', 'moved' ],
    'here it is over');
is_deeply(steps($wait[0], 'crm', 'delivered')->[-1], 'delivered',
    'and there it goes on');
is_deeply([ ids('state=moved') ], [ $wait[0] ], 'found by that');
is_deeply([ ids('target=crm&state=delivered') ], [ $wait[0] ],
    'and by where it went');

is(act("v1/purge?event=$number[1]&state=pending")->{purged}, 1, 'purged');
is_deeply(steps($wait[1], 'wait', 'purged'), [ '-', 'purged' ],
    'which is its end');

is(act("v1/retry?event=$number[2]")->{retried}, 1, 'tried at once');
steps($wait[2], 'wait', 'pending', 2);
is_deeply(steps($wait[2], 'wait', 'pending'), [ '-', '-' ],
    'which is no step, but an attempt more');


# ---- and to dead letters

my @bad = map { $q->send('erp', kind => 'bad') } 1 .. 2;

steps($_, 'erp', 'dead') for @bad;
$target->answer('/crm/bad', status => 200);
$q->change(replay => event => event($bad[0])->{event}, deliver_to => 'crm');
is_deeply(steps($bad[0], 'erp', 'moved'), [ '-', 'dead', 'moved' ],
    'replayed elsewhere');
is(steps($bad[0], 'crm', 'delivered')->[-1], 'delivered', 'where it is taken');

$q->change(purge => event => event($bad[1])->{event});
is_deeply(steps($bad[1], 'erp', 'purged'), [ '-', 'dead', 'purged' ],
    'forgotten');
is_deeply([ sort(ids('state=purged')) ], [ sort $wait[1], $bad[1] ],
    'both are found');


# ---- age

my $short = $q->send('short', kind => 'bad');

is_deeply(steps($short, 'short', 'aged'), [ '-', 'dead', 'aged' ],
    'dead_for is over');
is_deeply([ ids('state=aged') ], [ $short ], 'found by that');
is_deeply([ ids('target=short&state=dead') ], [], 'and dead no more');


# ---- its target is taken out of nginx.conf, and comes back

my $gone = $q->send('gone', kind => 'later');

steps($gone, 'gone', 'pending', 1);
config('gone');
ok($t->reload, 'without the target');
$t->wait_old_workers;
is_deeply(steps($gone, 'gone', 'dead'), [ '-', 'dead' ], 'a dead letter');

my ($of) = grep { $_->{target} eq 'gone' } @{ event($gone)->{targets} };

is($of->{reason}, 'target_removed', 'and why, of a target that nobody knows');
config();
ok($t->reload, 'with it');
$target->answer('/gone/later', status => 200);
$q->change(replay => target => 'gone');
is_deeply(steps($gone, 'gone', 'delivered'),
    [ '-', 'dead', 'replayed', 'delivered' ], 'it goes on');


# ---- whoever had it in hand is killed

$t->workers_may_change('they are killed');
$target->answer('/erp/hang', [ { delay => 5 }, { status => 200 } ]);
my $hand = $q->send('erp', kind => 'hang');
wait_until(5, sub { $q->attempts($target, $hand) });
$t->kill_worker($_) for $t->workers;
is_deeply(steps($hand, 'erp', 'delivered'), [ 'returned', 'delivered' ],
    'it came back');

$t->done;


sub config {
    my ($without) = @_;

    my %targets = (
        erp   => $refuse,
        crm   => $refuse,
        wait  => $waits,
        gone  => $waits,
        short => "$refuse dead_for 1s;",
        late  => "breaker off; retry base=50ms max=100ms; $versions;",
        merge => "breaker off; retry base=100ms; $versions coalesce;",
    );

    delete $targets{$without} if $without;

    $q->config(source => 'dedup 1h by=id;', targets => \%targets,
        http => 'event_history 1h size=2m;', store => 'size=32m');
}


sub act {
    my ($path) = @_;

    return $t->post("/admin/$path", '', [ 'X-Event-Admin' => 1 ])->json;
}


sub ids {
    return map { $_->{id} } @{ $t->get("/admin/v1/events?$_[0]")
        ->json->{events} };
}


sub event {
    my ($id) = @_;

    my $r = $t->get("/admin/v1/events?id=$id");

    is_deeply([ $api->wrong(GET => '/events', $r) ], [],
        'as the API describes it');

    return $r->json->{events}[0] // {};
}


# the states in the history of an event for a target ("-": an attempt that
# decided nothing), when that is where it should be and was tried so often

sub steps {
    my ($id, $name, $state, $attempts) = @_;

    my ($e, $of);

    ok(wait_until(15, sub {
        $e = $t->get("/admin/v1/events?id=$id")->json->{events}[0];
        ($of) = grep { $_->{target} eq $name } @{ $e->{targets} // [] };

        return $of && $of->{state} eq $state
               && $of->{attempts} >= ($attempts // 0);
    }), "$id for $name is $state") or diag(explain($e));

    return [] if !$e;

    my $r = $t->get("/admin/v1/events/$e->{event}");

    is_deeply([ $api->wrong(GET => '/events/{event}', $r) ], [],
        'as the API describes it');

    ($of) = grep { $_->{target} eq $name } @{ $r->json->{targets} };

    return [ map { $_->{state} // '-' } @{ $of->{history} } ];
}
