package Test::EventRouter::Meter;

# Copyright (C) Event Router contributors

# Counts what an nginx does, and never looks at a clock: instructions and
# allocations by callgrind, system calls by valgrind's own trace.  nginx runs
# below valgrind, with one worker; what that does between two marks is counted.
# A mark is a request that nginx redirects internally, which nothing else here
# does: callgrind writes and zeroes its counters there.
#
#     my $t = Test::EventRouter->new(Test::EventRouter::Meter::options());
#     $t->config(... location = /mark { %%MARK%% } ...);
#     $t->run;
#
#     my $meter = Test::EventRouter::Meter->new($t, @pids_of_servers);
#     my $counts = $meter->count(sub { ... $meter->quiet ... });
#
# What nginx does by the clock is taken off: as much as it does when it idles
# for as long, and the functions below, which run only when there is work.
#
# valgrind shows the program a processor of its own, without SHA and AVX-512
# instructions, and libraries are told to leave out AVX2 as well: so they take
# the same path on any x86-64, and the same build gives the same counts.

use warnings;
use strict;

use Time::HiRes qw(time sleep);

my %libraries = (GLIBC_TUNABLES => 'glibc.cpu.hwcaps=-AVX2,-AVX_Fast_Unaligned'
    . '_Load,-ERMS,-FSRM', OPENSSL_ia32cap => ':0');

# these are no calls into the kernel without valgrind

my %not_real = map { ("sys_$_" => 1) } qw(gettimeofday clock_gettime time);

my %by_clock = map { $_ => 1 } qw(ngx_er_file_space_unmap ngx_er_series_tick);

my %allocates = map { $_ => 1 }
    qw(malloc calloc realloc memalign posix_memalign aligned_alloc);


# why it cannot be, or ''

sub missing {
    return 'the module is inside this nginx: what is counted is the .so'
        if $ENV{TEST_NGINX_STATIC};

    return system('valgrind --version >/dev/null 2>&1') == 0 ? ''
        : 'there is no valgrind; "make deps" installs it';
}


# options for an nginx that is counted; further ones follow

sub options {
    return (level => 'warn', under => [ 'env',
        (map { "$_=$libraries{$_}" } sort keys %libraries),
        'valgrind', '--tool=callgrind', '--trace-syscalls=yes',
        '--callgrind-out-file=%%TESTDIR%%/callgrind.%p',
        '--log-file=%%TESTDIR%%/calls',
        '--dump-before=ngx_http_internal_redirect' ], @_);
}


# the rest of the location /mark

sub mark_location {
    return 'error_page 418 = /marked; return 418;';
}


# options: servers (processes that have a part in what nginx does), more (a
# function that gives more figures, by name, which only grow), within (a pattern
# of functions whose own instructions and those of all they call are counted)

sub new {
    my ($class, $t, %o) = @_;

    my $self = bless { servers => [], more => sub { }, %o, t => $t,
        dumps => 0, worker => ($t->workers)[0],
        client => $t->connect(timeout => 60) }, $class;

    # the half of a mark that stands before, and the one behind

    $self->{empty} = $self->count(sub { });

    $self->{idle} = $self->count(sub { sleep 3.2 });

    return $self;
}


# instructions (all but libcrypto's), crypto (libcrypto's), within, allocations,
# syscalls, each of them by its name ("sys_read"), what the option "more" gives;
# seconds, and profile: the file of callgrind

