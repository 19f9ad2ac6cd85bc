#!/usr/bin/perl

# Copyright (C) Event Router contributors

# order by= version=: of one key no older version is sent after a newer one;
# with coalesce a newer one replaces one that waits.  In files, and with
# TEST_QUEUE_REDIS=1 in Redis, see order_version_redis.t.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Time::HiRes qw(sleep);

use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $redis = $ENV{TEST_QUEUE_REDIS} ? $t->redis(6379) : undef;
my %target = map { $_ => $t->target($_) } 8081 .. 8086;
my ($answers, %port) = (0);

$t->workers_may_change('one is killed');
$t->expect_log(qr/exited on signal 9/, 'one is killed');

my $calm = 'breaker off; retry for=1h base=30ms max=100ms;';
my $by = 'order by=data.key version=data.v';

sub config {
    my %lines = (
        late  => [ 8081, "$calm $by;" ],
        merge => [ 8082, "$calm $by coalesce;" ],
        short => [ 8083, "$calm $by window=1s;" ],
        head  => [ 8084, "$calm order version=header.X-Version"
                         . ' by=header.X-Key;' ],
        turn  => [ 8085, "$calm $by; concurrency 1;" ],
        plain => [ 8086, "$calm order by=data.key;" ],
    );

    %port = map { $_ => $lines{$_}[0] } keys %lines;

    $q->config(
        $redis ? (in => 'redis://127.0.0.1:' . $redis->port) : (),
        source => 'retain 1h;', server => 'location /stats/ { event_status; }',
        targets => { map { $_ => { port => $lines{$_}[0],
                                   lines => $lines{$_}[1] } } keys %lines });
}

config();
$t->run;

my $who = 'k0';

sub fresh_key { $who++; $target{$port{$_[0]}}->forget if @_; return $who }


# the versions that a target got of the key, in that order

