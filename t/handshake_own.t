#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A handshake of one's own: a block of event_source answers exactly as it says,
# and nobody gets more out of it than its bounds allow: no markup, no header,
# no signature of an event of his.  And which secret an answer is keyed with.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha1_hex hmac_sha256_base64 hmac_sha256_hex
                   hmac_sha512_hex sha1 sha256_hex);
use JSON::PP qw(encode_json);
use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);

my @secret = map { $t->secret("secret-$_-of-this-test") } 1 .. 2;
my @file = map { 'file:' . $t->write_file("secrets/$_", "$secret[$_]\n") }
           0 .. 1;

$t->config(<<"EOC");

    event_source own {
        verify    hmac-sha256;
        secret    $file[0];
        secret    $file[1];
        signed    "{body}";
        signature header:X-Sig;
        dedup     off;

        handshake subscribe {
            method  GET;
            match   query:mode subscribe renew;
            require query:token const:token;
            deny    403;
            answer  200 application/json
                    '{"in":"{query:challenge}","out":{query:challenge},"n":1}';
            header  X-Echo "<{query:challenge}>";
            header  X-Other "{query:other}";
            header  X-Other none;
        }

        handshake second {
            method  GET;
            match   query:mode;
            answer  200 text/plain "second {query:mode}";
        }

        handshake sums {
            method  GET;
            match   query:c;
            answer  200 text/plain
                    "{hmac:query:c} {hmac-sha512-hex:query:c} {hmac-sha256-base64:query:c} {sha256-hex:query:c+const:token+url}";
        }

        handshake body {
            method  POST;
            match   json:type ping;
            signed  on;
            answer  201 text/plain "{json:challenge} {hmac:json:challenge}";
        }

        handshake form {
            method  POST;
            match   header:X-Ask 1;
            require json:a.0.b x;
            answer  204;
        }

        handshake look {
            method  HEAD OPTIONS;
            match   header:X-Look;
            answer  200 text/plain "{method} {header:X-Look}";
        }

        constant   token one|two;
        public_url https://hooks.example.com\$request_uri;
    }

    event_source beside {
        verify    slack;
        secret    $file[0];
        handshake more { method GET; match query:m; answer 200; }
    }

    event_source off {
        verify    slack;
        secret    $file[0];
        handshake more { method GET; match query:m; answer 200; }
        handshake off;
    }

    event_source zoom { verify zoom; secret $file[0]; secret $file[1]; }

    event_source braintree {
        verify   braintree;
        secret   $file[0];
        constant public_key pub;
    }

    event_route all { from *; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /erp {
            event_deliver erp;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
        location = /own { event_receive own; }
        location = /why { event_explain own; }
        location = /beside { event_receive beside; }
        location = /off { event_receive off; }
        location = /zoom { event_receive zoom; }
        location = /braintree { event_receive braintree; }
    }
EOC

$t->run;

my $r;

# ---- it answers what it says

$r = ask(mode => 'subscribe', token => 'two', challenge => 'abc');
is($r->{status}, 200, 'subscribe');
is($r->{body}, '{"in":"abc","out":"abc","n":1}', 'in quotes and without');
is($r->header('Content-Type'), 'application/json', 'its type');
is($r->header('X-Echo'), '<abc>', 'its header');
is($r->header('X-Other'), 'none', 'the first header of a name that is there');
is($r->header('X-Content-Type-Options'), 'nosniff', 'nobody guesses');
is($r->header('X-Event-Outcome'), 'handshake', 'its outcome');

$r = ask(mode => 'renew', token => 'one', challenge => '', other => 'o');
is($r->{body}, '{"in":"","out":"","n":1}', 'the other word, and nothing');
is($r->header('X-Other'), 'o', 'the other header');

is(ask(mode => 'subscribe', token => $_, challenge => 'a')->{status}, 403,
    "token \"$_\"") for '', 'three', 'one|two', '*', 'on', 'one ', 'ONE';
is(ask(mode => 'subscribe', challenge => 'a')->{status}, 403, 'no token');
is(get('mode=subscribe&token=one&token=one&challenge=a')->{status}, 403,
    'two tokens');
is(get('mode=subscribe&token=one')->{status}, 403, 'no challenge');

is(ask(mode => 'other')->{body}, 'second other', 'the first block that fits');
is(get('mode=subscribe&mode=renew')->header('Allow'),
    'POST, GET, HEAD, OPTIONS', 'said twice it is none');
is(get('x=1')->{status}, 405, 'no challenge at all');

# ---- sums, keyed with the first secret where nobody signed

is(ask(c => 'tok-1')->{body}, join(' ', hmac_sha256_hex('tok-1', $secret[0]),
    hmac_sha512_hex('tok-1', $secret[0]),
    padded(hmac_sha256_base64('tok-1', $secret[0])),
    sha256_hex('tok-1one|twohttps://hooks.example.com/own')), 'sums');

# ---- with the secret that signed

for my $n (0, 1) {
    my $body = '{"type":"ping","challenge":"c-' . $n . '"}';

    $r = post('/own', $body, 'X-Sig' => hmac_sha256_hex($body, $secret[$n]));
    is($r->{status}, 201, "secret $n: its status");
    is($r->{body}, "c-$n " . hmac_sha256_hex("c-$n", $secret[$n]),
        "secret $n: keyed with the one that signed");

    $body = '{"event":"endpoint.url_validation","payload":{"plainToken":"t'
        . $n . '"}}';
    my $ts = int time;

    $r = post('/zoom', $body, 'x-zm-request-timestamp' => $ts,
        'x-zm-signature' => 'v0=' . hmac_sha256_hex("v0:$ts:$body",
                                                    $secret[$n]));
    is($r->json->{encryptedToken}, hmac_sha256_hex("t$n", $secret[$n]),
        "secret $n: zoom");
}

$r = post('/own', '{"type":"ping","challenge":"c"}', 'X-Sig' => '00' x 32);
is($r->{status}, 401, 'not signed');
unlike($r->{body}, qr/[0-9a-f]{64}/, 'and nothing is signed for him');

for my $word ('12345', 'a b', '{"id":1}') {
    my $body = encode_json({ type => 'ping', challenge => $word });

    $r = post('/own', $body, 'X-Sig' => hmac_sha256_hex($body, $secret[0]));
    is($r->{body}, "$word " . hmac_sha256_hex($word, $secret[0]),
        "\"$word\", of one who has the secret");
}

# ---- POST, HEAD and OPTIONS

is(post('/own', '{"a":[{"b":"x"}]}', 'X-Ask' => 1)->{status}, 204, 'POST');
is(post('/own', '{"a":[{"b":"y"}]}', 'X-Ask' => 1)->{status}, 400,
    'not what it requires: 400 if nothing is said');
is(post('/own', 'no JSON', 'X-Ask' => 1)->{status}, 400, 'nor without JSON');
is(post('/own', '{"a":[{"b":"x"}]}', 'X-Ask' => 1,
    'Content-Type' => 'text/plain')->{status}, 415, 'nor of another type');

$r = $t->request(OPTIONS => '/own', [ 'X-Look' => 'there' ]);
is($r->{body}, 'OPTIONS there', 'OPTIONS');
$r = $t->request(HEAD => '/own', [ 'X-Look' => 'there' ]);
is($r->{status}, 200, 'HEAD');
is($r->{body}, '', 'has no body');
is($r->header('Content-Length'), length 'HEAD there', 'but its length');
is($t->request(HEAD => '/own?mode=x')->{status}, 405, 'HEAD is not GET');
is($t->request(OPTIONS => '/own')->{status}, 405, 'no challenge');
is($t->request($_ => '/own', [ 'X-Look' => 'x' ])->{status}, 405, $_)
    for qw(PUT DELETE PATCH);

# a body where none belongs is not the next request

my $c = $t->connect;

$c->send(GET => '/own?mode=one', [], "GET /own?mode=evil HTTP/1.1\r\n"
    . "Host: localhost\r\n\r\n");
is($c->response->{body}, 'second one', 'GET with a body');
is($c->request(GET => '/own?mode=two')->{body}, 'second two',
    'and the next one');

# ---- what a stranger says

my %hostile = ('","evil":"1' => 1, '\\' => 1, "\n\r\t\x01\x7f" => 1,
               "</script><b>" => 1, "{query:token}" => 1, '%7B$secret' => 1,
               "\x{e9}" => 0, "\xff\xfe" => 0, "\x{c3}\x{a9}" => 1);

for my $text (sort keys %hostile) {
    my $name = $text =~ s/([^ -~])/sprintf '\\x%02x', ord $1/ger;

    $r = ask(mode => 'subscribe', token => 'one', challenge => $text);

    if ($text =~ /[\x00-\x1f\x7f]/ || !$hostile{$text}) {
        is($r->{status}, 403, "\"$name\" cannot be told");
        is($r->header('X-Echo'), undef, "\"$name\": not in a header");
        is($r->{body}, '', "\"$name\": nor in a body");
        next;
    }

    my $said = $r->json;

    is($said->{in}, utf8($text), "\"$name\" is a string of JSON");
    is($said->{out}, utf8($text), "\"$name\": without quotes, too");
    is(join(' ', sort keys %$said), 'in n out', "\"$name\": and nothing else");
}

for my $text ("a\r\nX-Evil: 1", "a\nb", "a\0b", "a\tb") {
    $r = ask(mode => 'subscribe', token => 'one', challenge => $text);
    is($r->{status}, 403, 'a control character');
    unlike($r->{head}, qr/Evil/, 'gets into no header');
}

is(ask(mode => '<script>' x 10)->header('Content-Type'), 'text/plain',
    'markup is text');

my $long = 'c' x 1024;

is(ask(mode => $long)->{body}, "second $long", 'the longest value');
is(ask(mode => "${long}c")->{status}, 400, 'one byte more');
is(ask(c => $long)->{status}, 400, 'values one behind the other count');

# ---- nobody has his own event signed

for my $body ('{"a":1}', '[1]', '"abc"', '12', '-1.5e3', 'true', 'null',
              '{"a":1}=', ' 1', "1\n")
{
    $r = ask(c => $body);

    my ($sum) = split / /, $r->{body} // '';

    is($r->{status}, 400, "\"$body\" is not signed");
    is(post('/own', $body, 'X-Sig' => $sum // '')->{status}, 401,
        "\"$body\" is no event");
}

my ($sum) = split / /, ask(c => 'word')->{body};

is(post('/own', 'word', 'X-Sig' => $sum)->{status}, 400,
    'a word that was signed is no event');
is(post('/own', 'word', 'X-Sig' => $sum, 'Content-Type' => $_)->{status}, 415,
    "nor as $_") for 'text/plain', 'application/octet-stream',
        'application/x-www-form-urlencoded', 'multipart/form-data; boundary=a';
is(post('/own', 'word', 'X-Sig' => $sum, 'Content-Type' => 'text/plain',
    'ce-specversion' => '1.0', 'ce-id' => 1, 'ce-type' => 't',
    'ce-source' => 's')->{status}, 415, 'nor as the data of a CloudEvent');

# Braintree signs events with the key of its challenges, and they are no JSON

my $payload = encode_base64('<notification/>', '') . "\n";
my $challenge = '20f9f8ed05f77439fe955c977e4c8a53';
my $key = sha1($secret[0]);

$r = $t->get("/braintree?bt_challenge=$challenge");
is($r->{body}, 'pub|' . hmac_sha1_hex($challenge, $key), 'braintree');
is($t->get("/braintree?bt_challenge=$_")->{status}, 400,
    "braintree: \"$_\" is no challenge")
    for '', 'a' x 19, 'a' x 33, 'A' x 20, 'g' x 20,
        escape(substr $payload, 0, 20);

$target->forget;

my $form = sub {
    my ($data, $sum) = @_;

    return post('/braintree', 'bt_signature=' . escape("pub|$sum")
        . '&bt_payload=' . escape($data),
        'Content-Type' => 'application/x-www-form-urlencoded')->{status};
};

is($form->($payload, hmac_sha1_hex($payload, $key)), 200,
    'braintree: an event');
is($form->($payload, hmac_sha1_hex($challenge, $key)), 401,
    'braintree: not signed');
is($form->($challenge, hmac_sha1_hex($challenge, $key)), 400,
    'braintree: what a challenge had signed is no event');
is(scalar($target->requests), 1, 'braintree: one event');

# ---- beside a preset's

is($t->get('/beside?m=1')->{status}, 200, 'a block beside a preset');
is($t->get('/beside?ssl_check=1')->{status}, 200, 'whose own are answered');
is($t->get('/off?m=1')->{status}, 200, 'a block beside "off"');
is($t->get('/off?ssl_check=1')->{status}, 405, 'which is about the preset');

# ---- explained

$r = $t->post('/why', '{"type":"ping","challenge":"c"}');
like($r->{body}, qr/"handshake":"a challenge, answered if it is verified"/,
    'explained');

is(join(' ', map { $_->{body} } $target->requests),
    'bt_signature=' . escape('pub|' . hmac_sha1_hex($payload, $key))
    . '&bt_payload=' . escape($payload), 'no challenge reached a target');

$t->done;


# ---- helpers

sub ask {
    my (%args) = @_;

    return get(join '&', map { "$_=" . escape($args{$_}) } sort keys %args);
}


sub get {
    return $t->get("/own?$_[0]");
}


sub post {
    my ($uri, $body, @headers) = @_;

    return $t->post($uri, $body, \@headers);
}


sub escape {
    return $_[0] =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger;
}


sub padded {
    return $_[0] . '=' x (-length($_[0]) % 4);
}


sub utf8 {
    my $text = shift;

    utf8::decode($text);

    return $text;
}
