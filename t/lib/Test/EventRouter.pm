package Test::EventRouter;

# Copyright (C) Event Router contributors

# The harness: an nginx with the module in a folder of its own, the servers
# around it, clients, and the checks that every test makes without saying so.
#
#     use Test::More;
#     use Test::EventRouter;
#
#     my $t = Test::EventRouter->new;
#     my $erp = $t->target(8081);
#
#     $t->config(<<'EOC');
#     event_source shop { verify shopify; secret %%SECRET%%; }
#     ...
#     EOC
#     $t->run;
#
#     my $r = $t->post('/hook', $body, [ shopify($body, $secret) ]);
#     is($r->{status}, 200, 'taken');
#
#     $t->done;
#
# done() stops everything, then checks that the logs have no [alert], [emerg]
# or [crit], no line of a sanitizer, no "open socket", none of the secrets that
# the test named, and that no worker was replaced; and ends the plan.
#
# The environment:
#     TEST_NGINX_BINARY   nginx to run (default: the one in PATH or /usr/sbin)
#     TEST_NGINX_STATIC   1: the module is inside, load nothing
#     TEST_NGINX_MODULE   the module to load (default: build/gcc/...)
#     TEST_NGINX_DEBUG    1: error_log at debug
#     TEST_NGINX_LEAVE    1: keep the folder, and say where it is
#     TEST_NGINX_TIMEOUT  seconds for one answer (15)
#     TEST_NGINX_ALARM    seconds for one test file (300)

use warnings;
use strict;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use POSIX qw(WNOHANG);
use Test::More ();
use Time::HiRes qw(time sleep);

use Test::EventRouter::Client;
use Test::EventRouter::Port qw(ask_again free_port wait_until port_open);
use Test::EventRouter::Redis;
use Test::EventRouter::Sign;
use Test::EventRouter::Target;

our @EXPORT = (@Test::EventRouter::Sign::EXPORT,
                qw(ask_again wait_until sleep time));

my $root = abs_path(dirname(__FILE__) . '/../../..');
my @running;


# options: module (0: do not load it), module_path (of a build that the test
# needs, unless the module is inside), workers (1), under (a command that runs
# nginx, as a list), level (of the error log, info)

sub new {
    my ($class, %o) = @_;

    my $self = bless { module => 1, workers => 1, %o, ports => {},
        servers => [], expected => [], secrets => [], owner => $$ }, $class;

    $self->{dir} = tempdir('event-router-XXXXXXXX', TMPDIR => 1,
        CLEANUP => !$ENV{TEST_NGINX_LEAVE});
    make_path(map { "$self->{dir}/$_" } qw(conf tmp logs html));

    push @running, $self;

    # END stops the servers

    $SIG{$_} ||= sub { exit 1 } for qw(INT TERM HUP);
    $SIG{ALRM} ||= sub { Test::More::diag('out of time'); exit 1 };
    alarm($ENV{TEST_NGINX_ALARM} || 300) if @running == 1;

    return $self;
}


sub root { $root }
sub dir  { $_[0]{dir} }


# ---- plans

# n tests and the implicit ones, which run at the end of the program

sub plan {
    my ($self, $n) = @_;

    Test::More::plan(tests => $n + $self->_implicit);
    $self->{planned} = 1;

    return $self;
}


sub _implicit { 5 }


sub done {
    my ($self) = @_;

    $self->_check;
    Test::More::done_testing() if !$self->{planned};
}


# a log line that this test provokes, and why; without the reason it is a bug

sub expect_log {
    my ($self, $re, $reason) = @_;

    die "expect_log() wants a reason\n" if !$reason;

    push @{ $self->{expected} }, $re;
}


# a string that must never stand in a log

sub secret {
    my ($self, $secret) = @_;

    push @{ $self->{secrets} }, $secret;

    return $secret;
}


sub workers_may_change {
    my ($self, $reason) = @_;

    die "workers_may_change() wants a reason\n" if !$reason;

    $self->{workers_may_change} = 1;
}


# ---- files and ports

# the free port that stands for %%PORT_n%%

sub port {
    my ($self, $n) = @_;

    $n //= 8080;

    return $self->{ports}{$n} ||= free_port();
}


