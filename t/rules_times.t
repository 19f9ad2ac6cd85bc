#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Rules about the time that it is, about two fields and about paths with an
# index from the end or any key, wherever conditions stand: routes, "require",
# bodies of targets, answers, split bodies, forms, explanations; and what
# "nginx -t" says of lines that mean something else.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use POSIX ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $target = $t->target(8081);
my @json = ('Content-Type' => 'application/json');
my @form = ('Content-Type' => 'application/x-www-form-urlencoded');

$t->write_file('conf/body.json', <<'EOJ');
{
    "state": {if data.due > $field:data.paid}"open"{else}"paid"{end},
    "fresh": {if data.at within 1h}true{else}false{end},
    "last": {data.lines[-1].sku | "none"},
    "lines": [ {each data.lines}
        { "sku": {.sku},
          "short": {if .wanted > $field:.sent}true{else}false{end},
          "foreign": {if .currency != $field:data.currency}true{else}false{end} }
    {end} ]
}
EOJ

$t->config(<<'EOC');

    event_source plain { verify off; dedup off; accept application/json
                         application/x-www-form-urlencoded; }
    event_source strict { verify off; dedup off;
                          require data.at within 5m;
                          require data.a = $field:data.b; }
    event_source split { verify off; dedup off; split data;
                         require .a != $field:.b; }
    event_source hidden { verify off; dedup off; redact data.card.number; }
    event_source body { verify off; dedup off; }

    event_target mapped { body template body.json; }
    event_target judged {
        breaker  off;
        success  when response.body.sum = $field:response.body.of;
    }

    event_route recent   { from plain; when data.at within 1h; to sink; }
    event_route stale    { from plain; when data.at before now-1h; to sink; }
    event_route ahead    { from plain; when data.at after now+1h; to sink; }
    event_route past     { from plain; when data.at not after now; to sink;
                           when data.at exists; }
    event_route due      { from plain; when data.due > $field:data.paid;
                           to sink; }
    event_route header   { from plain; when header.X-Shop = $field:data.shop;
                           to sink; }
    event_route argument { from plain; when data.n < $field:arg.n; to sink; }
    event_route variable { from plain; to sink;
                           when data.m = $field:$request_method; }
    event_route last     { from plain; when data.commits[-1].id = z; to sink; }
    event_route any-key  { from plain; when data.*.status = failed; to sink; }
    event_route values   { from plain; when data.* = needle; to sink; }
    event_route short    { from plain; to sink;
                           each data.lines { when .wanted > $field:.sent; } }
    event_route text     { from plain; when data.plan >= gold; to sink;
                           when data.plan < gole; }
    event_route letters  { from plain; to sink;
                           when data.name utf8 ~* '^m.ller$'; }
    event_route bytes    { from plain; when data.name ~* '^m.ller$'; to sink; }
    event_route all      { from strict split hidden; to sink; }
    event_route one      { from split; when .a > $field:.b; to sink; }
    event_route secret   { from hidden; when data.*.number = 1; to sink; }
    event_route secrets  { from hidden; to sink;
                           when data.other = $field:data.card.number; }
    event_route deeper   { from hidden; when data.*.* = 1; to sink; }
    event_route mapped   { from body; to mapped judged; }

    proxy_read_timeout 5s;

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /plain   { event_receive plain; }
        location = /strict  { event_receive strict; }
        location = /split   { event_receive split; }
        location = /hidden  { event_receive hidden; }
        location = /body    { event_receive body; }
        location = /explain { event_explain plain; }
        location = /explain/hidden { event_explain hidden; }

        location = /deliver/sink { event_deliver sink; return 200; }
        location = /deliver/mapped {
            event_deliver mapped;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/mapped;
        }
        location = /deliver/judged {
            event_deliver judged;
            proxy_pass http://127.0.0.1:%%PORT_8082%%;
        }
    }

    server {
        listen 127.0.0.1:%%PORT_8082%%;
        location / { return 200 '{"sum": "10", "of": 10.0}'; }
    }
EOC

$t->run;

my $now = int(time());


# ---- the time that it is

for my $way ([ 'seconds', sub { $_[0] } ],
             [ 'seconds as a string', sub { qq("$_[0]") } ],
             [ 'with a fraction', sub { "$_[0].25" } ],
             [ 'milliseconds', sub { $_[0] . '000' } ],
             [ 'RFC 3339', sub { rfc3339($_[0], 0) } ],
             [ 'with an offset', sub { rfc3339($_[0], 330) } ],
             [ 'behind Greenwich', sub { rfc3339($_[0], -480) } ])
{
    my ($name, $write) = @$way;
    my $routes = sub { routes(sprintf '{"at":%s}', $write->($now + $_[0])) };

    is($routes->(-60), 'past recent', "$name: a minute ago");
    is($routes->(60), 'recent', "$name: in a minute");
    is($routes->(-7200), 'past stale', "$name: two hours ago");
    is($routes->(7200), 'ahead', "$name: in two hours");
}

