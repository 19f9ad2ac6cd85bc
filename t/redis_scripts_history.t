#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What the scripts of the queue tell history: a record that ACCEPT begins, what
# workers append to it and what Redis does by itself, each in the script that
# makes it true; what is found, and what goes first.  Without history nothing
# of it is asked or written.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;
use Time::HiRes qw(sleep);

my $t = scripts();
my ($r, $l);

my %state = (dead => 2, stale => 4, coalesced => 5, purged => 6, moved => 7,
             aged => 8, redelivered => 32, replayed => 33, returned => 34);
my %name = reverse %state;


# ---- off

$r = accept_event(key => 'off', parts => [ { target => $A, lease => 1 } ]);
fenced(retry => $H1, $r->{token}, $r->{seq}, $A, 0, $past);
$l = lease($A, again => 1);
fenced(bury => $H1, $l->{token}, $r->{seq}, $A, $past, 2, 404, '', 60000);
replay(target => $A, command => 1);
purge(target => $A, waiting => 1);
sweep(known => [ $A ]);

is_deeply($redis->command(KEYS => key('[HIL]*')), [], 'off: there is nothing');
is_deeply($redis->command(HMGET => key('m'), 'h', 'q'), [ undef, undef ],
    'nor is it counted');

# what one that keeps it has written stays as it is

$told = 1;
my $kept = accepted('kept');
$told = 0;
my $before = record_of($kept);

$l = lease($A, fresh => 9);
fenced(settle => $H1, $l->{token}, $kept, $A);
is(record_of($kept), $before, 'off: it is not told');
$told = 1;


# ---- what workers say

$r = accept_event(key => 'k1', tells => record([ 1, 2 ], chunk(1, 'event')),
    parts => [ { target => $A, name => 'a', lease => 1 },
               { target => $B, name => 'b', lease => 1 } ]);
my $one = $r->{seq};

is(told_of($one), 'event', 'a record begins');
is_deeply(lookup(hashes => [ 2 ])->{events}, [ $one ], 'it has hashes');
is_deeply(lookup(hashes => [ 33 ])->{events}, [], 'and no others');

accept_event(key => 'k1', tells => record([ 9 ], chunk(1, 'again')),
    parts => [ { target => $A } ]);
is(told_of($one), 'event', 'a duplicate says nothing');
is_deeply(lookup(hashes => [ 9 ])->{events}, [], 'and has no hashes');
accept_event(%{ $r->{args} }, same => 1);
is(told_of($one), 'event', 'nor does what is sent twice');

fenced(retry => $H1, $r->{token}, $one, $A, 0, $past, 0, chunk(3, 'busy'));
is(told_of($one), 'event busy', 'RETRY');
fenced(retry => $H1, $r->{token}, $one, $A, 0, $past, 0, chunk(3, 'busy'));
is(told_of($one), 'event busy', 'which is sent twice');

my (undef, undef, $letters) = @{ ended(settle => $H1,
    [ $r->{token}, $one, $B, (undef) x 3, chunk(3, 'ok') ],
    [ hex16(1), $one, $A, (undef) x 3, chunk(3, 'no lease') ]) };

is($letters, '10', 'SETTLE, and one that is not its lease');
is(told_of($one), 'event busy ok', 'says what is true');
fenced(settle => $H1, $r->{token}, $one, $B, (undef) x 3, chunk(3, 'ok'));
is(told_of($one), 'event busy ok', 'once');

$l = lease($A, again => 1);
fenced(bury => $H1, hex16(3), $one, $A, $past, 2, 404, '', 60000, 0,
    chunk(3, 'fenced'));
is(told_of($one), 'event busy ok', 'BURY without the lease');
fenced(bury => $H1, $l->{token}, $one, $A, $past, 2, 404, '', 60000, 0,
    chunk(3, 'refused'));
is(told_of($one), "event busy ok refused a:dead/2", 'BURY, and why');

# several in one command, also of one event

