#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Several events in one body.  By default it is one event, delivered byte by
# byte, and nothing of it is lost: neither is it a duplicate because its first
# event was seen, nor do rules see the first one's type only.  With "split"
# each element is an event of its own, whose bytes are those that it has in the
# body.  Where each element is signed, each is verified.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_base64 hmac_sha256_hex sha256_hex);
use JSON::PP ();
use Test::More;
use Test::EventRouter;

my $t = Test::EventRouter->new;
my $sink = $t->target(8081);
my $store = "$t->{dir}/store";
my $json = JSON::PP->new->canonical;
my $KEY = '44782DEF547AAA06C910C43932B1EB0C71FC68D9D0C057550C48EC2ACF6BA056';

$t->secret('meta-secret-of-tests');
$t->secret('state-of-this-test');
$t->secret($KEY);
$t->write_file('meta', 'meta-secret-of-tests');
$t->write_file('state', 'state-of-this-test');
$t->write_file('adyen', $KEY);

$t->config(<<"EOC");

    event_store  file:$store size=64m;

    log_format event escape=json '{"type":"\$event_type","id":"\$event_id",'
        '"n":"\$event_count","uri":"\$uri"}';
    access_log %%TESTDIR%%/logs/events.log event;

    event_set \$name  data.name;

    # whole

    event_source top     { verify off; id "{json:0.id}"; type "{json:0.type}";
                           subject "{json:0.shop}"; }
    event_source deep    { verify off; id "{header:X-Id}" "{json:a.0.b.0.id}";
                           type "{json:kind}.{json:a.0.t}";
                           subject "{json:a.0.name}"; }
    event_source third   { verify off; id "{json:items.2.id}"; }
    event_source meta    { verify meta; secret file:%%TESTDIR%%/meta;
                           constant verify_token v; }
    event_source grouped { verify off; id "{json:0.id}"; dedup by=id; }
    event_source later   { verify off; id "{json:0.id}"; type "{json:0.type}";
                           delivery queued; }

    # split

    event_source each    { verify off; split data; id "{item:id}";
                           type "{item:type}"; subject "{item:shop}";
                           time "{item:at}"; max_batch 50; }
    event_source inner   { verify off; split data.events;
                           id "{item:id}" "{item:ids.0}";
                           type "{json:kind}.{item:type}";
                           subject "{json:shop.name}"; }
    event_source crossed { verify off;
                           split data.eventNotifications.entities;
                           id "{json:eventNotifications.realm}.{item:id}";
                           type "{item:name}";
                           subject "{json:eventNotifications.realm}"; }
    event_source shared  { verify off; split data; id "{header:X-Id}"; }
    event_source product { verify meta; secret file:%%TESTDIR%%/meta;
                           constant verify_token v; split on; }
    event_source stored  { verify off; split data.events; id "{item:id}";
                           type "{item:type}"; delivery queued; }
    event_source fails   { verify off; split data; id "{item:id}";
                           type "{item:type}"; }

    event_source same    { verify off; split data; id "{item:id}";
                           type "{item:type}"; dedup by=id; }
    event_source refused { verify off; split data; id "{item:id}";
                           type none; dedup by=id; unrouted 503; }

    event_source stamped { verify off; time "{json:at}"; dedup by=time; }

    event_source bulk    { verify off; split data; id "{item:id}";
                           max_batch 10000; max_size 2m; dedup off; }
    event_source events  { verify off; max_batch 10000; max_size 2m;
                           dedup off; }

    # signed element by element

    event_source adyen   { verify adyen-payments;
                           secret file:%%TESTDIR%%/adyen; }
    event_source adyens  { verify adyen-payments;
                           secret file:%%TESTDIR%%/adyen; split on; }
    event_source graph   { verify msgraph; secret file:%%TESTDIR%%/state;
                           handshake off; }
    event_source own     { verify hmac-sha256; secret file:%%TESTDIR%%/meta;
                           split data.lots.items; signature item:mac;
                           signed "{json:tenant}.{json:lots.no}.{item:id}"; }

    event_source places  { verify hmac-sha256; secret file:%%TESTDIR%%/meta;
                           split data.a.b data.a; signature item:mac;
                           signed "{item:id}:{item:amount}";
                           id "{item:id}"; }
    event_source nested  { verify off; split data.a.b data.a;
                           id "{item:id}"; dedup by=id; }

    event_route all   { from top deep third grouped meta later each inner crossed
                             shared product stored fails adyen adyens graph
                             own places nested
                             same stamped; to all; }
    event_route many  { from bulk events; when type = none; to all; }
    event_route paid  { from top deep later each inner meta product stored;
                        when type = paid; to paid; }
    event_route blue  { from top deep each; when subject = blue; to blue; }
    event_route entry { from deep; when type = k.two; to two; }
    event_route not   { from top; when type != paid; to not; }
    event_route sku   { from each inner; when .sku = 7; to sku; }
    event_route lines { from inner;
                        each .lines { when .a = 1; when .b = 2; } to lines; }
    event_route good  { from fails; when type = good; to paid; }
    event_route bad   { from fails same; when type = bad; to broken; }

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location ~ ^/explain/top\$  { event_explain top; }
        location ~ ^/explain/each\$ { event_explain each; }
        RECEIVERS

        proxy_set_header X-Count \$event_count;
        proxy_set_header X-Type \$event_type;
        proxy_set_header X-Subject \$event_subject;
        proxy_set_header X-Name \$name;

        DELIVERIES
        location = /d/broken { event_deliver broken;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/broken; }
    }
