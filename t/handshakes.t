#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Challenges by which producers check an endpoint: the recorded ones of
# t/data/vectors and one for every other producer that has them, answered with
# exactly this status, these headers and this body; where the producer signs
# the challenge, only if it did.  No challenge reaches a target, and none can
# be used to have a forgery signed.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(decode_base64 encode_base64);
use POSIX qw(strftime);
use Test::More;
use Test::EventRouter;

my $json = JSON::PP->new->utf8;
my $t = Test::EventRouter->new;
my $erp = $t->target(8081);

my $secret = $t->secret('a-secret-of-this-test');
my $keys = 0;
my ($ed25519, $public) = ed25519_key();

# whose challenges are signed, and how

my %sign = (
    slack => sub {
        my ($body, $key) = @_;
        my $ts = int time;
        return ('X-Slack-Request-Timestamp' => $ts,
                'X-Slack-Signature' => 'v0='
                    . hmac_sha256_hex("v0:$ts:$body", $key));
    },
    zoom => sub {
        my ($body, $key) = @_;
        my $ts = int time;
        return ('x-zm-request-timestamp' => $ts,
                'x-zm-signature' => 'v0='
                    . hmac_sha256_hex("v0:$ts:$body", $key));
    },
    twitch => sub {
        my ($body, $key) = @_;
        my ($id, $ts) = ('m-1', strftime('%Y-%m-%dT%H:%M:%SZ', gmtime));
        return ('Twitch-Eventsub-Message-Id' => $id,
                'Twitch-Eventsub-Message-Timestamp' => $ts,
                'Twitch-Eventsub-Message-Signature' => 'sha256='
                    . hmac_sha256_hex("$id$ts$body", $key));
    },
    front => sub {
        my ($body, $key) = @_;
        my $ts = int(time * 1000);
        return ('X-Front-Request-Timestamp' => $ts,
                'X-Front-Signature' =>
                    encode_base64(hmac_sha256("$ts:$body", $key), ''));
    },
    'discord-interactions' => \&sign_discord,
    'discord-events' => \&sign_discord
);

my @recorded = map { $json->decode($_) } recorded();

# one source a challenge, since constants differ; and one for each producer
# without recorded ones

my @more = qw(front msgraph nylas ringcentral woocommerce x);

my ($sources, $servers) = ('', '');

source($_->{n}, $_->{provider}, $_->{secret}, $_->{consts}, $_->{request}{url})
    for @recorded;
source($_, $_) for @more;
source('several', 'hmac-sha256', undef, { verify_token => 'vt' }, undef,
    'signed "{body}"; signature header:X-Sig encoding=hex;'
    . ' handshake meta slack;');
source('none', 'slack', undef, undef, undef, 'handshake off;');

$t->config(<<"EOC");

    log_format status '\$uri \$status \$event_status \$event_verify';

    access_log %%TESTDIR%%/logs/status.log status;

$sources
    event_route all { from *; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /erp {
            event_deliver erp;
            proxy_pass http://127.0.0.1:%%PORT_8081%%;
        }
$servers
    }
EOC

$t->run;

# ---- the recorded ones

cmp_ok(scalar @recorded, '>=', 20, 'recorded challenges');

my $delivered = 0;

for my $h (@recorded) {
    my $request = $h->{request};
    my $sign = $h->{rule}{signed} ? $sign{$h->{provider}} : undef;
    my $body = decode_base64($request->{body});
    my $good = $h->{signature_ok} // 1;
    my $name = "$h->{n}: $h->{provider}, $h->{why}";

    if (!ref $h->{expect}) {
        my $r = ask($h, $body, $sign);

        if ($request->{method} eq 'OPTIONS') {
            is($r->{status}, 405, $name);
            is($r->header('Allow'), 'POST, OPTIONS', "$h->{n}: Allow");

        } else {
            is($r->{status}, 200, $name);
            is($r->json->{outcome}, 'delivered', "$h->{n}: is an event");
            $delivered++;
        }

        next;
    }

    my $r = ask($h, $body, $good ? $sign : \&no_signature);

    if ($h->{expect}{status} == 401) {
        unsigned($r, $name);

    } else {
        exact($r, $h->{expect}, $name);
    }

    next if !$sign;

    # the opposite of what was recorded

    if ($good) {
        unsigned(ask($h, $body, \&no_signature), "$name, not signed");
        unsigned(ask($h, "$body ", sub { $sign->($body, $_[1]) }),
            "$name, signed for another body");
        unsigned(ask($h, $body, sub { $sign->($body, bad_key($h)) }),
            "$name, signed with another key");

    } else {
        exact(ask($h, $body, $sign), { status => 200,
            headers => { 'Content-Type' => 'text/plain' },
            body => $json->decode($body)->{challenge} }, "$name: a good one");
    }
}

