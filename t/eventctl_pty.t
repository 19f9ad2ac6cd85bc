#!/usr/bin/perl

# Copyright (C) Event Router contributors

# contrib/eventctl in a terminal: colours and their absence, widths down to 40
# columns, questions and what they take for an answer, progress, Ctrl-C, the
# editor, "top", and texts of strangers that must not act on the terminal.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Encode ();
use JSON::PP ();
use Test::More;
use Test::EventRouter;
use Test::EventRouter::Eventctl;
use Test::EventRouter::Pty;
use Test::EventRouter::Queue;

plan(skip_all => 'there are no terminals here')
    if !Test::EventRouter::Pty::pair();

my $json = JSON::PP->new->utf8->canonical;

my $t = Test::EventRouter->new(workers => 2);
my $q = Test::EventRouter::Queue->new($t);
my $target = $t->target(8081);
my $stranger = $t->target(8082);

$q->config(admin => 'reveal', http => 'event_history 1h;',
    targets => { erp => 'retry off; breaker off;',
        crm => 'retry base=1h max=1h;',
        'a-target-with-quite-a-long-name' => '' });
$t->run;

my $ctl = Test::EventRouter::Eventctl->new($t, '/admin/');

$target->answer('/erp/bad', status => 400, body => 'x' x 200);
$target->answer('/crm/ok', status => 503);

$q->send('erp', kind => 'bad') for 1 .. 8;
$q->send('crm');
ok(wait_until(10, sub { $q->dead == 8 && $target->count == 9 }),
    'dead letters');

colours();
narrow();
questions();
progress();
interrupts();
editor();
top();
strangers();

$t->done;


