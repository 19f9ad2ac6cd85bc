#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The clock jumps past an event's deadline before its fan-out had its first
# turn: as when a module blocks the worker, or the machine slept.  The producer
# is told, what was claimed is free again, and the worker can exit.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Client;

my $crash = "$FindBin::Bin/../build/crash";
my $load = '';

if (!$ENV{TEST_NGINX_STATIC}) {
    die "there is no module for tests; \"make test\" builds it\n"
        if !-f "$crash/ngx_http_test_module.so";

    $load = "load_module $crash/ngx_http_test_module.so;";
}

my $t = Test::EventRouter->new(
    module_path => "$crash/ngx_http_event_router_module.so");

if (!$load && qx(${\$t->binary} -V 2>&1) !~ m{/t/modules}) {
    plan(skip_all => 'the module for tests is not in this nginx');
}

my $target = $t->target(8081);
my $lines = 'verify off; id "{json:id}"; type "{json:type}"; deadline 200ms;';

$t->config(<<"EOC");
$load

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store file:%%TESTDIR%%/store size=16m;
    event_backlog 4;
    event_concurrency 4;

    proxy_connect_timeout 100ms;
    proxy_send_timeout 100ms;
    proxy_read_timeout 100ms;

    event_source plain  { $lines dedup off; }
    event_source keyed  { $lines dedup 1h; }
    event_source queued { $lines dedup 1h; delivery queued; }
    event_source loose  { $lines dedup off; delivery queued; }

    event_target none { optional; }

    event_route all  { from plain keyed queued loose; to one two; }
    event_route none { from plain; when type = quiet; to none; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /plain  { event_receive plain; }
        location = /keyed  { event_receive keyed; }
        location = /queued { event_receive queued; }
        location = /loose  { event_receive loose; }

        location = /stall  { test_stall 300; }
        location = /ready  { return 204; }

        location = /deliver/one {
            event_deliver one;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/one;
        }
        location = /deliver/two {
            event_deliver two;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/two;
        }
        location = /deliver/none {
            event_deliver none;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/none;
        }
    }
}
EOC

$t->run;

my $serial = 0;


# the worker finds both requests at once, the event first; gone: 1: the
# producer has left when the worker looks

sub stalled {
    my ($source, %o) = @_;

    my $port = $t->port(8080);
    my $producer = Test::EventRouter::Client->new(port => $port);
    my $other = Test::EventRouter::Client->new(port => $port);

    for my $c ($producer, $other) {
        $c->request(GET => '/ready');
    }

    my ($worker) = $t->workers;
    my $id = $o{id} // 's' . ++$serial;
    my $type = $o{type} // 'any';

    kill 'STOP', $worker;
    sleep 0.05;

    $producer->send(POST => "/$source",
        [ 'Content-Type' => 'application/json' ],
        qq({"id":"$id","type":"$type"}));
    sleep 0.05;
    $other->send(GET => '/stall');
    $producer->close if $o{gone};
    sleep 0.05;

    kill 'CONT', $worker;

    my $r = $o{gone} ? undef : $producer->response;

    $other->response;

    return ($r, $id);
}


# six times, with room for four: what is not given back is missed

for my $source (qw(plain keyed queued loose)) {
    my %status;

    for (1 .. 6) {
        my ($r, $id) = stalled($source);

        $status{$r->{status}}++;

        # what the deadline cut is taken when it comes again

        $r = $t->post("/$source", qq({"id":"$id","type":"any"}),
            [ 'Content-Type' => 'application/json' ]);
        $status{"again $r->{status}"}++;
    }

    my $again = $source eq 'plain' || $source eq 'keyed' ? 200 : 202;

    is_deeply(\%status, { 504 => 6, "again $again" => 6 },
        "$source: told, and taken when it comes again")
        or diag(explain(\%status));
}

stalled('plain', type => 'quiet');

for my $source (qw(plain keyed loose)) {
    stalled($source, gone => 1) for 1 .. 5;
    is((stalled($source))[0]{status}, 504, "$source: the producer has left");
}

ok($t->quit(6), 'and the worker exits');

$t->done;
