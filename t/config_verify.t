#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about how events are verified: the secrets, where the
# signature stands and what it covers, templates and handshakes.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(mkfifo);
use Test::More;
use Test::EventRouter::Snippets;

my ($t, $secret) = snippets();


# ---- files that snippets name

$t->write_file('conf/blank', " \t\r\n");
$t->write_file('conf/not-hex', "xyz-$secret");
$t->write_file('conf/bad.pem', "-----BEGIN PUBLIC KEY-----\n$secret\n"
                               . "-----END PUBLIC KEY-----\n");
$t->write_file('conf/prefix-only', 'whsec_');
mkfifo($t->dir . '/conf/fifo', 0600) or die "mkfifo: $!\n";
mkdir $t->dir . '/conf/folder';

my ($crt) = $t->certificate('ec');

$ENV{TEST_EMPTY} = '';
$ENV{TEST_SHORT} = 'whsec_AAECAwQFBgcICQoL';
delete $ENV{TEST_UNSET};


# ---- verification

part('bare_source');

wrong('without verify', 'secret file:secret;',
    'event_source "shop" does not say how to verify events: add "verify '
    . 'PRESET;" or, if anybody may send, "verify off;"', at => 'block');
wrong('misspelt preset', 'verify shopfy;',
    'unknown preset "shopfy": did you mean "shopify"?');
wrong('unknown algorithm', 'verify hmac-md5;',
    '"hmac-md5" is no preset and: invalid value "hmac-md5", write: verify '
    . 'hmac-sha1|hmac-sha256|');
wrong('preset with a parameter', 'verify github sha1;',
    'invalid parameter "sha1": a preset takes none, write "verify github;"');
wrong('algorithm with a digest', 'verify hmac-sha256 sha1;',
    '] invalid parameter "sha1": only "verify hmac-from-prefix" takes '
    . 'digests, write "verify hmac-sha256;"');
wrong('algorithm with a word', 'verify ed25519 raw;',
    '] invalid parameter "raw": an algorithm takes none, write "verify '
    . 'ed25519;" and all else in lines of its own');
wrong('algorithm with an unknown parameter', 'verify token name=X-Token;',
    '] invalid parameter "name=X-Token": an algorithm takes none, write '
    . '"verify token;" and all else in lines of its own');
wrong("algorithm with @$_", "verify $_->[0] $_->[1];",
    "] invalid parameter \"$_->[1]\": it belongs to \"$_->[2]\", write "
    . "\"verify $_->[0];\" and \"$_->[2] ... $_->[1];\"")
    for [ 'hmac-sha256', 'encoding=base64', 'signature' ],
        [ 'hmac-sha1', 'prefix=sha1=', 'signature' ],
        [ 'hmac-sha512', 'separator=,', 'signature' ],
        [ 'rsa-sha256', 'tolerance=0', 'timestamp' ],
        [ 'sha256', 'unit=ms', 'timestamp' ],
        [ 'hmac-from-prefix', 'future=1h', 'timestamp' ],
        [ 'jwt', 'algorithms=RS256', 'jwt' ],
        [ 'jwt', 'audience=shop', 'jwt' ],
        [ 'hmac-sha384', 'strip=whsec_', 'key' ];
wrong('unknown digest', 'verify hmac-from-prefix sha1 md5;',
    'invalid value "md5", write: verify hmac-from-prefix');
wrong('without a secret', 'verify shopify;',
    'event_source "shop" cannot verify events: "secret" is missing: add '
    . '"secret file:/path/to/secret;" with the secret of the producer',
    at => 'block');
wrong('without a public key', 'verify discord;',
    '"secret" is missing: add "secret file:/path/to/secret;" with the '
    . 'producer\'s public key', at => 'block');
wrong('without signature', "verify hmac-sha256;\nsecret file:secret;",
    '"signature" is missing: say where the producer puts it, as in '
    . '"signature header:X-Signature', at => 'block');
