#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A store that cannot be opened: nginx starts and serves its other locations,
# events are answered 503 and nobody loses any, and the store is used again as
# soon as it can be.  Only a reload is refused, and only while the workers that
# run have a store that is in order.

use warnings;
use strict;

use File::Copy qw(copy);
use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

plan(skip_all => 'this needs root') if $> != 0;

my $user = getpwnam('www-data') ? 'www-data' : 'nobody';
my ($uid, $gid) = (getpwnam($user))[2, 3];

my $t = Test::EventRouter->new;
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $store = $t->dir . '/store';

$t->workers_may_change('that is what is tested');
$t->expect_log(qr/event store "\S+" is (closed|left closed|lost)/,
    'that is what is tested');
$t->expect_log(qr/\[emerg\] .*the configuration is not taken/,
    'reloads are refused');
$t->expect_log(qr/exited on signal (6|7|11)\b/, 'pages that kill');

# who looks into the store is not root

chmod 0755, $t->dir;
chmod 0777, $t->dir . '/tmp', $t->dir . '/logs';

sub config {
    my (%o) = @_;

    $q->config(store => 'size=2m', targets => { erp =>
        'breaker off; retry for=1h base=1s max=1s;' },
        server => 'location = /ok { return 200 ok; }', %o);

    my $conf = $t->read_file('conf/nginx.conf');

    $conf =~ s/^user root;/user $user;/m;
    $t->write_file('conf/nginx.conf', $conf);
}

sub other {
    return $t->get('/ok')->{status};
}

sub event {
    my ($id, $body) = $q->event('erp');

    return $q->post($body);
}

