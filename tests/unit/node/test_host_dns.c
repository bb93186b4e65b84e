/* SPDX-License-Identifier: BSD-2-Clause */
/* resolv.conf taken over and put back: cleanly, after crashes, and when others write it too. */
#include "host_dns.h"

#include "node/partner_sample.h"
#include "node/temp_dir.h"

#include "ntm/daemon.h"

#include <errno.h>
#include <sys/stat.h>
#include <sys/time.h>

#define FORMER "# the user's\nnameserver 192.0.2.1\nnameserver 192.0.2.2\nsearch a.example\n"
#define OURS \
	"# ntm-node ntm0: put back when it stops\nnameserver 198.18.255.254\nsearch a.example\n"
#define BACKUP "resolv.conf.before"

/* resolvectl, played: what it was told, a line a call. */
static struct {
	char log[8192];
	size_t len;
	const char *fails; /* at this verb, NULL: at none, "": there is none */
} resolvectl;

int __wrap_ntm_spawn(const struct ntm_spawn_args *spawn, int *status,
		     char err[static NTM_SPAWN_ERR]);

int __wrap_ntm_spawn(const struct ntm_spawn_args *spawn, int *status,
		     char err[static NTM_SPAWN_ERR])
{
	const char *verb = spawn->argv[1];

	assert_string_equal(spawn->argv[0], "resolvectl");
	assert_true(spawn->timeout_ms > 0);
	if (resolvectl.fails != NULL && resolvectl.fails[0] == '\0')
		return -ENOENT;
	for (size_t i = 1; spawn->argv[i] != NULL; i++) {
		size_t room = sizeof(resolvectl.log) - resolvectl.len;
		int len = snprintf(resolvectl.log + resolvectl.len, room, "%s%c", spawn->argv[i],
				   spawn->argv[i + 1] != NULL ? ' ' : '\n');

		assert_true(len > 0 && (size_t)len < room);
		resolvectl.len += (size_t)len;
	}
	*status = resolvectl.fails != NULL && strcmp(resolvectl.fails, verb) == 0;
	snprintf(err, NTM_SPAWN_ERR, "%s", *status != 0 ? "it does not like that" : "");
	return 0;
}

static void assert_told(const char *lines)
{
	assert_string_equal(resolvectl.log, lines);
	memset(resolvectl.log, 0, sizeof(resolvectl.log));
	resolvectl.len = 0;
}

static char conf_path[128];
static struct host_dns_args args;
static struct host_plan plan;
static struct host_dns dns;

static int setup(void **state)
{
	if (temp_dir_make(state) != 0)
		return -1;
	strcpy(conf_path, temp_path("resolv.conf"));
	args = (struct host_dns_args){.manage = HOST_DNS_RESOLVCONF,
				      .resolv_conf = conf_path,
				      .state_dir = temp_dir,
				      .tun = "ntm0"};
	memset(&plan, 0, sizeof(plan));
	plan.vip4 = ntm_ip_v4(198, 18, 0, 1);
	plan.resolver4 = ntm_ip_v4(198, 18, 255, 254);
	memset(&dns, 0, sizeof(dns));
	memset(&resolvectl, 0, sizeof(resolvectl));
	temp_write("resolv.conf", FORMER);
	return 0;
}

static void up(void)
{
	char words[300] = "";

	if (host_dns_up(&dns, &args, &plan, words, sizeof(words)) != 0)
		fail_msg("%s", words);
}

/* Two looks at an unchanged file. */
static bool refresh(void)
{
	bool first = host_dns_refresh(&dns, &plan);

	return host_dns_refresh(&dns, &plan) || first;
}

static void test_up_and_down(void **state)
{
	(void)state;
	up();
	assert_string_equal(temp_read("resolv.conf"), OURS);
	assert_string_equal(temp_read(BACKUP), FORMER);
	assert_int_equal(dns.mode, HOST_DNS_RESOLVCONF);
	assert_int_equal(dns.upstream.count, 2);
	assert_int_equal(dns.upstream.item[1].ip.b[3], 2);
	assert_int_equal(dns.upstream.item[1].port, 53);
	host_dns_down(&dns);
	assert_string_equal(temp_read("resolv.conf"), FORMER);
	assert_null(temp_read(BACKUP));
	host_dns_down(&dns);
	assert_string_equal(temp_read("resolv.conf"), FORMER);
}

