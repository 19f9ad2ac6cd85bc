#!/usr/bin/perl

# Copyright (C) Event Router contributors

# A target that an operator paused stays so: over a reload, a restart, another
# binary, and for all nginx that share a Redis.  While the store cannot be told
# the answer says that the pause ends with nginx.

use warnings;
use strict;

use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";

use POSIX ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Queue;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $calm = 'breaker off; retry for=1h base=100ms max=100ms;';

$t->workers_may_change('that is what is tested');
$t->expect_log(qr/event store "\S+" is (closed|lost)/, 'it is moved away');

sub config {
    $q->config(targets => { erp => $calm,
        other => { lines => $calm, port => 8081 } }, @_);
}

config();
$t->run;

sub paused {
    my ($harness) = @_;

    my $json = ($harness // $t)->get('/status')->json;

    return join ' ', grep { $json->{queue}{targets}{$_}{paused} }
                     sort keys %{ $json->{queue}{targets} };
}

# nothing comes, though there is something to deliver and time for it.  Each
# worker opens the store by itself, and until then events are answered 503

sub still {
    my ($name, $queue) = @_;

    my ($id, $body);

    wait_until(15, sub {
        ($id, $body) = ($queue // $q)->event('erp');
        return ($queue // $q)->post($body)->{status} == 202;
    }) or diag("no event is accepted: $name");

    sleep 1.2;
    is(scalar $q->attempts($target, $id), 0, $name);

    return $id;
}

sub comes {
    my ($name, @ids) = @_;

    ok(wait_until(10, sub { !grep { !$q->attempts($target, $_) } @ids }),
        $name);
}


# ---- a file store

my $r = $q->change(pause => target => 'erp');

is($r->{status}, 200, 'paused');
is($r->json->{paused}, JSON::PP::true(), 'says so');
is($r->json->{until}, 'resume', 'and until when');
is(paused(), 'erp', 'so does the status');

my @ids = still('an event waits');

comes('others are delivered', $q->send('other'));

ok($t->reload, 'reload');
push @ids, still('it waits after a reload');

$t->stop;
$t->run;
push @ids, still('and after a restart');
is(paused(), 'erp', 'which the status says');
comes('others are delivered', $q->send('other'));

$t->_end('KILL', 5);
$t->run;
push @ids, still('and after a crash of all of nginx');

$r = $q->change(resume => target => 'erp');
is($r->json->{paused}, JSON::PP::false(), 'resumed');
is($r->json->{until}, 'pause', 'for good');
comes('all are delivered', @ids);

$t->stop;
$t->run;
is(paused(), '', 'a restart does not pause it again');
comes('nor stops an event', $q->send('erp'));


# ---- another binary

my %prctl = (x86_64 => 157, aarch64 => 167);
my $adopt = $prctl{(POSIX::uname())[4]};

SKIP: {
    skip 'cannot adopt a master here', 6
        if !$adopt || syscall($adopt, 36, 1, 0, 0, 0) != 0;

    $t->stop;

    my $starter = fork // die "fork: $!\n";

    if ($starter == 0) {
        my $up = eval { $t->run };
        POSIX::_exit($up ? 0 : 1);
    }

    waitpid $starter, 0;
    ($t->{pid}) = $t->read_file('nginx.pid') =~ /(\d+)/;
    $q->change(pause => target => 'erp');

    my $old = $t->{pid};

    $t->signal('USR2');
    ok($t->wait_file('nginx.pid', qr/^(?!$old$)\d+$/, 15), 'another binary');
    ($t->{pid}) = $t->read_file('nginx.pid') =~ /(\d+)/;
    ok(wait_until(15, sub { (() = $t->workers) == 2 }), 'has its workers');
    kill 'QUIT', $old;
    ok(wait_until(20, sub { waitpid($old, POSIX::WNOHANG()) == $old }),
        'the old one goes');

    my $id = still('the pause stays');

    is(paused(), 'erp', 'which the status says');
    $q->change(resume => target => 'erp');
    comes('resumed', $id);
}


# ---- a store that is away

my $store = $t->dir . '/store';

rename $store, "$store.aside";
$q->post(($q->event('erp'))[1]);

$r = $q->change(pause => target => 'erp');
is($r->{status}, 200, 'paused while the store is away');
is($r->json->{paused}, JSON::PP::true(), 'says so');
is($r->json->{until}, 'restart', 'and that a restart ends it');
rename "$store.aside", $store;
ok(wait_until(15, sub { my ($id, $body) = $q->event('other');
                        $q->post($body)->{status} == 202 }),
    'the store is there again');
@ids = still('it is paused');
sleep 2;
$t->stop;
$t->run;
push @ids, still('by now also after a restart');
$q->change(resume => target => 'erp');
comes('resumed', @ids);
$t->stop;


# ---- two nginx that share a Redis

my $redis = $t->redis(6379);
my $second = Test::EventRouter->new;
my $q2 = Test::EventRouter::Queue->new($second, prefix => 's');

$second->{ports}{$_} = $t->port($_) for 8081, 6379;
$t->expect_log(qr/\[warn\]/, 'Redis without a file');

for my $one ([ $t, $q ], [ $second, $q2 ]) {
    my ($harness, $queue) = @$one;

    $queue->config(targets => { erp => $calm,
        other => { lines => $calm, port => 8081 } });

    my $conf = $harness->read_file('conf/nginx.conf');
    my $port = $t->port(6379);

    $conf =~ s/event_store file:\S+ size=16m;/event_store redis:\/\/127.0.0.1:$port\/0 shards=3;/;
    $harness->write_file('conf/nginx.conf', $conf);
    $harness->run;
}

comes('both deliver', $q->send('erp'), $q2->send('erp'));

$r = $q->change(pause => target => 'erp');
is($r->json->{until}, 'resume', 'paused in Redis');
ok(wait_until(4, sub { paused($second) eq 'erp' }), 'the other one knows');
@ids = (still('an event of the one waits'), still('of the other, too', $q2));

$second->stop;
$second->run;
push @ids, still('also after its restart', $q2);
is(paused($second), 'erp', 'which it says');

$q2->change(resume => target => 'erp');
ok(wait_until(4, sub { paused() eq '' }), 'the other one resumes it');
comes('all are delivered', @ids);

$t->_check;
$second->done;
