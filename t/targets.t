#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Targets that are broken or hostile: they refuse, hang, reset, answer half,
# garbage, without end or with what steers nginx.  Each is classified, the
# producer is told, nothing leaks to it, and the worker lives on with the
# memory and the connections that it had.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);
my $second = $t->target(8082);

my $serial = 0;


# ---- a server that sends what it is told, byte for byte

package Raw;

use Socket qw(SOL_SOCKET SO_LINGER);
use Time::HiRes qw(time);

# The code gets the connection; without "greedy" it is called when a request
# with its body was read, and gets the path too.

sub new {
    my ($class, $port, $code, $greedy) = @_;

    my $listen = IO::Socket::INET->new(Proto => 'tcp', Listen => 128,
        ReuseAddr => 1, LocalAddr => '127.0.0.1', LocalPort => $port)
        or die "cannot listen on $port: $!\n";

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        setpgrp 0, 0;
        $SIG{$_} = 'DEFAULT' for qw(TERM INT);
        $SIG{CHLD} = 'IGNORE';

        while (1) {
            my $c = $listen->accept or next;

            if ((fork // 0) == 0) {
                $SIG{ALRM} = 'DEFAULT';
                $SIG{PIPE} = 'IGNORE';
                alarm 30;
                serve($c, $code, $greedy);
                POSIX::_exit(0);
            }
        }
    }

    setpgrp $pid, $pid;

    return bless { pid => $pid }, $class;
}


sub serve {
    my ($c, $code, $greedy) = @_;

    my $text = '';

    return $code->($c) if $greedy;

    while (1) {
        my ($path, $length, $body) = $text
            =~ m{\A\S+ (\S+) .*?^Content-Length: (\d+)\r\n.*?\r\n\r\n(.*)}ms;

        if (defined $body && length $body >= $length) {
            $text = substr $body, $length;
            $code->($c, $path) or return;
        }

        sysread($c, $text, 65536, length $text) or return;
    }
}


sub reset_it {
    my ($c) = @_;

    setsockopt $c, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0);
    close $c;
}


sub stop {
    my ($self) = @_;

    my $pid = delete $self->{pid} or return;

    kill 'KILL', -$pid;
    waitpid $pid, 0;
}


package main;


my $ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
my $chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

# path => bytes; [ bytes, then ]: what is done afterwards, close is the default

my %raw = (
    'half-header'   => "HTTP/1.1 200 OK\r\nContent-Le",
    'half-line'     => "HTTP/1.1 20",
    'hung-header'   => [ "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n", 'hang' ],
    'no-http'       => "SSH-2.0-OpenSSH_9.2\r\n",
    'nul'           => "\0" x 100,
    'http-0.9'      => "<html>ok</html>",
    'status-0'      => "HTTP/1.1 000 Zero\r\nContent-Length: 0\r\n\r\n",
    'status-99'     => "HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n",
    'status-2000'   => "HTTP/1.1 2000 High\r\nContent-Length: 0\r\n\r\n",
    'status-neg'    => "HTTP/1.1 -200 OK\r\nContent-Length: 0\r\n\r\n",
    'http-2'        => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    'cut-chunk'     => $chunked . "a\r\n12345",
    'no-last-chunk' => $chunked . "2\r\nok\r\n",
    'bad-chunk'     => $chunked . "zz\r\nok\r\n0\r\n\r\n",
    'huge-chunk'    => $chunked . "fffffffffffffffffff\r\nok\r\n0\r\n\r\n",
    'two-lengths'   => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
                       . "Content-Length: 3\r\n\r\nok",
    'crlf'          => "HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n"
                       . "\r\nok",
    'big-header'    => "HTTP/1.1 200 OK\r\nX-Big: " . 'x' x 100_000
                       . "\r\nContent-Length: 2\r\n\r\nok",
    'flood-1xx'     => "HTTP/1.1 100 Continue\r\n\r\n" x 10_000 . $ok,
    'flood-header'  => "HTTP/1.1 200 OK\r\n" . "X: y\r\n" x 100_000,
    'early-hints'   => "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" . $ok,
    'switching'     => "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n"
                       . "Connection: upgrade\r\n\r\nbytes",
    'chunked'       => $chunked . "2\r\nok\r\n0\r\nX-Trailer: a\r\n\r\n",
    'until-close'   => "HTTP/1.1 200 OK\r\n\r\nok",
    'http-1.0'      => "HTTP/1.0 200 OK\r\n\r\nok",
    'body-of-204'   => [ "HTTP/1.1 204 None\r\nContent-Length: 35\r\n\r\n"
                         . "HTTP/1.1 500 Smuggled\r\nX: y\r\n\r\n", 'keep' ],
    'two-answers'   => [ $ok . "HTTP/1.1 500 Smuggled\r\n"
                         . "Content-Length: 0\r\n\r\n", 'keep' ],
    'keep'          => [ $ok, 'keep' ],
    'silent-close'  => [ $ok, 'close' ],
    'reset-after'   => [ $ok, 'reset' ],
    'minus-length'  => "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\nok",
    'lf'            => "HTTP/1.1 200 OK\nContent-Length: 2\n\nok",
    'many-headers'  => "HTTP/1.1 200 OK\r\n"
                       . join('', map { "X-$_: y\r\n" } 1 .. 200)
                       . "Content-Length: 2\r\n\r\nok",
);

