#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What a sweep finds: holders and nginx that are heard no more, what is pending
# for whom, what is over, and targets that nobody has.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;
use Time::HiRes qw(sleep);

my $t = scripts();
my $r = accept_event(parts => [
    { target => $A, name => 'a' },
    { target => $B, name => 'b', delay => 60000 } ]);

fenced(settle => $H1, lease($A, fresh => 1)->{token}, $r->{seq}, $A);
accept_event(parts => [ { target => $C } ]) for 1 .. 53;


# ---- holders that die

my $P = hex16(0x6001);

accept_event(record => "h$_", parts => [ { target => $P } ]) for 1 .. 3;
lease($P, fresh => 2, holder => $H3);
fenced(retry => $H1, lease($P, fresh => 1)->{token},
       list(target => $P)->{entries}[2]{seq}, $P, 0, $past);

$r = run('adopt', $H3, 1, 1);
is("$r->[2] $r->[3]", '1 1', 'adopted, and there are more');
$r = run('adopt', $H3, 100, 1);
is("$r->[2] $r->[3]", '1 0', 'all');
is(run('adopt', $H3, 100, 1)->[2], 0, 'sent twice');
$r = lease($P, again => 9);
is(join(' ', map { "$_->{record}:$_->{attempts}:$_->{crashes}" }
             sort { $a->{record} cmp $b->{record} } @{ $r->{entries} }),
    'h1:0:1 h2:0:1 h3:1:0', 'they are due, and crashed');
fenced(settle => $H1, $r->{token}, $_->{seq}, $P) for @{ $r->{entries} };

# who leaves gives back: not a crash, and as new as it was

accept_event(record => "g$_", parts => [ { target => $P } ]) for 1 .. 2;
$r = lease($P, fresh => 2, holder => $H3);
fenced(retry => $H3, $r->{token}, $r->{entries}[0]{seq}, $P, 0, $past);
lease($P, again => 1, holder => $H3);
is(run('adopt', $H3, 100, 0)->[2], 2, 'given back');
$r = lease($P, fresh => 9);
is(join(' ', map { "$_->{record}:$_->{attempts}:$_->{crashes}" }
             @{ $r->{entries} }), 'g2:0:0', 'without an attempt as before');
fenced(settle => $H1, $r->{token}, $_->{seq}, $P) for @{ $r->{entries} };
$r = lease($P, again => 9);
is(join(' ', map { "$_->{record}:$_->{attempts}:$_->{crashes}" }
             @{ $r->{entries} }), 'g1:1:0', 'and with one');
fenced(settle => $H1, $r->{token}, $_->{seq}, $P) for @{ $r->{entries} };

accept_event(record => 'late', parts => [ { target => $P } ]);
my $held = lease($P, fresh => 1, holder => $H3);

sweep(holder => $H3, gap => 300);
for (1 .. 3) {
    sweep(gap => 300);
    sleep 0.05;
}

is(sweep(gap => 300)->{adopted}, 0, 'alive');

sweep(node => $H2);
is(sweep()->{nodes}, 2, 'two nodes');

# a worker that exits: alive, but its nginx has no part any more

for (1 .. 10) {
    $r = sweep(gap => 300);
    last if $r->{adopted};
    is(scalar @{ sweep(holder => $H3, node => hex16(0))->{counts} }, 0,
        'a sign of life counts nothing') if $_ == 1;
    sweep(holder => $H3, node => hex16(0), gap => 300);
    sleep 0.06;
}

is($r->{adopted}, 0, 'who exits is alive as long as it says so');
is(sweep(gap => 300)->{nodes}, 1, 'but is no node');

for (1 .. 12) {
    $r = sweep(gap => 300);
    last if $r->{adopted};
    sleep 0.05;
}

is($r->{adopted}, 1, 'silent for too long');
is($redis->command(ZSCORE => key('holders'), $H3), undef, 'forgotten');
is(fenced(retry => $H3, $held->{token}, $held->{entries}[0]{seq}, $P, 0, ''),
    0, 'its lease is over');
$r = lease($P, again => 9);
is($r->{entries}[0]{crashes}, 1, 'adopted');

# Redis itself was away: nobody could say that he is alive

sweep(holder => $H3, gap => 300);
sleep 0.4;
is(sweep(gap => 300)->{adopted}, 0, 'nobody was heard: nobody is dead');
ok($redis->command(ZSCORE => key('holders'), $H3), 'not yet');


# ---- counts, what is over, targets that are gone

$r = sweep(known => [ $A, $B ], generation => 5);
my %count = map { $_->{target} => $_ } @{ $r->{counts} };

