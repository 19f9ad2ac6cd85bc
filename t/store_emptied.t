#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A database that is emptied or cut off while nginx runs, to something that
# LMDB takes for a new one: it is gone, as if it had been removed.  Nothing is
# made in its place until a reload, and what waited in it is counted as lost.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;
use Time::HiRes qw(time sleep);

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $store = $t->dir . '/store';
my $data = "$store/data.mdb";
my $page = 4096;

$t->workers_may_change('that is what is tested');
$t->expect_log(qr/event store "\S+" (is (closed|lost)|begins with an empty)/,
    'that is what is tested');
$t->expect_log(qr/exited on signal (6|7|9|11)\b/, 'pages that kill');

$q->config(store => 'size=2m', targets => { erp =>
    'breaker off; retry for=10h base=1h max=1h;' },
    server => 'location = /ok { return 200 ok; }'
        . ' location = /m/metrics { event_status; }');

$target->answer('/erp/ok', status => 503);
$t->run;

my %acknowledged;

sub event {
    my ($id, $body) = $q->event('erp');
    my $r = $q->post($body);

    $acknowledged{$id} = 1 if $r->{status} == 202;

    return $r->{status};
}

sub heals {
    my ($name) = @_;

    my $good = 0;

    ok(wait_until(20, sub { $good = event() == 202 ? $good + 1 : 0;
                            return $good > 8 && !closed() }),
        "$name: events are taken");
    truncate $t->dir . '/logs/error.log', 0;
}

# the workers whose last word is that their store is closed

sub closed {
    my %closed;

    for (split /\n/, $t->read_file('logs/error.log')) {
        my ($pid, $what) = /(\d+)#\d+: event store "\Q$store\E" is (\w+)/
            or next;

        $closed{$pid} = $what ne 'open';
    }

    return scalar grep { $closed{$_} } $t->workers;
}

# longer than a worker waits before it tries to open the store again

sub refuses {
    my ($name, $seconds) = @_;

    my %status;
    my $end = time + ($seconds // 2);

    do {
        $status{ event() }++;
        sleep 0.1;
    } while (time < $end);

    is(join(' ', sort keys %status), '503', "$name: no event is taken");
    is($t->get('/ok')->{status}, 200, 'other locations are served');
}

sub kept {
    my ($name) = @_;

    my $r = $q->get('pending', limit => 1000);
    my %there = map { $_->{id} => 1 } @{ ($r->json // {})->{entries} // [] };

    is($r->{status}, 200, "$name: there is a list");
    is(join(' ', grep { !$there{$_} } sort keys %acknowledged), '',
        'nothing that was acknowledged is missing');
}

sub metric {
    my ($name) = @_;

    my ($value) = $t->get('/m/metrics')->{body}
        =~ /^event_router_$name (\d+)$/m;

    return $value // 'none';
}

sub slurp {
    open my $f, '<', $data or die "$data: $!\n";
    binmode $f;
    local $/;

    return scalar <$f>;
}

# in one step, as a new file

sub put {
    my ($bytes) = @_;

    open my $f, '>', "$data.new" or die "$data.new: $!\n";
    binmode $f;
    print $f $bytes;
    close $f;
    chmod 0600, "$data.new";
    rename "$data.new", $data or die "$data: $!\n";
}

# LMDB's two first pages, with no transaction behind them

sub fresh {
    return join '', map {
        my $meta = pack('Q S S L', $_, 0, 8, 0)
            . pack('L L Q Q', 0xbeefc0de, 1, 0, 2 * 1024 * 1024)
            . pack('L S S Q Q Q Q q', $page, 8, 0, 0, 0, 0, 0, -1)
            . pack('L S S Q Q Q Q q', 0, 0, 0, 0, 0, 0, 0, -1)
            . pack('Q Q', 1, 0);

        $meta . "\0" x ($page - length $meta);
    } 0, 1;
}


# ---- all that looks new to LMDB, or has only a beginning

my @ways = (
    [ 'emptied', sub { truncate $data, 0 } ],
    [ 'an empty file instead', sub { put('') } ],
    [ 'a new database of nobody', sub { put(fresh()) } ],
    [ 'one page', sub { truncate $data, $page } ],
    [ 'two pages', sub { truncate $data, 2 * $page } ],
    [ 'two pages and zeros', sub { truncate $data, 2 * $page;
                                   truncate $data, 2 << 20 } ],
);

heals('in order');
is(metric('store_open'), 1, 'the store is open');

for (@ways) {
    my ($name, $way) = @$_;

    my $before = slurp();

    $way->();

    my $size = -s $data;

    refuses($name);
    is(-s $data, $size, 'nothing is made of it') if $name !~ /new database/;
    ok(wait_until(5, sub { metric('store_open') eq '0' }),
        'and the metric says so');
    put($before);
    heals('put back');
    kept('put back');
}

# what LMDB locks with

truncate "$store/lock.mdb", 0;
heals('the lock file was emptied');
kept('the lock file was emptied');


# ---- nobody has noticed, and workers come that have never seen it

for ([ 'emptied', sub { truncate $data, 0 } ],
    [ 'removed', sub { unlink $data } ],
    [ 'two pages', sub { truncate $data, 2 * $page } ])
{
    my ($name, $way) = @$_;

    my $before = slurp();
    my @workers = $t->workers;

    kill 'STOP', @workers;
    $way->();
    kill 'KILL', @workers;
    ok(wait_until(10, sub {
        my %old = map { $_ => 1 } @workers;

        return 2 == grep { !$old{$_} } $t->workers;
    }), "$name while nobody looks: new workers");
    refuses($name);
    put($before);
    heals('put back');
    kept('put back');
}


# ---- what was lost is counted, once, and also after a reload

my $lost = metric('lost_total');
my $pending = $q->pending(limit => 1000);

cmp_ok($pending, '>', 0, 'deliveries wait');
sleep 2;                                  # the last sweep has counted them
truncate $data, 0;
refuses('emptied', 1);
is(metric('lost_total'), $lost + $pending, 'they are counted as lost');
is($t->get('/status')->json->{queue}{lost}, $lost + $pending, 'JSON');

# who answers may be a worker that no event came to: it looks once a second

ok(wait_until(5, sub { !$t->get('/status')->json->{queue}{open} }),
    'and it is closed');
ok($t->reload, 'reload');
%acknowledged = ();
ok($t->wait_log(
    qr/\[crit\] .*begins with an empty database, $pending deliveries/, 10),
    'the log says what it does not have');
heals('an empty one');
kept('an empty one');
is(metric('lost_total'), $lost + $pending, 'counted once, for ever');
ok(wait_until(5, sub { metric('store_open') eq '1' }), 'it is open');

# just before a reload

$pending = $q->pending(limit => 1000);
$lost = metric('lost_total');
sleep 2;
unlink $data;
ok($t->reload, 'reload, and nobody has noticed yet');
%acknowledged = ();
heals('an empty one');
is(metric('lost_total'), $lost + $pending, 'they count, too');

$t->stop;


# ---- an empty directory is one to begin with

unlink glob "$store/*";
$t->run;
%acknowledged = ();
heals('an empty directory');
kept('an empty directory');

$t->done;
