#!/usr/bin/perl

# Copyright (C) Event Router contributors

# contrib/eventctl beside a real nginx: each command in words and as JSON, which
# is what the API says; what it says of what is wrong, and its exit status; the
# address, the token and who may see it; and a server that is hostile.  What
# needs a terminal is in t/eventctl_pty.t.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use JSON::PP ();
use Pod::Checker ();
use POSIX ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Eventctl;
use Test::EventRouter::Queue;

my $json = JSON::PP->new->utf8->canonical;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $hostile = $t->target(8082);
my ($look, $act) = map { $t->secret("canary-of-$_-0123456789") } qw(look act);

$t->write_file('conf/look.secret', "$look\n");
$t->write_file('conf/act.secret', "$act\n");
$t->write_file('conf/wrong.secret', "wrong-0123456789\n");
$t->write_file('conf/none.secret', "\n");
$t->certificate('server');
$t->certificate('other', 'other.example.com');

$q->config(admin => 'reveal', targets => { erp => 'retry off; breaker off;',
        crm => 'retry base=1h max=1h; breaker off;', ware => 'breaker off;',
        spare => '' },
    http => 'event_history 1h index=data.order;',
    source => 'quarantine 1h size=1m; retain 1h; subject "{json:subject}";',
    more => <<'EOC', server => <<'EOC2');
    event_source fleeting { verify off; id "{json:id}"; delivery queued; }
    event_source sync     { verify off; id "{json:id}"; }
    event_route rest { from fleeting sync; to spare; }
EOC

        listen unix:%%TESTDIR%%/nginx.sock;
        listen 127.0.0.1:%%PORT_8443%% ssl;

        ssl_certificate      %%TESTDIR%%/server.crt;
        ssl_certificate_key  %%TESTDIR%%/server.key;

        location /two/ {
            event_admin token=file:%%TESTDIR%%/conf/look.secret role=look
                        token=file:%%TESTDIR%%/conf/act.secret name=boss;
        }

        location /moved/    { return 301 /admin/; }
        location /fleeting  { event_receive fleeting; }
EOC2

$t->run;

my $ctl = Test::EventRouter::Eventctl->new($t, '/admin/');

$target->answer('/erp/bad', status => 400, body => '{"no":"way"}');
$target->answer('/crm/bad', status => 503, body => 'busy');

my %id = (good => $q->send('erp', order => 4711),
          dead => $q->send('erp', kind => 'bad', subject => 'acme'),
          wait => $q->send('crm', kind => 'bad'));

$q->post('{"id":"nobody","type":"none"}');
$q->post('{"id":');

ok(wait_until(10, sub { $q->dead && $target->count >= 3
    && grep { $_->{attempts} } $q->pending }), 'something of each');
ok(wait_until(10, sub { @{ api('quarantine')->{requests} } == 2 }),
    'two in quarantine');

my %number = map { my $what = $_;
    $what => api("events?id=$id{$what}")->{events}[0]{event} } keys %id;

look_json();
look_words();
found();
way();
explained();
tailed();
topped();
targets();
acts();
replays();
edits();
quarantined();
listened();
secured();
who();
where();
wrong();
strangers();
helps();
completes();
restarted();
form();

$t->done;


sub api {
    my ($path) = @_;

    return $t->get("/admin/v1/$path")->json;
}


# status and standard output or error of a command

sub ran {
    my ($status, $re, $what, @command) = @_;

    my $r = $ctl->run(@command);

    is($r->{status}, $status, $what)
        or diag("@command:\n$r->{out}$r->{err}");
    like($status ? $r->{err} : $r->{out}, $re, "$what: what it says")
        if $re;

    return $r;
}


# ---- commands that look

sub look_json {
    for my $case (
        [ 'events' => 'events?limit=50' ],
        [ 'events --target erp --state dead' =>
          'events?limit=50&target=erp&state=dead' ],
        [ 'events --key data.order:4711' =>
          'events?limit=50&key=data.order:4711' ],
        [ 'dead' => 'dead?limit=50' ],
        [ 'dead --target erp --reason final --status 400 --body' =>
          'dead?limit=50&target=erp&reason=final&status=400&body=1' ],
        [ 'pending --limit 1' => 'pending?limit=1' ],
        [ 'pending --source a --attempts 1 --type crm' =>
          'pending?limit=50&source=a&attempts=1&type=crm' ],
        [ 'jobs' => 'jobs?limit=50' ],
        [ 'jobs --state done --limit 1' => 'jobs?limit=1&state=done' ],
        [ 'config' => 'config?limit=50' ],
        [ 'config --target erp --limit 1' => 'config?target=erp&limit=1' ],
        [ 'routes' => 'routes?limit=50' ],
        [ 'routes --text erp --source a --sort matched --limit 3' =>
          'routes?text=erp&source=a&sort=matched&limit=3' ],
        [ 'quarantine --step parse' => 'quarantine?limit=50&step=parse' ],
        [ 'api v1/dead target=erp' => 'dead?target=erp' ],
        [ "api events/$number{good}" => "events/$number{good}" ],
        [ 'api openapi.json' => 'openapi.json' ])
    {
        my ($command, $path) = @$case;
        my $r = $ctl->run(split(/ /, $command), '--json');

        my ($said, $want) = (eval { $json->decode($r->{out}) }, api($path));

        delete $_->{now} for $said // (), $want;

        is($r->{status}, 0, "$command --json");
        is_deeply($said, $want, 'is what the API says');
        is($r->{err}, '', 'and no more');
    }

    # these tell ages, so not all of it is the same

    for my $what (qw(sources targets)) {
        my ($said, $want) = map { $_->{$what} }
            $json->decode($ctl->run($what, '--json')->{out}), api($what);

        is(join(' ', map { $_->{name} } @$said),
            join(' ', map { $_->{name} } @$want), "$what --json");
        is_deeply([ map { sort keys %$_ } @$said ],
            [ map { sort keys %$_ } @$want ], 'with all of each');
    }

    my $r = $ctl->run(qw(status --json));

    is_deeply([ sort keys %{ $json->decode($r->{out}) } ],
        [ sort keys %{ api('status') } ], 'status --json');

    # more rows than there are on a page of the API

    $r = $ctl->run(qw(events --limit 2 --json));
    is(@{ $json->decode($r->{out})->{events} }, 2, 'two rows');

    my $next = $json->decode($r->{out})->{next};

    $r = $ctl->run('events', '--after', $next, '--json');
    is($json->decode($r->{out})->{events}[0]{event}, $number{dead},
        'and those behind them');
}