wrong('without signed', <<'EOC',
    verify     hmac-sha256;
    secret     file:secret;
    signature  header:X-Sign;
EOC
    '"signed" is missing: say what the signature covers, as in: signed '
    . '"{body}";', at => 'block');
wrong('nothing is signed', <<'EOC',
    verify     hmac-sha256;
    secret     file:secret;
    signature  header:X-Sign;
    signed     "{secret}";
EOC
    '"signed" names nothing of the message: the same signature would fit '
    . 'every request', at => 'block');
wrong('only the method is signed', <<'EOC',
    verify     hmac-sha256;
    secret     file:secret;
    signature  header:X-Sign;
    signed     "{method}";
EOC
    '"signed" names nothing of the message: the same signature would fit '
    . 'every request', at => 'block');
wrong('digest without the secret', <<'EOC',
    verify     sha256;
    secret     file:secret;
    signature  header:X-Sign;
    signed     "{body}";
EOC
    'anyone can compute a plain digest: put {secret} into "signed"',
    at => 'block');
wrong('{ts} without timestamp', <<'EOC',
    verify     hmac-sha256;
    secret     file:secret;
    signature  header:X-Sign;
    signed     "{ts}.{body}";
EOC
    '{ts} in "signed" needs "timestamp": say where it stands', at => 'block');
wrong('{id} without id', <<'EOC',
    verify     hmac-sha256;
    secret     file:secret;
    signature  header:X-Sign;
    signed     "{id}.{body}";
EOC
    '{id} in "signed" needs "id": say where it stands', at => 'block');
wrong('{jwt:} without a token', <<'EOC',
    verify     hmac-sha256;
    secret     file:secret;
    signature  header:X-Sign;
    signed     "{jwt:sub}.{body}";
EOC
    '{jwt:} in "signed": there is no token, because "verify" is not "jwt"',
    at => 'block');
wrong('timestamp is not signed', <<'EOC',
    verify     hmac-sha256;
    secret     file:secret;
    signature  header:X-Sign;
    signed     "{body}";
    timestamp  header:X-Time;
EOC
    'the timestamp is not signed, so whoever replays a message can write a '
    . 'new one', at => 'block');
wrong('prefix beside hmac-from-prefix', <<'EOC',
    verify     hmac-from-prefix;
    secret     file:secret;
    signature  header:X-Sign prefix=sha1=;
    signed     "{body}";
EOC
    '"prefix=" and "verify hmac-from-prefix" exclude each other',
    at => 'block');
wrong('sig: without a list', <<'EOC',
    verify     hmac-sha256;
    secret     file:secret;
    signature  header:X-Sign;
    signed     "{ts}.{body}";
    timestamp  sig:t=;
EOC
    '"timestamp sig:t=" is an element of the signature\'s list: say in '
    . '"signature" how the list is separated', at => 'block');
wrong('body_digest of a claim', <<'EOC',
    verify       hmac-sha256;
    secret       file:secret;
    signature    header:X-Sign;
    signed       "{body}";
    body_digest  jwt:sha sha256 hex;
EOC
    '"body_digest" reads a claim of a token, but "verify" is not "jwt"',
    at => 'block');
wrong('handshake without a secret', "verify off;\nhandshake x;  <<<",
    'the answer is an HMAC and the source has no secret: add "secret '
    . 'file:PATH;", or "handshake off;"');

part('source');


# ---- secrets

wrong("secret $_", "secret $_;",
    'the secret looks like the name of a file: write "file:" before it')
    for '/etc/nginx/secrets/shopify', './shopify', '../secrets/x',
        "/$secret";

wrong('secret file is missing', 'secret file:none;',
    'the secret file "%%TESTDIR%%/conf/none" cannot be opened (No such file '
    . 'or directory): put the secret there, readable by the user that starts '
    . 'nginx');
wrong('secret file without a name', 'secret file:;',
    'cannot be read: it must be a regular file');
wrong('secret file is a folder', 'secret file:folder;',
    'the secret file "%%TESTDIR%%/conf/folder" cannot be read: it must be a '
    . 'regular file of at most 65536 bytes');
