#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A duplicate whose body is not that of the first event: the log says so, once
# a second and source, and a counter counts them.  With the keys of duplicates
# in memory, in Redis and in both queues.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Time::HiRes qw(sleep time);

my $t = Test::EventRouter->new(workers => 1);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my ($serial, $stores) = (0, 0);

my %stores = (
    'memory' => [ 'event_store memory:1m;', 'sync' ],
    'Redis' => [ 'event_store redis://127.0.0.1:%%PORT_6379%% prefix=d%s;',
        'sync' ],
    'queue in files' => [ 'event_store file:%%TESTDIR%%/s%s size=16m;',
        'queued' ],
    'queue in Redis' => [ 'event_store redis://127.0.0.1:%%PORT_6379%%'
        . ' prefix=q%s;', 'queued' ],
    'queue in files, keys in memory' => [ 'event_store file:%%TESTDIR%%/s%s'
        . ' size=16m; event_dedup_store memory:1m;', 'queued' ],
    'queue in files, keys in Redis' => [ 'event_store file:%%TESTDIR%%/s%s'
        . ' size=16m; event_dedup_store redis://127.0.0.1:%%PORT_6379%%'
        . ' prefix=k%s;', 'queued' ],
);

for my $name (sort keys %stores) {
    subtest $name => sub { differs(@{ $stores{$name} }) };
}


sub differs {
    my ($store, $delivery) = @_;

    $stores++;
    $store =~ s/%s(?=[ ;])/$stores/g;
    $t->stop;
    $t->config(<<"EOC");

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    $store

    event_source a {
        verify off;
        id "{json:id}";
        delivery $delivery;
        dedup 1h by=id;
    }

    event_source b {
        verify off;
        id "{json:id}";
        delivery $delivery;
        dedup 1h by=id;
    }

    event_source whole {
        verify off;
        id "{json:id}";
        delivery $delivery;
    }

    event_target erp { breaker off; }
    event_route all { from a b whole; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /a      { event_receive a; }
        location = /b      { event_receive b; }
        location = /whole  { event_receive whole; }
        location /status   { event_status; }
        location = /deliver/erp {
            event_deliver erp;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
    }
}
EOC
    $t->run;

    my $from = length $t->read_file('logs/error.log');
    my $lines = sub {
        return grep { /has another body/ }
            split /\n/, substr $t->read_file('logs/error.log'), $from;
    };

    my ($e, $f, $g) = map { "d$stores-" . ++$serial } 1 .. 3;

    is(post('/a', $e, 1), '20' . ($delivery eq 'sync' ? 0 : 2), 'the first one');
    is(post('/a', $e, 1), '200 duplicate', 'a duplicate');
    is(scalar $lines->(), 0, 'nothing is said of it');
    is(count('a'), 0, 'nor counted');

    # at the beginning of a second, so that all are in one

    sleep 1.02 - (time - int time);

    is(post('/a', $e, 2), '200 duplicate', 'one with another body');
    is(post('/a', $e, $_), '200 duplicate', 'and more of them') for 3, 4;
    is(count('a'), 3, 'are counted');

    my @lines = $lines->();

    is(scalar @lines, 1, 'one line');
    like($lines[0], qr/\[warn\].*duplicate of event "$e" from source "a" has another body, the first one was kept$/,
        'which says what');

    # another source has its own line

    post('/b', $f, 1);
    is(post('/b', $f, 2), '200 duplicate', 'the same of another source');
    is(count('b'), 1, 'is counted there');
    is(scalar(@lines = $lines->()), 2, 'and told');
    like($lines[1], qr/"$f" from source "b"/, 'as its own');

    sleep 1.02;
    post('/a', $e, 1);
    is(scalar $lines->(), 2, 'the first body is the first body still');
    post('/a', $e, 5);
    is(scalar(@lines = $lines->()), 3, 'a line a second later');
    like($lines[2], qr/kept; so had 2 more of this source since the last line/,
        'says how many there were');

    # where the key covers the body there are no such duplicates

    post('/whole', $g, 1);
    isnt(post('/whole', $g, 2), '200 duplicate', 'by id and body');
    is(post('/whole', $g, 2), '200 duplicate', 'the same one');
    is(count('whole'), 0, 'has no other body');

    like($t->get('/status/metrics')->{body},
        qr/^event_router_events_total\{source="a",result="duplicate_differs"\} 4$/m,
        'for Prometheus');
}


sub post {
    my ($uri, $id, $n) = @_;

    my $r = $t->post($uri, qq({"id":"$id","n":$n}),
        [ 'Content-Type' => 'application/json' ]);

    return $r->{status} . ($r->header('X-Event-Duplicate') ? ' duplicate' : '');
}


sub count {
    my ($source) = @_;

    return $t->get('/status')->json->{sources}{$source}{duplicate_differs};
}


done_testing();
