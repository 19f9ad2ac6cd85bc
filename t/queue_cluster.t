#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The queue in a Redis Cluster of three nodes: its shards are on several of
# them and are found; while a node is away its shards are, and nothing else.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Nodes;
use Test::EventRouter::Port qw(free_port);

my $t = node();
my $target = target($t);
my @redis;

# the nodes talk to each other on their ports + 10000

for my $n (6379 .. 6381) {
    my $bus = free_port();
    my $node = $t->redis($n, 'cluster-enabled' => 'yes',
        'cluster-port' => $bus, 'cluster-node-timeout' => 1000,
        'cluster-require-full-coverage' => 'no', appendonly => 'yes',
        appendfsync => 'always');

    push @redis, $node;
}

my $created = join '', map { "127.0.0.1:" . $_->port . ' ' } @redis;

plan(skip_all => 'no cluster could be made')
    if system("redis-cli --cluster create $created --cluster-yes"
              . " >$t->{dir}/cluster.log 2>&1");

ok(wait_until(30, sub { 3 == grep { $_->command(CLUSTER => 'INFO')
    =~ /cluster_state:ok/ } @redis }), 'the cluster is up');

# the last one is that of the first shard, which nginx asks before others

my $first = int($redis[0]->command(CLUSTER => KEYSLOT => 'er:{q0}:m') / 5462);

push @redis, splice @redis, $first, 1;

start($t, store => 'redis://127.0.0.1:' . $redis[0]->port . ' shards=16',
    erp => 'retry base=500ms max=1s for=1h;');


# ---- all is well

my @e = map { event() } 1 .. 60;

is(join(' ', grep { told(post($t, $_)) ne '202' } @e), '', 'accepted');
drained($t);
is(scalar(grep { attempts($_) ne '1' } @e), 0, 'delivered once each');
is(join(' ', grep { told(post($t, $_)) ne '200' } @e), '', 'known');

is(scalar(grep { @{ $_->command(KEYS => 'er:{q*}:d:*') } } @redis), 3,
    'the keys are on all three nodes');


# ---- one is away

$target->answer('/erp', status => 500);
$target->forget;
@e = map { event() } 1 .. 30;
is(join(' ', grep { told(post($t, $_)) ne '202' } @e), '', 'accepted');
ok(wait_until(10, sub { 30 == grep { attempts($_) ne '' } @e }), 'tried');

# counted once a second

ok(wait_until(5, sub { pending() >= 30 }), 'and counted');
$redis[2]->stop;
ok(wait_until(10, sub { $redis[0]->command(CLUSTER => 'INFO')
                        =~ /cluster_slots_fail:[1-9]/ }), 'a node is away');

my %told;
my @more = map { event() } 1 .. 40;

$told{$_} = told(post($t, $_)) for @more;

my @taken = grep { $told{$_} eq '202' } @more;
my @refused = grep { $told{$_} eq '503, later' } @more;

cmp_ok(scalar(@taken), '>', 5, 'the other shards accept');
cmp_ok(scalar(@refused), '>', 2, 'its own do not');
is(@taken + @refused, 40, 'nothing else is said');

$target->forget;
$target->answer('/erp', status => 200);
ok(wait_until(20, sub { !grep { attempts($_) eq '' } @taken }),
    'the other shards deliver');

# what waits on the node that is away is not gone

sleep 1.5;

my $waits = grep { attempts($_) eq '' } @e;

cmp_ok($waits, '>', 2, 'its own wait');
cmp_ok(pending(), '>=', $waits, 'and still count as pending');

# a worker that dies, and new ones, find the other shards

$target->answer('/erp', status => 500);

my @orphans = map { event() } 1 .. 20;
my @known = grep { told(post($t, $_)) eq '202' } @orphans;

$target->answer('/erp', fault => 'hang');
sleep 1.5;
$t->kill_worker;

my %had = map { $_ => 1 } grep { attempts($_) ne '' } @e, @more;

$target->answer('/erp', status => 200);
$target->stop;
$target->start;
ok(wait_until(20, sub { !grep { attempts($_) eq '' } @known }),
    'what a worker had that died is delivered');
ok($t->reload, 'a reload');

my @late = map { event() } 1 .. 20;

ok(wait_until(10, sub { 202 == post($t, event())->{status} }),
    'the new workers accept');
$told{$_} = told(post($t, $_)) for @late;
cmp_ok(scalar(grep { $told{$_} eq '202' } @late), '>', 3, 'most shards do');
ok(wait_until(20, sub { !grep { $told{$_} eq '202' && attempts($_) eq '' }
                        @late }), 'and deliver');

$redis[2]->start;
ok(wait_until(30, sub { !grep { told(post($t, $_)) !~ /^20/ } @refused }),
    'the node is back: accepted');

# what was in hand as it went away comes back when the leases end

ok(wait_until(90, sub { my $list = entries($t, 'pending');
                        $list && !@$list }), 'drained');

my @accepted = (@e, @more, @known, grep { $told{$_} eq '202' } @late);

is(scalar(grep { !$had{$_} && attempts($_) eq '' } @accepted), 0,
    'all are delivered');

nodes_done();


sub pending {
    return $t->get('/status')->json->{queue}{targets}{erp}{pending};
}