wrong('secret file is a pipe', 'secret file:fifo;',
    'the secret file "%%TESTDIR%%/conf/fifo" cannot be read: it must be a '
    . 'regular file');
wrong('secret file is too long', 'secret file:long;',
    'it must be a regular file of at most 65536 bytes');
wrong('secret file is empty', 'secret file:empty;',
    'the secret file "%%TESTDIR%%/conf/empty" is empty: put the secret '
    . 'there');
wrong('secret file is blank', 'secret file:blank;',
    'the secret file "%%TESTDIR%%/conf/blank" is empty');

SKIP: {
    skip 'root can read every file', 1 if $> == 0;

    chmod 0, $t->write_file('conf/locked', $secret);
    wrong('secret file is unreadable', 'secret file:locked;',
        'cannot be opened (Permission denied): put the secret there');
}

wrong('secret of an unset variable', 'secret env:TEST_UNSET;',
    'the environment variable "TEST_UNSET" is not set: set it where nginx is '
    . 'started');
wrong('secret of an empty variable', 'secret env:TEST_EMPTY;',
    'the environment variable "TEST_EMPTY" is empty: set it where nginx is');
wrong('empty secret', 'secret "";',
    'the secret is empty: anyone could sign with it');
wrong('blank secret', 'secret "  ";',
    'the secret is empty: anyone could sign with it');
wrong('secret in two words', 'secret %%SECRET%% too;',
    'invalid number of arguments in "secret" directive: write "secret '
    . 'file:PATH | env:NAME | VALUE;"');
wrong('17 secrets', join('', map { "secret env:TEST_SECRET;\n" } 1 .. 16)
    . 'secret env:TEST_SECRET;  <<<',
    'more than 16 secrets: keep only those that the producer still signs '
    . 'with');
wrong('misspelt key', 'key base46;',
    'invalid value "base46", write: key utf8|base64|hex|sha1|pem|spki-base64');
wrong('key with an unknown word', 'key base64 stripe=whsec_;',
    'invalid value "stripe=whsec_", write: key base64 strip=whsec_;');
wrong('secret is not hex', "key hex;\nsecret file:not-hex;",
    'the secret is not hex, as "key" says: copy the whole of it, or write '
    . '"key utf8;"', at => 'block');
wrong('secret is not base64', "key base64;\nsecret file:not-hex;",
    'the secret is not base64, as "key" says', at => 'block');
wrong('secret is only its prefix',
    "key base64 strip=whsec_;\nsecret file:prefix-only;",
    'the secret is empty behind its prefix "whsec_"', at => 'block');
wrong('public key for a shared secret', 'key pem;',
    '"key pem" and "key spki-base64" are for public keys: this algorithm has '
    . 'a shared secret', at => 'block');
wrong('basic without a colon', "verify basic;\nsecret env:TEST_SECRET;",
    'the secret of "verify basic" has no colon: write the user\'s name, a '
    . 'colon and the password', at => 'block');
wrong('bad PEM', "verify paypal-pinned;\nsecret file:bad.pem;\n"
    . 'constant webhook_id 1;',
    'the secret is not a public key in the form that "key" names: "pem" is a '
    . 'PUBLIC KEY or CERTIFICATE block', at => 'block');
wrong('EC key for RSA', "verify paypal-pinned;\nsecret file:$crt;",
    'the public key does not fit: "verify" asks for', at => 'block');
wrong('short ed25519 key', "verify discord;\nsecret file:secret;",
    '"hex" and "base64" the 32 bytes of an ed25519 key', at => 'block');
fine('secret of a variable', 'secret env:TEST_SECRET;');


# ---- signature, timestamp, digest, token

wrong('signature of no part', 'signature X-Sign;',
    'invalid value "X-Sign", write: header:NAME, headers:PREFIX, json:PATH');
wrong('signature without a name', 'signature header:;',
    'unknown variable "{header:}": write {body}, {ts}');
wrong('signature of headers:', 'signature headers:;',
    'invalid value "headers:", write: a name behind the colon');
