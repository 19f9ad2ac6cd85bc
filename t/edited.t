#!/usr/bin/perl

# Copyright (C) Event Router contributors

# One event again, with another body: POST v1/replay with bytes, of a dead
# letter, of what waits and of what is retained, in both stores, also sealed.
# The target gets the new bytes under an id of their own with all that belongs
# to its deliveries; the original stays, or is purged; the ledger, the audit,
# the lists and history know of it; and what is wrong is said.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Digest::SHA qw(hmac_sha256_base64);
use JSON::PP ();
use MIME::Base64 ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;
use Time::HiRes qw(time sleep);

my $key = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
my $json = JSON::PP->new->utf8->canonical;

my $t = Test::EventRouter->new(workers => 2);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my ($q, $api, $store);

$t->write_file('secret', "the-bearer-of-it\n");
$t->write_file('sign', "whsec_$key\n");
$t->write_file('tokens', "act-0123456789abcdef\n");
$t->write_file('look', "look-0123456789abcdef\n");
$t->write_file('keys', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=' . "\n");
chmod 0600, map { "$t->{dir}/$_" } qw(secret sign tokens look keys);
$t->secret($_) for 'the-bearer-of-it', $key, 'act-0123456789abcdef';

for my $how (['file'], ['redis'], ['file', 'sealed'], ['redis', 'sealed']) {
    my $sealed;

    ($store, $sealed) = @$how;

    my $encrypt = $sealed ? ' encrypt=file:%%TESTDIR%%/keys' : '';

    $q = Test::EventRouter::Queue->new($t,
        prefix => $store . ($sealed ? 's' : ''));
    $redis->command('FLUSHALL');

    $q->config(
        targets => {
            erp => { lines => 'breaker off; retry off; concurrency 64;'
                    . ' auth bearer file:%%TESTDIR%%/secret; forward_headers X-Shop;'
                    . ' sign standardwebhooks secret=file:%%TESTDIR%%/sign;' },
            wait => 'breaker off; retry for=1h base=1h max=1h;',
            spare => 'breaker off; retry off;',
            newest => 'breaker off; retry off;'
                      . ($sealed ? '' : ' order by=data.key version=data.v;'),
        },
        source => 'retain 1h; max_size 2k; dedup 1h;'
                  . ' subject "{json:shop}"; time "{json:at}";',
        in => $store eq 'file'
              ? "file:%%TESTDIR%%/store-$store-" . ($sealed // '')
                . " size=16m$encrypt"
              : "redis://127.0.0.1:%%PORT_6379%%/0"
                . ($sealed ? " shards=2$encrypt" : ''),
        http => $store eq 'file'
                ? "event_log %%TESTDIR%%/logs/events.log;\n"
                  . 'event_history 1h index=data.order;'
                : "event_log %%TESTDIR%%/logs/events.log;",
        admin => 'token=file:%%TESTDIR%%/tokens role=act token=file:%%TESTDIR%%/look role=look',
        more => <<'EOC',
    event_target own { from b; breaker off; retry off; }
    event_source b { verify off; id "{header:X-Id}"; type b; delivery queued;
                     accept text/csv; }
    event_route of-b { from b; to own; }
    event_source c { verify off; id "{json:id}"; type c; }
    event_route of-c { from c; to spare; }
EOC
        server => <<'EOC');
        location = /b { event_receive b; }
        location = /c { event_receive c; }
        location = /deliver/own {
            event_deliver own;
            proxy_pass http://127.0.0.1:%%PORT_8081%%/own;
        }
EOC
    $t->run;

    $api = Test::EventRouter::OpenApi->new($t, '/admin/v1',
        Authorization => 'Bearer act-0123456789abcdef');

    dead();
    previewed();
    purged();
    pending();
    retained();
    others();
    versions() if !$sealed;
    twice();
    once();
    wrong();
    refused();
    accounted();

    $t->stop;
}

done_testing();


sub act {
    my ($path, $body, @headers) = @_;

    return $t->post("/admin/v1/$path", $body // '', [
        'X-Event-Admin' => 1, @headers,
        Authorization => 'Bearer act-0123456789abcdef' ]);
}


# an answer to what is done, which is what openapi.json says

sub edit {
    my ($args, $body, $name) = @_;

    my $r = act("replay?$args", $body,
        'Content-Type' => 'application/x-www-form-urlencoded');

    is($r->{status}, 200, $name // $args) or diag($r->{body});
    is(join('; ', $api->wrong(POST => '/replay', $r)), '', 'as it is written');

    return $r->json->{edited};
}


sub look {
    my ($path) = @_;

    my $r = $t->get("/admin/v1/$path",
        [ Authorization => 'Bearer look-0123456789abcdef' ]);

    is(join('; ', $api->wrong(GET => '/' . $path =~ s/\?.*//r, $r)), '',
        "as it is written: $path") if $path !~ m{events/};

    return $r->json;
}


sub entries { return @{ look("$_[0]")->{entries} } }


# requests of the target with this id, when there is one

sub came {
    my ($id) = @_;

    my @r;

    wait_until(10, sub { @r = $q->attempts($target, $id) });

    return @r;
}


# a dead letter of an event: (its number, its id)

sub one_dead {
    my ($name, %o) = @_;

    $target->answer("/$name/bad", status => 400);

    my $id = send_it($name, kind => 'bad', shop => 'acme', order => 4711,
        at => '2026-01-31T12:00:00Z', %o);
    my @dead;

    wait_until(10, sub { @dead = entries("dead?target=$name&id=$id") })
        or diag('it did not die');
    $target->answer("/$name/bad", status => 200);

    return ($dead[0]{event}, $id);
}


sub send_it {
    my ($type, %o) = @_;

    my ($id, $body) = $q->event($type, %o);
    my $r = $t->post('/a', $body,
        [ 'Content-Type' => 'application/json; charset=utf-8',
          'X-Shop' => 'secret-of-acme',
          traceparent => '00-4bf92f3577b34da6a3ce929d0e0e4736'
                         . '-00f067aa0ba902b7-01' ]);

    is($r->{status}, 202, 'accepted') or diag($r->{body});

    return $id;
}


# what was refused, put right

sub dead {
    my ($event, $id) = one_dead('erp');
    my $body = ' {"kind":"ok","b":2}';
    my $e = edit("event=$event&target=erp", $body, 'a dead letter, edited');

    is($e->{of}, $event, 'of which');
    is($e->{state}, 'dead', 'it was dead');
    like($e->{event}, qr/^[0-9a-f]{16}$/, 'a number of its own');
    isnt($e->{event}, $event, 'which is another one');
    like($e->{id}, qr/^\Q$id\E-edited-[0-9a-f]{16}$/, 'an id of its own');
    is($e->{size}, length $body, 'its size');

    my ($r, @more) = came($e->{id});

    is(scalar @more, 0, 'once');
    is($r->{body}, $body, 'the bytes');
    is($r->{uri}, '/erp/ok', 'variables are of the new bytes');
    is($r->header('Content-Type'), 'application/json; charset=utf-8', 'type');
    is($r->header('Content-Length'), length $body, 'length');
    is($r->header('ce-type'), 'erp', 'ce-type');
    is($r->header('ce-source'), 'a', 'ce-source');
    is($r->header('ce-subject'), 'acme', 'ce-subject');
    is($r->header('ce-time'), '2026-01-31T12:00:00Z', 'ce-time');
    is($r->header('ce-id'), $e->{id}, 'ce-id');
    is($r->header('X-Event-Route'), 'to-erp', 'the route');
    is($r->header('X-Event-Attempt'), 1, 'its first attempt');
    is($r->header('X-Shop'), 'secret-of-acme', 'what is forwarded');
    is($r->header('Authorization'), 'Bearer the-bearer-of-it', 'auth');
    like($r->header('traceparent'), qr/4bf92f3577b34da6a3ce929d0e0e4736/,
        'in the trace of the original');

    my $at = $r->header('webhook-timestamp');

    is($r->header('webhook-signature') =~ s/=+$//r, 'v1,' . hmac_sha256_base64(
        "$e->{id}.$at.$body", MIME::Base64::decode_base64($key)),
        'signed anew');

    my @left = entries("dead?event=$event");

    is(scalar @left, 1, 'the original stays');
    is($left[0]{edited}, undef, 'and is no copy');

    like($t->wait_log(qr/event $event goes to .* edited body/, 5),
        qr/event $event goes to target "erp" with an edited body, as event $e->{event} by an operator: token "tokens"/,
        'the audit');
    ok(wait_until(5, sub { $t->read_file('logs/events.log')
                           =~ /"act":"replay".*$e->{event}/ }), 'the log');

    return if $store ne 'file';

    ok(wait_until(5, sub {
        my $h = look("events/$e->{event}");

        return ($h->{targets}[0]{state} // '') eq 'delivered';
    }), 'history: delivered');

    my $h = look("events/$e->{event}");

    is($h->{edited}{event}, $event, 'history: of which');
    is($h->{edited}{by}, 'tokens', 'history: by whom');
    is($h->{size}, length $body, 'history: its size');
    is(scalar @{ look("events?id=$id")->{events} }, 2,
        'the id of the original finds both');
    is(scalar @{ look("events?id=$e->{id}")->{events} }, 1, 'its own one');
}


sub previewed {
    my ($event, $id) = one_dead('erp', note => 'abc');
    my ($was) = entries("dead?event=$event");

    $target->forget;

    my $r = act("replay?event=$event&target=erp&preview=1",
        '{"kind":"ok","note":"a-longer-one"}');

    is(join('; ', $api->wrong(POST => '/replay', $r)), '', 'as it is written');

    my $e = $r->json->{edited};

    is($r->json->{state} . $r->json->{replayed}, 'preview0', 'a preview');
    is($e->{event}, undef, 'is no event');
    is($e->{was}, $was->{size}, 'how large it was');
    is($e->{size}, 35, 'and would be');
    is($e->{was} + $e->{difference}{added} - $e->{difference}{removed},
        $e->{size}, 'the difference');
    is($e->{method}, 'POST', 'the method');

    my %h = map { $_->{name} => $_ } @{ $e->{headers} };

    is($h{'Content-Type'}{value}, 'application/json; charset=utf-8', 'a type');
    is($h{'Content-Length'}{value}, 35, 'a length');
    like($h{'Webhook-Id'}{value}, qr/^\Q$id\E-edited-/, 'an id');
    is($h{$_}{hidden}, JSON::PP::true, "$_ is hidden")
        for qw(Authorization X-Shop webhook-signature);
    unlike($r->{body}, qr/the-bearer|secret-of-acme/, 'no secret');

    sleep 0.3;
    is(scalar $target->requests, 0, 'nothing is sent');
    is(scalar entries("dead?event=$event"), 1, 'nothing is changed');

    $e = act("replay?event=$event&target=erp&preview=1",
        $json->encode({ a => 1 }))->json->{edited};
    is_deeply([ @{ $e->{difference} }{qw(at added)} ], [ 3, 3 ],
        'where they differ');
}


sub purged {
    my ($event, $id) = one_dead('erp');
    my $e = edit("event=$event&target=erp&then=purge&content_type=text/plain",
        '{"kind":"ok"}', 'then it is purged');

    is("$e->{purged}$e->{leased}", '10', 'said so');
    is(scalar entries("dead?event=$event"), 0, 'it is not there');
    is((came($e->{id}))[0]->header('Content-Type'), 'text/plain',
        'another type');
}


# what waits

sub pending {
    $target->answer('/wait/bad', status => 503);

    my $id = send_it('wait', kind => 'bad');
    my @waits;

    ok(wait_until(10, sub {
        @waits = grep { $_->{attempts} } entries("pending?target=wait&id=$id");
    }), 'it waits');

    my $e = edit("event=$waits[0]{event}&target=wait", '{"kind":"ok"}',
        'what waits');

    is($e->{state}, 'pending', 'it waits');
    is(scalar came($e->{id}), 1, 'the copy came');
    is(scalar entries("pending?target=wait&id=$id"), 1, 'it waits still');

    $e = edit("event=$waits[0]{event}&target=wait&then=purge", '{"kind":"ok"}',
        'in its place');
    is($e->{purged}, 1, 'it is purged');
    is(scalar came($e->{id}), 1, 'the copy came, too');
    is(scalar entries("pending?target=wait&id=$id"), 0, 'it is gone');
}


# what was delivered and is kept

sub retained {
    $target->answer('/spare/ok', status => 200);

    my $id = send_it('spare');
    my $body;

    ok(came($id), 'it was delivered');
    ok(wait_until(10, sub { !entries('pending') }), 'and settled');

    my $event = number_of($id);
    my $e = edit("event=$event&target=spare", '{"kind":"ok"}', 'retained');

    is($e->{state}, 'kept', 'it is kept');
    is(scalar came($e->{id}), 1, 'it came');
    is((came($e->{id}))[0]->header('X-Event-Attempt'), 1, 'anew');

    is(act("replay?event=$event&target=spare&then=purge",
        '{"kind":"ok"}')->{status}, 409, 'there is nothing to purge');

    $e = edit("event=$event&deliver_to=wait&archive=a", '{"kind":"ok"}',
        'to another target');
    is((came($e->{id}))[0]->{uri}, '/wait/ok', 'it came there');

    is(act("replay?event=$event&deliver_to=wait&archive=b",
        '{"kind":"ok"}')->{status}, 404, 'it is of another source');

    # what is retained is what came, not the copies

    ok(wait_until(10, sub { !entries('pending') }), 'all are delivered');

    my $n = act('replay?archive=a&deliver_to=spare&preview=1')->json->{total};
    is($n, $q->{serial}, 'the copies are not retained');
}


sub number_of {
    my ($id) = @_;

    return wait_until(10, sub {
        my ($log) = grep { /"id":"\Q$id\E"/ }
                    split /\n/, $t->read_file('logs/events.log');

        return ($log // '') =~ /"number":"([0-9a-f]{16})"/ ? $1 : '';
    });
}


# bodies that are no JSON, and another source's target

sub others {
    $target->answer('/own', status => 400);
    is($t->post('/b', "a,b\n1,2\n", [ 'Content-Type' => 'text/csv',
        'X-Id' => "csv-$store" ])->{status}, 202, 'a table');

    my @dead;

    wait_until(10, sub { @dead = entries('dead?target=own') });
    $target->answer('/own', status => 200);

    my $event = $dead[0]{event};
    my $bytes = join '', map { chr } 0 .. 255;
    my $e = edit("event=$event&target=own", $bytes, 'any bytes');

    is((came($e->{id}))[0]{body}, $bytes, 'came as they are');
    is((came($e->{id}))[0]->header('Content-Type'), 'text/csv', 'its type');

    is(act("replay?event=$event&target=own&content_type=application/json",
        '{"a":')->{status}, 400, 'JSON is JSON');

    my ($other) = one_dead('erp');
    my $r = act("replay?event=$other&target=erp&deliver_to=own", '{"a":1}');

    is($r->{status}, 409, 'a target that does not take from this source');
    like($r->json->{detail}, qr/"from"/, 'why');
}


# a version that is older than what the target has

sub versions {
    my ($event) = one_dead('newest', key => 'k', v => 5);
    my $e = edit("event=$event&target=newest", '{"kind":"ok","key":"k","v":7}',
        'a newer version');

    is(scalar came($e->{id}), 1, 'came');
    ok(wait_until(10, sub { !entries('pending') }), 'and is settled');

    $e = edit("event=$event&target=newest&then=purge",
        '{"kind":"ok","key":"k","v":6}', 'an older one');
    ok($e->{stale}, 'is not sent');
    is(scalar entries("dead?event=$event"), 1, 'nor is the original purged');
    is(scalar(() = $q->attempts($target, $e->{id})), 0, 'really');

    # at once with a key: all are told that it is stale, and none purges it

    ($event) = one_dead('newest', key => 'l', v => 1);

    is(scalar came(send_it('newest', kind => 'ok', key => 'l', v => 9)), 1,
        'a newer one came');
    ok(wait_until(10, sub { !entries('pending') }), 'and is settled');

    my $old = at_once("event=$event&target=newest&then=purge&once=old",
        '{"kind":"ok","key":"l","v":2}');

    ok($old->{edited}{stale}, 'stale for all');
    is($old->{replayed}, 0, 'it is not sent');
    is($old->{edited}{purged}, undef, 'nor is the original purged');
    is(scalar entries("dead?event=$event"), 1, 'really');

    my $new = at_once("event=$event&target=newest&then=purge&once=new",
        '{"kind":"ok","key":"l","v":10}');

    is($new->{edited}{purged}, 1, 'purged for all');
    is(scalar came($new->{edited}{id}), 1, 'the newest one came');
    is(scalar entries("dead?event=$event"), 0, 'and the original is gone');
}


# the same by twelve at once, and later: the one answer

sub at_once {
    my ($args, $body) = @_;

    my @clients = map { $t->connect } 1 .. 12;

    $_->send(POST => "/admin/v1/replay?$args",
        [ 'X-Event-Admin' => 1, 'Content-Type' => 'application/json',
          Authorization => 'Bearer act-0123456789abcdef' ], $body)
        for @clients;

    my %body = map { $_->response->{body} => 1 } @clients;

    $_->close for @clients;
    $body{ act("replay?$args", $body)->{body} } = 1;
    is(scalar keys %body, 1, 'one answer for all')
        or diag(join '', keys %body);

    return $json->decode((sort keys %body)[0]);
}


# the copy dies as well and is edited once more; and the same bytes twice

sub twice {
    my ($event, $id) = one_dead('erp');

    $target->answer('/erp/worse', status => 400);

    my $e = edit("event=$event&target=erp", '{"kind":"worse"}', 'a bad one');
    my @dead;

    ok(wait_until(10, sub { @dead = entries("dead?event=$e->{event}") }),
        'is dead');
    is($dead[0]{edited}{event}, $event, 'the list says of which');
    is($dead[0]{edited}{by}, 'tokens', 'and by whom');

    my $f = edit("event=$e->{event}&target=erp", '{"kind":"ok"}', 'once more');

    like($f->{id}, qr/^\Q$id\E-edited-[0-9a-f]{16}$/, 'with one end');
    isnt($f->{id}, $e->{id}, 'and another one');

    my $g = edit("event=$e->{event}&target=erp", '{"kind":"ok"}', 'the same');

    isnt($g->{id}, $f->{id}, 'is another event');
    is(scalar came($_->{id}), 1, 'each came') for $f, $g;

    # a copy that is replayed as it is stays what it is

    $target->answer('/erp/worse', status => 200);
    act("replay?event=$e->{event}&target=erp");
    ok(wait_until(10, sub { $q->attempts($target, $e->{id}) == 2 }),
        'the copy is replayed');
    is(($q->attempts($target, $e->{id}))[1]{body}, '{"kind":"worse"}', 'as is');
}


# with a key: the same again is the same answer and no second copy, in whatever
# worker, after a reload, at the same time, and when the original has gone

sub once {
    my ($event, $id) = one_dead('erp');
    my $one = "replay?event=$event&target=erp&then=purge&once=key%201";
    my $body = '{"kind":"ok","n":1}';
    my $first = act($one, $body);

    is($first->{status}, 200, 'with a key') or diag($first->{body});
    is(join('; ', $api->wrong(POST => '/replay', $first)), '',
        'as it is written');
    is($first->json->{edited}{purged}, 1, 'the original is purged');

    for my $when ('at once', 'after a reload', 'in another worker') {
        $t->reload if $when =~ /reload/;

        my $r = act($one, $body);

        is($r->{status}, 200, "again, $when");
        is($r->{body}, $first->{body}, 'the same answer');
    }

    my $copy = $first->json->{edited}{id};

    is(scalar came($copy), 1, 'one copy');

    for (['another body', $one, '{"kind":"ok","n":2}'],
         ['another type', "$one&content_type=text/plain", $body],
         ['without then=', $one =~ s/&then=purge//r, $body])
    {
        my ($what, $path, $bytes) = @$_;
        my $r = act($path, $bytes);

        is($r->{status}, 409, $what);
        like($r->json->{detail}, qr/this once= was given/, 'why');
    }

    is(act("$one&source=b", $body)->{status}, 404, 'of another source');
    is(act("$one&source=a", $body)->{body}, $first->{body}, 'of its own');

    # it is of an event and a target; a preview does not use it

    my ($other) = one_dead('erp');

    act("replay?event=$other&target=erp&once=key%201&preview=1", '{"a":1}');

    my $e = edit("event=$other&target=erp&once=key%201", $body, 'another event');

    isnt($e->{id}, $copy, 'has another copy');

    my $f = edit("event=$other&target=erp&once=key%202", $body, 'another key');

    isnt($f->{id}, $e->{id}, 'and so has another key');
    is(scalar came($_->{id}), 1, 'each came') for $e, $f;

    # many at once

    my ($many) = one_dead('erp');
    my $all = at_once("event=$many&target=erp&once=m", '{"kind":"many"}');

    is(scalar came($all->{edited}{id}), 1, 'and one copy');
    is(scalar(grep { $_->{uri} eq '/erp/many' } $target->requests), 1,
        'really');

    my ($gone) = one_dead('erp');

    is(at_once("event=$gone&target=erp&then=purge&once=g",
        '{"kind":"ok"}')->{edited}{purged}, 1, 'purged for all');

    # a copy that died is the same, too, and not tried again

    $target->answer('/erp/worse', status => 400);

    my $g = edit("event=$many&target=erp&once=w", '{"kind":"worse"}', 'worse');

    ok(wait_until(10, sub { entries("dead?event=$g->{event}") }), 'is dead');
    is_deeply(edit("event=$many&target=erp&once=w", '{"kind":"worse"}', 'again'),
        $g, 'the same answer');
    sleep 0.3;
    is(scalar came($g->{id}), 1, 'it was tried once');
    is(scalar(() = $t->read_file('logs/error.log')
        =~ /event $many goes to target "erp" with an edited body, as/g), 2,
        'the audit has each copy once');
}


sub wrong {
    my ($event) = one_dead('erp');
    my $one = "replay?event=$event&target=erp";

    for (['{"a":', 'at byte 5'], ['x', 'at byte 0'], ['{"a":1}}', 'at byte 7'],
         [ " \n", 'byte'], ['<a/>', 'content_type='],
         [ "{\"a\":\"\x00\"}", 'byte' ])
    {
        my ($body, $text) = @$_;

        for my $preview ('', '&preview=1') {
            my $r = act("$one$preview", $body);

            is($r->{status}, 400, "no JSON: $text");
            like($r->json->{detail}, qr/\Q$text/, 'why');
        }
    }

    is(act("$one&content_type=application/xml", '<a/>')->{status}, 200,
        'of another type it need not be');

    my $max = '{"a":"' . 'x' x (2048 - 8) . '"}';

    is(act($one, $max)->{status}, 200, 'as large as max_size');
    is(act($one, $max . ' ')->{status}, 413, 'larger');
    like(act($one, $max . ' ')->json->{detail}, qr/2048 bytes/, 'how large');
    is(act($one, 'x' x 3_000_000)->{status}, 413, 'larger than any source');

    my $c = $t->connect;

    for my $body ('{"kind":"ok"}', '') {
        $c->write("POST /admin/v1/$one HTTP/1.1\r\nHost: a\r\n"
            . "Authorization: Bearer act-0123456789abcdef\r\n"
            . "X-Event-Admin: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
            . join('', map { "1\r\n$_\r\n" } split //, $body)
            . "0\r\n\r\n");

        my $r = $c->response;

        is($r->{status}, 200, 'in chunks: ' . length $body);
        is(exists $r->json->{edited} ? 1 : 0, length $body ? 1 : 0,
            $body ? 'edited' : 'an empty body is none');
    }

    $c->close;
    ok(wait_until(10, sub { !entries("dead?event=$event") }),
        'so it was replayed as it was');
}


sub refused {
    my ($event) = one_dead('erp');
    my $one = "replay?event=$event&target=erp";
    my $sync = "sync-$store";

    is($t->post('/c', $json->encode({ id => $sync, kind => 'ok' }),
        [ 'Content-Type' => 'application/json' ])->{status}, 200, 'at once');

    for (["replay?event=$event", 400, 'event= and target='],
         ['replay?target=erp', 400, 'event= and target='],
         ['replay?all=1', 400, 'event= and target='],
         ["$one&rate=5", 400, 'rate= are of many'],
         ["$one&status=400", 400, 'are of many'],
         ["$one&then=go", 400, 'then='],
         ["$one&once=", 400, 'without a value'],
         ["$one&content_type=json", 400, 'media type'],
         ["$one&archive=a&source=a", 400, 'leave source='],
         ["$one&source=b", 404, 'another source'],
         ["replay?event=$event&target=er", 404, '"erp"'],
         ["$one&deliver_to=er", 404, '"erp"'],
         ['replay?event=0000000000000001&target=erp', 404, 'delivery sync'],
         ["$one&body=1", 400, 'not known'])
    {
        my ($path, $status, $text) = @$_;
        my $r = act($path, '{"a":1}');

        is($r->{status}, $status, $path);
        like($r->json->{detail}, qr/\Q$text/, 'why');
    }

    for ("$one&then=purge", "$one&content_type=a/b", "$one&once=a") {
        my $r = act($_);

        is($r->{status}, 400, 'without a body');
        like($r->json->{detail}, qr/has none/, 'why');
    }

    is($t->post("/admin/v1/$one", '{}', [ 'X-Event-Admin' => 1,
        Authorization => 'Bearer look-0123456789abcdef' ])->{status}, 403,
        'who looks may not');
    is($t->post("/admin/v1/$one", '{}', [
        Authorization => 'Bearer act-0123456789abcdef' ])->{status}, 403,
        'nor a form of a page');
    is(scalar entries("dead?event=$event"), 1, 'nothing was done');
}


sub accounted {
    my ($targets, $json);

    act('purge?all=1');
    ok(wait_until(10, sub {
        $json = $t->get('/status')->json;
        $targets = $json->{queue}{targets};

        return !grep { $_->{pending} || $_->{dead} } values %$targets;
    }), 'all is over');
    is(join(' ', map { $_->{unaccounted}, $_->{dead_unaccounted} }
                 values %$targets),
        join(' ', (0) x (2 * keys %$targets)), 'all is accounted for');
}
