package Test::EventRouter::Nodes;

# Copyright (C) Event Router contributors

# What the tests of a queue that several nginx share have in common: nodes,
# each an nginx with the module of its own, which deliver to one target; events
# for it, and what came of them at both ends.
#
#     my $a = node();                    # one nginx
#     my $target = target($a);
#
#     start($a, store => 'redis://127.0.0.1:6379');
#     my $e = event();
#     post($a, $e)->{status};            # 202
#     drained($a);                       # nothing is pending
#     attempts($e);                      # "1", or "1 2": X-Event-Attempt

use warnings;
use strict;

use Exporter qw(import);
use JSON::PP ();
use Test::More ();

use Test::EventRouter;

our @EXPORT = qw(node nodes_done target start configure event id_of post calls
                 attempts entries drained crash crashed kill_workers quiet
                 metric keys_of told);

my $module = Test::EventRouter::root()
             . '/build/crash/ngx_http_event_router_module.so';
my $json = JSON::PP->new->utf8->canonical;
my ($target, $serial, $stores, @nodes) = (undef, 0, 0);


# options: those of Test::EventRouter; points (the module has crash points)

sub node {
    my (%o) = @_;

    my $points = delete $o{points};

    die "there is no module with crash points; \"make test\" builds it\n"
        if $points && !$ENV{TEST_NGINX_STATIC} && !-f $module;

    my $t = Test::EventRouter->new(workers => 2,
        $points ? (module_path => $module) : (), %o);

    push @nodes, $t;

    return $t;
}


# stops them all, with the implicit checks, and ends the plan

sub nodes_done {
    $_->stop for @nodes;
    $_->_check for reverse @nodes;
    Test::More::done_testing();
}


sub target {
    my ($t) = @_;

    return $target = $t->target(8081);
}


# Options: store, dedup (event_store, event_dedup_store as they stand there),
# http, source, erp, route, main (lines), crash (where), forget (0: the target
# keeps what it has), server (locations)

sub start {
    my ($t, %o) = @_;

    $t->stop;

    configure($t, %o);
    $t->run;
}


sub configure {
    my ($t, %o) = @_;

    $o{$_} //= '' for qw(http source erp route main server);

    my $dedup = $o{dedup} ? "event_dedup_store $o{dedup};" : '';
    my $port = $target->port;

    $stores++;
    $t->{once} = "$t->{dir}/once-$stores";
    $o{main} .= " env EVENT_ROUTER_CRASH_AT=$o{crash};"
        . " env EVENT_ROUTER_CRASH_ONCE=$t->{once};" if $o{crash};

    my $retry = $o{erp} =~ /retry/ ? '' : 'retry base=50ms max=200ms for=1h;';

    $t->config(<<"EOC");

%%GLOBALS%%

$o{main}

http {
    %%GLOBALS_HTTP%%

    event_store $o{store};
    $dedup
    $o{http}

    event_source a {
        verify off;
        id "{json:id}";
        type "{json:type}";
        delivery queued;
        $o{source}
    }

    event_target erp { breaker off; $retry $o{erp} }
    event_route x { from a; to erp; $o{route} }

    proxy_read_timeout 30s;

    server {
        listen 127.0.0.1:%%PORT_8080%%;
        keepalive_requests 100000;

        location = /a      { event_receive a; }
        location /status { event_status; }
        location /admin/   { event_admin; }
        location = /deliver/erp {
            event_deliver erp;
            proxy_pass http://127.0.0.1:$port/erp;
            proxy_set_header X-Dedup \$event_dedup;
            proxy_set_header X-Worker \$pid;
        }
        $o{server}
    }
}
EOC
}


# ---- events and what came of them

sub event {
    my (%o) = @_;

    return $json->encode({ id => 'n' . ++$serial, type => 'x', %o });
}


sub id_of { return $_[0] =~ /"id":"(\w+)"/ ? $1 : die }


sub post {
    my ($t, $body) = @_;

    return $t->post('/a', $body, [ 'Content-Type' => 'application/json' ]);
}


# the requests that the target got for an event

sub calls {
    my ($e) = @_;

    my $id = id_of($e);

    return grep { $_->header('Webhook-Id') eq $id } $target->requests;
}


sub attempts {
    return join ' ', map { $_->header('X-Event-Attempt') } calls(@_);
}


# the pending or dead entries; undef: the store does not answer

sub entries {
    my ($t, $kind) = @_;

    my $r = $t->get("/admin/$kind?limit=1000");

    return $r->{status} == 200 ? $r->json->{entries} : undef;
}


sub drained {
    my ($t, $seconds) = @_;

    Test::More::ok(wait_until($seconds // 30, sub {
        my $list = entries($t, 'pending');

        return $list && !@$list;
    }), 'drained')
        or Test::More::diag($t->get('/admin/pending?limit=5')->{body});
}


# ---- what happens to nodes

# master and workers at once, as when the machine stops

sub crash {
    my ($t) = @_;

    $t->_end('KILL', 10);
}


# a worker has died at the point that start() named, and there is a new one

sub crashed {
    my ($t) = @_;

    Test::More::ok(wait_until(20, sub {
        -e $t->{once} && $t->workers == $t->{workers} }), 'a worker crashed');
}


# all workers at once, and waits for the next

sub kill_workers {
    my ($t) = @_;

    my %old = map { $_ => 1 } $t->workers;

    kill KILL => keys %old;

    Test::More::ok(wait_until(20, sub {
        my @new = $t->workers;

        return @new == $t->{workers} && !grep { $old{$_} } @new;
    }), 'workers are killed');
}


# the target gets nothing more for some time

sub quiet {
    my ($seconds) = @_;

    my $count = $target->count;

    sleep $seconds // 1.5;

    return $target->count == $count;
}


sub metric {
    my ($t, $name) = @_;

    return $t->get('/status')->json->{targets}{erp}{$name};
}


# all of Redis's keys, as text to compare

sub keys_of {
    my ($redis) = @_;

    return join "\n", map { unpack('H*', $redis->command(DUMP => $_) // '')
                            . " $_" }
                      sort @{ $redis->command(KEYS => '*') };
}


# "503, after 5": what a producer is told

sub told {
    my ($r) = @_;

    my $after = $r->header('Retry-After');

    return $r->{status}
           . (defined $after ? $after =~ /^\d+$/ ? ', later' : ", $after" : '');
}


1;