wrong('signature of a token', 'signature jwt:sub;',
    'invalid value "jwt:sub", write: header:NAME');
wrong('unknown encoding', 'signature header:X encoding=base32;',
    'invalid value "encoding=base32", write: signature header:NAME');
wrong('empty separator', 'signature header:X separator=;',
    'invalid value "separator=", write: signature header:NAME');
wrong('bad path in signature', 'signature json:a..b;',
    'bad path "a..b": names are separated by single dots');
wrong('unknown unit', 'timestamp header:X unit=h;',
    'invalid value "unit=h", write: unit=s|ms|rfc3339');
wrong('bad tolerance', 'timestamp header:X tolerance=5x;',
    'invalid value "tolerance=5x", write: a time such as 300s, 5m or 0');
wrong('tolerance overflows',
    'timestamp header:X tolerance=9999999999999999999m;',
    'invalid value "tolerance=9999999999999999999m", write: a time such as');
wrong('negative future', 'timestamp header:X future=-5s;',
    'invalid value "future=-5s", write: a time such as');
wrong('timestamp of no part', 'timestamp X-Time;',
    'invalid value "X-Time", write: header:NAME, json:PATH');
wrong('digest of unknown algorithm', 'body_digest header:X md5 hex;',
    'invalid value "md5", write: sha1, sha256, sha384 or sha512');
wrong('digest of unknown encoding', 'body_digest header:X sha256 utf8;',
    'invalid value "utf8", write: hex, base64, base64-unpadded, base64url or '
    . 'base64-of-hex');
wrong('digest of unknown condition',
    'body_digest header:X sha256 hex when=ever;',
    'invalid value "when=ever", write: when=present');
wrong('digest of two words', 'body_digest header:X sha256;',
    'invalid number of arguments in "body_digest" directive');
wrong('unknown parameter of jwt', 'jwt algorithm=HS256;',
    'invalid value "algorithm=HS256", write: jwt [algorithms=HS256,RS256,');
wrong('unknown algorithm of jwt', 'jwt algorithms=HS256,none;',
    'write: algorithms=HS256, algorithms=RS256 or algorithms=ES256');
wrong('bad leeway', 'jwt leeway=;',
    'invalid value "leeway=", write: a time such as');
wrong('algorithm does not fit the key',
    "verify jwt;\nsecret env:TEST_SECRET;\njwt algorithms=RS256;",
    '"algorithms=" of "jwt" names one that no secret fits: HS256 has a shared '
    . 'secret', at => 'block');
wrong('ports of unknown word', 'ports none;',
    'invalid value "none", write: ports asis|both;');
wrong('constant without a value', 'constant topic;',
    'invalid number of arguments in "constant" directive: write "constant '
    . 'NAME VALUE;"');


# ---- templates

wrong('unknown variable', 'id "{headr:X-Id}";',
    '"id": unknown variable "{headr:X-Id}": write {body}, {ts}, {id}');
wrong('variable without a name', 'type "{json:}";',
    '"type": unknown variable "{json:}"');
wrong('empty variable', 'subject "a{}b";',
    '"subject": unknown variable "{}"');
wrong('brace is missing', 'time "{json:time";',
    '"time": "}" is missing in "{json:time"');
wrong('brace is missing in signed', "verify stripe;\nsigned \"{ts}.{body\";"
    . '  <<<', '"}" is missing in "{ts}.{body"');
wrong('bad path', 'id "{json:a\"b}";',
    '"id": bad path "a"b": names are separated by single dots');
wrong('secret as an attribute', 'subject "{secret}";',
    '{secret} cannot be a part of "subject": it would be sent to targets');
wrong('id of itself', 'id "x{id}";',
    '{id} cannot be a part of "id": say where it is');
fine('braces of JSON', 'type "{\"a\"}{json:type}";');


# ---- handshakes

wrong('misspelt handshake', 'handshake slak;',
    'unknown handshake "slak": did you mean "slack"?');
wrong('unknown handshake', 'handshake something-else;',
    'unknown handshake "something-else": write the name of a preset that has '
    . 'one, or "off"');
