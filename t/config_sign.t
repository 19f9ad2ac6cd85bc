#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about the "sign" of an event_target.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use MIME::Base64 qw(encode_base64);
use Test::More;
use Test::EventRouter::Snippets;

my ($t, $secret) = snippets();
my $dir = $t->dir;

my %file = (
    text => "$secret\n", two => "$secret\n\n", nul => "a\0$secret",
    whsec => 'whsec_' . encode_base64($secret, ''),
    half => 'whsec_' . encode_base64($secret, '') . '!',
    bare => 'whsec_', hex => unpack('H*', $secret),
    seed => 'whsk_' . encode_base64("\1" x 32, ''),
    mixed => 'whsk_' . encode_base64("\1" x 64, ''),
    short => 'whsk_' . encode_base64("\1" x 31, ''),
    seedhex => '01' x 32,
);

chmod 0600, $t->write_file("conf/sign/$_", $file{$_}) for keys %file;

system("openssl genpkey -algorithm ed25519 -out $dir/conf/sign/ed.pem"
    . " 2>/dev/null && openssl pkey -in $dir/conf/sign/ed.pem -pubout"
    . " -out $dir/conf/sign/pub.pem && openssl genpkey -algorithm RSA"
    . " -out $dir/conf/sign/rsa.pem 2>/dev/null"
    . " && openssl pkey -in $dir/conf/sign/ed.pem -aes128 -passout pass:x"
    . " -out $dir/conf/sign/locked.pem") == 0
    or die "no openssl\n";
chmod 0600, glob("$dir/conf/sign/*.pem");

part('target');

wrong('no arguments', 'sign;',
    'invalid number of arguments in "sign" directive: write "sign SCHEME '
    . 'secret=SECRET [secret=SECRET];"');
wrong('no secret', 'sign github;', 'invalid number of arguments');
wrong('three secrets', 'sign stripe secret=file:sign/text '
    . 'secret=file:sign/text secret=file:sign/text;',
    'invalid number of arguments');
wrong('twice', "sign github secret=file:sign/text;\n"
    . 'sign github secret=file:sign/text;  <<<',
    '"sign" directive is duplicate in event_target "erp"');
wrong('misspelt scheme', 'sign gihtub secret=file:sign/text;',
    '"sign": unknown scheme "gihtub" (did you mean "github"?); the schemes '
    . 'are adyen-platform, asana, ');
wrong('no scheme', 'sign x-y-z secret=file:sign/text;',
    'unknown scheme "x-y-z"; the schemes are');

my %why = (
    square => 'the URL is signed, as the target sees it',
    trello => 'the URL is signed', hubspot => 'the URL is signed',
    'hubspot-v2' => 'the URL is signed', walmart => 'the URL is signed',
    twilio => 'a digest of the body stands elsewhere',
    mailgun => 'fields of its producer\'s bodies are signed',
    'adyen-payments' => 'fields of its producer\'s bodies are signed',
    linear => 'the time stands in the body',
    sendgrid => 'its key is of RSA or ECDSA',
    'paypal-pinned' => 'its key is of RSA or ECDSA',
    'jwt-hs256' => 'a secret or token is sent, write "auth" for that',
    monday => 'a secret or token is sent', basic => 'a secret or token',
    bearer => 'a secret or token', gitlab => 'a secret or token',
    msgraph => 'a secret or token', ebay => 'its producer signs nothing',
    jotform => 'its producer signs nothing',
    'sendgrid-inbound' => 'its key is of RSA or ECDSA',
    strava => 'its producer signs nothing',
);

wrong("scheme $_", "sign $_ secret=file:sign/text;",
    qq("sign": "$_" cannot be signed with: $why{$_}))
    for sort keys %why;
wrong('and lists those that can', 'sign twilio secret=file:sign/text;',
    ', zendesk, zoom in ');


# ---- secrets

for my $word ('%%SECRET%%', 'secret=%%SECRET%%', 'secret=', 'file:sign/text',
              'secret=/etc/%%SECRET%%', 'secret=$variable', 'key=file:sign/x')
{
    wrong("parameter $word" =~ s/%%//gr, "sign github $word;",
        'invalid parameter of "sign github": write secret=file:PATH or '
        . 'secret=env:NAME');
}

wrong('no file', 'sign github secret=file:sign/none;',
    'the secret file "%%TESTDIR%%/conf/sign/none" cannot be opened');
