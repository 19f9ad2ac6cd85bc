#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Deliveries that make subrequests of their own, as scripting modules do: what
# those are answered is theirs, and not the answer of the target.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $crash = "$FindBin::Bin/../build/crash";
my $load = '';

# the module of t/modules, which is beside or inside that with crash points

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
my $serial = 0;

# what a client is answered, and a delivery as well

my %status = (
    said     => 200,
    proxied  => 200,
    file     => 200,
    empty    => 502,
    parallel => 200,
);

my %uris = (parallel => '/its/slow /its/said');
my @names = sort keys %status;

my $routes = join '', map {
    "event_target $_ { retry off; }
     event_route $_ { from *; when type = $_; to $_; }\n" } @names;

my $locations = join '', map {
    my $lines = 'test_subrequest ' . ($uris{$_} // "/its/$_") . ';';

    "location = /$_ { $lines }
     location = /deliver/$_ { event_deliver $_; $lines }\n"
} @names;

$t->config(<<"EOC");

$load
%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store file:%%TESTDIR%%/store size=16m;

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        deadline 3s;
    }

    event_source q {
        verify off;
        id "{json:id}";
        type "{json:type}";
        delivery queued;
    }

    $routes

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /a      { event_receive a; }
        location = /q      { event_receive q; }
        location = /status { event_status; }

        location = /its/said    { return 200 said; }
        location = /its/proxied {
            proxy_pass http://127.0.0.1:%%PORT_8081%%/proxied;
        }
        location = /its/file    { alias %%TESTDIR%%/html/file; }
        location = /its/empty   { return 204; }
        location = /its/slow    {
            proxy_pass http://127.0.0.1:%%PORT_8081%%/slow;
        }

        $locations
    }
}
EOC

$t->write_file('html/file', 'x' x 1000);
$target->answer('/proxied', body => 'x' x 1000);
$target->answer('/slow', delay => 0.2);
$t->run;


# what was answered out of the queue, when the attempt was made

sub queued {
    my ($name) = @_;

    return wait_until(5, sub {
        my $status = $t->get('/status')->json;
        my $c = $status->{targets}{$name};

        return $status->{queue}{targets}{$name}{pending} == 0
               && $c->{ok} + $c->{failed} == 2 && ($c->{ok} ? 200 : 502);
    });
}


for my $name (@names) {
    my $status = $status{$name};
    my @json = ([ 'Content-Type' => 'application/json' ]);
    my $event = qq("type":"$name"});

    is($t->get("/$name")->{status}, $status, "$name: for a client");

    my $d = $t->post('/a', qq({"id":"a-$name",$event), @json)
              ->json->{targets}[0];

    is($d->{status}, $status, "$name: at once");
    cmp_ok($d->{ms}, '<', 2000, "$name: without a pause");

    is($t->post('/q', qq({"id":"q-$name",$event), @json)->{status}, 202,
        "$name: accepted");
    is(queued($name), $status, "$name: out of the queue");
}

$t->done;
