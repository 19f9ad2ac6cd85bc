#!/usr/bin/perl

# Copyright (C) Event Router contributors

# History and a worker that is killed: at each point before and after a commit
# the record of an event says what its entry is, for both are in one
# transaction.  Then a load of events while workers are killed: each event that
# was accepted has one record, and where it stands is where the queue has it.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::Crash;

my $http = 'event_history 1d size=2m;';


for my $where (map { ("before-commit=$_", "after-commit=$_") }
                   qw(accept settle retry bury replay purge))
{
    subtest $where => sub {
        my ($verb) = $where =~ /=(\w+)/;
        my %answer = (retry => 503, bury => 400, replay => 400, purge => 400);

        start(crash => $where, http => $http);
        $target->answer('/erp', status => $answer{$verb} // 200);

        my $e = event();
        my $status = post($e)->{status};

        is($status, $verb eq 'accept' ? 0 : 202, 'what the producer hears');

        if ($verb eq 'replay' || $verb eq 'purge') {
            ok(wait_until(10, sub { 1 == entries('dead') }), 'it is dead');
            eval { $t->post("/admin/$verb?target=erp", '',
                [ 'X-Event-Admin' => 1 ]) };
        }

        crashed();

        if ($where eq 'before-commit=accept') {
            is(record($e), 'none', 'there is no record');
            is(post($e)->{status}, 202, 'it is sent again');
        }

        agree($e);
        $target->answer('/erp', status => 200);
        drained();
        agree($e);
        ok(wait_until(10, sub { records($e) == 1 }), 'one record');
        finish();
    };
}


subtest 'under load' => sub {
    start(http => $http);

    my @e = map { event() } 1 .. 300;
    my %status;

    for my $i (0 .. $#e) {
        kill KILL => ($t->workers)[0] if $i % 60 == 59;
        $status{ $e[$i] } = eval { post($e[$i])->{status} } // 0;
    }

    drained();

    my ($wrong, $accepted) = (0, 0);

    for my $e (grep { $status{$_} == 202 } @e) {
        $accepted++;
        $wrong++ if record($e) ne 'delivered' || records($e) != 1;
    }

    cmp_ok($accepted, '>', 200, 'most are accepted');
    is($wrong, 0, 'each of them has a record, and is delivered');
    finish();
};


nodes_done();


# a record and the entries say the same

sub agree {
    my ($e) = @_;

    my ($said, $is);

    ok(wait_until(10, sub {
        $is = entries('pending') ? 'pending'
              : entries('dead') ? 'dead' : 'delivered or purged';
        $said = record($e) =~ s/^(?:delivered|purged)$/delivered or purged/r;

        return $said eq $is;
    }), 'the record is as the entry: ' . ($is // '')) or diag($said);
}


sub found {
    my ($e) = @_;

    my $r = $t->get('/admin/v1/events?id=' . id_of($e));

    return $r->{status} == 200 ? @{ $r->json->{events} } : ();
}


sub records { return scalar(() = found($_[0])) }


sub record {
    my ($record) = found($_[0]);

    return $record ? $record->{targets}[0]{state} : 'none';
}
