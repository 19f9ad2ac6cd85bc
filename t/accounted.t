#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What came to the queue, less the ends that it had, is what is there: of each
# target, in files and in Redis with three shards, over restarts.  Each way in
# which an entry comes or goes is walked once, and all numbers are what they
# must be.  What vanishes from Redis is found (from files: t/unit/ledger.c).

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;
use Time::HiRes qw(sleep);

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my $json = JSON::PP->new->utf8->canonical;

my @in = qw(accepted replayed);
my @out = qw(delivered buried filtered stale coalesced purged moved);
my @dead = qw(dead_replayed dead_purged dead_aged);

$t->workers_may_change('one is killed');
$t->expect_log(qr/exited on signal 9/, 'one is killed');
$t->expect_log(qr/is not configured any more/, 'one is removed');

for my $store ('file', 'redis') {
    subtest $store => sub { ways($store) };
}

subtest 'three shards' => sub { sums() };

subtest 'what vanishes from Redis' => sub { vanished() };
subtest 'beside a version before' => sub { before() };

$t->done;


# ---- configuration

my ($store, %lines);

sub config {
    my ($name, %o) = @_;

    my $refuse = 'breaker off; retry off;';
    my $versions = 'order by=data.key version=data.v';

    $store = $name;

    %lines = (
        erp   => $refuse,
        crm   => $refuse,
        late  => "breaker off; retry base=50ms max=100ms; $versions;",
        merge => "breaker off; retry base=100ms; $versions coalesce;",
        short => "$refuse dead_for 1s;",
        gone  => 'breaker off; retry base=1h max=1h for=2d;',
        wait  => 'breaker off; retry base=1h max=1h for=2d;',
        %{ $o{targets} // {} },
    );

    delete @lines{ @{ $o{without} } } if $o{without};

    $q->config(
        $name eq 'redis' ? (in => 'redis://127.0.0.1:%%PORT_6379%% '
                                  . 'prefix=acc ' . ($o{shards} // '')) : (),
        source => 'dedup 1h by=id; retain 1h;',
        server => 'location /stats/ { event_status; }',
        more => 'event_route both { from a; when type = both; to erp crm; }
                 event_route twice { from a; when type = erp; to erp; }
                 ' . ($o{more} // ''),
        targets => \%lines);
}


# ---- numbers

sub status {
    my ($name) = @_;

    my $r = $t->get('/status')->json;

    return ref $r ? $r->{queue}{targets}{$name} : {};
}


# these words, and no others; the sums are what the page says of them

sub numbers {
    my ($name, $what, %expected) = @_;

    my $n;

    wait_until(6, sub {
        $n = status($name);
        !grep { ($n->{$_} // -1) != ($expected{$_} // 0) } @in, @out, @dead;
    });

    is(said($n), said(\%expected), "$name: $what");
    is_even($name, $n);
}


sub said {
    my ($n) = @_;

    return join ' ', map { $n->{$_} ? "$_=$n->{$_}" : () } @in, @out, @dead;
}


sub is_even {
    my ($name, $n) = @_;

    my $left = -$n->{pending};
    my $dead = $n->{buried} - $n->{dead};

    $left += $n->{$_} for @in;
    $left -= $n->{$_} for @out;
    $dead -= $n->{$_} for @dead;

    is("$left $n->{unaccounted}", '0 0', "$name: nothing is unaccounted for");
    is("$dead $n->{dead_unaccounted}", '0 0', "$name: and no dead letter");
}


sub dead_of { return ($q->dead(target => $_[0]))[0]{event} }

sub drained { ok($q->wait_drained(15, target => $_[0]), "$_[0]: drained") }


sub bury {
    my ($name, $kind, $n) = @_;

    $target->answer("/$name/$kind", status => 400);
    $q->send($name, kind => $kind) for 1 .. $n;
    drained($name);
}


# ---- every way

sub ways {
    my ($name) = @_;

    config($name);
    $t->run;

    # delivered, twice the same target, buried

    $q->send('erp') for 1 .. 3;
    drained('erp');
    bury(erp => 'bad', 4);
    $q->send('both');
    drained('erp');
    drained('crm');
    numbers(erp => 'delivered and buried', accepted => 8, delivered => 4,
        buried => 4);
    numbers(crm => 'delivered', accepted => 1, delivered => 1);

    # sent again: a duplicate, and a dead letter

    my ($id, $body) = $q->event('erp', kind => 'mended');

    $target->answer('/erp/mended', status => 400);
    is($q->post($body)->{status}, 202, 'accepted');
    drained('erp');
    $target->answer('/erp/mended', status => 200);
    is($q->post($body)->json->{outcome}, 'redelivered', 'sent again');
    drained('erp');
    is($q->post($body)->json->{outcome}, 'duplicate', 'and again');
    numbers(erp => 'redelivered', accepted => 9, delivered => 5, buried => 5,
        replayed => 1, dead_replayed => 1);

    # replayed to itself, to another target, purged

    $q->change(replay => target => 'erp', event => dead_of('erp'));
    drained('erp');
    numbers(erp => 'replayed and dead again', accepted => 9, delivered => 5,
        buried => 6, replayed => 2, dead_replayed => 2);
    $target->answer('/crm/bad', status => 200);
    $q->change(replay => target => 'erp', event => dead_of('erp'),
        deliver_to => 'crm');
    drained('crm');
    numbers(erp => 'replayed to another one', accepted => 9, delivered => 5,
        buried => 6, replayed => 2, dead_replayed => 3);
    numbers(crm => 'which has it', accepted => 1, replayed => 1,
        delivered => 2);
    $q->change(purge => target => 'erp', event => dead_of('erp')) for 1, 2;
    numbers(erp => 'some purged', accepted => 9, delivered => 5, buried => 6,
        replayed => 2, dead_replayed => 3, dead_purged => 2);

    # a purged one is sent again by its producer

    ($id, $body) = $q->event('crm', kind => 'lapsed');
    $target->answer('/crm/lapsed', status => 400);
    $q->post($body);
    drained('crm');
    $q->change(purge => target => 'crm');
    $target->answer('/crm/lapsed', status => 200);
    is($q->post($body)->{status}, 202, 'a purged one is sent again');
    drained('crm');

    my $n = status('crm');

    ok(wait_until(5, sub { ($n = status('crm'))->{delivered} == 3 }),
        'and delivered');
    is_even(crm => $n);
    is($n->{accepted} + $n->{replayed}, 4, 'it came twice');

    # the archive

    my $before = status('crm');

    $q->change(replay => archive => 'a', target => 'erp',
        deliver_to => 'crm');
    drained('crm');
    ok(wait_until(5, sub { ($n = status('crm'))->{replayed}
                           > $before->{replayed} }), 'from the archive');
    is_even(crm => $n);

    # what waits is moved to another target, or forgotten

    moves();

    # dead for long enough

    bury(short => 'bad', 2);
    ok(wait_until(10, sub { status('short')->{dead_aged} == 2 }), 'aged');
    numbers(short => 'aged', accepted => 2, buried => 2, dead_aged => 2);

    # stale as it comes, stale as it waits, coalesced

    $q->send('late', key => 'k', v => $_) for 5;
    drained('late');
    $q->send('late', key => 'k', v => 3);
    numbers(late => 'stale as it came', accepted => 2, delivered => 1,
        stale => 1);

    $target->answer('/late/slow', delay => 0.5, status => 200);
    $q->send('late', key => 's', v => $_, kind => 'slow') for 5, 4, 6;
    drained('late');
    numbers(late => 'stale while it waited', accepted => 5, delivered => 3,
        stale => 2);

    $target->answer('/merge/slow', delay => 1, status => 200);
    $q->send('merge', key => 'm', v => $_, kind => 'slow') for 1 .. 4;
    drained('merge');
    numbers(merge => 'coalesced', accepted => 4, delivered => 2,
        coalesced => 2);

    # a dead letter that has become stale is replayed

    $q->send('late', key => 'd', v => 1);
    drained('late');
    $target->answer('/late/no', status => 400);
    $q->send('late', key => 'd', v => 2, kind => 'no');
    drained('late');
    $q->send('late', key => 'd', v => 3);
    drained('late');
    $before = status('late');
    $q->change(replay => target => 'late');
    ok(wait_until(5, sub { ($n = status('late'))->{dead_replayed} == 1 }),
        'a stale dead letter');
    is_even(late => $n);
    is("$n->{dead} $n->{replayed}", '0 1', 'is replayed, and stale');

    # a worker is killed with something in hand

    $target->answer('/gone/slow', delay => 3, status => 200);
    $q->send('gone', kind => 'slow') for 1 .. 3;
    $target->answer('/gone/later', status => 503);
    $q->send('gone', kind => 'later') for 1 .. 2;
    sleep 0.3;
    $t->kill_worker($_) for ($t->workers)[0];
    ok(wait_until(30, sub { status('gone')->{delivered} == 3 }),
        'a worker is killed');
    numbers(gone => 'after a kill', accepted => 5, delivered => 3);

    # a target is taken out of nginx.conf and comes back

    config($name, without => [ 'gone' ]);
    $t->reload;
    $t->wait_old_workers;
    ok(wait_until(15, sub { 2 == $q->dead(target => 'gone') }),
        'removed');
    config($name);
    $t->reload;
    numbers(gone => 'removed and back', accepted => 5, delivered => 3,
        buried => 2);

    # and nginx starts anew

    my %all = map { $_ => status($_) } keys %lines;

    $t->stop;
    $t->run;

    for my $name (sort keys %all) {
        numbers($name => 'after a restart',
            map { $_ => $all{$name}{$_} } @in, @out, @dead);
    }

    # metrics

    my $metrics = $t->get('/stats/metrics')->{body} // '';

    like($metrics, qr/^event_router_deliveries_total\{target="gone",end="$_"\}
                      \ $all{gone}{$_}$/mx, "a metric of $_")
        for qw(accepted delivered coalesced);
    like($metrics, qr/^event_router_unaccounted\{target="gone"\} 0$/m,
        'and of what is unaccounted for');
    like($metrics, qr/^event_router_dead_unaccounted\{target="gone"\} 0$/m,
        'and dead');
    $t->stop;
}


sub moves {
    my $before = status('crm');
    my $n;

    $target->answer('/wait/later', status => 503);
    $target->answer('/crm/later', status => 200);
    $q->send('wait', kind => 'later') for 1 .. 5;
    ok(wait_until(10, sub {
        5 == grep { $_->{attempts} && !$_->{leased} }
            $q->pending(target => 'wait')
    }), 'five wait');
    numbers(wait => 'they wait', accepted => 5);

    my @wait = map { $_->{event} } $q->pending(target => 'wait');

    is($q->change('v1/move' => event => $wait[0], deliver_to => 'crm')
        ->json->{moved}, 1, 'one is moved');
    is($q->change('v1/move' => event => $wait[0], target => 'wait',
        deliver_to => 'crm')->json->{moved}, 0, 'once');
    is($q->change('v1/purge' => event => $_, state => 'pending')
        ->json->{purged}, 1, 'and two are forgotten') for @wait[1, 2];
    is($q->change('v1/purge' => event => $wait[1], state => 'pending')
        ->json->{purged}, 0, 'once, too');
    drained('crm');
    numbers(wait => 'moved and purged', accepted => 5, moved => 1,
        purged => 2);
    is(status('wait')->{pending}, 2, 'two wait still');
    ok(wait_until(5, sub {
        ($n = status('crm'))->{delivered} == $before->{delivered} + 1
    }), 'the one is delivered where it was moved to');
    is_even(crm => $n);
    is($n->{replayed}, $before->{replayed} + 1, 'where it came once');
    is($n->{accepted}, $before->{accepted}, 'and not as a new one');

    is($q->change('v1/move' => target => 'wait', deliver_to => 'crm')
        ->json->{moved}, 2, 'all that are left');
    drained('crm');
    numbers(wait => 'nothing is left', accepted => 5, moved => 3,
        purged => 2);
}


# each shard has a ledger of its own

sub sums {
    $redis->command('FLUSHALL');
    config('redis', shards => 'shards=3', without => [ qw(late merge) ]);
    $t->run;
    $target->answer('/crm/bad', status => 400);
    $q->send('crm') for 1 .. 12;
    $q->send('crm', kind => 'bad') for 1 .. 6;
    drained('crm');
    $q->change(purge => target => 'crm', event => dead_of('crm'));
    numbers(crm => 'of three shards', accepted => 18, delivered => 12,
        buried => 6, dead_purged => 1);
    $t->stop;
}


# ---- it must be found

sub vanished {
    $redis->command('FLUSHALL');
    config('redis', more => 'event_route told { from router;
        when type = router.unaccounted; to crm; }');
    $t->expect_log(qr/queued events have disappeared/, 'deleted by hand');
    $t->expect_log(qr/unaccounted for/, 'that is what is tested');
    $target->answer('/gone/later', status => 503);
    $t->run;
    $q->send('gone', kind => 'later') for 1 .. 6;
    numbers(gone => 'six wait', accepted => 6);

    my @keys = @{ $redis->command(KEYS => "acc:{q0}:e:*") };

    is(scalar @keys, 6, 'six events');

    for my $key (@keys[0, 1]) {
        my ($base, $event) = $key =~ /^(.*):e:(.*)/;

        $redis->command(DEL => $key);

        for my $list (@{ $redis->command(KEYS => "$base:[kfa]:*") }) {
            $redis->command(ZREM => $list, $event);
        }
    }

    ok(wait_until(6, sub { status('gone')->{unaccounted} == 2 }),
        'two that nobody has are unaccounted for');
    ok($t->wait_log(qr/\[error\].*target "gone": 2 queued events and 0 dead /,
                    5), 'which is told');
    sleep 2.2;
    is(scalar(grep { /unaccounted for/ } $t->log_lines), 1, 'once');
    like($t->get('/stats/metrics')->{body} // '',
        qr/^event_router_unaccounted\{target="gone"\} 2$/m, 'and a metric');

    my ($told) = map { $_->json } grep { $_->{uri} =~ m{^/crm/} }
                 ($target->requests)[-1];

    is("$told->{target} $told->{state}", 'gone begin', 'and an alert');
    like(encode($told), qr/2 events are unaccounted for/, 'with the number');
    $t->stop;
    $redis->command('FLUSHALL');
}


sub encode { return $json->encode($_[0]) }


# an nginx that keeps no ledger is at work beside this one

sub before {
    $redis->command('FLUSHALL');
    config('redis');
    $t->run;
    $q->send('erp') for 1 .. 3;
    drained('erp');
    numbers(erp => 'three', accepted => 3, delivered => 3);

    # it says that it is there, and has put in and delivered what nobody counted

    my $ledger = $redis->command(KEYS => 'acc:{q0}:c:*')->[0];

    $redis->command(ZADD => 'acc:{q0}:heard', int(time * 1000), 'f' x 16);
    $redis->command(HSET => $ledger, a => 1, b => 2);

    my $n;

    ok(wait_until(6, sub { ($n = status('erp'))->{dead_aged} == 2 }),
        'what it did is made even');
    is_even(erp => $n);

    # it is heard no more; then there is none that does not count

    $redis->command(ZREM => 'acc:{q0}:heard', 'f' x 16);
    $redis->command(HINCRBY => $ledger, d => -1);
    ok(wait_until(6, sub { status('erp')->{unaccounted} == 1 }),
        'without it nothing is');

    # a ledger that is none, one that is gone, one of a version before

    $redis->command(SET => $ledger, 'rubbish');
    ok(wait_until(6, sub { status('erp')->{unaccounted} == 0 }),
        'a ledger that is none');
    $q->send('erp');
    drained('erp');
    $redis->command(DEL => $ledger);
    $target->answer('/erp/bad', status => 400);
    $q->send('erp', kind => 'bad');
    drained('erp');
    numbers(erp => 'a ledger that begins', accepted => 1, buried => 1);
    $redis->command(HSET => $ledger, a => 'x', d => '-5', b => '1e400');
    ok(wait_until(6, sub { status('erp')->{dead_unaccounted} == -1 }),
        'with words that are none');
    $t->stop;
}
