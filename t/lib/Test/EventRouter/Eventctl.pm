package Test::EventRouter::Eventctl;

# Copyright (C) Event Router contributors

# contrib/eventctl for a test: it runs with the address of this nginx in its
# environment and with nothing of the person who tests.
#
#     my $ctl = Test::EventRouter::Eventctl->new($t, '/admin/');
#
#     my $r = $ctl->run('dead', '--json');      # { status, out, err }
#     my $tail = $ctl->start('tail');           # goes on
#     my $r = $tail->end;                       # waits for its end

use warnings;
use strict;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use POSIX ();

my $path = abs_path(dirname(__FILE__) . '/../../../../contrib/eventctl');


sub new {
    my ($class, $t, $location) = @_;

    return bless { t => $t, location => $location, n => 0 }, $class;
}


sub path { $path }


sub url {
    my ($self, $location) = @_;

    return 'http://127.0.0.1:' . $self->{t}->port(8080)
           . ($location // $self->{location});
}


# what stands in the environment of each

sub environment {
    my ($self) = @_;

    return (PATH => $ENV{PATH}, HOME => $self->{t}->dir, LC_ALL => 'C.UTF-8',
            EVENTCTL_URL => $self->url);
}


sub run {
    my ($self, @args) = @_;

    return $self->run_with({}, @args);
}


sub run_with {
    my ($self, $env, @args) = @_;

    return $self->_begin($env, @args)->end;
}


sub start {
    my ($self, @args) = @_;

    return $self->_begin({}, @args);
}


sub _begin {
    my ($self, $env, @args) = @_;

    my $base = $self->{t}->dir . '/tmp/eventctl-' . ++$self->{n};
    my $pid = fork // die "fork: $!\n";

    if ($pid == 0) {
        %ENV = ($self->environment, %$env);
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', "$base.out";
        open STDERR, '>', "$base.err";
        exec $^X, $path, @args or POSIX::_exit(127);
    }

    return bless { pid => $pid, base => $base },
        'Test::EventRouter::Eventctl::Job';
}


package Test::EventRouter::Eventctl::Job;

use POSIX qw(WNOHANG);

use Test::EventRouter::Port qw(wait_until);


sub ended {
    my ($self) = @_;

    return 1 if defined $self->{status};
    return 0 if waitpid($self->{pid}, WNOHANG) != $self->{pid};

    $self->{status} = $? & 127 ? 128 + ($? & 127) : $? >> 8;

    return 1;
}


# what it printed so far, and what it told beside that

sub said { return _read("$_[0]{base}.out") }
sub told { return _read("$_[0]{base}.err") }


# one that does not end within half a minute is killed, and has the status -1

sub end {
    my ($self) = @_;

    if (!wait_until(30, sub { $self->ended })) {
        kill 'KILL', $self->{pid};
        waitpid $self->{pid}, 0;
        $self->{status} = -1;
    }

    return { status => $self->{status},
             map { $_ => _read("$self->{base}.$_") } qw(out err) };
}


sub _read {
    my ($path) = @_;

    open my $f, '<', $path or return '';
    binmode $f;
    local $/;

    return scalar(<$f>) // '';
}


1;