sub expand {
    my ($self, $text) = @_;

    $text =~ s/%%GLOBALS%%/$self->_globals/ge;
    $text =~ s/%%GLOBALS_HTTP%%/$self->_globals_http/ge;
    $text =~ s/%%TESTDIR%%/$self->{dir}/g;
    $text =~ s/%%PORT_(\d+)%%/$self->port($1)/ge;

    return $text;
}


sub write_file {
    my ($self, $name, $text) = @_;

    my $path = "$self->{dir}/$name";

    make_path(dirname($path));

    open my $f, '>', $path or die "cannot write $path: $!\n";
    binmode $f;
    print $f $text;
    close $f or die "cannot write $path: $!\n";

    # nginx warns of secrets that others can read

    chmod 0600, $path if $name =~ /secret/;

    return $path;
}


sub read_file {
    my ($self, $name) = @_;

    open my $f, '<', "$self->{dir}/$name" or return '';
    binmode $f;
    local $/;

    return scalar(<$f>) // '';
}


# a self-signed certificate for a host, localhost if none is named: NAME.crt
# and NAME.key

sub certificate {
    my ($self, $name, $host) = @_;

    $host //= 'localhost';

    my ($crt, $key) = map { "$self->{dir}/$name.$_" } qw(crt key);

    system("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256"
           . " -nodes -days 36500 -subj /CN=$host"
           . " -addext subjectAltName=DNS:$host,IP:127.0.0.1"
           . " -keyout $key -out $crt 2>/dev/null") == 0
        or die "openssl could not make a certificate\n";

    return ($crt, $key);
}


# ---- nginx's configuration

# the whole of nginx.conf if it has %%GLOBALS%%, else what stands in http

sub config {
    my ($self, $text) = @_;

    $text = "%%GLOBALS%%\nhttp {\n    %%GLOBALS_HTTP%%\n\n$text\n}\n"
        if $text !~ /%%GLOBALS%%/;

    $self->write_file('conf/nginx.conf', $self->expand($text));

    return $self;
}