EOC

{
    my $conf = $t->read_file('conf/nginx.conf');
    my $port = $t->port(8081);

    $conf =~ s/RECEIVERS/join "\n", map { "location = \/$_ { event_receive $_; }" }
        qw(top deep third grouped meta later each inner crossed shared product stored
           fails bulk events adyen adyens graph own places nested same refused
           stamped)/e;
    $conf =~ s/DELIVERIES/join "\n", map { "location = \/d\/$_ { "
        . "event_deliver $_; proxy_pass http:\/\/127.0.0.1:$port\/$_; }" }
        qw(all paid blue two not sku lines)/e;
    $t->write_file('conf/nginx.conf', $conf);
}

$sink->answer('/broken', status => 500);
$t->run;

my $serial = 0;
my $r;

# ---- whole: the first one's id does not stand for all

my ($e1, $e2, $e3) = ('{"id":1,"type":"new"}', '{"id":2,"type":"paid"}',
                      '{"id":3,"type":"paid","shop":"blue"}');

is_deeply(sent('top', "[$e1, $e2]"), [ "all [$e1, $e2]", "paid [$e1, $e2]" ],
    'whole: every byte, and a rule sees the second one\'s type');
is_deeply(sent('top', "[$e1, $e3]"), [ "all [$e1, $e3]", "blue [$e1, $e3]",
    "paid [$e1, $e3]" ], 'whole: another second event is no duplicate');
is_deeply(sent('top', "[$e1, $e2]"), [], 'whole: the same again');
is($r->header('X-Event-Duplicate'), 1,
    'whole: which is a duplicate');
is_deeply(sent('top', "[$e1]"), [ "all [$e1]", "not [$e1]" ],
    'whole: one alone; no paid one in it');
is($r->json->{type}, 'new', 'whole: the type is the first one\'s');
is(got('/all')->header('X-Count'), 1, 'whole: one event');
is_deeply(sent('top', '[{"id":9},{"id":9,"type":"paid"}]'),
    [ map { "$_ [{\"id\":9},{\"id\":9,\"type\":\"paid\"}]" } qw(all paid) ],
    'whole: the first one without a type');
is(got('/all')->header('X-Type'), 'paid', 'whole: the first type that is');
is(got('/all')->header('X-Count'), 2, 'whole: two events');

is_deeply(sent('deep', '{"kind":"k","a":[{"t":"one","b":[{"id":1}]},'
    . '{"t":"two","name":"blue","b":[{"id":2},{"id":3}]}]}'),
    [ map { $_ . ' {"kind":"k","a":[{"t":"one","b":[{"id":1}]},'
        . '{"t":"two","name":"blue","b":[{"id":2},{"id":3}]}]}' }
      qw(all blue two) ], 'whole: a type of two parts, through two arrays');
is(got('/all')->header('X-Count'), 3, 'whole: events of the inner array');
is(got('/all')->header('X-Type'), 'k.one', 'whole: and the first type');
is(scalar @{ sent('deep', "{\"a\":[{\"b\":[{\"id\":5},{\"id\":$_}]}]}") }, 1,
    'whole: through two arrays, then ' . $_) for 6, 7;
is(scalar @{ sent('deep', '{"kind":"k","n":' . $_ . '}', 'X-Id' => 'one') },
    1, 'whole: an id that nobody signs') for 1, 2;
is(scalar @{ sent('third', "{\"items\":[{},{},{\"id\":5},{\"id\":$_}]}") }, 1,
    'whole: the third one\'s id, then ' . $_) for 6, 7;

