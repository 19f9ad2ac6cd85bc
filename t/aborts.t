#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The producer goes away, by FIN, RST or RST_STREAM, at each stage of its
# request and over each protocol.  What was not whole is not delivered.  What
# was is delivered to every target and settled, so that the producer's retry is
# recognized or resumed.  No connection is left behind.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);

my $serial = 0;


# ---- HTTP/2, as much of it as is needed to be rude

package H2;

sub new {
    my ($class, %o) = @_;

    my $c = $t->connect(%o, $o{tls}
        ? (tls => { SSL_alpn_protocols => [ 'h2' ] }) : ());

    my $self = bless { c => $c, next => 1, status => {}, body => {},
        ended => {} }, $class;

    $c->write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" . frame(4, 0, 0, ''));

    return $self;
}


sub frame {
    my ($type, $flags, $stream, $payload) = @_;

    return substr(pack('N', length $payload), 1)
           . pack('CCN', $type, $flags, $stream) . $payload;
}


# literal fields without indexing and without Huffman

sub fields {
    my (@fields) = @_;

    my $text = '';

    while (my ($name, $value) = splice @fields, 0, 2) {
        $text .= "\0" . chr(length $name) . lc($name)
                 . chr(length $value) . $value;
    }

    return $text;
}


sub begin {
    my ($self, $uri, $headers, %o) = @_;

    my $stream = $self->{next};

    $self->{next} += 2;
    $self->{c}->write(frame(1, $o{cut} ? 0 : 4, $stream, fields(
        ':method' => 'POST', ':scheme' => 'http', ':authority' => 'localhost',
        ':path' => $uri, @$headers)));

    return $stream;
}


sub data {
    my ($self, $stream, $data, $end) = @_;

    $self->{c}->write(frame(0, $end ? 1 : 0, $stream, $data));
}


sub reset_stream {
    my ($self, $stream) = @_;

    $self->{c}->write(frame(3, 0, $stream, pack 'N', 8));
}


# the status of a stream once its answer is complete, or 0

