#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The scripts of the queue in a real Redis, one after the other and every one
# sent twice: what they keep, give and refuse.  t/redis_scripts_*.t have the
# others; t/redis_lua.t compares their text with what the module sends.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;
use Time::HiRes qw(sleep);

my $t = scripts();

is(scalar(grep { $_ ne '' } values %script), 25, 'scripts');


# ---- a new event

my $r = accept_event(key => 'k1', record => "one\r\n\0", parts => [
    { target => $A, name => 'a', routes => 'x,y' },
    { target => $B, name => 'b', delay => 60000 } ]);

is($r->{code}, 1, 'accepted');
like($r->{seq}, qr/^[0-9a-f]{16}$/, 'its number');
is($r->{leased}, '00', 'not leased');
cmp_ok(abs(hex(substr $r->{seq}, 0, 11) - time() * 1000), '<', 5000,
    'which is the time');

my $one = $r->{seq};

is(accept_event(%{ $r->{args} }, same => 1)->{seq}, $one,
    'sent twice: the same event');
is(accept_event(%{ $r->{args} }, same => 1)->{code}, 1, 'accepted');

$r = accept_event(key => 'k1', parts => [ { target => $A } ]);
is($r->{code}, 0, 'a duplicate');
is($r->{seq}, $one, 'of the first');

my $ttl = $redis->command(PTTL => key('d:' . unpack 'H*', pad('k1')));
ok($ttl > 3_500_000 && $ttl <= 3_600_000, 'for an hour');
is($redis->command(ZCARD => key("k:$A")), 1, 'one entry');

my @all = map { accept_event(parts => [ { target => $C } ])->{seq} } 1 .. 50;

is(scalar(keys %{ { map { $_ => 1 } @all } }), 50, 'numbers are unique');
is("@all", "@{[ sort @all ]}", 'and grow');

my $last = hex substr $all[-1], 0, 11;

$redis->command(HSET => key('m'), s => $last + 20, c => 1048574);
is(join(' ', map { accept_event(parts => [ { target => $C } ])->{seq} } 1 .. 2),
    sprintf('%011xfffff %011x00000', $last + 20, $last + 21),
    'also when all of a millisecond are used up');

$r = accept_event(parts => [ { target => $C } ]);
is(accept_event(%{ $r->{args} }, same => 1)->{seq}, $r->{seq},
    'without a key: sent twice is one event');


# ---- an entry as it is kept; what another version has written is read

my $V = hex16(0x1004);

$r = accept_event(parts => [ { target => $V, name => 'v', routes => 'x,y',
    order => hex16(5), delay => 1000 } ]);

is($redis->command(HGET => key("e:$r->{seq}"), "p$V"),
    packed(0, 0, 0, hex(substr $r->{seq}, 0, 11), $r->{now} + 1000, '', '',
           hex16(5), 0, '', '', 'v', 'x,y'), 'pending');

my @state = ($r->{now} - 9, $r->{now} - 1, '', hex16(77), hex16(5), 1, hex16(8),
            'p' x 16, 'vv', 'z');

$redis->command(HSET => key("e:$r->{seq}"), "p$V", packed(3, 1, 1, @state));
$redis->command(ZREM => key("f:$V"), $r->{seq});
$redis->command(ZADD => key("a:$V"), $r->{now} - 1, $r->{seq});

my $kept = lease($V, again => 1);

is(join(' ', @{ $kept->{entries}[0] }{qw(epoch attempts crashes accepted order
        guard past name routes reason died status answer)}),
    join(' ', 3, 1, 1, $state[0], @state[4, 5, 7 .. 9], 0, 0, 0, ''),
    'as another version has written it');
is($redis->command(HGET => key("e:$r->{seq}"), "p$V"),
    packed(3, 1, 1, $state[0], $kept->{now} + 10000, $H1, $kept->{token},
           @state[4 .. 9]), 'leased');
is(fenced(bury => $H1, $kept->{token}, $r->{seq}, $V, 'q' x 14, 2, 404, 'no',
          60000), 1, 'buried');

my $died = list(target => $V, dead => 1)->{entries}[0]{died};