my $m1 = wa('wamid.1');

is(scalar @{ sent('meta', wa(@$_)) }, 1, "whole: WhatsApp, @$_")
    for [ 'wamid.1' ], [ 'wamid.1', 'wamid.2' ], [ 'wamid.1', 'wamid.3' ];
is(scalar @{ sent('meta', $m1) }, 0, 'whole: WhatsApp, a true repetition');

# ---- whole: targets tell by the id, and so does every place that shows it

for my $body ("[$e1, {\"id\":4}]", "[$e1, {\"id\":5}]") {
    my $want = told(1, $body);

    sent('top', $body);
    is(got('/all')->header($_), $want, "id: $_") for qw(Webhook-Id ce-id);
    is($r->json->{id}, $want, 'id: receipt');
    ok(wait_until(5, sub { index($t->read_file('logs/events.log'),
        qq("$want")) >= 0 }), 'id: variable');
    is(post('explain/top', $body)->json->{events}[0]{attributes}{id}, $want,
        'id: explained');

    sent('top', $body);
    is($r->header('X-Event-Duplicate'), 1, 'id: a repetition');
    is($r->json->{id}, $want, 'id: which has the same one');
}

sent('deep', '{"kind":1}', 'X-Id' => 'unsigned');
is($r->json->{id}, 'unsigned', 'id: an event\'s own, though nobody signs it');

{
    my $n = 0;

    # two bytes of a character, and no byte before the hash to spare

    for my $long ('x' x 239, 'x' x 240, 'x' x 256, 'x' x 257,
                  "\xc3\xa4" x 120, 'x' x 9000)
    {
        my %seen;

        for my $body (map { qq([{"id":"$_->[0]"},$_->[1]]) }
                      [ $long, 1 ], [ $long, 2 ], [ $long . 'y', 1 ])
        {
            sent('top', $body);

            my $id = got('/all')->header('Webhook-Id');

            cmp_ok(length $id, '<=', 256, 'long id: ' . length $long);
            like($id, qr/\.${\ substr sha256_hex($body), 0, 16}\z/,
                'long id: ends in the hash');
            ok(utf8::decode(my $copy = $id), 'long id: is UTF-8');
            is($id, "$long." . substr(sha256_hex($body), 0, 16),
                'long id: is whole') if $body =~ /"\Q$long\E"/
                                        && length $long <= 239;
            $seen{$id} = 1;
        }

        is(scalar keys %seen, 3, 'long id: three events, three ids');
    }
}

# what is grouped by the id is grouped by the producer's

is(scalar @{ sent('grouped', "[{\"id\":1},$_]") }, $_ == 1 ? 1 : 0,
    "by=id: then $_") for 1, 2;
is($r->header('X-Event-Duplicate'), 1, 'by=id: a duplicate');

# ---- whole, from the queue

$sink->forget;
is(post('later', "[$e1,$e2,$e3]")->{status}, 202, 'queued: whole');
is_deeply(arrived(2), [ "all [$e1,$e2,$e3]", "paid [$e1,$e2,$e3]" ],
    'queued: any of its types');
is(got('/all')->header('X-Count'), 3, 'queued: and it knows how many');
is($_->header('Webhook-Id'), told(1, "[$e1,$e2,$e3]"), 'queued: the id')
    for $sink->requests;

# ---- split

is_deeply(sent('each', qq([ {"id" : 1, "type":"paid" } ,\n{"id":2,"sku":7.0,)
    . qq("shop":"blue","name":"\\u00e4"}, {"id":3}])),
    [ 'all {"id" : 1, "type":"paid" }',
      'all {"id":2,"sku":7.0,"shop":"blue","name":"\u00e4"}', 'all {"id":3}',
      'blue {"id":2,"sku":7.0,"shop":"blue","name":"\u00e4"}',
      'paid {"id" : 1, "type":"paid" }',
      'sku {"id":2,"sku":7.0,"shop":"blue","name":"\u00e4"}' ],
    'split: each as its own bytes, on its own routes');
is($r->{status}, 200, 'split: receipt');
is_deeply([ map { $_->{id} } @{ $r->json->{events} } ], [ 1, 2, 3 ],
    'split: of each event');
is(got('/sku')->header('X-Name'), "\xc3\xa4", 'split: event_set');
is(got('/sku')->header('X-Subject'), 'blue', 'split: subject');
is(got('/sku')->header('X-Count'), 1, 'split: one event');
is_deeply(sent('each', '[{"id":2},{"id":4}]'), [ 'all {"id":2}',
    'all {"id":4}' ], 'split: an id that is not signed has the bytes beside');
