#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The shelf in a real Redis: what is put is there until its time, in its order
# and within its bound, also if a command is sent twice.

use warnings;
use strict;

no warnings 'portable';

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;
use Time::HiRes qw(sleep time);

my $t = scripts();
my $NEVER = 'f' x 16;
my ($JOBS, $QUARANTINE, $ALERTS) = (2, 3, 4);
my ($X, $Y) = map { hex16($_) } 0x31, 0x32;
my $nonce = 0;


# {code, done, more, ids, values}

sub shelf {
    my ($act, $kind, $name, %arg) = @_;

    my ($code, $now, $done, $more, @rows) = @{ $redis->command(
        EVAL => $script{shelf}, 1, key('m'), $layout,
        { put => 0, get => 1, drop => 2, list => 3 }->{$act}, $kind, $name,
        $arg{id} // '', $arg{until} // $NEVER, $arg{bound} // 0,
        $arg{value} // '', $arg{newest} // 0, $arg{after} // '',
        $arg{limit} // 100, $arg{bytes} // 1000,
        $arg{nonce} // hex16(++$nonce), $arg{batch} // 1000,
        defined $arg{from} ? $arg{from} : ()) };

    my %r = (code => $code, now => $now, done => $done, more => $more,
             ids => [], text => '');

    while (my ($id, $until, $value) = splice @rows, 0, 3) {
        push @{ $r{ids} }, $id;
        $r{text} .= ($r{text} eq '' ? '' : ' ') . $value;
    }

    return \%r;
}


# ---- rows in their order

my $one = shelf(put => $JOBS, $X, value => 'one')->{ids}[0];
my $r = shelf(put => $JOBS, $X, value => 'two', nonce => hex16(0x77));
my $two = $r->{ids}[0];

is($r->{more}, 0, 'there was none before');
cmp_ok($two, 'gt', $one, 'ids grow');
is(hex substr($two, 0, 11), $r->{now}, 'and are the time')
    if substr($two, 11) eq '00000';
is(shelf(put => $JOBS, $X, value => 'two', nonce => hex16(0x77))->{ids}[0],
    $two, 'sent twice: the same id');

shelf(put => $JOBS, $Y, id => hex16(7), value => 'other name');
shelf(put => $ALERTS, $X, id => hex16(7), value => 'other kind');
shelf(put => $JOBS, $X, value => 'three');

is(shelf(list => $JOBS, $X)->{text}, 'one two three', 'the oldest first');
$r = shelf(list => $JOBS, $X, newest => 1, limit => 2);
is("$r->{text} $r->{more}", 'three two 1', 'the newest first, and more');
$r = shelf(list => $JOBS, $X, newest => 1, after => $r->{ids}[1]);
is("$r->{text} $r->{more}", 'one 0', 'behind those');
$r = shelf(list => $JOBS, $X, after => $one, bytes => 1);
is("$r->{text} $r->{more}", 'two 1', 'one is given even if it is larger');

is(shelf(put => $JOBS, $X, id => $two, value => 'TWO')->{more}, 1,
    'there was a row');
is(shelf(get => $JOBS, $X, id => $two)->{text}, 'TWO', 'put in its place');
is(shelf(drop => $JOBS, $X, id => $two)->{done}, 1, 'dropped');
is(shelf(drop => $JOBS, $X, id => $two)->{done}, 0, 'which it was');
is(shelf(get => $JOBS, $X, id => $two)->{code}, 0, 'gone');

is($redis->command(HGET => key("s:$JOBS:$X"), '-'), 2 * 64 + 8,
    'the bytes of those that are left');
$r = shelf(drop => $JOBS, $X, batch => 1);
is("$r->{done} $r->{more}", '1 1', 'all of them, step by step');
shelf(drop => $JOBS, $X, batch => 1);
$r = shelf(drop => $JOBS, $X, batch => 1);
is("$r->{done} $r->{more}", '0 0', 'until none is left');
is($redis->command(EXISTS => key("s:$JOBS:$X"), key("l:$JOBS:$X")), 0,
    'nothing stays');
is(shelf(list => $JOBS, $Y)->{text}, 'other name', 'of another name');
is(shelf(list => $ALERTS, $X)->{text}, 'other kind', 'of another kind');


