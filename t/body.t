#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "body" of event_target: what a target gets of an event, from a source that
# delivers at once and from one that queues.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Mapped qw(mapped_config);

# t/body_redis.t runs this file, too

my $t = Test::EventRouter->new;
my $redis = $ENV{TEST_BODY_REDIS} && $t->redis(6379);
my $target = $t->target(8081);

my $store = $redis ? 'redis://127.0.0.1:%%PORT_6379%%'
                   : 'file:%%TESTDIR%%/store size=16m';
my $JSON = 'application/json';
my $CE = 'application/cloudevents+json';


# ---- helpers

sub config {
    mapped_config($t, store => $store, http => 'event_history 1d;',
        accept => "$JSON $CE application/x-www-form-urlencoded image/*", @_);
}


sub envelope {
    my ($more) = @_;

    return '{"specversion":"1.0","id":"c1","source":"/s","type":"t",'
           . "$more}";
}


# the requests that an event leads to, by target

sub sent {
    my ($source, $body, $type, @headers) = @_;

    $target->forget;

    my $r = $t->post("/$source", $body,
        [ ($type ? ('Content-Type' => $type) : ()), @headers ]);
    my $n = $target->{expected} // 1;

    wait_until(3, sub { $target->count >= $n });

    return ($r, { map { (split m{/}, $_->{uri})[-1] => $_ }
                  $target->requests });
}


# ---- data

config(targets => { whole => '', same => 'body original;',
                    data => 'body data;' });
$target->{expected} = 3;
$t->run;

my $text = '{"id":"e1","type":"t","n":12345678901234567890,"d":1.10}';

for my $source ('now', 'later') {
    my ($r, $got) = sent($source, $text, $JSON);

    is($r->{status}, $source eq 'now' ? 200 : 202, "$source: taken");
    is($got->{$_}{body}, $text, "$source: $_, the bytes that came")
        for qw(whole same data);
    is($got->{data}->header('Content-Type'), $JSON, "$source: its type");
    is($got->{data}->header('ce-type'), 't', "$source: attributes beside it");

    # out of an envelope

    my $ce = '{"specversion":"1.0","id":"c1","source":"/s","type":"t",'
             . '"subject":"a b","data" : {"a":[1, 2.50]} ,"ext":"x"}';

    ($r, $got) = sent($source, $ce, $CE);

    is($got->{whole}{body}, $ce, "$source: a CloudEvent as it came");
    is($got->{whole}->header('ce-id'), undef, "$source: it has all inside");
    is($got->{data}{body}, '{"a":[1, 2.50]}', "$source: its data");
    is($got->{data}->header('Content-Type'), $JSON, "$source: of this type");
    is($got->{data}->header('Content-Length'), 15, "$source: of this length");
    is($got->{data}->header('ce-id'), 'c1', "$source: attributes beside it");
    is($got->{data}->header('ce-subject'), 'a%20b', "$source: as headers");
}

# bytes that are no JSON; "data_base64"

for my $source ('now', 'later') {
    my ($r, $got) = sent($source, "\x89PNG\0\xff", 'image/png');

    is($got->{data}{body}, "\x89PNG\0\xff", "$source: bytes");
    is($got->{data}->header('Content-Type'), 'image/png', "$source: of a type");

    ($r, $got) = sent($source, envelope('"datacontenttype":"image/png",'
        . '"data_base64":"iVBORwD\\/"'), $CE);
    is($got->{data}{body}, "\x89PNG\0\xff", "$source: data_base64");
    is($got->{data}->header('Content-Type'), 'image/png', "$source: its type");

    ($r, $got) = sent($source, envelope('"a\\\\\\"data\\\\\":":"}",'
        . '"a\\":0,xdata":1,"d\\u0061ta":{"x":"long \\\\"}'), $CE);
    is($got->{data}{body}, '{"x":"long \\\\"}', "$source: behind odd names");

    ($r, $got) = sent($source, envelope('"subject":"none"'), $CE);
    is($got->{data}{body}, '', "$source: no data");
    is($got->{data}->header('Content-Length'), 0, "$source: of no length");
    is($got->{data}->header('Content-Type'), undef, "$source: of no type");
}


# ---- CloudEvents