sub accepts {
    my ($seconds) = @_;

    return wait_until($seconds // 12, sub { event()->{status} == 202 });
}

# every way of saying no: the others are served, the event is not taken

sub degraded {
    my ($name, $re) = @_;

    my $r;

    is(other(), 200, "$name: other locations are served");
    wait_until(5, sub { ($r = event())->{status} == 503 });
    is($r->{status}, 503, 'an event is not taken');
    like($r->header('Retry-After') // '', qr/^\d+$/, 'it shall come again');
    ok($t->wait_log(qr/\[crit\] .*event store.*$re/, 6), 'the log says why');
}

sub fresh_log {
    truncate $t->dir . '/logs/error.log', 0;
    truncate $t->dir . '/logs/stderr.log', 0;
}

sub start {
    fresh_log();
    $t->run;
}

# what the store has in a file, for later

sub saved {
    my ($name) = @_;

    open my $f, '<', "$store/$name" or die "$name: $!\n";
    binmode $f;
    local $/;

    return scalar <$f>;
}

sub spoil {
    my ($data) = @_;

    unlink "$store/lock.mdb";
    $t->write_file('store/data.mdb', $data);
    chown $uid, $gid, "$store/data.mdb";
}


# ---- the directory, before the start

config();
mkdir $store;
chmod 0755, $store;
chown $uid, $gid, $store;

my ($ok, $said) = $t->check_config;

ok($ok, 'nginx -t passes with a directory that is open to others');
like($said, qr/\[warn\] .*event_store file:\Q$store\E.*chmod 700.*answered 503/,
    'and warns');
like($said, qr/ in \S+nginx\.conf:\d+$/m, 'with the place');
start();
degraded('open to others', 'chmod 700');
chmod 0700, $store;
ok(accepts(), 'it heals when the mode is right');
$t->stop;

# a file where the directory was

rename $store, "$store.aside";
$t->write_file('store', 'text');
start();
degraded('a file instead', 'not a directory');
unlink $store;
rename "$store.aside", $store;
ok(accepts(), 'and heals');
$t->stop;

# another user's files

chown 0, 0, "$store/data.mdb", "$store/lock.mdb", "$store/owner";
($ok, $said) = $t->check_config;
ok($ok, 'nginx -t passes with files of root');
like($said, qr/\[warn\] .*Permission denied/, 'and warns, though it is root');
start();
degraded('files of root', 'Permission denied');
chown $uid, $gid, "$store/data.mdb", "$store/lock.mdb", "$store/owner";
ok(accepts(), 'and heals');


# ---- a worker that comes later

chown 0, 0, $store;
fresh_log();
$t->kill_worker;
degraded('chown of the directory', 'Permission denied|not writable');
chown $uid, $gid, $store;
ok(accepts(), 'and heals');

# nginx can mend that by itself

chown 0, 0, $store;
ok($t->reload, 'reload with another owner');
ok(accepts(), 'nginx gives the directory back');
$t->stop;


# ---- no inodes, a full disk, a disk that cannot be written

SKIP: {
    my $disk = $t->dir . '/disk';

    mkdir $disk;

    skip 'tmpfs cannot be mounted here', 22
        if system("mount -t tmpfs -o size=4m,nr_inodes=16 tmpfs $disk"
                  . ' 2>/dev/null') != 0;

    chmod 0777, $disk;
    config(dir => "$disk/store");
    start();
    ok(accepts(), 'a disk of its own');

    my $n = 0;

    while (open my $f, '>', "$disk/f$n") {
        $n++;
    }

    ($ok, $said) = $t->check_config;
    ok($ok, 'no inodes: nginx -t passes');
    like($said, qr/\[warn\] .*No space left on device/, 'and warns');

    my ($pid) = $t->workers;

    $t->signal('HUP');
    ok($t->wait_log(qr/\[emerg\] .*the configuration is not taken/),
        'a reload is refused');
    is(join(' ', $t->workers), $pid, 'the good workers stay');
    is(event()->{status}, 202, 'and take events');
    fresh_log();
    $t->kill_worker;
    degraded('no inodes', 'No space left');
    unlink map { "$disk/f$_" } 0 .. $n;
    ok(accepts(), 'and heals');
    $t->stop;

    system("mount -o remount,ro $disk");
    start();
    degraded('read-only', 'Read-only|not writable');
    system("mount -o remount,rw $disk");
    ok(accepts(), 'and heals');
    $t->stop;

    remove_tree("$disk/store");
    open my $f, '>', "$disk/big";
    syswrite $f, 'x' x 65536 for 1 .. 50;
    close $f;
    start();
    degraded('a full disk', 'no room');
    unlink "$disk/big";
    ok(accepts(), 'and heals');
    $t->stop;
    system("umount -l $disk");
}


# ---- descriptors

config(main => 'worker_rlimit_nofile 14;');
start();
is(other(), 200, 'too few descriptors: other locations are served');
$t->stop;


# ---- a damaged database, before the start

config();
start();
$target->answer('/erp/ok', status => 500);
ok(accepts(), 'in order');
event(p => 'x' x 3000) for 1 .. 40;
$t->stop;

my $good = saved('data.mdb');
my $pages = length($good) / 4096;

sub damaged {
    my ($name, $data) = @_;

    spoil($data);
    ($ok, $said) = $t->check_config;
    ok($ok, "$name: nginx -t passes");
    like($said, qr/\[warn\] .*(damaged|cut off|no beginning)/, 'and warns');
    start();
    degraded($name, 'damaged|cut off|no beginning');
    spoil($good);
    ok(accepts(), 'a back-up heals it');
    $t->stop;
}

damaged('both first pages overwritten', "\xff" x 8192 . substr $good, 8192);
damaged('half of it', substr $good, 0, 4096 * 8);
damaged('one page', substr $good, 0, 4096);
damaged('zeros', substr($good, 0, 8192) . "\0" x (length($good) - 8192));

# a page of the trees: one that cannot be trusted is never mapped

my $used;

for my $n (2 .. $pages - 1) {
    my $kind = unpack 'x10v', substr $good, $n * 4096, 16;

    $used = $n if ($kind // 0) == 2;
}

my $rotten = $good;

substr($rotten, $used * 4096, 16) = "\x5a" x 16;
spoil($rotten);
($ok, $said) = $t->check_config;
ok($ok, 'a page of a tree: nginx -t passes');


# ---- a database that is damaged while nginx runs

spoil($good);
start();
ok(accepts(), 'in order');

# cut off: it is noticed before a page is touched, or kills a worker once

truncate "$store/data.mdb", 8192;
degraded('cut off while it runs', 'cut off|damaged');
ok($t->reload, 'the reload is not refused: its store is broken already');
degraded('after the reload', 'cut off|damaged');
spoil($good);
ok(accepts(), 'a back-up heals it');

# written over

{
    open my $f, '+<', "$store/data.mdb";
    syswrite $f, "\xff" x 8192;
    close $f;
}

degraded('written over while it runs', 'damaged|written over|opened');
spoil($good);
ok(accepts(), 'a back-up heals it');


# ---- pages that kill who touches them

SKIP: {
    skip 'AddressSanitizer takes the signals', 7 if $t->binary =~ /asan/;

    # behind the back of all checks: a page that is only read when it is needed

    $t->stop;
    start();
    ok(accepts(), 'in order');

    {
        open my $f, '+<', "$store/data.mdb";

        for my $n (2 .. $pages - 1) {
            sysseek $f, $n * 4096 + 8, 0;
            syswrite $f, "\x5a\x5a\x06\x00\xff\x7f\x00\x00";
        }

        close $f;
    }

    my @workers = $t->workers;

    wait_until(8, sub { event(); sleep 0.1; "@workers" ne join ' ', $t->workers
                        || event()->{status} == 503 });

    # a request may be in the hand of a worker that is just dying

    ok(wait_until(5, sub { other() == 200 }),
        'pages that kill: other locations are served');
    ok(wait_until(10, sub { event()->{status} == 503 }),
        'an event is not taken');
    is(other(), 200, 'still');

    my @crashes = grep { /exited on signal/ } $t->log_lines;

    cmp_ok(scalar @crashes, '<=', 4, 'no more than three crashes: '
        . scalar @crashes);
    spoil($good);
    $t->reload;
    ok(accepts(), 'a back-up and a reload heal it');

    # what was in hand in these crashes is not poison

    is(join(' ', map { $_->{reason} } $q->dead), '',
        'nothing is a dead letter');
}

$t->done;
