#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Genuine events with values that a rule cannot read: strings that are not
# UTF-8 or have half of a surrogate pair, a byte order mark, forms in another
# charset.  They are taken and delivered byte for byte; such a string is there
# and is a string, and meets no VALUE; names given twice have several values.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_hex);
use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $FORM = 'application/x-www-form-urlencoded';
my $BOM = "\xef\xbb\xbf";

# routes about data.t: what a string that cannot be read says to each of them

my @MET = ('exists', 'is string', 'is string number', '!= x', 'not prefix x',
    'not suffix t', 'not contains e', "not like '*'",
    "not like_ci '*'", 'not prefix_ci a', '!~ .', "!~* '^'", 'not has_all a',
    'not cidr 0.0.0.0/0', 'not > 0', 'not <= 0', 'not between 0 9',
    'not empty', 'not null', 'not is number', "not = 'a' 'b'");

my @UNMET = ('missing', 'null', 'empty', 'is number', 'is array object null',
    "= ''", "= a 'Ren\xc3\xa9' 'Ren\xc3\x83' 'Ren\xef\xbf\xbd'",
    "= 'cut \xef\xbf\xbd' 'cut ' cut 1 10.0.0.7", "like '*'", 'prefix a', 'prefix Ren', 'prefix_ci ren',
    'suffix cut', 'contains e', "contains ' '", "like 'Ren*'",
    "like_ci '*e*'", '~ .', "~* '^'", "~ '^[^a]*'", 'has_all a',
    'cidr 0.0.0.0/0 ::/0', '> 0', '< 1e99', 'between -1e9 1e9', 'not exists');

my %PATTERN = (
    exists => '{ "exists": true }',
    but => '{ "anything-but": [ "a" ] }',
    but_prefix => '{ "anything-but": { "prefix": "Ren" } }',
    but_like => '{ "anything-but": { "wildcard": "*" } }',
    exact => '"Ren", "a", "Ren\ufffd", "", "1", "10.0.0.7"',
    prefix => '{ "prefix": "" }, { "prefix": "R" }',
    prefix_ci => '{ "prefix": { "equals-ignore-case": "ren" } }',
    suffix => '{ "suffix": "" }, { "suffix": "cut" }',
    suffix_ci => '{ "suffix": { "equals-ignore-case": "cut" } }',
    like => '{ "wildcard": "*" }, { "wildcard": "R*" }',
    ci => '{ "equals-ignore-case": "ren" }',
    cidr => '{ "cidr": "10.0.0.0/8" }',
    number => '{ "numeric": [ ">", 0 ] }, 1');

my @strings = (

    # as JSON spells them, and what they are decoded to

    [ 'latin-1', "Ren\xe9", "Ren\xe9" ],
    [ 'latin-1 alone', "\xe9", "\xe9" ],
    [ 'cut', "a\xe2\x82", "a\xe2\x82" ],
    [ 'a continuation byte', "\x80a", "\x80a" ],
    [ 'overlong', "\xc0\x80", "\xc0\x80" ],
    [ 'overlong slash', "a\xe0\x80\xaf", "a\xe0\x80\xaf" ],
    [ 'a surrogate in UTF-8', "cut\xed\xa0\xbd", "cut\xed\xa0\xbd" ],
    [ 'beyond Unicode', "\xf4\x90\x80\x80", "\xf4\x90\x80\x80" ],
    [ 'six bytes', "\xfc\x83\xbf\xbf\xbf\xbf", "\xfc\x83\xbf\xbf\xbf\xbf" ],
    [ 'byte order of UTF-16', "\xff\xfe1", "\xff\xfe1" ],
    [ 'a high surrogate', 'cut \ud83d', "cut \xed\xa0\xbd" ],
    [ 'a high one before a letter', '\ud83dcut', "\xed\xa0\xbdcut" ],
    [ 'a low surrogate', '\uDE00', "\xed\xb8\x80" ],
    [ 'in the wrong order', 'x\ude00\ud83d', "x\xed\xb8\x80\xed\xa0\xbd" ],
    [ 'a high one before a pair', '\ud83d\ud83d\ude00',
      "\xed\xa0\xbd\xf0\x9f\x98\x80" ],
    [ 'an address and more', "10.0.0.7\xff", "10.0.0.7\xff" ],
    [ 'a number and more', "1\xff", "1\xff" ],
    [ 'a long one', 'Ren' . 'e' x 100 . "\xe9" . 'x' x 100,
      'Ren' . 'e' x 100 . "\xe9" . 'x' x 100 ],
    [ 'both kinds', "\\u00e9\xe9\\ud83d", "\xc3\xa9\xe9\xed\xa0\xbd" ]);

