#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The scripts of the queue and of the dedup keys in a real Redis, one after the
# other and every one sent twice: what they keep, give, refuse and forget.  They
# come from their files as the module composes them; t/redis_lua.t compares that
# with what it sends.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Nodes qw(keys_of);
use Time::HiRes qw(sleep);

my $t = Test::EventRouter->new;

my $lua = "$FindBin::Bin/../ngx_event_router_module/store/redis";

my %script = map { m{/(?:queue_)?(\w+)\.lua$}
                   => scalar qx(awk -v text=1 -f $lua/embed.awk $_) }
             glob "$lua/*.lua";

is(scalar(grep { $_ ne '' } values %script), 19, 'scripts');

my $redis = $t->redis(6379);

my ($H1, $H2, $H3) = map { hex16($_) } 0xa1, 0xa2, 0xa3;
my ($A, $B, $C) = map { hex16($_) } 0x1001, 0x1002, 0x1003;
my $SOURCE = hex16(0x5001);
my $shard = 0;
my $layout = '1 1';
my $token = 0;
my $state = 0x7000;
my $nonce = 0;
my ($R1, $R2) = map { hex16($_) } 0x2001, 0x2002;
my $k = 0;

my @entry = qw(target seq epoch attempts crashes accepted due token order
    guard past name routes reason died status answer record);


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

$r = accept_event(retain => 60000, parts => [ { target => $V } ]);
$kept = lease($V, fresh => 1);
fenced(settle => $H1, $kept->{token}, $r->{seq}, $V);
is($redis->command(HGET => key("e:$r->{seq}"), "o$V"), packed(0, ''),
    'done and kept');