is($redis->command(HGET => key("e:$r->{seq}"), "d$V"),
    packed(3, 3, 0, $state[0], $kept->{now} + 10000, '', $kept->{token},
           @state[4 .. 6], 'p' x 16 . 'q' x 14 . "\0\3", 'vv', 'z', 2, $died,
           404, 'no'), 'dead');
is(purge(target => $V)->{done}, 1, 'purged');

$r = accept_event(retain => 60000,
    parts => [ { target => $V, routes => 'y,z' } ]);
$kept = lease($V, fresh => 1);
fenced(settle => $H1, $kept->{token}, $r->{seq}, $V);
is($redis->command(HGET => key("e:$r->{seq}"), "o$V"),
    packed(0, '', 'y,z'), 'done and kept');

for my $n (1, 2) {
    is(replay(archive => 1, source => $SOURCE, to => $V, name => 'v',
              seq => $r->{seq}, command => 100 + $n)->{done}, 1, 'replayed');
    $kept = lease($V, again => 1);
    is($kept->{entries}[0]{epoch}, $n, 'in the next epoch');
    fenced(settle => $H1, $kept->{token}, $r->{seq}, $V);
    is($redis->command(HGET => key("e:$r->{seq}"), "o$V"),
        packed($n, hex16(100 + $n), ''), 'which is kept');
}

$redis->command(DEL => map { key($_) } "e:$r->{seq}", 'u', "r:$SOURCE");
$redis->command(HDEL => key('t'), $V);


# ---- leases

$r = lease($A, fresh => 10);
is(scalar @{ $r->{entries} }, 1, 'leased');

my $e = $r->{entries}[0];

is($e->{seq}, $one, 'event');
is($e->{record}, "one\r\n\0", 'record');
is("$e->{name} $e->{routes}", 'a x,y', 'name and routes');
is("$e->{epoch} $e->{attempts} $e->{crashes}", '0 0 0', 'no attempt');
is($e->{token}, $r->{token}, 'token');
is($r->{fresh}, -1, 'nothing else is fresh');
cmp_ok($r->{again} - $r->{now}, '==', 10000, 'the lease ends');

my $again = lease($A, fresh => 10, token => $r->{token});
is($again->{entries}[0]{seq}, $one, 'sent twice: the same entry');
is($again->{entries}[0]{crashes}, 0, 'which did not crash');

is(scalar @{ lease($A, fresh => 10, again => 10)->{entries} }, 0,
    'nobody else gets it');
is(scalar @{ lease($B, fresh => 10)->{entries} }, 0, 'a delay');
cmp_ok(lease($B, fresh => 10)->{fresh} - $r->{now}, '>', 50000, 'is long');

my @fence = ($one, $A);

is(fenced(settle => $H2, $r->{token}, @fence), 0, 'another holder');
is(fenced(settle => $H1, hex16(99), @fence), 0, 'another token');
is(fenced(extend => $H1, hex16(99), @fence, 1000), 0, 'cannot extend');
is(fenced(retry => $H1, hex16(99), @fence, 1000, ''), 0, 'cannot retry');
is(fenced(bury => $H1, hex16(99), @fence, '', 1, 0, '', 1000), 0,
    'cannot bury');
is(fenced(extend => $H1, $r->{token}, @fence, 20000), 1, 'extended');
cmp_ok(lease($A)->{again} - $r->{now}, '>=', 20000, 'by so much');

# bytes

accept_event(record => 'x' x 100, parts => [ { target => hex16(0x77) } ])
    for 1 .. 5;
is(scalar @{ lease(hex16(0x77), fresh => 5, bytes => 250)->{entries} }, 2,
    'as many bytes as wanted');
is(scalar @{ lease(hex16(0x77), fresh => 5, bytes => 1)->{entries} }, 1,
    'one is given even if it is larger');
is(scalar @{ lease(hex16(0x77), fresh => 5, bytes => 1, given => 1)
             ->{entries} }, 0, 'unless another shard gave one');
is(scalar @{ lease(hex16(0x77), fresh => 1)->{entries} }, 1,
    'as many entries as wanted');


# ---- retry