my @two = map { accept_event(tells => record([ 7 ], chunk(1, "e$_")),
    parts => [ map { { target => $_, lease => 1 } } $A, $B ]) } 1, 2;

ended(settle => $H1, map { my $e = $_;
    map { [ $e->{token}, $e->{seq}, $_, (undef) x 3,
            chunk(3, $_ eq $A ? 'a' : 'b') ] } $A, $B } @two);
is(told_of($two[$_ - 1]{seq}), "e$_ a b", 'two of one event') for 1, 2;

my ($x, $y) = accept_events(
    { parts => [ { target => $C } ], tells => record([ 7 ], chunk(1, 'x')) },
    { parts => [ { target => $C } ], tells => '' });
is(told_of($x->{seq}), 'x', 'one that has one');
is(record_of($y->{seq}), undef, 'beside one that has none');
is_deeply(lookup(hashes => [ 7 ])->{events},
    [ $x->{seq}, reverse map { $_->{seq} } @two ], 'the newest first');


# ---- what Redis does by itself

replay(target => $A, command => 2);
like(told_of($one), qr/ a:replayed\(a\)$/, 'REPLAY, with the name');
replay(target => $A, command => 2);
unlike(told_of($one), qr/replayed.*replayed/, 'once');

$l = lease($A, again => 1);
is($l->{entries}[0]{seq}, $one, 'it is lent');
run('adopt', $H1, 100, 1);
like(told_of($one), qr/ a:returned$/, 'ADOPT');

$redis->command(DEL => key("v:$H1"));
$l = lease($A, again => 1);
fenced(bury => $H1, $l->{token}, $one, $A, $past, 1, 500, '', 60000);
accept_event(key => 'k1', parts => [ { target => $A } ]);
like(told_of($one), qr/ a:dead\/1 a:redelivered\(a\)$/, 'ACCEPT of a dead one');

move(target => $A, command => 3, to => $C, name => 'cc', seq => $one);
like(told_of($one), qr/ a:moved c:replayed\(cc\)$/, 'MOVE');
purge(target => $C, waiting => 1, seq => $one);
like(told_of($one), qr/ c:purged$/, 'PURGE of what waits');

my $two = dies('k2');

replay(target => $A, command => 4, to => $B, name => 'bb', seq => $two);
is(told_of($two), "k2 a:dead/1 b:replayed(bb) a:moved",
    'REPLAY to another target');

my $three = dies('k3', $B);

purge(target => $A, seq => $three);
is(told_of($three), 'k3 a:dead/1 a:purged', 'PURGE of a dead one');
accept_event(key => 'k3', parts => [ { target => $A, name => 'a3' } ]);
like(told_of($three), qr/ a:redelivered\(a3\)$/, 'ACCEPT of a forgotten one');

my $four = dies('k4', undef, 50);

sleep 0.1;
sweep(known => [ $A, $B, $C ], generation => 1);
is(told_of($four), 'k4 a:dead/1 a:aged', 'SWEEP forgets a dead letter');

my $D = hex16(0x1004);
my $five = accepted('k5', $D);

sweep(known => [ $A, $B, $C ], generation => 5);
sweep(known => [ $A, $B, $C ], generation => 5);
is(told_of($five), 'k5 d:dead/5', 'and buries what nobody has');

# versions

my $T = hex16(0x3001);
my $v2 = came('n2', 1);
fenced(settle => $H1, $v2->{token}, $v2->{seq}, $T);
my $v1 = came('n1');

is($v1->{leased}, '2', 'an older one');
is(told_of($v1->{seq}), 'n1 t:stale', 'is stale, and has a record');

my $v3 = came('n3');
my $v4 = came('n4');

is(told_of($v3->{seq}), 'n3 t:coalesced', 'one that waited');
$l = lease($T, fresh => 1);
fenced(bury => $H1, $l->{token}, $v4->{seq}, $T, $past, 2, 404, '', 60000);
my $v5 = came('n5', 1);
fenced(settle => $H1, $v5->{token}, $v5->{seq}, $T);
replay(target => $T, command => 9);
is(told_of($v4->{seq}), 'n4 t:dead/2 t:stale', 'a dead one');