sub _globals {
    my ($self) = @_;

    my $level = $ENV{TEST_NGINX_DEBUG} ? 'debug' : $self->{level} // 'info';
    my @lines = ("daemon off;", "worker_processes $self->{workers};",
        "pid $self->{dir}/nginx.pid;",
        "error_log $self->{dir}/logs/error.log $level;");

    unshift @lines, "load_module " . $self->_module . ";"
        if $self->{module} && !$ENV{TEST_NGINX_STATIC};

    push @lines, "user root;" if $> == 0;
    push @lines, (map { "env $_;" } sort grep { /^(FAKETIME|.SAN_OPTIONS)/ }
                      keys %{ $self->{environment} }),
        "events { worker_connections " . ($self->{connections} // 1024)
        . "; }";

    return join "\n", @lines;
}


sub _module {
    my ($self) = @_;

    return $self->{module_path} || $ENV{TEST_NGINX_MODULE}
           || "$root/build/gcc/ngx_http_event_router_module.so";
}


sub _globals_http {
    my ($self) = @_;

    my $dir = $self->{dir};

    return join "\n    ",
        (map { "${_}_temp_path $dir/tmp/$_;" }
             qw(client_body proxy fastcgi uwsgi scgi)),
        "access_log $dir/logs/access.log combined;",
        "root $dir/html;";
}


sub binary {
    return $ENV{TEST_NGINX_BINARY} if $ENV{TEST_NGINX_BINARY};

    for my $dir (split(/:/, $ENV{PATH} // ''), '/usr/sbin') {
        return "$dir/nginx" if -x "$dir/nginx";
    }

    die "there is no nginx; \"make deps\" installs it\n";
}


# "nginx -t": true if it passed, and in list context what it said

sub check_config {
    my ($self) = @_;

    my $said = '';
    my $pid = open my $f, '-|';

    defined $pid or die "fork: $!\n";

    if ($pid == 0) {
        open STDERR, '>&', \*STDOUT;
        $self->_environment;

        # nginx -t leaves its configuration to the system

        $ENV{ASAN_OPTIONS} .= ':detect_leaks=0';
        exec $self->_command('-t') or POSIX::_exit(127);
    }

    { local $/; $said = <$f> // ''; }

    my $ok = close $f;

    return wantarray ? ($ok, $said) : $ok;
}


sub _command {
    my ($self, @more) = @_;

    return ($self->binary, '-p', "$self->{dir}/", '-c',
        "$self->{dir}/conf/nginx.conf", '-e', "$self->{dir}/logs/error.log",
        @more);
}


sub _environment {
    my ($self) = @_;

    my $supp = "$root/t/lib/lsan.supp";

    # nginx is also run under valgrind or with a preloaded clock

    $ENV{ASAN_OPTIONS} //= 'detect_stack_use_after_return=1:'
        . 'detect_odr_violation=0:verify_asan_link_order=0';
    $ENV{UBSAN_OPTIONS} //= 'print_stacktrace=1';
    $ENV{LSAN_OPTIONS} //= "suppressions=$supp:print_suppressions=0";

    %ENV = (%ENV, %{ $self->{environment} }) if $self->{environment};
}


# ---- the clock

# nginx will live at this time (seconds since 1970, or undef: where the test
# lives); it goes on from there, and may be set again while nginx runs.  It
# needs libfaketime; false if it is not there.  timers => 1, before it runs:
# what nginx measures goes on with the time, so a timer of hours can end.

sub clock {
    my ($self, $epoch, %o) = @_;

    my ($library) = glob '/usr/lib/*/faketime/libfaketimeMT.so.1';

    return 0 if !$library;

    my $offset = defined $epoch ? sprintf('%+d', $epoch - time()) : '+0';

    $self->write_file('clock.new', "$offset\n");
    rename "$self->{dir}/clock.new", "$self->{dir}/clock";

    $self->{timers} = 1 if $o{timers};

    my $still = $self->{timers} ? 0 : 1;

    $self->{environment} = { LD_PRELOAD => $library,
        FAKETIME_TIMESTAMP_FILE => "$self->{dir}/clock",
        FAKETIME_NO_CACHE => 1, FAKETIME_DONT_FAKE_MONOTONIC => $still,
        DONT_FAKE_MONOTONIC => $still };

    return 1;
}


# ---- running nginx

sub run {
    my ($self) = @_;

    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        open STDIN, '<', '/dev/null';
        open STDOUT, '>>', "$self->{dir}/logs/stderr.log";
        open STDERR, '>&', \*STDOUT;
        $self->_environment;
        exec +(map { $self->expand($_) } @{ $self->{under} // [] }),
            $self->_command or POSIX::_exit(127);
    }

    $self->{pid} = $pid;

    my $up = wait_until($self->{under} ? 60 : 20, sub {
        return -1 if waitpid($pid, WNOHANG) == $pid;
        return -s "$self->{dir}/nginx.pid"
               && $self->workers == $self->{workers};
    });

    if (!$up || $up < 0) {
        delete $self->{pid} if $up && $up < 0;
        die "nginx did not start:\n" . $self->read_file('logs/stderr.log')
            . $self->read_file('logs/error.log');
    }

    $self->{first} = join ' ', $self->workers;

    return $self;
}


# starts it for a change of the binary: nginx does that only if whoever started
# it has gone.  Then it is ours, and so is a new master when the old one has
# gone.  False: this system does not allow that.

sub run_alone {
    my ($self) = @_;

    my %prctl = (x86_64 => 157, aarch64 => 167);
    my $adopt = $prctl{(POSIX::uname())[4]};

    return 0 if !$adopt || syscall($adopt, 36, 1, 0, 0, 0) != 0;

    my $starter = fork // die "fork: $!\n";

    if ($starter == 0) {
        my $up = eval { $self->run };
        POSIX::_exit($up ? 0 : 1);
    }

    waitpid $starter, 0;
    die "nginx did not start on its own\n" if $?;

    ($self->{pid}) = $self->read_file('nginx.pid') =~ /(\d+)/;

    return 1;
}


# USR2: the new master is the one that counts from now on; returns the old one

sub upgrade {
    my ($self) = @_;

    my $old = $self->{pid};

    $self->workers_may_change('another binary');
    $self->signal('USR2');
    $self->wait_file('nginx.pid.oldbin', qr/^$old$/, 15)
        && $self->wait_file('nginx.pid', qr/^(?!$old$)\d+$/, 15)
        or return;

    ($self->{pid}) = $self->read_file('nginx.pid') =~ /(\d+)/;

    wait_until(15, sub { (() = $self->workers) == $self->{workers} })
        or return;

    return $old;
}


# pids of the workers that take requests; all: also those that shut down

sub workers {
    my ($self, %o) = @_;

    my $pid = $self->{pid} or return;

    open my $f, '<', "/proc/$pid/task/$pid/children" or return;

    my @pids = split ' ', <$f> // '';
    my @workers;

    for my $child (@pids) {
        open my $c, '<', "/proc/$child/cmdline" or next;

        my $title = <$c> // '';

        # below valgrind nginx cannot name its processes

        push @workers, $child if ($self->{under} || $title =~ /worker process/)
            && ($o{all} || $title !~ /shutting down/);
    }

    @workers = sort { $a <=> $b } @workers;

    return @workers;
}


sub signal {
    my ($self, $name) = @_;

    kill $name, $self->{pid};
}


# true when new workers have taken over; old ones may still be shutting down

sub reload {
    my ($self) = @_;

    my %old = map { $_ => 1 } $self->workers;

    $self->workers_may_change('reload');
    $self->signal('HUP');

    return wait_until(15, sub {
        my @now = $self->workers;

        return @now == $self->{workers} && !grep { $old{$_} } @now;
    });
}


# true when no worker is left that shuts down

sub wait_old_workers {
    my ($self, $seconds) = @_;

    return wait_until($seconds // 30, sub {
        my @all = $self->workers(all => 1);

        return @all == $self->{workers};
    });
}


# kills a worker and waits for the next; its pid

sub kill_worker {
    my ($self, $pid, $signal) = @_;

    ($pid) = $self->workers if !$pid;
    $signal //= 'KILL';

    $self->workers_may_change('killed by the test');
    $self->expect_log(qr/worker process $pid exited on signal/,
        'killed by the test');

    kill $signal, $pid;

    wait_until(15, sub {
        my @now = $self->workers;

        return @now == $self->{workers} && !grep { $_ == $pid } @now;
    });

    return $pid;
}


# graceful; true when nginx ended within the time

sub quit {
    my ($self, $seconds) = @_;

    return $self->_end('QUIT', $seconds // 30);
}


# QUIT as well, for leaks and sockets show only then, but not for ever

sub stop {
    my ($self) = @_;

    $self->{pid} or return 1;

    return $self->_end('QUIT', 10) || $self->_end('TERM', 5)
           || $self->_end('KILL', 5);
}


sub _end {
    my ($self, $signal, $seconds) = @_;

    my $pid = $self->{pid} or return 1;

    $self->_note_workers;

    # workers of a killed master would live on

    my @workers = $signal eq 'KILL' ? $self->workers(all => 1) : ();

    kill $signal, $pid, @workers;

    my $ended = wait_until($seconds, sub { waitpid($pid, WNOHANG) != 0 });

    if ($ended) {
        $self->{exit} = $?;
        delete $self->{pid};

        Test::More::diag("nginx had to be ended by $signal")
            if $signal ne 'QUIT';
    }

    return $ended;
}


# once in nginx's life, before its workers leave

sub _note_workers {
    my ($self) = @_;

    my $first = delete $self->{first} // return;

    $self->{replaced} = 1 if $first ne join ' ', $self->workers;
}


# ---- the servers around it

sub target {
    my ($self, $n, %o) = @_;

    my $target = Test::EventRouter::Target->new(port => $self->port($n), %o);

    push @{ $self->{servers} }, $target;

    return $target;
}


# options are redis-server's own

sub redis {
    my ($self, $n, @options) = @_;

    my $dir = "$self->{dir}/redis-$n";

    make_path($dir);

    my $redis = Test::EventRouter::Redis->new(port => $self->port($n),
        dir => $dir, options => \@options);

    push @{ $self->{servers} }, $redis;

    return $redis;
}


# anything with stop(): a server that a test brings along

sub own {
    my ($self, $server) = @_;

    push @{ $self->{servers} }, $server;

    return $server;
}


# ---- clients

# options: port (as in %%PORT_n%%, 8080), tls, timeout

sub connect {
    my ($self, %o) = @_;

    return Test::EventRouter::Client->new(%o, port => $self->port($o{port}));
}


# one request on a connection of its own; a response whose status is 0 says
# that none came.  Further options are those of the client's send().

sub request {
    my ($self, $method, $uri, $headers, $body, %o) = @_;

    my $c = $self->connect(%o);
    my $r = $c->request($method, $uri,
        [ @{ $headers // [] }, Connection => 'close' ], $body, %o);

    $c->close;

    return $r // Test::EventRouter::Response->parse('');
}


sub get {
    my ($self, $uri, $headers, %o) = @_;

    return $self->request(GET => $uri, $headers, undef, %o);
}


sub post {
    my ($self, $uri, $body, $headers, %o) = @_;

    return $self->request(POST => $uri, $headers, $body, %o);
}


# the same over HTTP/2, by curl: prior knowledge, or with tls => 1 by ALPN

sub h2 {
    my ($self, $method, $uri, $headers, $body, %o) = @_;

    my $scheme = $o{tls} ? 'https' : 'http';
    my @command = ('curl', '-sik', '-X', $method, '--max-time',
        $o{timeout} // $ENV{TEST_NGINX_TIMEOUT} // 15,
        $o{tls} ? '--http2' : '--http2-prior-knowledge');

    my @headers = @{ $headers // [] };

    while (my ($name, $value) = splice @headers, 0, 2) {
        push @command, '-H', "$name: $value";
    }

    if (defined $body) {
        push @command, '--data-binary',
            '@' . $self->write_file('tmp/h2-body', $body);
    }

    open my $f, '-|', @command,
        "$scheme://127.0.0.1:" . $self->port($o{port}) . $uri
        or die "curl: $!\n";

    binmode $f;
    my $text = do { local $/; <$f> } // '';
    close $f;

    my ($head, $rest) = split /\r\n\r\n/, $text, 2;
    my $r = Test::EventRouter::Response->parse($head // '');

    $r->{body} = $rest // '';
    $r->{complete} = $? == 0;

    return $r;
}


# ---- the implicit checks

# the lines of all logs

sub log_lines {
    my ($self) = @_;

    return split /\n/, $self->read_file('logs/error.log')
                       . $self->read_file('logs/stderr.log');
}


# waits for a line: it, or ''

sub wait_log {
    my ($self, $re, $seconds) = @_;

    return wait_until($seconds // 5, sub {
        my ($line) = grep { /$re/ } $self->log_lines;

        return $line // '';
    });
}


# a log is written after the answer: true when the file matches in time

sub wait_file {
    my ($self, $name, $re, $seconds) = @_;

    return wait_until($seconds // 5,
        sub { $self->read_file($name) =~ $re ? 1 : 0 });
}


sub _check {
    my ($self) = @_;

    return if $self->{checked}++;

    $self->stop;
    $_->stop for @{ $self->{servers} };

    my @lines = grep { my $line = $_;
                       !grep { $line =~ $_ } @{ $self->{expected} } }
                $self->log_lines;

    _none('no alerts', grep { /\[(alert|emerg|crit)\]/
                              || /\[error\].* unaccounted for/ } @lines);
    _none('no sanitizer errors',
          grep { /Sanitizer|runtime error:/ } @lines);
    _none('no open sockets', grep { /open socket/ } @lines);
    _none('no secrets in the logs', $self->_leaks);

    Test::More::ok($self->{workers_may_change} || !$self->{replaced},
        'workers lived');

    Test::More::diag("logs are in $self->{dir}/logs")
        if $ENV{TEST_NGINX_LEAVE};
}


sub _none {
    my ($name, @lines) = @_;

    Test::More::is(join("\n", @lines > 10 ? @lines[0 .. 9] : @lines), '',
        $name);
}


sub _leaks {
    my ($self) = @_;

    # at debug nginx itself logs what it reads and sends

    my $logs = join "\n", $self->read_file('logs/access.log'),
        grep { !/http header: |http proxy header|\[debug\].*"[A-Z]+ / }
        $self->log_lines;

    return map { "secret number $_ is in a log" }
           grep { index($logs, $self->{secrets}[$_]) >= 0 }
           0 .. $#{ $self->{secrets} };
}


# whatever happened, nothing of ours stays behind

END {
    my $status = $?;

    alarm 0;

    for my $t (grep { $_->{owner} == $$ } @running) {
        if ($t->{planned} && !$t->{checked} && $status == 0) {
            $t->_check;
        }

        $t->stop;
        $_->stop for @{ $t->{servers} };

        if ($status != 0 && $t->{dir} && !$t->{checked}) {
            my @lines = $t->log_lines;

            Test::More::diag("$_") for grep { defined } @lines > 20
                ? @lines[-20 .. -1] : @lines;
        }
    }

    $? = $status;
}


1;
