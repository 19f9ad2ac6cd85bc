#!/usr/bin/perl

# Copyright (C) Event Router contributors

# nginx -t about "jwt keys=": which location it needs, what stands beside it,
# and the warnings.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $internal = 'location = /keys { internal; return 200; }';

like(said('jwt keys=/keys audience=a;', $internal), qr/^ok (?!.*any token)/s,
    'a location of its own');
like(said('jwt keys=/keys audience=a;', 'location / { internal; return 200; }'),
    qr/^ok /, 'one that takes all');
like(said('jwt keys=/keys audience=a;',
    'location ~ ^/k { internal; return 200; }'), qr/^ok /, 'a regex');
like(said('jwt keys=/keys by=kid claim=email:a@b:c algorithms=EdDSA,PS512;',
    $internal), qr/^ok /, 'all words');
like(said('jwt keys=/keys audience=a;', $internal, 'verify jwks;'), qr/^ok /,
    'with a preset');
like(said('jwt keys=/keys audience=a;', $internal, 'verify plaid;'), qr/^ok /,
    'with one that asks by kid');

my $none = qr/^wrong .*"jwt keys=\/keys" of event_source "s" calls "\/keys", and in the server of "event_receive s" there is no internal location.*location = \/keys \{ internal; proxy_pass.*:\d+/s;

like(said('jwt keys=/keys;', ''), $none, 'no location');
like(said('jwt keys=/keys;', 'location = /keys { return 200; }'), $none,
    'not internal');
like(said('jwt keys=/keys;', '', undef, 'server { listen '
    . "127.0.0.1:%%PORT_8081%%; $internal }"), $none, 'another server');

like(said('jwt keys=keys;', $internal),
    qr/^wrong .*"keys=keys" of "jwt" is no URI of this server/s, 'no URI');
like(said('jwt keys=https://id.example/keys;', $internal),
    qr/^wrong .*is no URI of this server: write "keys=\/keys;"/s, 'a URL');
like(said('jwt keys=/keys?a=b;', $internal),
    qr/^wrong .*has arguments: write them into "proxy_pass"/s, 'arguments');
like(said('jwt keys=;', $internal), qr/^wrong .*keys=/s, 'empty');
like(said('jwt keys=/keys; secret 0123456789abcdef0123456789abcdef;',
    $internal), qr/^wrong .*"secret" and "keys=" of "jwt" exclude/s,
    'beside a secret');
like(said('jwt keys=/keys algorithms=HS256;', $internal),
    qr/^wrong .*names one that no secret fits.*a key set \("keys="\) public/s,
    'HS256');
like(said('jwt keys=/keys algorithms=RS256,none;', $internal),
    qr/^wrong .*invalid value "RS256,none"/s, 'none');
like(said('jwt keys=/keys by=name;', $internal),
    qr/^wrong .*invalid value "by=name"/s, 'by another word');
like(said('', $internal), qr/^wrong .*"secret" is missing.*"jwt keys=URI;"/s,
    'neither a secret nor keys');
like(said('jwt keys=/keys;', $internal,
    'verify hmac-sha256; signature header:S; signed "{body}";'),
    qr/^wrong .*"keys=" of "jwt" is for tokens/s, 'no token');

like(said("jwt keys=/keys claim=$_;", $internal),
    qr/^wrong .*"claim=$_" of "jwt" has no name or no value/s, "claim=$_")
    for qw(email :x);

my $any = qr/^ok .*any token that is signed with a key of the set is taken.*:\d+/s;

like(said('jwt keys=/keys;', $internal), $any, 'for anybody');
like(said('jwt keys=/keys issuer=a;', $internal), $any, 'of one issuer');
unlike(said('jwt keys=/keys claim=a:b;', $internal), $any, 'with a claim');
unlike(said('jwt keys=/keys; body_digest jwt:sha sha256 hex;', $internal),
    $any, 'of its body');

done_testing();


sub said {
    my ($lines, $location, $verify, $more) = @_;

    $verify //= 'verify jwt;';
    $more //= '';

    $t->config(<<"EOC");
    event_source s { $verify id "{json:id}"; type "{json:type}"; $lines }
    event_route r { from s; to erp; }
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /s   { event_receive s; }
        location = /erp { event_deliver erp; return 200; }
        $location
    }
    $more
EOC
    my ($ok, $text) = $t->check_config;

    return ($ok ? 'ok ' : 'wrong ') . $text;
}