is_deeply(sent('each', '[{"id":4},{"id":5},{"id":2}]'), [ 'all {"id":5}' ],
    'split: those that were seen');
is_deeply([ map { $_->{outcome} } @{ $r->json->{events} } ],
    [ qw(duplicate delivered duplicate) ], 'split: outcomes');
is_deeply(sent('each', '[]'), [], 'split: an empty array');
is($r->{status}, 200, 'split: is well');
is_deeply($r->json, { events => [] }, 'split: without events');
is_deeply(sent('each', '{"id":"x"}'), [ 'all {"id":"x"}' ],
    'split: a body that is no array');
is_deeply(sent('each', '[1, "a,]\\"b", null, true, [], [[2], {}], -0.5e1]'),
    [ 'all "a,]\\"b"', 'all -0.5e1', 'all 1', 'all 2', 'all null', 'all true',
      'all {}' ], 'split: whatever an element is');
is_deeply(sent('each', '[{"n":1},{"n":2},{"n":1}]'), [ 'all {"n":1}',
    'all {"n":1}', 'all {"n":2}' ], 'split: without ids each is an event');
like($r->json->{events}[0]{id}, qr/^sha256-\w+$/, 'split: by its own bytes');
is($r->json->{events}[2]{id}, $r->json->{events}[0]{id} . '.2',
    'split: and the second one that is the same by its number');
is_deeply(sent('each', '[{"n":1},{"n":2},{"n":1}]'), [],
    'split: and the same again is a duplicate');
is_deeply(sent('each', '[{"n":1},{"n":1},{"n":1}]'), [ 'all {"n":1}' ],
    'split: but for one more of them');
is_deeply(sent('each', '[{"id":70,"sku":7,"sku":8}]'), [],
    'split: a key given twice that a rule reads');
is($r->{status}, 400, 'split: is refused');
is_deeply(sent('each', '[' . join(',', map { qq({"id":"m$_"}) } 1 .. 51)
    . ']'), [], 'split: too many');
is($r->{status}, 400, 'split: are refused');
like($r->json->{detail}, qr/max_batch/, 'split: with the way out');
is(scalar @{ sent('each', '[' . join(',', map { qq({"id":"m$_"}) } 1 .. 50)
    . ']') }, 50, 'split: as many as there may be');

is_deeply(sent('inner', '{"kind":"k","shop":{"name":"s"},"events":'
    . '[{"id":1,"type":"x","lines":[{"a":1,"b":1},{"b":2}]},'
    . '{"ids":[4,5],"type":"y","lines":[{"a":1,"b":2}]}]}'),
    [ 'all {"id":1,"type":"x","lines":[{"a":1,"b":1},{"b":2}]}',
      'all {"ids":[4,5],"type":"y","lines":[{"a":1,"b":2}]}',
      'lines {"ids":[4,5],"type":"y","lines":[{"a":1,"b":2}]}' ],
    'split: an array in an object, "each" in an element');
is_deeply([ map { $_->{type} } @{ $r->json->{events} } ], [ qw(k.x k.y) ],
    'split: the document around it in a template');
is(got('/lines')->header('X-Subject'), 's', 'split: and in the subject');
is($r->json->{events}[1]{id}, told(4, '{"ids":[4,5],"type":"y","lines":'
    . '[{"a":1,"b":2}]}'), 'split: an id in an array of the element');
is_deeply(sent('inner', $_), [ "all $_" ], "split: without the array: $_")
    for '{"kind":"k"}', '{"events":{"id":1}}', '{"events":null}', '[1]';

my $intuit = '{"eventNotifications":[{"realm":"r1","entities":[{"id":1,'
    . '"name":"Customer"},{"id":2,"name":"Invoice"}]},{"realm":"r2",'
    . '"entities":[]},{"realm":"r3"},{"entities":[{"id":1}],"realm":"r4"}]}';

is_deeply(sent('crossed', $intuit), [ 'all {"id":1,"name":"Customer"}',
    'all {"id":1}', 'all {"id":2,"name":"Invoice"}',
    'all {"realm":"r2","entities":[]}', 'all {"realm":"r3"}' ],
    'split: arrays are crossed, and nothing is lost');
