#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The signature doctor: each fault that it knows is provoked by a request that
# is really signed, for several presets, given to event_explain and, some of
# them, taken from quarantine.  What it says names the fault and the way out,
# and never a secret.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Compress::Zlib ();
use Digest::SHA qw(hmac_sha1_hex hmac_sha256 hmac_sha256_base64
                   hmac_sha256_hex hmac_sha512_hex sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(encode_base64 encode_base64url);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my @json = ('Content-Type' => 'application/json');

my %secret = map { $_ => $t->secret("canary-of-$_-0f83b1c2d4") }
             qw(hex base64 gitlab shopify other url time jwt plain);

my $whsec = $t->secret(encode_base64('canary of the hook: 32 bytes ..', ''));
my $hexed = $t->secret(unpack 'H*', 'canary of bytes in hex');

$t->write_file("conf/$_", $secret{$_}) for keys %secret;
$t->write_file('conf/whsec', "whsec_$whsec");
$t->write_file('conf/hexed', $hexed);
$t->write_file('conf/quoted', "\"$secret{plain}\"");

$t->config(<<'EOC');

    event_store file:%%TESTDIR%%/store size=64m;

    event_source hex     { verify hmac-sha256; secret file:hex; signed "{body}";
                           signature header:X-Signature; quarantine 1h;
                           id "{json:id}"; delivery queued; }
    event_source base64  { verify hmac-sha256; secret file:base64; signed "{body}";
                           signature header:X-Signature encoding=base64; }
    event_source hexed   { verify hmac-sha256; secret file:hexed; signed "{body}";
                           signature header:X-Signature; }
    event_source quoted  { verify hmac-sha256; secret file:quoted; signed "{body}";
                           signature header:X-Signature; }
    event_source hook    { verify hmac-sha256; secret file:whsec;
                           signed "{header:webhook-id}.{header:webhook-timestamp}.{body}";
                           signature header:webhook-signature
                           'separator= ' prefix=v1, encoding=base64; }
    event_source shopify { verify shopify; secret file:shopify; }
    event_source github  { verify github; secret file:other; }
    event_source stripe  { verify stripe; secret file:time; }
    event_source late    { verify hmac-sha256; secret file:time;
                           signed "{ts}.{body}"; timestamp header:X-Time;
                           signature header:X-Signature; }
    event_source url     { verify hmac-sha256; secret file:url;
                           signed "{url}{body}"; signature header:X-Signature;
                           public_url http://hooks.example.com$request_uri; }
    event_source gitlab  { verify gitlab; secret file:gitlab; }
    event_source jwt     { verify jwt; secret file:jwt; }

    event_route all { from hex; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /hook     { event_receive hex; }
        location = /hex      { event_explain hex; }
        location = /base64   { event_explain base64; }
        location = /hexed    { event_explain hexed; }
        location = /quoted   { event_explain quoted; }
        location = /hooked   { event_explain hook; }
        location = /shopify  { event_explain shopify; }
        location = /github   { event_explain github; }
        location = /stripe   { event_explain stripe; }
        location = /late     { event_explain late; }
        location = /url      { event_explain url; }
        location = /gitlab   { event_explain gitlab; }
        location = /jwt      { event_explain jwt; }
        location /admin/     { event_admin access=nginx reveal; }

        location = /erp { event_deliver erp; return 200; }
    }
EOC

$t->run;


sub told {
    my ($uri, $body, @headers) = @_;

    my $r = $t->post($uri, $body, [ @json, @headers ]);

    for my $name (sort keys %secret) {
        fail("the secret $name is told")
            if index($r->{body}, $secret{$name}) >= 0;
    }

    fail('a secret is told')
        if grep { index($r->{body}, $_) >= 0 } $whsec, $hexed;

    return $r->json->{verification};
}


# one request, the word, and what the sentence must have

sub finds {
    my ($name, $what, $re, @request) = @_;

    my $v = told(@request);
    my $finding = ($v->{doctor} // [])->[0];

    is($v->{verdict}, 'failed', "$name: it is refused");
    is($finding->{what}, $what, "$name: what it is")
        or diag(explain($v));
    like($finding->{text}, $re, "$name: the way out");

    return $v;
}


my $body = '{"id":"1","name":"caf' . "\xc3\xa9"
           . '/x","price":10.50,"list":[1,2],"a":{"c":1,"b":2}}';
my $now = int time;

sub hex_of { return hmac_sha256_hex($_[0], $secret{$_[1] // 'hex'}) }


# ---- nothing is wrong

my $good = told('/hex', $body, 'X-Signature' => hex_of($body));

is($good->{verdict}, 'ok', 'a good signature');
ok(!exists $good->{doctor}, 'needs no doctor');


# ---- how the signature is written

finds('base64 for hex', 'encoding', qr/"encoding=base64"/, '/hex', $body,
    'X-Signature' => hmac_sha256_base64($body, $secret{hex}) . '=');
finds('hex for base64', 'encoding', qr/"encoding=hex"/, '/base64', $body,
    'X-Signature' => hex_of($body, 'base64'));
finds('base64 without padding', 'encoding', qr/"encoding=base64-unpadded"/,
    '/base64', "$body ",
    'X-Signature' => hmac_sha256_base64("$body ", $secret{base64}));
finds('base64url for base64', 'encoding', qr/"encoding=base64url"/, '/base64',
    $body = $body . ' ' x 3, 'X-Signature' => do {
        my $n = 0;

        $body .= ' ' while encode_base64url(hmac_sha256($body,
            $secret{base64})) !~ /[-_]/ && $n++ < 50;
        encode_base64url(hmac_sha256($body, $secret{base64}))
    });

$body =~ s/ +$//;

finds("prefix $_", 'prefix', qr/"prefix=\Q$_\E"/, '/hex', $body,
    'X-Signature' => $_ . hex_of($body)) for 'sha256=', 'v1=', 'v0=';
finds('one of a list', 'prefix', qr/"prefix=v1=".*"separator="/, '/hex',
    $body, 'X-Signature' => "t=1,v1=" . hex_of($body));
finds('a prefix that is not there', 'prefix', qr/without "prefix="/,
    '/hooked', $body, 'webhook-id' => 'm1', 'webhook-timestamp' => $now,
    'webhook-signature' => hmac_sha256_base64("m1.$now.$body",
        "whsec_$whsec") . '=');
finds('another header', 'header', qr/"signature header:X-Hub-Signature-New/,
    '/hex', $body, 'X-Hub-Signature-New' => hex_of($body));
finds('sha512', 'algorithm', qr/"verify hmac-sha512;"/, '/hex', $body,
    'X-Signature' => hmac_sha512_hex($body, $secret{hex}));
finds('sha1', 'algorithm', qr/"verify hmac-sha1;"/, '/hex', $body,
    'X-Signature' => hmac_sha1_hex($body, $secret{hex}));


# ---- the secret

finds('a secret in hex', 'key', qr/"key hex;"/, '/hexed', $body,
    'X-Signature' => hmac_sha256_hex($body, pack 'H*', $hexed));
finds('whsec_ is not stripped', 'key', qr/"key base64 strip=whsec_;"/,
    '/hooked', $body, 'webhook-id' => 'm1', 'webhook-timestamp' => $now,
    'webhook-signature' => 'v1,' . hmac_sha256_base64("m1.$now.$body",
        'canary of the hook: 32 bytes ..') . '=');
finds('a newline behind it', 'secret', qr/newline/, '/hex', $body,
    'X-Signature' => hmac_sha256_hex($body, "$secret{hex}\n"));
finds('quotes around it', 'secret', qr/quotes/, '/quoted', $body,
    'X-Signature' => hex_of($body, 'plain'));
finds('the secret of another source', 'source', qr/source "base64"/, '/hex',
    $body, 'X-Signature' => hex_of($body, 'base64'));
finds('for another source', 'source', qr/source "github"/, '/shopify', $body,
    'X-Hub-Signature-256' => 'sha256=' . hex_of($body, 'other'),
    'X-GitHub-Event' => 'push', 'X-GitHub-Delivery' => 'd1');
finds('a token of another source', 'source', qr/source "gitlab"/, '/jwt',
    $body, 'X-Gitlab-Token' => $secret{gitlab}, 'X-Gitlab-Event' => 'Push');


# ---- another preset

my $v = finds('as Shopify signs', 'preset', qr/"verify shopify;"/, '/github',
    $body, 'X-Shopify-Hmac-Sha256'
           => hmac_sha256_base64($body, $secret{other}) . '=');

$v = told('/hex', $body, 'X-Hub-Signature-256' => 'sha256=' . hex_of($body));
like($v->{doctor}[0]{text}, qr/"verify github;"/, 'as GitHub signs')
    or diag(explain($v));


# ---- the clock

finds('a clock that is slow', 'clock', qr/\b4\d\d seconds older/,
    '/late', $body, 'X-Time' => $now - 400,
    'X-Signature' => hex_of(($now - 400) . ".$body", 'time'));
finds('a clock that is fast', 'clock', qr/seconds later.*"future="/, '/late',
    $body, 'X-Time' => $now + 4000,
    'X-Signature' => hex_of(($now + 4000) . ".$body", 'time'));
finds('milliseconds', 'unit', qr/"unit=ms"/, '/late', $body,
    'X-Time' => $now . '000',
    'X-Signature' => hex_of("${now}000.$body", 'time'));
finds('Stripe, an hour ago', 'clock', qr/seconds older/, '/stripe', $body,
    'Stripe-Signature' => 't=' . ($now - 3600) . ',v1='
        . hex_of(($now - 3600) . ".$body", 'time'));

my $jwt = sub {
    my ($claims) = @_;
    my $head = encode_base64url('{"alg":"HS256","typ":"JWT"}') . '.'
               . encode_base64url(JSON::PP::encode_json($claims));

    return 'Bearer ' . $head . '.'
           . encode_base64url(hmac_sha256($head, $secret{jwt}));
};

finds('a token that has expired', 'clock', qr/expired.*"leeway="/, '/jwt',
    $body, Authorization => $jwt->({ exp => $now - 1000 }));


# ---- the body

my @bodies = (
    [ 'no newline', 'newline', qr/without the newline/, "$body\n", $body ],
    [ 'no newlines', 'newline', qr/without the newline/, "$body\r\n", $body ],
    [ 'a newline', 'newline', qr/with a newline/, $body, "$body\n" ],
    [ 'a newline of Windows', 'newline', qr/Windows/, $body, "$body\r\n" ],
    [ 'a mark', 'bom', qr/byte order mark/, "\xef\xbb\xbf$body", $body ],
    [ 'gzip', 'gzip', qr/packed by gzip/, Compress::Zlib::memGzip($body),
      $body ],
    [ 'compact', 'reencoded', qr/without blanks\).*proxy/,
      '{ "a" : 1,  "b": [ 1, 2 ] }', '{"a":1,"b":[1,2]}' ],
    [ 'spaced', 'reencoded', qr/blanks behind commas/, '{"a":1,"b":[1,2]}',
      '{"a": 1, "b": [1, 2]}' ],
    [ 'indented', 'reencoded', qr/indented by two/, '{"a":1,"b":[1,2]}',
      "{\n  \"a\": 1,\n  \"b\": [\n    1,\n    2\n  ]\n}" ],
    [ 'by four', 'reencoded', qr/indented by four/, '{"a":1}',
      "{\n    \"a\": 1\n}\n" ],
    [ 'sorted', 'reencoded', qr/keys sorted/, '{"b":1,"a":{"d":1,"c":2}}',
      '{"a":{"c":2,"d":1},"b":1}' ],
    [ 'escapes', 'reencoded', qr/not ASCII/, "{\"a\":\"\xc3\xa9\"}",
      '{"a":"\u00e9"}' ],
    [ 'as PHP', 'reencoded', qr{"\\/" for "/"}, "{\"a\":\"x/\xc3\xa9\"}",
      '{"a":"x\/\u00e9"}' ],
    [ 'as Go', 'reencoded', qr/<, > and &/, '{"a":"<&>"}',
      '{"a":"\u003c\u0026\u003e"}' ],
    [ 'numbers', 'reencoded', qr/numbers without zeros/, '{"a":10.50}',
      '{"a":10.5}' ],
);

for my $b (@bodies) {
    my ($name, $what, $re, $sent, $signed) = @$b;

    finds($name, $what, $re, '/hex', $sent, 'X-Signature' => hex_of($signed));
}


# ---- the URL

for my $u (
    [ 'https', 'https://hooks.example.com/url?a=1' ],
    [ 'a port', 'http://hooks.example.com:8080/url?a=1' ],
    [ 'https and a port', 'https://hooks.example.com:443/url?a=1' ],
    [ 'another host', 'http://www.example.com/url?a=1' ],
    [ 'another host by https', 'https://www.example.com/url?a=1' ],
    [ 'a slash', 'http://hooks.example.com/url/?a=1', qr/with a slash/ ],
    [ 'no arguments', 'http://hooks.example.com/url', qr/without arguments/ ])
{
    my ($name, $url, $re) = @$u;
    my ($base) = $url =~ m{^(\w+://[^/]+)};

    finds("URL: $name", 'url', $re // qr/public_url \Q$base\E\$request_uri/,
        '/url?a=1', $body, 'X-Forwarded-Host' => 'www.example.com',
        'X-Signature' => hex_of("$url$body", 'url'));
}


# ---- nobody knows

finds('a forged one', 'unknown', qr/does not match.*compare the secret/,
    '/hex', $body, 'X-Signature' => sha256_hex('forged'));
finds('none', 'unknown', qr/the signature is missing/, '/hex', $body);

my $large = '{"pad":"' . 'x' x 900_000 . '","b":[' . join(',', 1 .. 5000)
            . ']}';
my $begun = time;

finds('a large one', 'unknown', qr/tried/, '/hex', $large,
    'X-Signature' => sha256_hex('forged'));
cmp_ok(time - $begun, '<', 5, 'it takes no longer than it may');


# ---- from quarantine

is($t->post('/hook', "$body\n", [ @json, 'X-Signature' => hex_of($body) ])
    ->{status}, 401, 'one for the quarantine');

my $id;

wait_until(10, sub {
    $id = $t->get('/admin/v1/quarantine?source=hex')->json->{requests}[0]{id};
});

my $r = $t->get("/admin/v1/quarantine/$id?doctor=1")->json;

is($r->{doctor}[0]{what}, 'newline', 'the doctor of one that is kept');
ok(!exists $t->get("/admin/v1/quarantine/$id")->json->{doctor},
    'only if he is asked');

$t->post('/hook', $body, [ @json, 'X-Signature' => hex_of($body, 'base64') ]);

wait_until(10, sub {
    my $list = $t->get('/admin/v1/quarantine?source=hex')->json->{requests};

    $id = $list->[0]{id};
    return @$list == 2;
});

$r = $t->get("/admin/v1/quarantine/$id?doctor=1")->json;
like($r->{doctor}[0]{text}, qr/source "base64"/, 'another source');

$t->write_file('conf/hex', $secret{base64});
$t->reload;

$r = $t->get("/admin/v1/quarantine/$id?doctor=1")->json;
is($r->{doctor}[0]{what}, 'fits', 'it fits now');
like($r->{doctor}[0]{text}, qr{v1/recheck}, 'and can be judged again');

$t->done;