my @v = map { { parts => [ part("n$_") ], tells => record([ 5 ],
    chunk(1, "n$_")) } } 6, 7;
@v = accept_events(@v);
is(told_of($v[0]{seq}), 'n6 t:coalesced', 'in the same command');
is(told_of($v[1]{seq}), 'n7', 'by the other one');
$l = lease($T, fresh => 1);
my $v8 = came('n8', 1);
fenced(settle => $H1, $l->{token}, $v[1]{seq}, $T);
fenced(settle => $H1, $v8->{token}, $v8->{seq}, $T) if $v8->{leased} eq '1';

# an archive

my $old = accept_event(retain => 60000, tells => record([ 6 ],
    chunk(1, 'kept')), parts => [ { target => $A, name => 'a', lease => 1 } ]);

fenced(settle => $H1, $old->{token}, $old->{seq}, $A);
replay(archive => 1, source => $SOURCE, to => $A, name => 'a', command => 11,
    seq => $old->{seq});
is(told_of($old->{seq}), 'kept a:replayed(a)', 'the archive');
is(told_of(accept_event(retain => 60000, tells => record([ 6 ],
    chunk(1, 'none')), parts => [])->{seq}), 'none', 'an event without targets');

# one without a record stays without

my $bare = accept_event(parts => [ { target => $A, lease => 1 } ]);

fenced(bury => $H1, $bare->{token}, $bare->{seq}, $A, $past, 2, 404, '', 60000,
    0, chunk(3, 'x'));
is(record_of($bare->{seq}), undef, 'no record comes of what has none');


# ---- lookups

my @all = @{ lookup(limit => 1000)->{events} };

is("@all", join(' ', sort { $b cmp $a } @all), 'all, the newest first');
is($all[0] ge $all[-1], 1, 'really');

my $page = lookup(limit => 3);

is("@{ $page->{events} }", "@all[0 .. 2]", 'a page');
is($page->{more}, 1, 'there is more');
$page = lookup(limit => 3, before => $all[2]);
is("@{ $page->{events} }", "@all[3 .. 5]", 'the next one');
$page = lookup(first => $all[2]);
is("@{ $page->{events} } $page->{more}", "@all[0 .. 2] 0", 'from a number on');
$page = lookup(bytes => 1, limit => 5);
is("@{ $page->{events} } $page->{more}", "$all[0] 1", 'one, if it is large');
$page = lookup(event => $one);
is("@{ $page->{events} } $page->{more}", "$one 0", 'by its number');
is_deeply(lookup(event => $one, before => $one)->{events}, [], 'before it');
is_deeply(lookup(event => $one, first => $all[0])->{events}, [], 'behind it');
is_deeply(lookup(event => hex16(77))->{record}, { hex16(77) => '' }, 'none');

my @seven = @{ lookup(hashes => [ 7 ])->{events} };

is_deeply(lookup(hashes => [ 7, 6, 7 ], limit => 9)->{events},
    [ sort { $b cmp $a } @seven, @{ lookup(hashes => [ 6 ])->{events} } ],
    'under one of several');
$page = lookup(hashes => [ 7 ], limit => 1, before => $seven[0]);
is("@{ $page->{events} } $page->{more}", "$seven[1] 1", 'a page of a hash');
is_deeply(lookup(hashes => [ 7 ], first => $seven[1])->{events},
    [ @seven[0, 1] ], 'and a range');


# ---- what goes

my ($bytes) = bytes();

cmp_ok($bytes, '>', 300 * @all, 'it is counted');
sweep(history => "86400000 $bytes");
is(scalar @{ lookup(limit => 1000)->{events} }, @all, 'as much as it may have');

