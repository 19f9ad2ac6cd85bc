#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Faults of producers in error.log: the first one of each second and source is
# a warning in full, the others are at "info", and how many there were is told.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Time::HiRes qw(sleep time);

my $TOKEN = 'token-of-the-faults-test';

my $t = Test::EventRouter->new(workers => 1);

$t->secret($TOKEN);
$t->target(8081);
$t->write_file('token', "$TOKEN\n");

$t->config(<<"EOC");

    event_source shop { verify token; signature header:X-Token;
                        secret file:%%TESTDIR%%/token; dedup off; }
    event_source bank { verify token; signature header:X-Token;
                        secret file:%%TESTDIR%%/token; dedup off; }

    event_route all { from *; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /shop { event_receive shop; }
        location = /bank { event_receive bank; }

        location = /erp {
            event_deliver erp;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
    }
EOC

$t->run;

my $wrong = 'event from source "shop" refused: the token does not match';

# a burst, not across the end of a second

my ($warn, $info);

for (1 .. 20) {
    my ($from, $begun) = (length $t->read_file('logs/error.log'), time);

    is(join(' ', map { post('/shop', 'wrong') } 1 .. 6), join(' ', (401) x 6),
        'refused');
    sleep 1.3 - (time - $begun) if time - $begun < 1.3;

    my $log = substr $t->read_file('logs/error.log'), $from;

    ($warn, $info) = map { my $level = $_;
        scalar(() = $log =~ /\[$level\] [^\n]*\Q$wrong\E, client: 127/g) }
        qw(warn info);

    next if $warn > 1;

    is("$warn $info", '1 5', 'the first is a warning, the others are not');
    like($log, qr/\[warn\] .* 5 more events from source "shop" were refused/,
        'how many there were');
    last;
}

# nothing more is nothing to tell

my $from = length $t->read_file('logs/error.log');

is(post('/shop', 'wrong'), 401, 'one');
is(post('/bank', 'wrong'), 401, 'and one of another source');
sleep 1.3;

my $log = substr $t->read_file('logs/error.log'), $from;

like($log, qr/\[warn\] .*\Q$wrong\E, client/, 'a second later: a warning');
like($log, qr/\[warn\] .*source "bank" refused/, 'each source has its own');
unlike($log, qr/more events/, 'there were no others');

# what is rejected counts with it, what is genuine does not

$from = length $t->read_file('logs/error.log');
is(post('/shop', 'wrong'), 401, 'a wrong token');
is(post('/shop', $TOKEN, 'image/png'), 415, 'a wrong type');
is(post('/shop', $TOKEN), 200, 'a good event');
is(post('/shop', $TOKEN, 'application/json', '{"a":'), 400, 'half an event');
sleep 1.3;
$log = substr $t->read_file('logs/error.log'), $from;
like($log, qr/\[info\] .*source "shop" rejected: the content type/, 'its line');
like($log, qr/\[warn\] .* 1 more event from/, 'counted');
like($log, qr/\[warn\] .*genuine event from source "shop" cannot be parsed/,
    'a loss is always a warning');

$t->done;


sub post {
    my ($uri, $token, $type, $body) = @_;

    return $t->post($uri, $body // '{"id":1}',
        [ 'Content-Type' => $type // 'application/json',
          'X-Token' => $token ])->{status};
}
