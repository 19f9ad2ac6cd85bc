#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What error.log says at the level debug of one event: its way from the fan-out
# to the target and, if it is queued, to the store and back, in this order, and
# nothing of its body.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new();
my $target = $t->target(8081);
my $secret = 'a-word-of-the-body';

$t->config(<<'EOC');

%%GLOBALS%%

error_log %%TESTDIR%%/debug.log debug;

http {
    %%GLOBALS_HTTP%%

    event_store file:%%TESTDIR%%/store size=16m;

    event_source now   { verify off; id "{json:id}"; }
    event_source later { verify off; id "{json:id}"; delivery queued; }

    event_target erp { retry base=100ms max=100ms for=1h; breaker off; }

    event_route all { from *; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /now   { event_receive now; }
        location = /later { event_receive later; }

        location = /erp {
            event_deliver erp;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/erp;
        }
    }
}

EOC

$t->run();


subtest 'a delivery that the producer waits for' => sub {
    is($t->post('/now', qq({"id":"n-1","x":"$secret"}))->{status}, 200,
        'is taken');

    in_order(qr/\*\d+ event router fan-out: event "n-1" of "now"/,
        qr/\*\d+ event router fan-out: event "n-1" claim:/,
        qr/event router delivery: event "n-1" to "erp"/,
        qr/\*\d+ event router attempt: event "n-1" of "now" to "erp" by/,
        qr/\*\d+ event router outgoing: POST "\/erp"/,
        qr/\*\d+ event router swallow: header, status:200/,
        qr/\*\d+ event router attempt: target says 200/,
        qr/event router delivery: event "n-1" to "erp" ok, status:200/,
        qr/event router fan-out: event "n-1" closes, again:0/,
        qr/\*\d+ event router fan-out: event "n-1" delivered after/,
        qr/event router fan-out: event "n-1" from rest to done/);
};


subtest 'one out of the queue, the second time' => sub {
    $target->answer('/erp', [ { status => 503 }, { status => 200 } ]);

    is($t->post('/later', qq({"id":"q-1","x":"$secret"}))->{status}, 202,
        'is taken');
    ok($t->wait_file('debug.log', qr/"q-1", attempt:2 .* to "erp" ends/s, 20),
        'and delivered');

    in_order(qr/\*\d+ event router fan-out: event "q-1" of "later"/,
        qr/\*\d+ event router accept: event "q-1" to "erp".*at once:1/,
        qr/event router accept: event "q-1" is \w+, rc:0/,
        qr/event router lease: event \w+ is "q-1", attempt:1 to "erp"/,
        qr/event router lease: event \w+ to "erp", status:503/,
        qr/event router settle: event \w+ to "erp", verdict:retry/,
        qr/event router settle: event \w+ to "erp", store says rc:0/,
        qr/event router dispatch: "erp", store is asked/,
        qr/event router dispatch: "erp", store says rc:0 entries:1/,
        qr/event router lease: event \w+ is "q-1", attempt:2 to "erp"/,
        qr/event router lease: event \w+ to "erp", status:200/,
        qr/event router settle: event \w+ to "erp", store says rc:0/,
        qr/event router lease: event \w+ to "erp" ends/);
};


unlike($t->read_file('debug.log'), qr/event router.*$secret/,
    'no word of a body is logged');

$t->done();


# the lines of the log that match, each behind the one before

sub in_order {
    my @want = @_;
    my $last = $want[-1];

    ok($t->wait_file('debug.log', qr/$last/, 20), 'the last line is there');

    my $log = $t->read_file('debug.log');

    pos($log) = 0;

    for my $re (@want) {
        ok($log =~ /\G.*?$re/gcs, "$re") or return;
    }
}