is(routes('{"at":"' . substr(rfc3339($now, 0), 1, 19) . '"}'), 'past',
    'a time without an offset is none, and every negation holds');
is(routes('{"at":["x",' . ($now - 60) . ']}'), 'past recent',
    'one of several values');
is(routes('{"at":[' . ($now - 7200) . ',' . ($now + 7200) . ']}'),
    'ahead stale', 'two of them, of which none is near');


# ---- two fields

is(routes('{"due":5,"paid":3}'), 'due', 'greater');
is(routes('{"due":"10.50","paid":9}'), 'due', 'numbers, in quotes or not');
is(routes('{"due":3,"paid":3.0}'), '', 'equal');
is(routes('{"due":5}'), '', 'with nothing to compare with');
is(routes('{"due":[1,9],"paid":[8,20]}'), 'due', 'any with any');
is(routes('{"due":5,"paid":"n/a"}'), '', 'no number');
is(routes('{"shop":"acme"}', [ 'X-Shop' => 'acme' ]), 'header',
    'with a header');
is(routes('{"shop":"acme"}', [ 'X-Shop' => 'Acme' ]), '', 'by its bytes');
is(routes('{"shop":true}', [ 'X-Shop' => 'true' ]), 'header',
    'a word with a text');
is(routes('{"n":4}', [], '?n=10'), 'argument', 'with an argument');
is(routes('{"n":11}', [], '?n=10'), '', 'which is less');
is(routes('{"m":"POST"}'), 'variable', 'with a variable');
is(routes('{"lines":[{"wanted":1,"sent":1},{"wanted":3,"sent":2}]}'), 'short',
    'of one element');
is(routes('{"lines":[{"wanted":1,"sent":1},{"wanted":3,"sent":4}]}'), '',
    'not of two elements');


# ---- texts, paths, characters

is(routes('{"plan":"gold+"}'), 'text', 'texts have an order');
is(routes('{"plan":"silver"}'), '', 'of bytes');
is(routes('{"commits":[{"id":"a"},{"id":"z"}]}'), 'last', 'the last element');
is(routes('{"commits":[{"id":"z"},{"id":"a"}]}'), '', 'the last one only');
is(routes('{"commits":[]}'), '', 'of none');
is(routes('{"a":{"status":"ok"},"b":{"status":"failed"}}'), 'any-key',
    'any key');
is(routes('{"a":{"x":{"status":"failed"}}}'), '', 'of one level');
is(routes('{"a":[1,"needle"]}'), 'values', 'what is in any key');
is(routes('a=1&b=needle', \@form), 'values', 'of a form, too');
is(routes("{\"name\":\"M\xc3\x9cLLER\"}"), 'letters', 'characters');
is(routes('{"name":"MxLLER"}'), 'bytes letters', 'a byte is one, too');


# ---- what an event must be

is($t->post('/strict', qq({"at":$now,"a":1,"b":"1"}), [ @json ])->{status}, 200,
    'required, and so it is');
is($t->post('/strict', qq({"at":$now,"a":1,"b":2}), [ @json ])->{status}, 422,
    'required, but not equal');
is($t->post('/strict', '{"at":' . ($now - 900) . ',"a":1,"b":1}',
    [ @json ])->{status}, 422, 'required, but too old');


# ---- elements of a split body

my $r = $t->post('/split', '[{"a":2,"b":1},{"a":1,"b":2}]', [ @json ]);
my @routes = map { join ' ', @{ $_->{routes} } } @{ $r->json->{events} };

is("@routes[0, 1]", 'all one all', 'of each element') or diag($r->{body});
is($t->post('/split', '[{"a":1,"b":1}]', [ @json ])->{status}, 422,
    'which must differ');


# ---- bodies and answers

$target->forget;
$r = $t->post('/body', JSON::PP->new->encode({ due => 5, paid => '4.50',
    at => $now, currency => 'EUR', lines => [
        { sku => 'A', wanted => 2, sent => 1, currency => 'EUR' },
        { sku => 'B', wanted => 1, sent => 1, currency => 'USD' } ] }),
    [ @json ]);

is($r->{status}, 200, 'a body is made, and an answer is a success')
    or diag($r->{body});
is_deeply(JSON::PP->new->decode(($target->requests)[0]->{body}),
    { state => 'open', fresh => JSON::PP::true, last => 'B', lines => [
        { sku => 'A', short => JSON::PP::true, foreign => JSON::PP::false },
        { sku => 'B', short => JSON::PP::false, foreign => JSON::PP::true } ] },
    'by the same conditions');


# ---- explanations