is_deeply([ map { "$_->{id} $_->{type}" } @{ $r->json->{events} } ],
    [ told('r1.1', '{"id":1,"name":"Customer"}') . ' Customer',
      told('r1.2', '{"id":2,"name":"Invoice"}') . ' Invoice',
      (map { $r->json->{events}[$_]{id} . ' ' } 2, 3),
      told('r4.1', '{"id":1}') . ' ' ],
    'split: each with what it stands in');

is(scalar @{ sent('shared', '[{"a":1},{"a":2},{"a":1}]', 'X-Id' => 'i') }, 3,
    'split: an id that all of them have');
is_deeply([ map { $_->{id} } @{ $r->json->{events} } ],
    [ told('i', '{"a":1}'), told('i', '{"a":2}'), told('i', '{"a":1}') . '.2' ],
    'split: and three ids');
is(scalar @{ sent('shared', '[{"a":1},{"a":2},{"a":1}]', 'X-Id' => 'i') }, 0,
    'split: once');

{
    my %seen;
    my $long = 'x' x 300;

    sent('shared', '[{"a":1},{"a":2},{"a":1},{"a":2}]', 'X-Id' => $long);
    $seen{$_->header('Webhook-Id')} = 1 for $sink->requests;
    is(scalar keys %seen, 4, 'split: a long id, four events, four ids');
    is((grep { length > 256 } keys %seen), 0, 'split: none is too long');
}

my $wa = '{"object":"whatsapp_business_account","entry":[{"id":"e1","changes":'
    . '[{"field":"messages","value":{"metadata":{"p":1},"messages":'
    . '[{"id":"w1"},{"id":"w2"}]}},{"field":"messages","value":{"statuses":'
    . '[{"id":"w1","status":"read"}]}},{"field":"account_update","value":'
    . '{"event":"X"}}]},{"id":"e2","changes":[{"field":"messages","value":'
    . '{"messages":[{"id":"w3"}]}}]}]}';

is_deeply(sent('product', $wa), [ 'all {"field":"account_update","value":'
    . '{"event":"X"}}', 'all {"id":"w1","status":"read"}', 'all {"id":"w1"}',
    'all {"id":"w2"}', 'all {"id":"w3"}' ], 'split: a preset\'s arrays');
is_deeply([ sort map { $_->header('X-Subject') } $sink->requests(uri => '/all') ],
    [ qw(e1 e1 e1 e1 e2) ], 'split: the subject is the own entry\'s');
is($r->json->{events}[2]{id}, 'w1.read', 'split: the preset\'s ids');
is($r->json->{events}[3]{type}, 'whatsapp_business_account.account_update',
    'split: and types');
is_deeply(sent('product', wa('w2', 'w9')), [ 'all ' . message('w9') ],
    'split: a message that was in another body');

# ---- single elements fail

is_deeply(sent('fails', '[{"id":1,"type":"good"},{"id":2,"type":"bad"}]'),
    [ 'all {"id":1,"type":"good"}', 'all {"id":2,"type":"bad"}',
      'broken {"id":2,"type":"bad"}', 'paid {"id":1,"type":"good"}' ],
    'failing: both are sent');
is($r->{status}, 502, 'failing: the worst one decides');
is_deeply([ map { $_->{outcome} } @{ $r->json->{events} } ],
    [ qw(delivered failed) ], 'failing: the receipt tells which');
is_deeply(sent('fails', '[{"id":1,"type":"good"},{"id":2,"type":"bad"}]'),
    [ 'broken {"id":2,"type":"bad"}' ], 'failing: only what failed again');

# ---- an event that is twice in a request

for (1, 2) {
    is_deeply(sent('same', '[{"id":1},{"id":2},{"id":1},{"id":1,"v":2}]'),
        $_ == 1 ? [ 'all {"id":1}', 'all {"id":2}' ] : [], "twice: once, $_");
    is($r->{status}, 200, "twice: is well, $_");
    is_deeply([ map { $_->{outcome} } @{ $r->json->{events} } ],
        [ $_ == 1 ? qw(delivered delivered) : qw(duplicate duplicate),
          qw(duplicate duplicate) ], "twice: outcomes, $_");
}

for (1, 2) {
    is_deeply(sent('same', '[{"id":5,"type":"bad"},{"id":5,"type":"bad"}]'),
        [ $_ == 1 ? 'all {"id":5,"type":"bad"}' : (),
          'broken {"id":5,"type":"bad"}' ], "twice: fails once, $_");
    is($r->{status}, 502, "twice: and both do, $_");
    is_deeply([ map { $_->{outcome} } @{ $r->json->{events} } ],
        [ qw(failed failed) ], "twice: neither is well, $_");
}

