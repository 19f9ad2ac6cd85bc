#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What a Redis loses that keeps the queue is told in full and once: emptied,
# restarted without a file, from an old one, evicted, deleted by hand, a
# replica that is behind.  What was delivered, purged or has expired is no
# loss.  And what stays behind in a store that is not named any more.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Nodes;

my $t = node();
my $u = node();
my $target = target($t);
my $redis = $t->redis(6379);
my $serial = 0;
my $prefix;

$_->expect_log(qr/events have disappeared|unaccounted for|stay behind/,
    'that is what is tested') for $t, $u;
$_->workers_may_change('reloads') for $t, $u;


# ---- emptied

begin(erp => 'retry base=60s max=60s for=1h;');

my @e = failing(7);

# others were delivered in the second before

$target->answer('/erp', status => 200);

my @now = map { event() } 1 .. 3;

post($t, $_) for @now;
ok(wait_until(5, sub { 3 == grep { attempts($_) } @now }), 'some delivered');
sleep 0.2;
$redis->command('FLUSHALL');
lost(7, 'FLUSHALL: what was pending and nothing else');
told_once(7);

# the scripts only

@e = failing(2);
$redis->command(SCRIPT => 'FLUSH');
sleep 2.5;
lost(7, 'SCRIPT FLUSH: nothing is lost');

# again, after a reload

ok($t->reload, 'reload');
$t->wait_old_workers;
sleep 1.2;
$redis->command('FLUSHDB');
lost(9, 'FLUSHDB after a reload');
done();


# ---- restarted

for my $kind ('without a file', 'from an old file', 'with all') {
    my $other = $t->redis(6380, $kind eq 'with all'
        ? (appendonly => 'yes', appendfsync => 'always') : ());

    begin(redis => $other);
    @e = failing(3);

    if ($kind eq 'from an old file') {
        sleep 1.2;
        $other->command('SAVE');
    }

    push @e, failing(4);
    sleep 1.2;
    $t->expect_log(qr/redis/, 'it is away');
    $other->stop;
    $other->start;
    sleep 0.5;
    $target->answer_anew('/erp', status => 200);
    ok(wait_until(15, sub { post($t, event())->{status} == 202 }),
        "$kind: goes on");
    lost($kind eq 'without a file' ? 7 : $kind eq 'from an old file' ? 4 : 0,
        "restarted $kind");
    sleep 1.5;
    drained($t);
    is(scalar(grep { attempts($_) } @e), $kind eq 'without a file' ? 0
        : $kind eq 'with all' ? 7 : 3, "$kind: the others are delivered");
    done();
    $other->stop;
    system('rm', '-r', $other->{dir});
}


# ---- a replica that is behind

{
    my @o = ('repl-diskless-sync-delay' => 0);
    my $one = $t->redis(6381, @o);
    my $two = $t->redis(6382, @o, replicaof => [ '127.0.0.1', $one->port ]);

    ok(wait_until(20, sub { $two->command(INFO => 'replication')
                            =~ /master_link_status:up/ }), 'a replica');

    begin(redis => $one);
    failing(2);
    $one->command(WAIT => 1, 2000);
    sleep 1.2;

    # it is cut off, and takes over the port of the master a while later

    $two->command(REPLICAOF => 'NO', 'ONE');
    failing(5);
    sleep 1.2;
    $two->command('SAVE');
    $one->stop;
    system('cp', "$two->{dir}/dump.rdb", "$one->{dir}/dump.rdb");
    $two->stop;
    $one->start;
    lost(5, 'a replica that was behind');
    told_once(5);
    done();
    $one->stop;
}


# ---- single keys, one after the other and slowly

begin();
@e = failing(6);
sleep 1.2;

my @keys = sort @{ $redis->command(KEYS => "$prefix:{q0}:e:*") };

$redis->command(DEL => @keys[0 .. 2]);
lost(3, 'three of six');
$redis->command(DEL => $keys[3]);
lost(4, 'one more, in the silence after the line');
ok(wait_until(15, sub { sum() == 4 }), 'which is said later');
$target->answer('/erp', status => 200);
drained($t);
is(scalar(grep { attempts($_) =~ / / } @e) >= 2, 1, 'the others are delivered');
lost(4, 'that was all');

