#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Events that come again: what the scripts of the queue do with one that is
# there, died or was purged, and those of the dedup keys with one in hand.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Scripts;

my $t = scripts();
my ($R1, $R2) = map { hex16($_) } 0x2001, 0x2002;
my $k = 0;


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
is(claim($T1), '3 0  ' . 'f' x 16 . " $T2", 'a duplicate; of this body');

# one that died in a queue

is(dedup(die => $T1, $R1), 1, 'it died for one');
is(claim($T1), "4 1 $R1 " . 'f' x 16, 'given again for that one');
is(claim($T1), "4 1 $R1 " . 'f' x 16, 'sent twice');
is(dedup(release => $T1), 1, 'released');
is($redis->command(HGET => duplicate(), 's'), 'd', 'is done as before');
is(dedup(live => $T1, $R1), 1, 'it was started again');
is(claim($T1), '3 0  ' . 'f' x 16 . " $T1", 'a duplicate again');
is(dedup(die => $T1, $R1), 1, 'it died');
claim($T1);
is(dedup(settle => $T1, $R1), 1, 'the target has it');
is(dedup(finalize => $T1), 1, 'done');
like(claim($T2), qr/^3 0  /, 'a duplicate');

# targets that nobody was told of before

claim($T1);
is(dedup(finalize => $T1, '', 'f' x 16), 1, 'done');
dedup(die => $T1, $_) for $R1, $R2;
like(claim($T1), qr/^4 1 (?:$R1$R2|$R2$R1) f{16}$/, 'it died for two');
is(dedup(release => $T1, $R1), 1, 'released, and one has it');
is(claim($T1), "4 2 $R2 " . 'f' x 16, 'the other has not');
is(dedup(finalize => $T2, $R2), 0, 'another one cannot finish it');
like(claim($T1), qr/^1 2 (?:$R1$R2|$R2$R1) $/, 'but its target has it');
is(dedup(finalize => $T1, $R1), 1, 'done');
like(claim($T2), qr/^3 0  f{16} $T1$/, 'a duplicate');
dedup(die => $T1, $_) for $R1, $R2;
claim($T1);
is(dedup(finalize => $T1, $R1), 1, 'done, and one has it');
is(dedup(finalize => $T1, $R1), 1, 'sent twice');
is(claim($T2), "4 1 $R2 " . 'f' x 16, 'given for the other');
is(dedup(finalize => $T2, $R2), 1, 'done');
like(claim($T1), qr/^3 0  f{16} $T2$/, 'a duplicate');

$redis->command(HDEL => duplicate(), 't');
is(claim($T2), '3 0  ' . 'f' x 16 . ' ', 'whose is not known');

# a key that is gone, and a clock that jumps

$redis->command(DEL => duplicate());
is(dedup(die => $T1, $R1), 1, 'one that is gone');
is($redis->command(EXISTS => duplicate()), 0, 'does not come back');
is(dedup(settle => $T1, $R1), 1, 'but by who settles');
is(claim($T1), '0 1  ', 'as the one that has it');
like(claim($T2), qr/^2 /, 'for others it is busy');
$redis->command(HSET => duplicate(), b => (time() + 3600) * 1000);
is(claim($T2), "1 2 $R1 ", 'from the future: nobody has it');

$redis->command(DEL => duplicate());
is(dedup(release => $T1, "$R1$R2"), 1, 'by who releases it, too');
is(dedup(release => $T1, "$R1$R2"), 1, 'sent twice');
like(claim($T2), qr/^1 2 (?:$R1$R2|$R2$R1) $/, 'behind two targets');
is(dedup(release => $T1, hex16(0x77)), 0, 'another one cannot release it');
$redis->command(HSET => duplicate(), s => 'r');
is(length((split / /, claim($T1))[2]), 48, 'but its target has it');
$redis->command(DEL => duplicate());
is(dedup(release => $T1), 1, 'nobody has it');
is($redis->command(EXISTS => duplicate()), 0, 'nothing is kept');
is(dedup(settle => $T1, "$R1$R2"), 1, 'two at once');
is(length((split / /, claim($T1))[2] // ''), 0, 'new for who has it');
$redis->command(HSET => duplicate(), b => (time() + 3600) * 1000);
like(claim($T2), qr/^1 2 (?:$R1$R2|$R2$R1) $/, 'and not for the next one');
$redis->command(HDEL => duplicate(), "x$R2");
$redis->command(HSET => duplicate(), map { sprintf('x%016x', $_) => 1 }
                                     1 .. 1100);
is(dedup(settle => $T2, $R2), 1, 'more targets than a key remembers');
is($redis->command(HEXISTS => duplicate(), "x$R2"), 0, 'are not remembered');


done_testing();


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