/* The lease changed: the former file is still the user's, not ours. */
static void test_up_twice(void **state)
{
	(void)state;
	up();
	plan.resolver4 = ntm_ip_v4(198, 18, 255, 253);
	up();
	assert_non_null(strstr(temp_read("resolv.conf"), "nameserver 198.18.255.253\n"));
	assert_string_equal(temp_read(BACKUP), FORMER);
	assert_int_equal(dns.upstream.count, 2);
	host_dns_down(&dns);
	assert_string_equal(temp_read("resolv.conf"), FORMER);
}

static void test_crash(void **state)
{
	(void)state;
	up();
	memset(&dns, 0, sizeof(dns));
	host_dns_recover(&args);
	assert_string_equal(temp_read("resolv.conf"), FORMER);
	assert_null(temp_read(BACKUP));
	host_dns_recover(&args);
	assert_string_equal(temp_read("resolv.conf"), FORMER);
	/* The backup is written first: a crash in between leaves a stale one. */
	temp_write(BACKUP, "nameserver 192.0.2.99\n");
	host_dns_recover(&args);
	assert_string_equal(temp_read("resolv.conf"), FORMER);
	assert_null(temp_read(BACKUP));
}

static void test_no_former_file(void **state)
{
	(void)state;
	unlink(conf_path);
	up();
	assert_int_equal(dns.upstream.count, 0);
	assert_non_null(temp_read("resolv.conf"));
	host_dns_down(&dns);
	assert_null(temp_read("resolv.conf"));
}

/* A DHCP client writes while we run: its servers are the former ones now. */
static void test_rewritten(void **state)
{
	static const char theirs[] = "nameserver 203.0.113.7\n";

	(void)state;
	up();
	assert_false(refresh());
	assert_string_equal(temp_read("resolv.conf"), OURS);
	temp_write("resolv.conf", theirs);
	/* It may not have finished: not at the first look. */
	assert_false(host_dns_refresh(&dns, &plan));
	assert_string_equal(temp_read("resolv.conf"), theirs);
	assert_true(host_dns_refresh(&dns, &plan));
	assert_non_null(strstr(temp_read("resolv.conf"), "nameserver 198.18.255.254\n"));
	assert_null(strstr(temp_read("resolv.conf"), "a.example"));
	assert_int_equal(dns.upstream.count, 1);
	assert_int_equal(dns.upstream.item[0].ip.b[3], 7);
	assert_false(refresh());
	host_dns_down(&dns);
	assert_string_equal(temp_read("resolv.conf"), theirs);
}

/* Touched, but still ours: the backup stays the user's. */
static void test_touched(void **state)
{
	struct timeval times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	(void)state;
	up();
	utimes(conf_path, times);
	assert_false(refresh());
	assert_string_equal(temp_read(BACKUP), FORMER);
	host_dns_down(&dns);
	assert_string_equal(temp_read("resolv.conf"), FORMER);
}

static void test_not_ours_at_the_end(void **state)
{
	(void)state;
	up();
	temp_write("resolv.conf", "nameserver 203.0.113.7\n");
	host_dns_down(&dns);
	assert_string_equal(temp_read("resolv.conf"), "nameserver 203.0.113.7\n");
	assert_null(temp_read(BACKUP));
}

/* Another instance, with another TUN, has its own mark: both are undone in turn. */
static void test_two_instances(void **state)
{
	struct host_dns_args other = args;
	struct host_dns second = {0};
	char other_dir[128], words[300];

	(void)state;
	up();
	strcpy(other_dir, temp_path("other"));
	assert_int_equal(mkdir(other_dir, 0700), 0);
	other.tun = "ntm1";
	other.state_dir = other_dir;
	host_dns_recover(&other);
	assert_string_equal(temp_read("resolv.conf"), OURS);
	assert_int_equal(host_dns_up(&second, &other, &plan, words, sizeof(words)), 0);
	assert_int_equal(second.upstream.item[0].ip.b[0], 198);
	host_dns_down(&second);
	assert_string_equal(temp_read("resolv.conf"), OURS);
	host_dns_down(&dns);
	assert_string_equal(temp_read("resolv.conf"), FORMER);
}

/* The state directory belongs to the unprivileged half; what it leaves there is not put back. */
static void test_forged_backup(void **state)
{
	(void)state;
	up();
	chmod(temp_path(BACKUP), 0666);
	host_dns_recover(&args);
	assert_string_equal(temp_read("resolv.conf"), OURS);
	assert_int_equal(unlink(temp_path(BACKUP)), 0);
	temp_write("evil", "nameserver 203.0.113.66\n");
	assert_int_equal(symlink("evil", temp_path(BACKUP)), 0);
	host_dns_recover(&args);
	assert_string_equal(temp_read("resolv.conf"), OURS);
}

