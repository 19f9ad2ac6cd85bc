#!/usr/bin/perl

# Copyright (C) Event Router contributors

# v1/stored: an event with the very bytes of its body, while it waits, when it
# is dead, and when it is retained, in both stores and sealed; who may see it;
# and what the store does not have.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use MIME::Base64 qw(decode_base64);
use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my ($q, $api);

$t->write_file('keys', 'A' x 43 . "=\n");
$t->write_file('conf/token', $t->secret('canary-0123456789abcdef'));
chmod 0600, map { $t->dir . "/$_" } 'keys', 'conf/token';

for my $case ([ file => '' ], [ redis => '' ],
              [ file => 'encrypt=file:%%TESTDIR%%/keys' ],
              [ redis => 'encrypt=file:%%TESTDIR%%/keys' ])
{
    my ($store, $more) = @$case;

    subtest("$store $more" => sub { stored($store, $more) });
}

$t->done;


sub stored {
    my ($store, $more) = @_;

    $redis->command('FLUSHALL');
    $q = Test::EventRouter::Queue->new($t, prefix => $store);
    $q->config(admin => 'reveal', in => $store eq 'file'
            ? 'file:%%TESTDIR%%/store' . length($more) . " size=16m $more"
            : "redis://127.0.0.1:%%PORT_6379%%/0 $more",
        targets => { erp => 'retry off; breaker off;',
                     crm => 'retry base=1h max=1h; breaker off;' },
        http => 'event_history 1h;', source => 'subject "{json:shop}"; time "{json:at}";',
        more => <<'EOC', server => <<'EOC2');
    event_source b { verify off; id "{header:X-Id}"; type b; delivery queued;
                     retain 1h; accept text/csv; }
    event_route of-b { from b; to erp; }
    event_source c { verify off; id "{json:id}"; type c; }
    event_route of-c { from c; to erp; }
EOC
        location = /b  { event_receive b; }
        location = /c  { event_receive c; }
        location /dim/ { event_admin; }
        location /tok/ {
            event_admin token=file:%%TESTDIR%%/conf/token role=look reveal;
        }
EOC2
    $t->run;
    $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');

    $target->answer('/erp/bad', status => 400);
    $target->answer('/crm/ok', status => 503);

    lists();
    retained();
    refused();

    $t->stop;
}


sub look {
    my ($number, $at) = @_;

    return $t->get(($at // '/admin') . "/v1/stored?event=$number");
}


sub bytes {
    my ($r) = @_;

    my $doc = JSON::PP->new->utf8->decode($r->{body});

    return decode_base64($doc->{base64}) if defined $doc->{base64};

    utf8::encode($doc->{body});

    return $doc->{body};
}


# dead, and waiting

sub lists {
    my $body = qq({"id":"d","type":"erp","kind":"bad",\n\t"shop":"acme",)
               . qq("at":"2026-01-01T00:00:00Z","p":"5%25 \xc3\xa4\\u0007"}\n);

    is($q->post($body)->{status}, 202, 'an event');

    my ($dead) = $q->wait_dead(1, 10);
    my $r = look($dead->{event});

    is($r->{status}, 200, 'a dead letter');
    is_deeply([ $api->wrong(GET => '/stored', $r) ], [], 'as described');
    is(bytes($r), $body, 'byte by byte');

    my $doc = $r->json;

    is_deeply([ @$doc{qw(event id source type subject time size
                         datacontenttype)} ],
        [ $dead->{event}, 'd', 'a', 'erp', 'acme', '2026-01-01T00:00:00Z',
          length $body, 'application/json' ], 'and what is known of it');

    my $id = $q->send('crm');

    ok(wait_until(10, sub { grep { $_->{attempts} } $q->pending }),
        'another one waits');

    my ($entry) = $q->pending;

    is(look($entry->{event})->json->{id}, $id, 'that, too');

    # a copy with another body says whose it is

    $r = $t->post("/admin/v1/replay?event=$dead->{event}&target=erp",
        '{"kind":"bad","n":2}', [ 'X-Event-Admin' => 1 ]);

    my $copy = $r->json->{edited}{event};

    ok(wait_until(10, sub { $q->dead == 2 }), 'a copy with another body');
    $r = look($copy);
    is_deeply([ $api->wrong(GET => '/stored', $r) ], [], 'as described');
    is($r->json->{edited}{event}, $dead->{event}, 'whose it is');
    is(bytes($r), '{"kind":"bad","n":2}', 'and its own bytes');
}


# delivered, and kept, or not

sub retained {
    my $body = join '', map { chr } 0 .. 255;

    is($t->post('/b', $body, [ 'Content-Type' => 'text/csv',
        'X-Id' => 'bin' ])->{status}, 202, 'bytes that are no text');
    is(bytes(look(delivered('bin'))), $body, 'are there when it is delivered');
    is(look(delivered($q->send('erp')))->{status}, 404,
        'of a source that retains nothing they are not');

    $t->post('/c', '{"id":"sync"}', [ 'Content-Type' => 'application/json' ]);
    is(look(delivered('sync'))->{status}, 404, 'nor of one with sync');
}


# the number of an event that reaches its target

sub delivered {
    my ($id) = @_;

    my $event;

    ok(wait_until(10, sub {
        ($event) = @{ $t->get("/admin/v1/events?id=$id")->json->{events} };

        return $event && $event->{targets}[0]
               && $event->{targets}[0]{state} eq 'delivered';
    }), "$id is delivered");

    return $event->{event};
}


sub refused {
    is(look('0000000000000001')->{status}, 404, 'what is not there');
    like(look('0000000000000001')->json->{detail}, qr/the store has no such event/,
        'is told');
    is($t->get('/admin/v1/stored')->{status}, 400, 'which one?');

    my ($dead) = $q->dead;
    my $r = look($dead->{event}, '/dim');

    is($r->{status}, 403, 'without reveal');
    like($r->json->{detail}, qr/no "reveal"/, 'is told');
    is(look($dead->{event}, '/tok')->{status}, 403, 'without the token');
    is($t->get("/tok/v1/stored?event=$dead->{event}",
        [ Authorization => 'Bearer canary-0123456789abcdef' ])->{status}, 200,
        'with role look');
}
