#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Many jobs, in both stores: one that is older than a thousand others goes on
# when its worker is killed, the list has pages, and a job that has nothing to
# do writes nothing.  A cancel that comes as the job ends: who was told that it
# is cancelled finds it cancelled, and nothing is left behind.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;
use Test::EventRouter::OpenApi;
use Test::EventRouter::Queue;
use Time::HiRes qw(time sleep);

my $many = 1001;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $redis = $t->redis(6379);
my ($api, $client, $store);

$t->workers_may_change('they are killed');
$t->expect_log(qr/worker process \d+ exited on signal 9/, 'they are killed');

for (['file'], ['redis', ''], ['redis', ' shards=4']) {
    my ($kind, $shards) = (@$_, '');

    $store = $kind;
    $redis->command('FLUSHALL');

    $q->config(
        targets => { erp => 'breaker off; retry off;',
                     spare => 'breaker off; retry off;' },
        $kind eq 'redis'
        ? (in => 'redis://127.0.0.1:%%PORT_6379%%/0' . $shards) : ());
    $t->run;

    $api = Test::EventRouter::OpenApi->new($t, '/admin/v1');
    $client = undef;

    note("in $kind$shards");
    old();
    pages();
    $shards ? ended(running()) : writes();
    races();
    before() if $kind eq 'redis';
    left();

    $t->stop;
}

done_testing();


# on one connection, as these are many

sub post {
    my ($path) = @_;

    for my $again (1, 2) {
        $client //= $t->connect;
        $client->send(POST => "/admin/v1/$path", [ 'X-Event-Admin' => 1 ], '');

        my $r = $client->response;

        return $r if $r;

        $client->close;
        $client = undef;
    }

    return { status => 0 };
}


sub begin { return post("replay?$_[0]")->json->{job} }


sub job {
    my ($id) = @_;

    return $t->get("/admin/v1/jobs/$id")->json // {};
}


sub jobs {
    my ($args) = @_;

    my $r = $t->get("/admin/v1/jobs?$args");

    is($r->{status}, 200, "jobs?$args") or diag($r->{body});
    is(join('; ', $api->wrong(GET => '/jobs', $r)), '', 'as it is written');

    return ($r->json->{next}, @{ $r->json->{jobs} });
}


sub dead {
    my ($n) = @_;

    $target->answer('/erp/bad', status => 400);
    $q->send_many($n, 'erp', kind => 'bad');

    ok(wait_until(20, sub { $n == grep { 1 } $q->dead(limit => 1000) }),
        'they are dead');
    $target->answer('/erp/bad', status => 200);
}


# one that has long to go, older than all the others, which are soon over