is($count{$P}{pending}, 1, 'leased: not removed');
ok(!$count{$A}{pending} && $count{$A}{name} eq 'a', 'nothing pending');
is("$count{$A}{oldest} $count{$A}{fresh} $count{$A}{again}", '-1 -1 -1',
    'never');
is($count{$B}{pending}, 1, 'one is pending');
cmp_ok($count{$B}{fresh}, '>', $r->{now}, 'not due');
cmp_ok($count{$B}{oldest}, '<', $r->{now}, 'but old');
is($count{$C}{dead}, 53, 'a target that is gone: all dead');
cmp_ok($r->{removed}, '>', 0, 'and how many are new');
is(list(target => $C, dead => 1)->{entries}[0]{reason}, 5, 'REMOVED');
cmp_ok($r->{used}, '>', 100_000, 'bytes');

my $G = hex16(0x7001);

accept_event(parts => [ { target => $G, name => 'g' } ]);
$r = sweep(known => [ $A ], generation => 4);
is(scalar(grep { $_->{target} eq $G && $_->{pending} } @{ $r->{counts} }), 1,
    'an older configuration removes nothing');
is($r->{removed}, 0, 'and says so');
$r = sweep(known => [ $A, $G ], generation => 6);
$r = sweep(known => [ $A, $G ], generation => 6);
is(scalar(grep { $_->{target} eq $G && $_->{pending} } @{ $r->{counts} }), 1,
    'known');

dead_letter($G, 'short', keep => 20);
sleep 0.05;
sweep(known => [ $A, $G ], generation => 6);
is($redis->command(ZCARD => key("x:$G")), 0, 'a dead letter is forgotten');

# an old entry that was replayed is as old as its replay

my $K = hex16(0x7002);

dead_letter($K, 'r');
sleep 0.05;
my $second = accept_event(parts => [ { target => $K } ])->{seq};
sleep 0.05;
replay(target => $K, command => 40);
%count = map { $_->{target} => $_ } @{ sweep()->{counts} };
is($count{$K}{oldest}, hex substr($second, 0, 11), 'the oldest');


# ---- targets that one of several nginx has

my ($N1, $N2, $N3) = map { hex16($_) } 0xb1, 0xb2, 0xb3;
my $T = hex16(0x7003);
my @with = (known => [ $A, $T ]);

$shard = 7;
removed($N1, 1, @with);
removed($N2, 2, @with);
is(removed($N2, 9), 0, 'one nginx has it no more, another one does');
is(removed($N2, 8, @with), 0, 'an old worker');
is(removed($N1, 3), 1, 'nobody has it');
is(removed($N1, 2, @with), 0, 'an old worker still does');
is(removed($N1, 2), 0, 'an old one cannot tell');
is(removed($N2, 9), 1, 'and does not bring it back');
is(removed($N1, 4, @with), 0, 'it comes back');
is(removed($N2, 9), 0, 'the other one knows');
is(removed($N2, 10, known => []), 0, 'who has no target removes nothing');
is(removed($N1, 5), 1, 'and holds up nobody');

# one that is heard no more

removed($N3, 1, @with);
is($redis->command(ZCARD => key('nodes')), 3, 'three nginx');
cmp_ok(forgotten(), '>=', 0.3, 'its targets count for some time');
is($redis->command(ZSCORE => key('nodes'), $N3), undef, 'it is gone');
is($redis->command(ZSCORE => key('heard'), $N3), undef, 'and forgotten');
is($redis->command(HEXISTS => key('known'), "t$N3"), 0, 'with its targets');

# Redis itself was away: nobody could be heard

removed($N3, 1, @with);
sleep 1;
cmp_ok(forgotten(), '>=', 0.3, 'nobody was heard: nobody is forgotten');

# one of a version that does not say what it has

$redis->command(ZADD => key('nodes'), run('check')->[1], $N3);
cmp_ok(forgotten(), '>=', 0.3, 'what one has is not known: as if it had all');
$shard = 0;


done_testing();


# one entry of $T is pending: does this sweep bury it?

sub removed {
    my ($node, $generation, %o) = @_;

    accept_event(parts => [ { target => $T } ])
        if !$redis->command(ZCARD => key("k:$T"));

    return sweep(known => [ $A ], node => $node, generation => $generation,
                 %o)->{removed};
}


# after how many seconds of sweeps it does, at most 5

sub forgotten {
    my $began = Time::HiRes::time();

    for (1 .. 100) {
        return Time::HiRes::time() - $began
            if removed($N1, 6, gap => 900, silent => 400);
        sleep 0.05;
    }

    return -1;
}
