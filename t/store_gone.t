#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A store whose files are removed, moved, replaced or written over while nginx
# runs: no event is acknowledged into nothing, and a store that is put there
# is used.

use warnings;
use strict;

use File::Copy qw(copy);
use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $store = $t->dir . '/store';

$t->workers_may_change('that is what is tested');
$t->expect_log(qr/event store "\S+" is (closed|left closed|lost)/,
    'that is what is tested');
$t->expect_log(qr/exited on signal (6|7|11)\b/, 'pages that kill');

$q->config(store => 'size=2m', targets => { erp =>
    'breaker off; retry for=1h base=1s max=1s;' },
    server => 'location = /ok { return 200 ok; }');

# what was acknowledged and must be there in the end

my (%acknowledged, %refused);

sub event {
    my ($id, $body) = $q->event('erp');
    my $r = $q->post($body);

    $acknowledged{$id} = 1 if $r->{status} == 202;
    $refused{$id} = $body if $r->{status} != 202;

    return $r;
}

sub fresh_log {
    truncate $t->dir . '/logs/error.log', 0;
}

# from the first event on, by both workers, and told

sub refuses {
    my ($name, $re) = @_;

    my @status = map { my $r = event();
                       $r->{status} . ($r->header('Retry-After') ? '+' : '-') }
                 1 .. 12;

    is(join(' ', @status), join(' ', ('503+') x 12),
        "$name: 503 and Retry-After, from the first event on");
    ok($t->wait_log(qr/\[crit\] .*event store "\Q$store\E".*$re/, 5),
        'the log says why');
    is($t->get('/ok')->{status}, 200, 'other locations are served');
}

# by all workers, each opens the store in its own time

sub heals {
    my ($name) = @_;

    my $good = 0;

    ok(wait_until(15, sub { $good = event()->{status} == 202 ? $good + 1 : 0;
                            return $good > 8 && !closed() }),
        "$name: events are taken");
    fresh_log();
}

# the workers whose last word is that their store is closed

sub closed {
    my %closed;

    for (split /\n/, $t->read_file('logs/error.log')) {
        my ($pid, $what) = /(\d+)#\d+: event store "\Q$store\E" is (\w+)/
            or next;

        $closed{$pid} = $what ne 'open';
    }

    return scalar grep { $closed{$_} } $t->workers;
}

# all that was acknowledged is in the store