# ---- those that were not recorded

exact(post('msgraph', '', query => 'validationToken=Validation%3a+a%26b'),
    { status => 200, headers => { 'Content-Type' => 'text/plain' },
      body => 'Validation: a&b' }, 'msgraph: decoded');
exact(post('msgraph', '', query => 'validationToken=%3Cb%3Ehi%3C/b%3E',
    headers => [ 'Content-Type', 'text/plain; charset=utf-8' ]),
    { status => 200, headers => { 'Content-Type' => 'text/plain' },
      body => '<b>hi</b>' }, 'msgraph: markup is text');
unsigned(post('msgraph', '{"value":[{"clientState":"wrong"}]}'),
    'msgraph: an event');

exact($t->get('/nylas?challenge=abc'),
    { status => 200, headers => { 'Content-Type' => 'text/plain' },
      body => 'abc' }, 'nylas');

exact(post('ringcentral', '', headers => [ 'Validation-Token', 'v-1' ]),
    { status => 200, headers => { 'Validation-Token' => 'v-1' }, body => '' },
    'ringcentral');

exact(post('woocommerce', 'webhook_id=17', headers =>
    [ 'Content-Type', 'application/x-www-form-urlencoded' ]),
    { status => 200, headers => {}, body => '' }, 'woocommerce');

my $token = '9b4507b3-9040-4669-9ca3-6b94edb50553';

exact($t->get("/x?crc_token=$token"),
    { status => 200, headers => { 'Content-Type' => 'application/json' },
      body => '{"response_token":"sha256='
          . encode_base64(hmac_sha256($token, $secret), '') . '"}' }, 'x');

exact(post('front', '{"type":"sync"}', headers =>
    [ 'X-Front-Challenge', 'c-1', $sign{front}->('{"type":"sync"}', $secret) ]),
    { status => 200, headers => { 'Content-Type' => 'text/plain' },
      body => 'c-1' }, 'front');
unsigned(post('front', '{"type":"sync"}',
    headers => [ 'X-Front-Challenge', 'c-1' ]), 'front, not signed');

# two producers' challenges at one source

is($t->get('/several?hub.mode=subscribe&hub.challenge=1&hub.verify_token=vt')
    ->{body}, '1', 'the one handshake of two');

my $challenge = '{"type":"url_verification","challenge":"abc"}';

is(post('several', $challenge, headers =>
    [ 'X-Sig', hmac_sha256_hex($challenge, $secret) ])->{body}, 'abc',
    'the other');
is($t->get('/several')->header('Allow'), 'POST, GET', 'allowed for both');

is(post('none', $challenge, headers => [ $sign{slack}->($challenge, $secret) ])
    ->json->{outcome}, 'delivered', 'handshake off: an event');
$delivered++;

# ---- methods

my %allow = (HP001 => 'POST, GET', HP004 => 'POST, GET', HP012 => 'POST, OPTIONS',
             HP019 => 'POST, HEAD');

for my $source (sort keys %allow) {
    for my $method (qw(GET HEAD OPTIONS PUT DELETE PATCH PROPFIND)) {
        next if $method eq 'HEAD' && $source eq 'HP019';

        my $r = $t->request($method, "/$source");

        ok($r->{status} == 405 && $r->header('Allow') eq $allow{$source},
            "$method at a source that takes $allow{$source}")
            or diag("$r->{head}");
    }
}