post('refused', '[{"id":1},{"id":1}]');
is($r->{status}, 503, 'twice: unrouted');
is_deeply([ map { $_->{outcome} } @{ $r->json->{events} } ],
    [ qw(unrouted unrouted) ], 'twice: to be sent again');

$r = $t->post('/events', '[' . join(',', (qq({"specversion":"1.0","id":"twice",)
    . qq("source":"s","type":"paid"})) x 3) . ']', [ 'Content-Type' =>
    'application/cloudevents-batch+json' ]);
is($r->{status}, 200, 'twice: CloudEvents without dedup');

is(post('stored', '{"events":[{"id":"t"},{"id":"t"}]}')->{status}, 202,
    'twice: queued');
is_deeply([ map { $_->{outcome} } @{ $r->json->{events} } ],
    [ qw(queued duplicate) ], 'twice: the second one is a duplicate');
arrived(1);

# ---- a key of the time is of all its digits

for my $at (qw("1764438000100" "1764438000900" 1764438000.5 1764438000
            "2026-01-01T00:00:00Z" "2026-01-01T00:00:00.1Z"))
{
    is_deeply(sent('stamped', qq({"at":$at})), [ qq(all {"at":$at}) ],
        "time: $at");
    is_deeply(sent('stamped', qq({"at":$at})), [], "time: $at, again");
}

# ---- split, from the queue

$sink->forget;
is(post('stored', '{"events":[{"id":1,"type":"paid","name":"n"},{"id":2}]}')
    ->{status}, 202, 'queued: split');
is_deeply(arrived(3), [ 'all {"id":1,"type":"paid","name":"n"}',
    'all {"id":2}', 'paid {"id":1,"type":"paid","name":"n"}' ],
    'queued: each event');
is(got('/paid')->header('X-Name'), 'n', 'queued: its variables');
is(got('/paid')->header('X-Count'), 1, 'queued: one event');

# ---- explained

$r = post('explain/each', '[{"id":81,"type":"paid"},{"id":82,"sku":7}]');
is_deeply([ map { $_->{attributes}{id} } @{ $r->json->{events} } ],
    [ 81, 82 ], 'explain: each event');
$r = post('explain/top', '[{"id":81},{"id":82}]');
is($r->json->{events}[0]{dedup}{by}, 'source, id and body',
    'explain: the body is in the key');

# ---- every element is verified

my @good = map { adyen(pspReference => "P$_") } 1 .. 3;
my $forged = adyen(pspReference => 'F');
$forged->{additionalData}{hmacSignature} = 'AAAA';
my $bare = adyen(pspReference => 'B');
delete $bare->{additionalData};

for my $source (qw(adyen adyens)) {
    is(post($source, items(@good))->{status}, 200, "$source: all are signed");
    is(post($source, items(@$_))->{status}, 401, "$source: one is not")
        for [ @good, $forged ], [ $forged, @good ], [ @good, $bare ],
            [ $good[0], $bare, $good[1] ], [ $forged ], [ $bare ], [];
    is(post($source, $_)->{status}, 401, "$source: $_")
        for '{}', '[]', '{"notificationItems":{}}', '{"notificationItems":[1]}',
            '{"notificationItems":[[]]}', '{"notificationItems":null}';

    my $text = items($good[0]);
    my $other = items($forged);
    (my $twice = $text) =~ s/\}$/,"notificationItems":[]}/;

    is(post($source, $twice)->{status}, 401, "$source: the array twice");
    $twice = $text =~ s/\}$//r . ',' . $other =~ s/^\{"live":"false",//r;
    is(post($source, $twice)->{status}, 401, "$source: and another one");
    $twice = items($good[0], $forged);
    $twice =~ s/("hmacSignature":"AAAA")/$1,$1/;
    is(post($source, $twice)->{status}, 401, "$source: a signature twice");
    $twice = items($good[0]) =~ s/\]\}$//r . ',{"a":1}' x 30000 . ']}';
    is(post($source, $twice)->{status}, 401, "$source: very many elements");
    is(post($source, items((@good) x 333, @good[0, 1]))->{status}, 401,
        "$source: one more than can be verified");
}

is(post('adyen', items((@good) x 333, $good[0]))->{status}, 200,
    'adyen: as many as can be verified');

is_deeply(sent('adyen', items(adyen(pspReference => 'Q1'))),
    [ 'all ' . items(adyen(pspReference => 'Q1')) ], 'adyen: one');