# the status line counts, whatever is behind it

my @wrong = sort grep { !/^(chunked|until|http-1|body|two-a|keep|silent|reset
                           |lf|many|minus|half-header|half-body|hung-|two-l
                           |cut-c|no-last|bad-chunk|huge-chunk|crlf|big-header
                           |flood-header|early-hints|short)/x } keys %raw;
my %wrong = map { ($_ => 1) } @wrong;
my @right = sort grep { !$wrong{$_} } keys %raw;

$t->own(Raw->new($t->port(8083), sub {
    my ($c, $path) = @_;

    my $what = $raw{$path =~ s{^/}{}r} // $ok;
    my ($bytes, $then) = ref $what ? @$what : ($what, 'close');

    while (length $bytes) {
        my $n = syswrite $c, $bytes or return 0;
        substr $bytes, 0, $n, '';
    }

    return 1 if $then eq 'keep';

    sleep 20 if $then eq 'hang';
    Raw::reset_it($c) if $then eq 'reset';

    return 0;
}));

$t->own(Raw->new($t->port(8084), sub { Raw::reset_it($_[0]) }, 1));
$t->own(Raw->new($t->port(8085), sub { close $_[0] }, 1));


# ---- configuration

my %deliver = (
    (map { ("$_" => (ref $raw{$_} ? 'http://raw/' : 'http://raw-once/') . $_) }
         keys %raw),
    (map { ($_ => "http://target/$_") } qw(good hang close reset early_reset
        half garbage truncate early big drip long accel gzip cookie error
        intercept)),
    (map { ($_ => 'http://target') } qw(if-accel if-named)),
    refuse => 'http://127.0.0.1:%%PORT_8089%%',
    'accept-reset' => 'http://127.0.0.1:%%PORT_8084%%',
    'accept-close' => 'http://127.0.0.1:%%PORT_8085%%',
    next => 'http://pair/next',
    'next-never' => 'http://pair-default/next-never',
    tls => 'https://127.0.0.1:%%PORT_8443%%/ok',
    'tls-bad' => 'https://127.0.0.1:%%PORT_8443%%/ok',
    'tls-name' => 'https://127.0.0.1:%%PORT_8443%%/ok',
    'tls-off' => 'https://127.0.0.1:%%PORT_8443%%/ok',
    'tls-plain' => 'https://127.0.0.1:%%PORT_8081%%',
    'plain-tls' => 'http://127.0.0.1:%%PORT_8443%%',
);

my %more = (
    next => 'proxy_next_upstream error timeout non_idempotent http_500;',
    tls => 'proxy_ssl_verify on; proxy_ssl_name localhost;
            proxy_ssl_trusted_certificate %%TESTDIR%%/tls.crt;',
    'tls-bad' => 'proxy_ssl_verify on; proxy_ssl_name localhost;
            proxy_ssl_trusted_certificate %%TESTDIR%%/other.crt;',
    'tls-name' => 'proxy_ssl_verify on; proxy_ssl_name example.com;
            proxy_ssl_trusted_certificate %%TESTDIR%%/tls.crt;',
    intercept => 'proxy_intercept_errors on;',
    big => 'proxy_read_timeout 8s;',
    long => 'proxy_read_timeout 5s;',
    drip => 'proxy_read_timeout 5s;',
);