is($t->request(HEAD => '/HP004?hub.mode=subscribe&hub.verify_token=meatyhamhock'
    . '&hub.challenge=1')->{status}, 405, 'HEAD is not GET');

# a body where none belongs is not the next request

my $c = $t->connect;

$c->send(GET => '/HP004?hub.mode=subscribe&hub.verify_token=meatyhamhock'
    . '&hub.challenge=one', [], "GET /HP015?challenge_code=1 HTTP/1.1\r\n"
    . "Host: localhost\r\n\r\n");
is($c->response->{body}, 'one', 'GET with a body');
is($c->request(GET => '/HP004?hub.mode=subscribe&hub.challenge=two'
    . '&hub.verify_token=meatyhamhock')->{body}, 'two', 'and the next one');

# ---- what is not answered

my $meta = '/HP004?hub.mode=subscribe&hub.verify_token=meatyhamhock';

is($t->get("$meta&hub.challenge=" . 'c' x 1024)->{body}, 'c' x 1024,
    'the longest challenge');
is($t->get("$meta&hub.challenge=" . 'c' x 1025)->{status}, 403,
    'one byte more');
is($t->get($meta)->{status}, 403, 'no challenge in it');
is($t->get("$meta&hub.challenge=1&hub.challenge=2")->{status}, 403,
    'two challenges');
is($t->get("$meta&hub.verify_token=meatyhamhock&hub.challenge=1")->{status},
    403, 'two tokens');
is($t->get('/HP004?hub.mode=subscribe&hub.challenge=1')->{status}, 403,
    'no token');
is($t->get('/HP004?hub.mode=subscribe&hub.challenge=1&hub.verify_token=meaty')
    ->{status}, 403, 'half a token');
is($t->get('/HP004?hub.mode=subscribe&hub.challenge=1&hub.verify_token=*')
    ->{status}, 403, 'a star is no token');
is($t->get('/HP004?hub.challenge=1&hub.verify_token=meatyhamhock')->{status},
    405, 'no challenge at all');

my $r = post('ringcentral', '', headers => [ 'Validation-Token', "a\tb" ]);
is($r->{status}, 400, 'control character');
is($r->header('Validation-Token'), undef, 'is not echoed');

is(post('HP017', '{"challenge":{"a":1}}')->{status}, 401,
    'challenge that is an object');
is(post('HP017', '{"challenge":"\u0022,\u0022evil\u0022:\u00221\n<"}')->{body},
    '{"challenge":"\",\"evil\":\"1\n<"}', 'escaped in JSON');

$r = $t->request(OPTIONS => '/HP012',
    [ 'WebHook-Request-Origin', 'evil.example.com' ]);
is($r->{status}, 405, 'origin without consent');
is($r->header('WebHook-Allowed-Origin'), undef, 'gets none');
is($r->header('Allow'), 'POST', 'and may only send');

# ---- nobody has his forgery signed as a challenge

my $forged = '{"for_user_id":"1","tweet_create_events":[{"id":1}]}';

