#!/usr/bin/perl

# Copyright (C) Event Router contributors

# What "nginx -t" says about a block "handshake" of event_source: its words,
# what is missing, what would sign a stranger's event; and where such a block
# may stand, beside the line of the same name.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter::Snippets;

my ($t, $secret) = snippets();

part('source');

$t->write_file('conf/public', 'd75a980182b10ab7d54bfed3c964073a'
    . '0ee172f3daa62325af021a68f707511a');

my $answer = 'answer 200 text/plain "{query:c}";';

# ---- a whole one

fine('all words', <<"EOC");
    handshake mine {
        method  GET OPTIONS;
        match   query:hub.mode subscribe unsubscribe;
        match   header:X-There;
        require query:hub.verify_token const:word;
        require query:hub.challenge hex:1-64;
        deny    403;
        signed  on;
        answer  200 application/json '{ "a":"{query:hub.challenge}",
                                        "b":{hmac:query:hub.challenge} }';
        header  X-Seen "{query:hub.challenge}";
        header  X-Seen none;
    }
    constant word a|b;
EOC
fine('the least', 'handshake mine { method HEAD; answer 200; }');
fine('empty', 'handshake mine { method GET; answer 204 empty; }');
fine('several', "handshake a { method GET; answer 200; }\n"
    . 'handshake b { method HEAD; answer 200; }');
fine('beside a line', "handshake slack;\n"
    . 'handshake b { method HEAD; answer 200; }');
fine('in front of a line', "handshake b { method HEAD; answer 200; }\n"
    . 'handshake off;');
fine('any constant', "constant w *;\nhandshake a { method GET; "
    . 'require query:a b const:w; answer 200; }');
fine('digests', 'handshake a { method GET; answer 200 text/html '
    . '"{sha1-hex:query:a}{sha256-base64:query:a+query:b}'
    . '{sha384-base64url:url}{sha512-hex:method}{const:w}"; } constant w x;');
fine('braces that are none', q(handshake a { method GET; answer 200 )
    . q(application/json '{"a":{},"b":{ "c":[{"d":1}]}}'; }));
fine('a price', 'handshake a { method GET; answer 200 text/plain "$5 $a"; }');

# ---- where it may stand