is_deeply(sent('adyen', items(adyen(pspReference => 'Q1'),
    adyen(pspReference => 'Q2'))), [ 'all ' . items(adyen(pspReference =>
    'Q1'), adyen(pspReference => 'Q2')) ], 'adyen: and one more with it');

my @states = map { { id => "s$_", clientState => 'state-of-this-test',
    changeType => 'created' } } 1 .. 3;

is(post('graph', $json->encode({ value => \@states }))->{status}, 200,
    'graph: all have the token');
is(post('graph', $json->encode({ value => $_ }))->{status}, 401,
    'graph: one does not')
    for [ @states, { id => 'x', clientState => 'other' } ],
        [ @states, { id => 'x' } ], [ { id => 'x' }, @states ], [],
        [ @states, 5 ], [ @states, [] ], [ @states, ({ i => 1 }) x 30000 ];
is(post('graph', '{"value":[{"clientState":"state-of-this-test"},'
    . '{"clientState":"a","clientState":"b"}]}')->{status}, 401,
    'graph: a token twice');

is(post('own', own([ 1, 'a', 'b' ], [ 2, 'c' ]))->{status}, 200,
    'own: crossed arrays');

for my $change (sub { $_[0]{lots}[1]{items}[0]{mac} = '00' x 32 },
                sub { $_[0]{lots}[1]{no} = 1 },
                sub { $_[0]{lots}[0]{items}[1]{id} = 'x' },
                sub { $_[0]{tenant} = 'other' },
                sub { $_[0]{lots}[1]{items} = [] },
                sub { delete $_[0]{lots}[1]{items} },
                sub { push @{ $_[0]{lots} }, { no => 3, evil => 1 } },
                sub { $_[0]{lots} = [] },
                sub { delete $_[0]{lots} })
{
    my $doc = $json->decode(own([ 1, 'a', 'b' ], [ 2, 'c' ]));

    $change->($doc);
    is(post('own', $json->encode($doc))->{status}, 401,
        'own: ' . $json->encode($doc));
}

# an object where an array is expected proves nothing about what is around it

my $signed = sub { { id => $_[0], amount => $_[1], mac =>
    hmac_sha256_hex("$_[0]:$_[1]", 'meta-secret-of-tests') } };

is(post('places', $json->encode({ a => [ { b => [ $signed->(1, 5) ] },
    $signed->(2, 6), { %{ $signed->(3, 7) }, b => { id => 4 } } ] }))
    ->{status}, 200, 'places: each with its own');
is(post('places', $json->encode({ a => $_ }))->{status}, 401,
    'places: ' . $json->encode($_))
    for [ { b => $signed->(1, 5), id => 'evil', amount => 1e6 } ],
        [ { b => $signed->(1, 5) } ], [ { b => [ $signed->(1, 5) ] },
        { b => $signed->(2, 5), id => 'evil' } ],
        [ { b => [], %{ $signed->(1, 5) }, id => 2 } ],
        [ { b => [ { %{ $signed->(1, 5) }, id => 2 } ],
            %{ $signed->(1, 5) } } ];

is_deeply(sent('nested', $_->[0]), [ "all $_->[1]" ], "nested: $_->[0]") for
        [ '{"a":[{"b":{"id":"77"},"note":"x"}]}',
          '{"b":{"id":"77"},"note":"x"}' ],
        [ '{"a":[{"b":[{"id":"77"}]}]}', '{"id":"77"}' ],
        [ '{"a":[{"b":[],"id":"6"}]}', '{"b":[],"id":"6"}' ];

# ---- what a batch takes