$bytes = (bytes())[0];
sweep(history => "86400000 $bytes", node => $H2, generation => 5);
sweep(history => '86400000 ' . int($bytes / 2), generation => 6);
is(scalar @{ lookup(limit => 1000)->{events} }, @all,
    'another one says that it may have more');
sweep(history => '86400000 ' . int($bytes / 2), node => $H2, generation => 6);
sweep(history => '86400000 ' . int($bytes / 2));

my @left = @{ lookup(limit => 1000)->{events} };

cmp_ok(scalar @left, '<', @all, 'the oldest go');
is("@left", "@all[0 .. $#left]", 'only these');
like((bytes())[0], qr/^\d+$/, 'what is left is counted');

# with each command

for (1 .. 40) {
    accepted("grow$_", $B, 'x' x 900);
}

my ($has, $may) = bytes();

cmp_ok($has, '<=', $may + 1300, 'as much as it may have, or one more');
is(record_of($all[-1]), undef, 'the first ones have gone');
is(scalar @{ lookup(hashes => [ 7 ])->{events} }, 0, 'with their hashes');

# time

my @last = @{ lookup()->{events} };

sleep 0.15;
my $fresh = accepted('fresh');

sweep(history => "100 1000000", generation => 7);
sweep(history => "100 1000000", generation => 7, node => $H2);
is_deeply(lookup()->{events}, [ $fresh ], 'what is over goes');

# Redis is nearly full, and full

my $full = sub { $redis->command(CONFIG => SET => maxmemory => $_[0]) };
my ($used) = $redis->command(INFO => 'memory') =~ /^used_memory:(\d+)/m;

$full->(int($used * 1.08));
sweep(history => '86400000 1000000', generation => 8);
is_deeply(lookup()->{events}, [], 'near the end of its memory');
is((bytes())[1], 0, 'there is none');
accepted('gap');
is_deeply(lookup()->{events}, [], 'for what comes then');
$full->(0);
sweep(history => '86400000 1000000', generation => 8);
is((bytes())[1], 1000000, 'when there is room again');

my @many = map { accepted("many$_", $C, 'y' x 4000) } 1 .. 60;

$full->(1);
$r = accept_event(key => 'full', record => 'z' x 20000,
    tells => record([ 8 ], chunk(1, 'full')), parts => [ { target => $C } ]);
is($r->{code}, 1, 'an event is not refused as long as there is history');
is(record_of($r->{seq}), undef, 'and has none itself');

my @rest = @{ lookup()->{events} };

cmp_ok(scalar @rest, '<', @many, 'the oldest gave way');

for (1 .. 20) {
    last if !eval { accept_event(record => 'z' x 200_000,
        parts => [ { target => $C } ]); 1 };
}

is_deeply(lookup()->{events}, [], 'all of it');

is(eval { accept_event(key => 'no', parts => [ { target => $C } ]); 1 },
    undef, 'then it is refused');
like($@, qr/^redis: OOM/, 'as it is without history');
$full->(0);


# ---- what somebody else has written there

sweep(history => '86400000 1000000', generation => 8);

my $bad = accepted('bad');

$redis->command(SET => key('L'), 'x');
$redis->command(SET => key('I'), 'x');
is(accept_event(key => 'harm', tells => record([ 8 ], chunk(1, 'x')),
    parts => [ { target => $A } ])->{code}, 1, 'an event is accepted');
is(eval { sweep(); 1 }, 1, 'and swept');
$redis->command(DEL => key('L'), key('I'),
    @{ $redis->command(KEYS => key('H:*')) });

$bad = accepted('worse');

$redis->command(DEL => key("H:$bad"));
$redis->command(SADD => key("H:$bad"), 'x');
is(purge(target => $A, waiting => 1, seq => $bad)->{done}, 1,
    'what is purged goes');
$redis->command(DEL => key("H:$bad"));

for my $odd ('', "\xff", 'x' x 100, pack('CQ>N', 1, 2, 1 << 31)) {
    $redis->command(SET => key("H:$bad"), $odd);
    $redis->command(ZADD => key('L'), 0, $bad);
    is(eval { sweep(history => '60000 1'); 1 }, 1, 'a record that is none');
}


