#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "body template FILE" of event_target: the body that a target gets is made of
# the event by a template, at once and from a queue.  What templates can say in
# all is in t/unit/layout.c.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Mapped qw(mapped_config);

# t/template_redis.t runs this file, too

my $t = Test::EventRouter->new;
my $redis = $ENV{TEST_TEMPLATE_REDIS} && $t->redis(6379);
my $target = $t->target(8081);

my $store = $redis ? 'redis://127.0.0.1:%%PORT_6379%%'
                   : 'file:%%TESTDIR%%/store size=16m';
my $JSON = 'application/json';
my $CE = 'application/cloudevents+json';
my $FORM = 'application/x-www-form-urlencoded';


# ---- helpers

# targets by name, each the lines of its block

sub config {
    mapped_config($t, store => $store, targets => { @_ },
        accept => "$JSON $CE $FORM image/*");
}


# how many U+FFFD were sent for what is no UTF-8

sub replaced {
    return $t->get('/status')->json->{targets}{erp}{replaced_bytes} // 'none';
}


# the request that an event leads to, or none, and what its producer was told

sub sent {
    my ($source, $body, $type, %o) = @_;

    $target->forget;

    my $r = $t->post("/$source", $body,
        [ 'Content-Type' => $type // $JSON, @{ $o{headers} // [] } ]);

    wait_until(3, sub { $target->count >= 1 }) if !$o{none};

    return ($r, ($target->requests)[0]);
}


sub dead {
    my $r = $t->get('/admin/dead')->json;

    return @{ $r->{entries} // [] };
}


# what nginx -t says of a template

sub refused {
    my ($template, $says, $name) = @_;

    $t->write_file('conf/bad.json', $template);
    config(erp => 'body template bad.json;');

    my ($ok, $said) = $t->check_config;

    ok(!$ok, "$name: refused");
    like($said, $says, "$name: and why");
}


# ---- an order becomes a record

$t->write_file('conf/countries.map', "# the ERP's numbers\nNL 31\nDE 49\n");
$t->write_file('conf/record.json', <<'EOT');
{
    "OrderId": {data.id},
    "Number": "{data.name}",
    "Total": {data.total | number},
    "Note": {data.note?},
    "Country": {map countries.map data.country | number},
    "Event": "{type} {id}",
    "Shop": {header.X-Shop|"none"},
    "Lines": [
        {each data.lines}
        {if .gift not = true}
        { "Sku": {.sku | upper}, "Quantity": {.n} }
        {end}
        {end}
    ],
    "Skus": {data.lines.sku},
    "Paid": {if data.paid = true}"yes"{else}"no"{end}
}
EOT

config(erp => 'body template record.json;');
$t->run;

my $order = '{"id":12345678901234567890,"name":"#1\u00e9\"","total":"1.10",'
            . '"country":"NL","paid":true,"type":"t","lines":['
            . '{"sku":"a-1","n":1.0},{"sku":"g","n":1,"gift":true},'
            . '{"sku":"b","n":2}]}';

for my $source ('now', 'later') {
    my ($r, $got) = sent($source, $order, $JSON,
                         headers => [ 'X-Shop' => 'a "b"' ]);

    is($r->{status}, $source eq 'now' ? 200 : 202, "$source: taken");
    is($got->{body},
       '{"OrderId":12345678901234567890,"Number":"#1\u00e9\"","Total":1.10,'
       . '"Country":31,"Event":"t 12345678901234567890","Shop":"a \"b\"",'
       . '"Lines":[{"Sku":"A-1","Quantity":1.0},{"Sku":"B","Quantity":2}],'
       . '"Skus":["a-1","g","b"],"Paid":"yes"}', "$source: the record");
    is($got->header('Content-Type'), $JSON, "$source: its type");
    is($got->header('Content-Length'), length $got->{body},
       "$source: its length");
    is($got->header('ce-type'), 't', "$source: attributes beside it");

    # of an envelope the data

    ($r, $got) = sent($source,
        '{"specversion":"1.0","id":"c1","source":"/s","type":"ct","data" : '
        . $order . '}', $CE);

    like($got->{body}, qr/^\{"OrderId":12345678901234567890,.*"Event":"ct c1"/,
         "$source: a CloudEvent");

    # nothing that stays invalid JSON

    my $before = replaced();

    (my $torn = $order) =~ s/#1/#\xff\xfe/;
    ($r, $got) = sent($source, $torn);

    like($got->{body}, qr/"Number":"#(?:\xef\xbf\xbd){2}\xc3\xa9\\""/,
         "$source: U+FFFD for what is no UTF-8");
    ok(eval { JSON::PP->new->utf8->decode($got->{body}) }, "$source: JSON");
    ok(wait_until(3, sub { replaced() eq $before + 2 }),
        "$source: both bytes are counted") or diag($before, ' ', replaced());
    is($before, $source eq 'now' ? 0 : 2, "$source: and no others");
}


# ---- what a template names is stored with the event

$target->answer('/erp', [ { status => 503 }, { status => 200 } ]);
$target->forget;
$t->post('/later', $order, [ 'Content-Type' => $JSON, 'X-Shop' => 'b' ]);
ok(wait_until(5, sub { $target->count == 2 }), 'an event is tried again');
is(join(' ', map { $_->json->{Shop} } $target->requests), 'b b',
    'each time with the header');


# ---- what cannot be made

$t->expect_log(qr/there is no body for it|is a dead letter now/,
               'events of which no body can be made');

(my $lacks = $order) =~ s/"name":"[^,]*,//;

my ($r) = sent('now', $lacks, $JSON, none => 1);

is($r->{status}, 502, 'now: a missing place');
like($r->{body}, qr/\{data\.name\} in record\.json:3 is not in the event/,
     'now: the receipt says which');

sent('later', $lacks, $JSON, none => 1);
wait_until(5, sub { dead() == 1 });

my ($d) = dead();

is($d->{reason}, 'final', 'later: a dead letter');
like($d->{answer}, qr/\{data\.name\} in record\.json:3 is not in the event/,
     'later: which says why');
is($target->count, 0, 'later: nothing was sent');

for my $case (
    [ 'in no table', 's/NL/XX/', qr/\{data\.country\} in record\.json:6 is/ ],
    [ 'a key twice', 's/"paid"/"name":1,"paid"/', qr/the key \\"name\\" twice/ ],
    [ 'no number', 's/1\.10/1,10/', qr/\{data\.total\} .* not wholly a num/ ],
) {
    my ($name, $change, $says) = @$case;

    local $_ = $order;
    eval $change;

    my ($r) = sent('now', $_, $JSON, none => 1);

    is($r->{status}, 502, "$name: not delivered");
    like($r->{body}, $says, "$name: and why");
    unlike($r->{body}, qr/XX|1,10/, "$name: without the value");
}


# ---- forms, and bodies without fields

$t->write_file('conf/form.json', '{"from":{data.From},"text":"{data.Body|"-"}"}');
config(erp => 'body template form.json;');
$t->reload;

for my $source ('now', 'later') {
    my ($r, $got) = sent($source, 'From=%2B49&Body=a+%22b%22', $FORM);

    is($got->{body}, '{"from":"+49","text":"a \"b\""}', "$source: a form");
    is($got->header('Content-Type'), $JSON, "$source: is JSON now");
}

($r) = sent('now', "\xff\xd8\xff", 'image/jpeg', none => 1);
is($r->{status}, 502, 'a picture has no fields');


# ---- each element of a split is a call

$t->write_file('conf/line.json',
    '{"order":{data.id},"sku":{.sku},"tags":[{each .tags}{.}{end}],'
    . '"gift":{if .gift = true}1{end}}');
config(erp => 'body template line.json; split data.lines;');
$t->write_file('conf/nginx.conf',
    $t->read_file('conf/nginx.conf') =~ s/from now later/from later/r);
$t->reload;

my $lines = join ',', map { qq({"sku":"s$_","tags":["a",$_]}) } 1 .. 3;

$target->forget;
is($t->post('/later', qq({"id":7,"type":"t","lines":[$lines,)
                      . '{"sku":"g","gift":true,"tags":[]}]}',
            [ 'Content-Type' => $JSON ])->{status}, 202, 'split: taken');
wait_until(5, sub { $target->count >= 4 });

is(join("\n", sort map { $_->{body} } $target->requests), join("\n",
    '{"order":7,"sku":"g","tags":[],"gift":1}',
    map { qq({"order":7,"sku":"s$_","tags":["a",$_]}) } 1 .. 3),
    'split: four calls');


# ---- what is wrong is told with its place

$t->expect_log(qr/\[emerg\]/, 'templates that are wrong');

refused("{\n  \"a\": {data.x | uper}\n}",
        qr/bad\.json:2:18: unknown filter "uper": did you mean "upper"\? in /,
        'a filter');
refused("{\n  \"a\": 1,\n}", qr/bad\.json:3:1: a comma stands/, 'a comma');
refused('{"a": {map nix.map data.x}}',
        qr/bad\.json:1:12: the code table "nix\.map": it cannot be opened/,
        'a code table');
refused('{"a": {$host}}', qr/bad\.json:1:8: "\$host" is a variable/,
        'a variable');
refused('{"a": {.sku}}', 
        qr/the field "\.sku" begins with "\.", so it is of an element of "split"/,
        'no split');

# what is read otherwise than it was meant

$t->write_file('conf/bad.json', "[\n{if data.x = 1 and data.y = 2}1{end}]");
config(erp => 'body template bad.json;');
like(($t->check_config)[1], qr/\[warn\] bad\.json:2:1: "and" is a VALUE here/,
    'an {if} with "and"');
like(($t->check_config)[1], qr/that must hold put an \{if\} into the \{if\}/,
    'and what to write');

config(erp => 'body template nix.json;');
like(($t->check_config)[1],
     qr{"nix\.json": it cannot be opened \(No[^)]*\): the file is "/\S+/nix\.},
     'a file that is not there');

config(erp => 'body template;');
like(($t->check_config)[1], qr/write "body template FILE;"/, 'no file');

$t->done;
