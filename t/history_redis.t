#!/usr/bin/perl

# Copyright (C) Event Router contributors

# History in Redis when something breaks: workers are killed, a reply is lost,
# Redis is killed or has no memory left.  Whatever happens, a record and the
# queue say the same: no attempt that was settled is missing, none is told that
# was not.  Then what a reload makes of records, and two nginx of one queue.
# t/history.t has what is found, t/redis_scripts_history.t the scripts.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Nodes;
use Test::EventRouter::Broken;
use Time::HiRes qw(sleep);

my $u = breakable();
my $history = 'event_history 1d size=4m index=data.order;';


subtest 'workers die with events in hand' => sub {
    begin($t, store => $queue . fresh(), http => $history);
    $target->answer('/erp', fault => 'hang');

    my @e = map { event() } 1 .. 3;

    is(told(post($t, $_)), '202', 'accepted') for @e;
    ok(wait_until(10, sub { $target->begun == 3 }), 'in flight');
    $target->answer('/erp', status => 200);
    kill_workers($t);
    drained($t, 10);
    is(steps($_), 'returned 200/delivered', 'given back, then delivered')
        for @e;
    finish($t);
};


subtest 'workers die under load' => sub {
    begin($t, store => $queue . fresh() . ' shards=3', http => $history);

    my (%status, @e);

    for my $i (1 .. 200) {
        my $e = event(order => "o$i");

        push @e, $e;
        kill KILL => ($t->workers)[0] if $i % 40 == 39;
        $status{$e} = eval { post($t, $e)->{status} } // 0;
    }

    drained($t);

    my @accepted = grep { $status{$_} == 202 } @e;

    # one that was in hand in three crashes is a dead letter

    my %dead = map { $_->{id} => 1 } @{ entries($t, 'dead') // [] };
    my @wrong = grep {
        state($_) ne ($dead{ id_of($_) } ? 'dead' : 'delivered')
    } @accepted;

    cmp_ok(scalar @accepted, '>', 150, 'most are accepted');
    is(scalar @wrong, 0, 'each has one record, which says where it is')
        or diag(steps($wrong[0]));

    # of each attempt that Redis was told its target knows

    @wrong = grep {
        my @calls = split / /, attempts($_);
        my @told = steps($_) =~ m{\b200/}g;

        @told > @calls || @told != ($dead{ id_of($_) } ? 0 : 1);
    } @accepted;

    is(scalar @wrong, 0, 'the attempt that was settled is told, once')
        or diag(steps($wrong[0]));
    is(scalar found("key=data.order:o7"), 1, 'and found by its order');
    finish($t);
};


subtest 'a reply is lost' => sub {
    my $fake = proxy();

    begin($t, store => 'redis://127.0.0.1:' . $fake->port . fresh(),
        http => $history);
    warm($t);

    my ($e, $later) = (event(), event());

    $fake->mode('lose once');
    is(told(post($t, $e)), '202', 'sent again, accepted');
    drained($t);
    is(steps($e), '200/delivered', 'one record');
    $fake->mode('lose twice');
    is(told(post($t, $later)), '503, later', 'lost again: not accepted');
    $fake->mode('');
    is(told(post($t, $later)), '200', 'but it is there');
    kill_workers($t);
    drained($t);
    is(steps($later), 'returned 200/delivered', 'and has a record');
    finish($t);
};


subtest 'Redis is killed' => sub {
    my $other = $t->redis(6380, appendonly => 'yes', appendfsync => 'always');

    begin($t, store => 'redis://127.0.0.1:' . $other->port . fresh(),
        http => $history, erp => 'retry base=300ms max=300ms for=1h;');
    $target->answer('/erp', status => 503, body => 'busy');

    my @e = map { event() } 1 .. 5;

    is(told(post($t, $_)), '202', 'accepted') for @e;
    ok(wait_until(10, sub { 5 == grep { steps($_) =~ /503/ } @e }), 'tried');

    my %before = map { $_ => steps($_) } @e;

    $other->stop;
    $target->answer('/erp', status => 200);
    $other->start;
    ok(wait_until(15, sub { told(post($t, event())) eq '202' }), 'back');
    drained($t);

    my @wrong = grep { my $is = steps($_);
                       index($is, $before{$_}) != 0
                       || $is !~ m{200/delivered$} } @e;

    is(scalar @wrong, 0, 'what was told is there, and goes on')
        or diag(steps($wrong[0]));
    finish($t);
    $other->stop;
};


subtest 'Redis has no memory left' => sub {
    my $other = $t->redis(6381);

    begin($t, store => 'redis://127.0.0.1:' . $other->port . fresh()
        . ' memory=64m', http => $history);

    my @e = map { event(pad => 'x' x 2000) } 1 .. 60;

    is(scalar(grep { told(post($t, $_)) ne '202' } @e), 0, 'accepted');
    drained($t);
    is(state($e[0]), 'delivered', 'a record');
    $other->command(CONFIG => SET => maxmemory => '1mb');

    my $new = event();

    is(told(post($t, $new)), '202', 'an event is accepted in its place');
    drained($t);
    is(state($e[0]), 'none', 'the oldest records have gone');
    $other->command(CONFIG => SET => maxmemory => 0);
    ok(wait_until(10, sub { my $e = event();
        post($t, $e); state($e) ne 'none' }), 'room again: there are records');
    finish($t);
    $other->stop;
};


subtest 'a reload' => sub {
    my $store = $queue . fresh();

    begin($t, store => $store, http => $history);

    my @e = map { event(order => 'x' x 200) } 1 .. 200;

    post($t, $_) for @e;
    drained($t);
    is(state($e[0]), 'delivered', 'the first one');

    my @all = found('limit=1000');

    is(scalar @all, 200, 'all are there');
    configure($t, store => $store, http => $history =~ s/4m/64k/r);
    ok($t->reload, 'a smaller share');
    ok(wait_until(10, sub { state($e[0]) eq 'none' }), 'the first ones go');

    my $left = () = found('limit=1000');

    cmp_ok($left, '>', 20, 'not more than must') or diag($left);
    cmp_ok($left, '<', 150, 'but enough');
    is(state($e[-1]), 'delivered', 'the last one stays');
    is($redis->command(HGET => "$prefix:{q0}:m", 'q'), 65536, 'as it says');

    configure($t, store => $store);
    ok($t->reload, 'no history any more');
    ok(wait_until(10, sub {
        !@{ $redis->command(KEYS => "$prefix:{q0}:[HIL]*") } }), 'all goes');
    ok(wait_until(10, sub { told(post($t, event())) eq '202' }), 'an event');
    drained($t);
    is_deeply($redis->command(KEYS => "$prefix:{q0}:[HIL]*"), [], 'has none');
    configure($t, store => $store, http => $history);
    ok($t->reload, 'once more');

    my $e = event();

    ok(wait_until(10, sub { $e = event(); post($t, $e); state($e) ne 'none' }),
        'one that comes has');
    finish($t);
};


subtest 'two nginx' => sub {
    my $store = $queue . fresh() . ' shards=2';

    begin($t, store => $store, http => $history);
    begin($u, store => $store, http => $history);

    my @e = map { event() } 1 .. 6;

    is(told(post($_ % 2 ? $t : $u, $e[$_])), '202', 'accepted') for 0 .. 5;
    drained($u);
    ok(wait_until(5, sub { 6 == grep { state($_) eq 'delivered' } @e }),
        'one finds what the other one took');

    # one that keeps none deletes none of the other's

    configure($u, store => $store);
    ok($u->reload, 'one has no history any more');
    sleep 2.5;
    is(scalar(grep { state($_) eq 'delivered' } @e), 6, 'the other one has');
    finish($t, $u);
};


nodes_done();


# ---- what the API says

sub found {
    my ($query) = @_;

    my $r = $t->get("/admin/v1/events?$query");

    return $r->{status} == 200 ? @{ $r->json->{events} } : ();
}


sub state {
    my ($e) = @_;

    my ($record, @more) = found('id=' . id_of($e));

    return @more ? 'several' : $record ? $record->{targets}[0]{state} : 'none';
}


# "503 503 200/delivered", "returned ..."

sub steps {
    my ($e) = @_;

    my ($record) = found('id=' . id_of($e)) or return 'none';
    my $whole = $t->get("/admin/v1/events/$record->{event}")->json;

    return join ' ', map { join '/', grep { defined } @$_{qw(status state)} }
                     @{ $whole->{targets}[0]{history} };
}