is(fenced(retry => $H1, $r->{token}, @fence, 50, $past), 1, 'retry');
is(fenced(retry => $H1, $r->{token}, @fence, 50, $past), 1, 'sent twice');
is(fenced(settle => $H1, $r->{token}, @fence), 0, 'the lease is over');
is(scalar @{ lease($A, fresh => 9)->{entries} }, 0, 'it is not fresh');
is(scalar @{ lease($A, again => 9)->{entries} }, 0, 'it is not due');
sleep 0.1;
$r = lease($A, again => 9);
$e = $r->{entries}[0];
is("$e->{attempts} $e->{crashes}", '1 0', 'one attempt, counted once');
is($e->{past}, $past . pack('S>', 1), 'the past');

for my $n (2 .. 20) {
    fenced(retry => $H1, $r->{token}, @fence, 0, $past);
    $r = lease($A, again => 9);
}

is($r->{entries}[0]{attempts}, 20, '20 attempts');
is(length $r->{entries}[0]{past}, 256, '16 are remembered');
is(unpack('x254S>', $r->{entries}[0]{past}), 20, 'the latest last');

is(fenced(retry => $H1, $r->{token}, @fence, 0, ''), 1, 'given back');
$r = lease($A, again => 9);
is($r->{entries}[0]{attempts}, 20, 'no attempt');

# a lease that ends by itself

fenced(retry => $H1, $r->{token}, @fence, 0, '');
my $lost = lease($A, again => 9, lease => 30);
sleep 0.06;
$r = lease($A, again => 9, holder => $H2);
is($r->{entries}[0]{crashes}, 1, 'a lease that ended by itself');
is(fenced(settle => $H1, $lost->{token}, @fence), 0, 'is over');
is($redis->command(SISMEMBER => key("h:$H1"), "$A$one"), 0, 'is nobody\'s');
is(fenced(settle => $H2, $r->{token}, @fence), 1, 'settled');
is(fenced(settle => $H2, $r->{token}, @fence), -1, 'sent twice: gone');
is($redis->command(EXISTS => key("e:$one")), 1, 'the event waits for b');
is($redis->command(EXISTS => key($_)), 0, "nothing is left in $_")
    for "a:$A", "f:$A", "k:$A", "h:$H2";


# three were in hand in two crashes: one at a time

my $S = hex16(0x88);

accept_event(parts => [ { target => $S } ]) for 1 .. 3;

for (1, 2) {
    is(scalar @{ lease($S, fresh => 9, again => 9, lease => 30)->{entries} },
        3, 'three in hand');
    sleep 0.06;
}

$r = lease($S, again => 9);
is(scalar @{ $r->{entries} }, 1, 'then one of them');
is($r->{entries}[0]{crashes}, 2, 'which is one crash short of poison');
is($r->{again} - $r->{now}, 100, 'the next one soon');
sleep 0.25;
is(scalar @{ lease($S, again => 9)->{entries} }, 0, 'not beside it');
sleep 0.25;
is(scalar @{ lease($S, again => 9, holder => $H2)->{entries} }, 1,
    'another worker gets one');
is(fenced(settle => $H1, $r->{token}, $r->{entries}[0]{seq}, $S), 1,
    'it was not this');
sleep 0.25;
is(scalar @{ lease($S, again => 9)->{entries} }, 1, 'then the next');


# ---- leased as it comes

$r = accept_event(token => hex16(0x900), parts => [
    { target => $A, lease => 1 }, { target => $B } ]);
is($r->{leased}, '10', 'leased to who accepts it');
is(accept_event(%{ $r->{args} }, same => 1)->{leased}, '10', 'sent twice');
is(scalar @{ lease($A, fresh => 9, again => 9)->{entries} }, 0,
    'nobody else gets it');
is(fenced(settle => $H1, hex16(0x900), $r->{seq}, $A), 1, 'settled');
$r = lease($B, fresh => 9);
is(fenced(settle => $H1, $r->{token}, $r->{entries}[0]{seq}, $B), 1,
    'the other, too');
is($redis->command(EXISTS => key("e:$r->{entries}[0]{seq}")), 0,
    'the event goes');


# ---- probes: which one of those that failed

my $M = hex16(0x4001);
my @tried = map { accept_event(parts => [ { target => $M } ])->{seq} } 1 .. 4;
my @times = (2, 1, 3, 1);
my $l;

for my $n (1 .. 3) {
    $l = lease($M, fresh => 9, again => 9);

    for my $i (0 .. 3) {
        fenced(retry => $H1, $l->{token}, $tried[$i], $M,
               $n == 3 || $n == $times[$i] ? 500 : 0, $past)
            if $n <= $times[$i];
    }

    sleep 0.01;
}