for my $n (1, 2) {
    is(replay(archive => 1, source => $SOURCE, to => $V, name => 'v',
              seq => $r->{seq}, command => 100 + $n)->{done}, 1, 'replayed');
    $kept = lease($V, again => 1);
    is($kept->{entries}[0]{epoch}, $n, 'in the next epoch');
    fenced(settle => $H1, $kept->{token}, $r->{seq}, $V);
    is($redis->command(HGET => key("e:$r->{seq}"), "o$V"),
        packed($n, hex16(100 + $n)), 'which is kept');
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

my $past = pack 'Q>L>S>', 1234, 56, 503;

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
my @kept = map { sleep 0.005; accept_event(record => "a$_", retain => 600, key => "arc$_",
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


# ---- probes: which one of those that failed

my $M = hex16(0x4001);
my @tried = map { accept_event(parts => [ { target => $M } ])->{seq} } 1 .. 4;
my @times = (2, 1, 3, 1);

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


# ---- what others do to Redis

my $X = hex16(0x8001);

$redis->command(SET => key("k:$X"), 'not a zset');
eval { accept_event(key => 'broken', record => 'b',
                    parts => [ { target => $X } ]) };
like($@, qr/WRONGTYPE/, 'an error behind the entry');
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


# ---- repetitions

repeated('final', $R1);
is(repeat()->{code}, 0, 'while it is pending: a duplicate');
is(repeat()->{differs}, 0, 'with the same body');
is(repeat(body => hex16(8))->{differs}, 1, 'with another one');
is(repeat(body => hex16(0))->{differs}, 0, 'the key covers the body');

settle_one($R1);

for my $reason (1 .. 6) {
    my $again = $reason <= 2;
    my $first = repeated("r$reason", $R1, $R2);

    settle_one($R2);
    is(bury_one($R1, $reason), 1, "reason $reason: buried");

    my $two = repeat();

    is($two->{code}, $again ? 2 : 0, $again ? 'started again' : 'a duplicate');
    is($two->{seq}, $first->{seq}, 'it is the same event');
    is($two->{again}, $again ? "$R1 n" : '', 'for that target');
    is(twice($two)->{again}, $two->{again}, 'sent twice');
    is(twice($two)->{code}, $two->{code}, 'with the same answer');
    is(repeat()->{code}, 0, 'now it is a duplicate');

    my $l = lease($R1, fresh => 9, again => 9);

    is(join(' ', map { "$_->{record}/$_->{epoch}/$_->{attempts}" }
        @{ $l->{entries} }), $again ? "first $k/1/0" : '', 'what is delivered');
    fenced(settle => $H1, $l->{token}, $_->{seq}, $R1) for @{ $l->{entries} };
    purge_target($R1);
}

# purged: new for that target, and for all if no target has it

repeated('purged', $R1, $R2);
settle_one($R2);
bury_one($R1, 4);
is(purge_target($R1), 1, 'purged');

my $two = repeat();

is("$two->{code} $two->{again}", "2 $R1 n", 'new for that target');
is(twice($two)->{again}, $two->{again}, 'sent twice');
is(settle_one($R1), "again $k/1", 'as it comes now');
is(settle_one($R2), '', 'for no other');
is(repeat()->{code}, 0, 'now it is a duplicate');

repeated('late', $R1, $R2);
bury_one($R1, 2);
is(purge_target($R1), 1, 'purged while the other one is pending');
settle_one($R2);
is(repeat()->{again}, "$R1 n", 'new for that target only');
settle_one($R1);
is(settle_one($R2), '', 'not for that which has it since');

repeated('there', $R1, $R2);
bury_one($R1, 2);
is(purge_target($R1), 1, 'purged while the other one is pending');
is(repeat()->{again}, "$R1 n", 'new for that target');
is(settle_one($R1), "first $k/1", 'with the event that is there');
is(settle_one($R2), "first $k/0", 'as for the other one');

repeated('new', $R1, $R2);
bury_one($_, 2) for $R1, $R2;
is(purge_target($_), 1, 'purged') for $R1, $R2;
$two = repeat();
is($two->{code}, 1, 'nobody has it: it is new altogether');
is(twice($two)->{code}, 1, 'sent twice');
is(settle_one($_), "again $k/0", 'delivered') for $R1, $R2;

# what a version before the hash has written

my $old = repeated('old', $R1);
my $name = key('d:' . unpack 'H*', pad("r$k"));

$redis->command(SET => $name, substr($redis->command(GET => $name), 0, 48),
    'PX', 60000);
$redis->command(HDEL => key("e:$old->{seq}"), 'k');
is(repeat(body => hex16(9))->{differs}, 0, 'nothing is known of its body');
bury_one($R1, 1);
is(repeat(body => hex16(9))->{again}, "$R1 n", 'started again all the same');
is(settle_one($R1), "first $k/1", 'delivered');

$old = repeated('old', $R1, $R2);
settle_one($R2);
$redis->command(HDEL => key("e:$old->{seq}"), 'k', 'l');
bury_one($R1, 1);
is(repeat()->{again}, "$R1 n", 'one that another target has');
bury_one($R1, 1);
purge_target($R1);
is(repeat()->{again}, "$R1 n", 'is not new for that one after a purge');
settle_one($R1);
is(settle_one($R2), '', 'it has it once');

# of a target that no nginx has

repeated('nobody', $R1);
bury_one($R1, 1);
$redis->command(ZADD => key('heard'), 1, hex16(0xd1));
$redis->command(HSET => key('known'), 't' . hex16(0xd1), $R2);
is(repeat()->{code}, 0, 'a target that no nginx has is an operator\'s');
$redis->command(ZADD => key('heard'), 1, hex16(0xd2));
is(repeat()->{again}, "$R1 n",
    'an nginx that says nothing may have any');
settle_one($R1);
$redis->command(DEL => key('heard'));
$redis->command(DEL => key('known'));


# ---- the keys of duplicates

my ($T1, $T2) = ('a' x 32, 'b' x 32);

is(claim($T1), '0 1  ', 'new');
is(claim($T1), '0 1  ', 'sent twice');
like(claim($T2), qr/^2 (?:9[0-9]{3}|10000)  $/, 'busy');
is(dedup(settle => $T2, $R1), 0, 'settled by another one: it is recorded');
is(dedup(settle => $T1, $R2), 1, 'settled');
is(dedup(release => $T2), 0, 'another one cannot release it');
is(dedup(release => $T1), 1, 'released');
is(dedup(release => $T1), 1, 'sent twice');
is(join(' ', map { length > 3 ? join '', sort /.{16}/g : $_ }
        split / /, claim($T2)), "1 2 $R1$R2", 'goes on behind two targets');
is(dedup(finalize => $T1, '', 'f' x 16), 0, 'another one cannot finish it');
is(dedup(finalize => $T2, '', 'f' x 16), 1, 'done');
is(dedup(finalize => $T2, '', 'e' x 16), 1, 'sent twice');
is(claim($T1), '3 0  ' . 'f' x 16, 'a duplicate; of this body');

# one that died in a queue

is(dedup(die => $T1, $R1), 1, 'it died for one');
is(claim($T1), "4 1 $R1 " . 'f' x 16, 'given again for that one');
is(claim($T1), "4 1 $R1 " . 'f' x 16, 'sent twice');
is(dedup(release => $T1), 1, 'released');
is($redis->command(HGET => duplicate(), 's'), 'd', 'is done as before');
is(dedup(live => $T1, $R1), 1, 'it was started again');
is(claim($T1), '3 0  ' . 'f' x 16, 'a duplicate again');
is(dedup(die => $T1, $R1), 1, 'it died');
claim($T1);
is(dedup(settle => $T1, $R1), 1, 'the target has it');
is(dedup(finalize => $T1), 1, 'done');
like(claim($T2), qr/^3 0  /, 'a duplicate');

# a key that is gone, and a clock that jumps

$redis->command(DEL => duplicate());
is(dedup(die => $T1, $R1), 1, 'one that is gone');
is($redis->command(EXISTS => duplicate()), 0, 'does not come back');
is(dedup(settle => $T1, $R1), 1, 'but by who settles');
is(claim($T1), '0 1  ', 'as the one that has it');
like(claim($T2), qr/^2 /, 'for others it is busy');
$redis->command(HSET => duplicate(), b => (time() + 3600) * 1000);
is(claim($T2), "1 2 $R1 ", 'from the future: nobody has it');
$redis->command(HSET => duplicate(), map { sprintf('x%016x', $_) => 1 }
                                     1 .. 1100);
is(dedup(settle => $T2, $R2), 1, 'more targets than a key remembers');
is($redis->command(HEXISTS => duplicate(), "x$R2"), 0, 'are not remembered');

done_testing();


sub claim {
    my ($token) = @_;

    return join ' ', @{ dedup(claim => $token) };
}


sub dedup {
    my ($verb, $token, $target, $body) = @_;

    return $redis->command(EVAL => $script{"dedup_$verb"}, 1, duplicate(),
        $token, 10000, 60000, $target // '', $body // '');
}


sub duplicate { 'er:{00}:d:' . '0' x 64 }


# ---- the operations

sub accept_raw {
    my (%o) = @_;

    my $parts = join '', map {
        my $name = $_->{name} // 'n';
        my $routes = $_->{routes} // '';

        ($_->{target}) . ($_->{order} // hex16(0)) . hex16($_->{delay} // 0)
        . ($_->{lease} ? 1 : 0)
        . sprintf('%04x%04x', length $name, length $routes) . $name . $routes
    } @{ $o{parts} };

    $o{token} //= hex16(++$token);
    $o{nonce} = hex16(0xee) . hex16(++$nonce) if !$o{same};

    my ($format, $shards) = split ' ', $layout;

    return (\%o, run('accept', $H1, $o{token}, $o{nonce},
        defined $o{key} ? unpack 'H*', pad($o{key}) : '', $o{window} // 3600000,
        $o{record} // '', $SOURCE, $o{retain} // 0, 0, 10000, $shards, $shard,
        $o{body} // hex16(0), $o{known} // 0, $parts, $o{seen} // 0, $o{wait} // 0));
}


sub accept_event {
    my ($o, $r) = accept_raw(@_);

    return { args => $o, code => $r->[0], now => $r->[1], seq => $r->[2],
             leased => $r->[3], differs => $r->[3], again => join(' ', @$r[4 .. $#$r]),
             token => $o->{token} };
}


# an event for targets, and its repetitions

sub twice {
    my ($o) = @_;

    return accept_event(%{ $o->{args} }, same => 1);
}


sub repeated {
    my ($what, @parts) = @_;

    $k++;

    return accept_event(key => "r$k", record => "first $k", body => hex16(7),
        parts => [ map { { target => $_, routes => 'x' } } @parts ]);
}


sub repeat {
    my (%o) = @_;

    return accept_event(key => "r$k", record => "again $k", body => hex16(7),
        parts => [ map { { target => $_ } } $R1, $R2 ], %o);
}


sub settle_one {
    my ($target) = @_;

    my $l = lease($target, fresh => 9, again => 9);

    fenced(settle => $H1, $l->{token}, $_->{seq}, $target)
        for @{ $l->{entries} };

    return join ' ', map { "$_->{record}/$_->{epoch}" } @{ $l->{entries} };
}


# buries what a target has

sub bury_one {
    my ($target, $reason, %o) = @_;

    my $l = lease($target, fresh => 1, again => 1);

    return fenced(bury => $H1, $l->{token}, $l->{entries}[0]{seq}, $target,
        pack('Q>L>S>', 1, 2, 400), $reason, 400, '', $o{keep} // 60000);
}


sub purge_target {
    my ($target) = @_;

    return run('purge', scan_args(target => $target))->[5];
}


sub lease {
    my ($target, %o) = @_;

    my $tok = $o{token} // hex16(++$token);
    my $r = run('lease', $o{holder} // $H1, $tok, $target, $o{fresh} // 0,
        $o{again} // 0, $o{bytes} // 1_000_000, $o{lease} // 10000,
        $o{given} // 0, $o{seen} // 0, $o{wait} // 0, $o{pick} // 0,
        $o{reach} // 0);

    return { code => $r->[0], token => $tok, now => $r->[1], fresh => $r->[2],
             again => $r->[3],
             entries => $r->[0] == 1 ? entries($r, 4) : [] };
}


sub fenced {
    my ($name, @args) = @_;

    return run($name, @args)->[0];
}


sub dead_letter {
    my ($target, $record, %o) = @_;

    my $r = accept_event(record => $record, parts => [
        { target => $target, routes => $o{routes} } ]);
    my $l = lease($target, fresh => 1);
    my $code = fenced(bury => $H1, $l->{token}, $r->{seq}, $target,
        pack('Q>L>S>', 1, 2, $o{status} // 500), 2, $o{status} // 500,
        $o{answer} // '', $o{keep} // 60000);

    return { seq => $r->{seq}, token => $l->{token}, code => $code };
}


sub scan_args {
    my (%o) = @_;

    my $after = $o{after} // [ hex16(0), hex16(0) ];

    return (hex16($o{command} // 0), $o{limit} // 100, $o{target} // '',
        $o{seq} // '', $o{from} // 0, $o{to_time} // 0, $o{route} // '',
        @$after, $o{budget} // 2000);
}


sub list {
    my (%o) = @_;

    $o{to_time} = delete $o{to};

    my $r = run('list', scan_args(%o), $o{dead} // 0, $o{records} // 0,
        $o{bytes} // 1_000_000);

    return { more => $r->[2], after => [ @$r[3, 4] ],
             entries => entries($r, 5) };
}


sub replay {
    my (%o) = @_;

    my $r = run('replay', scan_args(%o), $o{archive} // 0, $o{source} // '',
        $o{to} // '', $o{name} // '', '', '', 0);

    return { more => $r->[2], after => [ @$r[3, 4] ], done => $r->[5] };
}


sub purge {
    my $r = run('purge', scan_args(@_));

    return { more => $r->[2], after => [ @$r[3, 4] ], done => $r->[5] };
}


# which targets are held, after one was or was not

sub held {
    my (undef, undef, @list) = @{ run('pause', @_) };

    return \@list;
}


sub sweep {
    my (%o) = @_;

    my $r = run('sweep', $o{holder} // $H1, $o{gap} // 15000,
        $o{generation} // 0, $o{keep} // 60000, join('', @{ $o{known} // [] }),
        200, $o{node} // $H1, $o{silent} // 600000, $o{state} // hex16(0),
        $o{at} // 0, $o{had} // 0, $o{told} // 0, $o{new} // hex16(++$state));

    my (undef, $now, $more, $adopted, $used, $size, $nodes, $removed,
        $name, $there, $acked, $lost, $evicts, @rest) = @$r;
    my @counts;

    while (my @row = splice @rest, 0, 7) {
        my %c;

        @c{qw(target pending dead oldest fresh again name)} = @row;
        push @counts, \%c;
    }

    return { now => $now, more => $more, adopted => $adopted, used => $used,
             size => $size, nodes => $nodes, removed => $removed,
             counts => \@counts, state => $name, there => $there,
             acked => $acked, lost => $lost, evicts => $evicts };
}


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


sub run {
    my ($name, @args) = @_;

    return $redis->command(EVAL => $script{$name}, 1, key('m'), $layout,
        @args);
}


sub entries {
    my ($r, $from) = @_;

    my @rest = @$r[$from .. $#$r];
    my @list;

    while (my @row = splice @rest, 0, scalar @entry) {
        my %e;

        @e{@entry} = @row;
        push @list, \%e;
    }

    return \@list;
}


# an array of numbers and texts as cmsgpack packs it

sub packed {
    my (@row) = @_;

    my $array = @row < 16 ? pack 'C', 0x90 + @row : pack 'Cn', 0xdc, scalar @row;

    return $array . join '', map {
        my $n = length;

        /^(?:0|[1-9]\d{0,12})\z/
            ? $_ < 128 ? pack 'C', $_
            : $_ < 256 ? pack 'CC', 0xcc, $_
            : $_ < 65536 ? pack 'Cn', 0xcd, $_
            : pack 'CQ>', 0xcf, $_
        : $n < 32 ? pack 'Ca*', 0xa0 + $n, $_
        : $n < 256 ? pack 'CCa*', 0xd9, $n, $_ : die
    } @row;
}


# how many entries a target has, of any kind

sub events {
    my ($target) = @_;

    my $n = 0;

    $n += $redis->command(ZCARD => key("$_:$target")) for qw(f a k x);

    return $n;
}


sub key { "er:{q$shard}:$_[0]" }

sub pad { substr $_[0] . "\0" x 32, 0, 32 }

sub hex16 { sprintf '%016x', $_[0] }
