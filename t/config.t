#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Every mistake in the configuration is found by "nginx -t", which names file
# and line and says what to do, and never echoes a secret or crashes.  The
# tables below are snippets in an otherwise right nginx.conf: a row is a name,
# the snippet, what must be said and, where it is not the snippet's first line,
# the line (or "<<<" behind the line in the snippet).  Warnings let nginx pass,
# and a right configuration is passed without a word.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX qw(mkfifo);
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;

$t->expect_log(qr/\[emerg\]/, 'wrong configurations are what is tested');

# stands in snippets, and never in what is said about them

my $secret = $t->secret('hush-Tr0ub4dor-and-3');


# ---- files that snippets name

$t->write_file('conf/secret', 'the-secret-of-the-file');
$t->write_file('conf/empty', '');
$t->write_file('conf/blank', " \t\r\n");
$t->write_file('conf/not-hex', "xyz-$secret");
$t->write_file('conf/user', "$secret:password");
$t->write_file('conf/long', 'x' x 70_000);
$t->write_file('conf/bad.pem', "-----BEGIN PUBLIC KEY-----\n$secret\n"
                               . "-----END PUBLIC KEY-----\n");
$t->write_file('conf/prefix-only', 'whsec_');
mkfifo($t->dir . '/conf/fifo', 0600) or die "mkfifo: $!\n";
mkdir $t->dir . '/conf/folder';

my ($crt) = $t->certificate('ec');

$ENV{TEST_EMPTY} = '';
$ENV{TEST_SHORT} = 'whsec_AAECAwQFBgcICQoL';
$ENV{TEST_SECRET} = $secret;
delete $ENV{TEST_UNSET};


# ---- the rest of nginx.conf

my $part;                              # where the snippets of rows stand

my %template = (source => <<'EOC', target => '', route => '', http => '');
    verify  bearer;
    secret  file:secret;
EOC


sub conf {
    my (%in) = @_;

    my $source = $in{bare_source} // $in{source} // '';
    my $route = $in{bare_route} // $in{route} // '';
    my $default = $in{bare_source} ? '' : $template{source};

    # what a snippet says itself is not said again

    for my $word (qw(verify secret)) {
        $default =~ s/^\s*$word\s.*\n//m if $source =~ /^\s*$word\b/m;
    }

    if (!exists $in{bare_route}) {
        $route .= "\n    from  shop;" if $route !~ /^\s*from\b/m;
        $route .= "\n    to  erp;" if $route !~ /^\s*to\b/m;
    }

    $_ //= '' for @in{qw(http target server hook deliver)};

    return <<"EOC";
proxy_connect_timeout  1s;
proxy_send_timeout     1s;
proxy_read_timeout     1s;

$in{http}

event_source shop {                    # block of source
$source
$default}

event_target erp {                     # block of target
$in{target}
}

event_route orders {                   # block of route
$route
}

server {                               # block of server
    listen  127.0.0.1:%%PORT_8080%%;
$in{server}

    location = /hook {                 # block of hook
        event_receive  shop;
$in{hook}
    }

    location = /deliver/erp {          # block of deliver
        event_deliver  erp;
        proxy_pass     http://127.0.0.1:1;
$in{deliver}
    }
}
EOC
}


# ---- rows

sub part {
    ($part) = @_;
}


# "at" is the number of the line in the snippet, counted from 1, "block": the
# line that opens the block around it, a file's name and line, or "nowhere"

sub wrong {
    my ($name, $snippet, $expected, %o) = @_;

    row(1, $name, $snippet, $expected, %o);
}


sub warned {
    my ($name, $snippet, $expected, %o) = @_;

    row(0, $name, $snippet, $expected, %o);
}


