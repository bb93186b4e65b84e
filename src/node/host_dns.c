/* SPDX-License-Identifier: BSD-2-Clause */
/* How the host's programs find the node's resolver, and how they find their former ones again. */
#include "host_dns.h"

#include "resolv_conf.h"

#include "ntm/daemon.h"
#include "ntm/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RESOLVECTL_TIMEOUT_MS 5000
#define MARK_STR              96
#define PATH_STR              256
/* systemd-resolved's stub, and the list of the servers that it asks itself. */
#define STUB      ((struct ntm_ip){.family = 4, .b = {127, 0, 0, 53}})
#define STUB_LIST "/run/systemd/resolve/resolv.conf"

const char *host_dns_mode_name(int mode)
{
	static const char *const names[] = {"auto", "resolvconf", "resolved", "off"};

	return names[mode];
}

static const struct ntm_ip *resolver_of(const struct host_plan *plan)
{
	return plan->vip4.family != 0 && plan->resolver4.family != 0 ? &plan->resolver4
								     : &plan->resolver6;
}

/* ---- systemd-resolved ---- */

static int resolvectl(const char *const *argv, char *words, size_t words_len)
{
	const struct ntm_spawn_args args = {.argv = argv, .timeout_ms = RESOLVECTL_TIMEOUT_MS};
	char err[NTM_SPAWN_ERR];
	int status = 0;
	int result = ntm_spawn(&args, &status, err);

	if (result == 0 && status == 0)
		return 0;
	snprintf(words, words_len, "resolvectl %s: %.300s", argv[1],
		 result != 0 ? strerror(-result) : err);
	return result != 0 ? result : -EIO;
}

/* The closest zone that ends at a label: /20 gives the /16's. Our resolver passes on what is not
 * virtual. */
static void reverse_zone(const struct ntm_prefix *prefix, char *out, size_t cap)
{
	char arpa[NTM_IP_ARPA_STR];
	unsigned bits = prefix->ip.family == 4 ? 8 : 4, all = prefix->ip.family == 4 ? 32 : 128;
	const char *zone = ntm_ip_arpa(&prefix->ip, arpa);

	for (unsigned skip = (all - prefix->len + bits - 1) / bits; skip > 0; skip--)
		zone = strchr(zone, '.') + 1;
	snprintf(out, cap, "~%s", zone);
}

struct zone {
	char text[NTM_NAME_MAX + 2];
};

static size_t zones_of(const struct host_plan *plan, struct zone *zones)
{
	size_t n = 0;

	for (size_t i = 0; i < plan->suffixes.count; i++)
		snprintf(zones[n++].text, sizeof(zones->text), "~%s", plan->suffixes.item[i]);
	for (size_t i = 0; i < plan->prefixes.count; i++)
		reverse_zone(&plan->prefixes.item[i], zones[n++].text, sizeof(zones->text));
	return n;
}

static int resolved_domains(const struct host_dns_args *args, const struct host_plan *plan,
			    char *words, size_t words_len)
{
	const char *argv[3 + HOST_PLAN_SUFFIXES + HOST_PLAN_PREFIXES + 1] = {"resolvectl", "domain",
									     args->tun};
	struct zone *zones = calloc(HOST_PLAN_SUFFIXES + HOST_PLAN_PREFIXES, sizeof(*zones));

	if (zones == NULL) {
		snprintf(words, words_len, "out of memory");
		return -ENOMEM;
	}
	for (size_t n = zones_of(plan, zones); n > 0; n--)
		argv[3 + n - 1] = zones[n - 1].text;
	int err = resolvectl(argv, words, words_len);
	free(zones);
	return err;
}

/* The servers that resolved asks, for what reaches our resolver all the same. */
static void resolved_upstream(struct host_dns *dns)
{
	struct resolv_conf conf;
	char *text;

	dns->upstream.count = 0;
	if (resolv_conf_read(STUB_LIST, &text) != 0)
		return;
	resolv_conf_parse(&conf, text);
	dns->upstream = conf.servers;
	free(text);
}

static void resolved_down(const struct host_dns_args *args)
{
	const char *argv[] = {"resolvectl", "revert", args->tun, NULL};
	char ignored[NTM_SPAWN_ERR];

	/* With the device gone, resolved has forgotten it already. */
	(void)resolvectl(argv, ignored, sizeof(ignored));
}

