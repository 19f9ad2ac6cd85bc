#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The numbers of many routes are written in pieces, a turn of the event loop
# each.  A worker that is told to exit meanwhile writes the rest first.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use Test::More;
use Test::EventRouter;
use Time::HiRes qw(sleep);

use constant ROUTES => 60000;

my $t = Test::EventRouter->new(workers => 1);
my $last = 'r' . ROUTES;
my $routes = join '', map {
    "    event_route r$_ { from shop; when type = t$_; to erp; }\n"
} 1 .. ROUTES;

$t->workers_may_change('that is what is tested');
$t->config(<<"EOC");

    event_source shop { verify off; dedup off; type "{header:X-Type}"; }

$routes

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location /status/ { event_status; }
        location = /hook  { event_receive shop; }
        location = /erp   { event_deliver erp;
                            proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

my $target = $t->target(8081);

$t->run;

is($t->post('/hook', '{}', [ 'X-Type' => 't' . ROUTES,
       'Content-Type' => 'application/json' ])->{status}, 200,
    'the last route has matched');


# a few ms between the question and the signal: the answer is under way

my $cut = 0;

for my $round (1 .. 8) {
    my @clients = map { asks() } 1 .. 3;

    sleep 0.002 * $round;
    kill QUIT => $t->workers;

    rest($_) for @clients;

    $cut += grep { $_->{text} !~ /route="$last"\} 1\n/ } @clients;
}

is($cut, 0, 'all answers have the last route');


sub asks {
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $t->port(8080), Timeout => 10) or die "connect: $!\n";

    print $s "GET /status/metrics/routes HTTP/1.0\r\nHost: a\r\n\r\n";

    return { socket => $s, text => '' };
}


sub rest {
    my ($client) = @_;

    local $SIG{ALRM} = sub { die "the answer does not end\n" };
    alarm 30;

    1 while sysread $client->{socket}, $client->{text}, 65536,
                    length $client->{text};

    alarm 0;
}


$t->done;