for my $body ($forged, '[1]', '"abc"', '12345', '-1.5e3', 'true', 'null') {
    $r = $t->get('/x?crc_token=' . escape($body));

    my $signature = ($r->json // {})->{response_token} // 'sha256=';

    is(post('x', $body, headers =>
        [ 'X-Twitter-Webhooks-Signature', $signature ])->{status}, 401,
        "x does not sign $body");
}

$r = $t->get('/HP016?challengeCode=' . escape("hmacsha256=$forged"));
is(post('HP016', $forged, headers =>
    [ 'X-LI-Signature', ($r->json // {})->{challengeResponse} // '' ])
    ->{status}, 401, 'linkedin does not sign a forgery');

$r = $t->get('/HP016?challengeCode=hmacsha256=true');
is(post('HP016', 'true', headers =>
    [ 'X-LI-Signature', ($r->json // {})->{challengeResponse} // '' ])
    ->{status}, 401, 'nor a short one');

is($t->get('/x?crc_token=' . escape('bm90IHRoZSBrZXk+/w=='))->{status}, 200,
    'base64 is a token');

# ---- nothing but events was delivered

is(scalar($erp->requests), $delivered, 'targets got the events only');
ok($t->wait_file('logs/status.log', qr{^/HP004 200 handshake -$}m),
    'status in the log');

$t->done;


# ---- helpers

sub recorded {
    open my $f, '<', $t->root . '/t/data/vectors/handshakes.jsonl'
        or die "handshakes.jsonl: $!\n";

    return <$f>;
}


sub source {
    my ($name, $verify, $own, $constants, $url, $more) = @_;

    my $line = '';

    if ($verify !~ /^(?:ebay|jotform|strava)$/) {
        my $key = $verify =~ /^discord/ ? $public : $own // $secret;
        my $path = $t->write_file("secrets/$name", "$key\n");

        $line .= "secret file:$path; ";
    }

    my %constants = %{ $constants // {} };

    # what the preset's own challenge needs to be complete

    $constants{verify_token} //= 'vt' if $verify =~ /^(?:meta|strava)$/;
    $constants{topic} //= 'tp' if $verify eq 'websub';

    $line .= "constant $_ $constants{$_}; " for sort keys %constants;
    $line .= "public_url " . $url =~ s/\?.*//r . '$is_args$args; ' if $url;
    $line .= $more // '';

    # an event is told by its receipt, whatever the producer wants to hear

    $sources .= "    event_source $name { verify $verify; dedup off; "
        . "answer 200; $line}\n";
    $servers .= "        location = /$name { event_receive $name; }\n";
}


sub ask {
    my ($h, $body, $sign) = @_;

    my ($args) = $h->{request}{url} =~ /(\?.*)/;
    my $key = $h->{provider} =~ /^discord/ ? $ed25519 : $h->{secret} // $secret;
    my $method = $h->{request}{method};

    return $t->request($method, "/$h->{n}" . ($args // ''),
        [ (map { @$_ } @{ $h->{request}{headers} }),
          $sign ? $sign->($body, $key) : () ],
        $method eq 'POST' ? $body : undef);
}


sub post {
    my ($source, $body, %o) = @_;

    return $t->post("/$source" . ($o{query} ? "?$o{query}" : ''), $body,
        $o{headers});
}


# a right timestamp, so that nothing else is wrong

sub no_signature {
    my $ts = int time;

    return map { $_ => $ts } qw(X-Slack-Request-Timestamp
        x-zm-request-timestamp X-Signature-Timestamp);
}


sub bad_key {
    my ($h) = @_;

    return $h->{provider} =~ /^discord/ ? (ed25519_key())[0] : 'another';
}


# the status, the body, and no header but these

sub exact {
    my ($r, $want, $name) = @_;

    my %headers = map { $_->[0] => $_->[1] } @{ $r->{headers} };
    my %more = ('X-Content-Type-Options' => 'nosniff',
                'X-Event-Outcome' => 'handshake');

    delete @headers{qw(Server Date Connection)};

    $more{'Content-Length'} = length $want->{body} if $want->{status} != 204;

    is_deeply({ status => $r->{status}, headers => \%headers,
                body => $r->{body} },
              { %$want, headers => { %{ $want->{headers} }, %more } }, $name)
        or diag($r->{head});
}


sub unsigned {
    my ($r, $name) = @_;

    is($r->{status}, 401, $name);
    is($r->header('Content-Type'), 'application/problem+json',
        "$name: a problem");
}


sub escape {
    return $_[0] =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger;
}


# a private key (its file) and the public one in hex

sub ed25519_key {
    my $file = $t->dir . '/ed25519-' . ++$keys . '.pem';

    system("openssl genpkey -algorithm ed25519 -out $file 2>/dev/null") == 0
        or die "openssl makes no ed25519 key\n";

    my $der = qx(openssl pkey -in $file -pubout -outform DER);

    return ($file, unpack 'H*', substr $der, -32);
}


sub sign_discord {
    my ($body, $key) = @_;

    my $ts = int time;
    my $message = $t->write_file('tmp/message', "$ts$body");
    my $signature = qx(openssl pkeyutl -sign -rawin -inkey $key -in $message);

    return ('X-Signature-Timestamp' => $ts,
            'X-Signature-Ed25519' => unpack 'H*', $signature);
}
