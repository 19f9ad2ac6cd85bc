#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A flood of forged requests into quarantine, with a small store: genuine events
# have their room before, beside and after it, and the quarantine gives way.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP;
use Test::More;
use Test::EventRouter;
use Time::HiRes qw(sleep time);

my $t = Test::EventRouter->new(workers => 2);

$t->config(<<'EOC');
    event_store file:%%TESTDIR%%/store size=8m;

    event_source shop { verify hmac-sha256; secret file:secret; signed "{body}";
                        signature header:X-Sig; id "{json:id}";
                        delivery queued; quarantine 1h; }
    event_source plain { verify off; id "{json:id}"; delivery queued; }
    event_target erp { retry for=1h base=1h max=1h; breaker off; }
    event_route all { from shop plain; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /shop  { event_receive shop; }
        location = /plain { event_receive plain; }
        location = /erp   { event_deliver erp;
                            proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location /status  { event_status; }
    }
EOC

$t->write_file('conf/secret', $t->secret('quarantine-room-0123456789'));
$t->run;

my ($n, $forged) = (0, '{"id":"' . ('f' x 60000) . '"}');
my %got;

# 100 writes a second are the most

for my $round (1 .. 4) {
    my $begin = time;

    for (1 .. 60) {
        $t->post('/shop', $forged, [ 'Content-Type' => 'application/json',
            'X-Sig' => '00' x 32 ]);
        event(100) if $_ % 20 == 0;
    }

    sleep 1 - (time - $begin) if time - $begin < 1;
}

is_deeply(\%got, { 202 => 12 }, 'genuine events are taken beside a flood');

my $kept = quarantined();
cmp_ok($kept, '>', 20, "so many are kept: $kept");

event(20000) for 1 .. 200;
is_deeply(\%got, { 202 => 212 }, 'and have more room than that has left');

cmp_ok(quarantined(), '>=', $kept, 'which is counted');

$t->done;


sub event {
    my ($size) = @_;

    my $r = $t->post('/plain', '{"id":"e' . ++$n . '","x":"' . ('x' x $size)
        . '"}', [ 'Content-Type' => 'application/json' ]);
    $got{$r->{status}}++;
}


sub quarantined {
    my $status = decode_json($t->get('/status')->{body});

    return $status->{sources}{shop}{quarantined};
}