sub look_words {
    ran(0, qr/^erp +ok +1 +1 +0 +1 +0$/m, 'status', 'status');
    ran(0, qr/^event router \d\S+ at http:\S+\/admin\/, as role act$/m,
        'who asks', 'status');
    ran(0, qr/store file is open.*\n1 pending, 1 dead letter$/m,
        'status of the store', 'status');
    ran(0, qr/^a +ok +queued +5 +1 +\d+ B +\d+ s ago$/m, 'sources',
        'sources');
    ran(0, qr/^erp +ok +1 +1 +0 +1 +0 of 16 +[\d.]+ ms +[\d.]+ ms$/m,
        'targets', 'targets');
    ran(0, qr/^to-erp +a +erp +2 +\S+nginx\.conf:\d+$/m, 'routes', 'routes');
    ran(0, qr/^[\d-]+ [\d:]+ +$number{dead} +a +erp +$id{dead} +erp:dead$/m,
        'events', 'events');
    ran(0, qr/$number{dead} +erp +final +400 +1 +erp +$id{dead} +\{"no":"way"}/,
        'dead', 'dead');
    ran(0, qr/$number{wait} +crm +in \d+ min +1 +503 +crm +$id{wait}/,
        'pending', 'pending');
    ran(0, qr/"kind":"bad"/, 'bodies', 'pending', '--body');
    ran(0, qr/a +parse +400 +127\.0\.0\.1 +not JSON/, 'quarantine',
        'quarantine');
    ran(0, qr/^to-erp +a +erp +when type = erp +\S+nginx\.conf:\d+$/m,
        'config', 'config');
    ran(0, qr/T[\d:]+Z|\d\d:\d\d:\d\dZ/, 'UTC', 'events', '--utc');

    my $r = ran(0, undef, 'nothing', 'dead', '--type', 'x');

    is($r->{out}, '', 'is nothing');
    is($r->{err}, "eventctl: no dead letter is like that\n", 'and is told');

    $r = $ctl->run(qw(dead --type x --quiet));
    is($r->{err}, '', 'but for --quiet');

    $r = $ctl->run(qw(events --limit 1));
    like($r->{err}, qr/^eventctl: 1 row, and there are more: .*--after \S+$/,
        'more than were asked for');
    unlike($r->{out}, qr/\e/, 'no colours in a pipe');

    # times from here on

    ran(0, qr/$number{dead}/, 'since an hour', 'dead', '--from', '1h');
    is($ctl->run('dead', '--to', '1h')->{out}, '', 'before an hour');
    is($ctl->run('dead', '--from', POSIX::strftime('%Y-%m-%d %H:%M',
        localtime time + 120))->{out}, '', 'from two minutes on');
    is($ctl->run('dead', '--from', POSIX::strftime('%Y-%m-%dT%H:%M:%SZ',
        gmtime time + 120))->{out}, '', 'the same in UTC');
}


sub found {
    for my $key ($number{good}, uc $number{good}, $id{good}, '4711',
                 'data.order:4711')
    {
        ran(0, qr/^\S+ \S+ +$number{good} +a +erp +$id{good} +erp:deliv/m,
            "find $key", 'find', $key);
    }

    my $r = ran(0, undef, 'as JSON', 'find', '4711', '--json');

    is_deeply($json->decode($r->{out})->{events},
        api("events?id=$id{good}")->{events}, 'the events');

    ran(3, qr/^eventctl: no event is known by "no\\x1bsuch"$/, 'nothing',
        'find', "no\esuch");
    ran(3, undef, 'a field that has no index', 'find', 'other:4711');
}


sub way {
    my $r = ran(0, qr/^event $number{dead} $id{dead}$/m, 'why', 'why',
        $number{dead});

    like($r->{out}, qr/type erp, source a, subject acme, \d+ B/,
        'what it is');
    like($r->{out}, qr/^\S+ [\d:.]{12} +received$/m, 'received');
    like($r->{out}, qr/^ +route to-erp +\S+nginx\.conf:\d+$/m, 'its route');
    like($r->{out}, qr/erp  attempt 1: status 400 in \d+ ms, final/,
        'the attempt');
    like($r->{out}, qr/^ +\{"no":"way"}$/m, 'what the target said');
    like($r->{out}, qr/erp  dead \(final\)$/m, 'and its end');

    ran(0, qr/crm  waits, the next attempt is due in \d+ min$/m,
        'why it waits, by its id', 'why', $id{wait});
    ran(0, qr/no route wanted it/, 'why nobody has it', 'why', 'nobody');

    $r = ran(0, undef, 'as JSON', 'why', $number{good}, '--json');
    is_deeply($json->decode($r->{out})->{event},
        api("events/$number{good}"), 'the event');
    is_deeply($json->decode($r->{out})->{routes}[0]{to}, ['erp'],
        'and its route');

    ran(3, qr/^eventctl: no event has the id "x"$/, 'an id that is unknown',
        'why', 'x');
    ran(3, qr/^eventctl: nothing is known of event 0000000000000001:/,
        'a number that is unknown', 'why', '0000000000000001');
}


sub explained {
    my $r = ran(0, qr/^event $number{dead} erp $id{dead}, dead, source a$/m,
        'explain', 'explain', $number{dead});

    like($r->{out}, qr/^yes  route to-erp to erp  \S+nginx\.conf:\d+\n/m,
        'the route that took it');
    like($r->{out}, qr/^ +when type = erp \(erp\)  \S+nginx\.conf:\d+$/m,
        'and by which line');
    like($r->{out}, qr/^no   route to-crm .*\n +when type = crm: /m,
        'and one that did not');
    is_deeply($json->decode($ctl->run('explain', $id{dead}, '--json')
        ->{out}), api("explain?event=$number{dead}"), 'as JSON, by its id');
    ran(3, qr/the store has no such event/, 'what is not there', 'explain',
        '0000000000000001');

    $r = $ctl->run('why', $number{dead});
    like($r->{out}, qr/route to-erp .*\n +when type = erp  \S+:\d+$/m,
        'why has the line, too');
    is_deeply($json->decode($ctl->run('why', $number{dead}, '--json')
        ->{out})->{explain}, api("explain?event=$number{dead}"), 'and all');
}


# ---- tail