static void test_off(void **state)
{
	(void)state;
	args.manage = HOST_DNS_OFF;
	up();
	assert_string_equal(temp_read("resolv.conf"), FORMER);
	assert_int_equal(dns.upstream.count, 0);
	temp_write("resolv.conf", OURS);
	host_dns_recover(&args);
	host_dns_down(&dns);
	assert_string_equal(temp_read("resolv.conf"), OURS);
}

static void test_auto(void **state)
{
	(void)state;
	args.manage = HOST_DNS_AUTO;
	assert_int_equal(host_dns_choose(&args), HOST_DNS_RESOLVCONF);
	up();
	assert_int_equal(dns.mode, HOST_DNS_RESOLVCONF);
	host_dns_down(&dns);
	unlink(conf_path);
	assert_int_equal(host_dns_choose(&args), HOST_DNS_RESOLVCONF);
}

static void test_ipv6_only(void **state)
{
	(void)state;
	plan.vip4 = plan.resolver4 = (struct ntm_ip){0};
	assert_int_equal(ntm_ip_parse(&plan.vip6, "fd00::1"), 0);
	assert_int_equal(ntm_ip_parse(&plan.resolver6, "fd00::ffff"), 0);
	up();
	assert_non_null(strstr(temp_read("resolv.conf"), "nameserver fd00::ffff\n"));
	host_dns_down(&dns);
	/* A domain without a resolver address: nothing to lead to. */
	plan.resolver6 = (struct ntm_ip){0};
	up();
	assert_string_equal(temp_read("resolv.conf"), FORMER);
	assert_int_equal(dns.mode, HOST_DNS_OFF);
}

static void test_resolved(void **state)
{
	static const char stub[] = "nameserver 127.0.0.53\noptions edns0 trust-ad\n";

	(void)state;
	plan.suffixes.count = 2;
	strcpy(plan.suffixes.item[0], "ntm.example");
	strcpy(plan.suffixes.item[1], "b.example");
	plan.prefixes.count = 4;
	assert_int_equal(ntm_prefix_parse(&plan.prefixes.item[0], "198.18.0.0/16"), 0);
	assert_int_equal(ntm_prefix_parse(&plan.prefixes.item[1], "10.9.16.0/20"), 0);
	assert_int_equal(ntm_prefix_parse(&plan.prefixes.item[2], "fd00:1:2::/48"), 0);
	assert_int_equal(ntm_prefix_parse(&plan.prefixes.item[3], "fd00:1:2::/62"), 0);
	temp_write("resolv.conf", stub);
	args.manage = HOST_DNS_AUTO;
	up();
	assert_int_equal(dns.mode, HOST_DNS_RESOLVED);
	assert_told("status --no-pager\n"
		    "dns ntm0 198.18.255.254\n"
		    "domain ntm0 ~ntm.example ~b.example ~18.198.in-addr.arpa "
		    "~9.10.in-addr.arpa ~2.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa "
		    "~0.0.0.2.0.0.0.1.0.0.0.0.0.d.f.ip6.arpa\n"
		    "dnssec ntm0 no\n"
		    "default-route ntm0 no\n");
	host_dns_down(&dns);
	assert_told("revert ntm0\n");
	assert_string_equal(temp_read("resolv.conf"), stub);
	host_dns_down(&dns);
	assert_told("");
}

/* Every partner domain's names and addresses are led to our resolver. */
static void test_resolved_many(void **state)
{
	struct node_lease lease = partner_lease();
	struct partners partners = {0};

	(void)state;
	for (unsigned i = 0; i < PARTNERS_MAX; i++)
		partner_put(&partners, &lease, partner_many(i));
	lease.resolver4 = plan.resolver4;
	host_plan_fill(&plan, &lease, &partners);
	args.manage = HOST_DNS_RESOLVED;
	up();
	const char *log = resolvectl.log;
	assert_non_null(strstr(log, "domain ntm0 ~ntm.example ~p000.example ~p001.example "));
	assert_non_null(strstr(log, " ~p127.example ~18.198.in-addr.arpa "));
	assert_non_null(strstr(log, " ~127.10.in-addr.arpa ~f.7.0.0.1.0.d.f.ip6.arpa\n"));
}