sub got {
    my ($name) = @_;

    return join ' ', map { $_->json->{v} // '-' }
        grep { ($_->json->{key} // '') eq $who } $target{$port{$name}}->requests;
}


# sends versions one after the other

sub each_of {
    my ($name, @versions) = @_;

    fresh_key($name);

    for my $v (@versions) {
        $q->send($name, key => $who, defined $v ? (v => $v) : ());
    }

    $q->wait_drained(20, target => $name);

    return got($name);
}


sub count {
    my ($name, $metric) = @_;

    return $t->get('/status')->json->{targets}{$name}{$metric};
}


# a number as it stands in JSON

sub raw {
    my ($name, @texts) = @_;

    fresh_key($name);

    my %text;

    for my $text (@texts) {
        my ($id, $body) = $q->event($name, key => $who, v => 'HERE');

        $body =~ s/"HERE"/$text/;
        is($q->post($body)->{status}, 202, "$text is accepted");
        $text{$id} = $text;
    }

    $q->wait_drained(20, target => $name);

    return join ' ', map { $text{$_->json->{id}} // 'another' }
        $target{$port{$name}}->requests;
}


# ---- late ones

my $before = count('late', 'stale');

fresh_key('late');

for my $v (1, 3, 2, 3, 4, 1) {
    $q->send('late', key => $who, v => $v);
    $q->wait_drained(10, target => 'late');
}

is(got('late'), '1 3 3 4', 'an older one is not sent');
is(count('late', 'stale') - $before, 2, 'and counted');
ok((grep { /\[info\].*for target "late" is stale and not sent: a newer version/
         } $t->log_lines) >= 2, 'and told');
like($t->get('/stats/metrics')->{body} // '',
    qr/^event_router_queued_total\{target="late",result="stale"\} \d/m,
    'a metric');

my ($id, $body) = $q->event('late', key => $who, v => 2);

like($q->post($body)->{body}, qr/"stale"/, 'the receipt says so');
is($q->post($body)->{status}, 200, 'its repetition is a duplicate');
fresh_key();
is($q->send('late', key => $who, v => 1) ne '', 1, 'another key');
ok($q->wait_drained(10, target => 'late'), 'is');
is(got('late'), '1', 'another matter');


# ---- numbers, exactly

is(raw('late', '9007199254740992', '9007199254740993', '9007199254740992',
       '9007199254740994', '9007199254740993'),
    '9007199254740992 9007199254740993 9007199254740994', 'beyond 2^53');
is(raw('late', '1.1', '1.10', '1.09', '1.11', '1.1'), '1.1 1.10 1.11',
    'decimals');
is(raw('late', '-2', '-1', '-3', '-1.5', '-0.5', '0', '-0', '-1'),
    '-2 -1 -0.5 0 -0', 'below zero');
is(raw('late', '1e2', '99', '100', '1E+3', '999.9', '1e-3', '1001'),
    '1e2 100 1E+3 1001', 'with exponents');
is(raw('late', '"10"', '9', '"9"', '11', '"10.5"', '"011"', '12'),
    '"10" 11 "011" 12', 'as strings');
is(raw('late', '123456789012345678901234567890',
       '123456789012345678901234567889', '123456789012345678901234567890.5',
       '123456789012345678901234567890.49'),
    '123456789012345678901234567890 123456789012345678901234567890.5',
    'of any length');


# ---- times, as instants

is(each_of('late', '2026-01-02T03:04:05-05:00', '2026-01-02T08:04:04Z',
           '2026-01-02T08:04:05Z', '2026-01-02T09:04:05.5+01:00',
           '2026-01-02T08:04:05.49999Z', '2026-01-02T08:04:05.50Z',
           '2026-01-02T00:00:00-12:00', '2026-01-02t11:59:59z'),
    '2026-01-02T03:04:05-05:00 2026-01-02T08:04:05Z'
    . ' 2026-01-02T09:04:05.5+01:00 2026-01-02T08:04:05.50Z'
    . ' 2026-01-02T00:00:00-12:00', 'times with zones and fractions');


# ---- what does not compare goes in the order in which it came

is(each_of('late', 5, undef, 'one', '2026-01-02', '', 4, 6),
    '5 - one 2026-01-02  6', 'no version: sent, and changes nothing');
is(each_of('late', 5, '2026-01-02T08:04:05Z', 4, '2026-01-01T08:04:05Z', 6),
    '5 2026-01-02T08:04:05Z 6', 'two kinds: each in its own way');
ok((grep { /\[info\].*for target "late" has (?:no version|a version that canno)/
         } $t->log_lines) >= 1, 'which is told');
is(raw('late', '5', 'true', 'null', '[6,7]', '{"a":9}', '4', '6'),
    '5 true null [6,7] {"a":9} 6', 'neither do other values');

$before = count('late', 'stale');
$q->send('late', v => 2);
$q->send('late', v => 1);
ok($q->wait_drained(10, target => 'late'), 'without a key');
is(count('late', 'stale'), $before, 'there is no version');


# ---- headers

sub with_headers {
    my ($v) = @_;

    my ($id, $body) = $q->event('head', key => $who, v => $v);

    $t->post('/a', $body, [ 'Content-Type' => 'application/json',
        'X-Key' => $who, 'X-Version' => $v ]);
    $q->wait_drained(10, target => 'head');
}

fresh_key('head');
with_headers($_) for 2, 1, '3.0', '2.9';
is(got('head'), '2 3.0', 'by headers');


# ---- equal ones, and the order of arrival, while the target is slow

fresh_key('late');
$target{8081}->answer('/late/ok', delay => 0.3);
$q->send('late', key => $who, v => $_) for 1, 2, 2, 3, 2, 3;
ok($q->wait_drained(20, target => 'late'), 'many at once');
is(got('late'), '1 2 2 3 3', 'equal ones are sent, as they came');
$target{8081}->answer('/late/ok', status => 200);

# one that is tried again is in front, and what is newer waits for it

fresh_key('late');
$target{8081}->answer('/late/ok', [ ({ status => 503 }) x 3, {} ]);
$q->send('late', key => $who, v => $_) for 1, 2;
ok($q->wait_drained(20, target => 'late'), 'an older one that fails');
is(got('late'), '1 1 1 1 2', 'is tried again, then comes the newer one');


# ---- coalesce

fresh_key('merge');
$target{8082}->answer('/merge/ok', delay => 0.5);
$before = count('merge', 'coalesced');
$q->send('merge', key => $who, v => $_) for 1 .. 6;
ok($q->wait_drained(20, target => 'merge'), 'coalesced');
is(got('merge'), '1 6', 'the last one is sent');
is(count('merge', 'coalesced') - $before, 4, 'and the others are counted');
ok((grep { /\[info\].*for target "merge" is coalesced and not sent/ }
    $t->log_lines) >= 4, 'and told');

fresh_key('merge');
$q->send('merge', key => $who, v => $_) for 1, 5, 3, 5;
ok($q->wait_drained(20, target => 'merge'), 'an older one replaces nothing');
is(got('merge'), '1 5 5', 'and is stale');

fresh_key('merge');
$target{8082}->answer('/merge/ok', status => 503);
$q->send('merge', key => $who, v => 1);
ok(wait_until(10, sub { $target{8082}->count >= 2 }), 'one that fails');
$q->send('merge', key => $who, v => 2);
$target{8082}->answer('/merge/ok', status => 200);
ok($q->wait_drained(20, target => 'merge'), 'is replaced');
like(got('merge'), qr/^(?:1 )+2(?: 2)*\z/, 'and not tried again');


# ---- the window

is(each_of('short', 2, 1), '2', 'inside the window');
sleep 1.3;
$q->send('short', key => $who, v => 1);
ok($q->wait_drained(10, target => 'short'), 'after it');
is(got('short'), '2 1', 'an older one is sent');


# ---- dead letters

fresh_key('late');
$target{8081}->answer('/late/bad', status => 400);
$q->send('late', key => $who, v => 1, kind => 'bad');
is(scalar $q->wait_dead(1, 10, target => 'late'), 1, 'a dead letter');
$q->send('late', key => $who, v => 2);
ok($q->wait_drained(10, target => 'late'), 'lets the next one go');
is(scalar $q->dead(target => 'late'), 1, 'and stays dead');
$target{8081}->answer('/late/bad', status => 200);
$before = count('late', 'stale');

my $r = $q->change(replay => target => 'late')->json;

is("$r->{replayed} $r->{stale}", '0 1', 'replayed, it is stale');
is(count('late', 'stale') - $before, 1, 'counted');
is(scalar $q->dead(target => 'late'), 0, 'and dead no more');
ok($q->wait_drained(10, target => 'late'), 'nothing waits');
is(got('late'), '1 2', 'nor was it sent');

fresh_key('late');
$target{8081}->answer('/late/bad', status => 400);
$q->send('late', key => $who, v => 3, kind => 'bad');
$q->wait_dead(1, 10, target => 'late');
$q->send('late', key => $who, v => 2);
$q->wait_drained(10, target => 'late');
$target{8081}->answer('/late/bad', status => 200);
$r = $q->change(replay => target => 'late')->json;
is($r->{replayed} . ($r->{stale} // ''), '1', 'a newer one is replayed');
ok($q->wait_drained(10, target => 'late'), 'and');
is(got('late'), '3 2 3', 'delivered');


# ---- the archive

fresh_key('late');
my $event = $q->send('late', key => $who, v => 1);
$q->wait_drained(10, target => 'late');
$q->send('late', key => $who, v => 2);
$q->wait_drained(10, target => 'late');
$r = $q->change(replay => archive => 'a', target => 'late',
    deliver_to => 'late')->json;
ok($r->{stale} > 0, 'from the archive older ones are stale, too');
ok($q->wait_drained(30, target => 'late'), 'the others');
is(got('late'), '1 2 2', 'are delivered');


# ---- a target without versions

is(each_of('plain', 2, 1), '2 1', 'without version= nothing is compared');
is(count('plain', 'stale'), 0, 'nor counted');


# ---- reload, and a worker that is killed

fresh_key('turn');
$q->send('turn', key => $who, v => 7);
$q->wait_drained(10, target => 'turn');
$t->reload;
$q->send('turn', key => $who, v => 6);
ok($q->wait_drained(10, target => 'turn'), 'after a reload');
is(got('turn'), '7', 'it is known what was delivered');
$t->kill_worker;
$q->send('turn', key => $who, v => 6);
ok($q->wait_drained(20, target => 'turn'), 'and when a worker is killed');
is(got('turn'), '7', 'too');

$target{8085}->answer('/turn/ok', fault => 'hang');
$q->send('turn', key => $who, v => 9);
ok(wait_until(10, sub { $target{8085}->begun >= 2 }), 'one in flight');
$q->send('turn', key => $who, v => 8);
$target{8085}->answer('/turn/ok', status => 200);
$t->kill_worker for 1, 2;
ok($q->wait_drained(40, target => 'turn'), 'its worker is killed');
is((split ' ', got('turn'))[-1], '9', 'what is older is not sent after it');
unlike(got('turn'), qr/8/, 'nor before');

$t->stop;
$t->run;
$q->send('turn', key => $who, v => 8);
ok($q->wait_drained(20, target => 'turn'), 'after a restart');
unlike(got('turn'), qr/8/, 'it is known, too');

$t->done;