sub old {
    dead(300);

    my $old = begin('target=erp&rate=2');
    my @others = map { begin('target=spare') } 1 .. $many;

    is(scalar(grep { $_ } @others), $many, 'many jobs');
    ok(wait_until(60, sub { job($others[-1])->{state} eq 'done' }),
        'they are over');

    my $before = job($old);

    is($before->{state}, 'running', 'the old one is on its way');
    kill KILL => $t->workers;
    ok(wait_until(10, sub { $t->get('/status')->{status} == 200 }), 'killed');
    ok(wait_until(20, sub {
        (job($old)->{replayed} // 0) > $before->{replayed} + 2
    }), 'it goes on') or diag(explain(job($old)));
}


# all of them, the newest first, by their states

sub pages {
    my (@all, $next, $n);

    do {
        ($next, my @page) = jobs('limit=300' . ($next ? "&after=$next" : ''));
        cmp_ok(scalar @page, '<=', 300, 'a page');
        push @all, map { $_->{job} } @page;
    } while ($next && ++$n < 20);

    is(scalar @all, $many + 1, 'all of them');
    is(join(' ', @all), join(' ', reverse sort @all), 'the newest first');

    my ($more, @running) = jobs('state=running');

    is(scalar @running, 1, 'one is running');
    is($running[0]{job}, $all[-1], 'the oldest');
    is($more, undef, 'that is all');

    ($more, my @done) = jobs('state=done&limit=2');
    is(join(' ', map { $_->{job} } @done), "@all[0, 1]", 'done');
    ok($more, 'there are more');
    ($more, @done) = jobs("state=done&limit=1&after=$more");
    is($done[0]{job}, $all[2], 'the next one');
    is((jobs('state=cancelled'))[1], undef, 'none was cancelled');
    is($t->get('/admin/v1/jobs')->json->{jobs}[49]{job}, $all[49],
        'fifty by default');
    is($t->get("/admin/v1/jobs/$_")->{status}, 200, 'each is found')
        for @all[0, 500, -1];

    for (['state=over', 'state='], ['limit=0', 'limit='], ['after=1', 'after='],
         ['job=1', 'not known'])
    {
        my ($args, $text) = @$_;
        my $r = $t->get("/admin/v1/jobs?$args");

        is($r->{status}, 400, $args);
        like($r->json->{detail}, qr/\Q$text/, 'why');
    }
}


# how often the store was written to

sub commits {
    return $store eq 'file'
        ? $t->get('/status')->json->{store_commit_seconds}{count}
        : $redis->command('INFO', 'commandstats')
          =~ /cmdstat_hset:calls=(\d+)/ ? $1 : 0;
}


sub in_a_second {
    my ($from, $time) = (commits(), time);

    sleep 4;

    return (commits() - $from) / (time - $time);
}


# two events a second: a step for each, and a row of the job

sub writes {
    my $id = running();

    # nothing is delivered, so nothing else is written

    post('pause?target=erp');
    wait_until(10, sub { !grep { $_->{leased} } $q->pending(limit => 1000) });

    my $before = job($id)->{replayed};
    my $n = in_a_second();
    my $steps = (job($id)->{replayed} - $before) / 4;

    cmp_ok($steps, '>=', 1, 'it goes on');

    ended($id);

    my $idle = in_a_second();

    # a step is two writes in files, and more in Redis

    note("$n writes a second for $steps steps, $idle without it");
    cmp_ok($n - $idle, '<', $store eq 'file' ? 6 : 16,
        'it writes when it did something');
    post('resume?target=erp');
}


sub running { return (jobs('state=running'))[1]{job} }


sub ended {
    my ($id) = @_;

    is(post("cancel?job=$id")->{status}, 200, 'it is cancelled');
    ok(wait_until(3, sub { job($id)->{state} eq 'cancelled' }), 'soon');
}


# cancels that come as the jobs end, which is soon after a second is over

sub races {
    my (%is, %n);

    for (1 .. 8) {
        my $first = begin('target=spare');

        wait_until(5, sub { job($first)->{state} eq 'done' });

        my $end = time + 0.94;
        my @jobs = map { begin('target=spare') } 1 .. 16;

        for my $job (@jobs) {
            my $wait = $end - time + rand 0.004;

            sleep $wait if $wait > 0;
            $end += 0.008;

            my $r = post("cancel?job=$job");
            my $said = $r->json->{state} // '';

            $is{$job} = $r->{status} == 200 && $said =~ /^cancell/
                        ? 'cancelled' : $r->{status} == 409 ? 'done'
                        : "$r->{status} $said";
        }
    }

    my $over = sub {
        return !grep { job($_)->{state} !~ /^(done|cancelled)$/ } keys %is;
    };

    ok(wait_until(10, $over), 'all are over');
    $n{ $is{$_} }++ for keys %is;
    note(join ', ', map { "$n{$_} were $_" } sort keys %n);
    is(join(' ', grep { job($_)->{state} ne $is{$_} } sort keys %is), '',
        'each is what was said');
    is(join(' ', grep { post("cancel?job=$_")->{status} != 409 }
                 sort keys %is), '', 'each is over');

    my %told;

    /job ([0-9a-f]{16}) is to be cancelled by an/ && $told{$1}++
        for $t->log_lines;

    is(join(' ', grep { ($told{$_} // 0) != ($is{$_} eq 'cancelled') }
                 sort keys %is), '', 'the audit has each that was');
}


# what a version before left: jobs that are over where those are that run, and
# wishes to cancel some

sub before {
    my ($over) = @{ $redis->command(KEYS => '*s:2:*3') };
    my ($rows, $wishes) = map { $over =~ s/3$/$_/r } 1, 2;
    my %row = @{ $redis->command(HGETALL => $over) };
    my @ids = sort grep { $_ ne '-' } keys %row;
    my $put = sub {
        my ($where, $id, $value) = @_;

        $redis->command(HSET => $where, $id, $value);
        $redis->command(ZADD => $where =~ s/s:2:/l:2:/r, 0, $id);
    };

    for my $id (splice @ids, 0, 250) {
        $put->($rows, $id =~ s/^../00/r, $row{$id});
        $put->($wishes, $id, 'f' x 16 . '1');
    }

    ok(wait_until(20, sub { !$redis->command(EXISTS => $rows, $wishes) }),
        'all are put in their place');
    is($redis->command(HLEN => $over), keys(%row) + 250, 'none is lost');
}


# nothing but jobs that are over, which go by themselves

sub left {
    is(scalar((jobs("state=$_"))[1]), undef, "none is $_")
        for qw(running cancelling);

    return if $store ne 'redis';

    my @rows = @{ $redis->command(KEYS => '*s:2:*') };

    is(scalar @rows, 1, 'there is nothing but those that are over');
    like($rows[0], qr/s:2:0{15}3$/, 'which have a place of their own');
}
