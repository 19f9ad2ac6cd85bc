#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Calls of several events ("batch") while workers come, go and die, and while
# targets and sources are paused: no event is lost, and a crash repeats at most
# the call that was under way.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my @act = ('X-Event-Admin' => 1);
my $calm = 'breaker off; retry for=1h base=100ms max=100ms;';

$t->workers_may_change('that is what is tested');

$q->config(store => 'size=32m memory=1m', targets => {
    erp  => "$calm batch max=20 wait=200ms;",
    slow => "$calm batch max=4 wait=200ms; concurrency 2;",
    long => "$calm batch max=100 wait=1m;",
    hoard => "$calm batch max=1000 size=64m wait=10m;",
    plain => $calm,
    open => 'retry for=1h base=100ms max=100ms; concurrency 4; '
            . 'breaker failures=2 open=400ms max=400ms; '
            . 'batch max=10 wait=200ms;',
});
$t->run;


# ---- paused: a target, then a source

for my $case ([ target => 'erp' ], [ source => 'a' ]) {
    my ($what, $name) = @$case;

    is(act(pause => "$what=$name")->{status}, 200, "$what: paused");
    sleep 0.3;

    my @ids = map { $q->send('erp') } 1 .. 5;

    sleep 2;
    is(scalar(grep { seen()->{$_} } @ids), 0, "$what: nothing is sent");
    is(act(resume => "$what=$name")->{status}, 200, "$what: resumed");
    comes("$what: then all", @ids);
}

# what is gathered already

{
    my @ids = map { $q->send('long') } 1 .. 5;

    is(act(pause => 'source=a')->{status}, 200, 'paused');
    ok(wait_until(10, sub { 5 == grep { !$_->{leased} }
        $q->pending(target => 'long') }), 'what was gathered goes back');
    is(act(resume => 'source=a')->{status}, 200, 'resumed');

    my $began = time;

    is(act(drain => 'timeout=10')->{status}, 200, 'drained');
    cmp_ok(time - $began, '<', 5, 'nobody waits until a call is full');
    is(act(undrain => '')->{status}, 200, 'no more');
    is(scalar(grep { seen()->{$_} } @ids), 0, 'nothing was sent');
}


# ---- what is gathered leaves memory to others

{
    my $pad = 'x' x 40_000;
    my @ids = map { $q->send('hoard', pad => $pad) } 1 .. 60;

    comes('events of another target come through',
        map { $q->send('plain', pad => $pad) } 1 .. 10);
    ok(wait_until(10, sub { seen()->{$ids[0]} }),
        'calls are made before their time');
    is(act(purge => 'target=hoard&state=pending')->{status}, 200, 'the rest');
    $target->forget;
}


# ---- a breaker: while it is not closed events go alone

{
    $target->answer('/open/ok', status => 503);

    my @ids = map { $q->send('open') } 1 .. 12;

    ok($t->wait_log(qr/breaker of target "open" is open/), 'the breaker opens');

    my $n = $target->requests;

    ok(wait_until(10, sub { $target->requests >= $n + 3 }), 'it is probed');

    my @probes = map { scalar @{ $_->json } } ($target->requests)[$n .. $n + 2];

    is("@probes", '1 1 1', 'by one event at a time');
    $target->answer('/open/ok', status => 200);
    comes('then all', @ids);

    ok($q->wait_drained(10, target => 'open'), 'none is left');
    $target->forget;
}


# ---- reloads

{
    $target->answer('/erp/ok', delay => 0.03);
    $q->load('erp', pause => 0.002);

    for (1 .. 15) {
        $t->signal('HUP');
        sleep 0.2;
    }

    ok($t->wait_old_workers, 'fifteen reloads');

    my $load = $q->load_end;

    ok($q->wait_drained(30, target => 'erp'), 'none is pending');
    once('reloads', @{ $load->{ids} });
}

# what is gathered is handed on at once

{
    my @ids = map { $q->send('long') } 1 .. 5;
    my $began = time;

    $t->signal('HUP');
    ok($t->wait_old_workers, 'a reload while a call is gathered');
    cmp_ok(time - $began, '<', 30, 'which nobody waits for');
    is(scalar(grep { seen()->{$_} } @ids), 0, 'nor sends');

    $began = time;
    ok($t->stop, 'and a stop');
    cmp_ok(time - $began, '<', 30, 'does not either');
    $t->run;
    is(scalar($q->pending(target => 'long')), 10, 'all are there');
    $target->forget;
}


