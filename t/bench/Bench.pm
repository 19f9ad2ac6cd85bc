package Bench;

# Copyright (C) Event Router contributors

# What the benchmarks share: servers that are pinned on a core and gone at the
# end, what a process has used, requests by hand, and files.

use warnings;
use strict;

use Exporter 'import';
use FindBin;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();

use Test::EventRouter::Port qw(free_port port_open wait_until);
use Test::EventRouter::Sign;

our @EXPORT = qw($dir $root free_port wait_until seconds cores fill start
    start_nginx start_redis stop worker_of workers_of cpu core_time settled
    count ask order wrk median percentile version processor progress record
    find slurp spew);

our $root = "$FindBin::Bin/../..";
our $dir = tempdir('event-router-bench-XXXXXXXX', CLEANUP => 1,
    $ENV{BENCH_DIR} ? (DIR => $ENV{BENCH_DIR}) : (TMPDIR => 1));

my $nginx = $ENV{TEST_NGINX_BINARY} || find('nginx');
my $module = $ENV{TEST_NGINX_MODULE}
    || "$root/build/gcc/ngx_http_event_router_module.so";
my $secret = 'bench-secret-of-an-ordinary-length';
my %pid;
my %asked;

$SIG{$_} = sub { exit 1 } for qw(INT TERM HUP PIPE);

make_path("$dir/temp");
spew("$dir/secret", $secret);


sub seconds {
    return $ENV{BENCH_SECONDS} || 60;
}


# ---- the servers

# two cores of those that we may use

sub cores {
    my ($list) = slurp('/proc/self/status') =~ /^Cpus_allowed_list:\s*(\S+)/m;
    my @core = map { /(\d+)-(\d+)/ ? ($1 .. $2) : $_ } split /,/, $list;

    warn "only one core: requests a second mean nothing here\n" if @core < 2;

    return @core[0, @core > 1 ? 1 : 0];
}


# DIR/NAME.conf from t/bench/FILE.conf, with the values of %var