wrong('challenge that signs, and text', "accept application/json text/plain;"
    . "\nhandshake x;  <<<",
    'event_source "shop" must accept JSON only, since anybody may have a word '
    . 'signed by the handshake of "x": take "text/plain" out of "accept", or '
    . 'write "handshake off;"');
wrong('challenge that signs, and more than the body',
    "accept application/json;\nverify hmac-sha256;\nsigned $_;\n"
    . "signature header:X-Sig;\nhandshake x;  <<<",
    'anybody may have a word signed by the handshake of "x", and of the events '
    . 'of event_source "shop" more or other is signed than the body')
    for '"{header:X-Id}.{header:X-Ts}.{body_sha256}"', '"{json:id}"',
        '"{body}{ts}"; timestamp header:X-Ts unit=s', '"abc{body}"',
        '"{body}."', '"{body_sha256}"', '"a={header:X-Id}"',
        '"{header:X-Id?}{body}"';
fine("challenge that signs: $_", "accept application/json;\n"
    . "verify hmac-sha256;\nsigned $_;\nsignature header:X-Sig;\n"
    . "handshake x;")
    for '"{body}"', '"hmacsha256={body}"', '"v0:{body}"',
        '"{header:X-Id}:{body_sha256}"';
wrong('preset without a handshake', 'handshake stripe;',
    'the producer "stripe" has no handshake: leave the line out');
wrong('handshake without its constant', 'handshake ebay;',
    'event_source "shop" cannot answer the handshake of "ebay": the answer '
    . 'depends on "verification_token", which the source does not say: add '
    . '"constant verification_token VALUE;", or "handshake off;"');
wrong('preset without its constant', 'verify meta;',
    'the answer depends on "verify_token", which the source does not say',
    at => 'block');
fine('handshake is off', "verify meta;\nhandshake off;");
fine('two handshakes', 'handshake slack zoom;');


# ---- warnings

warned('inline secret', 'secret %%SECRET%%;',
    'the secret of event_source "shop" stands in the configuration, where '
    . '"nginx -T" shows it: write "secret file:PATH;" or "secret env:NAME;"');

# what is allowed and hardly meant: secrets that can be guessed or were changed
# by an editor, signatures that cover less than they seem to

my $long = 'k' x 32;
my $sealed = 'signature header:X; signed "{body}";';

for my $case ([ short => 'k' x 15, 'the secret has 15 bytes, so it can be '
                . 'guessed from a single request that was seen: let the '
                . 'producer make one of at least 16' ],
              [ bom => "\xef\xbb\xbf$long", 'the secret begins with a byte '
                . 'order mark' ],
              [ blank => "$long \n", 'the secret ends in a blank' ],
              [ tab => "$long\t", 'the secret ends in a blank' ],
              [ front => " $long", 'the secret begins with a blank' ],
              [ feeds => "$long\n\n", 'the secret ends in several line feeds' ],
              [ crlf => "$long\r\n\r\n", 'the secret ends in several line' ])
{
    my ($name, $text, $said) = @$case;

    $t->write_file("conf/secret-$name", $text);

    warned("secret: $name", "verify hmac-sha256;\n"
        . "secret file:secret-$name; <<<\n$sealed", $said);
}

warned('the second secret', "verify hmac-sha256;\nsecret file:secret;\n"
    . "secret file:secret-feeds; <<<\n$sealed", 'several line feeds');
warned('short secret behind its prefix', "verify standardwebhooks;\n"
    . 'secret env:TEST_SHORT; <<<', 'the secret has 12 bytes');
warned('short token', "verify bearer;\nsecret file:secret-short; <<<",
    'the secret has 15 bytes, so it can be guessed: let');

for my $ends ('', "\n", "\r\n") {
    $t->write_file('conf/secret-good', $long . $ends);
    fine('one line feed is none of it',
        "verify hmac-sha256;\nsecret file:secret-good;\n$sealed");
}