sub tailed {
    my $tail = $ctl->start(qw(tail target=erp status>=400 --limit 1 --json));

    my $r = until_ended($tail, sub {
        $q->send('erp');
        $q->send('crm');
        $q->send('erp', kind => 'bad');
    });
    my $line = eval { $json->decode($r->{out}) };

    is($r->{status}, 0, 'a tail that ends');
    is_deeply([ @$line{qw(kind target status)} ], [ 'attempt', 'erp', 400 ],
        'has the line of the filter') or diag($r->{out} . $r->{err});

    $tail = $ctl->start('tail', 'kind=event', 'type~^e', 'result!=dead',
        '--limit', '1');
    $r = until_ended($tail, sub { $q->send('erp') });
    like($r->{out}, qr/^[\d:.]{12} event +a +queued +erp e\d+ .*by to-erp \S+$/,
        'in words');

    $r = $ctl->run(qw(tail --for 1 kind=act));
    is($r->{status}, 0, '--for');
    is($r->{out}, '', 'and nothing came');

    $r = $ctl->run(qw(api tail for=1 kind=act));
    is($r->{status}, 0, 'the same by api');

    # nginx is reloaded: the worker ends the answer, and it goes on

    $tail = $ctl->start('tail', 'kind=act', '--limit', '1');
    ok($t->reload, 'a reload');
    $r = until_ended($tail, sub {
        $t->post('/admin/v1/probe?target=ware', '', [ 'X-Event-Admin' => 1 ]);
    });
    like($r->{out}, qr/ act +ware +probe /, 'goes on');

    for my $case (
        [ 'status>>4' => qr/cannot be read from "status>>4" on/ ],
        [ 'staus>=4' => qr/has a member "staus"; did you mean status\?/ ],
        [ 'type="x' => qr/cannot be read/ ],
        [ 'type~(' => qr/"\(" is no regular expression/ ],
        [ 'target' => qr/cannot be read/ ])
    {
        ran(2, $case->[1], "a filter: $case->[0]", 'tail', $case->[0]);
    }

    ran(3, qr/did you mean "erp"/, 'a target that is not there', 'tail',
        'target=erpp');
}


# what is said again and again until somebody who looks has seen it

sub until_ended {
    my ($job, $say) = @_;

    wait_until(15, sub {
        $say->();
        sleep 0.3;
        return $job->ended;
    });

    return $job->end;
}


sub topped {
    my $r = ran(0, qr/^a +ok +0 +0 +0 /m, 'top in a pipe', 'top',
        '--interval', '0.2');

    like($r->{out}, qr/^erp +ok +0 +0 +0 +0 /m, 'targets');
    is(() = $r->{out} =~ /^eventctl top/mg, 1, 'one look');

    my $top = $ctl->start(qw(top --json --interval 0.3 --limit 8));

    $r = until_ended($top, sub { $q->send('erp') });

    my @looks = map { $json->decode($_) } split /\n/, $r->{out};
    my @rates = map { my ($one) = grep { $_->{name} eq 'erp' }
                                  @{ $_->{targets} };
                      $one->{rates}{delivered} } @looks;

    is(scalar @looks, 8, 'a line of JSON each');
    cmp_ok((sort { $b <=> $a } @rates)[0], '>', 0.2, 'how many a second');
    cmp_ok((sort { $b <=> $a } @rates)[0], '<', 20, 'not how many');
    ok(defined $looks[-1]{now}, 'and when');

    for my $interval ('0', 'x', '4000') {
        ran(2, qr/--interval takes/, "--interval $interval", 'top',
            '--interval', $interval);
    }

    for my $for ('0', 'x', '0.5', '1e3', '86401') {
        ran(2, qr/^eventctl: --for takes/, "--for $for", 'tail', '--for', $for);
    }
}


# ---- commands that act

sub targets {
    ran(0, qr/^crm is paused$/, 'pause', 'pause', 'crm');
    ok(api('status')->{queue}{targets}{crm}{paused}, 'it is');
    ran(0, qr/^crm +paused/m, 'status says so', 'status');
    ran(0, qr/^ +crm  waits, the next .*, but its target is paused$/m,
        'and so does why', 'why', $id{wait});
    ran(1, qr/paused.*\(409\)$/, 'no probe of it', 'probe', 'crm');
    ran(0, qr/^crm is resumed$/, 'resume', 'resume', 'crm');

    ran(0, qr/^a is paused, 1 held$/, 'a source', 'pause', '--source', 'a');
    ran(0, qr/ held /, 'what waits is held', 'pending');
    ran(0, qr/^ +crm  waits until its source is resumed$/m, 'why says so',
        'why', $id{wait});
    ran(0, qr/^a is resumed/, 'goes on', 'resume', '--source', 'a');
    ran(2, qr/say one of them/, 'neither', 'pause');
    ran(2, qr/say one of them/, 'both', 'pause', 'crm', '--source', 'a');

    ran(0, qr/^erp is drained, 0 under way$/, 'drain', 'drain', 'erp');
    ran(0, qr/^erp delivers again/, 'undrain', 'undrain', 'erp');

    $target->answer('/ware/slow', delay => 4);
    $q->send('ware', kind => 'slow');
    ok(wait_until(10, sub { $target->begun(uri => '/ware/slow') }),
        'under way');
    ran(6, qr/still under way: 1 to ware.*\(504\)$/, 'not in time',
        qw(drain ware --timeout 1));
    ran(0, undef, 'and back', 'undrain', 'ware');

    # an act goes on without whoever asked for it, and that is said

    $target->answer('/erp/slow', delay => 5);
    $q->send('erp', kind => 'slow');
    ok(wait_until(10, sub { api('status')->{queue}{targets}{erp}{in_flight} }),
        'under way again');

    my $drain = $ctl->start(qw(drain erp --timeout 20));
    ok(wait_until(10, sub { api('status')->{queue}{targets}{erp}{draining} }),
        'it drains');
    kill 'INT', $drain->{pid};

    my $r = $drain->end;

    is($r->{status}, 130, 'Ctrl-C in a drain');
    like($r->{err}, qr/interrupted; what was asked for goes on in nginx/,
        'is told that it goes on');
    ok(api('status')->{queue}{targets}{erp}{draining}, 'and it does');
    ran(0, undef, 'until it is ended', 'undrain', 'erp');

    ran(0, qr/^erp is tried now$/, 'probe', 'probe', 'erp');

    $r = ran(0, qr/^erp: ok, status 200 in \d+ ms/, 'test', 'test', 'erp');

    like($r->{out}, qr/bytes?: ok$/m, 'what it answered');
    ran(1, undef, 'a test that fails', 'test', 'crm', '--data',
        $t->write_file('bad.json', '{"kind":"bad"}'));
    is($json->decode($ctl->run('test', 'erp', '--json')->{out})->{verdict},
        'ok', 'as JSON');
    is(($target->requests)[-1]->header('X-Event-Test'), '1', 'it was a test');
}


