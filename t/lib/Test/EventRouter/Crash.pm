package Test::EventRouter::Crash;

# Copyright (C) Event Router contributors

# What the tests of the crash points of the queue in files share: an nginx
# whose module has crash points, one with a disk that can be broken, a store
# for each row, events, and what came of them at both ends.
#
#     start(crash => 'accept');            # a new store, and nginx runs
#     my $e = event();
#     post($e);
#     crashed();                           # there, and another worker runs
#     drained();                           # nothing is pending
#     attempts($e);                        # "1", or "1 2": X-Event-Attempt
#     finish();
#
# $t is the nginx, unless start() was given another; $target its target, $crm
# another one.

use warnings;
use strict;

use Exporter qw(import);
use JSON::PP ();
use POSIX ();
use Test::More;
use Test::EventRouter;

our @EXPORT = qw($t $target $crm start refused finish configure nodes_done
    faulty fault fault_count arm crashed crash kill_workers drained swept ended
    pid_of workers_of event id_of post burst burst_statuses entries admin
    calls attempts all_attempts count_attempts bodies);

my $root = Test::EventRouter::root();
my $module = "$root/build/crash/ngx_http_event_router_module.so";

die "there is no module with crash points; \"make test\" builds it\n"
    if !$ENV{TEST_NGINX_STATIC} && !-f $module;

my $serial = 0;
my $stores = 0;

my ($now, @nodes);                     # the nginx that a row uses; all of them

our $t = node(workers => 2);
our $target = $t->target(8081);
our $crm = $t->target(8082);


sub node {
    my (%o) = @_;

    my $node = Test::EventRouter->new(module_path => $module, %o);

    $node->workers_may_change('they are killed');
    $node->expect_log(qr/exited on signal 9/, 'workers are killed');
    push @nodes, $node;

    return $now = $node;
}


# their implicit checks, and the end of the plan

sub nodes_done {
    $_->_check for reverse @nodes;
    done_testing();
}


# one with a disk that can be broken; undef: there is no compiler

{
    my $node;

    sub faulty {
        return $node if $node;

        my $new = node(workers => 1);
        my $library = "$new->{dir}/disk.so";

        return if system("cc -shared -fPIC -o $library"
                         . " $root/t/fault/disk.c -ldl");

        $new->{environment} = { LD_PRELOAD => $library,
            ER_FAULT_DISK => $new->write_file('fault', pack 'q4', (0) x 4) };

        return $node = $new;
    }
}


# the disk breaks after "left" more writes and syncs; see t/fault/disk.c