my $t = Test::EventRouter->new;
my $erp = $t->target(8081);
my $json = JSON::PP->new->utf8;
my $secret = $t->secret('a-secret-of-this-test');
my $serial = 0;

$t->write_file('conf/secret', $secret);
$t->write_file("conf/$_.json",
    qq({ "data": { "t": [ $PATTERN{$_} ] } })) for keys %PATTERN;

my $routes = '';

for my $i (0 .. $#MET) {
    $routes .= "event_route met-$i { from texts; when data.t $MET[$i];"
        . " to erp; }\n";
}

for my $i (0 .. $#UNMET) {
    $routes .= "event_route unmet-$i { from texts; when data.t $UNMET[$i];"
        . " to erp; }\n";
}

$routes .= "event_route p-$_ { from texts; pattern $_.json; to erp; }\n"
    for keys %PATTERN;

$t->write_file('conf/routes.conf', $routes);

$t->config(<<"EOC");

    upstream erp { server 127.0.0.1:%%PORT_8081%%; keepalive 8; }

    event_source texts { verify off; accept application/json $FORM;
                         dedup off; }
    event_source mixed { verify github; secret file:secret; dedup off;
                         accept application/json $FORM; }
    event_source ids   { verify off; accept application/json $FORM;
                         id "{json:id}" "{form:id}"; type "{json:type}";
                         subject "{json:shop}" "{form:shop}"; dedup 1h; }
    event_source by    { verify off; dedup 1h by=data.t
                         by=header.X-A; }
    event_source cloud { verify off; dedup 1h; accept application/json
                         application/cloudevents+json
                         application/cloudevents-batch+json; }

    event_set \$v     data.v;
    event_set \$v_uri data.v uri;

    include routes.conf;

    event_route every  { from texts mixed ids by cloud; to erp; }
    event_route ok     { from mixed; when data.ok = 1; to erp; }
    event_route tag    { from mixed; when data.tag = y; to erp; }
    event_route tags   { from mixed; when 'data."tags[]"' has_all a b;
                         to erp; }
    event_route untag  { from mixed; when data.tag != y;
                         when data.tag is string; to erp; }
    event_route list   { from mixed; each data.list { when . != x; }
                         to erp; }
    event_route header { from mixed; when header.X-Tag = y; to erp; }
    event_route both   { from mixed; when header.X-Tag has_all x y; to erp; }
    event_route unhead { from mixed; when header.X-Tag != y;
                         when header.X-Tag exists; to erp; }
    event_route arg    { from mixed; when arg.name = y; to erp; }
    event_route unarg  { from mixed; when arg.name exists;
                         when arg.name not like '*'; to erp; }
    event_route half   { from mixed; sample 100% by=data.tag; to erp; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /texts   { event_receive texts; }
        location = /mixed   { event_receive mixed; }
        location = /ids     { event_receive ids; }
        location = /by      { event_receive by; }
        location = /cloud   { event_receive cloud; }
        location = /explain { event_explain texts; }

        location = /erp {
            event_deliver erp;
            proxy_pass http://erp;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_set_header X-V [\$v];
            proxy_set_header X-Uri [\$v_uri];
            proxy_set_header X-Type [\$event_type];
            proxy_set_header X-Subject [\$event_subject];
        }
    }
EOC

$t->run;

# ---- strings