static void test_resolved_is_not_running(void **state)
{
	char words[300];

	(void)state;
	temp_write("resolv.conf", "nameserver 127.0.0.53\n");
	args.manage = HOST_DNS_AUTO;
	resolvectl.fails = "status";
	assert_int_equal(host_dns_choose(&args), HOST_DNS_RESOLVCONF);
	resolvectl.fails = "";
	assert_int_equal(host_dns_choose(&args), HOST_DNS_RESOLVCONF);
	args.manage = HOST_DNS_RESOLVED;
	assert_int_equal(host_dns_up(&dns, &args, &plan, words, sizeof(words)), -ENOENT);
	assert_non_null(strstr(words, "resolvectl dns"));
	assert_false(dns.is_up);
}

/* Half of it would lead all names to us: our resolver knows none of the others' servers then. */
static void test_resolved_takes_no_domains(void **state)
{
	char words[300];

	(void)state;
	args.manage = HOST_DNS_RESOLVED;
	resolvectl.fails = "domain";
	assert_int_equal(host_dns_up(&dns, &args, &plan, words, sizeof(words)), -EIO);
	assert_string_equal(words, "resolvectl domain: it does not like that");
	assert_told("dns ntm0 198.18.255.254\n"
		    "domain ntm0\n"
		    "revert ntm0\n");
	host_dns_down(&dns);
	assert_told("");
}

/* A plan that resolved does not take, after one that it took. */
static void test_resolved_takes_no_more(void **state)
{
	char words[300];

	(void)state;
	args.manage = HOST_DNS_RESOLVED;
	up();
	memset(&resolvectl, 0, sizeof(resolvectl));
	resolvectl.fails = "dns";
	assert_int_equal(host_dns_up(&dns, &args, &plan, words, sizeof(words)), -EIO);
	assert_told("dns ntm0 198.18.255.254\n"
		    "revert ntm0\n");
	assert_false(dns.is_up);
	/* It may work again with the next one. */
	resolvectl.fails = NULL;
	up();
	host_dns_down(&dns);
	assert_non_null(strstr(resolvectl.log, "revert ntm0\n"));
}

/* Another plan fails: what stands is ours still, and is put back at the end. */
static void test_second_fails(void **state)
{
	char words[300];

	(void)state;
	up();
	assert_int_equal(mkdir(temp_path(BACKUP ".new"), 0700), 0); /* in the way */
	assert_int_equal(host_dns_up(&dns, &args, &plan, words, sizeof(words)), -EEXIST);
	assert_int_equal(rmdir(temp_path(BACKUP ".new")), 0);
	assert_string_equal(temp_read("resolv.conf"), OURS);
	assert_true(dns.is_up);
	assert_int_equal(dns.upstream.count, 2);
	host_dns_down(&dns);
	assert_string_equal(temp_read("resolv.conf"), FORMER);
	assert_null(temp_read(BACKUP));
}

/* The domain gives its resolver up: no name leads there any more. */
static void test_resolver_goes(void **state)
{
	(void)state;
	up();
	plan.resolver4 = (struct ntm_ip){0};
	up();
	assert_string_equal(temp_read("resolv.conf"), FORMER);
	assert_int_equal(dns.mode, HOST_DNS_OFF);
	plan.resolver4 = ntm_ip_v4(198, 18, 255, 254);
	up();
	assert_string_equal(temp_read("resolv.conf"), OURS);
	host_dns_down(&dns);
	assert_string_equal(temp_read("resolv.conf"), FORMER);
}

/* Nothing is changed when the former file could not be kept. */
static void test_no_backup(void **state)
{
	char words[300];

	(void)state;
	args.state_dir = "/nonexistent";
	assert_int_equal(host_dns_up(&dns, &args, &plan, words, sizeof(words)), -ENOENT);
	assert_non_null(strstr(words, "resolv.conf"));
	assert_string_equal(temp_read("resolv.conf"), FORMER);
	assert_false(dns.is_up);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, temp_dir_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_up_and_down),
		CASE(test_up_twice),
		CASE(test_crash),
		CASE(test_no_former_file),
		CASE(test_rewritten),
		CASE(test_touched),
		CASE(test_two_instances),
		CASE(test_not_ours_at_the_end),
		CASE(test_forged_backup),
		CASE(test_off),
		CASE(test_auto),
		CASE(test_ipv6_only),
		CASE(test_second_fails),
		CASE(test_resolver_goes),
		CASE(test_no_backup),
		CASE(test_resolved),
		CASE(test_resolved_many),
		CASE(test_resolved_is_not_running),
		CASE(test_resolved_takes_no_domains),
		CASE(test_resolved_takes_no_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