is(scalar @{ lease($M, again => 1, pick => 1)->{entries} }, 0,
    'none is due');
$l = lease($M, again => 1, pick => 2);
is($l->{entries}[0]{seq}, $tried[1], 'due or not: failed least, the oldest');
is(lease($M, again => 1, pick => 2)->{entries}[0]{seq}, $tried[3],
    'not what is in hand');
sleep 0.6;
$l = lease($M, again => 1, pick => 1);
is($l->{entries}[0]{seq}, $tried[0], 'due: failed less');
$l = lease($M, again => 9);
is(join(' ', map { $_->{seq} } @{ $l->{entries} }), $tried[2], 'the rest');


# ---- events without an attempt: from the front, the end, or in between

my $ENDS = hex16(0xf0f);

is(scalar @{ lease($ENDS, fresh => 5, again => 5, pick => 3, reach => 1024)
             ->{entries} }, 0, 'nobody waits');
is(scalar @{ lease($ENDS, fresh => 5, reach => 77)->{entries} }, 0,
    'nor in between');

my @waits = map { sleep 0.02; accept_event(parts => [ { target => $ENDS } ])
                              ->{seq} } 0 .. 9;

sub given {
    my $lease = lease($ENDS, @_);

    return join ' ', map {
        my $q = $_->{seq};

        grep { $waits[$_] eq $q } 0 .. $#waits;
    } @{ $lease->{entries} };
}

is(given(fresh => 2, reach => 1024), '9 8', 'the newest');
like(given(fresh => 1, reach => 512), qr/^[2345]$/, 'in between');
is(given(fresh => 1, reach => 1024, again => 2, pick => 3), '7 0 1',
    'both ends');
like(given(fresh => 1, again => 1, pick => 3), qr/^[23] [56]$/,
    'the other way round');
like(given(fresh => 5, reach => 1024, again => 5, pick => 3),
    qr{^\d \d\z}, 'the rest, each once');
is(given(fresh => 5, again => 5, pick => 3), '', 'none');


# ---- order

my $O = hex16(0x4001);
my @line = map { accept_event(record => "o$_", parts => [
    { target => $O, order => hex16(0x42), lease => $_ == 1 } ],
    token => hex16(0x4200 + $_)) } 1 .. 4;

is(join('', map { $_->{leased} } @line), '1000', 'the first is leased');

my $late = accept_event(token => hex16(0x4300), parts => [
    { target => $O, order => hex16(0x42), lease => 1 } ]);

is($late->{leased}, '0', 'one that finds others waits');
is(scalar @{ lease($O, fresh => 9, again => 9)->{entries} }, 0, 'all wait');
is(lease($O, fresh => 9)->{fresh}, -1, 'for ever');
fenced(retry => $H1, hex16(0x4201), $line[0]{seq}, $O, 0, $past);
$r = lease($O, fresh => 9, again => 9);
is(join(' ', map { $_->{record} } @{ $r->{entries} }), 'o1',
    'also while the first is tried again');
fenced(settle => $H1, $r->{token}, $line[0]{seq}, $O);
$r = lease($O, fresh => 9, again => 9);
is(join(' ', map { $_->{record} } @{ $r->{entries} }), 'o2', 'the next');
fenced(bury => $H1, $r->{token}, $line[1]{seq}, $O, $past, 1, 0, '', 60000);
$r = lease($O, fresh => 9, again => 9);
is(join(' ', map { $_->{record} } @{ $r->{entries} }), 'o3',
    'a dead one lets the next go');
is(replay(target => $O, command => 30)->{done}, 1, 'replayed');
is(scalar @{ lease($O, fresh => 9)->{entries} }, 0, 'it waits at the end');
fenced(settle => $H1, $r->{token}, $line[2]{seq}, $O);

# Redis threw the first one away

$redis->command(DEL => key("e:$line[3]{seq}"));
lease($O, fresh => 9);
accept_event(record => 'o6', parts => [
    { target => $O, order => hex16(0x42) } ]);
$r = lease($O, fresh => 9);
is(join(' ', map { $_->{seq} } @{ $r->{entries} }), $late->{seq},
    'what is not there holds up nobody');


done_testing();
