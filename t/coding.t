#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Packed bodies ("Content-Encoding"): that gzip and deflate are unpacked, that
# the signature may be made over what was sent or over what was packed, and
# that nothing behind that sees how a body came: rules, dedup, targets and
# their headers, the store and what comes out of it.  That the quarantine keeps
# what was sent and judges it again.  And what a hostile sender gets: bombs,
# one coding upon another, damaged bytes, all within bounds of memory.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Compress::Raw::Zlib;
use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256_base64 sha256_hex);
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More;
use Test::EventRouter;
use Time::HiRes qw(sleep);

my $SECRET = 'the-secret-of-packed-events';
my $MAX = 2 * 1024 * 1024;
my @json = ('Content-Type' => 'application/json');
my @admin = ('X-Event-Admin' => 1);

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

$t->secret($SECRET);
$t->write_file('conf/secret', $SECRET);

my %o = (require => '', known => 'a');

sub config {
    $t->config(<<"EOC");

    event_store file:%%TESTDIR%%/store size=64m;
    event_body_memory 4m;
    event_history 1h;

    log_format body '\$uri \$request_length \$event_id';
    access_log %%TESTDIR%%/logs/body.log body;

    event_source shop { verify shopify; secret file:secret;
                        dedup 1h by=data.id; }

    event_source body { verify hmac-sha256; secret file:secret; dedup off;
                        signature header:X-Sign; signed "{body}";
                        max_size 2m; id "{json:id}"; }

    event_source sum  { verify hmac-sha256; secret file:secret; dedup off;
                        signature header:X-Sign; timestamp header:X-Time
                        tolerance=300s; signed "{ts}.{body_sha256}"; }

    event_source digest { verify hmac-sha256; secret file:secret; dedup off;
                          signature header:X-Sign; body_digest
                          header:X-Digest sha256 base64;
                          signed "{header:X-Digest}"; }

    event_source field { verify hmac-sha256; secret file:secret; dedup off;
                         signature header:X-Sign;
                         signed "{json:id}.{body}"; }

    event_source multi { verify hmac-sha256; secret file:secret; dedup off;
                         signature header:X-Sign; accept multipart/form-data;
                         signed "{form:id}.{body}"; }

    event_source a59   { verify shopify; secret newsecret; dedup off; }

    event_source token { verify token; secret file:secret; dedup off;
                         signature header:X-Token; accept */*; }

    event_source cloud { verify off; accept application/cloudevents-batch+json
                         application/json application/x-ndjson; dedup off;
                         split data.items;
                         id "{json:id}"; }

    event_source queue { verify off; id "{json:id}"; type "{json:type}";
                         delivery queued; retain 1h; quarantine 1h size=8m;
                         dedup 1h; $o{require}
                         accept application/json text/plain
                                application/x-www-form-urlencoded; }

    event_source hide  { verify off; id "{json:id}"; quarantine 1h size=8m;
                         redact data.card; dedup off; unrouted 404;
                         accept application/json
                                application/x-www-form-urlencoded; }

    event_target erp { forward_headers Content-Encoding X-Other; retry off; }

    event_route all { from shop body sum digest field token cloud multi a59;
                      when header.content-encoding missing; to erp; }
    event_route kept { from queue; when data.type = $o{known}; to erp; }
    event_route none { from hide; when data.never = 1; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        listen 127.0.0.1:%%PORT_8082%% http2;

        location = /status { event_status; }
        location /admin/   { event_admin access=nginx reveal; }

        location = /explain { event_explain body reveal; }
        location = /hidden  { event_explain hide reveal; }

        location = /shop   { event_receive shop; }
        location = /body   { event_receive body; }
        location = /sum    { event_receive sum; }
        location = /digest { event_receive digest; }
        location = /field  { event_receive field; }
        location = /token  { event_receive token; }
        location = /cloud  { event_receive cloud; }
        location = /multi  { event_receive multi; }
        location = /a59    { event_receive a59; }
        location = /queue  { event_receive queue; }
        location = /hide   { event_receive hide; }

        location = /erp { event_deliver erp;
                          proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC
}

config();
$t->run;

my $r;
my %bits = (gzip => WANT_GZIP, zlib => MAX_WBITS, raw => -MAX_WBITS);
my $body = '{"id":"e1","type":"a","a":"' . 'text, ' x 50 . '"}';


# ---- who signs, and over what

for my $how (qw(gzip zlib raw)) {
    my $sent = packed($how, $body);
    my @coding = ('Content-Encoding' => $how eq 'gzip' ? 'gzip' : 'deflate');

    taken("$how, signed unpacked", '/body', $sent, [ @json, @coding,
        'X-Sign' => hmac_sha256_hex($body, $SECRET) ]);
    taken("$how, signed packed", '/body', $sent, [ @json, @coding,
        'X-Sign' => hmac_sha256_hex($sent, $SECRET) ]);
    refused("$how, signed by another", 401, '/body', $sent, [ @json, @coding,
        'X-Sign' => hmac_sha256_hex($sent, 'x') ]);
    refused("$how, another one is signed", 401, '/body', $sent, [ @json,
        @coding, 'X-Sign' => hmac_sha256_hex("$body ", $SECRET) ]);

    for my $signed ($sent, $body) {
        my $what = "$how, " . ($signed eq $sent ? 'packed' : 'unpacked');
        my $time = int(time);
        my $digest = sha256_base64($signed) . '=';

        taken("$what: its hash", '/sum', $sent, [ @json, @coding,
            'X-Time' => $time, 'X-Sign' => hmac_sha256_hex("$time."
                . sha256_hex($signed), $SECRET) ]);

        $time -= 1000;
        refused("$what: too old", 401, '/sum', $sent, [ @json, @coding,
            'X-Time' => $time, 'X-Sign' => hmac_sha256_hex("$time."
                . sha256_hex($signed), $SECRET) ]);

        taken("$what: its digest", '/digest', $sent, [ @json, @coding,
            'X-Digest' => $digest,
            'X-Sign' => hmac_sha256_hex($digest, $SECRET) ]);

        $digest =~ tr/A-Z/B-ZA/;
        refused("$what: another digest", 401, '/digest', $sent, [ @json,
            @coding, 'X-Digest' => $digest,
            'X-Sign' => hmac_sha256_hex($digest, $SECRET) ]);
    }

    taken("$how, a token", '/token', $sent, [ @json, @coding,
        'X-Token' => $SECRET ]);
}

for my $coding ('x-gzip', 'GZIP', 'identity, gzip', ' gzip ,') {
    taken("coding \"$coding\"", '/token', packed(gzip => $body),
        [ @json, 'Content-Encoding' => $coding, 'X-Token' => $SECRET ]);
}

taken('a line each', '/token', packed(gzip => $body), [ @json,
    'Content-Encoding' => 'identity', 'X-Other' => 1,
    'Content-Encoding' => 'gzip', 'X-Token' => $SECRET ]);
is(($erp->requests)[-1]->header('X-Other'), 1, 'other headers are there');

# values of the body are those of the unpacked one, whatever is signed

for my $signed (packed(gzip => $body), $body) {
    taken('a field and the ' . ($signed eq $body ? 'unpacked' : 'packed')
        . ' body', '/field', packed(gzip => $body), [ @json,
        'Content-Encoding' => 'gzip',
        'X-Sign' => hmac_sha256_hex("e1.$signed", $SECRET) ]);
}

# one from the field: HMAC over the JSON, gzip on its way

is($t->post('/a59', decode_base64('H4sIAAAAAAAAA6tWykxRsjK1rAUAFqvghAkAAAA='),
    [ @json, 'Content-Encoding' => 'gzip', 'X-Shopify-Webhook-Id' => 'a59',
      'X-Shopify-Hmac-Sha256' => 'ra3/+17eTwEwv7Ev5C64GrGC/odt8zD7bavs3ylq9/E='
    ])->{status}, 200, 'signed before it was packed');
is(($erp->requests)[-1]{body}, '{"id":59}', 'and delivered unpacked');

# ---- the same bytes are the same event, however they came

$erp->forget;

my @shop = (@json, 'X-Shopify-Hmac-Sha256' =>
    encode_base64(hmac_sha256($body, $SECRET), ''));

is($t->post('/shop', packed(gzip => $body), [ @shop,
    'Content-Encoding' => 'gzip' ])->json->{outcome}, 'delivered', 'packed');
is($t->post('/shop', packed(zlib => $body), [ @shop,
    'Content-Encoding' => 'deflate' ])->json->{outcome}, 'duplicate',
    'packed in another way');
is($t->post('/shop', $body, \@shop)->json->{outcome}, 'duplicate', 'as it is');
is($erp->count, 1, 'delivered once');


# ---- several events in one body

$erp->forget;
is($t->post('/cloud', packed(gzip => '{"items":[{"id":1},{"id":2}]}'),
    [ @json, 'Content-Encoding' => 'gzip' ])->{status}, 200, 'split');
is_deeply([ sort map { $_->{body} } $erp->requests ],
    [ '{"id":1}', '{"id":2}' ], 'each as it stands');
is(scalar(grep { defined $_->header('Content-Encoding') } $erp->requests), 0,
    'none of them is packed');

$erp->forget;

my @ce = map { qq({"specversion":"1.0","id":"c$_","source":"s","type":"t"}) }
    1, 2;

is($t->post('/cloud', packed(zlib => '[' . join(',', @ce) . ']'),
    [ 'Content-Type' => 'application/cloudevents-batch+json',
      'Content-Encoding' => 'deflate' ])->{status}, 200, 'a batch');
is_deeply([ sort map { $_->{body} } $erp->requests ], \@ce, 'of two');


$erp->forget;
is($t->post('/cloud', packed(gzip => qq({"id":1}\n{"id":2}\n)),
    [ 'Content-Type' => 'application/x-ndjson',
      'Content-Encoding' => 'gzip' ])->{status}, 200, 'lines');
is_deeply([ sort map { $_->{body} } $erp->requests ],
    [ '{"id":1}', '{"id":2}' ], 'an event each');

$erp->forget;

my $parts = join '', map { "--b\r\nContent-Disposition: form-data; name=\"$_\""
    . "\r\n\r\n$_ value\r\n" } qw(id a);

is($t->post('/multi', packed(zlib => "$parts--b--\r\n"),
    [ 'Content-Type' => 'multipart/form-data; boundary=b',
      'Content-Encoding' => 'deflate', 'X-Sign' =>
      hmac_sha256_hex("id value.$parts--b--\r\n", $SECRET) ])->{status}, 200,
    'fields of parts');
is(($erp->requests)[0]{body}, "$parts--b--\r\n", 'unpacked');


# ---- however it comes

for my $way ([ 'in chunks', chunks => 7 ], [ 'in pieces', pieces => 5 ]) {
    my ($name, @how) = @$way;

    $erp->forget;
    is($t->post('/token', packed(gzip => $body), [ @json,
        'Content-Encoding' => 'gzip', 'X-Token' => $SECRET ], @how)->{status},
        200, $name);
    is(($erp->requests)[0]{body}, $body, "$name: unpacked");
}

$erp->forget;
is($t->h2(POST => '/token', [ @json, 'Content-Encoding' => 'gzip',
    'X-Token' => $SECRET ], packed(gzip => $body), port => 8082)->{status},
    200, 'HTTP/2');
is(($erp->requests)[0]{body}, $body, 'HTTP/2: unpacked');

my $large = '{"id":"l","a":"' . noise($MAX - 17) . '"}';

is(length $large, $MAX, 'as large as may be');
taken('as large as may be', '/body', packed(gzip => $large), [ @json,
    'Content-Encoding' => 'gzip',
    'X-Sign' => hmac_sha256_hex($large, $SECRET) ], $large);

# nothing to unpack

is($t->post('/token', '', [ 'Content-Type' => 'a/b', 'X-Token' => $SECRET,
    'Content-Encoding' => 'gzip' ])->{status}, 200, 'no body at all');
is(($erp->requests)[-1]->header('Content-Encoding'), undef,
    'and nothing says that it is packed');


# ---- what explain says

$r = $t->post('/explain', packed(gzip => $body), [ @json,
    'Content-Encoding' => 'gzip',
    'X-Sign' => hmac_sha256_hex($body, $SECRET) ])->json;

is_deeply($r->{coding}, { name => 'gzip', sent => length packed(gzip => $body),
    unpacked => length $body, signed => JSON::PP::false }, 'unpacked');
is($r->{verification}{verdict}, 'ok', 'verified');
is($r->{events}[0]{attributes}{id}, 'e1', 'and made an event');
is($r->{events}[0]{bodies}[0]{calls}[0]{body}, $body, 'with its body');

$r = $t->post('/explain', packed(zlib => $body), [ @json,
    'Content-Encoding' => 'deflate',
    'X-Sign' => hmac_sha256_hex(packed(zlib => $body), $SECRET) ])->json;

is($r->{coding}{name}, 'deflate', 'deflate');
ok($r->{coding}{signed}, 'what was sent is signed');

$r = $t->post('/explain', packed(gzip => $body), [ @json,
    'Content-Encoding' => 'gzip', 'X-Sign' => 'ab' x 32 ])->json;

is($r->{verification}{verdict}, 'failed', 'signed by another');
is($r->{events}[0]{attributes}{id}, 'e1', 'and explained all the same');

$r = $t->post('/explain', packed(gzip => $body), [ @json,
    'X-Sign' => hmac_sha256_hex($body, $SECRET) ])->json;

is($r->{verification}{doctor}[0]{what}, 'gzip', 'nothing says it is packed');
like($r->{verification}{doctor}[0]{text}, qr/Content-Encoding: gzip/,
    'the doctor knows what to do');

$r = $t->post('/explain', packed(gzip => "$body\n"), [ @json,
    'Content-Encoding' => 'gzip',
    'X-Sign' => hmac_sha256_hex($body, $SECRET) ])->json;

is($r->{verification}{doctor}[0]{what}, 'newline',
    'the doctor looks at what is unpacked');


# ---- what comes out of the store

$erp->forget;
is($t->post('/queue', packed(gzip => $body), [ @json,
    'Content-Encoding' => 'gzip', 'X-Other' => 2 ])->{status}, 202, 'queued');
ok(wait_until(10, sub { $erp->count == 1 }), 'and delivered');

$r = ($erp->requests)[0];

is($r->{body}, $body, 'unpacked');
is($r->header('Content-Encoding'), undef, 'and it says so');
is($r->header('X-Other'), 2, 'with the others');
is($t->post('/queue', $body, \@json)->json->{outcome}, 'duplicate',
    'the same event');

my $event = $t->get('/admin/v1/events?source=queue')->json->{events}[0];

is($event->{size}, length $body, 'its size is that of the unpacked body');

# replayed, and with another body

for my $new (undef, '{"id":"e1","type":"a","a":"edited"}') {
    $erp->forget;
    $r = $t->post('/admin/v1/replay?' . ($new
        ? "event=$event->{event}&target=erp"
        : 'archive=queue&deliver_to=erp'), $new // '', \@admin);
    is($r->{status}, 200, 'replayed') or diag($r->{body});
    ok(wait_until(10, sub { $erp->count == 1 }), 'and delivered again');

    $r = ($erp->requests)[0];

    is($r->{body}, $new // $body, $new ? 'as it was edited' : 'unpacked');
    is($r->header('Content-Encoding'), undef, 'and it says so');
    is($r->header('X-Other'), 2, 'with the others');
}


# ---- quarantine

my $order = '{"id":"q1","type":"a","n":1}';

$o{known} = 'b';
config();
$t->reload;

is($t->post('/queue', packed(gzip => $order), [ @json, 'X-Other' => 3,
    'Content-Encoding' => 'gzip' ])->json->{outcome}, 'queued',
    'no route takes it');

my ($kept) = quarantined('queue', 1);

is($kept->{step}, 'route', 'it is kept');
is($kept->{size}, length packed(gzip => $order), 'as it was sent');

$r = $t->get("/admin/v1/quarantine/$kept->{id}?body=1")->json;

is($r->{body}, $order, 'and shown unpacked');
is_deeply([ map { $_->{value} } grep { lc $_->{name} eq 'content-encoding' }
            @{ $r->{headers} } ], [ 'gzip' ], 'with the header');

$o{known} = 'a';
config();
$t->reload;
$erp->forget;

$r = $t->post("/admin/v1/recheck?id=$kept->{id}", '', \@admin)->json;
is($r->{admitted}, 1, 'judged again') or diag explain $r;
ok(wait_until(10, sub { $erp->count == 1 }), 'it is delivered');
is(($erp->requests)[0]{body}, $order, 'unpacked');
is(($erp->requests)[0]->header('Content-Encoding'), undef,
    'and nothing says that it was packed');
quarantined('queue', 0);

# refused for its coding, and for bytes that are none

is($t->post('/queue', 'x', [ @json, 'Content-Encoding' => 'br' ])->{status},
    415, 'another coding');
is($t->post('/queue', substr(packed(gzip => $order), 0, 20), [ @json,
    'Content-Encoding' => 'gzip' ])->{status}, 400, 'cut off');

for (quarantined('queue', 2)) {
    is($_->{step}, 'type', "$_->{status}: kept as its type");
    is($t->get("/admin/v1/quarantine/$_->{id}")->json->{doctor}, undef,
        'there is nothing for the doctor');
    is($t->post("/admin/v1/recheck?id=$_->{id}", '', \@admin)->json->{refused},
        1, 'judged again it is refused');
}

# what the source hides is not shown packed

my $form = 'card=4711-card-canary&id=1&b=' . 'x' x 100;

for my $case ([ '{"id":1,"card":"4711-card-canary"}', @json ],
              [ $form, 'Content-Type' => 'application/x-www-form-urlencoded' ])
{
    my ($text, @type) = @$case;

    for my $coding (qw(gzip deflate br)) {
        my $sent = $coding eq 'br' ? $text
                 : packed($coding eq 'gzip' ? 'gzip' : 'zlib', $text);

        $t->post('/hide', $sent, [ @type, 'Content-Encoding' => $coding ]);

        my ($one) = quarantined('hide', 1);

        $r = $t->get("/admin/v1/quarantine/$one->{id}?body=1");
        unlike($r->{body}, qr/4711-card-canary/, "$coding: hidden");
        is($r->json->{$coding eq 'br' ? 'body' : 'redacted'},
            $coding eq 'br' ? '***' : 1, 'and the rest is there');
        $t->post('/admin/v1/purge_quarantine?source=hide', '', \@admin);
        quarantined('hide', 0);
    }

    $r = $t->post('/hidden', packed(gzip => $text), [ @type,
        'Content-Encoding' => 'gzip' ]);
    unlike($r->{body}, qr/4711-card-canary/, 'nor is it explained');
}


# ---- a hostile sender

my @bad = (
    [ 'a byte', "\x1f" ], [ 'two', "\x1f\x8b" ],
    [ 'five bytes', substr packed(gzip => $body), 0, 5 ],
    [ 'cut off', substr packed(gzip => $body), 0, -1 ],
    [ 'a byte behind', packed(gzip => $body) . "\0" ],
    [ 'a line behind', packed(gzip => $body) . "\r\n" ],
    [ 'JSON behind', packed(gzip => $body) . $body ],
    [ 'its sum is wrong', substr(packed(gzip => $body), 0, -8) . 'x' x 8 ],
    [ 'as it is', $body ], [ 'zlib', packed(zlib => $body) ],
    [ 'a dictionary', "x\xbb\0\0\0\1\0", 'deflate' ],
    [ 'zlib with a byte behind', packed(zlib => $body) . 'x', 'deflate' ],
    [ 'raw with a byte behind', packed(raw => $body) . 'x', 'deflate' ],
    [ 'raw, cut off', substr(packed(raw => $body), 0, -2), 'deflate' ],
    [ 'text, as deflate', $body, 'deflate' ],
    [ 'text that is raw deflate', '{"U8kE2 ', 'deflate' ],
    [ 'gzip, as deflate', packed(gzip => $body), 'deflate' ]);

for my $bad (@bad) {
    my ($name, $sent, $coding) = @$bad;

    for my $uri ('/token', '/body') {
        refused($name, 400, $uri, $sent, [ @json, 'X-Token' => $SECRET,
            'Content-Encoding' => $coding // 'gzip',
            'X-Sign' => hmac_sha256_hex($sent, $SECRET) ]);
    }
}

# members are the body (RFC 1952)

taken('two members', '/token', packed(gzip => '{"a":') . packed(gzip => '1}'),
    [ @json, 'Content-Encoding' => 'gzip', 'X-Token' => $SECRET ], '{"a":1}');

# packed twice: one header takes one off, and no more

my $twice = packed(gzip => packed(gzip => $body));

refused('packed twice', 400, '/token', $twice, [ @json, 'X-Token' => $SECRET,
    'Content-Encoding' => 'gzip' ]);
refused('and it says so', 415, '/token', $twice, [ @json, 'X-Token' => $SECRET,
    'Content-Encoding' => 'gzip, gzip' ]);
refused('in two lines', 415, '/token', $twice, [ @json, 'X-Token' => $SECRET,
    'Content-Encoding' => 'gzip', 'Content-Encoding' => 'gzip' ]);
is($t->post('/token', $twice, [ @json, 'X-Token' => $SECRET,
    'Content-Encoding' => 'br' ])->header('Accept-Encoding'), 'gzip, deflate',
    'and is told what is taken');

# bombs: refused, and the worker does not grow with what they would be

my %bombs = (
    '10 MB of zeros'  => packed(gzip => "\0" x 10_000_000),
    'zlib'            => packed(zlib => "\0" x 10_000_000),
    'raw'             => packed(raw => "\0" x 10_000_000),
    'a bomb in one'   => packed(gzip => packed(gzip => "\0" x 50_000_000)),
    'many members'    => packed(gzip => ' ' x 60_000) x 50,
    'JSON'            => packed(gzip => '[' . '1,' x 3_000_000 . '1]'),
    'a 1:1000'        => packed(gzip => 'a' x 1_000_000));

my ($pid) = $t->workers;
my $before = resident($pid);

for my $name (sort keys %bombs) {
    my $sent = $bombs{$name};
    my $want = $name eq 'a bomb in one' ? 400 : 413;

    refused($name, $want, '/token', $sent, [ @json, 'X-Token' => $SECRET,
        'Content-Encoding' => $name =~ /^zlib|^raw/ ? 'deflate' : 'gzip' ])
        for 1 .. 20;
}

SKIP: {
    skip 'a sanitizer keeps what was freed', 1
        if ($ENV{TEST_NGINX_BINARY} // '') =~ /asan/;

    cmp_ok(resident($pid) - $before, '<', 8 * 1024 * 1024,
        'and memory stays where it was');
}

# empty members cost time and nothing else

my $start = time;

is($t->post('/token', packed(gzip => '') x 50_000, [ @json,
    'X-Token' => $SECRET, 'Content-Encoding' => 'gzip' ])->{status}, 400,
    '50,000 members of nothing');
cmp_ok(time - $start, '<', 10, 'in time');


# ---- event_body_memory: 4 MB, and a body may need 2 MB and itself

$large = '{"a":"' . noise(1_400_000) . '"}';

my @large = (@json, 'Content-Encoding' => 'gzip',
    'X-Sign' => hmac_sha256_hex($large, $SECRET));
my $sent = packed(gzip => $large);

is($t->post('/body', $sent, \@large)->{status}, 200, 'one fits');

my $slow = $t->connect;

$slow->write("POST /body HTTP/1.1\r\nHost: a\r\nContent-Length: 1900000\r\n\r\n"
    . 'x' x 1_200_000);

ok(wait_until(5, sub {
    $r = $t->post('/body', $sent, \@large);
    return $r->{status} == 503;
}), 'beside another one it does not');
cmp_ok($r->header('Retry-After') // 0, '>', 0, 'it is to come again');
is($r->json->{detail}, 'too many events are being received: send it again'
    . ' later', 'and told so');
cmp_ok($t->get('/status')->json->{sources}{body}{body_memory}, '>=', 1,
    'counted');
like($t->read_file('logs/error.log'),
    qr/event from source "body" answered 503, bodies that are not verified/,
    'and logged');
is($t->post('/body', packed(gzip => '{"id":"s"}'), [ @json,
    'Content-Encoding' => 'gzip',
    'X-Sign' => hmac_sha256_hex('{"id":"s"}', $SECRET) ])->{status}, 200,
    'a small one does');

$slow->close;

# whatever became of a body, its share is given back

for my $n (1 .. 3) {
    ok(wait_until(5, sub {
        $t->post('/body', $sent, \@large)->{status} == 200;
    }), "all of it is there again, $n");

    $t->post('/body', $sent, [ @large[0 .. 3], 'X-Sign' => 'ab' x 32 ]);
    $t->post('/body', $bombs{JSON}, \@large);
    $t->post('/body', substr($sent, 0, -9), \@large);
}

# on one connection, which goes on

my $keep = $t->connect;

for my $n (1 .. 5) {
    is($keep->request(POST => '/body', \@large, substr $sent, 0, -9)->{status},
        400, "damaged, $n");
    is($keep->request(POST => '/body', \@large, $sent)->{status}, 200,
        "and a good one, $n");
}

done_testing();


sub packed {
    my ($how, $text) = @_;

    my ($d) = Compress::Raw::Zlib::Deflate->new(-WindowBits => $bits{$how},
        -Level => 9, -AppendOutput => 1);
    my $out = '';

    $d->deflate($text, $out);
    $d->flush($out);

    return $out;
}


# letters that cannot be packed to less than half

sub noise {
    my ($n) = @_;

    my $x = 1;

    return join '', map { $x = ($x * 1103515245 + 12345) & 0x7fffffff;
                          chr 97 + ($x >> 16) % 26 } 1 .. $n;
}


# it comes to the target unpacked, and nothing says that it was packed

sub taken {
    my ($name, $uri, $sent, $headers, $want) = @_;

    $erp->forget;

    my $r = $t->post($uri, $sent, $headers);

    is($r->{status}, 200, "$name: taken") or diag($r->{body});

    my ($got) = $erp->requests;

    ok($got && $got->{body} eq ($want // $body), "$name: unpacked");
    is($got && $got->header('Content-Encoding'), undef, "$name: the header");
    is($got && $got->header('Content-Length'), length($want // $body),
        "$name: and the length");
}


sub refused {
    my ($name, $status, $uri, $sent, $headers) = @_;

    $erp->forget;

    my $r = $t->post($uri, $sent, $headers);

    is($r->{status}, $status, "$name: $status, $uri");
    is($r->header('Content-Type'), 'application/problem+json',
        "$name: a problem");
    is($erp->count, 0, "$name: not delivered");
}


sub quarantined {
    my ($source, $n) = @_;

    my $list;

    wait_until(10, sub {
        $list = $t->get("/admin/v1/quarantine?source=$source")->json
                ->{requests};
        return @$list == $n;
    });

    is(scalar @$list, $n, "$n in the quarantine of $source");

    return @$list;
}


# bytes of memory that a worker has

sub resident {
    my ($pid) = @_;

    open my $f, '<', "/proc/$pid/statm" or die;

    return (split ' ', <$f>)[1] * 4096;
}