sub count {
    my ($self, $what) = @_;

    $self->_mark;

    my $start = time;
    my $from = -s $self->_calls;
    my %before = $self->{more}->();

    $what->();
    $self->quiet;

    my %more = $self->{more}->();
    my $to = -s $self->_calls;
    my $seconds = time - $start;
    my $profile = $self->_mark;
    my $now = _read_profile($profile, $self->{within});

    $self->_read_calls($now, $from, $to);

    $now->{$_} = $more{$_} - ($before{$_} // 0) for keys %more;

    _subtract($now, $self->{empty}, 1) if $self->{empty};
    _subtract($now, $self->{idle}, $seconds / $self->{idle}{seconds})
        if $self->{idle};

    @$now{qw(seconds profile)} = ($seconds, $profile);

    return $now;
}


sub _subtract {
    my ($from, $what, $times) = @_;

    for my $name (grep { !/^(?:seconds|profile)$/ } keys %$what) {
        $from->{$name} = ($from->{$name} // 0) - $what->{$name} * $times;
    }
}


sub _mark {
    my ($self) = @_;

    my $file = $self->{t}->dir . "/callgrind.$self->{worker}."
        . ++$self->{dumps};

    $self->quiet;
    ($self->{client}->request(GET => '/mark') // { status => 0 })->{status}
        == 204 or die "nginx took no mark\n";
    $self->quiet;

    -s $file or die "callgrind wrote no $file\n";

    return $file;
}


sub _calls { return $_[0]{t}->dir . '/calls' }


# until nobody does anything: all sleep at eight looks, and the nginx has not
# been woken in between

sub quiet {
    my ($self) = @_;

    my $looks = 0;
    my $last = '';
    my $end = time + 60;

    while ($looks < 8) {
        sleep 0.002;

        my ($nginx, $asleep) = _threads($self->{worker});

        for my $pid (@{ $self->{servers} }) {
            $asleep &&= (_threads($pid))[1];
        }

        $looks = $asleep && $nginx eq $last ? $looks + 1 : 0;
        $last = $nginx;

        die "nginx has no rest\n" if time > $end;
    }
}


# how often they were woken, and whether all sleep

sub _threads {
    my ($pid) = @_;

    my @switches;
    my $asleep = 1;

    for my $file (glob "/proc/$pid/task/*/status") {
        my $status = _slurp($file);

        push @switches, $status =~ /ctxt_switches:\s+(\d+)/g;
        $asleep = 0 if $status !~ /^State:\s+[SI]/m;
    }

    return ("@switches", $asleep && @switches);
}


# names stand in full where they come first; the line after "calls=" is what was
# called, not what is the function's own

sub _read_profile {
    my ($file, $within) = @_;

    my (%name, %object, $caller, $callee, $crypto);
    my $clock = 0;
    my %found = (instructions => 0, crypto => 0, allocations => 0,
                 within => 0);

    open my $f, '<', $file or die "cannot read $file: $!\n";

    while (<$f>) {
        if (/^(?:\d|[+*-])\S* (\d+)/) {
            $found{crypto} += $1 if $crypto;

        } elsif (/^(c?)fn=\((\d+)\)(?: (.*))?/) {
            $name{$2} = $3 if defined $3;
            $callee = $name{$2};
            $caller = $callee if !$1;

        } elsif (/^(c?)ob=\((\d+)\)(?: (.*))?/) {
            $object{$2} = $3 if defined $3;
            $crypto = $object{$2} =~ /libcrypto/ if !$1;

        } elsif (/^calls=(\d+)/) {
            $found{allocations} += $1 if $allocates{ $callee // '' };

            my ($inclusive) = <$f> =~ / (\d+)/;

            $clock += $inclusive if $by_clock{ $callee // '' };
            $found{within} += $inclusive
                if $within && $callee =~ $within && $caller !~ $within;

        } elsif (/^totals: (\d+)/) {
            $found{instructions} = $1 - $found{crypto} - $clock;
        }
    }

    return \%found;
}


sub _read_calls {
    my ($self, $into, $from, $to) = @_;

    my $file = $self->_calls;

    open my $f, '<', $file or die "cannot read $file: $!\n";
    seek $f, $from, 0;
    read $f, my $text, $to - $from;

    $into->{syscalls} = 0;

    while ($text =~ /^SYSCALL\[$self->{worker},\d+\]\(\s*\d+\) (sys_\w+)/mg) {
        next if $not_real{$1};

        $into->{$1}++;
        $into->{syscalls}++;
    }
}


sub _slurp {
    my ($file) = @_;

    open my $f, '<', $file or return '';
    local $/;

    return scalar(<$f>) // '';
}


1;