my $told = explained('/explain', '{"due":3,"paid":5,"at":"2026-05-01"}');

is_deeply([ @{ $told->{due} }{qw(field note)}, $told->{due}{values},
            $told->{due}{with} ],
    [ 'data.due', 'no value of the event fits',
      [ { type => 'number', text => '3' } ],
      { field => 'data.paid', values => [ { type => 'number', text => '5' } ] }
    ], 'both fields are shown');
like($told->{recent}{note}, qr/^no value of the event is a time/, 'no time');
is(explained('/explain', '{"due":3}')->{due}{note},
    'the event has no field to compare with', 'nothing to compare with');
is(explained('/explain', '{"at":1}')->{recent}{note},
    'no value of the event fits', 'a time, but another one');

my $body = $t->post('/explain/hidden',
    '{"card":{"number":"4111-secret"},"other":"x"}', [ @json ])->{body};

unlike($body, qr/4111/, 'what is redacted is not shown, by whatever path');
like($body, qr/"data\.\*\.number"/, 'though it was looked at');


# ---- nginx -t

my $wrong = Test::EventRouter->new;

for ([ 'when data.at >= 2026-01-01T00:00:00Z;',
       'is compared as a text, byte by byte, whatever the offset' ],
     [ 'when data.at between 2026-01-01T00:00:00Z 2026-02-01T00:00:00Z;',
       'is compared as a text' ],
     [ 'when data.price > 10EUR;', 'a number has no unit' ],
     [ 'when data.a = data.b;', 'write "$field:data.b"' ],
     [ 'when data.a = $field:data.b;', undef ],
     [ 'when data.a > abc;', undef ],
     [ 'when data.a > 2026-05;', undef ],
     [ 'when data.a utf8 ~ ^a;', undef ],
     [ 'when data.a not before now;', undef ],
     [ 'when data.a[-1] = x;', undef ],
     [ 'when data.*.b = x;', undef ])
{
    my ($line, $warning) = @$_;
    my ($ok, $said) = check($line);

    ok($ok, "valid: $line") or diag($said);

    if (defined $warning) {
        like($said, qr/\[warn\] .*\Q$warning\E.* in .*nginx\.conf:\d+/s,
            'with a warning');

    } else {
        unlike($said, qr/\[warn\] (?!event_source|the location)/,
            'without a warning');
    }
}

for ([ 'when data.amount_due > data.amount_paid;',
       'write "$field:data.amount_paid"' ],
     [ 'each data.*.b { when .c = 1; }',
       'has a "*", any key, which "each" cannot have' ],
     [ 'when data.a[*] = 1;', 'has a "[*]": leave it out' ])
{
    my ($line, $error) = @$_;
    my ($ok, $said) = check($line);

    ok(!$ok, "refused: $line");
    like($said, qr/\[emerg\] .*\Q$error\E.* in .*nginx\.conf:\d+/s, 'because');
}

for ([ 'redact data.*.card;', 'which "redact" cannot have' ],
     [ 'redact data.cards[-1];', 'an index from the end, which "redact"' ],
     [ 'split data.*.orders;', 'which an array of elements cannot have' ])
{
    my ($line, $error) = @$_;
    my ($ok, $said) = check('', $line);

    ok(!$ok, "refused: $line");
    like($said, qr/\Q$error\E/, 'because');
}

$t->done;


# the routes that an event matches, in the order of their names

sub routes {
    my ($body, $headers, $args) = @_;

    $headers = [ @json, @{ $headers // [] } ] if "@{ $headers // [] }" !~ /form/;

    my $r = $t->post('/plain' . ($args // ''), $body, $headers);

    return join ' ', sort @{ $r->json->{routes} // [ $r->{body} ] };
}


# what decided of each route that did not match, by its name

sub explained {
    my ($uri, $body) = @_;

    my $r = $t->post($uri, $body, [ @json ]);

    return { map { $_->{name} => $_->{decided} // {} }
             @{ $r->json->{events}[0]{routes} } };
}


# minutes: the offset

sub rfc3339 {
    my ($sec, $minutes) = @_;

    my $offset = $minutes ? sprintf('%s%02d:%02d', $minutes < 0 ? '-' : '+',
                                    abs($minutes) / 60, abs($minutes) % 60)
                          : 'Z';

    return '"' . POSIX::strftime('%Y-%m-%dT%H:%M:%S',
                                 gmtime($sec + $minutes * 60))
           . $offset . '"';
}


sub check {
    my ($lines, $source) = @_;

    $source //= '';

    $wrong->config(<<"EOC");
    event_source s { verify off; dedup off; $source }
    event_route r { from s; to erp; $lines }
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /s   { event_receive s; }
        location = /erp { event_deliver erp; return 200; }
    }
EOC

    return $wrong->check_config;
}