sub acts {
    my $before = $target->count;

    ran(0, qr/^1 delivery would be due now, accepted /, 'retry --plan',
        qw(retry --target crm --plan));
    is($target->count, $before, 'nothing is done');
    ran(0, qr/^1 delivery is due now$/m, 'retry', qw(retry --target crm));
    ok(wait_until(10, sub { $target->count > $before }), 'it is tried');
    ran(2, qr/say which ones: --target, .* or --all$/, 'of what?', 'retry');

    ok(wait_until(10, sub {
        my ($entry) = $q->pending(target => 'crm');
        return $entry && $entry->{attempts} == 2;
    }), 'it waits again');

    ran(2, qr/Nobody can be asked here: say --yes$/, 'move asks',
        qw(move --target crm --deliver-to spare));
    ran(2, qr/say where they go: --deliver-to/, 'where?',
        qw(move --target crm));
    ran(0, qr/^1 delivery would go to spare/, 'move --plan',
        qw(move --target crm --deliver-to spare --plan));
    ran(0, qr/^1 delivery waits for spare now$/, 'move',
        qw(move --target crm --deliver-to spare --yes));
    ok(wait_until(10, sub { !$q->pending }), 'it is delivered there');

    my $dead = () = $q->dead;

    ran(2, qr/^eventctl: Forget $dead dead letters.*for ever\?.*--yes$/,
        'purge asks', qw(purge --all));
    is(scalar(() = $q->dead), $dead, 'nothing is done');
    ran(0, qr/^1 dead letter would be forgotten/, 'purge --plan', 'purge',
        '--event', $number{dead}, '--plan');

    my $r = ran(0, undef, 'purge', 'purge', '--event', $number{dead}, '--yes',
        '--json');

    is_deeply($json->decode($r->{out}), { purged => 1 }, 'as JSON');
    is(scalar(() = $q->dead), $dead - 1, 'it is gone');
    ran(0, qr/^0 dead letters would be forgotten$/, 'nothing to purge',
        'purge', '--event', $number{dead});
    ran(0, qr/^0 deliveries that wait would/, 'nor what waits',
        qw(purge --all --state pending));
}


sub replays {
    my $dead = () = $q->dead;

    cmp_ok($dead, '>', 0, 'there is something');
    ran(0, qr/^$dead events? would be delivered again, accepted /,
        'replay --plan', qw(replay --target erp --plan));
    is_deeply([ @{ $json->decode($ctl->run(qw(replay --all --plan --json))
                        ->{out}) }{qw(state total)} ], [ 'preview', $dead ],
        'as JSON');
    ran(2, qr/^eventctl: Deliver $dead events? again.*--yes$/, 'replay asks',
        qw(replay --all));

    $target->answer('/erp/bad', status => 200);

    my $r = ran(0, undef, 'replay', qw(replay --target erp --yes --json));
    my $job = $json->decode($r->{out});

    is($job->{state}, 'done', 'it waits for the end');
    is($job->{replayed}, $dead, 'of all');
    is($r->{err}, '', 'and shows no bar in a pipe');
    ok(wait_until(10, sub { !$q->dead }), 'they are delivered');

    ran(0, qr/$job->{job} +done +$dead +$dead +erp/, 'jobs', 'jobs');
    ran(0, qr/^replayed +$dead$/m, 'one job', 'jobs', $job->{job});
    ran(3, undef, 'a job that is not there', 'jobs', '0000000000000001');
    ran(2, qr/is no number of/, 'no number', 'jobs', '1');

    # one that takes long, and is ended

    $target->answer('/erp/bad', status => 400);
    $q->send('erp', kind => 'bad') for 1 .. 5;
    is(scalar $q->wait_dead(5, 10), 5, 'five more');

    $r = ran(0, undef, 'replay --no-wait',
        qw(replay --all --yes --rate 1 --no-wait --json));
    $job = $json->decode($r->{out});
    is($job->{state}, 'running', 'it runs');
    ran(0, undef, 'cancel', 'cancel', $job->{job});
    ok(wait_until(10, sub {
        return api("jobs/$job->{job}")->{state} eq 'cancelled';
    }), 'it is cancelled');

    # an interrupt leaves it running

    ok(wait_until(10, sub { (() = $q->dead) == 5 }), 'five again');

    my $watch = $ctl->start(qw(replay --all --yes --rate 1));

    ok(wait_until(10, sub {
        return grep { $_->{state} eq 'running' } @{ api('jobs')->{jobs} };
    }), 'a job runs');
    sleep 0.5;
    kill 'INT', $watch->{pid};
    $r = $watch->end;
    is($r->{status}, 130, 'Ctrl-C');
    like($r->{err}, qr/^eventctl: job (\w{16}) goes on without us, .* so far: /,
        'says that it goes on');

    my ($number) = $r->{err} =~ /job (\w{16})/;

    is(api("jobs/$number")->{state}, 'running', 'and it does');
    ran(0, undef, 'cancel', 'cancel', $number);

    # with --cancel and nobody to ask it ends

    ok(wait_until(10, sub {
        return api("jobs/$number")->{state} eq 'cancelled'
               && (() = $q->dead) == 5;
    }), 'five once more');
    $watch = $ctl->start(qw(replay --all --yes --rate 1 --cancel));
    ok(wait_until(10, sub {
        return grep { $_->{state} eq 'running' } @{ api('jobs')->{jobs} };
    }), 'a job runs');
    sleep 0.5;
    kill 'INT', $watch->{pid};
    $r = $watch->end;
    is($r->{status}, 130, 'Ctrl-C with --cancel');
    like($r->{err}, qr/job \w{16} is cancelled/, 'ends it');
}