SKIP: {
    skip('sanitizers take memory of their own', 4)
        if ($ENV{TEST_NGINX_BINARY} // '') =~ /asan/;

    my @large = map { ("X-Large-$_" => 'h' x 7900) } 1 .. 3;

    for my $source (qw(bulk events)) {
        my ($pid) = $t->workers;
        my $before = peak($pid);

        my $body = '[' . join(',', map { qq({"specversion":"1.0","id":"$_",)
            . qq("source":"s","type":"t"}) } 1 .. 9990) . ']';

        $sink->forget;
        $r = $t->post("/$source", $body, [ 'Content-Type' =>
            $source eq 'bulk' ? 'application/json'
                              : 'application/cloudevents-batch+json',
            @large ], timeout => 60);

        is(scalar @{ $r->json->{events} }, 9990, "memory: $source, events");
        cmp_ok(peak($pid) - $before, '<', 100 * 1024,
            "memory: $source, KB of 9990 events and 24 KB of headers");
    }
}

# ---- what cannot be split

refused('verify off; split on;',
    qr/a preset, and this source has no preset.*split data\.events/);
refused('verify github; secret x; split on; delivery sync;',
    qr/takes the array of a preset, and this one has none/);
refused('verify off; split data.items[0].x;', qr/leave the index out/);
refused('verify off; split header.X;', qr/no array of the body/);
refused('verify off; split dta.x;', qr/did you mean "data\.x"/);
refused('verify off; split data; split data;', qr/"split" directive is dup/);
refused('verify off; id "{item:id}";', qr/add "split FIELD;"/);
refused('verify hmac-sha256; secret x; signed "{body}"; signature item:mac;',
    qr/item: needs the array/);
refused('verify off; split data; id "{item:}";', qr/unknown variable/);
refused('verify off; id "{json:0.id}";',
    qr/write "data\.sku"; or of a body that is split.*has no "split"/,
    'when .sku = 7;');

$t->expect_log(qr/\[warn\].*event from source "\S+" refused/,
    'forged elements are sent');
$t->expect_log(qr/\[warn\].*rejected/, 'what cannot be split is sent');
$t->expect_log(qr/delivery of event|deliver/, 'a target answers 500');

$t->done;


sub post {
    my ($source, $body, @headers) = @_;

    push @headers, 'X-Hub-Signature-256' => 'sha256='
        . hmac_sha256_hex($body, 'meta-secret-of-tests')
        if $source =~ /^(?:meta|product)$/;

    return $r = $t->post("/$source", $body, [ 'Content-Type' =>
        'application/json', @headers ]);
}


# what the targets got: "target body"

sub sent {
    my ($source, $body, @headers) = @_;

    $sink->forget;
    post($source, $body, @headers);

    return arrived(0);
}


sub arrived {
    my ($n) = @_;

    for (1 .. 100) {
        last if $sink->requests >= $n;
        select undef, undef, undef, 0.05;
    }

    return [ sort map { substr($_->{uri}, 1) . " $_->{body}" }
                 $sink->requests ];
}


sub got {
    my ($uri) = @_;

    return ($sink->requests(uri => $uri))[-1];
}


# the most memory that a process ever had, in KB

sub peak {
    my ($pid) = @_;

    open my $f, '<', "/proc/$pid/status" or die "$pid: $!\n";

    return (join('', <$f>) =~ /^VmHWM:\s+(\d+)/m)[0];
}


# the id of an event whose id others have, too

sub told {
    my ($id, $body) = @_;

    return "$id." . substr sha256_hex($body), 0, 16;
}


sub message { return qq({"from":"1","id":"$_[0]","type":"text"}) }

sub wa {
    return '{"object":"whatsapp_business_account","entry":[{"changes":'
        . '[{"field":"messages","value":{"messages":['
        . join(',', map { message($_) } @_) . ']}}],"id":"1"}]}';
}


sub adyen {
    my (%item) = ('eventCode' => 'AUTHORISATION', success => 'true',
        merchantAccountCode => 'Acct', merchantReference => 'r',
        amount => { value => 5, currency => 'EUR' }, @_);

    my $signed = join ':', $item{pspReference}, '', $item{merchantAccountCode},
        $item{merchantReference}, $item{amount}{value},
        $item{amount}{currency}, $item{eventCode}, $item{success};

    $item{additionalData}{hmacSignature}
        = hmac_sha256_base64($signed, pack 'H*', $KEY) . '=';

    return \%item;
}


sub items {
    return '{"live":"false","notificationItems":['
        . join(',', map { '{"NotificationRequestItem":' . $json->encode($_)
            . '}' } @_) . ']}';
}


sub own {
    my (@lots) = @_;
    my $doc = { tenant => 't', lots => [] };

    for my $lot (@lots) {
        my ($no, @ids) = @$lot;

        push @{ $doc->{lots} }, { no => $no, items => [ map { {
            id => $_, mac => hmac_sha256_hex("t.$no.$_",
                'meta-secret-of-tests') } } @ids ] };
    }

    return $json->encode($doc);
}


sub refused {
    my ($source, $re, $when) = @_;

    $when //= '';

    my $c = Test::EventRouter->new;

    $c->config(<<"EOC");
    event_source s { $source }
    event_route r { from s; $when to x; }
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /s { event_receive s; }
        location = /x { event_deliver x; proxy_pass http://127.0.0.1:1; }
    }
EOC

    my ($ok, $said) = $c->check_config;

    ok(!$ok && $said =~ $re && $said =~ /nginx\.conf:\d+/, "nginx -t: $source")
        or diag($said);
}