my %other = (
    return200 => 'return 200 ok;',
    return204 => 'return 204;',
    empty200  => 'return 200;',
    return302 => 'return 302 /secret;',
    return403 => 'return 403;',
    return444 => 'return 444;',
    return500 => 'return 500;',
    nofile    => 'alias %%TESTDIR%%/html/none;',
    rewritten => 'try_files /none /hidden;',
);

my %in_if = map { ($_ => 1) } qw(if-accel if-named);

$t->certificate('tls');
$t->certificate('other');

my $conf = <<'EOC';

    upstream target { server 127.0.0.1:%%PORT_8081%%; keepalive 4; }
    upstream raw    { server 127.0.0.1:%%PORT_8083%%; keepalive 4; }
    upstream raw-once { server 127.0.0.1:%%PORT_8083%%; }

    upstream pair {
        server 127.0.0.1:%%PORT_8081%% max_fails=0;
        server 127.0.0.1:%%PORT_8082%% backup;
    }

    upstream pair-default {
        server 127.0.0.1:%%PORT_8081%% max_fails=0;
        server 127.0.0.1:%%PORT_8082%% backup;
    }

    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_connect_timeout 1s;
    proxy_send_timeout 1s;
    proxy_read_timeout 500ms;
    proxy_buffer_size 4k;
    proxy_ssl_session_reuse off;

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        deadline 9s;
    }

    event_source quick {
        verify off;
        id "{json:id}";
        type "{json:type}";
        deadline 600ms;
    }
EOC

my @names = sort keys %deliver, keys %other;

$conf .= "event_route $_ { from *; when type = $_; to $_; }\n" for @names;

# answers of error pages do not make a delivery of a failure