for my $type ('application/octet-stream', '*/*', 'text/plain',
              'application/json text/xml', 'application/x-www-form-urlencoded')
{
    warned("length extension: $type", "verify sha256;\n"
        . "signature header:X;\nsigned \"{secret}{body}\"; <<<\n"
        . "accept $type;", 'whoever has seen one request can append to its '
        . 'body and sign that (length extension)');
}

fine('no length extension of JSON', "verify sha1;\nsignature header:X;\n"
    . 'signed "{secret}{body}";');
fine('no length extension of a secret at the end', "verify sha1;\n"
    . "signature header:X;\nsigned \"{body}{secret}\";\naccept */*;");

for my $lines ('', "timestamp header:T tolerance=0;\n") {
    warned('a CRC for ever', "verify hmac-sha256;\nsignature header:X;\n"
        . "signed \"{header:T}{body_crc32}\"; <<<\n$lines",
        '{body_crc32} covers no body: whoever has seen one request can send');
}

# SHA-1 with RSA, by itself or as one of several; text that may be missing

system('openssl genrsa 2048 2>/dev/null | openssl rsa -pubout -out '
       . $t->dir . '/conf/rsa.pem 2>/dev/null') == 0 or die "openssl\n";

for my $verify ('rsa-sha1', 'rsa-from-version json:V 1=sha1 2=sha256') {
    warned("$verify: SHA-1", "verify $verify; <<<\nsecret file:rsa.pem;\n"
        . "key pem;\n$sealed", 'signatures with RSA and SHA-1 are taken');
}

fine('no SHA-1', "verify rsa-from-version json:V 1=sha256 2=sha512;\n"
    . "secret file:rsa.pem;\nkey pem;\n$sealed");
wrong('no digest', 'verify rsa-from-version json:V 1=md5;',
    'invalid value "1=md5", write: verify rsa-from-version json:PATH|');
fine('text that may be missing', "verify hmac-sha256;\nsignature header:X;\n"
    . 'signed "A={json:a}&{if json:b}B={json:b}&{end}C={json:c}";');
wrong('text that cannot be told', "verify hmac-sha256;\nsignature header:X;\n"
    . 'signed "{json:a}{if json:b}{json:b}{end}";',
    'two messages could have the same text', at => 'block');
wrong('no end', "verify hmac-sha256;\nsignature header:X;\n"
    . 'signed "{json:a}{if json:b}B={json:b}"; <<<', '{end} is missing in');

fine('a CRC for a while', "verify hmac-sha256;\nsignature header:X;\n"
    . "signed \"{ts}{body_crc32}\";\ntimestamp header:T;");
fine('a CRC beside the body', "verify hmac-sha256;\nsignature header:X;\n"
    . 'signed "{body}{body_crc32}";');

for my $preset (qw(twilio square trello hubspot hubspot-v2)) {
    warned("$preset without public_url", "verify $preset;",
        'the producer signs {url}, and without "public_url" that is made of '
        . 'the header Host, which the sender chooses: add "public_url',
        at => 'block');
    fine("$preset with public_url",
        "verify $preset;\npublic_url https://h.example\$request_uri;");
}

warned('signed {url} without public_url', "verify hmac-sha256;\n"
    . "signature header:X;\nsigned \"{url}{body}\"; <<<",
    'the producer signs {url}');

my $key = '11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=';

$t->write_file("conf/key$_", "$key\n") for 1 .. 5;

warned('a fifth public key', "verify telnyx;\n"
    . join("\n", map { "secret file:key$_;" . ($_ == 5 ? ' <<<' : '') } 1 .. 5),
    '5 public keys: each of them is asked for each request');
fine('four public keys', "verify telnyx;\n"
    . join("\n", map { "secret file:key$_;" } 1 .. 4));

$t->write_file('conf/key-small', ('A' x 42) . 'A=');

wrong('a public key of small order', "verify telnyx;\n"
    . 'secret file:key-small;', 'this is one of the few of small order',
    at => 'block');

wrong('token that is taken for no time', 'jwt expires=0;',
    'invalid value "expires=0", write: a time such as 1h, or "expires=off"');

$t->done;