sub edits {
    ok(wait_until(10, sub { (() = $q->dead) == 5 }), 'dead letters to edit');

    my ($one) = $q->dead;
    my $body = '{"kind":"ok",' . "\n" . ' "id":"put-right"}';

    # an editor that does what it is told

    my $editor = $t->write_file('editor', "#!/bin/sh\ncp \"\$1\" "
        . $t->dir . "/seen\nprintf '%s' '$body' > \"\$1\"\n");

    chmod 0700, $editor;

    my $r = $ctl->run_with({ EDITOR => $editor }, 'edit', $one->{event},
        '--yes', '--then', 'purge');

    is($r->{status}, 0, 'edit') or diag($r->{err});
    like($r->{out}, qr/^event \w{16} $one->{id}-edited-\w+: \d+ bytes/,
        'a copy');
    like($r->{out}, qr/the original is forgotten/, 'in its place');
    is_deeply($json->decode($t->read_file('seen')),
        { id => $one->{id}, type => 'erp', kind => 'bad' },
        'the editor got its body');
    ok(wait_until(10, sub { grep { $_->{body} eq $body } $target->requests }),
        'the target gets what was written');

    ($one) = $q->dead;

    ran(2, qr/Nobody can be asked here/, 'it asks', 'edit', $one->{event},
        '--data', $t->write_file('new.json', $body));
    ran(0, qr/^it would be .*: \d+ bytes/, 'edit --plan', 'edit',
        $one->{event}, '--data', $t->dir . '/new.json', '--plan');
    ran(1, qr/JSON.*\(400\)$/, 'no JSON', 'edit', $one->{event}, '--yes',
        '--data', $t->write_file('wrong.json', '{'));

    $r = $ctl->run_with({ EDITOR => 'true' }, 'edit', $one->{event}, '--yes');
    is($r->{status}, 0, 'nothing was changed');
    like($r->{err}, qr/nothing was changed, nothing was sent/, 'so nothing is');

    $r = $ctl->run_with({ EDITOR => 'false' }, 'edit', $one->{event}, '--yes');
    is($r->{status}, 1, 'an editor that fails');

    # a body with line ends is shown percent-encoded, and is sent as it was

    $target->answer('/erp/ok', status => 400);

    my $lines = qq({"id":"lines",\n"type":"erp",\n"kind":"ok","p":"5%25"}\n);

    $q->post($lines);
    ok(wait_until(10, sub { grep { $_->{id} eq 'lines' } $q->dead }),
        'one with line ends');
    $r = $ctl->run_with({ EDITOR => $editor }, 'edit', 'lines', '--yes');
    is($r->{status}, 0, 'is edited, by its id') or diag($r->{err});
    is($t->read_file('seen'), $lines, 'as it was');
    $target->answer('/erp/ok', status => 200);

    # what was delivered, of a source that retains: another target gets a copy

    my $id = $q->send('ware');

    ok(wait_until(10, sub {
        my ($event) = @{ api("events?id=$id")->{events} };
        return $event && $event->{targets}[0]{state} eq 'delivered';
    }), 'one that is delivered');

    ran(2, qr/neither waits nor is dead: say .* --deliver-to$/, 'to whom?',
        'edit', $id, '--data', "$t->{dir}/new.json");
    $r = $ctl->run_with({ EDITOR => $editor }, 'edit', $id, '--yes',
        '--deliver-to', 'spare');
    is($r->{status}, 0, 'a copy') or diag($r->{err});
    is($json->decode($t->read_file('seen'))->{id}, $id, 'of what it was');
}