config(targets => { whole => '', ce => 'body cloudevents;' });
ok($t->reload && $t->wait_old_workers, 'cloudevents');
$target->{expected} = 2;

for my $source ('now', 'later') {
    my ($r, $got) = sent($source, " $text\n", $JSON);

    is($got->{ce}{body}, '{"specversion":"1.0","id":"e1","source":"' . $source
        . qq(","type":"t","datacontenttype":"$JSON","data":$text}),
        "$source: a CloudEvent, to the digit");
    is($got->{ce}->header('Content-Type'), $CE, "$source: of its type");
    is(join(' ', grep { /^ce-/i } map { $_->[0] } @{ $got->{ce}{headers} }), '',
        "$source: no attributes beside it");
    is($got->{ce}->header('Webhook-Id'), 'e1', "$source: its id");

    my $ce = envelope('"ext":"x","data":{"a":1.0}');

    ($r, $got) = sent($source, $ce, $CE);
    is($got->{ce}{body}, $ce, "$source: one that is one stays as it is");

    # the binary mode: attributes and extensions are headers

    ($r, $got) = sent($source, '[1]', $JSON, 'ce-specversion' => '1.0',
        'ce-id' => 'b%201', 'ce-source' => '/b', 'ce-type' => 't',
        'CE-Tenant' => 'M%C3%BCnch%65n%22%0d%0aX: 1', 'ce-tenant' => 'other',
        'ce-time' => '2026-01-01T00:00:00Z', 'ce-a_b' => 'no name');
    is($got->{ce}{body}, '{"specversion":"1.0","id":"b 1","source":"/b",'
        . '"type":"t","time":"2026-01-01T00:00:00Z",'
        . qq("datacontenttype":"$JSON",)
        . qq("tenant":"M\xc3\xbcnchen\\"\\r\\nX: 1","data":[1]}),
        "$source: of the binary mode");

    # other bytes

    ($r, $got) = sent($source, "\x89PNG\0\xff", 'image/png',
        'ce-specversion' => '1.0', 'ce-id' => 'b1', 'ce-source' => '/b',
        'ce-type' => 't');
    like($got->{ce}{body}, qr/"data_base64":"iVBORwD\/"\}$/,
        "$source: bytes as base64");
}

# a retry makes it of what is stored

$target->answer('/ce', [ { status => 503 }, { status => 200 } ]);
$target->{expected} = 3;
{
    my ($r, $got) = sent('later', '[1]', $JSON, 'ce-specversion' => '1.0',
        'ce-id' => 'b2', 'ce-source' => '/b', 'ce-type' => 't',
        'ce-tenant' => 'kept');

    is($target->count, 3, 'one target has it twice');
    like($got->{ce}{body}, qr/"tenant":"kept","data":\[1\]\}$/,
        'a retry: with all attributes');
}

$target->{expected} = 2;


# ---- forms

config(targets => { whole => '', form => 'body form id=id type=type '
    . 'subject=subject "a b&=data.t" n=data.n d=data.d sku=data.items.sku '
    . 'o=data.o list=data.list null=data.null no=data.missing '
    . 'x=header.X-Shop q=arg.q again=data.n;' });
ok($t->reload && $t->wait_old_workers, 'forms');

for my $source ('now', 'later') {
    my ($r, $got) = sent("$source?q=1%262", '{"id":"f1","type":"t",'
        . '"t":"\u00fc=&+\r\n\ud800 \u20ac","n":12345678901234567890,'
        . '"d":1.10,"o":{"a": "b"},"list":[1,2],"null":null,"items":'
        . '[{"sku":"A"},{},{"sku":7}]}', $JSON, 'X-Shop' => 'a b');

    is($got->{form}{body}, 'id=f1&type=t&a+b%26=%C3%BC%3D%26%2B%0D%0A%EF%BF%BD'
        . '+%E2%82%AC&n=12345678901234567890&d=1.10&sku=A&sku=7'
        . '&o=%7B%22a%22%3A+%22b%22%7D&list=%5B1%2C2%5D&null=&x=a+b'
        . '&q=1%262&again=12345678901234567890', "$source: a form");
    is($got->{form}->header('Content-Type'),
        'application/x-www-form-urlencoded', "$source: of its type");
    is($got->{form}->header('ce-id'), 'f1', "$source: attributes beside it");

    # of a form, and of the data of a CloudEvent

    ($r, $got) = sent($source, 'n=1&n=2&t=%C3%BC&d=', 'application/'
        . 'x-www-form-urlencoded');
    like($got->{form}{body}, qr/&a\+b%26=%C3%BC&n=1&n=2&d=&again=1&again=2$/,
        "$source: of a form");

    ($r, $got) = sent($source, envelope('"data":{"n":1e400}'), $CE);
    is($got->{form}{body}, 'id=c1&type=t&n=1e400&again=1e400',
        "$source: of a CloudEvent");
}