# ---- a worker is killed inside a call

{
    $t->expect_log(qr/exited on signal 9/, 'workers are killed');
    $target->answer('/slow/ok', fault => 'hang');

    my @ids = $q->send_many(8, 'slow');

    ok(wait_until(5, sub { $target->begun >= 2 }), 'calls are under way');

    my @first = map { [ $_->header('Webhook-Id'), ids($_) ] } $target->requests;

    $target->answer('/slow/ok', status => 200);
    kill 9, $t->workers;
    comes('all are delivered', @ids);
    ok($q->wait_drained(10, target => 'slow'), 'none is left');

    my $seen = seen();
    my %sent = map { $_ => 1 } map { @$_[1 .. $#$_] } @first;

    is(join(' ', grep { $seen->{$_} != ($sent{$_} ? 2 : 1) } @ids), '',
        'what was under way twice, all else once');
    $target->forget;
}

# killed twice: what was in hand both times goes alone, for one of them may be
# what killed the worker

{
    my @ids;

    $target->answer('/slow/ok', fault => 'hang');
    @ids = $q->send_many(4, 'slow');

    for my $calls (1, 2) {
        ok(wait_until(10, sub { my $seen = seen();
            4 == grep { ($seen->{$_} // 0) >= $calls } @ids }),
            "sent $calls times");
        $target->answer('/slow/ok', status => 200) if $calls == 2;
        kill 9, $t->workers;
    }

    $target->forget;
    comes('all are delivered', @ids);
    is(join(' ', map { scalar ids($_) } grep { $_->{uri} =~ /slow/ }
        $target->requests), '1 1 1 1', 'each alone');
    ok($q->wait_drained(10, target => 'slow'), 'none is left');
    $target->forget;
}

# and stopped at once: what was sent counts as an attempt

{
    $target->answer('/slow/ok', fault => 'hang');

    my @ids = $q->send_many(4, 'slow');

    ok(wait_until(5, sub { my $seen = seen(); !grep { !$seen->{$_} } @ids }),
        'calls are under way');
    $t->_end('TERM', 5);
    $target->answer_anew('/slow/ok', status => 200);
    $t->run;
    comes('after the start', @ids);
    is(join(' ', grep { $_ != 2 } map { $_->header('X-Event-Attempt') }
                 grep { $_->{uri} =~ /slow/ } $target->requests), '',
        'by their second attempt');
    ok($q->wait_drained(10, target => 'slow'), 'none is left');
    $target->forget;
}


# ---- workers are killed under load: nothing is lost, nothing dies of it

{
    $target->answer('/erp/ok', delay => 0.02);
    $q->load('erp', pause => 0.002);

    for (1 .. 6) {
        sleep 0.7;
        my @workers = $t->workers;
        kill 9, $workers[rand @workers];
    }

    my $load = $q->load_end;

    ok($q->wait_drained(30, target => 'erp'), 'none is pending');

    my $seen = seen();

    is(join(' ', grep { !$seen->{$_} } @{ $load->{ids} }), '',
        scalar(@{ $load->{ids} }) . ' events, none is lost');
    is(scalar $q->dead(target => 'erp'), 0, 'none died');

    my $status = $t->get('/status')->json->{queue}{targets}{erp};

    is("$status->{unaccounted} $status->{dead_unaccounted}", '0 0',
        'and all are accounted for');
}

$t->done;


# ---- helpers

sub act { $t->post("/admin/v1/$_[0]?$_[1]", '', \@act) }

sub ids {
    my $json = $_[0]->json // [];

    return map { $_->{id} } ref $json eq 'ARRAY' ? @$json : $json;
}


# { id => number of calls that had it }

sub seen {
    my %seen;

    $seen{$_}++ for map { ids($_) } $target->requests;

    return \%seen;
}


sub comes {
    my ($name, @ids) = @_;

    ok(wait_until(15, sub { my $seen = seen(); !grep { !$seen->{$_} } @ids }),
        $name);
}


sub once {
    my ($name, @ids) = @_;

    my $seen = seen();

    cmp_ok(scalar(@ids), '>=', 20, "$name: " . @ids . ' events');
    is(join(' ', grep { !$seen->{$_} } @ids), '', 'none is lost');
    is(join(' ', grep { ($seen->{$_} // 0) > 1 } @ids), '', 'none is doubled');
    cmp_ok(scalar($target->requests), '<', @ids, 'in '
        . scalar($target->requests) . ' calls');
    $target->forget;
}
