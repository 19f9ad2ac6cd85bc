#!/usr/bin/perl

# Copyright (C) Event Router contributors

# Reload, quit, upgrade and changes of the configuration while events are
# accepted and delivered: nothing is lost, nothing is doubled.  And whom the
# store's directory is refused to.

use warnings;
use strict;

use File::Copy qw(copy);
use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $other = $t->target(8082);

my $calm = 'breaker off; retry for=1h base=50ms max=200ms;';

my $b = <<'EOC';
    event_source b {
        verify off;
        id "{json:id}";
        type "{json:type}";
        delivery queued;
    }

    event_route of-b { from b; when type = erp; to erp; }
EOC

sub config {
    my (%o) = @_;

    my %targets = (erp => $calm, slow => { lines => $calm, port => 8082 });

    $q->config(store => 'size=32m', more => $b,
        server => 'location = /b { event_receive b; }',
        targets => { %targets, %{ delete $o{targets} // {} } }, %o);
}

config();
$t->workers_may_change('that is what is tested');
$t->run;


# the load went through: each event accepted, each delivered once

sub delivered_once {
    my ($load, $name) = @_;

    my $n = @{ $load->{ids} };

    cmp_ok($n, '>=', 20, "$name: $n events");
    is(join(' ', @{ $load->{answers} }), '', 'each accepted at once');
    ok($q->wait_drained(30), 'none is pending');

    my $seen = $q->seen($target);
    my @lost = grep { !$seen->{$_} } @{ $load->{ids} };
    my @doubled = grep { ($seen->{$_} // 0) > 1 } @{ $load->{ids} };

    is(join(' ', @lost), '', 'none is lost');
    is(join(' ', @doubled), '', 'none is doubled');
    is(scalar $q->dead, 0, 'none is dead');
    $target->forget;
}


# ---- reloads, one after the other

$target->answer('/erp/ok', delay => 0.03);
$q->load('erp');

for (1 .. 20) {
    $t->signal('HUP');
    sleep 0.2;
}

ok($t->wait_old_workers, 'twenty reloads');
delivered_once($q->load_end, 'reloads');

# the clock that workers share through the store

$q->change(pause => target => 'erp');
$q->send('erp');

my $late = time;
my ($waiting) = $q->pending(target => 'erp');
my ($ms) = $waiting->{accepted} =~ /T(.*)Z/;
my ($h, $m, $s) = split /:/, $ms;
my $ahead = $h * 3600 + $m * 60 + $s - ($late - 86400 * int($late / 86400));

$ahead += 86400 if $ahead < -43200;
cmp_ok($ahead, '<', 0.05, 'reloads do not make the clock run ahead');
$q->change(resume => target => 'erp');
$q->wait_drained(10);
$target->forget;


# ---- more workers and fewer

$q->load('erp');

for my $n (4, 1, 3, 2) {
    $t->{workers} = $n;
    config();
    ok($t->reload, "$n workers");
    sleep 0.3;
}

ok($t->wait_old_workers, 'the others are gone');
delivered_once($q->load_end, 'numbers of workers');


# ---- nginx -t beside it

$q->load('erp');

my $workers = join ' ', $t->workers;
my $owner = $t->read_file('store/owner');

for (1 .. 5) {
    my ($ok, $said) = $t->check_config;

    ok($ok, 'nginx -t') or diag($said);
    sleep 0.2;
}

is(join(' ', $t->workers), $workers, 'does not disturb');
is($t->read_file('store/owner'), $owner, 'nor change anything');
delivered_once($q->load_end, 'nginx -t');


# ---- quit and start

$target->answer('/erp/ok', delay => 0.5);
my @ids = $q->send_many(24, 'erp');
ok($t->quit, 'quit');

my $before = $target->count;

cmp_ok($before, '>=', 16, 'what was in flight has ended');
$t->run;
ok($q->wait_drained(20), 'the rest is delivered after the start');
is(scalar keys %{ $q->seen($target) }, 24, 'all');
is($target->count, 24, 'each once');
$target->forget;


# ---- reload while a target hangs: workers have their time, then are cut

config(main => 'worker_shutdown_timeout 1s;');
$t->reload;
$t->wait_old_workers;
$other->answer('/slow/ok', fault => 'hang');
@ids = $q->send_many(6, 'slow');
ok(wait_until(10, sub { $other->begun >= 6 }), 'six hang');
$other->answer('/slow/ok', status => 200);

my $start = time;

ok($t->reload, 'reload');
ok(wait_until(20, sub { $other->count >= 12 }), 'other workers take over');

my $took = time - $start;

cmp_ok($took, '>=', 0.9, 'not before worker_shutdown_timeout');
cmp_ok($took, '<', 6, 'but at once then');
ok($t->wait_old_workers(10), 'the old workers are gone');
ok($q->wait_drained(10), 'all are settled');
is(join(' ', map { $_->header('X-Event-Attempt') } ($other->requests)[6 .. 11]),
    join(' ', (2) x 6), 'in their second attempt');
is($other->count, 12, 'and no third');
$other->forget;


# ---- stop at once

$other->answer('/slow/ok', fault => 'hang');
@ids = $q->send_many(4, 'slow');
ok(wait_until(10, sub { $other->begun >= 4 }), 'four hang');
$other->answer('/slow/ok', status => 200);
$t->signal('TERM');
waitpid delete $t->{pid}, 0;
$start = time;
$t->run;
ok(wait_until(20, sub { $other->count >= 8 }), 'nginx -s stop, and started');
cmp_ok(time - $start, '<', 6, 'they are delivered at once');
$q->wait_drained(10);
is($other->count, 8, 'once more, each');
$other->forget;


# while an event waits for others to be written with: it was not accepted

config(store => 'size=32m window=1s');
$t->reload;
$t->wait_old_workers;

my ($unwritten, $body) = $q->event('erp');
my $waits = $t->connect;

$waits->send(POST => '/a', [ 'Content-Type' => 'application/json' ], $body);
sleep 0.3;
$t->signal('TERM');
waitpid delete $t->{pid}, 0;
is($waits->response, undef, 'stopped before it was written: no answer');
config();
$t->run;
is($q->post($body)->{status}, 202, 'it is no duplicate');
ok($q->wait_drained(10), 'delivered');
is(scalar $q->attempts($target, $unwritten), 1, 'once');
$target->forget;


# ---- another binary, and back

SKIP: {
    config();
    $t->quit;
    $t->run_alone or do { $t->run; skip 'cannot adopt a master here', 11 };

    $target->answer('/erp/ok', delay => 0.03);
    $q->load('erp');

    my $old = $t->upgrade;
    my $new = $t->{pid};

    ok($old, 'USR2: another binary has its workers');
    sleep 0.5;

    # back: its workers leave, the old ones were there all the time

    kill 'QUIT', $new;
    ok(wait_until(20, sub { !kill(0, $new) || zombie($new) }), 'goes back');
    $t->{pid} = $old;
    ok(wait_until(10, sub { !-e $t->dir . '/nginx.pid.oldbin' }),
        'to the old one');
    sleep 0.3;

    is($t->upgrade, $old, 'USR2 again');
    kill 'WINCH', $old;
    sleep 0.5;
    kill 'QUIT', $old;
    ok(wait_until(20, sub { waitpid($old, POSIX::WNOHANG()) == $old }),
        'and the old one goes');
    sleep 0.3;

    delivered_once($q->load_end, 'upgrade and back');
    $t->reload;
}

sub zombie {
    my ($pid) = @_;

    open my $f, '<', "/proc/$pid/stat" or return 1;

    return <$f> =~ /\) Z /;
}


# ---- a target more, a source less

$q->change(pause => target => 'erp');

for (1 .. 3) {
    my ($id, $body) = $q->event('erp');

    is($q->post($body, '/b')->{status}, 202, 'an event of a source');
}

config(more => '', server => '', targets => { new => $calm });
ok($t->reload, 'the source is removed, a target added');
$q->change(resume => target => 'erp');
ok($q->wait_drained(15), 'what it had brought is delivered');
is($target->count, 3, 'each once');
is(join(' ', map { $_->header('ce-source') } $target->requests), 'b b b',
    'under its name');
$target->forget;
$q->send('new');
ok(wait_until(10, sub { $target->count == 1 }), 'the new target is there');
is(($target->requests)[0]{uri}, '/new/ok', 'and gets its events');


# ---- whom the directory is refused to: nginx serves its other locations

my $second = Test::EventRouter->new(workers => 2);
my $q2 = Test::EventRouter::Queue->new($second);

$second->target(8081);

sub refused {
    my ($dir, $re, $name, %o) = @_;

    $q2->config(dir => $dir, targets => { erp => $calm });

    my ($ok, $said) = $second->check_config;

    ok($ok || $o{stranger}, $name);
    like($said, qr/\[warn\] .*$re/, 'and is told why');
    like($said, qr/ in \S+nginx\.conf:\d+$/m, 'and where');
}


my $dir = $t->dir . '/store';

my $why = "\"$dir\" is in use by another nginx, that of \""
    . $t->dir . '/conf/nginx.conf": give each its own directory';

refused($dir, qr/\Q$why\E/, 'a second nginx is refused the directory');
is($t->read_file('store/owner'), $owner, 'which it leaves alone');
$second->expect_log(qr/\[crit\] .*\Q$why\E/, 'it is told what is wrong');
$second->run;
is($q2->post(($q2->event('erp'))[1])->{status}, 503, 'nor may it use it');
is($second->get('/status')->{status}, 200, 'it serves other locations');
ok($second->wait_log(qr/\[crit\] .*\Q$why\E/), 'and says so');
is($t->read_file('store/owner'), $owner, 'which it still leaves alone');
$second->stop;

mkdir $second->dir . '/open';
chmod 0755, $second->dir . '/open';
refused($second->dir . '/open', qr/open to others than its owner.*chmod 700/,
    'a directory that others can read');

$second->write_file('file', 'text');
refused($second->dir . '/file', qr/not a directory/, 'a file');
refused('/nowhere/store', qr/cannot be created in "\/nowhere\/"/,
    'a directory in none');

$q2->config(dir => '', targets => { erp => $calm });

my ($passed, $reason) = $second->check_config;

ok(!$passed, 'no directory is an error');
like($reason, qr/\[emerg\] .*needs a directory.* in \S+nginx\.conf:\d+$/m,
    'and told');

# nor is one taken that others have things in

for my $shared ('/tmp', $second->dir . '/conf') {
    $q2->config(dir => $shared, targets => { erp => $calm });
    ($passed, $reason) = $second->check_config;
    ok(!$passed, "$shared is no directory of its own");
    like($reason, qr/name a directory of its own.* in \S+nginx\.conf:\d+$/m,
        'and that is told');
}

is(sprintf('%o', (stat '/tmp')[2] & 07777), '1777', 'and left as it was');

mkdir $second->dir . '/mdb', 0700;
$second->write_file('mdb/data.mdb', 'of another program');
refused($second->dir . '/mdb', qr/not the event router's/,
    'a database of somebody else');
is($second->read_file('mdb/data.mdb'), 'of another program', 'left alone');

mkdir $second->dir . '/future', 0700;
$second->write_file('future/owner', "ngx_event_router 99\n/etc/x\n");
refused($second->dir . '/future', qr/format that this version does not know/,
    'a format of the future');

SKIP: {
    skip 'for that one must be root', 3 if $> != 0;

    # nginx -t as somebody who may not write there, and who may not be able to
    # get at the module where it is

    my $module = $second->dir . '/module.so';

    copy($ENV{TEST_NGINX_MODULE} || "$FindBin::Bin/../build/gcc/"
        . 'ngx_http_event_router_module.so', $module)
        if !$ENV{TEST_NGINX_STATIC};
    chmod 0755, $module;

    mkdir $second->dir . '/closed', 0500;
    chown 65534, 65534, $second->dir . '/closed';
    chmod 0500, $second->dir . '/closed';
    chmod 0755, $second->dir, $second->dir . '/conf';

    my $binary = $second->binary;

    {
        no warnings 'redefine';
        local *Test::EventRouter::_module = sub { $module };
        local *Test::EventRouter::_environment
            = sub { POSIX::setgid(65534); POSIX::setuid(65534); };

        refused($second->dir . '/closed', qr/is not writable/,
            'a directory that cannot be written', stranger => 1);
    }
}


# ---- what a person sees

my @lines = grep { /\[(warn|error)\]/ } $t->log_lines;

is(join("\n", grep { !/no answer after \d+ms while delivering event "e\d+"/
                      && !/event_source "." verifies nothing/
                      && !/by an operator/ } @lines), '',
    'warnings are of deliveries that were cut');

$t->done;