# ---- a row is in one place, and who moves it first has moved it

my $id = shelf(put => $JOBS, $X, value => 'here')->{ids}[0];

for my $sent (1, 2) {
    $r = shelf(put => $JOBS, $Y, id => $id, from => $X, value => 'there',
        nonce => hex16(0x78));
    is("$r->{code} $r->{ids}[0]", "1 $id", "moved, sent $sent times");
}

$r = shelf(put => $JOBS, $Y, id => $id, from => $X, value => 'again');
is($r->{code} . @{ $r->{ids} }, '00', 'once');
is(shelf(get => $JOBS, $Y, id => $id)->{text}, 'there', 'it is there');
is(shelf(list => $JOBS, $X)->{text}, '', 'and not where it was');
is($redis->command(EXISTS => key("s:$JOBS:$X"), key("l:$JOBS:$X")), 0,
    'of which nothing stays');
is(shelf(put => $JOBS, $Y, id => $id, from => $Y, value => 'anew')->{code}, 1,
    'replaced');
is(shelf(list => $JOBS, $Y)->{text}, 'other name anew', 'by the new one');
shelf(drop => $JOBS, $Y, id => $id);
is(shelf(put => $JOBS, $Y, id => $id, from => $Y, value => 'no')->{code}, 0,
    'what is gone is not made');

$r = shelf(list => $JOBS, $Y);
is($r->{text}, 'other name', 'nothing was put');
shelf(put => $JOBS, $Y, id => hex16(3), value => 'short',
    until => hex16($r->{now} + 100));
sleep 0.15;
is(shelf(put => $JOBS, $Y, id => hex16(3), from => $Y, value => 'no')->{code},
    0, 'what is over does not move');


# ---- time

my $now = shelf(list => $JOBS, $X)->{now};

shelf(put => $JOBS, $X, id => hex16(1), value => 'short',
    until => hex16($now + 300));
shelf(put => $JOBS, $X, id => hex16(2), value => 'long',
    until => hex16($now + 300));
shelf(put => $JOBS, $X, id => hex16(2), value => 'longer',
    until => hex16($now + 60000));
is(shelf(list => $JOBS, $X)->{text}, 'short longer', 'both');
sleep 0.35;
is(shelf(list => $JOBS, $X)->{text}, 'longer', 'what is over is not given');
sweep();
is($redis->command(HGET => key("s:$JOBS:$X"), hex16(1)), undef, 'and swept');
is(shelf(list => $JOBS, $X)->{text}, 'longer', 'that alone');
is($redis->command(ZCARD => key('b')), 1, 'with its end');
shelf(drop => $JOBS, $X);


# ---- a bound

my $all = 0;

for my $i (0 .. 99) {
    $all += shelf(put => $QUARANTINE, $X, value => sprintf('%02d', $i),
        bound => 3 * 66)->{code} == 1;
}

is($all, 100, 'all are put');
is(shelf(list => $QUARANTINE, $X)->{text}, '97 98 99', 'the oldest went');
is(shelf(put => $QUARANTINE, $X, value => 'x' x 20, bound => 70)->{code}, 3,
    'what is larger than the bound is refused');
is(shelf(list => $QUARANTINE, $X)->{text}, '97 98 99',
    'and nothing goes for it');
shelf(put => $QUARANTINE, $X, value => 'aa', bound => 66);
is(shelf(list => $QUARANTINE, $X)->{text}, 'aa', 'a smaller bound');

# a full Redis

my $used = $redis->command(INFO => 'memory') =~ /used_memory:(\d+)/ ? $1 : 0;

$redis->command(CONFIG => SET => maxmemory => $used);

$r = eval { shelf(put => $QUARANTINE, $X, value => 'bb', bound => 6600) };
is($r, undef, 'a full Redis refuses what has a bound');
is(shelf(put => $JOBS, $X, value => 'job')->{code}, 1, 'and nothing else');
$redis->command(CONFIG => SET => maxmemory => 0);
is(shelf(list => $QUARANTINE, $X)->{text}, 'aa', 'the old one stays');

done_testing();
