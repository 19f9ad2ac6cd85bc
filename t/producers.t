#!/usr/bin/perl

# Copyright (C) Event Router contributors

# The ways out that docs/producers.md names in its notes: HubSpot's attempt
# counter in the body, and PayPal repeating with its first transmission time.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Compress::Zlib qw(crc32);
use Digest::SHA qw(hmac_sha256);
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);
use Test::More;
use Test::EventRouter;

my $reserved = ":/?@!\$'()*,;";

my $t = Test::EventRouter->new;
my $dir = $t->dir;
my $secret = 'a-secret-of-hubspot-0123456789';

$t->secret($secret);
$t->write_file('hubspot', $secret);

system("openssl req -x509 -newkey rsa:2048 -nodes -keyout $dir/key.pem -out "
       . "$dir/crt.pem -days 30 -subj /CN=x >/dev/null 2>&1") == 0
    or plan(skip_all => 'no openssl');

my $erp = $t->target(8081);

$t->config(<<'EOC');

    event_store memory:1m;

    event_source plain { verify hubspot; secret file:../hubspot;
                         public_url "https://hooks.example.com$request_uri"; }
    event_source one   { verify hubspot; secret file:../hubspot;
                         public_url "https://hooks.example.com$request_uri";
                         dedup by=data.eventId by=data.subscriptionId
                               by=data.occurredAt; }
    event_source split { verify hubspot; secret file:../hubspot; split on;
                         public_url "https://hooks.example.com$request_uri";
                         dedup by=data.eventId by=data.subscriptionId
                               by=data.occurredAt; }

    event_source paypal { verify paypal-pinned; secret file:../crt.pem;
                          constant webhook_id WH1; }
    event_source late   { verify paypal-pinned; secret file:../crt.pem;
                          constant webhook_id WH1;
                          timestamp header:PAYPAL-TRANSMISSION-TIME
                                    unit=rfc3339 tolerance=72h; }
    event_route all { from *; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /plain  { event_receive plain; }
        location = /one    { event_receive one; }
        location = /split  { event_receive split; }
        location = /paypal { event_receive paypal; }
        location = /late   { event_receive late; }
        location = /erp { event_deliver erp;
                          proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

$t->run;

# ---- HubSpot counts its attempts in the body

my $id = 100;

is(hubspot('/plain', 0, 1), 'delivered', 'an event');
is(hubspot('/plain', 1, 1), 'delivered', 'its repetition is another body');

for my $way ('/one', '/split') {
    is(hubspot($way, 0, 1), 'delivered', "$way: an event");
    is(hubspot($way, 1, 1), 'duplicate', "$way: its repetition");
    is(hubspot($way, 0, 2), 'delivered', "$way: another one");
}

is(hubspot('/split', 0, 3, 4), 'delivered delivered', 'two');
is(hubspot('/split', 1, 3, 5), 'duplicate delivered',
    'one of them again, and another one');
is(hubspot('/one', 0, 3, 4), 'delivered', 'two that are one');
is(hubspot('/one', 0, 3, 5), 'delivered', 'nothing is lost');


# the URL is signed with twelve characters decoded, and no others

my $escaped = join '', map { sprintf '%%%02X', ord } split //, $reserved;

for (['', ''], ['?tenant=a', '?tenant=a'], ["?q=$escaped", "?q=$reserved"],
     ["?q=" . lc $escaped, "?q=$reserved"], ["?q=$reserved", "?q=$reserved"],
     ['?q=%20%2B%26%3D%25%23%5B%C3%A4+', '?q=%20%2B%26%3D%25%23%5B%C3%A4+'],
     ['?q=%253A%', '?q=%253A%'], ['?q=%2', '?q=%2'],
     ['?u=https%3A%2F%2Fx%3Fa', '?u=https://x?a'])
{
    my ($sent, $signed) = @$_;

    is(hubspot([ "/plain$sent", "/plain$signed" ], 0, ++$id), 'delivered',
        "signed as \"$signed\": \"$sent\"");
}

is(hubspot([ '/plain?q=%2B', '/plain?q=+' ], 0, ++$id), 401,
    'another character is not decoded');


# ---- PayPal

my $now = int time;

is(paypal('/paypal', 1, $now)->{status}, 200, 'at once');
is(paypal('/paypal', 1, $now - 3600)->{status}, 401, 'an hour late');
ok($t->wait_file('logs/error.log',
    qr/event from source "paypal" refused: the timestamp is too old/),
    'the log says so');
is(paypal('/late', 1, $now - 3600)->{status}, 200, 'a longer time');
is(paypal('/late', 1, $now - 3600)->header('X-Event-Duplicate'), 1,
    'and again');
is(paypal('/late', 2, $now - 73 * 3600)->{status}, 401, 'not for ever');

$t->done;


sub hubspot {
    my ($uri, $attempt, @ids) = @_;
    my $signed = ref $uri ? $uri->[1] : $uri;

    $uri = $uri->[0] if ref $uri;

    my $body = '[' . join(',', map { qq({"eventId":$_,"subscriptionId":7,)
        . '"subscriptionType":"contact.creation","occurredAt":1790000000000,'
        . qq("attemptNumber":$attempt}) } @ids) . ']';
    my $ts = 1000 * int time;
    my $sum = hmac_sha256("POSThttps://hooks.example.com$signed$body$ts",
        $secret);
    my $r = $t->post($uri, $body, [ 'Content-Type' => 'application/json',
        'X-HubSpot-Request-Timestamp' => $ts,
        'X-HubSpot-Signature-v3' => encode_base64($sum, '') ]);
    my $said = $r->json // {};

    return join ' ', map { $_->{outcome} // $r->{status} }
                         @{ $said->{events} // [ $said ] };
}


sub paypal {
    my ($uri, $id, $time) = @_;

    my $body = qq({"id":"WH-$id","event_type":"PAYMENT.SALE.COMPLETED"});
    my $sent = strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $time);

    $t->write_file('signed', "t$id|$sent|WH1|" . crc32($body));

    my $sum = qx(openssl dgst -sha256 -sign $dir/key.pem $dir/signed);

    return $t->post($uri, $body, [ 'Content-Type' => 'application/json',
        'PAYPAL-TRANSMISSION-ID' => "t$id",
        'PAYPAL-TRANSMISSION-TIME' => $sent,
        'PAYPAL-TRANSMISSION-SIG' => encode_base64($sum, '') ]);
}
