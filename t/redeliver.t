#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A repetition of an event whose target holds it as a dead letter starts it
# again; one of an event whose dead letter was purged or has lapsed makes it
# new for that target.  What another target has is not delivered again.  In
# files, in Redis, and with the keys of duplicates in another store.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my $json = JSON::PP->new->utf8->canonical;
my ($serial, $stores) = (0, 0);
my ($store, $dedup);

my @all = (
    [ 'file', '' ],
    [ 'redis', '' ],
    [ 'file', 'memory' ],
    [ 'file', 'redis' ],
    [ 'redis', 'memory' ],
    [ 'redis', 'redis' ],
);


# targets, sources (lines), window

sub config {
    my (%o) = @_;

    my %lines = (erp => '', crm => '', %{ $o{targets} // {} });
    my ($blocks, $locations) = ('', '');

    for my $name (sort grep { defined $lines{$_} } keys %lines) {
        $blocks .= "    event_target $name { breaker off; retry off;"
            . " $lines{$name} }\n";
        $locations .= "        location = /deliver/$name {"
            . " event_deliver $name;"
            . " proxy_pass http://127.0.0.1:%%PORT_8081%%/$name/\$kind; }\n";
    }

    my $both = defined $lines{erp} ? 'erp crm' : 'crm';
    my $window = $o{window} // '1h';
    my $routes = $o{routes} // (defined $lines{erp}
        ? 'event_route one { from a b; when type = one; to erp; }' : '')
        . ' event_route third { from a b; when type = third; to crm; }';

    $t->config(<<"EOC");

%%GLOBALS%%

http {
    %%GLOBALS_HTTP%%

    event_store $store;
    @{[ $dedup ? "event_dedup_store $dedup;" : '' ]}
    event_set \$kind data.kind uri;

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        delivery queued;
        dedup $window by=id;
        @{[ $o{source} // '' ]}
    }

    event_source b {
        verify off;
        delivery queued;
        dedup $window by=id;
    }

$blocks
    event_route both { from a b; when type = both; to $both; }
    $routes

    server {
        listen 127.0.0.1:%%PORT_8080%%;

        location = /a      { event_receive a; }
        location = /b      { event_receive b; }
        location = /status { event_status; }
        location /admin/   { event_admin; }
$locations
    }
}
EOC
}


sub start {
    my (%o) = @_;

    $t->stop;
    config(%o);
    $t->run;
}


# ---- events and what came of them

sub event {
    my ($type, %o) = @_;

    return { id => 'r' . ++$serial, type => $type, kind => 'ok', %o };
}


sub post {
    my ($e, $uri) = @_;

    return $t->post($uri // '/a', $json->encode($e),
        [ 'Content-Type' => 'application/json' ]);
}


# "202 redelivered: erp"

sub told {
    my ($r) = @_;

    my $j = $r->json // {};

    return "$r->{status} " . ($j->{outcome} // 'nothing')
        . join(' ', @{ $j->{targets} // [] } ? ':' : (),
            map { "$_->{name}=$_->{state}" } @{ $j->{targets} // [] });
}


# the attempts that a target saw of an event: "1 1"

sub seen {
    my ($e, $name) = @_;

    return join ' ', map { $_->header('X-Event-Attempt') }
        grep { $_->{uri} =~ m{^/$name/} && $_->{body} =~ /"id":"$e->{id}"/ }
        $target->requests;
}


sub refuse { $target->answer("/erp/$_[0]", status => $_[1] // 400, body => 'x') }
sub accept_again { $target->answer("/erp/$_[0]", status => 200) }


# an event that erp has refused: a dead letter of it

sub refused {
    my ($type, $kind, %o) = @_;

    my $e = event($type, kind => $kind, %o);
    my @before = $q->dead(target => 'erp');

    refuse($kind, $o{status});
    delete $e->{status};
    is(told(post($e)), '202 queued: erp=queued'
        . ($type eq 'both' ? ' crm=queued' : ''), "$kind: accepted");
    $q->wait_dead(@before + 1, 10, target => 'erp');
    $q->wait_drained(10);
    is(told(post($e)), '202 redelivered: erp=queued', "$kind: and again")
        if $o{twice};
    $q->wait_drained(10);

    return $e;
}


sub drained { ok($q->wait_drained(10), 'nothing is pending') }


# ---- each store

for my $case (@all) {
    my ($name, $keys) = @$case;

    subtest $keys ? "queue: $name, keys: $keys" : $name => sub {
        stories(sub {
            $stores++;
            $store = $name eq 'file'
                ? "file:%%TESTDIR%%/store-$stores size=16m"
                : "redis://127.0.0.1:%%PORT_6379%% prefix=s$stores";
            $dedup = { memory => 'memory:1m', redis => 'redis://127.0.0.1:'
                . "%%PORT_6379%% prefix=k$stores" }->{$keys} // '';
        });
    };
}


sub stories {
    my ($fresh) = @_;

    $fresh->();
    start();

    # what died of an answer is started again, and nothing else

    my $e = refused(both => 'final');

    is(seen($e, 'crm'), '1', 'the other target has it');
    is(($q->dead)[0]{reason}, 'final', 'it is final');
    accept_again('final');
    is(told(post($e)), '202 redelivered: erp=queued',
        'the repetition starts it again');
    drained();
    is(seen($e, 'erp'), '1 1', 'delivered, beginning with attempt 1');
    is(seen($e, 'crm'), '1', 'but not to the other target');
    is(scalar $q->dead, 0, 'no dead letter is left');
    is(told(post($e)), '200 duplicate', 'now it is a duplicate');

    # it dies once more

    $e = refused(both => 'stubborn');
    is(told(post($e)), '202 redelivered: erp=queued', 'it dies once more');
    is(scalar $q->wait_dead(1, 10), 1, 'a dead letter');
    is(($q->dead)[0]{epoch}, 1, 'of the next epoch');
    $t->reload;
    accept_again('stubborn');
    is(told(post($e)), '202 redelivered: erp=queued',
        'and is started again, after a reload');
    drained();
    is(seen($e, 'erp'), '1 1 1', 'delivered');

    # retries that are exhausted

    $e = refused(one => 'exhausted', status => 503);
    is(($q->dead)[0]{reason}, 'exhausted', 'exhausted');
    accept_again('exhausted');
    is(told(post($e)), '202 redelivered: erp=queued', 'started again');
    drained();
    is(seen($e, 'erp'), '1 1', 'delivered');

    # while it is under way

    $e = refused(one => 'slow');
    $target->answer('/erp/slow', delay => 2);

    my @clients = map { $t->connect } 1 .. 6;
    my %told;

    $_->send(POST => '/a', [ 'Content-Type' => 'application/json' ],
        $json->encode($e)) for @clients;
    $told{told($_->response)}++ for @clients;
    $_->close for @clients;
    is($told{'202 redelivered: erp=queued'}, 1,
        'of many repetitions at once one starts it');
    is($told{'200 duplicate'} // 0, 5 - ($told{'409 busy'} // 0),
        'the others are duplicates');
    is(told(post($e)), '200 duplicate', 'so is one while it is under way');
    drained();
    is(seen($e, 'erp'), '1 1', 'delivered once');
    accept_again('slow');

    # another body

    $e = refused(one => 'body');
    accept_again('body');
    is(told(post({ %$e, more => 1 })), '202 redelivered: erp=queued',
        'a repetition with another body');
    drained();
    is(($target->requests)[-1]->{body}, $json->encode($e),
        'delivers the first one');

    # in a batch

    $e = event(one => kind => 'batch', specversion => '1.0', source => '/x');
    $e->{data} = { kind => 'batch' };
    refuse('batch');

    my $known = { %$e, type => 'third', id => 'k' . ++$serial };
    my $new = { %$e, type => 'third', id => 'n' . ++$serial };
    my $batch = sub { $t->post('/b', $json->encode([@_]),
        [ 'Content-Type' => 'application/cloudevents-batch+json' ]) };

    is($batch->($e, $known)->{status}, 202, 'a batch');
    $q->wait_dead(1, 10);
    accept_again('batch');

    my $r = $batch->($known, $e, $new);

    is($r->{status}, 202, 'again');
    is(join(' ', map { $_->{outcome} } @{ $r->json->{events} // [] }),
        'duplicate redelivered queued', 'each element by itself');
    drained();
    is(scalar $q->dead, 0, 'no dead letter is left');

    # purged

    $e = refused(both => 'purged');
    is($q->change('purge', target => 'erp')->json->{purged}, 1, 'purged');
    accept_again('purged');
    is(told(post($e)), '202 redelivered: erp=queued',
        'after a purge it is new for that target');
    drained();
    is(seen($e, 'erp') . ', ' . seen($e, 'crm'), '1 1, 1', 'for no other');
    is(told(post($e)), '200 duplicate', 'then a duplicate');

    $e = refused(one => 'whole');
    is($q->change('purge', target => 'erp')->json->{purged}, 1, 'purged');
    accept_again('whole');

    $r = post({ %$e, more => 2 });

    is(told($r), $dedup =~ /redis/ ? '202 redelivered: erp=queued'
        : '202 queued: erp=queued',
        'if nobody ever had it, it is new altogether');
    drained();
    like(($target->requests)[-1]->{body}, qr/"more":2/, 'as it comes now');
    is(told(post($e)), '200 duplicate', 'then a duplicate');

    # a target that is not configured is an operator's

    $e = refused(both => 'removed');
    config(targets => { erp => undef });
    $t->reload;
    sleep 2;
    is(told(post($e)), '200 duplicate', 'its target is not configured');
    is(scalar $q->dead, 1, 'it is still a dead letter');
    config();
    $t->reload;
    accept_again('removed');
    sleep 2;
    is(told(post($e)), '202 redelivered: erp=queued', 'it is back');
    drained();

    # what has lapsed

    $fresh->();
    start(targets => { erp => 'dead_for 1s;' });

    $e = refused(both => 'lapsed');
    ok(wait_until(10, sub { !$q->dead }), 'the dead letter lapses');
    accept_again('lapsed');
    is(told(post($e)), '202 redelivered: erp=queued',
        'it is new for that target');
    drained();
    is(seen($e, 'erp') . ', ' . seen($e, 'crm'), '1 1, 1', 'for no other');

    # the window is over

    $fresh->();
    start(window => '2s');

    $e = refused(both => 'late');
    $t->stop;
    $t->run;
    accept_again('late');
    sleep 2;
    is(told(post($e)), '202 queued: erp=queued crm=queued',
        'after the window it is another event');
    drained();
    is(seen($e, 'erp') . ', ' . seen($e, 'crm'), '1 1, 1 1', 'for all');
    is(scalar $q->dead, 1, 'the dead letter stays');

    # after a restart

    $fresh->();
    start();

    $e = refused(both => 'restart');
    $t->stop;
    $t->run;
    accept_again('restart');
    is(told(post($e)), '202 redelivered: erp=queued', 'after a restart');
    drained();
    is(seen($e, 'erp') . ', ' . seen($e, 'crm'), '1 1, 1', 'delivered');

    my $metrics = $t->get('/status')->json->{sources}{a};

    is($metrics->{redelivered}, 1, 'it is counted');
}


done_testing();