# what an operator purges, and what expires, is no loss

$target->answer('/erp', status => 400);
post($t, event()) for 1 .. 3;
ok(wait_until(10, sub { @{ entries($t, 'dead') // [] } == 3 }), 'dead');
$t->post('/admin/purge?target=erp', '', [ 'X-Event-Admin' => 1 ]);
ok(wait_until(10, sub { @{ entries($t, 'dead') // [ 1 ] } == 0 }), 'purged');
sleep 1.2;
lost(4, 'is no loss');
done();


# ---- evicted

my $small = $t->redis(6383, maxmemory => '6mb',
    'maxmemory-policy' => 'allkeys-lru');

begin(redis => $small, erp => 'concurrency 8; retry base=4s max=4s for=1h;');
like(said(qr/maxmemory-policy is not noeviction/), qr/may throw away queued/,
    'the policy is told');

$target->answer('/erp', status => 503);

my $pad = 'x' x 4000;

@e = map { event(pad => $pad) } 1 .. 1000;

my $client = $t->connect;
my $taken = 0;

for my $e (@e) {
    $client->send(POST => '/a', [ 'Content-Type' => 'application/json' ], $e);
    $taken++ if $client->response->{status} == 202;
}

is($taken, 1000, 'all are accepted');
$target->answer_anew('/erp', status => 200);

my ($gone, $ok);

# what is in flight is known to be lost if its keys are, and arrives; a few
# arrive before the target forgets

ok(wait_until(60, sub {
    my $status = $t->get('/status')->json;

    $gone = $status->{queue}{lost};
    $ok = $status->{targets}{erp}{ok};

    return $gone + $ok >= 1000;
}), 'all are delivered or lost');
cmp_ok($gone + $ok, '<=', 1008, 'and not both');

my %delivered = map { $_->header('Webhook-Id') => 1 } $target->requests;

cmp_ok(abs($ok - keys %delivered), '<=', 16, 'as the target says');
cmp_ok($gone, '>', 50, 'some are evicted');
lost($gone, 'no more are lost');
ok(wait_until(15, sub { sum() == $gone }), 'and all of them are told');
is(metrics($t, 'event_router_lost_total'), $gone, 'and counted');
done();
$small->stop;


# ---- who may not ask

$redis->command(ACL => SETUSER => 'poor', 'on', '>pw', '~*', '+@all',
    '-config', '-info');
$redis->command(ACL => SETUSER => 'some', 'on', '>pw', '~*', '+@all',
    '-config');
$redis->command(CONFIG => SET => 'maxmemory-policy', 'volatile-ttl');
begin(user => 'some:pw@');
like(said(qr/maxmemory-policy is not noeviction/), qr/duplicates/,
    'without CONFIG: INFO is asked');
done();
$redis->command(CONFIG => SET => 'maxmemory-policy', 'noeviction');
begin(user => 'some:pw@');
sleep 1.5;
is(said(qr/maxmemory-policy/, 0), '', 'nothing to say');

# it changes while nginx runs

$redis->command(CONFIG => SET => 'maxmemory-policy', 'allkeys-lfu');
ok(said(qr/maxmemory-policy is not noeviction/, 8), 'changed: it is told');
$redis->command(CONFIG => SET => 'maxmemory-policy', 'noeviction');
done();
begin(user => 'poor:pw@');
ok(said(qr/maxmemory-policy is not known/), 'not to know is told');
ok(said(qr/appendfsync is not known/), 'of the file as well');
done();


# ---- two nginx: one of them tells it

my $store = begin();

start($u, store => $store);
$u->{from} = 0;
failing(5);
sleep 2.2;
$redis->command('FLUSHALL');
ok(wait_until(5, sub { sum($t) + sum($u) >= 5 }), 'two nginx: it is told');
sleep 2.5;
is(sum($t) + sum($u), 5, 'once');
ok($u->stop, 'nginx ends');
done();


# ---- another store

begin();
failing(4);
sleep 1.2;

my $old = $prefix;

configure($t, store => store(fresh()));
ok($t->reload, 'another prefix');
like(said(qr/stay behind/), qr{\[crit\].*[ ]4[ ]events[ ]and[ ]0[ ]dead
     [ ]letters[ ]for[ ]target[ ]"erp"[ ]stay[ ]behind[ ]in[ ]redis[ ]127
     .*prefix=$old\b}x,
    'what stays behind is told');
$t->wait_old_workers;
lost(0, 'and is not lost');
is(scalar @{ $redis->command(KEYS => "$old:{q0}:e:*") }, 4, 'it is there');
configure($t, store => store(" prefix=$old"));
$t->{from} = length $t->read_file('logs/error.log');
ok($t->reload, 'back');
$target->answer('/erp', status => 200);
drained($t);
lost(0, 'delivered');
is(said(qr/stay behind/, 0), '', 'nothing stays behind');
ok($t->reload, 'the same again');
is(said(qr/stay behind/, 0), '', 'nothing to say');

# to a file, and to none

failing(2);
sleep 1.2;
configure($t, store => "file:$t->{dir}/store size=8m");
ok($t->reload, 'a file');
like(said(qr/stay behind/), qr/ 2 events/, 'what stays behind in Redis');
$t->wait_old_workers;
failing(3);
sleep 1.2;
$t->{from} = length $t->read_file('logs/error.log');

my $conf = $t->read_file('conf/nginx.conf');

$conf =~ s/event_store.*//;
$conf =~ s/delivery queued;//;
$t->write_file('conf/nginx.conf', $conf);
ok($t->reload, 'none');
like(said(qr/stay behind/), qr/ 3 events .*behind in file:\Q$t->{dir}\E/,
    'what stays behind in a file');
done();

nodes_done();


# ---- helpers

sub fresh {
    $prefix = 'l' . ++$serial;

    return " prefix=$prefix";
}


sub store {
    my ($rest, $user, $server) = @_;

    return 'redis://' . ($user // '') . '127.0.0.1:'
           . ($server // $redis)->port . $rest;
}


sub begin {
    my (%o) = @_;

    my $store = store(fresh(), $o{user}, $o{redis});

    $target->answer_anew('/erp', status => 200);
    $t->stop;
    $t->{from} = length $t->read_file('logs/error.log');
    start($t, store => $store,
        erp => $o{erp} // 'retry base=1s max=1s for=1h;');

    return $store;
}


sub done { ok($t->stop, 'nginx ends') }


# so many events that the target has refused once

sub failing {
    my ($n) = @_;

    $target->answer('/erp', status => 500);

    my @new = map { event() } 1 .. $n;

    is(join(' ', map { post($t, $_)->{status} } @new), join(' ', (202) x $n),
        'accepted');
    ok(wait_until(10, sub { $n == grep { attempts($_) ne '' } @new }),
        'and tried');

    return @new;
}


# what nginx has counted since it was started

sub lost {
    my ($n, $name) = @_;

    wait_until(6, sub { $t->get('/status')->json->{queue}{lost} >= $n })
        if $n;
    sleep 1.1;
    is($t->get('/status')->json->{queue}{lost}, $n, $name);
}


# the sum of what the log says since begin()

sub sum {
    my $node = $_[0] // $t;
    my $log = substr $node->read_file('logs/error.log'), $node->{from};
    my $sum = 0;

    $sum += $1 while $log =~ /\[crit\].* (\d+) queued events have disapp/g;

    return $sum;
}


sub told_once {
    my ($n) = @_;

    is(sum(), $n, 'the log says so, once');
}


sub said {
    my ($re, $seconds) = @_;

    return wait_until($seconds // 6, sub {
        my $log = substr $t->read_file('logs/error.log'), $t->{from};
        my ($line) = grep { /$re/ } split /\n/, $log;

        return $line // '';
    });
}


sub metrics {
    my ($node, $name) = @_;

    my ($n) = $node->get('/status/metrics')->{body} =~ /^$name (\d+)$/m;

    return $n;
}
