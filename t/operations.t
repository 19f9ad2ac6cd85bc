#!/usr/bin/perl

# Copyright (C) Event Router contributors

# docs/operations.md: its commands make of Debian's nginx one that takes a
# signed order, word by word, with folders and a network of their own, back up
# its store each night and restore it; and its alerts ask for metrics that
# docs/directives.md has.

use warnings;
use strict;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::More;
use Test::EventRouter;

my $root = "$FindBin::Bin/..";
my $page = slurp("$root/docs/operations.md");
my $directives = slurp("$root/docs/directives.md");


# ---- metrics: names, labels, and the words of a label

my %metric = map { $_->[0] => $_->[1] }
    map { /^\| `(event_router_\w+)` \| ([^|]*) \|/ ? [ $1, $2 ] : () }
    split /\n/, $directives;

cmp_ok(scalar(keys %metric), '>', 8, 'metrics of the directives');

my %used = map { $_ => 1 } $page =~ /\bevent_router_\w+/g;

cmp_ok(scalar(keys %used), '>', 6, 'metrics of the page');
ok(exists $metric{$_}, "$_ is known") for sort keys %used;

my ($alerts) = $page =~ /```yaml\n(groups:.*?)```/s;

while ($alerts =~ /(event_router_\w+)\s*\{([^}]*)\}/g) {
    my ($name, $labels) = ($1, $2);

    while ($labels =~ /(\w+)=~?\s*"([^"]*)"/g) {
        my ($label, $value) = ($1, $2);

        like($metric{$name}, qr/`$label`/, "$name has $label");

        next if $label eq 'source' || $label eq 'target';

        ok($directives =~ /`\Q$_\E`/, "$label $_ is told")
            for split /\|/, $value;
    }
}


# ---- links lead to headings

for my $link ($page =~ /\]\(([^)]*#[^)]*)\)/g) {
    my ($file, $anchor) = split /#/, $link;

    ok(anchors($file eq '' ? $page : slurp("$root/docs/$file"))->{$anchor},
        "link $link");
}


# ---- the installation, as it stands, with folders, a network and processes
# of its own