wrong('an empty file', 'sign github secret=file:empty;', 'is empty');
wrong('no variable', 'sign github secret=env:TEST_NONE;',
    'the environment variable "TEST_NONE" is not set');
wrong("shared: $_", "sign github secret=file:sign/$_;",
    qq(the secret of "sign github" in "file:sign/$_" is of no use: it has a )
    . 'line feed or another control character') for qw(two nul);
wrong('not base64', 'sign svix secret=file:sign/half;',
    'the secret of "sign svix" in "file:sign/half" is of no use: the secret '
    . 'is not base64, as the scheme has it: copy the whole of it in ');
wrong('a prefix alone', 'sign svix secret=file:sign/bare;',
    'the secret is empty behind its prefix "whsec_"');
wrong('not hex', 'sign adyen-platform secret=file:sign/text;',
    'the secret is not hex, as the scheme has it: copy the whole of it in ');
wrong("a private key for github: $_", "sign github secret=file:sign/$_;",
    'it is a private key, and "github" is signed with a secret that both '
    . 'sides have') for qw(seed ed.pem);
wrong("standardwebhooks-v1a: $_",
    "sign standardwebhooks-v1a secret=file:sign/$_;",
    'it is not a private key of ed25519: that is a PRIVATE KEY block of PEM')
    for qw(text whsec short mixed pub.pem rsa.pem locked.pem);
wrong('v1a beside v1: a wrong key', 'sign standardwebhooks '
    . 'secret=file:sign/whsec secret=file:sign/rsa.pem;',
    'it is not a private key of ed25519');
wrong('two secrets, one signature', 'sign github secret=file:sign/text '
    . 'secret=file:sign/whsec;',
    'one secret too many: who verifies "github" takes one signature');

fine($_, "sign $_;") for 'github secret=file:sign/text',
    'github secret=env:TEST_SECRET', 'slack secret=file:sign/text',
    'standardwebhooks secret=file:sign/whsec',
    'standardwebhooks secret=file:sign/whsec secret=file:sign/seed',
    'standardwebhooks secret=file:sign/ed.pem',
    'standardwebhooks-v1a secret=file:sign/seed secret=file:sign/ed.pem',
    'stripe secret=file:sign/text secret=file:sign/hex',
    'docusign secret=file:sign/text secret=file:sign/hex',
    'discord secret=file:sign/seedhex', 'telnyx secret=file:sign/ed.pem',
    'adyen-platform secret=file:sign/hex', 'websub secret=file:sign/text';

chmod 0644, "$dir/conf/sign/text", "$dir/conf/sign/ed.pem";
warned("others can read $_", "sign standardwebhooks secret=file:sign/whsec "
    . "secret=file:sign/$_;",
    'every user of this machine can read the secret file')
    for 'ed.pem';
warned('others can read it', 'sign github secret=file:sign/text;',
    'every user of this machine can read the secret file');
chmod 0600, "$dir/conf/sign/text", "$dir/conf/sign/ed.pem";


# ---- what contradicts it

wrong('auth has its header', "auth header x-slack-signature file:sign/text;\n"
    . 'sign slack secret=file:sign/text;  <<<',
    '"sign" and "auth" of event_target "erp" both send the header '
    . '"X-Slack-Signature"');
warned('forwarded as well', "sign github secret=file:sign/text;  <<<\n"
    . 'forward_headers X-A x-hub-signature-256;',
    '"sign" of event_target "erp" sends the header "X-Hub-Signature-256" and '
    . '"forward_headers" names it, too');

part('deliver');

my %with = (with => { target => 'sign slack secret=file:sign/text;' });

warned('proxy_set_header', 'proxy_set_header X-Slack-Signature x;',
    '"proxy_set_header X-Slack-Signature" of the location of target "erp" is '
    . 'sent instead of the header of "sign"', at => 'nowhere', %with);
warned('another body', 'proxy_set_body "{}";',
    'the location of target "erp" has "proxy_set_body", so what is sent is '
    . 'not what "sign" signs', at => 'nowhere', %with);
warned('no body', 'proxy_pass_request_body off;',
    'has "proxy_pass_request_body off", so what is sent is not',
    at => 'nowhere', %with);
warned('no headers', 'proxy_pass_request_headers off;',
    'so the header "X-Slack-Request-Timestamp" of "sign" is not sent',
    at => 'nowhere', %with);
fine('another header', 'proxy_set_header X-Slack-Retry-Num 1;', %with);
fine('another body, nothing signed', 'proxy_set_body "{}";');

$t->done;