# ---- an element of "split"

config(from => 'later', targets => {
    ce => 'split data.items; body cloudevents;',
    form => 'split data.items; body form n=.sku of=data.of;',
    data => 'split data.items; body data;' });
ok($t->reload && $t->wait_old_workers, 'split');
$target->{expected} = 6;

my $items = '"items":[{"sku":"A"}, {"sku":1.0}],"of":7';

for my $case ([ qq({"id":"p1","type":"t",$items}), $JSON, 'p1',
                qq("source":"later","type":"t","datacontenttype":"$JSON") ],
              [ envelope(qq("ext":"x","data":{$items})), $CE, 'c1',
                '"source":"/s","type":"t","ext":"x"' ]) {
    my ($body, $type, $id, $more) = @$case;

    sent('later', $body, $type);

    my @elements = ('{"sku":"A"}', '{"sku":1.0}');
    my %sent;

    push @{ $sent{(split m{/}, $_->{uri})[-1]} }, $_ for $target->requests;

    is(join(' ', map { $_->{body} } @{ $sent{data} }), "@elements",
        "$id: the elements");
    is(join(' ', map { $_->{body} } @{ $sent{form} }), 'n=A&of=7 n=1.0&of=7',
        "$id: fields of the element, and of the whole");

    for my $n (1, 2) {
        my $first = $id eq 'p1' ? qq("specversion":"1.0","id":"$id.$n")
                                : qq("id":"$id.$n","specversion":"1.0");

        is($sent{ce}[$n - 1]{body},
            qq({$first,$more,"data":$elements[$n - 1]}),
            "$id: a CloudEvent of an element");
        is($sent{ce}[$n - 1]->header('Webhook-Id'), "$id.$n", "$id: its id");
    }
}


# ---- what cannot be made

config(targets => { data => 'body data;', ce => 'body cloudevents;',
    form => 'body form a=data.a s=subject;' });
ok($t->reload && $t->wait_old_workers, 'what cannot be made');
$t->expect_log(qr/there is no body for it/, 'bodies that cannot be made');

my %none = (
    'no type' => [ '{"id":"x"}', $JSON, 'data form',
        ce => qr/^a CloudEvent has a type, and this event has none/ ],
    'bytes' => [ 'x', 'image/png', 'data', ce => qr/^a CloudEvent has a type/,
        form => qr/neither JSON nor a form$/ ],
    'data twice' => [ envelope('"data_base64":"eA==","data_base64":"eQ=="'),
        $CE, '', data => qr/^"data_base64" is given twice in the CloudEvent$/,
        ce => qr/"data_base64" is given/, form => qr/"data_base64" is given/ ],
    'no base64' => [ envelope('"data_base64":"*"'), $CE, '',
        data => qr/^"data_base64" of the CloudEvent is no base64$/,
        ce => qr/no base64/, form => qr/no base64/ ],
);

for my $name (sort keys %none) {
    my ($body, $type, $sent, %why) = @{ $none{$name} };

    $target->{expected} = () = split ' ', $sent;

    my ($r, $got) = sent('now', $body, $type);
    my %state = map { $_->{name} => $_ } @{ $r->json->{targets} };

    is($r->{status}, 502, "$name: the producer is told");
    is(join(' ', sort keys %$got), $sent, "$name: others have it");
    like($state{$_}{error}, $why{$_}, "$name: why not $_")
        for sort keys %why;
}

$target->{expected} = 1;

my (undef, $got) = sent('now', '{"id":"x"}', $JSON);

is($got->{form}{body}, '', 'a form of nothing is empty');

$t->done;
