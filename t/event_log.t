#!/usr/bin/perl

# Copyright (C) Event Router contributors

# event_log: a line for each event, each attempt and what the queue did, as
# JSON or as one likes; written in time, opened anew at USR1, safe to read.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use IO::Socket::INET;
use JSON::PP;
use Test::More;
use Test::EventRouter;

my $trace = '0af7651916cd43dd8448eb211c80319c';
my $t = Test::EventRouter->new(workers => 2);
my $erp = $t->target(8081);

my $syslog = IO::Socket::INET->new(Proto => 'udp', LocalAddr => '127.0.0.1',
    LocalPort => 0) or die "socket: $!\n";
my $away = Test::EventRouter::Port::free_port();
my $port = $syslog->sockport;
my $secret = $t->secret('log-secret-0123456789');

my $token = $t->secret('ops-token-1234567890123456');
$t->write_file('conf/secrets/ops', $token);
$t->write_file('conf/secrets/joe', 'joe:' . $t->secret('pass-word-98765'));

my $locations = <<'EOC';
    server {
        listen 127.0.0.1:%%PORT_8080%%;
        location = /now     { event_receive now; }
        location = /later   { event_receive later; }
        location = /many    { event_receive many; }
        location = /closed  { event_receive closed; }
        location = /plain   { event_deliver plain; set $mine "m $event_id";
                              log_subrequest on;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /other   { event_deliver other;
                              proxy_pass http://127.0.0.1:%%PORT_8081%%; }
        location = /gone    { event_deliver gone;
                              proxy_pass http://127.0.0.1:%%PORT_8089%%; }
        location = /status  { event_status; }
        location /admin/    { event_admin token=file:secrets/ops; }
    }
EOC

my $conf = <<'EOC';

    LOG
    event_store file:%%TESTDIR%%/store size=16m;
    proxy_read_timeout 5s;
    proxy_connect_timeout 5s;
    proxy_send_timeout 5s;

    map $event_log_kind $attempts { attempt 1; default 0; }
    map $event_log_outcome $bad { ok 0; delivered 0; queued 0; default 1; }
    event_set $order data.order;
    log_format traced '$uri $upstream_status "$event_target" "$event_log_kind"';
    access_log %%TESTDIR%%/logs/access.log traced;

    event_source now    { verify off; id "{json:id}"; type "{json:type}";
                          subject "{json:subject}"; }
    event_source later  { verify off; id "{json:id}"; delivery queued; }
    event_source many   { verify off; id "{json:id}"; split data.list; }
    event_source closed { verify hmac-sha256; signature header:X-Sig;
                          signed "{body}"; id "{json:id}"; secret SECRET; }

    event_target plain { retry base=50ms max=50ms for=2s; breaker off;
                         fail_on 400; auth basic file:secrets/joe; }
    event_target other { breaker off; }
    event_target gone  { breaker off; optional; }

    event_route one  { from now; when type prefix order; to plain other; }
    event_route two  { from now; when type = order.paid; to plain; }
    event_route some { from now; when type = gone; to gone; }
    event_route lots { from later many; to plain; }
    event_route shut { from closed; to plain; }

EOC

$conf .= $locations;
$conf =~ s/SECRET/$secret/;

my $n = 0;


# ---- JSON

configure('event_log %%TESTDIR%%/logs/event.log flush=50ms;');
$t->run;

my $id = post('now', { type => 'order.paid', subject => "s\"h\\op\n" },
    traceparent => "00-$trace-b7ad6b7169203331-01")->{id};
my @lines = lines(5);
my ($event) = grep { $_->{kind} eq 'event' } @lines;
my ($plain) = attempts('plain', @lines);
my ($other) = attempts('other', @lines);

like($event->{time}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, 'time');
is($event->{source}, 'now', 'source');
is($event->{id}, $id, 'id');
is($event->{type}, 'order.paid', 'type');
is($event->{subject}, 's"h\\op%0A', 'subject, safe');
is($event->{outcome}, 'delivered', 'outcome');
is_deeply($event->{routes}, [ 'one', 'two' ], 'routes');
is($event->{trace}, $trace, 'trace');
like($event->{ms}, qr/^\d+$/, 'ms');
ok(!exists $event->{number}, 'no number without a queue');

is($plain->{kind}, 'attempt', 'an attempt');
is($plain->{id}, $id, 'of the event');
is($plain->{outcome}, 'ok', 'its outcome');
is($plain->{verdict}, 'ok', 'its verdict');
is($plain->{attempt}, 1, 'its number');
is($plain->{status}, 200, 'its status');
like($plain->{ms}, qr/^\d+$/, 'its ms');
is($plain->{trace}, $trace, 'its trace');
is_deeply($plain->{routes}, [ 'one', 'two' ], 'its routes');
is_deeply($other->{routes}, [ 'one' ], 'those of its target');

my @ends = sort { $a->{target} cmp $b->{target} }
           grep { $_->{kind} eq 'delivery' } @lines;
is(ends(@lines), "other:delivered plain:delivered", 'the end of each');
is($ends[0]{id}, $id, 'of the event');
is($ends[0]{type}, 'order.paid', 'its type');
is($ends[0]{trace}, $trace, 'its trace');
like($ends[0]{ms}, qr/^\d+$/, 'how long it took');
ok(!exists $ends[0]{$_}, "and no $_") for qw(number status attempt reason);

fresh();
$erp->answer('/other', status => 500);
post('now', { type => 'order' });
@lines = lines(5);
($event) = grep { $_->{kind} eq 'event' } @lines;
($other) = attempts('other', @lines);
is($event->{outcome}, 'failed', 'an event that failed');
is($other->{outcome}, 'failed', 'its attempt');
is($other->{verdict}, 'retry', 'its verdict');
is($other->{status}, 500, 'its status');
is(ends(@lines), "other:failed plain:delivered", 'the end of each');
$erp->answer('/other', status => 200);

fresh();
$t->post('/now', qq({"id":"e$n","type":"order"}), json());
is(ends(lines(3)), "other:delivered",
    'its producer sends it again, and what is there does not end twice');

fresh();
$t->post('/now', qq({"id":"e$n","type":"order"}), json());
is((lines(1))[0]{outcome}, 'duplicate', 'nor does a duplicate');

fresh();
post('now', { type => 'gone' });
@lines = lines(3);
is(ends(@lines), 'gone:failed', 'also what nobody needs');
my ($gone) = grep { $_->{kind} eq 'attempt' } @lines;
is($gone->{outcome}, 'failed', 'a target that is away');
ok(!exists $gone->{status}, 'has no status');

fresh();
post('now', { type => 'nothing' });
is((lines(1))[0]{outcome}, 'unrouted', 'unrouted');

fresh();
$t->post('/many', '{"list":[{"id":"a"},{"id":"b"}]}', json());
@lines = lines(6);
is(join(' ', sort map { "$_->{kind}:$_->{id}" } @lines),
    join(' ', sort map { my $id = $_->{id}; map { "$_:$id" }
        qw(attempt delivery event) }
        grep { $_->{kind} eq 'event' } @lines), 'the events of a body');

fresh();
$t->post('/closed', '{"id":"x"}', [ @{ json() }, 'X-Sig' => '00' ]);
my ($refused) = lines(1);
is($refused->{kind}, 'request', 'a request without an event');
is($refused->{outcome}, 'refused', 'is refused');
is($refused->{status}, 401, 'with a status');
like($refused->{reason}, qr/not signed/, 'and why');
is($refused->{refused_by}, 'signature', 'by which check');
is($refused->{source}, 'closed', 'of a source');


# ---- the queue

fresh();
$erp->answer('/plain', [ { status => 503 }, { status => 200 } ]);
my $r = post('later', {});
@lines = lines(4);
my ($queued) = grep { $_->{kind} eq 'event' } @lines;
my @tries = sort { $a->{attempt} <=> $b->{attempt} }
            grep { $_->{kind} eq 'attempt' } @lines;
is($queued->{outcome}, 'queued', 'an event of the queue');
like($queued->{number}, qr/^[0-9a-f]{16}$/, 'has a number');
is(join(' ', map { "$_->{attempt}:$_->{status}:$_->{outcome}" } @tries),
    '1:503:failed 2:200:ok', 'its attempts');
is(join(' ', map { $_->{number} } @tries),
    "$queued->{number} $queued->{number}", 'have its number');
my ($end) = grep { $_->{kind} eq 'delivery' } @lines;
is($end->{outcome}, 'delivered', 'one end');
is($end->{number}, $queued->{number}, 'has it, too');
is($end->{id}, $r->{id}, 'and the id');
cmp_ok($end->{ms}, '>=', 40, 'and how long it took from the beginning');

fresh();
$erp->answer('/plain', status => 400);
post('later', {});
($gone) = grep { $_->{outcome} eq 'dead' } waits(sub { $_[0]{outcome} eq 'dead' });
is($gone->{kind}, 'delivery', 'a dead letter');
like($gone->{number}, qr/^[0-9a-f]{16}$/, 'its number');
is($gone->{target}, 'plain', 'its target');
is($gone->{reason}, 'final', 'and why');
is(ends(read_lines()), 'plain:dead', 'once');
$erp->answer('/plain', status => 200);


# ---- acts

fresh();
is(act('pause'), 200, 'an act');
my ($act) = lines(1);
is($act->{kind}, 'admin', 'is told');
is($act->{act}, 'pause', 'what it was');
is($act->{target}, 'plain', 'on which target');
like($act->{text}, qr/deliveries to target "plain" are paused/, 'in words');
is($act->{who}{address}, '127.0.0.1', 'who did it');
is($act->{who}{token}, 'ops', 'by which token');

is(act('resume'), 200, 'and another');


# ---- USR1, two workers and the end of them

rename $t->dir . '/logs/event.log', $t->dir . '/logs/event.log.1' or die $!;
post('now', { type => 'nothing' });
$t->signal('USR1');
ok($t->wait_file('logs/event.log.1', qr/"now-$n"|"id":"e$n"/),
    'what was said before USR1 is in the old file');
wait_until(5, sub { -e $t->dir . '/logs/event.log' });
sleep 0.2;
post('now', { type => 'nothing' });
ok($t->wait_file('logs/event.log', qr/"id":"e$n"/), 'and the rest in the new one');

configure('event_log %%TESTDIR%%/logs/event.log flush=1h;');
$t->reload;
fresh();
post('now', { type => 'nothing' });
sleep 0.3;
is(-s $t->dir . '/logs/event.log', 0, 'the buffer waits');
$t->reload;
ok($t->wait_file('logs/event.log', qr/"id":"e$n"/),
    'and is written when the worker ends');


# ---- several, with strings and conditions

configure(<<"EOC");
    event_log %%TESTDIR%%/logs/event.log flush=50ms if=\$attempts;
    event_log %%TESTDIR%%/logs/mine.log '\$event_log_kind \$event_source \$event_id \$event_target \$event_attempt \$event_status \$event_log_outcome [\$order] [\$mine] <\$http_user_agent> \${event_routes}!' flush=50ms;
    event_log %%TESTDIR%%/logs/mine.log '\$event_log_kind:\$order' flush=50ms escape=default if=\$bad;
    event_log syslog:server=127.0.0.1:$port,tag=events '\$event_log_kind \$event_id';
    event_log syslog:server=127.0.0.1:$away,tag=events;
EOC
$t->reload;
fresh();

my $hostile = "a\"b\\c\x01\x7f\xff \r\nX: y";

post('now', { type => 'order', order => $hostile }, 'User-Agent' => 'u"a\\');
ok($t->wait_file('logs/mine.log', qr/^event .* <u\\"a\\\\>/m),
    'the event in its request, escaped');
my $mine = $t->read_file('logs/mine.log');
like($mine, qr/^attempt now e$n plain 1 200 ok \[a\\"b\\\\c%01%7F.*%0D%0AX: y\] \[m e$n\] <event-router.*> one!$/m,
    'an attempt in its location, with an event_set variable');
like($mine, qr/^attempt now e$n other 1 200 ok \[.*\] \[\] </m,
    'and in another location');
like($mine, qr/^delivery now e$n other  delivered delivered \[.*\] \[\] <u\\"a/m,
    'the end of a delivery in the request of the producer');
is(scalar(() = $mine =~ /\n/g), 5, 'a line each, hostile as it is');
is(join(' ', sort map { $_->{target} } lines(2)), 'other plain',
    'if= by a map of the kind');

fresh();
$erp->answer('/plain', status => 400);
post('later', { order => 'o1' });
ok($t->wait_file('logs/mine.log',
    qr/^delivery later e$n plain.* dead \[o1\]/m),
    'a delivery of the queue without any request');
ok($t->wait_file('logs/mine.log', qr/^delivery:o1$/m), 'and its condition');
$mine = $t->read_file('logs/mine.log');
unlike($mine, qr/^event:/m, 'the others do not meet it');
unlike($t->read_file('logs/event.log'), qr/"delivery"/, 'nor the other one');
$erp->answer('/plain', status => 200);

fresh();
$t->post('/closed', '{"id":"x"}', [ @{ json() }, 'X-Sig' => '00' ]);
ok($t->wait_file('logs/mine.log', qr/^request closed  /m),
    'a request without an event');
ok($t->wait_file('logs/mine.log', qr/^request:-$/m), 'escape=default');

my %syslog;
while (IO::Select->new($syslog)->can_read(0.5)) {
    $syslog->recv(my $datagram, 65536);
    $syslog{$1}++ if $datagram =~ /^<190>.* events: (\w+ \w*)$/;
}
ok($syslog{"event e$n"} && $syslog{"attempt e$n"}, 'syslog')
    or diag(join "\n", %syslog);

unlike($t->read_file('logs/access.log'), qr/attempt|delivery|request"/,
    'access_log knows nothing of the kinds');
like($t->read_file('logs/access.log'), qr{^/plain 200 "plain" "-"$}m,
    'and has its own variables as ever');


# ---- a producer that has gone, and a file that takes nothing

fresh();
$erp->answer('/plain', status => 200, delay => 0.5);
$n++;
my $c = $t->connect;
$c->write(Test::EventRouter::Client::format_request('POST', '/now', json(),
    qq({"id":"e$n","type":"order","order":"left"})));
wait_until(5, sub { $erp->begun });
sleep 0.1;
$c->close;
ok($t->wait_file('logs/mine.log', qr/^attempt now e$n plain 1 200 ok \[left\]/m),
    'the attempt goes on');
sleep 0.2;
is(scalar(() = $t->read_file('logs/mine.log') =~ /^event now e$n  .*\[left\]/mg),
    1, 'and the event has its line');
$erp->answer('/plain', status => 200);

$t->expect_log(qr/could not be written and/, 'that is what is tested');
configure('event_log /dev/full flush=10ms;');
$t->reload;
post('now', { type => 'nothing' });
ok($t->wait_log(qr{\[err(?:or)?\] .*1 line of event_log "/dev/full" could not be written and is lost}),
    'what is lost is told');
for (1 .. 6) {
    post('now', { type => 'nothing' });
    sleep 0.05;
}
cmp_ok(scalar(grep { /could not be written/ } $t->log_lines), '<=', 2,
    'once a minute and worker');


# ---- an end is told once, whoever dies

configure('event_log %%TESTDIR%%/logs/event.log flush=10ms;');
$t->reload;
fresh();
$t->workers_may_change('they are killed');
$erp->answer('/plain', status => 200, delay => 0.2);

for my $round (1 .. 6) {
    post('later', {}) for 1 .. 4;
    sleep 0.1 if $round % 2;
    $t->kill_worker if $round % 3 == 0;
}

$erp->answer('/plain', status => 200);
ok(wait_until(20, sub {
    my $s = eval { $t->get('/status')->json->{queue}{targets}{plain} };
    return $s && $s->{pending} == 0;
}), 'all have ended');
sleep 0.3;

my %ends;
$ends{"$_->{number} $_->{outcome}"}++
    for grep { $_->{kind} eq 'delivery' } read_lines();
is(join(' ', grep { $ends{$_} > 1 } keys %ends), '', 'none twice');
cmp_ok(scalar keys %ends, '>=', 12, 'but for what was not written yet');


# ---- off

configure('event_log off;');
$t->reload;
$_ = -s $t->dir . '/logs/event.log';
post('now', { type => 'order' });
sleep 0.2;
is(-s $t->dir . '/logs/event.log', $_, 'off');


# ---- in nginx.conf

$t->expect_log(qr/\[emerg\]/, 'each of these is refused');

for my $row (
    [ 'event_log;' => 'invalid number of arguments' ],
    [ 'event_log off; event_log %%TESTDIR%%/e;' => 'stands beside another' ],
    [ 'event_log %%TESTDIR%%/e; event_log off;' => 'stands beside another' ],
    [ 'event_log %%TESTDIR%%/e main;' => 'not the name of a "log_format"' ],
    [ 'event_log %%TESTDIR%%/e bufer=1m;' => 'buffer=SIZE' ],
    [ 'event_log %%TESTDIR%%/e buffer=1;' => '4k' ],
    [ 'event_log %%TESTDIR%%/e flush=0;' => '10ms' ],
    [ 'event_log %%TESTDIR%%/e escape=json;' => 'and there is none' ],
    [ q(event_log %%TESTDIR%%/e '$event_id' escape=xml;) => 'json' ],
    [ q(event_log %%TESTDIR%%/e '$event_idd';) => 'unknown "event_idd" variable' ],
    [ q(event_log %%TESTDIR%%/e 'a$';) => 'invalid variable' ],
    [ q(event_log %%TESTDIR%%/e '${event_id';) => 'invalid variable' ],
    [ qq(event_log %%TESTDIR%%/e '\$event_id\n';) => 'in one line' ],
    [ 'event_log %%TESTDIR%%/e if=$nothing;' => 'unknown "nothing" variable' ],
    [ 'event_log %%TESTDIR%%/$event_id;' => 'no variables' ],
    [ 'event_log syslog:server=127.0.0.1 buffer=1m;' => 'at once' ],
    [ 'event_log syslog:tag=x;' => 'no syslog server' ],
    [ 'event_log %%TESTDIR%%/none/e;' => 'No such file' ],
    [ 'event_log %%TESTDIR%%/e; event_log %%TESTDIR%%/e buffer=1m;'
        => 'stands twice' ],
    [ 'access_log %%TESTDIR%%/e combined buffer=64k; event_log %%TESTDIR%%/e;'
        => 'name another file' ],
    [ 'event_log %%TESTDIR%%/e; access_log %%TESTDIR%%/e combined buffer=1m;'
        => 'conflicting parameters' ],
) {
    configure($row->[0]);
    my ($ok, $said) = $t->check_config;

    ok(!$ok, "$row->[0]: refused");
    like($said, qr/\Q$row->[1]\E/, 'and told why');
}

$t->done;


sub configure { $t->config($conf =~ s/LOG/$_[0]/r) }
sub json      { return [ 'Content-Type' => 'application/json' ] }


sub fresh {
    for my $name (qw(event.log mine.log)) {
        my $path = $t->dir . "/logs/$name";

        sleep 0.15;
        truncate $path, 0 if -e $path;
    }
}


sub act {
    return $t->request('POST', "/admin/$_[0]?target=plain",
        [ Authorization => "Bearer $token", 'X-Event-Admin' => 1 ])->{status};
}


# posts an event of its own

sub post {
    my ($source, $event, @headers) = @_;

    my $id = 'e' . ++$n;
    my $text = join ',', map { '"' . $_ . '":"' . escape($event->{$_}) . '"' }
                         keys %$event;
    my $r = $t->post("/$source", qq({"id":"$id") . ($text ? ",$text}" : '}'),
        [ @{ json() }, @headers ]);

    ok($r->{status}, "$source $id: $r->{status}");

    return { id => $id };
}


# as JSON has it; what is not UTF-8 goes as a character

sub escape {
    return $_[0] =~ s/(["\\])/\\$1/gr =~ s/([^ -~])/sprintf '\\u%04x', ord $1/ger;
}


sub attempts {
    my ($target, @lines) = @_;

    return grep { $_->{kind} eq 'attempt' && $_->{target} eq $target } @lines;
}


# of deliveries: where and how they ended

sub ends {
    return join ' ', sort map { "$_->{target}:$_->{outcome}" }
        grep { $_->{kind} eq 'delivery' } @_;
}


sub read_lines {
    return map { decode_json($_) }
        split /\n/, $t->read_file('logs/event.log');
}


# exactly so many

sub lines {
    my ($count) = @_;

    wait_until(5, sub { read_lines() >= $count });
    sleep 0.1;
    my @lines = read_lines();

    is(scalar @lines, $count, "$count lines")
        or diag($t->read_file('logs/event.log'));

    return @lines;
}


# all, when one of them is so

sub waits {
    my ($like) = @_;

    ok(wait_until(5, sub { grep { $like->($_) } read_lines() }), 'a line');

    return read_lines();
}