fine('comments and quotes', <<"EOC");
    # handshake line;
    "handshake" slack;
    handshake # {
        'mine' # ; }
    { method GET; $answer }
    constant a "b \\"{;" ;  # handshake {
EOC

$t->write_file('conf/in1.conf', "handshake i1 { method GET; $answer }\n"
    . "handshake slack;\n");
$t->write_file('conf/in2.conf', "\n# handshake x;\nhandshake i2 { method GET;"
    . " $answer }");
$t->write_file('conf/in3.conf', 'include in2.conf;');

fine('included', "include in1.conf;\ninclude in3.conf;");
fine('included by a pattern', 'include in[12].conf;');
fine('a pattern of no file', "include none*.conf;\n"
    . "handshake a { method GET; $answer }");
wrong('no file', 'include none.conf;', 'none.conf" failed');
fine('far behind', ('#' . 'x' x 99 . "\n") x 50 . "handshake\n" . "\n" x 5000
    . "a\n{ method GET; $answer }\n" . "# y\n" x 2000 . 'handshake slack;');
fine('behind other blocks', "any { require data.a exists; }\n"
    . "handshake a { method GET; $answer }\nall { require data.b exists; }");
wrong('in a block of conditions', "any { require data.a exists;\n"
    . "handshake a { method GET; $answer } }  <<<",
    '"handshake" directive is not allowed here');

wrong('a variable', 'handshake ${x};', 'unknown handshake "${x}": write the '
    . 'name of a preset that has one, or "off"');

wrong('one of nobody, whose name is near that of a preset without any',
    'handshake lime;', 'unknown handshake "lime": write the name of a preset');
wrong('misspelt', 'handshake mailchip;', 'did you mean "mailchimp"? One of '
    . 'your own is a block, "handshake mailchip { ... }"');

# ---- names

wrong('no name', "handshake { method GET; $answer }",
    'invalid number of arguments in "handshake" directive: write "handshake '
    . 'NAME { ... }"');
wrong('two names', "handshake a b { method GET; $answer }",
    'invalid number of arguments in "handshake" directive: write "handshake '
    . 'NAME { ... }"');
wrong('a bad name', "handshake a.b/c { method GET; $answer }",
    'invalid handshake name "a.b/c"');
wrong('a preset', "handshake slack { method GET; $answer }",
    '"slack" is a preset: give the handshake another name, or write '
    . '"handshake slack;" if you want the preset\'s');
wrong('twice', "handshake a { method GET; $answer }\n"
    . "handshake a { method GET; $answer }  <<<",
    'duplicate handshake "a": give it another name');
wrong('named in a line', "handshake mine { method GET; $answer }\n"
    . 'handshake mine;  <<<',
    'handshake "mine" is a block and answered as it is: take it out of this '
    . 'line');

# ---- lines

sub line {
    my ($name, $line, $expected, %o) = @_;

    wrong($name, "handshake mine {\n$line  <<<\n"
        . ($line =~ /^method/ ? '' : "method GET;\n")
        . ($line =~ /^answer/ ? '' : "$answer\n") . '}',
        $o{bare} ? $expected : "handshake \"mine\": $expected");
}

line('an unknown word', 'metod GET;',
    'unknown directive "metod" in handshake: did you mean "method"?', bare => 1);
line('another unknown word', 'reply 200;',
    'unknown directive "reply" in handshake, which takes method, match, '
    . 'require, deny, signed, answer, header and include', bare => 1);
line('twice', "method GET;\nmethod POST;",
    '"method" directive is duplicate in handshake "mine"', bare => 1);
line('no method', 'method;', 'invalid number of arguments in "method" '
    . 'directive: write "method GET | HEAD | POST | OPTIONS ...;"', bare => 1);
line('PUT', 'method PUT;', 'unknown method "PUT": a challenge comes with GET, '
    . 'HEAD, POST or OPTIONS');
line('get', 'method get;', 'unknown method "get"');
line('braces', 'match "{query:a}" b;', 'write "{query:a}" without its braces');
line('no place', 'match hub.mode subscribe;', '"hub.mode" is no place where a '
    . 'challenge says something: write query:NAME, header:NAME, json:PATH, '
    . 'form:NAME or data:PATH');
line('the secret', 'require secret;', '"secret" is no place where');
line('the body', 'require body x;', '"body" is no place where');
line('a constant', 'require const:a;', '"const:a" is no place where');
line('no constant', 'require query:a const:none;', 'the answer depends on '
    . '"none", which the source does not say: add "constant none VALUE;"');
line('a range', 'require query:a hex:9-3;', 'invalid range "hex:9-3": write '
    . 'the least and the largest number of hex digits, as "hex:20-32"');
line('no range', 'require query:a hex:x;', 'invalid range "hex:x"');
line('a range beside words', 'require query:a b hex:1-2;',
    '"hex:1-2" stands alone: it is no word beside others');
line('200', 'deny 200;', 'invalid status "200" in "deny": it is the answer to '
    . 'a challenge that is not what "require" says, 4xx');
line('yes', 'signed yes;', 'invalid value "yes" in "signed"');

# ---- answers

line('404', 'answer 404;', 'invalid status "404" in "answer": a challenge that '
    . 'is met is answered 2xx, and one that is not as "deny" says');
line('a word', 'answer "{query:c}";', 'invalid status "{query:c}" in "answer"');
line('no type', 'answer 200 "{query:c}";', '"{query:c}" is a type without a '
    . 'body or a body without a type: write "answer STATUS [empty | TYPE '
    . 'BODY];", for example "answer 200 text/plain \'{query:challenge}\';"');
line('no content type', 'answer 200 text "{query:c}";',
    '"text" is no content type');
line('204 with a body', 'answer 204 text/plain x;',
    'an answer 204 has no body: write "answer 204;"');
line('markup', "answer 200 $_ \"{query:c}\";", '"{query:c}" is a stranger\'s '
    . 'word and might be markup in an answer of this type: write "text/plain" '
    . 'or "application/json"')
    for 'text/html', 'application/xml', 'image/svg+xml', '"text/html; x=/json"',
        'text/javascript', 'text/plainx';
line('no brace', 'answer 200 text/plain "{query:c";', '"}" is missing in '
    . '"{query:c"');
line('an unknown variable', 'answer 200 text/plain "{qery:c}";',
    'unknown variable "{qery:c}"');
line($_, "answer 200 text/plain \"{$_}\";", "\"{$_}\" cannot stand in the "
    . 'answer to a challenge: write {query:NAME}')
    for qw(secret body ts id jwt:sub item:a body_sha256);
line('the secret in a sum', 'answer 200 text/plain "{sha256-hex:query:a+secret}";',
    '"{query:a+secret}" cannot stand in the answer to a challenge');
line('a function', 'answer 200 text/plain "{md5-hex:query:a}";',
    'unknown function in "{md5-hex:query:a}": write {hmac:VAR}, which is '
    . '{hmac-sha256-hex:VAR}, or with sha1, sha384 or sha512, and base64 or '
    . 'base64url; without "hmac-" it is a digest without a key');
line('an encoding', 'answer 200 text/plain "{hmac-sha256-oct:query:a}";',
    'unknown function in');
line('no constant', 'answer 200 text/plain "{const:none}";', 'the answer '
    . 'depends on "none"');
line('of nginx', "answer 200 text/plain \"\$arg_c\";", '"$arg_c": nginx\'s own '
    . 'variables do not stand here, write {query:NAME} or {header:NAME}');
line('no JSON', 'answer 200 application/json "{query:a} {query:b}";',
    'the answer "{query:a} {query:b}" would be no JSON (');
line('JSON, unquoted', q(answer 200 application/json '{"a":x{query:a}}';),
    'the answer "{"a":x{query:a}}" would be no JSON (');

# ---- headers

line('a reserved header', "header $_ x;", "\"header $_\" is not to be set here")
    for qw(Content-Length transfer-encoding Connection Set-Cookie Date Server
           X-Accel-Redirect);
line('a type', 'header Content-Type text/plain;', '"header Content-Type" is '
    . 'not to be set here: the content type stands in "answer"');
line('no name', "header \"$_\" x;", "\"$_\" is no name of a header")
    for 'X A', 'X:', '';
line('a line end', "header X-A \"a\nb\";", 'the text of "header X-A" has a '
    . 'control character');

# ---- what is missing

sub lacks {
    my ($name, $lines, $expected, %o) = @_;

    wrong($name, ($o{with} // '') . "handshake mine { $lines }  <<<",
        "handshake \"mine\": $expected");
}

lacks('no method', $answer, 'it does not say with which method the challenge '
    . 'comes: add "method GET;"');
lacks('no answer', 'method GET;', 'it does not say what the answer is: add '
    . '"answer STATUS [empty | TYPE BODY];"');
lacks('nothing', '', 'it does not say with which method');
lacks('all events', 'method GET POST; answer 200;', 'events are sent with '
    . 'POST, too, and it would take all of them: add what only the challenge '
    . 'says, as "match json:type url_verification;"');
lacks('nobody looks', 'method GET; signed on; answer 200;', '"signed on" asks '
    . 'for a signature, and the source has "verify off": nobody would look at '
    . 'it', with => "verify off;\n");

# ---- nobody has his own event signed

my $signs = 'handshake mine { method GET; answer 200 text/plain '
    . '"{hmac:query:c}"; }';
my $hmac = "verify hmac-sha256;\nsigned \"{body}\";\nsignature header:X;\n";

fine('signs what is no event', $hmac . $signs);
fine('signs what was signed', "accept text/plain;\n$hmac"
    . 'handshake mine { method GET; signed on; answer 200 text/plain '
    . '"{hmac:query:c}"; }');
wrong('signs text', "accept text/plain;\n$hmac$signs  <<<",
    'event_source "shop" must accept JSON only, since anybody may have a word '
    . 'signed by the handshake of "mine": take "text/plain" out of "accept", '
    . 'or write "signed on;"');
wrong('signs binary CloudEvents',
    "accept application/json application/cloudevents+json;\n$hmac$signs  <<<",
    'event_source "shop" must accept JSON only, since anybody may have a word '
    . 'signed by the handshake of "mine": take "application/cloudevents+json" '
    . 'out of "accept"');
wrong('signs in a header', "accept text/plain;\n${hmac}handshake mine { method "
    . 'GET; answer 200; header X "{hmac-sha1-base64:query:c}"; }  <<<',
    'event_source "shop" must accept JSON only');
wrong('signs more', "verify hmac-sha256;\nsigned \"{body}.{ts}\";\n"
    . "timestamp header:T;\nsignature header:X;\n$signs  <<<",
    'anybody may have a word signed by the handshake of "mine", and of the '
    . 'events of event_source "shop" more or other is signed than the body');
wrong('signs tokens', "accept application/json;\nverify jwt-hs256;\n"
    . "$signs  <<<",
    'anybody may have a word signed by the handshake of "mine", and the events '
    . 'of event_source "shop" are verified by a JWT, which is such a word: '
    . 'write "signed on;"');
wrong('signs tokens of a preset', "accept application/json;\n"
    . "verify jwt-hs256;\nhandshake x;  <<<",
    'the events of event_source "shop" are verified by a JWT');
lacks('a public key', 'method GET; answer 200 text/plain "{hmac:query:c}";',
    'the answer is an HMAC, and the source has a public key: that is no secret',
    with => "verify ed25519;\nkey hex;\nsigned \"{body}\";\n"
        . "signature header:X;\nsecret file:public;\n");

part('bare_source');

lacks('no secret', 'method GET; answer 200 text/plain "{hmac:query:c}";',
    'the answer is an HMAC and the source has no secret: add "secret '
    . 'file:PATH;"', with => "verify off;\n");

$t->done;
