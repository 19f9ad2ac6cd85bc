#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about "auth oauth2" of an event_target.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t, $secret) = snippets();
my $dir = $t->dir;

my %key = (
    rsa => 'RSA -pkeyopt rsa_keygen_bits:2048',
    short => 'RSA -pkeyopt rsa_keygen_bits:1024',
    p256 => 'EC -pkeyopt ec_paramgen_curve:P-256',
    p384 => 'EC -pkeyopt ec_paramgen_curve:P-384',
    ed25519 => 'ed25519',
    locked => "RSA -pkeyopt rsa_keygen_bits:2048 -aes128 -pass pass:$secret",
);

mkdir "$dir/conf/key" or die;

for my $name (keys %key) {
    system("openssl genpkey -out $dir/conf/key/$name -algorithm $key{$name} "
        . '2>/dev/null') == 0 or die "openssl genpkey: $name\n";
}

system("openssl pkey -in $dir/conf/key/rsa -pubout -out $dir/conf/key/public")
    == 0 or die;

$t->write_file('conf/client', "id:$secret\n");
$t->write_file('conf/bare', $secret);
$t->write_file('conf/no-id', ":$secret");
$t->write_file('conf/lines', "id:\n$secret");

my $c = 'client=file:client';
my $jwt = 'grant=jwt-bearer issuer=a audience=b';


# ---- the line

part('target');

wrong('alone', 'auth oauth2;', 'invalid number of arguments in "auth"');
wrong('no client', 'auth oauth2 /token;',
    '"auth oauth2" needs the URI of an internal location by which the token '
    . 'endpoint is asked, and a client: write "auth oauth2 /oauth/erp '
    . 'client=file:PATH;"');
wrong('no URI', "auth oauth2 $c scope=a;", '"auth oauth2" needs the URI');
wrong('an address', "auth oauth2 https://idp.example/token $c;",
    '"auth oauth2" needs the URI');
wrong('arguments', "auth oauth2 /token?a=b $c;", '"auth oauth2" needs the URI');
wrong('no client=', 'auth oauth2 /token scope=a;',
    '"auth oauth2" has no client=: write client=file:PATH, with "id:secret" '
    . 'in the file');
wrong('a client in nginx.conf', 'auth oauth2 /token client=id:%%SECRET%%;',
    'client= of "auth oauth2" does not stand in nginx.conf: write '
    . 'client=file:PATH or client=env:NAME');
wrong('a key in nginx.conf', "auth oauth2 /token $jwt key=%%SECRET%%;",
    'key= of "auth oauth2" does not stand in nginx.conf');
wrong('a file that is not there', 'auth oauth2 /token client=file:none;',
    'cannot be opened');
wrong('an empty file', 'auth oauth2 /token client=file:empty;', 'is empty');
wrong('a client without a colon', 'auth oauth2 /token client=file:bare;',
    'what client= of "auth oauth2" names is no client: write its id, a colon '
    . 'and its secret, on one line');
wrong('a client without an id', 'auth oauth2 /token client=file:no-id;',
    'names is no client');
wrong('a client of two lines', 'auth oauth2 /token client=file:lines;',
    'has a line feed or another control character');
wrong('an unknown parameter', "auth oauth2 /token $c secret=%%SECRET%%;",
    'which takes client=SECRET, scope=TEXT, audience=TEXT, style=basic|body');
wrong('a scope of two words', "auth oauth2 /token $c scope=read write;",
    'a TEXT with blanks is quoted with its name, as in "scope=read write"');
wrong('a parameter twice', "auth oauth2 /token $c scope=a scope=b;",
    'scope=');
wrong('an unknown style', "auth oauth2 /token $c style=header;", 'style=');
wrong('an unknown grant', "auth oauth2 /token $c grant=password;", 'grant=');
wrong('a leeway that is too long', "auth oauth2 /token $c leeway=2d;",
    'a time from 0s to 1h');
wrong('an empty scope', "auth oauth2 /token $c scope=;", 'scope=');

for my $word (qw(key=file:key/rsa issuer=a subject=a)) {
    wrong("$word without its grant", "auth oauth2 /token $c $word;",
        '"auth oauth2" has key=, issuer= or subject=, which are of '
        . '"grant=jwt-bearer"');
}

for my $words ($jwt, 'grant=jwt-bearer key=file:key/rsa issuer=a',
               'grant=jwt-bearer key=file:key/rsa audience=a',
               "grant=jwt-bearer $c")
{
    wrong("not enough: $words", "auth oauth2 /token $words;",
        '"auth oauth2" with "grant=jwt-bearer" needs key=file:PATH of a '
        . 'private key, issuer= and audience=, which are the claims iss and '
        . 'aud');
}

for my $name (qw(public locked ../client)) {
    wrong("$name is no key", "auth oauth2 /token $jwt key=file:key/$name;",
        'key= of "auth oauth2" cannot be used: it is not a private key: a '
        . 'PRIVATE KEY block in PEM, without a passphrase, is one');
}

wrong('a short key', "auth oauth2 /token $jwt key=file:key/short;",
    'an RSA key of at least 2048 bits');
wrong('another curve', "auth oauth2 /token $jwt key=file:key/p384;",
    'an ECDSA key on the curve P-256');
wrong('an ed25519 key', "auth oauth2 /token $jwt key=file:key/ed25519;",
    'is an ed25519 key: assertions are signed with RSA (RS256) or ECDSA');


# ---- its location

wrong('no location', "auth oauth2 /token $c;  <<<",
    '"auth oauth2" of event_target "erp" calls "/token", and in the server of '
    . 'location "/deliver/erp" there is no internal location for that: add '
    . '"location = /token { internal; proxy_pass ...; }"');
wrong('one that is not internal', "auth oauth2 /hook $c;  <<<",
    'there is no internal location for that');

for my $location (
    'location = /token { internal; }',
    'location /token { internal; }',
    'location ^~ /tok { internal; }',
    'location / { internal; }',
    'location / { location /token { internal; } }',
    'location / { internal; location /token { } }',
    'location / { location = /token { internal; } }',
    'location ~ ^/to { internal; }',
    'location /token { } location ~ ^/to { internal; }',
    'location ^~ /token { internal; } location ~ ^/to { }',
    'location /a { } location = /token { internal; } location /tokens { }',
    'location /deliver { internal; } location /token { internal; }',
) {
    served(1, $location);
}

for my $location (
    'location = /token/ { internal; }',
    'location = /toke { internal; }',
    'location /token/ { internal; }',
    'location /tokens { internal; }',
    'location = /token { }',
    'location /token { internal; } location ~ ^/to { }',
    'location /token { internal; } location = /token { }',
    'location @token { internal; }',
) {
    served(0, $location);
}

$t->done;


sub served {
    my ($good, $location) = @_;

    $t->config(<<"EOC");

event_source a { verify bearer; secret file:secret; }
event_target erp { auth oauth2 /token $c; }
event_route all { from *; to erp; }

server {
    listen 127.0.0.1:%%PORT_8080%%;
    location = /a { event_receive a; }
    location = /deliver/erp { event_deliver erp; proxy_pass http://127.0.0.1:1; }
    $location
}
EOC

    my ($ok, $said) = $t->check_config;

    is($ok ? 1 : 0, $good, $location) or diag($said);
}