sub fill {
    my ($file, $name, %var) = @_;

    %var = (DIR => $dir, MODULE => $module, NAME => $name,
        KEEPALIVE => $ENV{BENCH_KEEPALIVE} || 512,
        USER => $> == 0 ? 'root' : scalar getpwuid($>), %var);

    my $text = slurp("$FindBin::Bin/$file.conf");

    $text =~ s/%%([A-Z]+)%%/$var{$1} \/\/ die "no $1"/ge;
    $text =~ s/^http \{\n\K/    $ENV{BENCH_HTTP}\n/m
        if $ENV{BENCH_HTTP} && $file ne 'upstream';
    spew("$dir/$name.conf", $text);
}


# until the port is open, or at once if there is none

sub start {
    my ($name, $core, $port, @command) = @_;

    my $pid = fork;

    defined $pid or die "fork: $!\n";

    if ($pid == 0) {
        open STDOUT, '>', "$dir/$name.said";
        open STDERR, '>&', \*STDOUT;
        exec 'taskset', '-c', $core, @command or POSIX::_exit(127);
    }

    $pid{$name} = $pid;

    return $pid if !$port || wait_until(30, sub {
        port_open($port) || waitpid($pid, POSIX::WNOHANG) == $pid
    }) && kill 0, $pid;

    die "$name does not start:\n", slurp("$dir/$name.said");
}


sub start_nginx {
    my ($name, $core, $port) = @_;

    return start($name, $core, $port, $nginx, '-p', "$dir/", '-c',
        "$dir/$name.conf", '-e', "$dir/$name.log");
}


# flushes: "always", "everysec", or "no" for none and no log at all

sub start_redis {
    my ($name, $core, $port, $flushes) = @_;

    mkdir "$dir/$name" or die "mkdir: $!\n";

    return start($name, $core, $port, 'redis-server', '--port', $port,
        '--bind', '127.0.0.1', '--dir', "$dir/$name", '--save', '',
        '--appendonly', $flushes eq 'no' ? 'no' : 'yes',
        '--appendfsync', $flushes);
}


sub stop {
    for my $name (@_) {
        my $pid = delete $pid{$name} or next;

        kill TERM => $pid;
        waitpid $pid, 0;
    }
}


sub worker_of {
    return (workers_of($_[0], 1))[0];
}


sub workers_of {
    my ($master, $n) = @_;

    my @pid;

    wait_until(5, sub {
        @pid = slurp("/proc/$master/task/$master/children") =~ /(\d+)/g;
        @pid >= $n
    }) or die "nginx has no worker\n";

    return @pid;
}


END {
    my $status = $?;

    stop(keys %pid);

    $? = $status;
}


# ---- measuring

# seconds of CPU that a process has had with all its threads, how many of them
# in user mode, and what its first thread has had; the first and the last are
# exact where the kernel has schedstat

sub cpu {
    my ($pid) = @_;

    my $hz = POSIX::sysconf(&POSIX::_SC_CLK_TCK);
    my ($user, $system) = (split ' ',
        slurp("/proc/$pid/stat") =~ s/^.*\) //r)[11, 12];
    my ($all, $main) = (0, 0);

    for my $task (glob "/proc/$pid/task/*") {
        my ($ns) = eval { slurp("$task/schedstat") =~ /^(\d+)/ };

        $all += ($ns // 0) / 1e9;
        $main = ($ns // 0) / 1e9 if $task =~ m{/$pid$};
    }

    $all = ($user + $system) / $hz if $all == 0;

    return ($all, $user / $hz, $main || $all);
}


# seconds that the core has worked, and all

sub core_time {
    my ($core) = @_;

    my $hz = POSIX::sysconf(&POSIX::_SC_CLK_TCK);
    my ($line) = slurp('/proc/stat') =~ /^cpu$core (.*)/m;
    my ($user, $nice, $system, $idle, $wait, @more) = split ' ', $line;
    my $busy = $user + $nice + $system;

    $busy += $_ for @more[0 .. 2];

    return map { $_ / $hz } $busy, $busy + $idle + $wait;
}


# what wrk says of a second

sub wrk {
    my ($core, $connections, $url, $file, $id) = @_;

    my $said = `taskset -c $core wrk -t1 -c$connections -d1s \\
        -s $FindBin::Bin/post.lua $url -- $file '$id'`;
    my %r = $said =~ /(\w+)=(\d+)/g;

    $r{requests} or die "wrk failed:\n$said";

    return %r;
}


# deliveries that the upstream has had, once no more come: two answers of the
# router are behind all that wrk has sent

sub settled {
    my ($router, $upstream) = @_;

    my $now;
    my $last = -1;

    ask($router, "GET /return HTTP/1.0\r\n\r\n") for 1 .. 2;

    wait_until(60, sub {
        select undef, undef, undef, 0.05 if $last >= 0;

        ($last, $now) = ($now // -1, count($upstream));

        return $now == $last;
    }) or die "deliveries do not end\n";

    return $now;
}


# without the questions themselves

sub count {
    my ($port) = @_;

    my $answer = ask($port, "GET /count HTTP/1.0\r\n\r\n");

    return $answer =~ /\s\d+ \d+ (\d+) \nReading/ ? $1 - ++$asked{$port}
        : die "the upstream does not count\n";
}


# a file with the signed order for a path; its id is %%ID%%

sub order {
    my ($path, $port, $forged) = @_;

    my $body = slurp("$root/t/data/shopify/order.json");
    my $file = "$dir/request-$port" . $path =~ s/\W/-/gr
        . ($forged ? '-forged' : '');
    my @header = shopify($body, $forged ? 'forged' : $secret,
        topic => 'orders/paid', id => '%%ID%%');
    my $text = "POST $path HTTP/1.1\r\n"
        . "Host: localhost:$port\r\n"
        . "User-Agent: Shopify-Captain-Hook\r\n"
        . "Accept: */*\r\n"
        . "Accept-Encoding: gzip;q=1.0,deflate;q=0.6,identity;q=0.3\r\n";

    while (my ($name, $value) = splice @header, 0, 2) {
        $text .= "$name: $value\r\n";
    }

    spew($file, $text . 'Content-Length: ' . length($body)
        . "\r\n\r\n$body");

    return $file;
}


sub ask {
    my ($port, $request) = @_;

    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port,
        Timeout => 5) or die "connect: $!\n";

    print $s $request;
    local $/;

    return scalar(<$s>) // '';
}


# ---- numbers

sub median {
    my @sorted = sort { $a <=> $b } @_;

    return ($sorted[$#sorted / 2] + $sorted[@sorted / 2]) / 2;
}


sub percentile {
    my ($p, @values) = @_;

    my @sorted = sort { $a <=> $b } @values;

    return $sorted[POSIX::ceil($p / 100 * @sorted) - 1];
}


sub version {
    return `$nginx -v 2>&1` =~ m{(nginx/\S+)} ? $1 : 'nginx';
}


sub processor {
    return slurp('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)/m ? $1
        : 'an unknown processor';
}


sub progress {
    my ($text) = @_;

    print STDERR "\r", ' ' x 60, "\r", $text if -t STDERR;
}


# lines of [ case, what, figure ] into the file that the simulation reads, in
# the place of those of the same names

sub record {
    my ($mode, @lines) = @_;

    my $file = $ENV{BENCH_FIGURES} or return;
    my %line = map { join("\t", $mode, @$_[0, 1]) =>
        sprintf '%.4g', $_->[2] } @lines;
    my $text = '';

    for my $old (-f $file ? split /\n/, slurp($file) : ()) {
        my ($key, $figure) = $old =~ /^([^#].*)\t(.*)/;
        my $new = defined $key ? delete $line{$key} : undef;

        $text .= (defined $new ? "$key\t$new" : $old) . "\n";
    }

    spew($file, $text . join '', map { "$_\t$line{$_}\n" } sort keys %line);
}


# ---- files

sub find {
    my ($name) = @_;

    for my $in (split(/:/, $ENV{PATH} // ''), '/usr/sbin') {
        return "$in/$name" if -x "$in/$name";
    }

    die "there is no $name; \"make bench\" installs it\n";
}


sub slurp {
    my ($path) = @_;

    open my $f, '<', $path or die "cannot read $path: $!\n";
    binmode $f;
    local $/;

    return scalar(<$f>) // '';
}


sub spew {
    my ($path, $text) = @_;

    open my $f, '>', $path or die "cannot write $path: $!\n";
    binmode $f;
    print $f $text;
    close $f or die "cannot write $path: $!\n";
}


1;
