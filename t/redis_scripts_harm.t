#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What others do to Redis: keys that are taken away, older states, clocks that
# jump, requests that come too late, no memory.  What is lost is counted, told
# once, and never made up for by something else.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;
use Test::EventRouter::Nodes qw(keys_of);
use Time::HiRes qw(sleep);

my $t = scripts();
my ($r, $l);


# ---- what others do to Redis

my $X = hex16(0x8001);

$redis->command(SET => key("k:$X"), 'not a zset');
like(accept_event(key => 'broken', record => 'b',
                  parts => [ { target => $X } ])->{error},
    qr/^WRONGTYPE/, 'an error behind the entry');
is($redis->command(EXISTS => key('d:' . unpack 'H*', pad('broken'))), 0,
    'the key is not known');
$redis->command(DEL => key("k:$X"));
is(accept_event(key => 'broken', record => 'b',
                parts => [ { target => $X } ])->{code}, 1, 'it comes again');
ok(scalar(@{ lease($X, fresh => 9)->{entries} }) >= 1, 'and is there');

$r = accept_event(record => 'gone', parts => [ { target => $X } ]);
$redis->command(DEL => key("e:$r->{seq}"));
my $missed = $redis->command(HGET => key('m'), 'l') // 0;

$l = lease($X, fresh => 9);
is(scalar @{ $l->{entries} }, 0, 'thrown away');
is($redis->command(HGET => key('m'), 'l') - $missed, 1, 'which is counted');
is($redis->command(ZSCORE => key("f:$X"), $r->{seq}), undef, 'forgotten');

# what was taken for lost and is in hand comes back

$r = accept_event(parts => [ { target => $X } ]);
$l = lease($X, fresh => 9);
$redis->command(DEL => map { key("$_:$X") } qw(k f a));
$missed = $redis->command(HGET => key('m'), 'l');
is(fenced(retry => $H1, $l->{token}, $r->{seq}, $X, 0, ''), 1, 'given back');
is($redis->command(HGET => key('m'), 'l'), $missed - 1, 'it is not lost');
is(fenced(retry => $H1, $l->{token}, $r->{seq}, $X, 0, ''), 1, 'sent twice');
is($redis->command(HGET => key('m'), 'l'), $missed - 1, 'counted once');

# what is lost is counted, whoever notices, and told once

my $L = hex16(0xc001);
my ($N7, $N8) = (hex16(7), hex16(8));
my ($seven, $eight) = ({}, {});

