#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "nginx -t" knows the queue of the file store: targets that would be removed
# and have entries, a "size" that is too small for what is in use, a store that
# is left behind.  It writes nothing, takes no time and says nothing of what is
# in order.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA;
use File::Copy qw(copy);
use File::Path qw(remove_tree);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);
my $n = 0;

$t->expect_log(qr/event store "\S+" is full|is a dead letter now|answered 4|
    cannot\ be\ used|stay\ behind|not\ configured/x, 'that is what is tested');

sub conf {
    my (%o) = @_;

    my @targets = @{ $o{targets} // [ qw(erp crm shop) ] };
    my $store = $o{store} // 'store';
    my $size = $o{size} // '16m';
    my $line = exists $o{line} ? $o{line}
        : "event_store file:%%TESTDIR%%/$store size=$size;";
    my $mode = $line eq '' ? '' : 'delivery queued;';

    my $sources = join "\n", map {
        "event_source s-$_ { verify off; id \"{json:id}\"; max_size 100k; $mode }
         event_target $_ { fail_on 400; retry for=1h base=1h max=1h; breaker off; }
         event_route $_ { from s-$_; to $_; }" } @targets;
    my $locations = join "\n", map {
        "location = /$_ { event_receive s-$_; }
         location = /deliver/$_ { event_deliver $_;
            proxy_pass http://127.0.0.1:%%PORT_8081%%; }" } @targets;

    $t->config("
        $line
        proxy_read_timeout 5s; proxy_connect_timeout 5s; proxy_send_timeout 5s;
        $sources
        server { listen 127.0.0.1:%%PORT_8080%%; $locations
                 location /admin/ { event_admin; } }");
}

sub test {
    conf(@_);

    my $before = time;
    my ($ok, $said) = $t->check_config;

    cmp_ok(time - $before, '<', 4, 'in time');

    $said =~ s/^.* verifies nothing: .*\n//mg;

    return ($ok, $said);
}

sub post {
    my ($target, $count, $more) = @_;

    for (1 .. $count) {
        $n++;
        my $r = $t->post("/$target", qq({"id":"$target$n","pad":") . ($more // '') . '"}',
            [ 'Content-Type' => 'application/json' ]);
        return $r->{status} if $r->{status} != 202;
    }

    return 202;
}

sub sums {
    my ($name) = @_;

    return join ' ', map { Digest::SHA->new(256)->addfile($t->dir . "/$name/$_")
        ->hexdigest } qw(data.mdb owner);
}


# ---- a filled store

$erp->answer('/deliver/erp', status => 503);
$erp->answer('/deliver/crm', status => 400);
$erp->answer('/deliver/shop', status => 503);

my ($ok, $said) = test();
ok($ok, 'no store yet');
unlike($said, qr/warn/, 'nothing to say');

conf();
$t->run;
is(post('erp', 12), 202, 'erp');
is(post('crm', 3), 202, 'crm');
is(post('shop', 1), 202, 'shop');
wait_until(10, sub { $erp->count >= 16 });
sleep 0.5;

($ok, $said) = test();
ok($ok, 'all targets are there');
unlike($said, qr/warn/, 'nothing to say while nginx runs');

($ok, $said) = test(targets => [ qw(shop) ]);
ok($ok, 'two targets would be removed: no error');
like($said, qr/\[warn\] .*target "erp" has 12 pending and 0 dead entries and would be removed: .*keep the target, or move or purge them first, in \S+nginx\.conf:\d+/,
    'pending ones');
like($said, qr/\[warn\] .*target "crm" has 0 pending and 3 dead entries and would be removed: /,
    'dead ones');
unlike($said, qr/"shop" has/, 'the other one stays');
my ($at) = $said =~ /"erp" has .* in \S+nginx\.conf:(\d+)/;
like((split /\n/, $t->read_file('conf/nginx.conf'))[$at - 1], qr/event_store/,
    'at the line of event_store');


# ---- stopped: nothing changes, neither by -t nor by -T

conf();
$t->quit;
my $sums = sums('store');
($ok, $said) = test(targets => [ qw(crm shop) ]);
ok($ok, 'without workers');
like($said, qr/target "erp" has 12 pending and 0 dead entries/, 'it is known');
is(sums('store'), $sums, 'the store is as it was');
is(join(' ', sort map { s{.*/}{}r } glob($t->dir . '/store/*')),
    'data.mdb lock.mdb owner', 'and so is its directory');


# ---- the size

($ok, $said) = test(size => '2m');
ok($ok, 'a smaller size that is large enough');
unlike($said, qr/"size"/, 'nothing to say');

conf();
$t->run;
is(post('erp', 45, 'x' x 60000), 202, 'it fills');
$t->quit;

($ok, $said) = test(size => '2m');
ok($ok, 'a size that is too small: a warning');
like($said, qr/\[warn\] .*"size" is smaller than what is in use: it is 2097152 bytes and pages up to \d+ bytes are; .* in \S+:\d+/,
    'what is in use');
($ok, $said) = test(size => '3m');
ok($ok, 'a size above which events are refused');
like($said, qr/"size" of event_store is 3,145,728 bytes and [\d,]+ are in use: above [\d,]+, its "high_water", events are answered 503/,
    'is told');
($ok, $said) = test();
unlike($said, qr/"size"/, 'the old size is fine');

conf();
$t->run;
conf(size => '2m');
$t->signal('HUP');
ok($t->wait_log(qr/\[emerg\] .*"size" is smaller .*configuration is not taken/),
    'a reload is refused');
$t->expect_log(qr/configuration is not taken/, 'that is what is tested');
sleep 0.5;
is(post('shop', 1), 202, 'and the workers go on');


# ---- a store left behind

($ok, $said) = test(store => 'other');
ok($ok, 'another directory');
like($said, qr/\[warn\] .*"\Q$t->{dir}\E\/store" is a store of this nginx, too, and has 59 pending and 3 dead entries, which nobody delivers: event_store names another one, in \S+:\d+/,
    'what stays in the old one');

conf(store => 'other');
$t->reload;
ok($t->wait_log(qr/\[warn\] .*store of this nginx, too/), 'at a reload, too');
($ok, $said) = test(store => 'other');
like($said, qr/\/store" is a store of this nginx, too/, 'and as long as it is so');
conf();
$t->reload;
($ok, $said) = test();
unlike($said, qr/of this nginx, too/, 'an empty one is no matter');

# others' stores are not ours, and what looks like one is looked at no closer

mkdir $t->dir . '/theirs';
copy($t->dir . "/store/$_", $t->dir . "/theirs/$_") for qw(data.mdb owner);
my $owner = $t->read_file('theirs/owner');
$t->write_file('theirs/owner', $owner =~ s/nginx\.conf/theirs.conf/r);
symlink $t->dir . '/store', $t->dir . '/link';
mkdir $t->dir . '/bad';
copy($t->dir . '/store/owner', $t->dir . '/bad/owner');
$t->write_file('bad/data.mdb', 'x' x 100000);

($ok, $said) = test();
ok($ok, 'others beside it');
unlike($said, qr/warn/, 'nothing to say');


# ---- damaged

$t->quit;
open my $f, '+<', $t->dir . '/store/data.mdb' or die $!;
seek $f, 0, 0;
print $f "\xff" x 12288;
close $f;
($ok, $said) = test(targets => [ 'shop' ]);
ok($ok, 'a damaged store');
like($said, qr/\[warn\] .*cannot be used/, 'is told as ever');
unlike($said, qr/would be removed/, 'and not counted');

remove_tree($t->dir . '/store');
$t->write_file('store', 'a file');
($ok, $said) = test();
like($said, qr/cannot be used/, 'no directory');


# ---- many targets

unlink $t->dir . '/store';
remove_tree(map { $t->dir . "/$_" } qw(theirs bad link other));
my @many = map { "t$_" } 1 .. 100;
conf(targets => \@many);
$t->run;
$erp->answer("/deliver/$_", status => 503) for @many;
is(post($_, 1), 202, "many: $_") for @many;
$t->quit;

($ok, $said) = test(targets => [ 'shop' ]);
is(scalar(() = $said =~ /would be removed/g), 10, 'ten of them');
like($said, qr/and so have 90 more targets/, 'and how many more');

$t->done;
