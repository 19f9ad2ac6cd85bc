#!/usr/bin/perl

# Copyright (C) Event Router contributors

# An event that was answered 202 is found in the history at once, by its id, by
# a value and by its number, whichever worker is asked: also by one that has
# done nothing yet, or nothing for a while.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 4);
my $q = Test::EventRouter::Queue->new($t);

$t->target(8081);

# with a socket of its own for each worker clients are spread over all of them

$q->config(
    http => 'event_history 7d size=2m index=data.order;
             server {
                 listen 127.0.0.1:%%PORT_8082%% reuseport;
                 add_header X-Worker $pid always;
                 location /admin/ { event_admin; }
             }',
    targets => { erp => '' });

$t->run;

my (%missed, %asked);

for my $order (1 .. 6) {
    my $id = $q->send('erp', order => "o-$order");

    for my $query ("id=$id", "key=data.order:o-$order") {

        for (1 .. 12) {
            my $r = $t->get("/admin/v1/events?$query", [], port => 8082);
            my $events = $r->json->{events};

            $asked{ $r->header('X-Worker') }++;
            $missed{$query}++ if @$events != 1 || $events->[0]{id} ne $id;
        }
    }
}

cmp_ok(scalar keys %asked, '>', 1, 'several workers were asked');
is_deeply(\%missed, {}, 'each of them finds what was accepted');

$t->done;
