#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Signatures that are not one line of hex over HTTP: Persona's sets while its
# secret is rotated, Amazon SNS with and without a subject and in both versions,
# HubSpot's decoded URL, E2B's base64 without padding, a token that is too old.
# Each is taken, and what a forger makes of it is not.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256 hmac_sha256_hex sha256 sha256_hex);
use JSON::PP ();
use MIME::Base64 qw(encode_base64 encode_base64url);
use POSIX qw(strftime);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $dir = $t->dir;
my $target = $t->target(8081);
my $new = $t->secret('a-new-secret-of-persona-0123456789');
my $old = $t->secret('an-old-secret-of-persona-0123456789');

$t->write_file('conf/new', $new);
$t->write_file('conf/old', $old);

system("openssl req -x509 -newkey rsa:2048 -nodes -keyout $dir/key.pem -out "
       . "$dir/conf/sns.pem -days 30 -subj /CN=sns >/dev/null 2>&1") == 0
    or plan(skip_all => 'no openssl');

$t->expect_log(qr/refused/, 'what is forged');
$t->expect_log(qr/RSA and SHA-1/, 'SNS of version 1');
$t->expect_log(qr/is not what/, 'a topic of a stranger');

$t->config(<<'EOC');

    event_store memory:1m;

    event_source persona { verify persona; secret file:new; }
    event_source sns     { verify aws-sns; secret file:sns.pem;
                           require subject = arn:aws:sns:us-east-1:1:t; }
    event_source sns2    { verify aws-sns-v2; secret file:sns.pem; }
    event_source e2b     { verify e2b; secret file:new; }
    event_source hubspot { verify hubspot; secret file:new;
                           public_url "https://hooks.example$request_uri"; }
    event_source token   { verify jwt; secret file:new; jwt max_age=5m;
                           id "{body_sha256}"; }
    event_source own     { verify hmac-sha256; secret file:new;
                           signature header:X-Sig;
                           signed "A={json:a}&{if json:b}B={json:b}&{end}C";
                           id "{json:a}{if json:b}+{json:b}{end}"; }
    event_route all { from *; to one; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /persona { event_receive persona; }
        location = /sns     { event_receive sns; }
        location = /sns2    { event_receive sns2; }
        location = /e2b     { event_receive e2b; }
        location = /hubspot { event_receive hubspot; }
        location = /token   { event_receive token; }
        location = /own     { event_receive own; }
        location = /one { event_deliver one;
                          proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC

$t->run;


# ---- Persona

my $now = int time;
my $n = 0;

sub persona {
    my ($name, $status, $list) = @_;

    my $body = sprintf '{"data":{"id":"evt_%d","attributes":{"name":'
        . '"inquiry.completed"}}}', ++$n;

    is($t->post('/persona', $body, [ 'Content-Type' => 'application/json',
                                     'Persona-Signature' => $list->($body) ])
           ->{status}, $status, "persona: $name");
}


sub set {
    my ($at, $secret, $body) = @_;

    return "t=$at,v1=" . hmac_sha256_hex("$at.$body", $secret);
}

persona('one set', 200, sub { set($now, $new, @_) });
persona('an old one, and the same time', 200,
    sub { set($now, $old, @_) . ' ' . set($now, $new, @_) });
persona('times of their own', 200,
    sub { set($now - 1, $old, @_) . ' ' . set($now, $new, @_) });
persona('the other way round', 200,
    sub { set($now, $new, @_) . ' ' . set($now - 1, $old, @_) });
persona('an old set beside a new time', 401,
    sub { "t=$now,v1=" . '0' x 64 . ' ' . set($now - 3600, $new, @_) });
persona('an old set in front of it', 401,
    sub { set($now - 3600, $new, @_) . ",t=$now" });
persona('a secret that is no more', 401, sub { set($now, $old, @_) });


# ---- Amazon SNS

sub sns {
    my ($name, $status, $where, $change, %fields) = @_;

    my %m = (Type => 'Notification', MessageId => 'm-' . ++$n,
             TopicArn => 'arn:aws:sns:us-east-1:1:t', Message => '{"order":1}',
             Timestamp => strftime('%Y-%m-%dT%H:%M:%S.000Z', gmtime),
             SignatureVersion => 2, %fields);
    my $text = join '', map { "$_\n$m{$_}\n" } grep { exists $m{$_} }
        qw(Message MessageId Subject SubscribeURL Timestamp Token TopicArn
           Type);
    my $file = $t->write_file('text', $text);
    my $digest = $m{SignatureVersion} == 1 ? 'sha1' : 'sha256';
    my $signature = qx(openssl dgst -$digest -sign $dir/key.pem $file);

    $m{Signature} = encode_base64($signature, '');
    $m{SignatureVersion} = "$m{SignatureVersion}";
    $change->(\%m) if $change;

    my $r = $t->post("/$where", JSON::PP->new->canonical->encode(\%m),
                     [ 'Content-Type' => 'text/plain; charset=UTF-8' ]);

    is($r->{status}, $status, "$where: $name");

    return $r;
}

my %confirm = (SubscribeURL => 'https://sns.example/?Token=1', Token => '1',
               Message => "You have chosen to subscribe.\nVisit the URL.");

sns('a notification', 200, 'sns');
sns('with a subject', 200, 'sns', undef, Subject => 'Hi');
sns('of version 1', 200, 'sns', undef, SignatureVersion => 1);
sns('of version 1, with a subject', 200, 'sns', undef,
    SignatureVersion => 1, Subject => 'Hi');
sns('the subscription is confirmed', 200, 'sns', undef,
    %confirm, Type => 'SubscriptionConfirmation');
sns('and its end', 200, 'sns', undef, %confirm,
    Type => 'UnsubscribeConfirmation');
sns('version 2', 200, 'sns2', undef, Subject => 'Hi');
sns('no version 1', 401, 'sns2', undef, SignatureVersion => 1);

sns('a subject taken out', 401, 'sns', sub { delete $_[0]{Subject} },
    Subject => 'Hi');
sns('a subject put in', 401, 'sns', sub { $_[0]{Subject} = 'Hi' });
sns('a subject that is an object', 401, 'sns',
    sub { $_[0]{Subject} = { a => 1 } });
sns('another id', 401, 'sns', sub { $_[0]{MessageId} = 'mine' });
sns('another version', 401, 'sns', sub { $_[0]{SignatureVersion} = '1' });
sns('the subject becomes a part of the id', 401, 'sns',
    sub { $_[0]{MessageId} .= "\nSubject\n" . delete $_[0]{Subject} },
    Subject => 'Hi');
sns('the topic of a stranger', 422, 'sns', undef,
    TopicArn => 'arn:aws:sns:us-east-1:2:t');
sns('hours ago', 401, 'sns', undef, Timestamp => '2026-01-01T00:00:00.000Z');

$target->forget;

my $again = sns('an event', 200, 'sns', undef, Subject => 'Hi',
                MessageId => 'one');

is(sns('and again', 200, 'sns', undef, Subject => 'Hi', MessageId => 'one')
       ->header('X-Event-Duplicate') // '', '1', 'sns: known by its id');


# ---- HubSpot decodes twelve characters of the URL, and no other one

sub hubspot {
    my ($sent, $signed) = @_;

    my $ms = $now * 1000;
    my $body = '[{"eventId":' . ++$n . ',"subscriptionType":"x"}]';
    my $text = "POSThttps://hooks.example/hubspot?$signed$body$ms";

    return $t->post("/hubspot?$sent", $body,
        [ 'Content-Type' => 'application/json',
          'X-HubSpot-Request-Timestamp' => $ms,
          'X-HubSpot-Signature-v3' =>
              encode_base64(hmac_sha256($text, $new), '') ])->{status};
}

is(hubspot('t=a%40b%3A1', 't=a@b:1'), 200, 'hubspot: decoded');
is(hubspot('t=%3a%2F%3F%40%21%24%27%28%29%2A%2C%3B', "t=:/?@!\$'()*,;"), 200,
    'hubspot: all of them');
is(hubspot('t=%26%3D%25%20%2B', 't=%26%3D%25%20%2B'), 200,
    'hubspot: no other one');
is(hubspot('t=a%40b', 't=a%40b'), 401, 'hubspot: not as it was sent');
is(hubspot('t=%26', 't=&'), 401, 'hubspot: not one more');


# ---- E2B: base64 without padding, and nowhere else

for ([ 200, '' ], [ 401, '=' ]) {
    my ($status, $padding) = @$_;

    my $body = '{"id":"e' . ++$n . '","type":"sandbox.lifecycle.created"}';
    my $sig = encode_base64(sha256("$new$body"), '') =~ s/=+$/$padding/r;

    is($t->post('/e2b', $body, [ 'Content-Type' => 'application/json',
                                 'e2b-signature' => $sig ])->{status},
        $status, "e2b: padding \"$padding\"");
}


# ---- tokens, whatever they say of their end

sub token {
    my (%claims) = @_;

    my $text = join '.', map { encode_base64url(JSON::PP::encode_json($_)) }
        { alg => 'HS256' }, \%claims;

    return $t->post('/token', '{"n":' . ++$n . '}',
        [ 'Content-Type' => 'application/json', Authorization => "Bearer $text."
          . encode_base64url(hmac_sha256($text, $new)) ])->{status};
}

is(token(iat => $now), 200, 'token: issued now');
is(token(iat => $now - 3600, exp => $now + 3600), 401,
    'token: issued an hour ago');
is(token(exp => $now + 3600), 401, 'token: nobody knows when');
is(token(iat => $now + 3600), 401, 'token: issued in an hour');


# ---- words of one's own

sub own {
    my ($body, $text) = @_;

    return $t->post('/own', $body, [ 'Content-Type' => 'application/json',
                                     'X-Sig' => hmac_sha256_hex($text, $new) ]);
}

is(own('{"a":"1","b":"2"}', 'A=1&B=2&C')->json->{id}, '1+2', 'own: both');
is(own('{"a":"1"}', 'A=1&C')->json->{id}, '1', 'own: one');
is(own('{"a":"1&B=2"}', 'A=1&B=2&C')->{status}, 401, 'own: both in one');
is(own('{"a":"1"}', 'A=1&B=2&C')->{status}, 401, 'own: one is missing');

$t->done;