static int resolved_up(struct host_dns *dns, const struct host_plan *plan, char *words,
		       size_t words_len)
{
	char ip[NTM_IP_STR], ignored[NTM_SPAWN_ERR];
	const char *tun = dns->args.tun;
	const char *server[] = {"resolvectl", "dns", tun, ntm_ip_str(resolver_of(plan), ip), NULL};
	const char *plain[] = {"resolvectl", "dnssec", tun, "no", NULL};
	const char *no_default[] = {"resolvectl", "default-route", tun, "no", NULL};
	int err = resolvectl(server, words, words_len);

	if (err == 0)
		err = resolved_domains(&dns->args, plan, words, words_len);
	if (err != 0) { /* a server without its domains would be asked for all names */
		resolved_down(&dns->args);
		return err;
	}
	(void)resolvectl(plain, ignored, sizeof(ignored));
	(void)resolvectl(no_default, ignored, sizeof(ignored));
	resolved_upstream(dns);
	return 0;
}

/* ---- resolv.conf ---- */

static void mark_of(const struct host_dns_args *args, char mark[static MARK_STR])
{
	snprintf(mark, MARK_STR, "ntm-node %s: put back when it stops", args->tun);
}

static void backup_path(const struct host_dns_args *args, char path[static PATH_STR])
{
	snprintf(path, PATH_STR, "%s/resolv.conf.before", args->state_dir);
}

/* The state directory belongs to the unprivileged half: what root puts back has to be root's. */
static int backup_read(const struct host_dns_args *args, char **text)
{
	char path[PATH_STR];
	struct stat st;

	backup_path(args, path);
	if (lstat(path, &st) != 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) != 0)
		return -EPERM;
	return resolv_conf_read(path, text);
}

static void backup_remove(const struct host_dns_args *args)
{
	char path[PATH_STR];

	backup_path(args, path);
	(void)unlink(path);
}

static int backup_write(const struct host_dns_args *args, const char *text)
{
	char path[PATH_STR], temp[PATH_STR + 8];

	backup_path(args, path);
	snprintf(temp, sizeof(temp), "%s.new", path);
	(void)unlink(temp);
	int fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	size_t len = strlen(text);
	int err = write(fd, text, len) == (ssize_t)len && fsync(fd) == 0 ? 0 : -EIO;
	close(fd);
	if (err == 0 && rename(temp, path) != 0)
		err = -errno;
	if (err != 0)
		(void)unlink(temp);
	return err;
}

static struct host_dns_file look(const char *path)
{
	struct host_dns_file file;
	struct stat st = {0};

	(void)stat(path, &st);
	memset(&file, 0, sizeof(file));
	file.dev = st.st_dev;
	file.ino = st.st_ino;
	file.mtime = st.st_mtim;
	return file;
}

