#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A store that the workers may not use is there all the same: what is said of
# it names what is in the way and how to mend it, and never advises to begin
# with an empty one.  nginx -t looks with the workers' user, also at what is
# above a directory that does not exist yet.

use warnings;
use strict;

use File::Path qw(remove_tree);
use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

plan(skip_all => 'this needs root') if $> != 0;

my $user = getpwnam('www-data') ? 'www-data' : 'nobody';
my ($uid, $gid) = (getpwnam($user))[2, 3];

my $t = Test::EventRouter->new;
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $above = $t->dir . '/above';
my $store = "$above/store";

$t->expect_log(qr/event store "\S+" is (closed|lost)/,
    'that is what is tested');

# who looks into the store is not root

chmod 0755, $t->dir;
chmod 0777, $t->dir . '/tmp', $t->dir . '/logs';
mkdir $above;
chmod 0755, $above;

sub config {
    my ($dir) = @_;

    $q->config(dir => $dir, store => 'size=8m', targets => { erp =>
        'breaker off; retry for=1h base=1s max=1s;' },
        server => 'location = /ok { return 200 ok; }');

    my $conf = $t->read_file('conf/nginx.conf');

    $conf =~ s/^user root;/user $user;/m;
    $t->write_file('conf/nginx.conf', $conf);
}

sub event {
    my ($id, $body) = $q->event('erp');

    return $q->post($body)->{status};
}

sub accepts {
    my ($name) = @_;

    ok(wait_until(12, sub { event() == 202 }), "$name: events are taken");
    truncate $t->dir . '/logs/error.log', 0;
}

# all that is said until some tries were made

sub refuses {
    my ($name, $re) = @_;

    ok($t->wait_log(qr/\[crit\] .* is closed, .*$re/, 6), "$name: it says so");
    is(event(), 503, 'no event is taken');
    sleep 4;

    my @lines = grep { /is closed, / }
        split /\n/, $t->read_file('logs/error.log');

    is(join("\n", grep { /not there|empty/ } @lines), '',
        'nobody is told to begin with an empty one');
    like($lines[-1] // '', $re, 'the last line says it, too');
}


# ---- while it runs

config($store);
$t->run;
accepts('in order');

my @ways = (
    [ 'chown of all', sub { system('chown', '-R', 'root:', $store) },
        qr/the directory "\Q$store\E" is not writable.*Permission denied/ ],
    [ 'chmod 0', sub { chmod 0, $store },
        qr/the directory "\Q$store\E" is not writable.*Permission denied/ ],
    [ 'above it', sub { chmod 0700, $above },
        qr/"\Q$above\E" may not be entered.*Permission denied/ ],
);

# only what is opened anew is of another owner: closed by hand before

for (@ways) {
    my ($name, $way, $re) = @$_;

    $way->();
    refuses($name, $re);
    chmod 0755, $above;
    chmod 0700, $store;
    system('chown', '-R', "$user:", $store);
    accepts("$name, mended");
}

for my $file ('data.mdb', 'lock.mdb', 'owner') {
    rename $store, "$store.aside";
    ok($t->wait_log(qr/\[crit\] .* is closed, /, 6), 'closed');
    chown 0, 0, "$store.aside/$file";
    rename "$store.aside", $store;
    ok($t->wait_log(
        qr/\[crit\] .* is closed, .*"\Q$store\E\/$file" is there but cannot be/,
        8), "$file of root");
    is(event(), 503, 'no event is taken');
    chown $uid, $gid, "$store/$file";
    accepts("$file, mended");
}

$t->stop;


# ---- before it is there

sub check {
    my ($name, $re) = @_;

    my ($ok, $said) = $t->check_config;

    ok($ok, "$name: nginx -t passes");
    return like($said, $re, 'and warns') if $re;
    unlike($said, qr/event_store/, 'and warns of nothing');
}

remove_tree($store);
check('a directory to come');
ok(!-e $store, 'nothing is made');

chmod 0700, $above;
check('below one of root', qr/\[warn\] .*"\Q$above\E" may not be entered/);

mkdir "$above/$_" for 'a', 'a/b';
chmod 0755, "$above/$_" for 'a', 'a/b';
config("$above/a/b/store");
check('two above it', qr/\[warn\] .*"\Q$above\E" may not be entered/);
chmod 0755, $above;
chmod 0750, "$above/a/b";
check('the next above it', qr/\[warn\] .*"\Q$above\E\/a\/b" may not be/);
chmod 0711, "$above/a/b";
check('only to be passed');
config("$above/a/c/store");
check('nothing above it', qr/\[warn\] .*cannot be created.*No such file/);

config("$above/a/b/store");
$t->run;
accepts('and so it is at the start');

$t->done;
