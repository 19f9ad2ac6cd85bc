#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What the scripts of the queue do with versions: entries that a newer one has
# overtaken are not lent, and what waits is replaced where that is asked for.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;
use Time::HiRes qw(sleep);

my $t = scripts();
my ($r, $l, $window) = (undef, undef, 60000);


# an event for a target whose versions are plain texts

sub came {
    my ($target, $text, %o) = @_;

    $o{key_of} //= 'k';

    return accept_event(%o, parts => [ { target => $target, lease => $o{lease},
        order => hex16(0x9900 + ord $o{key_of}),
        version => version($text, %o) } ]);
}


sub version {
    my ($text, %o) = @_;

    return '' if !defined $text;

    return pack('CQ>', $o{coalesce} ? 1 : 0, $o{window} // $window)
           . unpack('H*', substr(($o{key_of} // 'k') x 16, 0, 16)) . $text;
}


# the numbers of what a reply says was overtaken, with s or c before them

sub over {
    my ($r, $target) = @_;

    return join ' ', map {
        my ($kind, $of, $seq) = /^(.)(.{16})(.{16})\z/;

        $of eq $target ? "$kind$seq" : "$kind of another target";
    } $r->{over} =~ /(.{33})/gs;
}


# lends and settles: the number, or nothing

sub deliver {
    my ($target) = @_;

    my $l = lease($target, fresh => 1, again => 1);
    my ($e) = @{ $l->{entries} };

    return over($l, $target) || 'none' if !$e;

    return fenced(settle => $H1, $l->{token}, $e->{seq}, $target) eq '1'
           ? $e->{seq} : 'not settled';
}


sub fields { $redis->command(HKEYS => key("e:$_[0]")) }


# ---- late ones

my $T = hex16(0x3001);

$r = came($T, 'n5');
is($r->{leased}, '0', 'a version');
is(deliver($T), $r->{seq}, 'is delivered');
$r = came($T, 'n4', key => pad('one'));
is("$r->{code} $r->{leased}", '1 2', 'an older one is stale');
is(scalar @{ fields($r->{seq}) }, 0, 'nothing is left of it');
is(came($T, 'n4', key => pad('one'))->{code}, 0, 'but its key');
is(deliver($T), 'none', 'nothing is lent');
is(came($T, 'n5', lease => 1)->{leased}, '1', 'an equal one is lent');
is(deliver($T), 'none', 'once');
is(came($T, 'n4', lease => 1)->{leased}, '2', 'the older one while it is');
is(came($T, "n5\x01")->{leased}, '0', 'a longer one is newer');
is(came($T, 't1')->{leased}, '0', 'another kind does not compare');
is(came($T, undef)->{leased}, '0', 'nor does none');
is(came($T, 'n1', key_of => 'x')->{leased}, '0', 'nor another key');

my $U = hex16(0x3002);

is(came($U, 'n1')->{leased}, '0', 'nor another target');
is(length deliver($U), 16, 'which has its own');

# one byte is a number, whatever the place that Redis runs in says

came($U, 'n' . chr(200));
is(length deliver($U), 16, 'a high byte');
is(came($U, 'na')->{leased}, '2', 'is above letters');
is(came($U, 'n' . chr(201))->{leased}, '0', 'and below a higher one');


# ---- found at their turn

my $W = hex16(0x3003);
my $new = came($W, 'n9', lease => 1);
my $old = came($W, 'n8');

is("$new->{leased}$old->{leased}", '10', 'an older one waits');
is(deliver($W), 'none', 'as long as the newer one is in hand');
is(fenced(settle => $H1, $new->{token}, $new->{seq}, $W), '1', 'settled');
$l = lease($W, fresh => 5, again => 5);
is(scalar @{ $l->{entries} }, 0, 'it is not lent then');
is(over($l, $W), "s$old->{seq}", 'but stale');
is($l->{fresh}, -1, 'nothing is due');
is(scalar @{ fields($old->{seq}) }, 0, 'nothing is left of it');
is($redis->command(EXISTS => key("k:$W")), 0, 'nor of the lists');

# of several targets only one may have a newer version

$r = accept_event(key => pad('two'), parts => [
    { target => $W, order => hex16(0x9900 + ord 'k'),
      version => version('n1') },
    { target => $U, order => hex16(1), lease => 1 } ]);
is($r->{leased}, '21', 'stale for one of two');
is(join(' ', sort @{ fields($r->{seq}) }), "k l p$U r s", 'and the other one');
is(fenced(settle => $H1, $r->{token}, $r->{seq}, $U), '1', 'which gets it');
is(scalar @{ fields($r->{seq}) }, 0, 'nothing is left');

# sent twice

my ($again) = accept_event(key => pad('same'), nonce => hex16(77), same => 1,
    parts => [ { target => $W, order => hex16(0x9900 + ord 'k'),
                 version => version('n2') } ]);
is($again->{leased}, '2', 'stale');
($again) = accept_event(key => pad('same'), nonce => hex16(77), same => 1,
    parts => [ { target => $W, order => hex16(0x9900 + ord 'k'),
                 version => version('n2') } ]);
is("$again->{code} $again->{leased}", '1 2', 'and again if it is sent twice');


# ---- the window

my $X = hex16(0x3004);

came($X, 'n5', window => 300);
deliver($X);
is(came($X, 'n4', window => 300)->{leased}, '2', 'inside the window');
sleep 0.2;
came($X, 'n5', window => 300);
deliver($X);
sleep 0.2;
is(came($X, 'n4', window => 300)->{leased}, '2', 'the last delivery counts');
sleep 0.35;
$r = came($X, 'n4', window => 300);
is($r->{leased}, '0', 'after it');
is(deliver($X), $r->{seq}, 'it is delivered');
sleep 0.35;
is(scalar @{ $redis->command(KEYS => key("o:$X*")) }, 0, 'forgotten');


# ---- coalesce

my $Y = hex16(0x3005);
my $first = came($Y, 'n1', coalesce => 1, lease => 1);

is($first->{leased}, '1', 'one in hand');
my $second = came($Y, 'n2', coalesce => 1);
is(over($second, $Y), '', 'is not replaced');
my $third = came($Y, 'n3', coalesce => 1, lease => 1);
is(over($third, $Y), "c$second->{seq}", 'one that waits is');
is($third->{leased}, '0', 'by one that waits');
is(scalar @{ fields($second->{seq}) }, 0, 'nothing is left of it');
is(over(came($Y, 'n3', coalesce => 1), $Y), '', 'an equal one is not');
is(over(came($Y, undef, coalesce => 1), $Y), '', 'nor by none');
is(over(came($Y, 'n9', coalesce => 1, key_of => 'y'), $Y), '',
    'nor by another key');
is(over(came($Y, 'n9'), $Y), '', 'nor by one that does not coalesce');
is(scalar(my @older = split ' ', over(came($Y, 'n8', coalesce => 1), $Y)), 2,
    'all that are older are, none that is newer');
is(fenced(settle => $H1, $first->{token}, $first->{seq}, $Y), '1', 'settled');

my @got = map { deliver($Y) } 1 .. 6;

is(scalar(grep { /^[0-9a-f]{16}\z/ } @got), 3,
    'none, n9, and the other key: n8 is stale');
is(scalar(grep { /^s/ } @got), 1, 'which is told');
is($redis->command(EXISTS => key("k:$Y")), 0, 'nothing waits');

# one that waits for a retry, and all of it in one command

my $Z = hex16(0x3006);

$first = came($Z, 'n1', lease => 1);
fenced(retry => $H1, $first->{token}, $first->{seq}, $Z, 60000, $past);
$second = came($Z, 'n2', coalesce => 1, lease => 1);
is(over($second, $Z), "c$first->{seq}", 'one that failed is replaced');
is($second->{leased}, '1', 'and the newer one need not wait');

my @part = map {
    { target => $Z, order => hex16(0x9900 + ord 'k'),
      version => version("n$_", coalesce => 1) }
} 3 .. 7;
my @all = accept_events(map { { parts => [ $_ ] } } @part);

is(join('', map { "$_->{code}$_->{leased}" } @all), '10' x 5,
    'five in one command');
is($redis->command(ZCARD => key("k:$Z")), 2, 'are one, and what is in hand');
fenced(settle => $H1, $second->{token}, $second->{seq}, $Z);
is(deliver($Z), $all[4]{seq}, 'the last one');

# what the target may be at work on is not replaced: what is newer waits

my $Q = hex16(0x300a);

for my $doubt (1, 7, 15) {
    $first = came($Q, 'n1', lease => 1, coalesce => 1, window => 1);
    fenced(retry => $H1, $first->{token}, $first->{seq}, $Q, 150,
        $doubt == 1 ? $past : '', $doubt);
    $second = came($Q, 'n2', lease => 1, coalesce => 1, window => 1);
    is(over($second, $Q) . $second->{leased}, '0', "in doubt: $doubt");
    $third = came($Q, 'n3', coalesce => 1, window => 1);
    is(over($third, $Q), "c$second->{seq}", 'what waits behind is replaced');
    is(deliver($Q), 'none', 'nothing is lent meanwhile');
    sleep 0.2;
    is(deliver($Q), $first->{seq}, 'it goes first');
    is(deliver($Q), $third->{seq}, 'then the newest one');
    sleep 0.01;
}

# the doubt is over

$first = came($Q, 'n1', lease => 1, coalesce => 1);
fenced(retry => $H1, $first->{token}, $first->{seq}, $Q, 0, $past, 1);
$l = lease($Q, fresh => 1, again => 1);
fenced(retry => $H1, $l->{token}, $first->{seq}, $Q, 60000, $past);
$second = came($Q, 'n2', coalesce => 1);
is(over($second, $Q), "c$first->{seq}", 'then it is replaced');
is(deliver($Q), $second->{seq}, 'by the newer one');

# who had it died

$first = came($Q, 'n3', lease => 1, coalesce => 1);
run('adopt', $H1, 10, 1);
$second = came($Q, 'n4', coalesce => 1);
is(over($second, $Q), '', 'after a crash it is not replaced');
is(deliver($Q), $first->{seq}, 'it goes first');
is(deliver($Q), $second->{seq}, 'then the newer one');


# ---- dead letters

my $D = hex16(0x3007);

sub dies {
    my ($text, %o) = @_;

    my $r = came($D, $text, lease => 1, %o);

    fenced(bury => $H1, $r->{token}, $r->{seq}, $D, $past, 1, 500, '', 60000);

    return $r->{seq};
}

my $dead = dies('n1', key => pad('dead'));

came($D, 'n2');
deliver($D);
is(scalar @{ list(target => $D, dead => 1)->{entries} }, 1, 'stays dead');
is(came($D, 'n1', key => pad('dead'))->{code}, 0, 'also if it is repeated');
is(scalar @{ list(target => $D, dead => 1)->{entries} }, 1, 'it stays dead');
$r = replay(target => $D, command => 5);
is($r->{done} . ' ' . over($r, $D), "0 s$dead", 'replayed it is stale');
is(scalar @{ list(target => $D, dead => 1)->{entries} }, 0, 'and gone');
is(scalar @{ fields($dead) }, 0, 'nothing is left of it');
is(deliver($D), 'none', 'nor delivered');

$dead = dies('n3');
is(replay(target => $D, command => 6)->{done}, 1, 'one that is not older');
is(deliver($D), $dead, 'is delivered');
is(came($D, 'n2')->{leased}, '2', 'and counts');

# to another target it has none

$dead = dies('n4');
came($D, 'n5');
deliver($D);
is(replay(target => $D, command => 7, to => $U, name => 'u')->{done}, 1,
    'to another target');
is(deliver($U), $dead, 'it is delivered');


# ---- the archive

my $K = hex16(0x3008);
my $k1 = came($K, 'n1', retain => 60000);
is(deliver($K), $k1->{seq}, 'kept');
my $k2 = came($K, 'n2', retain => 60000);
is(deliver($K), $k2->{seq}, 'and a newer one');
my $k3 = came($K, 'n1', retain => 60000);
is($k3->{leased}, '2', 'an older one is kept only');
$r = replay(archive => 1, source => $SOURCE, to => $K, name => 'k',
    command => 9, seq => $k1->{seq});
is($r->{done} . ' ' . over($r, $K), "0 s$k1->{seq}", 'is stale');
$r = replay(archive => 1, source => $SOURCE, to => $K, name => 'k',
    command => 10, seq => $k2->{seq});
is($r->{done} . ' ' . over($r, $K), '1 ', 'the newer one is not');
is(deliver($K), $k2->{seq}, 'and delivered');


# ---- what a version before has written

my $V = hex16(0x3009);

$r = came($V, 'n1');
$redis->command(HDEL => key("e:$r->{seq}"), "v:$V");
is(over(came($V, 'n2', coalesce => 1), $V), '', 'without a version');
is(deliver($V), $r->{seq}, 'it is delivered');
is(length deliver($V), 16, 'and the next one');

# an entry of a holder that died

$first = came($V, 'n5', lease => 1);
came($V, 'n4');
run('adopt', $H1, 10, 1);
is(deliver($V), $first->{seq}, 'again after a crash');
like(deliver($V), qr/^s/, 'the older one is stale all the same');

$t->done;