$conf .= <<'EOC';

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        error_page 403 404 405 500 502 503 504 =200 /fine;

        # nor does a delivery wait for a client that is not there

        lingering_close always;

        location = /a      { event_receive a; }
        location = /quick  { event_receive quick; }
        location = /status { event_status; }
        location = /stub   { stub_status; }

        location = /fine   { return 200 fine; }
        location = /hidden {
            internal;
            proxy_pass http://127.0.0.1:%%PORT_8082%%/hidden;
        }
        location @named    { proxy_pass http://127.0.0.1:%%PORT_8082%%; }
EOC

for my $name (sort keys %deliver) {
    my $pass = "proxy_pass $deliver{$name}; " . ($more{$name} // '');

    $pass = "if (\$request_method = POST) { $pass }" if $in_if{$name};
    $conf .= "location = /deliver/$name { event_deliver $name; $pass }\n";
}

$conf .= "location = /deliver/$_ { event_deliver $_; $other{$_} }\n"
    for sort keys %other;

$conf .= <<'EOC';
    }

    server {
        listen 127.0.0.1:%%PORT_8443%% ssl;
        ssl_certificate %%TESTDIR%%/tls.crt;
        ssl_certificate_key %%TESTDIR%%/tls.key;
        location / { return 200 ok; }
    }
EOC

$t->config($conf)->run;


# ---- helpers

sub event {
    my ($type, %o) = @_;

    return JSON::PP->new->utf8->canonical->encode(
        { id => 't' . ++$serial, type => $type, %o });
}


sub post {
    my ($uri, $body) = @_;

    return $t->post($uri, $body, [ 'Content-Type' => 'application/json' ]);
}


# "STATUS STATE:STATUS" of an event to one target

sub fate {
    my ($type, %o) = @_;

    my $r = post('/a', event($type, %o));
    my $json = $r->json // {};

    return "$r->{status} " . join ' ',
        map { "$_->{state}:$_->{status}" } @{ $json->{targets} // [] };
}


sub memory {
    my ($field) = @_;

    my ($pid) = $t->workers;

    open my $f, '<', "/proc/$pid/status" or return 0;
    my ($kb) = map { /^$field:\s*(\d+)/ } <$f>;

    return $kb / 1024;
}


# connections to the port whose other end has closed

sub closing {
    my ($port) = @_;

    open my $f, '<', '/proc/net/tcp' or return 0;

    return scalar grep { /^\s*\d+: \S+ \S+:(\S+) 08 /
                         && hex $1 == $port } <$f>;
}


sub active {
    return $t->get('/stub')->{body} =~ /Active connections: (\d+)/ ? $1 : -1;
}


is(fate('good'), '200 ok:200', 'a good one');

my $baseline = active();
my ($worker) = $t->workers;


# ---- two that last longer than the deadline: their status line does not

$target->answer('/drip', body => 'x' x 100_000, drip => [ 20, 0.1 ]);
$target->answer('/long', body => 'x' x 100_000, drip => [ 1000, 0.1 ]);

my $drip = event('drip');
my $long = event('long');
my @slow = map { $t->connect } 1 .. 2;

$slow[0]->send(POST => '/quick', [ 'Content-Type' => 'application/json' ],
    $drip);
$slow[1]->send(POST => '/quick', [ 'Content-Type' => 'application/json' ],
    $long);


# ---- no answer

is(fate('refuse'), '502 failed:502', 'refuses');
is(fate('accept-reset'), '502 failed:502', 'resets when it accepts');
is(fate('accept-close'), '502 failed:502', 'closes when it accepts');

for my $fault (qw(close reset early_reset half garbage)) {
    $target->answer("/$fault", fault => $fault);
    is(fate($fault), '502 failed:502', "fault $fault");
}

$target->answer('/hang', fault => 'hang');

my $start = time;

is(fate('hang'), '502 failed:504', 'hangs');
cmp_ok(time - $start, '<', 1, 'hangs: read time-out');

$target->answer('/truncate', fault => 'truncate', size => 1_000_000);
is(fate('truncate'), '200 ok:200', 'a megabyte cut in half');

# answers before it has read

$target->answer('/early', fault => 'early', status => 413);
is(fate('early', fill => 'x' x 500_000), '502 failed:413', 'early 413');
$target->answer('/early', fault => 'early', status => 200);
like(fate('early', fill => 'x' x 500_000), qr/^(200 ok:200|502 failed:50.)$/,
    'early 200');


# ---- answers that are none

for my $name (@wrong) {
    like(fate($name), qr/^502 failed:(?!2)\d+$/, "not taken: $name");
}

is(fate('good'), '200 ok:200', 'others are not affected');


# ---- odd answers that are answers

for my $name (@right) {
    my $status = $name eq 'body-of-204' ? 204 : 200;

    for (1 .. 3) {
        is(fate($name), "200 ok:$status", "taken: $name");

        # nginx has seen that it was closed, if it was

        sleep 0.03;
        wait_until(2, sub { !closing($t->port(8083)) });
    }

    is(fate('keep'), '200 ok:200', "after $name");
}

$target->answer('/gzip', body => "\x1f\x8b\x08\0garbage",
    headers => [ 'Content-Encoding' => 'gzip' ]);
is(fate('gzip'), '200 ok:200', 'gzip');

# the connection dies under the request: as with any proxied POST, no retry

$target->answer('/good', [ {}, { fault => 'close' }, {} ]);
is(join(', ', map { fate('good') } 1 .. 3),
    '200 ok:200, 502 failed:502, 200 ok:200', 'kept connection closes');

# nothing of a target's answer reaches the producer

$target->answer('/cookie', status => 500, body => 'internal secret',
    headers => [ 'Set-Cookie' => 'a=b', 'X-Powered-By' => 'x', Server => 'y',
                 'WWW-Authenticate' => 'Basic', Location => '/x',
                 'Content-Type' => 'text/html', 'X-Accel-Charset' => 'x' ]);

my $r = post('/a', event('cookie'));

is($r->{status}, 502, 'headers: failed');
is(join(' ', grep { !/^(Server|Date|Connection)$/ }
             map { $_->[0] } @{ $r->{headers} }),
    'Content-Type Content-Length X-Event-Outcome X-Content-Type-Options '
    . 'Retry-After',
    'headers: only ours');
unlike($r->{body}, qr/secret/, 'headers: no body');


# ---- answers that steer nginx

for my $where ('/hidden', '/deliver/good', '@named', '/fine', '/a') {
    $_->forget for $target, $second;

    $target->answer('/accel', headers => [ 'X-Accel-Redirect' => $where,
        'X-Accel-Limit-Rate' => 1, 'X-Accel-Expires' => 1,
        'X-Accel-Buffering' => 'yes' ]);

    is(fate('accel'), '200 ok:200', "X-Accel-Redirect $where");
    is($target->count . $second->count, '10', "$where: not called");
}

for my $case ([ 'if-accel', '/hidden' ], [ 'if-named', '@named' ]) {
    my ($name, $where) = @$case;

    $_->forget for $target, $second;
    $target->answer("/deliver/$name",
        headers => [ 'X-Accel-Redirect' => $where ]);

    is(fate($name), '200 ok:200', "X-Accel-Redirect $where in \"if\"");
    is($target->count . $second->count, '10', "$where in \"if\": not called");

    $target->answer("/deliver/$name", status => 201);
    is(fate($name), '200 ok:201', "proxy_pass in \"if\" for $where");
}

ok($t->wait_log(qr/the target answered with X-Accel-Redirect/),
    'X-Accel-Redirect is logged');

$target->answer('/intercept', status => 500);
is(fate('intercept'), '502 failed:500', 'error_page makes no 200');
$target->answer('/error', status => 503);
is(fate('error'), '502 failed:503', 'error_page makes no 200, either');


# ---- locations that proxy nothing

is(fate('return200'), '200 ok:200', 'return 200');
is(fate('return204'), '200 ok:204', 'return 204');
is(fate('empty200'), '200 ok:200', 'return 200 without a body');
is(fate('return302'), '502 failed:302', 'return 302');
is(fate('return403'), '502 failed:403', 'return 403');
is(fate('return444'), '502 failed:444', 'return 444');
is(fate('return500'), '502 failed:500', 'return 500');
like(fate('nofile'), qr/^502 failed:40[45]$/, 'a file');

$second->forget;
is(fate('rewritten'), '200 ok:200', 'rewritten to another location');
is($second->count, 1, 'rewritten: called there');


# ---- the next peer

$second->forget;
$target->answer('/next', fault => 'reset');

my $body = event('next', fill => 'x' x 300_000);

is(post('/a', $body)->{status}, 200, 'next peer takes it');
is(($second->requests)[0]{body}, $body, 'next peer gets the whole body');

$second->forget;
$target->answer('/next-never', fault => 'reset');
is(fate('next-never'), '502 failed:502', 'no next peer by default');
is($second->count, 0, 'no next peer: sent once');


# ---- TLS

is(fate('tls'), '200 ok:200', 'TLS: verified');
is(fate('tls-bad'), '502 failed:502', 'TLS: self-signed');
is(fate('tls-name'), '502 failed:502', 'TLS: another name');
is(fate('tls-off'), '200 ok:200', 'TLS: not verified');
like(fate('tls-plain'), qr/^502 failed:50[24]$/, 'TLS to a plain target');
is(fate('plain-tls'), '502 failed:400', 'plain HTTP to a TLS target');


# ---- the slow ones

my $answer = $slow[0]->response;

is($answer->{status}, 200, 'drip: taken');

$answer = $slow[1]->response;
is($answer->{status}, 200, 'long answer: taken');

for my $body ($drip, $long) {
    my $r = post('/quick', $body);

    is("$r->{status} " . $r->json->{outcome}, '200 duplicate', 'for good');
}


# ---- a gigabyte, in constant memory

$target->answer('/big', size => 1 << 30);

my $rss = memory('VmRSS');

is(fate('big'), '200 ok:200', '1 GB answer');
cmp_ok(memory('VmHWM') - $rss, '<', 20, '1 GB answer: memory');

# many failures, too

$rss = memory('VmRSS');
fate('reset') for 1 .. 200;
cmp_ok(memory('VmRSS') - $rss, '<', 20, '200 failures: memory');


# ---- nothing is left behind

$_->close for @slow;

is(($t->workers)[0], $worker, 'the worker lives');
ok(wait_until(5, sub { active() <= $baseline }), 'connections came back')
    or diag(active() . " of $baseline");
is(fate('good'), '200 ok:200', 'a good one at the end');

$t->done;
