#!/usr/bin/perl

# Copyright (C) Event Router contributors

# How a producer's request is received: methods, framing, sizes, types and
# limits; what is refused and with which words; that whatever was refused
# leaves the connection in order, starts no delivery and is never taken for
# the next request; and that what is delivered are the bytes that came.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex);
use Test::More;
use Test::EventRouter;

my $MAX = 1000;
my $TOKEN = 'a-token-of-this-test';
my @TOKEN = ('X-Token' => $TOKEN, 'Content-Type' => 'application/json');

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->secret($TOKEN);
$t->certificate('tls');
$t->write_file('secret', $TOKEN);

my $source = 'verify token; signature header:X-Token;'
    . ' secret file:%%TESTDIR%%/secret; dedup off;';

$t->config(<<"EOC");

    upstream erp { server 127.0.0.1:%%PORT_8081%%; keepalive 4; }

    log_format status '\$uri \$request_method \$status \$event_status';
    access_log %%TESTDIR%%/logs/status.log status;

    client_body_timeout 1s;

    event_source events  { $source max_size $MAX; max_hops 2; }
    event_source big     { $source max_size 3m; }
    event_source limited { $source limits depth=4 nodes=10 key=8 string=20
                                   number=6; }
    event_source github  { verify github; secret file:%%TESTDIR%%/secret;
                           dedup off; max_size $MAX; }
    event_source all     { verify off; accept */*; dedup off; }

    event_route all { from events big limited github all; to erp; }
    event_route fields { from none github; when data.type = x; to erp; }
    event_source none    { $source }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        listen 127.0.0.1:%%PORT_8082%% http2;
        listen 127.0.0.1:%%PORT_8443%% ssl http2;

        ssl_certificate     %%TESTDIR%%/tls.crt;
        ssl_certificate_key %%TESTDIR%%/tls.key;

        location = /events  { event_receive events; }
        location = /big     { event_receive big; client_max_body_size 10; }
        location = /limited { event_receive limited; }
        location = /github  { event_receive github; }
        location = /all     { event_receive all; }
        location = /denied  { event_receive events; deny all; }
        location = /in-file { event_receive events;
                              client_body_in_file_only on; }

        location = /smuggled { return 204; }

        location = /erp {
            event_deliver erp;
            proxy_pass http://erp;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
        }
    }
EOC

$t->run;

# ---- an event, and what its target gets

my $body = qq({"type":"order","text":"\xc3\xa4\\u00e4\\n", "n" : 1.0e2}\n);
my $r = $t->post('/events', $body, [ @TOKEN ]);

is($r->{status}, 200, 'taken');
is($r->json->{outcome}, 'delivered', 'delivered');
is(bytes(), $body, 'the same bytes');

# ---- framing: the same in every shape

shape('in two pieces', sub {
    my ($c, $at) = @_;
    my $text = Test::EventRouter::Client::format_request(POST => '/events',
        [ @TOKEN ], $body);
    my $head = length($text) - length $body;

    $c->write(substr $text, 0, $head + $at);
    sleep 0.001;
    $c->write(substr $text, $head + $at);
}, 0 .. length($body) - 1);

shape('in two chunks', sub {
    my ($c, $at) = @_;

    chunks($c, substr($body, 0, $at), substr($body, $at));
}, 1 .. length($body) - 1);

shape('in chunks', sub {
    my ($c, $size) = @_;

    $c->send(POST => '/events', [ @TOKEN ], $body, chunks => $size);
}, 1 .. length $body);

shape('bytewise', sub {
    $_[0]->send(POST => '/events', [ @TOKEN ], $body, chunks => 3,
        pieces => 1);
}, 1);

$r = raw(chunked_head() . sprintf("%x;name=value;x=\"y\"\r\n", length $body)
    . "$body\r\n0;last\r\n\r\n");
is($r->{status}, 200, 'chunk extensions');
is(bytes(), $body, 'are no part of the body');

$r = raw("POST /events HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
    . sprintf("\r\n%x\r\n", length $body) . "$body\r\n0\r\n"
    . "X-Token: $TOKEN\r\n\r\n");
is($r->{status}, 401, 'a trailer is no header');

# ---- framing that is wrong: nginx's own answers, and nothing is delivered

$erp->forget;

for my $case (
    [ 400, 'length and chunks', 'Content-Length: 5', 'Transfer-Encoding: '
        . 'chunked' ],
    [ 400, 'two lengths', 'Content-Length: 2', 'Content-Length: 3' ],
    [ 400, 'the same length twice', 'Content-Length: 2',
        'Content-Length: 2' ],
    [ 400, 'a list of lengths', 'Content-Length: 2, 2' ],
    [ 400, 'a plus', 'Content-Length: +2' ],
    [ 400, 'a negative length', 'Content-Length: -1' ],
    [ 400, 'an endless length', 'Content-Length: 99999999999999999999' ],
    [ 400, 'chunked twice', 'Transfer-Encoding: chunked',
        'Transfer-Encoding: chunked' ],
    [ 501, 'gzip in transfer', 'Transfer-Encoding: gzip, chunked' ],
    [ 501, 'identity in transfer', 'Transfer-Encoding: identity' ],
    [ 501, 'unknown in transfer', 'Transfer-Encoding: xchunked' ])
{
    my ($status, $name, @lines) = @$case;

    $r = raw(join "\r\n", 'POST /events HTTP/1.1', 'Host: a',
        "X-Token: $TOKEN", @lines, '', '{}');
    is($r->{status}, $status, $name);
}

for my $chunk ('FFFFFFFFFFFFFFF0', '-1', 'x', '') {
    is(raw(chunked_head() . "$chunk\r\n{}\r\n0\r\n\r\n")->{status}, 400,
        "chunk of $chunk bytes");
}

nothing('nothing delivered');

# ---- sizes

$erp->forget;

for my $case ([ 0, 400 ], [ 1, 200 ], [ 2, 200 ], [ $MAX - 1, 200 ],
              [ $MAX, 200 ], [ $MAX + 1, 413 ], [ 3 * $MAX, 413 ],
              [ 200_000, 413 ])
{
    my ($n, $status) = @$case;

    my $json = json_of($n);

    # without a length, what is too large shows only as it comes

    my %how = (
        'length' => sub { $t->post('/events', $json, [ @TOKEN ]) },
        'chunks' => sub { $t->post('/events', $json, [ @TOKEN ],
                              chunks => 333) },
        'h2' => sub { nghttp($json) },
        'h2, no length' => sub { nghttp($json, '--no-content-length') });

    for my $name (sort keys %how) {
        $r = $how{$name}->();
        problem($r, $status, "$n bytes, $name") if $status != 200;

        if ($status == 200) {
            is($r->{status}, 200, "$n bytes, $name");
            ok(bytes() eq $json, "$n bytes, $name: delivered");
        }
    }
}

is(scalar($erp->requests), 16, 'nothing too large was delivered');

# max_size alone decides, whatever nginx's own limit is

my $large = json_of(3 * 1024 * 1024);

for my $how ([], [ chunks => 100_000 ]) {
    is($t->post('/big', $large, [ @TOKEN ], @$how)->{status}, 200,
        'three megabytes');
    ok(bytes() eq $large, 'delivered');
    problem($t->post('/big', "$large ", [ @TOKEN ], @$how), 413,
        'and a byte');
}

is($t->h2(POST => '/big', [ @TOKEN ], $large, port => 8443, tls => 1)
    ->{status}, 200, 'three megabytes over HTTP/2 and TLS');
ok(bytes() eq $large, 'delivered');

# a promise costs nothing, and is refused before the body comes

my $c = $t->connect;

$c->write("POST /events HTTP/1.1\r\nHost: a\r\nX-Token: $TOKEN\r\n"
    . "Content-Length: 2000000\r\n\r\n");
problem($c->response, 413, 'two megabytes are promised');

# ---- methods

for my $method (qw(GET HEAD PUT DELETE PATCH OPTIONS PROPFIND)) {
    $c = $t->connect;

    my $hidden = "POST /smuggled HTTP/1.1\r\nHost: a\r\n"
        . "Content-Length: 0\r\n\r\n";

    $c->send($method => '/events', [ @TOKEN ], $hidden);
    $r = $c->response;
    $method eq 'HEAD' ? is($r->{status}, 405, $method)
                      : problem($r, 405, $method);
    is($r->header('Allow'), 'POST', "$method: Allow");

    is($c->request(POST => '/events', [ @TOKEN ], '[1]')->{status}, 200,
        "$method: the next one");
    is(bytes(), '[1]', "$method: is the next one");

    next if $method eq 'HEAD';

    problem($c->request($method => '/events', [ @TOKEN ], $hidden,
                chunks => 7), 405, "$method in chunks");
    is($c->request(GET => '/smuggled')->{status}, 204,
        "$method in chunks: the next one");
}

for my $method (qw(GET DELETE)) {
    $r = nghttp('{}', '-H', ":method: $method");
    problem($r, 405, "$method, h2");
    is($r->header('allow'), 'POST', "$method, h2: Allow");
}

# ---- what is refused before the body is read

for my $coding ('br', 'zstd', 'gzip, gzip', 'deflate,gzip', 'x', 'gzip;q=1') {
    refused("Content-Encoding $coding", 415, '/events',
        [ @TOKEN, 'Content-Encoding' => $coding ], '{}');
}

# "{}" is not packed (t/coding.t has what is)

for my $coding ('gzip', 'deflate', 'x-gzip', 'GZIP', 'gzip, identity') {
    refused("Content-Encoding $coding", 400, '/events',
        [ @TOKEN, 'Content-Encoding' => $coding ], '{}');
}

for my $coding ('identity', 'Identity', '') {
    taken("Content-Encoding $coding", '/events',
        [ @TOKEN, 'Content-Encoding' => $coding ]);
}

# all lines and all of their members count

for my $case ([ 'identity', 'br' ], [ 'br', 'identity' ], [ '', 'br' ],
              [ 'identity, br' ], [ 'identity,identity', 'x, identity' ],
              [ ' , br' ], [ 'gzip', 'gzip' ], [ 'deflate', 'gzip' ],
              [ 'gzip', 'br' ])
{
    refused("Content-Encoding lines '@{[ join ' / ', @$case ]}'", 415,
        '/events', [ @TOKEN, map { ('Content-Encoding' => $_) } @$case ],
        '{}');
}

for my $case ([ 'identity', 'identity' ], [ 'identity, IDENTITY' ],
              [ ',', ' , identity ,' ])
{
    taken("Content-Encoding lines '@{[ join ' / ', @$case ]}'", '/events',
        [ @TOKEN, map { ('Content-Encoding' => $_) } @$case ]);
}

my @token = ('X-Token' => $TOKEN);

for my $type ('xcharset=utf-8; charset=utf-16', 'charset=utf-8; charset=utf-16',
              'charset=utf-16; charset=utf-8', 'charset=utf-8;charset="utf-16"',
              'CharSet=UTF-16', 'charset = utf-16', "charset=\tutf-16",
              'charset="utf-16"', 'charset="utf-\\16"', 'charset="utf-8',
              'charset=utf-8; charset=us-ascii', 'charset=', 'charset',
              'charset=utf-8x', 'charset="utf-8"x', 'charset="utf-8 "',
              'x="a;b"; charset=utf-32', 'x="a\\";charset=utf-8";charset=x')
{
    refused("parameters $type", 415, '/events',
        [ @token, 'Content-Type' => "application/json; $type" ], '{}');
}

for my $type ('xcharset=utf-16', 'charsetx=utf-16', 'x=charset=utf-16',
              'charset=utf-8; charset=UTF-8', 'charset="utf-8"',
              'charset = utf-8', 'charset="utf\\-8"; x=1', 'x="charset=utf-16"',
              'x="; charset=utf-16"', 'x="\\"; charset=utf-16"', ';;', 'odd')
{
    taken("parameters $type", '/events',
        [ @token, 'Content-Type' => "application/json; $type" ]);
}

refused('another charset in a second line', 415, '/events',
    [ @token, 'Content-Type' => 'application/json; charset=utf-8',
      'Content-Type' => 'application/json; charset=utf-16' ], '{}');

for my $type ('text/plain', 'application/xml', 'application/jsonx', 'json',
              'application', 'application/x-www-form-urlencoded',
              'application/vnd.acme+json', 'application/json; charset=utf-16',
              'application/json;charset="UTF-16LE"', 'multipart/form-data')
{
    refused($type, 415, '/events', [ @token, 'Content-Type' => $type ], '{}');
}

for my $type ('application/json', 'Application/JSON', '',
              'application/json; charset=utf-8', 'application/json;'
              . ' charset="UTF-8"', 'application/json ; odd')
{
    taken("type $type", '/events', [ @token, 'Content-Type' => $type ]);
}

taken('no type', '/events', [ @token ]);
is(($erp->requests)[-1]->header('Content-Type'), 'application/json',
    'is JSON for the target');

for my $type ('application/vnd.acme+json', 'application/json') {
    taken("$type from a producer", '/github',
        [ 'Content-Type' => $type, hub('{}') ], '{}');
}

refused('not from this one', 415, '/github',
    [ 'Content-Type' => 'text/plain', hub('{}') ], '{}');

for my $type ('text/xml', 'image/png', '') {
    taken("anything: $type", '/all', [ 'Content-Type' => $type ], '<x/>')
        if $type;
}

taken('empty, if anything goes', '/all', [ 'Content-Type' => 'a/b' ], '');

for my $hops (2, 3, 1000) {
    refused("$hops hops", 508, '/events', [ @TOKEN, 'X-Event-Hops' => $hops ],
        '{}');
}

for my $hops (0, 1, 'many', '-1', '') {
    taken("hops $hops", '/events', [ @TOKEN, 'X-Event-Hops' => $hops ]);
}

is(($erp->requests)[-1]->header('X-Event-Hops'), 1, 'hops are counted');

is($t->post('/denied', '{}', [ @TOKEN ])->{status}, 403,
    'access rules come first');

# ---- what is refused for what it says

my %said;

for my $case ([ 'none' ], [ 'empty', '' ], [ 'wrong', 'wrong' ],
              [ 'cut', substr $TOKEN, 0, -1 ], [ 'longer', "${TOKEN}x" ],
              [ 'binary', "\xff\xfe" ], [ 'twice', $TOKEN, $TOKEN ],
              [ 'right and wrong', $TOKEN, 'wrong' ],
              [ 'wrong and right', 'wrong', $TOKEN ],
              [ 'a list', "$TOKEN, $TOKEN" ], [ 'case', uc $TOKEN ])
{
    my ($name, @values) = @$case;

    $r = refused("token: $name", 401, '/events',
        [ 'Content-Type' => 'application/json',
          map { ('X-Token' => $_) } @values ], '{"secret":"body"}');
    $said{$r->{body}} = 1;

    # whether the body is JSON is no one's business who cannot sign

    $r = $t->post('/events', '{"secret', [ map { ('X-Token' => $_) }
                                           @values ]);
    is($r->{status}, 401, "token: $name, no JSON");
    $said{$r->{body}} = 1;
}

for my $headers ([], [ 'X-Hub-Signature-256' => 'sha256=' ],
                 [ 'X-Hub-Signature-256' => 'sha256=zz' ],
                 [ 'X-Hub-Signature-256' => 'sha1=' . '0' x 40 ],
                 [ 'X-Hub-Signature-256' => 'sha256=' . '0' x 64 ],
                 [ hub('{ }') ])
{
    $r = $t->post('/github', '{}', $headers);
    is($r->{status}, 401, 'signature: ' . ($headers->[1] // 'none'));
    $said{$r->{body}} = 1;
}

is(scalar keys %said, 1, 'every 401 says the same');
like((keys %said)[0], qr/^\{"type":"about:blank","title":"Unauthorized",
                         "status":401,"detail":"[a-z ]+"\}\n\z/x,
    'in one line');

for my $case ([ 'no JSON', 'hello' ], [ 'cut', '{"a":' ], [ 'empty', '' ],
              [ 'blank', " \r\n\t" ], [ 'two', '{}{}' ],
              [ 'a NUL', "{}\0" ], [ 'a NUL inside', "{\"a\":12\0}" ],
              [ 'two byte order marks', "\xef\xbb\xbf" x 2 . '{}' ],
              [ 'a byte order mark alone', "\xef\xbb\xbf" ],
              [ 'UTF-16', "{\0}\0" ], [ 'its mark', "\xff\xfe{\0}\0" ],
              [ 'UTF-32', "\xff\xfe\0\0{\0\0\0}\0\0\0" ],
              [ 'bad UTF-8 beside strings', "[\xff]" ])
{
    my ($name, $text) = @$case;

    $r = refused("body: $name", 400, '/events', [ @TOKEN ], $text);
    like($r->json->{detail}, qr/^[A-Za-z0-9 -]+\z/,
        "body: $name, a fixed phrase");
}

# ---- limits of the scanner

for my $case (
    [ 'depth 4', '[[[[1]]]]' ],           [ 'depth 5', '[[[[[1]]]]]', 1 ],
    [ 'objects', '{"a":{"a":{"a":{}}}}' ],
    [ 'deep objects', '{"a":{"a":{"a":{"a":{}}}}}', 1 ],
    [ '10 values', '[1,2,3,4,5,6,7,8,9]' ],
    [ '11 values', '[1,2,3,4,5,6,7,8,9,0]', 1 ],
    [ 'key of 8', '{"12345678":1}' ],     [ 'key of 9', '{"123456789":1}', 1 ],
    [ 'number of 6', '123456' ],          [ 'number of 7', '1234567', 1 ],
    [ 'digits', '-1.2e3' ],               [ 'more digits', '-1.2e34', 1 ],
    [ 'string of 20', '"' . 'x' x 20 . '"' ],
    [ 'string of 21', '"' . 'x' x 21 . '"', 1 ])
{
    my ($name, $text, $too_much) = @$case;

    $too_much ? refused($name, 400, '/limited', [ @TOKEN ], $text)
              : taken($name, '/limited', [ @TOKEN ], $text);
}

my $deep = '[' x 64 . ']' x 64;

taken('64 levels', '/events', [ @TOKEN ], $deep);
refused('65 levels', 400, '/events', [ @TOKEN ], "[$deep]");
refused('objects to the end', 400, '/big', [ @TOKEN ], '{"a":' x 100_000);
taken('numbers beyond binary64', '/events', [ @TOKEN ],
    '[1e999,-1e-999,123456789012345678901234567890]');
refused('a number of 129 bytes', 400, '/events', [ @TOKEN ],
    '[' . '1' x 129 . ']');

# a key that a route names has one value, so that everybody reads the same

for my $text ('{"type":"a","type":"b"}', '{"type":"a","t\u0079pe":"b"}',
              '{"type":null,"other":1,"type":null}')
{
    refused("named twice: $text", 400, '/events', [ @TOKEN ], $text);
}

for my $text ('{"other":1,"other":2}', '{"other":{"type":1},"type":2}',
              '{"x":{"type":1,"type":2}}', '[{"type":1},{"type":2}]')
{
    taken("not named twice: $text", '/events', [ @TOKEN ], $text);
}

# ---- one connection, many requests

$erp->forget;

$c = $t->connect;
$c->write(join '', map {
    Test::EventRouter::Client::format_request(POST => '/events', [ @TOKEN ],
        "[$_]") } 1 .. 20);

is(join(' ', map { my $r = $c->response; $r ? $r->{status} : 0 } 1 .. 20),
    join(' ', (200) x 20), 'pipelined');
is(join('', map { $_->{body} } $erp->requests),
    join('', map { "[$_]" } 1 .. 20), 'in order');

# refused ones among them; their bodies look like requests

$erp->forget;

my $evil = "POST /smuggled HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
my @pipeline = (
    [ 200, [ @TOKEN ], '[1]' ],
    [ 401, [ 'X-Token' => 'wrong' ], $evil ],
    [ 200, [ @TOKEN ], '[2]' ],
    [ 415, [ @TOKEN, 'Content-Encoding' => 'br' ], $evil ],
    [ 400, [ @TOKEN, 'Content-Encoding' => 'gzip' ], $evil ],
    [ 200, [ @TOKEN ], '[3]' ],
    [ 413, [ @TOKEN ], $evil x 100 ],
    [ 200, [ @TOKEN ], '[4]' ],
    [ 400, [ @TOKEN ], $evil ],
    [ 200, [ @TOKEN ], '[5]' ],
    [ 508, [ @TOKEN, 'X-Event-Hops' => 9 ], $evil ],
    [ 200, [ @TOKEN ], '[6]' ]);

for my $chunked (0, 1) {
    my @statuses;

    $c = $t->connect;
    $c->write(join '', map {
        Test::EventRouter::Client::format_request(POST => '/events',
            [ @{ $_->[1] }, $chunked ? ('Transfer-Encoding' => 'chunked')
                                     : () ],
            $chunked ? Test::EventRouter::Client::chunked($_->[2], 50)
                     : $_->[2]) } @pipeline);

    while (my $r = $c->response) {
        push @statuses, $r->{status};
        last if @statuses == @pipeline;
    }

    is("@statuses", join(' ', map { $_->[0] } @pipeline),
        'refused ones in a pipeline' . ($chunked ? ', chunked' : ''));
}

is(join('', map { $_->{body} } $erp->requests), '[1][2][3][4][5][6]' x 2,
    'the others are delivered');

# ---- Expect

$c = $t->connect;
$c->write("POST /events HTTP/1.1\r\nHost: a\r\nX-Token: $TOKEN\r\n"
    . "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
like($c->_until("\r\n\r\n", time + 5), qr/^HTTP\/1\.1 100 /,
    'told to continue');
$c->write('[1]');
is($c->response->{status}, 200, 'and taken');

$c = $t->connect;
$c->write("POST /events HTTP/1.1\r\nHost: a\r\nX-Token: $TOKEN\r\n"
    . "Expect: 100-continue\r\nContent-Length: 3000\r\n\r\n");
is($c->response->{status}, 413, 'refused at once');

for (1 .. 3) {
    $c = $t->connect;
    $c->write("POST /events HTTP/1.1\r\nHost: a\r\nX-Token: $TOKEN\r\n"
        . "Expect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    $c->_until("\r\n\r\n", time + 5) if $_ > 1;
    $c->reset;
}

# ---- events that were lost in this way are to be found

my $log = $t->read_file('logs/error.log');

for my $why ('this Content-Encoding is not taken here: pack the event with'
                 . ' gzip or deflate, or send it as it is',
             'Content-Encoding names more than one coding: pack the event'
                 . ' once, with gzip or deflate, or send it as it is',
             'the body is not packed as Content-Encoding says',
             'the content type is not accepted here',
             'the event is too large')
{
    like($log, qr/\[(?:warn|info)\] .*event from source "\w+" rejected: $why, client: /,
        "in the log: $why");
}

unlike($log, qr/\[warn\] .*events are sent with POST/, 'but no methods');

# ---- clients that leave, and one that does not go on

$erp->forget;

my $half = "POST /events HTTP/1.1\r\nHost: a\r\nX-Token: $TOKEN\r\n"
    . "Content-Length: 100\r\n\r\n[1, 2, 3";
my $half_chunk = chunked_head() . "64\r\n[1, 2, 3";

for my $text ($half, $half_chunk) {
    for my $leave (qw(close reset half_close)) {
        $c = $t->connect;
        $c->write($text);
        sleep 0.01;
        $c->$leave;
        ok($c->closed(3), "client leaves: $leave") if $leave eq 'half_close';
    }
}

my @slow = map { my $c = $t->connect; $c->write($_); $c }
           $half, $half_chunk, $half =~ s/\[.*//sr, chunked_head();

for my $c (@slow) {
    ok($c->closed(4), 'no more comes: closed');
}

ok($t->wait_file('logs/status.log', qr{(?:^/events POST 408 -\n.*){4}}ms),
    '408 in the log');
is($t->post('/events', '[1]', [ @TOKEN ])->{status}, 200,
    'the others are not kept waiting');
is(scalar($erp->requests), 1, 'no half of an event is delivered');

# ---- headers

taken('many headers', '/events',
    [ @TOKEN, map { ("X-Header-$_" => 'v' x 50) } 1 .. 60 ]);
taken('a long header', '/events', [ @TOKEN, 'X-Long' => 'v' x 7000 ]);
taken('any bytes', '/events', [ @TOKEN, 'X-Odd' => "\xff\xfe\x01" ]);

is($t->post('/events', '{}', [ @TOKEN, 'X-Long' => 'v' x 65536 ])->{status},
    400, 'a header of 64 KB is nginx\'s to refuse');
is($t->post('/events', '{}', [ @TOKEN, map { ("X-$_" => 'v' x 1000) } 1 .. 100
    ])->{status}, 400, 'and a hundred thousand bytes of them');

# ---- TLS

SKIP: {
    eval { require IO::Socket::SSL };
    skip 'no IO::Socket::SSL', 3 if $@;

    is($t->post('/events', '[7]', [ @TOKEN ], port => 8443, tls => 1)
        ->{status}, 200, 'TLS');
    is(bytes(), '[7]', 'delivered');
    is($t->post('/events', '[7]', [], port => 8443, tls => 1)->{status}, 401,
        'TLS: refused');
}

# ---- no temporary files

is($t->post('/in-file', '[8]', [ @TOKEN ])->{status}, 200,
    'client_body_in_file_only is not heard');
is(join(' ', glob($t->dir . '/tmp/client_body/*')), '', 'no temporary files');

unlike($t->read_file('logs/status.log'), qr{^/smuggled POST}m,
    'no body was ever a request');
is(join("\n", grep { /\[error\]/ && !/access forbidden|invalid chunked body/ }
    $t->log_lines), '', 'no errors');

$t->done;


# ---- helpers

# the body of the last delivery

sub bytes {
    return (($erp->requests)[-1] // { body => '' })->{body};
}


sub nothing {
    my ($name) = @_;

    is(scalar($erp->requests), 0, $name);
}


sub json_of {
    my ($n) = @_;

    return $n > 1 ? '"' . 'x' x ($n - 2) . '"' : '1' x $n;
}


sub hub {
    my ($body) = @_;

    return ('X-GitHub-Event' => 'push', 'X-GitHub-Delivery' => 'd-1',
        'X-Hub-Signature-256' => 'sha256=' . hmac_sha256_hex($body, $TOKEN));
}


# a request in every one of these shapes is taken, and its bytes arrive

sub shape {
    my ($name, $send, @variants) = @_;

    $erp->forget;

    my @wrong;
    my $c = $t->connect;

    for my $variant (@variants) {
        $send->($c, $variant);

        my $r = $c->response;

        if (!$r || $r->{status} != 200) {
            push @wrong, "$variant: " . ($r ? $r->{status} : 'no answer');
            $c = $t->connect;
        }
    }

    is("@wrong", '', $name);
    is(scalar(grep { $_->{body} eq $body } $erp->requests), @variants,
        "$name: the same bytes");
}


sub chunks {
    my ($c, @pieces) = @_;

    my $text = chunked_head();

    for my $piece (@pieces) {
        $text .= sprintf("%x\r\n", length $piece) . "$piece\r\n";
    }

    $c->write("${text}0\r\n\r\n");
}


# over HTTP/2; curl loses an answer that comes before the whole body was sent

sub nghttp {
    my ($json, @options) = @_;

    my $file = $t->write_file('tmp/h2', $json);
    my $port = $t->port(8082);
    my ($head, $body) = ("HTTP/2 0", '');

    open my $f, '-|', 'nghttp', '-v', '--timeout=10', @options, '-d', $file,
        (map { ('-H', $_) } "X-Token: $TOKEN",
             'Content-Type: application/json'),
        "http://127.0.0.1:$port/events" or die "nghttp: $!\n";

    while (my $line = <$f>) {
        $line =~ s/\e\[[0-9;]*m//g;

        if ($line =~ /recv \(stream_id=\d+\) :status: (\d+)/) {
            $head = "HTTP/2 $1";

        } elsif ($line =~ /recv \(stream_id=\d+\) ([a-z-]+: .*)/) {
            $head .= "\r\n$1";

        } elsif ($line =~ /^\{/) {
            $body .= $line;
        }
    }

    close $f;

    my $r = Test::EventRouter::Response->parse($head);

    $r->{body} = $body;

    return $r;
}


sub chunked_head {
    return "POST /events HTTP/1.1\r\nHost: a\r\nX-Token: $TOKEN\r\n"
        . "Transfer-Encoding: chunked\r\n\r\n";
}


sub raw {
    my ($text) = @_;

    my $c = $t->connect;

    $c->write($text);

    my $r = $c->response;

    $c->close;

    return $r // Test::EventRouter::Response->parse('');
}


sub problem {
    my ($r, $status, $name) = @_;

    my $json = ($r && $r->json) // {};
    my $type = ($r && $r->header('Content-Type')) // '';

    ok($r && $r->{status} == $status && ($json->{status} // 0) == $status
       && $type eq 'application/problem+json' && $r->{body} =~ /^[^\n]+\n\z/,
       $name)
        or diag($r ? "$r->{head}\n\n$r->{body}" : 'no answer');
}


# a problem, nothing delivered, and the connection goes on

sub refused {
    my ($name, $status, $uri, $headers, $body) = @_;

    my $c = $t->connect;
    my $r = $c->request(POST => $uri, $headers, $body);

    problem($r, $status, $name);

    $erp->forget;

    my $next = $c->request(POST => '/events', [ @TOKEN ], '[0]');

    ok($next && $next->{status} == 200 && $erp->requests == 1
       && bytes() eq '[0]', "$name: and the next one");

    return $r;
}


sub taken {
    my ($name, $uri, $headers, $body) = @_;

    $body //= '[42]';

    my $r = $t->post($uri, $body, $headers);

    ok($r->{status} == 200 && bytes() eq $body, $name)
        or diag("$r->{head}\n\n$r->{body}");
}
