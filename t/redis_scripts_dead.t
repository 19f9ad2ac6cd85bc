#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What the scripts of the queue do with dead letters and with the archive: what
# is listed, page by page, what is replayed and what is purged.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;
use Time::HiRes qw(sleep);

my $t = scripts();
my $one = accept_event(parts => [ { target => $A } ])->{seq};
my ($r, $e);


# ---- dead letters

my $D = hex16(0x2001);

$r = dead_letter($D, 'old', answer => 'no', status => 404, routes => 'x,y');
my $dead = $r->{seq};
is($r->{code}, 1, 'buried');
is(fenced(bury => $H1, $r->{token}, $dead, $D, $past, 2, 404, 'no', 60000), 1,
    'sent twice');
is(fenced(settle => $H1, $r->{token}, $dead, $D), -1, 'not pending');
is(scalar @{ list(target => $D)->{entries} }, 0, 'not in that list');

my $l = list(target => $D, dead => 1, records => 1);
$e = $l->{entries}[0];

is(scalar @{ $l->{entries} }, 1, 'but in this');
is("$e->{reason} $e->{status} $e->{answer} $e->{record} $e->{attempts}",
    '2 404 no old 1', 'why');
cmp_ok($e->{died}, '>=', $e->{accepted}, 'when');
is(list(target => $D, dead => 1)->{entries}[0]{record}, '', 'no record');
is(scalar @{ list(target => $D, dead => 1, $_->[0] => $_->[1])->{entries} },
    $_->[2], "$_->[0] $_->[1]")
    for [ route => 'x', 1 ], [ route => 'y', 1 ], [ route => 'z', 0 ],
        [ route => 'x,', 0 ], [ seq => $dead, 1 ], [ seq => $one, 0 ],
        [ from => $e->{accepted}, 1 ], [ from => $e->{accepted} + 1, 0 ],
        [ to => $e->{accepted}, 0 ], [ to => $e->{accepted} + 1, 1 ];

# replay

$r = replay(target => $D, command => 7);
is("$r->{done} $r->{more}", '1 0', 'replayed');
is(replay(target => $D, command => 7)->{done}, 0, 'sent twice');
is(scalar @{ lease($D, fresh => 9)->{entries} }, 0,
    'replayed: not before new ones');
$l = lease($D, fresh => 9, again => 9);
$e = $l->{entries}[0];
is("$e->{seq} $e->{epoch} $e->{attempts} $e->{record}", "$dead 1 0 old",
    'in another epoch');
fenced(bury => $H1, $l->{token}, $dead, $D, $past, 1, 500, '', 60000);
is(replay(target => $D, command => 7)->{done}, 0,
    'the command does not do it again');
is(replay(target => $D, command => 8)->{done}, 1, 'another one does');
$l = lease($D, fresh => 9, again => 9);
is($l->{entries}[0]{epoch}, 2, 'epoch');
fenced(bury => $H1, $l->{token}, $dead, $D, $past, 1, 500, '', 60000);

my $E = hex16(0x2002);

is(replay(target => $D, command => 9, to => $E, name => 'other')->{done}, 1,
    'replayed to another target');
is($redis->command(ZCARD => key("x:$D")), 0, 'it is dead no more');
$l = lease($E, fresh => 9, again => 9);
$e = $l->{entries}[0];
is("$e->{seq} $e->{name} $e->{epoch}", "$dead other 3", 'it is there');
fenced(settle => $H1, $l->{token}, $dead, $E);
is($redis->command(EXISTS => key("e:$dead")), 0, 'done');

# paging and purge

dead_letter($D, "p$_") for 1 .. 7;
my @seen;
my ($after, $more) = ([ hex16(0), hex16(0) ], 1);

while ($more) {
    $l = list(dead => 1, target => $D, limit => 3, after => $after,
              records => 1);
    push @seen, map { $_->{record} } @{ $l->{entries} };
    ($after, $more) = ($l->{after}, $l->{more});
}

is("@seen", join(' ', map { "p$_" } 1 .. 7), 'page by page, oldest first');

$l = list(dead => 1, target => $D, records => 1, bytes => 5);
is(scalar(@{ $l->{entries} }) . $l->{more}, '21', 'as many bytes as wanted');
$l = list(dead => 1, target => $D, records => 1, bytes => 1);
is(scalar(@{ $l->{entries} }) . $l->{more}, '11', 'but one');

$l = list(dead => 1, limit => 100, budget => 2);
is("@{[ scalar @{ $l->{entries} } ]} $l->{more}", '2 1', 'a budget');

$r = purge(target => $D, limit => 2);
is("$r->{done} $r->{more}", '2 1', 'purge');
$r = purge(target => $D, limit => 100, after => $r->{after});
is("$r->{done} $r->{more}", '5 0', 'the rest');
is(events($D), 0, 'nothing is left');


# ---- the archive

my $F = hex16(0x3001);
my @kept = map { sleep 0.005;
                 accept_event(record => "a$_", retain => 600, key => "arc$_",
                              parts => [ { target => $F, name => 'f' } ])
                 ->{seq} } 1 .. 3;
my $only = accept_event(record => 'none', retain => 600, parts => [])->{seq};

for my $n (1 .. 2) {
    $l = lease($F, fresh => 1);
    fenced(settle => $H1, $l->{token}, $l->{entries}[0]{seq}, $F);
}

is($redis->command(EXISTS => key("e:$kept[0]")), 1, 'kept when it is done');

my %archive = (archive => 1, source => $SOURCE, command => 20, to => $F,
               name => 'f', limit => 100);

$r = replay(%archive);
is($r->{done}, 3, 'all but the one that waits');
is(replay(%archive)->{done}, 0, 'once');
$l = lease($F, fresh => 9, again => 9);
is(join(' ', map { "$_->{record}:$_->{epoch}" } @{ $l->{entries} }),
    'a1:1 a2:1 none:1 a3:0', 'they are due');
fenced(settle => $H1, $l->{token}, $_->{seq}, $F) for @{ $l->{entries} };
is(replay(%archive)->{done}, 1, 'the same command: only what waited then');
is(replay(%archive, command => 21, from => hex substr $kept[1], 0, 11)
   ->{done}, 2, 'from a time');

@seen = ();
($after, $more) = ([ hex16(0), hex16(0) ], 1);

while ($more) {
    $r = replay(%archive, command => 22, to => hex16(0x3002), name => 'g',
                limit => 1, after => $after);
    push @seen, $r->{done};
    ($after, $more) = ($r->{after}, $r->{more});
}

is(join('', @seen), '1111', 'page by page');

$l = lease($F, fresh => 9, again => 9);
fenced(settle => $H1, $l->{token}, $_->{seq}, $F) for @{ $l->{entries} };
$l = lease(hex16(0x3002), fresh => 9, again => 9);
fenced(settle => $H1, $l->{token}, $_->{seq}, hex16(0x3002))
    for @{ $l->{entries} };
sleep 0.7;
sweep();
is($redis->command(EXISTS => key("e:$_")), 0, 'the archive is over')
    for @kept, $only;
is($redis->command(EXISTS => key($_)), 0, "so is $_") for "r:$SOURCE", 'u';


done_testing();


# how many entries a target has, of any kind

sub events {
    my ($target) = @_;

    my $n = 0;

    $n += $redis->command(ZCARD => key("$_:$target")) for qw(f a k x);

    return $n;
}