# ---- a record that grows for ever

sweep(history => '86400000 9000000', generation => 9);
$r = accept_event(tells => record([ 4 ], chunk(1, 'long')),
    parts => [ { target => $A, lease => 1 } ]);

my $n = 0;

for (1 .. 300) {
    fenced(retry => $H1, $r->{token}, $r->{seq}, $A, 0, $past, 0,
        chunk(3, sprintf('%04d', ++$n) . '-' x 1000));
    $l = lease($A, again => 1, fresh => 0);
    $r->{token} = $l->{token};
}

my $record = told_of($r->{seq}) =~ s/-//gr;

cmp_ok(length record_of($r->{seq}), '<', 262144, 'it has a bound');
like($record, qr/^long \d+/, 'its beginning stays');
like($record, qr/ 0300$/, 'and the last attempts');
unlike($record, qr/ 0001 /, 'the first ones go');
cmp_ok(abs((bytes())[0] - length(record_of($r->{seq}))), '<', 100_000,
    'and are counted');


# ---- nobody keeps it any more

$told = 0;
sweep(generation => 20, node => $_) for $H1, $H2;
sweep(generation => 20);
is_deeply($redis->command(KEYS => key('[HIL]*')), [], 'it goes, all of it');
is_deeply($redis->command(HMGET => key('m'), 'h', 'q'), [ undef, undef ],
    'and what was known of it');

done_testing();


sub chunk { my ($kind, $text) = @_; return pack 'n/a*', chr($kind) . $text }

sub record_of { return $redis->command(GET => key("H:$_[0]")) }

sub bytes { return @{ $redis->command(HMGET => key('m'), 'h', 'q') } }


# an event with a record, its number

sub accepted {
    my ($text, $target, $more) = @_;

    return accept_event(tells => record([ 3 ], chunk(1, $text . ($more // ''))),
        key => $text, parts => [ { target => $target // $A } ])->{seq};
}


sub dies {
    my ($key, $beside, $keep) = @_;

    my @parts = map { { target => $_, lease => 1 } } $A, $beside // ();
    my $r = accept_event(key => $key, tells => record([ 3 ], chunk(1, $key)),
        parts => \@parts);

    fenced(bury => $H1, $r->{token}, $r->{seq}, $A, $past, 1, 500, '',
        $keep // 60000);
    fenced(settle => $H1, $r->{token}, $r->{seq}, $beside) if $beside;

    return $r->{seq};
}


sub part {
    my ($text, $lease) = @_;

    return { target => $T, order => hex16(0x99), lease => $lease,
        version => pack('CQ>', 1, 60000) . unpack('H*', 'k' x 16) . $text };
}


sub came {
    my ($text, $lease) = @_;

    return accept_event(tells => record([ 5 ], chunk(1, $text)),
        parts => [ part($text, $lease) ]);
}


# what a record says: a step as TARGET:STATE/REASON(NAME)

sub told_of {
    my ($event) = @_;

    my $record = record_of($event) // return 'none';
    my ($n, $rest) = unpack 'Ca*', $record;
    my @said;

    $rest = substr $rest, 8 * $n + 4;

    while (length $rest) {
        (my $chunk, $rest) = unpack 'n/a*a*', $rest;

        my ($kind, $text) = unpack 'Ca*', $chunk;

        if ($kind != 4) {
            push @said, $text;
            next;
        }

        my ($target, $time, $state, $reason, $name) = unpack 'a8Q>CCa*', $text;
        my %target = ($A => 'a', $B => 'b', $C => 'c', ($D // '') => 'd',
                      ($T // '') => 't');

        die "when?\n" if abs($time / 1000 - time) > 60;

        push @said, ($target{ unpack 'H*', $target } // '?') . ":$name{$state}"
            . ($reason ? "/$reason" : '') . (length $name ? "($name)" : '');
    }

    return "@said";
}