sub kept {
    my ($name) = @_;

    my $r = $q->get('pending', limit => 1000);

    is($r->{status}, 200, "$name: there is a list");

    my %there = map { $_->{id} => 1 } @{ ($r->json // {})->{entries} // [] };

    is(join(' ', grep { !$there{$_} } sort keys %acknowledged), '',
        "$name: nothing that was acknowledged is lost");
}

sub begin {
    remove_tree($store, "$store.aside");
    %acknowledged = ();
    $target->answer('/erp/ok', status => 503);
    fresh_log();
    $t->run;
    heals('in order');
}


# ---- moved away, and back

begin();
rename $store, "$store.aside";
refuses('the directory was moved', 'removed or moved');
ok(!-e $store, 'nothing is made in its place');
rename "$store.aside", $store;
heals('moved back');
kept('moved back');

rename "$store/data.mdb", "$store/data.aside";
refuses('the database was moved', 'removed or moved');
rename "$store/data.aside", "$store/data.mdb";
heals('moved back');
kept('moved back');

# what LMDB locks with: two of them would not see each other

unlink "$store/lock.mdb";
refuses('the lock file was removed', 'lock.mdb" was removed');
heals('all closed, and one makes a new one');
kept('all closed, and opened again');


# ---- a copy of the database instead of it

sub backup {
    $t->stop;
    copy("$store/data.mdb", "$t->{dir}/copy") or die;
    $t->run;

    my %had = %acknowledged;

    heals('in order');
    %acknowledged = %had;

    return scalar keys %had;
}

backup();
rename "$t->{dir}/copy", "$store/data.mdb";
refuses('another file of that name', 'replaced by another');
heals('the copy is a store');
kept('it has all');

# a back-up, written over it

my $had = backup();

event() for 1 .. 10;
system('cp', "$t->{dir}/copy", "$store/data.mdb");

%acknowledged = ();
event() for 1 .. 12;
ok($t->wait_log(qr/\[crit\] .*event store .*(cut off|written over|closes)/),
    'a back-up written over it: noticed');
is($t->get('/ok')->{status}, 200, 'other locations are served');

# nginx wrote, too, as it was copied: pages of both are no store, then nobody
# uses it and it can be copied once more

if (!wait_until(5, sub { event()->{status} == 202 })) {
    ok($t->wait_log(qr/is closed, .*data\.mdb is damaged/),
        'what is damaged is not used');
    %acknowledged = ();
    system('cp', "$t->{dir}/copy", "$store/data.mdb");
}

heals('it is used');
kept('what was acknowledged since is there');
cmp_ok(scalar $q->pending(limit => 1000), '>=', $had, 'with what it had');


# ---- the back-up of docs/operations.md, while events come, and its restore

SKIP: {
    skip 'there is no mdb_copy (lmdb-utils)', 7
        if system('command -v mdb_copy >/dev/null 2>&1') != 0;

    my $backup = $t->dir . '/backup';
    my $deliveries = $q->pending(limit => 1000);

    $q->load('erp');
    sleep 0.5;
    mkdir $backup, 0700;
    is(system('mdb_copy', '-c', $store, $backup), 0, 'a copy while it runs');
    copy("$store/owner", "$backup/owner");

    my $load = $q->load_end;

    is(join(' ', @{ $load->{answers} }), '', 'nobody is refused meanwhile');

    rename $store, "$store.old";
    refuses('the store is moved away', 'removed or moved');
    system('cp', '-r', $backup, "$store.new");
    chmod 0700, "$store.new";
    rename "$store.new", $store;
    %acknowledged = ();
    heals('the back-up is used without a reload');
    kept('and takes events');
    cmp_ok(scalar $q->pending(limit => 1000), '>=', $deliveries,
        'what was there before the copy is there');
    remove_tree("$store.old");
}


# ---- removed

unlink "$store/data.mdb";
refuses('the database was removed', 'removed or moved');
ok($t->wait_log(qr/\[crit\] .*is lost, and with it \d+ deliveries that wait/),
    'and how much there was');
$t->kill_worker;
is(event()->{status}, 503, 'a new worker does not begin with an empty one');
fresh_log();
ok($t->reload, 'but a reload does');
%acknowledged = ();
heals('an empty one');
kept('empty');

remove_tree($store);
refuses('the directory was removed', 'removed or moved');
ok(!-e $store, 'nothing is made in its place');
ok($t->reload, 'reload');
%acknowledged = ();
heals('an empty one');
kept('empty');


# ---- nobody may look any more

SKIP: {
    my $disk = $t->dir . '/disk';

    mkdir $disk;

    skip 'tmpfs cannot be mounted here', 7
        if $> != 0
           || system("mount -t tmpfs -o size=8m tmpfs $disk 2>/dev/null") != 0;

    $t->stop;
    $store = "$disk/store";
    $q->config(dir => $store, store => 'size=2m', targets => { erp =>
        'breaker off; retry for=1h base=1s max=1s;' },
        server => 'location = /ok { return 200 ok; }');
    fresh_log();
    $t->run;
    heals('on a disk of its own');
    system("umount -l $disk");
    refuses('the disk was unmounted', 'removed or moved');
    is(join(' ', glob "$disk/*"), '', 'nothing is made below it');
    $t->stop;
}

# what was refused is no duplicate: its producer sends it again

$t->stop;
$store = $t->dir . '/store';
$q->config(store => 'size=2m', targets => { erp => 'breaker off;' });
$t->run;

my @again = map { $q->post($refused{$_})->{status} } (sort keys %refused)[0..9];

is(join(' ', @again), join(' ', (202) x 10), 'what was refused is taken');

$t->done;
