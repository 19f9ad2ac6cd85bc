#!/usr/bin/perl

# Copyright (C) Event Router contributors

# "pattern", "filter" and "sample" through a running nginx: event patterns
# about the CloudEvent and about the body, CloudEvents filters, shares by id;
# in blocks and beside "when"; and what "nginx -t" says of bad files.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $sink = $t->target(8081);

$t->write_file('conf/rules/large.json', <<'EOJ');
{
    "type": [ "orders/paid" ],
    "source": [ { "prefix": "sh" } ],
    "specversion": [ "1.0" ],
    "datacontenttype": [ { "wildcard": "*/json*" } ],
    "data": {
        "total": [ { "numeric": [ ">=", 1000 ] } ],
        "line_items": {
            "sku": [ { "prefix": { "equals-ignore-case": "vip-" } } ],
            "quantity": [ { "numeric": [ ">", 1 ] } ]
        },
        "test": [ { "exists": false } ]
    }
}
EOJ

$t->write_file('conf/rules/body.json', <<'EOJ');
{
    "detail": { "state": [ "running", "stopped" ] },
    "$or": [
        { "ip": [ { "cidr": "10.0.0.0/24" } ] },
        { "detail.code": [ { "anything-but": [ 0, 1 ] } ] }
    ]
}
EOJ

$t->write_file('conf/rules/filter.json', <<'EOJ');
[
    { "prefix": { "type": "orders/" } },
    { "not": { "exact": { "subject": "closed-shop" } } },
    { "any": [ { "suffix": { "id": "7" } }, { "exact": { "tier": "gold" } } ] }
]
EOJ

$t->config(configuration(<<'EOC'));
    event_route large   { from shop; pattern rules/large.json; to sink; }
    event_route body    { from shop; pattern rules/body.json root=data;
                          to sink; }
    event_route neither { from shop; when data.asked = 1; to sink;
                          none { pattern rules/body.json root=data;
                                 filter rules/filter.json; } }
    event_route filter  { from shop; filter rules/filter.json; to sink; }
    event_route tenth   { from shop; when data.many = 1; sample 10%; to sink; }
    event_route fifth   { from shop; when data.many = 1; sample 20%; to sink; }
    event_route shops   { from shop; when data.many = 1; to sink;
                          sample 50% by=subject; }
EOC

$t->run;

my $large = '{"total":1000.0,"line_items":[{"sku":"a","quantity":9},'
          . '{"sku":"Vip-1","quantity":2}]}';

is(routes($large, type => 'orders/paid'), 'large', 'a pattern about the event');
is(routes($large, type => 'orders/new'), '', 'another type');
is(routes($large =~ s/"Vip-1","quantity":\K2/1/r, type => 'orders/paid'), '',
    'both, but in two items');
is(routes($large =~ s/\}$/,"test":1}/r, type => 'orders/paid'), '',
    'what must not exist');
is(routes($large =~ s/1000.0/"1000.0"/r, type => 'orders/paid'), '',
    'a string is no number');

is(routes('{"detail":{"state":"running"},"ip":"10.0.0.77"}'), 'body',
    'a pattern about the body');
is(routes('{"detail":{"state":"stopped","code":2}}'), 'body', 'the other of $or');
is(routes('{"detail":{"state":"stopped","code":1.0}}'), '', 'none of $or');
is(routes('{"detail.state":"running","ip":"10.0.0.77"}'), 'body',
    'a dot in a key');

is(routes('{}', type => 'orders/x', id => 'n7'), 'filter', 'a filter');
is(routes('{}', type => 'orders/x', id => 'n8', 'ce-tier' => 'gold'), 'filter',
    'an extension attribute');
is(routes('{}', type => 'orders/x', id => 'n8'), '', 'none of any');
is(routes('{}', type => 'orders/x', id => 'n7', subject => 'closed-shop'), '',
    'what is not');

is(routes('{"asked":1}'), 'neither', 'in a block');
is(routes('{"asked":1}', type => 'orders/x', id => 'n7'), 'filter',
    'one of the block');


# ---- samples

my (%count, %again);

for my $i (1 .. 400) {
    my $said = routes('{"many":1}', id => "evt-$i",
                      subject => 'shop-' . $i % 8);

    $count{$_}++ for split ' ', $said;
    $again{$i} = $said;
}

cmp_ok(abs($count{tenth} - 40), '<', 25, 'about a tenth');
cmp_ok(abs($count{fifth} - 80), '<', 35, 'about a fifth');
is(scalar(grep { /tenth/ && !/fifth/ } values %again), 0,
    'a tenth is within a fifth');
is($count{shops} % 50, 0, 'whole shops');
is(scalar(grep { routes('{"many":1}', id => "evt-$_",
                        subject => 'shop-' . $_ % 8) ne $again{$_} } 1 .. 40),
    0, 'the same again');


# ---- what is wrong

my %bad = (
    bad    => qq({\n "a": [\n {"prefi": "x"}]\n}),
    broken => '{"a": [1,}',
    detail => '{"detail": {"a": [1]}}',
    sql    => qq({"sql": "type = 'a'"}),
);

refused('pattern rules/bad.json root=data;',
    qr/pattern ".*bad\.json", line 3, a\[0\]\.prefi: this is not an operator: did you mean "prefix"\? in \S+nginx\.conf:\d+/);
refused('pattern rules/broken.json;', qr/broken\.json", line 1, column 10: /);
refused('pattern rules/detail.json;', qr/the event has no "detail\.a".*root=data/);
refused('pattern rules/none.json;', qr/it cannot be opened \(No such file/);
refused('pattern rules;', qr/must be a regular file/);
refused('pattern;', qr/write "pattern FILE;"/);
refused('pattern rules/bad.json root=body;', qr/write "pattern FILE;"/);
refused('filter rules/sql.json;', qr/SQL expressions are not supported: write "when" lines/);
refused('filter rules/bad.json;', qr/line 2, a: unknown filter/);
refused('sample 10;', qr/bad share "10"/);
refused('sample;', qr/write "sample 10%;"/);
refused('sample 10% by=data.;', qr/ends with a "\."/);
refused('sampel 10%;', qr/did you mean "sample"/);

$t->done;


sub configuration {
    my ($routes) = @_;

    return <<"EOC";

    event_source shop {
        verify   off;
        dedup    off;
        id       "{header:x-id}";
        type     "{header:x-type}";
        subject  "{header:x-subject}";
    }

$routes

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /shop { event_receive shop; }
        location = /sink { event_deliver sink;
                           proxy_pass http://127.0.0.1:%%PORT_8081%%; }
    }
EOC
}


sub routes {
    my ($body, %o) = @_;

    my @headers = map { (/^ce-/ ? $_ : "X-$_", $o{$_}) } sort keys %o;
    my $r = $t->post('/shop', $body,
                     [ 'Content-Type' => 'application/json', @headers ]);

    return "status $r->{status}" if $r->{status} !~ /^2/;

    return join ' ', @{ $r->json->{routes} // [] };
}


sub refused {
    my ($line, $re) = @_;

    my $c = Test::EventRouter->new;

    $c->write_file("conf/rules/$_.json", $bad{$_}) for keys %bad;
    $c->config(configuration("event_route bad { from shop; to sink; $line }"));

    my ($ok, $said) = $c->check_config;

    ok(!$ok && $said =~ $re, "refused: $line") or diag($said);
}