sub quarantined {
    my ($parse) = grep { $_->{step} eq 'parse' }
                  @{ api('quarantine')->{requests} };
    my $r = ran(0, qr/^step +parse$/m, 'one request', 'quarantine',
        $parse->{id}, '--body');

    like($r->{out}, qr/^  \{"id":$/m, 'its body');
    like($r->{out}, qr/^  Content-Type: application\/json$/mi, 'its headers');
    ran(0, qr/1 request judged: .*1 refused/, 'recheck', 'recheck',
        $parse->{id});
    ran(0, qr/2 requests judged: /, 'all of a source', 'recheck', '--source',
        'a');
    ran(2, qr/say which/, 'of what?', 'recheck');
    ran(2, qr/Nobody can be asked/, 'purge-quarantine asks',
        'purge-quarantine', $parse->{id});
    ran(0, qr/^1 request is forgotten$/, 'purge-quarantine',
        'purge-quarantine', $parse->{id}, '--yes');
    ran(3, undef, 'it is gone', 'quarantine', $parse->{id});
    ran(2, qr/is no id/, 'no id', 'quarantine', '../x');
}


# ---- listen

sub listened {
    my $port = $t->port(8084);
    my $dev = $t->target(8084);
    my $listen = $ctl->start('listen', 'a', $port . '/hooks/dev', '--json',
        '--limit', '1');
    my $body = qq({"id":"li\xc3\xa4\\u000ax",\n"type":"erp","kind":"ok"}\n);
    my $n = 0;

    my $r = until_ended($listen, sub {
        $q->post($body =~ s/"id":"/'"id":"' . $n++ . '-'/er);
    });

    is($r->{status}, 0, 'listen') or diag($r->{err});

    my $line = $json->decode($r->{out});
    my ($got) = $dev->requests;

    is($line->{status}, 200, 'it was taken');
    is($got->{method} . ' ' . $got->{uri}, 'POST /hooks/dev', 'there');
    is($got->{body} =~ s/\d+-//r, $body, 'byte by byte');
    is($got->header('Content-Type'), 'application/json', 'as what it is');
    like($got->header('Webhook-Id'), qr/^\d+-li%C3%A4%0Ax$/,
        'with its id');
    is($got->header('Ce-Type'), 'erp', 'and its type');
    is($got->header('Authorization'), undef, 'and nothing of ours');
    is($got->header('X-Event-Admin'), undef, 'at all');

    # nobody listens there: it is told, and goes on

    $dev->stop;
    $listen = $ctl->start('listen', 'a', $port, '--limit', '1');
    $r = until_ended($listen, sub { $q->send('erp') });
    is($r->{status}, 0, 'nobody is there');
    like($r->{out}, qr/erp e\d+  cannot reach .*refused$/m, 'which is told');

    # what was delivered meanwhile and is not retained

    $listen = $ctl->start('listen', 'fleeting', $port, '--limit', '1');
    $r = until_ended($listen, sub {
        $t->post('/fleeting', '{"id":' . $n++ . '}',
            [ 'Content-Type' => 'application/json' ]);
    });
    like($r->{err}, qr/has no "retain"/, 'a source that retains nothing');

    ran(1, qr/delivers at once \("delivery sync"\)/, 'a source with sync',
        'listen', 'sync', $port);
    ran(5, qr/add "reveal" to its event_admin/, 'without reveal', 'listen',
        'a', $port, '--url', $ctl->url('/two/'), '--token-file',
        $t->dir . '/conf/look.secret');
    ran(3, qr/did you mean "a"|no source/, 'a source that is not there',
        'listen', 'aa', $port);

    for my $wrong ('0', '70000', 'x', '80x', "80/\e") {
        ran(2, qr/is no port/, 'no port: ' . $wrong =~ s/\e/ESC/r, 'listen',
            'a', $wrong);
    }
}


# ---- TLS, if there is the module for it

sub secured {
    my $url = 'https://127.0.0.1:' . $t->port(8443) . '/admin/';
    my $dir = $t->dir;

    # a module that cannot be loaded is as good as none

    $t->write_file('lib/IO/Socket/SSL.pm', "die 'none';\n");

    my $r = $ctl->run_with({ PERL5LIB => "$dir/lib" }, 'status', '--url',
        $url);

    is($r->{status}, 4, 'without IO::Socket::SSL');
    like($r->{err}, qr/needs .*IO::Socket::SSL: apt-get install libio-socket-/,
        'it says what to install');

    SKIP: {
        skip 'no IO::Socket::SSL: apt-get install libio-socket-ssl-perl', 6
            if !eval { require IO::Socket::SSL; 1 };

        ran(4, qr/^eventctl: cannot reach https:.*certificate verify failed/i,
            'a certificate that nobody vouches for', 'status', '--url', $url);
        ran(0, qr/^event router .* https:/m, 'with --ca-file', 'status',
            '--url', $url, '--ca-file', "$dir/server.crt");
        ran(4, qr/cannot reach .*(?:hostname|certificate)/i,
            'a certificate of another host', 'status', '--url', $url,
            '--ca-file', "$dir/other.crt");
    }
}


# ---- where it is, and who asks

sub who {
    my @two = ('--url', $ctl->url('/two/'));
    my $dir = $t->dir;

    ran(5, qr/; a token is read from --token-file \(403\)$/, 'without a token',
        'dead', @two);
    ran(5, undef, 'with a wrong one', 'dead', @two, '--token-file',
        "$dir/conf/wrong.secret");
    ran(0, undef, 'with role look', 'dead', @two, '--token-file',
        "$dir/conf/look.secret");
    ran(5, undef, 'which does not act', 'pause', 'crm', @two, '--token-file',
        "$dir/conf/look.secret");
    ran(0, undef, 'with role act', 'pause', 'crm', @two, '--token-file',
        "$dir/conf/act.secret");
    ran(0, undef, 'and back', 'resume', 'crm', @two, '--token-file',
        "$dir/conf/act.secret");

    my $r = $ctl->run('dead', @two, '--json');

    is($json->decode($r->{out})->{status}, 403, 'a problem as JSON');

    ran(2, qr/has no token/, 'an empty file', 'dead', @two, '--token-file',
        "$dir/conf/none.secret");
    ran(2, qr/cannot be read/, 'no file', 'dead', @two, '--token-file',
        "$dir/conf/nothing");
    ran(2, qr/no option --token; did you mean --token-file\?/,
        'a token is no argument', 'dead', '--token', $look);

    chmod 0644, "$dir/conf/look.secret";
    $r = $ctl->run('dead', @two, '--token-file', "$dir/conf/look.secret");
    like($r->{err}, qr/can be read by everybody on this machine: chmod 600/,
        'a file for everybody');
    chmod 0600, "$dir/conf/look.secret";

    # while it runs nobody sees the token

    my $tail = $ctl->start('tail', @two, '--token-file',
        "$dir/conf/look.secret", '--limit', '1', 'kind=event');

    wait_until(10, sub { slurp("/proc/$tail->{pid}/cmdline") =~ /look/ });

    my $seen = join '', map { slurp("/proc/$tail->{pid}/$_") }
               qw(cmdline environ);

    like($seen, qr/look\.secret/, 'where it is');
    unlike($seen, qr/\Q$look/, 'but not what it is');
    is(until_ended($tail, sub { $q->send('erp') })->{status}, 0,
        'it was let in');
}


sub where {
    my $dir = $t->dir;
    my $unix = "unix:$dir/nginx.sock:";

    ran(0, qr/^SOURCE/m, 'a Unix socket', 'status', '--url', "$unix/admin/");
    ran(0, undef, 'v1 at the end', 'status', '--url', "$unix/admin/v1/");
    ran(0, undef, 'no slash at the end', 'status', '--url', "$unix/admin");
    ran(4, qr/cannot reach unix:\S+: No such file/, 'no socket', 'status',
        '--url', "unix:$dir/none.sock:/admin/");
    ran(4, qr/cannot reach http:\S+: Connection refused/, 'no port', 'status',
        '--url', 'http://127.0.0.1:' . $t->port(9) . '/');
    ran(4, qr/is no event_admin/, 'another location', 'status', '--url',
        $ctl->url('/nothing/'));
    ran(4, qr/leads to \S+\/admin\//, 'a redirect', 'status', '--url',
        $ctl->url('/moved/'));
    ran(4, undef, 'no TLS', 'status', '--url',
        'https://127.0.0.1:' . $t->port(8080) . '/admin/');

    for my $url ('', 'nothing', 'ftp://x/', 'http://u:p@127.0.0.1/',
                 'http://127.0.0.1/?x', "http://127.0.0.1/\r\nX: y",
                 'unix:relative:/x')
    {
        ran(2, qr/is no address/, 'no address: ' . $url =~ s/\s/ /gr,
            'status', '--url', $url);
    }

    my %env = (XDG_CONFIG_HOME => "$dir/home", EVENTCTL_URL => '');

    $t->write_file('home/eventctl/config', <<"EOC");
# contexts
[default]
url = $unix/admin/

[two]
url        = ${\ $ctl->url('/two/')}
token_file = ../../conf/look.secret
EOC

    is($ctl->run_with(\%env, 'status')->{status}, 0, 'the default context');
    is($ctl->run_with(\%env, qw(dead -c two))->{status}, 0, 'a context');
    is($ctl->run_with({ %env, EVENTCTL_CONTEXT => 'two' }, 'dead')->{status},
        0, 'by the environment');
    is($ctl->run_with({ %env, EVENTCTL_URL => 'http://127.0.0.1:1/' },
        qw(dead -c two))->{status}, 0, 'who names one means it');
    is($ctl->run_with({ %env, EVENTCTL_URL => $ctl->url('/two/'),
        EVENTCTL_TOKEN_FILE => "$dir/conf/look.secret" }, 'dead')->{status}, 0,
        'address and token of the environment');

    my $r = $ctl->run_with(\%env, qw(dead -c tow));

    is($r->{status}, 2, 'a context that is not there');
    like($r->{err}, qr/did you mean two\?/, 'the nearest');

    for my $case ([ "[a]\ntoken = x\n" => qr/config:2: a token does not/ ],
                  [ "url = x\n" => qr/config:1: a line is/ ],
                  [ "[a]\nulr = x\n" => qr/config:2: a line is/ ])
    {
        $t->write_file('home/eventctl/config', $case->[0]);
        $r = $ctl->run_with(\%env, 'status');
        is($r->{status}, 2, 'a wrong configuration');
        like($r->{err}, $case->[1], 'with its line');
    }
}


sub wrong {
    for my $case (
        [ qr/no command "stauts"; did you mean status\?/, 'stauts' ],
        [ qr/no command "xyzzy": "eventctl help" lists/, 'xyzzy' ],
        [ qr/no option --tarhet; did you mean --target\?/, 'dead',
          '--tarhet=erp' ],
        [ qr/"retry" has no option --reason/, 'retry', '--reason', 'final' ],
        [ qr/"dead" has no option --rate; did you mean --route\?|no option/,
          'dead', '--rate', '1' ],
        [ qr/--target takes a value: TARGET/, 'dead', '--target' ],
        [ qr/--json takes no value/, 'dead', '--json=1' ],
        [ qr/--target stands twice/, qw(dead --target a --target b) ],
        [ qr/no option -z; there are -c/, 'dead', '-z' ],
        [ qr/it is: eventctl why EVENT/, 'why' ],
        [ qr/it is: eventctl status, without an argument/, 'status', 'x' ],
        [ qr/--limit takes a number/, 'dead', '-n0' ],
        [ qr/an argument is NAME=VALUE/, 'api', 'dead', 'x' ],
        [ qr/--doctor is of one request: say its ID/, 'quarantine',
          '--doctor' ],
        [ qr/--source is of the list, not of one/, 'quarantine', 'x',
          '--source', 'a' ],
        [ qr/--data goes with --post/, 'api', 'dead', '--data', '-' ],
        [ qr/is no path/, 'api', 'dead?x=1' ])
    {
        my ($re, @command) = @$case;

        ran(2, $re, "@command", @command);
    }

    ran(1, qr/reason= takes .*\(400\)$/, 'what only the API knows', 'dead',
        '--reason', 'x');
    ran(3, qr/did you mean "erp"\? *\(404\)$/, 'a target', 'dead', '--target',
        'erpp');

    my $r = $ctl->run(qw(dead --target erpp --json));

    is($json->decode($r->{out})->{status}, 404, 'the problem as JSON');

    $r = $ctl->run(qw(status --json --url http://127.0.0.1:1/));
    is($json->decode($r->{out})->{exit}, 4, 'one of its own as JSON');
}


# ---- a server that means no good

sub strangers {
    my @url = ('--url', 'http://127.0.0.1:' . $t->port(8082) . '/');
    my $json_type = [ 'Content-Type' => 'application/json' ];

    my $bad = "\e[2J\x{9b}31m\x{202e}\x{7f}\n\tx";
    my $body = $json->encode({ entries => [ { event => $bad, target => $bad,
        reason => $bad, answer => $bad, id => $bad, type => $bad,
        died => $bad, attempts => 1 } ], next => $bad });

    $hostile->answer('/v1/dead', headers => $json_type,
        body => $body);

    my $r = ran(0, qr/\\x1b\[2J\\x9b31m\\x\{202e}\\x7f\\x0a\\x09x/,
        'texts of a stranger', 'dead', '-n1', @url);

    unlike($r->{out} . $r->{err}, qr/[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/,
        'reach no terminal');
    is(() = $r->{out} =~ /\n/g, 2, 'and make no lines');

    is(() = $ctl->run('dead', @url)->{out} =~ /\n/g, 3,
        'a page that leads to itself ends');

    $r = $ctl->run('dead', '-n1', '--json', @url);
    unlike($r->{out}, qr/[\x00-\x09\x0b-\x1f\x7f]|\xc2[\x80-\x9f]/,
        'nor in JSON');
    is_deeply($json->decode($r->{out}), $json->decode($body),
        'which says the same');

    my %answers = (
        'no JSON' => [ headers => $json_type, body => '<html>' ],
        'a number' => [ headers => $json_type, body => '7' ],
        'half an answer' => [ fault => 'truncate', size => 1000 ],
        'no HTTP' => [ fault => 'garbage' ],
        'nothing' => [ fault => 'close' ],
        'a reset' => [ fault => 'reset' ],
        'a page' => [ status => 200, body => '<html></html>' ],
        'a bad gateway' => [ status => 502, body => '<html></html>' ],
        'a long head' => [ headers => [ map { ("X-$_" => 'x' x 1000) }
                                        1 .. 100 ] ]);

    for my $what (sort keys %answers) {
        $hostile->answer('/v1/status', @{ $answers{$what} });
        $r = ran(4, qr/^eventctl: [\x20-\x7e]+\n\z/, $what, 'status', @url);
    }

    shapes(@url);

    # a problem is shown safe, too

    $hostile->answer('/v1/status', status => 409, headers =>
        [ 'Content-Type' => 'application/problem+json' ],
        body => $json->encode({ detail => $bad, status => 409 }));
    ran(1, qr/^eventctl: \\x1b\[2J.*\(409\)\n\z/, 'a problem', 'status',
        @url);
}


# JSON that is not of the API, of what each command asks for

sub shapes {
    my @url = @_;

    my %of = ('dead' => [ 'dead', 'entries' ], 'events' => [ 'events' ],
        'jobs' => [ 'jobs' ], 'pending' => [ 'pending', 'entries' ],
        'quarantine' => [ 'quarantine', 'requests' ],
        'routes' => [ 'routes' ], 'sources' => [ 'sources' ],
        'targets' => [ 'targets' ], 'config' => [ 'config', 'routes' ],
        'find x' => [ 'events' ], 'top -n1' => [ 'sources' ],
        'explain 19b1a3a2f0400000' => [ 'explain', 'routes' ]);

    for my $command (sort keys %of) {
        my ($path, $member) = @{ $of{$command} };

        $member //= $path;

        for my $body ({ $member => { a => 1 } }, [], { $member => [ 1 ] },
                      { $member => 'x' }, { $member => [ [] ] })
        {
            $hostile->answer("/v1/$path", headers => [ 'Content-Type' =>
                'application/json' ], body => $json->encode($body));
            ran(4, qr/^eventctl:\ the\ answer\ of\ \S+\ is\ not\ what
                      \ the\ API\ says[\x20-\x7e]+\n\z/mx,
                "$command: " . $json->encode($body), split(' ', $command),
                @url);
        }
    }
}


# ---- the tool itself

sub helps {
    my $r = ran(0, qr/^  dead  +dead letters$/m, 'help');

    is($r->{out}, $ctl->run('--help')->{out}, '--help');
    is($r->{out}, $ctl->run('help')->{out}, 'help');
    ran(0, qr/--reason REASON/, 'help dead', qw(help dead));
    is($ctl->run(qw(dead --help))->{out}, $ctl->run(qw(help dead))->{out},
        'dead --help');
    ran(2, qr/did you mean dead/, 'help of nothing', qw(help daed));
    ran(0, qr/^eventctl \d+\.\d+\.\d+$/, '--version', '--version');

    is(api('status')->{version}, ($ctl->run('--version')->{out}
        =~ /eventctl (\S+)/)[0], 'its version is the module\'s');
}


sub completes {
    my $of = sub { $ctl->run('--complete', @_)->{out} =~ tr/\n/ /r };

    is($of->(0, 'pu'), 'purge purge-quarantine ', 'commands');
    is($of->(0), $of->(0, ''), 'all of them');
    is($of->(1, 'dead', '--rea'), '--reason ', 'options');
    is($of->(2, 'dead', '--reason', 'ex'), 'exhausted expired ', 'words');
    is($of->(1, 'pause', ''), 'crm erp spare ware ', 'targets');
    is($of->(2, 'pause', '--source', ''), 'a fleeting sync ', 'sources');
    is($of->(3, '--url', $ctl->url('/admin/'), 'probe', 'e'), 'erp ',
        'with an address');
    is($of->(1, 'help', 'und'), 'undrain ', 'of help');
    is($of->(3, '--url', 'http://127.0.0.1:1/', 'probe', ''), '',
        'nothing there');

    my $shell = "source $FindBin::Bin/../contrib/eventctl.bash\n"
        . 'COMP_WORDS=(' . $ctl->path . ' probe e); COMP_CWORD=2' . "\n"
        . "_eventctl\n" . 'echo "${COMPREPLY[@]}"';

    local $ENV{EVENTCTL_URL} = $ctl->url('/admin/');

    is(bash($shell), "erp\n", 'and bash says the same');
}


sub bash {
    my ($text) = @_;

    open my $f, '-|', 'bash', '-c', $text or die "bash: $!\n";
    local $/;

    return scalar(<$f>) // '';
}


# nginx goes and comes back while somebody looks

sub restarted {
    my $acts = sub {
        $t->post('/admin/v1/probe?target=ware', '', [ 'X-Event-Admin' => 1 ]);
    };
    my $tail = $ctl->start('tail', 'kind=act', '--for', '60', '--limit', '40');

    wait_until(15, sub {
        $acts->();
        sleep 0.3;
        return $tail->said =~ /probe/;
    });
    like($tail->said, qr/probe/, 'a tail');

    $t->workers_may_change('a restart');
    $t->stop;
    ok(wait_until(10, sub { $tail->told =~ /the connection is lost, trying/
                            || $tail->ended }), 'nginx is gone: it is told');
    ok(!$tail->ended, 'and tries again');
    $t->run;

    my $before = () = $tail->said =~ /probe/g;

    ok(wait_until(20, sub {
        $acts->();
        sleep 0.3;
        return ($before < (() = $tail->said =~ /probe/g));
    }), 'it is back, and so is the tail');

    kill 'TERM', $tail->{pid};
    $tail->end;
}


# the manual has each command and each option; the form of the source

sub form {
    my $path = $ctl->path;
    my ($code, $pod) = split /^__END__$/m, slurp($path), 2;
    my $help = $ctl->run('help')->{out};
    my @commands = map { /^  ([a-z][a-z-]+) / } split /\n/, $help;

    cmp_ok(scalar(@commands), '>', 20, 'commands');
    is_deeply([ grep { $pod !~ /B<\Q$_\E>/ } @commands ], [],
        'each is in the manual');

    my %options = map { $_ => 1 } map { $ctl->run('help', $_)->{out}
                                        =~ /^  (?:-\w, )?(--[a-z-]+)/mg }
                  @commands;

    is_deeply([ grep { $pod !~ /B<$_>/ } sort keys %options ], [],
        'and each option');

    my $checker = Pod::Checker->new(-quiet => 1);

    $checker->parse_from_file($path, '/dev/null');
    is($checker->num_errors, 0, 'the manual can be read');

    my @lines = split /\n/, slurp($path);

    is_deeply([ grep { length $lines[$_ - 1] > 79 || $lines[$_ - 1] =~ /\t| $/ }
                1 .. @lines ], [], 'lines');

    my (@long, $name, $begin);

    for my $n (1 .. @lines) {
        ($name, $begin) = ($1, $n) if $lines[$n - 1] =~ /^sub (\w+)/;
        push @long, $name if $lines[$n - 1] eq '}' && $n - $begin > 61;
    }

    is_deeply(\@long, [], 'no sub is longer than 60 lines');

    my $home = $t->dir . '/installed';
    my $said = qx(make -s -C $FindBin::Bin/.. install-eventctl DESTDIR=$home 2>&1);

    is($?, 0, 'make install-eventctl') or diag($said);
    is_deeply([ grep { !-s "$home/usr/local/$_" } qw(bin/eventctl
        share/man/man1/eventctl.1
        share/bash-completion/completions/eventctl) ], [], 'all of it');
    like(slurp("$home/usr/local/share/man/man1/eventctl.1"),
        qr/^\.TH EVENTCTL 1/m, 'its manual');
    is(qx(perl -wc $path 2>&1), "$path syntax OK\n", 'without a warning');
}


sub slurp {
    my ($path) = @_;

    open my $f, '<', $path or die "$path: $!\n";
    local $/;

    return scalar(<$f>) // '';
}