SKIP: {
    my $own = 'unshare -m -n -p -f --mount-proc --kill-child';
    my $steps = 20;

    skip 'folders can be lent by root only', $steps
        if system("$own ip link set lo up 2>/dev/null") != 0;
    skip 'the nginx of Debian is not the one that is tested', $steps
        if $ENV{TEST_NGINX_STATIC} || $ENV{TEST_NGINX_BINARY};
    skip 'no nginx of Debian, no curl, or no mdb_copy', $steps
        if !-d '/etc/nginx/modules-enabled'
           || grep { !-x "/usr/bin/$_" } qw(curl mdb_copy);

    my $t = Test::EventRouter->new;
    my ($section) = $page =~ /^## Installing on Debian\n(.*?)^## /ms;
    my @blocks = $section =~ /^```sh\n(.*?)^```$/mgs;
    my $commands = join '', @blocks;
    my $module = $t->_module;
    my $modules = '/usr/lib/nginx';
    my $made = !-d $modules && mkdir $modules;

    is(scalar(@blocks), 5, 'five steps');
    ok($commands =~ s/^make build$//m, 'built already');
    ok($commands =~ s{ build/gcc/\S+\.so\b}{ $module}, 'the module');
    ok($commands =~ s/^systemctl reload nginx$/reload/m, 'a reload');

    my ($backup, $restore, $wait) = backup_commands();

    $t->write_file('install.sh', <<'EOS' . $commands . <<'EOS'
set -e
PATH=/usr/sbin:/usr/bin:/sbin:/bin
debian=$(mktemp -d)
mount -t tmpfs none $debian
cp -a /etc/nginx $debian/etc
mount --bind $debian/etc /etc/nginx
for dir in /var/log /var/lib /run /usr/lib/nginx /usr/share/nginx; do
    mount -t tmpfs none $dir
done
install -d -m 755 /var/log/nginx /var/lib/nginx
ln -s ../../lib/nginx/modules /usr/share/nginx/modules
rm -f /etc/nginx/sites-enabled/* /etc/nginx/conf.d/*
rm -f /etc/nginx/modules-enabled/*
ip link set lo up
/usr/sbin/nginx

reload() {
    nginx -s reload
    for try in $(seq 100); do
        curl -s -o /dev/null http://127.0.0.1:8080/events/ && return
        sleep 0.1
    done
}
EOS

echo
for path in /etc/nginx/secrets /etc/nginx/secrets/shopify \
    /var/lib/nginx/events
do
    stat -c 'FILE %n %U %a' $path
done
curl -s http://127.0.0.1:8080/events/metrics
mv /var/log/nginx/events.log /var/log/nginx/events.log.1
nginx -s reopen
sleep 0.5
ls /var/log/nginx | sed 's/^/LOG /'
sed 's/^/EVENT /' /var/log/nginx/events.log.1
sed 's/^/ERROR /' /var/log/nginx/error.log
EOS
        . $backup . <<'EOS' . $restore . $wait . <<'EOS');
stat -c 'BACKUP %n %U %a' /run/backup/*/*
sleep 1
/run/event-backup
touch -d '15 days ago' /run/backup/events-*
sleep 1
/run/event-backup
ls /run/backup | sed 's/[0-9-]*$//; s/^/KEPT /'
mv /var/lib/nginx/events /var/lib/nginx/away
/run/event-backup 2>&1 | sed 's/^/FAILED /' || true
/run/event-backup 2>/dev/null || echo FAILED status
mv /var/lib/nginx/away /var/lib/nginx/events
ls /run/backup | sed 's/[0-9-]*$//; s/^/LEFT /'
set -- /run/backup/events-*
EOS
echo
stat -c 'RESTORED %n %U %a' /var/lib/nginx/events
curl -s http://127.0.0.1:8080/events/admin/pending | sed 's/^/PENDING /'
nginx -s stop
EOS

    my $said = qx(timeout 120 $own sh ${\ $t->dir }/install.sh 2>&1);

    rmdir $modules if $made;

    like($said, qr/syntax is ok\n.*successful\n/, 'nginx -t');
    unlike($said =~ s/^HTTP.*//mrs, qr/\[(?:warn|error|crit|alert|emerg)\]/,
        'nothing is wrong');
    like($said, qr/^HTTP\/1\.1 202 .*"outcome":"queued"/ms, 'queued');
    like($said, qr/"target":"erp"/, 'it waits');
    is(join("\n", $said =~ /^FILE (.*)$/mg), <<'EOF' =~ s/\n\z//r, 'owners');
/etc/nginx/secrets root 700
/etc/nginx/secrets/shopify root 600
/var/lib/nginx/events www-data 700
EOF
    like($said, qr/^event_router_\S+source="shopify",result="queued"\} 1$/m,
        'metrics');
    like($said, qr/^LOG events\.log$/m, 'rotated');
    like($said, qr/^EVENT .* "orders\/paid" "try-1" .* status=queued$/m,
        'events.log') or diag($said);
    like($said, qr/^BACKUP \S+\/data\.mdb root 600\nBACKUP \S+\/owner /m,
        'a back-up');
    is(join(' ', $said =~ /^KEPT (.*)$/mg), 'events', 'one each night')
        or diag($said);
    like($said, qr/^FAILED .*No such file or directory/m, 'one that fails');
    like($said, qr/^FAILED status$/m, 'says so');
    is(join(' ', $said =~ /^LEFT (.*)$/mg), 'events', 'and leaves nothing');
    like($said, qr/^RESTORED \S+ www-data 700$/m, 'restored');
    like($said, qr/^PENDING .*"target":"erp"/m, 'it waits still');
}

done_testing();


# the commands of back-up and restore, with folders that go with the test

sub backup_commands {
    my ($section) = $page =~ /^## Back-up and restore\n(.*?)^## /ms;
    my @blocks = $section =~ /^```sh\n(.*?)^```$/mgs;

    is(scalar(@blocks), 3, 'back-up, restore, wait');

    for (@blocks) {
        s{/etc/cron\.daily/}{/run/}g;
        s{/backup/events-[0-9]+-[0-9]+}{\$1}g;
        s{ \K/backup\b}{/run/backup}g;
        s{[("]\K/backup\b}{/run/backup}g;
    }

    return @blocks;
}


# the anchors that a page has, as they are made of its headings

sub anchors {
    my ($text) = @_;

    my %anchor;

    for my $heading ($text =~ /^#+ (.+)$/mg) {
        my $anchor = lc $heading =~ s/[^\w\- ]//gr;

        $anchor{ $anchor =~ tr/ /-/r } = 1;
    }

    return \%anchor;
}


sub slurp {
    my ($file) = @_;

    open my $f, '<', $file or die "$file: $!\n";
    local $/;

    return scalar <$f>;
}