sub look {
    my ($known, $node, %o) = @_;

    my $s = sweep(known => [ $L ], node => $node, (map { $_ => $known->{$_} }
        grep { defined $known->{$_} } qw(state at had told)), %o);
    my $from = $known->{told} // 0;

    $from = 0 if $s->{state} ne ($known->{state} // '');
    $from = $s->{acked} if $s->{acked} > $from;

    my $lost = $s->{lost} > $from ? $s->{lost} - $from : 0;

    %$known = (state => $s->{state}, at => $s->{now}, had => $s->{there},
        told => $lost ? $s->{lost} : $from);

    return $lost;
}

$redis->command('FLUSHALL');
is(look($seven, $N7) + look($eight, $N8), 0, 'an empty one');

my @L = map { accept_event(record => "l$_", parts => [ { target => $L } ]) }
        1 .. 9;

is(look($seven, $N7) + look($eight, $N8), 0, 'nothing is lost');
is($seven->{had}, 9, 'nine');
$l = lease($L, fresh => 1);
fenced(settle => $H1, $l->{token}, $l->{entries}[0]{seq}, $L);
$l = lease($L, fresh => 1);
fenced(bury => $H1, $l->{token}, $l->{entries}[0]{seq}, $L, $past, 2, 500,
       '', 60000);
is(look($seven, $N7), 0, 'delivered, dead');
is($seven->{had}, 8, 'eight');

# an event; the list of pending ones, of fresh ones, of all names

$redis->command(DEL => key("e:$L[2]{seq}"));
lease($L, fresh => 1);
is(look($seven, $N7), 1, 'an event: one is lost');
is(look($eight, $N8), 0, 'which is told');
is(look($seven, $N7), 0, 'once');
is(look($eight, $N8), 0, 'by one');
$redis->command(DEL => key("k:$L"));
is(look($seven, $N7), 0, 'a list');
is($seven->{had}, 7, 'that is made anew');
$redis->command(DEL => key("f:$L"), key('t'));
is(look($seven, $N7), 0, 'of what is due, and the names');
$r = sweep(known => [ $L ], node => $N7, %$seven);
is($r->{counts}[0]{name}, 'n', 'which are known');
is(scalar @{ ($l = lease($L, fresh => 9))->{entries} }, 6, 'all are due');
fenced(retry => $H1, $l->{token}, $_->{seq}, $L, 0, '')
    for @{ $l->{entries} };
$redis->command(DEL => map { key("$_:$L") } qw(k f a));
is(look($seven, $N7), 6, 'all lists: they are lost');
is($seven->{had}, 1, 'but the dead one');

# its event went when it was delivered: it is no loss

$l = accept_event(parts => [ { target => $L } ]);
my $le = lease($L, fresh => 1);
$redis->command(DEL => key("e:$l->{seq}"));
is(fenced(settle => $H1, $le->{token}, $l->{seq}, $L), -1, 'delivered');
is(look($seven, $N7), 0, 'an event that was in hand');

# an answer that is lost is given again; who does not ask again is replaced

accept_event(parts => [ { target => $L } ]) for 1 .. 3;
look($_->[0], $_->[1]) for [ $seven, $N7 ], [ $eight, $N8 ];
$redis->command(DEL => map { key("$_:$L") } qw(k f));
is(look({ %$seven }, $N7), 3, 'lost');
is(look({ %$eight }, $N8), 0, 'another one is not told');
is(look({ %$seven }, $N7), 3, 'told again, as it was not heard');
is(look($seven, $N7), 3, 'heard');
is(look($_->[0], $_->[1]), 0, 'known') for [ $seven, $N7 ], [ $eight, $N8 ];
accept_event(parts => [ { target => $L } ]) for 1 .. 3;
look($_->[0], $_->[1]) for [ $seven, $N7 ], [ $eight, $N8 ];
$redis->command(DEL => map { key("$_:$L") } qw(k f));
is(look({ %$seven }, $N7), 3, 'lost again');
$redis->command(HSET => key('m'), o => $N7 . int((time() - 11) * 1000));
is(look($eight, $N8), 3, 'who should tell does not: another one is told');

# emptied, with new ones in it; the second one knows more

accept_event(parts => [ { target => $L } ]) for 1 .. 5;
look($seven, $N7);
accept_event(parts => [ { target => $L } ]) for 1 .. 2;
look($eight, $N8);

my $all = $eight->{had};

$redis->command('FLUSHALL');
is(look($seven, $N7), $all - 2, 'emptied: what was known');
is(look($eight, $N8) + look($seven, $N7), 2,
    'and what another one knew beyond that');
is(look($seven, $N7) + look($eight, $N8), 0, 'that was all');

# only the count is gone

accept_event(parts => [ { target => $L } ]) for 1 .. 4;
look($_->[0], $_->[1]) for [ $seven, $N7 ], [ $eight, $N8 ];
$redis->command(DEL => key('m'));
is(look($seven, $N7) + look($eight, $N8), 0, 'a count is no event');
$redis->command(HDEL => key('m'), 'j', 'n');
is(look($seven, $N7) + look($eight, $N8), 0, 'nor was there ever one');

# an older state

my %dump = map { $_ => $redis->command(DUMP => $_) }
           @{ $redis->command(KEYS => '*') };

accept_event(parts => [ { target => $L } ]) for 1 .. 3;
look($_->[0], $_->[1]) for [ $seven, $N7 ], [ $eight, $N8 ];
$redis->command('FLUSHALL');
$redis->command(RESTORE => $_, 0, $dump{$_}) for keys %dump;
is(look($seven, $N7), 3, 'an older state: what came since');
is(look($eight, $N8), 0, 'the other one knew no more');
is(look($seven, $N7) + look($eight, $N8), 0, 'that was all');

# what an operator or time takes away

my $P2 = hex16(0xc002);

accept_event(record => 'short', retain => 1, parts => []);
dead_letter($P2, 'short', keep => 1);
look($seven, $N7);
sleep 0.05;
is(look($seven, $N7), 0, 'expired');
dead_letter($P2, 'purged');
look($seven, $N7);
is(purge(target => $P2, limit => 10)->{done}, 1, 'purged');
is(look($seven, $N7), 0, 'is not lost');
is($r->{evicts}, 1, 'noeviction');
$redis->command(CONFIG => SET => 'maxmemory-policy', 'volatile-lru');
is(sweep(node => $N7)->{evicts}, 2, 'volatile-lru');
$redis->command(CONFIG => SET => 'maxmemory-policy', 'allkeys-random');
is(sweep(node => $N7)->{evicts}, 3, 'allkeys-random');
$redis->command(CONFIG => SET => 'maxmemory-policy', 'noeviction');

# the clock

$redis->command(HSET => key('m'), t => (time() + 3600) * 1000,
                w => time() * 1000);
my $then = run('check')->[1];
$r = accept_event(parts => [ { target => $X, name => 'x' } ]);
sleep 0.3;
$l = lease($X, fresh => 9);
is(scalar @{ $l->{entries} }, 1, 'Redis\'s clock has jumped back');
my $gone = $l->{now} - $then;
ok($gone >= 100 && $gone <= 290, "this one slows down ($gone ms)");
is(substr($r->{seq}, 0, 9), substr(sprintf('%011x', $then), 0, 9),
    'and does not run backwards');
$redis->command(HDEL => key('m'), qw(t w s c));

# targets that are held

is("@{ held('', 0) }", '', 'none is held');
is("@{ held($X, 1) }", $X, 'one is');
is("@{ held($X, 1) }", $X, 'sent twice');
cmp_ok($redis->command(HGET => key('paused'), $X), '>', 1e12, 'since when');
is("@{ [ sort @{ held($A, 1) } ] }", "@{ [ sort $A, $X ] }", 'another one');
is("@{ held('', 1) }", join(' ', @{ held('', 0) }), 'who asks holds nothing');
is("@{ held($X, 0) }", $A, 'let go');
is("@{ held($A, 0) }", '', 'both');

# what nobody waits for any more changes nothing at all

my $W = hex16(0xa001);
my @w = (parts => [ { target => $W, lease => 1 } ], token => hex16(0xa100));

sub late_rows {
    my ($what, $seen, $wait, $late) = @_;

    my @until = (seen => $seen, wait => $wait);
    my $before = keys_of($redis);
    my $a = accept_event(@w, @until, key => "$what $late");
    my $l = lease($W, fresh => 9, again => 9, @until);

    is("$a->{code} $l->{code}", $late ? '-2 -2' : '1 1', $what);
    cmp_ok(abs($l->{now} - run('check')->[1]), '<', 1000, "$what: the clock");

    return is(keys_of($redis), $before, "$what: nothing is changed") if $late;

    isnt(keys_of($redis), $before, "$what: it is done");

    for my $e ([ $a->{seq}, $w[3] ],
               map { [ $_->{seq}, $l->{token} ] } @{ $l->{entries} })
    {
        is(fenced(settle => $H1, $e->[1], $e->[0], $W), 1, "$what: settled");
    }
}

accept_event(parts => [ { target => $W } ]);
$then = run('check')->[1];

late_rows('in time', $then, 60000, 0);
accept_event(parts => [ { target => $W } ]);
late_rows('nothing is known of the clock', 0, 0, 0);
accept_event(parts => [ { target => $W } ]);
late_rows('too late', $then - 5000, 4990, 1);
late_rows('to the millisecond', $then, 0, 1);
late_rows('behind what was seen', $then + 60000, 120000, 1);

my $w = lease($W, fresh => 9, lease => 30);
is(scalar @{ $w->{entries} }, 1, 'leased');
sleep 0.05;
late_rows('a lease that is over', $then - 60000, 50000, 1);
is(scalar @{ lease($W, again => 9, token => $w->{token},
                   seen => $then - 9, wait => 1)->{entries} }, 0,
    'sent twice, and the second time too late');
$w = lease($W, again => 9);
is($w->{entries}[0]{crashes}, 1, 'which crashed once');
fenced(settle => $H1, $w->{token}, $w->{entries}[0]{seq}, $W);

# an event that is there, sent once more too late

my $w2 = accept_event(@w, key => 'here');
is(accept_event(%{ $w2->{args} }, same => 1, seen => $then, wait => 1)->{code},
    -2, 'too late for one that is there');
is(accept_event(%{ $w2->{args} }, same => 1, seen => $then, wait => 60000)
   ->{code}, 1, 'in time again');
fenced(settle => $H1, $w[3], $w2->{seq}, $W);

# at half the speed twice as much may have gone by

accept_event(parts => [ { target => $W } ]);
$redis->command(HSET => key('m'), t => (time() + 3600) * 1000,
                w => time() * 1000);
$then = run('check')->[1];
sleep 0.1;
late_rows('at half the speed: in time', $then, 60000, 0);
accept_event(parts => [ { target => $W } ]);
late_rows('at half the speed: too late', $then - 1000, 1990, 1);
late_rows('at half the speed: just in time', $then - 1000, 9000, 0);
$redis->command(HDEL => key('m'), qw(t w s c));

# full: only new events are refused

my $full = $t->redis(6380, maxmemory => '3mb');
$redis = $full;

my $Z = hex16(0x9001);

for (1 .. 500) {
    eval { accept_event(record => 'z' x 20000,
                        parts => [ { target => $Z } ]) } or last;
}

like($@, qr/OOM/, 'full');

$l = eval { lease($Z, fresh => 3) };
is(scalar @{ $l->{entries} }, 3, 'leased');
my @z = map { $_->{seq} } @{ $l->{entries} };
is(fenced(extend => $H1, $l->{token}, $z[0], $Z, 1000), 1, 'extended');
is(fenced(settle => $H1, $l->{token}, $z[0], $Z), 1, 'settled');
is(fenced(retry => $H1, $l->{token}, $z[1], $Z, 0, $past), 1, 'tried again');
is(fenced(bury => $H1, $l->{token}, $z[2], $Z, $past, 1, 0, '', 1000), 1,
    'buried');
is(eval { sweep(); 1 }, 1, 'swept');
is(eval { run('adopt', $H1, 10, 1); 1 }, 1, 'adopted');

for (1 .. 20) {
    $l = lease($Z, fresh => 3);
    fenced(settle => $H1, $l->{token}, $_->{seq}, $Z) for @{ $l->{entries} };
}

is(eval { accept_event(record => 'z', parts => [ { target => $Z } ])->{code} },
    1, 'there is room again');

# another number of shards

$layout = '1 2';
is(run('check')->[0], 'LAYOUT', 'another number of shards');
is(run('check')->[1], '1 1', 'which it has');
my $before = $redis->command('DBSIZE');
accept_raw(parts => [ { target => $Z } ]);
is($redis->command('DBSIZE'), $before, 'nothing is written');

$shard = 1;
my %mod;

$mod{hex(substr $_->{seq}, 11) % 2}++
    for map { accept_event(parts => [ { target => $Z } ]) } 1 .. 20;
is(join(' ', %mod), '1 20', 'a number tells its shard');


done_testing();