sub fault {
    my ($node, $mode, $left, $error) = @_;

    open my $f, '+<', "$node->{dir}/fault" or die "fault: $!\n";
    binmode $f;
    syswrite $f, pack('q4', 0, $left // 0, $error // 0, 0);
    sysseek $f, 0, 0;
    syswrite $f, pack('q', $mode);
    close $f;
}


sub fault_count {
    my ($node) = @_;

    return (unpack 'q4', $node->read_file('fault'))[3];
}


# A new store, unless "same"; then nginx runs.  Options: node; crash (where),
# once (0: every time), later (not before arm()); store, source, delivery, erp, main, http, location (of
# erp; lines), server (locations), to, sink (nginx itself is the target), path;
# clock; daemon; fails (with this sentence)

sub start {
    my (%o) = @_;

    $now->stop;
    $now = $o{node} // $t;

    if (!$o{same}) {
        $target->answer_anew('/erp', status => 200);
        $crm->forget;
    }

    $now->clock($o{clock}) if defined $o{clock};

    configure(%o);
    $now->write_file("once-$now->{store}", '') if $o{later};

    if ($o{fails}) {
        $now->expect_log(qr/$o{fails}/, 'its store cannot be opened');
        $now->{pid} = spawn();
        ok($now->wait_log(qr/\[crit\] .*$o{fails}/, 20), 'the log says why');
        is(post(event())->{status}, 503, 'events are not taken');
        return crash($now);
    }

    return daemon() if $o{daemon};

    $now->run;

    # until it knows what is due it may leave a first event to the dispatcher

    wait_until(10, sub {
        my $json = $now->get('/status')->json;

        return ref $json && $json->{queue}{size};
    });
}


# an event that the target has refused; it takes it from now on

sub refused {
    start(@_, erp => 'retry off;');
    $target->answer('/erp', status => 400);

    my $e = event();

    is(post($e)->{status}, 202, 'accepted');
    ok(wait_until(10, sub { 1 == entries('dead') }), 'and refused');
    $target->answer('/erp', status => 200);

    return $e;
}


sub finish {
    ok($now->stop, 'nginx ends');
}


sub configure {
    my (%o) = @_;

    $now->{store} = 'store-' . ++$stores if !$o{same};

    my $path = $o{path} // "$now->{dir}/$now->{store}";
    my $store = $o{store} // 'size=16m';
    my $to = $o{to} // 'erp';
    my $delivery = $o{delivery} // 'queued';
    my ($source, $main, $http, $more, $server)
        = map { $_ // '' } @o{qw(source main http location server)};
    my $port = $target->port;
    my $crm_port = $crm->port;
    my $sink = $o{sink} ? '127.0.0.1:%%PORT_8080%%/sink?id=$event_id'
                        : "127.0.0.1:$port/erp";

    $main .= " env EVENT_ROUTER_CRASH_AT=$o{crash};" if $o{crash};
    $main .= " env EVENT_ROUTER_CRASH_ONCE=$now->{dir}/once-$now->{store};"
        if $o{crash} && ($o{once} // 1);

    my $erp_lines = $o{erp} // '';

    $erp_lines .= ' retry base=50ms max=200ms for=1h;'
        if $erp_lines !~ /retry/;

    my $erp = $to =~ /erp/ ? "
    event_target erp {
        breaker off;
        $erp_lines
    }" : '';

    my $location = $to =~ /erp/ ? "
        location = /deliver/erp {
            event_deliver erp;
            proxy_pass http://$sink;
            $more
        }" : '';

    $now->config(<<"EOC");

%%GLOBALS%%

$main

http {
    %%GLOBALS_HTTP%%

    event_store file:$path $store;
    $http

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        delivery $delivery;
        $source
    }
$erp
    event_route x { from a; to $to; }

    proxy_read_timeout 30s;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        keepalive_requests 100000;

        location = /a    { event_receive a; }
        location /admin/ { event_admin; }
        location = /status { event_status; }
        location = /sink { return 204; }
        $server
$location
        location = /deliver/crm {
            event_deliver crm;
            proxy_pass http://127.0.0.1:$crm_port/crm;
        }
    }
}
EOC
}


# as a daemon: only then nginx takes USR2 and WINCH

sub daemon {
    my $conf = $now->read_file('conf/nginx.conf');

    unlink "$now->{dir}/nginx.pid";
    $now->write_file('conf/nginx.conf', $conf =~ s/daemon off/daemon on/r);

    waitpid spawn(), 0;
    ok(wait_until(20, sub { ($now->{pid} = pid_of('nginx.pid'))
                            && workers_of($now->{pid}) == 2 }), 'nginx runs');
}


sub spawn {
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        $now->_environment;
        open STDOUT, '>>', "$now->{dir}/logs/stderr.log";
        open STDERR, '>&', \*STDOUT;
        exec $now->_command or POSIX::_exit(127);
    }

    return $pid;
}


sub pid_of {
    my ($name) = @_;

    return $now->read_file($name) =~ /(\d+)/ ? $1 : 0;
}


sub workers_of {
    my ($pid) = @_;

    local $now->{pid} = $pid;

    return scalar(() = $now->workers);
}


# also a process that nobody has waited for has ended

sub ended { return state($_[0]) eq 'Z' }


# as in /proc: T is stopped, Z has ended, and so has one that is not there

