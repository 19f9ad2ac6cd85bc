#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The rows of the table of "delivery queued wait=" in docs/guarantees.md: a
# worker that dies while its producer waits for what becomes of an event that
# is stored.  Then the producer sends it again, as it does.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Crash;

my @wait = (delivery => 'queued wait=1500ms');


subtest 'W0: before the event is stored' => sub {
    start(@wait, crash => 'before-commit=accept');

    my $e = event();

    is(post($e)->{status}, 0, 'no answer');
    crashed();
    is(join(' ', entries('pending')), '', 'nothing is stored');
    is(post($e)->{status}, 200, 'the retry is delivered while it waits');
    drained();
    is(attempts($e), '1', 'once');
    is(post($e)->{status}, 202, 'then a duplicate');
    finish();
};


subtest 'W1: stored, killed before the target answered' => sub {
    start(@wait, crash => 'attempt-ok');

    my $e = event();

    is(post($e)->{status}, 0, 'no answer');
    crashed();
    drained();
    is(attempts($e), '1 2', 'delivered by the next worker');
    is(post($e)->json->{outcome}, 'duplicate', 'the retry is a duplicate');
    finish();
};


subtest 'W2: the target has it, killed before the answer' => sub {
    start(@wait, crash => 'waited');

    my $e = event();

    is(post($e)->{status}, 0, 'no answer');
    crashed();
    drained();
    like(attempts($e), qr/^1(?: 2)?$/, 'delivered');
    is(post($e)->json->{outcome}, 'duplicate', 'the retry is a duplicate');
    finish();
};


subtest 'W3: it is a dead letter, killed before the 422' => sub {
    start(@wait, crash => 'waited', erp => 'retry off;');
    $target->answer('/erp', status => 400);

    my $e = event();

    is(post($e)->{status}, 0, 'no answer');
    crashed();
    ok(wait_until(10, sub { 1 == entries('dead') }), 'it is a dead letter');

    $target->answer('/erp', status => 200);
    is(post($e)->{status}, 202, 'the retry starts it again');
    drained();
    is(scalar(() = entries('dead')), 0, 'and it is delivered');
    finish();
};


subtest 'W4: a final failure, killed before it was written' => sub {
    start(@wait, crash => 'before-commit=bury', erp => 'retry off;');
    $target->answer('/erp', status => 400);

    my $e = event();

    is(post($e)->{status}, 0, 'nobody was told of a dead letter');
    crashed();
    ok(wait_until(10, sub { 1 == entries('dead') }),
        'tried once more, it is one');
    finish();
};


subtest 'W5: 202 after the wait, then killed' => sub {
    start(delivery => 'queued wait=300ms');
    $target->answer('/erp', status => 200, delay => 2);

    my $e = event();

    is(post($e)->{status}, 202, 'the queue goes on');
    kill_workers($t);
    $target->answer('/erp', status => 200);
    drained();
    like(attempts($e), qr/2$/, 'and delivers it');
    is(post($e)->json->{outcome}, 'duplicate', 'a retry is a duplicate');
    finish();
};


nodes_done();