sub status {
    my ($self, $stream, $seconds) = @_;

    my $c = $self->{c};
    my $end = Time::HiRes::time() + ($seconds // 10);

    while (!$self->{ended}{$stream}) {
        $c->_bytes(9, $end) or return 0;

        my ($high, $low, $type, $flags, $id) = unpack 'CnCCN', $c->{buffer};
        my $length = ($high << 16) + $low;

        $c->_bytes(9 + $length, $end) or return 0;

        my $payload = substr $c->{buffer}, 9, $length;

        substr $c->{buffer}, 0, 9 + $length, '';

        if ($type == 1) {
            $self->{status}{$id} = $payload =~ /^\x88/ ? 200
                : $payload =~ /^\x48\x03(\d\d\d)/ ? $1 : 1;
        }

        $self->{body}{$id} .= $payload if $type == 0;
        $self->{ended}{$id} = 1
            if (($type == 0 || $type == 1) && $flags & 1) || $type == 3;

        $c->write(frame(4, 1, 0, '')) if $type == 4 && !($flags & 1);
    }

    return $self->{status}{$stream} // 0;
}


sub close { $_[0]{c}->close }
sub reset { $_[0]{c}->reset }


package main;


# ---- configuration

$t->certificate('tls');

my $conf = <<'EOC';

    upstream target {
        server 127.0.0.1:%%PORT_8081%%;
        keepalive 16;
    }

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_connect_timeout 1s;
    proxy_read_timeout 2s;

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        deadline 3s;
    }

    event_route both { from a; when type = both; to one two; }
    event_route half { from a; when type = half; to one bad; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        listen 127.0.0.1:%%PORT_8082%% http2;
        listen 127.0.0.1:%%PORT_8443%% ssl;
        listen 127.0.0.1:%%PORT_8444%% ssl http2;

        ssl_certificate %%TESTDIR%%/tls.crt;
        ssl_certificate_key %%TESTDIR%%/tls.key;

        lingering_timeout 1s;

        location = /a    { event_receive a; }
        location = /stub { stub_status; }
EOC

$conf .= "
        location = /deliver/$_ {
            event_deliver $_;
            proxy_pass http://target/$_;
        }\n" for qw(one two bad);

$t->config("$conf    }\n")->run;


# ---- helpers

sub event {
    my (%o) = @_;

    return JSON::PP->new->utf8->canonical->encode(
        { id => 'a' . ++$serial, type => 'both', fill => 'x' x 200, %o });
}


sub post {
    my ($body) = @_;

    return $t->post('/a', $body, [ 'Content-Type' => 'application/json' ]);
}


# the retry's answer when the first attempt is no longer under way

sub retry {
    my ($body) = @_;

    my $r;

    wait_until(8, sub { ($r = post($body))->{status} != 409 });

    return $r;
}


sub active {
    return $t->get('/stub')->{body} =~ /Active connections: (\d+)/ ? $1 : -1;
}


sub states {
    my ($r) = @_;

    return join ' ', $r->{status}, map { "$_->{name}=$_->{state}" }
                                   @{ ($r->json // {})->{targets} // [] };
}


post(event());

my $baseline = active();


sub nothing_left {
    my ($name) = @_;

    ok(wait_until(5, sub { active() == $baseline }), "$name: connections")
        or diag('active: ' . active() . ", before: $baseline");
}


# ---- HTTP/1.1 and TLS

my @h1 = ([ 'h1 close', 0, Connection => 'close' ],
          [ 'h1 keep-alive', 0 ],
          [ 'TLS', 1 ]);

for my $case (@h1) {
    my ($proto, $tls, @headers) = @$case;

    my $connect = sub {
        return $t->connect(port => $tls ? 8443 : 8080, tls => $tls);
    };

    my $text = sub {
        my ($body) = @_;

        return Test::EventRouter::Client::format_request(POST => '/a',
            [ 'Content-Type' => 'application/json', @headers ], $body);
    };

    for my $way (qw(close reset)) {
        my $name = "$proto, $way";

        # in the header, behind it and in the body

        $target->answer("/$_", status => 200) for qw(one two bad);

        for my $stage ([ 'in the header', 30 ], [ 'after the header', -1 ],
                       [ 'in the body', -100 ], [ 'before the last byte', 0 ])
        {
            my $body = event();
            my $request = $text->($body);
            my $head = index($request, "\r\n\r\n") + 4;
            my $at = $stage->[1] > 0 ? $stage->[1]
                   : $stage->[1] == -1 ? $head
                   : $stage->[1] == 0 ? length($request) - 1
                   : $head - $stage->[1];

            $target->forget;

            my $c = $connect->();

            $c->write(substr $request, 0, $at);
            $c->$way;

            is(states(post($body)), '200 one=ok two=ok',
                "$name $stage->[0]: the retry is new");
            is($target->count, 2, "$name $stage->[0]: each once");
        }

        # deliveries are in flight

        $target->answer("/$_", delay => 0.15) for qw(one two);
        $target->forget;

        my $body = event();
        my $c = $connect->();

        $c->write($text->($body));
        wait_until(5, sub { $target->begun == 2 });
        $c->$way;

        is(post($body)->{status}, 409, "$name in flight: the retry waits");

        my $r = retry($body);

        is("$r->{status} " . $r->json->{outcome}, '200 duplicate',
            "$name in flight: S9 duplicate");
        is($target->count, 2, "$name in flight: S9 each once");

        # one of them fails

        $target->answer('/bad', [ { delay => 0.1, status => 500 }, {} ]);
        $target->forget;

        $body = event(type => 'half');
        $c = $connect->();
        $c->write($text->($body));
        wait_until(5, sub { $target->begun == 2 });
        $c->$way;

        $r = retry($body);

        is(states($r), '200 one=settled bad=ok',
            "$name in flight: S9 resumed");
        is(join(' ', sort map { $_->{uri} . $_->header('X-Event-Attempt') }
                $target->requests), '/bad1 /bad2 /one1',
            "$name in flight: S9 who failed is called again");

        # the answer is on its way, or read

        $target->answer("/$_", status => 200) for qw(one two);

        for my $read (0, 1) {
            $target->forget;
            $body = event();
            $c = $connect->();
            $c->write($text->($body));
            $target->wait_requests(2);
            is($c->response->{status}, 200, "$name: answered") if $read;
            $c->$way;

            is(retry($body)->json->{outcome}, 'duplicate',
                "$name after the answer: duplicate");
        }

        nothing_left($name);
    }
}


# a client that only says that it sends no more gets its answer

$target->answer("/$_", delay => 0.1) for qw(one two);
$target->forget;

my $c = $t->connect;

$c->send(POST => '/a', [ 'Content-Type' => 'application/json' ], event());
$c->half_close;
is(($c->response // {})->{status}, 200, 'half-closed: answered');
is($target->count, 2, 'half-closed: delivered');
$c->close;


# pipelined: the second event waits until the first is answered

my @bodies = map { event() } 1 .. 3;

$target->forget;
$c = $t->connect;
$c->write(join '', map { Test::EventRouter::Client::format_request(
    POST => '/a', [ 'Content-Type' => 'application/json' ], $_) } @bodies);

is(join(' ', map { ($_->json // {})->{id} } map { $c->response } 1 .. 3),
    join(' ', map { JSON::PP::decode_json($_)->{id} } @bodies),
    'pipelined: answered in order');
is($target->count, 6, 'pipelined: all delivered');
$c->close;

@bodies = map { event() } 1 .. 3;
$target->forget;
$c = $t->connect;
$c->write(join '', map { Test::EventRouter::Client::format_request(
    POST => '/a', [ 'Content-Type' => 'application/json' ], $_) } @bodies);
wait_until(5, sub { $target->begun == 2 });
$c->reset;

is(retry($bodies[0])->json->{outcome}, 'duplicate',
    'pipelined, reset: the first was delivered');
like(retry($_)->json->{outcome}, qr/^(delivered|duplicate)$/,
    'pipelined, reset: the others can be') for @bodies[1, 2];
is($target->count, 6, 'pipelined, reset: each once');

nothing_left('pipelined');


# ---- HTTP/2

for my $tls (0, 1) {
    for my $way (qw(reset_stream close reset)) {
        my $name = ($tls ? 'h2 over TLS' : 'h2') . ", $way";
        my $connect = sub {
            return H2->new(port => $tls ? 8444 : 8082, tls => $tls);
        };

        # false when the connection is gone

        my $leave = sub {
            my ($h2, $stream) = @_;

            if ($way eq 'reset_stream') {
                $h2->reset_stream($stream);

                # the connection lives on

                my $next = $h2->begin('/a',
                    [ 'content-type' => 'application/json' ]);

                $h2->data($next, event(type => 'other'), 1);
                is($h2->status($next), 200, "$name: next stream");
                $h2->close;

            } else {
                $h2->$way;
            }
        };

        # before the event is whole

        $target->answer("/$_", status => 200) for qw(one two bad);

        for my $stage ('in the header', 'after the header', 'in the body') {
            next if $way eq 'reset_stream' && $stage eq 'in the header';

            my $body = event();
            my $h2 = $connect->();

            $target->forget;

            my $stream = $h2->begin('/a',
                [ 'content-type' => 'application/json' ],
                cut => $stage eq 'in the header');

            $h2->data($stream, substr $body, 0, 100)
                if $stage eq 'in the body';
            $leave->($h2, $stream);

            is(states(post($body)), '200 one=ok two=ok',
                "$name $stage: the retry is new");
            is($target->count, 2, "$name $stage: each once");
        }

        # deliveries are in flight

        $target->answer("/$_", delay => 0.15) for qw(one two);
        $target->forget;

        my $body = event();
        my $h2 = $connect->();
        my $stream = $h2->begin('/a',
            [ 'content-type' => 'application/json' ]);

        $h2->data($stream, $body, 1);
        wait_until(5, sub { $target->begun == 2 });
        $leave->($h2, $stream);

        my $r = retry($body);

        is("$r->{status} " . $r->json->{outcome}, '200 duplicate',
            "$name in flight: S9 duplicate");
        is($target->count, 2, "$name in flight: S9 each once");

        # one of them fails

        $target->answer('/bad', [ { delay => 0.1, status => 500 }, {} ]);
        $target->forget;

        $body = event(type => 'half');
        $h2 = $connect->();
        $stream = $h2->begin('/a', [ 'content-type' => 'application/json' ]);
        $h2->data($stream, $body, 1);
        wait_until(5, sub { $target->begun == 2 });
        $leave->($h2, $stream);

        is(states(retry($body)), '200 one=settled bad=ok',
            "$name in flight: S9 resumed");

        # twenty at once

        $target->forget;
        $h2 = $connect->();

        my @bodies = map { event() } 1 .. 20;
        my @streams;

        for (@bodies) {
            push @streams, $h2->begin('/a',
                [ 'content-type' => 'application/json' ]);
            $h2->data($streams[-1], $_, 1);
        }

        wait_until(5, sub { $target->begun == 40 });

        if ($way eq 'reset_stream') {
            $h2->reset_stream($_) for @streams;
            $h2->close;

        } else {
            $h2->$way;
        }

        is(scalar(grep { retry($_)->json->{outcome} eq 'duplicate' } @bodies),
            20, "$name: 20 streams");
        is($target->count, 40, "$name: 20 streams, each once");

        # after the answer

        $target->answer("/$_", status => 200) for qw(one two);

        $body = event();
        $h2 = $connect->();
        $stream = $h2->begin('/a', [ 'content-type' => 'application/json' ]);
        $h2->data($stream, $body, 1);
        is($h2->status($stream), 200, "$name: answered");
        $h2->reset_stream($stream) if $way eq 'reset_stream';
        $way eq 'reset' ? $h2->reset : $h2->close;

        is(post($body)->json->{outcome}, 'duplicate',
            "$name after the answer: duplicate");

        nothing_left($name);
    }
}


# curl, which gives up while the target thinks

SKIP: {
    skip 'no curl', 2 if system('curl -V >/dev/null 2>&1') != 0;

    $target->answer("/$_", delay => 0.8) for qw(one two);
    $target->forget;

    my $body = event();
    my $r = $t->h2(POST => '/a', [ 'Content-Type' => 'application/json' ],
        $body, port => 8082, timeout => 0.4);

    ok(!$r->{complete}, 'curl gave up');
    is(retry($body)->json->{outcome}, 'duplicate', 'curl: S9 duplicate');
}

nothing_left('at the end');
is(post(event())->{status}, 200, 'the next event');

$t->done;