sub state {
    my ($pid) = @_;

    open my $f, '<', "/proc/$pid/stat" or return 'Z';

    return (<$f> // '') =~ /\) (\w) / ? $1 : 'Z';
}


# from now on a worker dies at the point that start() named

sub arm { unlink "$now->{dir}/once-$now->{store}" or die "arm: $!\n" }


# a worker dies at the point that start() named, and there is a new one

sub crashed {
    my $once = "$now->{dir}/once-$now->{store}";

    ok(wait_until(20, sub { -e $once
                            && $now->workers == $now->{workers} }), 'crashed');
}


# all at once, as when the machine stops

sub crash {
    my ($node) = @_;

    my $pid = delete $node->{pid} or return;

    # the master must not start another one meanwhile: it may be amid a fork

    kill STOP => $pid;
    wait_until(20, sub { state($pid) =~ /[TZ]/ });

    open my $f, '<', "/proc/$pid/task/$pid/children";
    my @all = ($pid, split ' ', <$f> // '');

    kill KILL => @all;
    waitpid $pid, 0;
    wait_until(20, sub { @all == grep { ended($_) } @all })
        or diag('something does not die');
}


# all workers, at the same time, and waits for the next

sub kill_workers {
    my @old = $now->workers;

    kill KILL => @old;

    my %old = map { $_ => 1 } @old;

    ok(wait_until(20, sub {
        my @new = $now->workers;

        return @new == $now->{workers} && !grep { $old{$_} } @new;
    }), 'workers are killed');
}


# nothing is pending any more

sub drained {
    my ($seconds) = @_;

    ok(wait_until($seconds // 30, sub { !entries('pending') }), 'drained');
    accounted();
}


# no event has vanished; a sweep that finds one says so in the log, too

sub accounted {
    my ($json, $targets);

    ok(wait_until(10, sub {
        $json = $now->get('/status')->json;
        $targets = ref $json && $json->{queue}{targets};

        return $targets && !grep { $_->{pending} } values %$targets;
    }), 'and counted');

    is(join(' ', map { $_->{unaccounted}, $_->{dead_unaccounted} }
                 values %$targets),
        join(' ', (0) x (2 * keys %$targets)), 'all is accounted for');
}


# workers have looked twice for what dead ones left

sub swept { sleep 2.2 }


sub event {
    my (%o) = @_;

    return JSON::PP->new->utf8->canonical->encode(
        { id => 'e' . ++$serial, type => 'x', %o });
}


sub id_of { return $_[0] =~ /"id":"(\w+)"/ ? $1 : die }


sub post {
    my ($body) = @_;

    return $now->post('/a', $body, [ 'Content-Type' => 'application/json' ]);
}


# many at once on connections that are kept: "202 x 100"

sub burst {
    my (@e) = @_;

    my %n;

    $n{$_}++ for burst_statuses(@e);

    return join ' ', map { "$_ x $n{$_}" } sort keys %n;
}


{
    my %clients;

    sub burst_statuses {
        my (@e) = @_;

        my @statuses;
        my $pid = $now->{pid};

        %clients = ($pid => []) if !$clients{$pid};

        # a connection that nobody uses is one that a worker has to close

        my $clients = $clients{$pid};
        my $most = @e < 50 ? @e : 50;

        push @$clients, $now->connect while @$clients < $most;

        my @clients = @$clients;

        while (my @some = splice @e, 0, scalar @clients) {
            $clients[$_]->send(POST => '/a',
                [ 'Content-Type' => 'application/json' ], $some[$_])
                for 0 .. $#some;

            push @statuses, ($clients[$_]->response // { status => 0 })
                            ->{status} for 0 .. $#some;
        }

        return @statuses;
    }
}


# pending or dead ones

sub entries {
    my ($kind) = @_;

    my (@entries, $after);

    do {
        my $r = $now->get("/admin/$kind?limit=1000"
                          . ($after ? "&after=$after" : ''));

        # a worker may die meanwhile

        my $page = $r->{status} == 200 ? $r->json : undef;

        return ({ reason => "status $r->{status}" }) if !$page;

        push @entries, @{ $page->{entries} };
        $after = $page->{next};
    } while ($after);

    return @entries;
}


sub admin {
    my ($what) = @_;

    my $r = $now->post("/admin/$what", '', [ 'X-Event-Admin' => 1 ]);

    return $r->json // { status => $r->{status} };
}


# the requests that a target got for an event

sub calls {
    my ($e, $which) = @_;

    my $id = id_of($e);

    return grep { $_->header('Webhook-Id') eq $id }
           ($which // $target)->requests;
}


sub attempts {
    return join ' ', map { $_->header('X-Event-Attempt') } calls(@_);
}


# the same of many events, in their order

sub all_attempts {
    my %calls;

    push @{ $calls{$_->header('Webhook-Id')} }, $_->header('X-Event-Attempt')
        for $target->requests;

    return map { join ' ', @{ $calls{id_of($_)} // [] } } @_;
}


# how many of the events have which attempts

sub count_attempts {
    my %n;

    $n{$_}++ for all_attempts(@_);

    return \%n;
}


sub bodies { return join ' ', map { $_->{body} } calls(@_) }


1;
