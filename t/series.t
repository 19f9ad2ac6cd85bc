#!/usr/bin/perl

# Copyright (C) Event Router contributors

# v1/series: what was counted in each step of the last hour and day, against
# what was sent; a clock that is set back and forth; reload, renames, the death
# of a sampler, a restart with and without a store; more targets than there is
# room for.
#
# A step takes 10 s, so the clock of nginx is set to its end.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;

$ENV{TEST_NGINX_ALARM} ||= 600;

plan(skip_all => 'no libfaketime')
    if !glob '/usr/lib/*/faketime/libfaketimeMT.so.1';

# the first step of a day's step, some days from now

my $start = int(time / 300) * 300 + 10 * 86400;


# an nginx whose clock is ours: it stands at the begin of a step

sub harness {
    my (%o) = @_;

    my $t = Test::EventRouter->new(workers => $o{workers} // 2,
        $o{options} ? %{ $o{options} } : ());
    my $q = Test::EventRouter::Queue->new($t);
    my $target = $t->target(8081);

    at($t, $o{clock} // $start);
    $q->config(targets => { erp => 'retry off; breaker off;', crm => '' },
        %{ $o{config} // {} });
    $target->answer('/erp/bad', status => 422);
    $target->answer('/erp/slow', status => 200, delay => 0.3);

    return ($t, $q, $target);
}


sub series {
    my ($t, $span, $more) = @_;

    my $r = $t->get("/admin/v1/series?span=$span" . ($more // ''));

    $r->{status} == 200 or die "series: $r->{status} $r->{body}\n";

    return $r->json;
}


sub total {
    my ($numbers) = @_;

    my $sum = 0;

    $sum += $_ // 0 for @$numbers;

    return $sum;
}


sub measured { return scalar grep { defined } @{ $_[0] } }


# the clock goes on to where the next step begins, or to that time, and a sample
# is taken

{
    my %set;

    sub clock {
        my ($t) = @_;

        my ($epoch, $at) = @{ $set{$t} };

        return $epoch + time - $at;
    }

    sub at {
        my ($t, $epoch) = @_;

        $set{$t} = [ $epoch, time ];
        $t->clock($epoch);
    }

    sub step {
        my ($t, $to, $seconds) = @_;

        $to //= (int(clock($t) / 10) + 1) * 10;
        at($t, $to);

        my $want = int($to / 10) * 10;

        wait_until($seconds // 10, sub {
            my $s = series($t, 'hour');

            return defined $s->{measured_ms}[-1] && seconds($s->{to}) >= $want;
        }) or $seconds or diag("no sample for $want");
    }
}


# it runs, and what it counts from now on is measured

sub start {
    my ($t) = @_;

    $t->run;
    wait_until(10, sub {
        step($t, undef, 1.5);
        return measured(series($t, 'hour')->{measured_ms});
    });
}


sub seconds {
    my ($time) = @_;

    my ($y, $m, $d, $h, $min, $s) = $time
        =~ /^(\d+)-(\d+)-(\d+)T(\d+):(\d+):(\d+)\.000Z$/ or return 0;

    require Time::Local;

    return Time::Local::timegm($s, $min, $h, $d, $m - 1, $y);
}


subtest 'what was sent' => sub {
    my ($t, $q, $target) = harness();

    start($t);

    my $empty = series($t, 'hour');

    is($empty->{points}, 360, 'an hour');
    is($empty->{step_ms}, 10000, 'in steps of 10 s');
    is(seconds($empty->{to}) - seconds($empty->{from}), 3600, 'all of it');

    $q->send('erp') for 1 .. 3;
    $q->send('erp', kind => 'bad') for 1 .. 2;
    $q->send('erp', kind => 'slow');
    wait_until(10, sub { $target->count >= 6 });
    sleep 1;
    step($t);

    my $s = series($t, 'hour');
    my %erp = %{ $s->{targets}{erp} };
    my %crm = %{ $s->{targets}{crm} };
    my %all = %{ $s->{all} };

    is($s->{sources}{a}{accepted}[-1], 6, 'accepted');
    is($erp{delivered}[-1], 4, 'delivered');
    is($erp{failed}[-1], 2, 'failed');
    is($erp{pending}[-1], 0, 'nothing waits');
    cmp_ok($erp{p50}[-1], '<', 100, 'most attempts were quick');
    cmp_ok($erp{p99}[-1], '>', 250, 'one was not');
    is($crm{delivered}[-1], 0, 'the other target has nothing');
    is($crm{p50}[-1], undef, 'and no latency');
    is($all{accepted}[-1], 6, 'all: accepted');
    is($all{delivered}[-1], 4, 'all: delivered');
    is($all{dead}[-1], 2, 'all: dead');
    is($s->{left_out}, 0, 'nobody is left out');

    my $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');

    is_deeply([ $api->wrong(GET => '/series',
        $t->get('/admin/v1/series?span=hour')) ], [], 'as described');

    my $one = series($t, 'hour', '&target=erp');

    is_deeply([ keys %{ $one->{targets} } ], ['erp'], 'one target');
    is_deeply($one->{sources}, {}, 'and no source');
    is_deeply([ keys %{ series($t, 'hour', '&source=a')->{sources} } ], ['a'],
        'one source');

    is($t->get('/admin/v1/series')->{status}, 400, 'span= is needed');
    is($t->get('/admin/v1/series?span=year')->{status}, 400, 'a word');
    is($t->get('/admin/v1/series?span=day&target=x')->{status}, 404,
        'a target that is not there');
    $t->stop;
    $t->_check;
};

done_testing();