sub terminal {
    my ($o, @args) = @_;

    return Test::EventRouter::Pty->new(%$o,
        env => { $ctl->environment, %{ $o->{env} // {} } },
        command => [ $^X, $ctl->path, @args ]);
}


# what it printed, to its end

sub printed {
    my ($o, @args) = @_;

    my $pty = terminal($o, @args);

    is($pty->end, 0, "@args");

    return $pty->text;
}


# columns of the longest line, as a terminal shows it

sub longest {
    my ($text) = @_;

    $text = Encode::decode('UTF-8', $text);
    $text =~ s/\e\[[\d;?]*[A-Za-z]//g;

    my ($most) = sort { $b <=> $a } map { length } split /[\r\n]+/, $text;

    return $most;
}


sub colours {
    my $text = printed({}, 'dead');

    like($text, qr/\e\[31mfinal\e\[0m/, 'a dead letter is red');
    like($text, qr/\e\[1mDIED *\e\[0m/, 'heads are bold');

    for my $case ([ { NO_COLOR => 1 } ], [ { TERM => 'dumb' } ],
                  [ {}, '--no-color' ])
    {
        my ($env, @more) = @$case;

        unlike(printed({ env => $env }, 'dead', @more), qr/\e/,
            'no colours: ' . join ' ', %$env, @more);
    }

    like(printed({ env => { NO_COLOR => '' } }, 'dead'), qr/\e\[31m/,
        'an empty NO_COLOR is none');

    # a terminal that cannot show it

    $q->post($json->encode({ id => "\x{e4}\x{6f22}", type => 'erp',
                             kind => 'ok' }));
    like(printed({}, 'find', "\x{c3}\x{a4}\x{e6}\x{bc}\x{a2}"),
        qr/\x{c3}\x{a4}\x{e6}\x{bc}\x{a2}/, 'UTF-8');
    like(printed({ env => { LC_ALL => 'C' } }, 'find',
        "\x{c3}\x{a4}\x{e6}\x{bc}\x{a2}"), qr/\\x\{e4}\\x\{6f22}/,
        'and none');
}


sub narrow {
    for my $columns (40, 60, 80, 132) {
        for my $command ('status', 'dead', 'pending', 'events', 'config',
                         'jobs', 'help')
        {
            my $text = printed({ columns => $columns }, $command, '--quiet');

            next if $command eq 'config' || $command eq 'help';
            cmp_ok(longest($text) // 0, '<=', $columns,
                "$command in $columns columns");
        }
    }

    my $text = printed({ columns => 40 }, 'dead');

    like($text, qr/[0-9a-f]{16}  erp/, 'what matters is there');
    unlike($text, qr/xxx/, 'what does not is not');
    like(printed({ columns => 100 }, 'dead'), qr/xxx~/,
        'what is cut has a mark');
}


sub questions {
    my @dead = $q->dead;
    my @one = (purge => '--event', $dead[0]{event});
    my $pty = terminal({}, @one);

    ok($pty->until(qr/Forget 1 dead letter, accepted [^\n]*, for ever\?  /),
        'purge asks');
    ok($pty->until(qr/Type 1 to do it: /), 'for the number');
    $pty->type("2\n");
    is($pty->end, 1, 'another number');
    like($pty->text, qr/eventctl: nothing was done/, 'does nothing');
    is(scalar(() = $q->dead), 8, 'nothing');

    $pty = terminal({}, @one);
    $pty->until(qr/Type 1/);
    $pty->type("yes\n");
    is($pty->end, 1, 'yes is no number');

    $pty = terminal({}, @one);
    $pty->until(qr/Type 1/);
    $pty->type("\x04");
    is($pty->end, 1, 'nor is the end of the input');

    $pty = terminal({}, @one);
    $pty->until(qr/Type 1/);
    $pty->type("\x03");
    is($pty->end, 130, 'Ctrl-C');
    is(scalar(() = $q->dead), 8, 'still nothing');

    $pty = terminal({}, @one);
    $pty->until(qr/Type 1/);
    $pty->type("1\n");
    is($pty->end, 0, 'the number');
    like($pty->text, qr/1 dead letter is forgotten/, 'does it');
    is(scalar(() = $q->dead), 7, 'one');

    $pty = terminal({}, qw(move --target crm --deliver-to erp));
    ok($pty->until(qr/Give 1 delivery to erp, [^\n]*\? \[y\/N\] /),
        'move asks');
    $pty->type("\n");
    is($pty->end, 1, 'nothing said is no');
    is(scalar(() = $q->pending), 1, 'it waits still');
}


sub progress {
    my $pty = terminal({}, qw(replay --all --rate 2));

    ok($pty->until(qr/Deliver 7 events again, [^\n]*\? \[y\/N\] /),
        'replay asks');
    $pty->type("y\n");
    ok($pty->until(qr/\rreplaying \[#*-*\] \d of 7/), 'a bar');
    ok($pty->until(qr/\rreplaying \[#+-+\] [2-6] of 7, [\d.]+\/s, \d+ s left/),
        'that moves, with its rate and the time');
    is($pty->end, 0, 'to the end');
    like($pty->text, qr/\r\e\[K7 events of 7 will be delivered again\r\n/,
        'and is gone then');
    cmp_ok(longest(join "\n", $pty->text =~ /(replaying[^\r]*)/g), '<=', 79,
        'it fits');

    ok(wait_until(10, sub { $q->dead == 7 }), 'dead again');

    $pty = terminal({ columns => 40 }, qw(replay --all --rate 3 --yes));
    is($pty->end, 0, 'in 40 columns');
    cmp_ok(longest(join "\n", $pty->text =~ /(replaying[^\r]*)/g), '<=', 39,
        'it fits, too');

    ok(wait_until(10, sub { $q->dead == 7 }), 'dead again');
    $pty = terminal({}, qw(replay --all --yes --quiet));
    is($pty->end, 0, '--quiet');
    unlike($pty->text, qr/replaying/, 'shows none');
    ok(wait_until(10, sub { $q->dead == 7 }), 'dead again');
}


sub interrupts {
    my $pty = terminal({}, qw(replay --all --rate 1 --yes));

    $pty->until(qr/replaying \[/);
    $pty->type("\x03");
    is($pty->end, 130, 'Ctrl-C in a replay');
    like($pty->text, qr/eventctl: job \w{16} goes on without us/, 'goes on');

    my ($job) = $pty->text =~ /job (\w{16})/;

    is($t->get("/admin/v1/jobs/$job")->json->{state}, 'running', 'it does');
    is($ctl->run('cancel', $job)->{status}, 0, 'ended');
    ok(wait_until(10, sub {
        return $t->get("/admin/v1/jobs/$job")->json->{state} eq 'cancelled'
               && $q->dead == 7;
    }), 'at last');

    for my $case ([ "n\n" => qr/goes on without us/, 'running' ],
                  [ "y\n" => qr/is cancelled/, 'cancelled' ])
    {
        my ($answer, $re, $state) = @$case;

        $pty = terminal({}, qw(replay --all --rate 1 --yes --cancel));
        $pty->until(qr/replaying \[/);
        $pty->type("\x03");
        ok($pty->until(qr/End job \w{16}, which has replayed \d of 7\? \[y/),
            'with --cancel it asks');
        $pty->type($answer);
        is($pty->end, 130, 'and ends');
        like($pty->text, $re, 'as it was told');

        ($job) = $pty->text =~ /job (\w{16})/;
        ok(wait_until(10, sub {
            return $t->get("/admin/v1/jobs/$job")->json->{state} eq $state;
        }), $state);
        $ctl->run('cancel', $job);
        ok(wait_until(10, sub { $q->dead == 7 }), 'dead again');
    }

    $pty = terminal({}, 'tail');
    wait_until(15, sub {
        $q->send('erp');
        return $pty->until(qr/event    a +\e\[32mqueued/, 0.5);
    });
    $pty->type("\x03");
    is($pty->end, 130, 'Ctrl-C in a tail');
}


sub editor {
    my ($one) = $q->dead;
    my $script = $t->write_file('editor', "#!/bin/sh\n"
        . "n=\$(cat $t->{dir}/turn)\n"
        . "cp $t->{dir}/text-\$n \"\$1\"\necho 2 > $t->{dir}/turn\n");

    chmod 0700, $script;
    $t->write_file('turn', "1\n");
    $t->write_file('text-1', '{"kind":');
    $t->write_file('text-2', '{"kind":"ok"}');

    my $pty = terminal({ env => { VISUAL => $script } }, 'edit',
        $one->{event});

    ok($pty->until(qr/eventctl: [^\n]*JSON[^\n]*\(400\)\r\n/),
        'what is no JSON is told');
    ok($pty->until(qr/Edit it again\? \[Y\/n\] /), 'and it may go on');
    $pty->type("\n");
    ok($pty->until(qr/Send it to erp: 13 bytes for \d+, \d+ of them out and/),
        'it shows what has changed');
    $pty->type("y\n");
    is($pty->end, 0, 'and sends it');
    ok(wait_until(10, sub {
        return grep { $_->{body} eq '{"kind":"ok"}' } $target->requests;
    }), 'the target has it');
}


# what the screen shows, line by line

sub screen {
    my ($pty) = @_;

    my ($frame) = (split /\e\[H/, $pty->text)[-1];

    return $frame =~ s/\e\[[\d;?]*[A-Za-z]//gr;
}


sub top {
    my $pty = terminal({ columns => 100 }, qw(top --interval 0.3));

    ok($pty->until(qr/\e\[\?1049h\e\[\?25l/), 'top has its own screen');
    ok($pty->until(qr/q quit  s sort: trouble  p pause/), 'says its keys');
    ok($pty->until(qr/\e\[H.*p pause/s), 'and draws again');

    my $screen = screen($pty);

    like($screen, qr/^SOURCE +STATE +IN\/S/m, 'sources');
    like($screen, qr/^TARGET +STATE +DONE\/S/m, 'targets');
    like($screen, qr/^a +ok /m, 'the source');
    like($screen, qr/^erp +ok .*\n(?:.*\n)*a-target/m,
        'what has dead letters first');

    $pty->type('s');
    ok($pty->until(qr/s sort: name/, 5), 's sorts otherwise');
    ok($pty->until(qr/\e\[H.*p pause/s), 'and draws');
    like(screen($pty), qr/^a-target.*\n(?:.*\n)*erp /m, 'by name');

    $pty->type('p');
    ok($pty->until(qr/p go on \(paused\)/, 5), 'p pauses');
    $pty->type('p');
    ok($pty->until(qr/p pause/, 5), 'and goes on');

    # what flows is seen

    my $seen = wait_until(15, sub {
        $q->send('erp');
        return $pty->until(qr/erp +\S*ok\S* +(?!0\.0)[\d.]*[1-9]/, 0.3);
    });

    ok($seen, 'a rate');

    $pty->size(8, 40);
    ok($pty->until(qr/\e\[H.*\e\[J/s, 5), 'it is made smaller');
    ok($pty->until(qr/\e\[H.*\e\[J/s, 5), 'and is drawn so');
    $screen = screen($pty);
    cmp_ok(longest($screen), '<=', 40, 'no wider');
    cmp_ok(scalar(() = $screen =~ /\n/g), '<=', 7, 'no higher');

    $pty->type('q');
    is($pty->end, 0, 'q ends it');
    like($pty->text, qr/\e\[\?25h\e\[\?1049l\z/, 'and all is as before');

    $pty = terminal({}, 'top');
    $pty->until(qr/p pause/);
    $pty->type("\x03");
    is($pty->end, 130, 'Ctrl-C ends it, too');
    like($pty->text, qr/\e\[\?25h\e\[\?1049l\z/, 'as q does');

    # the terminal takes lines and shows what is typed again

    $pty = Test::EventRouter::Pty->new(env => { $ctl->environment },
        command => [ '/bin/sh', '-c', $ctl->path
            . ' top; stty -a | tr ";" "\n" | tr " " "\n"' ]);
    $pty->until(qr/p pause/);
    $pty->type('q');
    $pty->end;
    like($pty->text, qr/^icanon\r$/m, 'lines');
    like($pty->text, qr/^echo\r$/m, 'and an echo');

    # no nginx

    $pty = terminal({}, 'top', '--url',
        'http://127.0.0.1:' . $t->port(8083) . '/admin/');
    is($pty->end, 4, 'nothing there');
    unlike($pty->text, qr/\e\[\?1049h/, 'is told before a screen is taken');
}


# a server of strangers: nothing that it says acts on the terminal

sub strangers {
    my $bad = "\e]0;title\a\e[2J\x{9b}31m\x{202e}\x{200b}\r\n\x{e000}";
    my $body = $json->encode({ entries => [ map { {
        event => $bad, target => $bad, reason => $bad, answer => $bad,
        id => $bad, type => $bad, died => $bad, attempts => $bad,
        status => $bad } } 1 .. 3 ] });
    my @url = ('--url', 'http://127.0.0.1:' . $t->port(8082) . '/');

    $stranger->answer('*', body => $body,
        headers => [ 'Content-Type' => 'application/json' ]);

    for my $how ([], ['--json']) {
        my $text = printed({ env => { NO_COLOR => 1 } }, 'dead', @url, @$how);

        unlike($text =~ s/\r\n//gr,
            qr/[\x00-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\x8b\xae]/,
            'nothing acts on the terminal');
    }

    my $text = printed({ columns => 60 }, 'dead', @url);

    cmp_ok(longest($text), '<=', 60, 'nor breaks the table');
    is(() = $text =~ /\n/g, 4, 'a line each');

    # questions have texts of others, too

    my $pty = terminal({ env => { NO_COLOR => 1 } }, 'move', '--target', 'crm',
        '--deliver-to', "erp\xe2\x80\xae");

    is($pty->end, 3, 'a name of one\'s own') or diag($pty->text);
    unlike($pty->text, qr/\xe2\x80\xae/, 'is safe, too');
}