my $want = join ' ', sort 'every', (map { "met-$_" } 0 .. $#MET),
    map { "p-$_" } qw(exists but but_prefix but_like);

# "anything-but" holds for any value that is not what is named

my $beside = join ' ', sort 'p-but_like',
    split / /, routes(post('texts', '{"t":["x"]}'));

for my $case (@strings) {
    my ($name, $text, $bytes) = @$case;

    is(routes(post('texts', qq({"t":"$text","v":"$text","x":1}))), $want,
        "$name: routes");

    my ($got) = $erp->requests;

    is($got->{body}, qq({"t":"$text","v":"$text","x":1}),
        "$name: the same bytes");
    is($got->header('X-V'), '[' . encoded($bytes) . ']', "$name: a variable");
    is($got->header('X-Uri') =~ s/%(..)/chr hex $1/ger, "[$bytes]",
        "$name: for a URI");

    is(routes(post('texts', qq({"t":["x","$text"]}))), $beside,
        "$name: beside another one");
    is(routes(post('texts', qq({"t":"a","$text":{"t":1},"$text":2}))),
        routes(post('texts', '{"t":"a"}')), "$name: as a key, twice");
    is(routes(post('texts', qq({"x":{"$text":[1]},"t\\u0000":1,"t":"a"}))),
        routes(post('texts', '{"t":"a"}')), "$name: as a key, deeper");

    # the answer is JSON, whatever was sent

    my $r = post('explain', qq({"t":"$text"}));

    ok(eval { $json->decode($r->{body}) } && $r->{body} =~ /"unreadable":true/,
        "$name: explained in JSON");
}

# the same bytes in a form

for my $case (grep { $_->[1] eq $_->[2] } @strings) {
    my ($name, $bytes) = @$case;

    my $form = 't=' . ($bytes =~ s/([^A-Za-z0-9.])/sprintf '%%%02X', ord $1/ger);

    is(routes(post('texts', $form, 'Content-Type' => $FORM)), $want,
        "$name: in a form");
    is(($erp->requests)[0]->{body}, $form, "$name: the form as it was");
    is(routes(post('texts', "t=" . ($bytes =~ tr/ /+/r),
                   'Content-Type' => $FORM)), $want, "$name: raw");
}

is(routes(post('texts', 't=10%', 'Content-Type' => $FORM)), $want,
    'a broken escape');

# ---- marks, keys, numbers

for my $case ([ 'a byte order mark', qq($BOM {"ok":1}) ],
              [ 'before an array', qq($BOM\[{"ok":1}]) ],
              [ 'a NUL in a value', '{"ok":1,"x":"\u0000"}' ],
              [ 'a NUL in a key', '{"\u0000":1,"ok":1}' ],
              [ 'a large exponent', '{"x":1e999,"ok":1.0e0}' ],
              [ 'many digits', '{"x":' . '9' x 100 . ',"ok":1}' ],
              [ 'keys that no rule names', '{"x":1,"x":2,"ok":1}' ],
              [ 'PayPal', 'first_name=Ren%E9&charset=windows-1252&ok=1',
                $FORM ],
              [ 'a form with a mark', "${BOM}ok=1", $FORM ])
{
    my ($name, $text, $type) = @$case;

    is(routes(mixed($text, $type // 'application/json')), 'every ok', $name);
    is(($erp->requests)[0]->{body}, $text, "$name: the same bytes");
}

for my $case ([ 'a named key twice', '{"ok":1,"ok":1}' ],
              [ 'spelt in two ways', '{"ok":1,"\u006fk":1}' ],
              [ 'behind odd ones', qq({"\xff":"\xff","ok":1,"ok":2}) ],
              [ 'a NUL', "{\"ok\":1,\"x\":\"\0\"}" ],
              [ 'UTF-16 with its mark', "\xff\xfe{\0}\0" ],
              [ 'UTF-16, the other', "\xfe\xff\0{\0}" ],
              [ 'two marks', qq($BOM$BOM\{"ok":1}) ],
              [ 'a mark inside', qq({"ok":${BOM}1}) ],
              [ 'cut', qq({"ok":1,"x":"\xff) ],
              [ 'a control byte', qq({"x":"\xff\n"}) ],
              [ 'a bad escape', '{"x":"\ud83d\u12"}' ],
              [ 'bytes beside strings', "{\"x\":\xe9}" ])
{
    my ($name, $text) = @$case;

    is(mixed($text, 'application/json')->{status}, 400, "refused: $name");
    is($erp->count, 0, "refused: $name, nothing delivered");
}

# which key it is: the word of nginx.conf, not what the producer wrote

for my $case ([ 'a key', '{"ok":1,"ok":1}', 'ok', 8 ],
              [ 'spelt in another way', '{"a":"x","ok":1,"\u006fk":"x"}', 'ok',
                16 ],
              [ 'behind a mark', $BOM . '{"ok":1,"ok":1}', 'ok', 11 ],
              [ 'brackets', '{"tags[]":1,"tags[]":"hidden"}', 'tags[]', 12 ],
              [ 'in an array', '[{"ok":1},{"ok":[{}],"ok":2}]', 'ok', 21 ])
{
    my ($name, $text, $key, $byte) = @$case;

    is(mixed($text, 'application/json')->json->{detail},
        qq(duplicate key "$key"), "the name: $name");
    ok($t->wait_log(qr/"mixed" cannot be parsed: duplicate key "\Q$key\E" at byte $byte,/),
        "the name and the place in the log: $name");
}

unlike($t->read_file('logs/error.log'), qr/hidden/, 'and no value');

is_deeply(post('explain', '{"t":1,"t":2}')->json->{body},
    { error => 'duplicate key', offset => 7, key => 't' }, 'explained');
is(cloud('+json', '{"specversion":"1.0","id":"1","source":"/","type":"t",'
    . '"id":"2"}')->json->{detail}, 'duplicate key "id"', 'of a CloudEvent');

# ---- several values

is(routes(form('a=1&tag=x&tag=y')), 'every half tag', 'a form: any of them');
is(routes(form('tag=x&tag=z')), 'every half untag', 'a form: none of them');
is(routes(form('tag=x&tag=%ff')), 'every half untag', 'a form: an odd one');
is(routes(form('tags[]=b&tags%5B%5D=a')), 'every tags',
    'a form: all of them');
is(routes(form('tags[]=b&tags[]=%61%ff')), 'every',
    'a form: not all of them');

is(routes(mixed('{"list":["x","\ud800"]}', 'application/json')),
    'every list', 'each: an odd one is another one');
is(routes(mixed('{"tag":["\ud800","y"]}', 'application/json')),
    'every half tag', 'JSON: any of them');

is(routes(mixed('{}', 'application/json', 'X-Tag' => 'x', 'X-Tag' => 'y')),
    'both every header', 'headers: any of them');
is(routes(mixed('{}', 'application/json', 'X-Tag' => 'x', 'x-tag' => 'z')),
    'every unhead', 'headers: none of them');
is(routes(mixed('{}', 'application/json', 'X-Tag' => 'y')),
    'every header', 'headers: one');
is(routes(mixed('{}', 'application/json', 'X-Tag' => "y\xe9")),
    'every unhead', 'headers: bytes');

is(routes(query('name=x&name=y')), 'arg every', 'arguments: any');
is(routes(query('a=%ff&b=%&%ff=1&name=y')), 'arg every',
    'arguments: beside odd ones');
is(routes(query('name=%ff')), 'every unarg', 'arguments: an odd one');
is(routes(query('name=%zz&name=%e9')), 'every unarg',
    'arguments: two odd ones');
is(routes(query(join('&', map { "a$_=1" } 1 .. 400) . '&name=y')),
    'arg every', 'arguments: behind many');

# ---- attributes and keys are made of the bytes

my @ids = ("a\xff", "a\xfe", 'a\ud83d', 'a\ud83e', "a\xef\xbf\xbd", 'a?',
    'a\u0000', 'a%FF');

is(outcome(post('ids', qq({"id":"$_","type":"t\xe9","shop":"\\udc00"}))),
    'delivered', 'an id of its own') for @ids;
is(outcome(post('ids', qq({"id":"$_","type":"t\xe9","shop":"\\udc00"}))),
    'duplicate', 'and the same again') for @ids;

$erp->forget;

my $r = post('ids', qq({"id":"x\xff","type":"t\xe9","shop":"\\udc00\\u000a"}));

is($r->json->{id}, 'x%FF', 'id in the receipt');
is($r->json->{type}, 't%E9', 'type in the receipt');

my ($got) = $erp->requests;

is($got->header('Webhook-Id'), 'x%FF', 'id');
is($got->header('X-Type'), '[t%E9]', 'type');
is($got->header('X-Subject'), '[%ED%B0%80%0A]', 'subject');

is(outcome(post('ids', 'id=%ff', 'Content-Type' => $FORM)), 'delivered',
    'a form: an id of its own');
is(outcome(post('ids', 'id=%fe', 'Content-Type' => $FORM)), 'delivered',
    'a form: another one');
is(outcome(post('ids', 'id=%ff', 'Content-Type' => $FORM)), 'duplicate',
    'a form: the same again');
is(post('ids', 'id=1&id=2', 'Content-Type' => $FORM)->{status}, 400,
    'a form: which id?');
is(post('ids', 'id=3&shop=1&shop=1', 'Content-Type' => $FORM)->{status}, 400,
    'a form: which subject?');
is(post('ids', 'id=3&x=1&x=1', 'Content-Type' => $FORM)->{status}, 200,
    'a form: x is no attribute');

is(outcome(post('by', qq({"t":"$_"}))), 'delivered', 'by: a field of its own')
    for "\xff", "\xfe", '\ud83d', '\ud83e', 'x';
is(outcome(post('by', qq({"t":"$_"}))), 'duplicate', 'by: the same again')
    for "\xff", "\xfe", '\ud83d', '\ud83e', 'x';
is(outcome(post('by', '{}', 'X-A' => 1, 'X-A' => $_)), 'delivered',
    'by: all headers of that name') for 2, 3;

# ---- CloudEvents

my $event = qq({"specversion":"1.0","id":"c\xff","source":"s\\ud800",)
    . qq("type":"t\xe9","subject":"\xe9","data":{"t":"\xff"}});

is(outcome(cloud('+json', $event)), 'delivered', 'structured');

($got) = $erp->requests;
is($got->{body}, $event, 'structured: the same bytes');
is($got->header('Webhook-Id'), 'c%FF', 'structured: id');
is($got->header('X-Type'), '[t%E9]', 'structured: type');
is(outcome(cloud('+json', $event)), 'duplicate', 'structured: again');
is(outcome(cloud('+json', $event =~ s/c\xff/c\xfe/r)), 'delivered',
    'structured: another one');
is(outcome(cloud('+json', $BOM . $event =~ s/c\xff/bom/r)), 'delivered',
    'structured: with a mark');
is(cloud('+json', $event =~ s/1\.0/1.0\xff/r)->{status}, 400,
    'structured: a version that cannot be read');
is(cloud('+json', $event =~ s/"data"/"id":"2","data"/r)->{status}, 400,
    'structured: two ids');

$erp->forget;
$r = cloud('-batch+json', "$BOM [" . $event =~ s/c\xff/b1\xff/r . ','
    . $event =~ s/c\xff/b2/r . ']');

is($r->{status}, 200, 'batch');
is_deeply([ sort map { $_->header('Webhook-Id') } $erp->requests ],
    [ 'b1%FF', 'b2' ], 'batch: both');

$t->done;


# ---- helpers

sub post {
    my ($source, $text, @headers) = @_;

    $erp->forget;

    push @headers, 'Content-Type' => 'application/json'
        if !grep { $_ eq 'Content-Type' } @headers;

    return $t->post("/$source", $text, [ @headers ]);
}


sub cloud {
    my ($type, $text) = @_;

    return post('cloud', $text,
        'Content-Type' => "application/cloudevents$type");
}


sub mixed {
    my ($text, $type, @headers) = @_;

    return post('mixed', $text, 'Content-Type' => $type, @headers,
        signed($text));
}


sub form {
    return mixed($_[0], $FORM);
}


sub query {
    my ($query) = @_;

    $erp->forget;

    return $t->post("/mixed?$query", '{}', [ 'Content-Type' =>
                    'application/json', signed('{}') ]);
}


sub signed {
    return ('X-Hub-Signature-256' => 'sha256='
            . hmac_sha256_hex($_[0], $secret),
            'X-GitHub-Event' => 'push', 'X-GitHub-Delivery' => ++$serial);
}


sub routes {
    my ($r) = @_;

    return $r->{status} if $r->{status} != 200;
    return join ' ', sort @{ $r->json->{routes} };
}


sub outcome {
    my ($r) = @_;

    return $r->{status} == 200 ? $r->json->{outcome} : $r->{status};
}


# as $event_type shows it: UTF-8 stays, the other bytes do not

sub encoded {
    my ($bytes) = @_;

    my $good = qr/[\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|\xe0[\xa0-\xbf][\x80-\xbf]
        |(?:[\xe1-\xec\xee\xef][\x80-\xbf]|\xed[\x80-\x9f])[\x80-\xbf]
        |\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}
        |\xf4[\x80-\x8f][\x80-\xbf]{2}/x;

    return $bytes =~ s{\G(?:($good)|(.))}{ $1 // sprintf '%%%02X', ord $2 }gesr;
}