static bool is_same(const struct host_dns_file *a, const struct host_dns_file *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

/* text is the former file, NULL when there was none. */
static int take_over(struct host_dns *dns, const char *text, const struct host_plan *plan)
{
	char mark[MARK_STR], ours[RESOLV_CONF_MAX];
	struct resolv_conf conf;

	mark_of(&dns->args, mark);
	resolv_conf_parse(&conf, text != NULL ? text : "");
	if (resolv_conf_print(&conf, resolver_of(plan), mark, ours, sizeof(ours)) == 0)
		return -EFBIG;
	/* Durable before the file changes: a crash in between leaves the former one. An empty one
	 * stands for "there was none", which resolvers take for the same. */
	int err = backup_write(&dns->args, text != NULL ? text : "");
	if (err == 0)
		err = resolv_conf_write(dns->args.resolv_conf, ours);
	if (err != 0)
		return err;
	dns->upstream = conf.servers;
	dns->ours = dns->seen = look(dns->args.resolv_conf);
	return 0;
}

/* The former file: the backup when the file is ours already. 0 with NULL: there is none. */
static int former(const struct host_dns_args *args, char **text)
{
	char mark[MARK_STR];

	*text = NULL;
	mark_of(args, mark);
	int err = resolv_conf_read(args->resolv_conf, text);
	if (err == 0 && resolv_conf_has_mark(*text, mark)) {
		free(*text);
		*text = NULL;
		err = backup_read(args, text);
	}
	return err == -ENOENT ? 0 : err;
}

static int file_up(struct host_dns *dns, const struct host_plan *plan, char *words,
		   size_t words_len)
{
	char *text;
	int err = former(&dns->args, &text);

	if (err == 0)
		err = take_over(dns, text, plan);
	if (err != 0)
		snprintf(words, words_len, "%s: cannot be taken over: %s", dns->args.resolv_conf,
			 strerror(-err));
	free(text);
	return err;
}

static void restore(const struct host_dns_args *args)
{
	char mark[MARK_STR], *now = NULL, *before = NULL;
	int err = resolv_conf_read(args->resolv_conf, &now);

	mark_of(args, mark);
	/* Not ours any more: somebody has set it since. */
	if (err == 0 && resolv_conf_has_mark(now, mark)) {
		err = backup_read(args, &before);
		if (err == 0 && before[0] != '\0')
			err = resolv_conf_write(args->resolv_conf, before);
		else if (err == 0 && unlink(args->resolv_conf) != 0)
			err = resolv_conf_write(args->resolv_conf, "");
		if (err != 0)
			ntm_err("%s: cannot put the former one back: %s", args->resolv_conf,
				strerror(-err));
	}
	if (err == 0)
		backup_remove(args);
	free(now);
	free(before);
}

/* ---- both ---- */

int host_dns_choose(const struct host_dns_args *args)
{
	static const char *const status[] = {"resolvectl", "status", "--no-pager", NULL};
	char words[NTM_SPAWN_ERR], *text;
	struct resolv_conf conf;

	if (resolv_conf_read(args->resolv_conf, &text) != 0)
		return HOST_DNS_RESOLVCONF;
	resolv_conf_parse(&conf, text);
	free(text);
	if (conf.servers.count > 0 && ntm_ip_eq(&conf.servers.item[0].ip, &STUB) &&
	    resolvectl(status, words, sizeof(words)) == 0)
		return HOST_DNS_RESOLVED;
	return HOST_DNS_RESOLVCONF;
}

void host_dns_recover(const struct host_dns_args *args)
{
	if (args->manage != HOST_DNS_OFF)
		restore(args);
}

int host_dns_up(struct host_dns *dns, const struct host_dns_args *args,
		const struct host_plan *plan, char *words, size_t words_len)
{
	int err = 0;

	dns->args = *args;
	if (resolver_of(plan)->family == 0) {
		host_dns_down(dns);
		dns->mode = HOST_DNS_OFF;
		return 0;
	}
	if (!dns->is_up)
		dns->mode = args->manage == HOST_DNS_AUTO ? host_dns_choose(args) : args->manage;
	if (dns->mode == HOST_DNS_RESOLVCONF)
		err = file_up(dns, plan, words, words_len);
	else if (dns->mode == HOST_DNS_RESOLVED)
		err = resolved_up(dns, plan, words, words_len);
	/* A file that is ours already stays so, and is put back at the end. */
	dns->is_up = err == 0 || (dns->is_up && dns->mode == HOST_DNS_RESOLVCONF);
	return err;
}

bool host_dns_refresh(struct host_dns *dns, const struct host_plan *plan)
{
	struct ntm_addrs before = dns->upstream;
	char words[300];

	if (!dns->is_up || dns->mode == HOST_DNS_OFF)
		return false;
	if (dns->mode == HOST_DNS_RESOLVED) {
		resolved_upstream(dns);
		return memcmp(&before, &dns->upstream, sizeof(before)) != 0;
	}
	struct host_dns_file now = look(dns->args.resolv_conf);
	bool is_settled = is_same(&now, &dns->seen);
	dns->seen = now;
	if (is_same(&now, &dns->ours) || !is_settled)
		return false;
	if (file_up(dns, plan, words, sizeof(words)) != 0) {
		ntm_warn("%s", words);
		dns->ours = now; /* tried again at its next change */
	}
	return memcmp(&before, &dns->upstream, sizeof(before)) != 0;
}

void host_dns_down(struct host_dns *dns)
{
	if (dns->is_up && dns->mode == HOST_DNS_RESOLVED)
		resolved_down(&dns->args);
	else if (dns->is_up && dns->mode == HOST_DNS_RESOLVCONF)
		restore(&dns->args);
	dns->is_up = false;
}
