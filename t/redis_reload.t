#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The rows of the table of the queue in Redis in docs/guarantees.md about
# workers that exit: what they still deliver is theirs.  In Redis a holder that
# is silent for 15 s is dead and a lease ends after 20 s, so deliveries take
# 25 s here, all rows at the same time.  Then workers that are cut off or
# stopped at once: what they had is due at once, and a stop is no crash.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Nodes;

my $first = node();
my $target = target($first);
my $redis = $first->redis(6379);
my $queue = 'redis://127.0.0.1:' . $redis->port;
my $serial = 0;

# in pairs: who leaves, and who shares the Redis and goes on

my %row = map { $_ => [] } qw(reload upgrade quit both);

push @{ $row{reload} }, $first;
push @{ $row{$_} }, node() for qw(upgrade quit both);
push @{ $row{$_} }, node() for qw(quit both);

$_->workers_may_change('that is what is tested') for map { @$_ } values %row;


# ---- long deliveries

$target->answer('/erp', delay => 25);

my $alone = 1;
my %event;

for my $name (sort keys %row) {
    my $store = $queue . fresh();

    for my $node (@{ $row{$name} }) {
        configure($node, store => $store);

        if ($name eq 'upgrade') {
            $alone = $node->run_alone or $node->run;

        } else {
            $node->run;
        }
    }
}

my $begin = time;

for my $name (sort keys %row) {
    $event{$name} = [ map { event() } 1 .. 3 ];
    is(told(post($row{$name}[0], $_)), '202', "$name: accepted")
        for @{ $event{$name} };
}

ok(wait_until(10, sub { $target->count == 12 }), 'in flight');

my ($old, $quitter);

ok($row{reload}[0]->reload, 'R16: HUP');

if ($alone) {
    ok($old = $row{upgrade}[0]->upgrade, 'R17: USR2');
    kill 'WINCH', $old;
    sleep 0.5;
    kill 'QUIT', $old;
}

$quitter = $row{quit}[0];
$quitter->signal('QUIT');
ok($_->reload, 'R19: HUP') for @{ $row{both} };

# the entries are somebody's all the time

sleep 25 - (time - $begin) - 1.5;
is($target->count, 12, 'nobody else has got them meanwhile');

SKIP: {
    skip 'cannot adopt a master here', 1 if !$alone;
    ok(wait_until(15, sub { waitpid($old, POSIX::WNOHANG()) == $old }),
        'R17: the old binary goes when they are over');
}

ok(wait_until(15, sub {
    waitpid($quitter->{pid}, POSIX::WNOHANG()) == $quitter->{pid} }),
    'R18: so does nginx that was to quit');
delete $quitter->{pid};

cmp_ok(time - $begin, '>=', 24.5, 'not before');

for my $name (qw(reload upgrade both)) {
    ok($row{$name}[0]->wait_old_workers(15), "$name: so do old workers");
    drained($row{$name}[0]);
}

drained($row{quit}[1]);

for my $name (sort keys %row) {
    is(join(' ', map { attempts($_) } @{ $event{$name} }), '1 1 1',
        "$name: each delivered once");
}

for my $node (map { @$_ } values %row) {
    is((grep { /another worker has it/ } $node->log_lines), 0,
        'nobody had to be refused');
    ok($node->stop, 'nginx ends');
}


# ---- cut off

my $t = $first;

begin(main => 'worker_shutdown_timeout 1s;');
$target->answer('/erp', [ ({ fault => 'hang' }) x 3, {} ]);

my @e = map { event() } 1 .. 3;

is(told(post($t, $_)), '202', 'R20: accepted') for @e;
ok(wait_until(10, sub { $target->begun >= 3 }), 'R20: in flight');

$begin = time;
ok($t->reload, 'R20: reload');
drained($t, 10);
cmp_ok(time - $begin, '<', 6, 'R20: due at once when they are cut off');
is(join(' ', map { attempts($_) } @e), '1 2 1 2 1 2',
    'R20: which was an attempt');
ok($t->wait_old_workers(10), 'R20: the old workers have gone');
ok($t->stop, 'R20: nginx ends');


# ---- stopped at once

begin();
$target->answer('/erp', [ ({ fault => 'hang' }) x 4, {} ]);

my $e = event();

is(told(post($t, $e)), '202', 'R21: accepted');

for my $n (1 .. 4) {
    ok(wait_until(10, sub { $target->begun == $n }), "R21: attempt $n");

    $begin = time;
    $t->signal('TERM');
    waitpid delete $t->{pid}, 0;
    cmp_ok(time - $begin, '<', 2, 'R21: stopped at once');
    $t->run;
}

drained($t, 10);
is(attempts($e), '1 2 3 4 5', 'R21: each is an attempt, and due at once');
is(scalar @{ entries($t, 'dead') }, 0, 'R21: it is no poison');
ok($t->stop, 'R21: nginx ends');


# ---- Redis is away when the last one is over

my $other = $first->redis(6380, appendonly => 'yes');

begin(store => 'redis://127.0.0.1:' . $other->port . fresh() .
      ' timeout=500ms');
$t->expect_log(qr/redis/, 'it is away');
$target->answer('/erp', delay => 2);
$e = event();
is(told(post($t, $e)), '202', 'R22: accepted');
ok(wait_until(10, sub { $target->begun == 1 }), 'R22: in flight');

my @workers = $t->workers;

$t->signal('QUIT');
sleep 1;
$other->pause;
sleep 2.5;
is(scalar(grep { kill 0, $_ } @workers), 1,
    'R22: the worker that has it waits for Redis');
$other->resume;
ok(wait_until(10, sub { waitpid($t->{pid}, POSIX::WNOHANG()) == $t->{pid} }),
    'R22: and goes');
delete $t->{pid};
$t->run;
is(scalar @{ entries($t, 'pending') }, 0, 'R22: Redis knows');
is(attempts($e), '1', 'R22: delivered once');
ok($t->stop, 'R22: nginx ends');

nodes_done();


# ---- helpers

sub fresh { return ' prefix=r' . ++$serial }


sub begin {
    $target->answer_anew('/erp', status => 200);
    start($t, store => $queue . fresh(), @_);
}