sub row {
    my ($fatal, $name, $snippet, $expected, %o) = @_;
    my $kind = $part =~ s/^bare_//r;

    $expected = $t->expand($expected);
    $expected =~ s/%%SECRET%%/$secret/g;
    $snippet =~ s/%%SECRET%%/$secret/g;
    chomp $snippet;

    my $at = $o{at} // 1;

    if ($snippet =~ /^(.*?)\s*<<<$/ms) {
        $at = 1 + ($1 =~ tr/\n//);
        $snippet =~ s/\s*<<<$//m;
    }

    $t->config(conf($part => $snippet, %{ $o{with} // {} }));

    my ($ok, $said) = $t->check_config;
    my $status = $?;
    my $level = $fatal ? 'emerg' : 'warn';
    my ($line) = grep { /\[$level\]/ && index($_, $expected) >= 0 }
                 split /\n/, $said;
    my @bad;

    push @bad, 'killed by signal ' . ($status & 127) if $status & 127;
    push @bad, 'passed' if $fatal && $ok;
    push @bad, 'did not pass' if !$fatal && !$ok;
    push @bad, "did not say \"$expected\"" if !$line;
    push @bad, 'said a secret' if index($said, $secret) >= 0;
    push @bad, 'a sanitizer spoke' if $said =~ /Sanitizer|runtime error:/;

    if ($line && $at ne 'nowhere') {
        my ($file, $n) = $at =~ /^(.*):(\d+)$/
                         ? ("conf/$1", $2)
                         : ('conf/nginx.conf', place($kind, $at));

        push @bad, "is not about $file:$n"
            if $line !~ m{ in \Q$t->{dir}\E/\Q$file\E:$n$};
    }

    is(join('; ', @bad), '', "$kind: $name") or diag($said);
}


sub place {
    my ($kind, $at) = @_;

    my @lines = split /\n/, $t->read_file('conf/nginx.conf');

    return +(grep { $lines[$_] =~ /# block of $kind$/ } 0 .. $#lines)[0] + 1
        if $at eq 'block';

    # snippets of http stand behind the time-outs, those of hook and deliver
    # behind the directive of the module

    my $re = $kind eq 'http' ? qr/^proxy_read_timeout/
             : $kind eq 'server' ? qr/^    listen/
             : $kind eq 'hook' ? qr/^        event_receive/
             : $kind eq 'deliver' ? qr/^        proxy_pass/
             : qr/# block of $kind$/;
    my ($before) = grep { $lines[$_] =~ $re } 0 .. $#lines;

    return $before + 1 + $at + ($kind eq 'http' ? 1 : 0);
}


sub fine {
    my ($name, $snippet, %o) = @_;

    $t->config(conf($part => $snippet, %{ $o{with} // {} }));

    my ($ok, $said) = $t->check_config;

    ok($ok && $said !~ /\[(?:warn|error|crit|alert|emerg)\]/, "$part: $name")
        or diag($said);
}


# ---- the blocks themselves

part('http');

wrong('source in quotes', 'event_source "a b" { verify off; }',
    'invalid event_source name "a b": use letters, digits, "_", "-" and "."');
wrong('target in unicode', "event_target caf\xc3\xa9 { }",
    "invalid event_target name \"caf\xc3\xa9\": use letters");
wrong('route with a slash', 'event_route a/b { from shop; to erp; }',
    'invalid event_route name "a/b": use letters');
wrong('name of 65 characters', 'event_source ' . 'x' x 65 . ' { }',
    'the name of an event_source has 1 to 64 characters');
wrong('empty name', 'event_route "" { }',
    'the name of an event_route has 1 to 64 characters');
wrong('source without a name', 'event_source { verify off; }',
    'invalid number of arguments in "event_source" directive');
wrong('target with two names', 'event_target a b { }',
    'invalid number of arguments in "event_target" directive');
wrong('source without a block', 'event_source other;',
    'directive "event_source" has no opening "{"');
wrong('two sources of a name', <<'EOC',
event_source a { verify off; }
event_source a { verify off; }  <<<
EOC
    'duplicate event_source "a": give it another name');
wrong('two targets of a name', <<'EOC',
event_target a { }
event_target a { }  <<<
EOC
    'duplicate event_target "a", the first is in '
    . '%%TESTDIR%%/conf/nginx.conf:');
wrong('two routes of a name', <<'EOC',
event_route a { from shop; to erp; }
event_route a { from shop; to erp; }  <<<
EOC
    'duplicate event_route "a", the first is in %%TESTDIR%%/conf/nginx.conf:');
wrong('block not closed', 'event_source a { verify off;',
    'unexpected "{"', at => 3);

part('server');

wrong('source in server', 'event_source a { verify off; }',
    '"event_source" directive is not allowed here');
wrong('target in server', 'event_target a { }',
    '"event_target" directive is not allowed here');
wrong('route in server', 'event_route a { from shop; to erp; }',
    '"event_route" directive is not allowed here');
wrong('store in server', "event_store redis://:$secret\@127.0.0.1/0;",
    '"event_store" directive is not allowed here');
wrong('event_set in server', 'event_set $a type;',
    '"event_set" directive is not allowed here');
wrong('event_receive in server', 'event_receive shop;',
    '"event_receive" directive is not allowed here');

part('hook');

wrong('source in location', 'event_source a { verify off; }',
    '"event_source" directive is not allowed here');
wrong('concurrency in location', 'event_concurrency 5;',
    '"event_concurrency" directive is not allowed here');


# ---- event_source: what holds for all of its directives

my %valid = (
    verify => 'bearer', secret => 'file:secret', key => 'utf8',
    signed => '"{body}"', signature => 'header:X-Sign',
    timestamp => 'header:X-Time tolerance=0',
    body_digest => 'header:X-Digest sha256 hex', jwt => 'leeway=5s',
    constant => 'topic orders', ports => 'both',
    public_url => 'https://hooks.example.com$request_uri',
    id => '"{json:id}" "{json:event.id}"', type => '"{json:type}"',
    subject => '"{json:shop}"', time => '"{json:time}"', handshake => 'off',
    accept => 'application/json application/*+json', max_size => '64k',
    max_batch => '10', max_hops => '2', limits => 'depth=20 nodes=5000',
    deadline => '4s', unrouted => '422',
    dedup => '24h by=id by=data.version on_error=open', delivery => 'sync',
    retain => '7d');

my %repeated = map { $_ => 1 } qw(secret constant);

part('source');

for my $directive (sort keys %valid) {
    wrong("$directive without arguments", "$directive;",
        "invalid number of arguments in \"$directive\" directive: write "
        . "\"$directive ");

    wrong("$directive twice", <<"EOC",
    $directive  $valid{$directive};
    $directive  $valid{$directive};  <<<
EOC
        "\"$directive\" directive is duplicate in event_source \"shop\"")
        if !$repeated{$directive};
}

fine('all directives', join "\n", map { "    $_  $valid{$_};" }
    grep { !/^(?:jwt|body_digest|timestamp|retain)$/ } sort keys %valid);
fine('repeated directives', <<'EOC');
    secret    file:secret;
    secret    file:user;
    constant  a 1;
    constant  b 2;
EOC

wrong('misspelt directive', 'verifi shopify;',
    'unknown directive "verifi" in event_source: did you mean "verify"?');
wrong('misspelt, two letters swapped', 'singature header:X;',
    'unknown directive "singature" in event_source: did you mean '
    . '"signature"?');
wrong('directive from elsewhere', 'proxy_pass http://127.0.0.1;',
    'unknown directive "proxy_pass" in event_source, which takes verify, '
    . 'secret, key, signed,');
wrong('block in the block', 'verify shopify { }', 'unexpected "{"');
wrong('include of two files', 'include a b;',
    '"include" takes one file or pattern');
wrong('include of nothing', 'include none.conf;',
    'open() "%%TESTDIR%%/conf/none.conf" failed');
wrong('too many arguments', 'max_size 1m 2m;',
    'invalid number of arguments in "max_size" directive: '
    . 'write "max_size SIZE;"');


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
    'invalid value "sha1", write: verify hmac-from-prefix [sha1] [sha256]');
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
    'the secret file "%%TESTDIR%%/conf/empty" is empty: put the secret that '
    . 'the producer shows you there');
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
    'invalid value "base46", write: key utf8|base64|hex|pem|spki-base64');
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
    'invalid value "utf8", write: hex, base64, base64url or base64-of-hex');
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


# ---- limits

wrong('content type without a slash', 'accept json;',
    'invalid content type "json": write, for example, "application/json"');
wrong('content type with a parameter', 'accept "text/plain; charset=utf-8";',
    'invalid content type "text/plain; charset=utf-8"');
wrong('content type with two stars', 'accept application/*+*;',
    'invalid content type "application/*+*"');

for my $case ([ max_size => '0', 'a size from 1 to 1024m' ],
              [ max_size => '1025m', 'a size from 1 to 1024m' ],
              [ max_size => '1g', 'a size from 1 to 1024m' ],
              [ max_size => '-1', 'a size from 1 to 1024m' ],
              [ max_size => '9999999999999999999m', 'a size from 1 to' ],
              [ max_batch => '0', 'a number from 1 to 10000' ],
              [ max_batch => '10001', 'a number from 1 to 10000' ],
              [ max_batch => 'many', 'a number from 1 to 10000' ],
              [ max_hops => '0', 'a number from 1 to 100' ],
              [ max_hops => '101', 'a number from 1 to 100' ],
              [ max_hops => '9999999999999999999m', 'a number from 1 to' ],
              [ deadline => '99ms', 'a time from 100ms to 5m' ],
              [ deadline => '301s', 'a time from 100ms to 5m' ],
              [ deadline => 'soon', 'a time from 100ms to 5m' ],
              [ deadline => '9999999999999999999m', 'a time from 100ms' ],
              [ retain => '999ms', 'a time from 1s to 365d' ],
              [ retain => '366d', 'a time from 1s to 365d' ],
              [ retain => 'ever', 'a time from 1s to 365d' ],
              [ retain => '9999999999999999999m', 'a time from 1s to' ],
              [ unrouted => '199', 'the answer to an event that no route' ],
              [ unrouted => '302', 'the answer to an event that no route' ],
              [ unrouted => '600', 'the answer to an event that no route' ],
              [ unrouted => 'ok', 'the answer to an event that no route' ])
{
    my ($directive, $value, $expected) = @$case;

    wrong("$directive $value", "$directive $value;",
        "\"$value\" in \"$directive\": it is $expected");
}

wrong('unknown limit', 'limits deep=5;',
    'invalid parameter "deep=5" of "limits", which takes depth=, nodes=, '
    . 'key=, string= and number=');
wrong('limit without a value', 'limits depth=;',
    'invalid value "depth=" in "limits": it is a number from 1 to 1000');
wrong('limit of zero', 'limits nodes=0;',
    'invalid value "nodes=0" in "limits": it is a number from 1 to 100000000');
wrong('limit is too high', 'limits depth=5 number=1025;',
    'invalid value "number=1025" in "limits": it is a number from 1 to 1024');
wrong('public_url of another scheme', 'public_url ftp://example.com/;',
    'invalid URL "ftp://example.com/": "public_url" is the URL by which the '
    . 'producer calls, for example https://');
wrong('public_url is empty', 'public_url "";', 'invalid URL ""');
wrong('public_url of an unknown variable', 'public_url https://$hst/;',
    'unknown "hst" variable', at => 'nowhere');
wrong('delivery of another kind', 'delivery async;',
    'invalid delivery "async" of event_source "shop": with "sync" the '
    . 'producer waits until the event is delivered, with "queued" until it '
    . 'is stored');
wrong('two deliveries', 'delivery sync queued;',
    'invalid number of arguments in "delivery" directive: write "delivery '
    . 'sync | queued;"');
wrong('queued without a store', 'delivery queued;',
    'event_source "shop" has "delivery queued", but no event_store keeps a '
    . 'queue: add "event_store file:/var/lib/nginx/events size=1g;"',
    at => 'block');
wrong('queued in memory', "delivery queued;\nretain 7d;",
    'event_source "shop" has "delivery queued", but no event_store keeps a '
    . 'queue', at => 'block', with => { http => 'event_store memory:1m;' });
wrong('retain without a queue', 'retain 7d;',
    'event_source "shop" has "retain", which keeps events of the queue: add '
    . '"delivery queued;" or take it away', at => 'block');
wrong('retain beside sync', "retain 7d;\ndelivery sync;",
    'event_source "shop" has "retain"', at => 'block');


# ---- dedup

wrong('dedup of a word', 'dedup on;',
    'invalid value "on" in "dedup": write "dedup off;" or "dedup [WINDOW] '
    . '[by=FIELD]...');
wrong('dedup window is too short', 'dedup 999ms;',
    'WINDOW is at least 1s, for example 24h');
wrong('dedup window overflows', 'dedup 9999999999999999999m;',
    'invalid value "9999999999999999999m" in "dedup"');
wrong('two dedup windows', 'dedup 24h 48h;', 'invalid value "48h" in "dedup"');
wrong('dedup off and more', 'dedup off by=id;',
    'invalid value "off" in "dedup"');
wrong('dedup by no field', 'dedup by=;',
    'a field is empty: write for example "type" or "data.total"');
wrong('dedup by an unknown field', 'dedup by=dta.id;',
    'unknown field "dta.id": did you mean "data.id"?');
wrong('unknown on_error', 'dedup on_error=ignore;',
    'invalid value "ignore" in "on_error=": when the dedup store is away, '
    . '"local" uses this nginx\'s memory');


# ---- event_target

part('target');

wrong('misspelt directive', 'optionl;',
    'unknown directive "optionl" in event_target: did you mean "optional"?');
wrong('directive from elsewhere', 'proxy_pass http://127.0.0.1;',
    'unknown directive "proxy_pass" in event_target, which takes optional, '
    . 'method, forward_headers, retry, retry_on, fail_on, concurrency, rate, '
    . 'breaker, expires, dead_for, order and include');
wrong('optional with an argument', 'optional on;',
    'invalid number of arguments in "optional" directive: write "optional;"');
wrong('method without arguments', 'method;',
    'invalid number of arguments in "method" directive: write "method '
    . 'POST|PUT|PATCH|DELETE|GET;"');
wrong('forward_headers without arguments', 'forward_headers;',
    'write "forward_headers NAME...;"');
wrong('include of two files', 'include a b;',
    '"include" takes one file or pattern');
wrong('optional twice', "optional;\noptional;  <<<",
    '"optional" directive is duplicate in event_target "erp"');
wrong('method twice', "method PUT;\nmethod POST;  <<<",
    '"method" directive is duplicate in event_target "erp"');
wrong('forward_headers twice', "forward_headers A;\nforward_headers B;  <<<",
    '"forward_headers" directive is duplicate in event_target "erp"');
wrong('unknown method', 'method FETCH;',
    'invalid method "FETCH": use POST, PUT, PATCH, DELETE or GET');
wrong('method in lower case', 'method post;',
    'invalid method "post": use POST');
wrong('header of the connection', 'forward_headers Transfer-Encoding;',
    'header "Transfer-Encoding" cannot be forwarded: it belongs to the '
    . 'producer\'s connection');
wrong('header of the delivery', 'forward_headers ce-id;',
    'header "ce-id" cannot be forwarded: every delivery has its own');
wrong('header that steers nginx', 'forward_headers X-Accel-Redirect;',
    'X-Accel-* headers steer nginx and are not the producer\'s to send');
wrong('header with a colon', 'forward_headers X-Id:;',
    'header "X-Id:" cannot be forwarded: it is not the name of a header');
wrong('header that is listed twice', 'forward_headers X-Id x-id;',
    'header "x-id" cannot be forwarded: it is listed twice');
wrong('block in the block', 'optional { }', 'unexpected "{"');
fine('all directives', "    optional;\n    method  PUT;\n"
    . '    forward_headers  X-Id X-Shopify-Topic;');


# ---- how gently a target is treated

my %policy = (
    retry => 'for=24h base=1s max=1h', retry_on => '410 300-399 1xx',
    fail_on => '404 501 timeout', concurrency => '4',
    rate => '50r/s burst=100',
    breaker => 'failures=3 ratio=20% min=50 window=30s open=1s max=1m',
    expires => '48h', dead_for => '7d', order => 'by=data.order_id');

my $only = 'of event_target "erp" applies to queued deliveries only, and '
           . 'source "shop" delivers while the producer waits: write '
           . '"delivery queued;" there';

for my $directive (sort keys %policy) {
    wrong("$directive without arguments", "$directive;",
        "invalid number of arguments in \"$directive\" directive: write "
        . "\"$directive ");
    wrong("$directive twice", <<"EOC",
    $directive  $policy{$directive};
    $directive  $policy{$directive};  <<<
EOC
        "\"$directive\" directive is duplicate in event_target \"erp\"");
    warned("$directive of a target that is reached at once",
        "$directive  $policy{$directive};", "\"$directive\" $only",
        at => 'block');
}

for my $case (
    [ 'retry on', 'invalid parameter "on" of "retry", which takes off, or '
      . 'for=TIME, base=TIME and max=TIME' ],
    [ 'retry off max=1h', 'invalid parameter "off" of "retry"' ],
    [ 'retry for=', 'invalid value "for=" in "retry": it is a time from 1s '
      . 'to 365d' ],
    [ 'retry for=366d', 'it is a time from 1s to 365d' ],
    [ 'retry for=0', 'it is a time from 1s to 365d' ],
    [ 'retry for=9999999999999999999m', 'it is a time from 1s to 365d' ],
    [ 'retry base=9ms', 'it is a time from 10ms to 24h' ],
    [ 'retry base=soon', 'it is a time from 10ms to 24h' ],
    [ 'retry max=31d', 'it is a time from 10ms to 30d' ],
    [ 'retry max=1h max=2h', '"max=" is given twice in "retry"' ],
    [ 'retry base=2h max=1h', 'base= of "retry" is longer than max= (by '
      . 'default 4h): the delay begins with base= and grows up to max=' ],
    [ 'retry base=5h', 'base= of "retry" is longer than max=' ],
    [ 'retry max=1s', 'base= of "retry" is longer than max=' ],
    [ 'retry for=4s', 'base= of "retry" is longer than for= (by default '
      . '72h), so nothing would be tried again: write '
      . '"retry off;" if that is meant' ],
    [ 'retry for=1h base=1h max=2h burst=1', 'invalid number of arguments' ],

    [ 'retry_on 99', 'invalid status "99": write a status from 100 to 599 '
      . '(404), a class (5xx), a range (500-503) or "timeout", which is no '
      . 'answer at all' ],
    [ 'retry_on 404,500', 'invalid status "404,500"' ],
    [ 'retry_on 600', 'invalid status "600"' ],
    [ 'retry_on 404 200', '"200" cannot be changed: with 2xx a target says '
      . 'that it has the event' ],
    [ 'fail_on 503-500', 'invalid status "503-500"' ],
    [ 'fail_on 2xx', '"2xx" cannot be changed' ],
    [ 'fail_on error', 'invalid status "error"' ],

    [ 'concurrency 0', 'invalid value "0" in "concurrency": it is a number '
      . 'from 1 to 65536' ],
    [ 'concurrency 65537', 'it is a number from 1 to 65536' ],
    [ 'concurrency -1', 'it is a number from 1 to 65536' ],
    [ 'concurrency many', 'it is a number from 1 to 65536' ],
    [ 'concurrency 9999999999999999999', 'it is a number from 1 to 65536' ],
    [ 'concurrency 1 2', 'invalid number of arguments' ],

    [ 'rate 50', 'invalid rate "50": it is a number from 1 to 1000000 and a '
      . 'unit, as in 50r/s, 100r/m or 1000r/h' ],
    [ 'rate r/s', 'invalid rate "r/s"' ],
    [ 'rate 0r/s', 'invalid rate "0r/s"' ],
    [ 'rate -1r/s', 'invalid rate "-1r/s"' ],
    [ 'rate 1.5r/s', 'invalid rate "1.5r/s"' ],
    [ 'rate 1000001r/h', 'invalid rate "1000001r/h"' ],
    [ 'rate 50r/d', 'invalid rate "50r/d"' ],
    [ 'rate burst=5', 'invalid rate "burst=5"' ],
    [ 'rate 5r/s burst=0', 'invalid value "burst=0" in "rate": it is a '
      . 'number from 1 to 1000000' ],
    [ 'rate 5r/s delay', 'invalid parameter "delay" of "rate", which takes '
      . 'burst=NUMBER' ],

    [ 'breaker on', 'invalid parameter "on" of "breaker", which takes off, '
      . 'or failures=NUMBER, ratio=NUMBER%, min=NUMBER, window=TIME, '
      . 'open=TIME and max=TIME' ],
    [ 'breaker failures=0', 'it is a number from 1 to 10000' ],
    [ 'breaker ratio=50', 'invalid value "ratio=50" in "breaker": it is a '
      . 'number from 1% to 100%' ],
    [ 'breaker ratio=%', 'it is a number from 1% to 100%' ],
    [ 'breaker ratio=0%', 'it is a number from 1% to 100%' ],
    [ 'breaker ratio=101%', 'it is a number from 1% to 100%' ],
    [ 'breaker min=0', 'it is a number from 1 to 100000' ],
    [ 'breaker window=2h', 'it is a time from 1s to 1h' ],
    [ 'breaker open=99ms', 'it is a time from 100ms to 24h' ],
    [ 'breaker max=25h', 'it is a time from 100ms to 24h' ],
    [ 'breaker open=10m', 'open= of "breaker" is longer than max= (by '
      . 'default 5m)' ],
    [ 'breaker open=2s max=1s', 'open= of "breaker" is longer than max=' ],

    [ 'expires 999ms', 'invalid value "999ms" in "expires": it is a time '
      . 'from 1s to 365d' ],
    [ 'expires never', 'it is a time from 1s to 365d' ],
    [ 'dead_for 0', 'invalid value "0" in "dead_for": it is a time from 1s '
      . 'to 3650d' ],
    [ 'dead_for 3651d', 'it is a time from 1s to 3650d' ],

    [ 'order data.id', 'invalid parameter "data.id" of "order": write '
      . 'by=FIELD, as in "order by=data.order_id;"' ],
    [ 'order by=', 'a field is empty: write for example "type" or '
      . '"data.total"' ],
    [ 'order by=dta.id', 'unknown field "dta.id": did you mean "data.id"?' ],
    [ 'order by=.id', 'the field ".id" begins with "."' ])
{
    my ($line, $expected) = @$case;

    wrong($line, "$line;", $expected);
}

wrong('status in both lines', "retry_on 410 404;\nfail_on 400-404;  <<<",
    'status 404 stands in both "retry_on" and "fail_on": take it out of one');
wrong('time-out in both lines', "fail_on timeout;\nretry_on timeout;  <<<",
    '"timeout" stands in both "retry_on" and "fail_on"');
wrong('retry off and retry_on', "retry off;\nretry_on 404;",
    'event_target "erp" has "retry off", so "retry_on" and "fail_on" have no '
    . 'meaning: take one of them away', at => 'block');
wrong('retry off behind fail_on', "fail_on 404;\nretry off;",
    'event_target "erp" has "retry off"', at => 'block');
wrong('expires before the retries end', "expires 1h;\nretry for=2h;",
    'event_target "erp" expires events before the end of "retry for=": lower '
    . 'for= or raise "expires"', at => 'block');

part('http');

for my $lines (join("\n", map { "$_  $policy{$_};" } sort keys %policy),
               'retry off;', 'breaker off;', 'retry for=1h;', 'expires 1h;',
               'expires 1h; retry for=1h;', 'expires 1h; retry base=1s;',
               'retry_on 4xx; fail_on 5xx timeout;', 'concurrency 65536;',
               'rate 1r/h;', 'rate 1000000r/s burst=1;', 'rate 7r/m;',
               'breaker ratio=100% failures=1;', 'order by=subject;')
{
    fine($lines =~ s/\n.*/ .../sr, <<"EOC");
event_target a {
$lines
}
server {
    listen  127.0.0.1:%%PORT_8081%%;
    location = /a { event_deliver a; proxy_pass http://127.0.0.1:1; }
}
EOC
}


# ---- event_route

part('bare_route');

wrong('without from', 'to erp;',
    'event_route "orders" has no "from": name its sources, or write "from *;" '
    . 'for all of them', at => 'block');
wrong('without to', 'from shop;',
    'event_route "orders" has no "to": name at least one target',
    at => 'block');
wrong('misspelt source', "from shpo;\nto erp;",
    'event_route "orders" is from an unknown source "shpo": did you mean '
    . '"shop"?', at => 'block');
wrong('unknown source', "from warehouse;\nto erp;",
    'event_route "orders" is from an unknown source "warehouse": add '
    . '"event_source warehouse { ... }"', at => 'block');
wrong('misspelt target', "from shop;\nto epr;",
    'route "orders" sends to target "epr", but no location delivers to it '
    . '(did you mean "erp"?): add "location = /deliver/epr { event_deliver '
    . 'epr; proxy_pass ...; }"', at => 'block');
wrong('unknown target', "from shop;\nto warehouse;",
    'sends to target "warehouse", but no location delivers to it: add '
    . '"location = /deliver/warehouse', at => 'block');

part('route');

wrong('from without arguments', 'from;',
    'invalid number of arguments in "from" directive: write "from SOURCE... '
    . '| *;"');
wrong('to without arguments', 'to;',
    'invalid number of arguments in "to" directive');
wrong('last with an argument', 'last on;',
    'invalid number of arguments in "last" directive: write "last;"');
wrong('fallback with an argument', 'fallback on;',
    'invalid number of arguments in "fallback" directive');
wrong('last twice', "last;\nlast;  <<<",
    '"last" directive is duplicate in event_route "orders"');
wrong('fallback twice', "fallback;\nfallback;  <<<",
    '"fallback" directive is duplicate');
wrong('copy with an argument', 'copy on;',
    'invalid number of arguments in "copy" directive');
wrong('copy twice', "copy;\ncopy;  <<<", '"copy" directive is duplicate');
wrong('a copy that is the last', "copy;\nlast;",
    'event_route "orders" is a "copy", which takes the event from nobody, '
    . 'and a "last": write one of them', at => 'block');
wrong('a copy that is a fallback', "fallback;\ncopy;",
    'event_route "orders" is a "copy", which takes the event from nobody, '
    . 'and a "fallback": write one of them', at => 'block');
wrong('source twice', 'from shop shop;',
    '"shop" is named twice in one event_route');
wrong('target twice', "to erp;\nto erp;  <<<",
    '"erp" is named twice in one event_route');
wrong('all sources and one', 'from * shop;',
    '"from" directive names "*", which is all sources, beside others');
wrong('bad name of a source', 'from "a b";',
    'invalid event_source name "a b": use letters');
wrong('bad name of a target', 'to a/b;',
    'invalid event_target name "a/b": use letters');
wrong('misspelt directive', 'whne type = a;',
    'unknown directive "whne" in event_route: did you mean "when"?');
wrong('directive from elsewhere', 'proxy_pass http://127.0.0.1;',
    'unknown directive "proxy_pass" in event_route, which takes from, to, '
    . 'when');
wrong('from in a condition', "any {\nfrom shop;  <<<\n}\nfrom shop;",
    '"from" directive is not allowed here');
wrong('misspelt in a condition', "any {\nwehn type = a;  <<<\n}",
    'unknown directive "wehn" in event_route: did you mean "when"?');
wrong('when with a block', 'when type = a { }',
    'directive "when" is not terminated by ";"');
wrong('any without a block', 'any;', 'directive "any" has no opening "{"');
wrong('any with an argument', 'any data.a { when type = a; }',
    'invalid number of arguments in "any" directive');
wrong('each without a path', 'each { when type = a; }',
    'invalid number of arguments in "each" directive: write "each PATH { ... }"');
wrong('each without a block', 'each data.items;',
    'directive "each" has no opening "{"');
wrong('each of an attribute', 'each type { when .a = 1; }',
    '"each" goes through an array of the body, which "type" is not in: write '
    . '"each data.PATH"');
wrong('element outside of each', 'when .sku = 1;',
    'the field ".sku" begins with ".", which stands for the element of an '
    . '"each" block: outside of one write "data.sku"');
wrong('empty condition', "none {\n}  <<<",
    '"none" is empty: write a "when" in it or take it away');
wrong('16 blocks and one', join("\n", ('any {') x 16, 'all {  <<<',
        'when type = a;', ('}') x 17),
    'more than 16 blocks of conditions are in one another: use several '
    . 'routes');
wrong('condition not closed', 'any { when type = a;',
    '"from" directive is not allowed here', at => 2);

wrong('when without arguments', 'when;',
    'a field is missing behind "when": write for example "when type = ');
wrong('when without an operator', 'when type;',
    'an operator is missing behind "type": write for example "type = paid"');
wrong('when without a value', 'when type =;',
    'a value is missing behind "="');
wrong('not without an operator', 'when type not;',
    'an operator is missing behind "type not"');
wrong('misspelt field', 'when tpye = a;',
    'unknown field "tpye": did you mean "type"?');
wrong('misspelt kind of field', 'when heder.X-Id = a;',
    'unknown field "heder.X-Id": did you mean "header.X-Id"?');
wrong('unknown field', 'when total_price > 5;',
    'unknown field "total_price": a field is id, type, source, subject, time, '
    . 'data.PATH, header.NAME, arg.NAME or $variable');
wrong('field without a name', 'when header. = a;',
    'the name in the field "header." is missing');
wrong('field with a bad name', 'when "header.X Y" = a;',
    'the field "header.X Y" has a character that cannot stand in the name of '
    . 'a header');
wrong('field with two dots', 'when data.a..b = 1;',
    'the field "data.a..b" has two "." in a row');
wrong('field with a dot at its end', 'when data.a. = 1;',
    'the field "data.a." ends with a "."');
wrong('field with a star', 'when data.items[*].sku = 1;',
    'leave it out, arrays are crossed by themselves');
wrong('field with a bad index', 'when data.items[x] = 1;',
    'the field "data.items[x]" has a bad index: write "[0]"');
wrong('index is too large', 'when data.items[9999999999999999999] = 1;',
    'has a bad index');
wrong('field without its quote', q{when 'data."odd.key' = 1;},
    'has a key without its closing quote');
wrong('unknown variable', 'when $nosuch = 1;',
    'unknown "nosuch" variable', at => 'nowhere');
# lines that say something else than they seem

warned("a line with $_->[0]", "when $_->[0];", $_->[1]) for (
    [ 'type = orders/paid and data.x = 5', '"and" is a VALUE here' ],
    [ 'type = a AND b', '"AND" is a VALUE here' ],
    [ 'type = a && type = b', '"&&" is a VALUE here, as all words behind the '
        . 'operator are: all lines must hold' ],
    [ 'type = a or b', '"or" is a VALUE here, as all words behind the '
        . 'operator are: several VALUEs are alternatives without it' ],
    [ 'data.x contains a Or b', '"Or" is a VALUE here' ],
    [ 'data.x ~ ^a || ^b', '"||" is a VALUE here' ],
    [ 'type not = a or b', '"or" is a VALUE here' ],
    [ 'type = orders/paid data.x = 5', '"data.x" and "=" are VALUEs here, as '
        . 'all words behind the operator are: write "when data.x = ..." in a '
        . 'line of its own' ],
    [ 'data.a = 1 data.b exists', '"data.b" and "exists" are VALUEs here, as '
        . 'all words behind the operator are: write "when data.b exists" in' ],
    [ 'data.a prefix x header.X-B not = y', '"header.X-B" and "not" are' ],
    [ 'data.a = 1 $b ~ x', '"$b" and "~" are VALUEs here' ],
    [ 'data.a = 1 type prefix x', '"type" and "prefix" are VALUEs here' ],
    [ 'data.a = 1 >= 5', '"1" and ">=" are VALUEs here' ],
    [ 'data.a = x == y', '"x" and "==" are VALUEs here' ],
    [ 'type = orders/paid data.x', '"data.x" is a VALUE here' ],
    [ 'data.a = data.b', '"data.b" is a VALUE, the text that is written' ],
    [ 'data.a = $tier', '"$tier" is a VALUE, the text that is written' ],
    [ 'type = not paid', '"not" is a VALUE here, as "paid" is: to negate' ],
    [ 'type = a, b', 'the "," at the end of "a," is a part of the VALUE' ],
    [ 'data.x prefix a, b', 'the "," at the end of "a,"' ],
    [ 'type = "a;"', 'the ";" at the end of "a;" is a part of the VALUE' ],
    [ 'type = a,b', '"a,b" is one VALUE: several stand apart by blanks' ],
    [ 'type = "a b"', '"a b" is one VALUE: several stand apart by blanks' ],
    [ 'type = orders/*', '"*" is no wildcard for "=": for "orders/*" with '
        . 'anything in its place write "like"' ],
    [ 'type != *x', '"*" is no wildcard for "!="' ],
    [ 'data.a = *', '"*" is no wildcard for "=": for any value write '
        . '"exists"' ],
    [ 'data.a prefix a*', '"*" is no wildcard for "prefix"' ],
    [ 'data.a suffix_ci *.com', '"*" is no wildcard for "suffix_ci"' ],
    [ 'data.a contains *a*', '"*" is no wildcard for "contains"' ],
    [ 'data.a like a%', '"%" is no wildcard in "a%": write "*"' ],
    [ 'type = ^orders/', '"=" takes no regular expression: for "^orders/" '
        . 'write "~"' ],
    [ 'type ~ /^a/i', 'the slashes of "/^a/i" are a part' ],
    [ q{type = '"a"'}, 'the quotes of "a" are a part of the VALUE' ],
);

fine("a line with $_", "when $_;") for (
    'type = orders/paid orders/create', 'data.state = or', 'data.op = =',
    'data.x = is empty', 'data.word = null missing', 'data.name = "Doe, John"',
    'type = data.created data.updated', 'data.path prefix /a/ /b/',
    'data.path ~ /a/ ^/b/i', 'data.x contains *', 'data.x contains ,',
    'data.price = $5', 'data.x like *a*b', 'data.x like 5%*', 'data.x ~ a*',
    'data.mail suffix @a.example .b.example', 'data.x = "New York" Paris',
    'data.x not = a b', 'type exists', 'data.x = ^', 'data.x = not',
);

wrong('not before the field', 'when not type = a;',
    '"not" stands where the field is: to negate, write "when FIELD not OP '
    . 'VALUE"');
wrong('"!" before the field', 'when !type = a;',
    '"!type" stands where the field is');
wrong('two conditions about numbers', 'when data.n > 5 and data.n < 9;',
    '">" takes one value: each condition stands in a line of its own');
wrong('"is" for "="', 'when type is orders/paid;',
    'unknown type "orders/paid": a value is a string, number, boolean, null, '
    . 'array or object; to compare with a text write "="');
wrong('operator of yet another language', 'when data.n => 5;',
    'unknown operator "=>": use ">="');
wrong('not in', 'when type not in a b;',
    'unknown operator "in": use "=" with several values');
wrong('misspelt operator', 'when type prefx orders/;',
    'unknown operator "prefx": did you mean "prefix"?');
wrong('operator of another language', 'when type == a;',
    'unknown operator "==": use "="');
wrong('operator in words', 'when data.n gte 5;',
    'unknown operator "gte": use ">="');
wrong('value in place of an operator', 'when type orders/paid;',
    'unknown operator "orders/paid" behind "type": the operators are');
wrong('bad regular expression', 'when type ~ "(a";',
    'bad regular expression: ');
wrong('empty regular expression', 'when type ~ "";',
    'the regular expression is empty: write "exists"');
wrong('regular expression with a verb', 'when type ~ "(*UTF)a";',
    'a regular expression cannot begin with "(*"');
wrong('regular expression in itself', 'when type ~ "a(?R)?b";',
    'a regular expression cannot contain the whole of itself');
fine('regular expression not closed', 'when type ~ "a\Qb";');
wrong('regular expression of places, not closed', 'when type ~ "\Ga\Qb";',
    'cannot be limited: with "\G" or "(*" in it, it must not end within "\Q" '
    . 'or a comment');
wrong('empty text', 'when type prefix "";',
    'the value is empty, which every text begins and ends with and contains: '
    . 'write "exists"');
wrong('not a number', 'when data.total > many;',
    '"many" is not a number: write it as JSON does, for example 1000');
wrong('number with a plus', 'when data.total >= +5;', '"+5" is not a number');
wrong('two numbers', 'when data.total > 5 6;', '">" takes one value');
wrong('between one', 'when data.total between 5;',
    '"between" takes two values, the lowest and the highest');
wrong('between reversed', 'when data.total between 9 5;',
    'nothing is between 9 and 5: write the lower number first');
wrong('has_all of nothing', 'when data.tags has_all;',
    'a value is missing behind "has_all"');
wrong('exists with a value', 'when data.a exists yes;',
    '"exists" takes no value');
wrong('unknown type', 'when data.a is integer;',
    'unknown type "integer": a value is a string, number, boolean, null, '
    . 'array or object');
wrong('bad network', 'when $remote_addr cidr 10.0.0.0/33;',
    'bad network "10.0.0.0/33": write for example 10.0.0.0/8');
wrong('network of a name', 'when $remote_addr cidr localhost;',
    'bad network "localhost"');

fine('nested conditions', <<'EOC');
    when  type = orders/paid orders/create;
    when  data.total_price not between 10 20;
    when  'data."odd.key"[0].sku' like "VIP-*";
    any {
        when  header.X-Test missing;
        all { when arg.a = 1; when $remote_addr cidr 127.0.0.0/8 ::1/128; }
        none { when subject ~* "^test"; }
    }
    each data.line_items {
        when  .sku prefix A B;
        each  .parts { when . > 5; }
    }
    last;
EOC
fine('last and fallback', "fallback;\nlast;\nwhen type exists;");

warned('delay of a source that is not queued', 'delay 10m;',
    '"delay" of event_route "orders" applies to queued deliveries only, and '
    . 'source "shop" delivers while the producer waits: write "delivery '
    . 'queued;" there', at => 'block');
wrong('delay twice', "delay 1s;\ndelay 1s;  <<<",
    '"delay" directive is duplicate');
wrong('delay without arguments', 'delay;',
    'invalid number of arguments in "delay" directive');
wrong('delay in a condition', "any {\ndelay 1s;  <<<\n}",
    '"delay" directive is not allowed here');

for my $time (qw(0 -1s 8d later 9999999999999999999m)) {
    wrong("delay $time", "delay $time;",
        "invalid value \"$time\" in \"delay\": it is a time from 1ms to 7d");
}


# ---- locations

part('hook');

wrong('two sources in a location', 'event_receive shop;',
    '"event_receive" directive is duplicate');
wrong('receives and delivers', 'event_deliver other;',
    '"event_deliver" directive cannot stand beside "event_receive": give each '
    . 'a location of its own');
wrong('receives and passes on', 'proxy_pass http://127.0.0.1:1;',
    '"event_receive" stands beside another directive that answers requests, '
    . 'such as "proxy_pass": give each a location of its own', at => 0);
wrong('receives and tells its status', 'event_status;',
    '"event_receive" stands beside another directive', at => 0);
wrong('event_receive in if', 'if ($arg_a) { event_receive shop; }',
    '"event_receive" directive is not allowed here');
wrong('event_deliver in if', 'if ($arg_a) { event_deliver erp; }',
    '"event_deliver" directive is not allowed here');
wrong('event_status in limit_except', 'limit_except GET { event_status; }',
    '"event_status" directive is not allowed here');

wrong('receives and passes on in if',
    'if ($arg_a) { proxy_pass http://127.0.0.1:1; }',
    '"event_receive" stands beside another directive', at => 0);
fine('if in a receiving location', 'if ($arg_a) { set $a 1; }');
fine('limit_except in a receiving location',
    'limit_except POST { deny all; }');

part('server');

wrong('passes on and receives', <<'EOC',
    location /a {
        proxy_pass     http://127.0.0.1:1;
        event_receive  shop;  <<<
    }
EOC
    '"event_receive" stands beside another directive that answers requests');
wrong('event_receive without arguments', 'location /a { event_receive; }',
    'invalid number of arguments in "event_receive" directive');
wrong('misspelt source', 'location /a { event_receive shoop; }',
    'unknown source "shoop" in "event_receive": did you mean "shop"?');
wrong('unknown source', 'location /a { event_receive warehouse; }',
    'unknown source "warehouse" in "event_receive": define it with '
    . '"event_source warehouse { ... }"');
wrong('event_deliver without arguments', 'location /a { event_deliver; }',
    'invalid number of arguments in "event_deliver" directive');
wrong('bad name of a target', 'location /a { event_deliver a/b; }',
    'invalid event_target name "a/b"');
wrong('target with two locations', 'location /a { event_deliver erp; }',
    'target "erp" is reached by location "/a" already and cannot be by '
    . '"/deliver/erp" too: give this one a target of its own', at => 9);
wrong('two targets in a location',
    'location /a { event_deliver a; event_deliver b; }',
    '"event_deliver" directive is duplicate: a location delivers to one '
    . 'target');
wrong('delivers and receives',
    'location /a { event_deliver a; event_receive shop; }',
    'a location either receives events or delivers them: remove '
    . '"event_receive" or "event_deliver"');
wrong('target in a regex location', 'location ~ ^/a { event_deliver a; }',
    '"event_deliver" cannot be used in a location given by a regular '
    . 'expression: use "location = /deliver/a"');
wrong('target in a named location', 'location @a { event_deliver a; }',
    '"event_deliver" cannot be used in a named location: use "location = '
    . '/deliver/a"');
wrong('target behind a regex', <<'EOC',
    location /a { event_deliver a; proxy_pass http://127.0.0.1:1; }
    location ~ ^/a { return 404; }
EOC
    'location "/a" of target "a" is hidden by location ~ "^/a": write '
    . '"location = /a"');
wrong('event_status with an argument', 'location /a { event_status on; }',
    'invalid number of arguments in "event_status" directive');

part('http');

wrong('target without a location', 'event_target other { optional; }',
    'no location delivers to target "other": add "location = /deliver/other { '
    . 'event_deliver other; proxy_pass ...; }"');

part('server');

fine('target without a route',
    'location /a { event_deliver a; proxy_pass http://127.0.0.1:1; }');
fine('two locations of a source', 'location /a { event_receive shop; }');
fine('event_status', 'location /events/ { event_status; deny all; }');
fine('event_admin', 'location /admin/ { event_admin; }');
fine('event_admin with all', 'location /admin/ { event_admin '
    . 'token=file:secret access=nginx reveal; }');
wrong('event_admin with another word', 'location /admin/ { event_admin all; }',
    'invalid parameter "all" of "event_admin"');
wrong('event_admin twice', "location /admin/ {\nevent_admin;\n"
    . "event_admin;  <<<\n}", '"event_admin" directive is duplicate');
wrong('event_admin, no such file', 'location /admin/ { event_admin '
    . 'token=file:nowhere; }', '"event_admin token=": ');
fine('event_explain with all', 'location /a { event_explain shop '
    . 'token=file:secret access=nginx; }');
wrong('event_explain with another word',
    'location /a { event_explain shop reveal; }',
    'invalid parameter "reveal" of "event_explain", which has '
    . 'token=file:PATH and access=nginx');
wrong('event_explain, no such file', 'location /a { event_explain shop '
    . 'token=file:nowhere; }', '"event_explain token=": ');
wrong('event_explain with event_admin',
    "location /a {\nevent_explain shop;\nevent_admin;  <<<\n}",
    '"event_admin" directive cannot stand beside');

# access=nginx where nginx asks nobody

for my $case ([ 'event_admin', '' ], [ 'event_explain', ' shop' ]) {
    my ($name, $source) = @$case;
    my $line = "$name$source access=nginx;";

    for my $open ('', 'auth_basic off;', 'satisfy any;',
                  'limit_except GET { deny all; }')
    {
        warned("$name access=nginx, $open",
            "location /a {\n$open\n$line  <<<\n}",
            qq("$name access=nginx" lets everybody in, for nginx has no rule ));
    }

    fine("$name access=nginx, $_", "location /a { $line $_ }")
        for 'deny all;', 'allow 127.0.0.1; deny all;', 'allow all;',
            'allow ::1;', 'allow unix:;', 'internal;',
            'auth_basic x; auth_basic_user_file /dev/null;',
            'auth_request /b;', 'if ($arg_a) { return 403; } deny all;';
    fine("$name access=nginx, a rule around it",
        "location / { deny all; location /a { $line } }");
    fine("$name access=nginx, a rule of the server",
        "location /a { $line } allow 10.0.0.0/8; deny all;");
    fine("$name without access=nginx", "location /a { $name$source; }");
}

fine('event_explain', 'location /explain { event_explain shop; deny all; }');
wrong('event_explain without arguments', 'location /a { event_explain; }',
    'invalid number of arguments in "event_explain" directive');
wrong('explains an unknown source', 'location /a { event_explain warehouse; }',
    'unknown source "warehouse" in "event_explain": define it with '
    . '"event_source warehouse { ... }"');
wrong('delivers and explains',
    'location /a { event_deliver a; event_explain shop; }',
    'a location either receives events or delivers them: remove '
    . '"event_explain" or "event_deliver"');


# ---- stores

part('http');

for my $store (qw(event_store event_dedup_store)) {
    wrong("$store without arguments", "$store;",
        "invalid number of arguments in \"$store\" directive");
    wrong("$store twice", "$store memory:1m;\n$store memory:2m;  <<<",
        "\"$store\" directive is duplicate");
    wrong("$store of another scheme", "$store http://:%%SECRET%%\@127.0.0.1/;",
        "\"$store\" must be memory:SIZE, "
        . ($store eq 'event_store' ? 'file:DIR, ' : '') . 'redis://HOST:PORT, '
        . 'rediss://HOST:PORT, unix:/PATH or redis-sentinel://HOST,.../NAME');
}

my @redis = (
    [ 'database is no number', 'redis://:%%SECRET%%@127.0.0.1:6379/a',
      'the database behind "/" must be a number' ],
    [ 'database is too high', 'redis://:%%SECRET%%@127.0.0.1:6379/65536',
      'the database behind "/" must be a number' ],
    [ 'port is no number', 'redis://:%%SECRET%%@127.0.0.1:port/0',
      'the port must be a number from 1 to 65535' ],
    [ 'port is too high', 'redis://:%%SECRET%%@127.0.0.1:65536/0',
      'the port must be a number from 1 to 65535' ],
    [ 'slash in a password', 'redis://:a/%%SECRET%%@127.0.0.1:6379/0',
      'a "/" or "@" in a password is written %2F or %40' ],
    [ 'bad percent-encoding', 'redis://:%%SECRET%%%zz@127.0.0.1:6379/0',
      'the password is not percent-encoded properly' ],
    [ 'empty password', 'redis://user:@127.0.0.1:6379/0',
      'the password before "@" is empty' ],
    [ 'user without a password', 'redis://user@127.0.0.1:6379/0',
      'has a user but no password, write USER:PASSWORD@ or add '
      . 'password_file=PATH' ],
    [ 'no host', 'redis://:%%SECRET%%@:6379/0', 'no host' ],
    [ 'IPv6 address not closed', 'redis://:%%SECRET%%@[::1/0',
      '"]" is missing behind the IPv6 address' ],
    [ 'relative path', 'unix:redis.sock',
      'the path behind "unix:" must begin with "/"' ],
    [ 'unknown parameter', 'redis://:%%SECRET%%@127.0.0.1 retries=5',
      'invalid parameter "retries=" of "event_store", a Redis store has '
      . 'connect_timeout=, timeout=, prefix=, password_file=' ],
    [ 'bad time', 'redis://127.0.0.1 timeout=5x',
      'invalid value "timeout=5x" in "event_store": it is a time from 1ms to '
      . '60s' ],
    [ 'time of zero', 'redis://127.0.0.1 connect_timeout=0',
      'invalid value "connect_timeout=0" in "event_store": it is a time from '
      . '1ms to 60s' ],
    [ 'time overflows', 'redis://127.0.0.1 timeout=9999999999999999999m',
      'invalid value "timeout=9999999999999999999m" in "event_store"' ],
    [ 'prefix with a brace', 'redis://127.0.0.1 "prefix={x}"',
      'invalid "prefix={x}", it must be 1 to 64 printable characters without '
      . 'blanks and braces' ],
    [ 'empty prefix', 'redis://127.0.0.1 prefix=', 'invalid "prefix="' ],
    [ 'two passwords', 'redis://:%%SECRET%%@127.0.0.1 password_file=secret',
      'has two passwords, remove the one in the URL or password_file=' ],
    [ 'password file is missing', 'redis://127.0.0.1 password_file=none',
      'cannot open password_file "%%TESTDIR%%/conf/none"' ],
    [ 'password file is empty', 'redis://127.0.0.1 password_file=empty',
      'password_file "%%TESTDIR%%/conf/empty" is empty or cannot be read' ],
    [ 'password file is too long', 'redis://127.0.0.1 password_file=long',
      'password_file "%%TESTDIR%%/conf/long" is longer than' ],
    [ 'TLS parameter without TLS', 'redis://127.0.0.1 ssl_verify=off',
      'ssl_ca=, ssl_cert=, ssl_key=, ssl_name= and ssl_verify= of '
      . '"event_store" need rediss://' ],
    [ 'ssl_verify of a word', 'rediss://127.0.0.1 ssl_verify=no',
      'invalid value "ssl_verify=no" in "event_store": it is "off" or "on"' ],
    [ 'CA file is missing', 'rediss://127.0.0.1 ssl_ca=none.pem',
      'cannot use ssl_ca= of "event_store", it must be a file of CA '
      . 'certificates in PEM' ],
    [ 'memory without a size', 'memory:',
      'invalid size in "event_store memory:", write for example memory:16m' ],
    [ 'memory of a word', 'memory:big',
      'invalid size in "event_store memory:big"' ],
    [ 'memory is too small', 'memory:4k',
      '"event_store memory:4k" is too small, 10000 events need 2m' ],
    [ 'memory overflows', 'memory:9999999999999999999m',
      'invalid size in "event_store memory:9999999999999999999m"' ],
    [ 'memory with a parameter', 'memory:1m prefix=x',
      'invalid parameter "prefix=x" of "event_store", memory:SIZE has none' ],
);

wrong("store: $_->[0]", "event_store $_->[1];", $_->[2]) for @redis;

warned('store: host is unknown',
    'event_store redis://:%%SECRET%%@no..such:6379/0;',
    'the name "no..such" cannot be resolved now');

fine('store in memory', 'event_store memory:1m;');
fine('store in Redis', 'event_store redis://user:pass%40word@127.0.0.1:6379/3 '
    . 'connect_timeout=100ms timeout=100ms prefix=shop;');
fine('store with TLS', 'event_dedup_store rediss://127.0.0.1:6380 '
    . "password_file=secret ssl_ca=$crt ssl_name=localhost;");
fine('store behind a socket', 'event_dedup_store unix:/run/redis.sock/3;');


# ---- the other directives of http

for my $case ([ 'event_concurrency 0', 'value must be' ],
              [ 'event_concurrency 65537', 'value must be' ],
              [ 'event_concurrency many', 'invalid number' ],
              [ 'event_concurrency', 'invalid number of arguments' ],
              [ 'event_concurrency 9999999999999999999m', 'invalid number' ],
              [ 'event_backlog -1', 'invalid number' ],
              [ 'event_backlog 9999999999999999999', 'invalid number' ],
              [ 'event_backlog 1 2', 'invalid number of arguments' ],
              [ 'event_set $a', 'invalid number of arguments' ],
              [ 'event_set order data.id', 'invalid variable name "order": '
                . 'write a name behind "$", as in "event_set $order data.id;"'
              ],
              [ 'event_set $ data.id', 'invalid variable name "$": write a '
                . 'name behind "$"' ],
              [ 'event_set $a data.id url', 'invalid parameter "url", the '
                . 'only one is "uri"' ],
              [ 'event_set $a dat.id', 'unknown field "dat.id": did you mean '
                . '"data.id"?' ],
              [ 'event_set $a $host', '"$host" is a variable already: use it '
                . 'as it is' ],
              [ 'event_set $a .id', 'the field ".id" begins with "."' ],
              [ 'event_set $host data.id', 'the duplicate "host" variable' ],
              [ 'event_set $event_id data.id',
                'the duplicate "event_id" variable' ])
{
    my ($line, $expected) = @$case;

    wrong($line, "$line;", $expected);
}

wrong('event_set twice', "event_set \$a type;\nevent_set \$a id;  <<<",
    'the duplicate "a" variable');
wrong('event_concurrency twice',
    "event_concurrency 5;\nevent_concurrency 6;  <<<",
    '"event_concurrency" directive is duplicate');
fine('event_set', 'event_set $order data.id uri;');


# ---- include in each block, and the place of what is wrong in there

$t->write_file('conf/source.conf', "dedup  24h;\nmax_hops  4;\n");
$t->write_file('conf/target.conf', "optional;\n");
$t->write_file('conf/route.conf', "when  type exists;\n");
$t->write_file('conf/lines.conf', "when  data.a = 1;\nwhen data.b = 1;\n");
$t->write_file('conf/bad-source.conf', "dedup  24h;\n\nmax_hops  0;\n");
$t->write_file('conf/late-source.conf', "# key\n\nkey  hax;\n");
$t->write_file('conf/bad-target.conf', "# method\nmethod  FETCH;\n");
$t->write_file('conf/bad-route.conf', "last;\nwhen  tpye = 1;\n");

part('source');
fine('include', 'include source.conf;');
fine('include of a pattern', 'include [s]ourc*.conf;');
wrong('mistake in an included file', 'include bad-source.conf;',
    'invalid value "0" in "max_hops"', at => 'bad-source.conf:3');
wrong('mistake found at the end', 'include late-source.conf;',
    'invalid value "hax", write: key', at => 'late-source.conf:3');

part('target');
fine('include', 'include target.conf;');
wrong('mistake in an included file', 'include bad-target.conf;',
    'invalid method "FETCH"', at => 'bad-target.conf:2');

part('route');
fine('include', 'include route.conf;');
fine('include in a condition', "any {\ninclude lines.conf;\n}");
wrong('mistake in an included file', 'include bad-route.conf;',
    'unknown field "tpye"', at => 'bad-route.conf:2');


# ---- warnings

part('source');

warned('inline secret', 'secret %%SECRET%%;',
    'the secret of event_source "shop" stands in the configuration, where '
    . '"nginx -T" shows it: write "secret file:PATH;" or "secret env:NAME;"');
warned('verify off', 'verify off;',
    'event_source "shop" verifies nothing: whoever can reach its location '
    . 'can send events', at => 'block');
warned('verify off beside a secret', "verify off;\nsecret file:secret;",
    'event_source "shop" verifies nothing', at => 'block');
warned('producer that sends once', 'verify github;',
    'the producer of event_source "shop" sends an event only once: with sync '
    . 'delivery an event is lost if a target does not take it in time, write '
    . '"delivery sync;" if that may be', at => 'block');
fine('producer that sends once, accepted', "verify github;\ndelivery sync;");
warned('producer that sends once, closed',
    "verify github;\ndedup on_error=closed;",
    'with "on_error=closed" it is lost while the dedup store is away, write '
    . '"on_error=local"', at => 'block');
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

warned('window below the retries', "verify stripe;\ndedup 24h;",
    'the dedup window of event_source "shop" is 86400s, its producer retries '
    . 'for 259200s: a late retry is delivered again', at => 'block');

part('http');

warned('source that is not used', 'event_source a { verify bearer; secret '
    . "file:secret; }\nevent_route a { from a; to erp; }",
    'event_source "a" is not used: no location has "event_receive a;"');
warned('source without a route', <<'EOC',
event_source a { verify bearer; secret file:secret; }
server { listen unix:%%TESTDIR%%/a; location / { event_receive a; } }
EOC
    'no event_route is from source "a": its events go nowhere');
warned('route behind the last', <<'EOC',
event_route always { from shop; to erp; last; }
event_route hidden { from shop; when type = a; to erp; }  <<<
EOC
    'event_route "hidden" is never reached: event_route "always" before it '
    . 'always matches and is the last');
warned('fallback beside always', <<'EOC',
event_route always { from shop; to erp; }
event_route other { from shop; to erp; fallback; }  <<<
EOC
    'event_route "other" is never reached: event_route "always" always '
    . 'matches');

fine('fallback beside a copy of everything', <<'EOC',
event_route always { from shop; to erp; copy; }
event_route other { from shop; to erp; fallback; }
EOC
    with => { route => 'when type = a;' });

warned('more deliveries than connections', 'event_concurrency 512;',
    '512 deliveries at once take 1024 connections, and a worker has 1024: '
    . 'make "worker_connections" larger or "event_concurrency" smaller',
    at => 'nowhere');
fine('as many deliveries as there are connections for',
    'event_concurrency 511;');

part('deliver');

for my $what (qw(read connect send)) {
    warned("$what time-out beyond the deadline", "proxy_${what}_timeout 60s;",
        "target \"erp\": proxy_${what}_timeout 60s is longer than the "
        . 'deadline 10s of source "shop": set it below', at => -1);
}

part('server');

warned('time-out of a target without a block', <<'EOC',
    location /a {
        event_deliver       a;  <<<
        proxy_pass          http://127.0.0.1:1;
        proxy_read_timeout  10001ms;
    }
EOC
    'target "a": proxy_read_timeout 10001ms is longer than the deadline 10s '
    . 'of source "shop"', with => { route => 'to a erp;' });
warned('location of a target without proxy_pass', <<'EOC',
    location = /a {
        event_deliver  a;  <<<
    }
EOC
    'the location of target "a" has no "proxy_pass"',
    with => { route => 'to a erp;' });


# ---- whole configurations

part('http');

fine('nothing of the module', '', with => {});

$t->config("server { listen 127.0.0.1:%%PORT_8080%%; return 204; }");
my ($ok, $said) = $t->check_config;
ok($ok && $said !~ /\[(?:warn|emerg)\]/, 'module alone is quiet')
    or diag($said);

$t->config(<<'EOC');

    event_store        memory:1m;
    event_dedup_store  redis://127.0.0.1:6379/0 timeout=100ms;
    event_concurrency  64;
    event_backlog      0;
    event_set          $order data.order.id uri;

    log_format  events  '$event_id $event_type $event_source $event_subject '
                        '$event_time $event_routes $event_target '
                        '$event_attempt $event_verify $event_dedup '
                        '$event_status $order';
    access_log  %%TESTDIR%%/logs/events.log events;

    proxy_connect_timeout  1s;
    proxy_send_timeout     1s;
    proxy_read_timeout     3s;

    event_source shop {
        verify      shopify;
        secret      file:secret;
        secret      env:TEST_SECRET;
        dedup       48h by=id on_error=local;
        deadline    4s;
        unrouted    202;
        public_url  https://$host$request_uri;
    }

    event_source own {
        verify     hmac-sha256;
        secret     file:secret;
        key        utf8;
        signed     "{ts}.{body}";
        signature  header:X-Sign prefix=v1= separator=, encoding=hex;
        timestamp  header:X-Time unit=ms tolerance=60s;
        id         "{json:id}" "{header:X-Id}";
        type       "{json:type}";
        handshake  off;
        accept     application/json;
        max_size   256k;
        limits     depth=16 string=64k;
    }

    event_target finance {
        optional;
        method           PUT;
        forward_headers  X-Shopify-Topic;
    }

    event_route paid {
        from  shop own;
        when  type = orders/paid;
        to    erp finance;
    }

    event_route rest {
        from      *;
        fallback;
        to        erp;
    }

    server {
        listen  127.0.0.1:%%PORT_8080%%;

        location = /hook { event_receive shop; }
        location = /own { event_receive own; }
        location = /deliver/erp {
            event_deliver     erp;
            proxy_pass        http://127.0.0.1:1/orders/$order;
            proxy_set_header  X-Order $event_id;
        }
        location = /deliver/finance {
            event_deliver  finance;
            proxy_pass     http://127.0.0.1:1;
        }
        location /events/ { event_status; allow 127.0.0.1; deny all; }
    }
EOC

($ok, $said) = $t->check_config;
ok($ok && $said !~ /\[(?:warn|emerg)\]/, 'full configuration is quiet')
    or diag($said);

# ---- the file store

part('http');

fine('file', 'event_store file:%%TESTDIR%%/events;');
fine('file with all', 'event_store file:%%TESTDIR%%/events/ size=2g memory=8m '
    . 'window=5ms high_water=90%;');
wrong('file without a directory', 'event_store file:;',
    '"event_store file:" needs a directory');
wrong('event_dedup_store file', 'event_dedup_store file:%%TESTDIR%%/events;',
    '"event_dedup_store" must be memory:SIZE, redis://HOST:PORT');
wrong('file twice', "event_store file:%%TESTDIR%%/a;\n"
    . "event_store file:%%TESTDIR%%/b;  <<<",
    '"event_store" directive is duplicate');
wrong('file and memory', "event_store file:%%TESTDIR%%/a;\n"
    . "event_store memory:1m;  <<<", '"event_store" directive is duplicate');
wrong('file with an unknown parameter',
    'event_store file:%%TESTDIR%%/events depth=1;',
    'invalid parameter "depth=1" of "event_store", a store in a directory has '
    . 'size=SIZE (1m or more), memory=SIZE (1m or more), window=TIME (at most '
    . '1s) and high_water=N% (20% to 95%)');
wrong("file $_->[0]", "event_store file:%%TESTDIR%%/events $_->[0];",
    "invalid value \"$_->[0]\" in \"event_store\": it is a $_->[1]")
    for [ 'size=1', 'size of 1m or more' ], [ 'size=x', 'size of 1m or more' ],
        [ 'size=', 'size of 1m or more' ],
        [ 'memory=1k', 'size of 1m or more' ],
        [ 'window=2s', 'time of at most 1s' ],
        [ 'window=x', 'time of at most 1s' ],
        [ 'high_water=10%', 'number from 20% to 95%' ],
        [ 'high_water=96%', 'number from 20% to 95%' ],
        [ 'high_water=85', 'number from 20% to 95%' ];

# a directory that cannot be used keeps queued sources from receiving, nothing
# else

my $until = '; until it can be, events of queued sources are answered 503';

warned('file larger than the disk', 'event_store file:%%TESTDIR%%/events '
    . 'size=999999g;', "make room on the disk or give \"size\" a smaller value"
    . $until);

mkdir "$t->{dir}/open", 0755;
chmod 0755, "$t->{dir}/open";
warned('file, a directory for all', "event_store file:$t->{dir}/open;",
    "\"event_store file:$t->{dir}/open\" cannot be used: the directory "
    . "\"$t->{dir}/open\" is open to others than its owner, and events are in "
    . "it: chmod 700 $t->{dir}/open$until");
$t->write_file('plain', '');
warned('file, not a directory', "event_store file:$t->{dir}/plain;",
    "cannot be used: \"$t->{dir}/plain\" is not a directory$until");
mkdir "$t->{dir}/strange", 0700;
$t->write_file('strange/owner', "ngx_event_router 2\nx\n");
warned('file, of another format', "event_store file:$t->{dir}/strange;",
    'is of a format that this version does not know; it is left as it is: use '
    . "another directory, or the version that made it$until");
is($t->read_file('strange/owner'), "ngx_event_router 2\nx\n",
    'another format is left untouched');


# ---- queued deliveries

my %file = (http => "event_store file:$t->{dir}/events size=64m;");

part('source');

fine('queued', 'delivery queued;', with => { %file });
wrong('queued without a place to wait for the store', 'delivery queued;',
    'event_source "shop" has "delivery queued", and "event_backlog 0" leaves '
    . 'no place for an event that waits for the store: make it larger',
    at => 'block', with => { http => "$file{http} event_backlog 0;" });
fine('queued and kept', "retain 7d;\ndelivery queued;", with => { %file });
fine('producer that sends once, queued', "verify github;\ndelivery queued;",
    with => { %file });
fine('producer that sends once, queued, closed',
    "verify github;\ndelivery queued;\ndedup on_error=closed;",
    with => { %file });
fine('time-outs beyond the deadline, queued', 'delivery queued;',
    with => { %file, deliver => 'proxy_read_timeout 60s;' });
fine('batch beyond the places, queued', "delivery queued;\nmax_batch 10000;\n"
    . 'accept application/cloudevents-batch+json;', with => { %file });
fine('delay', 'delivery queued;', with => { %file, route => 'delay 10m;' });

fine("$_ of a queued target", 'delivery queued;',
    with => { %file, target => "$_  $policy{$_};" }) for sort keys %policy;

part('http');

warned('target of a queued source and of another', <<"EOC",
$file{http}
event_source b { verify bearer; secret file:secret; }
event_route b { from b; to erp; }
server { listen unix:%%TESTDIR%%/b; location / { event_receive b; } }
EOC
    '"rate" of event_target "erp" applies to queued deliveries only, and '
    . 'source "b" delivers while the producer waits', at => 'nowhere',
    with => { source => 'delivery queued;', target => 'rate 5r/s;' });

$t->done;
